"""Rows as a table in plain text: what an experiment prints that has no table of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_BOOKKEEPING = ("experiment", "seed_root", "dtype", "unit", "part", "parts", "sum")


def text_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """One line per row and one column per field, numbers to four digits.

    Example:
        >>> print(text_table([{"n": 8, "error": 0.12345}, {"n": 16, "status": "done"}]))
         n   error  status
         8  0.1235
        16            done
    """
    fields = dict.fromkeys(name for row in rows for name in row)
    names = [name for name in fields if name not in _BOOKKEEPING]
    lines = [names, *([_cell(row.get(name)) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
