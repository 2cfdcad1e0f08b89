"""Arrays of intervals of real numbers, with end points that are floats and rounded outward."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from approxlab.certify._rounding import LARGEST, TINY, down, gamma, up

__all__ = ["Intervals"]


@dataclass(frozen=True, slots=True, eq=False)
class Intervals:
    """An array of closed intervals [lo, hi] of real numbers.

    Every operation returns intervals that contain the exact result for every choice of real
    numbers in its arguments (an infinite end point means unbounded: infinity itself is not a
    member). Where nothing is known, as after 0/0, the interval is [-inf, inf]; an end point that
    would be NaN becomes [-inf, inf] as well, so that no comparison with NaN is ever made.

    Attributes:
        lo: Lower end points, float64, of any shape.
        hi: Upper end points, float64, of the same shape.

    Raises:
        ValueError: If the shapes differ or an upper end point is below its lower one.

    Example:
        >>> third = Intervals.exact([1.0]) / Intervals.exact([3.0])
        >>> bool(third.lo[0] < third.hi[0])
        True
    """

    lo: Any
    hi: Any

    __array_ufunc__ = None  # so that array + Intervals asks Intervals

    def __post_init__(self) -> None:
        lo, hi = np.asarray(self.lo, np.float64), np.asarray(self.hi, np.float64)
        if lo.shape != hi.shape:
            raise ValueError(f"lo, hi: got shapes {lo.shape} and {hi.shape}, expected one shape.")
        ordered = lo <= hi
        if not ordered.all():
            unknown = np.isnan(lo) | np.isnan(hi)
            if not (ordered | unknown).all():
                first = int(np.flatnonzero(~(ordered | unknown))[0])
                raise ValueError(
                    f"lo, hi: got the interval [{lo.flat[first]}, {hi.flat[first]}] at place "
                    f"{first}, expected lo <= hi. Sort the end points."
                )
            lo, hi = np.where(unknown, -np.inf, lo), np.where(unknown, np.inf, hi)
        object.__setattr__(self, "lo", lo)
        object.__setattr__(self, "hi", hi)

    @staticmethod
    def exact(array: Any) -> Intervals:
        """The numbers of an array, each as the interval that holds it alone.

        Args:
            array: float64, float32, float16 or integers up to 2^53 in size; all are doubles
                exactly.

        Raises:
            ValueError: If a number is NaN, infinite or not a double.
        """
        given = np.asarray(array)
        if given.dtype.kind not in "fiub" or given.dtype.itemsize > 8:
            raise ValueError(
                f"array: got dtype {given.dtype}, expected float64, float32, float16 or integers."
            )
        if given.dtype.kind in "iu" and given.size and np.any((given > 2**53) | (given < -(2**53))):
            raise ValueError(
                "array: got an integer above 2**53 in size, which need not be a double. "
                "Pass float64 numbers."
            )
        numbers = given.astype(np.float64)  # a copy
        if not np.isfinite(numbers).all():
            place = int(np.flatnonzero(~np.isfinite(numbers))[0])
            raise ValueError(
                f"array: got {numbers.flat[place]} at place {place}, expected finite numbers."
            )
        return Intervals(numbers, numbers)

    @staticmethod
    def entire(shape: tuple[int, ...]) -> Intervals:
        """[-inf, inf] in that shape: nothing is known."""
        return Intervals(np.full(shape, -np.inf), np.full(shape, np.inf))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of both arrays."""
        return self.lo.shape

    @property
    def magnitude(self) -> Any:
        """The largest absolute value in each interval."""
        return np.maximum(np.abs(self.lo), np.abs(self.hi))

    @property
    def mignitude(self) -> Any:
        """The least absolute value in each interval."""
        return np.maximum(np.maximum(self.lo, -self.hi), 0.0)

    @property
    def midpoint(self) -> Any:
        """A number in each bounded interval, near its middle; NaN or infinite in unbounded ones."""
        with np.errstate(all="ignore"):
            middle = 0.5 * self.lo + 0.5 * self.hi
            return np.clip(middle, self.lo, self.hi)

    @property
    def width(self) -> Any:
        """An upper bound of hi - lo."""
        with np.errstate(all="ignore"):
            return up(self.hi - self.lo)

    def contains(self, value: Any) -> Any:
        """Whether each interval contains the float; False for NaN."""
        return (self.lo <= value) & (value <= self.hi)

    # Arithmetic

    def __neg__(self) -> Intervals:
        return Intervals(-self.hi, -self.lo)

    def __add__(self, other: Any) -> Intervals:
        other = _intervals(other)
        with np.errstate(all="ignore"):
            return Intervals(down(self.lo + other.lo), up(self.hi + other.hi))

    def __sub__(self, other: Any) -> Intervals:
        other = _intervals(other)
        with np.errstate(all="ignore"):
            return Intervals(down(self.lo - other.hi), up(self.hi - other.lo))

    def __mul__(self, other: Any) -> Intervals:
        other = _intervals(other)
        lefts = (self.lo,) if self.lo is self.hi else (self.lo, self.hi)
        rights = (other.lo,) if other.lo is other.hi else (other.lo, other.hi)
        with np.errstate(all="ignore"):
            return _extremes([np.asarray(x * y) for x in lefts for y in rights])

    def __truediv__(self, other: Any) -> Intervals:
        other = _intervals(other)
        with np.errstate(all="ignore"):
            ends = [np.asarray(x / y) for x in (self.lo, self.hi) for y in (other.lo, other.hi)]
            quotient = _extremes(ends)
        touching = (other.lo <= 0) & (other.hi >= 0)
        return _divided_by_zero(self, other, quotient, touching) if touching.any() else quotient

    def __radd__(self, other: Any) -> Intervals:
        return self + other

    def __rmul__(self, other: Any) -> Intervals:
        return self * other

    def __rsub__(self, other: Any) -> Intervals:
        return _intervals(other) - self

    def __rtruediv__(self, other: Any) -> Intervals:
        return _intervals(other) / self

    def square(self) -> Intervals:
        """The squares of the numbers: never negative."""
        least, most = self.mignitude, self.magnitude
        with np.errstate(all="ignore"):
            return Intervals(np.maximum(down(least * least), 0.0), up(most * most))

    def power(self, n: int) -> Intervals:
        """Powers with the integer n: 1 for n = 0, reciprocals of those of -n for n < 0."""
        if n < 0:
            return Intervals(np.ones(self.shape), np.ones(self.shape)) / self.power(-n)
        if n == 0:
            return Intervals(np.ones(self.shape), np.ones(self.shape))
        if n % 2 == 0:
            return Intervals(*_power_of_sizes(self.mignitude, self.magnitude, n))
        least_lo, most_lo = _power_of_sizes(np.abs(self.lo), np.abs(self.lo), n)
        least_hi, most_hi = _power_of_sizes(np.abs(self.hi), np.abs(self.hi), n)
        return Intervals(
            np.where(self.lo < 0, -most_lo, least_lo), np.where(self.hi < 0, -least_hi, most_hi)
        )

    def scaled(self, factor: float) -> Intervals:
        """Times a power of two: exact where nothing underflows, one step outward where it may."""
        if abs(np.frexp(factor)[0]) != 0.5:
            raise ValueError(f"factor: got {factor!r}, expected a power of two.")
        with np.errstate(all="ignore"):
            lo, hi = (self.lo, self.hi) if factor > 0 else (self.hi, self.lo)
            below, above = lo * factor, hi * factor
            lost_below = (np.abs(below) < TINY) & (lo != 0)
            lost_above = (np.abs(above) < TINY) & (hi != 0)
            return Intervals(
                np.where(lost_below, down(below), np.minimum(below, LARGEST)),
                np.where(lost_above, up(above), np.maximum(above, -LARGEST)),
            )

    def __abs__(self) -> Intervals:
        return Intervals(self.mignitude, self.magnitude)

    def minimum(self, other: Any) -> Intervals:
        """The lesser of each pair of numbers."""
        other = _intervals(other)
        return Intervals(np.minimum(self.lo, other.lo), np.minimum(self.hi, other.hi))

    def maximum(self, other: Any) -> Intervals:
        """The greater of each pair of numbers."""
        other = _intervals(other)
        return Intervals(np.maximum(self.lo, other.lo), np.maximum(self.hi, other.hi))

    # Sets

    def hull(self, other: Any) -> Intervals:
        """The least interval that contains both."""
        other = _intervals(other)
        return Intervals(np.minimum(self.lo, other.lo), np.maximum(self.hi, other.hi))

    def intersect(self, other: Any) -> Intervals:
        """What two enclosures of the same number have in common.

        Raises:
            ValueError: If it is empty: then one of the two does not enclose the number.
        """
        other = _intervals(other)
        return Intervals(np.maximum(self.lo, other.lo), np.minimum(self.hi, other.hi))

    def widened(self, radius: Any) -> Intervals:
        """[lo - radius, hi + radius], for radii of at least 0."""
        with np.errstate(all="ignore"):
            return Intervals(down(self.lo - radius), up(self.hi + radius))

    # Shapes

    def _each(self, change: Callable[[np.ndarray], np.ndarray]) -> Intervals:
        lo = change(self.lo)
        return Intervals(lo, lo if self.hi is self.lo else change(self.hi))

    def __getitem__(self, index: Any) -> Intervals:
        return self._each(lambda end: end[index])

    def reshape(self, *shape: Any) -> Intervals:
        """The same intervals in another shape."""
        return self._each(lambda end: end.reshape(*shape))

    def broadcast_to(self, shape: tuple[int, ...]) -> Intervals:
        """Repeated to that shape, as np.broadcast_to."""
        return self._each(lambda end: np.broadcast_to(end, shape))

    def transpose(self, *axes: Any) -> Intervals:
        """The axes in another order."""
        return self._each(lambda end: end.transpose(*axes))

    def __len__(self) -> int:
        return len(self.lo)

    def sum(self, axis: int | tuple[int, ...] | None = None) -> Intervals:
        """Sums along an axis.

        Proof: the sum of n floats in any order errs by at most gamma_(n-1) S, S the sum of their
        sizes, and not at all where that is below 2^-1022. The computed S is at least 1 - gamma_n
        times the exact one, its product with the pad at least 1 - u times, which gamma_(n+1) in
        place of gamma_(n-1) and the factor 1 + 4 gamma_(n+4) more than make up for.
        """
        with np.errstate(all="ignore"):
            below, above = self.lo.sum(axis=axis), self.hi.sum(axis=axis)
            terms = self.lo.size // max(1, below.size)
            pad = gamma(terms + 1) * (1.0 + 4 * gamma(terms + 4))
            radius_below = np.abs(self.lo).sum(axis=axis) * pad
            radius_above = np.abs(self.hi).sum(axis=axis) * pad
            below = np.where(np.isposinf(below), np.nan, below)
            above = np.where(np.isneginf(above), np.nan, above)
            return Intervals(down(below - radius_below), up(above + radius_above))

    @staticmethod
    def stack(parts: Sequence[Intervals], axis: int = 0) -> Intervals:
        """Joined along a new axis."""
        return Intervals(
            np.stack([part.lo for part in parts], axis), np.stack([part.hi for part in parts], axis)
        )

    @staticmethod
    def concatenate(parts: Sequence[Intervals], axis: int = 0) -> Intervals:
        """Joined along an axis."""
        return Intervals(
            np.concatenate([part.lo for part in parts], axis),
            np.concatenate([part.hi for part in parts], axis),
        )

    @staticmethod
    def where(mask: np.ndarray, yes: Intervals, no: Intervals) -> Intervals:
        """The first where the mask is true, the second elsewhere."""
        return Intervals(np.where(mask, yes.lo, no.lo), np.where(mask, yes.hi, no.hi))


def _intervals(value: Any) -> Intervals:
    return value if isinstance(value, Intervals) else Intervals.exact(value)


def _extremes(ends: list[np.ndarray]) -> Intervals:
    """From the least to the greatest of products or quotients of end points, rounded outward.

    End points are never NaN, so that a NaN here is 0 times an infinite end, which is 0 since
    infinity is not a member; or one infinite end by another, which stands for all numbers of one
    sign and may be replaced by the limit 0: the other quotients have the other end of the range.
    """
    least, most = _least_and_most(ends)
    if np.isnan(least).any():
        least, most = _least_and_most([np.where(np.isnan(end), 0.0, end) for end in ends])
    return Intervals(down(least), up(most))


def _least_and_most(ends: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    least, most = ends[0], ends[0]
    for end in ends[1:]:
        least, most = np.minimum(least, end), np.maximum(most, end)
    return least, most


def _divided_by_zero(
    x: Intervals, y: Intervals, quotient: Intervals, touching: np.ndarray
) -> Intervals:
    """Half-lines where 0 is one end of the divisor and the dividend has a sign; else unknown."""
    lo, hi = np.full(touching.shape, -np.inf), np.full(touching.shape, np.inf)
    rising = (y.lo == 0) & (y.hi > 0)
    falling = (y.hi == 0) & (y.lo < 0)
    with np.errstate(all="ignore"):
        lo = np.where(rising & (x.lo > 0), np.maximum(down(x.lo / y.hi), 0.0), lo)
        hi = np.where(rising & (x.hi < 0), np.minimum(up(x.hi / y.hi), 0.0), hi)
        hi = np.where(falling & (x.lo > 0), np.minimum(up(x.lo / y.lo), 0.0), hi)
        lo = np.where(falling & (x.hi < 0), np.maximum(down(x.hi / y.lo), 0.0), lo)
    return Intervals(np.where(touching, lo, quotient.lo), np.where(touching, hi, quotient.hi))


def _power_of_sizes(least: np.ndarray, most: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of least^n from below and most^n from above, by repeated squaring; sizes are >= 0."""
    lo, hi = np.ones(least.shape), np.ones(most.shape)
    with np.errstate(all="ignore"):
        while n:
            if n & 1:
                lo, hi = _times(lo, least, down), _times(hi, most, up)
            n >>= 1
            if n:
                least, most = _times(least, least, down), _times(most, most, up)
    return lo, hi


def _times(x: np.ndarray, y: np.ndarray, outward: Callable[..., np.ndarray]) -> np.ndarray:
    """A product of sizes rounded one way; by 1, and of 0, it is exact."""
    product = x * y
    exact = (x == 1) | (y == 1) | (x == 0) | (y == 0)
    # An infinite size is an unbounded end above and an overflow below; 0 times either is 0.
    return np.where(exact, np.where((x == 0) | (y == 0), 0.0, product), outward(product))
