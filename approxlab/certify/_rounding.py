"""Rounding outward with nothing but round-to-nearest.

IEEE 754 binary64 addition, subtraction, multiplication, division and square root are correctly
rounded: the computed number is the float nearest to the exact one, so that the exact one lies
between the two neighbours of the computed one. One step in each direction is therefore an
enclosure, subnormal numbers included. Where the exact result overflows, the computed number is inf
and its lower neighbour, the largest float, is a lower bound.

No rounding mode is set and nothing is compiled, so this holds on any platform whose NumPy follows
IEEE 754; `_self_test` asks for that on the machine at hand.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["LARGEST", "TINY", "UNIT", "down", "gamma", "multiply_up", "up"]

UNIT = 2.0**-53
"""u: the relative error of one rounding, in the range of normal numbers."""

TINY = 2.0**-1020
"""More than any absolute error of one operation below the range of normal numbers, flushing
included."""

LARGEST = float(np.finfo(np.float64).max)

_PHI = UNIT + 2 * UNIT**2
_ETA = 2.0**-1074


def up(x: Any) -> Any:
    """A float above x, elementwise: the next one, save by subnormal numbers (the next but one).

    Every real number that rounds to x is below it; inf and NaN stay, and -inf, to which finite
    numbers may have overflowed, becomes -LARGEST or the next number.

    Proof (Rump, Zimmermann, Boldo and Melquiond, BIT 49 (2009), 419-431, in our words). Let 2^e
    <= |x| < 2^(e+1) and let s be the computed step fl(fl(PHI |x|) + ETA), where PHI = u + 2 u^2.
    If u 2^e is normal then fl(PHI |x|) >= PHI 2^e > u 2^e, since rounding is monotone and PHI 2^e a
    float; if it is subnormal, fl(PHI |x|) >= u 2^e and ETA is added exactly. Either way s is above
    u 2^e, half the distance of floats at x, so that x + s rounds to the next float at least. For
    |x| < 2^-1021 that distance is ETA <= s. This is four times as fast as `np.nextafter`.
    """
    start = np.maximum(x, -LARGEST)
    return start + (np.abs(start) * _PHI + _ETA)


def down(x: Any) -> Any:
    """A float below x: -up(-x)."""
    start = np.minimum(x, LARGEST)
    return start - (np.abs(start) * _PHI + _ETA)


def multiply_up(x: Any, y: Any) -> Any:
    """An upper bound of x * y."""
    return up(x * y)


def gamma(n: int) -> float:
    """An upper bound of n u / (1 - n u), the relative error of n roundings in a row.

    Raises:
        ValueError: If n is above 2^40, where sums would need another analysis.
    """
    if n > 2**40:
        raise ValueError(f"n: got {n}, expected at most 2**40 terms in one sum.")
    # n u is exact, 1 - n u is at least 1 - 2^-13, and the two roundings cost less than 4 u.
    return (n * UNIT) / (1.0 - n * UNIT) * (1.0 + 8 * UNIT)
