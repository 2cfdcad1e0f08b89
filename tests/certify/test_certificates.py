"""Certificates survive saving, are proved again without JAX, and are refused when changed."""

import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify import _storage
from approxlab.certify.certificates import Certificate, verify
from approxlab.certify.sup_norms import sup_norm

ROOT = Path(__file__).parent.parent.parent
STORED = Path(__file__).parent / "stored_certificate.json"


def target(x):
    return jnp.sin(3.0 * x[0]) * x[1] + jnp.where(x[0] > 0.25, 0.1, 0.0) * (x[0] - 0.25)


@pytest.fixture(scope="module")
def certificate():
    rng = np.random.default_rng(0)
    layers = rng.normal(size=(12, 2)), rng.normal(size=(1, 12))
    network = al.MLP.from_arrays(layers, [rng.normal(size=12), [0.1]], "tanh")
    return sup_norm(network, target, al.Box([-0.5, 0.0], [1.0, 0.3]), rtol=1e-4)


@pytest.fixture(scope="module")
def written(certificate, tmp_path_factory):
    path = tmp_path_factory.mktemp("certificates") / "one.json"
    certificate.save(path)
    return path


def test_saved_and_read_again(certificate, written):
    read = Certificate.load(written)
    for name in ("lower", "upper", "status", "witness", "boxes", "cuts", "model", "target"):
        assert getattr(read, name) == getattr(certificate, name), name
    assert np.array_equal(read.tree, certificate.tree)
    assert read.statement() == certificate.statement()
    assert verify(written).upper == certificate.upper
    found = read.verify()
    assert found.leaves == int(np.sum(read.tree == 0)) == (read.boxes + 1) // 2
    assert found.largest <= read.upper


def run(*arguments, flags=""):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "XLA_FLAGS": flags}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, check=False
    )


def test_a_fresh_process_proves_it_without_jax(certificate, written):
    code = (
        "import sys\n"
        "from approxlab.certify.__main__ import main\n"
        f"status = main(['verify', {str(written)!r}])\n"
        "assert not {'jax', 'jaxlib', 'scipy'} & set(sys.modules), 'JAX was loaded'\n"
        "sys.exit(status)\n"
    )
    done = run("-c", code)
    assert done.returncode == 0, done.stderr
    assert repr(certificate.upper) in done.stdout
    assert "sin(" in done.stdout
    assert "verified" in done.stdout


def test_the_command(written, tmp_path):
    assert run("-m", "approxlab.certify", "verify", str(written)).returncode == 0
    spoiled = tmp_path / "spoiled.json"
    spoiled.write_text(written.read_text().replace("0x1", "0x1.0", 1))
    done = run("-m", "approxlab.certify", "verify", str(written), str(spoiled))
    assert done.returncode == 1
    assert "REJECTED" in done.stdout
    assert run("-m", "approxlab.certify", "verify", str(tmp_path / "none")).returncode == 1
    assert run("-m", "approxlab.certify", "prove").returncode == 2


def rejected(path, text):
    path.write_text(text)
    try:
        verify(path)
    except ValueError:
        return True
    return False


def flips(text, count, rng):
    """Copies of a file with one changed bit each."""
    for _ in range(count):
        data = bytearray(text.encode())
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(7))
        yield data.decode("ascii", errors="replace")


@pytest.mark.parametrize("count", [40, pytest.param(500, marks=pytest.mark.slow)])
def test_one_changed_bit_is_refused(written, tmp_path, count):
    text = written.read_text()
    rng = np.random.default_rng(count)
    copies = [t for t in flips(text, count, rng) if t != text]
    assert len(copies) == count
    assert all(rejected(tmp_path / "changed.json", t) for t in copies)


def resealed(data, change):
    """The certificate with a change and a right hash: only the proof itself can refuse it."""
    changed = copy.deepcopy(data)
    change(changed)
    return _storage.sealed(changed) + "\n"


def code_of(data):
    return _storage.read_tree(data["tree"]).copy()


def set_code(data, code):
    data["tree"] = _storage.tree_data(code)


def a_leaf_less(data, rng):
    code = code_of(data)
    set_code(data, np.delete(code, rng.choice(np.flatnonzero(code == 0))))


def a_leaf_more(data, rng):
    code = code_of(data)
    set_code(data, np.insert(code, rng.integers(len(code)), 0))


def a_split_less(data, rng):
    """A box is left whole whose halves were needed; its parts go with it."""
    code = code_of(data)
    code[rng.choice(np.flatnonzero(code))] = 0
    set_code(data, code)


def other_axis(data, rng):
    code = code_of(data)
    code[rng.choice(np.flatnonzero(code))] = 3
    set_code(data, code)


def all_in_one(data, rng):
    set_code(data, np.zeros(1, np.uint8))


def wider_box(data, rng):
    ends = data["cuts"][0].split()
    data["cuts"][0] = " ".join([ends[0], (float.fromhex(ends[1]) + rng.uniform(2, 3)).hex()])


def lower_upper(data, rng):
    upper = float.fromhex(data["upper"])
    data["upper"] = (upper * (1 - 10.0 ** rng.uniform(-7, -3.9))).hex()
    data["status"] = "budget"


def higher_lower(data, rng):
    data["lower"] = (float.fromhex(data["lower"]) * (1 + 10.0 ** rng.uniform(-9, -5))).hex()


def swapped(data, rng):
    data["lower"], data["upper"] = data["upper"], data["lower"]


def not_a_number(data, rng):
    data[str(rng.choice(["lower", "upper", "witness", "rtol"]))] = "nan"


def infinite(data, rng):
    data[str(rng.choice(["lower", "witness"]))] = "inf"


def version(data, rng):
    data["version"] += int(rng.integers(1, 5))


def other_format(data, rng):
    data["format"] = "another"


def weight(data, rng):
    """A leading digit of a weight."""
    node = next(n for n in data["expression"]["nodes"] if n["op"] == "linear" and n["size"] == 1)
    numbers = node["numbers"][0].split()
    i = int(rng.integers(len(numbers)))
    numbers[i] = (float.fromhex(numbers[i]) + float(rng.choice([-1, 1]))).hex()
    node["numbers"][0] = " ".join(numbers)


def other_target(data, rng):
    node = next(n for n in data["expression"]["nodes"] if n["op"] == "sin")
    node["op"] = "cos"


def other_argument(data, rng):
    nodes = data["expression"]["nodes"]
    place = int(rng.choice([i for i, n in enumerate(nodes) if n["args"]]))
    nodes[place]["args"][0] = place + int(rng.integers(0, 3))


def unknown_operation(data, rng):
    nodes = data["expression"]["nodes"]
    nodes[int(rng.integers(len(nodes)))]["op"] = "guess"


def witness_outside(data, rng):
    data["witness"] = " ".join([(5.0).hex(), (0.1).hex()])


def not_guaranteed(data, rng):
    data["guaranteed"] = False


CHANGES = [
    a_leaf_less,
    a_leaf_more,
    a_split_less,
    other_axis,
    all_in_one,
    wider_box,
    lower_upper,
    higher_lower,
    swapped,
    not_a_number,
    infinite,
    version,
    other_format,
    weight,
    other_target,
    other_argument,
    unknown_operation,
    witness_outside,
    not_guaranteed,
]


FEW = [(change, 1) for change in CHANGES]
MANY = [(change, 27) for change in CHANGES]


@pytest.mark.parametrize("case", mostly_slow([*FEW, *MANY], FEW[::2]))
def test_a_changed_certificate_with_a_right_hash_is_refused(written, tmp_path, case):
    change, times = case
    data = json.loads(written.read_text())
    del data["sha256"]
    rng = np.random.default_rng(times)
    if times > 1:
        assert not rejected(tmp_path / "same.json", resealed(data, lambda d: None))
    for _ in range(times):
        text = resealed(data, lambda d: change(d, rng))
        assert rejected(tmp_path / "changed.json", text), change.__name__


def test_an_upper_end_one_step_below_the_largest_leaf_is_refused(certificate, written, tmp_path):
    data = json.loads(written.read_text())
    del data["sha256"]
    largest = certificate.verify().largest

    def at(value):
        return lambda d: d.update(upper=value.hex(), status="budget")

    assert not rejected(tmp_path / "a.json", resealed(data, at(float(largest))))
    below = float(np.nextafter(largest, 0.0))
    assert rejected(tmp_path / "b.json", resealed(data, at(below)))


def test_another_instruction_set_proves_it_too(written):
    done = run("-m", "approxlab.certify", "verify", str(written), flags="--xla_cpu_max_isa=AVX")
    assert done.returncode == 0
    before = dict(os.environ)
    try:
        os.environ["NPY_DISABLE_CPU_FEATURES"] = "AVX2 FMA3 AVX512F AVX512_SKX"
        os.environ["OPENBLAS_CORETYPE"] = "Nehalem"
        assert run("-m", "approxlab.certify", "verify", str(written)).returncode == 0
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_a_certificate_of_another_version_is_proved_again():
    """Written by JAX 0.12.0 and NumPy 2.5; what is certified here and now agrees with it."""
    stored = Certificate.load(STORED)
    assert stored.verify().largest <= stored.upper
    rng = np.random.default_rng(0)
    layers = rng.normal(size=(6, 2)), rng.normal(size=(1, 6))
    network = al.MLP.from_arrays(layers, [rng.normal(size=6), [0.0]], "tanh")
    wave = lambda x: jnp.sin(3 * x[0]) * jnp.exp(x[1])  # noqa: E731
    found = sup_norm(network, wave, al.Box([-1.0, -1.0], [1.0, 1.0]), rtol=1e-2)
    assert max(found.lower, stored.lower) <= min(found.upper, stored.upper)
    assert abs(found.lower - stored.lower) <= 1e-12


def test_claims_of_the_library(certificate):
    assert float(certificate.bound()) == certificate.upper
    assert float(certificate.estimate()) == certificate.lower
    assert certificate.estimate().at == certificate.witness
    row = certificate.to_rows()[0]
    assert row["certified_upper"] == certificate.upper
    assert row["guaranteed"]
    assert "not guaranteed" in repr(
        Certificate(**{**vars_of(certificate), "guaranteed": False, "assumptions": ("x",)})
    )
    with pytest.raises(ValueError, match="no proof"):
        Certificate(**{**vars_of(certificate), "guaranteed": False}).bound()


def vars_of(certificate):
    return {name: getattr(certificate, name) for name in certificate.__dataclass_fields__}


def test_a_machine_that_fails_the_self_test_guarantees_nothing(monkeypatch, written):
    import approxlab.certify._verification as verification
    import approxlab.certify.sup_norms as sup_norms

    monkeypatch.setattr(sup_norms, "self_test", lambda: ["sums are rounded down"])
    found = sup_norm(lambda x: x[0], lambda x: x[0] ** 2, al.Box.unit())
    assert not found.guaranteed
    assert any("rounded down" in a for a in found.assumptions)
    monkeypatch.setattr(verification, "self_test", lambda: ["sums are rounded down"])
    with pytest.raises(ValueError, match="cannot be checked on this machine"):
        verify(written)
