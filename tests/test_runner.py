import importlib.util
import itertools
import json
import math
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

import identity
import jax
import pytest

from approxlab import records
from experiments.runner import flags
from experiments.runner.cores import usable_cores

ROOT = Path(__file__).parents[1]

TOY = '''
"""How fast do toys grow?

The rest of the docstring.
"""
import math
import os
import signal
import time
from dataclasses import dataclass
from typing import Literal

from experiments import runner

REVISION = 1
CALLS = []
FAULTS = {}  # size -> what happens there


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    sizes: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Sizes to try."""
    gain: float = 2.0
    """Growth."""
    kind: Literal["plain", "fancy"] = "plain"
    """Which toys."""
    label: str | None = None
    """A name."""


PRESETS = {"smoke": Config(sizes=(1, 2)), "default": Config(), "paper": Config(sizes=(1, 2, 3))}


def units(config):
    return [{"size": size, "gain": config.gain, "kind": config.kind} for size in config.sizes]


def compute(unit, run):
    CALLS.append(unit["size"])
    fault = FAULTS.get(unit["size"]) or os.environ.get(f"TOY_{unit['size']}")
    if fault == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if fault == "nested":
        return [{"value": [1]}]
    if fault:
        raise fault
    start = time.perf_counter()
    values = [math.sin(run.seed + unit["gain"] * unit["size"] * k) / 3 for k in (1, 2)]
    values[0] = math.nan if unit["size"] == 3 else values[0]
    return [
        {"draw": k, "value": value, "status": "done", "run_s": time.perf_counter() - start}
        for k, value in enumerate(values)
    ]


def check(rows):
    assert all(row["gain"] <= 10 for row in rows), "toys grow slowly"


def caption(rows):
    return f"{len(rows)} toys grow slowly."


def table(rows):
    return "\\n".join(f"size {row['size']}: {row['value']}" for row in rows)


def draw(rows):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([row["size"] for row in rows], [row["value"] for row in rows])
    return figure


EXPERIMENT = runner.Experiment(
    name="toy", revision=REVISION, config=Config, presets=PRESETS, units=units, compute=compute,
    check=check, caption=caption, table=table, draw=draw, seconds=lambda config: 600.0,
)
if __name__ == "__main__":
    import sys

    code = runner.main(EXPERIMENT)
    print("jax imported:", "jax" in sys.modules)
    raise SystemExit(code)
'''
_NUMBER = itertools.count()


class Toy:
    """A toy experiment in a small repository of its own, run in this process."""

    def __init__(self, root):
        self.root = root
        self.path = root / "experiments" / "toy.py"
        self.path.parent.mkdir()
        self.path.write_text(TOY)
        name = f"toy_{next(_NUMBER)}"
        spec = importlib.util.spec_from_file_location(name, self.path)
        self.module = sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.module)
        self.rows_folder = root / "runs" / "toy" / "default"
        self.rows_file = self.rows_folder / "rows.jsonl"
        self.record_file = root / "figures" / "toy.json"
        self.figure_file = root / "figures" / "toy.png"

    def __call__(self, *flags):
        """Runs it; returns the exit code."""
        from experiments import runner

        self.module.CALLS.clear()
        return runner.main(self.module.EXPERIMENT, list(flags))

    @property
    def calls(self):
        """Sizes of the units computed by the last run."""
        return list(self.module.CALLS)

    @property
    def faults(self):
        return self.module.FAULTS

    def alone(self, *flags, **environment):
        """Runs it in a process of its own."""
        return subprocess.run(
            [sys.executable, str(self.path), *flags],
            cwd=self.root,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            capture_output=True,
            text=True,
        )

    def files(self):
        paths = (path for path in self.root.rglob("*") if path.is_file())
        names = {str(path.relative_to(self.root)).replace(os.sep, "/") for path in paths}
        return {n for n in names if "__pycache__" not in n} - {
            "experiments/toy.py",
        }


@pytest.fixture
def toy(tmp_path, monkeypatch):
    for name in [name for name in os.environ if name.startswith("SLURM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)  # where results of an experiment outside of this repository go
    toy = Toy(tmp_path)
    yield toy
    del sys.modules[toy.module.__name__]


def numbers(path):
    return records.read_record(path).rows


# Where things go


def test_the_default_preset_writes_figure_numbers_and_rows(toy, capsys):
    assert toy() == 0
    assert toy.files() == {
        "figures/toy.png",
        "figures/toy.json",
        "runs/toy/default/rows.jsonl",
        "runs/toy/default/config.json",
    }
    out = capsys.readouterr().out
    assert "5 units, 0 done, 5 to compute, about 10 min" in out
    assert "size 4: " in out
    assert "10 toys grow slowly." in out
    assert os.path.relpath(toy.figure_file) in out
    assert "wall time" in out


def test_stored_rows_carry_settings_results_and_bookkeeping(toy):
    toy("--seed", "7", "--no-x64")
    rows, problems = records.read_rows(toy.rows_file)
    assert problems == []
    assert len(rows) == 10
    fields = "size gain kind draw value status run_s experiment unit part parts seed_root dtype sum"
    assert set(rows[0]) == {*fields.split(), "unit_s"}, "the first row of a unit has its time"
    assert set(rows[1]) == set(fields.split())
    assert [rows[0][name] for name in ("experiment", "seed_root", "dtype", "parts")] == [
        "toy",
        7,
        "float32",
        2,
    ]


@pytest.mark.parametrize(
    ("flags", "figures", "rows"),
    [
        (("--preset", "smoke"), "runs/toy/smoke", "runs/toy/smoke"),
        (("--preset", "paper"), "runs/toy/paper", "runs/toy/paper"),
        (("--preset", "paper", "--publish"), "figures", "runs/toy/paper"),
        (("--out", "OUT"), "out", "out"),
        (("--out", "OUT", "--preset", "smoke"), "out", "out"),
    ],
)
def test_presets_and_out_decide_where_things_go(toy, flags, figures, rows):
    assert toy(*(str(toy.root / "out") if flag == "OUT" else flag for flag in flags)) == 0
    expected = {f"{rows}/rows.jsonl", f"{rows}/config.json", f"{figures}/toy.png"}
    assert toy.files() == {*expected, f"{figures}/toy.json"}


def test_the_record_says_what_was_run(toy):
    toy("--preset", "smoke", "--gain", "3", "--seed", "5")
    record = records.read_record(toy.root / "runs" / "toy" / "smoke" / "toy.json")
    about = record.provenance
    assert (about["preset"], about["seed"], about["dtype"]) == ("smoke", 5, "float64")
    assert about["config"] == {"sizes": [1, 2], "gain": 3.0, "kind": "plain", "label": None}
    assert about["device"]["platform"] == jax.default_backend()
    assert about["precision"] == {
        "jax_enable_x64": True,
        "jax_default_matmul_precision": "highest",
    }
    assert about["started"] <= about["finished"]
    assert record.caption == "4 toys grow slowly."
    assert list(record.rows[0])[:3] == ["size", "gain", "kind"]


def test_no_file_says_who_or_where(toy):
    assert toy.alone("--preset", "paper", "--publish").returncode == 0
    results = [name for name in toy.files() if "compiled/" not in name]  # a cache of this machine
    assert len(results) == 4
    for name in results:
        assert not identity.told(identity.readable(toy.root / name), toy.root), name


@pytest.mark.parametrize(("kind", "found"), [(b"tEXt", ["vm"]), (b"IDAT", [])])
def test_names_are_found_in_the_text_of_a_figure(tmp_path, monkeypatch, kind, found):
    monkeypatch.setattr(socket, "gethostname", lambda: "vm")
    figure = tmp_path / "figure.png"
    figure.write_bytes(b"\x89PNG\r\n\x1a\n" + struct.pack(">I4s", 4, kind) + b"a vm" + bytes(4))
    assert identity.told(identity.readable(figure)) == found
    assert identity.told("a jvm in b/c", "b/") == ["b/"]


def test_equal_runs_give_equal_numbers_and_equal_pictures(toy):
    toy("--out", str(toy.root / "a"))
    toy("--out", str(toy.root / "b"))
    toy("--out", str(toy.root / "c"), "--seed", "1")
    a, b, c = (toy.root / name for name in "abc")
    assert records.same_numbers(numbers(a / "toy.json"), numbers(b / "toy.json"))
    assert not records.same_numbers(numbers(a / "toy.json"), numbers(c / "toy.json"))
    assert (a / "toy.png").read_bytes() == (b / "toy.png").read_bytes()
    assert (a / "toy.png").read_bytes() != (c / "toy.png").read_bytes()
    assert b"Software" not in (a / "toy.png").read_bytes()


def test_the_runner_leaves_jax_as_it_found_it(toy):
    before = jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision
    seen = []
    toy.module.EXPERIMENT.__dict__["compute"] = lambda unit, run: (
        seen.append((jax.config.jax_enable_x64, run.dtype)) or [{"value": 1.0}]
    )
    toy("--no-x64", "--preset", "smoke")
    assert seen == [(False, "float32")] * 2
    assert before == (jax.config.jax_enable_x64, jax.config.jax_default_matmul_precision)


# Resume


def test_a_second_run_computes_nothing_and_changes_nothing(toy, capsys):
    toy()
    before = {name: (toy.root / name).read_bytes() for name in toy.files()}
    assert toy() == 0
    assert toy.calls == []
    assert {name: (toy.root / name).read_bytes() for name in toy.files()} == before
    assert "5 units, 5 done, 0 to compute\n" in capsys.readouterr().out


def test_other_settings_are_computed_beside(toy, capsys):
    toy()
    toy("--sizes", "4", "5", "6")
    assert toy.calls == [6]
    assert "3 stored units of other settings" in capsys.readouterr().out
    toy("--seed", "1")
    assert toy.calls == [1, 2, 3, 4, 5]
    toy()
    assert toy.calls == []


def test_a_new_revision_or_version_is_computed_again(toy, monkeypatch):
    toy()
    toy.module.EXPERIMENT.__dict__["revision"] = 2
    toy()
    assert toy.calls == [1, 2, 3, 4, 5]
    monkeypatch.setattr(records.origins, "_version", lambda package: "99")
    toy()
    assert toy.calls == [1, 2, 3, 4, 5]


def test_wherever_rows_are_cut_the_rest_is_computed(toy):
    toy()
    whole = numbers(toy.record_file)
    content = toy.rows_file.read_bytes()
    for cut in range(0, len(content), 211):  # 211 is prime: no two cuts at one place of a line
        toy.rows_file.write_bytes(content[:cut])
        assert toy("--quiet") == 0
        assert toy.calls == [1, 2, 3, 4, 5][content[:cut].count(b"\n") // 2 :]
        assert records.same_numbers(numbers(toy.record_file), whole)


def test_a_damaged_row_is_reported_and_its_unit_computed(toy, capsys):
    toy()
    whole = numbers(toy.record_file)
    content = toy.rows_file.read_bytes()
    toy.rows_file.write_bytes(content.replace(b'"size":2', b'"size":7', 1))
    assert toy() == 0
    assert toy.calls == [2]
    assert "rows.jsonl, line 3: checksum wrong" in capsys.readouterr().err
    assert records.same_numbers(numbers(toy.record_file), whole)


@pytest.mark.skipif(sys.platform == "win32", reason="needs SIGKILL")
def test_a_killed_run_goes_on(toy):
    assert toy.alone(TOY_4="kill").returncode == -signal.SIGKILL
    assert not toy.record_file.exists()
    assert toy() == 0
    assert toy.calls == [4, 5]


def test_force_computes_everything_and_keeps_the_old_rows(toy):
    toy()
    old = toy.rows_file.read_bytes()
    for number in (1, 2):
        assert toy("--force") == 0
        assert toy.calls == [1, 2, 3, 4, 5]
        assert (toy.rows_folder / f"rows.jsonl.{number}.bak").exists()
    assert (toy.rows_folder / "rows.jsonl.1.bak").read_bytes() == old


def test_an_interrupted_run_keeps_its_rows(toy, capsys):
    toy.faults[3] = KeyboardInterrupt()
    assert toy() == 130
    assert "finished units are kept" in capsys.readouterr().err
    toy.faults.clear()
    assert toy() == 0
    assert toy.calls == [3, 4, 5]


# Failures


def test_failed_units_are_listed_and_the_others_go_on(toy, capsys):
    toy.faults.update({2: ValueError("too\nsmall"), 4: "nested"})
    assert toy() == 3
    assert toy.calls == [1, 2, 3, 4, 5]
    err = capsys.readouterr().err
    assert re.search(r"ValueError: too small \(toy\.py, line \d+\)", err)
    assert "TypeError: value is [1]" in err
    assert '2 of 5 units failed:\n  {"gain":2.0,"kind":"plain","size":2}\n' in err
    assert not toy.figure_file.exists()
    toy.faults.clear()
    assert toy() == 0
    assert toy.calls == [2, 4]


def test_results_must_not_contradict_their_unit(toy, capsys):
    toy.module.EXPERIMENT.__dict__["compute"] = lambda unit, run: [{"size": unit["size"] + 1}]
    assert toy() == 3
    assert "a row has size = 2, its unit 1" in capsys.readouterr().err


def test_a_failed_check_draws_nothing_and_keeps_rows(toy, capsys):
    assert toy("--gain", "11") == 4
    assert "check failed: toys grow slowly" in capsys.readouterr().err
    assert toy.files() == {"runs/toy/default/rows.jsonl", "runs/toy/default/config.json"}


@pytest.mark.parametrize(
    ("name", "told"), [("check", "check"), ("caption", "caption or table"), ("draw", "figure")]
)
def test_rows_that_a_figure_cannot_be_made_of_are_kept_and_the_reason_told(toy, capsys, name, told):
    """As where someone asks for one size alone, and a caption fits a slope."""
    toy.module.EXPERIMENT.__dict__[name] = lambda rows: rows[len(rows)]
    assert toy() == 4
    err = capsys.readouterr().err
    assert re.search(rf"{told} failed: IndexError: .* \(test_runner.py, line \d+\)", err)
    assert "Traceback" not in err
    assert toy.files() == {"runs/toy/default/rows.jsonl", "runs/toy/default/config.json"}


def test_a_full_disk_is_reported(toy, monkeypatch, capsys):
    def full(*_):
        raise records.NotWrittenError("9 bytes could not be written to rows.jsonl: full")

    monkeypatch.setattr(records.RowFile, "append", full)
    assert toy() == 3
    assert toy.calls == [1]
    assert "9 bytes could not be written to rows.jsonl" in capsys.readouterr().err


def test_equal_units_are_a_mistake_of_the_plan(toy):
    toy.module.EXPERIMENT.__dict__["units"] = lambda config: [{"size": 1 + n % 2} for n in range(3)]
    with pytest.raises(ValueError, match="3 units, 2 of them different"):
        toy()


# Flags


def test_shards_together_are_the_whole(toy, capsys):
    toy("--out", str(toy.root / "whole"))
    out = str(toy.root / "shards")
    assert toy("--out", out, "--shard", "0/2") == 0
    assert toy.calls == [1, 3, 5]
    assert "2 of 5 units are missing" in capsys.readouterr().out
    assert not (toy.root / "shards" / "toy.json").exists()
    assert toy("--out", out, "--shard", "1/2") == 0
    assert toy.calls == [2, 4]
    assert {"shards/rows.0-of-2.jsonl", "shards/rows.1-of-2.jsonl"} <= toy.files()
    whole, shards = (numbers(toy.root / name / "toy.json") for name in ("whole", "shards"))
    assert records.same_numbers(whole, shards)


def test_a_slurm_array_decides_the_shard(toy, monkeypatch):
    for name, value in {"COUNT": "2", "ID": "4", "MIN": "3"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{name}", value)
    toy()
    assert toy.calls == [2, 4]
    assert "runs/toy/default/rows.1-of-2.jsonl" in toy.files()


def test_a_dry_run_writes_nothing(toy, capsys):
    assert toy("--dry-run") == 0
    assert toy.files() == set()
    assert toy.calls == []
    assert "5 to compute" in capsys.readouterr().out


def test_quiet_prints_nothing(toy, capsys):
    assert toy("--quiet") == 0
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.parametrize("source", ["runs/toy/smoke/config.json", "runs/toy/smoke/toy.json"])
def test_settings_can_be_fed_back(toy, source):
    toy("--preset", "smoke", "--gain", "1", "--kind", "fancy", "--seed", "3", "--no-x64")
    assert toy("--config", str(toy.root / source)) == 0
    assert toy.calls == []
    assert toy("--config", str(toy.root / source), "--seed", "4") == 0  # a flag wins
    assert toy.calls == [1, 2]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--gian", "3"), r"--gain"),
        (("--gain", "many"), r"--gain"),
        (("--preset", "huge"), r"smoke"),
        (("--kind", "odd"), r"fancy"),
        (("--shard", "2/2"), r"--shard is '2/2'; expected I/N .*--shard 0/4"),
        (("--shard", "half"), r"--shard is 'half'"),
        (("--force", "--resume"), r"--resume and --force contradict"),
        (("--force", "--plot-only"), r"--plot-only and --force contradict"),
        (("--config", "absent.json"), r"absent.json cannot be read: No such file"),
        (("--plot-only",), r"--plot-only finds no numbers"),
        (("--shard", ""), r"--shard is ''; expected I/N"),
        (("--shard", "1/"), r"--shard is '1/'"),
        (("--shard", "-1/2"), r"--shard"),
        (("--shard", f"0/{10**23}"), r"--shard is '0/1000"),
        (("--shard", "0/0"), r"--shard is '0/0'"),
        (("--out", ""), r"--out is empty; expected a folder"),
        (("--out=",), r"--out is empty"),
        (("--out",), r"--out"),
        (("--config", ""), r"--config is empty; expected a file"),
        (("--config", "."), r"--config \. cannot be read: Is a directory"),
        (("--preset", ""), r"--preset is empty"),
        (("--seed", str(10**23)), r"--seed is 1000.*; expected a whole number from 0 to 2\^62 - 1"),
        (("--seed", str(2**32), "--no-x64"), r"from 0 to 2\^32 - 1, .* in float32"),
        (("--seed", "-1"), r"--seed is -1; expected"),
        (("--seed", ""), r"--seed"),
        (("--seed", "1.5"), r"--seed"),
        (("--device", ""), r"--device"),
        (("--sizes",), r"--sizes is \(\); expected at least one value, such as 1 2"),
        (("--sizes", "1", "2", "2"), r"--sizes 1 2 2 gives 3 units, 2 of them different; .* once"),
        (("--sizes", str(10**23)), r"--sizes is .*; expected whole numbers below 2\^63"),
        (("--gain", "nan"), r"--gain is nan; expected a finite number"),
        (("--gain=-inf",), r"--gain is -inf; expected a finite number"),
        (("--gain", ""), r"--gain"),
        (("--quiet", "yes"), r"yes"),
        (("--peer-timeout", "0", "--distributed"), r"--peer-timeout is 0|--distributed"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_is_right(toy, capsys, flags, message):
    assert toy(*flags) == 2
    captured = capsys.readouterr()
    told = re.sub(r"\s*\n\s*", " ", captured.err + captured.out)
    assert re.search(message, told), told
    assert "Traceback" not in captured.err
    assert toy.files() == set()


def test_settings_without_a_unit_are_refused(toy, capsys):
    toy.module.EXPERIMENT.__dict__["units"] = lambda config: []
    assert toy() == 2
    assert "nothing to compute with these settings" in capsys.readouterr().err


def test_a_setting_that_is_empty_or_infinite_in_a_preset_may_be_so(toy):
    presets = toy.module.PRESETS
    presets["paper"] = toy.module.Config(sizes=(), gain=math.inf)
    toy.module.EXPERIMENT.__dict__["units"] = lambda config: [{"gain": config.gain, "size": 1}]
    toy.module.EXPERIMENT.__dict__["check"] = lambda rows: None
    assert toy("--sizes", "--dry-run") == 0
    assert toy("--gain", "inf", "--dry-run") == 0


@pytest.mark.parametrize(("name", "value"), [("COUNT", "two"), ("ID", None), ("MIN", "")])
def test_a_damaged_slurm_environment_is_told(toy, monkeypatch, capsys, name, value):
    for one, number in {"COUNT": "2", "ID": "1", "MIN": "0"}.items():
        monkeypatch.setenv(f"SLURM_ARRAY_TASK_{one}", number)
    variable = f"SLURM_ARRAY_TASK_{name}"
    if value is None:
        monkeypatch.delenv(variable)
    else:
        monkeypatch.setenv(variable, value)
    assert toy() == 2
    assert "expected whole numbers, as SLURM sets them" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"experiment": "other"}, "belongs to 'other'"),
        (
            {"provenance": {"preset": "huge", "seed": 0, "dtype": "float64", "config": {}}},
            "has the preset 'huge'; expected one of smoke, default, paper",
        ),
        ({"config": {"gian": 1.0}}, "unknown setting 'gian'. Perhaps 'gain'"),
        ({"config": {"gain": "much"}}, "gain is 'much'; expected float"),
        ({"config": {"sizes": [1, 2.5]}}, "sizes is 2.5; expected int"),
        ({"config": {"kind": "odd"}}, "kind is 'odd'"),
        ({"config": {"kind": ["plain"]}}, "kind is ['plain']"),
        ({"config": {"sizes": []}}, "--sizes is (); expected at least one value"),
        ({"config": {"sizes": [10**23]}}, "expected whole numbers below 2^63"),
        ({"config": {"gain": math.nan}}, "--gain is nan; expected a finite number"),
        ({"config": [1, 2]}, "has the config [1, 2]; expected an object: settings by their names"),
        ({"provenance": None}, "has the provenance None; expected an object with preset, seed"),
        ({"provenance": ["a"]}, "has the provenance ['a']"),
        ({"provenance": {}}, "has no preset in its provenance; expected one of smoke"),
        ({"preset": None}, "has the preset None"),
        ({"preset": ["smoke"]}, "has the preset ['smoke']"),
        ({"seed": "x"}, "has the seed 'x'; expected a whole number"),
        ({"seed": True}, "has the seed True"),
        ({"seed": 1.0}, "has the seed 1.0"),
        ({"seed": 10**23}, "--seed is 1000"),
        ({"seed": -3}, "--seed is -3"),
        ({"dtype": "float16"}, "has the dtype 'float16'; expected 'float32' or 'float64'"),
        ({"dtype": 64}, "has the dtype 64"),
        ({"experiment": None}, "belongs to None"),
    ],
)
def test_config_files_that_do_not_fit_are_refused(toy, capsys, change, message):
    about = {"preset": "smoke", "seed": 0, "dtype": "float64", "config": {}}
    about |= {name: change[name] for name in about if name in change}
    outer = {name: value for name, value in change.items() if name not in about}
    document = {"experiment": "toy", "provenance": about, **outer}
    path = toy.root / "mine.json"
    records.write_json_atomic(path, document)
    assert toy("--config", str(path)) == 2
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("missing", ["preset", "seed", "dtype", "config"])
def test_a_config_file_from_which_an_entry_was_deleted_is_refused(toy, capsys, missing):
    about = {"preset": "smoke", "seed": 0, "dtype": "float64", "config": {}}
    del about[missing]
    path = toy.root / "mine.json"
    path.write_text(json.dumps({"experiment": "toy", "provenance": about}))
    assert toy("--config", str(path)) == 2
    assert f"has no {missing} in its provenance" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "[]", "3", "null", '"x"', "{", "\ufeff{}", "[" * 10**5])
def test_a_config_file_of_another_kind_is_refused(toy, capsys, text):
    path = toy.root / "mine.json"
    path.write_text(text, encoding="utf-8")
    assert toy("--config", str(path)) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_a_missing_device_is_one_line(toy):
    missing = "tpu" if jax.default_backend() != "tpu" else "gpu"
    done = toy.alone("--device", missing)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    cores = usable_cores()
    assert f"--device {missing} cannot be used; found here: {cores} cpu" in last
    assert "--device auto" in last
    assert toy.files() == set()


def test_config_fields_and_flags_must_not_share_a_name(toy):
    class Clash(flags.Options):
        pass

    with pytest.raises(ValueError, match="which is a flag of every run"):
        flags.parse("toy", "", Clash, {"default": Clash()}, [])


# Drawing again


def test_plot_only_draws_from_rows_without_jax(toy):
    toy()
    picture, record = toy.figure_file.read_bytes(), toy.record_file.read_bytes()
    toy.figure_file.unlink()
    toy.record_file.unlink()
    done = toy.alone("--plot-only")
    assert done.returncode == 0, done.stderr
    assert "jax imported: False" in done.stdout
    assert toy.figure_file.read_bytes() == picture
    assert toy.record_file.read_bytes() == record


def test_plot_only_draws_from_the_record_where_no_rows_are(toy, capsys):
    toy("--preset", "paper", "--publish")
    picture, record = toy.figure_file.read_bytes(), toy.record_file.read_bytes()
    toy.figure_file.unlink()
    assert toy("--plot-only") == 0
    assert toy.calls == []
    assert "preset paper, revision 1" in capsys.readouterr().out
    assert toy.figure_file.read_bytes() == picture
    assert toy.record_file.read_bytes() == record


def reworded(toy):
    toy.module.EXPERIMENT.__dict__["caption"] = lambda rows: f"{len(rows)} toys, in other words."


def without_caption_and_seal(path):
    lines = path.read_bytes().splitlines()
    return [line for line in lines if not line.startswith((b' "caption":', b' "sum":'))]


@pytest.mark.parametrize("rows_are_there", [True, False])
def test_plot_only_rewrites_the_caption_and_nothing_else(toy, rows_are_there):
    toy(*(() if rows_are_there else ("--preset", "paper", "--publish")))
    picture, record = toy.figure_file.read_bytes(), toy.record_file.read_bytes()
    kept = without_caption_and_seal(toy.record_file)
    assert toy("--plot-only") == 0
    assert toy.record_file.read_bytes() == record
    reworded(toy)
    assert toy("--plot-only") == 0
    assert toy.calls == []
    assert toy.record_file.read_bytes() != record
    assert records.read_record(toy.record_file).caption.endswith("toys, in other words.")
    assert without_caption_and_seal(toy.record_file) == kept
    assert toy.figure_file.read_bytes() == picture
    # The twin: a record with another number is seen as another one, and is not sealed anew.
    text = toy.record_file.read_text(encoding="utf-8")
    toy.record_file.write_text(text.replace('"done"', '"gone"', 1), encoding="utf-8")
    assert without_caption_and_seal(toy.record_file) != kept
    spoiled = toy.record_file.read_bytes()
    if not rows_are_there:
        assert toy("--plot-only") == 2
        assert toy.record_file.read_bytes() == spoiled


def test_plot_only_draws_elsewhere_from_the_published_record(toy, capsys):
    toy("--preset", "paper", "--publish")
    shutil.rmtree(toy.root / "runs")
    before = {name: (toy.root / name).read_bytes() for name in toy.files()}
    assert toy("--plot-only", "--out", "there") == 0
    assert toy.calls == []
    assert "drawn from figures/toy.json: preset paper" in capsys.readouterr().out
    assert toy.files() == {*before, "there/toy.png", "there/toy.json"}
    for name in ("toy.png", "toy.json"):
        assert (toy.root / "there" / name).read_bytes() == before[f"figures/{name}"]
    reworded(toy)
    assert toy("--plot-only", "--out", "there") == 0
    there = toy.root / "there" / "toy.json"
    assert records.read_record(there).caption == "6 toys, in other words."
    assert without_caption_and_seal(there) == without_caption_and_seal(toy.record_file)
    # The twin: nothing was touched where it came from, and a spoiled record draws nothing.
    assert {name: (toy.root / name).read_bytes() for name in before} == before
    toy.record_file.write_bytes(before["figures/toy.json"].replace(b'"done"', b'"gone"', 1))
    assert toy("--plot-only", "--out", "third") == 2
    assert not (toy.root / "third").exists()


def test_plot_only_elsewhere_takes_the_rows_that_are_there(toy):
    toy("--preset", "paper", "--publish")
    assert toy("--out", "there", "--gain", "3") == 0
    record = (toy.root / "there" / "toy.json").read_bytes()
    (toy.root / "there" / "toy.json").unlink()
    assert toy("--out", "there", "--gain", "3", "--plot-only") == 0
    assert (toy.root / "there" / "toy.json").read_bytes() == record


def test_plot_only_checks_too(toy):
    assert toy("--gain", "11") == 4
    assert toy("--gain", "11", "--plot-only") == 4
    assert not toy.figure_file.exists()


def test_plot_only_refuses_a_damaged_record(toy, capsys):
    toy("--preset", "paper", "--publish")
    text = toy.record_file.read_text(encoding="utf-8")
    toy.record_file.write_text(text.replace('"done"', '"gone"', 1), encoding="utf-8")
    assert toy("--plot-only") == 2
    assert "wrong checksum" in capsys.readouterr().err


def test_plot_only_says_what_is_missing(toy, capsys):
    toy("--shard", "0/2")
    capsys.readouterr()
    assert toy("--plot-only") == 0
    assert "2 of 5 units are missing" in capsys.readouterr().out


# Help


def test_help_does_not_import_jax(toy):
    done = toy.alone("--help")
    assert done.returncode == 0, done.stderr
    assert "jax imported: False" in done.stdout
    assert "How fast do toys grow?" in done.stdout
    assert "Sizes to try." in done.stdout
    flags = "preset seed device x64 no-x64 out publish resume force shard plot-only dry-run config"
    for flag in [*flags.split(), "quiet", "sizes", "gain", "kind"]:
        assert f"--{flag}" in done.stdout


LIGHT = """
import contextlib, importlib, io, sys
from experiments import runner
for name in sys.argv[1:]:
    found = importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT
    with contextlib.redirect_stdout(io.StringIO()) as out:
        assert runner.main(found, ["--help"]) == 0
    assert "--plot-only" in out.getvalue()
print({"jax", "matplotlib", "scipy", "optax", "tqdm"} & sys.modules.keys())
"""


def test_help_of_every_experiment_is_light():
    names = [path.parent.name for path in (ROOT / "experiments").glob("*/__main__.py")]
    done = subprocess.run([sys.executable, "-W", "error", "-c", LIGHT, *names], cwd=ROOT,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "set()\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs the times of children")
def test_help_takes_less_than_half_a_second():
    """Of the processor, since other processes may be busy here; the best of three."""
    seconds = []
    for _ in range(3):
        before = os.times()
        command = [sys.executable, "-m", "experiments.width_vs_depth", "--help"]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        after = os.times()
        seconds.append(after.children_user + after.children_system
                       - before.children_user - before.children_system)  # fmt: skip
    assert min(seconds) < 0.5


CHILDREN = """
import sys
import experiments.trained_or_solved.peers
from experiments.training_throughput import contenders, pieces
assert "jax" not in sys.modules
assert pieces._devices()
heavy = ("tyro", "tqdm", "approxlab", "matplotlib", "experiments.runner.")
print([name for name in sys.modules if name.startswith(heavy)])
"""


def test_children_of_benchmarks_start_without_the_runner():
    done = subprocess.run([sys.executable, "-c", CHILDREN], cwd=ROOT, capture_output=True,
                          text=True)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "['experiments.runner.cores']\n"


def test_checks_are_not_switched_off(toy):
    done = subprocess.run(
        [sys.executable, "-O", str(toy.path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "without -O" in done.stderr


def test_the_list_of_experiments_imports_none(tmp_path):
    from experiments import __main__ as listing

    (tmp_path / "toy").mkdir()
    face = '"""How fast do toys grow?"""\nimport nothing_of_that_name'
    (tmp_path / "toy" / "__init__.py").write_text(face)
    (tmp_path / "toy" / "__main__.py").write_text("import nothing_of_that_name")
    (tmp_path / "runner").mkdir()
    (tmp_path / "runner" / "__init__.py").write_text('"""Not an experiment."""')
    assert listing.experiments(tmp_path) == {"toy": "How fast do toys grow?"}
    command = [sys.executable, "-W", "error", "-X", "importtime", "-m", "experiments"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "python -m experiments.NAME --help" in done.stdout
    assert "runner" not in done.stdout
    lines = done.stderr.splitlines()  # the times of imports, and no warning
    assert all(line.startswith("import time:") for line in lines)
    imported = {line.split("|")[-1].strip() for line in lines[1:]}
    assert "ast" in imported
    assert not imported & {"jax", "numpy", "tyro", "approxlab", "experiments.runner"}
