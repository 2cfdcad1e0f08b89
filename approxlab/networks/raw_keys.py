"""Random keys as their data: JAX calls programs that take typed keys ten times slower."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import Array

__all__ = ["RawKey", "raw_key"]


class RawKey(NamedTuple):
    """The data of a key, and the name of its generator.

    Keys are made from others by `fold_in` alone: a `split` would be one more program to compile.
    With JAX's usual generator `fold_in(0)` and `fold_in(1)` are the two keys of `split`.
    """

    data: Any
    generator: Any

    def fold_in(self, number: int) -> RawKey:
        """As `jax.random.fold_in`."""
        return RawKey(_folded(self.data, np.uint32(number), self.generator), self.generator)


def raw_key(key: Array) -> RawKey:
    """The data of a typed key, or of an old one.

    Example:
        >>> key = jax.random.key(3)
        >>> first, second = jax.random.split(key)
        >>> bool((raw_key(key).fold_in(1).data == jax.random.key_data(second)).all())
        True
    """
    return RawKey(jax.random.key_data(key), jax.random.key_impl(key))


@partial(jax.jit, static_argnums=2)
def _folded(data: Array, number: Any, generator: Any) -> Array:
    key = jax.random.wrap_key_data(data, impl=generator)
    return jax.random.key_data(jax.random.fold_in(key, number))
