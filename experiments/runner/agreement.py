"""Do two records of one experiment agree? Rows are matched by the settings of their units."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from approxlab import records
from experiments.runner.experiment import Experiment
from experiments.runner.times import rows_of_units

RTOL = 1e-6
"""Numbers agree that differ by at most this part of the larger one."""
FLOOR = 1e-12
"""Nor is a difference counted below this part of the largest number of its column: rounding."""

_VERSIONS = ("jax_version", "python_version")
_MACHINE = ("processor", "temp_bytes", "compiled_flops", "first_programs", *_VERSIONS)
_MACHINE_PREFIXES = ("xla_flops",)  # what a compiler says of its program
_ABSENT = "not installed"  # the status of a row that another package would have computed
_SAME = ("config", "seed", "dtype")  # of the provenance: otherwise it is another computation


@dataclasses.dataclass(frozen=True)
class Agreement:
    """What the comparison of two records found.

    Attributes:
        rows: How many rows were compared.
        values: How many values of them.
        largest: The largest relative difference of two numbers; rounding counts as none.
        where: Column and settings of that difference.
        absent: How many rows were not compared: of packages that one of the machines has not.
        problems: What does not agree; empty if all does.
    """

    rows: int
    values: int
    largest: float
    where: str
    absent: int
    problems: tuple[str, ...]


def not_comparable(then: records.Record, now: records.Record) -> str | None:
    """Why the numbers of two records need not be the same; None if they should be.

    Args:
        then: The record to compare with.
        now: The record that was made again.
    """
    if then.experiment != now.experiment:
        return f"the record is of {then.experiment}"
    if then.revision != now.revision:
        return f"the record is of revision {then.revision}, this is revision {now.revision}"
    preset = then.provenance["preset"]
    if preset != now.provenance["preset"]:
        return f"the record is of preset {preset}"
    for name in _SAME:
        if then.provenance.get(name) != now.provenance.get(name):
            return f"the record has another {'setting' if name == 'config' else name}"
    return None


def compare(
    experiment: Experiment, config: Any, then: records.Record, now: records.Record
) -> Agreement:
    """Compares all but times (`*_s`) and what is said of a processor or by a compiler.

    Rows of packages that are not installed on one of the machines are counted alone.

    Args:
        experiment: Whose records they are.
        config: Its settings; they give the units.
        then: The record to compare with.
        now: The record that was made again.
    """
    units = [dict(unit) for unit in experiment.units(config)]
    floors = {name: FLOOR * scale for name, scale in _scales(then.rows).items()}
    problems = _strangers(units, then, now)
    count, values, absent, largest, where = 0, 0, 0, 0.0, ""
    pairs = zip(rows_of_units(units, then.rows), rows_of_units(units, now.rows), strict=True)
    for unit, (old, new) in zip(units, pairs, strict=True):
        if len(old) != len(new):
            problems.append(f"{len(old)} rows in the record, {len(new)} now: {_named(unit)}")
        for row, again in zip(old, new, strict=False):
            if _ABSENT in (row.get("status"), again.get("status")):
                absent += 1
                continue
            count += 1
            for name, part, a, b in _pairs(row, again):
                values += 1
                difference = _difference(a, b, floors.get(name, 0.0))
                if difference > largest:
                    largest, where = difference, f"{name}, {_named(unit)}"
                if difference > RTOL:
                    problems.append(f"{name}{part} is {b!r}, was {a!r}: {_named(unit)}")
    return Agreement(count, values, largest, where, absent, tuple(problems))


def _strangers(
    units: Sequence[Mapping[str, Any]], then: records.Record, now: records.Record
) -> list[str]:
    """Rows that no unit of the plan has: they would go unseen."""
    found = []
    for text, rows in (("the record", then.rows), ("the new record", now.rows)):
        known = {id(row) for some in rows_of_units(units, rows) for row in some}
        if strange := sum(id(row) not in known for row in rows):
            found.append(f"{strange} rows of {text} belong to no unit of the plan")
    return found


def _compared(name: str) -> bool:
    machine = name in _MACHINE or name.startswith(_MACHINE_PREFIXES)
    return not (name.endswith("_s") or machine)


def _pairs(row: Mapping, again: Mapping) -> Iterator[tuple[str, str, Any, Any]]:
    """Column, place in a list, and the two values there, one by one."""
    absent = "(absent)"
    for name in dict.fromkeys([*row, *again]):
        if _compared(name):
            parts = _parts(row.get(name, absent)), _parts(again.get(name, absent))
            for part in dict.fromkeys([*parts[0], *parts[1]]):
                yield name, part, parts[0].get(part, absent), parts[1].get(part, absent)


def _parts(value: Any, place: str = "") -> dict[str, Any]:
    """The values in a nest of lists, by their places."""
    if not isinstance(value, list | tuple):
        return {place: value}
    return {k: v for i, item in enumerate(value) for k, v in _parts(item, f"{place}[{i}]").items()}


def _scales(rows: Sequence[Mapping]) -> dict[str, float]:
    scales: dict[str, float] = {}
    for row in rows:
        for name, value in row.items():
            for part in _parts(value).values():
                if _is_number(part) and math.isfinite(part):
                    scales[name] = max(scales.get(name, 0.0), abs(part))
    return scales


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _difference(a: Any, b: Any, floor: float) -> float:
    """The relative difference of two numbers; infinite for other values that are not equal."""
    if not (_is_number(a) and _is_number(b)):
        return 0.0 if type(a) is type(b) and a == b else math.inf
    if a == b or (math.isnan(a) and math.isnan(b)):
        return 0.0
    if not (math.isfinite(a) and math.isfinite(b)):
        return math.inf
    apart = abs(a - b)
    return 0.0 if apart <= floor else apart / max(abs(a), abs(b))


def _named(unit: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} {value}" for name, value in unit.items())
    return text if len(text) <= 120 else f"{text[:117]}..."
