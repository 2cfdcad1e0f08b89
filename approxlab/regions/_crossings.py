"""Where edges cross lines, in float64, with bounds of the errors of the coordinates.

A line is five numbers (a, b, c, error, turn): a x + b y + c with (a, b) of length 1, which differs
from the exact line, scaled alike, by at most `error` in the box, and its gradient by at most `turn`
in each component. If r is the exact crossing of two lines and r' any point, then each line gives
|(a, b) (r - r')| <= |a x' + b y' + c| + error =: R, so that for two of them

    |r - r'| <= (R_1 + R_2) / |determinant|     in each coordinate.

The bound is taken from the two lines alone: it does not grow from one crossing to the next.
"""

from __future__ import annotations

import numpy as np

__all__ = ["crossings", "normalised", "sides_of_box"]

_EPS = float(np.finfo(np.float64).eps)


def sides_of_box(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The lines below, right, above and left of a box, exactly."""
    return np.array([
        [0.0, 1.0, -lower[1], 0.0, 0.0],
        [1.0, 0.0, -upper[0], 0.0, 0.0],
        [0.0, 1.0, -upper[1], 0.0, 0.0],
        [1.0, 0.0, -lower[0], 0.0, 0.0],
    ])  # fmt: skip


def normalised(affine: np.ndarray, bounds: np.ndarray, size: float) -> np.ndarray:
    """Lines from affine functions (n, 3) and bounds of the errors of their coefficients (n, 3).

    Where the gradient is not known to be nonzero the errors are infinite.
    """
    length = np.hypot(affine[:, 0], affine[:, 1])
    turn = np.max(bounds[:, :2], axis=1)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        found = np.column_stack([affine, (2 * turn * size + bounds[:, 2]), turn])
        found = found / length[:, None]
        found[:, 3:] += 4 * _EPS
        found[:, 3] += 4 * _EPS * (2 * size + np.abs(found[:, 2]))
    found[~(length > 4 * turn)] = (1.0, 0.0, 0.0, np.inf, np.inf)
    return found


def crossings(
    start: np.ndarray, one: np.ndarray, two: np.ndarray, size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Crossings of pairs of lines near points `start` (n, 2): points, and bounds of their errors.

    Args:
        start: First guesses.
        one: Lines, shape (n, 5).
        two: Others.
        size: Of the largest coordinate.
    """
    determinant = one[:, 0] * two[:, 1] - one[:, 1] * two[:, 0]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        first, second = _heights(start, one), _heights(start, two)
        across = (first * two[:, 1] - second * one[:, 1]) / determinant
        up = (second * one[:, 0] - first * two[:, 0]) / determinant
        points = start - np.column_stack([across, up])
        rest = np.abs(_heights(points, one)) + np.abs(_heights(points, two))
        rest += one[:, 3] + two[:, 3] + 8 * _EPS * (2 * size + np.abs(one[:, 2] + two[:, 2]))
        sure = np.abs(determinant) - 4 * (one[:, 4] + two[:, 4]) - 4 * _EPS
        bounds = np.where(sure > 0, 1.01 * rest / sure, np.inf)
    return points, np.where(np.isfinite(bounds), bounds, np.inf)


def _heights(points: np.ndarray, lines: np.ndarray) -> np.ndarray:
    return lines[:, 0] * points[:, 0] + lines[:, 1] * points[:, 1] + lines[:, 2]
