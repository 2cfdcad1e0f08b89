"""Networks that fold an interval level by level, with sums of what each level gives.

A level maps a state G in [0, w] to a new state, v_0 + sum_j v_j relu(s_j (G - k_j)), with signs
s_j, and adds a_0 + sum_j a_j relu(s_j (G - k_j)) to a sum. States are lengths: the first one is
x - a on the interval [a, a + w], so that a far interval costs little accuracy. All numbers are
fractions here, and rounded once, when the network is made.

In plain layers the sum is passed on by a ReLU, which asks for a lower bound of all partial sums.
With linear units, the sum and a unit relu(G - 0) of a level, if it has one, are such units.

Rounding. A state is off by E in common to all units of its level, and each unit by h more. Then the
next common error is at most slope E + (sum |v_j|) h, as a level is a function of its state with
slopes of at most this size; h is the rounding of one sum of products. What a level adds to the sum
is off by slope_a E + (sum |a_j|) h and one rounding. The rounding of x itself is the first E.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.networks.mlp import MLP

__all__ = ["Level", "check_network_size", "equal_teeth", "folded", "folded_rounding"]


_MOST_UNITS, _MOST_LAYERS, _MOST_WEIGHTS = 100_000, 1_000, 2**22  # each weight is a fraction


def check_network_size(
    name: str, got: Any, widths: Sequence[int], depth: int | None = None
) -> None:
    """Refuse layers that take long to build, before anything is allocated.

    Args:
        name: The argument that asks for so many units.
        got: Its value.
        widths: Units of each layer; or of two layers that follow each other, if depth is given.
        depth: Number of layers, if all are alike.
    """
    layers = len(widths) if depth is None else depth
    units = sum(widths) if depth is None else widths[0] * depth
    pairs = sum(a * b for a, b in itertools.pairwise(widths))
    weights = pairs if depth is None else pairs * (depth - 1)
    if units > _MOST_UNITS or layers > _MOST_LAYERS or weights > _MOST_WEIGHTS:
        raise ValueError(
            f"{name}: got {got!r}, a network of {units:.3g} units in {layers:.3g} layers with "
            f"{weights:.3g} weights between them, expected at most {_MOST_UNITS} units, "
            f"{_MOST_LAYERS} layers and {_MOST_WEIGHTS} weights. Take narrower or fewer layers."
        )


@dataclasses.dataclass(frozen=True)
class Level:
    """One level: units relu(sign (G - knot)), the new state, and a part of the sum."""

    knots: tuple[Fraction, ...]
    jumps: tuple[Fraction, ...]  # v_j
    start: Fraction = Fraction(0)  # v_0
    signs: tuple[int, ...] = ()  # all +1 by default
    parts: tuple[Fraction, ...] = ()  # a_j; none by default
    constant: Fraction = Fraction(0)  # a_0

    @property
    def sides(self) -> tuple[int, ...]:
        """The sign of every unit."""
        return self.signs or (1,) * len(self.knots)

    def slope(self, factors: tuple[Fraction, ...]) -> float:
        """Largest slope of sum_j factors_j relu(sign_j (G - knot_j)) over all G."""
        sides = self.sides
        slopes = [sum((-f for f, s in zip(factors, sides, strict=True) if s < 0), Fraction(0))]
        for j in np.argsort([float(k) for k in self.knots], kind="stable"):
            slopes.append(slopes[-1] + factors[j])  # to the right of a knot, for both signs
        return float(max(abs(s) for s in slopes))


def equal_teeth(p: int, width: Fraction) -> Level:
    """The zigzag with p equal pieces of slope +-p from [0, width] onto itself, first upwards."""
    knots = tuple(width * j / p for j in range(p))
    jumps = (Fraction(p), *[Fraction(2 * p * (-1) ** j) for j in range(1, p)])
    return Level(knots, jumps)


def folded(
    levels: list[Level], left: Fraction, lowest: Fraction, shift: Fraction, linear: bool
) -> MLP:
    """The network of all levels on [left, left + w]: the sum of their parts, plus `shift`.

    Args:
        levels: The levels, from the input; the last state is not used.
        left: The left end of the interval.
        lowest: A lower bound of every partial sum on the interval, for plain layers.
        shift: Added to the output.
        linear: Whether a unit with knot 0 and the sum are linear units, behind the others.
    """
    orders = [_order(level, linear) for level in levels]
    weights, biases, through = [], [], []
    pending = False  # whether a sum is passed on
    for i, (level, order) in enumerate(zip(levels, orders, strict=True)):
        if i == 0:
            rows = [[Fraction(level.sides[j])] for j in order]
            bias = [-level.sides[j] * (left + level.knots[j]) for j in order]
        else:
            last = levels[i - 1]
            state = [last.jumps[j] for j in orders[i - 1]] + [Fraction(0)] * pending
            rows = [[level.sides[j] * v for v in state] for j in order]
            bias = [level.sides[j] * (last.start - level.knots[j]) for j in order]
            parts = _parts(last, orders[i - 1], pending)
            if any(parts):
                rows.append(parts)
                bias.append(last.constant - (Fraction(0) if pending or linear else lowest))
            pending = pending or any(parts)
        weights.append(_floats(rows))
        biases.append(_floats(bias))
        through.append((_carried(level, linear) + pending) if linear else 0)
    parts = _parts(levels[-1], orders[-1], pending)
    weights.append(_floats([parts]))
    moved = lowest if pending and not linear else Fraction(0)
    biases.append(_floats([levels[-1].constant + moved + shift]))
    return MLP.from_arrays(weights, biases, "relu", passthrough=tuple(through))


def _floats(rows: list[Fraction] | list[list[Fraction]]) -> np.ndarray:
    return np.array(rows, dtype=object).astype(np.float64)


def _carried(level: Level, linear: bool) -> int:
    return int(linear and _first(level) is not None)


def _first(level: Level) -> int | None:
    """The unit relu(G), which is G itself."""
    found = [j for j, (k, s) in enumerate(zip(level.knots, level.sides, strict=True)) if k == 0 < s]
    return found[0] if found else None


def _order(level: Level, linear: bool) -> list[int]:
    units = list(range(len(level.knots)))
    if _carried(level, linear):
        first = _first(level)
        units = [j for j in units if j != first] + [j for j in units if j == first]
    return units


def _parts(level: Level, order: list[int], pending: bool) -> list[Fraction]:
    own = [level.parts[j] for j in order] if level.parts else [Fraction(0)] * len(order)
    return own + [Fraction(1)] * pending


def folded_rounding(
    levels: list[Level], box: Box, lowest: Fraction, shift: Fraction, network: MLP
) -> float:
    """Bound of all rounding: of x, the parameters and every operation, in the network's dtype.

    At the head of the module; eps is twice the unit roundoff, and n eps sum |a_i b_i| bounds the
    rounding of a sum of n products in any order (Higham 2002, section 4.2).
    """
    info = np.finfo(network.dtype)
    eps, tiny = float(info.eps), float(info.tiny)
    far, width = max(abs(box.lower[0]), abs(box.upper[0])), float(box.widths[0])
    common = 0.5 * eps * far
    own = 0.5 * eps * (far + width) + eps * (width + common) + tiny
    total, size = 0.0, abs(float(lowest))
    for level in levels:
        reach = width + common + own  # of the state, and of every unit
        terms = len(level.knots) + 5
        if level.parts:
            parts = float(sum(abs(a) for a in level.parts))
            total += level.slope(level.parts) * common + parts * (own + tiny) + tiny
            size += parts * reach + abs(float(level.constant))
        total += eps * terms * size  # the sum is rounded, and passed on, at every level
        jumps = float(sum(abs(v) for v in level.jumps))
        common = level.slope(level.jumps) * common + jumps * (own + tiny)
        own = eps * (terms * jumps * reach + abs(float(level.start)) + 2.0 * width + common) + tiny
    return total + eps * (size + 2.0 * abs(float(lowest)) + abs(float(shift)))
