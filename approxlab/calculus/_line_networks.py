"""Shallow networks of piecewise linear functions: of the function, its slope, its integral."""

from __future__ import annotations

import numpy as np

from approxlab.calculus._lines import Line
from approxlab.networks.mlp import MLP

__all__ = ["antiderivative_network", "bends", "derivative_network", "relu_network"]


def bends(f: Line) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Where the slope changes, by how much, and the first and last slope.

    Pieces of one affine function, told apart only by units that cancel, are joined.
    """
    slopes = np.where(f.directions() == 0, 0.0, f.slopes)
    inner = np.flatnonzero(f.bent())
    starts = np.concatenate([[0], inner + 1])
    stretches = slopes[starts]
    return f.edges[inner + 1], np.diff(stretches), float(stretches[0]), float(stretches[-1])


def relu_network(f: Line, dtype: str, *, linear_unit: bool) -> MLP:
    """f on its interval, by one ReLU per kink and one unit for the first slope, where needed.

    f = y_a + s_0 (x - a) + sum_k (s_k - s_{k-1}) relu(x - t_k), and from the right end likewise.
    """
    kinks, jumps, first, last = bends(f)
    start = f.box.lower[0]
    if not len(kinks):
        weight, bias = [[[first]]], [[f.values[0] - first * start]]
        return MLP.from_arrays(weight, bias, "relu", dtype=dtype)
    if first != 0.0 and last == 0.0:  # from the right end, where f is flat
        rows, shifts = -np.ones_like(kinks), kinks
        return _one_layer(rows, shifts, jumps, float(f.values[-1]), "relu", dtype)
    height = float(f.values[0])
    if first == 0.0:
        return _one_layer(np.ones_like(kinks), -kinks, jumps, height, "relu", dtype)
    if linear_unit:
        rows, shifts = np.ones(len(kinks) + 1), np.append(-kinks, -start)
        factors = np.append(jumps, first)
        return _one_layer(rows, shifts, factors, height, "relu", dtype, linear=1)
    rows, shifts = np.ones(len(kinks) + 1), np.concatenate([[-start], -kinks])
    return _one_layer(rows, shifts, np.append(first, jumps), height, "relu", dtype)


def derivative_network(f: Line, dtype: str) -> MLP:
    """The slopes as steps: s_0 + sum_k (s_k - s_{k-1}) H(x - t_k), with the mean at a kink."""
    kinks, jumps, first, _ = bends(f)
    if not len(kinks):
        return MLP.from_arrays([[[0.0]]], [[first]], "heaviside", dtype=dtype)
    return _one_layer(np.ones_like(kinks), -kinks, jumps, first, "heaviside", dtype)


def antiderivative_network(f: Line, dtype: str) -> MLP:
    """The integral from the left end a, by units relu(x - t)^2 and one linear unit.

    y_a (x - a) + s_0/2 (x - a)^2 + sum_k (s_k - s_{k-1})/2 relu(x - t_k)^2.
    """
    kinks, jumps, first, _ = bends(f)
    start = f.box.lower[0]
    shifts = np.concatenate([[-start], -kinks, [-start]])
    factors = np.concatenate([[0.5 * first], 0.5 * jumps, [f.values[0]]])
    return _one_layer(np.ones_like(shifts), shifts, factors, 0.0, "relu2", dtype, linear=1)


def _one_layer(
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
