"""Plain ReLU layers of one variable at many points: values, and their Jacobian by one sweep back.

NumPy and not JAX: these networks have tens of units, one step takes a millisecond, and nothing has
to be compiled before the first one. float64 is needed whatever JAX is set to.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

__all__ = ["PlainLayers"]

Arrays = list[np.ndarray]


@dataclasses.dataclass(frozen=True)
class PlainLayers:
    """The shape of a network 1 - h_1 - ... - h_L - 1; its parameters are one array of numbers."""

    hidden: tuple[int, ...]

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """Of the weights, as (out, in)."""
        sizes = (1, *self.hidden, 1)
        return list(zip(sizes[1:], sizes[:-1], strict=True))

    @property
    def size(self) -> int:
        """Number of parameters."""
        return sum(rows * (columns + 1) for rows, columns in self.shapes)

    def packed(self, weights: Sequence[np.ndarray], biases: Sequence[np.ndarray]) -> np.ndarray:
        """All parameters in one array: of every layer the weights, then the biases."""
        return np.concatenate(
            [a.ravel() for pair in zip(weights, biases, strict=True) for a in pair]
        )

    def unpacked(self, parameters: np.ndarray) -> tuple[Arrays, Arrays]:
        """Weights and biases as views of the one array."""
        weights, biases, at = [], [], 0
        for rows, columns in self.shapes:
            weights.append(parameters[at : at + rows * columns].reshape(rows, columns))
            at += rows * columns
            biases.append(parameters[at : at + rows])
            at += rows
        return weights, biases

    def values(self, parameters: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Values at the points x of shape (k,)."""
        weights, biases = self.unpacked(parameters)
        held = x[None]
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            held = np.maximum(W @ held + b[:, None], 0.0)
        return (weights[-1] @ held + biases[-1][:, None])[0]

    def kinks(self, parameters: np.ndarray) -> np.ndarray:
        """Where units switch inside of [0, 1], increasing: layer by layer, as zeros of lines."""
        weights, biases = self.unpacked(parameters)
        edges = np.array([0.0, 1.0])
        for layer in range(len(self.hidden)):
            held = edges[None]
            for W, b in zip(weights[:layer], biases[:layer], strict=True):
                held = np.maximum(W @ held + b[:, None], 0.0)
            before = weights[layer] @ held + biases[layer][:, None]
            left, right = before[:, :-1], before[:, 1:]
            unit, cell = np.nonzero(np.signbit(left) != np.signbit(right))
            part = left[unit, cell] / (left[unit, cell] - right[unit, cell])
            new = edges[cell] + np.clip(part, 0.0, 1.0) * np.diff(edges)[cell]
            edges = np.union1d(edges, new[np.isfinite(new)])
        return edges[1:-1]

    def jacobian(self, parameters: np.ndarray, x: np.ndarray, factors: np.ndarray) -> np.ndarray:
        """Derivatives of factors * values with respect to the parameters, shape (parameters, k).

        At a kink the derivative of relu is taken as 0.
        """
        weights, biases = self.unpacked(parameters)
        held, inputs = x[None], []
        for W, b in zip(weights[:-1], biases[:-1], strict=True):
            inputs.append(held)
            held = np.maximum(W @ held + b[:, None], 0.0)
        inputs.append(held)
        result = np.empty((len(parameters), len(x)))
        end, back = len(parameters), factors[None]
        for layer in reversed(range(len(weights))):
            rows, columns = weights[layer].shape
            result[end - rows : end] = back
            begin = end - rows * (columns + 1)
            products = back[:, None, :] * inputs[layer][None]
            result[begin : end - rows] = products.reshape(rows * columns, -1)
            if layer:
                back = (weights[layer].T @ back) * (inputs[layer] > 0.0)
            end = begin
        return result
