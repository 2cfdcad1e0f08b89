"""Taylor coefficients of erfcx(x) = exp(x^2) erfc(x) about many centres, from integers alone.

From the equation f' = 2 x f - 2/sqrt(pi) the coefficients a_n = f^(n)(c)/n! obey
(n + 1) a_(n+1) = 2 c a_n + 2 a_(n-1) for n >= 1 and a_1 = 2 c a_0 - 2/sqrt(pi). They alternate in
sign, since erfcx(x) = 2/sqrt(pi) times the integral of exp(-t^2 - 2 x t) over t > 0. The ratios
q_n = -a_n / a_(n-1) > 0 are q_n = 2 / (2 c + (n + 1) q_(n+1)), a continued fraction whose
convergents from q_N = 0 and from q_N = infinity lie on both sides of it: N is doubled until both
agree.
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction

import numpy as np

__all__ = ["DEGREE", "END", "coefficients", "segment", "series"]

DEGREE = 13
END = 32.0
_BITS = 160
_SEGMENTS = range(8, 96)  # 16 on [0, 1) and 16 in each octave up to 32; those from 1/2 on


def segment(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The segment of each x in [1/2, 32) and the distance of x from its centre, exact.

    16 segments of width 1/16 on [0, 1), then 16 in each octave [2^e, 2^(e+1)).
    """
    exponent = np.maximum(np.frexp(x)[1] - 1, -1).astype(np.int64)
    # below 1: width 1/16; in [2^e, 2^(e+1)): width 2^e / 16
    width = np.where(exponent < 0, 1.0, ((exponent + 1023).clip(1) << 52).view(np.float64)) / 16.0
    place = np.floor(x / width)
    index = np.where(exponent < 0, place, 16 * exponent + place).astype(np.int64)
    return index - _SEGMENTS.start, x - (place + 0.5) * width


def _centre(index: int) -> tuple[int, int]:
    """Numerator and denominator of the centre of a segment."""
    if index < 16:
        return 2 * index + 1, 32
    octave, place = divmod(index - 16, 16)
    return (2 * (16 + place) + 1) << octave, 32


def _ratios(top: int, bottom: int, count: int, depth: int, start: int) -> list[int]:
    """q_1 ... q_count in fixed point, from q_depth = start."""
    one = 1 << _BITS
    centre = 2 * top * one // bottom
    ratio, found = start, []
    for n in range(depth - 1, 0, -1):
        ratio = 2 * one * one // (centre + (n + 1) * ratio)
        if n <= count:
            found.append(ratio)
    return found[::-1]


def _two_over_root_pi() -> int:
    """2/sqrt(pi) in fixed point: pi by Machin's formula, the root of 4/pi by integers."""
    one = 1 << (2 * _BITS)

    def arctan_of_inverse(n: int) -> int:
        term = total = one // n
        k = 1
        while term:
            term //= -n * n
            total += term // (2 * k + 1)
            k += 1
            if abs(term) <= 1:
                break
        return total

    pi = 4 * (4 * arctan_of_inverse(5) - arctan_of_inverse(239))
    return math.isqrt(4 * one * one // pi)


def _at(index: int) -> list[int]:
    """The coefficients at one centre in fixed point."""
    one = 1 << _BITS
    top, bottom = _centre(index)
    depth = 64
    while True:
        ratios = _ratios(top, bottom, DEGREE, depth, 0)
        other = _ratios(top, bottom, DEGREE, depth, 1 << (2 * _BITS))
        if all(abs(a - b) < (1 << (_BITS - 100)) for a, b in zip(ratios, other, strict=True)):
            break
        depth *= 2
    value = _two_over_root_pi() * one // (2 * top * one // bottom + ratios[0])
    found = [value]
    for ratio in ratios:
        found.append(-found[-1] * ratio // one)
    return found


@functools.cache
def coefficients() -> tuple[np.ndarray, np.ndarray]:
    """Row n holds a_n at every centre; and what a_0 lost by rounding."""
    columns = [[Fraction(a, 1 << _BITS) for a in _at(index)] for index in _SEGMENTS]
    rows = np.array([[float(a) for a in column] for column in columns]).T.copy()
    low = np.array([float(column[0] - Fraction(float(column[0]))) for column in columns])
    return rows, low


@functools.cache
def series() -> list[float]:
    """2/sqrt(pi) (-1)^n / (n! (2 n + 1)) for n = 20 ... 1, then 2/sqrt(pi) - 1."""
    first = Fraction(_two_over_root_pi(), 1 << _BITS)
    found = [float(first * (-1) ** n / (math.factorial(n) * (2 * n + 1))) for n in range(20, 0, -1)]
    return [*found, float(first - 1)]
