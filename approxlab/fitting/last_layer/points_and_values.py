"""Points of a linear problem, the values at them and their weights: given, or chosen on a box."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.errors.pointwise import inside
from approxlab.evaluation import check_points, values_at
from approxlab.fitting.last_layer.solved_networks import chebyshev_rule
from approxlab.fitting.target_or_arrays import are_arrays, box_of, checked_arrays, real_array

__all__ = ["points_and_values"]

_POINTS_PER_UNIT = {1: 8, 2: 3}
_BEYOND = 4
_LEAST = {1: 256, 2: 1024}
_LEAST_BEYOND = 2048


def points_and_values(
    target: Any, dim: int, width: int, points: Any, weights: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
    """Points, values and weights of a linear problem; `None` for equal weights.

    Args:
        target: A `Target`, or arrays (X, Y).
        dim: Dimension d that the points must have.
        width: Number of functions whose coefficients are sought.
        points: For a target: how many points, the points themselves, or `None`.
        weights: Of given points or arrays, shape (n,).

    Returns:
        Shapes (n, d), (n,) or (n, m), and (n,).

    Raises:
        TypeError: If `target` is neither a target nor arrays of real numbers.
        ValueError: If shapes do not fit, or no point lies inside the mask.
    """
    if are_arrays(target):
        x, y = checked_arrays(target, points)
        return np.asarray(check_points(x, dim)), y, _row_weights(weights)
    box = box_of(target)
    if box.dim != dim:
        raise ValueError(
            f"target: got dimension {box.dim} for a network with {dim} inputs, expected the same."
        )
    if points is None or isinstance(points, int | np.integer):
        if weights is not None:
            raise ValueError(
                "weights: got weights for points that are chosen here, expected None. Give both "
                "points and weights, as from target.domain.gauss_legendre."
            )
        x, w = _rule(box, width, None if points is None else int(points))
    else:
        given = np.asarray(points)
        given = given if given.dtype.kind == "f" else real_array("points", points)
        x, w = np.asarray(check_points(given, dim)), _row_weights(weights)
    keep = inside(getattr(target, "mask", None), x)
    if not keep.any():
        raise ValueError(
            f"points: none of the {len(x)} points lies inside the mask of {target!r}, expected at "
            "least one. Raise points."
        )
    if w is not None and len(w) == len(keep):
        w = w[keep]
    return x[keep], values_at(target, x[keep]), w


def _row_weights(weights: Any) -> np.ndarray | None:
    return None if weights is None else np.asarray(weights)


def _rule(box: Box, width: int, points: int | None) -> tuple[np.ndarray, np.ndarray | None]:
    """Points on a box and their quadrature weights."""
    default = max(
        _LEAST.get(box.dim, _LEAST_BEYOND), _POINTS_PER_UNIT.get(box.dim, _BEYOND) * width
    )
    count = default if points is None else points
    if count < 1:
        raise ValueError(f"points: got {points}, expected a positive number or an array (n, d).")
    if box.dim > 2:
        return box.sobol(count), None
    return chebyshev_rule(box, count if box.dim == 1 else math.isqrt(count - 1) + 1)
