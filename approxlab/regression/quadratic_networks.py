"""Polynomials of total degree at most 2 as networks: affine, or one hidden layer of relu2 units.

On the box mapped to [-1, 1]^d, with z = (1, t_1, ..., t_d), such a polynomial is a quadratic form
z' M z. Its squares are z_i^2 = relu2(z_i) + relu2(-z_i), and its products are differences of two
squares, 4 z_i z_j = (z_i + z_j)^2 - (z_i - z_j)^2. Higher degrees need depth, or units of a higher
power.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.networks.mlp import MLP
from approxlab.regression.bases import Basis

__all__ = ["affine_network", "quadratic_network"]


def quadratic_network(basis: Basis, coefficients: jax.Array) -> MLP:
    """The network of a polynomial of total degree at most 2.

    Args:
        basis: The polynomials.
        coefficients: Shape (n,) or (n, m).

    Raises:
        ValueError: If the basis holds a polynomial of total degree 3 or more.
    """
    highest = int(basis.exponents.sum(axis=1).max())
    if highest > 2:
        raise ValueError(
            f"degree: got {basis.degree} of kind {basis.kind!r} in {basis.in_size} variables, "
            f"total degree {highest}, expected at most 2: one layer of relu2 units has piecewise "
            "quadratic functions, and higher degrees need depth."
        )
    forms = _forms(basis, np.asarray(coefficients, np.float64))
    if highest < 2:
        constant = forms[:, 0, 0]
        return affine_network(basis, constant, forms[:, 0, 1:], coefficients)
    return _one_layer(basis, forms, coefficients)


def affine_network(
    basis: Basis, constant: np.ndarray, slopes: np.ndarray, coefficients: jax.Array
) -> MLP:
    """The function constant + slopes t of the mapped point, as an `MLP` without a hidden layer.

    Args:
        basis: Its box is mapped to [-1, 1]^d.
        constant: Shape (m,).
        slopes: Shape (m, d).
        coefficients: Those of the model, for its dtype and the shape of its values.
    """
    weight = slopes / (0.5 * basis.box.widths)
    return _network([weight], [constant - weight @ basis.box.center], coefficients)


def _forms(basis: Basis, coefficients: np.ndarray) -> np.ndarray:
    """Matrices M of the quadratic forms in z = (1, t), upper triangles: shape (m, d + 1, d + 1)."""
    rows = coefficients if coefficients.ndim == 2 else coefficients[:, None]
    size = basis.in_size + 1
    forms = np.zeros((rows.shape[1], size, size))
    # In one variable all three bases are 1, t and a t^2 + b.
    square, below = {"monomial": (1.0, 0.0), "chebyshev": (2.0, -1.0), "legendre": (1.5, -0.5)}[
        basis.name
    ]
    for exponents, row in zip(basis.exponents, rows, strict=True):
        if 2 in exponents:
            i = 1 + int(np.argmax(exponents))
            forms[:, i, i] += square * row
            forms[:, 0, 0] += below * row
        else:
            i, j = (0, 0, *(1 + np.flatnonzero(exponents)))[-2:]
            forms[:, i, j] += row
    return forms


def _one_layer(basis: Basis, forms: np.ndarray, coefficients: jax.Array) -> MLP:
    size = basis.in_size + 1
    directions, readout = [], []
    for i, j in itertools.combinations_with_replacement(range(size), 2):
        if i == j == 0:
            continue  # the constant is the bias of the readout
        one, other = np.eye(size)[i], np.eye(size)[j]
        squares = [(one, 1.0)] if i == j else [(one + other, 0.25), (one - other, -0.25)]
        for direction, factor in squares:
            directions += [direction, -direction]
            readout += [factor * forms[:, i, j]] * 2
    units = np.stack(directions)
    weight = units[:, 1:] / (0.5 * basis.box.widths)
    bias = units[:, 0] - weight @ basis.box.center
    return _network([weight, np.stack(readout, axis=1)], [bias, forms[:, 0, 0]], coefficients)


def _network(weights: list[np.ndarray], biases: list[np.ndarray], coefficients: jax.Array) -> MLP:
    out_size = None if coefficients.ndim == 1 else coefficients.shape[1]
    dtype = coefficients.dtype
    return MLP(
        tuple(jnp.asarray(w, dtype) for w in weights),
        tuple(jnp.asarray(b, dtype) for b in biases),
        "relu2" if len(weights) > 1 else "identity",
        (0,) * (len(weights) - 1),
        out_size,
    )
