"""Piecewise linear functions of one variable, with the places where they bend."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from approxlab.plotting.style_sheets import ordered_colors

__all__ = ["plot_pieces"]

_ROW = 0.035  # of the height of the axes, for the marks of one layer
_ONES, _FEW = 60, 400  # breakpoints that are drawn as large dots, and as dots at all


def plot_pieces(pieces: Any, *, ax: Axes | None = None, output: Any = None, **style: Any) -> Axes:
    """Draw the pieces of a network on an interval, its breakpoints coloured by layer.

    Every place where a unit bends is a dot on the curve, and a mark in the row of its layer below
    the curve. Where units of several layers bend at one place, the first of these layers counts.

    Args:
        pieces: As `approxlab.regions.pieces` finds them.
        ax: Axes to draw on; by default new ones.
        output: Which of m values is drawn; needed if there are several.
        **style: Of the curve (`Axes.plot`).

    Returns:
        The axes.

    Raises:
        TypeError: If these are no pieces.
        ValueError: If there are several values and `output` does not say which.

    Example:
        >>> import approxlab as al
        >>> found = al.regions.pieces(al.constructions.tent_deep(2).network, al.Box([0.0], [1.0]))
        >>> ax = plot_pieces(found)
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['layer 1: 1 breakpoint', 'layer 2: 2 breakpoints']
        >>> ax.figure.clear()
    """
    values = _values(pieces, output)
    ax = plt.subplots()[1] if ax is None else ax
    ax.plot(pieces.edges, values, **{"color": "black", "linewidth": 1.2, "zorder": 2.0, **style})
    x, y, layers = pieces.edges[1:-1], values[1:-1], np.asarray(pieces.layers)
    depth = int(np.max(layers, initial=0))
    colors = ordered_colors(max(depth, 1))
    size = 22 if len(x) <= _ONES else 9
    low, high = ax.get_ylim()
    for layer in range(1, depth + 1):
        own = layers == layer
        count = int(np.count_nonzero(own))
        if not count:
            continue
        color = colors[layer - 1]
        label = f"layer {layer}: {count} breakpoint{'s' if count > 1 else ''}"
        shown = own & (len(x) <= _FEW)
        ax.scatter(x[shown], y[shown], s=size, color=color, zorder=3.0, label=label)
        row = _ROW * (depth - layer)
        across = ax.get_xaxis_transform()
        ax.vlines(x[own], row, row + 0.8 * _ROW, colors=color, linewidths=1.0, transform=across)
    # Room for the rows below the curve.
    share = _ROW * (depth + 1)
    ax.set_ylim(low - (high - low) * share / (1.0 - share), high)
    ax.set_xlim(float(pieces.edges[0]), float(pieces.edges[-1]))
    ax.set(xlabel="x", ylabel="value")
    if depth:
        # Above the rows, wherever there is most room.
        ax.legend(loc="best", bbox_to_anchor=(0.0, share, 1.0, 1.0 - share))
    return ax


def _values(pieces: Any, output: Any) -> np.ndarray:
    needed = ("edges", "values", "layers", "edge_errors")
    if not all(hasattr(pieces, name) for name in needed):
        raise TypeError(
            f"pieces: got {type(pieces).__name__}, expected pieces of a network on an interval: "
            "al.regions.pieces(net, box)."
        )
    values = np.asarray(pieces.values)
    if values.ndim == 1:
        if output is not None:
            raise ValueError(f"output: got {output!r}, expected None: values have shape ().")
        return values
    whole = isinstance(output, (int, np.integer)) and not isinstance(output, bool)
    if not whole or not 0 <= output < values.shape[1]:
        raise ValueError(
            f"output: got {output!r}, expected one of 0 to {values.shape[1] - 1}: which of the "
            f"{values.shape[1]} values is drawn."
        )
    found: np.ndarray = values[:, output]
    return found
