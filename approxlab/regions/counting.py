"""Counting affine pieces on a grid: by slopes between the grid points, not by quotients of values.

A quotient of values divides their rounding by the step of the grid, and what cancels inside of a
function is not seen in its values: a fine grid would count rounding. A derivative has no such
divisor. It is taken once in each interval of the grid, apart from the middle, where kinks of
symmetric functions are.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.arguments import check_number
from approxlab.evaluation import Model
from approxlab.networks.mlp import MLP
from approxlab.regions._functions import changes_of_function
from approxlab.regions._relu_networks import slope_changes

__all__ = ["pieces_on_grid"]

_PLACE = 0.381966011250105  # in each interval: 0.5 (3 - sqrt 5), far from all simple fractions


def pieces_on_grid(model: Model, points: Any, *, rtol: float = 1e-9) -> int:
    """Number of affine pieces of a function of one variable, counted on a grid of points.

    This is one more than the number of neighbouring intervals of the grid with different slopes. It
    is the number of pieces between the first and the last point if each is at least as long as the
    intervals it meets, and never more than that: pieces that are shorter may be passed over. Kinks
    need not be grid points.

    A ReLU network is counted from its parameters, as they are stored: signs of units and slopes
    are computed with bounds of their rounding, in float64 whatever its dtype, and in integers where
    the bounds do not decide. Any other function is differentiated by JAX; a jump counts as the end
    of a piece where values show it.

    Args:
        model: A function of one point of shape (1,) with values of shape (), piecewise affine.
        points: Strictly increasing abscissae, shape (n,), n >= 3.
        rtol: Two slopes count as different if their difference is larger than `rtol`, plus 8
            roundings of the dtype of the values, times the largest absolute slope.

    Raises:
        ValueError: If the points are not at least three increasing numbers, or are as close as
            roundings of the dtype of the computation; if a value is not finite; or if the pieces
            cannot be told: the slope changes inside of most intervals, values scatter by more than
            a hundredth of their range, or the network is not a piecewise affine function.
        TypeError: If the model is not a function, or not one of JAX.

    Example:
        >>> import jax
        >>> pieces_on_grid(lambda x: jax.numpy.abs(x[0]), np.linspace(-1.0, 1.0, 9))
        2
    """
    x = _abscissae(points)
    check_number("rtol", rtol)
    if isinstance(model, MLP):
        return 1 + _changes_of_network(model, x, rtol)
    return 1 + changes_of_function(model, x, _PLACE, rtol)


def _changes_of_network(net: MLP, x: np.ndarray, rtol: float) -> int:
    net._check_single()
    if net.in_size != 1 or net.out_size is not None:
        raise ValueError(
            f"model: got {net!r}, expected one input and out_size None, values of shape ()."
        )
    if net.activation in ("heaviside", "leaky_relu", "abs") and net.num_hidden_units:
        return changes_of_function(net, x, _PLACE, rtol)
    if net.activation not in ("relu", "identity") and net.num_hidden_units:
        raise ValueError(
            f"model: got the activation {net.activation!r}, expected 'relu': other networks are "
            "not piecewise affine."
        )
    least = rtol + 8 * float(np.finfo(net.dtype).eps)
    changes = slope_changes(net, x[:-1] + _PLACE * np.diff(x), least)
    if 16 * changes > len(x):  # kinks at grid points, or several in many intervals
        halves = x[:-1, None] + np.diff(x)[:, None] * np.array([_PLACE / 2, (1 + _PLACE) / 2])
        finer = slope_changes(net, halves.ravel(), least)
        if finer > 1.25 * changes:
            raise ValueError(
                f"points: cannot tell the pieces of {net!r} at {len(x)} points: {changes} changes "
                f"of slope, {finer} at half the step, expected a grid finer than the pieces."
            )
    return changes


def _abscissae(points: Any) -> np.ndarray:
    if callable(points):
        raise TypeError(
            f"points: got {type(points).__name__}, expected abscissae of shape (n,). The function "
            "comes first: pieces_on_grid(model, points)."
        )
    try:
        x = np.asarray(points, np.float64)
    except (TypeError, ValueError) as error:
        raise TypeError(f"points: got {points!r}, expected numbers of shape (n,).") from error
    if x.ndim != 1 or len(x) < 3 or not np.all(np.isfinite(x)) or not np.all(np.diff(x) > 0):
        raise ValueError(
            f"points: got shape {x.shape}, expected at least three strictly increasing numbers of "
            "shape (n,)."
        )
    return x


def __dir__() -> list[str]:
    return __all__
