"""Points that prove how many bends, steps and turns a function within eps of a target must have.

Bends. Let x0 < x1 < x2 and w = (x2 - x1) / (x2 - x0). If |f(x1) - w f(x0) - (1 - w) f(x2)| > 2 eps,
no function within eps of f is affine on [x0, x2], since the combination is 0 for affine functions
and changes by at most 2 eps otherwise. Triples on intervals that overlap at most in end points
have different breakpoints. The triples are found in floating point, by the longest runs of points
that an affine function fits within eps; their inequalities are then proved one by one, from
intervals that contain the values of f (`approxlab.certify`) by exact rational arithmetic.

Steps. The same with pairs: if |f(x0) - f(x1)| > 2 eps, no function within eps is constant on
[x0, x1]. These intervals have no point in common.

Turns. If f - c is alternately above eps and below -eps at K + 1 points, a continuous function
within eps of f takes the value c at least K times.

Source: three alternating errors prove the error of the best affine function: de la Vallee Poussin
1919, "Lecons sur l'approximation des fonctions d'une variable reelle".
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from fractions import Fraction

import numpy as np

from approxlab.optimal._sup_pieces import affine_error, longest

__all__ = ["Values", "bends", "steps", "turns"]

_MARGIN = 1.0 + 1e-9
_LEVELS = 129
Values = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""Positions along a line to proved lower and upper bounds of the values there."""


@dataclasses.dataclass(frozen=True)
class _Enclosed:
    """Exact ends of an interval that contains a value."""

    low: Fraction
    high: Fraction


def _enclosed(t: np.ndarray, values: Values) -> dict[float, _Enclosed]:
    """Intervals of the values by position; positions of which nothing is known are left out."""
    places = np.unique(t)
    low, high = values(places)
    return {
        float(place): _Enclosed(Fraction(float(a)), Fraction(float(b)))
        for place, a, b in zip(places, low, high, strict=True)
        if np.isfinite(a) and np.isfinite(b)
    }


def bends(t: np.ndarray, y: np.ndarray, eps: float, values: Values) -> np.ndarray:
    """Triples of positions, shape (k, 3), between which any function within eps has a bend."""
    level, start, guess, last = eps * _MARGIN, 0, 64, len(t) - 1
    found: list[np.ndarray] = []
    while start < last:
        end = longest(t, y, start, level, guess)
        if end >= last:
            break
        triple = affine_error(t[start : end + 2], y[start : end + 2], level)[2]
        found.append(t[start + np.array(triple)])
        guess, start = end - start, end + 1
    if not found:
        return np.empty((0, 3))
    triples = np.array(found)
    known, twice = _enclosed(triples, values), 2 * Fraction(eps)
    proved = [_bent(row, known, twice) for row in triples]
    return triples[np.array(proved)]


def _bent(row: np.ndarray, known: dict[float, _Enclosed], twice: Fraction) -> bool:
    places = [float(x) for x in row]
    if not all(place in known for place in places) or not places[0] < places[1] < places[2]:
        return False
    left, middle, right = (Fraction(place) for place in places)
    a, b, c = (known[place] for place in places)
    share = (right - middle) / (right - left)
    above = b.low - share * a.high - (1 - share) * c.high
    below = share * a.low + (1 - share) * c.low - b.high
    return above > twice or below > twice


def steps(t: np.ndarray, y: np.ndarray, eps: float, values: Values) -> np.ndarray:
    """Pairs of positions, shape (k, 2), between which any function within eps is not constant."""
    level, found = 2.0 * eps * _MARGIN, list[tuple[float, float]]()
    least = most = start = 0
    for i in range(1, len(y)):
        if i == start:
            continue
        least, most = (i if y[i] < y[least] else least), (i if y[i] > y[most] else most)
        if y[most] - y[least] > level:
            found.append((t[min(least, most)], t[max(least, most)]))
            # The next pair begins behind this one: a jump at a point that two pairs share is one.
            least = most = start = min(i + 1, len(y) - 1)
    if not found:
        return np.empty((0, 2))
    pairs = np.array(found)
    known, twice = _enclosed(pairs, values), 2 * Fraction(eps)

    def proved(row: np.ndarray) -> bool:
        if not all(float(x) in known for x in row):
            return False
        a, b = (known[float(x)] for x in row)
        return a.low - b.high > twice or b.low - a.high > twice

    return pairs[np.array([proved(row) for row in pairs])]


def turns(t: np.ndarray, y: np.ndarray, eps: float, values: Values) -> tuple[float, np.ndarray]:
    """A level c and positions at which f - c is alternately above eps and below -eps."""
    shares = np.linspace(0.0, 1.0, _LEVELS)[1:-1]
    low, high = float(np.min(y)), float(np.max(y))
    levels = (1.0 - shares) * low + shares * high  # no difference, which may overflow
    c = float(max(levels, key=lambda level: len(_runs(y - level, eps))))
    chosen = np.array(_runs(y - c, eps), dtype=int)
    if len(chosen) == 0:
        return c, np.empty(0)
    known, center, radius = _enclosed(t[chosen], values), Fraction(c), Fraction(eps)
    kept, side = list[float](), 0
    for place in t[chosen]:
        interval = known.get(float(place))
        if interval is None:
            continue
        above, below = interval.low - center > radius, center - interval.high > radius
        now = 1 if above else -1 if below else 0
        if now not in (0, side):
            kept.append(float(place))
            side = now
    return c, np.array(kept)


def _runs(distance: np.ndarray, eps: float) -> list[int]:
    """The farthest point of each run of points on one side, by more than eps."""
    outside = np.flatnonzero(np.abs(distance) > eps * _MARGIN)
    if len(outside) == 0:
        return []
    side = distance[outside] > 0
    parts = np.split(outside, np.flatnonzero(side[1:] != side[:-1]) + 1)
    return [int(part[np.argmax(np.abs(distance[part]))]) for part in parts]
