"""Extrema of an error between the points of a grid."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

__all__ = ["zoomed"]

_ROUNDS = 10  # each divides the distance from an extremum by four


def zoomed(
    error: Callable[[np.ndarray], np.ndarray], grid: np.ndarray, *, most: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Increasing positions of local maxima of |error| and the values there.

    Each is refined between its neighbours on the grid.

    Args:
        error: Maps points of any shape to values of the same shape.
        grid: Increasing points.
        most: Refine only this many of the largest ones, and return only these.
    """
    sampled = error(grid)
    size = np.abs(np.concatenate([[0.0], sampled, [0.0]]))
    top = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:]))
    if most is not None:
        top = np.sort(top[np.argsort(-np.abs(sampled[top]), kind="stable")[:most]])
    first, last = grid[np.maximum(top - 1, 0)], grid[np.minimum(top + 1, len(grid) - 1)]
    low, high = first, last
    positions, errors = grid[top], sampled[top]
    for _ in range(_ROUNDS):
        near = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, 9)
        values = error(near)
        best, rows = np.argmax(np.abs(values), axis=1), np.arange(len(top))
        better = np.abs(values[rows, best]) > np.abs(errors)
        positions = np.where(better, near[rows, best], positions)
        errors = np.where(better, values[rows, best], errors)
        span = (high - low) / 8.0
        # An extremum stays between its neighbours, so that none walks to a larger one.
        low, high = np.maximum(positions - span, first), np.minimum(positions + span, last)
    order = np.argsort(positions, kind="stable")
    return positions[order], errors[order]
