"""Sums and products with the errors that they really have, so that exact ones cost nothing.

Piecewise linear networks and polynomials of few and short numbers are often computed without any
rounding. Bounds that count operations do not see that; here every operation is split into its value
and its error (`exact_sum`, `exact_product`), and the errors are added.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.certify._error_bounds import UNIT, exact_product, exact_sum, gamma, upward

__all__ = ["LARGEST_PRODUCT", "sharp_dot", "sharp_product", "sharp_sum", "sharp_total"]

Array = np.ndarray

LARGEST_PRODUCT = 2**14
"""Entries of the largest matrix whose products are split."""
_LARGE, _SMALL = 2.0**400, 2.0**-400


def sharp_sum(a: Any, b: Any) -> tuple[Any, Any]:
    """fl(a + b) and the size of its error; NaN where the sum overflows."""
    total, error = exact_sum(a, b)
    return total, np.abs(error)


def sharp_product(a: Any, b: Any) -> tuple[Any, Any]:
    """fl(a b) and a bound of the size of its error: that size unless numbers are extreme."""
    product, error = exact_product(a, b)
    size = np.abs(product)
    zero = (a == 0.0) | (b == 0.0)
    plain = (np.abs(a) < _LARGE) & (np.abs(b) < _LARGE) & ((size > _SMALL) | zero)
    return product, np.where(plain, np.abs(error), upward(UNIT * size, 4))


def sharp_total(parts: list[Any]) -> Any:
    """An upper bound of a sum of numbers that are not negative; the sum itself if it is exact."""
    total, lost = parts[0], 0.0
    for part in parts[1:]:
        total, error = sharp_sum(total, part)
        lost = lost + error
    return np.where(lost == 0.0, total, upward(total + lost, 4 * len(parts)))


def sharp_dot(rows: Array, matrix: Array, bias: Array | float) -> tuple[Array, Array]:
    """Rows @ matrix.T + bias and a bound of its error, after Ogita, Rump and Oishi 2005, Dot2.

    The errors of all products and sums are added in floating point, with at most 2 n roundings, and
    then to the sum; what is lost there is known too.
    """
    n = matrix.shape[1]
    total = np.broadcast_to(bias, (len(rows), len(matrix))).copy()
    small, size = np.zeros_like(total), np.zeros_like(total)
    for i in range(n):
        a, b = rows[:, i : i + 1], matrix[None, :, i]
        product, error = exact_product(a, b)
        extreme = ~((np.abs(a) < _LARGE) & (np.abs(b) < _LARGE))
        extreme |= ~(np.abs(product) > _SMALL) & (a != 0.0) & (b != 0.0)
        total, rounding = exact_sum(total, product)
        small = small + (rounding + error)
        size = size + (np.abs(rounding) + np.abs(error))
        if np.any(extreme):
            size = size + np.where(extreme, np.inf, 0.0)
    value, rounding = exact_sum(total, small)
    lost = np.abs(rounding) + gamma(2 * n + 4) * size
    exact = (size == 0.0) & (rounding == 0.0)
    return value, np.where(exact, 0.0, upward(lost, 4 * n + 8))
