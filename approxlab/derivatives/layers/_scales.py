"""Powers of two taken out of arrays, so that products and squares neither over- nor underflow.

Multiplying by a power of two is exact, so where nothing is huge or tiny the results are, bit for
bit, those of the plain formula. Scales are constants to derivatives.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = [
    "exponent",
    "headroom",
    "is_plain",
    "near_one",
    "times_outer_power",
    "times_power_of_two",
]


_NONE = -(2**14)
"""The exponent of 0: below those of all numbers, by more than any sum of them."""


def headroom(dtype: Any) -> int:
    """Exponent at which factors are kept: products of four of them, summed, stay finite.

    As high as that allows, since what lies far below the largest entry is lost first.
    """
    return int(jnp.finfo(dtype).maxexp) // 5


@functools.partial(jax.jit, static_argnames=("axis", "least"))
def exponent(array: Array, axis: int | tuple[int, ...], *, least: int = 0) -> Array:
    """Exponents k, max |array| in [2^(k - 1), 2^k) along the axes, kept with length 1.

    Limited to powers that the dtype has, one or two bits less than its largest number. 0 where
    an entry is not finite, and far below all others where all are 0; with `least` = 1 at least
    that of the number 1.
    """
    largest = jnp.max(jnp.abs(jax.lax.stop_gradient(array)), axis, keepdims=True, initial=least)
    limit = int(jnp.finfo(array.dtype).maxexp) - 2
    k = jnp.where(largest > 0, jnp.clip(jnp.frexp(largest)[1], -limit, limit), _NONE)
    return jnp.where(jnp.isfinite(largest), k, 0)


@jax.jit
def near_one(array: Array, k: Array) -> Array:
    """Array 2^-k for k of `exponent`, by one power."""
    largest = int(jnp.finfo(array.dtype).maxexp) - 2
    return array * jnp.ldexp(jnp.ones((), array.dtype), -jnp.clip(k, -largest, largest))


def is_plain(arrays: Sequence[Array], axis: int = -1) -> Array:
    """Whether along the axis all arrays are 0 or of a size whose products are safe as they are."""
    h = headroom(arrays[0].dtype)
    sound = []
    for array in arrays:
        largest = jnp.max(jnp.abs(jax.lax.stop_gradient(array)), axis)
        fits = (largest > 2.0**-h) & (largest < 2.0**h)
        sound.append(jnp.all(fits | (largest == 0)))
    return jnp.all(jnp.stack(sound))


@jax.jit
def times_power_of_two(array: Array, k: Array) -> Array:
    """Array 2^k, without over- or underflow on the way to a result that has none."""
    return _times(array, _powers(k, array.dtype))


@jax.jit
def times_outer_power(array: Array, k: Array, columns: Array) -> Array:
    """Array 2^(k + columns) for exponents of rows and of columns, with few operations an entry."""
    pairs = zip(_powers(k, array.dtype), _powers(columns, array.dtype), strict=True)
    return _times(array, [a * b for a, b in pairs])


def _powers(k: Array, dtype: Any) -> list[Array]:
    """2^k as three powers that the dtype has; beyond these everything over- or underflows."""
    largest = int(jnp.finfo(dtype).maxexp) - 2
    k = jnp.clip(k, -3 * largest, 3 * largest)
    first = k // 3
    second = (k - first) // 2
    one = jnp.ones((), dtype)
    return [jnp.ldexp(one, part) for part in (first, second, k - first - second)]


def _times(array: Array, powers: list[Array]) -> Array:
    for power in powers:
        array = array * power
    return array
