"""All roots of a smooth function on an interval, by halving until each part is certain.

On a part of width h with centre c, f lies in f(c) + [-h/2, h/2] f'(part), and in the range of f
itself. A part without zero in it is left out; where f' is not zero f is monotone, and the signs at
both ends of such a stretch count its roots, one or none. What neither holds for is halved, down to
where rounding hides the rest: this is given back as not resolved.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from approxlab.calculus._intervals import Intervals, hull
from approxlab.calculus._smooth import Smooth
from approxlab.calculus.point_sets import PointSet

__all__ = ["roots_of"]

_PARTS = 64
_TOGETHER = 1024  # parts looked at at a time
_ROUNDS = 160


class _Parts(NamedTuple):
    """Neighbouring parts of the interval, in order."""

    low: np.ndarray
    high: np.ndarray
    sign: np.ndarray
    """Of the values: 1 or -1 where they are certain, 0 elsewhere."""
    direction: np.ndarray
    """Of the derivative; 0 where neither is certain."""
    zero: np.ndarray
    """Where f is zero identically."""


def roots_of(f: Smooth) -> PointSet:
    """All roots: points, intervals where f is zero identically, and what is not resolved.

    A root is a point where rounding leaves its place open by at most 2^-30 of the interval.
    """
    parts = _divided(f)
    points: list[float] = []
    unresolved: list[tuple[float, float]] = []
    brackets: list[tuple[float, float, int]] = []
    for first, last in _stretches(parts):
        low, high = float(parts.low[first]), float(parts.high[last])
        if parts.direction[first] == 0:
            unresolved.append((low, high))
        else:
            ends, hidden = _certain_ends(f, low, high)
            unresolved += hidden
            points += [x for x, sign in ends if sign == 0]
            if len(ends) == 2 and ends[0][1] * ends[1][1] < 0:
                brackets.append((ends[0][0], ends[1][0], ends[0][1]))
    found, hidden_places = _bisected(f, brackets)
    left_over = _joined(unresolved + hidden_places)
    told = [x for x in sorted({*points, *found}) if not _inside(x, left_over)]
    intervals = [(parts.low[i], parts.high[i]) for i in np.flatnonzero(parts.zero)]
    return PointSet(np.array(told), _joined(intervals), left_over)


def _divided(f: Smooth) -> _Parts:
    edges = np.linspace(f.start, f.end, _PARTS + 1)
    edges[0], edges[-1] = f.start, f.end
    low, high = edges[:-1], edges[1:]
    waiting = [low, high, np.full(len(low), np.inf)]
    done: list[_Parts] = []
    for _ in range(_ROUNDS):
        # First where f may be largest: narrow peaks, before what is zero up to rounding.
        order = np.argsort(-waiting[2], kind="stable")
        low, high = (ends[order[:_TOGETHER]] for ends in waiting[:2])
        value, slope = _enclosed(f, low, high)
        sign, direction = value.signs, slope.signs
        zero = (value.size == 0) & (slope.size == 0)
        middle = 0.5 * (low + high)
        # Halving tells nothing more where rounding is all that is left.
        stuck = (middle <= low) | (middle >= high) | _only_rounding(f, middle, slope, high - low)
        settled = (sign != 0) | (direction != 0) | zero | stuck
        told = np.where(sign == 0, direction, 0)
        done.append(_Parts(*(array[settled] for array in (low, high, sign, told, zero))))
        low, high, middle = low[~settled], high[~settled], middle[~settled]
        fresh = [np.append(low, middle), np.append(middle, high), np.tile(value.size[~settled], 2)]
        rest = [array[order[_TOGETHER:]] for array in waiting]
        waiting = [np.append(new, old) for new, old in zip(fresh, rest, strict=True)]
        if not len(waiting[0]):
            break
    no = np.zeros(len(waiting[0]), int)
    done.append(_Parts(waiting[0], waiting[1], no, no, no != 0))
    together = [np.concatenate(arrays) for arrays in zip(*done, strict=True)]
    order = np.argsort(together[0])
    return _Parts(*(array[order] for array in together))


def _enclosed(f: Smooth, low: np.ndarray, high: np.ndarray) -> tuple[Intervals, Intervals]:
    """Values by their range and by the mean value theorem, and the derivative."""
    value, slope = f.bounds(low, high, 2)
    middle = 0.5 * (low + high)
    (centre,) = f.bounds(middle, middle, 1)
    radius = np.maximum(middle - low, high - middle)
    return value.meet(centre + slope * hull(-radius, radius)), slope


def _only_rounding(
    f: Smooth, middle: np.ndarray, slope: Intervals, width: np.ndarray
) -> np.ndarray:
    (centre,) = f.bounds(middle, middle, 1)
    noise = centre.high - centre.low
    return (np.abs(centre.low) <= noise) & (slope.size * width <= 0.25 * noise)


def _stretches(parts: _Parts) -> list[tuple[int, int]]:
    """Runs of parts that have no certain sign, of one direction each."""
    runs: list[tuple[int, int]] = []
    for i in np.flatnonzero((parts.sign == 0) & ~parts.zero):
        same = runs and runs[-1][1] == i - 1 and parts.direction[i] == parts.direction[i - 1]
        if same:
            runs[-1] = (runs[-1][0], int(i))
        else:
            runs.append((int(i), int(i)))
    return runs


def _certain_ends(
    f: Smooth, low: float, high: float
) -> tuple[list[tuple[float, int]], list[tuple[float, float]]]:
    """Ends of a monotone stretch with their signs, moved inwards past what rounding hides."""
    signs = _signs_at(f, np.array([low, high]))
    if signs[0] is not None and signs[1] is not None:
        return [(low, signs[0]), (high, signs[1])], []
    places = low + (high - low) * np.array([2.0**-k for k in range(52, 0, -1)])
    inner = np.unique(np.concatenate([[low], places, low + (high - places)[::-1], [high]]))
    inner = inner[(inner >= low) & (inner <= high)]
    told = [(float(x), s) for x, s in zip(inner, _signs_at(f, inner), strict=True) if s is not None]
    if len(told) < 2:
        return [], [(low, high)]
    hidden = [(low, told[0][0]), (told[-1][0], high)]
    return [told[0], told[-1]], [(a, b) for a, b in hidden if a < b]


def _signs_at(f: Smooth, x: np.ndarray) -> list[int | None]:
    """Signs at points: 0 only if f is zero exactly there, None if rounding hides it."""
    value = f.value(x)
    return [
        0 if size == 0 else (int(sign) or None)
        for size, sign in zip(value.size, value.signs, strict=True)
    ]


def _bisected(
    f: Smooth, brackets: list[tuple[float, float, int]]
) -> tuple[list[float], list[tuple[float, float]]]:
    """Roots between points of different signs, and those whose place rounding hides."""
    if not brackets:
        return [], []
    low, high = (np.array([b[i] for b in brackets]) for i in (0, 1))
    left = np.array([b[2] for b in brackets])
    first = _last_with(f, low, high, left)  # the sign is certain up to here
    second = _last_with(f, high, low, -left)  # and again from here on
    wide = second - first > 2.0**-30 * (f.end - f.start)
    middle = 0.5 * first + 0.5 * second
    return middle[~wide].tolist(), list(
        zip(first[wide].tolist(), second[wide].tolist(), strict=True)
    )


def _last_with(f: Smooth, near: np.ndarray, far: np.ndarray, sign: np.ndarray) -> np.ndarray:
    """The last points, on the way from near to far, with this certain sign."""
    for _ in range(1100):
        middle = 0.5 * near + 0.5 * far
        moving = (middle != near) & (middle != far)
        if not np.any(moving):
            break
        same = moving & (f.value(middle).signs == sign)
        near, far = np.where(same, middle, near), np.where(moving & ~same, middle, far)
    return near


def _joined(intervals: list[tuple[float, float]]) -> np.ndarray:
    """Intervals in order, those that touch as one."""
    found: list[list[float]] = []
    for low, high in sorted(intervals):
        if found and low <= found[-1][1]:
            found[-1][1] = max(found[-1][1], high)
        else:
            found.append([float(low), float(high)])
    return np.array(found).reshape(-1, 2)


def _inside(x: float, intervals: np.ndarray) -> bool:
    return bool(np.any((intervals[:, 0] <= x) & (x <= intervals[:, 1])))
