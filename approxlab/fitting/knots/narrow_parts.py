"""Where a target has spikes, kinks and jumps that a few points per piece would not show."""

from __future__ import annotations

import dataclasses
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from approxlab.evaluation import values_at
from approxlab.resolution import Resolution, resolve

__all__ = ["Parts", "parts_of"]

_INSIDE = np.arange(16) / 16.0  # positions in a panel at which the largest error is sought
_LEAST_JUMP = 1e-3  # of the range of values: a smaller change within rounding is no jump
_SAME = 1e-12  # of the interval: jumps so close count as one
_MOST_CELLS = 512  # where panels do not resolve the target


@dataclasses.dataclass(frozen=True, eq=False)
class Parts:
    """Panels on which a target is resolved, and points that show all of its parts.

    Attributes:
        edges: Ends of the panels, increasing.
        points: Points in all panels; at jumps all numbers around them.
        jumps: Positions of jumps.
        jump: Position of the largest one, and the change there; None without jumps.
        unresolved: What the panels do not resolve, in words; None if nothing.
    """

    edges: np.ndarray
    points: np.ndarray
    jumps: tuple[float, ...]
    jump: tuple[float, float] | None
    unresolved: str | None


def parts_of(target: Any, a: float, b: float) -> Parts:
    """The parts of a target on [a, b]; kept for targets that cannot change."""
    if getattr(target, "immutable", False):
        return _kept(target, a, b)
    return _kept.__wrapped__(target, a, b)


@lru_cache(maxsize=64)
def _kept(target: Any, a: float, b: float) -> Parts:
    # Rounding in single precision would look like jumps everywhere.
    with jax.enable_x64(True):
        kinks = getattr(target, "kinks", None) or ()
        found = resolve(lambda x: values_at(target, x[:, None]), a, b, kinks)
        return _parts(found)


def _parts(found: Resolution) -> Parts:
    edges = found.edges
    if found.open is not None and len(edges) > _MOST_CELLS:
        edges = np.union1d(edges[:: len(edges) // _MOST_CELLS], edges[-1])
    inside = (edges[:-1, None] + np.diff(edges)[:, None] * _INSIDE).ravel()
    points = np.union1d(inside, edges[-1:])
    if found.open is None:
        points = np.union1d(points, found.narrow())
    jumps = [
        (0.5 * (low + high), change)
        for low, high, change in found.jumps
        if change > _LEAST_JUMP * found.size
    ]
    positions = np.unique([x for x, _ in jumps])
    merged = positions[
        np.append(True, np.diff(positions) > _SAME * (edges[-1] - edges[0]))[: len(positions)]
    ]
    largest = max(jumps, key=lambda jump: jump[1], default=None)
    unresolved = None if found.open is None else found.unclear(np.inf)
    return Parts(edges, points, tuple(merged.tolist()), largest, unresolved)
