"""Shallow networks of piecewise linear functions: of the function, its slope, its integral."""

from __future__ import annotations

import numpy as np

from approxlab.calculus._lines import Line
from approxlab.networks.mlp import MLP

__all__ = ["antiderivative_network", "bends", "derivative_network", "one_layer", "spline"]


def bends(f: Line) -> tuple[np.ndarray, np.ndarray]:
    """Where the slope changes, and the slopes between: shapes (K,) and (K + 1,).

    Pieces of one affine function, told apart only by units that cancel, are joined.
    """
    bent = f.bent()
    slopes = np.where(f.directions() == 0, 0.0, f.slopes)
    return f.edges[1:-1][bent], slopes[np.concatenate([[True], bent])]


def spline(
    start: float,
    heights: np.ndarray,
    kinks: np.ndarray,
    slopes: np.ndarray,
    dtype: str,
    *,
    linear_unit: bool = True,
) -> MLP:
    """A continuous piecewise linear function by one ReLU per kink, and a unit for a first slope.

    y_0 + s_0 (x - a) + sum_k (s_k - s_{k-1}) relu(x - t_k), or the same from the right end, where
    the function is flat there.

    Args:
        start: The left end a.
        heights: Values at the left and the right end.
        kinks: Positions t_k, shape (K,).
        slopes: Slopes between them, shape (K + 1,).
        dtype: Of the network.
        linear_unit: Whether s_0 (x - a) is a linear unit; else it is a ReLU, for x >= a.
    """
    first, jumps = float(slopes[0]), np.diff(slopes)
    if not len(kinks):
        at_zero = float(heights[0]) - first * start
        return MLP.from_arrays([[[first]]], [[at_zero]], "relu", dtype=dtype)
    ones = np.ones(len(kinks))
    if first == 0.0:
        return one_layer(ones, -kinks, jumps, heights[0], "relu", dtype)
    if slopes[-1] == 0.0:
        return one_layer(-ones, kinks, jumps, heights[1], "relu", dtype)
    rows, shifts = np.append(ones, 1.0), np.append(-kinks, -start)
    factors = np.append(jumps, first)
    return one_layer(rows, shifts, factors, heights[0], "relu", dtype, linear=int(linear_unit))


def derivative_network(f: Line, dtype: str) -> MLP:
    """The slopes as steps: s_0 + sum_k (s_k - s_{k-1}) H(x - t_k), with the mean at a kink."""
    kinks, slopes = bends(f)
    if not len(kinks):
        return MLP.from_arrays([[[0.0]]], [slopes], "heaviside", dtype=dtype)
    ones = np.ones(len(kinks))
    return one_layer(ones, -kinks, np.diff(slopes), slopes[0], "heaviside", dtype)


def antiderivative_network(f: Line, dtype: str) -> MLP:
    """The integral from the left end a, by units relu(x - t)^2 and one linear unit.

    y_a (x - a) + s_0/2 (x - a)^2 + sum_k (s_k - s_{k-1})/2 relu(x - t_k)^2.
    """
    kinks, slopes = bends(f)
    start = f.box.lower[0]
    shifts = np.concatenate([[-start], -kinks, [-start]])
    factors = np.concatenate([[0.5 * slopes[0]], 0.5 * np.diff(slopes), [f.values[0]]])
    return one_layer(np.ones_like(shifts), shifts, factors, 0.0, "relu2", dtype, linear=1)


def one_layer(
    rows: np.ndarray,
    shifts: np.ndarray,
    factors: np.ndarray,
    height: float,
    activation: str,
    dtype: str,
    linear: int = 0,
) -> MLP:
    """sum_i factors_i act(rows_i x + shifts_i) + height, the last units linear."""
    return MLP.from_arrays(
        [rows[:, None], factors[None, :]],
        [shifts, [height]],
        activation,
        passthrough=(linear,),
        dtype=dtype,
    )
