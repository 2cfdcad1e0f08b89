"""Many points of one loss, stacked along a leading axis of all floating-point leaves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.landscapes._products import Curved, curved, kind_of, real_tree

__all__ = ["at_first_of", "entries_of_stack"]


def entries_of_stack(stack: Any) -> Array:
    """The entries of all floating-point leaves, one row per point: shape (m, n)."""
    point = real_tree(stack)
    lengths = {leaf.shape[0] if leaf.ndim else None for leaf in point.leaves}
    if len(lengths) != 1 or lengths & {None, 0}:
        shapes = ", ".join(str(shape) for shape in point.form.shapes)
        raise ValueError(
            f"params_stack: got leaves of shapes {shapes}, expected one leading axis of the same "
            "length in all of them. Stack points by jax.tree.map(lambda *p: jnp.stack(p), *points)."
        )
    kind, m = kind_of(point.form), point.leaves[0].shape[0]
    return jnp.concatenate([leaf.reshape(m, -1).astype(kind) for leaf in point.leaves], axis=1)


def at_first_of(loss: Callable[..., Any], stack: Any, args: tuple[Any, ...]) -> Curved:
    """The loss with the form of one point of the stack; its numbers are zeros."""
    point = real_tree(stack)
    return curved(loss, point.filled([jnp.zeros_like(leaf[0]) for leaf in point.leaves]), args)
