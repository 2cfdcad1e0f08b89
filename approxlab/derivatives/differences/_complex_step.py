"""A function of real numbers evaluated at complex ones, or refused where that means nothing.

The complex step reads a derivative off Im f(x + i h v) / h, which is right for analytic functions
alone: max, abs or a comparison uses the real part, drops the imaginary one, and the derivative
silently becomes zero. So the function is not called with complex numbers (which also
would fail where code casts its input to a real dtype, as networks do). Its jaxpr is evaluated, with
complex numbers wherever a value depends on x, and every operation that is not known to be analytic
is refused by name. Loops and branches that x does not decide are run as they are.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jaxtyping import Array

from approxlab.derivatives.counts.inner_jaxprs import called, open_jaxpr, scan_parts
from approxlab.derivatives.counts.jaxpr_constants import names
from approxlab.derivatives.differences._complex_functions import BINARY, UNARY, Run, joined, powers
from approxlab.evaluation import settled

__all__ = ["at_complex_points", "non_analytic_primitives"]

# Linear in all operands together, or in each of two: done on real arrays, part by part.
_LINEAR = names("cumsum reduce_sum reduce_window_sum scatter scatter-add scatter_add scatter_sub")
_BILINEAR = names("conv_general_dilated dot_general")
_PRODUCTS = names("cumprod reduce_prod")
# Numbers are moved, not changed; indices and conditions must not depend on x.
_MOVES = names(
    "broadcast_in_dim concatenate copy copy_p dynamic_slice dynamic_update_slice expand_dims "
    "gather optimization_barrier pad reshape rev select_n slice split squeeze stack tile transpose "
    "unstack"
)
_NO_COMPLEX_FORM = names("bessel_i0e bessel_i1e cbrt digamma erf erf_inv erfc lgamma")
_COMPLEX = {"float32": "complex64", "float64": "complex128"}


@dataclasses.dataclass
class _Refused(Exception):
    """An operation on a value that depends on x, by name."""

    primitive: str


def at_complex_points(f: Callable[[Array], Any], x: Array) -> Callable[[np.ndarray, Run], Any]:
    """The function (z, run) -> f(z), for complex z near the real point x; see `Run`.

    The program is the one that JAX traces at x: what it decides in Python by the value of a
    number is refused by JAX itself.

    Raises:
        ValueError: If an operation on values that depend on x is not known to be analytic, by name;
            here where it can be seen without numbers, else when the function is called.
        TypeError: If the value of f is not one floating-point array.
    """
    closed, value = jax.make_jaxpr(settled(f), return_shape=True)(x)
    if not hasattr(value, "shape") or not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"f: got a value {value!r}, expected one floating-point array.")

    def at(z: np.ndarray, run: Run) -> np.ndarray:
        try:
            with np.errstate(all="ignore"), jax.default_matmul_precision("highest"):
                (out,) = _evaluate(closed, [z], run)
        except _Refused as refused:
            raise ValueError(_message(refused.primitive)) from None
        return out if np.iscomplexobj(out) else joined(np.asarray(out), np.zeros_like(out))

    return at


def non_analytic_primitives(f: Callable[[Array], Any], x: Array) -> tuple[str, ...]:
    """Names of the first operation that the complex step would refuse; empty if there is none.

    Example:
        >>> non_analytic_primitives(lambda x: jnp.abs(jnp.sin(x)), jnp.asarray(1.0))
        ('abs',)
        >>> non_analytic_primitives(lambda x: jnp.where(jnp.arange(3) > 1, x, x * x), jnp.ones(3))
        ()
    """
    point = np.asarray(x)
    try:
        with np.errstate(all="ignore"):
            moved = joined(point, np.full_like(point, 2.0**-66))
            _evaluate(jax.make_jaxpr(settled(f))(x), [moved], Run())
    except _Refused as refused:
        return (refused.primitive,)
    return ()


def _message(name: str) -> str:
    if name in _NO_COMPLEX_FORM:
        why = "a function of real numbers only in JAX"
    elif name == "while":
        why = "a loop whose length x decides"
    else:
        why = "not known to be analytic"
    return (
        f"f: got the operation '{name}' on values that depend on x, which is {why}, expected "
        "analytic operations for scheme='complex': the imaginary part would be dropped silently. "
        "Take scheme='central' or 'richardson', or jax.grad."
    )


def _evaluate(closed: Any, inputs: Sequence[Any], run: Run) -> list[Any]:
    """Values of a jaxpr, closed or open; what is complex among the inputs stays so."""
    jaxpr, consts = open_jaxpr(closed), getattr(closed, "consts", ())
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))

    def read(v: Any) -> Any:
        if not isinstance(v, core.Literal):
            return known[v]
        aval: Any = v.aval
        return np.asarray(v.val, aval.dtype)

    for eqn in jaxpr.eqns:
        values = [read(v) for v in eqn.invars]
        known.update(zip(eqn.outvars, _apply(eqn, values, run), strict=True))
    return [read(v) for v in jaxpr.outvars]


def _apply(eqn: Any, values: list[Any], run: Run) -> list[Any]:
    inner, name = called(eqn), eqn.primitive.name
    if inner is not None:
        return _evaluate(inner, values, run)
    if name == "cond" and not np.iscomplexobj(values[0]):
        branches = eqn.params["branches"]
        taken = min(max(int(values[0]), 0), len(branches) - 1)
        return _evaluate(branches[taken], values[1:], run)
    if not any(map(np.iscomplexobj, values)):
        return _bind(eqn, values)
    if name in _LOOPS:
        return _LOOPS[name](eqn, values, run)
    if not _is_floating(eqn):
        raise _Refused(name)
    if name in _MOVES:
        return [np.asarray(v) for v in _bind(eqn, [_widened(v) for v in values])]
    moves = _moves(values, eqn)
    if name in UNARY or name in BINARY or name == "integer_pow":
        arrays = [np.asarray(v) for v in values]
        if name == "integer_pow":
            out = powers(run, arrays[0], np.asarray(float(eqn.params["y"])))
        else:
            out = (UNARY | BINARY)[name](run, *arrays)
        return [run.moved(np.asarray(out, _COMPLEX[str(eqn.outvars[0].aval.dtype)]), moves)]
    if name == "convert_element_type":
        return [
            run.moved(np.asarray(values[0]).astype(_COMPLEX[str(eqn.outvars[0].aval.dtype)]), moves)
        ]
    operands = [run.moved(np.asarray(v), v.imag != 0) if np.iscomplexobj(v) else v for v in values]
    if name in _LINEAR:
        return [run.moved(_linear(eqn, operands), False)]
    if name in _BILINEAR:
        return [run.moved(_bilinear(eqn, *operands), False)]
    if name in _PRODUCTS:
        return [run.moved(_product(eqn, operands[0]))]
    raise _Refused(name)


def _moves(values: Sequence[Any], eqn: Any) -> Any:
    """Where an elementwise result may depend on x: where an operand has an imaginary part."""
    moves: Any = np.zeros((), bool)
    if eqn.primitive.name in UNARY | BINARY or len(values) == 1:
        for value in values:
            if np.iscomplexobj(value):
                moves = moves | (np.asarray(value).imag != 0)
    return moves


def _is_floating(eqn: Any) -> bool:
    """Whether results have a complex form: a conversion to integers, say, is not analytic."""
    return all(str(v.aval.dtype) in _COMPLEX for v in eqn.outvars)


def _widened(value: Any) -> Any:
    """Floating-point numbers beside complex ones become complex; conditions and indices stay."""
    kind = str(value.dtype)
    return np.asarray(value).astype(_COMPLEX[kind]) if kind in _COMPLEX else value


def _bind(eqn: Any, values: Sequence[Any]) -> list[Any]:
    out = eqn.primitive.bind(*values, **eqn.params)
    return list(out) if eqn.primitive.multiple_results else [out]


# Sums and products of arrays. XLA flushes the smallest numbers to zero, so that imaginary parts are
# scaled to 1 by a power of two before they are summed.


def _scaled(eqn: Any, parts: Sequence[Any], by: Sequence[np.ndarray]) -> np.ndarray:
    """The operation, linear in the operands `by`, without underflow between."""
    largest = max((float(np.max(np.abs(p), initial=0.0)) for p in by), default=0.0)
    if largest == 0.0 or not np.isfinite(largest):
        return np.asarray(_bind(eqn, parts)[0])
    exponent = int(np.frexp(largest)[1])
    chosen = {id(p) for p in by}
    up = [np.ldexp(p, -exponent) if id(p) in chosen else p for p in parts]
    return np.asarray(np.ldexp(np.asarray(_bind(eqn, up)[0]), exponent))


def _linear(eqn: Any, values: Sequence[Any]) -> np.ndarray:
    real = [np.array(v.real) if np.iscomplexobj(v) else v for v in values]
    floating = [str(v.dtype) in _COMPLEX or np.iscomplexobj(v) for v in values]
    imag = [
        (np.array(v.imag) if np.iscomplexobj(v) else np.zeros_like(v)) if is_float else v
        for v, is_float in zip(values, floating, strict=True)
    ]
    by = [v for v, is_float in zip(imag, floating, strict=True) if is_float]
    return joined(np.asarray(_bind(eqn, real)[0]), _scaled(eqn, imag, by))


def _bilinear(eqn: Any, z: Any, w: Any) -> np.ndarray:
    """Four real products, never three: those lose an imaginary part below the last place."""
    a, c = (np.array(v.real) if np.iscomplexobj(v) else v for v in (z, w))
    re = np.asarray(_bind(eqn, [a, c])[0])
    im = np.zeros_like(re)
    if np.iscomplexobj(z):
        b = np.array(z.imag)
        im = im + _scaled(eqn, [b, c], [b])
    if np.iscomplexobj(w):
        d = np.array(w.imag)
        im = im + _scaled(eqn, [a, d], [d])
    return joined(re, im)


def _product(eqn: Any, z: np.ndarray) -> np.ndarray:
    if eqn.primitive.name == "reduce_prod":
        return np.asarray(np.prod(z, axis=tuple(eqn.params["axes"])))
    axis = eqn.params["axis"]
    if not eqn.params.get("reverse"):
        return np.cumprod(z, axis=axis)
    return np.flip(np.cumprod(np.flip(z, axis), axis=axis), axis)


# Loops, step by step


def _scan(eqn: Any, values: list[Any], run: Run) -> list[Any]:
    body, params = eqn.params["jaxpr"], eqn.params
    consts, carries = scan_parts(eqn, open_jaxpr(body))
    fixed, state, rows = (
        values[:consts],
        values[consts : consts + carries],
        values[consts + carries :],
    )
    order = range(params["length"])
    made: list[list[Any]] = []
    for i in reversed(order) if params["reverse"] else order:
        out = _evaluate(body, [*fixed, *state, *(np.asarray(row)[i] for row in rows)], run)
        state = out[:carries]
        made.append(out[carries:])
    if params["reverse"]:
        made.reverse()
    if not made:
        return [*state, *(np.zeros(v.aval.shape, v.aval.dtype) for v in eqn.outvars[carries:])]
    return [*state, *(np.stack([np.asarray(v) for v in each]) for each in zip(*made, strict=True))]


def _while(eqn: Any, values: list[Any], run: Run) -> list[Any]:
    tests, bodies = eqn.params["cond_nconsts"], eqn.params["body_nconsts"]
    of_test, of_body = values[:tests], values[tests : tests + bodies]
    state = values[tests + bodies :]

    def goes_on() -> bool:
        try:
            (on,) = _evaluate(eqn.params["cond_jaxpr"], [*of_test, *state], run)
        except _Refused:
            raise _Refused("while") from None
        return bool(on)

    while goes_on():
        state = _evaluate(eqn.params["body_jaxpr"], [*of_body, *state], run)
    return state


_LOOPS: dict[str, Callable[[Any, list[Any], Run], list[Any]]] = {"scan": _scan, "while": _while}
