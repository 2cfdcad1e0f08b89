"""The kernel J J'^T from the factors of two Jacobians: plainly, and safe at every scale."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives.layers._scales import largest, power_below, smallest, tiny

__all__ = ["Factors", "kernel", "plain_kernel"]

Factors = tuple[Sequence[Array], Sequence[Array]]
"""a_{l-1} of all layers, shapes (N, n_{l-1}), and B_l of the hidden ones, (N, m, n_l)."""

_ScaledLayer = tuple[Array, Any, Array]
"""a (N, n), the input of its bias (N,) or None, and B (N, m, l), or its diagonal (N, m)."""


def plain_kernel(left: Factors, right: Factors, outputs: int, biases: bool) -> Array:
    """Sum over layers of (a . a' + 1) B B'^T, shape (N, m, N', m), as it stands."""
    total: Any = None
    for a, B, a2, B2 in zip(left[0], (*left[1], None), right[0], (*right[1], None), strict=True):
        alike = jnp.einsum("nj,pj->np", a, a2)
        if biases:
            alike = alike + 1
        if B is None:
            outer = jnp.eye(outputs, dtype=alike.dtype)[None, :, None, :]
        else:
            outer = jnp.einsum("nki,pli->nkpl", B, B2)
        block = alike[:, None, :, None] * outer
        total = block if total is None else total + block
    return total


@functools.partial(jax.jit, static_argnames=("outputs", "biases"))
def kernel(left: Factors, right: Factors | None, outputs: int, biases: bool) -> Array:
    """`plain_kernel` at every scale; without a right side it is the left one.

    It is looked at the factors first, of which there are N n numbers: whether all products of their
    entries fit, and what underflows is less than rounding of the largest. Entries of the kernel are
    right up to rounding of sqrt(K[n, n] K[p, p]), as those of every product of arrays.
    """

    def plain() -> Array:
        return plain_kernel(left, left if right is None else right, outputs, biases)

    def scaled() -> Array:
        layers, root = _scaled(left, outputs, biases)
        others, root2 = (layers, root) if right is None else _scaled(right, outputs, biases)
        total = functools.reduce(jnp.add, map(_block, layers, others))
        scale = root[:, :, None, None] * root2[None, None, :, :]
        return total * scale * scale

    return jax.lax.cond(_is_safe(left, right, outputs, biases), plain, scaled)


def _is_safe(left: Factors, right: Factors | None, outputs: int, biases: bool) -> Array:
    """Whether no product of the plain way overflows, and none underflows that counts."""
    dtype = left[0][0].dtype
    info, lost = jnp.finfo(dtype), tiny(dtype)
    safe = jnp.array(True)
    for layer in range(len(left[0])):
        sides = [_range(side, layer, biases) for side in (left, right) if side is not None]
        (least, most, least_B, most_B), other = sides[0], sides[-1]
        n = left[0][layer].shape[1] + int(biases)
        units = left[1][layer].shape[2] if layer < len(left[1]) else 1
        alike, outer = n * most * other[1], units * most_B * other[3]
        fits = (alike < info.max) & (outer < info.max)
        fits &= len(left[0]) * alike * outer < info.max
        low, low_B = least * other[0], least_B * other[2]
        full = (low >= n * lost / info.eps) & (low_B >= units * lost / info.eps)
        full &= low * low_B >= lost / info.eps
        if biases and outputs == 1:  # the last layer adds at least 1, and its bias to all
            full |= lost * (units * alike + n * outer + 1.0) <= info.eps
        safe &= fits & full
    return safe


def _range(side: Factors, layer: int, biases: bool) -> tuple[Any, Any, Any, Any]:
    """Least and largest size of the vectors a, with the bias's 1, and B, those of 0 left out."""
    size = largest(side[0][layer], 1)
    if biases:
        size = jnp.maximum(size, 1)
    ends = smallest(size, size != 0), jnp.max(size)
    if layer == len(side[1]):
        return (*ends, 1.0, 1.0)
    size = largest(side[1][layer], 2)
    return (*ends, smallest(size, size != 0), jnp.max(size))


def _scaled(side: Factors, outputs: int, biases: bool) -> tuple[list[_ScaledLayer], Array]:
    """The layers over r^2, so that no number is above 4, and r, of each sample and output.

    The largest a times the largest B is an entry of the Jacobian, so it does not overflow.
    """
    ones = jnp.ones((side[0][0].shape[0], outputs), side[0][0].dtype)
    tops = [largest(a, 1)[:, None] for a in side[0]]  # (N, 1)
    if biases:
        tops = [jnp.maximum(top, 1) for top in tops]
    tops_B = [*(largest(B, 2) for B in side[1]), ones]  # (N, m)
    greatest = functools.reduce(jnp.maximum, map(jnp.multiply, tops, tops_B))
    root = power_below(jnp.sqrt(greatest))
    layers: list[_ScaledLayer] = []
    for a, B, top, top_B in zip(side[0], (*side[1], None), tops, tops_B, strict=True):
        e, f = power_below(top), power_below(top_B)
        part = jnp.where(top * top_B > 0, e * f / root / root, 0)
        B = part if B is None else B / f[:, :, None] * part[:, :, None]
        layers.append((a / e, 1 / e[:, 0] if biases else None, B))
    return layers, root


def _block(left: _ScaledLayer, right: _ScaledLayer) -> Array:
    """(a . a' + 1) B B'^T, shape (N, m, N', m); the last layer, whose B is diagonal, by scales."""
    (a, one, B), (a2, one2, B2) = left, right
    alike = jnp.einsum("nj,pj->np", a, a2)
    if one is not None:
        alike = alike + one[:, None] * one2[None, :]
    if B.ndim == 3:
        outer = jnp.einsum("nki,pli->nkpl", B, B2)
    else:
        identity = jnp.eye(B.shape[1], dtype=B.dtype)[None, :, None, :]
        outer = B[:, :, None, None] * B2[None, None, :, :] * identity
    return alike[:, None, :, None] * outer
