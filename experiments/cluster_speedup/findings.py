"""What the rows of `cluster_speedup` show: checks, caption and table."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from experiments.drawing.rows import Row, column, distinct, of

__all__ = ["RUNS", "caption", "check", "middle", "named", "speedup", "table", "ways"]

RUNS = ("first", "again")
"""First: programs are compiled, units start in the order of the plan. Again: neither."""


def ways(rows: Sequence[Row]) -> list[int]:
    """The numbers of workers that were measured; 0 is one process without workers."""
    return distinct(of(rows, status="timed"), "num_workers")


def named(workers: int) -> str:
    """How a way to compute is called."""
    return f"local:{workers}" if workers else "one process"


def middle(rows: Sequence[Row], workers: int, name: str) -> float:
    """The median of a time over the repeats."""
    return median(column(of(rows, status="timed", num_workers=workers), name))


def speedup(rows: Sequence[Row], run: str, workers: int, against: int) -> float:
    """How many times sooner a run ends than with another number of workers."""
    name = f"{run}_s"
    return middle(rows, against, name) / middle(rows, workers, name)


def check(rows: Sequence[Row]) -> None:
    """Checks that all ways give the same rows, bit for bit, and that times are times.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    assert 0 in ways(rows), "one process was not measured"
    for row in of(rows, status="timed"):
        where = named(row["num_workers"])
        assert row["same_rows"], f"{where}: the rows are not those of one process"
        assert 0 < row["num_units"] <= row["num_rows"], f"{where}: {row['num_units']} units"
        assert row["start_s"] > 0.0, f"{where}: starting takes no time"
        for run in RUNS:
            whole, units, longest = (row[f"{run}_{part}"] for part in ("s", "units_s", "longest_s"))
            assert 0.0 < longest <= whole, f"{where}: a unit takes longer than the run"
            least = units / max(1, row["num_workers"])
            assert least <= whole, f"{where}: its units take {least:.1f} s, all {whole:.1f} s"
            assert longest <= units * (1.0 + 1e-9), f"{where}: a unit takes longer than all"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    first, counts = rows[0], [workers for workers in ways(rows) if workers]
    said = [
        f"Wall seconds of one sweep of {first['num_units']} units of {first['swept']}, in fresh "
        "processes: with programs to compile, and again with these kept and the longest unit "
        "first. Grey: the same command with nothing left to compute. Black: CPU seconds. The rows "
        "are those of one process, bit for bit."
    ]
    if not counts:
        return f"{said[0]} dask.distributed is not installed here."
    most = max(counts)
    for run, words in zip(RUNS, ("When programs are compiled", "Again"), strict=True):
        against = [0, *([1] if 1 in counts and most > 1 else [])]
        parts = [
            f"{speedup(rows, run, most, one):.2f} times that of {named(one)}" for one in against
        ]
        times = " and ".join(parts)
        longest, units = (middle(rows, 0, f"{run}_{part}_s") for part in ("longest", "units"))
        said.append(
            f"{words}, the speed of {named(most)} is {times}; the units take {units:.1f} s in one "
            f"process, the longest {longest:.1f} s."
        )
    return " ".join(said)


def table(rows: Sequence[Row]) -> str:
    """Medians for every way: the runs, their units, start-up, and speed-ups."""
    head = ("first", "CPU", "units", "longest", "again", "CPU", "units", "longest", "start")
    lines = [f"{'':12}" + "".join(f"{name:>9}" for name in head) + "  speed-up"]
    for workers in ways(rows):
        names = [f"{run}_{part}" for run in RUNS for part in ("s", "cpu_s", "units_s", "longest_s")]
        cells = [middle(rows, workers, name) for name in (*names, "start_s")]
        gains = ", ".join(f"{speedup(rows, run, workers, 0):.2f}" for run in RUNS)
        lines.append(
            f"{named(workers):12}" + "".join(f"{cell:8.1f}s" for cell in cells) + f"  {gains}"
        )
    absent = distinct(of(rows, status="not installed"), "num_workers")
    lines += [f"{named(workers):12} not installed" for workers in absent]
    return "\n".join(lines)
