"""Level sets and extrema of a piecewise linear function, from signs that are certain."""

from __future__ import annotations

import numpy as np

from approxlab.calculus._lines import Line
from approxlab.calculus.point_sets import Extrema, PointSet

__all__ = ["extrema_of", "points_at"]


def points_at(f: Line, level: float) -> PointSet:
    """Where f equals the level: at edges, across pieces, and along whole pieces."""
    signs = f.signs(level)
    flat = (signs[:-1] == 0) & (signs[1:] == 0)
    across = np.flatnonzero(signs[:-1] * signs[1:] < 0)
    touched = signs == 0
    touched[:-1] &= ~flat
    touched[1:] &= ~flat
    found = np.concatenate([f.edges[touched], f.crossings(across, level)])
    return PointSet(np.sort(found), f.edges[_runs(flat)])


def extrema_of(f: Line) -> Extrema:
    """Extrema, global and local, with exact ties."""
    directions = f.directions()
    moving = np.flatnonzero(directions)
    lowest, highest = f.largest(-1), f.largest(1)
    return Extrema(
        float(f.values[lowest[0]]),
        float(f.values[highest[0]]),
        _as_set(f, lowest, directions),
        _as_set(f, highest, directions),
        _turning(f, directions, moving, -1),
        _turning(f, directions, moving, 1),
    )


def _turning(f: Line, directions: np.ndarray, moving: np.ndarray, sign: int) -> PointSet:
    """Stretches without slope, or edges, with slopes down to both sides (up, for sign -1)."""
    starts = np.concatenate([[0], moving + 1])  # edges where a stretch between moves begins
    ends = np.concatenate([moving, [len(f.edges) - 1]])
    before = np.concatenate([[sign], directions[moving]])
    after = np.concatenate([directions[moving], [-sign]])
    kept = (before == sign) & (after == -sign)
    return _split(f, np.stack([starts[kept], ends[kept]], axis=1))


def _as_set(f: Line, edges: np.ndarray, directions: np.ndarray) -> PointSet:
    """Edges of one height, with the flat pieces between them."""
    there = np.zeros(len(f.edges), bool)
    there[edges] = True
    flat = there[:-1] & there[1:] & (directions == 0)
    alone = there.copy()
    alone[:-1] &= ~flat
    alone[1:] &= ~flat
    return PointSet(f.edges[alone], f.edges[_runs(flat)])


def _split(f: Line, stretches: np.ndarray) -> PointSet:
    single = stretches[:, 0] == stretches[:, 1]
    return PointSet(f.edges[stretches[single, 0]], f.edges[stretches[~single]])


def _runs(flat: np.ndarray) -> np.ndarray:
    """First and last edge of every run of pieces that are marked, shape (k, 2)."""
    steps = np.diff(np.concatenate([[0], flat.astype(int), [0]]))
    return np.stack([np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)], axis=1)
