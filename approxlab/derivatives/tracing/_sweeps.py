"""The two sweeps over the operations of a Wengert list, and the names of the trace's steps."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.derivatives.tracing._steps import Contribution, TraceStep
from approxlab.derivatives.tracing._wengert_list import (
    Constant,
    Operation,
    View,
    WengertList,
    apply,
    is_inexact,
    opened,
)
from approxlab.derivatives.tracing._wording import Operand, Wording, constant, latex_name, worded

__all__ = ["Swept", "named", "output_name", "sweep"]


@dataclasses.dataclass(frozen=True, eq=False)
class Swept:
    """Numbers of every variable after both sweeps; a contribution names its step by a number."""

    values: dict[int, Any]
    tangents: dict[int, list[Any]]
    adjoints: dict[int, Any]
    added: dict[int, list[tuple[int | None, int, int, Any, Any, Any]]]
    value: Any
    value_tangents: list[Any]
    order: Iterator[int] = dataclasses.field(default_factory=itertools.count)


def sweep(
    run: WengertList, inputs: Sequence[Any], directions: Sequence[Sequence[Any]], cotangent: Any
) -> Swept:
    """Values and tangents from the first step to the last, adjoints from the last to the first."""
    values = dict(zip(run.inputs, inputs, strict=True))
    tangents = {var: [direction[i] for direction in directions] for i, var in enumerate(run.inputs)}
    for operation in run.operations:
        values |= zip(operation.outputs.values(), operation.local(())(values), strict=True)
        _forward(operation, values, tangents, len(directions))
    swept = Swept(values, tangents, {}, {}, None, [])
    if isinstance(run.output, Constant):
        value = run.output.value
        pushed = [jnp.zeros_like(value) for _ in directions]
    else:
        read, base = _reader(run.output), run.output.base
        value, pull = jax.vjp(read, values[base])
        pushed = [jax.jvp(read, [values[base]], [t])[1] for t in tangents[base]]
        _add(swept, base, None, 0, None, pull(cotangent)[0])
    for number, operation in reversed(list(enumerate(run.operations))):
        _reverse(number, operation, swept)
    for var, known in values.items():
        if is_inexact(known):
            swept.adjoints.setdefault(var, jnp.zeros_like(known))
    return dataclasses.replace(swept, value=value, value_tangents=pushed)


def _reader(view: View) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        for equation in view.equations:
            (value,) = apply(equation, [value])
        return value

    return read


def _smooth(
    operation: Operation, values: dict[int, Any]
) -> tuple[list[int], list[int], Callable[..., Any]]:
    """Operands and outputs that have derivatives, and the step as a function between them."""
    varied = [
        i
        for i, operand in enumerate(operation.operands)
        if isinstance(operand, View) and is_inexact(values[operand.base])
    ]
    outputs = list(operation.outputs.values())
    kept = [i for i, var in enumerate(outputs) if is_inexact(values[var])]
    local = operation.local(varied)

    def smooth(*moved: Any) -> tuple[Any, ...]:
        results = local(values, *moved)
        return tuple(results[i] for i in kept)

    return varied, [outputs[i] for i in kept], smooth


def _bases(operation: Operation, varied: Sequence[int]) -> list[int]:
    operands = [operation.operands[i] for i in varied]
    return [operand.base for operand in operands if isinstance(operand, View)]


def _forward(
    operation: Operation, values: dict[int, Any], tangents: dict[int, list[Any]], count: int
) -> None:
    varied, outputs, smooth = _smooth(operation, values)
    bases = _bases(operation, varied)
    if not count or not bases:
        tangents |= {var: [jnp.zeros_like(values[var])] * count for var in outputs}
        return
    at = [values[base] for base in bases]
    if count == 1:
        pushed = [[t] for t in _push(smooth, at, [tangents[base][0] for base in bases])]
    else:
        along = [np.stack([np.asarray(t) for t in tangents[base]]) for base in bases]
        pushed = [
            list(np.asarray(rows))
            for rows in jax.vmap(lambda *moved: _push(smooth, at, list(moved)))(*along)
        ]
    tangents |= zip(outputs, pushed, strict=True)


def _push(smooth: Callable[..., Any], at: list[Any], along: list[Any]) -> tuple[Any, ...]:
    """Tangents of a step; the transpose of its pullback where a custom_vjp leaves no other way."""
    try:
        return tuple(jax.jvp(smooth, at, along)[1])
    except TypeError as error:
        if "custom_vjp" not in str(error):
            raise
    outputs, pull = jax.vjp(smooth, *at)
    try:
        (moved,) = jax.linear_transpose(pull, outputs)(tuple(along))
    except Exception as error:
        raise ValueError(
            "f: got a function with a custom_vjp rule that is not linear in the cotangent, so it "
            "has no tangents. Pass seeds=() for adjoints only."
        ) from error
    return tuple(moved)


def _reverse(number: int, operation: Operation, swept: Swept) -> None:
    varied, outputs, smooth = _smooth(operation, swept.values)
    if not varied or not any(var in swept.adjoints for var in outputs):
        return
    bases = _bases(operation, varied)
    results, pull = jax.vjp(smooth, *(swept.values[base] for base in bases))
    cotangents = [
        swept.adjoints.get(var, jnp.zeros_like(result))
        for var, result in zip(outputs, results, strict=True)
    ]
    scalar = len(results) == 1 and results[0].shape == ()
    slopes = pull((jnp.ones_like(results[0]),)) if scalar else [None] * len(bases)
    read = [i for i, operand in enumerate(operation.operands) if isinstance(operand, View)]
    pulled = zip(varied, bases, slopes, pull(tuple(cotangents)), strict=True)
    for position, base, slope, contribution in pulled:
        local = slope if scalar and slope.shape == () else None
        _add(swept, base, number, read.index(position), local, contribution)


def _add(
    swept: Swept, var: int, number: int | None, position: int, local: Any, contribution: Any
) -> None:
    before = swept.adjoints.get(var)
    swept.adjoints[var] = contribution if before is None else before + contribution
    order = next(swept.order)
    swept.added.setdefault(var, []).append(
        (number, position, order, local, contribution, swept.adjoints[var])
    )


def named(
    run: WengertList,
    swept: Swept,
    names: Sequence[str],
    seeds: Sequence[str],
    labels: Sequence[str] | None,
) -> list[TraceStep]:
    """The lines of the trace, with their names and expressions."""
    makers = {var: operation for operation in run.operations for var in operation.outputs.values()}
    made = list(makers)
    if labels is not None and (isinstance(labels, str) or len(labels) != len(made)):
        raise ValueError(
            f"labels: got {labels!r}, expected {len(made)} names, one per step: "
            f"{', '.join(_wording(run, makers[var], var, {}, names).text for var in made)}."
        )
    order = [*run.inputs, *made]
    called = [*names, *(labels if labels is not None else [""] * len(made))]
    title = {var: f"v{i - len(names) + 1}" for i, var in enumerate(order)}
    symbol = {
        var: label if labels is not None else title[var]
        for var, label in zip(order, called, strict=True)
    }
    titles = {
        i: title[next(iter(operation.outputs.values()))]
        for i, operation in enumerate(run.operations)
    }
    steps = []
    for var, label in zip(order, called, strict=True):
        is_input = var in run.inputs
        said = (
            Wording(label, latex_name(label), "")
            if is_input
            else _wording(run, makers[var], var, symbol, names)
        )
        tangents = swept.tangents.get(var, [None] * len(seeds))
        steps.append(
            TraceStep(
                name=title[var],
                label=label,
                symbol=symbol[var],
                text=said.text,
                latex=said.latex,
                op=said.sign,
                operands=() if is_input else tuple(title[base] for base in _read(makers[var])),
                primal=np.asarray(swept.values[var]),
                tangents=tuple(None if t is None else np.asarray(t) for t in tangents),
                adjoint=np.asarray(swept.adjoints[var]) if var in swept.adjoints else None,
                contributions=tuple(
                    Contribution(
                        "seed" if number is None else titles[number],
                        position,
                        when,
                        None if local is None else np.asarray(local),
                        np.asarray(value),
                        np.asarray(so_far),
                    )
                    for number, position, when, local, value, so_far in swept.added.get(var, [])
                ),
            )
        )
    return steps


def output_name(run: WengertList, steps: Sequence[TraceStep]) -> str | None:
    """Name of the line that is returned."""
    if isinstance(run.output, Constant):
        return None
    order = [
        *run.inputs,
        *(var for operation in run.operations for var in operation.outputs.values()),
    ]
    return steps[order.index(run.output.base)].name


def _read(operation: Operation) -> list[int]:
    return [operand.base for operand in operation.operands if isinstance(operand, View)]


def _wording(
    run: WengertList, operation: Operation, var: int, symbol: dict[int, str], names: Sequence[str]
) -> Wording:
    """The expression of a step, with a dot for each operand that has no name yet."""
    equation = operation.equation
    known = symbol or dict(zip(run.inputs, names, strict=True))
    operands = []
    for operand, atom in zip(operation.operands, equation.invars, strict=True):
        if isinstance(operand, Constant):
            operands.append(constant(operand.value))
        else:
            name = known.get(operand.base, "·")
            operands.append(Operand(name, latex_name(name), rank=len(atom.aval.shape)))
    said = worded(_title(equation), equation.params, operands)
    if len(equation.outvars) > 1:
        part = next(i for i, output in operation.outputs.items() if output == var)
        said = Wording(f"{said.text}[{part}]", f"{said.latex}_{{[{part}]}}", said.sign)
    return said


def _title(equation: Any) -> str:
    """The name of a primitive; of a function with its own rule, or a call, that of the function."""
    name: str = equation.primitive.name
    inner = equation.params.get("call_jaxpr")
    if inner is None:
        return name
    about = getattr(opened(inner)[0], "debug_info", None)
    return str(getattr(about, "func_name", "") or name)
