"""Any smooth activation: Mehler's series, whose coefficients are integrals over one Gaussian.

With h_k(s) = E[phi(s z) He_k(z)] / sqrt(k!) for a standard normal z,

    E[phi(u) phi(v)] = sum_k h_k(s) h_k(t) r^k

for centred Gaussians u, v with standard deviations s, t and correlation r. What K terms leave out
is at most sqrt(T(s) T(t)), T(s) = E[phi(s z)^2] - sum_{k < K} h_k(s)^2, for every r, by the
inequality of Cauchy and Schwarz: so the error is known from each row alone. The integrals are
trapezoidal sums, which converge geometrically for such integrands (Trefethen and Weideman 2014);
their error is the difference to the sum over every other node.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.networks.activations import activation

__all__ = ["coefficients", "mehler", "series_error", "terms_needed"]

_REACH = 13.0  # exp(-z^2 / 4) is below 1e-18 beyond
_NODES = 2049
_ROWS = 1024  # whose values at the nodes are held at once
_TERMS = (64, 128, 256, 512, 1024)


@functools.cache
def _nodes() -> np.ndarray:
    return np.linspace(-_REACH, _REACH, _NODES)


@functools.cache
def _weighted(terms: int) -> np.ndarray:
    """He_k(z) / sqrt(k!) times density times step, shape (nodes, terms).

    The recurrence runs on Hermite functions, which hold the root of the density and stay bounded.
    """
    z = _nodes()
    root = np.exp(-0.25 * z * z) / (2 * np.pi) ** 0.25
    functions = [root, z * root]
    for k in range(1, terms - 1):
        last, before = functions[-1], functions[-2]
        functions.append((z * last - np.sqrt(k) * before) / np.sqrt(k + 1))
    step = z[1] - z[0]
    return np.stack(functions[:terms], axis=1) * (root * step)[:, None]


def coefficients(name: str, deviations: Array, terms: int, *, slope: bool = False) -> Array:
    """h_k(s) of the activation, or of its derivative, shape (n, terms)."""
    values = _at_nodes(name, deviations, slope)
    weighted = jnp.asarray(_weighted(terms), values.dtype)
    return jnp.matmul(values, weighted, precision="highest")


def mehler(left: Array, right: Array, correlation: Array) -> Array:
    """sum_k left[:, k] right[:, k] r^k by Horner's rule, shape (n, p)."""

    def add(total: Array, pair: tuple[Array, Array]) -> tuple[Array, None]:
        return total * correlation + pair[0][:, None] * pair[1][None, :], None

    total, _ = jax.lax.scan(add, jnp.zeros_like(correlation), (left.T, right.T), reverse=True)
    return total


def series_error(name: str, deviations: Any, terms: int) -> float:
    """Largest error of the series and of its integrals, relative to E[phi(s z)^2].

    Both of phi and of phi', with their values in the widest dtype that JAX is set to, and sums in
    float64.
    """
    rows = np.unique(np.asarray(deviations, np.float64))
    parts = np.array_split(rows, -(-len(rows) // _ROWS))
    return max(_error(name, part, terms, slope) for part in parts for slope in (False, True))


def _error(name: str, deviations: np.ndarray, terms: int, slope: bool) -> float:
    weights = _weighted(terms)
    density = weights[:, 0]
    values = np.asarray(_at_nodes(name, jnp.asarray(deviations), slope), np.float64)
    size = values**2 @ density
    coarse = 2 * values[:, ::2] ** 2 @ density[::2]
    kept = np.sum((values @ weights) ** 2, axis=1)
    scale = np.where(size > 0, size, 1)
    left_out = np.maximum(np.abs(size - kept), np.abs(size - coarse)) / scale
    return float(np.max(left_out, initial=0.0))


def terms_needed(name: str, deviations: np.ndarray, rtol: float) -> int:
    """How many terms keep the relative error below `rtol`; refused by name if 1024 do not."""
    for terms in _TERMS:
        error = series_error(name, deviations, terms)
        if error <= rtol:
            return terms
    raise ValueError(
        f"activation: got {name!r}, whose kernel has no closed form here, at standard deviations "
        f"up to {np.max(deviations):.3g}: {_TERMS[-1]} terms of its series leave a relative error "
        f"of {error:.1e}, expected at most rtol={rtol:.1e}. Make the inputs or weight_variance "
        "smaller, or give a larger rtol."
    )


def _at_nodes(name: str, deviations: Array, slope: bool) -> Array:
    act = activation(name)
    points = deviations[:, None] * jnp.asarray(_nodes(), deviations.dtype)[None, :]
    if not slope:
        return act(points)
    return jax.jvp(act, (points,), (jnp.ones_like(points),))[1]
