"""Rounding outward with nothing but round-to-nearest.

IEEE 754 binary64 addition, subtraction, multiplication, division and square root are correctly
rounded: the computed number is the float nearest to the exact one, so that the exact one lies
between the two neighbours of the computed one. One `nextafter` in each direction is therefore an
enclosure, subnormal numbers included. Where the exact result overflows, the computed number is inf
and its lower neighbour, the largest float, is a lower bound.

No rounding mode is set and nothing is compiled, so this holds on any platform whose NumPy follows
IEEE 754; `_self_test` asks for that on the machine at hand.
"""

from __future__ import annotations

import numpy as np

__all__ = ["LARGEST", "TINY", "UNIT", "add_up", "down", "gamma", "multiply_up", "up"]

UNIT = 2.0**-53
"""u: the relative error of one rounding, in the range of normal numbers."""

TINY = 2.0**-1020
"""More than any absolute error of one operation below the range of normal numbers, flushing
included."""

LARGEST = float(np.finfo(np.float64).max)


def down(x: np.ndarray | np.floating | float) -> np.ndarray:
    """The next float below, elementwise; -inf and NaN stay."""
    return np.nextafter(x, -np.inf)


def up(x: np.ndarray | np.floating | float) -> np.ndarray:
    """The next float above, elementwise; +inf and NaN stay."""
    return np.nextafter(x, np.inf)


def add_up(x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
    """An upper bound of x + y."""
    return up(x + y)


def multiply_up(x: np.ndarray, y: np.ndarray | float) -> np.ndarray:
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
