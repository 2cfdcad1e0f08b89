"""Segments with shared ends, joined to polylines."""

from __future__ import annotations

import numpy as np

__all__ = ["polylines"]


def polylines(points: np.ndarray, tails: np.ndarray, heads: np.ndarray) -> list[np.ndarray]:
    """Polylines (n, 2) through all segments: from branch or end to branch or end, or closed.

    A closed one has its first point again at its end.
    """
    beside: dict[int, list[tuple[int, int]]] = {}
    for i, (a, b) in enumerate(zip(tails.tolist(), heads.tolist(), strict=True)):
        beside.setdefault(a, []).append((b, i))
        beside.setdefault(b, []).append((a, i))
    used = np.zeros(len(tails), bool)
    ends = [node for node, others in beside.items() if len(others) != 2]
    found = []
    for start in [*ends, *beside]:
        for other, segment in beside[start]:
            if not used[segment]:
                found.append(points[_walk(start, other, segment, beside, used)])
    return found


def _walk(
    start: int,
    node: int,
    segment: int,
    beside: dict[int, list[tuple[int, int]]],
    used: np.ndarray,
) -> list[int]:
    way = [start, node]
    used[segment] = True
    while node != start and len(beside[node]) == 2:
        onward = [(other, i) for other, i in beside[node] if not used[i]]
        if not onward:
            break
        node, segment = onward[0]
        used[segment] = True
        way.append(node)
    return way
