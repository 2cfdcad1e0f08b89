"""Values of a target at a fixed number of points, so that one shape is compiled."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.evaluation import NEEDS_NUMBERS, not_of_jax

__all__ = ["ALONG", "LINES", "Sampler"]

LINES, ALONG = 16, 65


class Sampler:
    """Points as JAX's default dtype holds them, and the values there in float64.

    A value is nan where it is not finite, and where the point is outside the box, by rounding, or
    outside the mask: no fact speaks of it.
    """

    def __init__(self, target: Any) -> None:
        self.target, self.kind = target, jnp.result_type(float)
        self.eps = float(jnp.finfo(self.kind).eps)

    def __call__(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points of shape (lines, along, d), at most LINES * ALONG of them."""
        box, shape = self.target.domain, points.shape[:2]
        flat = points.reshape(-1, points.shape[2])
        filled = jnp.asarray(np.resize(flat, (LINES * ALONG, flat.shape[1])), self.kind)
        stored = np.asarray(filled, np.float64)[: len(flat)]
        try:
            values = np.asarray(jax.vmap(self.target)(filled), np.float64)[: len(flat)]
        except NEEDS_NUMBERS as error:
            raise not_of_jax("fn", error) from error
        known = np.isfinite(values)
        known &= np.all((stored >= box.lower) & (stored <= box.upper), axis=1)
        if self.target.mask is not None:
            known &= np.asarray(jax.vmap(self.target.mask)(filled))[: len(flat)]
        return stored.reshape(points.shape), np.where(known, values, np.nan).reshape(shape)
