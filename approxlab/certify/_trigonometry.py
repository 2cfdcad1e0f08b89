"""sin and cos of floats up to 2^20 in size, and arctan, with proved bounds of their errors.

Reduction. pi/2 = P1 + P2 + P3 + P4 + e, where P1, P2, P3 have at most 33 bits each and
|e| < 2^-157; k = rint(x / (pi/2)) as computed, |k| < 2^20. So k P1, k P2 and k P3 are exact. The
differences x - k P1, then - k P2, - k P3 and - k P4 are kept as an unevaluated sum of two floats
(Knuth's sum, without error; the two low parts together lose less than 2^-104 of their size).
"""

from __future__ import annotations

import math

import numpy as np

from approxlab.certify._rounding import UNIT

__all__ = ["HALF_PI_HIGH", "HALF_PI_LOW", "LARGEST_ANGLE", "arctan", "cos", "sin"]

LARGEST_ANGLE = 2.0**20
HALF_PI_HIGH = float.fromhex("0x1.921fb54442d18p+0")
HALF_PI_LOW = float.fromhex("0x1.1a62633145c07p-54")
_INVERSE = float.fromhex("0x1.45f306dc9c883p-1")
_PARTS = [
    float.fromhex(digits)
    for digits in (
        "0x1.921fb54400000p+0",
        "0x1.0b4611a600000p-34",
        "0x1.3198a2e000000p-69",
        "0x1.b839a252049c1p-104",
    )
]
_SINE = [(-1) ** n / math.factorial(2 * n + 1) for n in range(9, 0, -1)]
_COSINE = [(-1) ** n / math.factorial(2 * n) for n in range(9, 1, -1)]


def _two_sum(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rounded sum and what it lost, exactly (Knuth)."""
    total = a + b
    rest = total - a
    return total, (a - (total - rest)) + (b - rest)


def _reduced(x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """k, high and low with x = k pi/2 + high + low up to 2^-100, |high| < 0.7855."""
    k = np.rint(x * _INVERSE)
    high, low = _two_sum(x, -k * _PARTS[0])
    for part in _PARTS[1:]:
        high, lost = _two_sum(high, -k * part)
        low = low + lost
    high, low = _two_sum(high, low)
    return k, high, low


def _horner(coefficients: list[float], square: np.ndarray) -> np.ndarray:
    value = np.full_like(square, coefficients[0])
    for coefficient in coefficients[1:]:
        value *= square
        value += coefficient
    return value


def _sine(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """sin(high + low) = high + (high^3 S + low (1 - high^2/2)), relative error below 3 u."""
    square = high * high
    cube = square * high
    return high + (cube * _horner(_SINE, square) + low * (1.0 - 0.5 * square))


def _cosine(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """cos(high + low) = 1 - (high^2/2 - (high^4 C - high low)), relative error below 4 u."""
    square = high * high
    tail = square * square * _horner(_COSINE, square) - high * low
    return 1.0 - (0.5 * square - tail)


def _turned(x: np.ndarray, quarter: int) -> tuple[np.ndarray, np.ndarray]:
    """sin(x + quarter pi/2), |x| <= 2^20."""
    small = np.where(np.abs(x) <= LARGEST_ANGLE, x, 0.0)
    k, high, low = _reduced(small)
    turn = (k.astype(np.int64) + quarter) & 3
    value = np.where(turn & 1, _cosine(high, low), _sine(high, low))
    value = np.where(turn & 2, -value, value)
    # The reduction errs by less than 2^-100; the result is as near to 0 as 2^-1074 only at x = 0.
    bound = np.abs(value) * (4 * UNIT) + np.where(k == 0, 2.0**-1073, 2.0**-100)
    known = np.abs(x) <= LARGEST_ANGLE
    return np.where(known, value, 0.0), np.where(known, bound, 1.0)


def sin(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sine: values and bounds of their errors; 0 with the bound 1 beyond 2^20.

    Proof. Taylor's series is alternating with decreasing terms for |high| <= 0.7855: sin without
    the term of order 21 errs by less than 0.7855^21/21! < 2^-72 |sin|. |high|^3 S <= 0.104 |high|:
    its parts err by less than 5 u of it (cube 2 u, S 2 u, product u), so 0.52 u |high|, the inner
    sum by 0.11 u |high|, |low| <= u |high| makes u^2 terms, and the last sum errs by u of itself.
    With |high| <= 1.12 |sin| below 1.8 u. For cos the parts of 0.5 high^2 <= 0.3085 err by 2 u of
    it, tail <= 0.016 by 6 u of it, both sums by u: below (0.62 + 0.1 + 0.31) u + u cos
    <= (1.03 / 0.707 + 1) u < 2.5 u.
    """
    return _turned(np.asarray(x, np.float64), 0)


def cos(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The cosine: values and bounds of their errors, as for the sine."""
    return _turned(np.asarray(x, np.float64), 1)


_STEPS = 16


def _arctan_table() -> tuple[np.ndarray, np.ndarray]:
    """arctan(j / 16) for j = 0 ... 16 as sums of two floats, from Euler's series in integers."""
    bits = 200
    high, low = [], []
    for j in range(_STEPS + 1):
        # arctan t = t/(1+t^2) sum of (2n)!!/(2n+1)!! (t^2/(1+t^2))^n, all terms positive
        below = _STEPS**2 + j**2
        term = (j * _STEPS << bits) // below
        total, n = 0, 0
        while term:
            total += term
            n += 1
            term = term * 2 * n * j**2 // ((2 * n + 1) * below)
        first = math.ldexp(total >> (bits - 100), -100)
        high.append(first)
        rest = total - int(math.ldexp(first, 100)) * (1 << (bits - 100))
        low.append(math.ldexp(rest, -bits))
    return np.array(high), np.array(low)


_ARCTAN_HIGH, _ARCTAN_LOW = _arctan_table()
_ARCTAN = [(-1) ** n / (2 * n + 1) for n in range(6, 0, -1)]


def arctan(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arc tangent: values and bounds of their errors.

    Proof. For |x| > 1, arctan x = pi/2 - arctan(1/x) with t = 1/|x| in [0, 1]; j = rint(16 t),
    arctan t = arctan(j/16) + arctan(w), w = (t - j/16) / (1 + t j/16), |w| <= 1/32. t - j/16 is
    exact (both multiples of the distance of floats at t where j > 0). w errs relatively by 3 u,
    its arctan by 5 u of at most 1/32 (the series leaves out w^15/15 < 2^-78 |w|). For j = 0 and
    |x| < 1 the relative error is the series' alone: w = t exactly, the correction below |w|/3000
    errs by 4 u of it, so less than 1.1 u. For j > 0, arctan t >= 0.031 and the sum errs by
    5 u |w| + u (arctan t) <= 6 u arctan t. 1/|x| errs by u relatively, that is by u 1/|x| <= u, and
    pi/2 - arctan >= 0.78 with two sums: (1 + 6 0.79 + 2) u / 0.78 in all below 10 u for |x| > 1.
    12 u is used.
    """
    x = np.asarray(x, np.float64)
    size = np.abs(x)
    outside = size > 1.0
    t = np.where(outside, 1.0 / np.where(outside, size, 1.0), size)
    j = np.rint(_STEPS * t)
    node = j / _STEPS
    w = (t - node) / (1.0 + t * node)
    square = w * w
    index = j.astype(np.int64)
    small = w + (w * square * _horner(_ARCTAN, square) + _ARCTAN_LOW[index])
    value = _ARCTAN_HIGH[index] + small
    value = np.where(outside, HALF_PI_HIGH - (value - HALF_PI_LOW), value)
    bound = value * (12 * UNIT) + 2.0**-1073
    return np.copysign(value, x), bound
