"""What the rows of `growth` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence

from experiments.drawing.rows import Row, distinct, of
from experiments.growth.tasks import TASKS

__all__ = ["caption", "check", "exponent", "faster", "table"]

_AGREE = 1e-3  # two versions of a task: the same result, up to the doubt of an estimate
_LONGEST = 3600.0  # seconds of a single call
_MEASURABLE = 0.02  # CPU seconds below which a time says nothing of growth


def exponent(rows: Sequence[Row]) -> float:
    """The slope of log time against log size, where times can be measured; nan without any."""
    pairs = [
        (math.log(row["size"]), math.log(row["run_s"]))
        for row in rows
        if row["run_s"] >= _MEASURABLE
    ]
    if len(pairs) < 2:
        return math.nan
    x, y = (sum(column) / len(pairs) for column in zip(*pairs, strict=True))
    return sum((a - x) * (b - y) for a, b in pairs) / sum((a - x) ** 2 for a, _ in pairs)


def faster(rows: Sequence[Row], task: str) -> tuple[int, float] | None:
    """The largest size that both versions were timed at, and how many times faster this one is."""
    now = of(rows, task=task, library="this")
    before = [row for row in of(rows, task=task) if row["library"] != "this"]
    common = sorted({row["size"] for row in now} & {row["size"] for row in before})
    if not common:
        return None
    (new,), (old,) = of(now, size=common[-1]), of(before, size=common[-1])
    return common[-1], old["run_s"] / max(new["run_s"], 1e-6)


def check(rows: Sequence[Row]) -> None:
    """Checks that times are times, and that both versions give the same results.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for row in rows:
        where = f"{row['task']}, {TASKS[row['task']].size} {row['size']}, {row['library']}"
        for name in ("first_s", "run_s"):
            assert 0.0 <= row[name] <= _LONGEST, f"{where}: {name} is {row[name]}"
        for other in of(rows, task=row["task"], size=row["size"]):
            room = _AGREE * abs(row["value"])
            assert abs(other["value"] - row["value"]) <= room, (
                f"{where}: {row['value']}, and {other['value']} with {other['library']}"
            )


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    versions = [name for name in distinct(rows, "library") if name != "this"]
    said = [
        "CPU seconds of a call against its size, without compilation, and the fitted exponents of "
        "the growth (of times of at least 0.02 s)."
    ]
    if versions:
        gains = {task: faster(rows, task) for task in distinct(rows, "task")}
        told = "; ".join(
            f"{task}, {size} {TASKS[task].size}, {_times(ratio)}"
            for task, (size, ratio) in (
                (task, gain) for task, gain in gains.items() if gain is not None
            )
        )
        said.append(
            f"Dashed: the library of commit {', '.join(versions)}, on the same machine in the same "
            "run; the number kept of each result is the same. Its time over that of this version, "
            f"at the largest size that both were given: {told}."
        )
    return " ".join(said)


def table(rows: Sequence[Row]) -> str:
    """Task, size, seconds of each version, and exponents."""
    versions = distinct(rows, "library")
    lines = [f"{'task':18}{'size':>10}" + "".join(f"{name:>12}{'first':>9}" for name in versions)]
    for task in distinct(rows, "task"):
        cells = of(rows, task=task)
        for size in distinct(cells, "size"):
            line = f"{task:18}{size:>10}"
            for name in versions:
                found = of(cells, size=size, library=name)
                line += (
                    f"{found[0]['run_s']:>11.3g}s{found[0]['first_s']:>8.3g}s"
                    if found
                    else " " * 21
                )
            lines.append(line)
        slopes = [exponent(of(cells, library=name)) for name in versions]
        lines.append(
            f"{'':18}{'exponent':>10}"
            + "".join(
                f"{'' if math.isnan(slope) else f'{slope:.2f}':>12}{'':9}" for slope in slopes
            )
        )
    return "\n".join(line.rstrip() for line in lines)


def _times(ratio: float) -> str:
    return f"{ratio:.1f} times" if ratio < 10 else f"{ratio:.0f} times"
