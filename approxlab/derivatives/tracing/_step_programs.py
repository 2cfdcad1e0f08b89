"""What a step computes, traced once for all steps that are alike.

A step is run and differentiated by JAX. To do so anew for each of thousands of steps takes far
longer than their numbers, so steps of the same equation, shapes and dtypes share three jaxprs:
values, tangents and the reverse sweep. They are evaluated equation by equation, never compiled as a
whole, since a compiler that fuses operations rounds elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.extend.core as jex
import jax.numpy as jnp

from approxlab.derivatives.tracing._wengert_list import (
    Constant,
    Operation,
    View,
    apply,
    is_inexact,
)

__all__ = ["Step", "StepPrograms", "read"]

Values = dict[int, Any]
_Run = Callable[..., Any]


class StepPrograms:
    """The programs of the steps of one trace; they are dropped together with it."""

    def __init__(self) -> None:
        self._known: dict[Any, Step] = {}

    def of(self, operation: Operation, values: Values) -> Step:
        """The program of a step at these values: that of an earlier step where they are alike."""
        given = read(operation, values)
        key = _signature(operation, given)
        if key is None:
            return Step(operation, given, shared=False)
        if key not in self._known:
            self._known[key] = Step(operation, given, shared=True)
        return self._known[key]


class Step:
    """A step as a function of the values that it reads, constants included.

    Attributes:
        varied: Which of its operands have derivatives.
        kept: Which of its outputs have.
    """

    def __init__(self, operation: Operation, given: Sequence[Any], *, shared: bool) -> None:
        self._operation = operation  # of the first step of this kind
        self._shared = shared
        self._traced: dict[Any, _Run] = {}
        views = [isinstance(operand, View) for operand in operation.operands]
        self.varied = [i for i, x in enumerate(given) if views[i] and is_inexact(x)]
        self.kept = [i for i, x in enumerate(self.values(given)) if is_inexact(x)]

    def values(self, given: Sequence[Any]) -> list[Any]:
        """All outputs."""
        found: list[Any] = self._run("values", self._all, list(given))
        return found

    def pushed(self, given: Sequence[Any], along: Sequence[Any]) -> list[Any]:
        """Tangents of the outputs that have some, for one tangent of every varied operand."""
        found: list[Any] = self._run("pushed", self._push, list(given), list(along))
        return found

    def pushed_together(self, given: Sequence[Any], along: Sequence[Any]) -> list[Any]:
        """The same for several tangents, stacked on the first axis."""

        def push(given: list[Any], along: list[Any]) -> list[Any]:
            return jax.vmap(lambda *moved: self._push(given, list(moved)))(*along)

        found: list[Any] = self._run("together", push, list(given), list(along))
        return found

    def pulled(
        self, given: Sequence[Any], cotangents: Sequence[Any]
    ) -> tuple[list[Any], list[Any]]:
        """For every varied operand its derivative, where the step is a scalar, and its term."""
        found: tuple[list[Any], list[Any]] = self._run(
            "pulled", self._pull, list(given), list(cotangents)
        )
        return found

    def _run(self, name: str, function: _Run, *arguments: Any) -> Any:
        if not self._shared:
            return function(*arguments)
        if name not in self._traced:
            # A rule may ask for the numbers behind an array, which a tracer does not have.
            try:
                self._traced[name] = _traced(function, *arguments)
            except Exception:  # whatever a rule raises; where it is no matter of tracing, again
                self._traced[name] = function
        return self._traced[name](*arguments)

    def _all(self, given: list[Any]) -> list[Any]:
        operands = []
        for operand, value in zip(self._operation.operands, given, strict=True):
            for equation in operand.equations if isinstance(operand, View) else ():
                (value,) = apply(equation, [value])
            operands.append(value)
        results = apply(self._operation.equation, operands)
        for equation in self._operation.tail:
            results = apply(equation, results)
        return [results[position] for position in self._operation.outputs]

    def _smooth(self, given: list[Any]) -> Callable[..., tuple[Any, ...]]:
        """The outputs that have derivatives, as a function of the operands that have."""

        def smooth(*moved: Any) -> tuple[Any, ...]:
            at = list(given)
            for position, value in zip(self.varied, moved, strict=True):
                at[position] = value
            results = self._all(at)
            return tuple(results[i] for i in self.kept)

        return smooth

    def _push(self, given: list[Any], along: list[Any]) -> list[Any]:
        """Tangents; the transpose of the pullback where a custom_vjp leaves no other way."""
        smooth, at = self._smooth(given), [given[i] for i in self.varied]
        try:
            return list(jax.jvp(smooth, at, along)[1])
        except TypeError as error:
            if "custom_vjp" not in str(error):
                raise
        outputs, pull = jax.vjp(smooth, *at)
        try:
            (moved,) = jax.linear_transpose(pull, outputs)(tuple(along))
        except Exception as error:
            raise ValueError(
                "f: got a function with a custom_vjp rule that is not linear in the cotangent, so "
                "it has no tangents. Pass seeds=() for adjoints only."
            ) from error
        return list(moved)

    def _pull(self, given: list[Any], cotangents: list[Any]) -> tuple[list[Any], list[Any]]:
        results, pull = jax.vjp(self._smooth(given), *(given[i] for i in self.varied))
        scalar = len(results) == 1 and results[0].shape == ()
        slopes = list(pull((jnp.ones_like(results[0]),))) if scalar else []
        slopes = [slope if slope.shape == () else None for slope in slopes]
        return slopes or [None] * len(self.varied), list(pull(tuple(cotangents)))


def read(operation: Operation, values: Values) -> list[Any]:
    """What a step reads, before any change of shape."""
    return [
        operand.value if isinstance(operand, Constant) else values[operand.base]
        for operand in operation.operands
    ]


def _signature(operation: Operation, given: Sequence[Any]) -> Any:
    """Equal for steps that are alike; None for a step that shares nothing.

    A rule of `custom_vjp` is plain Python when it runs backwards, and an effect is wanted at every
    step.
    """
    equations = [operation.equation, *operation.tail]
    views = []
    for operand in operation.operands:
        inner = operand.equations if isinstance(operand, View) else None
        views.append(None if inner is None else tuple(map(_form, inner)))
        equations += inner or ()
    if any(each.effects or "custom_vjp" in each.primitive.name for each in equations):
        return None
    own = (_form(operation.equation), tuple(map(_form, operation.tail)))
    key = (own, tuple(operation.outputs), tuple(views), tuple(jax.typeof(x) for x in given))
    try:
        hash(key)
    except TypeError:  # an array among the parameters
        return None
    return key


def _form(equation: Any) -> Any:
    """An equation without its variables."""
    avals = tuple(atom.aval for atom in (*equation.invars, *equation.outvars))
    return equation.primitive, tuple(sorted(equation.params.items())), avals, equation.ctx


def _traced(function: _Run, *arguments: Any) -> _Run:
    """The function as a jaxpr without equations that nobody reads, evaluated one by one."""
    closed, shape = jax.make_jaxpr(function, return_shape=True)(*arguments)
    run = jex.jaxpr_as_fun(jex.ClosedJaxpr(_needed(closed.jaxpr), closed.consts))
    structure: Any = jax.tree.structure(shape)

    dtypes = [atom.aval.dtype for atom in closed.jaxpr.outvars]

    def traced(*given: Any) -> Any:
        found = zip(run(*jax.tree.leaves(given)), dtypes, strict=True)
        # A literal, such as the derivative of a sum, comes as a number of Python.
        leaves = [x if isinstance(x, jax.Array) else jnp.asarray(x, dtype) for x, dtype in found]
        return jax.tree.unflatten(structure, leaves)

    return traced


def _needed(jaxpr: Any) -> Any:
    wanted = {atom for atom in jaxpr.outvars if not isinstance(atom, jex.Literal)}
    kept = []
    for equation in reversed(jaxpr.eqns):
        if equation.effects or not wanted.isdisjoint(equation.outvars):
            wanted |= {atom for atom in equation.invars if not isinstance(atom, jex.Literal)}
            kept.append(equation)
    return jaxpr.replace(eqns=kept[::-1])
