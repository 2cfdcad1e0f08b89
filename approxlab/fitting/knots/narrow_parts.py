"""Where a target has spikes, kinks and jumps that a few points per piece would not show."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import numpy as np

from approxlab.evaluation import values_at
from approxlab.resolution import Resolution, resolution_of

__all__ = ["Parts", "parts_of"]

Function = Callable[[np.ndarray], np.ndarray]

_INSIDE = np.arange(16) / 16.0  # positions in a panel at which the largest error is sought
_AT_JUMPS = 129  # points at which the values beside a jump are taken
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
        return _parts(resolution_of(target, a, b), lambda x: values_at(target, x[:, None]))


def _parts(found: Resolution, f: Function) -> Parts:
    edges = found.edges
    if found.open is not None and len(edges) > _MOST_CELLS:
        edges = np.union1d(edges[:: len(edges) // _MOST_CELLS], edges[-1])
    inside = (edges[:-1, None] + np.diff(edges)[:, None] * _INSIDE).ravel()
    points = np.union1d(inside, edges[-1:])
    if found.open is None:
        points = np.union1d(points, found.narrow())
    jumps = [(x, change) for x, change in _jumps(found, f) if change > _LEAST_JUMP * found.size]
    largest = max(jumps, key=lambda jump: jump[1], default=None)
    unresolved = None if found.open is None else found.unclear(np.inf)
    return Parts(edges, points, tuple(x for x, _ in jumps), largest, unresolved)


def _jumps(found: Resolution, f: Function) -> list[tuple[float, float]]:
    """Positions and heights; neighbours are one: the value at a jump may lie between the sides."""
    merged: list[list[float]] = []
    for low, high, _ in sorted(found.jumps):
        if merged and low - merged[-1][1] <= _SAME * (found.edges[-1] - found.edges[0]):
            merged[-1][1] = max(high, merged[-1][1])
        else:
            merged.append([low, high])
    if not merged:
        return []
    low, high = np.array(merged).T
    values = f(np.linspace(low, high, _AT_JUMPS).ravel()).reshape(_AT_JUMPS, -1)
    return list(zip((0.5 * (low + high)).tolist(), np.ptp(values, axis=0).tolist(), strict=True))
