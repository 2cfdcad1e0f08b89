"""The compiled programs: moments of all rows from layer to layer.

Variances and widths are arguments, so that other numbers need no other program.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.kernels._angles import Pair, first_pair, unit_rows, with_bias
from approxlab.kernels._arguments import Kind
from approxlab.kernels._duals import dual

__all__ = ["first_deviations", "kernel_block", "next_deviations"]


@jax.jit
def first_deviations(weights: Array, biases: Array, points: Array) -> Array:
    """Standard deviations before the first activation, shape (n,)."""
    return unit_rows(points, weights[0], biases[0])[0]


@functools.partial(jax.jit, static_argnums=(0, 1))
def next_deviations(
    name: str, terms: int | None, weight: Array, bias: Array, deviations: Array
) -> Array:
    """Standard deviations before the next activation, from those before this one."""
    alone = Pair(deviations, deviations[:1], jnp.zeros((len(deviations), 1), deviations.dtype))
    after = dual(name, terms)(alone)
    return jnp.hypot(jnp.sqrt(weight) * after.left, jnp.sqrt(bias))


@functools.partial(jax.jit, static_argnums=(0, 1, 2))
def kernel_block(
    name: str,
    kind: Kind,
    terms: tuple[int | None, ...],
    weights: Array,
    biases: Array,
    widths: Array | None,
    left: Array,
    right: Array,
) -> Array:
    """One block: moments from layer to layer, and the tangent kernel along with them.

    With `widths`, in the parameterisation "standard".
    """
    pair = first_pair(*(unit_rows(x, weights[0], biases[0]) for x in (left, right)))
    tangent = pair.covariances
    if widths is not None:
        tangent = jnp.sum(left[:, None, :] * right[None, :, :], axis=-1) + 1
    for layer, count in enumerate(terms):
        after = dual(name, count)(pair)
        weight = weights[layer + 1]
        pair = with_bias(after.left, after.right, after.gap, weight, biases[layer + 1])
        through = weight * tangent * after.slopes
        if widths is None:
            tangent = pair.covariances + through
        else:
            tangent = widths[layer] * after.products + 1 + through
    return pair.covariances if kind == "nngp" else tangent
