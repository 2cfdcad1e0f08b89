"""The exchange of Remez, on [-1, 1].

On m + 2 points there is exactly one polynomial of degree at most m whose errors have equal size h
and alternating signs. For any m + 2 points, h is the value of a functional that vanishes on all
these polynomials, divided by its norm; so every one of them has an error of size at least h at one
of the points (de la Vallee-Poussin). The points are exchanged for extrema of the error until the
largest error is h, or until there is no further progress.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np

from approxlab.optimal._curve import Curve
from approxlab.optimal._extrema import zoomed

__all__ = ["Exchange", "equal_errors", "error_of", "extrema", "mapped"]

_SPLIT = 16  # cells between neighbouring marks
_ZOOMED = 1024  # extrema
_LEVEL = 1e-9
_STEPS, _PATIENCE = 200, 15  # most exchanges, and most exchanges without progress


@dataclasses.dataclass(frozen=True, eq=False)
class Exchange:
    """A polynomial found, and what is known about the least error.

    Attributes:
        lower: The largest equal alternating error found: a lower bound, up to rounding.
        upper: The largest error found of the polynomial.
        coefficients: Its Chebyshev coefficients, shape (m + 1,).
        reference: The m + 2 points of its exchange.
    """

    lower: float
    upper: float
    coefficients: np.ndarray
    reference: np.ndarray

    @classmethod
    def run(cls, curve: Curve, reference: np.ndarray, marks: np.ndarray) -> Exchange:
        """Exchange points until the errors are level.

        Args:
            curve: The target.
            reference: The m + 2 points to start from.
            marks: Points between which extrema are looked for, beside those of the reference.
        """
        degree, stalled = len(reference) - 2, 0
        best = cls(0.0, np.inf, np.zeros(degree + 1), reference)
        for _ in range(_STEPS):
            fit, level = equal_errors(curve, reference)
            coefficients = _chebyshev(reference, fit, degree)
            positions, errors = extrema(curve, coefficients, np.union1d(reference, marks))
            largest = float(np.max(np.abs(errors)))
            stalled = stalled + 1 if level <= best.lower and largest >= best.upper else 0
            best = best.better(cls(level, largest, coefficients, reference))
            exact = largest <= 4.0 * curve.rounding
            if exact or stalled >= _PATIENCE or largest <= level * (1.0 + _LEVEL):
                break
            found = _alternating(positions, errors, len(reference))
            if found is None:
                worst = int(np.argmax(np.abs(errors)))
                own = error_of(curve, coefficients)(reference)
                found = _one_exchanged(reference, own, positions[worst], errors[worst])
            if np.array_equal(found, reference) or np.any(np.diff(found) <= 0.0):
                break
            reference = found
        return best

    def better(self, other: Exchange) -> Exchange:
        """The polynomial with the smaller error, with the larger of both lower bounds."""
        chosen = other if other.upper < self.upper else self
        return dataclasses.replace(chosen, lower=max(self.lower, other.lower))

    def searched(self, curve: Curve, points: np.ndarray) -> Exchange:
        """The same, after looking for larger errors around many points."""
        grid = np.union1d(np.union1d(points, self.reference), [-1.0, 1.0])
        errors = zoomed(error_of(curve, self.coefficients), grid, most=_ZOOMED)[1]
        return dataclasses.replace(self, upper=max(self.upper, float(np.max(np.abs(errors)))))

    def level(self, curve: Curve, tolerance: float) -> bool:
        """Whether the two bounds agree, up to a relative tolerance and rounding."""
        return bool(self.upper <= self.lower * (1.0 + tolerance) + 8.0 * curve.rounding)


def error_of(curve: Curve, coefficients: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Target minus polynomial, for points of any shape."""

    def error(t: np.ndarray) -> np.ndarray:
        fit = np.polynomial.chebyshev.chebval(t, coefficients)
        return (curve(mapped(curve, t).ravel()) - fit.ravel()).reshape(t.shape)

    return error


def extrema(
    curve: Curve, coefficients: np.ndarray, marks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Positions and values of the extrema of the error between marks."""
    kinks = (2.0 * curve.kinks - (curve.lower + curve.upper)) / curve.width
    marks = np.unique(np.concatenate([[-1.0, 1.0], marks, kinks]))
    grid = np.interp(
        np.arange(_SPLIT * (len(marks) - 1) + 1) / _SPLIT, np.arange(len(marks)), marks
    )
    return zoomed(error_of(curve, coefficients), grid)


def mapped(curve: Curve, t: np.ndarray) -> np.ndarray:
    """Points of [-1, 1] mapped to the interval; the ends are mapped exactly."""
    return curve.lower * (0.5 - 0.5 * t) + curve.upper * (0.5 + 0.5 * t)


def _barycentric(t: np.ndarray) -> np.ndarray:
    """Weights 1 / prod(t_j - t_k), scaled so that the largest is 1; their signs alternate."""
    distance = np.abs(t[:, None] - t) + np.eye(len(t))
    logs = -np.sum(np.log(distance), axis=1)
    return np.exp(logs - np.max(logs)) * (-1.0) ** np.arange(len(t))


def equal_errors(curve: Curve, reference: np.ndarray) -> tuple[np.ndarray, float]:
    """Values of the polynomial with equal alternating errors at increasing points; their size."""
    values, weights = curve(mapped(curve, reference)), _barycentric(reference)
    signs = (-1.0) ** np.arange(len(reference))
    level = float(weights @ values) / float(weights @ signs)
    return values - level * signs, abs(level)


def _chebyshev(reference: np.ndarray, fit: np.ndarray, degree: int) -> np.ndarray:
    """Chebyshev coefficients of the polynomial with given values at the reference."""
    angles = np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1)
    nodes, weights = np.cos(angles), _barycentric(reference)
    gaps = nodes[:, None] - reference
    equal = gaps == 0.0
    shares = weights / np.where(equal, 1.0, gaps)
    values = (shares @ fit) / np.sum(shares, axis=1)
    values = np.where(equal.any(axis=1), fit[np.argmax(equal, axis=1)], values)
    waves = np.cos(np.arange(degree + 1)[:, None] * angles)
    return (waves @ values) * np.where(np.arange(degree + 1) == 0, 1.0, 2.0) / (degree + 1)


def _alternating(positions: np.ndarray, errors: np.ndarray, count: int) -> np.ndarray | None:
    """Positions of `count` errors of alternating sign; None if there are fewer.

    Of neighbouring errors with the same sign only the largest is kept. Then the smallest error is
    removed until `count` are left: alone if it is the first or last one, otherwise together with
    its smaller neighbour, so that the signs still alternate. If only one is to be removed, it is
    the smaller of the first and last one.
    """
    chosen: list[int] = []
    for k in range(len(positions)):
        if chosen and errors[k] * errors[chosen[-1]] > 0.0:
            if abs(errors[k]) > abs(errors[chosen[-1]]):
                chosen[-1] = k
        elif errors[k] != 0.0:
            chosen.append(k)
    while len(chosen) > count:
        sizes = np.abs(errors[chosen])
        least, last = int(np.argmin(sizes)), len(chosen) - 1
        if len(chosen) == count + 1 or least in (0, last):
            chosen.pop(0 if sizes[0] < sizes[last] else last)
        else:
            other = least + (1 if sizes[least + 1] < sizes[least - 1] else -1)
            del chosen[min(least, other) : max(least, other) + 1]
    return positions[chosen] if len(chosen) == count else None


def _one_exchanged(
    reference: np.ndarray, errors: np.ndarray, position: float, error: float
) -> np.ndarray:
    """The reference with one point replaced by `position`, so that the signs still alternate."""
    first = 1.0 if errors[0] >= 0.0 else -1.0
    signs, count = first * (-1.0) ** np.arange(len(reference)), len(reference)
    after = int(np.searchsorted(reference, position))
    sign = 1.0 if error > 0.0 else -1.0
    changed = reference.copy()
    if after < count and reference[after] == position:
        return reference
    if after == 0:
        if sign == signs[0]:
            changed[0] = position
        else:
            changed = np.concatenate([[position], reference[:-1]])
    elif after == count:
        if sign == signs[-1]:
            changed[-1] = position
        else:
            changed = np.concatenate([reference[1:], [position]])
    else:
        changed[after if sign == signs[after] else after - 1] = position
    return changed
