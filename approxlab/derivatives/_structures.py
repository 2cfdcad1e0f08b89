"""Frozen results that are pytrees; a budget that refuses arrays before they are allocated."""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.arguments import check_positive

__all__ = ["MAX_BYTES", "check_bytes", "register"]

MAX_BYTES = 2**30
"""Default budget of an array, in bytes: 1 GiB."""


def check_bytes(shape: tuple[int, ...], dtype: Any, max_bytes: int, instead: str) -> None:
    """Refuses an array above the budget; names its exact size, and what to use instead."""
    check_positive(max_bytes=max_bytes)
    needed = math.prod(shape) * jnp.dtype(dtype).itemsize
    if needed > max_bytes:
        large = f" ({needed / 2**30:.3g} GiB)" if needed >= 2**27 else ""
        raise ValueError(
            f"max_bytes: got {max_bytes} for an array of shape {shape} in {jnp.dtype(dtype)}, "
            f"expected at least {needed}{large}. Use {instead}: the array is never formed."
        )


def register(cls: type, data: tuple[str, ...], meta: tuple[str, ...] = ()) -> None:
    """Registers a frozen dataclass as a pytree that JAX rebuilds without the checks of shapes."""

    def flatten(node: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        return tuple(getattr(node, f) for f in data), tuple(getattr(node, f) for f in meta)

    def with_keys(node: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        children, rest = flatten(node)
        names = (jax.tree_util.GetAttrKey(f) for f in data)
        return tuple(zip(names, children, strict=True)), rest

    def unflatten(rest: tuple[Any, ...], children: Any) -> Any:
        # Not by the constructor: under vmap, leaves have further axes or are not even arrays.
        node: Any = object.__new__(cls)
        for name, value in zip((*data, *meta), (*children, *rest), strict=True):
            object.__setattr__(node, name, value)
        return node

    jax.tree_util.register_pytree_with_keys(cls, with_keys, unflatten, flatten)
