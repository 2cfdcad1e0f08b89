"""The two sweeps over the operations of a Wengert list, and the names of the trace's steps."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.derivatives.tracing._step_programs import Step, StepPrograms, read
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
    tangents: dict[int, Any]
    adjoints: dict[int, Any]
    added: dict[int, list[tuple[int | None, int, int, Any, Any, Any]]]
    value: Any
    value_tangents: list[Any]
    order: Iterator[int] = dataclasses.field(default_factory=itertools.count)


def sweep(
    run: WengertList, inputs: Sequence[Any], directions: Sequence[Sequence[Any]], cotangent: Any
) -> Swept:
    """Values and tangents from the first step to the last, adjoints from the last to the first."""
    programs, count = StepPrograms(), len(directions)
    values = dict(zip(run.inputs, inputs, strict=True))
    tangents: dict[int, Any] = {
        var: [each[i] for each in directions] for i, var in enumerate(run.inputs)
    }
    if count > 1:
        tangents = {var: np.stack([np.asarray(t) for t in each]) for var, each in tangents.items()}
    steps = []
    for operation in run.operations:
        steps.append(programs.of(operation, values))
        given = read(operation, values)
        values |= zip(operation.outputs.values(), steps[-1].values(given), strict=True)
        _forward(operation, steps[-1], values, tangents, count)
    swept = Swept(values, tangents, {}, {}, None, [])
    if isinstance(run.output, Constant):
        value = run.output.value
        pushed = [jnp.zeros_like(value) for _ in directions]
    else:
        reader, base = _reader(run.output), run.output.base
        value, pull = jax.vjp(reader, values[base])
        pushed = [reader(jnp.asarray(t)) for t in tangents[base]]  # it changes the shape alone
        _add(swept, base, None, 0, None, pull(cotangent)[0])
    for number, (operation, step) in reversed(
        list(enumerate(zip(run.operations, steps, strict=True)))
    ):
        _reverse(number, operation, step, swept)
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


def _places(operation: Operation, step: Step) -> tuple[list[int], list[int]]:
    """The variables with derivatives that a step reads, and those that it makes."""
    outputs = list(operation.outputs.values())
    operands = [operation.operands[i] for i in step.varied]
    bases = [operand.base for operand in operands if isinstance(operand, View)]
    return bases, [outputs[i] for i in step.kept]


def _forward(
    operation: Operation, step: Step, values: dict[int, Any], tangents: dict[int, Any], count: int
) -> None:
    """Tangents of a step: a list of one of them, or several in one array of the host."""
    bases, outputs = _places(operation, step)
    if not count or not bases:
        for var in outputs:
            zero = jnp.zeros_like(values[var])
            tangents[var] = [zero] * count if count < 2 else np.stack([np.asarray(zero)] * count)
        return
    given = read(operation, values)
    if count == 1:
        pushed: Any = [[t] for t in step.pushed(given, [tangents[base][0] for base in bases])]
    else:
        together = step.pushed_together(given, [tangents[base] for base in bases])
        pushed = [np.asarray(each) for each in together]
    tangents |= zip(outputs, pushed, strict=True)


def _reverse(number: int, operation: Operation, step: Step, swept: Swept) -> None:
    bases, outputs = _places(operation, step)
    if not bases or not any(var in swept.adjoints for var in outputs):
        return
    cotangents = [
        swept.adjoints[var] if var in swept.adjoints else jnp.zeros_like(swept.values[var])
        for var in outputs
    ]
    slopes, terms = step.pulled(read(operation, swept.values), cotangents)
    views = [i for i, operand in enumerate(operation.operands) if isinstance(operand, View)]
    for position, base, slope, term in zip(step.varied, bases, slopes, terms, strict=True):
        _add(swept, base, number, views.index(position), slope, term)


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
        is_input = var not in makers
        said = (
            Wording(label, latex_name(label), "")
            if is_input
            else _wording(run, makers[var], var, symbol, names)
        )
        has = var in swept.tangents
        tangents = swept.tangents.get(var, ())
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
                tangents=tuple(map(np.asarray, tangents)) if has else (None,) * len(seeds),
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
