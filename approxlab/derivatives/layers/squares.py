"""Norms of outer products and sums of their squares: plainly, and safe at every scale.

A square has twice the exponent of its number, so it over- or underflows long before the number
does, and infinity times 0 is not a number. So sums of squares are taken plainly first and it is
checked what underflow may have taken from them. Only where that is more than rounding, or a sum is
not finite, powers of two are taken out first. Results are right wherever the entries of the
Jacobian and the results are numbers of full precision in the dtype.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives.layers._scales import largest, size, smallest, tiny

__all__ = ["diagonal", "norms", "plain_diagonal", "plain_norms"]

_Vectors = Sequence[Array]
_Pair = tuple[Array, Array]


# ---------------------------------------------------------------------------- norms of samples


def plain_norms(deltas: _Vectors, inputs: _Vectors, biases: bool) -> Array:
    """Norm of every sample's outer products delta a^T of all layers, shape (N,)."""
    return _root(_sums_of_squares(deltas, inputs, biases))


@functools.partial(jax.jit, static_argnames="biases")
def norms(deltas: _Vectors, inputs: _Vectors, biases: bool) -> Array:
    """`plain_norms` at every scale. The derivative of a norm of 0 is taken as 0."""
    sums = _sums_of_squares(deltas, inputs, biases)
    kept = jax.lax.stop_gradient(sums)
    total, lost = _total(kept), tiny(sums[0][0].dtype)
    # Every square and product loses less than that by underflow.
    missing: Array | float = 0.0
    for delta, a, (size, size_a) in zip(deltas, inputs, kept, strict=True):
        missing = missing + lost * (delta.shape[1] * size_a + a.shape[1] * size + 1.0)
    sound = jnp.isfinite(total) & (missing <= jnp.finfo(total.dtype).eps * total)
    return jax.lax.cond(
        jnp.all(sound), lambda: _root(sums), lambda: _scaled_norms(deltas, inputs, biases)
    )


def _sums_of_squares(deltas: _Vectors, inputs: _Vectors, biases: bool) -> list[_Pair]:
    """|delta|^2 and |a|^2 of each layer; a bias is a weight whose input is 1."""
    sums = []
    for delta, a in zip(deltas, inputs, strict=True):
        size = jnp.sum(jnp.square(a), axis=1) + (1 if biases else 0)
        sums.append((jnp.sum(jnp.square(delta), axis=1), size))
    return sums


def _total(sums: list[_Pair]) -> Array:
    total = jnp.zeros_like(sums[0][0])
    for size, size_a in sums:
        total = total + size * size_a
    return total


def _root(sums: list[_Pair]) -> Array:
    return jnp.sqrt(_total(sums))


def _scaled_norms(deltas: _Vectors, inputs: _Vectors, biases: bool) -> Array:
    """Norms of both vectors and their product, layer by layer, then the norm of these."""
    layers = []
    for delta, a in zip(deltas, inputs, strict=True):
        if biases:
            a = jnp.concatenate([a, jnp.ones_like(a[:, :1])], axis=1)
        layers.append(_norm(delta) * _norm(a))
    return _norm(jnp.stack(layers, axis=1))


def _norm(vectors: Array) -> Array:
    scale = size(vectors, 1)
    total = jnp.sum(jnp.square(vectors / scale), axis=1)
    zero = total == 0
    return jnp.where(zero, 0, jnp.sqrt(jnp.where(zero, 1, total))) * scale[:, 0]


# ---------------------------------------------------------------------------- sums over samples


def plain_diagonal(a: Array, B: Array | None, outputs: int) -> _Pair:
    """Sums over samples and outputs of (B[n, k, i] a[n, j])^2 and of B[n, k, i]^2.

    Shapes (n_l, n_{l-1}) and (n_l,); without B it is the identity of so many outputs.
    """
    squares = jnp.square(a)
    if B is None:  # every output has its own row of weights
        return _rows(jnp.sum(squares, axis=0), outputs, a)
    columns = jnp.sum(jnp.square(B), axis=1)
    return jnp.einsum("ni,nj->ij", columns, squares), jnp.sum(columns, axis=0)


@functools.partial(jax.jit, static_argnames="outputs")
def diagonal(a: Array, B: Array | None, outputs: int) -> _Pair:
    """`plain_diagonal` at every scale."""
    return _last(a, outputs) if B is None else _hidden(a, B)


def _rows(row: Array, outputs: int, a: Array) -> _Pair:
    weights = jnp.broadcast_to(row[None, :], (outputs, row.size))
    return weights, jnp.full((outputs,), a.shape[0], a.dtype)


def _last(a: Array, outputs: int) -> _Pair:
    row = jnp.sum(jnp.square(a), axis=0)
    kept = jax.lax.stop_gradient(row)
    sound = _exceeds(kept, tiny(a.dtype) * a.shape[0]) & jnp.isfinite(kept)
    # Of units that are always 0 nothing is lost.
    sound |= largest(a, 0) == 0
    one = jnp.ones((a.shape[0], 1, 1), a.dtype)
    row = jax.lax.cond(jnp.all(sound), lambda: row, lambda: _by_entries(a, one)[0])
    return _rows(row, outputs, a)


def _hidden(a: Array, B: Array) -> _Pair:
    columns, squares = jnp.sum(jnp.square(B), axis=1), jnp.square(a)
    samples, many = B.shape[:2]
    lost, most, most_B = tiny(a.dtype), largest(a, 0), largest(B, (0, 1))
    both = samples * many * jnp.square(jnp.max(most)) * jnp.square(jnp.max(most_B))
    fits = both < jnp.finfo(a.dtype).max
    # No infinity times 0, not even where the result is not used: it would reach the derivative.
    weights = jax.lax.cond(
        fits,
        lambda: jnp.einsum("ni,nj->ij", columns, squares),
        lambda: jnp.zeros((most_B.size, most.size), a.dtype),
    )
    biases = jnp.sum(columns, axis=0)
    # Every square and product loses less than `lost`; of units that are always 0 nothing is lost.
    missing = lost * samples * (many * jnp.square(most)[None, :] + 1)
    missing += lost * jax.lax.stop_gradient(biases)[:, None]
    enough = _exceeds(weights, missing) | (most_B[:, None] == 0) | (most[None, :] == 0)
    enough_b = _exceeds(biases, lost * samples * many) | (most_B == 0)

    def plain() -> _Pair:
        return weights, biases

    return jax.lax.cond(
        fits & jnp.all(enough) & jnp.all(enough_b),
        plain,
        lambda: jax.lax.cond(
            fits & _is_exact(a, B), plain, lambda: _hidden_by_entries(a, B)
        ),
    )


def _is_exact(a: Array, B: Array) -> Array:
    """Whether no square or product underflows of what is not 0: units may never be alive at once."""
    lost, eps = tiny(a.dtype), jnp.finfo(a.dtype).eps
    least, least_a = (jnp.square(smallest(jnp.abs(v), v != 0)) for v in (B, a))
    return (least >= lost / eps) & (least_a >= lost) & (least * least_a >= lost)


def _exceeds(values: Array, lost: Array | float) -> Array:
    """Whether what is lost is less than rounding."""
    return lost <= jnp.finfo(values.dtype).eps * jax.lax.stop_gradient(values)


def _hidden_by_entries(a: Array, B: Array) -> _Pair:
    found = _by_entries(jnp.concatenate([a, jnp.ones_like(a[:, :1])], axis=1), B)
    return found[:, :-1], found[:, -1]


def _by_entries(a: Array, B: Array) -> Array:
    """One sample after another, every entry of the Jacobian over a power of two of its own."""

    def entries(sample: _Pair) -> Array:
        return sample[1][:, :, None] * sample[0][None, None, :]

    def highest(top: Array, sample: _Pair) -> tuple[Array, None]:
        return jnp.maximum(top, largest(entries(sample), 0)), None

    @jax.checkpoint  # else N m n_l n_{l-1} numbers are kept for reverse mode
    def add(total: Array, sample: _Pair) -> tuple[Array, None]:
        return total + jnp.sum(jnp.square(entries(sample) / scale[None]), 0), None

    zero = jnp.zeros((B.shape[2], a.shape[1]), a.dtype)
    top = jax.lax.scan(highest, zero, jax.lax.stop_gradient((a, B)))[0]
    scale = size(top[None], 0)[0]
    return jax.lax.scan(add, zero, (a, B))[0] * scale * scale
