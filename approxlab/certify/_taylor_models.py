"""Taylor models of second order: polynomials of degree 2 with a proved remainder, on many boxes.

On the box c + r s, s in [-1, 1]^d, a model says

    |u(c + r s) - (value + sum_j slopes_j s_j + sum_{j<=k} curves_jk s_j s_k)| <= rest,

and low <= u <= high besides, which may be better on large boxes. The coefficients are
floating-point numbers; what they were rounded by is part of `rest` (rules of `_error_bounds`).
Arrays are (boxes, n) for n entries, with d or d (d + 1) / 2 in front. Constants have one row for
all boxes.

The difference of two models is taken coefficient by coefficient, therefore what network and target
have in common cancels before any absolute value is taken.

Source: Makino and Berz 2003, "Taylor models and other validated functional inclusion methods".
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.certify._error_bounds import down, exact_sum, gamma, up, upward
from approxlab.certify._intervals import Intervals
from approxlab.certify._sharp_arithmetic import (
    LARGEST_PRODUCT,
    sharp_dot,
    sharp_product,
    sharp_sum,
    sharp_total,
)

__all__ = ["Models", "pairs"]

Array = np.ndarray

_SMALL = 2.0**-1000
_LEAST = 2.0**-1074
_STEPS = 160  # more roundings than any rule here takes, sums over coefficients included


def pairs(dim: int) -> list[tuple[int, int]]:
    """The products of coordinates in the order of `curves`."""
    return [(j, k) for j in range(dim) for k in range(j, dim)]


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Models:
    """Models of n entries on a batch of boxes.

    Attributes:
        value: Shape (boxes, n).
        slopes: Shape (d, boxes, n); None if 0.
        curves: Shape (d (d + 1) / 2, boxes, n); None if 0.
        rest: Shape (boxes, n), not negative; NaN and infinity mean that nothing is known.
        low: Lower bound of the values, shape (boxes, n).
        high: Upper bound.
        sharp: Whether rounding is counted as it really is, see `_sharp_arithmetic`.
    """

    value: Array
    slopes: Array | None
    curves: Array | None
    rest: Array
    low: Array
    high: Array
    sharp: bool = False

    @classmethod
    def constants(cls, values: Array) -> Models:
        """Exact numbers."""
        row = values[None, :]
        return cls(row, None, None, np.zeros_like(row), row, row, sharp=True)

    @classmethod
    def between(cls, low: Array, high: Array) -> Models:
        """Numbers of which only bounds are known."""
        value, rest = middle(low, high)
        return cls(value, None, None, rest, low, high)

    @classmethod
    def of(cls, parts: Any, sharp: bool = False) -> Models:
        """From value, slopes, curves, rest, low and high."""
        value, slopes, curves, rest, low, high = parts
        return cls(value, slopes, curves, rest, low, high, sharp)

    @property
    def linear_size(self) -> Any:
        """Sum of |slopes|, computed."""
        return 0.0 if self.slopes is None else np.abs(self.slopes).sum(axis=0)

    @property
    def curved_size(self) -> Any:
        """Sum of |curves|, computed."""
        return 0.0 if self.curves is None else np.abs(self.curves).sum(axis=0)

    def range(self) -> Intervals:
        """Bounds as intervals."""
        return Intervals(self.low, self.high)

    # Structure

    def take(self, indices: Array) -> Models:
        """Entries in another order."""
        return self.each(lambda part: part[..., indices])

    @staticmethod
    def join(parts: list[Models]) -> Models:
        """Entries one after another."""
        boxes = max(len(p.value) for p in parts)

        def joined(arrays: list[Array | None]) -> Array | None:
            shape = next((a.shape[:-2] for a in arrays if a is not None), None)
            if shape is None:
                return None
            sizes = [p.value.shape[1] for p in parts]
            filled = [
                np.zeros((*shape, boxes, n))
                if a is None
                else np.broadcast_to(a, (*shape, boxes, n))
                for a, n in zip(arrays, sizes, strict=True)
            ]
            return np.concatenate(filled, axis=-1)

        names = ("value", "slopes", "curves", "rest", "low", "high")
        arrays = (joined([getattr(p, name) for p in parts]) for name in names)
        return Models.of(arrays, all(p.sharp for p in parts))

    def where(self, condition: Array, other: Models) -> Models:
        """These where the condition holds, the others elsewhere."""

        def mixed(a: Array | None, b: Array | None) -> Array | None:
            if a is None and b is None:
                return None
            return np.where(condition, 0.0 if a is None else a, 0.0 if b is None else b)

        names = ("value", "slopes", "curves", "rest", "low", "high")
        arrays = (mixed(getattr(self, name), getattr(other, name)) for name in names)
        return Models.of(arrays, self.sharp and other.sharp)

    def each(self, change: Any) -> Models:
        """Every array changed alike, where it is there."""
        parts = (self.value, self.slopes, self.curves, self.rest, self.low, self.high)
        return Models.of((None if p is None else change(p) for p in parts), self.sharp)

    # Arithmetic

    def negative(self) -> Models:
        """-u, exactly."""
        changed = (None if p is None else -p for p in (self.value, self.slopes, self.curves))
        return Models.of((*changed, self.rest, -self.high, -self.low), self.sharp)

    def halved(self) -> Models:
        """U / 2, exactly where nothing is near the least numbers."""
        half = self.each(lambda part: 0.5 * part)
        parts = [p for p in (self.slopes, self.curves) if p is not None]
        rows = [self.value, self.rest, self.low, self.high, *(row for p in parts for row in p)]
        small = np.any([(np.abs(row) < _SMALL) & (row != 0.0) for row in rows], axis=0)
        return dataclasses.replace(
            half,
            rest=np.where(small, upward(half.rest, 2), half.rest),
            low=np.where(small, down(half.low), half.low),
            high=np.where(small, up(half.high), half.high),
        )

    def plus(self, other: Models) -> Models:
        """U + v."""
        value, lost = sharp_sum(self.value, other.value)
        slopes, error = _sum(self.slopes, other.slopes)
        lost = lost + error
        curves, error = _sum(self.curves, other.curves)
        rest = _rest(self.rest + other.rest, lost + error, exact=True)
        low = _sharp_bound(self.low, other.low, down)
        high = _sharp_bound(self.high, other.high, up)
        sharp = self.sharp and other.sharp
        return Models(value, slopes, curves, rest, low, high, sharp).settled()

    def minus(self, other: Models) -> Models:
        """U - v."""
        return self.plus(other.negative())

    def times(self, other: Models) -> Models:
        """U v."""
        a, b = self, other
        sharp = a.sharp and b.sharp
        tally = _Tally(sharp)
        value = tally.product(a.value, b.value)
        slopes = tally.sum(tally.product(a.slopes, b.value), tally.product(b.slopes, a.value))
        curves = tally.sum(tally.product(a.curves, b.value), tally.product(b.curves, a.value))
        curves = tally.sum(curves, tally.outer(a.slopes, b.slopes))
        a1, a2, b1, b2 = a.linear_size, a.curved_size, b.linear_size, b.curved_size
        whole_a, whole_b = np.abs(a.value) + a1 + a2, np.abs(b.value) + b1 + b2
        rest = whole_a * b.rest + whole_b * a.rest + a.rest * b.rest
        rest = rest + (a1 * b2 + a2 * b1 + a2 * b2)
        exact = sharp & (a.rest == 0.0) & (b.rest == 0.0)
        for one, other_one in ((a1, b2), (a2, b1), (a2, b2)):
            exact = exact & ((one == 0.0) | (other_one == 0.0))
        rounding = tally.lost if sharp else gamma(8) * (whole_a * whole_b)
        bounds = a.range() * b.range()
        rest = _rest(rest, rounding, exact)
        return Models(value, slopes, curves, rest, bounds.lo, bounds.hi, sharp).settled()

    def scaled(self, factor: Array, shift: Array, more: Array, low: Array, high: Array) -> Models:
        """Factor u + shift, known up to `more`, where factor and shift are exact numbers."""
        value = factor * self.value + shift
        size = np.abs(factor * self.value) + np.abs(shift)
        size = size + np.abs(factor) * (self.linear_size + self.curved_size)
        rest = upward(np.abs(factor) * self.rest + more + gamma(4) * size, _STEPS)
        slopes, curves = _scaled(self.slopes, factor), _scaled(self.curves, factor)
        return Models(value, slopes, curves, rest, low, high, self.sharp).settled()

    def mapped(self, matrix: Array, bias: Array) -> Models:
        """Matrix @ u + bias."""
        if self.sharp and self.curves is None and matrix.size <= LARGEST_PRODUCT:
            return self._sharply_mapped(matrix, bias)
        n, sizes = matrix.shape[1], np.abs(matrix).T
        value = self.value @ matrix.T + bias
        slopes = None if self.slopes is None else self.slopes @ matrix.T
        curves = None if self.curves is None else self.curves @ matrix.T
        whole = np.abs(self.value) + self.linear_size + self.curved_size
        rounding = gamma(n + 2)
        # What underflows in the rounding of small values is multiplied by weights, so it counts.
        rest = (self.rest + (rounding * whole + _LEAST)) @ sizes + rounding * np.abs(bias)
        return Models(value, slopes, curves, upward(rest, n + _STEPS), *_unknown(value)).settled()

    def _sharply_mapped(self, matrix: Array, bias: Array) -> Models:
        """The same with the errors that there really are, for models without curves."""
        value, lost = sharp_dot(self.value, matrix, bias)
        slopes = None
        if self.slopes is not None:
            mapped = [sharp_dot(part, matrix, 0.0) for part in self.slopes]
            slopes = np.stack([part for part, _ in mapped])
            lost = lost + sum(error for _, error in mapped)
        exact = np.all(self.rest == 0.0, axis=1, keepdims=True)
        rest = _rest(self.rest @ np.abs(matrix).T, lost, exact, matrix.shape[1])
        return Models(value, slopes, None, rest, *_unknown(value), sharp=True).settled()

    def summed(self, groups: int) -> Models:
        """Sums of stretches of equal length."""
        length = self.value.shape[1] // groups

        def total(part: Array) -> Array:
            return part.reshape(*part.shape[:-1], groups, length).sum(axis=-1)

        whole = np.abs(self.value) + self.linear_size + self.curved_size
        rest = upward(total(self.rest + gamma(length) * whole), length + _STEPS)
        value = total(self.value)
        slopes = None if self.slopes is None else total(self.slopes)
        curves = None if self.curves is None else total(self.curves)
        slack = upward(gamma(length) * total(np.abs(self.low)), length + 4)
        low = down(total(self.low) - slack)
        slack = upward(gamma(length) * total(np.abs(self.high)), length + 4)
        high = up(total(self.high) + slack)
        return Models(value, slopes, curves, rest, low, high).settled()

    # Ranges

    def deviation(self) -> Array:
        """An upper bound of |u - value|."""
        if self.sharp:
            bent = [part for part in (self.slopes, self.curves) if part is not None]
            return sharp_total([self.rest, *(np.abs(row) for part in bent for row in part)])
        return upward(self.linear_size + self.curved_size + self.rest, _STEPS)

    def settled(self) -> Models:
        """The bounds tightened by the polynomial; where the rest says less than they, dropped."""
        deviation = self.deviation()
        if self.sharp:
            least = _sharp_bound(self.value, -deviation, down)
            most = _sharp_bound(self.value, deviation, up)
        else:
            least, most = down(self.value - deviation), up(self.value + deviation)
        low = np.fmax(np.where(np.isnan(self.low), -np.inf, self.low), least)
        high = np.fmin(np.where(np.isnan(self.high), np.inf, self.high), most)
        value, rest = middle(low, high)
        worse = ~(self.rest <= rest) & np.isfinite(rest)
        found = Models(self.value, self.slopes, self.curves, self.rest, low, high, self.sharp)
        if not np.any(worse):
            return found
        return Models(value, None, None, rest, low, high, self.sharp).where(worse, found)


def middle(low: Array, high: Array) -> tuple[Array, Array]:
    """A point m and r such that [low, high] lies in [m - r, m + r]."""
    with np.errstate(invalid="ignore"):
        value = 0.5 * low + 0.5 * high
        rest = up(np.maximum(high - value, value - low))
    return np.where(np.isfinite(value), value, 0.0), np.where(low == high, 0.0, rest)


def outer(a: Array | None, b: Array | None) -> Array | None:
    """Coefficients of the product of two linear parts."""
    if a is None or b is None:
        return None
    return np.stack([a[j] * b[k] + a[k] * b[j] if j < k else a[j] * b[j] for j, k in pairs(len(a))])


class _Tally:
    """Products and sums of coefficients, and the errors of all of them, if they are asked for."""

    def __init__(self, sharp: bool) -> None:
        self.sharp = sharp
        self.lost: Any = 0.0

    def product(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return None
        if not self.sharp:
            return a * b
        found, error = sharp_product(a, b)
        self.lost = self.lost + (error.sum(axis=0) if error.ndim > 2 else error)
        return found

    def sum(self, a: Any, b: Any) -> Any:
        if a is None or b is None:
            return b if a is None else a
        if not self.sharp:
            return a + b
        found, error = sharp_sum(a, b)
        self.lost = self.lost + error.sum(axis=0)
        return found

    def outer(self, a: Any, b: Any) -> Any:
        if not self.sharp or a is None or b is None:
            return outer(a, b)
        rows = [
            self.product(a[j], b[k])[None]
            if j == k
            else self.sum(self.product(a[j], b[k])[None], self.product(a[k], b[j])[None])
            for j, k in pairs(len(a))
        ]
        return np.concatenate(rows)


def _rest(rest: Any, lost: Any, exact: Any, terms: int = 0) -> Any:
    """Remainder and rounding as one bound; 0 if both are and `exact` says that none underflowed."""
    total = rest + lost
    return np.where(exact & (total == 0.0), 0.0, upward(total, terms + _STEPS))


def _sum(a: Array | None, b: Array | None) -> tuple[Array | None, Any]:
    """The sum of coefficients, and the sizes of its errors."""
    if a is None or b is None:
        return (b if a is None else a), 0.0
    total, error = sharp_sum(a, b)
    return total, error.sum(axis=0)


def _scaled(part: Array | None, factor: Array) -> Array | None:
    return None if part is None else part * factor


def _sharp_bound(a: Array, b: Array, outward: Any) -> Array:
    """The sum rounded outward, and unchanged where it is exact."""
    total, error = exact_sum(a, b)
    exact = np.isfinite(total) & (error == 0.0)
    return np.where(exact, total, outward(total))


def _unknown(value: Array) -> tuple[Array, Array]:
    return np.full_like(value, -np.inf), np.full_like(value, np.inf)
