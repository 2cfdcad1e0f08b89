"""Products of matrices in float64 with bounds of their rounding, and sums that round nothing."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["EPS", "TINY", "affine", "exact_means", "last_bits", "lost", "sign_of_difference"]

EPS = float(np.finfo(np.float64).eps)
TINY = float(np.finfo(np.float64).tiny)
_NO_BITS = 10**6  # the last bit of zero: zero is a multiple of every power of 2


def affine(
    W: np.ndarray, b: Any, a: np.ndarray, error: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """W a + b for columns a that are known up to `error`, and a bound of the error of each entry.

        |error of W a + b| <= |W| |error of a| + gamma (|W| |a| + |b|),

    for any order of summation. Where a column is exact, and its products and sums have so few bits
    that float64 holds all of them, the bound is 0.

    Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.3.
    """
    gamma = (W.shape[1] + 8) * EPS
    bias = np.reshape(b, (-1, 1))
    z = W @ a + bias
    carried = np.abs(a) + (1 / gamma + 1) * error
    sizes = np.abs(W) @ carried + np.abs(bias)
    underflow = np.where((sizes > 0) | lost(W, carried, sizes), (W.shape[1] + 1) * TINY, 0.0)
    bound = gamma * sizes + underflow
    exact = np.flatnonzero(error.max(axis=0) == 0)
    if len(exact):
        # All products and sums are multiples of 2^bit.
        bit = last_bits(a[:, exact]).min(axis=0) + last_bits(W).min(axis=1)[:, None]
        bit = np.minimum(bit, last_bits(bias))
        largest = (1 + 1e-12) * sizes[:, exact]
        holds = (largest < np.exp2(np.clip(53.0 + bit, -1000, 1000))) & (bit > -1000)
        bound[:, exact] = np.where(holds, 0.0, bound[:, exact])
    return z, bound


def lost(W: np.ndarray, sizes: np.ndarray, products: np.ndarray) -> np.ndarray | bool:
    """Where |W| sizes is zero in float64 only because all of its products underflow."""
    if np.all(products):
        return False
    columns = np.flatnonzero(np.any(products == 0, axis=0) & np.any(sizes, axis=0))
    if not len(columns):
        return False
    found = np.zeros(products.shape, bool)
    one, two = ((array != 0).astype(np.float32) for array in (W, sizes[:, columns]))
    found[:, columns] = (one @ two > 0) & (products[:, columns] == 0)
    return found


def last_bits(x: np.ndarray) -> np.ndarray:
    """The largest k such that x is a multiple of 2^k."""
    mantissa, exponent = np.frexp(x)
    whole = (mantissa * 2.0**53).astype(np.int64)
    last = np.frexp((whole & -whole).astype(np.float64))[1] - 1
    return np.where(whole == 0, _NO_BITS, last + exponent - 53)


def exact_means(
    one: np.ndarray, two: np.ndarray, r: np.ndarray, s: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(one s + two r) / (r + s) for r, s >= 0, and where that is a number of float64, exactly."""
    (h1, l1), (h2, l2), (below, lost) = _product(one, s), _product(two, r), _sum(r, s)
    above, rest = _sum(h1, h2)
    q = above / below
    high, low = _product(q, below)
    exact = (rest == 0) & (l1 + l2 == 0) & (lost == 0) & (high == above) & (low == 0)
    # Errors of products below this may be lost themselves.
    for product, a, b in ((h1, one, s), (h2, two, r), (high, q, below)):
        exact &= (np.abs(product) > 1e-250) | (a == 0) | (b == 0)
    return q, exact


def _sum(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The sum x + y = high + low, exactly (Knuth 1969)."""
    high = x + y
    part = high - x
    return high, (x - (high - part)) + (y - part)


def _product(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """X y = high + low, exactly (Dekker 1971)."""
    high = x * y
    (x1, x2), (y1, y2) = _halves(x), _halves(y)
    return high, ((x1 * y1 - high) + x1 * y2 + x2 * y1) + x2 * y2


def _halves(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shifted = (2.0**27 + 1) * x
    first = shifted - (shifted - x)
    return first, x - first


def sign_of_difference(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> np.ndarray:
    """The sign of a b - c d, exactly."""
    one, two = _product(a, b), _product(c, d)
    rest = (one[0] - two[0]) + (one[1] - two[1])
    same = (one[0] == two[0]) & (one[1] == two[1])
    return np.where(same, 0.0, np.sign(rest))
