"""Polynomials on an interval as Chebyshev series in fractions, and proved ranges of them.

With t in [-1, 1] the position on the interval, T_j T_k = (T_{j+k} + T_{|j-k|}) / 2.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

__all__ = ["Series", "added", "chebyshev_of", "multiplied", "range_of", "scaled", "trimmed"]

Series = tuple[Fraction, ...]  # coefficients of T_0, T_1, ...

_PER_DEGREE = 64  # sampled points per degree: ranges are too wide by a factor of 1.0003


def trimmed(series: Sequence[Fraction]) -> Series:
    """Without zeros at the end."""
    last = max((k for k, c in enumerate(series) if c), default=0)
    return tuple(series[: last + 1]) or (Fraction(0),)


def added(first: Series, second: Series, factor: Fraction | int = 1) -> Series:
    """The sum of one series and a multiple of another."""
    pad = [*first, *[Fraction(0)] * (len(second) - len(first))]
    for k, c in enumerate(second):
        if c:
            pad[k] += factor * c
    return trimmed(pad)


def scaled(series: Series, factor: Fraction | int) -> Series:
    """The series times a factor."""
    return trimmed([factor * c for c in series])


def multiplied(first: Series, second: Series) -> Series:
    """The product of two series, in integers over a common denominator."""
    below = [math.lcm(*(c.denominator for c in series)) for series in (first, second)]
    left = [(j, int(c * below[0])) for j, c in enumerate(first) if c]
    right = [(k, int(c * below[1])) for k, c in enumerate(second) if c]
    out = [0] * (len(first) + len(second) - 1)
    for j, a in left:
        for k, b in right:
            product = a * b
            out[j + k] += product
            out[abs(j - k)] += product
    whole = 2 * below[0] * below[1]
    return trimmed([Fraction(v, whole) if v else Fraction(0) for v in out])


def chebyshev_of(
    basis: str, coefficients: Sequence[Fraction], at: Fraction, per: Fraction
) -> Series:
    """The series in t of sum_k c_k B_k(at + per t), for the basis B.

    By the recurrence of the basis, (k + 1) B_{k+1} = (a_k) y B_k - (b_k) B_{k-1}, y = at + per t.
    """
    y = trimmed([at, per])
    before: Series = (Fraction(0),)
    here: Series = (Fraction(1),)
    total: Series = (Fraction(0),)
    for k, c in enumerate(coefficients):
        total = added(total, here, c)
        if basis == "monomial":
            up, down = Fraction(1), Fraction(0)
        elif basis == "chebyshev":
            up, down = Fraction(2 if k else 1), Fraction(1 if k else 0)
        else:  # legendre
            up, down = Fraction(2 * k + 1, k + 1), Fraction(k, k + 1)
        if k + 1 < len(coefficients):
            before, here = here, added(scaled(multiplied(y, here), up), before, -down)
    return total


def range_of(series: Series) -> tuple[Fraction, Fraction]:
    """Numbers below and above all values on [-1, 1].

    A polynomial of degree n is at most 1 / cos(n pi / 2N) times its largest size at the N + 1
    extrema of T_N (Ehlich and Zeller 1964). Rounding is covered by the room that is left.
    """
    degree = len(series) - 1
    if degree == 0:
        return series[0], series[0]
    if degree == 1:
        return series[0] - abs(series[1]), series[0] + abs(series[1])
    count = _PER_DEGREE * degree
    values = np.polynomial.chebyshev.chebval(
        np.cos(math.pi * np.arange(count + 1) / count), [float(c) for c in series]
    )
    top, bottom = float(np.max(values)), float(np.min(values))
    middle, half = 0.5 * (top + bottom), 0.5 * (top - bottom)
    half /= math.cos(math.pi * degree / (2 * count))
    half += 2.0**-45 * degree * sum(abs(float(c)) for c in series)
    return Fraction(middle - half), Fraction(middle + half)
