"""Where model and target of one variable may be narrower than the cells of an even rule."""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.errors.pointwise import Function
from approxlab.networks.activations import KINK_SLOPES
from approxlab.networks.mlp import MLP
from approxlab.regions._breakpoints import Limits
from approxlab.regions.one_dimensional import breakpoints
from approxlab.resolution import resolution_of

__all__ = ["between_edges", "narrow_edges", "narrow_points", "network_edges"]

_UNITS = 64  # of a network, the steepest
_LIMITS = Limits(columns=2**14, numbers=2**22, products=10**7)  # for a second, ties for more
_INSIDE = np.arange(1, 9) / 9.0  # places in a piece that a grid may pass over
_MANY = 128  # pieces
_AROUND = np.array([-8.0, -2.0, 0.0, 2.0, 8.0])  # widths of a steep unit


def network_edges(function: Any, box: Box) -> np.ndarray | None:
    """All kinks of a piecewise linear network in an interval, with its ends.

    None for any other function, and for a network of so many pieces, or of so many ties, that
    finding them would take many seconds.
    """
    if box.dim != 1 or not isinstance(function, MLP) or function.in_size != 1:
        return None
    if function.weights[0].ndim != 2:
        return None
    return breakpoints(function, box, _LIMITS)


def between_edges(edges: np.ndarray, spacing: float) -> tuple[np.ndarray, np.ndarray]:
    """Points inside of pieces that hold few points of an even grid, and how far apart they are.

    Args:
        edges: Of the pieces, increasing.
        spacing: Of the grid.

    Returns:
        Points of shape (pieces, 8), or (pieces, 2) where there are many, and one distance for each
        piece.
    """
    lengths = np.diff(edges)
    short = np.flatnonzero((lengths > 0) & (lengths < len(_INSIDE) * spacing))
    places = _INSIDE if len(short) <= _MANY else _INSIDE[2::3]  # a third and two thirds
    points = edges[short, None] + lengths[short, None] * places
    return points, lengths[short] * places[0]


def narrow_edges(
    functions: tuple[Function, ...], box: Box, cell: float, size: float, *, networks: bool = True
) -> np.ndarray:
    """Points at which the cells of a rule should be cut.

    Args:
        functions: Model and target.
        box: An interval.
        cell: Width of the cells.
        size: Changes of a network within a cell that are smaller than this need no cut.
        networks: False leaves out the units of networks, whose pieces are known.
    """
    (low,), (high,) = box.lower, box.upper
    edges = [np.empty(0)]
    for function in functions:
        edges.append(np.asarray(getattr(function, "kinks", None) or (), np.float64))
        if isinstance(function, MLP):
            if networks:
                edges.append(_steep_units(function, cell, size))
            continue
        resolved = resolution_of(function, low, high)
        if resolved.open is None and not resolved.even:
            edges.append(resolved.edges)
    together = np.unique(np.concatenate(edges))
    return together[(together > low) & (together < high)]


def narrow_points(function: Function, box: Box, edges: np.ndarray | None) -> np.ndarray:
    """Points in the narrow parts of a function; of a network its edges, or steep units."""
    (low,), (high,) = box.lower, box.upper
    if edges is not None:
        points = edges
    elif isinstance(function, MLP):
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
