"""Functions of intervals that are made of others: real powers, sinh, cosh, tan."""

from __future__ import annotations

import numpy as np

from approxlab.certify._elementary import cos, exp, expm1, log, sin
from approxlab.certify._intervals import Intervals

__all__ = ["cosh", "power", "sinh", "tan"]


def power(z: Intervals, exponent: Intervals) -> Intervals:
    """z^exponent = exp(exponent log z) for z > 0, and 0 at z = 0 if the exponent is positive.

    [-inf, inf] where z reaches below 0, or 0 with an exponent that need not be positive.
    """
    shape = np.broadcast_shapes(z.shape, exponent.shape)
    z, exponent = z.broadcast_to(shape), exponent.broadcast_to(shape)
    least, most = np.finfo(np.float64).tiny * 2.0**-52, np.inf
    positive = Intervals(np.clip(z.lo, least, most), np.clip(z.hi, least, most))
    found = exp(exponent * log(positive))
    at_zero = (z.lo == 0) & (exponent.lo > 0)
    # z^e increases with z, so that over [0, hi] it lies between 0 and the values at hi.
    top = Intervals(positive.hi, positive.hi)
    from_zero = Intervals(np.zeros(shape), exp(exponent * log(top)).hi)
    found = Intervals.where(at_zero, from_zero, found)
    return Intervals.where((z.lo > 0) | at_zero, found, Intervals.entire(shape))


def sinh(z: Intervals) -> Intervals:
    """(e + e / (e + 1)) / 2 with e = exp(|x|) - 1, at each end of each interval."""
    below = _sinh_of_points(Intervals(z.lo, z.lo))
    if z.hi is z.lo:
        return below
    return Intervals(below.lo, _sinh_of_points(Intervals(z.hi, z.hi)).hi)


def _sinh_of_points(x: Intervals) -> Intervals:
    e = expm1(abs(x))
    # e / (e + 1) = 1 - exp(-|x|) lies in [0, 1], also where e is unbounded
    share = -expm1(-abs(x))
    found = (e + share).scaled(0.5)
    found = Intervals(np.maximum(found.lo, 0.0), found.hi)
    return Intervals.where(x.lo < 0, -found, found)


def cosh(z: Intervals) -> Intervals:
    """(exp(|x|) + exp(-|x|)) / 2; least where |x| is."""
    size = abs(z)
    below = (exp(Intervals(size.lo, size.lo)) + exp(Intervals(-size.lo, -size.lo))).scaled(0.5)
    above = (exp(Intervals(size.hi, size.hi)) + exp(Intervals(-size.hi, -size.hi))).scaled(0.5)
    return Intervals(np.maximum(below.lo, 1.0), above.hi)


def tan(z: Intervals) -> Intervals:
    """Sine by cosine at each end; [-inf, inf] where the cosine may be 0 inside."""
    inside = cos(z)
    ends = [Intervals(end, end) for end in (z.lo, z.hi)]
    low, high = (sin(end) / cos(end) for end in ends)
    found = low.hull(high)
    return Intervals.where((inside.lo > 0) | (inside.hi < 0), found, Intervals.entire(z.shape))
