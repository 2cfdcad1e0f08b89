"""Polynomials as programs of squares, and the error when each square is piecewise linear.

A program computes signals: first the inputs x_1, ..., x_d, then squares z^2 of affine forms z of
earlier signals; its output is an affine form of all. Products are differences of squares.

In place of z^2 on [L, U], of width w, stands the interpolant at 2^m + 1 equally spaced points,
which is above z^2 by at most w^2 4^-m / 4; lowered by half of that it errs by at most w^2 4^-m / 8
to both sides. A form that errs by a moves its square by at most a (|z| + |z'|), and L, U are moved
outwards by a, so that the computed z' stays inside. Both are summed from signal to signal.
"""

from __future__ import annotations

import dataclasses
import heapq
import math
from collections.abc import Sequence
from fractions import Fraction

from approxlab.domains import Box

__all__ = [
    "Form",
    "Plan",
    "Program",
    "Square",
    "allocated",
    "around",
    "combined",
    "planned",
    "upwards",
]

Form = dict[int, Fraction]

_MOST_LEVELS = 60  # of one square: 4^-60 is far below every rounding


@dataclasses.dataclass(frozen=True)
class Square:
    """The square of an affine form of earlier signals, whose exact values are in [low, high]."""

    form: Form
    const: Fraction
    low: Fraction
    high: Fraction

    @property
    def width(self) -> Fraction:
        """Length of the range of the form."""
        return self.high - self.low

    @property
    def most(self) -> Fraction:
        """The largest size of the form."""
        return max(abs(self.low), abs(self.high))


@dataclasses.dataclass(frozen=True)
class Program:
    """Squares in an order in which each uses earlier signals, and the output.

    Attributes:
        box: Of the inputs.
        squares: Signal number `box.dim + i` is square i.
        output: Coefficients of the signals in the output.
        const: The constant of the output.
        defect: Bound of the distance of the output from the target if all squares are exact.
    """

    box: Box
    squares: tuple[Square, ...]
    output: Form
    const: Fraction
    defect: Fraction = Fraction(0)


@dataclasses.dataclass(frozen=True)
class Plan:
    """A program with levels for each of its squares, and what is proved of it.

    Attributes:
        levels: m of each square; 0 is a chord, which needs no unit.
        squares: The squares, with the ranges of the computed forms.
        shifted: Whether the interpolants are lowered by half of their error.
        below, above: The output errs by a number from -below to above, in exact arithmetic.
    """

    program: Program
    levels: tuple[int, ...]
    squares: tuple[Square, ...]
    shifted: bool
    below: Fraction
    above: Fraction

    @property
    def error(self) -> Fraction:
        """Bound of the sup error in exact arithmetic."""
        return max(self.below, self.above)

    @property
    def units(self) -> int:
        """Number of ReLUs: one for each level."""
        return sum(self.levels)


def upwards(value: Fraction) -> Fraction:
    """The next number of float64, as a fraction: short numerators where many are multiplied."""
    near = float(value)
    return Fraction(near if Fraction(near) >= value else math.nextafter(near, math.inf))


def around(low: Fraction, high: Fraction) -> tuple[Fraction, Fraction]:
    """A slightly wider range whose ends are short numbers, which every dtype holds."""
    if low == high:
        return low, high
    largest = float(max(high - low, abs(low), abs(high)))
    grid = Fraction(2) ** (math.frexp(float(high - low))[1] - 13)
    grid = max(grid, Fraction(2) ** (math.frexp(largest)[1] - 22))
    return math.floor(low / grid) * grid, math.ceil(high / grid) * grid


def combined(form: Form, errors: Sequence[tuple[Fraction, Fraction]]) -> tuple[Fraction, Fraction]:
    """How far a form is moved down and up by errors (below, above) of its signals."""
    below = above = Fraction(0)
    for signal, factor in form.items():
        down, up = errors[signal]
        if factor < 0:
            down, up = up, down
        below, above = below + abs(factor) * down, above + abs(factor) * up
    return below, above


def planned(program: Program, levels: Sequence[int], shifted: bool = True) -> Plan:
    """Errors of all signals, forwards."""
    errors = [(Fraction(0), Fraction(0))] * program.box.dim
    squares = []
    for square, m in zip(program.squares, levels, strict=True):
        below, above = combined(square.form, errors)
        moved, wide = max(below, above), square
        if moved:
            low, high = around(square.low - below, square.high + above)
            wide = dataclasses.replace(square, low=low, high=high)
            moved = upwards(moved * (square.most + wide.most))
        squares.append(wide)
        half = wide.width**2 / (8 * 4**m)
        errors.append((half + moved, half + moved) if shifted else (moved, 2 * half + moved))
    below, above = combined(program.output, errors)
    below, above = below + program.defect, above + program.defect
    return Plan(program, tuple(levels), tuple(squares), shifted, below, above)


def allocated(program: Program, eps: float) -> Plan | None:
    """Levels with as few units as possible for an error of eps, to first order in the errors.

    The share of square i is weight_i 4^(-m_i): one more unit divides it by 4, so a unit is always
    given to the largest share. None where the defect of the program is too large.
    """
    limit = Fraction(eps)
    if not program.defect < limit:
        return None
    shares = [(-share, i) for i, share in enumerate(_shares(program))]
    levels = [0] * len(shares)
    total = -sum(share for share, _ in shares)
    room = float(limit - program.defect)
    heapq.heapify(shares)
    while total > room * (1 - 1e-9):
        _refine(shares, levels)
        total = -sum(share for share, _ in shares)
        if max(levels) > _MOST_LEVELS:
            return None
    plan = planned(program, levels)
    while plan.error > limit:
        if not shares or max(levels) > _MOST_LEVELS:
            return None
        _refine(shares, levels)
        plan = planned(program, levels)
    return plan


def _refine(shares: list[tuple[float, int]], levels: list[int]) -> None:
    share, i = shares[0]
    levels[i] += 1
    heapq.heapreplace(shares, (share / 4, i))


def _shares(program: Program) -> list[float]:
    """What each square adds to the error of the output at level 0, to first order."""
    dim = program.box.dim
    weights = [abs(float(program.output.get(dim + i, 0))) for i in range(len(program.squares))]
    for i in range(len(program.squares) - 1, -1, -1):
        square = program.squares[i]
        for signal, factor in square.form.items():
            if signal >= dim:
                weights[signal - dim] += weights[i] * 2.0 * float(square.most * abs(factor))
    return [
        weight * float(square.width) ** 2 / 8
        for weight, square in zip(weights, program.squares, strict=True)
    ]
