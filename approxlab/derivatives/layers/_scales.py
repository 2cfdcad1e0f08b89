"""Powers of two taken out of arrays, so that products and squares neither over- nor underflow.

Multiplying by a power of two is exact, so where nothing is huge or tiny the results are, bit for
bit, those of the plain formula. Scales are constants to derivatives.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["exponent", "headroom", "times_outer_power", "times_power_of_two"]


_NONE = -(2**14)
"""The exponent of 0: below those of all numbers, by more than any sum of them."""


def headroom(dtype: Any) -> int:
    """Exponent at which factors are kept: products of four of them, summed, stay finite.

    As high as that allows, since what lies far below the largest entry is lost first.
    """
    return int(jnp.finfo(dtype).maxexp) // 5


@functools.partial(jax.jit, static_argnames=("axis", "least"))
def exponent(array: Array, axis: int | tuple[int, ...], *, least: int = 0) -> Array:
    """k with max |array| in [2^(k - 1), 2^k) along the axes, which are kept with length 1.

    0 where an entry is not finite, and far below all others where all are 0; with `least` = 1 at
    least that of the number 1.
    """
    largest = jnp.max(jnp.abs(jax.lax.stop_gradient(array)), axis, keepdims=True, initial=least)
    k = jnp.where(largest > 0, jnp.frexp(largest)[1], _NONE)
    return jnp.where(jnp.isfinite(largest), k, 0)


@jax.jit
def times_power_of_two(array: Array, k: Array) -> Array:
    """array 2^k, without over- or underflow on the way to a result that has none."""
    return _times(array, _powers(k, array.dtype))


@jax.jit
def times_outer_power(array: Array, k: Array, l: Array) -> Array:
    """array 2^(k + l) for exponents of rows and of columns, with few operations an entry."""
    pairs = zip(_powers(k, array.dtype), _powers(l, array.dtype), strict=True)
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
