"""Shallow networks of piecewise linear functions: of the function, its slope, its integral."""

from __future__ import annotations

from typing import Any

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
    out_size: int | None = None,
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
        out_size: Of the network: None or 1.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # refused where the network is made
        first, jumps = float(slopes[0]), np.diff(slopes)
        at_zero = float(heights[0]) - first * float(start)
    if not len(kinks):
        return _network([[[first]]], [[at_zero]], "relu", dtype, (), out_size)
    ones = np.ones(len(kinks))
    if first == 0.0:
        return one_layer(ones, -kinks, jumps, heights[0], "relu", dtype, out_size=out_size)
    if slopes[-1] == 0.0:
        return one_layer(-ones, kinks, jumps, heights[1], "relu", dtype, out_size=out_size)
    rows, shifts = np.append(ones, 1.0), np.append(-kinks, -start)
    factors = np.append(jumps, first)
    number = int(linear_unit)
    return one_layer(rows, shifts, factors, heights[0], "relu", dtype, number, out_size)


def derivative_network(f: Line, dtype: str, out_size: int | None = None) -> MLP:
    """The slopes as steps: s_0 + sum_k (s_k - s_{k-1}) H(x - t_k), with the mean at a kink."""
    kinks, slopes = bends(f)
    if not len(kinks):
        return _network([[[0.0]]], [slopes], "heaviside", dtype, (), out_size)
    ones = np.ones(len(kinks))
    jumps = np.diff(slopes)
    return one_layer(ones, -kinks, jumps, slopes[0], "heaviside", dtype, out_size=out_size)


def antiderivative_network(f: Line, dtype: str, out_size: int | None = None) -> MLP:
    """The integral from the left end a, by units relu(x - t)^2 and one linear unit.

    y_a (x - a) + s_0/2 (x - a)^2 + sum_k (s_k - s_{k-1})/2 relu(x - t_k)^2.
    """
    kinks, slopes = bends(f)
    start = f.box.lower[0]
    shifts = np.concatenate([[-start], -kinks, [-start]])
    factors = np.concatenate([[0.5 * slopes[0]], 0.5 * np.diff(slopes), [f.values[0]]])
    ones = np.ones_like(shifts)
    return one_layer(ones, shifts, factors, 0.0, "relu2", dtype, 1, out_size)


def one_layer(
    rows: np.ndarray,
    shifts: np.ndarray,
    factors: np.ndarray,
    height: float,
    activation: str,
    dtype: str,
    linear: int = 0,
    out_size: int | None = None,
) -> MLP:
    """sum_i factors_i act(rows_i x + shifts_i) + height, the last units linear."""
    weights, biases = [rows[:, None], factors[None, :]], [shifts, [height]]
    return _network(weights, biases, activation, dtype, (linear,), out_size)


def _network(
    weights: list[Any],
    biases: list[Any],
    activation: str,
    dtype: str,
    passthrough: tuple[int, ...],
    out_size: int | None,
) -> MLP:
    """The network, whose parameters must be finite in its dtype."""
    for array in (*weights, *biases):
        sizes = np.abs(np.asarray(array, np.float64))
        largest = float(np.max(np.where(np.isnan(sizes), np.inf, sizes), initial=0.0))
        if largest > float(np.finfo(dtype).max):
            raise ValueError(
                f"net: the result has a parameter of size {largest:.3g}, which overflows in "
                f"{dtype}. Take a network in float64, or multiply it or its variable by a number."
            )
    return MLP.from_arrays(
        weights, biases, activation, passthrough=passthrough, out_size=out_size, dtype=dtype
    )
