"""Comparisons of traced values, logic, and the choice between two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from approxlab.certify._traced_values import Value, infinite, is_truth, out_shape, truth

__all__ = ["compare", "is_finite", "logic", "select"]

Rule = Callable[..., Any]

_ORDER = {"less": np.less, "less_equal": np.less_equal, "equal": np.equal}


def compare(op: str, swapped: bool = False, negated: bool = False) -> Rule:
    """One of `_expression.COMPARISONS`, or what it denies."""

    def rule(tracer: Any, eqn: Any, a: Any, b: Any) -> Any:
        shape, build = out_shape(eqn), tracer.builder
        if any(is_truth(x) for x in (a, b)):
            return _compare_truths(tracer, eqn, a, b)
        first, second = (b, a) if swapped else (a, b)
        if infinite(first) or infinite(second):  # real numbers lie between -inf and inf
            low, high = (np.asarray(infinite(v)) for v in (first, second))
            return np.full(shape, bool(_ORDER[op](low, high)) != negated)
        if not isinstance(first, Value) and not isinstance(second, Value):
            return np.broadcast_to(_ORDER[op](first, second) != negated, shape)
        left, right = (tracer.spread(v, shape) for v in (first, second))
        node = build.compare(op, left, right)
        return Value(build.logic("not", [node]) if negated else node, shape, truth=True)

    return rule


def _compare_truths(tracer: Any, eqn: Any, a: Any, b: Any) -> Value:
    """Whether two truths are the same, or not."""
    if eqn.primitive.name not in ("eq", "ne"):
        raise TypeError(
            f"{tracer.name}: cannot enclose {eqn.primitive.name!r} of truths, expected "
            "jnp.logical_and, jnp.logical_or or jnp.logical_not."
        )
    build, shape = tracer.builder, out_shape(eqn)
    left, right = (truth(tracer, x, shape) for x in (a, b))
    either = build.logic("or", [left, right])
    both = build.logic("and", [left, right])
    differ = build.logic("and", [either, build.logic("not", [both])])
    node = differ if eqn.primitive.name == "ne" else build.logic("not", [differ])
    return Value(node, shape, truth=True)


def logic(op: str) -> Rule:
    """Truths joined by "and", "or" or "not"."""

    def rule(tracer: Any, eqn: Any, *args: Any) -> Value:
        shape = out_shape(eqn)
        nodes = [truth(tracer, a, shape) for a in args]
        return Value(tracer.builder.logic(op, nodes), shape, truth=True)

    return rule


def is_finite(tracer: Any, eqn: Any, x: Any) -> Value:
    """True: real numbers are."""
    node = tracer.node(x)
    return Value(tracer.builder.compare("equal", node, node), out_shape(eqn), truth=True)


def select(tracer: Any, eqn: Any, which: Any, *cases: Any) -> Any:
    """The entries of one of the cases."""
    shape, build = out_shape(eqn), tracer.builder
    if any(is_truth(case) for case in cases):
        return _select_truths(tracer, which, shape, *cases)
    if not isinstance(which, Value) and len(set(np.ravel(which).tolist())) == 1:
        chosen = cases[int(np.ravel(which)[0])]
        if not isinstance(chosen, Value):
            return np.broadcast_to(chosen, shape)
        return Value(tracer.spread(chosen, shape), shape)
    nodes = [tracer.spread(c, shape) for c in cases]
    if isinstance(which, Value):
        if len(cases) != 2:
            raise TypeError(f"{tracer.name}: cannot enclose 'select_n' of {len(cases)} cases.")
        return Value(build.choose(tracer.spread(which, shape), *nodes), shape)
    size = int(np.prod(shape))
    chosen = np.broadcast_to(np.asarray(which, np.int64), shape).ravel()
    return Value(build.take(build.join(nodes), chosen * size + np.arange(size)), shape)


def _select_truths(tracer: Any, which: Any, shape: tuple[int, ...], no: Any, yes: Any) -> Value:
    """(which and yes) or (not which and no)."""
    build = tracer.builder
    condition, first, second = (truth(tracer, v, shape) for v in (which, yes, no))
    other = build.logic("and", [build.logic("not", [condition]), second])
    node = build.logic("or", [build.logic("and", [condition, first]), other])
    return Value(node, shape, truth=True)
