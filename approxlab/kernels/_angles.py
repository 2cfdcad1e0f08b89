"""Angles between rows, to rounding however small they are.

A rounded cosine near 1 holds half of the digits of its angle, and the kernel of relu's derivative
is a linear function of the angle. So an angle is computed from a difference of unit vectors
(Kahan: 2 atan2(|u - v|, |u + v|)), and carried from layer to layer by the gap 1 - cos, which is a
sum of terms of one sign.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Pair", "first_pair", "unit_rows", "with_bias"]


class Pair(NamedTuple):
    """Second moments of two centred Gaussians, one for each row on either side.

    Attributes:
        left: Standard deviations of the rows of the left side, shape (n,).
        right: Of the right side, shape (p,).
        angle: arccos of the correlations, shape (n, p).
    """

    left: Array
    right: Array
    angle: Array

    @property
    def products(self) -> Array:
        """Products of the standard deviations, shape (n, p)."""
        return self.left[:, None] * self.right[None, :]

    @property
    def covariances(self) -> Array:
        """Shape (n, p)."""
        return self.products * jnp.cos(self.angle)


def unit_rows(x: Array, weight: Array, bias: Array) -> tuple[Array, Array]:
    """Lengths of the rows (sqrt(weight / d) x, sqrt(bias)), and these rows divided by them.

    Rows of 1e-150 or 1e150 are first divided by their largest entry. A row of length 0 stays 0.
    """
    scale = jnp.sqrt(weight / x.shape[1])
    ones = jnp.full((x.shape[0], 1), jnp.sqrt(bias))
    rows = jnp.concatenate([x * scale, ones], axis=1)
    largest = jnp.max(jnp.abs(rows), axis=1, keepdims=True)
    rows = rows / jnp.where(largest > 0, largest, 1)
    length = jnp.sqrt(jnp.sum(rows * rows, axis=1, keepdims=True))
    return (length * largest)[:, 0], rows / jnp.where(length > 0, length, 1)


def first_pair(left: tuple[Array, Array], right: tuple[Array, Array]) -> Pair:
    """Moments of the first layer, from lengths and unit rows."""
    u, v = left[1][:, None, :], right[1][None, :, :]
    apart = jnp.sum(jnp.square(u - v), axis=-1)
    together = jnp.sum(jnp.square(u + v), axis=-1)
    return Pair(left[0], right[0], 2 * jnp.arctan2(jnp.sqrt(apart), jnp.sqrt(together)))


def with_bias(left: Array, right: Array, gap: Array, weight: Array, bias: Array) -> Pair:
    """Moments of z = sqrt(weight) h + sqrt(bias) b, from those of h.

    Args:
        left: Roots of the second moments of h on the left, shape (n,).
        right: On the right, shape (p,).
        gap: 1 - E[h h'] / (left right), shape (n, p).
        weight: Variance of the weights times the width.
        bias: Variance of the bias.
    """
    w, b = jnp.sqrt(weight), jnp.sqrt(bias)
    new_left, new_right = jnp.hypot(w * left, b), jnp.hypot(w * right, b)

    def parts(old: Array, new: Array) -> tuple[Array, Array]:
        positive = jnp.where(new > 0, new, 1)
        return w * old / positive, b / positive

    (a, p), (c, q) = parts(left, new_left), parts(right, new_right)
    a, p, c, q = a[:, None], p[:, None], c[None, :], q[None, :]
    cosine = a * c * (1 - gap) + p * q
    # The squared sine: every term is at least 0, so small angles keep their digits.
    square = (a * c) ** 2 * gap * (2 - gap) + (a * q - c * p) ** 2 + 2 * a * c * p * q * gap
    angle = jnp.arctan2(jnp.sqrt(jnp.maximum(square, 0)), cosine)
    # A row of zeros is at right angles to all others, as in the first layer.
    alone = (new_left == 0)[:, None] ^ (new_right == 0)[None, :]
    return Pair(new_left, new_right, jnp.where(alone, 0.5 * math.pi, angle))
