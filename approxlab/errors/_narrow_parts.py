"""Where model and target of one variable may be narrower than the cells of an even rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.errors.pointwise import Function
from approxlab.networks.activations import KINK_SLOPES
from approxlab.networks.mlp import MLP
from approxlab.resolution import resolution_of

__all__ = ["narrow_edges", "narrow_points"]

_UNITS = 64  # of a network, the steepest
_AROUND = np.array([-8.0, -2.0, 0.0, 2.0, 8.0])  # widths of a steep unit


def narrow_edges(functions: tuple[Function, ...], box: Box, cell: float, size: float) -> np.ndarray:
    """Points at which the cells of a rule should be cut.

    Args:
        functions: Model and target.
        box: An interval.
        cell: Width of the cells.
        size: Changes of a network within a cell that are smaller than this need no cut.
    """
    (low,), (high,) = box.lower, box.upper
    edges = []
    for function in functions:
        edges.append(np.asarray(getattr(function, "kinks", None) or (), np.float64))
        if isinstance(function, MLP):
            edges.append(_steep_units(function, cell, size))
            continue
        found = resolution_of(function, low, high)
        if found.open is None and not found.even:
            edges.append(found.edges)
    together = np.unique(np.concatenate(edges))
    return together[(together > low) & (together < high)]


def narrow_points(function: Function, box: Box) -> np.ndarray:
    """Points in the narrow parts of a function, and steep units of a network; shape (n,)."""
    (low,), (high,) = box.lower, box.upper
    if isinstance(function, MLP):
        points = _steep_units(function, (high - low) / 256.0, 0.0)
    else:
        found = resolution_of(function, low, high)
        points = np.empty(0) if found.even else found.narrow()
    return points[(points > low) & (points < high)]


def _steep_units(net: Any, cell: float, size: float) -> np.ndarray:
    """Positions of units of the first layer that change the network by more than `size` in a cell.

    The change of one unit is at most |w| cell times the norms of the layers above. Smooth units
    that are wider than a cell are left out; of the others, points at a few widths around as well.
    """
    w, b = (np.asarray(a, np.float64) for a in (net.weights[0], net.biases[0]))
    if w.ndim != 2 or w.shape[1] != 1 or len(net.weights) < 2:
        return np.empty(0)
    w, above = np.abs(w[:, 0]), np.abs(np.asarray(net.weights[1], np.float64)).max(axis=0)
    for weights in net.weights[2:]:
        above = above * np.abs(np.asarray(weights, np.float64)).sum(axis=1).max()
    bent = net.activation in KINK_SLOPES or net.activation.startswith("relu")
    kinked = bent or net.activation == "heaviside"
    change = w * above * cell if bent else above
    steep = (w > 0) & (change > size) & (kinked | (w * cell > 1.0))
    chosen = np.flatnonzero(steep)
    chosen = chosen[np.argsort(-change[chosen], kind="stable")[:_UNITS]]
    position = -b[chosen] / np.asarray(net.weights[0], np.float64)[chosen, 0]
    if kinked:
        return position
    return (position[:, None] + _AROUND / w[chosen, None]).ravel()
