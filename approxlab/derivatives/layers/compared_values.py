"""What the losses of samples compare with: a tree of arrays, one entry per sample."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["compared_values"]


def compared_values(Y: Any, count: int, dtype: Any) -> Any:
    """Y as a tree of arrays with a first axis of that length.

    A list of numbers becomes one array: of `dtype`, or of integers where all are, since labels are
    looked up by losses.

    Raises:
        ValueError: If a list holds anything else, or an axis is of another length.
    """
    Y = jax.tree.map(jnp.asarray, _listed(Y, dtype) if isinstance(Y, list) else Y)
    for leaf in jax.tree.leaves(Y):
        if leaf.shape[:1] != (count,):
            raise ValueError(
                f"Y: got shape {leaf.shape} for {count} points, expected a first axis of length "
                f"{count}: one y per point."
            )
    return Y


def _listed(Y: list[Any], dtype: Any) -> Array:
    try:
        array = np.asarray(Y)
    except ValueError:  # rows of different lengths
        array = np.asarray(None)
    if array.dtype.kind not in "fiub":
        raise ValueError(
            f"Y: got a list of {type(Y[0]).__name__}, expected numbers, or rows of one length. "
            "Use a tuple of arrays, each with a first axis of length N, for a loss of several."
        )
    return jnp.asarray(array, dtype) if array.dtype.kind == "f" else jnp.asarray(array)
