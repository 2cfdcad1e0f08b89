"""An experiment in a file of the user's own, outside of this repository: the documented example."""

import dataclasses
import json
import os
import subprocess
import sys
import textwrap

import pytest
from result_folder import ROOT

from approxlab import records
from experiments import runner

# Several runs in one process, as a user of a notebook makes them; exit codes and what was printed.
SEVERAL = """
import contextlib, io, json, sys
from experiments import runner
import my_experiment

for flags in json.loads(sys.argv[1]):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        code = runner.main(my_experiment.EXPERIMENT, flags)
    print(json.dumps([code, out.getvalue()]))
"""


def example():
    """The file in the docstring of the runner."""
    lines = runner.__doc__.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("    "))
    end = next(i for i, line in enumerate(lines) if "raise SystemExit" in line)
    return textwrap.dedent("\n".join(lines[start : end + 1])) + "\n"


def files(folder):
    paths = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {path for path in paths if "__pycache__" not in path and "compiled/" not in path}


def python(folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in [name for name in environment if name.startswith("SLURM_")]:
        del environment[name]
    return subprocess.run(
        [sys.executable, "-W", "error", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("users")
    (folder / "my_experiment.py").write_text(example(), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def runs(place):
    """Two shards, the whole once more, another preset, drawn again: exit codes and texts."""
    done = python(place, "my_experiment.py", "--shard", "0/2")
    assert done.returncode == 0, done.stderr
    first = (0, done.stdout, files(place))
    flags = [["--shard", "1/2"], [], ["--preset", "large"], ["--plot-only"]]
    done = python(place, "-c", SEVERAL, json.dumps(flags))
    assert done.returncode == 0, done.stderr
    return [first, *map(json.loads, done.stdout.splitlines())]


def test_shards_of_a_users_experiment_end_in_a_figure(place, runs):
    (_, first, early), (code, second, *_) = runs[:2]
    assert "shard 0 of 2: 2 units, 0 done, 2 to compute" in first
    assert "2 of 4 units are missing" in first
    kept = {"runs/my_experiment/default/config.json"}
    kept |= {"my_experiment.py", "runs/my_experiment/default/rows.0-of-2.jsonl"}
    assert early == kept
    assert code == 0
    assert "figure  figures/my_experiment.png" in second
    assert (place / "figures" / "my_experiment.png").read_bytes()[:4] == b"\x89PNG"


def test_its_numbers_can_be_read_and_are_right(place, runs):
    record = records.read_record(place / "figures" / "my_experiment.json")
    assert (record.experiment, record.revision, record.caption) == ("my_experiment", 1, "4 rows.")
    errors = {row["pieces"]: row["sup_error"] for row in record.rows}
    assert list(errors) == [4, 8, 16, 32]
    for n, error in errors.items():  # h^2 / 8 times the second derivative
        assert 0.85 * 2.7182818 <= error * 8 * n**2 <= 2.7182818


def test_its_second_run_computes_nothing(runs):
    code, text = runs[2]
    assert code == 0
    assert "4 units, 4 done, 0 to compute" in text
    assert "\npieces  sup_error\n" in text  # the table that every experiment has


def test_its_presets_are_its_own(place, runs):
    code, text = runs[3]
    assert code == 0
    assert "preset large" in text
    assert "5 units, 0 done, 5 to compute" in text
    folder = "runs/my_experiment/large/"
    assert {folder + name for name in ("my_experiment.json", "my_experiment.png")} <= files(place)


def test_it_is_drawn_again(runs):
    assert runs[4][0] == 0


def test_all_of_it_lies_below_the_current_folder(place, runs):
    for folder in ("figures", "runs", "experiments"):
        assert not list((ROOT / folder).glob("**/my_experiment*"))
    assert {path.split("/")[0] for path in files(place)} == {"my_experiment.py", "figures", "runs"}


def test_its_help_is_its_own(place):
    done = python(place, "-X", "importtime", "my_experiment.py", "--help")
    assert done.returncode == 0, done.stderr
    assert "usage: python my_experiment.py" in done.stdout
    assert "How well do n equal linear pieces" in done.stdout
    assert "--preset {default,large}" in done.stdout
    assert "Numbers of pieces." in done.stdout
    assert " jax\n" not in done.stderr


# What an experiment may leave out


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the small one."""

    sizes: tuple[int, ...] = (1, 2)
    """Sizes."""


def small(**more):
    return runner.Experiment(
        name="small",
        config=Config,
        units=lambda config: [{"size": size} for size in config.sizes],
        compute=lambda unit, run: [{"value": unit["size"] / 3, "word": None}],
        **more,
    )


def test_an_experiment_can_be_numbers_only(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert runner.main(small(), []) == 0
    assert files(tmp_path) == {
        "figures/small.json", "runs/small/default/rows.jsonl", "runs/small/default/config.json",
    }  # fmt: skip
    out = capsys.readouterr().out
    assert "\nsize   value  word\n   1  0.3333\n   2  0.6667\n\n2 rows.\n" in out
    assert "expected time not known" in out
    assert runner.main(small(), ["--plot-only"]) == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"presets": {"big": 1}}, r"presets: got \['big'\], expected 'default' among them"),
        ({"presets": {"default": 1, "a/b": 2}}, "got 'a/b', expected letters"),
    ],
)
def test_presets_that_cannot_be_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        small(**more)


def test_the_experiments_of_this_repository_write_into_it(tmp_path, monkeypatch):
    from experiments.runner import experiment as contract
    from experiments.sigmoid_shapes.experiment import EXPERIMENT

    monkeypatch.chdir(tmp_path)
    assert EXPERIMENT.root == ROOT
    # Installed, they lie beside no pyproject.toml.
    installed = ROOT / "experiments" / "sigmoid_shapes"
    monkeypatch.setattr(contract, "_PACKAGE", installed)
    assert EXPERIMENT.root == tmp_path
