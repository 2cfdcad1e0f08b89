"""Lower bound on the least sup error of n affine pieces, which may be discontinuous at the knots.

On finitely many points the least error is at most that on the interval, since there are fewer
conditions. On the points, the best error on a run of points grows with the run. So the smallest
number of pieces with errors up to a given level is found by making each piece, from left to right,
as long as the level allows. If n such pieces do not reach the last point, the least error is above
the level. That a piece cannot be longer is proved by three points at which the errors of an affine
function are equal in size and alternate in sign (de la Vallee-Poussin).
"""

from __future__ import annotations

import numpy as np

__all__ = ["affine_error", "level_bound", "longest"]

_EXCHANGES = 50
_CLOSE = 1e-4
_LEVELS = 40


def level_bound(
    x: np.ndarray, y: np.ndarray, pieces: int, above: float, step: float
) -> tuple[float, np.ndarray]:
    """A level below the least error of n affine pieces on the points, and ends of pieces near it.

    Args:
        x: Increasing points, shape (N,).
        y: Values, shape (N,).
        pieces: Number n of pieces.
        above: An error attained by n pieces.
        step: Expected relative distance of the level below `above`.

    Returns:
        The level, and the positions between at most n pieces that attain a slightly larger level.
    """
    low, high, ends = 0.0, above, _ends(x, y, pieces, above)
    for _ in range(_LEVELS):
        if high - low <= _CLOSE * high:
            break
        level = 0.5 * (low + high) if low > 0 else high * max(0.0, 1.0 - step)
        found = _ends(x, y, pieces, level)
        if found is None:
            low = level
        else:
            high, ends, step = level, found, 2.0 * step
    return low, np.empty(0) if ends is None else ends


def _ends(x: np.ndarray, y: np.ndarray, pieces: int, level: float) -> np.ndarray | None:
    """Positions between the longest pieces within a level; None if n of them are too few."""
    start, last, length = 0, len(x) - 1, len(x) // pieces
    ends: list[float] = []
    for _ in range(pieces):
        end = longest(x, y, start, level, length)
        if end == last:
            return np.array(ends)
        length = end - start
        start = end + 1
        ends.append(0.5 * (x[end] + x[start]))
        if start == last:  # the last point is a piece of its own, if a piece is left
            return np.array(ends) if len(ends) < pieces else None
    return None


def longest(x: np.ndarray, y: np.ndarray, start: int, level: float, guess: int) -> int:
    """The last point of the longest run from `start` within a level."""
    good, bad = min(start + 1, len(x) - 1), len(x)
    end = start + max(guess, 2)
    while bad - good > 1:
        end = min(max(end, good + 1), bad - 1)
        below, reached, _ = affine_error(x[start : end + 1], y[start : end + 1], level)
        if below > level:
            bad, error = end, below
        else:
            good, error = end, reached
        # The error grows like the square of the length.
        end = start + int((end - start) * (level / error) ** 0.5) if error > 0 else bad - 1
        if bad - good > 64 and not good < end < bad:
            end = (good + bad) // 2
    return good


def affine_error(
    x: np.ndarray, y: np.ndarray, level: float
) -> tuple[float, float, tuple[int, int, int]]:
    """Lower and upper bound on the best affine error, sharp enough to compare with a level.

    The lower one is the best affine error on three points, whose indices come last.
    """
    left, right = 0, len(x) - 1
    g = y - y[0] - (y[-1] - y[0]) / (x[-1] - x[0]) * (x - x[0])
    middle = int(np.abs(g).argmax())
    if middle in (left, right):
        return 0.0, 0.0, (left, middle, right)
    triple = (left, middle, right)
    below, reached = 0.0, float(abs(g[middle]))
    for _ in range(_EXCHANGES):
        triple = (left, middle, right)
        slope = (y[right] - y[left]) / (x[right] - x[left])
        t = slope * (x - x[left])
        g = y - 0.5 * (y[left] + y[middle] - t[middle]) - t
        far = int(np.abs(g).argmax())
        below, reached = float(abs(g[middle])), float(abs(g[far]))
        if below > level or reached <= level or reached <= below * (1.0 + 1e-12):
            break
        same = (g[far] > 0) == (g[left] > 0)  # the same sign as at the two outer points
        if far < left:
            left, middle, right = (far, middle, right) if same else (far, left, middle)
        elif far > right:
            left, middle, right = (left, middle, far) if same else (middle, right, far)
        elif not same:
            middle = far
        elif far < middle:
            left = far
        else:
            right = far
    return below, reached, triple
