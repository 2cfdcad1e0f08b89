"""A quadratic as a deep network of plain ReLU layers: where the path to a target begins.

Let g_0 = t on [0, 1], and let g_k fold g_{k-1} p_k times: a zigzag 0, 1, 0, ... with p_k pieces.
The parabola u (1 - u) and its interpolant at the multiples of 1/p differ by p^-2 times the parabola
of the folded variable, so

    t - t^2 = sum_k I_k(g_{k-1}) / (p_1 ... p_{k-1})^2 + (remainder of size 1/4 (p_1 ... p_L)^-2),

with I_k that interpolant. Fold and interpolant are made of the same p_k units relu(g - j/p_k), and
one more unit per layer carries the sum, which is kept positive by an offset. With width 4 that are
4 x 3^(L-1) equal pieces in L layers, without linear units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from approxlab.fitting.continuation.plain_layers import PlainLayers

__all__ = ["quadratic", "teeth"]

_MARGIN = 0.1  # of the curvature: how far the carried sum stays from zero


def teeth(hidden: Sequence[int], most: int) -> tuple[int, ...]:
    """How often each layer folds: all its units but one, as long as `most` pieces are not passed.

    Folds that are finer than the points of a fit could not be seen by it. Then the pieces are
    shared among the layers that are left, and units that are not needed begin as spare ones.
    """
    pieces, result = 1.0, []
    for layer, width in enumerate(hidden):
        free = width - (layer > 0)
        share = (most / pieces) ** (1.0 / (len(hidden) - layer))
        folds = max(1, min(free, math.ceil(share - 1e-9), int(most / pieces)))
        pieces *= folds
        result.append(folds)
    return tuple(result)


def quadratic(
    layers: PlainLayers, folds: Sequence[int], coefficients: tuple[float, float, float]
) -> np.ndarray:
    """Parameters of the network that interpolates c_0 + c_1 t + c_2 t^2 at equal distances.

    Args:
        layers: The shape of the network.
        folds: Pieces of the fold of every layer, from `teeth`.
        coefficients: c_0, c_1, c_2.
    """
    c0, c1, c2 = coefficients
    offset = _MARGIN * abs(c2) - min(0.0, _least(coefficients))
    weights, biases, scale = [], [], 1.0
    fold, total, constant = np.ones(1), np.zeros(1), 0.0  # rows from the units of the layer before
    for layer, (width, p) in enumerate(zip(layers.hidden, folds, strict=True)):
        kinks = _kinks(p, width - (layer > 0))
        W, b = np.tile(fold, (width, 1)), np.zeros(width)
        b[: len(kinks)] = -kinks
        if layer:
            W[-1], b[-1] = total, constant
        weights.append(W)
        biases.append(b)
        fold, parabola = np.zeros(width), np.zeros(width)
        fold[:p], parabola[:p] = _zigzag(p), _interpolant(p)
        total = -c2 * scale * parabola
        total[-1 if layer else 0] += 1.0 if layer else c1 + c2  # the sum so far; at first t itself
        constant = 0.0 if layer else c0 + offset
        scale /= p * p
    weights.append(total[None])
    biases.append(np.array([constant - offset]))
    return layers.packed(weights, biases)


def _least(coefficients: tuple[float, float, float]) -> float:
    """The least value of the quadratic on [0, 1]."""
    c0, c1, c2 = coefficients
    places = [0.0, 1.0]
    if c2 and 0.0 < -c1 / (2.0 * c2) < 1.0:
        places.append(-c1 / (2.0 * c2))
    return min(math.fsum([c0, c1 * t, c2 * t * t]) for t in places)


def _kinks(p: int, units: int) -> np.ndarray:
    """Kinks of the p units that fold, and of spare ones between them, which nothing reads yet."""
    spare = units - p
    return np.concatenate([np.arange(p) / p, (np.arange(spare) + 0.5) / max(spare, 1)])


def _zigzag(p: int) -> np.ndarray:
    """0, 1, 0, ... at the multiples of 1/p as coefficients of relu(g - j/p)."""
    signs = np.where(np.arange(p) % 2, -2.0, 2.0) * p
    signs[0] = p
    return signs


def _interpolant(p: int) -> np.ndarray:
    """The interpolant of u (1 - u) at the multiples of 1/p, in the same units."""
    result = np.full(p, -2.0 / p)
    result[0] = (p - 1) / p
    return result
