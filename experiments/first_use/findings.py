"""What the rows of `first_use` show: checks, caption and table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

from experiments.drawing.rows import Row, column, distinct, of
from experiments.first_use.cases import MAIN, METHODS, TITLES

__all__ = ["Wait", "caption", "check", "pythons", "table", "versions", "waits"]

_LONGEST = 3600.0  # seconds of one process


class Wait(NamedTuple):
    """Medians over fresh processes, in seconds.

    Attributes:
        first: The first call.
        cpu: CPU seconds of the first call, in all threads.
        compile: What JAX spends on compilation in the first call.
        again: The same call again.
    """

    first: float
    cpu: float
    compile: float
    again: float

    @property
    def rest(self) -> float:
        """What the first call takes beside compilation and the call itself."""
        return max(0.0, self.first - self.compile - self.again)

    @property
    def wait(self) -> float:
        """What the first call takes longer than the same call again."""
        return self.first - self.again


def pythons(rows: Sequence[Row]) -> list[str]:
    """This Python and the other one, of those that were measured."""
    return distinct(of(rows, status="timed"), "python")


def versions(rows: Sequence[Row], python: str) -> str:
    """The versions of one of them, for titles."""
    row = of(rows, status="timed", python=python)[0]
    return f"JAX {row['jax_version']}, Python {row['python_version']}"


def waits(rows: Sequence[Row], python: str) -> dict[str, Wait]:
    """The medians of every case that was measured with this Python."""
    mine = of(rows, status="timed", python=python)
    found = {}
    for case in distinct(mine, "case"):
        some = of(mine, case=case)
        names = ("first_s", "first_cpu_s", "first_compile_s", "again_s")
        found[case] = Wait(*(median(column(some, name)) for name in names))
    return found


def check(rows: Sequence[Row]) -> None:
    """Checks that results are finite, times are times, and the second call compiles nothing.

    Raises:
        AssertionError: With the sentence that is not true.
    """
    for case in distinct(rows, "case"):
        for python in distinct(of(rows, case=case), "python"):
            mine = of(rows, case=case, python=python)
            where = f"{case}, {python} Python"
            if of(mine, status="not installed"):
                continue
            assert len(mine) == mine[0]["repeats"], f"{where}: {len(mine)} measurements"
            for row in mine:
                _check_row(where, row)


def _check_row(where: str, row: Row) -> None:
    for name, value in row.items():
        if name.endswith("_s"):
            assert 0.0 <= value <= _LONGEST, f"{where}: {name} is {value}"
    assert row["first_s"] > 0.0, f"{where}: the first call takes no time"
    compiling = row["first_compile_s"]
    assert compiling <= row["first_s"], f"{where}: compilation takes longer than all"
    if row["case"] != "import":
        assert row["first_programs"] > 0, f"{where}: the first call compiles nothing"
    if row["case"] == MAIN:
        return
    assert row["finite"], f"{where}: the result is not finite"
    assert row["again_programs"] == 0, f"{where}: the second call compiles"
    assert row.get("again_told_compile_s", 0.0) == 0.0, f"{where}: the second fit compiles"


def caption(rows: Sequence[Row]) -> str:
    """The text under the figure; its numbers are those of the rows."""
    repeats = max((row["repeats"] for row in rows), default=1)
    said = [
        "Seconds of the first call in a fresh process that finds no compiled programs on disk, and "
        "what the same call takes again, when nothing is compiled"
        + (f" (medians of {repeats} processes)." if repeats > 1 else "."),
        "Black: CPU seconds of the first call. import jax is not included; modules are there as "
        "bytecode.",
    ]
    for python in pythons(rows):
        found = waits(rows, python)
        parts = [
            text
            for text in (_longest(found), _of_main(found), _of_jax(rows, python))
            if text is not None
        ]
        if parts:
            said.append(f"{versions(rows, python)}: {'; '.join(parts)}.")
    return " ".join(said)


def _longest(found: dict[str, Wait]) -> str | None:
    fits = {case: wait.wait for case, wait in found.items() if case in METHODS}
    if not fits:
        return None
    case = max(fits, key=lambda name: fits[name])
    return f"a first fit takes at most {fits[case]:.2f} s longer than the same again ({case})"


def _of_main(found: dict[str, Wait]) -> str | None:
    if MAIN not in found:
        return None
    main = found[MAIN]
    return (
        f"the main command takes {main.first:.0f} s ({main.cpu:.0f} CPU seconds), "
        f"{main.compile:.0f} s of it to compile its fits, and {main.again:.0f} s when run again"
    )


def _of_jax(rows: Sequence[Row], python: str) -> str | None:
    found = [r["jax_s"] for r in of(rows, status="timed", python=python) if "jax_s" in r]
    return f"import jax takes {median(found):.2f} s" if found else None


def table(rows: Sequence[Row]) -> str:
    """Medians of every case; the fits' own account of compiling and running, in the first call."""
    lines = []
    for python in pythons(rows):
        head = ("first", "CPU", "compile", "rest", "again", "told", "run")
        lines.append(f"{versions(rows, python):32}" + "".join(f"{name:>9}" for name in head))
        for case, one in waits(rows, python).items():
            mine = of(rows, status="timed", python=python, case=case)
            told = [
                median(column(mine, name)) if name in mine[0] else math.nan
                for name in ("first_told_compile_s", "first_told_run_s")
            ]
            cells = (one.first, one.cpu, one.compile, one.rest, one.again, *told)
            numbers = (" " * 9 if math.isnan(cell) else f"{cell:8.2f}s" for cell in cells)
            lines.append(f"{TITLES[case]:32}{''.join(numbers)}".rstrip())
    if absent := distinct(of(rows, status="not installed"), "case"):
        lines.append(f"not installed: {len(absent)} cases with another JAX")
    return "\n".join(lines)
