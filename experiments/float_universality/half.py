"""Networks that run in float16 alone: every product and every partial sum is rounded.

A unit adds the products of its inputs and its weights, and its bias, in some order, and applies an
activation that is correctly rounded: the real function, rounded once to nearest, ties to even.
NumPy rounds each float16 operation to nearest (it computes in float32, which for two float16
operands gives the same result: 24 bits are enough, 24 >= 2 * 11 + 2).

Products with a hidden unit that is zero are left out, for a group of inputs where it is zero for
all: adding a zero changes no partial sum but the sign of a zero. Weights and hidden values must be
finite for that, and `values` holds them to it. The two zeros count as one number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

__all__ = [
    "FINITE",
    "GROUP",
    "INPUTS",
    "Layer",
    "activated",
    "num_hidden_units",
    "num_weights",
    "values",
]

GROUP = 256
"""Inputs that are run together; of sorted ones, those of one high byte."""


def _all_finite() -> np.ndarray:
    """Both zeros and all other finite float16, in increasing order, -0 before 0."""
    positive = np.arange(0x7C00, dtype=np.uint16).view(np.float16)
    return np.concatenate([-positive[::-1], positive])


INPUTS = _all_finite()
"""The 63 488 finite float16, shape (63488,)."""

FINITE = np.delete(INPUTS, 0x7BFF)
"""The 63 487 different numbers among them, shape (63487,): -0 is left out."""

_REAL: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "step": lambda z: (z > 0.0).astype(float),
    "relu": lambda z: np.maximum(z, 0.0),
    "tanh": np.tanh,
    "sigmoid": lambda z: np.where(z > 0.0, 1.0, np.exp(-np.abs(z))) / (1.0 + np.exp(-np.abs(z))),
    "cos": np.cos,
    "sin": np.sin,
    "soft shrinkage": lambda z: np.sign(z) * np.maximum(np.abs(z) - 0.5, 0.0),
    "linear": lambda z: z,
}


@cache
def _table(activation: str) -> np.ndarray:
    """The rounded activation of all 65 536 patterns of bits."""
    patterns = np.arange(2**16, dtype=np.uint16).view(np.float16)
    with np.errstate(all="ignore"):
        return _REAL[activation](patterns.astype(np.float64)).astype(np.float16)


def activated(activation: str, z: np.ndarray) -> np.ndarray:
    """The correctly rounded activation of float16 numbers, in float16."""
    return _table(activation)[z.view(np.uint16)]


@dataclass(frozen=True)
class Layer:
    """Units with sparse weights: entry i is the weight of unit rows[i] for input columns[i].

    Attributes:
        rows: Unit of each weight, increasing.
        columns: Input of each weight.
        weights: float16, finite, none of them zero.
        bias: float16 per unit.
        activation: Name.
    """

    rows: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    bias: np.ndarray
    activation: str

    @classmethod
    def dense(cls, matrix: np.ndarray, bias: np.ndarray, activation: str) -> Layer:
        """From a matrix of shape (units, inputs); its numbers must be float16 exactly."""
        rows, columns = np.nonzero(matrix)
        return cls.sparse(rows, columns, matrix[rows, columns], bias, activation)

    @classmethod
    def sparse(
        cls,
        rows: np.ndarray,
        columns: np.ndarray,
        weights: np.ndarray,
        bias: np.ndarray,
        activation: str,
    ) -> Layer:
        """From entries in any order; zeros are left out, numbers must be float16 exactly."""
        order = np.lexsort((columns, rows))
        order = order[np.asarray(weights)[order] != 0.0]
        return cls(rows[order], columns[order], _half(weights)[order], _half(bias), activation)


def _half(numbers: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        rounded = np.asarray(numbers).astype(np.float16)
    if not (np.all(rounded == numbers) and np.all(np.isfinite(rounded))):
        raise ValueError("weights: got numbers that are not finite float16.")
    return rounded


def num_hidden_units(network: Sequence[Layer]) -> int:
    """Units of all layers but the last."""
    return sum(len(layer.bias) for layer in network[:-1])


def num_weights(network: Sequence[Layer]) -> int:
    """Weights and biases that are not zero."""
    return sum(len(layer.weights) + int(np.count_nonzero(layer.bias)) for layer in network)


def values(
    network: Sequence[Layer],
    inputs: np.ndarray,
    total: Callable[[np.ndarray], np.ndarray],
    watch: Callable[[np.ndarray], None] | None = None,
) -> np.ndarray:
    """The network's values, float16 of shape (inputs,).

    Args:
        network: Layers; the last has one unit.
        inputs: float16 of shape (inputs,). Sorted inputs are faster.
        total: Adds terms of shape (terms, units, inputs) along the first axis; see `orders.py`.
        watch: Is given the terms of every layer.

    Raises:
        ArithmeticError: If a hidden value is infinite or no number.
    """
    parts = []
    for start in range(0, len(inputs), GROUP):
        x = inputs[None, start : start + GROUP]
        for layer in network:
            if not np.all(np.isfinite(x)):
                raise ArithmeticError("a hidden value is not finite: zero weights times it are NaN")
            terms = _terms(layer, x)
            if watch is not None:
                watch(terms)
            with np.errstate(over="ignore", invalid="ignore"):
                x = activated(layer.activation, total(terms))
        parts.append(x[0])
    return np.concatenate(parts)


def _terms(layer: Layer, x: np.ndarray) -> np.ndarray:
    """Products and bias of each unit, shape (terms, units, inputs), filled up with zeros."""
    kept = np.any(x != 0, axis=1)[layer.columns]
    rows, columns, weights = layer.rows[kept], layer.columns[kept], layer.weights[kept]
    units = len(layer.bias)
    counts = np.bincount(rows, minlength=units)
    places = np.arange(len(rows)) - (np.cumsum(counts) - counts)[rows]
    most = counts.max(initial=0)
    biased = most == 0 or bool(np.any(layer.bias))
    terms = np.zeros((most + biased, units, x.shape[1]), np.float16)
    with np.errstate(over="ignore", under="ignore"):
        terms[places, rows] = weights[:, None] * x[columns]
    if biased:
        terms[-1] = layer.bias[:, None]
    return terms
