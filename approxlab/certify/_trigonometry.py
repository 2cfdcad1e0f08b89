"""sin and cos of floats up to 2^20 in size, and arctan, with proved bounds of their errors.

u = 2^-53. Reduction. pi/2 = P1 + P2 + P3 + P4 + e, where P1, P2, P3 have at most 33 bits each and
|e| < 2^-159; k = rint(x / (pi/2)) as computed, |k| < 2^20. So k P1, k P2 and k P3 are exact, and
x - k P1 too: a multiple of 2^-53 below 0.8 in size (k != 0). The further differences are kept as
a sum of two floats (Knuth's sum, without error). The low parts are multiples of 2^-98 below 2^-52
until P4 enters, so that their sum is exact; then k P4 errs by 2^-84 2^-53, and the low part, at
most 3 u (|high| + 2^-48), by u of itself, and so does the last sum. In all the reduction errs by
less than 2^-103 |high| + 2^-130; the first is nothing beside u |sin| or u |cos|.
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
    """k, high and low with x = k pi/2 + high + low up to 2^-130, |high| < 0.7855."""
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
    """sin(high + low) = high + (high^3 S + low (1 - high^2/2)), relative error below 2 u."""
    square = high * high
    cube = square * high
    return high + (cube * _horner(_SINE, square) + low * (1.0 - 0.5 * square))


def _cosine(high: np.ndarray, low: np.ndarray) -> np.ndarray:
    """cos(high + low) = 1 - (high^2/2 - (high^4 C - high low)), relative error below 3 u."""
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
    bound = np.abs(value) * (3 * UNIT) + np.where(k == 0, 2.0**-1073, 2.0**-130)
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
_ARCTAN = [(-1) ** n / (2 * n + 1) for n in range(7, 0, -1)]


def arctan(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The arc tangent.

    For |x| > 1, arctan |x| = pi/2 - arctan(1/|x|): let t = |x| or 1/|x|, in [0, 1]. j = 0 for
    t < 3/32 and else rint(16 t); arctan t = arctan(j/16) + arctan(w) with
    w = (t - j/16) / (1 + t j/16), |w| <= 1/32 for j > 0.

    Proof. t - j/16 is exact for j > 0 (a multiple of 2^-56 below 2^-5). So w errs relatively by
    2.1 u, its arctan by 3.3 u (what the series leaves out after w^15/15 is below 2^-57 |w|), the
    table by 2^-100, the sum by u: for j > 0, t >= 3/32, so that 3.3 |w| <= 1.1 arctan t: below
    2.2 u. For j = 0, w = t and the series errs by 0.003 4 u and u.
    For |x| > 1 an error of u of t enters as u t / (1 + t^2) <= u/2, the value of arctan t, at most
    0.786, errs by (3.3/32 + 0.5) u, and the last two sums by half a last place and u^2: below
    (0.5 + 0.61 + 0.5) / 0.785 u if the value is below 1, and (0.5 + 0.5 + 1) u else. 3 u is used.
    """
    size = np.abs(x)
    outside = size > 1.0
    t = np.where(outside, 1.0 / np.where(outside, size, 1.0), size)
    j = np.where(t < 0.09375, 0.0, np.rint(_STEPS * t))
    node = j / _STEPS
    w = (t - node) / (1.0 + t * node)
    square = w * w
    index = j.astype(np.int64)
    small = w + (w * square * _horner(_ARCTAN, square) + _ARCTAN_LOW[index])
    value = _ARCTAN_HIGH[index] + small
    value = np.where(outside, HALF_PI_HIGH - (value - HALF_PI_LOW), value)
    bound = value * (3 * UNIT) + 2.0**-1073
    return np.copysign(value, x), bound
