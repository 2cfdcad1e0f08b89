"""One program per method for the Jacobian at one point: `modes` runs them, `choice` counts them."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.arguments import check_instance
from approxlab.derivatives._absent_modes import (
    Mode,
    as_jax_function,
    by_mode_that_exists,
    linearized,
)
from approxlab.derivatives._complex_values import pulled
from approxlab.derivatives._methods import Method
from approxlab.derivatives._structures import MAX_BYTES
from approxlab.derivatives.counts._primitive_work import weigh
from approxlab.derivatives.counts.inner_jaxprs import CALLS, called, open_jaxpr
from approxlab.derivatives.counts.jaxprs import count_jaxpr
from approxlab.derivatives.differences.jacobians import difference_jacobian
from approxlab.derivatives.planner.chains import value_and_jacobian_by
from approxlab.derivatives.planner.plans import plan_network, structured_plan
from approxlab.networks.mlp import MLP

__all__ = [
    "PointProgram",
    "as_point",
    "is_batch",
    "mapped",
    "point_program",
    "sweeps_within",
    "value_of",
]

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
        return jnp.asarray(value), derivative  # a constant function may return a Python number

    value, columns = jax.vmap(push, out_axes=(None, -1))(_basis(x))
    return value, columns.reshape(value.shape + x.shape)


def _reverse(f: Callable[..., Any], x: Array) -> tuple[Array, Array]:
    """All cotangents at once."""
    value, pull = jax.vjp(f, x)
    value = jnp.asarray(value)
    if value.shape == ():
        return value, pulled(pull, jnp.ones_like(value))[0].astype(value.dtype)
    (rows,) = jax.vmap(functools.partial(pulled, pull))(_basis(value))
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

    The other direction is taken where f does not have this one.
    """
    shape = jax.eval_shape(f, x)
    sweeps = math.prod(shape.shape)
    if x.size * sweeps == 0:
        return jnp.asarray(f(x)), jnp.zeros(shape.shape + x.shape, shape.dtype)
    if jnp.issubdtype(shape.dtype, jnp.complexfloating):
        sweeps *= 2
    order: tuple[Mode, Mode] = (
        ("forward", "reverse") if x.size <= sweeps else ("reverse", "forward")
    )
    run = functools.partial(_by_chunks, f, x, chunk, max_bytes)
    return by_mode_that_exists(order, f, (x,), run)


def _by_chunks(
    f: Callable[..., Any], x: Array, chunk: int | None, max_bytes: int, mode: Mode
) -> tuple[Array, Array]:
    """The primal is computed once, and the basis is made chunk by chunk."""
    forward = mode == "forward"
    if forward:
        value, sweep = linearized(f, x)
        start = x
    else:
        value, pull = jax.vjp(f, x)
        start = jnp.asarray(value)

        def sweep(cotangent: Array) -> Array:
            return pulled(pull, cotangent)[0]

    if chunk is None:
        chunk = sweeps_within(sweep, start, max_bytes)

    def one(index: Array) -> Array:
        unit = (jnp.arange(start.size) == index).astype(start.dtype)
        return sweep(unit.reshape(start.shape))

    rows = jax.lax.map(one, jnp.arange(start.size), batch_size=min(chunk, start.size))
    if forward:
        rows = jnp.moveaxis(rows.reshape(start.size, -1), 0, -1)
    value = jnp.asarray(value)
    return value, rows.reshape(value.shape + x.shape).astype(value.dtype)


def sweeps_within(sweep: Callable[..., Any], start: Array, max_bytes: int) -> int:
    """How many sweeps fit: the bytes that one reads and writes bound what it ever holds.

    The larger operand of a product is left out: a matrix is shared by all sweeps, and what a sweep
    made itself was counted where it was written.
    """
    jaxpr = jax.make_jaxpr(sweep)(start)
    own = count_jaxpr(jaxpr).bytes - _shared(jaxpr.jaxpr)
    return max(1, max_bytes // max(1, own))


def _shared(jaxpr: Any) -> int:
    """Bytes of the larger operands of products; those inside of loops and branches stay counted."""
    total = 0
    for eqn in jaxpr.eqns:
        if eqn.primitive.name == "dot_general":
            total += weigh(eqn.invars)[2]
        elif eqn.primitive.name in CALLS:
            total += _shared(open_jaxpr(called(eqn)))
    return total


def _basis(like: Array) -> Array:
    return jnp.eye(like.size, dtype=like.dtype).reshape((like.size, *like.shape))


# Arguments


def as_point(f: Callable[..., Any], x: Any) -> Array:
    """The point, or for a network a batch of points in its dtype; anything else is refused."""
    if not callable(f):
        raise TypeError(f"f: got {type(f).__name__}, expected a JAX function or a network.")
    check_instance("f", f)
    try:
        x = jnp.asarray(x, f.dtype if isinstance(f, MLP) else None)
    except (TypeError, ValueError):
        raise TypeError(
            f"x: got {type(x).__name__}, expected an array of floating-point numbers."
        ) from None
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


def value_of(f: Callable[..., Any], x: Array) -> Any:
    """Shape and dtype of the value at a point; refused if it is not one floating-point array."""
    point = jax.ShapeDtypeStruct(x.shape[is_batch(f, x) :], x.dtype)
    with as_jax_function():
        value = jax.eval_shape(f, point)
    if not hasattr(value, "shape"):
        raise TypeError(
            f"f: got a value of type {type(value).__name__}, expected a function with one array as "
            "value. For pytrees use jax.jacrev or jax.jacfwd."
        )
    if not jnp.issubdtype(value.dtype, jnp.inexact):
        kind = "float0" if value.dtype == jax.dtypes.float0 else value.dtype
        raise TypeError(
            f"f: got values of dtype {kind}, expected floating-point numbers, which have "
            "derivatives. Write value.astype(float)."
        )
    return value


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
