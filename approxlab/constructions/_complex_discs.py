"""Discs of the complex plane in place of numbers: results of operations, rounding included.

The result of an operation on discs is a disc that holds all results. Where an operation is not
analytic (a quotient by a disc around 0, a logarithm or a root of a disc that meets the negative
axis, |z| or max(z, 0) where the real part has no sign), its radius is infinite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["OPERATIONS", "ROUNDING", "TINY", "Discs", "NotAnalyticError"]

ROUNDING = 2.0**-48  # of one operation, relative: 16 units in the last place
TINY = 1e-300


class NotAnalyticError(ValueError):
    """An operation that this file does not know as analytic."""


class Discs(NamedTuple):
    """Centers, complex, and radii, of one shape; the first axis is that of the points."""

    center: np.ndarray
    radius: np.ndarray

    @property
    def most(self) -> np.ndarray:
        """The largest size in each disc."""
        return np.abs(self.center) * (1.0 + ROUNDING) + self.radius


# Operations on discs; rounding is added by the caller.


def _add(a: Discs, b: Discs) -> Discs:
    lost = ROUNDING * (np.abs(a.center) + np.abs(b.center))  # of centers that cancel
    return Discs(a.center + b.center, a.radius + b.radius + lost)


def _neg(a: Discs) -> Discs:
    return Discs(-a.center, a.radius)


def _mul(a: Discs, b: Discs) -> Discs:
    radius = np.abs(a.center) * b.radius + a.radius * (np.abs(b.center) + b.radius)
    return Discs(a.center * b.center, radius)


def _inverse(a: Discs) -> Discs:
    size = np.abs(a.center)
    near = size * (1.0 - 4 * ROUNDING) - a.radius
    # |1/z - 1/c| = |z - c| / (|z| |c|)
    radius = np.where(near > 0, a.radius / (near * size), np.inf)
    return Discs(1.0 / np.where(near > 0, a.center, 1.0), radius)


def _exp(a: Discs) -> Discs:
    center = np.exp(a.center)
    lost = np.abs(a.center) * ROUNDING
    return Discs(center, np.abs(center) * np.expm1(a.radius + lost))


def _expm1(a: Discs) -> Discs:
    return _add(_exp(a), _number(-1.0))


def _number(value: float) -> Discs:
    return Discs(np.asarray(complex(value)), np.zeros(()))


def _sine(a: Discs) -> Discs:
    s, c, r = np.sin(a.center), np.cos(a.center), a.radius + np.abs(a.center) * ROUNDING
    return Discs(s, np.abs(s) * (np.cosh(r) - 1.0) + np.abs(c) * np.sinh(r))


def _cosine(a: Discs) -> Discs:
    s, c, r = np.sin(a.center), np.cos(a.center), a.radius + np.abs(a.center) * ROUNDING
    return Discs(c, np.abs(c) * (np.cosh(r) - 1.0) + np.abs(s) * np.sinh(r))


def _sinh(a: Discs) -> Discs:
    return _mul(_add(_exp(a), _neg(_exp(_neg(a)))), _number(0.5))


def _cosh(a: Discs) -> Discs:
    return _mul(_add(_exp(a), _exp(_neg(a))), _number(0.5))


def _logistic(a: Discs) -> Discs:
    return _inverse(_add(_exp(_neg(a)), _number(1.0)))


def _tanh(a: Discs) -> Discs:
    """2 logistic(2 z) - 1."""
    twice = _logistic(_mul(a, _number(2.0)))
    return _add(_mul(twice, _number(2.0)), _number(-1.0))


def _off_the_cut(a: Discs) -> np.ndarray:
    r = a.radius + np.abs(a.center) * ROUNDING + TINY
    return (a.center.real > r) | (np.abs(a.center.imag) > r)


def _log(a: Discs) -> Discs:
    held = _off_the_cut(a)
    center = np.where(held, a.center, 1.0)
    ratio = np.where(held, np.minimum(a.radius / np.abs(center), 1.0), 0.0)
    radius = -np.log1p(-ratio) + ROUNDING
    return Discs(np.log(center), np.where(held, radius, np.inf))


def _log1p(a: Discs) -> Discs:
    return _log(_add(a, _number(1.0)))


def _sqrt(a: Discs) -> Discs:
    held = _off_the_cut(a)
    center = np.where(held, a.center, 1.0)
    ratio = np.where(held, np.minimum(a.radius / np.abs(center), 1.0), 0.0)
    root = np.sqrt(center)
    return Discs(root, np.where(held, np.abs(root) * -np.expm1(0.5 * np.log1p(-ratio)), np.inf))


def _side(a: Discs) -> np.ndarray:
    """1 or -1 where the real parts have one sign, else nan: there |z| is z or -z, and analytic."""
    r = a.radius + np.abs(a.center) * ROUNDING
    return np.where(a.center.real > r, 1.0, np.where(a.center.real < -r, -1.0, np.nan))


def _sign(a: Discs) -> Discs:
    side = _side(a)
    return Discs(side.astype(complex), np.zeros(side.shape))


def _abs(a: Discs) -> Discs:
    return _mul(a, _sign(a))


def _larger(a: Discs, b: Discs) -> Discs:
    """(a + b + |a - b|) / 2, with the discs themselves."""
    side = _side(_add(a, _neg(b)))
    center = np.where(side > 0, a.center, b.center)
    radius = np.where(side > 0, a.radius, b.radius)
    return Discs(center, np.where(np.isnan(side), np.inf, radius))


def _compared(flip: float, may_be_equal: float) -> Callable[[Discs, Discs], Discs]:
    """1 for true and 0 for false, of an infinite radius where this is not the same on the discs."""

    def compare(a: Discs, b: Discs) -> Discs:
        side = flip * _side(_add(a, _neg(b)))
        same = (a.radius == 0) & (b.radius == 0) & (a.center == b.center)
        value = np.where(same, may_be_equal, side > 0)
        return Discs(value + 0j, np.where(same | ~np.isnan(side), 0.0, np.inf))

    return compare


def _equal(a: Discs, b: Discs) -> Discs:
    apart = np.abs(a.center - b.center) > (a.radius + b.radius) * (1.0 + ROUNDING)
    same = (a.radius == 0) & (b.radius == 0) & (a.center == b.center)
    return Discs(same + 0j, np.where(apart | same, 0.0, np.inf))


def _select(which: Discs, *cases: Discs) -> Discs:
    if len(cases) != 2:
        raise NotAnalyticError("it uses select_n of more than two cases")
    first = which.center.real < 0.5
    held = which.radius < 0.25
    radius = np.where(first, cases[0].radius, cases[1].radius)
    center = np.where(first, cases[0].center, cases[1].center)
    return Discs(center, np.where(held, radius, np.inf))


def _integer_pow(a: Discs, y: int) -> Discs:
    out = _number(1.0)
    for bit in bin(abs(y))[2:]:
        out = _mul(out, out)
        out = _mul(out, a) if bit == "1" else out
    return _inverse(out) if y < 0 else out


def _pow(a: Discs, b: Discs) -> Discs:
    return _exp(_mul(b, _log(a)))


def _sum(a: Discs, axes: Sequence[int]) -> Discs:
    over = tuple(axis + 1 for axis in axes)
    count = int(np.prod([a.center.shape[axis] for axis in over], dtype=int))
    lost = count * ROUNDING * np.sum(np.abs(a.center), over)
    return Discs(np.sum(a.center, over), np.sum(a.radius, over) + lost)


OPERATIONS: dict[str, Callable[..., Discs]] = {
    "add": _add,
    "add_any": _add,
    "sub": lambda a, b: _add(a, _neg(b)),
    "mul": _mul,
    "div": lambda a, b: _mul(a, _inverse(b)),
    "neg": _neg,
    "exp": _exp,
    "exp2": lambda a: _exp(_mul(a, _number(float(np.log(2.0))))),
    "expm1": _expm1,
    "sin": _sine,
    "cos": _cosine,
    "tan": lambda a: _mul(_sine(a), _inverse(_cosine(a))),
    "sinh": _sinh,
    "cosh": _cosh,
    "tanh": _tanh,
    "logistic": _logistic,
    "log": _log,
    "log1p": _log1p,
    "sqrt": _sqrt,
    "rsqrt": lambda a: _inverse(_sqrt(a)),
    "integer_pow": _integer_pow,
    "square": lambda a: _mul(a, a),
    "pow": _pow,
    "abs": _abs,
    "sign": _sign,
    "max": _larger,
    "min": lambda a, b: _neg(_larger(_neg(a), _neg(b))),
    "gt": _compared(1.0, 0.0),
    "ge": _compared(1.0, 1.0),
    "lt": _compared(-1.0, 0.0),
    "le": _compared(-1.0, 1.0),
    "not": lambda a: Discs(1.0 - a.center, a.radius),
    "eq": _equal,
    "select_n": _select,
    "reduce_sum": _sum,
}
