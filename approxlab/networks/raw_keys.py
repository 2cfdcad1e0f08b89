"""Random keys as their data: JAX calls programs that take typed keys ten times slower."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

from approxlab.networks import host_threefry

__all__ = ["ANY_KEY", "RawKey", "fractions", "raw_key"]

_MOST_ON_HOST = 2**14  # numbers at once; for more, the compiled generator is worth its compilation


class RawKey(NamedTuple):
    """The data of a key, and the name of its generator.

    Data that are a NumPy array are of JAX's usual generator, whose numbers NumPy makes without a
    program to compile. Keys are made from others by `fold_in` alone: a `split` would be one more
    program. With JAX's usual generator `fold_in(0)` and `fold_in(1)` are the two keys of `split`.
    """

    data: Any
    generator: Any

    def fold_in(self, number: int) -> RawKey:
        """As `jax.random.fold_in`."""
        whole = np.uint32(number)
        if isinstance(self.data, np.ndarray):
            return RawKey(host_threefry.folded(self.data, int(whole)), self.generator)
        return RawKey(_folded(self.data, whole, self.generator), self.generator)


def fractions(keys: Sequence[RawKey], count: int, length: int, dtype: str) -> list[Any]:
    """For each key, the first `count` numbers of `jax.random.uniform` in [0, 1).

    They are in arrays of this length. What follows them means nothing: NumPy does not make what is
    not asked for.
    """
    on_host = all(isinstance(key.data, np.ndarray) for key in keys)
    if on_host and dtype in ("float32", "float64") and count <= _MOST_ON_HOST:
        padded = np.zeros((len(keys), length), dtype)
        data = np.stack([key.data for key in keys])
        padded[:, :count] = host_threefry.fractions(data, count, dtype)
        return list(padded)
    return [_fractions(key.data, key.generator, length, dtype) for key in keys]


ANY_KEY = RawKey(np.zeros(2, np.uint32), "threefry2x32")
"""A key for where only shapes matter."""


def raw_key(key: Array) -> RawKey:
    """The data of a typed key, or of an old one.

    Example:
        >>> key = jax.random.key(3)
        >>> first, second = jax.random.split(key)
        >>> bool((raw_key(key).fold_in(1).data == jax.random.key_data(second)).all())
        True
    """
    data, generator = jax.random.key_data(key), jax.random.key_impl(key)
    return RawKey(np.asarray(data) if _usual(data, generator) else data, generator)


def _usual(data: Array, generator: Any) -> bool:
    """Whether NumPy makes the numbers of a key.

    Not of one that was put on a device: what is made of it belongs there too.
    """
    return (
        generator == "threefry2x32"
        and jax.config.jax_threefry_partitionable  # type: ignore[attr-defined]
        and not isinstance(data, jax.core.Tracer)
        and not data.committed
        and data.shape == (2,)
    )


@partial(jax.jit, static_argnums=2)
def _folded(data: Array, number: Any, generator: Any) -> Array:
    key = jax.random.wrap_key_data(data, impl=generator)
    return jax.random.key_data(jax.random.fold_in(key, number))


@partial(jax.jit, static_argnums=(1, 2, 3))
def _fractions(data: Array, generator: Any, count: int, dtype: str) -> Array:
    key = jax.random.wrap_key_data(data, impl=generator)
    return jax.random.uniform(key, (count,), dtype)
