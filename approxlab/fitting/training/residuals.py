"""Residuals of a network and their Jacobian: in all weights, or with the outer layer eliminated."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jax.flatten_util import ravel_pytree
from jax.scipy.linalg import solve_triangular
from jaxtyping import Array

from approxlab.derivatives.layers.weights import weight_jacobian
from approxlab.fitting.training.least_squares import LinearModel
from approxlab.networks.activations import activation
from approxlab.networks.forward import add_to_columns, hidden_units, outputs
from approxlab.networks.mlp import MLP

Layers = tuple[tuple[Array, ...], tuple[Array, ...]]
Unravel = Callable[[Array], Layers]

_ANY_SIZE = 2**62  # `Method.check` has checked it before anything was compiled


def of_all_weights(
    net_of: Callable[[Layers], MLP], unravel: Unravel, params: Array, x: Array, y: Array, form: bool
) -> LinearModel:
    """Residuals (network - y) / sqrt(size), so that their squares sum to the mean square.

    Args:
        net_of: The network of layers (weights, biases).
        unravel: Layers from the vector of all parameters.
        params: The parameters, shape (p,).
        x: Points as columns, shape (d, N).
        y: Values as columns, shape (m, N).
        form: Whether the Jacobian is formed, or asked for by products.
    """
    root = math.sqrt(y.size)

    def at(p: Array) -> tuple[Array, Array]:
        return _rows(_values(net_of(unravel(p)), x) - y) / root, p

    jacobian = None
    if form:
        net = net_of(unravel(params))
        jacobian = _columns(net, x, len(net.weights)) / root
    return LinearModel(params, at, at(params)[0], params, jacobian)


def of_inner_weights(
    net_of: Callable[[Layers], MLP], unravel: Unravel, params: Array, x: Array, y: Array
) -> LinearModel:
    """The same as a function of all layers but the last, whose coefficients are the best ones.

    They solve the least-squares problem with a ridge of the size of rounding, which keeps the
    triangle regular where units are dependent. The Jacobian is Kaufman's: that of the inner weights
    for these coefficients, minus its part in the span of the units.
    """
    weights, biases = unravel(params)
    free, layers_of = ravel_pytree((weights[:-1], biases[:-1]))
    root = math.sqrt(y.size)

    def solved(p: Array) -> tuple[Array, Array, Array]:
        """Coefficients, residuals as columns, and an orthonormal basis of the span of the units."""
        w, b = layers_of(p)
        net = net_of(((*w, weights[-1]), (*b, biases[-1])))
        units = _hidden(net, x)
        basis = jnp.concatenate([units, jnp.ones((1, x.shape[1]), x.dtype)]).T / root
        ridge = jnp.finfo(x.dtype).eps * jnp.linalg.norm(basis)
        stacked = jnp.concatenate([basis, ridge * jnp.eye(basis.shape[1], dtype=x.dtype)])
        Q, R = jnp.linalg.qr(stacked)
        Q = Q[: basis.shape[0]]
        wanted = y.T / root
        coefficients = solve_triangular(R, Q.T @ wanted)
        return coefficients, (basis @ coefficients - wanted).T, Q

    def layers(p: Array, coefficients: Array) -> Layers:
        w, b = layers_of(p)
        return (*w, coefficients[:-1].T), (*b, coefficients[-1])

    def at(p: Array) -> tuple[Array, Array]:
        coefficients, left, _ = solved(p)
        return _rows(left), ravel_pytree(layers(p, coefficients))[0]

    coefficients, left, Q = solved(free)
    best = layers(free, coefficients)
    net = net_of(best)
    columns = _columns(net, x, len(net.weights) - 1) / root
    by_outputs = columns.reshape(x.shape[1], y.shape[0], -1)
    inside = jnp.einsum("nk,kmp->nmp", Q, jnp.einsum("nk,nmp->kmp", Q, by_outputs))
    jacobian = (by_outputs - inside).reshape(columns.shape)
    return LinearModel(free, at, _rows(left), ravel_pytree(best)[0], jacobian)


def _columns(net: MLP, x: Array, layers: int) -> Array:
    """Derivatives of all values, (N m, p), in the weights, then the biases, of the first layers."""
    dense = weight_jacobian(net, x.T).dense(_ANY_SIZE)
    leaves = (*dense.weights[:layers], *dense.biases[:layers])
    rows = x.shape[1] * (net.out_size or 1)
    return jnp.concatenate([leaf.reshape(rows, -1) for leaf in leaves], axis=1)


def _values(net: MLP, x: Array) -> Array:
    """Values as columns, shape (m, N)."""
    return outputs(*_pass(net), x, add_to_columns)


def _hidden(net: MLP, x: Array) -> Array:
    """Inputs of the last layer, as columns."""
    units: Array = hidden_units(*_pass(net), x, add_to_columns)
    return units


def _pass(net: MLP) -> tuple[Any, Any, Any, Any]:
    return activation(net.activation), net.weights, net.biases, net.passthrough


def _rows(columns: Array) -> Array:
    """Numbered by point, then output, as the rows of the Jacobian are."""
    return columns.T.ravel()
