"""Affine pieces of piecewise linear functions of one variable.

The count uses values on a grid. It is the true number of pieces if every kink is a grid point. A
kink between two grid points may count twice; several kinks between the same two grid points count
at most twice together.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.evaluation import Model, evaluate

__all__ = ["pieces_on_grid"]


def pieces_on_grid(model: Model, points: Any, *, rtol: float = 1e-9) -> int:
    """Number of affine pieces of a function of one variable, counted on a grid of points.

    This is one more than the number of interior grid points at which the slope changes. A kink
    between two grid points may appear as two changes: let the grid contain the kinks.

    Args:
        model: A function of one point of shape (1,) with values of shape ().
        points: Strictly increasing abscissae, shape (n,), n >= 3.
        rtol: Two slopes count as different if their difference is larger than `rtol` times the
            largest absolute slope plus a bound on rounding. Choose it above rounding and below any
            relevant relative change of slope.

    Raises:
        ValueError: If the points are not at least three increasing numbers, or a value is not
            finite.

    Example:
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
    found = evaluate(model, x[:, None], batch=2048)
    heights = np.asarray(found, np.float64)
    if heights.shape != x.shape or not np.all(np.isfinite(heights)):
        raise ValueError(
            f"model: got values of shape {heights.shape[1:]}, or values that are not finite, "
            "expected finite values of shape ()."
        )
    slopes = np.diff(heights) / np.diff(x)
    # Values have a rounding error of their own dtype, which short steps magnify.
    eps = float(np.finfo(found.dtype).eps)
    noise = 8 * eps * np.max(np.abs(heights)) / np.min(np.diff(x))
    changes = np.abs(np.diff(slopes)) > rtol * np.max(np.abs(slopes)) + noise
    return 1 + int(np.count_nonzero(changes))


def __dir__() -> list[str]:
    return __all__
