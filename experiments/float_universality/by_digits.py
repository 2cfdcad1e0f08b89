"""A deep ReLU network of 2185 units that equals any finite function on all finite float16.

A float16 is a sign, a high byte of 124 values (exponent and two bits) and a low byte. The layers:

1.  x+ = relu(x) and x- = relu(-x), kept through layer 5; |x| = x+ + x-, one of them zero.
2.  to 4. Indicators of |x| <= p for the last number p of each high byte but the last, and of
    x >= 0, as in `by_runs`: 124 units a layer.
5.  One hot over the 248 pairs a of sign and high byte: sums of 0, 1 and -1.
6.  The number A of the pair, a whole number below 248. For each of the 30 spacings e of float16,
    y_e = relu(|x| - c), c being the first number of the pair if its spacing is e, else 65504: so
    y_e is the distance to c, exactly, or zero.
7.  j / 512 = sum_e y_e / (512 e), one term; j is the low byte. A is kept.
8.  relu(j - i) and relu(A - i) for whole i: all of these are whole numbers below 512.
9.  Their second differences: 1 - [j = b], 256 units, and [A = a], 248 units.
10. g_b = relu(V_ab - 65504 [j != b]) for both signs of the table V of values: at most two terms;
    where j != b the sum is at most zero, since |V| <= 65504.

The value is sum_b g_b(+) - g_b(-), one term. Sums of more than two terms that are not zero are of
whole numbers below 2^11, in layers 5 and 9; so no order matters anywhere.

Counting. Float16 numbers as P parameters of one architecture give at most 2^(16 P) networks, and
there are 63487^63487 functions with finite values, so P >= 63 306 for any architecture that has all
of them. Here V is used twice: at most 2 * 63 487 weights, and about 13 000 others.
"""

from __future__ import annotations

import math

import numpy as np

from experiments.float_universality.by_runs import amplified
from experiments.float_universality.half import FINITE, Layer

__all__ = ["FEWEST_PARAMETERS", "equal_by_digits"]

FEWEST_PARAMETERS = math.ceil(len(FINITE) * math.log2(len(FINITE)) / 16)
"""Least number of float16 parameters of an architecture that has every finite function."""

_HIGH, _LOW, _MOST = 124, 256, 65504.0
_PAIRS = 2 * _HIGH


def equal_by_digits(numbers: np.ndarray) -> list[Layer]:
    """The network of the module's docstring, in plain layers.

    Args:
        numbers: The function's values at `FINITE`, shape (63487,), float16, all of them finite.

    Raises:
        ValueError: If a value is not finite, or the shape is another one.
    """
    if numbers.shape != FINITE.shape or not np.all(np.isfinite(numbers)):
        raise ValueError(
            f"numbers: got shape {numbers.shape} or values that are not finite, expected "
            f"{FINITE.shape} finite float16. Infinite values: see `equal_by_runs`."
        )
    sizes = np.arange(_HIGH * _LOW, dtype=np.uint16).view(np.float16).astype(np.float64)
    first, last = sizes.reshape(_HIGH, _LOW)[:, 0], sizes.reshape(_HIGH, _LOW)[:, -1]
    spacing = sizes.reshape(_HIGH, _LOW)[:, 1] - first
    zero = len(FINITE) // 2
    table = np.concatenate([numbers[zero:], numbers[zero::-1]]).reshape(_PAIRS, _LOW)
    return [
        Layer.dense(np.array([[1.0], [-1.0]]), np.zeros(2), "relu"),
        *_indicators(last[:-1], spacing[:-1]),
        _pairs(),
        _distances(first, spacing),
        _low_byte(spacing),
        _counts(),
        _one_hot_again(),
        *_look_up(table.astype(np.float64)),
    ]


def _indicators(ends: np.ndarray, spacing: np.ndarray) -> list[Layer]:
    """x+, x- and the indicators of |x| <= p for all p, then of x >= 0."""
    size = np.ones((len(ends), 2))
    matrix = np.concatenate([np.eye(2), size, [[0.0, 1.0]]])
    first = Layer.dense(matrix, np.concatenate([np.zeros(2), -ends, [0.0]]), "relu")
    return [first, *(_kept(layer) for layer in amplified(np.append(spacing, 2.0**-24)))]


def _kept(layer: Layer) -> Layer:
    """The layer with two more inputs in front, which are not negative and are passed on."""
    two = np.arange(2)
    return Layer.sparse(
        np.concatenate([two, layer.rows + 2]),
        np.concatenate([two, layer.columns + 2]),
        np.concatenate([np.ones(2), layer.weights]),
        np.concatenate([np.zeros(2), layer.bias]),
        "relu",
    )


def _pairs() -> Layer:
    """x+, x- and one hot over pairs of sign and high byte, positive numbers first."""
    within = np.eye(_HIGH, _HIGH - 1) - np.eye(_HIGH, _HIGH - 1, -1)
    alone = np.zeros(_HIGH)
    alone[-1] = 1.0  # every size is below the end of the last high byte
    sign = np.ones((_HIGH, 1))
    keep, none = np.eye(2), np.zeros((_HIGH, 2))
    matrix = np.block([[keep, np.zeros((2, _HIGH))], [none, within, sign], [none, within, -sign]])
    return Layer.dense(matrix, np.concatenate([np.zeros(2), alone - 1.0, alone]), "relu")


def _distances(first: np.ndarray, spacing: np.ndarray) -> Layer:
    """The distance to the first number of the pair, in the unit of its spacing, and A."""
    same = np.unique(spacing)[:, None] == spacing
    masked = np.where(same, -first, -_MOST)
    size = np.ones((len(masked), 2))
    matrix = np.block([[size, masked, masked], [np.zeros((1, 2)), np.arange(_PAIRS)[None]]])
    return Layer.dense(matrix, np.zeros(len(matrix)), "relu")


def _low_byte(spacing: np.ndarray) -> Layer:
    """The low byte j, divided by 512, and A."""
    scales = 1.0 / (512.0 * np.unique(spacing))
    matrix = np.block([[scales, np.zeros(1)], [np.zeros(len(scales)), np.ones(1)]])
    return Layer.dense(matrix, np.zeros(2), "relu")


def _counts() -> Layer:
    """relu(j - i) for i = -1 ... 255, and relu(A - i) for i = -1 ... 247."""
    low, high = np.arange(-1.0, _LOW), np.arange(-1.0, _PAIRS)
    matrix = np.zeros((len(low) + len(high), 2))
    matrix[: len(low), 0], matrix[len(low) :, 1] = 512.0, 1.0
    return Layer.dense(matrix, -np.concatenate([low, high]), "relu")


def _one_hot_again() -> Layer:
    """1 - [j = b] for every low byte b, and [A = a] for every pair a."""
    low, high = (
        np.eye(n, n + 1) - 2.0 * np.eye(n, n + 1, 1) + np.eye(n, n + 1, 2) for n in (_LOW, _PAIRS)
    )
    matrix = np.block([[-low, np.zeros((_LOW, _PAIRS + 1))], [np.zeros((_PAIRS, _LOW + 1)), high]])
    return Layer.dense(matrix, np.repeat([1.0, 0.0], [_LOW, _PAIRS]), "relu")


def _look_up(table: np.ndarray) -> list[Layer]:
    """The value in row A and column j: positive and negative parts, and their difference."""
    masks = -_MOST * np.eye(_LOW)
    matrix = np.block([[masks, table.T], [masks, -table.T]])
    signs = np.repeat([[1.0, -1.0]], _LOW, axis=1)
    return [
        Layer.dense(matrix, np.zeros(2 * _LOW), "relu"),
        Layer.dense(signs, np.zeros(1), "linear"),
    ]
