"""Sizes of arrays as powers of two, by which numbers are divided before they are squared.

Dividing by a power of two is exact. Sizes are constants to derivatives, which they leave as they
are: what is divided out is multiplied again.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["largest", "power_below", "size", "smallest", "tiny"]


def tiny(dtype: Any) -> float:
    """The least number of full precision: all below may be taken for 0."""
    return float(jnp.finfo(dtype).tiny)


def largest(array: Array, axis: int | tuple[int, ...] | None = None) -> Array:
    """Largest absolute value; not differentiated."""
    return jnp.max(jnp.abs(jax.lax.stop_gradient(array)), axis)


def smallest(array: Array, there: Array) -> Array:
    """Least of the entries that are there, infinite without any; not differentiated."""
    return jnp.min(jnp.where(there, jax.lax.stop_gradient(array), jnp.inf))


def size(array: Array, axis: int | tuple[int, ...]) -> Array:
    """The power of two at or below the largest absolute value, along axes that keep length 1."""
    top = jnp.max(jnp.abs(jax.lax.stop_gradient(array)), axis, keepdims=True)
    return power_below(top)


def power_below(array: Array) -> Array:
    """The power of two at or below a positive number; 1 where it is 0 or not finite.

    Its reciprocal too is a number of full precision, since XLA may multiply by that.
    """
    info = jnp.finfo(array.dtype)
    bits = jax.lax.bitcast_convert_type(array, f"int{info.bits}")
    power = jax.lax.bitcast_convert_type(bits >> info.nmant << info.nmant, array.dtype)
    power = jnp.minimum(power, 2.0**-info.minexp)
    return jnp.where((array >= info.tiny) & jnp.isfinite(array), power, 1)
