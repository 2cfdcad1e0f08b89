"""Extrema and variation of a smooth function: from the roots of its derivative, all of them."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from approxlab.calculus._sizes import sizes_on
from approxlab.calculus._smooth import Smooth
from approxlab.calculus._subdivision import roots_of
from approxlab.calculus.point_sets import Extrema, PointSet

__all__ = ["extrema_smooth", "variation_smooth"]


class _Still(NamedTuple):
    """A point or an interval in which the derivative is zero, or may be."""

    low: float
    high: float
    told: bool
    """Whether the derivative is zero there and the function moves next to it."""
    before: int
    after: int
    """Directions next to it: 1, -1, or 0 where the interval ends or rounding hides it."""


def extrema_smooth(f: Smooth) -> Extrema:
    """Extrema, with places that rounding hides as not resolved."""
    still = _still(f)
    minima = _turning(still, -1), _global(f, still, -1)
    maxima = _turning(still, 1), _global(f, still, 1)
    return Extrema(minima[1][0], maxima[1][0], minima[1][1], maxima[1][1], minima[0], maxima[0])


def variation_smooth(f: Smooth) -> float:
    """The sum of absolute rises between points where the direction changes."""
    still = _still(f)
    places = np.unique([x for part in still for x in (part.low, part.high)])
    values = _middle(f, places)
    found = math.fsum(np.abs(np.diff(values)))
    hidden = [(part.low, part.high) for part in still if not part.told]
    most = math.fsum(_largest_rise(f, low, high) for low, high in hidden)
    if most > max(1e-10 * found, 2.0**-46 * f.height):
        raise ValueError(
            f"net: the total variation is between {found:.6g} and {found + most:.6g}: rounding "
            "hides where the derivative changes its sign. Take a smaller box."
        )
    return found


def _largest_rise(f: Smooth, low: float, high: float) -> float:
    """A bound of the variation on an interval."""
    enough = 2.0**-48 * f.height / (f.end - f.start)
    widths, sizes = sizes_on(f.derived(1), low, high, enough)
    return float(np.sum(widths * sizes))


def _middle(f: Smooth, x: np.ndarray) -> np.ndarray:
    found = f.value(x)
    return 0.5 * found.low + 0.5 * found.high


def _still(f: Smooth) -> list[_Still]:
    """The ends of the interval, and where the derivative is zero or may be, in order."""
    found = roots_of(f.derived(1))
    ends = [(f.start, f.start, True), (f.end, f.end, True)]
    ends += [(x, x, True) for x in found.points]
    ends += [(a, b, True) for a, b in found.intervals]
    ends += [(a, b, False) for a, b in found.unresolved]
    kept: list[tuple[float, float, bool]] = []
    for low, high, told in sorted(ends):
        if kept and low <= kept[-1][1]:  # touching: one stretch
            before = kept.pop()
            alone = before[0] == before[1] or low == high
            sure = (told or low == high) and (before[2] or before[0] == before[1])
            kept.append((before[0], max(high, before[1]), sure if alone else told and before[2]))
        else:
            kept.append((low, high, told))
    lows, highs = np.array([k[0] for k in kept]), np.array([k[1] for k in kept])
    between = 0.5 * (highs[:-1] + lows[1:])
    signs = f.derived(1).value(between).signs if len(between) else np.empty(0, int)
    left, right = [0, *map(int, signs)], [*map(int, signs), 0]
    return [
        _Still(low, high, told, b, a)
        for (low, high, told), b, a in zip(kept, left, right, strict=True)
    ]


def _turning(still: list[_Still], sign: int) -> PointSet:
    """Where f comes up and goes down again (for sign 1), ends of the interval among them."""
    points, intervals, unresolved = [], [], []
    last = len(still) - 1
    for i, part in enumerate(still):
        before = sign if i == 0 else part.before
        after = -sign if i == last else part.after
        if not part.told or (before == 0 or after == 0):
            unresolved.append((part.low, part.high))
        elif before == sign and after == -sign:
            if part.low == part.high:
                points.append(part.low)
            else:
                intervals.append((part.low, part.high))
    return PointSet(np.array(points), _pairs(intervals), _pairs(unresolved))


def _global(f: Smooth, still: list[_Still], sign: int) -> tuple[float, PointSet]:
    """The largest value (for sign 1), and all places whose values rounding cannot tell from it."""
    # The middle too: inside of a stretch that is not told the value may be larger.
    ends = [x for part in still for x in (part.low, part.high)]
    middles = [0.5 * part.low + 0.5 * part.high for part in still if not part.told]
    places = np.unique([*ends, *middles])
    value = f.value(places)
    lower, upper = (value.low, value.high) if sign > 0 else (-value.high, -value.low)
    best = int(np.argmax(0.5 * lower + 0.5 * upper))
    least = float(np.max(lower))
    points, intervals, unresolved = [], [], []
    for part in still:
        if not part.told:
            (found,) = f.bounds(np.array([part.low]), np.array([part.high]), 1)
            if (found.high[0] if sign > 0 else -found.low[0]) >= least:
                unresolved.append((part.low, part.high))
        elif upper[np.searchsorted(places, part.low)] >= least:
            if part.low == part.high:
                points.append(part.low)
            else:
                intervals.append((part.low, part.high))
    height = sign * (0.5 * lower[best] + 0.5 * upper[best])
    return float(height), PointSet(np.array(points), _pairs(intervals), _pairs(unresolved))


def _pairs(intervals: list[tuple[float, float]]) -> np.ndarray:
    return np.array(intervals, np.float64).reshape(-1, 2)
