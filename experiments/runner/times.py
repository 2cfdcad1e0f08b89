"""How long units took in earlier runs: what is known of it when the next run is planned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from approxlab import records

_OF_FITS = ("compile_s", "run_s", "spent_s")  # of one fit, in the rows of records
_OF_THE_RUN = ("experiment", "seed_root", "dtype")  # a row has them from its run


def rows_of_units(
    units: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> list[list[Mapping[str, Any]]]:
    """For every unit the rows with its settings, whatever version, seed or preset they are of.

    Example:
        >>> rows_of_units([{"n": 1}, {"n": 2}], [{"n": 2, "error": 0.5}])
        [[], [{'n': 2, 'error': 0.5}]]
    """
    names = [tuple(name for name in unit if name not in _OF_THE_RUN) for unit in units]
    by_settings: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        for known in set(names):
            if all(name in row for name in known):
                by_settings.setdefault(_settings(row, known), []).append(row)
    wanted = [_settings(unit, known) for unit, known in zip(units, names, strict=True)]
    return [by_settings.get(settings, []) for settings in wanted]


def seconds_of_units(
    units: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> list[float | None]:
    """The time of every unit as it was stored last; None where it is not known."""
    timed = [row for row in rows if "unit_s" in row]
    return [float(found[-1]["unit_s"]) if found else None for found in rows_of_units(units, timed)]


def seconds_of_fits(
    units: Sequence[Mapping[str, Any]], rows: Iterable[Mapping[str, Any]]
) -> list[tuple[float, float] | None]:
    """What the rows of every unit say of its fits: seconds of compilation, and all others.

    Example:
        >>> rows = [{"n": 2, "compile_s": 1.0, "run_s": 0.5}]
        >>> seconds_of_fits([{"n": 1}, {"n": 2}], rows)
        [None, (1.0, 0.5)]
    """
    return [_of_fits(found) for found in rows_of_units(units, rows)]


def _of_fits(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float] | None:
    if not any(name in row for row in rows for name in _OF_FITS):
        return None
    once, *rest = (max(float(row.get(name) or 0.0) for row in rows) for name in _OF_FITS)
    return once, sum(rest)


def _settings(row: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return records.canonical({name: row[name] for name in names})
