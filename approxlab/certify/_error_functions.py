"""erf and erfc of floats, with proved bounds of their errors.

erfc(x) = exp(-x^2) erfcx(x) for x >= 0, erfcx by Taylor's polynomial of degree 13 about the centre
c of its segment, at a distance of at most h = max(1, 2^e)/32.
erfcx is completely monotone, so that what is left out is at most a_14 at the left end of the
segment times h^14, with a_n <= 1/Gamma(n/2 + 1) near 0 and a_n <= erfcx(x - s) s^-n for all
0 < s <= x. In every segment it is below 2^-58 erfcx(x).
"""

from __future__ import annotations

import math

import numpy as np

from approxlab.certify._erf_tables import DEGREE, coefficients, segment
from approxlab.certify._exponentials import exp
from approxlab.certify._rounding import UNIT

__all__ = ["erf", "erfc"]

_TWO_OVER_ROOT_PI = float.fromhex("0x1.20dd750429b6dp+0")
_SERIES = [(-1) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(14, 0, -1)]
_LARGEST = 27.3  # erfc(27.3) < 2^-1075


def _scaled(x: np.ndarray) -> np.ndarray:
    """erfcx(x) for 0 <= x < 32, relative error below 3 u."""
    index, distance = segment(x)
    rows = coefficients()
    value = rows[DEGREE][index]
    for n in range(DEGREE - 1, -1, -1):
        value *= distance
        value += rows[n][index]
    return value


def _gaussian(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """exp(-x^2) for 0 <= x < 32: x^2 = square + lost exactly (Dekker), lost <= u x^2."""
    square = x * x
    big = x * 134217729.0
    high = big - (big - x)
    low = x - high
    lost = ((high * high - square) + 2.0 * high * low) + low * low
    value, bound = exp(-square)
    return value * (1.0 - lost), bound


def erfc(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 - erf(x): values and bounds of their errors.

    Proof. exp errs by 3 u, 1 - lost by u and (lost)^2 < u^1.7, the product by u, erfcx by 3 u, the
    last product by u: below 10 u, and 2^-1073 where numbers are subnormal. For x < 0,
    erfc(x) = 2 - erfc(-x) >= 1 and both parts are at most 2: below 12 u.
    """
    x = np.asarray(x, np.float64)
    size = np.minimum(np.abs(x), _LARGEST)
    gaussian, bound = _gaussian(size)
    scaled = _scaled(size)
    value = gaussian * scaled
    bound = value * (12 * UNIT) + 2.0**-1072
    negative = x < 0
    value = np.where(negative, 2.0 - value, value)
    bound = np.where(negative, 12 * UNIT, bound)
    return value, bound


def erf(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The error function: values and bounds of their errors.

    Proof. For |x| < 1/2, 2/sqrt(pi) x (1 - x^2/3 + x^4/10 - ...), alternating: what is left out
    after order 28 is below 2^-70; the sum 1 + t, |t| < 0.08, errs by 1.3 u, two products and the
    constant by 3 u: below 5 u. For |x| >= 1/2, 1 - erfc(|x|) with erf >= 0.52 >= erfc 1.08: 12 u
    relative to erfc and u make less than 13 u.
    """
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    near = size < 0.5
    inner = np.where(near, x, 0.0)
    square = inner * inner
    series = np.full_like(square, _SERIES[0])
    for coefficient in _SERIES[1:]:
        series *= square
        series += coefficient
    series = 1.0 + square * series
    small = _TWO_OVER_ROOT_PI * (inner * series)
    outer, _ = erfc(np.where(near, 1.0, size))
    value = np.where(near, small, np.copysign(1.0 - outer, x))
    return value, np.abs(value) * (13 * UNIT) + 2.0**-1072
