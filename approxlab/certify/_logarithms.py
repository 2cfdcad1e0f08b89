"""log, log1p and softplus of floats, with proved bounds of their errors.

u = 2^-53. Core. For 1 + f in [0.70, 1.42], f exact, let s = f / (2 + f), |s| < 0.1765. Then
log(1 + f) = 2 artanh s = 2 s + s R with R = 2 s^2/3 + 2 s^4/5 + ..., and since 2 s = f - s f it is
f - s (f - R), where the leading term has no error. R, with the terms up to s^22, leaves out less
than 2 s^24/25/(1 - s^2) < 2^-62 and is at most 0.0212; s errs relatively by 2 u. R errs by at most
9 u of itself, f - R by u of itself and that, s (f - R) by less than (2 + 1 + 1 + 9 0.0212 / 0.39) u
< 4.6 u of itself, and its size is below 0.176 |f|; the last difference errs by half its last place.
In sum below 0.81 u |f| + u |log(1 + f)| <= 2 u |log(1 + f)|, as |f| <= 1.21 |log(1 + f)|.
At |f| >= 0.29 this is below 0.34 u + 0.25 u absolutely.
"""

from __future__ import annotations

import numpy as np

from approxlab.certify._exponentials import LN2_HIGH, LN2_LOW, exp
from approxlab.certify._rounding import LARGEST, UNIT

__all__ = ["log", "log1p", "softplus"]

_COEFFICIENTS = [2.0 / n for n in range(23, 1, -2)]
_HALF_ROOT = 0.70710678118654746


def _near_one(f: np.ndarray) -> np.ndarray:
    """log(1 + f) for f in [-0.3, 0.42]."""
    s = f / (2.0 + f)
    square = s * s
    series = square * _COEFFICIENTS[0]
    for coefficient in _COEFFICIENTS[1:]:
        series += coefficient
        series *= square
    return f - s * (f - series)


def _split(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole e and f, exact, with x = 2^e (1 + f) and 1 + f between 0.7071 and 1.4143."""
    fraction, exponent = np.frexp(x)
    small = fraction < _HALF_ROOT
    fraction = np.where(small, 2.0 * fraction, fraction)
    return exponent.astype(np.float64) - small, fraction - 1.0


def _assembled(e: np.ndarray, part: np.ndarray, rest: np.ndarray | float = 0.0) -> np.ndarray:
    """E ln 2 + part + rest; e LN2_HIGH is exact since e has 11 bits and LN2_HIGH 32."""
    return e * LN2_HIGH + (part + (e * LN2_LOW + rest))


def log(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The natural logarithm of positive floats; -inf with the bound inf elsewhere.

    `np.frexp` and the difference fraction - 1 are exact (Sterbenz). Proof: for e = 0 the core's
    2 u, the other terms being 0. For e != 0, |log x| >= 0.3465 and |log(1 + f)| <= 0.3467: the core
    errs by 0.6 u, the inner sum by 0.25 u, the outer by half its last place, the constants by
    2^-74. For |log x| < 1/2 the outer one is 0.25 u: 1.1 u / 0.3465 < 3.2 u. Beyond it is u:
    0.85 / 0.5 + 1 < 2.8 u. 3.5 u is used.
    """
    positive = np.where(x > 0, np.minimum(x, LARGEST), 1.0)
    e, f = _split(positive)
    value = _assembled(e, _near_one(f))
    bound = np.abs(value) * (3.5 * UNIT)
    known = (x > 0) & (x < np.inf)
    return np.where(x > 0, value, -np.inf), np.where(known, bound, np.inf)


def log1p(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + x) for floats x > -1; -inf with the bound inf elsewhere.

    Proof. For x in [-0.29, 0.41] the core applies with f = x exactly. Elsewhere y = fl(1 + x) and
    the remainder c = (1 + x) - y is found without error (Knuth's sum), |c| <= u y, and
    log(1 + x) = log y + c / y up to u^2. The bound is that of log but for e = 0, which there means
    f in [-0.2929, -0.29] or [0.41, 0.4143] and |log| >= 0.34: core 0.6 u, inner and outer sum
    0.25 u each: 1.1 / 0.34 < 3.3 u. 3.5 u is used, and 2^-1073 for subnormal numbers.
    """
    inside = np.where(x > -1, np.minimum(x, LARGEST), 0.0)
    near = (inside >= -0.29) & (inside <= 0.41)
    if near.all():
        value = _near_one(inside)
    else:
        y = 1.0 + inside
        rest = y - inside
        lost = (1.0 - rest) + (inside - (y - rest))
        e, f = _split(y)
        exact = np.where(near, inside, f)
        part = _near_one(exact)
        value = np.where(near, part, _assembled(e, part, lost / y))
    bound = np.abs(value) * (3.5 * UNIT) + 2.0**-1073
    known = (x > -1) & (x < np.inf)
    return np.where(x > -1, value, -np.inf), np.where(known, bound, np.inf)


def softplus(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)).

    Proof. exp errs by 2 u, which enters log1p at most as 2 u; for exp(-|x|) <= 0.41 log1p errs by
    2 u: 4 u; beyond, 0.85 2 u + 3.5 u = 5.2 u. For x > 0 the sum adds u and the value is at least
    twice the second term: 0.5 5.2 u + u. 5.5 u is used, and 2^-1072 for subnormal numbers.
    """
    e, _ = exp(-np.abs(x))
    part, _ = log1p(e)
    value = np.maximum(x, 0.0) + part
    return value, value * (5.5 * UNIT) + 2.0**-1072
