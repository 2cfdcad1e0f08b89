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

from approxlab.derivatives.layers._scales import largest, size, tiny

__all__ = ["diagonals", "norms", "plain_diagonal", "plain_norms"]

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
    for delta, a, (size_d, size_a) in zip(deltas, inputs, kept, strict=True):
        missing = missing + lost * (delta.shape[1] * size_a + a.shape[1] * size_d + 1.0)
    sound = jnp.isfinite(total) & (missing <= jnp.finfo(total.dtype).eps * total)
    return jax.lax.cond(
        jnp.all(sound), lambda: _root(sums), lambda: _scaled_norms(deltas, inputs, biases)
    )


def _sums_of_squares(deltas: _Vectors, inputs: _Vectors, biases: bool) -> list[_Pair]:
    """|delta|^2 and |a|^2 of each layer; a bias is a weight whose input is 1."""
    sums = []
    for delta, a in zip(deltas, inputs, strict=True):
        size_a = jnp.sum(jnp.square(a), axis=1) + (1 if biases else 0)
        sums.append((jnp.sum(jnp.square(delta), axis=1), size_a))
    return sums


def _total(sums: list[_Pair]) -> Array:
    total = jnp.zeros_like(sums[0][0])
    for size_d, size_a in sums:
        total = total + size_d * size_a
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
def diagonals(inputs: _Vectors, factors: _Vectors, outputs: int) -> list[_Pair]:
    """`plain_diagonal` of all layers, at every scale.

    The first look costs least: at the sums alone. The second reads the numbers once more, where a
    sum is so small that underflow may have taken from it: mostly of units which are always 0.
    """
    pairs = list(zip(inputs, (*factors, None), strict=True))
    layers = [_attempt(a, B, outputs) for a, B in pairs]
    plain = [sums for sums, _, _ in layers]
    fits = jnp.all(jnp.stack([one for _, one, _ in layers]))
    enough = jnp.all(jnp.stack([one for _, _, one in layers]))
    return jax.lax.cond(
        fits & enough,
        lambda: plain,
        lambda: jax.lax.cond(
            fits & _are_no_small_numbers([*inputs, *factors]),
            lambda: plain,
            lambda: [_by_entries(a, B, outputs) for a, B in pairs],
        ),
    )


def _rows(row: Array, outputs: int, a: Array) -> _Pair:
    weights = jnp.broadcast_to(row[None, :], (outputs, row.size))
    return weights, jnp.full((outputs,), a.shape[0], a.dtype)


def _attempt(a: Array, B: Array | None, outputs: int) -> tuple[_Pair, Array, Array]:
    """The plain sums, whether they fit, and whether underflow has taken nothing that counts."""
    samples, lost = a.shape[0], tiny(a.dtype)
    most = 2.0 ** (jnp.finfo(a.dtype).maxexp // 2 - 2)
    squares = jnp.square(a)
    if B is None:
        row = jnp.sum(squares, axis=0)
        fits, enough = jnp.all(row < jnp.inf), jnp.all(_exceeds(row, lost * samples))
        return _rows(row, outputs, a), fits, enough
    # No infinity times 0, not even where the result is not used: it would reach the derivative.
    columns = jnp.minimum(jnp.sum(jnp.square(B), axis=1), most)
    squares = jnp.minimum(squares, most)
    weights, biases = jnp.einsum("ni,nj->ij", columns, squares), jnp.sum(columns, axis=0)
    size_B, size_a = jax.lax.stop_gradient((biases, jnp.sum(squares, axis=0)))
    fits = jnp.all(size_B < most) & jnp.all(size_a < most)
    # Every square and product loses less than `lost`.
    many = B.shape[1]
    missing = lost * (many * size_a[None, :] + size_B[:, None] + samples)
    enough = jnp.all(_exceeds(weights, missing)) & jnp.all(_exceeds(biases, lost * samples * many))
    return (weights, biases), fits, enough


def _are_no_small_numbers(arrays: _Vectors) -> Array:
    """Whether squares of all that is not 0, and products of two of these, are of full precision."""
    least = 2.0 ** (jnp.finfo(arrays[0].dtype).minexp // 4 + 1)
    small = [jnp.any((jnp.abs(v) < least) & (v != 0)) for v in arrays]
    return ~jnp.any(jnp.stack(small))


def _exceeds(values: Array, lost: Array | float) -> Array:
    """Whether what is lost is less than rounding."""
    return lost <= jnp.finfo(values.dtype).eps * jax.lax.stop_gradient(values)


def _by_entries(a: Array, B: Array | None, outputs: int) -> _Pair:
    if B is None:
        one = jnp.ones((a.shape[0], 1, 1), a.dtype)
        return _rows(_sums_by_entries(a, one)[0], outputs, a)
    found = _sums_by_entries(jnp.concatenate([a, jnp.ones_like(a[:, :1])], axis=1), B)
    return found[:, :-1], found[:, -1]


def _sums_by_entries(a: Array, B: Array) -> Array:
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
