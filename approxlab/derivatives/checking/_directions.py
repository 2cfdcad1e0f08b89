"""Random directions in several arrays, and the points on a line, with the steps they truly take."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["COARSEST", "direction", "line", "next_steps", "start_steps"]

COARSEST = 2.0**-7
"""Entries of a direction are multiples of at most this part of their scale."""

_CUT = 0.3  # a step that rounding misses by more than this part of it is no step


def start_steps(eps: float) -> np.ndarray:
    """In float32 2^-2 to 2^-16 by halves, in float64 2^-3 to 2^-27 by quarters."""
    return 2.0 ** (-np.arange(2, 17.0) if eps > 1e-12 else -np.arange(3, 28.0, 2.0))


def next_steps(
    steps: np.ndarray, eps: float, here: Sequence[np.ndarray], v: Sequence[np.ndarray]
) -> np.ndarray | None:
    """As many shorter steps again, or None where they would be too short for all entries.

    They follow at once, or where every entry is above them or far below, at the next scale of x.
    """
    start, ratio = start_steps(eps), steps[0] / steps[1]
    first = steps[-1] / ratio
    if len(steps) > len(start):
        sizes = np.concatenate([np.abs(x / line).ravel() for x, line in zip(here, v, strict=True)])
        below = sizes[(sizes > 0.0) & (sizes * eps**0.5 < steps[-1]) & (sizes < steps[0])]
        if not below.size:
            return None
        first = min(first, 2.0 ** np.floor(np.log2(np.max(below) / 2.0)))
    if first * start[-1] / start[0] < 1e-290:
        return None
    return np.asarray(start * (first / start[0]))


def direction(
    leaves: Sequence[np.ndarray], eps: float, scale: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Independent entries between 1/2 and 3/2 of their scale, of either sign, all equally likely.

    They are rounded so far that x + t v is exact down to steps of 2^-11 (float32) or 2^-27, which
    leaves more than 250 values. Entries far larger than `scale` have a longer one of their own.
    """
    reach, exact = (2.0**-5, 2.0**-11) if eps > 1e-12 else (2.0**-20, 2.0**-27)
    found = []
    for x in leaves:
        size = np.where(np.isfinite(x), np.abs(np.asarray(x, np.float64)), 0.0)
        power = 2.0 ** np.ceil(np.log2(np.maximum(scale, reach * size)))
        spacing = np.spacing(np.asarray(size, x.dtype)).astype(np.float64) / exact
        spacing = np.clip(spacing, 2.0**-20 * power, COARSEST * power)
        entries = rng.uniform(0.5, 1.5, x.shape) * rng.choice([-1.0, 1.0], x.shape) * power
        found.append(np.asarray(np.rint(entries / spacing) * spacing, x.dtype))
    return found


def line(
    here: Sequence[np.ndarray], v: Sequence[np.ndarray], steps: np.ndarray
) -> tuple[list[np.ndarray], np.ndarray, np.ndarray]:
    """The points x + t v for t = 0, the steps, and the steps backwards.

    Returns:
        The points, leaf by leaf; the times that were truly reached, of all entries on average; and
        by how much an entry may have missed them, since sums are rounded. The error of a sum is
        computed exactly, by Knuth's formula.
    """
    times = np.concatenate([[0.0], steps, -steps])
    points, missed = [], []
    for x, entries in zip(here, v, strict=True):
        t = times.astype(x.dtype).reshape(-1, *(1,) * x.ndim)
        shift = entries[None] * t
        points.append(total := x[None] + shift)
        back = total - x[None]
        lost = (x[None] - (total - back)) + (shift - back)
        missed.append((-lost / entries[None]).reshape(len(times), -1).astype(np.float64))
    off = np.concatenate(missed, axis=1)
    mean = np.mean(off, axis=1)
    slip = np.max(np.abs(off - mean[:, None]), axis=1)
    many = len(steps)
    slip = np.maximum(slip[1 : many + 1], slip[many + 1 :])
    reached = np.abs(times + mean)[1:].reshape(2, many)
    slip[np.min(reached, axis=0) <= (1.0 - _CUT) * steps] = np.inf
    slip[slip > _CUT * steps] = np.inf
    return points, reached, slip
