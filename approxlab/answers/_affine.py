"""The best affine function on samples: the network without a hidden unit."""

from __future__ import annotations

import numpy as np

from approxlab.evaluation import values_at
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["affine_network", "sample"]

_POINTS = {1: 513, 2: 33}
_MANY = 2048


def sample(target: Target) -> tuple[np.ndarray, np.ndarray]:
    """Points of the box, inside of the mask, and values; refuses what is not finite.

    Raises:
        ValueError: If a value is not finite, or no point is inside of the mask.
    """
    box = target.domain
    if box.dim in _POINTS:
        points = np.concatenate([box.chebyshev(_POINTS[box.dim]), box.corners()])
    else:
        corners = box.corners() if box.dim <= 8 else np.empty((0, box.dim))
        points = np.concatenate([box.sobol(_MANY), corners])
    if target.mask is not None:
        points = points[np.asarray(values_at(target.mask, points)).astype(bool).reshape(-1)]
    if len(points) == 0:
        raise ValueError(f"target: got {target!r} whose mask holds none of {_MANY} points.")
    values = np.asarray(values_at(target, points), np.float64).reshape(-1)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise ValueError(
            f"target: got {values[bad[0]]} at {points[bad[0]].tolist()} of {target!r}, expected "
            "finite values on the whole box. Choose a smaller box, or mend the function there."
        )
    return points, values


def affine_network(target: Target, points: np.ndarray, values: np.ndarray) -> MLP:
    """The affine function whose largest error at the points is least, by a linear program."""
    from scipy.optimize import linprog

    box, scale = target.domain, float(np.max(np.abs(values))) or 1.0
    scaled = (points - box.center) / (0.5 * box.widths)
    rows = np.column_stack([scaled, np.ones(len(points))])
    ones = np.ones((len(points), 1))
    matrix = np.block([[rows, -ones], [-rows, -ones]])
    right = np.concatenate([values, -values]) / scale
    goal = np.zeros(box.dim + 2)
    goal[-1] = 1.0
    found = linprog(goal, matrix, right, bounds=(None, None), method="highs")
    if found.x is None:  # the middle of the values serves as well
        slopes, level = np.zeros(box.dim), 0.5 * float(np.max(values) + np.min(values))
    else:
        slopes = scale * found.x[: box.dim] / (0.5 * box.widths)
        level = scale * float(found.x[box.dim]) - float(slopes @ box.center)
    return MLP.from_arrays([slopes[None, :]], [np.array([level])], "relu")
