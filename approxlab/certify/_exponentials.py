"""exp, expm1 and what is made of them: tanh, logistic; with proved bounds of their errors.

u = 2^-53 throughout. Every kernel takes floats and returns values and bounds of their errors.

Reduction. x = k ln 2 + r with k = rint(x / ln 2) as computed. ln 2 = L1 + L2 + e, where L1 has 32
bits, L2 is the float nearest to ln 2 - L1, |L2| < 2^-32 and |e| < 2^-86. For |k| <= 1100 < 2^11 the
product k L1 is exact. x - k L1 is exact too: for k != 0 both are multiples of the distance d of
floats at x (|x| > 0.34, so that 2^-54 <= d; L1 is a multiple of 2^-32), and the difference is below
0.35 in size, that is below 2^53 d. k L2 errs by at most 2^-53 2^-21 and k e is below 2^-75; the
last difference is at most 0.35 in size, so that it errs by 2^-55. Together r errs by less than
1.01 2^-55 < 0.2526 u, and |r| <= 0.3467. For k = 0 it is exact.

Series. exp(r) = 1 + r + r^2 q(r), q the terms 1/2 ... r^12/14!; what is left out is below
|r|^15 / 15! / (1 - |r|/16) < 0.008 u r^2. In Horner's rule the last step
1/2 + t has |t| < 0.0634 and errs by 0.5634 u, the product t by 0.0634 u, and what came before,
1/6 + ..., by at most 0.4 u, times |r| 0.138 u: q errs by less than 0.765 u, |q| < 0.5634. With the
roundings of r r and of the product, r^2 q errs by less than (0.765 + 2 0.5634 + 0.008) u r^2
< 1.91 u r^2 < 0.23 u. The tests recompute these numbers in fractions.
"""

from __future__ import annotations

import math

import numpy as np

from approxlab.certify._rounding import LARGEST, UNIT

__all__ = ["LN2_HIGH", "LN2_LOW", "exp", "expm1", "logistic", "tanh"]

LN2_HIGH = float.fromhex("0x1.62e42fee00000p-1")
LN2_LOW = float.fromhex("0x1.a39ef35793c76p-33")
_INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
_COEFFICIENTS = [1.0 / math.factorial(n) for n in range(14, 1, -1)]


def _reduced(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k, r and r^2 q(r), with x = k ln 2 + r."""
    k = np.rint(x * _INVERSE_LN2)
    r = (x - k * LN2_HIGH) - k * LN2_LOW
    q = r * _COEFFICIENTS[0]
    for coefficient in _COEFFICIENTS[1:-1]:
        q += coefficient
        q *= r
    q += _COEFFICIENTS[-1]
    q *= r * r
    return k, r, q


def _power_of_two(k: np.ndarray) -> np.ndarray:
    """2^k for whole numbers -1022 <= k <= 1023, by its bits."""
    return ((k.astype(np.int64) + 1023) << 52).view(np.float64)


def exp(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The exponential function.

    Proof. r + r^2 q errs by 0.23 u and by u times its size, at most 0.414 for r > 0 and 0.293 for
    r < 0. The sum with 1 errs by u if it is above 1 and by u/2 else. Relative to exp(r), with the
    error of r: (0.23 + 0.414) / 1.414 + 1 + 0.2526 < 1.71 if r > 0 is largest, and
    (0.23 + 0.293 + 0.5) / 0.707 + 0.2526 < 1.71 if r < 0 is (in between both are smaller):
    2 u is used. The power of two is exact, save for subnormal results (x < -708): 2^-1074 more.
    Above 709.78 the result may exceed the largest float, which is then the value, with the bound
    inf. Below -746: 0, since exp(-746) < 2^-1075.
    """
    clipped = np.clip(x, -746.0, 710.0)
    k, r, tail = _reduced(clipped)
    fraction = 1.0 + (r + tail)
    if np.max(np.abs(k), initial=0.0) < 1020:
        value = fraction * _power_of_two(k)
        return value, value * (2 * UNIT)
    half = np.rint(0.5 * k)
    value = fraction * _power_of_two(half) * _power_of_two(k - half)
    bound = value * (2 * UNIT) + np.where(k < -1020, 2.0**-1073, 0.0)
    return np.minimum(value, LARGEST), np.where(np.isfinite(value), bound, np.inf)


def expm1(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """exp(x) - 1.

    Computed as ((s - 1) + s r) + s r^2 q with s = 2^k. Proof. For k = 0 the first sum is r, exact:
    1.91 u r^2 + u |value| with |value| >= 0.845 |r| is below 1.8 u relatively. For 1 <= |k| <= 53
    s - 1 is exact, else it errs by u/2 of the larger of s and 1; the first sum errs by half its
    last place, the tail by 0.23 u s, r by 0.2526 u exp(x), the last sum by u. Relative to the
    value: k = 1 is worst at its lower end, value 0.414: 0.25 u + 0.46 u + 0.358 u, that is 2.6 u,
    and 1 u: 3.6 u. k = -1 at its upper end, value 0.293: (0.25 + 0.115 + 0.179) / 0.293 + 1 < 2.9.
    For other k the same sum is below 3.3 u. Above k = 60, 1 is left out of exp(x), 2^-59 of it.
    4 u is used.
    """
    clipped = np.clip(x, -100.0, 710.0)
    k, r, tail = _reduced(clipped)
    if np.max(k, initial=0.0) <= 60:
        scale = _power_of_two(k)
        value = ((scale - 1.0) + scale * r) + scale * tail
        # The last digit of subnormal numbers is exact: there the value is x itself.
        return value, np.abs(value) * (4 * UNIT) + 2.0**-1073
    scale = _power_of_two(np.minimum(k, 60.0))
    plain = ((scale - 1.0) + scale * r) + scale * tail
    half = np.rint(0.5 * k)
    large = (1.0 + (r + tail)) * _power_of_two(half) * _power_of_two(k - half)
    value = np.where(k > 60, large, plain)
    bound = np.abs(value) * (4 * UNIT) + 2.0**-1073
    return np.minimum(value, LARGEST), np.where(np.isfinite(value), bound, np.inf)


def tanh(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The hyperbolic tangent: e / (e + 2) with e = expm1(2 |x|).

    Proof. An error of e enters times 2 / (e + 2); the sum errs by at most u, so does the quotient.
    For 2 |x| < 0.3465, e errs by 1.8 u: 3.8 u. Beyond, e >= 0.414: 0.83 3.6 + 2 < 5 u, and less
    further on. |x| is cut at 20, where 1 - tanh x < 9e-18 < 0.1 u, which the bound covers as well.
    5.1 u is used. Below 2^-1000 in size the value is x up to its last place.
    """
    e, _ = expm1(np.minimum(np.abs(x), 20.0) * 2.0)
    value = e / (e + 2.0)
    return np.copysign(value, x), value * (5.1 * UNIT) + 2.0**-1073


def logistic(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """1 / (1 + exp(-x)), as 1 / (1 + e) or e / (1 + e) with e = exp(-|x|).

    Proof. e errs by 2 u (and 2^-1073 where it may be subnormal), the sum and the quotient by u
    each. An error of e enters times 1 / (1 + e) <= 1 at most: below 4.01 u, squares of u included.
    """
    e, _ = exp(-np.abs(x))
    value = np.where(x < 0, e, 1.0) / (1.0 + e)
    return value, value * (4.1 * UNIT) + 2.0**-1072
