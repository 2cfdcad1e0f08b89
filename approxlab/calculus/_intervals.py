"""Intervals over NumPy arrays, rounded outward: what a smooth network and its derivatives can be.

Every operation widens its result by a few roundings of its own, so that the exact real numbers stay
inside whatever float64 does. NumPy's and SciPy's functions are taken to be right to 8 roundings.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

__all__ = ["Intervals", "hull"]

_EPS = float(np.finfo(np.float64).eps)
_TINY = float(np.finfo(np.float64).tiny)


@dataclasses.dataclass(frozen=True, eq=False)
class Intervals:
    """Arrays of lower and upper ends, shape (units, n)."""

    low: np.ndarray
    high: np.ndarray

    __array_ufunc__ = None

    def __add__(self, other: Any) -> Intervals:
        low, high = _ends(other)
        return _widened(self.low + low, self.high + high, 1.0)

    __radd__ = __add__

    def __neg__(self) -> Intervals:
        return Intervals(-self.high, -self.low)

    def __sub__(self, other: Any) -> Intervals:
        low, high = _ends(other)
        return _widened(self.low - high, self.high - low, 1.0)

    def __rsub__(self, other: Any) -> Intervals:
        return -self + other

    def __mul__(self, other: Any) -> Intervals:
        low, high = _ends(other)
        ends = (self.low * low, self.low * high, self.high * low, self.high * high)
        least, most = np.minimum.reduce(ends), np.maximum.reduce(ends)
        # What is not zero may underflow to zero.
        some = (self.size > 0) & (np.maximum(np.abs(low), np.abs(high)) > 0)
        return _apart(least, most, _EPS * np.maximum(np.abs(least), np.abs(most)) + _TINY * some)

    __rmul__ = __mul__

    def over(self, other: Any) -> Intervals:
        """Quotients by intervals above zero."""
        low, high = _ends(other)
        return self * _widened(1.0 / high, 1.0 / low, 1.0)

    def squared(self) -> Intervals:
        """The squares, which are not negative."""
        one, two = self.low**2, self.high**2
        low = np.where((self.low <= 0) & (self.high >= 0), 0.0, np.minimum(one, two))
        high = np.maximum(one, two)
        found = _apart(low, high, _EPS * high + _TINY * (self.size > 0))
        return Intervals(np.maximum(found.low, 0.0), found.high)

    def monotone(
        self, function: Any, *, within: tuple[float, float], least: float = _TINY
    ) -> Intervals:
        """The image under an increasing function with values in a range.

        Values that underflow are at least this size; 0 for a function that is exact at zero.
        """
        found = _widened(function(self.low), function(self.high), 8.0)
        low, high = found.low - least, found.high + least
        return Intervals(np.maximum(low, within[0]), np.minimum(high, within[1]))

    def bell(self, function: Any) -> Intervals:
        """The image under an even function above zero that falls with |z|."""
        inside = (self.low <= 0) & (self.high >= 0)
        nearest = np.where(inside, 0.0, np.minimum(np.abs(self.low), np.abs(self.high)))
        found = _widened(function(self.size), function(nearest), 16.0)
        return Intervals(np.maximum(found.low - _TINY, 0.0), found.high + _TINY)

    def waves(self, function: Any, phase: float) -> Intervals:
        """The image under cos(z - phase), given as a function."""
        one, two = function(self.low), function(self.high)
        turns = 2 * np.pi
        # A slightly larger interval: the places of maxima are rounded too.
        more = 8 * _EPS * (np.abs(self.low) + np.abs(self.high) + 1.0)
        low, high = self.low - phase - more, self.high - phase + more
        crest = np.floor(high / turns) >= np.ceil(low / turns)
        trough = np.floor((high - np.pi) / turns) >= np.ceil((low - np.pi) / turns)
        found = _widened(np.minimum(one, two), np.maximum(one, two), 8.0)
        down = np.where(trough, -1.0, np.maximum(found.low, -1.0))
        return Intervals(down, np.where(crest, 1.0, np.minimum(found.high, 1.0)))

    def linear(self, weight: np.ndarray) -> Intervals:
        """W a, for a of shape (in, n)."""
        plus, minus = np.maximum(weight, 0.0), np.minimum(weight, 0.0)
        low = plus @ self.low + minus @ self.high
        high = plus @ self.high + minus @ self.low
        size = np.abs(weight) @ np.maximum(np.abs(self.low), np.abs(self.high))
        return _apart(low, high, (weight.shape[1] + 2) * _EPS * size)

    @property
    def size(self) -> np.ndarray:
        """The largest absolute value."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def meet(self, other: Intervals) -> Intervals:
        """What lies in both."""
        return Intervals(np.maximum(self.low, other.low), np.minimum(self.high, other.high))

    @property
    def signs(self) -> np.ndarray:
        """1 above zero, -1 below, 0 if zero is inside."""
        return np.where(self.low > 0, 1, np.where(self.high < 0, -1, 0))


def hull(low: np.ndarray, high: np.ndarray) -> Intervals:
    """Intervals with these ends, as they are."""
    return Intervals(np.asarray(low, np.float64), np.asarray(high, np.float64))


def _ends(other: Any) -> tuple[Any, Any]:
    return (other.low, other.high) if isinstance(other, Intervals) else (other, other)


def _widened(low: np.ndarray, high: np.ndarray, roundings: float) -> Intervals:
    return Intervals(
        low - roundings * (_EPS * np.abs(low) + _TINY * (low != 0)),
        high + roundings * (_EPS * np.abs(high) + _TINY * (high != 0)),
    )


def _apart(low: np.ndarray, high: np.ndarray, error: np.ndarray) -> Intervals:
    tiny = np.where(error > 0, _TINY, 0.0)
    return Intervals(low - error - tiny, high + error + tiny)
