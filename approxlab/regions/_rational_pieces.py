"""The pieces of a small network in rational numbers, from the definitions: slow and obvious."""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.networks.activations import KINK_SLOPES, kink_slopes
from approxlab.networks.mlp import MLP
from approxlab.regions.piecewise import Pieces

__all__ = ["rational_pieces"]

Form = tuple[Fraction, Fraction]
"""An affine function of the parameter: slope and constant."""


@dataclasses.dataclass
class _Piece:
    """An interval, the affine functions of the units of the last layer on it, and all signs."""

    low: Fraction
    high: Fraction
    forms: list[Form]
    signs: list[list[int]]


def rational_pieces(
    net: MLP, ends: np.ndarray, parameters: tuple[float, float], interval: Box
) -> Pieces:
    """As `approxlab.regions.pieces`, every number rounded once."""
    layers = _layers(net)
    low, high = (Fraction(v) for v in parameters)
    start, end = ([Fraction(float(v)) for v in point] for point in ends)
    rise = [(two - one) / (high - low) for one, two in zip(start, end, strict=True)]
    inputs = [(s, one - s * low) for one, s in zip(start, rise, strict=True)]
    pieces = [_Piece(low, high, inputs, [])]
    slopes = kink_slopes(net.activation, net.dtype) if net.activation in KINK_SLOPES else (1.0, 1.0)
    sides = (Fraction(slopes[0]), Fraction(slopes[1]))
    for layer, units in enumerate(net.passthrough):
        bent = net.sizes[layer + 1] - units if sides[0] != sides[1] else 0
        pieces = [part for piece in pieces for part in _cut(piece, *layers[layer], bent, sides)]
    for piece in pieces:
        piece.forms = _affine(*layers[-1], piece.forms)
    return _rounded(net, pieces, layers, sides, inputs, interval)


def _layers(net: MLP) -> list[tuple[list[list[Fraction]], list[Fraction]]]:
    return [
        (
            [[Fraction(float(v)) for v in row] for row in np.asarray(W, np.float64)],
            [Fraction(float(v)) for v in np.asarray(b, np.float64)],
        )
        for W, b in zip(net.weights, net.biases, strict=True)
    ]


def _affine(W: list[list[Fraction]], b: list[Fraction], forms: list[Form]) -> list[Form]:
    return [
        (
            sum((w * s for w, (s, _) in zip(row, forms, strict=True)), Fraction(0)),
            sum((w * c for w, (_, c) in zip(row, forms, strict=True)), bias),
        )
        for row, bias in zip(W, b, strict=True)
    ]


def _cut(
    piece: _Piece, W: list[list[Fraction]], b: list[Fraction], bent: int, sides: Any
) -> list[_Piece]:
    """The parts of a piece on which no unit of the next layer changes its sign."""
    forms = _affine(W, b, piece.forms)
    roots = {-c / s for s, c in forms[:bent] if s != 0}
    ends = [piece.low, *sorted(x for x in roots if piece.low < x < piece.high), piece.high]
    parts = []
    for low, high in itertools.pairwise(ends):
        middle = (low + high) / 2
        signs = [_sign(s * middle + c) for s, c in forms[:bent]] + [1] * (len(forms) - bent)
        after = [
            (s, c) if k >= bent else (_side(sign, sides) * s, _side(sign, sides) * c)
            for k, ((s, c), sign) in enumerate(zip(forms, signs, strict=True))
        ]
        parts.append(_Piece(low, high, after, [*piece.signs, signs]))
    return parts


def _sign(value: Fraction) -> int:
    return (value > 0) - (value < 0)


def _side(sign: int, sides: Any) -> Any:
    return sides[1] if sign > 0 else sides[0]


def _active_at(x: Fraction, net: MLP, layers: Any, sides: Any, inputs: list[Form]) -> list[Any]:
    """Which units have a positive input at a point."""
    values = [s * x + c for s, c in inputs]
    found = []
    for layer, units in enumerate(net.passthrough):
        W, b = layers[layer]
        z = [
            sum(w * v for w, v in zip(row, values, strict=True)) + k
            for row, k in zip(W, b, strict=True)
        ]
        bent = len(z) - units if sides[0] != sides[1] else 0
        found.append([v > 0 or k >= bent for k, v in enumerate(z)])
        values = [v if k >= bent else _side(_sign(v), sides) * v for k, v in enumerate(z)]
    return found


def _rounded(
    net: MLP, pieces: list[_Piece], layers: Any, sides: Any, inputs: list[Form], interval: Box
) -> Pieces:
    edges = [piece.low for piece in pieces] + [pieces[-1].high]
    active = [[[sign > 0 for sign in layer] for layer in piece.signs] for piece in pieces]
    points = []
    for i, x in enumerate(edges):
        at = _active_at(x, net, layers, sides, inputs)
        points.append(all(at != beside for beside in active[max(i - 1, 0) : i + 1]))
    numbers: dict[Any, int] = {}
    functions = [numbers.setdefault(tuple(p.forms), len(numbers)) for p in pieces]
    owners = [*pieces, pieces[-1]]
    values = [[float(s * x + c) for s, c in p.forms] for x, p in zip(edges, owners, strict=True)]
    slopes = [[float(s) for s, _ in p.forms] for p in pieces]
    layer_of = [
        1 + [a == b for a, b in zip(one.signs, two.signs, strict=True)].index(False)
        for one, two in itertools.pairwise(pieces)
    ]
    patterns = [[sign for layer in piece.signs for sign in layer] for piece in pieces]
    first = 0 if net.out_size is None else slice(None)
    found = np.array([float(x) for x in edges])
    return Pieces(
        edges=found,
        edge_errors=np.spacing(np.abs(found)) / 2,
        values=np.array(values)[:, first],
        value_errors=np.spacing(np.abs(np.array(values)))[:, first] / 2,
        slopes=np.array(slopes)[:, first],
        slope_errors=np.spacing(np.abs(np.array(slopes)))[:, first] / 2,
        patterns=np.array(patterns, np.int8).reshape(len(pieces), -1),
        layers=np.array(layer_of, np.int32),
        functions=np.array(functions),
        points=np.array(points),
        ties=0,
        box=interval,
    )
