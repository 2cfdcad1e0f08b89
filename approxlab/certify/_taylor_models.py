"""Taylor models of second order: polynomials of degree 2 with a proved remainder, on many boxes.

On the box c + r s, s in [-1, 1]^d, a model says

    |u(c + r s) - (value + sum_j slopes_j s_j + sum_{j<=k} curves_jk s_j s_k)| <= rest,

and low <= u <= high besides, which may be better on large boxes. The coefficients are floating-point
numbers; what they were rounded by is part of `rest` (rules of `_error_bounds`). Arrays are (boxes, n)
for n entries, with d or d (d + 1) / 2 in front. Constants have one row for all boxes.

The difference of two models is taken coefficient by coefficient, therefore what network and target
have in common cancels before any absolute value is taken.

Source: Makino and Berz 2003, "Taylor models and other validated functional inclusion methods".
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.certify._intervals import Intervals
from approxlab.certify._error_bounds import UNIT, down, exact_sum, gamma, up, upward

__all__ = ["Models", "pairs"]

Array = np.ndarray

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
    """

    value: Array
    slopes: Array | None
    curves: Array | None
    rest: Array
    low: Array
    high: Array

    @classmethod
    def constants(cls, values: Array) -> Models:
        """Exact numbers."""
        row = values[None, :]
        return cls(row, None, None, np.zeros_like(row), row, row)

    @classmethod
    def between(cls, low: Array, high: Array) -> Models:
        """Numbers of which only bounds are known."""
        value, rest = middle(low, high)
        return cls(value, None, None, rest, low, high)

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
        return self._each(lambda part: part[..., indices])

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
                np.zeros((*shape, boxes, n)) if a is None else np.broadcast_to(a, (*shape, boxes, n))
                for a, n in zip(arrays, sizes, strict=True)
            ]
            return np.concatenate(filled, axis=-1)

        names = ("value", "slopes", "curves", "rest", "low", "high")
        return Models(*(joined([getattr(p, name) for p in parts]) for name in names))

    def where(self, condition: Array, other: Models) -> Models:
        """These where the condition holds, the others elsewhere."""

        def mixed(a: Array | None, b: Array | None) -> Array | None:
            if a is None and b is None:
                return None
            return np.where(condition, 0.0 if a is None else a, 0.0 if b is None else b)

        names = ("value", "slopes", "curves", "rest", "low", "high")
        return Models(*(mixed(getattr(self, name), getattr(other, name)) for name in names))

    def _each(self, change: Any) -> Models:
        parts = (self.value, self.slopes, self.curves, self.rest, self.low, self.high)
        return Models(*(None if part is None else change(part) for part in parts))

    # Arithmetic

    def negative(self) -> Models:
        """-u, exactly."""
        changed = (None if p is None else -p for p in (self.value, self.slopes, self.curves))
        return Models(*changed, self.rest, -self.high, -self.low)

    def plus(self, other: Models) -> Models:
        """u + v."""
        value = self.value + other.value
        slopes, curves = _sum(self.slopes, other.slopes), _sum(self.curves, other.curves)
        sums = Models(value, slopes, curves, value, value, value)
        rounding = UNIT * (np.abs(value) + sums.linear_size + sums.curved_size)
        rest = upward(self.rest + other.rest + rounding, _STEPS)
        low = _sharp_sum(self.low, other.low, down)
        high = _sharp_sum(self.high, other.high, up)
        return Models(value, slopes, curves, rest, low, high).settled()

    def minus(self, other: Models) -> Models:
        """u - v."""
        return self.plus(other.negative())

    def times(self, other: Models) -> Models:
        """u v."""
        a, b = self, other
        value = a.value * b.value
        slopes = _sum(_scaled(a.slopes, b.value), _scaled(b.slopes, a.value))
        curves = _sum(_scaled(a.curves, b.value), _scaled(b.curves, a.value))
        curves = _sum(curves, outer(a.slopes, b.slopes))
        a1, a2, b1, b2 = a.linear_size, a.curved_size, b.linear_size, b.curved_size
        whole_a, whole_b = np.abs(a.value) + a1 + a2, np.abs(b.value) + b1 + b2
        rest = whole_a * b.rest + whole_b * a.rest + a.rest * b.rest
        rest = rest + a1 * b2 + a2 * b1 + a2 * b2 + gamma(8) * (whole_a * whole_b)
        bounds = a.range() * b.range()
        return Models(value, slopes, curves, upward(rest, _STEPS), bounds.lo, bounds.hi).settled()

    def scaled(self, factor: Array, shift: Array, more: Array, low: Array, high: Array) -> Models:
        """factor u + shift, known up to `more`, where factor and shift are exact numbers."""
        value = factor * self.value + shift
        size = np.abs(factor * self.value) + np.abs(shift)
        size = size + np.abs(factor) * (self.linear_size + self.curved_size)
        rest = upward(np.abs(factor) * self.rest + more + gamma(4) * size, _STEPS)
        slopes, curves = _scaled(self.slopes, factor), _scaled(self.curves, factor)
        return Models(value, slopes, curves, rest, low, high).settled()

    def mapped(self, matrix: Array, bias: Array) -> Models:
        """matrix @ u + bias."""
        n, sizes = matrix.shape[1], np.abs(matrix).T
        value = self.value @ matrix.T + bias
        slopes = None if self.slopes is None else self.slopes @ matrix.T
        curves = None if self.curves is None else self.curves @ matrix.T
        whole = np.abs(self.value) + self.linear_size + self.curved_size
        rounding = gamma(n + 2)
        rest = (self.rest + rounding * whole) @ sizes + rounding * np.abs(bias)
        return Models(value, slopes, curves, upward(rest, n + _STEPS), *_unknown(value)).settled()

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
        return upward(self.linear_size + self.curved_size + self.rest, _STEPS)

    def settled(self) -> Models:
        """The bounds tightened by the polynomial; where the rest says less than they, dropped."""
        deviation = self.deviation()
        low = np.fmax(np.where(np.isnan(self.low), -np.inf, self.low), down(self.value - deviation))
        high = np.fmin(np.where(np.isnan(self.high), np.inf, self.high), up(self.value + deviation))
        value, rest = middle(low, high)
        worse = ~(self.rest <= rest) & np.isfinite(rest)
        found = Models(self.value, self.slopes, self.curves, self.rest, low, high)
        if not np.any(worse):
            return found
        return Models(value, None, None, rest, low, high).where(worse, found)


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
    return np.stack(
        [a[j] * b[k] + a[k] * b[j] if j < k else a[j] * b[j] for j, k in pairs(len(a))]
    )


def _sum(a: Array | None, b: Array | None) -> Array | None:
    if a is None or b is None:
        return b if a is None else a
    return a + b


def _scaled(part: Array | None, factor: Array) -> Array | None:
    return None if part is None else part * factor


def _sharp_sum(a: Array, b: Array, outward: Any) -> Array:
    """The sum rounded outward, and unchanged where it is exact."""
    total, error = exact_sum(a, b)
    exact = np.isfinite(total) & (error == 0.0)
    return np.where(exact, total, outward(total))


def _unknown(value: Array) -> tuple[Array, Array]:
    return np.full_like(value, -np.inf), np.full_like(value, np.inf)
