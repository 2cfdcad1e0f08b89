"""Networks as expressions: their stored numbers, taken exactly."""

from __future__ import annotations

import numpy as np

from approxlab.certify._expression import Builder
from approxlab.networks.activations import kink_slopes
from approxlab.networks.mlp import MLP

__all__ = ["add_network"]


def add_network(builder: Builder, point: int, network: MLP) -> int:
    """The node of the values of a network at the node of a point."""
    if np.ndim(network.weights[0]) != 2:
        raise ValueError(
            f"model: got {network!r}, several networks in one, expected one network. "
            "Take one out by model.member(0)."
        )
    node = point
    dtype = str(network.weights[0].dtype)
    layers = list(zip(network.weights, network.biases, strict=True))
    for i, (weight, bias) in enumerate(layers):
        node = builder.linear(node, np.asarray(weight), np.asarray(bias))
        if i < len(layers) - 1:
            node = _layer(builder, node, network.activation, network.passthrough[i], dtype)
    return node


def _layer(builder: Builder, node: int, activation: str, linear: int, dtype: str) -> int:
    size = builder.size(node)
    bent = builder.take(node, np.arange(size - linear)) if linear else node
    bent = _activation(builder, bent, activation, dtype)
    if not linear:
        return bent
    return builder.join([bent, builder.take(node, np.arange(size - linear, size))])


def _activation(builder: Builder, node: int, name: str, dtype: str) -> int:
    size = builder.size(node)
    if name == "identity":
        return node
    if name == "abs":
        return builder.function("absolute", node)
    if name == "leaky_relu":
        slope, _ = kink_slopes(name, dtype)
        scaled = builder.binary("multiply", builder.constant(np.full(size, slope)), node)
        return builder.binary("maximum", node, scaled)
    if name == "heaviside":
        half = builder.constant(np.full(size, 0.5))
        sign = builder.function("sign", node)
        return builder.binary("add", half, builder.binary("multiply", half, sign))
    return builder.function(name, node)
