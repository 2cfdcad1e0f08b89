"""What value, gradient and Jacobian of a network cost: exact counts at one point, and times."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.costs import measure
from approxlab.derivatives.formulas.explanation import explain
from approxlab.networks.mlp import MLP

__all__ = ["DerivativeCost", "costs_of"]

_BATCH = 1024


@dataclasses.dataclass(frozen=True)
class DerivativeCost:
    """The cost of one derivative of a network.

    Attributes:
        name: What is computed.
        flops: Floating-point operations at one point, counted in the traced program.
        per_value: The same divided by those of the value.
        run_s: Median seconds for a batch of points on this machine; None where it was not timed.
        points: Points of that batch.
    """

    name: str
    flops: int
    per_value: float
    run_s: float | None = None
    points: int = _BATCH


_WANTED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("value", {"want": "value"}),
    ("gradient in the point, the input Jacobian", {"want": "jacobian"}),
    ("gradient in the weights, of the squared error", {"want": "gradient", "wrt": "weights"}),
    ("Jacobian in the weights", {"want": "jacobian", "wrt": "weights"}),
)


def costs_of(network: MLP, timed: bool) -> tuple[DerivativeCost, ...]:
    """Counts of value and derivatives, with times of batches if they are wanted."""
    if network.depth == 0:
        return ()  # an affine function: its derivative is its weights
    counts = [int(explain(network, **options).flops) for _, options in _WANTED]
    times = _times(network) if timed else [None] * len(counts)
    return tuple(
        DerivativeCost(name, flops, flops / max(1, counts[0]), run_s)
        for (name, _), flops, run_s in zip(_WANTED, counts, times, strict=True)
    )


def _times(network: MLP) -> list[float | None]:
    points = jnp.zeros((_BATCH, network.in_size), network.dtype)

    def value(net: MLP, x: Any) -> Any:
        return net(x)

    def loss(net: MLP, x: Any) -> Any:
        return jnp.sum(jax.vmap(net)(x) ** 2)

    programs = {
        "value": jax.vmap(value, in_axes=(None, 0)),
        "point": jax.vmap(jax.grad(value, argnums=1), in_axes=(None, 0)),
        "weights": jax.grad(loss),
        "rows": jax.vmap(jax.grad(value), in_axes=(None, 0)),
    }
    contenders = {name: (program, (network, points)) for name, program in programs.items()}
    return [one.run_s for one in measure(contenders, repeats=3, min_s=1e-3).values()]
