"""Stand-in for `regions.pieces`: breakpoints of a piecewise linear network on an interval."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.networks.activations import kink_slopes

__all__ = ["Pieces", "pieces"]


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """Edges (P+1,), values (P+1, m), slopes (P, m), patterns (P, units)."""

    edges: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    patterns: np.ndarray


def pieces(net: Any, box: Any) -> Pieces:
    """The pieces of the network on the box."""
    weights = [np.asarray(w, np.float64) for w in net.weights]
    biases = [np.asarray(b, np.float64) for b in net.biases]
    left, right = kink_slopes(net.activation, net.dtype)
    edges = np.array([box.lower[0], box.upper[0]])
    for depth in range(len(weights) - 1):
        z = _forward(weights, biases, net, left, right, edges, depth)
        bend = len(biases[depth]) - net.passthrough[depth]
        new = []
        for row in z[:bend]:
            i = np.flatnonzero(row[:-1] * row[1:] < 0)
            new.append(edges[i] + np.diff(edges)[i] * row[i] / (row[i] - row[i + 1]))
        edges = np.unique(np.concatenate([edges, *new]))
    middle = 0.5 * (edges[:-1] + edges[1:])
    signs = []
    for depth in range(len(weights) - 1):
        sign = np.where(_forward(weights, biases, net, left, right, middle, depth) >= 0, 1, -1)
        linear = net.passthrough[depth]
        sign[len(sign) - linear :] = 1
        signs.append(sign.astype(np.int8))
    values = _forward(weights, biases, net, left, right, edges, len(weights) - 1).T
    slopes = np.diff(values, axis=0) / np.diff(edges)[:, None]
    pattern = np.concatenate(signs).T if signs else np.zeros((len(edges) - 1, 0), np.int8)
    return Pieces(edges, values, slopes, pattern)


def _forward(
    weights: Any, biases: Any, net: Any, left: float, right: float, x: np.ndarray, depth: int
) -> np.ndarray:
    a = x[None, :]
    for i in range(depth + 1):
        z = weights[i] @ a + biases[i][:, None]
        if i < depth:
            a = np.where(z > 0, right * z, left * z)
            linear = net.passthrough[i]
            a[len(a) - linear :] = z[len(z) - linear :]
    return z
