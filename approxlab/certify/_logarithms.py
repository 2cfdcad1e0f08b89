"""log and log1p of floats, with proved bounds of their errors.

Core. For a number 1 + f in [0.70, 1.42] and s = f / (2 + f), log(1 + f) = 2 artanh s
= 2 s (1 + s^2/3 + s^4/5 + ...), |s| < 0.1766. What is left out after s^22/23 is below
s^24 / 25 / (1 - s^2) < 2^-61. The computed s errs relatively by 2 u (sum, quotient), which enters
log(1 + f) as at most 2.1 u since the derivative of log artanh is below 1.03 / s; the series in
parentheses, 1 + t with t < 0.0107, errs by at most u (its last sum) + 0.05 u; one product more: u;
the factor 2 is exact. In sum below 4.2 u, relative to log(1 + f), if f is exact.
"""

from __future__ import annotations

import numpy as np

from approxlab.certify._exponentials import LN2_HIGH, LN2_LOW
from approxlab.certify._rounding import UNIT

__all__ = ["log", "log1p"]

_COEFFICIENTS = [1.0 / n for n in range(23, 1, -2)]
_HALF_ROOT = 0.70710678118654746


def _near_one(f: np.ndarray) -> np.ndarray:
    """log(1 + f) for f in [-0.3, 0.42]."""
    s = f / (2.0 + f)
    square = s * s
    series = np.full_like(f, _COEFFICIENTS[0])
    for coefficient in _COEFFICIENTS[1:]:
        series *= square
        series += coefficient
    series *= square
    series += 1.0
    return 2.0 * (s * series)


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """e and f, exact, with x = 2^e (1 + f) and 1 + f between 0.7071 and 1.4143."""
    fraction, exponent = np.frexp(x)
    small = fraction < _HALF_ROOT
    fraction = np.where(small, 2.0 * fraction, fraction)
    return exponent.astype(np.float64) - small, fraction - 1.0


def _assembled(e: np.ndarray, part: np.ndarray) -> np.ndarray:
    """E ln 2 + part; e LN2_HIGH is exact since e has 11 bits and LN2_HIGH 32."""
    return e * LN2_HIGH + (part + e * LN2_LOW)


def log(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The natural logarithm of positive floats: values and bounds of their errors.

    `np.frexp` and the difference fraction - 1 are exact (Sterbenz). Proof: for e = 0 the core's
    4.2 u. For e != 0, |log x| >= 0.3465 and |log(1 + f)| <= 0.3467: the core errs by 4.2 u |log x|
    at most, the inner sum by u 0.35, the outer by u |log x|, the constants by 2^-74: below 6.3 u.
    7 u is used. At 0 the value is -inf.
    """
    x = np.asarray(x, np.float64)
    positive = np.where(x > 0, np.minimum(x, np.finfo(np.float64).max), 1.0)
    e, f = _split(positive)
    value = _assembled(e, _near_one(f))
    bound = np.abs(value) * (7 * UNIT)
    return np.where(x > 0, value, -np.inf), np.where(x > 0, bound, np.inf)


def log1p(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + x) for floats x > -1: values and bounds of their errors.

    Proof. For x in [-0.29, 0.41] the core applies with f = x exactly. Elsewhere y = fl(1 + x) and
    the remainder c = (1 + x) - y is found without error (Knuth's sum), |c| <= u y, and
    log(1 + x) = log y + c / y up to u^2. |log y| >= 0.34, so that the quotient (u^2), the sum
    (1.1 u) and log's 6.3 u stay below 8 u, which is used. Results below 2^-1021 in size are x up to
    their last digit: 2^-1074 more.
    """
    x = np.asarray(x, np.float64)
    inside = np.where(x > -1, np.minimum(x, np.finfo(np.float64).max), 0.0)
    near = (inside >= -0.29) & (inside <= 0.41)
    y = 1.0 + inside
    rest = y - inside
    lost = (1.0 - rest) + (inside - (y - rest))
    e, f = _split(y)
    far = _assembled(e, _near_one(f)) + lost / y
    value = np.where(near, _near_one(np.where(near, inside, 0.0)), far)
    bound = np.abs(value) * (8 * UNIT) + 2.0**-1073
    return np.where(x > -1, value, -np.inf), np.where(x > -1, bound, np.inf)
