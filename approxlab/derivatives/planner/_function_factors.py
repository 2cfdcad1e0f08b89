"""Functions as factors of a chain: costs of their tangents and adjoints at a point, counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.arguments import check_instance
from approxlab.derivatives._absent_modes import (
    Mode,
    as_jax_function,
    linearized,
    refusal,
    why_absent,
)
from approxlab.derivatives._complex_values import as_real_function, parts
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.counts.tapes import tape_bytes
from approxlab.derivatives.planner._bracketings import Factor

__all__ = ["between", "chain_factors", "factors", "factors_at", "in_real_numbers", "vector"]


def factors_at(fns: Any, x: Any, params: Any) -> tuple[Factor, ...]:
    """The factors of one function or a list of them, each of its parameters and a point.

    Args:
        fns: f(x), or a list of such functions, the first one first; with `params` f(params, x).
        x: A point of shape (n,).
        params: Of the function, or a list with one tree for each function of a list.

    Raises:
        TypeError: If these are no functions.
        ValueError: If there are not as many parameters as functions, or a shape does not fit.
    """
    try:
        x = jnp.asarray(x)
    except (TypeError, ValueError):
        raise TypeError(f"x: got {type(x).__name__}, expected one point of shape (n,).") from None
    single = callable(fns)
    chain = [fns] if single else fns
    if params is not None:
        trees = [params] if single else params
        if not isinstance(trees, list | tuple) or len(trees) != len(chain):
            raise ValueError(
                f"params: got {type(trees).__name__} for {len(chain)} functions, expected a list "
                "with the parameters of each."
            )
        chain = [_bound(fn, tree) for fn, tree in zip(chain, trees, strict=True)]
    if isinstance(chain, list | tuple) and chain and callable(chain[-1]):
        last = chain[-1]  # whose value may be a number
        chain = [*chain[:-1], lambda x: jnp.atleast_1d(last(x))]
    return chain_factors(chain, x)


def _bound(fn: Any, tree: Any) -> Any:
    return (lambda x: fn(tree, x)) if callable(fn) else fn


@as_jax_function("fns")
def chain_factors(fns: Sequence[Callable[[Array], Array]], x: Any) -> tuple[Factor, ...]:
    """The costs of a chain of functions at a point: FLOPs of one tangent and one adjoint, tapes.

    Counted in the jaxprs of the linearised functions, elementwise operations included; the tape is
    what the function that `jax.vjp` returns holds, constants that the function closes over
    included. No Jacobian counts as known. A mode that a function does not have costs `None`.

    Example:
        >>> W = jnp.ones((2, 3))
        >>> chain_factors([lambda x: W @ x], jnp.ones(3))[0].tangent_flops
        12
    """
    return factors(*in_real_numbers(fns, between(fns, jnp.asarray(x))))


def factors(fns: Sequence[Callable[[Array], Array]], points: Sequence[Array]) -> tuple[Factor, ...]:
    return tuple(
        _factor(fn, point, i) for i, (fn, point) in enumerate(zip(fns, points, strict=True))
    )


def _factor(fn: Callable[[Array], Array], point: Array, index: int) -> Factor:
    absent: dict[Mode, str] = {}
    forward = reverse = None
    tape, size = 0, 0

    def keep(mode: Mode) -> None:
        why = why_absent(mode, fn, (point,))
        if why is None:
            raise
        absent[mode] = why

    try:
        value, push = linearized(fn, point)
        size = vector(value, index).shape[0]
        forward = count(push, point, live_only=True).whole_flops()
    except Exception:
        keep("forward")
    try:
        value, pull = jax.vjp(fn, point)
        size = vector(value, index).shape[0]
        reverse = count(pull, value, live_only=True).whole_flops()
        tape = tape_bytes(pull)
    except Exception:
        keep("reverse")
    if len(absent) == 2:
        raise refusal(absent, fn, (point,), "fns")
    return Factor(point.shape[0], size, forward, reverse, tape_bytes=tape)


def in_real_numbers(
    fns: Sequence[Callable[[Array], Array]], points: Sequence[Array]
) -> tuple[list[Callable[[Array], Array]], list[Array]]:
    """The chain with parts in place of complex values: their derivatives need not be complex."""
    real = [
        as_real_function(fn, takes_complex=jnp.iscomplexobj(point))
        for fn, point in zip(fns, points, strict=True)
    ]
    return real, [parts(point) for point in points]


def between(fns: Sequence[Callable[[Array], Array]], x: Array) -> list[Array]:
    """The points at which the functions are evaluated: x, and the values of all but the last."""
    if not isinstance(fns, Sequence) or not all(map(callable, fns)):
        raise TypeError(
            f"fns: got {fns!r}, expected a list of functions, the first one first. Write [f] for "
            "one, and jacobian(net, x) for a network."
        )
    if not len(fns):
        raise ValueError("fns: got none, expected at least one function.")
    for fn in fns:
        check_instance("fns", fn)
    if x.ndim != 1 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"x: got shape {x.shape} of {x.dtype}, expected one point of shape (n,) of "
            "floating-point dtype."
        )
    points = [x]
    for i, fn in enumerate(fns[:-1]):
        points.append(vector(fn(points[-1]), i))
    return points


def vector(value: Any, index: int) -> Any:
    dtype = getattr(value, "dtype", None)
    if dtype is not None and not jnp.issubdtype(dtype, jnp.inexact):
        raise TypeError(
            f"fns: got values of dtype {dtype} of function {index}, expected floating-point "
            "numbers, which have derivatives. Write value.astype(float)."
        )
    if jnp.ndim(value) != 1:
        raise ValueError(
            f"fns: got a value of shape {jnp.shape(value)} of function {index}, expected a vector. "
            "Write fn(x).ravel(), or fn(x)[None] for a number."
        )
    return value
