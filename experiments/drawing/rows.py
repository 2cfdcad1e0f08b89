"""Flat rows of an experiment, and selections of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Row", "of", "of_the_catalogue"]

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
