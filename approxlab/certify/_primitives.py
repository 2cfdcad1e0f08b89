"""What each primitive of JAX is in the operations of expressions, and what is refused, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.certify._traced_integers import integer_bounds
from approxlab.certify._traced_truths import compare, finite, is_finite, logic, select
from approxlab.certify._traced_values import Value, infinite, out_shape, shape_of, truth

__all__ = ["MOVES", "REFUSED", "RULES"]


Rule = Callable[..., Any]


def _function(*names: str) -> Rule:
    """Functions of every entry, the first one first."""

    def rule(tracer: Any, eqn: Any, x: Any) -> Value:
        node = tracer.node(x)
        for name in names:
            node = tracer.builder.function(name, node)
        return Value(node, out_shape(eqn))

    return rule


def _binary(op: str) -> Rule:
    def rule(tracer: Any, eqn: Any, a: Any, b: Any) -> Any:
        shape = out_shape(eqn)
        for known, other in ((a, b), (b, a)):  # -inf, where a maximum starts, changes nothing
            if isinstance(other, Value) and infinite(known) == _NEUTRAL.get(op):
                return Value(tracer.spread(other, shape), shape)
        if not isinstance(a, Value) and not isinstance(b, Value) and op in _EXACT:
            found = np.asarray(_EXACT[op](a, b))
            if _is_exact(op, a, b, found):  # as counts are
                return np.broadcast_to(found, shape)
        left, right = (tracer.spread(x, shape) for x in (a, b))
        if op == "subtract" and left == right and finite(tracer, left) is not None:
            # Not 0 where there is no value: such a difference may be a test for NaN.
            return Value(tracer.builder.binary("add", left, tracer.builder.negate(left)), shape)
        return Value(tracer.builder.binary(op, left, right), shape)

    return rule


_NEUTRAL = {"maximum": -np.inf, "minimum": np.inf}
_EXACT = {"add": np.add, "subtract": np.subtract, "multiply": np.multiply}


def _is_exact(op: str, a: np.ndarray, b: np.ndarray, found: np.ndarray) -> bool:
    """Whether few known numbers were added or multiplied without rounding."""
    if found.size > 16 or not np.all(np.isfinite(found)):
        return False
    ends = (np.broadcast_to(v, found.shape).ravel().tolist() for v in (a, b))
    for x, y, z in zip(*ends, found.ravel().tolist(), strict=True):
        p, q = Fraction(x), Fraction(y)
        if {"add": p + q, "subtract": p - q, "multiply": p * q}[op] != Fraction(z):
            return False
    return True


def _divide(tracer: Any, eqn: Any, a: Any, b: Any) -> Value:
    shape = out_shape(eqn)
    return Value(tracer.builder.divide(*(tracer.spread(x, shape) for x in (a, b))), shape)


def _negate(tracer: Any, eqn: Any, x: Any) -> Value:
    return Value(tracer.builder.negate(tracer.node(x)), out_shape(eqn))


def _integer_power(tracer: Any, eqn: Any, x: Any) -> Value:
    return Value(tracer.builder.power(tracer.node(x), int(eqn.params["y"])), out_shape(eqn))


def _square(tracer: Any, eqn: Any, x: Any) -> Value:
    return Value(tracer.builder.power(tracer.node(x), 2), out_shape(eqn))


def _power(tracer: Any, eqn: Any, x: Any, y: Any) -> Value:
    """An integer or half-integer power as such, others as exp(y log x)."""
    shape, build = out_shape(eqn), tracer.builder
    if not isinstance(y, Value):
        exponents = np.unique(np.asarray(y, np.float64))
        twice = 2.0 * exponents
        if len(exponents) == 1 and twice[0] == np.round(twice[0]) and abs(twice[0]) <= 2000:
            return Value(_half_integer_power(build, tracer.spread(x, shape), int(twice[0])), shape)
        if len(exponents) == 1 and exponents[0] > 0:
            return Value(build.real_power(tracer.spread(x, shape), float(exponents[0])), shape)
    log = build.function("log", tracer.spread(x, shape))
    product = build.binary("multiply", tracer.spread(y, shape), log)
    return Value(build.function("exp", product), shape)


def _half_integer_power(build: Any, node: int, twice: int) -> int:
    if twice % 2 == 0:
        return build.power(node, twice // 2)
    root = build.function("sqrt", node)
    return build.power(root, twice)


def _rsqrt(tracer: Any, eqn: Any, x: Any) -> Value:
    root = tracer.builder.function("sqrt", tracer.node(x))
    return Value(tracer.builder.function("reciprocal", root), out_shape(eqn))


def _exp2(tracer: Any, eqn: Any, x: Any) -> Value:
    build, node = tracer.builder, tracer.node(x)
    log = build.function("log", build.constant(np.full(build.size(node), 2.0)))
    return Value(build.function("exp", build.binary("multiply", node, log)), out_shape(eqn))


def _log2(tracer: Any, eqn: Any, x: Any) -> Value:
    build, node = tracer.builder, tracer.node(x)
    two = build.function("log", build.constant(np.full(build.size(node), 2.0)))
    return Value(build.divide(build.function("log", node), two), out_shape(eqn))


def _one_minus_square(tracer: Any, eqn: Any, x: Any) -> Value:
    """1 - x^2, which the derivative of tanh is made of from JAX 0.12 on."""
    build, node = tracer.builder, tracer.node(x)
    one = build.constant(np.ones(build.size(node)))
    return Value(build.binary("subtract", one, build.power(node, 2)), out_shape(eqn))


def _polynomial(tracer: Any, eqn: Any, x: Any, *coefficients: Any) -> Value:
    """c_0 + x (c_1 + x (c_2 + ...)), as jnp.polyval is from JAX 0.12 on."""
    build, shape = tracer.builder, out_shape(eqn)
    node = tracer.spread(x, shape)
    *others, total = (tracer.spread(c, shape) for c in coefficients)
    for coefficient in reversed(others):
        total = build.binary("add", coefficient, build.binary("multiply", node, total))
    return Value(total, shape)


def _tan(tracer: Any, eqn: Any, x: Any) -> Value:
    build, node = tracer.builder, tracer.node(x)
    return Value(
        build.divide(build.function("sin", node), build.function("cos", node)), out_shape(eqn)
    )


def _hyperbolic(sign: float) -> Rule:
    """(exp x + sign exp(-x)) / 2."""

    def rule(tracer: Any, eqn: Any, x: Any) -> Value:
        build, node = tracer.builder, tracer.node(x)
        half, signed = (build.constant(np.full(build.size(node), c)) for c in (0.5, 0.5 * sign))
        up = build.binary("multiply", half, build.function("exp", node))
        down = build.binary("multiply", signed, build.function("exp", build.negate(node)))
        return Value(build.binary("add", up, down), out_shape(eqn))

    return rule


def _ceil(tracer: Any, eqn: Any, x: Any) -> Value:
    build = tracer.builder
    return Value(
        build.negate(build.function("floor", build.negate(tracer.node(x)))), out_shape(eqn)
    )


def _round(tracer: Any, eqn: Any, x: Any) -> Value:
    if int(eqn.params["rounding_method"]) != 1:  # ties away from zero: sign x floor(|x| + 1/2)
        build, node = tracer.builder, tracer.node(x)
        half = build.constant(np.full(build.size(node), 0.5))
        whole = build.function("floor", build.binary("add", build.function("absolute", node), half))
        sign = build.function("sign", node)
        return Value(build.binary("multiply", sign, whole), out_shape(eqn))
    return Value(tracer.builder.function("round", tracer.node(x)), out_shape(eqn))


def _remainder(tracer: Any, eqn: Any, x: Any, y: Any) -> Value:
    """X - y trunc(x / y)."""
    build, shape = tracer.builder, out_shape(eqn)
    a, b = tracer.spread(x, shape), tracer.spread(y, shape)
    ratio = build.divide(a, b)
    size = build.function("floor", build.function("absolute", ratio))
    whole = build.binary("multiply", build.function("sign", ratio), size)
    return Value(build.binary("subtract", a, build.binary("multiply", b, whole)), shape)


def _clamp(tracer: Any, eqn: Any, least: Any, x: Any, most: Any) -> Value:
    build, shape = tracer.builder, out_shape(eqn)
    low, node, high = (tracer.spread(v, shape) for v in (least, x, most))
    return Value(build.binary("minimum", build.binary("maximum", node, low), high), shape)


def _converted(tracer: Any, eqn: Any, x: Any) -> Any:
    kind, build = np.dtype(eqn.params["new_dtype"]), tracer.builder
    if not isinstance(x, Value):
        return np.asarray(x).astype(kind)
    if kind.kind == "b":
        if x.truth:
            return x
        zero = build.constant(np.zeros(build.size(x.node)))
        differ = build.logic("not", [build.compare("equal", x.node, zero)])
        return Value(differ, x.shape, truth=True)
    if x.truth and kind.kind in "iuf":
        zero, one = (build.constant(np.full(build.size(x.node), c)) for c in (0.0, 1.0))
        return Value(build.choose(x.node, zero, one), x.shape)
    whole = np.dtype(eqn.invars[0].aval.dtype).kind in "iu"
    if kind == np.float64 or (whole and kind.kind in "iu") or kind == eqn.invars[0].aval.dtype:
        return x
    if whole and kind.kind == "f":
        told = integer_bounds(tracer, x)
        if told is not None and max(map(abs, told)) <= 2 ** (np.finfo(kind).nmant + 1):
            return x
    raise TypeError(
        f"{tracer.name}: cannot enclose 'convert_element_type' to {kind} of numbers that depend on "
        "the point, since it rounds; expected a function that keeps the dtype of the point."
    )


# Sums and products


def _last(shape: tuple[int, ...], axes: tuple[int, ...]) -> tuple[np.ndarray, int]:
    """Entries with those axes last, as (rest, reduced)."""
    entries = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    kept = [a for a in range(len(shape)) if a not in axes]
    length = int(np.prod([shape[a] for a in axes], dtype=int))
    return entries.transpose(*kept, *axes).reshape(-1, length), length


def _reduce_sum(tracer: Any, eqn: Any, x: Any) -> Value:
    entries, _ = _last(shape_of(x), tuple(eqn.params["axes"]))
    node = tracer.builder.take(tracer.node(x), entries.ravel())
    return Value(tracer.builder.sum(node, len(entries)), out_shape(eqn))


def _reduce(combine: Callable[[Any, int, int], int], logical: bool = False) -> Rule:
    """Pairs of entries combined, then pairs of pairs."""

    def rule(tracer: Any, eqn: Any, x: Any) -> Value:
        entries, length = _last(shape_of(x), tuple(eqn.params["axes"]))
        whole = truth(tracer, x, shape_of(x)) if logical else tracer.node(x)
        parts = [tracer.builder.take(whole, entries[:, i]) for i in range(length)]
        while len(parts) > 1:
            pairs = zip(parts[::2], parts[1::2], strict=False)
            left = parts[-1:] if len(parts) % 2 else []
            parts = [combine(tracer.builder, a, b) for a, b in pairs] + left
        return Value(parts[0], out_shape(eqn), logical)

    return rule


def _dot(tracer: Any, eqn: Any, a: Any, b: Any) -> Value:
    """Products summed over the contracted axes; a known matrix times a vector is `linear`."""
    (contract_a, contract_b), (batch_a, batch_b) = eqn.params["dimension_numbers"]
    left = _arranged(shape_of(a), batch_a, contract_a)
    right = _arranged(shape_of(b), batch_b, contract_b)
    build, shape = tracer.builder, out_shape(eqn)
    batch, rows, length = left.shape
    columns = right.shape[1]
    if batch == 1 and rows == 1 and isinstance(a, Value) and not isinstance(b, Value):
        node = build.take(a.node, left.ravel())
        return Value(build.linear(node, tracer.numbers(b).ravel()[right[0]]), shape)
    if batch == 1 and columns == 1 and isinstance(b, Value) and not isinstance(a, Value):
        node = build.take(b.node, right.ravel())
        return Value(build.linear(node, tracer.numbers(a).ravel()[left[0]]), shape)
    full = (batch, rows, columns, length)
    one = build.take(tracer.node(a), np.broadcast_to(left[:, :, None, :], full))
    other = build.take(tracer.node(b), np.broadcast_to(right[:, None, :, :], full))
    product = build.binary("multiply", one, other)
    return Value(build.sum(product, batch * rows * columns), shape)


def _arranged(shape: tuple[int, ...], batch: Any, contract: Any) -> np.ndarray:
    """Entries as (batch, free, contracted)."""
    entries = np.arange(int(np.prod(shape, dtype=int))).reshape(shape)
    free = [a for a in range(len(shape)) if a not in batch and a not in contract]

    def size(axes: Any) -> int:
        return int(np.prod([shape[a] for a in axes], dtype=int))

    moved = entries.transpose(*batch, *free, *contract)
    return moved.reshape(size(batch), size(free), size(contract))


MOVES: Mapping[str, int | None] = {
    **dict.fromkeys(("reshape", "squeeze", "expand_dims", "broadcast_in_dim", "slice"), 1),
    **dict.fromkeys(
        (
            "transpose",
            "rev",
            "copy",
            "copy_p",
            "gather",
            "dynamic_slice",
            "split",
            "tile",
            "unstack",
        ),
        1,
    ),
    **dict.fromkeys(("concatenate", "stack", "pad"), None),
    "dynamic_update_slice": 2,
}
"""Primitives that move entries, and how many of their first operands hold the entries."""

RULES: Mapping[str, Rule] = {
    **{name: _function(name) for name in ("exp", "expm1", "log", "log1p", "tanh", "sin", "cos")},
    **{name: _function(name) for name in ("sqrt", "cbrt", "erf", "erfc", "floor", "sign")},
    "logistic": _function("sigmoid"),
    "atan": _function("arctan"),
    "abs": _function("absolute"),
    "add": _binary("add"),
    "add_any": _binary("add"),
    "sub": _binary("subtract"),
    "mul": _binary("multiply"),
    "max": _binary("maximum"),
    "min": _binary("minimum"),
    "div": _divide,
    "neg": _negate,
    "integer_pow": _integer_power,
    "square": _square,
    "pow": _power,
    "rsqrt": _rsqrt,
    "exp2": _exp2,
    "log2": _log2,
    "one_minus_square": _one_minus_square,
    "polynomial": _polynomial,
    "tan": _tan,
    "sinh": _hyperbolic(-1.0),
    "cosh": _hyperbolic(1.0),
    "ceil": _ceil,
    "round": _round,
    "rem": _remainder,
    "clamp": _clamp,
    "convert_element_type": _converted,
    "stop_gradient": lambda tracer, eqn, x: x,
    "lt": compare("less"),
    "gt": compare("less", swapped=True),
    "le": compare("less_equal"),
    "ge": compare("less_equal", swapped=True),
    "eq": compare("equal"),
    "ne": compare("equal", negated=True),
    "and": logic("and"),
    "or": logic("or"),
    "not": logic("not"),
    "xor": compare("equal", negated=True),
    "is_finite": is_finite,
    "select_n": select,
    "reduce_sum": _reduce_sum,
    "reduce_max": _reduce(lambda build, a, b: build.binary("maximum", a, b)),
    "reduce_min": _reduce(lambda build, a, b: build.binary("minimum", a, b)),
    "reduce_prod": _reduce(lambda build, a, b: build.binary("multiply", a, b)),
    "reduce_and": _reduce(lambda build, a, b: build.logic("and", [a, b]), logical=True),
    "reduce_or": _reduce(lambda build, a, b: build.logic("or", [a, b]), logical=True),
    "dot_general": _dot,
}

_RANDOM = ": a random function has no one value, expected a function of the point alone."
_LOOP = ": a loop of unknown length, expected a loop in Python over a known range."
_ORDER = ": entries in an order that depends on the point, expected jnp.max, jnp.min or jnp.where."
_SEARCH = (
    ": a search for the point among known numbers, as jnp.interp and jnp.searchsorted make; "
    "expected jnp.where of the parts, or a sum of jax.nn.relu(x - knot)."
)
_OUTSIDE = ": it leaves JAX, expected a function written with jax.numpy."
_ROUNDS = ": it rounds, expected a function that keeps the dtype of the point."

REFUSED: Mapping[str, str] = {
    **dict.fromkeys(("random_bits", "random_wrap", "random_unwrap", "random_seed"), _RANDOM),
    **dict.fromkeys(("random_fold_in", "random_gamma", "random_split", "threefry2x32"), _RANDOM),
    "while": _LOOP,
    **dict.fromkeys(("sort", "argmax", "argmin", "top_k"), _ORDER),
    **dict.fromkeys(("pure_callback", "io_callback", "debug_callback", "ffi_call"), _OUTSIDE),
    "lt_to": _SEARCH,
    "le_to": _SEARCH,
    "call_hi_primitive": _SEARCH,  # of jnp.searchsorted from JAX 0.12 on
    "reduce_precision": _ROUNDS,
    "nextafter": _ROUNDS,
    "atan2": ", expected jnp.arctan(y / x) where x has one sign, or jnp.where of such parts.",
    "asin": ", expected jnp.arctan(x / jnp.sqrt(1 - x**2)) inside of (-1, 1).",
    "acos": ", expected jnp.pi / 2 - jnp.arctan(x / jnp.sqrt(1 - x**2)) inside of (-1, 1).",
}
