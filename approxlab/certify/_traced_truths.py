"""Comparisons of traced values, logic, and the choice between two of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from approxlab.certify._traced_values import Value, infinite, is_truth, out_shape, truth

__all__ = ["choose", "compare", "finite", "is_finite", "logic", "select"]

Rule = Callable[..., Any]

_ORDER = {"less": np.less, "less_equal": np.less_equal, "equal": np.equal}


def compare(op: str, swapped: bool = False, negated: bool = False) -> Rule:
    """One of `_expression.COMPARISONS`, or what it denies."""

    def rule(tracer: Any, eqn: Any, a: Any, b: Any) -> Any:
        shape, build = out_shape(eqn), tracer.builder
        if any(is_truth(x) for x in (a, b)):
            return _compare_truths(tracer, eqn, a, b)
        first, second = (b, a) if swapped else (a, b)
        if (infinite(first) or infinite(second)) and any(isinstance(v, Value) for v in (a, b)):
            # Real numbers lie between -inf and inf.
            low, high = (np.asarray(infinite(v)) for v in (first, second))
            (value,) = (v for v in (first, second) if isinstance(v, Value))
            node = tracer.spread(value, shape)
            return _told(tracer, node, shape, bool(_ORDER[op](low, high)) != negated)
        if not isinstance(first, Value) and not isinstance(second, Value):
            return np.broadcast_to(_ORDER[op](first, second) != negated, shape)
        left, right = (tracer.spread(v, shape) for v in (first, second))
        if left == right and op == "equal":  # a test for NaN
            return _told(tracer, left, shape, not negated)
        node = build.compare(op, left, right)
        return Value(build.logic("not", [node]) if negated else node, shape, truth=True)

    return rule


def _compare_truths(tracer: Any, eqn: Any, a: Any, b: Any) -> Value:
    """Whether two truths are the same, or not."""
    build, shape = tracer.builder, out_shape(eqn)
    left, right = (truth(tracer, x, shape) for x in (a, b))
    either = build.logic("or", [left, right])
    both = build.logic("and", [left, right])
    differ = build.logic("and", [either, build.logic("not", [both])])
    node = differ if eqn.primitive.name in ("ne", "xor") else build.logic("not", [differ])
    return Value(node, shape, truth=True)


def logic(op: str) -> Rule:
    """Truths joined by "and", "or" or "not"."""

    def rule(tracer: Any, eqn: Any, *args: Any) -> Value:
        shape = out_shape(eqn)
        nodes = [truth(tracer, a, shape) for a in args]
        return Value(tracer.builder.logic(op, nodes), shape, truth=True)

    return rule


def finite(tracer: Any, node: int) -> int | None:
    """The truth that the entries of a node are numbers; None if they are everywhere.

    A logarithm, a root or a reciprocal has a value where its enclosure is finite; elsewhere it may
    be NaN or infinite to JAX, so that both cases of a test for these are possible.
    """
    build, nodes = tracer.builder, tracer.builder.nodes
    seen, stack = {node}, [node]
    while stack:
        fresh = {a for a in nodes[stack.pop()].args} - seen
        seen |= fresh
        stack.extend(fresh)
    partial = [i for i in sorted(seen) if nodes[i].op in _PARTIAL or nodes[i].number < 0]
    if not partial:
        return None
    whole = [_all_of(build, build.compare("equal", i, i)) for i in partial]
    found = whole[0]
    for other in whole[1:]:
        found = build.logic("and", [found, other])
    return int(build.take(found, np.zeros(build.size(node), np.int64)))


_PARTIAL = frozenset({"reciprocal", "log", "log1p", "sqrt", "real_power"})


def _all_of(build: Any, node: int) -> int:
    """Whether all entries are true, as one entry."""
    while (size := build.size(node)) > 1:
        half = (size + 1) // 2
        halves = [build.take(node, np.arange(half) + start) for start in (0, size - half)]
        node = build.logic("and", halves)
    return node


def _told(tracer: Any, node: int, shape: tuple[int, ...], if_finite: bool) -> Any:
    """What is so where the entries of a node are numbers, and may be otherwise elsewhere."""
    condition = finite(tracer, node)
    if condition is None:
        return np.full(shape, if_finite)
    if not if_finite:
        condition = tracer.builder.logic("not", [condition])
    return Value(condition, shape, truth=True)


def is_finite(tracer: Any, eqn: Any, x: Any) -> Any:
    """Real numbers are, where there is one."""
    if not isinstance(x, Value):
        return np.isfinite(x)
    return _told(tracer, x.node, x.shape, True)


def select(tracer: Any, eqn: Any, which: Any, *cases: Any) -> Any:
    """The entries of one of the cases."""
    shape, build = out_shape(eqn), tracer.builder
    if not isinstance(which, Value) and len(set(np.ravel(which).tolist())) == 1:
        chosen = cases[int(np.ravel(which)[0])]
        if not isinstance(chosen, Value):
            return np.broadcast_to(chosen, shape)
        return Value(tracer.spread(chosen, shape), shape, chosen.truth)
    if isinstance(which, Value):
        return choose(tracer, which, cases, shape)
    if any(is_truth(case) for case in cases):
        if len(cases) != 2:
            raise TypeError(
                f"{tracer.name}: cannot enclose 'select_n' of {len(cases)} arrays of truths, "
                "expected jnp.where."
            )
        return _merged(tracer, truth(tracer, which, shape), cases[0], cases[1], shape)
    nodes = [tracer.spread(c, shape) for c in cases]
    size = int(np.prod(shape))
    chosen = np.broadcast_to(np.asarray(which, np.int64), shape).ravel()
    return Value(build.take(build.join(nodes), chosen * size + np.arange(size)), shape)


def choose(tracer: Any, which: Value, cases: Any, shape: tuple[int, ...]) -> Any:
    """One of the cases, by a truth or by an integer that depends on the point."""
    found = cases[0]
    for k, case in enumerate(cases[1:], 1):
        found = _merged(
            tracer, tracer.spread(_is_at_least(tracer, which, k), shape), found, case, shape
        )
    return found


def _is_at_least(tracer: Any, which: Value, k: int) -> Value:
    """Whether an integer is k or more; a truth counts as 0 or 1."""
    build, here = tracer.builder, tracer.builder.nodes[which.node]
    if which.truth:
        return which
    if here.op == "choose" and k == 1:  # an integer that was made of a truth
        ends = [build.values_of(a) for a in here.args[1:]]
        if all(end is not None and np.all(end == i) for i, end in enumerate(ends)):
            return Value(here.args[0], which.shape, truth=True)
    least = build.constant(np.full(build.size(which.node), float(k)))
    return Value(build.compare("less_equal", least, which.node), which.shape, truth=True)


def _merged(tracer: Any, condition: int, no: Any, yes: Any, shape: tuple[int, ...]) -> Value:
    """Yes where the condition holds, else no."""
    build = tracer.builder
    if not is_truth(yes) and not is_truth(no):
        nodes = [tracer.spread(v, shape) for v in (no, yes)]
        return Value(build.choose(condition, *nodes), shape)
    first, second = (truth(tracer, v, shape) for v in (yes, no))
    other = build.logic("and", [build.logic("not", [condition]), second])
    node = build.logic("or", [build.logic("and", [condition, first]), other])
    return Value(node, shape, truth=True)
