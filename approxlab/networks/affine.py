"""Affine maps merged into the layer that follows them."""

from __future__ import annotations

import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["after_affine_map"]


def after_affine_map(weight: Array, bias: Array, scale: Array, shift: Array) -> tuple[Array, Array]:
    """The layer x -> weight (scale x + shift) + bias as one affine layer.

    Args:
        weight: Shape (out, d).
        bias: Shape (out,).
        scale: A number, d numbers (per coordinate), or a matrix (d, e).
        shift: A number or d numbers.
    """
    d = weight.shape[1]
    scaled = weight @ scale if scale.ndim == 2 else weight * jnp.broadcast_to(scale, (1, d))
    return scaled, bias + weight @ jnp.broadcast_to(shift, (d,))
