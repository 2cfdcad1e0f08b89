"""Integers that depend on the point: exact where none can leave its dtype, else refused by name.

JAX's integers wrap around, and their division and bits are not those of real numbers. Integers that
depend on the point are made of truths and of jnp.where, so that bounds of them are known.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.certify._expression import Builder
from approxlab.certify._traced_values import Value

__all__ = ["check_integer_results", "check_kinds", "integer_bounds"]

_ARITHMETIC = {"add", "add_any", "sub", "mul", "neg", "abs", "sign", "max", "min", "clamp"}
_SUMS = {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "dot_general"}
_COMPARED = {"lt", "gt", "le", "ge", "eq", "ne"}
_CHOSEN = {"select_n", "convert_element_type", "integer_pow", "square"}
_ON_INTEGERS = _ARITHMETIC | _SUMS | _COMPARED | _CHOSEN
_ON_TRUTHS = {"and", "or", "not", "xor", "eq", "ne", "reduce_and", "reduce_or"}
_ON_TRUTHS |= {"select_n", "convert_element_type"}
_MOST = 2**53


def check_kinds(tracer: Any, eqn: Any, name: str, args: list[Any]) -> None:
    """Refuse primitives that do something else to integers, or to truths, than to numbers."""
    pairs = zip(eqn.invars, args, strict=True)
    kinds = {np.dtype(v.aval.dtype).kind for v, a in pairs if isinstance(a, Value)}
    kinds |= {np.dtype(v.aval.dtype).kind for v in eqn.outvars} - {"b"}
    if kinds & set("iu") and name not in _ON_INTEGERS:
        raise TypeError(
            f"{tracer.name}: cannot enclose {name!r} of integers that depend on the point, "
            "expected floating-point numbers. Convert them first, by .astype(float)."
        )
    if "b" in kinds and name not in _ON_TRUTHS:
        raise TypeError(
            f"{tracer.name}: cannot enclose {name!r} of truths, expected jnp.logical_and, "
            "jnp.logical_or, jnp.logical_not, jnp.where, or numbers by .astype(float)."
        )


def check_integer_results(tracer: Any, eqn: Any, found: list[Any]) -> None:
    """Refuse results that may be outside of their dtype, where JAX wraps around."""
    for var, value in zip(eqn.outvars, found, strict=True):
        if not isinstance(value, Value) or np.dtype(var.aval.dtype).kind not in "iu":
            continue
        limits, told = np.iinfo(var.aval.dtype), integer_bounds(tracer, value)
        least, most = max(int(limits.min), -_MOST), min(int(limits.max), _MOST)
        if told is None or told[0] < least or told[1] > most:
            raise TypeError(
                f"{tracer.name}: cannot enclose {eqn.primitive.name!r} of integers that depend on "
                f"the point and may not fit {var.aval.dtype}, expected floating-point numbers. "
                "Convert them first, by .astype(float)."
            )


def integer_bounds(tracer: Any, value: Value) -> tuple[int, int] | None:
    """The least and the largest integer that the entries may be; None if they may be others."""
    return _bounds(tracer.builder, value.node, tracer.bounds_of_integers)


def _bounds(
    builder: Builder, node: int, known: dict[int, tuple[int, int] | None]
) -> tuple[int, int] | None:
    if node not in known:
        known[node] = _found(builder, node, known)
    return known[node]


def _found(
    builder: Builder, node: int, known: dict[int, tuple[int, int] | None]
) -> tuple[int, int] | None:
    here = builder.nodes[node]
    if here.op == "constant":
        values = here.data[0]
        whole = values.size and np.all(values == np.round(values)) and np.max(abs(values)) <= _MOST
        return (int(values.min()), int(values.max())) if whole else None
    if here.op == "sign":
        return -1, 1
    args = here.args[1:] if here.op == "choose" else here.args
    parts = [_bounds(builder, a, known) for a in args]
    told = [part for part in parts if part is not None]
    if not told or len(told) < len(parts):
        return None
    (a, b), (c, d) = told[0], told[-1]
    if here.op in ("take", "join", "choose", "maximum", "minimum"):
        return min(low for low, _ in told), max(high for _, high in told)
    if here.op == "add":
        return a + c, b + d
    if here.op == "subtract":
        return a - d, b - c
    if here.op in ("multiply", "absolute"):
        signs = (-1, 1) if here.op == "absolute" else (c, d)
        ends = [x * y for x in (a, b) for y in signs]
        return min(ends), max(ends)
    return _of_many(here.op, max(abs(a), abs(b)), builder, node)


def _of_many(op: str, size: int, builder: Builder, node: int) -> tuple[int, int] | None:
    """Sums, matrices and powers of integers up to a size."""
    here = builder.nodes[node]
    if op == "sum":
        most = size * (builder.size(here.args[0]) // here.size)
    elif op == "linear" and all(np.all(a == np.round(a)) for a in here.data):
        weight, shift = (np.abs(part) for part in here.data)
        most = int(np.ceil(np.max(weight.sum(axis=1) * size + shift) * (1.0 + 1e-9)))
    elif op == "power" and 0 < here.number <= 64:
        most = size**here.number
    else:
        return None
    return -most, most
