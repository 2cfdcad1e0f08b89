"""One program per method for the Jacobian at one point: `modes` runs them, `choice` counts them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives._methods import Method
from approxlab.derivatives._structures import MAX_BYTES
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.differences.jacobians import difference_jacobian
from approxlab.derivatives.planner.chains import value_and_jacobian_by
from approxlab.derivatives.planner.plans import plan_network, structured_plan
from approxlab.networks.mlp import MLP

__all__ = ["PointProgram", "as_point", "is_batch", "mapped", "point_program", "sweeps_within"]

PointProgram = Callable[[Callable[..., Any], Array], tuple[Array, Array]]
"""Takes a function or network and one point to the value and the Jacobian there."""


def point_program(
    method: Method,
    *,
    chunk: int | None = None,
    max_bytes: int = MAX_BYTES,
    scheme: Any = "forward",
    step: Any = None,
) -> PointProgram:
    """The program of a method other than "auto", for the Jacobian in the inputs.

    Args:
        method: Its name.
        chunk: For "chunked": how many sweeps at once; by default as many as `max_bytes` allows.
        max_bytes: For "chunked": what the sweeps of one chunk may hold.
        scheme: For "differences".
        step: For "differences".
    """
    programs: dict[Method, PointProgram] = {
        "forward": _forward,
        "reverse": _reverse,
        "chunked": functools.partial(_chunked, chunk=chunk, max_bytes=max_bytes),
        "differences": functools.partial(difference_jacobian, scheme=scheme, step=step),
        "structured": _structured,
        "planned": _planned,
    }
    return programs[method]


def _forward(f: Callable[..., Any], x: Array) -> tuple[Array, Array]:
    """All tangents at once; the value is computed once, since it does not depend on them."""

    def push(tangent: Array) -> tuple[Array, Array]:
        value, derivative = jax.jvp(f, (x,), (tangent,))
        return value, derivative

    value, columns = jax.vmap(push, out_axes=(None, -1))(_basis(x))
    return value, columns.reshape(value.shape + x.shape)


def _reverse(f: Callable[..., Any], x: Array) -> tuple[Array, Array]:
    """All cotangents at once."""
    value, pull = jax.vjp(f, x)
    if value.shape == ():
        return value, pull(jnp.ones_like(value))[0].astype(value.dtype)
    (rows,) = jax.vmap(pull)(_basis(value))
    return value, rows.reshape(value.shape + x.shape).astype(value.dtype)


def _structured(f: Callable[..., Any], x: Array) -> tuple[Array, Array]:
    """The layers multiplied from the inputs or from the outputs, whichever is cheaper."""
    net = _network(f, "structured")
    return value_and_jacobian_by(structured_plan(net), net, x)


def _planned(f: Callable[..., Any], x: Array) -> tuple[Array, Array]:
    net = _network(f, "planned")
    return value_and_jacobian_by(plan_network(net), net, x)


def _chunked(
    f: Callable[..., Any], x: Array, *, chunk: int | None, max_bytes: int
) -> tuple[Array, Array]:
    """Sweeps of the direction that needs fewer, `chunk` at a time in one compiled loop.

    The primal is computed once (`jax.linearize`, `jax.vjp`), and the basis is made chunk by chunk.
    """
    shape = jax.eval_shape(f, x)
    forward = x.size <= max(1, math.prod(shape.shape))
    if forward:
        value, sweep = jax.linearize(f, x)
        start = x
    else:
        value, pull = jax.vjp(f, x)
        start = value

        def sweep(cotangent: Array) -> Array:
            return pull(cotangent)[0]

    if chunk is None:
        chunk = sweeps_within(sweep, start, max_bytes)

    def one(index: Array) -> Array:
        unit = (jnp.arange(start.size) == index).astype(start.dtype)
        return sweep(unit.reshape(start.shape))

    rows = jax.lax.map(one, jnp.arange(start.size), batch_size=min(chunk, start.size))
    if forward:
        rows = jnp.moveaxis(rows.reshape(start.size, -1), 0, -1)
    return value, rows.reshape(value.shape + x.shape).astype(value.dtype)


def sweeps_within(sweep: Callable[..., Any], start: Array, max_bytes: int) -> int:
    """How many sweeps fit: the bytes that one reads and writes bound what it ever holds."""
    return max(1, max_bytes // max(1, count(sweep, start).bytes))


def _basis(like: Array) -> Array:
    return jnp.eye(like.size, dtype=like.dtype).reshape((like.size, *like.shape))


# Arguments


def as_point(f: Callable[..., Any], x: Any) -> Array:
    """The point, or for a network a batch of points in its dtype; anything else is refused."""
    if not callable(f):
        raise TypeError(f"f: got {type(f).__name__}, expected a JAX function or a network.")
    x = jnp.asarray(x, f.dtype if isinstance(f, MLP) else None)
    if not jnp.issubdtype(x.dtype, jnp.floating):
        raise TypeError(
            f"x: got dtype {x.dtype}, expected a floating-point dtype. Write x.astype(float)."
        )
    if isinstance(f, MLP) and (x.ndim not in (1, 2) or x.shape[-1] != f.in_size):
        raise ValueError(
            f"x: got shape {x.shape} for {f!r}, expected a point ({f.in_size},) or a batch "
            f"(N, {f.in_size})."
        )
    return x


def is_batch(f: Callable[..., Any], x: Array) -> bool:
    """Whether x is a batch of points: for networks alone."""
    return isinstance(f, MLP) and x.ndim == 2


def mapped(f: Callable[..., Any], x: Array, program: PointProgram) -> tuple[Array, Array]:
    """The program at a point, or at every point of a batch."""
    if is_batch(f, x):
        return jax.vmap(lambda point: program(f, point))(x)
    return program(f, x)


def _network(f: Callable[..., Any], method: Method) -> MLP:
    if not isinstance(f, MLP):
        raise ValueError(
            f"method: got {method!r} for {type(f).__name__}, expected an MLP, whose layers are "
            "known. Use method='forward' or 'reverse'; `chain_jacobian` takes functions in a row."
        )
    return f
