"""Integrals of smooth networks from the left end of a box to x, as functions of one point.

A unit s(w x + b) has the integral (S(w x + b) - S(w a + b)) / w, with S = log cosh for tanh,
softplus for sigmoid, and -cos for sin. With z = w a + b and d = w (x - a) the differences are taken
without cancellation:

    tanh        log(cosh d + tanh z sinh d) = log1p(2 sinh(d/2)^2 + tanh z sinh d)
    sigmoid     log1p(sigmoid(z) expm1(d))
    sin         2 sin(z + d/2) sin(d/2)

and for |d| > 1 as plain differences of S, which does not overflow: log cosh z = |z| +
log1p(exp(-2 |z|)) - log 2.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.calculus._quadrature import NODES
from approxlab.calculus._smooth import smooth_functions
from approxlab.calculus._smooth_integrals import of_value
from approxlab.networks.activations import activation
from approxlab.networks.mlp import MLP

__all__ = ["CLOSED", "Antiderivative", "PanelAntiderivative", "antiderivative_of"]


def _log_cosh(z: Array) -> Array:
    size = jnp.abs(z)
    return size + jnp.log1p(jnp.exp(-2.0 * size)) - jnp.log(2.0).astype(z.dtype)


def _tanh(z: Array, d: Array) -> Array:
    near = jnp.where(jnp.abs(d) > 1.0, 0.0, d)
    small = jnp.log1p(2.0 * jnp.sinh(0.5 * near) ** 2 + jnp.tanh(z) * jnp.sinh(near))
    return jnp.where(jnp.abs(d) > 1.0, _log_cosh(z + d) - _log_cosh(z), small)


def _sigmoid(z: Array, d: Array) -> Array:
    near = jnp.where(jnp.abs(d) > 1.0, 0.0, d)
    small = jnp.log1p(jax.nn.sigmoid(z) * jnp.expm1(near))
    return jnp.where(jnp.abs(d) > 1.0, jax.nn.softplus(z + d) - jax.nn.softplus(z), small)


def _sin(z: Array, d: Array) -> Array:
    return 2.0 * jnp.sin(z + 0.5 * d) * jnp.sin(0.5 * d)


CLOSED: Mapping[str, Callable[[Array, Array], Array]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "sin": _sin,
}
"""Activation to S(z + d) - S(z), for an antiderivative S of it."""


@dataclasses.dataclass(frozen=True, eq=False)
class Antiderivative:
    """The function x -> integral of net from `start` to x, by a closed formula.

    Of one hidden layer of tanh, sigmoid or sin units. A pytree of one point of shape (1,).

    Attributes:
        net: The network.
        start: Where the integral begins.
    """

    net: MLP
    start: float

    def __call__(self, x: Any) -> Array:
        """The value at one point of shape (1,)."""
        net = self.net
        point = _point(x, net.dtype)
        bent = net.biases[0].shape[0] - net.passthrough[0]
        rates, shifts, outer = net.weights[0][:, 0], net.biases[0], net.weights[1]
        start = jnp.asarray(self.start, net.dtype)
        z, step = rates * start + shifts, point - start
        moving = rates[:bent] != 0.0
        safe = jnp.where(moving, rates[:bent], 1.0)
        risen = CLOSED[net.activation](z[:bent], rates[:bent] * step) / safe
        still = activation(net.activation)(z[:bent]) * step
        # A linear unit: the mean of its values at both ends, times the length.
        linear = (z[bent:] + 0.5 * rates[bent:] * step) * step
        units = jnp.concatenate([jnp.where(moving, risen, still), linear])
        value = outer @ units + net.biases[1] * step
        return value[0] if net.out_size is None else value


@dataclasses.dataclass(frozen=True, eq=False)
class PanelAntiderivative:
    """The function x -> integral of net from the left end to x, by Gauss's rule on panels.

    A pytree of one point of shape (1,).

    Attributes:
        net: The network.
        edges: Ends of the panels, shape (P + 1,).
        sums: Integrals from the left end to each edge, shape (P + 1,).
        error: Proved bound of the error on the box, with evaluations in float64.
    """

    net: MLP
    edges: Array
    sums: Array
    error: float

    def __call__(self, x: Any) -> Array:
        """The value at one point of shape (1,)."""
        point = _point(x, self.net.dtype)
        panel = jnp.clip(
            jnp.searchsorted(self.edges, point, side="right") - 1, 0, len(self.edges) - 2
        )
        nodes, weights = np.polynomial.legendre.leggauss(NODES)
        low = self.edges[panel]
        half = 0.5 * (point - low)
        places = low + half * jnp.asarray(nodes + 1.0, self.net.dtype)
        values = jax.vmap(lambda t: jnp.ravel(self.net(t[None]))[0])(places)
        value = self.sums[panel] + half * (jnp.asarray(weights, self.net.dtype) @ values)
        return value if self.net.out_size is None else value[None]


def antiderivative_of(net: MLP, box: Any) -> PanelAntiderivative:
    """The antiderivative on panels whose remainders are at the level of rounding."""
    (f,) = smooth_functions([net], [[1]], box)
    found = of_value(f)
    sums = np.concatenate([[0.0], np.cumsum(found.integrals)])
    return PanelAntiderivative(
        net, jnp.asarray(found.edges, net.dtype), jnp.asarray(sums, net.dtype), found.error
    )


def _point(x: Any, dtype: Any) -> Array:
    point = jnp.asarray(x, dtype)
    if point.shape != (1,):
        raise ValueError(f"x: got shape {point.shape}, expected (1,): one point.")
    return point[0]


jax.tree_util.register_dataclass(Antiderivative, data_fields=["net"], meta_fields=["start"])
jax.tree_util.register_dataclass(
    PanelAntiderivative, data_fields=["net", "edges", "sums"], meta_fields=["error"]
)
