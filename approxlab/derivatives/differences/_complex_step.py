"""A function of real numbers evaluated at complex ones, or refused where that means nothing.

The complex step reads a derivative off Im f(x + i h v) / h, which is right for analytic functions
alone: max, abs or a comparison uses the real part, drops the imaginary one, and the derivative
silently becomes zero. So the function is not called with complex numbers (which also
would fail where code casts its input to a real dtype, as networks do). Its jaxpr is evaluated, with
complex numbers wherever a value depends on x, and every operation that is not known to be analytic
is refused by name.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.extend import core
from jaxtyping import Array

from approxlab.derivatives.counts.inner_jaxprs import called, open_jaxpr
from approxlab.derivatives.counts.jaxpr_constants import names

__all__ = ["at_complex_points", "non_analytic_primitives"]

# Analytic, and computed by XLA for complex numbers.
_ANALYTIC = names(
    "acos acosh add add_any asin asinh atan atanh conv_general_dilated cos cosh cumprod "
    "cumsum div dot_general exp exp2 expm1 integer_pow log log1p logistic mul neg pow "
    "reduce_prod reduce_sum rsqrt sin sinh sqrt square sub tan tanh"
)
# Numbers are moved, not changed; indices and conditions must not depend on x.
_MOVES = names(
    "broadcast_in_dim concatenate convert_element_type copy copy_p dynamic_slice "
    "dynamic_update_slice expand_dims gather optimization_barrier pad reshape rev select_n "
    "slice split squeeze transpose"
)
_LOOPS = frozenset({"scan", "while"})
_NO_COMPLEX_FORM = names("bessel_i0e bessel_i1e cbrt digamma erf erf_inv erfc lgamma")
_COMPLEX = {"float32": "complex64", "float64": "complex128"}


@dataclasses.dataclass
class _Refused(Exception):
    """An operation on a value that depends on x, and how deep it lies."""

    primitive: str


def at_complex_points(f: Callable[[Array], Any], x: Array) -> Callable[[Array], Array]:
    """The function z -> f(z), for complex z near the real point x.

    The program is the one that JAX traces at x: what it decides in Python by the value of a
    number is refused by JAX itself.

    Raises:
        ValueError: If an operation on values that depend on x is not known to be analytic, by name.
        TypeError: If the value of f is not one floating-point array.
    """
    closed, value = jax.make_jaxpr(f, return_shape=True)(x)
    if not hasattr(value, "shape") or not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"f: got a value {value!r}, expected one floating-point array.")

    def at(z: Array) -> Array:
        try:
            (out,) = _evaluate(closed, [z])
        except _Refused as refused:
            raise ValueError(_message(refused.primitive)) from None
        return out if jnp.iscomplexobj(out) else out.astype(_COMPLEX[str(out.dtype)])

    jax.eval_shape(at, jax.ShapeDtypeStruct(x.shape, _COMPLEX[str(x.dtype)]))  # refuses at once
    return at


def non_analytic_primitives(f: Callable[[Array], Any], x: Array) -> tuple[str, ...]:
    """Names of the first operation that the complex step would refuse; empty if there is none.

    Example:
        >>> non_analytic_primitives(lambda x: jnp.abs(jnp.sin(x)), jnp.asarray(1.0))
        ('abs',)
        >>> non_analytic_primitives(lambda x: jnp.where(jnp.arange(3) > 1, x, x * x), jnp.ones(3))
        ()
    """
    closed = jax.make_jaxpr(f)(x)
    point = jax.ShapeDtypeStruct(x.shape, _COMPLEX[str(x.dtype)])
    try:
        jax.eval_shape(lambda z: _evaluate(closed, [z]), point)
    except _Refused as refused:
        return (refused.primitive,)
    return ()


def _message(name: str) -> str:
    if name in _NO_COMPLEX_FORM:
        why = "a function of real numbers only in JAX"
    elif name in _LOOPS:
        why = "a loop, which is not entered"
    else:
        why = "not known to be analytic"
    return (
        f"f: got the operation '{name}' on values that depend on x, which is {why}, expected "
        "analytic operations for scheme='complex': the imaginary part would be dropped silently. "
        "Take scheme='central' or 'richardson', or jax.grad."
    )


def _evaluate(closed: Any, inputs: Sequence[Any]) -> list[Any]:
    """Values of a jaxpr, closed or open; what is complex among the inputs stays so."""
    jaxpr, consts = open_jaxpr(closed), getattr(closed, "consts", ())
    known: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True))
    known.update(zip(jaxpr.invars, inputs, strict=True))

    def read(v: Any) -> Any:
        return v.val if isinstance(v, core.Literal) else known[v]

    for eqn in jaxpr.eqns:
        values = [read(v) for v in eqn.invars]
        known.update(zip(eqn.outvars, _apply(eqn, values), strict=True))
    return [read(v) for v in jaxpr.outvars]


def _apply(eqn: Any, values: list[Any]) -> list[Any]:
    inner, name = called(eqn), eqn.primitive.name
    if inner is not None:
        return _evaluate(inner, values)
    if not any(map(jnp.iscomplexobj, values)):
        return _bind(eqn, values, eqn.params)
    if name == "cond" and not jnp.iscomplexobj(values[0]):
        return _cond(eqn, values)
    if name not in _ANALYTIC | _MOVES or not _is_floating(eqn):
        raise _Refused(name)
    return _bind(eqn, [_complex(v) for v in values], _complex_params(eqn))


def _is_floating(eqn: Any) -> bool:
    """Whether results are floating point: a conversion to integers, say, is not analytic."""
    return all(jnp.issubdtype(v.aval.dtype, jnp.floating) for v in eqn.outvars)


def _complex(value: Any) -> Any:
    """Floating-point numbers beside complex ones become complex; conditions and indices stay."""
    dtype = jnp.result_type(value)
    return jnp.asarray(value, _COMPLEX[str(dtype)]) if str(dtype) in _COMPLEX else value


def _complex_params(eqn: Any) -> dict[str, Any]:
    """Dtypes that an operation names are those of complex numbers now."""
    changed = dict(eqn.params)
    for name in ("new_dtype", "preferred_element_type"):
        if changed.get(name) is not None:
            changed[name] = jnp.dtype(_COMPLEX[str(jnp.dtype(changed[name]))])
    return changed


def _bind(eqn: Any, values: list[Any], params: dict[str, Any]) -> list[Any]:
    out = eqn.primitive.bind(*values, **params)
    return list(out) if eqn.primitive.multiple_results else [out]


def _cond(eqn: Any, values: list[Any]) -> list[Any]:
    """A choice that does not depend on x."""

    def branch(closed: Any) -> Callable[..., list[Any]]:
        return lambda *inputs: [_complex(v) for v in _evaluate(closed, inputs)]

    wide = [_complex(v) for v in values[1:]]
    branches = [branch(closed) for closed in eqn.params["branches"]]
    return list(jax.lax.switch(values[0], branches, *wide))
