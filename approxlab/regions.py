"""Affine pieces of piecewise linear functions of one variable.

What is counted here is what a grid can see: a lower value of the true number of pieces, and the
true number when every kink is a grid point.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.errors.differences import Function, values

__all__ = ["pieces_on_grid"]


def pieces_on_grid(model: Function, points: Any, *, rtol: float = 1e-9) -> int:
    """Number of affine pieces of a function of one variable that a grid of points can see.

    One more than the number of interior grid points at which the slope changes. A kink between two
    grid points is seen as up to two changes: put the kinks on the grid.

    Args:
        model: A function of one point of shape (1,) with values of shape ().
        points: Strictly increasing abscissae, shape (n,), n >= 3.
        rtol: Slopes count as different when they differ by more than `rtol` times the largest
            absolute slope; chosen to lie between rounding and any slope change of interest.

    Raises:
        ValueError: If the points are not at least three increasing numbers.

    Example:
        >>> from approxlab.networks import MLP
        >>> import jax
        >>> pieces_on_grid(lambda x: jax.numpy.abs(x[0]), np.linspace(-1.0, 1.0, 9))
        2
    """
    x = np.asarray(points, np.float64)
    if x.ndim != 1 or len(x) < 3 or not np.all(np.diff(x) > 0):
        raise ValueError(
            f"points: got shape {x.shape}, expected at least three strictly increasing numbers of "
            "shape (n,)."
        )
    slopes = np.diff(values(model, x[:, None])) / np.diff(x)
    changes = np.abs(np.diff(slopes)) > rtol * np.max(np.abs(slopes))
    return 1 + int(np.count_nonzero(changes))
