"""Functions of JAX on discs of the complex plane: proved bounds where they are analytic.

The program of a function of one variable is read from its jaxpr and computed with discs in place of
numbers: the result of an operation is a disc that holds all results, rounding included. Where an
operation is not analytic on a disc (a quotient by a disc around 0, a logarithm or a root of a disc
that meets the negative axis), the result has an infinite radius.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

__all__ = ["Discs", "NotAnalyticError", "discs_of", "without_custom_derivatives"]

_ROUNDING = 2.0**-48  # of one operation, relative: 16 units in the last place
_TINY = 1e-300


class NotAnalyticError(ValueError):
    """An operation that this file does not know as analytic."""


class Discs(NamedTuple):
    """Centers, complex, and radii, of one shape; the first axis is that of the points."""

    center: np.ndarray
    radius: np.ndarray

    @property
    def most(self) -> np.ndarray:
        """The largest size in each disc."""
        return np.abs(self.center) * (1.0 + _ROUNDING) + self.radius


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
    if name not in _OPERATIONS:
        raise NotAnalyticError(f"it uses {name}, which is not known as analytic")
    result = _OPERATIONS[name](*_of_one_rank(values), **_wanted(name, params))
    bad = ~(np.isfinite(result.radius) & np.isfinite(result.center))
    radius = result.radius * (1.0 + _ROUNDING) + np.abs(result.center) * _ROUNDING + _TINY
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


# Operations on discs; rounding is added by the caller.


def _add(a: Discs, b: Discs) -> Discs:
    lost = _ROUNDING * (np.abs(a.center) + np.abs(b.center))  # of centers that cancel
    return Discs(a.center + b.center, a.radius + b.radius + lost)


def _neg(a: Discs) -> Discs:
    return Discs(-a.center, a.radius)


def _mul(a: Discs, b: Discs) -> Discs:
    radius = np.abs(a.center) * b.radius + a.radius * (np.abs(b.center) + b.radius)
    return Discs(a.center * b.center, radius)


def _inverse(a: Discs) -> Discs:
    size = np.abs(a.center)
    near = size * (1.0 - 4 * _ROUNDING) - a.radius
    # |1/z - 1/c| = |z - c| / (|z| |c|)
    radius = np.where(near > 0, a.radius / (near * size), np.inf)
    return Discs(1.0 / np.where(near > 0, a.center, 1.0), radius)


def _exp(a: Discs) -> Discs:
    center = np.exp(a.center)
    lost = np.abs(a.center) * _ROUNDING
    return Discs(center, np.abs(center) * np.expm1(a.radius + lost))


def _expm1(a: Discs) -> Discs:
    return _add(_exp(a), _number(-1.0))


def _number(value: float) -> Discs:
    return Discs(np.asarray(complex(value)), np.zeros(()))


def _sine(a: Discs) -> Discs:
    s, c, r = np.sin(a.center), np.cos(a.center), a.radius + np.abs(a.center) * _ROUNDING
    return Discs(s, np.abs(s) * (np.cosh(r) - 1.0) + np.abs(c) * np.sinh(r))


def _cosine(a: Discs) -> Discs:
    s, c, r = np.sin(a.center), np.cos(a.center), a.radius + np.abs(a.center) * _ROUNDING
    return Discs(c, np.abs(c) * (np.cosh(r) - 1.0) + np.abs(s) * np.sinh(r))


def _sinh(a: Discs) -> Discs:
    return _mul(_add(_exp(a), _neg(_exp(_neg(a)))), _number(0.5))


def _cosh(a: Discs) -> Discs:
    return _mul(_add(_exp(a), _exp(_neg(a))), _number(0.5))


def _logistic(a: Discs) -> Discs:
    return _inverse(_add(_exp(_neg(a)), _number(1.0)))


def _tanh(a: Discs) -> Discs:
    """2 logistic(2 z) - 1."""
    twice = _logistic(_mul(a, _number(2.0)))
    return _add(_mul(twice, _number(2.0)), _number(-1.0))


def _off_the_cut(a: Discs) -> np.ndarray:
    r = a.radius + np.abs(a.center) * _ROUNDING + _TINY
    return (a.center.real > r) | (np.abs(a.center.imag) > r)


def _log(a: Discs) -> Discs:
    held = _off_the_cut(a)
    center = np.where(held, a.center, 1.0)
    ratio = np.where(held, np.minimum(a.radius / np.abs(center), 1.0), 0.0)
    radius = -np.log1p(-ratio) + _ROUNDING
    return Discs(np.log(center), np.where(held, radius, np.inf))


def _log1p(a: Discs) -> Discs:
    return _log(_add(a, _number(1.0)))


def _sqrt(a: Discs) -> Discs:
    held = _off_the_cut(a)
    center = np.where(held, a.center, 1.0)
    ratio = np.where(held, np.minimum(a.radius / np.abs(center), 1.0), 0.0)
    root = np.sqrt(center)
    return Discs(root, np.where(held, np.abs(root) * -np.expm1(0.5 * np.log1p(-ratio)), np.inf))


def _side(a: Discs) -> np.ndarray:
    """1 or -1 where the real parts have one sign, else nan: there |z| is z or -z, and analytic."""
    r = a.radius + np.abs(a.center) * _ROUNDING
    return np.where(a.center.real > r, 1.0, np.where(a.center.real < -r, -1.0, np.nan))


def _sign(a: Discs) -> Discs:
    side = _side(a)
    return Discs(side.astype(complex), np.zeros(side.shape))


def _abs(a: Discs) -> Discs:
    return _mul(a, _sign(a))


def _larger(a: Discs, b: Discs) -> Discs:
    """(a + b + |a - b|) / 2, with the discs themselves."""
    side = _side(_add(a, _neg(b)))
    center = np.where(side > 0, a.center, b.center)
    radius = np.where(side > 0, a.radius, b.radius)
    return Discs(center, np.where(np.isnan(side), np.inf, radius))


def _compared(flip: float, may_be_equal: float) -> Callable[[Discs, Discs], Discs]:
    """1 for true and 0 for false, of an infinite radius where this is not the same on the discs."""

    def compare(a: Discs, b: Discs) -> Discs:
        side = flip * _side(_add(a, _neg(b)))
        same = (a.radius == 0) & (b.radius == 0) & (a.center == b.center)
        value = np.where(same, may_be_equal, side > 0)
        return Discs(value + 0j, np.where(same | ~np.isnan(side), 0.0, np.inf))

    return compare


def _equal(a: Discs, b: Discs) -> Discs:
    apart = np.abs(a.center - b.center) > (a.radius + b.radius) * (1.0 + _ROUNDING)
    same = (a.radius == 0) & (b.radius == 0) & (a.center == b.center)
    return Discs(same + 0j, np.where(apart | same, 0.0, np.inf))


def _select(which: Discs, *cases: Discs) -> Discs:
    if len(cases) != 2:
        raise NotAnalyticError("it uses select_n of more than two cases")
    first = which.center.real < 0.5
    held = which.radius < 0.25
    radius = np.where(first, cases[0].radius, cases[1].radius)
    center = np.where(first, cases[0].center, cases[1].center)
    return Discs(center, np.where(held, radius, np.inf))


def _integer_pow(a: Discs, y: int) -> Discs:
    out = _number(1.0)
    for bit in bin(abs(y))[2:]:
        out = _mul(out, out)
        out = _mul(out, a) if bit == "1" else out
    return _inverse(out) if y < 0 else out


def _pow(a: Discs, b: Discs) -> Discs:
    return _exp(_mul(b, _log(a)))


def _sum(a: Discs, axes: Sequence[int]) -> Discs:
    over = tuple(axis + 1 for axis in axes)
    count = int(np.prod([a.center.shape[axis] for axis in over], dtype=int))
    lost = count * _ROUNDING * np.sum(np.abs(a.center), over)
    return Discs(np.sum(a.center, over), np.sum(a.radius, over) + lost)


_OPERATIONS: dict[str, Callable[..., Discs]] = {
    "add": _add,
    "add_any": _add,
    "sub": lambda a, b: _add(a, _neg(b)),
    "mul": _mul,
    "div": lambda a, b: _mul(a, _inverse(b)),
    "neg": _neg,
    "exp": _exp,
    "exp2": lambda a: _exp(_mul(a, _number(float(np.log(2.0))))),
    "expm1": _expm1,
    "sin": _sine,
    "cos": _cosine,
    "tan": lambda a: _mul(_sine(a), _inverse(_cosine(a))),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "logistic": _logistic,
    "log": _log,
    "log1p": _log1p,
    "sqrt": _sqrt,
    "rsqrt": lambda a: _inverse(_sqrt(a)),
    "integer_pow": _integer_pow,
    "square": lambda a: _mul(a, a),
    "pow": _pow,
    "abs": _abs,
    "sign": _sign,
    "max": _larger,
    "min": lambda a, b: _neg(_larger(_neg(a), _neg(b))),
    "gt": _compared(1.0, 0.0),
    "ge": _compared(1.0, 1.0),
    "lt": _compared(-1.0, 0.0),
    "le": _compared(-1.0, 1.0),
    "not": lambda a: Discs(1.0 - a.center, a.radius),
    "eq": _equal,
    "select_n": _select,
    "reduce_sum": _sum,
}
