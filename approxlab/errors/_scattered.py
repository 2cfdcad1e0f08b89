"""L2 norms in many dimensions: scrambled Sobol points, and boxes that shrink around a peak.

Where few of the points carry the integral, its value and the standard error are both those of a
lucky or an unlucky draw. Then the box is divided into shells between boxes of half the width each
around the largest square found, and every shell has points of its own: a peak of any width is
seen by some of them.
"""

from __future__ import annotations

import math

import numpy as np

from approxlab.domains import Box
from approxlab.errors._squares import Squares, quotient, root_of_squares

__all__ = ["scattered"]

_POINTS, _SCRAMBLINGS = 2**13, 8
_CARRIED = 500.0  # points that carry the integral, at least
_SHELLS, _SHELL_POINTS, _REPEATS = 48, 2**12, 8
_CLIMB, _AROUND = 60, 128  # rounds of the search for the peak, and points in each


def scattered(squares: Squares, box: Box, *, relative: bool) -> tuple[float, float]:
    """The norm, relative or not, and its uncertainty."""
    weights = np.full(_POINTS, box.volume / _POINTS)
    draws = [box.sobol(_POINTS, seed=seed) for seed in range(_SCRAMBLINGS)]
    sizes = [squares.sizes(points) for points in draws]
    if squares.bad is not None:
        return math.nan, math.nan
    squares.set_scale(max(float(np.max(part)) for pair in sizes for part in pair))
    values = np.concatenate([squares.squared(pair) for pair in sizes])
    few = [_carrying(column) < _CARRIED for column in values.T]
    if not (few[0] or (relative and few[1])):
        norms = [[root_of_squares(weights, part) for part in pair] for pair in sizes]
        found = [quotient(*pair) if relative else pair[0] for pair in norms]
        return float(np.mean(found)), float(np.std(found, ddof=1)) / math.sqrt(_SCRAMBLINGS)
    points = np.concatenate(draws)
    error, uncertainty = _around_peak(squares, box, points, values, 0)
    if not relative:
        return error, uncertainty
    size, of_size = _around_peak(squares, box, points, values, 1)
    share = quotient(error, size)
    return share, quotient(uncertainty, size) + share * quotient(of_size, size)


def _carrying(squared: np.ndarray) -> float:
    """How many equal points would have the same scatter: (sum q)^2 / sum q^2."""
    total, square = float(np.sum(squared)), float(np.sum(squared**2))
    return total**2 / square if square > 0 else math.inf


def _around_peak(
    squares: Squares, box: Box, points: np.ndarray, values: np.ndarray, column: int
) -> tuple[float, float]:
    """Norm of the error (column 0) or the target (1) by shells around the largest value."""
    at = int(np.argmax(values[:, column]))
    peak, top = _climbed(squares, box, points[at], float(values[at, column]), column)
    totals = [_shells(squares, box, peak, top, column, seed) for seed in range(_REPEATS)]
    mean = float(np.mean(totals))
    doubt = float(np.std(totals, ddof=1)) / math.sqrt(_REPEATS)
    norm = squares.scale * math.sqrt(mean)
    return norm, squares.scale * (math.sqrt(mean + doubt) - math.sqrt(mean))


def _climbed(
    squares: Squares, box: Box, peak: np.ndarray, top: float, column: int
) -> tuple[np.ndarray, float]:
    """A local maximum: the best of points around the last one, in boxes that shrink."""
    rng = np.random.default_rng(0)
    width = 0.25 * box.widths
    for _ in range(_CLIMB):
        offsets = rng.uniform(-1.0, 1.0, (_AROUND, box.dim)) * rng.uniform(0.0, 1.0, (_AROUND, 1))
        trial = np.clip(peak + width * offsets, box.lower, box.upper)
        values = squares(trial)[:, column]
        best = int(np.argmax(values))
        if values[best] > top:
            peak, top = trial[best], float(values[best])
        else:
            width = 0.6 * width
    return peak, top


def _shells(
    squares: Squares, box: Box, peak: np.ndarray, top: float, column: int, seed: int
) -> float:
    """The integral by points in each shell between two boxes around the peak."""
    total, lower, upper = 0.0, np.asarray(box.lower), np.asarray(box.upper)
    for shell in range(_SHELLS):
        points = Box(lower, upper).sobol(_SHELL_POINTS, seed=1000 * seed + shell)
        values = squares(points)[:, column]
        low = np.maximum(box.lower, peak - 0.5 ** (shell + 2) * box.widths)
        high = np.minimum(box.upper, peak + 0.5 ** (shell + 2) * box.widths)
        flat = np.min(values) > 0.5 * top or not np.all(high > low)
        kept = ~np.all((points >= low) & (points <= high), axis=1) | flat
        total += float(np.prod(upper - lower)) * float(np.mean(np.where(kept, values, 0.0)))
        if flat:
            break
        lower, upper = low, high
    return total
