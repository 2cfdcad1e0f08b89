"""The lines of a trace: its steps, and what each adds to the adjoints of the variables it reads."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Contribution", "TraceStep"]


@dataclasses.dataclass(frozen=True, eq=False)
class Contribution:
    """The term that one step adds to the adjoint of a variable that it reads.

    Attributes:
        source: Name of the step; "seed" for the cotangent of the output.
        position: Which operand of that step the variable is.
        order: When the reverse sweep adds it; the seed is 0.
        local: Derivative of the step by that operand where both are scalars, else None.
        value: The term: the adjoint of the step times its derivative.
        so_far: The adjoint of the variable after the addition.
    """

    source: str
    position: int
    order: int
    local: np.ndarray | None
    value: np.ndarray
    so_far: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class TraceStep:
    """One line of a trace: an input, or what a primitive makes of earlier lines.

    Attributes:
        name: "v-1", "v0" for inputs, then "v1", "v2", ...
        label: The caller's name for it, such as "x1" or "t0"; "" if there is none.
        symbol: The one of the two that expressions use.
        text: The expression, such as "ln v-1" or "v1 + v2"; the label for an input.
        latex: The same in LaTeX.
        op: The sign in the node of a graph, such as "+", "×2" or "ln"; "" for an input.
        operands: Names of the lines that it reads, in order, constants left out.
        primal: Its value.
        tangents: Its tangents, one per seed; None for integers and booleans.
        adjoint: Its adjoint: the sum of its contributions; None for integers and booleans.
        contributions: The terms of the adjoint, in the order of the reverse sweep.
    """

    name: str
    label: str
    symbol: str
    text: str
    latex: str
    op: str
    operands: tuple[str, ...]
    primal: np.ndarray
    tangents: tuple[np.ndarray | None, ...]
    adjoint: np.ndarray | None
    contributions: tuple[Contribution, ...]
