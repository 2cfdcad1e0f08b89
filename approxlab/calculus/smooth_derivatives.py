"""Derivatives of smooth networks of one variable, of any order, as functions of one point."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.calculus._jets import float_functions, network_jet
from approxlab.networks.mlp import MLP

__all__ = ["Derivative"]


@dataclasses.dataclass(frozen=True, eq=False)
class Derivative:
    """The function x -> net^(order)(x) of a smooth network, of one point of shape (1,).

    Computed by Taylor coefficients: the cost grows like the square of the order. A pytree, so that
    `evaluate`, `jit` and `grad` take it; `calculus.roots`, `extrema` and `integral` take it too.

    Attributes:
        net: The network, of one input and one output.
        order: Which derivative, at least 1.
    """

    net: MLP
    order: int

    def __call__(self, x: Any) -> Array:
        """The value at one point of shape (1,)."""
        net = self.net
        point = jnp.asarray(x, net.dtype)
        if point.shape != (1,):
            raise ValueError(f"x: got shape {point.shape}, expected (1,): one point.")
        jet = network_jet(
            net.weights,
            net.biases,
            net.activation,
            net.passthrough,
            point[:, None],
            self.order,
            float_functions(jnp, jax.scipy.special, _joined),
        )
        value = math.factorial(self.order) * jet[self.order][:, 0]
        return value[0] if net.out_size is None else value


def _joined(y: Array, z: Array, units: int) -> Array:
    return jnp.concatenate([y[:units], z[units:]])


jax.tree_util.register_dataclass(Derivative, data_fields=["net"], meta_fields=["order"])
