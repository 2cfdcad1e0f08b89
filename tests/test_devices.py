"""Several devices: equal bits for any number of them, and who decides how many there are."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from approxlab import records
from approxlab.fitting.training import devices
from experiments.runner.cores import usable_cores

ROOT = Path(__file__).parents[1]

# Three seeds fill neither two nor four devices; some diverge, some stop early, and some points are
# drawn.
FITS = """
import hashlib, json, os, jax, numpy as np, optax
import jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_default_matmul_precision", "highest")
import approxlab as al
from approxlab.fitting.training.programs import compilations

def grow(updates, state, params=None):
    return jax.tree.map(lambda p: 0.9 * p * jnp.abs(p) * 3, params), state

target = al.Target(lambda x: jnp.sin(3 * x[0] + 1), domain=al.Box([-1.0], [1.0]))
found = {}
for name, options in {
    "adam": {"points": 300},
    "lbfgs": {"method": "lbfgs", "stride": 5, "tol": 1e-3},
    "batch": {"batch": 16},
    "optax": {"method": optax.GradientTransformation(lambda p: (), grow), "steps": 200},
}.items():
    if os.environ.get("ONLY", name) != name:
        continue
    r = al.fit(target, hidden=(8,), **{"points": 65, "steps": 60, "seeds": 3, **options})
    before = compilations()
    one = al.fit(target, hidden=(8,), **{"points": 65, "steps": 60, **options})
    assert compilations() == before, "another number of seeds is no other program"
    for a, b in zip(jax.tree.leaves(r.networks), jax.tree.leaves(one.networks)):
        assert np.array_equal(a[0], b[0]), "the first seed depends on the others"
    leaves = [*jax.tree.leaves(r.networks), r.losses, r.steps, r.history.losses]
    assert len(r.losses) == len(r.statuses) == 3 == len(jax.tree.leaves(r.networks)[0])
    digest = hashlib.sha256(b"".join(np.asarray(a).tobytes() for a in leaves)).hexdigest()
    found[name] = [digest, *map(str, r.statuses)]
print(json.dumps([jax.local_device_count(), found]))
"""


def alone(*command, **environment):
    kept = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "JAX_NUM_CPU_DEVICES")}
    done = subprocess.run(
        [sys.executable, *command],
        cwd=ROOT,
        env={**kept, "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_fits_do_not_depend_on_the_number_of_devices():
    single = json.loads(alone("-c", FITS, JAX_NUM_CPU_DEVICES="1"))
    assert single[0] == 1
    assert "diverged" in str(single[1]["optax"])
    flags = "--xla_cpu_multi_thread_eigen=false"
    for count, more in (("2", {}), ("4", {}), ("1", {"XLA_FLAGS": flags})):
        several = json.loads(alone("-c", FITS, JAX_NUM_CPU_DEVICES=count, **more))
        assert several == [int(count), single[1]]
    other = FITS.replace("0.9 *", "0.8 *")
    changed = json.loads(alone("-c", other, ONLY="optax", JAX_NUM_CPU_DEVICES="2"))
    assert changed[1]["optax"] != single[1]["optax"]  # the digest sees a change


@pytest.mark.slow
def test_rows_of_an_experiment_do_not_depend_on_the_number_of_devices(tmp_path):
    few = ("--levels", "1", "--budgets", "20", "--map-widths", "6")
    rows = []
    for count in ("1", "2", "4"):
        folder = tmp_path / count
        flags = ("--preset", "smoke", "--out", str(folder), *few)
        text = alone("-m", "experiments.width_vs_depth", *flags, JAX_NUM_CPU_DEVICES=count)
        assert f"{count} cpu" in text
        rows.append(records.read_rows(folder / "rows.jsonl")[0])
    assert records.same_numbers(rows[0], rows[1])
    assert records.same_numbers(rows[0], rows[2])


def test_one_device_is_the_plain_path():
    where = devices.devices_for(5)
    assert where.devices == (jax.devices()[0],)
    assert (where.each, where.together, where.compiler_options) == (1, 1, None)
    tree = {"a": np.ones(3)}
    assert where.distributed(tree) is tree
    assert where.copied(tree) is tree


COUNT = """
import jax, os
from experiments.runner import machine
with machine.machine("cpu", True) as found:
    print(found["count"], jax.local_device_count(), os.environ.get("XLA_FLAGS"))
"""


def test_the_runner_takes_one_device_per_core():
    cores = usable_cores()
    assert 1 <= cores <= os.cpu_count()
    assert alone("-c", COUNT).split() == [str(cores), str(cores), "None"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"JAX_NUM_CPU_DEVICES": "3"}, ["3", "3", "None"]),
        (
            {"XLA_FLAGS": "--xla_force_host_platform_device_count=3"},
            ["3", "3", "--xla_force_host_platform_device_count=3"],
        ),
    ],
)
def test_what_the_caller_chose_stays(environment, expected):
    assert alone("-c", COUNT, **environment).split() == expected


DEFAULT = """
import jax
from approxlab.fitting.training.devices import devices_for
print(len(devices_for(3).devices))
with jax.default_device(jax.devices()[1]):
    print(devices_for(3).devices == (jax.devices()[1],))
"""


def test_a_chosen_default_device_is_the_only_one():
    assert alone("-c", DEFAULT, JAX_NUM_CPU_DEVICES="2").split() == ["2", "True"]
