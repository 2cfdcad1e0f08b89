"""Checks of target parameters: whole numbers, numbers in an interval, numbers per axis."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Callable, Iterable, Sequence
from typing import Any

__all__ = ["axis_parameters", "between", "whole"]


def whole(name: str, value: Any, least: int, most: int) -> int:
    """The value as an integer from `least` to `most`.

    Example:
        >>> whole("dim", 3, 1, 9)
        3
    """
    try:
        number = operator.index(value)
    except TypeError:
        number = least - 1
    if isinstance(value, bool) or not least <= number <= most:
        raise ValueError(f"{name}: got {value!r}, expected an integer from {least} to {most}.")
    return number


def between(name: str, value: Any, low: float, high: float, *, closed: bool = False) -> float:
    """The value as a number strictly between `low` and `high`; with `closed`, ends included.

    Example:
        >>> between("at", 0.25, 0.0, 1.0)
        0.25
    """
    number = float(value) if isinstance(value, numbers.Real) else math.nan
    if low < number < high or (closed and low <= number <= high):
        return number
    kind = "in" if closed else "strictly inside"
    raise ValueError(f"{name}: got {value!r}, expected a number {kind} [{low:g}, {high:g}].")


def axis_parameters(
    dim: int | None,
    c: Sequence[float] | None,
    w: Sequence[float] | None,
    default_c: Callable[[int], tuple[float, ...]],
    default_w: Callable[[int], tuple[float, ...]],
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Difficulties c_i > 0 and positions w_i in [0, 1], one of each per axis.

    The dimension is `dim`, else the length of `c` or `w`, else 2. All that are given must agree.

    Example:
        >>> axis_parameters(None, (1.0, 2.0, 3.0), None, lambda d: (1.0,) * d, lambda d: (0.5,) * d)
        ((1.0, 2.0, 3.0), (0.5, 0.5, 0.5))
    """
    c, w = _listed("c", c), _listed("w", w)
    lengths = [len(v) for v in (c, w) if v is not None]
    size = whole("dim", dim if dim is not None else (*lengths, 2)[0], 1, 1000)
    c = default_c(size) if c is None else c
    w = default_w(size) if w is None else w
    for name, values in (("c", c), ("w", w)):
        if len(values) != size:
            raise ValueError(
                f"{name}: got {len(values)} numbers {values!r} in dimension {size}, expected "
                f"{size}: one per axis."
            )
    return (
        tuple(between("c", v, 0.0, math.inf) for v in c),
        tuple(between("w", v, 0.0, 1.0, closed=True) for v in w),
    )


def _listed(name: str, values: Any) -> tuple[Any, ...] | None:
    if values is None:
        return None
    if isinstance(values, Iterable) and not isinstance(values, str):
        return tuple(values)
    raise ValueError(f"{name}: got {values!r}, expected numbers, one per axis, such as (1.0, 2.0).")
