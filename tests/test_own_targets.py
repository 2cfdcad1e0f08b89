"""A target of the user's own in place of a name of the catalogue."""

import contextlib
import dataclasses
import hashlib
import importlib
import io
import subprocess
import sys

import pytest
from result_folder import ROOT

from approxlab import records
from experiments import runner
from experiments.runner import own_targets

MINE = """
import jax.numpy as jnp

import approxlab as al


def curve(x):
    return 0.5 * jnp.tanh(3.0 * x[0])


bell = al.Target(curve, domain=al.Box([-1.0], [1.0]), lipschitz=1.5, value_min=-0.5, value_max=0.5)


def plane(slope=2.0):
    return al.Target(lambda x: slope * x[0] + x[1], domain=al.Box([0.0, 0.0], [1.0, 1.0]),
                     lipschitz=3.0, value_min=0.0, value_max=3.0)


def scaled(factor):
    return factor


def broken():
    raise RuntimeError("no such sea")


smooth = al.Target(curve, domain=al.Box([-1.0], [1.0]), smoothness="analytic")
bare = al.Target(curve, domain=al.Box([0.0], [1.0]))
number = 3.0
"""
FEW = ("--preset", "smoke", "--levels", "1", "--budgets", "20", "--depths", "1", "--seeds", "1",
       "--map-widths", "6")  # fmt: skip


@pytest.fixture(autouse=True)
def mine(tmp_path, monkeypatch):
    """The user's file in the current folder."""
    monkeypatch.chdir(tmp_path)
    for known in ("_sources", "_dims", "_loaded"):
        monkeypatch.setattr(own_targets, known, {})
    file = tmp_path / "mine.py"
    file.write_text(MINE, encoding="utf-8")
    return file


def experiment(name):
    return importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT


def run(*flags, name="width_vs_depth"):
    """Exit code and what was printed."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = runner.main(experiment(name), list(flags))
    return code, out.getvalue()


# Where it comes from


def test_a_unit_names_the_file_and_its_hash(mine):
    sha256 = hashlib.sha256(MINE.encode()).hexdigest()
    for text in ("mine.py:bell", "./mine.py:bell", f"{mine}:bell"):
        fields = own_targets.fields(text)
        assert fields == {"target": "mine.py:bell", "target_sha256": sha256}
        target = own_targets.find(fields)
        assert (target.name, target.dim, target.lipschitz) == ("mine.py:bell", 1, 1.5)
        assert float(target([0.1])) == pytest.approx(0.5 * 0.2913126124515909)


def test_a_unit_of_the_catalogue_is_as_it_was():
    assert own_targets.fields("runge") == {"target": "runge"}
    assert own_targets.find({"target": "runge"}) is None


def test_a_function_that_returns_a_target_will_do():
    assert own_targets.source("mine.py:plane").dim == 2


def test_ends_of_lines_do_not_count(mine):
    before = own_targets.source("mine.py:bell")
    mine.write_bytes(MINE.replace("\n", "\r\n").encode())
    assert own_targets.source("mine.py:bell") == before
    mine.write_text(MINE + "# a comment\n")
    assert own_targets.source("mine.py:bell") != before


def test_an_edited_file_is_loaded_again_at_once(mine):
    """Also within the second, and of the same length: what is hashed is what is run."""
    first = own_targets.find(own_targets.fields("mine.py:bell"))
    mine.write_text(MINE.replace("0.5 * jnp", "0.7 * jnp"), encoding="utf-8")
    second = own_targets.find(own_targets.fields("mine.py:bell"))
    assert float(second([0.1])) == pytest.approx(7 / 5 * float(first([0.1])))


def test_a_module_will_do_and_is_loaded_again_when_edited(mine, monkeypatch):
    monkeypatch.syspath_prepend(str(mine.parent))
    folder = mine.parent / "my_package"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "part.py").write_text("FACTOR = 2.0\n")
    module = folder / "curves.py"
    module.write_text(MINE + "\nfrom .part import FACTOR\n")
    fields = own_targets.fields("my_package.curves:bell")
    assert fields["target"] == "my_package.curves:bell"
    assert fields["target_sha256"] == hashlib.sha256(module.read_bytes()).hexdigest()
    first = own_targets.find(fields)
    module.write_text(module.read_text().replace("0.5 * jnp", "0.7 * jnp"))
    second = own_targets.find(own_targets.fields("my_package.curves:bell"))
    assert float(second([0.1])) == pytest.approx(7 / 5 * float(first([0.1])))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mine.py:bel", "expected a name in mine.py; it has no 'bel'. Perhaps 'bell' is meant."),
        ("absent.py:bell", "expected a file; there is no absent.py in the current folder"),
        ("sub/absent.py:bell", "there is no absent.py in sub"),
        ("no.such.module:bell", "expected a module that can be imported. For a file write"),
        ("mine.py:number", "mine.py:number is of type float, expected an al.Target"),
        ("mine.py:curve", "For example: curve = al.Target(fn, domain=al.Box([0.0], [1.0]))"),
        ("mine.py:scaled", "mine.py:scaled is of type function, expected an al.Target"),
        ("mine.py:broken", "calling mine.py:broken failed: RuntimeError: no such sea"),
        ("mine.py:", "expected a name of the catalogue or path/to/file.py:name or module:name"),
        ("torn.py:bell", "'torn.py:bell' cannot be loaded: SyntaxError"),
    ],
)
def test_what_is_no_target_ends_with_a_sentence(mine, text, message):
    (mine.parent / "torn.py").write_text("def bell(:\n")
    code, out = run(*FEW, "--targets", text, "--dry-run")
    assert code == 2
    assert "width_vs_depth: targets: " in out
    assert message in out
    assert "Traceback" not in out


def test_the_field_is_named_in_the_message():
    code, out = run(*FEW, "--map-target", "mine.py:bel", "--dry-run")
    assert (code, "map_target: got 'mine.py:bel'" in out) == (2, True)
    code, out = run(*FEW, "--map-target", "rung", "--dry-run")
    assert (code, "map_target: got 'rung', expected some of square" in out) == (2, True)


def test_two_files_of_one_name_are_refused(mine):
    (mine.parent / "other").mkdir()
    (mine.parent / "other" / "mine.py").write_text(MINE + "# another\n")
    code, out = run(*FEW, "--targets", "mine.py:bell", "--map-target", "other/mine.py:bell",
                    "--dry-run")  # fmt: skip
    assert code == 2
    assert "which have the same name in records" in out


@pytest.mark.parametrize(
    ("name", "flags", "message"),
    [
        ("steep_or_solved", ("--targets", "mine.py:bare"), "mine.py:bare without lipschitz"),
        ("cybenko_1d", ("--tight-targets", "mine.py:plane"), "dimension 2, expected dimension 1"),
        ("trained_or_solved", ("--targets", "mine.py:bare"), "expected a target on [-1, 1]"),
        ("cybenko_2d", ("--ridged", "mine.py:plane"), "expected targets of the catalogue"),
        ("deep_relu_training", ("--targets", "mine.py:bell"), "expected a target on [0, 1]"),
        ("gap_to_optimum", ("--targets", "mine.py:bare"), "with smoothness None, expected 'analyt"),
        ("gap_to_optimum", ("--targets", "rung"), "got 'rung', expected some of sin, gaussian"),
    ],
)
def test_what_an_experiment_cannot_use_it_refuses(name, flags, message):
    code, out = run("--preset", "smoke", *flags, "--dry-run", name=name)
    assert code == 2
    assert message in out


@pytest.mark.parametrize(
    ("name", "field", "text"),
    [
        ("width_vs_depth", "targets", "mine.py:plane"),
        ("cybenko_1d", "targets", "mine.py:bell"),
        ("cybenko_1d", "tight_targets", "mine.py:bell"),
        ("cybenko_2d", "targets", "mine.py:plane"),
        ("gap_to_optimum", "targets", "mine.py:smooth"),
        ("machine_precision", "targets", "mine.py:bell"),
        ("machine_precision", "planes", "mine.py:plane"),
        ("steep_or_solved", "targets", "mine.py:bell"),
        ("trained_or_solved", "targets", "mine.py:bell"),
    ],
)
def test_every_experiment_with_targets_takes_it(name, field, text):
    found = experiment(name)
    smoke = found.presets["smoke"]
    known = found.units(smoke)
    both = found.units(dataclasses.replace(smoke, **{field: (*getattr(smoke, field), text)}))
    added = [unit for unit in both if "target_sha256" in unit]
    assert added
    assert {unit["target"] for unit in added} == {text}
    others = [unit for unit in both if unit not in added]
    assert sorted(map(records.canonical, others)) == sorted(map(records.canonical, known))


# A run


def test_a_run_with_an_own_target(mine):
    flags = (*FEW, "--targets", "square", str(mine) + ":bell", "--out", "out")
    code, out = run(*flags)
    assert code == 0, out
    folder = mine.parent / "out"
    record = records.read_record(folder / "width_vs_depth.json")
    own = [row for row in record.rows if row.get("target") == "mine.py:bell"]
    sha256 = hashlib.sha256(MINE.encode()).hexdigest()
    assert {row["target_sha256"] for row in own} == {sha256}
    assert {row["best_kind"] for row in own} == {"unknown"}
    assert record.provenance["config"]["targets"] == ["square", "mine.py:bell"]
    assert record.provenance["own_targets"] == {"mine.py:bell": {"sha256": sha256, "dim": 1}}
    for path in folder.iterdir():
        assert str(mine.parent).encode() not in path.read_bytes(), path.name
    assert "0 to compute" in run(*flags)[1]
    assert "0 to compute" in run(*flags[:-3], "./mine.py:bell", *flags[-2:])[1]  # another spelling
    assert "0 to compute" in run("--config", "out/width_vs_depth.json", "--out", "out")[1]
    drawn_again_without_jax(folder)
    mine.write_text(MINE.replace("0.5 * jnp", "0.7 * jnp"), encoding="utf-8")
    assert ", 1 to compute" in run(*flags, "--dry-run")[1]
    code, out = run("--config", "out/config.json", "--out", "out", "--plot-only")
    assert code == 0, out
    assert "1 of 7 units are missing" in out


def drawn_again_without_jax(folder):
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    program = """
import sys
from experiments import runner
from experiments.width_vs_depth.experiment import EXPERIMENT
code = runner.main(EXPERIMENT, ["--config", "out/config.json", "--out", "out", "--plot-only"])
assert "jax" not in sys.modules
sys.exit(code)
"""
    (folder / "width_vs_depth.png").unlink()
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=folder.parent, env={"PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
