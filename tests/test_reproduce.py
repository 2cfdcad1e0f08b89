"""Computing again and comparing: what agrees, what differs, and what cannot be compared."""

import copy
import importlib
import json
import math

import pytest

from approxlab import records
from experiments import reproduce
from experiments.runner.agreement import compare, not_comparable

NAME = "sigmoid_shapes"
EXPERIMENT = importlib.import_module(f"experiments.{NAME}.experiment").EXPERIMENT
RECORD = records.read_record(reproduce.ROOT / "figures" / f"{NAME}.json")


def compared(then, now):
    return compare(EXPERIMENT, EXPERIMENT.presets["default"], then, now)


def changed(change):
    other = copy.deepcopy(RECORD)
    change(other)
    return other


def test_a_record_agrees_with_itself_value_by_value():
    found = compared(RECORD, RECORD)
    assert found.problems == ()
    assert found.rows == len(RECORD.rows)
    assert found.values > found.rows


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda r: r.rows[5].update(slope=r.rows[5].get("slope", 1.0) + 1e-3), "slope"),
        (lambda r: r.rows[-1].update(value=r.rows[-1].get("value", 1.0) + 1.0), "value"),
        (lambda r: r.rows[-1].update(value=math.nan), "value"),
        (lambda r: r.rows[-1].update(value="0.5"), "value"),
        (lambda r: r.rows[0].update(more=True), "more"),
        (lambda r: r.rows.pop(), "rows"),
        (lambda r: r.rows[0].update(panel="another"), "no unit"),
    ],
)
def test_a_planted_difference_is_found(change, said):
    found = compared(RECORD, changed(change))
    assert any(said in problem for problem in found.problems)


@pytest.mark.parametrize("there", [True, False])
def test_rows_of_packages_that_are_not_installed_are_counted_alone(there):
    def change(record):
        record.rows[0].update(status="not installed", more=None)

    one, two = RECORD, changed(change)
    found = compared(one, two) if there else compared(two, one)
    assert (found.problems, found.absent) == ((), 1)
    assert found.rows == len(RECORD.rows) - 1


def test_times_and_machines_and_rounding_are_no_difference():
    def change(record):
        for row in record.rows:
            row.update(run_s=1.0, processor="another", jax_version="another")
            if isinstance(row.get("value"), float):
                row["value"] *= 1 + 1e-9

    assert compared(RECORD, changed(change)).problems == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda r: r.provenance.update(preset="paper"),
        lambda r: r.provenance.update(seed=1),
        lambda r: r.provenance.update(dtype="float32"),
        lambda r: r.provenance["config"].update(points=7),
        lambda r: object.__setattr__(r, "revision", RECORD.revision + 1),
    ],
)
def test_another_computation_is_not_comparable(change):
    assert not_comparable(RECORD, RECORD) is None
    assert not_comparable(RECORD, changed(change))


def write(folder, record):
    folder.mkdir(exist_ok=True)
    records.write_record(
        folder / f"{NAME}.json", NAME, record.rows, record.provenance,
        revision=record.revision, caption=record.caption,
    )  # fmt: skip


def run(capsys, tmp_path, *flags):
    code = reproduce.main([*flags, "--out", str(tmp_path / "out")])
    table = json.loads((tmp_path / "out" / "agreement.json").read_text())["experiments"]
    return code, capsys.readouterr().out, {row["experiment"]: row for row in table}


def test_smoke_is_run_and_said_to_be_not_comparable_and_then_compared(tmp_path, capsys):
    """Against the committed record; its own; one with a planted number, which goes on from rows."""
    code, text, table = run(capsys, tmp_path, NAME, "--preset", "smoke")
    assert code == 0
    assert "estimate" in text.splitlines()[0] or "not known" in text.splitlines()[0]
    assert table[NAME]["outcome"] == "not comparable"
    assert "preset default; the findings hold" in table[NAME]["why"]
    # A run that was killed: half of the rows, no record; the same command goes on.
    out = tmp_path / "out" / NAME
    made = records.read_record(out / f"{NAME}.json")
    lines = (out / "rows.jsonl").read_bytes().splitlines(keepends=True)
    (out / "rows.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]) + b'{"torn')
    (out / f"{NAME}.json").unlink()
    made.rows[0]["position"] = 17.5
    write(tmp_path / "records", made)
    flags = ("--preset", "smoke", "--records", str(tmp_path / "records"))
    code, text, table = run(capsys, tmp_path, NAME, *flags)
    assert code == 1
    assert table[NAME]["outcome"] == "differs"
    assert "position" in table[NAME]["differences"][0]
    assert len(table[NAME]["differences"]) == 1  # all others agree
    again = records.read_record(out / f"{NAME}.json")
    assert compare(EXPERIMENT, EXPERIMENT.presets["smoke"], again, again).problems == ()


def test_one_that_fails_stops_no_other(tmp_path, capsys):
    made = copy.deepcopy(RECORD)
    made.provenance["config"]["no_such_setting"] = 1
    write(tmp_path / "records", made)
    flags = ("--records", str(tmp_path / "records"))
    code, _, table = run(capsys, tmp_path, "barron_rate", NAME, *flags)
    assert code == 1
    assert {row["outcome"] for row in table.values()} == {"failed"}
    assert "no_such_setting" in table[NAME]["why"]
    assert "there is no record" in table["barron_rate"]["why"]


def test_the_time_is_said_first_and_shards_divide_the_experiments(capsys):
    some = [NAME, "barron_rate", "growth", "cybenko_1d"]
    assert reproduce.main([*some, "--dry-run"]) == 0
    whole = capsys.readouterr().out
    assert "from its record" in whole
    names = []
    for shard in ("0/3", "1/3", "2/3"):
        assert reproduce.main([*some, "--dry-run", "--shard", shard]) == 0
        names += [line.split()[0] for line in capsys.readouterr().out.splitlines()[:-2]]
    assert sorted(names) == sorted(line.split()[0] for line in whole.splitlines()[:-2])


@pytest.mark.parametrize(
    "flags",
    [["no_such"], ["--preset", "large"], ["--shard", "3/3"], ["--out", "figures"]],
)
def test_what_cannot_be_done_is_refused(flags, capsys, monkeypatch):
    monkeypatch.chdir(reproduce.ROOT)
    assert reproduce.main([*flags, "--dry-run"]) == 2
    assert "reproduce:" in capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.long
def test_smoke_of_all_passes(tmp_path, capsys):
    code, text, _ = run(capsys, tmp_path, "--preset", "smoke")
    assert code == 0, text
