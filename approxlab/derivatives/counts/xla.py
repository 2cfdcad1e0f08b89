"""XLA's own count of a program: a cross-check, since it counts the body of a loop once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

__all__ = ["analysis_of", "xla_flops"]


def xla_flops(stage: Any) -> float:
    """XLA's own count of a lowered or compiled program, `nan` if it does not say.

    It counts the body of a loop once, however often it runs, and calls to libraries not at all.

    Example:
        >>> import jax
        >>> import jax.numpy as jnp
        >>> xla_flops(jax.jit(jnp.dot).lower(jnp.ones(8), jnp.ones(8)))
        16.0
    """
    costs = analysis_of(stage)
    return float("nan") if costs is None else float(costs.get("flops", 0.0))


def analysis_of(stage: Any) -> Mapping[str, float] | None:
    """XLA's figures by name; None if there are none. Older versions of JAX gave a list of one."""
    costs = stage.cost_analysis()
    if isinstance(costs, list):
        return costs[0] if costs else None
    return costs
