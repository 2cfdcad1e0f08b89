"""exp and expm1 of floats, with proved bounds of their errors.

Reduction. x = k ln 2 + r with k = rint(x / ln 2) as computed. ln 2 = L1 + L2 + e, where L1 has 32
bits, L2 is the float nearest to ln 2 - L1, |L2| < 2^-32 and |e| < 2^-86. For |k| <= 1100 < 2^11 the
product k L1 is exact. x - k L1 is exact too: for k != 0 both are multiples of the distance d of
floats at x (|x| > 0.34, so d >= 2^-54, and L1 is a multiple of 2^-32), and the difference is below
0.35 in size, that is below 2^53 d. k L2 errs by at most 2^-53 2^-21 and k e is below 2^-75; the last
difference is at most 0.35 in size, so that it errs by 2^-55. Together r errs by less than 1.01 2^-55
and |r| <= 0.3467.

Series. exp(r) - 1 = r + r^2 q(r), q the terms 1/2 ... r^12/14! of Taylor's series; what is left
out is below |r|^15 / 15! / (1 - |r|/16) < 1e-19 |r|. Horner's rule gives q with an error below
2.3 u (the last step 1/2 + (r/6 + ...) loses at most u 0.58 and what was lost before at most
0.35 times less and less: in all below 1.2 u 0.58), and r^2 with one of u.
Then p = fl(r + fl(fl(r r) q)) errs by less than |r|^2 0.6 (u + 1.3 u + u) + u |p|, that is by at
most (3.3 0.6 0.347 + 1) u |p| |r| / |p| ... below 2.2 u |r| since |p| <= 1.21 |r|.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from approxlab.certify._rounding import UNIT

__all__ = ["LN2_HIGH", "LN2_LOW", "exp", "expm1"]

LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
_COEFFICIENTS = [1.0 / math.factorial(n) for n in range(14, 1, -1)]


def _reduced(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """k and r with x = k ln 2 + r."""
    k = np.rint(x * _INVERSE_LN2)
    return k, (x - k * LN2_HIGH) - k * LN2_LOW


def _fraction(r: np.ndarray) -> np.ndarray:
    """exp(r) - 1 for |r| <= 0.3467."""
    q = np.full_like(r, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        q *= r
        q += coefficient
    return r + (r * r) * q


def _power_of_two(k: np.ndarray) -> np.ndarray:
    """2^k for whole numbers -1022 <= k <= 1023, by its bits."""
    return ((k.astype(np.int64) + 1023) << 52).view(np.float64)


def exp(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The exponential function: values and bounds of their errors.

    Proof. fl(1 + p) errs relatively by u, p by 2.2 u 0.3467 / 0.707 and r by 1.01 2^-55, in sum
    below 2.6 u; 3 u is used. Below -708 the result, or its half, may be subnormal: 2^-1074 more.
    x > 709.8 overflows: the value is the largest float and the bound infinite. x < -746: 0 with a
    bound of 2^-1074, since exp(-746) < 2^-1075.
    """
    x = np.asarray(x, np.float64)
    clipped = np.clip(x, -746.0, 710.0)
    k, r = _reduced(clipped)
    half = np.rint(0.5 * k)
    value = (1.0 + _fraction(r)) * _power_of_two(half) * _power_of_two(k - half)
    bound = value * (3 * UNIT) + 2.0**-1073
    over = x > 709.0
    if over.any():
        finite = np.minimum(value, np.finfo(np.float64).max)
        bound = np.where(np.isfinite(value), bound, np.inf)
        value = finite
    return value, bound


def expm1(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """exp(x) - 1: values and bounds of their errors.

    Proof. For k = 0 the value is p, with |p| >= 0.84 |r| and r = x exactly: relative error
    2.2 / 0.84 u < 2.7 u. For k != 0 the value is s p + (s - 1) with s = 2^k: s p is exact,
    s - 1 errs by u |s - 1|, their sum by u of itself, p by 2.2 u 0.3467 s and r by 1.01 2^-55 s 1.42.
    With s (p + 1) = exp(x) >= 1.41 for k >= 1 the sum of the terms is at most
    u (0.763 + 0.36) s <= 1.2 u s, and s <= 1.42 exp(x) and exp(x) <= 3.43 |exp(x) - 1|, which makes
    less than 5.9 u; for k <= -1 the parts are smaller. With both roundings below 8 u.
    """
    x = np.asarray(x, np.float64)
    clipped = np.clip(x, -100.0, 710.0)
    k, r = _reduced(clipped)
    p = _fraction(r)
    half = np.rint(0.5 * k)
    first, second = _power_of_two(half), _power_of_two(k - half)
    scale = first * second
    plain = p * first * second + (scale - 1.0)
    large = (1.0 + p) * first * second
    value = np.where(k == 0, p, np.where(k > 60, large, plain))
    bound = np.abs(value) * (8 * UNIT) + 2.0**-1073
    value, bound = _capped(value, bound)
    return value, bound


def _capped(value: np.ndarray, bound: np.ndarray) -> tuple[Any, Any]:
    finite = np.isfinite(value) | np.isnan(value)
    if finite.all():
        return value, bound
    return np.minimum(value, np.finfo(np.float64).max), np.where(finite, bound, np.inf)
