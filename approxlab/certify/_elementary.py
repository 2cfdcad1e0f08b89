"""Elementary functions of intervals, each an enclosure of the range.

A monotone function of an interval is enclosed by its values at the two ends, computed by a kernel
whose error has a proved bound, less and plus that bound. Where the function is not defined on the
whole interval nothing is known: [-inf, inf].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from approxlab.certify import _error_functions, _exponentials, _logarithms, _roots, _trigonometry
from approxlab.certify._blocks import blockwise
from approxlab.certify._intervals import Intervals
from approxlab.certify._rounding import down, up

__all__ = [
    "arctan",
    "cbrt",
    "cos",
    "erf",
    "erfc",
    "exp",
    "expm1",
    "log",
    "log1p",
    "logistic",
    "sin",
    "softplus",
    "sqrt",
    "tanh",
]

Kernel = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


def _increasing(kernel: Kernel, z: Intervals, least: float, most: float) -> Intervals:
    """The range of an increasing function whose values lie in [least, most]."""
    with np.errstate(all="ignore"):
        value, bound = kernel(z.lo)
        below = np.maximum(down(value - bound), least)
        if z.hi is not z.lo:
            value, bound = kernel(z.hi)
        return Intervals(below, np.minimum(up(value + bound), most))


@blockwise
def exp(z: Intervals) -> Intervals:
    """The exponential function."""
    return _increasing(_exponentials.exp, z, 0.0, np.inf)


@blockwise
def expm1(z: Intervals) -> Intervals:
    """The function exp(z) - 1."""
    return _increasing(_exponentials.expm1, z, -1.0, np.inf)


@blockwise
def log(z: Intervals) -> Intervals:
    """The natural logarithm; [-inf, inf] where an interval reaches 0 or below."""
    found = _increasing(_logarithms.log, z, -np.inf, np.inf)
    return Intervals.where(z.lo > 0, found, Intervals.entire(z.shape))


@blockwise
def log1p(z: Intervals) -> Intervals:
    """The function log(1 + z); [-inf, inf] where an interval reaches -1 or below."""
    found = _increasing(_logarithms.log1p, z, -np.inf, np.inf)
    return Intervals.where(z.lo > -1, found, Intervals.entire(z.shape))


@blockwise
def sqrt(z: Intervals) -> Intervals:
    """The square root; [-inf, inf] where an interval reaches below 0."""
    with np.errstate(all="ignore"):
        lo, hi = np.sqrt(np.maximum(z.lo, 0.0)), np.sqrt(np.maximum(z.hi, 0.0))
        found = Intervals(np.maximum(down(lo), 0.0), up(hi))
    return Intervals.where(z.lo >= 0, found, Intervals.entire(z.shape))


@blockwise
def cbrt(z: Intervals) -> Intervals:
    """The real cube root."""
    return _increasing(_roots.cbrt, z, -np.inf, np.inf)


@blockwise
def arctan(z: Intervals) -> Intervals:
    """The arc tangent."""
    return _increasing(_trigonometry.arctan, z, -1.5707963267948968, 1.5707963267948968)


@blockwise
def erf(z: Intervals) -> Intervals:
    """The error function."""
    return _increasing(_error_functions.erf, z, -1.0, 1.0)


@blockwise
def erfc(z: Intervals) -> Intervals:
    """1 - erf."""
    return _increasing(lambda x: _error_functions.erfc(-x), -z, 0.0, 2.0)


@blockwise
def tanh(z: Intervals) -> Intervals:
    """The hyperbolic tangent."""
    return _increasing(_exponentials.tanh, z, -1.0, 1.0)


@blockwise
def logistic(z: Intervals) -> Intervals:
    """1 / (1 + exp(-z))."""
    return _increasing(_exponentials.logistic, z, 0.0, 1.0)


@blockwise
def softplus(z: Intervals) -> Intervals:
    """The function log(1 + exp(z))."""
    return _increasing(_logarithms.softplus, z, 0.0, np.inf)


def _cosine_range(z: Intervals, kernel: Kernel, shift: float) -> Intervals:
    """The range of sin(x) = cos(x - pi/2) or cos: its values at the ends, 1 and -1 between.

    The maxima of cos(x - shift pi/2) lie at x = (4 m + shift) pi/2. Whether one lies in an interval
    is decided by q = x / (pi/2) with an error of less than 2^-30: counted in when in doubt.
    """
    with np.errstate(all="ignore"):
        known = z.magnitude <= _trigonometry.LARGEST_ANGLE
        lo, hi = np.where(known, z.lo, 0.0), np.where(known, z.hi, 0.0)
        first, first_bound = kernel(lo)
        last, last_bound = kernel(hi)
        below = np.minimum(down(first - first_bound), down(last - last_bound))
        above = np.maximum(up(first + first_bound), up(last + last_bound))
        start = lo / _trigonometry.HALF_PI_HIGH - shift - 2.0**-30
        end = hi / _trigonometry.HALF_PI_HIGH - shift + 2.0**-30
        top = np.floor(end / 4.0) * 4.0 >= start
        bottom = np.floor((end - 2.0) / 4.0) * 4.0 + 2.0 >= start
        below = np.where(bottom | ~known, -1.0, np.maximum(below, -1.0))
        above = np.where(top | ~known, 1.0, np.minimum(above, 1.0))
        return Intervals(below, above)


@blockwise
def sin(z: Intervals) -> Intervals:
    """The sine; [-1, 1] where an interval reaches beyond 2^20 in size."""
    return _cosine_range(z, _trigonometry.sin, 1.0)


@blockwise
def cos(z: Intervals) -> Intervals:
    """The cosine; [-1, 1] where an interval reaches beyond 2^20 in size."""
    return _cosine_range(z, _trigonometry.cos, 0.0)
