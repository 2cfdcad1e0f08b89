"""Programs of squares as networks, and the rounding of these, layer by layer.

A square z^2 on [L, L + w] with m levels takes m layers, as in `square_deep`: with u = z - L and the
sawteeth G_0 = u, G_k = 2 G_{k-1} - 4 relu(G_{k-1} - w/2), it is (w + 2 L) u + L^2 minus the sum of
w G_k / 4^k. Signals that are finished are carried by linear units as long as they are used, and
what goes to the output is summed up in one linear unit.

Rounding. Weights are folded in fractions and rounded once. A row of n terms, summed in any order,
errs by rho <= (n + 1) u (|W| |v| + |b|), with u the unit roundoff (Higham 2002, section 4.2; second
orders are in a factor 1 + 2^-10); products by powers of two do not err, and copies neither. The
interpolant of z^2, continued beyond its interval, has slopes of at most 2 max(|L|, |U|), so an
error of z counts by that much. Sawteeth double the errors of earlier ones, and rows of a ReLU and
of its linear unit differ only by their own rho.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.constructions._relu_rounding import check_held
from approxlab.constructions._square_programs import Form, Plan, Square
from approxlab.networks.mlp import MLP, float_dtype

__all__ = ["relu2_network", "relu_network"]

Expression = tuple[Form, Fraction]  # of the units of one layer
_NOTHING: Expression = ({}, Fraction(0))


def relu_network(plan: Plan) -> tuple[MLP, float]:
    """The ReLU network of a plan, in the default dtype, and a bound of its rounding."""
    return _Layers(*_without_chords(plan), "relu").network()


def relu2_network(plan: Plan) -> tuple[MLP, float]:
    """The network of units relu(z)^2, in which z^2 = relu(z)^2 + relu(-z)^2 is exact."""
    squares = plan.program.squares
    output = (plan.program.output, plan.program.const)
    return _Layers(plan, squares, (1,) * len(squares), output, "relu2").network()


def _without_chords(plan: Plan) -> tuple[Plan, tuple[Square, ...], tuple[int, ...], Expression]:
    """Squares of level 0 written out, as they are affine; the others numbered anew."""
    dim = plan.program.box.dim
    meaning: dict[int, Expression] = {i: ({i: Fraction(1)}, Fraction(0)) for i in range(dim)}
    kept: list[Square] = []
    levels = []
    for i, (square, m) in enumerate(zip(plan.squares, plan.levels, strict=True)):
        form, const = _inserted((square.form, square.const), meaning)
        if m == 0:
            low, w = square.low, square.width
            lowered = w * w / 8 if plan.shifted else 0
            chord = _scaled((form, const - low), w + 2 * low)
            meaning[dim + i] = (chord[0], chord[1] + low**2 - lowered)
            continue
        meaning[dim + i] = ({dim + len(kept): Fraction(1)}, Fraction(0))
        kept.append(dataclasses.replace(square, form=form, const=const))
        levels.append(m)
    output = _inserted((plan.program.output, plan.program.const), meaning)
    return plan, tuple(kept), tuple(levels), output


def _scaled(expression: Expression, factor: Fraction) -> Expression:
    form, const = expression
    if not factor:
        return _NOTHING
    return {k: factor * v for k, v in form.items()}, factor * const


def _sum(*expressions: Expression) -> Expression:
    form: Form = {}
    const = Fraction(0)
    for part, shift in expressions:
        const += shift
        for k, v in part.items():
            form[k] = form.get(k, Fraction(0)) + v
    return {k: v for k, v in form.items() if v}, const


def _inserted(expression: Expression, meaning: Mapping[int, Expression]) -> Expression:
    form, const = expression
    return _sum(({}, const), *(_scaled(meaning[k], v) for k, v in form.items()))


@dataclasses.dataclass
class _Sawtooth:
    """Where a square stands in the current layer, with its errors; numbers of units."""

    given: float  # error of z, common to all units of the square
    tooth: Expression  # 2 G - 4 relu(G - w/2)
    total: Expression  # the partial sum
    tooth_error: float  # of the tooth, from rounding inside of the square
    total_error: float
    level: int = 1


class _Layers:
    """Layers, from the first to the last, as rows of fractions."""

    def __init__(
        self,
        plan: Plan,
        squares: tuple[Square, ...],
        levels: tuple[int, ...],
        output: Expression,
        activation: str,
    ) -> None:
        self.squares, self.levels, self.activation = squares, levels, activation
        self.output, self.shifted = output, plan.shifted
        self.box = plan.program.box
        self.dtype = np.dtype(float_dtype(None))
        info = np.finfo(self.dtype)
        self.eps, self.tiny = float(info.eps), float(info.tiny)
        dim = self.box.dim
        sides = [max(abs(a), abs(b)) for a, b in zip(self.box.lower, self.box.upper, strict=True)]
        self.sizes = dict(enumerate(sides))  # of signals
        self.errors = {i: 0.5 * self.eps * side for i, side in enumerate(sides)}
        self.known: dict[int, Expression] = {i: ({i: Fraction(1)}, Fraction(0)) for i in range(dim)}
        self.reach = [side * (1.0 + self.eps) for side in sides]  # of the units one layer below
        self.sum, self.sum_error, self.sum_size = _NOTHING, 0.0, 0.0
        self.weights: list[np.ndarray] = []
        self.biases: list[np.ndarray] = []
        self.linear: list[int] = []
        self.teeth: dict[int, _Sawtooth] = {}
        self._schedule(dim)

    def _schedule(self, dim: int) -> None:
        """The first and the last layer of each signal; the last square that uses it."""
        self.first, self.last = dict.fromkeys(range(dim), 0), dict.fromkeys(range(dim), 0)
        self.used = dict.fromkeys(range(dim + len(self.squares)), 0)
        for i, (square, m) in enumerate(zip(self.squares, self.levels, strict=True)):
            start = 1 + max((self.last[s] for s in square.form), default=0)
            self.first[dim + i], self.last[dim + i] = start, start + m - 1
            for s in square.form:
                self.used[s] = max(self.used[s], start)
        self.depth = max(self.last.values())

    def network(self) -> tuple[MLP, float]:
        """The network, and the bound of its rounding."""
        for layer in range(1, self.depth + 1):
            self._layer(layer)
        self._collect(self.depth)
        last = _sum(self.sum, ({}, self.output[1]))
        error = self.sum_error + self._rho(*last)
        self._append([last])
        largest = max(float(np.max(np.abs(a), initial=0.0)) for a in (*self.weights, *self.biases))
        check_held("domain", self.box, max(largest, self.largest, error))
        network = MLP.from_arrays(
            self.weights, self.biases, self.activation, passthrough=tuple(self.linear)
        )
        return network, error

    largest = 0.0

    def _layer(self, layer: int) -> None:
        dim = self.box.dim
        active = [s for s in range(dim, dim + len(self.squares)) if self._runs(s, layer)]
        self.bent: list[tuple[Expression, float]] = []
        self.straight: list[tuple[Expression, float]] = []
        each = 1 if self.activation == "relu" else 2
        self.num_bent = each * len(active)
        self._collect(layer - 1)
        known = dict(self.known)
        step = self._tooth if self.activation == "relu" else self._square
        for s in active:
            step(s, layer, known)
        for s, expression in known.items():
            if self.last[s] < layer < self.used[s]:
                self.errors[s] += self._rho(*expression)
                self.known[s] = self._linear(expression, self.sizes[s] + self.errors[s])
            elif self.last[s] < layer:
                self.known.pop(s, None)
        if self.sum[0]:
            self.sum_error += self._rho(*self.sum)
            self.sum = self._linear(self.sum, self.sum_size + self.sum_error)
        self._append([e for e, _ in (*self.bent, *self.straight)])
        self.linear.append(len(self.straight))
        self.reach = [size for _, size in (*self.bent, *self.straight)]
        self.largest = max(self.largest, *self.reach)

    def _runs(self, s: int, layer: int) -> bool:
        return self.first[s] <= layer <= self.last[s]

    def _collect(self, layer: int) -> None:
        """Add to the sum what is in the output and was finished in this layer."""
        for s, factor in self.output[0].items():
            if self.last[s] == layer:
                self.sum = _sum(self.sum, _scaled(self.known[s], factor))
                size = abs(float(factor))
                self.sum_error += size * self.errors[s]
                self.sum_size += size * self.sizes[s]

    def _given(self, s: int, known: dict[int, Expression]) -> tuple[Square, Expression, float]:
        square = self.squares[s - self.box.dim]
        z = _inserted((square.form, square.const), known)
        return square, z, sum(abs(float(c)) * self.errors[k] for k, c in square.form.items())

    def _tooth(self, s: int, layer: int, known: dict[int, Expression]) -> None:
        """One level of a square: a ReLU, the sawtooth, and from the second on the partial sum."""
        if self.first[s] == layer:
            square, (row, const), given = self._given(s, known)
            # The slope of the chord; u itself is the first sawtooth.
            state = _Sawtooth(given, (row, const - square.low), _NOTHING, 0.0, 0.0)
            whole = square.width + 2 * square.low
        else:
            square, state, whole = self.squares[s - self.box.dim], self.teeth[s], Fraction(0)
        w, k, low = square.width, state.level, square.low
        width, steep = float(w), 2.0 * float(square.most)
        corner = _sum(state.tooth, ({}, -w / 2))
        rough = width * (1.0 + 2.0**-6) + state.tooth_error + 2.0 ** (k - 1) * state.given
        rho, rho_corner = self._rho(*state.tooth, rough), self._rho(*corner, rough)
        error = state.tooth_error + rho
        size = width + error + 2.0 ** (k - 1) * state.given
        tooth = self._linear(state.tooth, size)
        peak = self._nonlinear(corner, size + rho_corner)
        total, lost = state.total, state.total_error
        if total[0]:
            lost += self._rho(*total)
            bound = float(max(low**2, abs(square.high**2 - low**2)))
            total = self._linear(total, bound + lost + steep * state.given)
        if whole:
            total, lost = _scaled(tooth, whole), lost + abs(float(whole)) * error
        after = _sum(_scaled(tooth, Fraction(2)), _scaled(peak, Fraction(-4)))
        after_error = 2.0 * error + 4.0 * (rho + rho_corner)
        part = w / 4**k
        total, lost = _sum(total, _scaled(after, -part)), lost + float(part) * after_error
        self.teeth[s] = _Sawtooth(state.given, after, total, after_error, lost, k + 1)
        if self.last[s] == layer:
            lowered = w * w / (8 * 4**k) if self.shifted else Fraction(0)
            self.known[s] = _sum(total, ({}, low**2 - lowered))
            self.errors[s] = lost + steep * state.given
            self.sizes[s] = float(square.most**2 + w * w / (4 * 4**k))

    def _square(self, s: int, layer: int, known: dict[int, Expression]) -> None:
        """z^2 as two units of relu2."""
        square, z, given = self._given(s, known)
        error, most = given + self._rho(*z), float(square.most)
        size = (most + error) ** 2
        left, right = _scaled(z, Fraction(-1)), z
        self.known[s] = _sum(self._nonlinear(left, size), self._nonlinear(right, size))
        self.errors[s] = (2.0 * most + error) * error + 2.0 * self.eps * size + self.tiny
        self.sizes[s] = most**2

    def _nonlinear(self, expression: Expression, size: float) -> Expression:
        self.bent.append((expression, size))
        return {len(self.bent) - 1: Fraction(1)}, Fraction(0)

    def _linear(self, expression: Expression, size: float) -> Expression:
        self.straight.append((expression, size))
        return {self.num_bent + len(self.straight) - 1: Fraction(1)}, Fraction(0)

    def _rho(self, row: Form, bias: Fraction, size: float | None = None) -> float:
        """Rounding of one row, of its weights and of its evaluation; `size` bounds its value."""
        if not bias and len(row) <= 1 and all(abs(v) == 1 for v in row.values()):
            return 0.0
        terms = [(abs(float(v)) * self.reach[k], v) for k, v in row.items()]
        terms += [(abs(float(bias)), Fraction(1))] if bias else []
        whole = sum(term for term, _ in terms)
        # Each addition but the last one may be of partial sums as large as all terms together.
        adds = len(terms) - 1
        lost = max(adds - 1, 0) * whole + (min(whole, size or whole) if adds else 0.0)
        # Weights are rounded when stored, and so are products.
        lost += sum(2.0 * term for term, v in terms if not _is_power_of_two(v))
        lost += 0.0 if self._held(bias) else abs(float(bias))
        return 0.5 * self.eps * (1.0 + 2.0**-10) * lost + 4.0 * len(terms) * self.tiny

    def _held(self, value: Fraction) -> bool:
        """Whether the dtype holds a number as it is."""
        return Fraction(float(self.dtype.type(float(value)))) == value

    def _append(self, rows: list[Expression]) -> None:
        weight = np.zeros((len(rows), len(self.reach)))
        for i, (row, _) in enumerate(rows):
            for k, v in row.items():
                weight[i, k] = _as_float(v)
        self.weights.append(weight)
        self.biases.append(np.array([_as_float(bias) for _, bias in rows]))


def _is_power_of_two(value: Fraction) -> bool:
    top, bottom = abs(value.numerator), value.denominator
    return top & (top - 1) == 0 and bottom & (bottom - 1) == 0


def _as_float(value: Any) -> float:
    try:
        return float(value)
    except OverflowError:
        return float("inf")
