"""Bounds on rounding that need no directed modes: everything is computed to nearest and inflated.

Let u = 2^-53. A sum of products of non-negative numbers that is computed with at most k roundings
along any path, in any order, fused or not, is at least (1 - k u) of its exact value, unless it
underflows; `upward` makes up for that, and its absolute part covers up to 2^70 underflows. A sum of
n products of any signs is computed with an error of at most gamma(n) times the sum of the absolute
values of the products, where gamma(n) >= n u / (1 - n u) (Higham 2002, section 3.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = [
    "down",
    "exact_difference",
    "exact_product",
    "exact_sum",
    "gamma",
    "times_sizes",
    "up",
    "upward",
]

UNIT = 2.0**-53
_TINY = 2.0**-1000


def gamma(n: int) -> float:
    """An upper bound of n u / (1 - n u), for n up to 2^40."""
    if n > 2**40:
        raise ValueError(f"n: got {n}, expected at most 2^40 terms.")
    return (n + 1) * UNIT * 1.001


def upward(value: Any, k: int) -> Any:
    """At least the exact value of a non-negative expression that took at most k roundings.

    The factor is a binary64 number, and leaves 2 u more than the k roundings and its own one need:
    where `_TINY` is lost in the sum, these cover the underflows.
    """
    return value * (1.0 + (k + 4) * (2.0 * UNIT)) + _TINY


def times_sizes(factor: Any, *sizes: Any) -> Any:
    """At least the product of non-negative numbers, up to roundings that `upward` makes up for.

    Sizes come with the largest first. Squares of sizes may underflow where the factor is large, as
    second derivatives are: so the factor is multiplied first. It is at least 2^-1000 here:
    no product underflows as long as sizes are at least 1, and an underflow is not multiplied by
    more than 1 afterwards.
    """
    product = factor + _TINY
    for size in sizes:
        product = product * size
    return product


def up(value: Any) -> Any:
    """The next number above."""
    return np.nextafter(value, np.inf)


def down(value: Any) -> Any:
    """The next number below."""
    return np.nextafter(value, -np.inf)


def exact_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """(s, e) with s = fl(a + b) and s + e = a + b exactly, barring overflow (Knuth 1969)."""
    s = a + b
    back = s - a
    return s, (a - (s - back)) + (b - back)


def exact_difference(a: Any, b: Any) -> tuple[Any, Any]:
    """(s, e) with s = fl(a - b) and s + e = a - b exactly, barring overflow."""
    return exact_sum(a, -b)


def exact_product(a: Any, b: Any) -> tuple[Any, Any]:
    """(p, e) with p = fl(a b) and p + e = a b exactly (Dekker 1971).

    For factors between 2^-400 and 2^400, or 0.
    """
    p = a * b
    a_high, a_low = _split(a)
    b_high, b_low = _split(b)
    error = a_low * b_low - (((p - a_high * b_high) - a_low * b_high) - a_high * b_low)
    return p, error


def _split(a: Any) -> tuple[Any, Any]:
    scaled = 134217729.0 * a  # 2^27 + 1
    high = scaled - (scaled - a)
    return high, a - high
