"""Products of matrices of intervals, through products of ordinary matrices of floats.

Statement: for real matrices A in [A] and B in [B], `matmul([A], [B])` contains A B.

Proof. Write A = Ac + dA with |dA| <= Ar, and B alike. Then
|A B - Ac Bc| <= |Ac| Br + Ar (|Bc| + Br). For n terms in each sum the computed P = fl(Ac Bc) obeys
|P - Ac Bc| <= gamma_n |Ac| |Bc| + n 2^-1020 in any order of summation, with fused multiply-adds or
without, and also if numbers below 2^-1022 are flushed to zero (Higham, Accuracy and Stability of
Numerical Algorithms, section 3). Together: radius |Ac| (Br + gamma |Bc|) + Ar (|Bc| + Br). The
radius is itself computed, in at most four roundings besides its sum, which is at least 1 - gamma_n
times the exact one less n 2^-1020: a factor of 1 + 4 (n + 4) u, with its own two roundings, and a
term of 2 n 2^-1020 make up for that. gamma |Bc| alone can underflow, and is rounded upward. No
computed partial result enters the bound: only the matrices themselves.

A product that overflows is not bounded: [-inf, inf].
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.certify._intervals import Intervals
from approxlab.certify._rounding import TINY, UNIT, down, gamma, multiply_up, up

__all__ = ["matmul"]


def matmul(a: Any, b: Any) -> Intervals:
    """An enclosure of A B, with the shapes of `np.matmul`.

    Args:
        a: `Intervals`, or an array of finite floats, which are taken exactly.
        b: The same; at least one of both axes must be summed over, as in `np.matmul`.

    Raises:
        ValueError: If an array holds NaN, infinity or no floats, or the shapes do not fit.

    Example:
        >>> product = matmul(np.array([[1.0, 2.0]]), Intervals(np.zeros((2, 1)), np.ones((2, 1))))
        >>> bool(product.lo[0, 0] <= 0.0 and product.hi[0, 0] >= 3.0)
        True
    """
    left, right = _balls(a), _balls(b)
    terms = left[0].shape[-1]
    pad = gamma(terms)
    with np.errstate(all="ignore"):
        middle = np.matmul(left[0], right[0])
        size_left, size_right = np.abs(left[0]), np.abs(right[0])
        reach = multiply_up(size_right, pad)
        if right[1] is not None:
            reach = right[1] + reach
        radius = np.matmul(size_left, reach)
        if left[1] is not None:
            whole = size_right if right[1] is None else size_right + right[1]
            radius = radius + np.matmul(left[1], whole)
        inflated = radius * (1.0 + 4 * (terms + 4) * UNIT) + 4 * terms * TINY
        # A sum that overflowed on its way says nothing, although its radius may be finite.
        middle = np.where(np.isfinite(middle), middle, np.nan)
        return Intervals(down(middle - inflated), up(middle + inflated))


def _balls(value: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Midpoints and radii; no radii for exact numbers."""
    if not isinstance(value, Intervals):
        value = Intervals.exact(value)
    if value.lo is value.hi:
        return value.lo, None
    with np.errstate(all="ignore"):
        middle = 0.5 * value.lo + 0.5 * value.hi
        radius = np.maximum(value.hi - middle, middle - value.lo)
    return middle, radius
