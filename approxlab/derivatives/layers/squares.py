"""Norms of outer products and sums of their squares: plainly, and safe at every scale.

A square has twice the exponent of its number, so it over- or underflows long before the number
does, and infinity times 0 is not a number. So sums of squares are taken plainly first and it is
checked what underflow may have taken from them. Only where that is more than rounding, or a sum is
not finite, powers of two are taken out first. Results are right wherever the entries of the
Jacobian and the results are numbers of full precision in the dtype.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives.layers._scales import largest, size, tiny

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


# The first look costs least: at the sums alone. The second reads the numbers once more, where a sum
# is so small that underflow may have taken from it: mostly it is that of units which are always 0.


def _last(a: Array, outputs: int) -> _Pair:
    row = jnp.sum(jnp.square(a), axis=0)
    one, fits = jnp.ones((a.shape[0], 1, 1), a.dtype), jnp.all(row < jnp.inf)
    row = jax.lax.cond(
        jnp.all(_exceeds(row, tiny(a.dtype) * a.shape[0])) & fits,
        lambda: row,
        lambda: _unless_too_small((a,), row, fits, lambda: _by_entries(a, one)[0]),
    )
    return _rows(row, outputs, a)


def _hidden(a: Array, B: Array) -> _Pair:
    samples, many = B.shape[:2]
    lost, most = tiny(a.dtype), 2.0 ** (jnp.finfo(a.dtype).maxexp // 2 - 2)
    # No infinity times 0, not even where the result is not used: it would reach the derivative.
    columns = jnp.minimum(jnp.sum(jnp.square(B), axis=1), most)
    squares = jnp.minimum(jnp.square(a), most)
    weights, biases = jnp.einsum("ni,nj->ij", columns, squares), jnp.sum(columns, axis=0)
    size_B, size_a = jax.lax.stop_gradient((biases, jnp.sum(squares, axis=0)))
    fits = jnp.all(size_B < most) & jnp.all(size_a < most)
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


# The first look costs least: at the sums alone. The second reads the numbers once more, where a sum
# is so small that underflow may have taken from it: mostly it is that of units which are always 0.


def _last(a: Array, outputs: int) -> _Pair:
    row = jnp.sum(jnp.square(a), axis=0)
    one, fits = jnp.ones((a.shape[0], 1, 1), a.dtype), jnp.all(row < jnp.inf)
    row = jax.lax.cond(
        jnp.all(_exceeds(row, tiny(a.dtype) * a.shape[0])) & fits,
        lambda: row,
        lambda: _unless_too_small((a,), row, fits, lambda: _by_entries(a, one)[0]),
    )
    return _rows(row, outputs, a)


def _hidden(a: Array, B: Array) -> _Pair:
    columns, squares = jnp.sum(jnp.square(B), axis=1), jnp.square(a)
    samples, many = B.shape[:2]
    lost, biases = tiny(a.dtype), jnp.sum(columns, axis=0)
    size_B, size_a = jax.lax.stop_gradient((biases, jnp.sum(squares, axis=0)))
    fits = jnp.max(size_B) * jnp.max(size_a) < jnp.finfo(a.dtype).max
    # No infinity times 0, not even where the result is not used: it would reach the derivative.
    weights = jax.lax.cond(
        fits,
        lambda: jnp.einsum("ni,nj->ij", columns, squares),
        lambda: jnp.full((size_B.size, size_a.size), jnp.inf, a.dtype),
    )
    # Every square and product loses less than `lost`.
    missing = lost * (many * size_a[None, :] + size_B[:, None] + samples)
    enough = jnp.all(_exceeds(weights, missing)) & jnp.all(_exceeds(size_B, lost * samples * many))
    return jax.lax.cond(
        fits & enough,
        lambda: (weights, biases),
        lambda: _unless_too_small(
            (a, B), (weights, biases), fits, lambda: _hidden_by_entries(a, B)
        ),
    )


def _unless_too_small(
    arrays: _Vectors, plain: Any, fits: Array, otherwise: Callable[[], Any]
) -> Any:
    """The plain sums where they fit and no number that is not 0 is too small to be squared.

    Neither are products of two squares of such numbers.
    """
    least = 2.0 ** (jnp.finfo(arrays[0].dtype).minexp // 4 + 1)
    small = [jnp.any((jnp.abs(v) < least) & (v != 0)) for v in arrays]
    return jax.lax.cond(fits & ~jnp.any(jnp.stack(small)), lambda: plain, otherwise)


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
