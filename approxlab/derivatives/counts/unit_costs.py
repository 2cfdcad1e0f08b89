"""The cost of one hidden unit: its activation and the derivatives of that, counted from its jaxpr.

So every activation of the registry enters the formulas with its own constants, for the dtype and
the installed version of JAX: a tanh unit costs 3 FLOPs per tangent where the rule is
(g + g t)(1 - t), and 1 where it is g (1 - t^2) with the bracket shared.
"""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.derivatives.counts.jaxprs import count
from approxlab.networks.activations import activation

__all__ = ["Cost", "UnitCosts", "unit_costs"]


@dataclasses.dataclass(frozen=True)
class Cost:
    """FLOPs and transcendentals of one unit."""

    flops: int = 0
    transcendentals: int = 0

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.flops - other.flops,
            self.transcendentals - other.transcendentals,
        )


@dataclasses.dataclass(frozen=True)
class UnitCosts:
    """Costs of an activation s at one unit.

    Attributes:
        value: s(z).
        shared_forward: Cost that all tangents share, beyond the value.
        tangent: Cost of each tangent.
        shared_reverse: Cost that all cotangents share, beyond the value.
        cotangent: Cost of each cotangent.
        slope: s'(z) by one tangent of 1, beyond the value.
        second: Value and cotangent, both with their tangents: forward over reverse.
        spared_forward: The part of value and tangent that drops out if the value is not needed:
            sin z itself, where the derivative is computed from cos z.
        spared_reverse: The same for value and cotangent.
        spared_slope: The same for value and slope.
        lone_tangent: The part of `tangent` that does not depend on z: several samples share it
            where they share the tangent.
        lone_cotangent: The same of `cotangent`.
    """

    value: Cost
    shared_forward: Cost
    tangent: Cost
    shared_reverse: Cost
    cotangent: Cost
    slope: Cost
    second: Cost
    spared_forward: Cost
    spared_reverse: Cost
    spared_slope: Cost
    lone_tangent: Cost
    lone_cotangent: Cost


@functools.lru_cache(maxsize=256)
def _unit_costs(name: str, dtype: str, x64: bool) -> UnitCosts:
    act = activation(name)
    z = jax.ShapeDtypeStruct((1,), dtype)

    def forward(z: Any, tangents: Any) -> Any:
        push = functools.partial(_push, act, z)
        return jax.vmap(push, out_axes=(None, 0))(tangents)

    def reverse(z: Any, cotangents: Any) -> Any:
        value, pull = jax.vjp(act, z)
        return value, jax.vmap(pull)(cotangents)

    def again(z: Any, u: Any) -> Any:
        value, pull = jax.vjp(act, z)
        return value, pull(u)

    two, three = (jax.ShapeDtypeStruct((k, 1), dtype) for k in (2, 3))
    value = _cost(act, z)
    slope = _cost(lambda z: _push(act, z, jnp.ones_like(z)), z)
    forwards = [_cost(forward, z, tangents) for tangents in (two, three)]
    reverses = [_cost(reverse, z, cotangents) for cotangents in (two, three)]
    tangent, cotangent = forwards[1] - forwards[0], reverses[1] - reverses[0]
    return UnitCosts(
        value,
        forwards[0] - value - tangent - tangent,
        tangent,
        reverses[0] - value - cotangent - cotangent,
        cotangent,
        slope - value,
        _cost(lambda z, u, dz, du: jax.jvp(again, (z, u), (dz, du)), z, z, z, z),
        forwards[0] - _cost(lambda *args: forward(*args)[1], z, two),
        reverses[0] - _cost(lambda *args: reverse(*args)[1], z, two),
        slope - _cost(lambda z: _push(act, z, jnp.ones_like(z))[1], z),
        _lone(forward, forwards[0], two, two),
        _lone(reverse, reverses[0], two, two),
    )


def _lone(fn: Any, once: Cost, z: Any, sweeps: Any) -> Cost:
    """The cost per tangent that two samples with equal tangents save."""
    together = _cost(jax.vmap(fn, in_axes=(0, None)), z, sweeps)
    saved = once - together
    k = int(sweeps.shape[0])
    return Cost(
        (once.flops + saved.flops) // k, (once.transcendentals + saved.transcendentals) // k
    )


def _push(act: Any, z: Any, tangent: Any) -> Any:
    return jax.jvp(act, (z,), (tangent,))


def _cost(fn: Any, *args: Any) -> Cost:
    counted = count(fn, *args, live_only=True)
    return Cost(counted.whole_flops(), int(counted.transcendentals))


def unit_costs(name: str, dtype: Any) -> UnitCosts:
    """The costs of an activation of the registry, in a dtype, under the present settings of JAX.

    Example:
        >>> unit_costs("relu", "float32").value
        Cost(flops=1, transcendentals=0)
    """
    return _unit_costs(name, str(jnp.dtype(dtype)), bool(jax.config.read("jax_enable_x64")))
