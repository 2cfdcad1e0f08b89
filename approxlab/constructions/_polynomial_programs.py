"""Polynomials of one variable as programs of few squares.

With t in [-1, 1] the position on the interval, T_2j = 2 T_j^2 - 1, and for a + b = j, b = a + 1

    T_j = (T_a + T_b)^2 - (T_2a + T_2b) / 2 - T_1 - 1,

so T_2, ..., T_k take one square each (the last one two, if k is odd). From T_1, ..., T_k a
polynomial P of degree 2k is s Q^2 + R, where s is the sign of the leading coefficient and Q, R have
degree k: Q is the polynomial part of the square root of |P|. So degree 10 takes six squares, where
Horner's rule takes nine products, that is, eighteen squares. A small leading coefficient makes Q
large; then, and for odd degrees, c T_2k is added and taken off again.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from fractions import Fraction

from approxlab.constructions._chebyshev_forms import (
    Series,
    added,
    multiplied,
    range_of,
    trimmed,
)
from approxlab.constructions._square_programs import (
    Form,
    Plan,
    Program,
    Square,
    allocated,
    around,
)
from approxlab.domains import Box

__all__ = ["SCHEMES", "Programs", "cheapest", "polynomial_programs", "power_programs"]

SCHEMES = ("auto", "direct", "horner", "clenshaw")


@dataclasses.dataclass(frozen=True)
class Value:
    """An affine form of signals, and the polynomial that it is if all squares are exact."""

    form: Form
    const: Fraction
    series: Series

    def plus(self, other: Value, factor: Fraction | int = 1) -> Value:
        """This value plus a multiple of another one."""
        form = dict(self.form)
        for k, v in other.form.items():
            form[k] = form.get(k, Fraction(0)) + factor * v
        form = {k: v for k, v in form.items() if v}
        const = self.const + factor * other.const
        return Value(form, const, added(self.series, other.series, factor))

    def times(self, factor: Fraction | int) -> Value:
        """A multiple of this value."""
        return _ZERO.plus(self, factor)

    def shifted(self, by: Fraction) -> Value:
        """This value plus a number."""
        return self.plus(Value({}, Fraction(1), (Fraction(1),)), by)


_ZERO = Value({}, Fraction(0), (Fraction(0),))


class Programs:
    """A program that grows, on one interval."""

    def __init__(self, box: Box) -> None:
        low, high = Fraction(box.lower[0]), Fraction(box.upper[0])
        self.box, self.squares = box, list[Square]()
        self.center, self.half = (low + high) / 2, (high - low) / 2
        position = (Fraction(0), Fraction(1))
        self.x = Value({0: Fraction(1)}, Fraction(0), added((self.center,), position, self.half))
        self.t = self.x.shifted(-self.center).times(1 / self.half)
        self.chebyshev = {0: _ZERO.shifted(Fraction(1)), 1: self.t}

    def square(self, value: Value, ends: tuple[Fraction, Fraction] | None = None) -> Value:
        """The square of a value, as a new signal; `ends` is the range, where it is known."""
        low, high = around(*range_of(value.series)) if ends is None else ends
        self.squares.append(Square(value.form, value.const, low, high))
        signal = self.box.dim + len(self.squares) - 1
        return Value({signal: Fraction(1)}, Fraction(0), multiplied(value.series, value.series))

    def product(self, first: Value, second: Value) -> Value:
        """The product, from two squares of forms that are scaled to sizes of about 1."""
        centers, halves, units = [], [], []
        for value in (first, second):
            low, high = range_of(value.series)
            center, half = (low + high) / 2, (high - low) / 2
            if not half:
                other = second if value is first else first
                return other.times(low)
            half = Fraction(2) ** round(math.log2(half)) if half else Fraction(1)
            centers.append(center)
            halves.append(half)
            units.append(value.shifted(-center).times(1 / half))
        plus = self.square(units[0].plus(units[1]))
        minus = self.square(units[0].plus(units[1], -1))
        out = plus.plus(minus, -1).times(halves[0] * halves[1] / 4)
        out = out.plus(first, centers[1]).plus(second, centers[0])
        return out.shifted(-centers[0] * centers[1])

    def t_square(self) -> Value:
        """t^2, from the square of x - center, which needs no division."""
        ends = (-self.half, self.half)
        return self.square(self.x.shifted(-self.center), ends).times(1 / self.half**2)

    def cheb(self, j: int) -> Value:
        """T_j, from squares of earlier ones."""
        if j not in self.chebyshev:
            if j == 2:
                self.chebyshev[j] = self.t_square().times(2).shifted(Fraction(-1))
            elif j % 2 == 0:
                ends = (Fraction(-1), Fraction(1))
                square = self.square(self.cheb(j // 2), ends)
                self.chebyshev[j] = square.times(2).shifted(Fraction(-1))
            else:
                a, b = j // 2, j // 2 + 1
                doubles = self.cheb(2 * a).plus(self.cheb(2 * b))
                both = self.square(self.cheb(a).plus(self.cheb(b)))
                value = both.plus(doubles, Fraction(-1, 2)).plus(self.t, -1)
                self.chebyshev[j] = value.shifted(Fraction(-1))
        return self.chebyshev[j]

    def combination(self, series: Series) -> Value:
        """The sum of c_j T_j."""
        total = _ZERO
        for j, c in enumerate(series):
            if c:
                total = total.plus(self.cheb(j), c)
        return total

    def finished(self, output: Value, wanted: Series) -> Program:
        """The program of an output, with its distance from the wanted polynomial."""
        left = added(wanted, output.series, -1)
        defect = sum((abs(c) for c in left), Fraction(0))
        return Program(self.box, tuple(self.squares), output.form, output.const, defect)


def polynomial_programs(series: Series, box: Box, scheme: str = "auto") -> Iterator[Program]:
    """Programs for a polynomial, given by its Chebyshev series on the box."""
    if scheme == "horner":
        yield _horner(series, box)
        return
    if scheme == "clenshaw":
        yield _clenshaw(series, box)
        return
    direct = Programs(box)
    yield direct.finished(direct.combination(series), series)
    degree = len(series) - 1
    if degree < 3 or scheme == "direct":
        return
    if degree == 3:
        yield _horner(series, box)
    k = (degree + 1) // 2
    tail = max(abs(float(c)) for c in series[k + 1 :])
    if degree % 2 == 0:
        yield _top_square(series, box, k, Fraction(0))
    for size in (0.125, 0.5, 2.0):
        for sign in (1, -1):
            extra = sign * Fraction(2.0 ** round(math.log2(tail * size)))
            yield _top_square(series, box, k, extra)


def _top_square(series: Series, box: Box, k: int, extra: Fraction) -> Program:
    """P = s Q^2 + R - extra T_2k, with Q and R of degree k."""
    programs = Programs(box)
    above = added(series, (*[Fraction(0)] * (2 * k), Fraction(1)), extra)
    wanted = [float(c) for c in (*above, *[Fraction(0)] * (2 * k + 1 - len(above)))]
    sign = 1 if wanted[2 * k] > 0 else -1
    q = [0.0] * (k + 1)
    q[k] = math.sqrt(2.0 * abs(wanted[2 * k]))
    for j in range(k - 1, 0, -1):
        inner = sum(q[a] * q[k + j - a] for a in range(j + 1, k))
        q[j] = (2.0 * sign * wanted[k + j] - inner) / (2.0 * q[k]) if q[k] else math.inf
    if not all(math.isfinite(c) for c in q):
        direct = Programs(box)
        return direct.finished(direct.combination(series), series)
    root = trimmed([Fraction(c) for c in q])
    low, high = range_of(root)
    root = added(root, (Fraction(float(low + high) / 2),), -1)  # around zero
    rest = added(above, multiplied(root, root), -sign)[: k + 1]
    lower = programs.combination(trimmed(rest))
    top = programs.square(programs.combination(root))
    output = lower.plus(top, sign)
    if extra:
        output = output.plus(programs.cheb(2 * k), -extra)
    return programs.finished(output, series)


def _horner(series: Series, box: Box) -> Program:
    """Horner's rule in t: each step is one product with t."""
    programs = Programs(box)
    powers = _powers(series)
    total = _ZERO.shifted(powers[-1])
    for c in powers[-2::-1]:
        total = programs.product(programs.t, total).shifted(c)
    return programs.finished(total, series)


def _clenshaw(series: Series, box: Box) -> Program:
    """Clenshaw's rule: b_k = c_k + 2 t b_{k+1} - b_{k+2}."""
    programs = Programs(box)
    later, total = _ZERO, _ZERO
    for c in series[:0:-1]:
        step = programs.product(programs.t, total).times(2).plus(later, -1).shifted(c)
        later, total = total, step
    output = programs.product(programs.t, total).plus(later, -1).shifted(series[0])
    return programs.finished(output, series)


def _powers(series: Series) -> list[Fraction]:
    """Coefficients of 1, t, t^2, ..., as powers of t from T_{k+1} = 2 t T_k - T_{k-1}."""
    out = [Fraction(0)] * len(series)
    before, here = [Fraction(0)], [Fraction(1)]
    for k, c in enumerate(series):
        for i, v in enumerate(here):
            out[i] += c * v
        factor = 2 if k else 1
        after = [Fraction(0), *[factor * v for v in here]]
        for i, v in enumerate(before):
            after[i] -= v if k else 0
        before, here = here, after
    return out


def power_programs(k: int, series: Series, box: Box) -> Iterator[Program]:
    """x^k by squares and products of lower powers, cut in halves or with x taken off."""
    for halves in (True, False):
        programs = Programs(box)
        known = {1: programs.x}
        output = _power(programs, known, k, halves)
        yield programs.finished(output, series)


def _power(programs: Programs, known: dict[int, Value], k: int, halves: bool) -> Value:
    if k not in known:
        if k % 2 == 0:
            known[k] = programs.square(_power(programs, known, k // 2, halves))
        else:
            a = k // 2 if halves else 1
            first = _power(programs, known, a, halves)
            known[k] = programs.product(first, _power(programs, known, k - a, halves))
    return known[k]


def cheapest(programs: Iterator[Program], eps: float) -> Plan | None:
    """The plan with the fewest units for an error of eps; the first among equal ones."""
    best = None
    for program in programs:
        plan = allocated(program, eps)
        if plan is not None and (best is None or plan.units < best.units):
            best = plan
    return best
