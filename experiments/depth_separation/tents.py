"""The least L1 error of functions with n affine pieces against the tent map iterated k times.

tent^k has 2^k pieces of length h = 2^-k, between 0 and 1, and L1 distance 1/4 from 1/2.

Lower bound, for all functions with n affine pieces, jumps allowed. A grid cuts every h into cells.
A dynamic program chooses n - 1 cells that hold the knots and leaves them out; the cells between two
of them lie in one piece. On a cell the integral of |f - g| is at least that of f - g in absolute
value, so each run of cells costs at least what the best line costs on the means of the cells. That
cost is bounded by duality: sum phi_i F_i, with |phi_i| <= 1 and sum phi_i = sum phi_i x_i = 0,
which reweighted least squares give. The bound holds up to rounding.

Upper bound: the first n - 1 pieces are those of tent^k, the last of them up to its middle, where
the constant 1/2 begins. Its error is exactly (1 - (n - 3/2) / 2^k) / 4, for 2 <= n < 2^k.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["l1_distance", "least_l1_lower", "stopped"]

_ROUNDS = 60
_ROWS = 256  # runs of cells that are treated together
_LEAST_SMOOTHING = 1e-4


def least_l1_lower(k: int, cells: int) -> np.ndarray:
    """Lower bounds for n = 1, ..., 2^k pieces, with so many cells per piece of tent^k."""
    size = 2**k * cells
    costs = _costs(k, cells) / size
    table = np.full((size + 1, size + 1), np.inf)  # of the cells from i to j - 1
    for i in range(size + 1):
        table[i, i:] = costs[i % cells, : size + 1 - i]
    best, found = table[0].copy(), [table[0, size]]
    for _ in range(2, 2**k + 1):
        begin = np.append(np.inf, best[:size])  # the cell before is left out
        best = np.minimum(best, np.min(begin[:, None] + table, axis=0))
        found.append(best[size])
    return np.array(found)


def stopped(k: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Knots and heights of the function of the upper bound, with n < 2^k pieces."""
    if n == 1:
        return np.array([0.0, 1.0]), np.array([0.5, 0.5])
    knots = np.append(np.arange(n - 1), [n - 1.5, 2**k]) / 2**k
    return knots, np.append(np.arange(n - 1) % 2, [0.5, 0.5]).astype(float)


def l1_distance(k: int, knots: np.ndarray, heights: np.ndarray) -> float:
    """The L1 distance of a piecewise linear function from tent^k: exact up to rounding."""
    x = np.union1d(np.clip(knots, 0.0, 1.0), np.arange(2**k + 1) / 2**k)
    place = np.mod(x * 2**k, 2.0)
    gap = np.interp(x, knots, heights) - np.where(place <= 1.0, place, 2.0 - place)
    a, b = np.abs(gap[:-1]), np.abs(gap[1:])
    whole = np.maximum(a + b, np.finfo(float).tiny)
    crossing = gap[:-1] * gap[1:] < 0.0
    means = np.where(crossing, (a * a + b * b) / (2.0 * whole), 0.5 * (a + b))
    return float(np.diff(x) @ means)


def _costs(k: int, cells: int) -> np.ndarray:
    """Costs of runs of cells, in cells: by the phase of the first one, and the number of cells.

    f(x + h) = 1 - f(x), so the cost does not depend on which piece of tent^k the run begins in.
    """
    size = 2**k * cells
    place = np.mod((np.arange(size) + 0.5) / cells, 2.0)
    means = np.where(place < 1.0, place, 2.0 - place)
    costs = np.zeros((cells, size + 1))
    for phase in range(cells):
        for first in range(3, size - phase + 1, _ROWS):
            lengths = np.arange(first, min(first + _ROWS, size - phase + 1))
            costs[phase, lengths] = _line_costs(means[phase:], lengths)
    return costs


def _line_costs(means: np.ndarray, lengths: np.ndarray) -> Any:
    """Lower bounds on min sum |F_i - a - b x_i| over the first so many means; L >= 3."""
    count = np.arange(lengths[-1])
    inside = (count < lengths[:, None]).astype(float)
    x = (2.0 * count + 1.0 - lengths[:, None]) / lengths[:, None] * inside
    values = means[: lengths[-1]] * inside
    weights, smoothing = inside, 0.3
    for _ in range(_ROUNDS):
        zeroth, first, second = (np.sum(weights * x**p, axis=1) for p in (0, 1, 2))
        mean, moment = np.sum(weights * values, axis=1), np.sum(weights * x * values, axis=1)
        slope = (zeroth * moment - first * mean) / (zeroth * second - first * first)
        level = (mean - slope * first) / zeroth
        residual = (values - level[:, None] - slope[:, None] * x) * inside
        dual = weights * residual  # orthogonal to lines, whatever the weights
        smoothing = max(0.8 * smoothing, _LEAST_SMOOTHING)
        weights = inside / np.hypot(residual, smoothing)
    size = np.maximum(1.0, np.max(np.abs(dual), axis=1))
    return np.maximum(0.0, np.sum(dual * values, axis=1) / size)
