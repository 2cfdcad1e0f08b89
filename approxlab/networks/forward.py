"""The forward pass of a network: one loop over its layers, whatever the points are arranged in.

A single point is a vector of shape (d,), and the bias of a layer is added to its product with the
weights as it is. Many points are the columns of a matrix of shape (d, N), which makes every layer
one product; there the bias has to be repeated along the columns, and how that is done decides what
its gradient costs. So the addition is an argument, `add_vector` or `add_to_columns` or one of the
caller's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jaxtyping import Array

from approxlab.networks.activations import Activation, layer

__all__ = ["Addition", "add_to_columns", "add_vector", "hidden_units", "outputs"]

Addition = Callable[[Array, Array], Array]


def add_vector(z: Array, bias: Array) -> Array:
    """The bias added to W x at one point: shape (units,)."""
    return z + bias


def add_to_columns(z: Array, bias: Array) -> Array:
    """The bias added to W X at many points, its columns: shape (units, N)."""
    return z + bias[:, None]


def hidden_units(
    act: Activation,
    weights: Sequence[Array],
    biases: Sequence[Array],
    passthrough: Sequence[int],
    x: Any,
    add: Addition = add_vector,
) -> Any:
    """Values of the units of the last hidden layer; the last weights and biases are not used.

    Args:
        act: The activation function.
        weights: One matrix (out, in) per layer, the last layer included.
        biases: One vector (out,) per layer, the last layer included.
        passthrough: For each hidden layer, how many of its last units are left linear.
        x: One point (d,), or points as columns (d, N).
        add: Adds a bias to the product of weights and points.
    """
    for weight, bias, linear in zip(weights[:-1], biases[:-1], passthrough, strict=True):
        x = layer(act, add(weight @ x, bias), linear)
    return x


def outputs(
    act: Activation,
    weights: Sequence[Array],
    biases: Sequence[Array],
    passthrough: Sequence[int],
    x: Any,
    add: Addition = add_vector,
) -> Array:
    """Values of the network: shape (m,) at one point, (m, N) at points as columns.

    Arguments are those of `hidden_units`.
    """
    units = hidden_units(act, weights, biases, passthrough, x, add)
    return add(weights[-1] @ units, biases[-1])
