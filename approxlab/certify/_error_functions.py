"""erf and erfc of floats, with proved bounds of their errors.

u = 2^-53. Two kernels:

Series, |x| <= 1. erf x = x + x (E + x^2 g), E = 2/sqrt(pi) - 1 = 0.128..., g = -0.376... + ...
alternating with decreasing terms; what is left out after x^40 is below 2^-60. The coefficients are
rounded once. At |x| = 1, where all is largest, E + x^2 g errs by at most 1.83 u: coefficients
0.55 u, Horner's rule 0.8 u, the product with x^2 0.29 u, E and the last sum 0.19 u. Its product
with x errs by 0.16 u more, the last sum by u of itself. With erf x >= 0.8427 x: below 3.4 u of
erf x, and below u absolutely for |x| <= 1/2.

Tail, 1/2 <= x <= 27.3. erfc x = exp(-x^2) erfcx x, erfcx by Taylor's polynomial of degree 13 about
the centre of its segment (`_erf_tables`), at a distance of at most h = 1/32 below 1 and x/32
beyond. erfcx is completely monotone: what is left out is at most |a_14| h^14 at the left end of
the segment; |a_14| <= 1/7! everywhere, and |a_n| <= erfcx(x - s) s^-n for every 0 < s <= x: below
2^-60 erfcx(x). x^2 = q + l exactly (Dekker), |l| <= u x^2 < 2^-43, exp(-x^2) = exp(-q) (1 - l) up
to l^2. a_0 is stored in two parts; the rest of the sum is below 0.033 a_0 and errs by at most 3 u
of itself. The errors: exp 1.75 u, rest 0.1 u, the last sum u, the last product u, in all below
3.9 u.
"""

from __future__ import annotations

import numpy as np

from approxlab.certify._erf_tables import DEGREE, coefficients, segment, series
from approxlab.certify._exponentials import exp
from approxlab.certify._rounding import UNIT

__all__ = ["erf", "erfc"]

_LARGEST = 27.3  # erfc(27.3) < 2^-1075
_SPLITTER = 134217729.0  # 2^27 + 1


def _series(x: np.ndarray) -> np.ndarray:
    """The error function for |x| <= 1."""
    square = x * x
    first, *others = series()
    value = square * first
    for coefficient in others[:-1]:
        value += coefficient
        value *= square
    return x + x * (others[-1] + value)


def _tail(x: np.ndarray) -> np.ndarray:
    """The function erfc for 1/2 <= x <= 27.3."""
    q = x * x
    big = x * _SPLITTER
    high = big - (big - x)
    low = x - high
    lost = ((high * high - q) + 2.0 * high * low) + low * low
    index, distance = segment(x)
    rows, low_part = coefficients()
    small = rows[DEGREE][index] * distance
    for n in range(DEGREE - 1, 0, -1):
        small += rows[n][index]
        small *= distance
    first = rows[0][index]
    small += low_part[index]
    small -= (first + small) * lost
    return exp(-q)[0] * (first + small)


def _by_size(x: np.ndarray, near: np.ndarray, at_zero: float, sign: float) -> np.ndarray:
    """at_zero + sign erf(x) from the series where `near`; the tail of |x| elsewhere."""
    if near.all():
        return at_zero + sign * _series(x)
    value = np.empty(x.shape)
    inner = x[near]
    value[near] = at_zero + sign * _series(inner)
    value[~near] = _tail(np.minimum(np.abs(x[~near]), _LARGEST))
    return value


def erfc(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 - erf(x).

    Proof. 1/2 <= x: the tail's 3.9 u, and 2^-1073 where numbers are subnormal. -1 < x < 1/2:
    1 - erf x, which is 0.4795 at least; for x > 0 the series errs by u absolutely and the sum by
    u/2: (1 + 0.5) / 0.4795 u < 3.2 u; for x < 0 by 3.4 u erf and u, relative to 1 + erf: less.
    x <= -1: 2 - erfc(-x): (3.9 0.158 + 1) / 1.84 u < u. 4 u is used.
    """
    near = (x > -1.0) & (x < 0.5)
    value = _by_size(x, near, 1.0, -1.0)
    value = np.where(x <= -1.0, 2.0 - value, value)
    return value, value * (4 * UNIT) + 2.0**-1072


def erf(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The error function.

    Proof. |x| < 1: the series' 3.4 u. Beyond, 1 - erfc |x| >= 0.8427, where the tail is at most
    0.1573 and the sum errs by u/2: (3.9 0.1573 + 0.5) / 0.8427 < 1.4 u. 3.5 u is used, and 2^-1072
    where numbers are subnormal.
    """
    near = np.abs(x) < 1.0
    value = _by_size(x, near, 0.0, 1.0)
    value = np.where(near, value, np.copysign(1.0 - value, x))
    return value, np.abs(value) * (3.5 * UNIT) + 2.0**-1072
