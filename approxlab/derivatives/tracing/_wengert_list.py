"""From a JAX function to its Wengert list: calls entered, changes of shape folded away.

An operation is one equation of the jaxpr, with equations that only change a shape folded into those
that read their result. It is run and differentiated by JAX alone: its equation is put into a jaxpr
of its own, to which `jax.jvp` and `jax.vjp` are applied.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp
import numpy as np

__all__ = [
    "Constant",
    "Operation",
    "View",
    "WengertList",
    "apply",
    "is_inexact",
    "is_real",
    "opened",
    "wengert_list",
]

# Calls whose body is differentiated as it stands. A function with a rule of its own (custom_jvp,
# custom_vjp) is not among them: its derivative is that rule, not the derivative of its body.
_CALLS = frozenset({"jit", "pjit", "closed_call", "core_call", "checkpoint", "remat", "remat2"})
_SHAPES = frozenset({"reshape", "squeeze", "expand_dims", "broadcast_in_dim"})
_SELECTIONS = frozenset({"slice", "dynamic_slice"})


@dataclasses.dataclass(frozen=True, eq=False)
class Constant:
    """A value that depends on no argument."""

    value: Any


@dataclasses.dataclass(frozen=True, eq=False)
class View:
    """A variable read through equations that change its shape only."""

    base: int
    equations: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Operation:
    """One equation: what it reads, which variables it makes, and its avals.

    Attributes:
        equation: The equation of the jaxpr.
        operands: A view or a constant for every operand of the equation.
        outputs: The variables it makes that are read later, by their position among its results.
        tail: Equations that reshape its only result before anybody reads it.
    """

    equation: Any
    operands: tuple[View | Constant, ...]
    outputs: dict[int, int]
    tail: tuple[Any, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class WengertList:
    """A function as a list of operations.

    Attributes:
        inputs: Variables of the arguments, in order.
        operations: Those that the result depends on, in the order in which the function runs them.
        output: The result.
    """

    inputs: tuple[int, ...]
    operations: tuple[Operation, ...]
    output: View | Constant


@dataclasses.dataclass(frozen=True, eq=False)
class _Equation:
    """An equation of the flattened jaxpr; operands are numbers of variables or constants."""

    equation: Any
    operands: tuple[int | Constant, ...]
    outputs: tuple[int, ...]


def wengert_list(closed: Any) -> WengertList:
    """Flatten a closed jaxpr with one output into operations."""
    flat = _Flat()
    inputs = tuple(flat.new() for _ in closed.jaxpr.invars)
    (result,) = flat.enter(closed.jaxpr, closed.consts, inputs)
    equations = _live(flat.equations, result)
    return _folded(equations, inputs, result)


def apply(equation: Any, values: Sequence[Any]) -> list[Any]:
    """The results of one equation, by JAX itself: a jaxpr that holds nothing else is evaluated."""
    inputs = [jex.Var(atom.aval) for atom in equation.invars]
    outputs = [jex.Var(var.aval) for var in equation.outvars]
    about = jex.DebugInfo(
        "trace",
        equation.primitive.name,
        tuple(f"operand{i}" for i in range(len(inputs))),
        tuple(f"result{i}" for i in range(len(outputs))),
    )
    alone = equation.replace(invars=inputs, outvars=outputs)
    jaxpr = jex.Jaxpr([], inputs, outputs, [alone], equation.effects, about)
    return list(jex.jaxpr_as_fun(jex.ClosedJaxpr(jaxpr, []))(*values))


class _Flat:
    """Equations with calls entered; those that only read constants are computed at once."""

    def __init__(self) -> None:
        self.equations: list[_Equation] = []
        self.count = 0

    def new(self) -> int:
        self.count += 1
        return self.count - 1

    def enter(
        self, jaxpr: Any, consts: Sequence[Any], arguments: Sequence[int | Constant]
    ) -> list[int | Constant]:
        known: dict[Any, int | Constant] = dict(zip(jaxpr.invars, arguments, strict=True))
        known |= {var: Constant(value) for var, value in zip(jaxpr.constvars, consts, strict=True)}

        def read(atom: Any) -> int | Constant:
            if isinstance(atom, jex.Literal):
                aval: Any = atom.aval
                return Constant(jnp.asarray(atom.val, aval.dtype))
            return known[atom]

        for equation in jaxpr.eqns:
            operands = [read(atom) for atom in equation.invars]
            known |= zip(equation.outvars, self._run(equation, operands), strict=True)
        return [read(atom) for atom in jaxpr.outvars]

    def _run(self, equation: Any, operands: list[int | Constant]) -> list[int | Constant]:
        if equation.primitive.name in _CALLS:
            inner = equation.params.get("jaxpr", equation.params.get("call_jaxpr"))
            return self.enter(*opened(inner), operands)
        constants = [operand for operand in operands if isinstance(operand, Constant)]
        if len(constants) == len(operands):
            return [Constant(value) for value in apply(equation, [c.value for c in constants])]
        outputs = tuple(self.new() for _ in equation.outvars)
        self.equations.append(_Equation(equation, tuple(operands), outputs))
        return list(outputs)


def opened(inner: Any) -> tuple[Any, Sequence[Any]]:
    """The jaxpr and the constants of a jaxpr in the parameters of a call, closed or not."""
    return getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()) or ()


def _live(equations: Sequence[_Equation], result: int | Constant) -> list[_Equation]:
    """The equations that the result depends on."""
    wanted: set[int | Constant] = {result}
    kept = []
    for equation in reversed(equations):
        if wanted & set(equation.outputs):
            wanted |= set(equation.operands)
            kept.append(equation)
    return kept[::-1]


def _folded(
    equations: Sequence[_Equation], inputs: tuple[int, ...], result: int | Constant
) -> WengertList:
    """Operations of the equations that compute; the others become views of what they read."""
    uses = Counter(operand for each in equations for operand in each.operands)
    uses[result] += 1
    views = {var: View(var) for var in inputs}
    operations: list[Operation] = []
    makers: dict[int, int] = {}  # variable that a selection made: the number of its operation

    def seen(operand: int | Constant) -> View | Constant:
        return operand if isinstance(operand, Constant) else views[operand]

    for each in equations:
        first = each.operands[0] if each.operands else None
        (out, *_) = each.outputs
        if isinstance(first, int) and _is_copy(each.equation):
            views[out] = views[first]
        elif isinstance(first, int) and _is_shape(each.equation):
            view, maker = views[first], makers.get(first)
            if maker is not None and uses[first] == 1:  # x[0]: a slice without its dimension
                before = operations[maker]
                operations[maker] = dataclasses.replace(
                    before, outputs={0: out}, tail=(*before.tail, each.equation)
                )
                views[out] = View(out)
                makers[out] = maker
            elif out == result:
                operations.append(Operation(each.equation, (view,), {0: out}))
                views[out] = View(out)
            else:
                views[out] = View(view.base, (*view.equations, each.equation))
        else:
            read = {i: var for i, var in enumerate(each.outputs) if uses[var]}
            operations.append(Operation(each.equation, tuple(map(seen, each.operands)), read))
            views |= {var: View(var) for var in each.outputs}
            if each.equation.primitive.name in _SELECTIONS:
                makers[out] = len(operations) - 1
    return WengertList(inputs, tuple(operations), seen(result))


def _is_copy(equation: Any) -> bool:
    """Whether the result is the operand, entry by entry and in the same dtype and shape."""
    source, target = equation.invars[0].aval, equation.outvars[0].aval
    name = equation.primitive.name
    same = source.shape == target.shape and source.dtype == target.dtype
    return same and name in _SHAPES | {"copy", "copy_p", "convert_element_type"}


def _is_shape(equation: Any) -> bool:
    """Whether an equation repeats entries or adds and drops dimensions of size 1, and no more."""
    source, target = equation.invars[0].aval, equation.outvars[0].aval
    name = equation.primitive.name
    if name == "broadcast_in_dim":
        return len(equation.invars) == 1
    long = [[size for size in aval.shape if size != 1] for aval in (source, target)]
    return name in _SHAPES and long[0] == long[1]


def is_inexact(value: Any) -> bool:
    """Whether a value can have a derivative: floating point, real or complex."""
    return bool(jnp.issubdtype(jax.dtypes.result_type(value), np.inexact))


def is_real(value: Any) -> bool:
    """Whether a value is real floating point, as points and results are."""
    return bool(jnp.issubdtype(jax.dtypes.result_type(value), np.floating))
