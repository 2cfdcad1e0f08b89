"""Flat rows of an experiment: how some of them are picked, and one field of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

__all__ = ["Row", "column", "distinct", "of", "of_the_catalogue"]

Row = Mapping[str, Any]


def of(rows: Sequence[Row], **fields: object) -> list[Row]:
    """The rows with these values.

    Example:
        >>> of([{"n": 4, "error": 0.1}, {"n": 8, "error": 0.05}], n=8)
        [{'n': 8, 'error': 0.05}]
    """
    return [row for row in rows if all(row.get(name) == value for name, value in fields.items())]


def of_the_catalogue(rows: Sequence[Row]) -> list[Row]:
    """Rows of targets from the catalogue, for sentences that do not hold for every function."""
    return [row for row in rows if "target_sha256" not in row]


def column(rows: Iterable[Row], name: str) -> list[Any]:
    """One field of every row.

    Example:
        >>> column([{"n": 4, "error": 0.1}, {"n": 8, "error": 0.05}], "error")
        [0.1, 0.05]
    """
    return [row[name] for row in rows]


def distinct(rows: Iterable[Row], name: str) -> list[Any]:
    """The different values of a field, in the order in which they first appear.

    Example:
        >>> distinct([{"target": "sin"}, {"target": "exp"}, {"target": "sin"}], "target")
        ['sin', 'exp']
    """
    return list(dict.fromkeys(row[name] for row in rows))
