"""From inner products with the residual to scores, the same for all ways to come by them."""

from __future__ import annotations

import numpy as np

__all__ = ["gains"]

_NEW = 1e-26  # |P g|^2 below this part of |g|^2 is rounding, even if computed as a vector


def gains(
    products: np.ndarray, squares: np.ndarray, new: np.ndarray, visible: np.ndarray
) -> np.ndarray:
    """|<r, g>| / |P g| of units that are seen and not dependent, -1 of all others."""
    good = visible & (new > _NEW * squares)
    return np.where(good, products / np.sqrt(np.where(good, new, 1.0)), -1.0)
