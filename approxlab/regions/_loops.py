"""Boundaries of polygons, in order, from edges that know what is on their left and right."""

from __future__ import annotations

import numpy as np

__all__ = ["Loops", "loops_of"]

Loops = tuple[np.ndarray, np.ndarray]
"""Vertices of all polygons, one after the other and counterclockwise, and where each begins."""


def loops_of(
    tails: np.ndarray, heads: np.ndarray, left: np.ndarray, right: np.ndarray, faces: int
) -> Loops:
    """The vertices around every polygon, counterclockwise.

    Returns:
        `(vertices, starts)`: polygon i has the vertices from starts[i] to starts[i + 1].
    """
    inner = right >= 0
    face = np.append(left, right[inner])
    first, second = np.append(tails, heads[inner]), np.append(heads, tails[inner])
    order = np.lexsort((first, face))
    face, first, second = face[order], first[order], second[order]
    counts = np.bincount(face, minlength=faces)
    starts = np.append(0, np.cumsum(counts))
    # The half-edge behind this one begins where this one ends.
    span = int(max(first.max(), second.max())) + 1
    following = np.searchsorted(face * span + first, face * span + second)
    place = starts[:-1].copy()
    loops = np.zeros(len(face), np.int64)
    for step in range(int(counts.max())):
        some = counts > step
        loops[starts[:-1][some] + step] = first[place[some]]
        place[some] = following[place[some]]
    return loops, starts
