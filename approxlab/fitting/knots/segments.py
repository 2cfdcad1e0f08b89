"""A lower bound for data: lines on segments that need not meet."""

from __future__ import annotations

import numpy as np

__all__ = ["least_squares_of_segments"]

_ROUNDING = 8.0 * float(np.finfo(float).eps)
_TINY = float(np.finfo(float).tiny)


def least_squares_of_segments(x: np.ndarray, y: np.ndarray, most: int) -> np.ndarray:
    """Least mean squared errors of 1, 2, ..., `most` lines on consecutive parts of the data.

    A spline of n pieces is a line on n consecutive parts, so no spline of n pieces is better.
    By dynamic programming over the last part.

    Args:
        x: Positions, shape (k,).
        y: Values, shape (k,).
        most: Number of lines.

    Returns:
        Lower bounds, shape (most,).
    """
    positions, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    means = np.bincount(which, y) / counts
    scatter = float(np.sum((y - means[which]) ** 2))
    costs = _costs(positions, means, counts)
    best = costs[0]
    found = [best[-1]]
    for _ in range(most - 1):
        best = np.minimum(best, np.min(np.append(0.0, best[:-1])[:, None] + costs, axis=0))
        found.append(best[-1])
    return (np.array(found) + scatter) / len(y)


def _costs(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Sums of squares of the best line on the positions i to j, shape (k, k); inf where i > j.

    Sums start at i with the origin there, so that few digits cancel; what may be rounding is
    subtracted.
    """
    dx, dy = ((z[None, :] - z[:, None]) / max(np.ptp(z), _TINY) for z in (x, y))
    from_i = np.triu(np.broadcast_to(weights, dx.shape))
    w, sx, sy, sxx, sxy, syy = (
        np.cumsum(from_i * z, axis=1) for z in (np.ones_like(dx), dx, dy, dx * dx, dx * dy, dy * dy)
    )
    with np.errstate(all="ignore"):
        spread = sxx - sx * sx / w
        along = (sxy - sx * sy / w) ** 2 / spread
    cost = syy - sy * sy / np.maximum(w, 1.0) - np.where(spread > 0.0, along, 0.0)
    cost = np.maximum(cost - _ROUNDING * len(x) * syy, 0.0) * np.ptp(y) ** 2
    i, j = np.indices(w.shape)
    return np.where(j > i + 1, cost, np.where(j >= i, 0.0, np.inf))
