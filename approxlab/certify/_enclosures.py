"""Enclosures of an expression on boxes: Taylor models of its nodes, one after another."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.certify._boxes import Boxes
from approxlab.certify._error_bounds import down, up, upward
from approxlab.certify._expression import FUNCTIONS, Expression, Node
from approxlab.certify._functions import applied, powered, real_powered
from approxlab.certify._one_hidden_layer import hidden_layers
from approxlab.certify._taylor_models import Models, pairs

__all__ = ["Enclosure", "Magnitudes", "magnitudes", "point_bounds"]

_STEPS = 160
_ENTRIES = 2**16


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class _Truths:
    """What a condition may be on a box."""

    may_hold: np.ndarray
    may_fail: np.ndarray

    def take(self, indices: np.ndarray) -> _Truths:
        """Entries in another order."""
        return _Truths(self.may_hold[:, indices], self.may_fail[:, indices])


class Enclosure:
    """An expression, ready to be enclosed on many batches of boxes.

    Args:
        expression: What is enclosed.
        short: Whether networks of one hidden layer are enclosed without their single units.
    """

    def __init__(self, expression: Expression, short: bool = True) -> None:
        self.expression = expression
        nodes, count = expression.nodes, len(expression.nodes)
        self.layers = hidden_layers(expression) if short else {}
        # From the value down: which nodes are needed, where layers take the point alone.
        needed, self._last = {count - 1}, dict[int, int]()
        for i in range(count - 1, -1, -1):
            if i in needed:
                args = (0,) if i in self.layers else nodes[i].args
                needed.update(args)
                for a in args:
                    self._last.setdefault(a, i)
        self._needed = sorted(needed)
        self.widest = max(nodes[i].size for i in needed)

    @property
    def chunk(self) -> int:
        """How many boxes are enclosed at once: so that a few arrays fit the cache."""
        return int(np.clip(_ENTRIES // self.widest, 16, 4096))

    def on(self, boxes: Boxes) -> Models:
        """Models of the values on boxes."""
        centre, radius = boxes.centres_and_radii()
        return self._models(_input(centre, radius, *boxes.bounds(centre, radius)))

    def at(self, points: np.ndarray) -> Models:
        """Models of the values at points, shape (n, d): thin ones."""
        zero = np.zeros_like(points)
        return self._models(Models(points, None, None, zero, points, points, sharp=True))

    def around(self, centre: np.ndarray, radius: np.ndarray) -> Models:
        """Models on [c - r, c + r], which need not be cells of a tree; shapes (n, d)."""
        low, high = down(centre - radius), up(centre + radius)
        return self._models(_input(centre, radius, low, high))

    def _models(self, points: Models) -> Models:
        nodes, found = self.expression.nodes, dict[int, Any]()
        with np.errstate(all="ignore"):
            for i in self._needed:
                if i in self.layers:
                    found[i] = self.layers[i].models(points)
                    args: tuple[int, ...] = (0,)
                else:
                    args = nodes[i].args
                    found[i] = _node(nodes[i], [found[a] for a in args], points)
                for a in set(args):
                    if self._last[a] == i:
                        del found[a]
        value = found[len(nodes) - 1]
        return value if len(value.value) == len(points.value) else _repeated(value, points)


def _input(centre: np.ndarray, radius: np.ndarray, low: np.ndarray, high: np.ndarray) -> Models:
    boxes, dim = centre.shape
    slopes = np.zeros((dim, boxes, dim))
    for j in range(dim):
        slopes[j, :, j] = radius[:, j]
    return Models(centre, slopes, None, np.zeros_like(centre), low, high, sharp=True)


def _repeated(value: Models, points: Models) -> Models:
    """A constant for every box."""
    boxes = len(points.value)
    return value.each(lambda p: np.broadcast_to(p, (*p.shape[:-2], boxes, p.shape[-1])))


def _node(node: Node, args: list[Any], points: Models) -> Any:
    if node.op == "input":
        return points
    if node.op == "constant":
        return Models.constants(node.data[0])
    if node.op in FUNCTIONS:
        return applied(node.op, args[0])
    return _RULES[node.op](node, *args)


def _maximum(a: Models, b: Models, least: bool) -> Models:
    """(a + b + |a - b|) / 2, or one of the two where it is larger on the whole box."""
    if least:
        return _maximum(a.negative(), b.negative(), False).negative()
    difference = a.minus(b)
    twice = a.plus(b).plus(applied("absolute", difference))
    half = twice.halved()
    low, high = np.maximum(a.low, b.low), np.maximum(a.high, b.high)
    half = dataclasses.replace(half, low=np.fmax(half.low, low), high=np.fmin(half.high, high))
    return a.where(difference.low >= 0.0, b.where(difference.high <= 0.0, half))


def _less(a: Models, b: Models, strictly: bool) -> _Truths:
    if strictly:
        return _Truths(~(a.low >= b.high), ~(a.high < b.low))
    return _Truths(~(a.low > b.high), ~(a.high <= b.low))


def _equal(a: Models, b: Models) -> _Truths:
    apart = (a.low > b.high) | (a.high < b.low)
    same = (a.low == a.high) & (b.low == b.high) & (a.low == b.low)
    return _Truths(~apart, ~same)


def _is_number(a: Models) -> _Truths:
    """Whether a value equals itself, as all numbers do: unknown where there may be no value."""
    known = np.isfinite(a.low) & np.isfinite(a.high)
    return _Truths(np.ones_like(known), ~known)


def _choose(condition: _Truths, when_false: Models, when_true: Models) -> Models:
    """One of the two, or both: their mean, give or take half of what they are apart."""
    a, b = when_false, when_true
    apart = a.minus(b)
    half = a.plus(b).halved()
    distance = np.fmax(np.abs(apart.low), np.abs(apart.high))
    rest = upward(half.rest + 0.5 * distance, 4)
    low, high = np.minimum(a.low, b.low), np.maximum(a.high, b.high)
    both = dataclasses.replace(half, rest=rest, low=low, high=high).settled()
    return b.where(~condition.may_fail, a.where(~condition.may_hold, both))


_RULES: dict[str, Any] = {
    "take": lambda node, u: u.take(node.data[0]),
    "real_power": lambda node, u: real_powered(u, float(node.data[0][0])),
    "join": lambda node, *parts: Models.join(list(parts)),
    "linear": lambda node, u: u.mapped(*node.data),
    "sum": lambda node, u: u.summed(node.size),
    "power": lambda node, u: powered(u, node.number),
    "add": lambda node, a, b: a.plus(b),
    "subtract": lambda node, a, b: a.minus(b),
    "multiply": lambda node, a, b: a.times(b),
    "maximum": lambda node, a, b: _maximum(a, b, False),
    "minimum": lambda node, a, b: _maximum(a, b, True),
    "less": lambda node, a, b: _less(a, b, True),
    "less_equal": lambda node, a, b: _less(a, b, False),
    "equal": lambda node, a, b: _is_number(a) if node.args[0] == node.args[1] else _equal(a, b),
    "not": lambda node, a: _Truths(a.may_fail, a.may_hold),
    "and": lambda node, a, b: _Truths(a.may_hold & b.may_hold, a.may_fail | b.may_fail),
    "or": lambda node, a, b: _Truths(a.may_hold | b.may_hold, a.may_fail & b.may_fail),
    "choose": lambda node, c, a, b: _choose(c, a, b),
}


# From models to numbers


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Magnitudes:
    """What models say of values on boxes; of several components, about the largest.

    Attributes:
        upper: No value on the box is larger; infinity where nothing is known.
        lower: No value on the box is smaller.
        peak: Where the polynomial is large, shape (boxes, d), in [-1, 1]; not proved.
        height: About how large |value| is there; not proved.
        spread: About how much each axis contributes to the width, shape (boxes, d); not proved.
        rest: About how much of the width is the remainder; not proved.
    """

    upper: np.ndarray
    lower: np.ndarray
    peak: np.ndarray
    height: np.ndarray
    spread: np.ndarray
    rest: np.ndarray

    @property
    def bound(self) -> np.ndarray:
        """No absolute value on the box is larger; infinity where nothing is known."""
        with np.errstate(invalid="ignore"):
            size = np.maximum(self.upper, -self.lower)
        return np.where(np.isnan(size), np.inf, np.maximum(size, 0.0))


def magnitudes(u: Models, dim: int) -> Magnitudes:
    """Bounds of models on their boxes.

    Of g s + h s^2 on [-1, 1], the largest value is g^2 / (4 |h|) where h < 0 and |g| < 2 |h|, else
    |g| + h. Mixed products count with their absolute values.
    """
    boxes, n = u.value.shape
    slopes = np.zeros((dim, boxes, n)) if u.slopes is None else u.slopes
    shape = (len(pairs(dim)), boxes, n)
    curves = np.zeros(shape) if u.curves is None else u.curves
    own = np.array([i for i, (j, k) in enumerate(pairs(dim)) if j == k])
    squares = curves[own]
    mixed = [i for i, (j, k) in enumerate(pairs(dim)) if j < k]
    cross = np.abs(curves[mixed]).sum(axis=0)
    with np.errstate(all="ignore"):
        rise = _largest(slopes, squares).sum(axis=0) + cross + u.rest
        fall = _largest(slopes, -squares).sum(axis=0) + cross + u.rest
        upper = up(u.value + upward(rise, _STEPS))
        lower = down(u.value - upward(fall, _STEPS))
        upper, lower = np.fmin(upper, u.high), np.fmax(lower, u.low)
        upper = np.where(np.isnan(upper), np.inf, upper)
        lower = np.where(np.isnan(lower), -np.inf, lower)
        which = np.argmax(np.maximum(upper, -lower), axis=1)
    one = (np.arange(boxes), which)
    sign = np.where(u.value[one] < 0.0, -1.0, 1.0)
    g, h = (sign * part[(slice(None), *one)] for part in (slopes, squares))
    with np.errstate(all="ignore"):
        inside = (h < 0.0) & (np.abs(g) < -2.0 * h)
        peak = np.where(inside, -g / (2.0 * h), np.where(g < 0.0, -1.0, 1.0))
        height = np.abs(u.value[one]) + (g * peak + h * peak * peak).sum(axis=0)
    spread = np.abs(g) + np.abs(h)
    for i in mixed:
        for axis in pairs(dim)[i]:
            spread[axis] += 0.5 * np.abs(curves[i][one])
    return Magnitudes(upper.max(axis=1), lower.min(axis=1), peak.T, height, spread.T, u.rest[one])


def _largest(slopes: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Max over [-1, 1] of g s + h s^2, not negative, with at most three roundings."""
    size = np.abs(slopes)
    inside = (squares < 0.0) & (size < -2.0 * squares)
    # The quotient is below 2; the square of a small size would underflow.
    top = 0.25 * size * (size / -squares)
    return np.where(inside, top, np.maximum(size + squares, 0.0))


def point_bounds(u: Models) -> tuple[np.ndarray, np.ndarray]:
    """Of thin models, bounds of the largest |component|: no smaller than the first."""
    least = np.fmax(np.fmax(u.low, -u.high), 0.0).max(axis=1)
    most = np.fmax(np.abs(u.low), np.abs(u.high)).max(axis=1)
    return np.where(np.isnan(least), 0.0, least), np.where(np.isnan(most), np.inf, most)
