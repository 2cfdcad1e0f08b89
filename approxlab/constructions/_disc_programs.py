"""Functions of JAX on discs of the complex plane: proved bounds where they are analytic.

The program of a function of one variable is read from its jaxpr and computed with discs in place of
numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from approxlab.constructions._complex_discs import (
    OPERATIONS,
    ROUNDING,
    TINY,
    Discs,
    NotAnalyticError,
)

__all__ = ["discs_of", "without_custom_derivatives"]


def discs_of(fn: Callable[[Any], Any], at: Discs) -> Discs:
    """The values of a function of one point of shape (1,) on discs of shape (N,).

    Raises:
        NotAnalyticError: If an operation is not known as analytic.
    """
    try:
        with jax.enable_x64(True):
            closed = jax.make_jaxpr(fn)(jax.ShapeDtypeStruct((1,), np.dtype("float64")))
        point = Discs(at.center[:, None], at.radius[:, None])
        with np.errstate(all="ignore"):
            (out,) = _run(closed.jaxpr, closed.consts, [point])
    except NotAnalyticError:
        raise
    except Exception as problem:  # of a program of any kind
        raise NotAnalyticError(f"its program is not understood ({problem})") from None
    if out.center.ndim != 1:
        raise NotAnalyticError("its value has no shape ()")
    size = at.center.shape  # a constant has length 1
    return Discs(np.broadcast_to(out.center, size), np.broadcast_to(out.radius, size))


def _run(jaxpr: Any, consts: Sequence[Any], given: Sequence[Discs]) -> list[Discs]:
    known: dict[Any, Discs] = {}
    for var, value in zip(jaxpr.constvars, consts, strict=True):
        known[var] = _constant(value)
    known.update(zip(jaxpr.invars, given, strict=True))

    def read(atom: Any) -> Discs:
        return _constant(atom.val) if hasattr(atom, "val") else known[atom]

    for equation in jaxpr.eqns:
        values = [read(atom) for atom in equation.invars]
        results = _equation(equation, values)
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _constant(value: Any) -> Discs:
    """A constant has an axis of length 1 for the points."""
    center = np.asarray(value).astype(complex)[None]
    return Discs(center, np.zeros(center.shape))


def _equation(equation: Any, values: list[Discs]) -> list[Discs]:
    name, params = equation.primitive.name, equation.params
    inner = _inner(equation)
    if inner is not None:
        return _run(*inner, values)
    if name in _SHAPES:
        return [_reshaped(_SHAPES[name], params, values)]
    if name not in OPERATIONS:
        raise NotAnalyticError(f"it uses {name}, which is not known as analytic")
    result = OPERATIONS[name](*_of_one_rank(values), **_wanted(name, params))
    bad = ~(np.isfinite(result.radius) & np.isfinite(result.center))
    radius = result.radius * (1.0 + ROUNDING) + np.abs(result.center) * ROUNDING + TINY
    return [Discs(np.where(bad, 0.0, result.center), np.where(bad, np.inf, radius))]


def _inner(equation: Any) -> tuple[Any, Sequence[Any]] | None:
    """The program of a call, with its constants."""
    if equation.primitive.name not in ("pjit", "jit", "custom_jvp_call", "custom_vjp_call"):
        return None
    inner = next(
        (equation.params[k] for k in ("jaxpr", "call_jaxpr", "fun_jaxpr") if k in equation.params),
        None,
    )
    if inner is None:
        return None
    return getattr(inner, "jaxpr", inner), getattr(inner, "consts", ())


def without_custom_derivatives(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The same function of one point of shape (1,), with derivatives by its operations alone."""
    with jax.enable_x64(True):
        closed = jax.make_jaxpr(fn)(jax.ShapeDtypeStruct((1,), np.dtype("float64")))
    return lambda x: _plain(closed.jaxpr, closed.consts, [x])[0]


def _plain(jaxpr: Any, consts: Sequence[Any], given: Sequence[Any]) -> list[Any]:
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, given, strict=True))

    def read(atom: Any) -> Any:
        return atom.val if hasattr(atom, "val") else known[atom]

    for equation in jaxpr.eqns:
        values, inner = [read(atom) for atom in equation.invars], _inner(equation)
        if inner is not None:
            results = _plain(*inner, values)
        elif equation.primitive.name == "stop_gradient":
            results = values
        elif equation.primitive.name in ("max", "min"):  # whose derivative compares equal numbers
            a, b = values
            larger = jax.numpy.greater(a, b)
            first = larger if equation.primitive.name == "max" else ~larger
            results = [jax.numpy.where(first, a, b)]
        else:
            results = equation.primitive.bind(*values, **equation.params)
            results = results if equation.primitive.multiple_results else [results]
        known.update(zip(equation.outvars, results, strict=True))
    return [read(atom) for atom in jaxpr.outvars]


def _of_one_rank(values: list[Discs]) -> list[Discs]:
    """Numbers beside arrays: with axes of length 1, behind that of the points."""
    most = max(v.center.ndim for v in values)

    def wide(part: np.ndarray) -> np.ndarray:
        return part.reshape(*part.shape[:1], *[1] * (most - part.ndim), *part.shape[1:])

    return [Discs(wide(v.center), wide(v.radius)) for v in values]


def _wanted(name: str, params: dict[str, Any]) -> dict[str, Any]:
    names = {"integer_pow": ("y",), "reduce_sum": ("axes",)}.get(name, ())
    return {key: params[key] for key in names}


# Shapes: the first axis is that of the points, so axes are one further.


def _reshaped(move: Callable[..., np.ndarray], params: Any, values: list[Discs]) -> Discs:
    return Discs(move([v.center for v in values], params), move([v.radius for v in values], params))


def _same(parts: list[np.ndarray], params: Any) -> np.ndarray:
    return parts[0]


def _squeeze(parts: list[np.ndarray], params: Any) -> np.ndarray:
    return np.squeeze(parts[0], tuple(d + 1 for d in params["dimensions"]))


def _reshape(parts: list[np.ndarray], params: Any) -> np.ndarray:
    return np.reshape(parts[0], (len(parts[0]), *params["new_sizes"]))


def _slice(parts: list[np.ndarray], params: Any) -> np.ndarray:
    strides = params["strides"] or (1,) * len(params["start_indices"])
    cut = zip(params["start_indices"], params["limit_indices"], strides, strict=True)
    return parts[0][(slice(None), *(slice(a, b, c) for a, b, c in cut))]


def _broadcast(parts: list[np.ndarray], params: Any) -> np.ndarray:
    shape, kept = params["shape"], params["broadcast_dimensions"]
    sizes = [1] * len(shape)
    for axis, size in zip(kept, parts[0].shape[1:], strict=True):
        sizes[axis] = size
    wide = np.reshape(parts[0], (len(parts[0]), *sizes))
    return np.broadcast_to(wide, (len(parts[0]), *shape))


def _concatenate(parts: list[np.ndarray], params: Any) -> np.ndarray:
    most = max(len(p) for p in parts)
    wide = [np.broadcast_to(p, (most, *p.shape[1:])) for p in parts]
    return np.concatenate(wide, params["dimension"] + 1)


_SHAPES: dict[str, Callable[..., np.ndarray]] = {
    "squeeze": _squeeze,
    "reshape": _reshape,
    "slice": _slice,
    "broadcast_in_dim": _broadcast,
    "concatenate": _concatenate,
    "convert_element_type": _same,
    "copy": _same,
    "stop_gradient": _same,
}
