"""The diagram of a network: units in columns, weights as lines by size and sign."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from approxlab.arguments import check_positive
from approxlab.plotting.palette import colors

__all__ = ["plot_network"]

_UNIT = 30.0  # diameter of a unit, in points: the size at which its bias can be read
_ROW, _COLUMN = 40.0, 108.0  # distances between units of one layer, and between layers
_LETTER = 6.6  # width of a letter of the names, about
_MARGIN = 84.0  # above and below the units: names of the layers and legend
_MOST = 9
_WIDEST = 3.2


def plot_network(
    net: Any, *, units: int | None = None, ax: Axes | None = None, **style: Any
) -> Axes:
    """Draw a network: inputs left, outputs right, one column of units for every layer.

    Every weight is a line, full if it is positive and dashed if it is negative, as wide as its size
    relative to the largest of its layer; a weight that is zero has none. In a unit stands its bias.
    Linear units are squares. A layer of more units than there is room for shows the first and the
    last of them with dots between; above it stands how many there are.

    Args:
        net: A single `MLP`.
        units: Most units that a layer shows, at least 3; by default 9, fewer where given axes are
            too low for the biases to be read.
        ax: Axes to draw on; by default new ones, as large as the diagram.
        **style: Of the lines (`matplotlib.collections.LineCollection`).

    Returns:
        The axes.

    Raises:
        TypeError: If it is no network.
        ValueError: If networks are stacked, or `units` is below 3.

    Example:
        >>> import jax
        >>> import approxlab as al
        >>> ax = plot_network(al.MLP.init(jax.random.key(0), 2, (64, 3), "tanh"))
        >>> [text.get_text() for text in ax.texts if "tanh" in text.get_text()]
        ['64 tanh', '3 tanh']
        >>> ax.figure.clear()
    """
    _check(net, units)
    sizes = net.sizes
    most = _room(ax) if units is None else units
    shown = [_shown(size, most) for size in sizes]
    rows = max(
        len(chosen) + (len(chosen) < size) for chosen, size in zip(shown, sizes, strict=True)
    )
    if ax is None:
        inches = (_COLUMN * (len(sizes) - 0.2) / 72, (_ROW * rows + _MARGIN) / 72)
        figure = plt.figure(figsize=(max(inches[0], 4.2), inches[1]), layout="none")
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    names = [_name(net, layer) for layer in range(len(sizes))]
    longest = max(len(line) for name in names for line in name.split("\n"))
    narrow = _width(ax) / len(sizes) < _LETTER * longest
    places = [_places(chosen, size) for chosen, size in zip(shown, sizes, strict=True)]
    for layer, weight in enumerate(net.weights):
        kept = np.asarray(weight, float)[np.ix_(shown[layer + 1], shown[layer])]
        largest = float(np.max(np.abs(np.asarray(weight, float)), initial=0.0))
        _draw_weights(ax, layer, kept, largest, places[layer], places[layer + 1], style)
    for layer, size in enumerate(sizes):
        _draw_units(ax, net, layer, shown[layer], places[layer])
        if len(shown[layer]) < size:
            ax.text(
                layer, 0.5 * sum(places[layer][-2:]), "⋮", ha="center", va="center", fontsize=16
            )
        # Names that would touch stand at two heights in turn.
        top = 0.5 * rows + 0.1 + (0.9 if narrow and layer % 2 else 0.0)
        ax.text(layer, top, names[layer], ha="center", va="bottom", fontsize=10)
    _finish(ax, len(sizes), rows, 0.9 * narrow)
    return ax


def _room(ax: Axes | None) -> int:
    """How many units can stand above one another on given axes."""
    if ax is None:
        return _MOST
    height = ax.get_window_extent().height * 72.0 / ax.figure.get_dpi()
    return int(np.clip(height / (_UNIT + 2.0) - _MARGIN / _ROW - 1.0, 3, _MOST))


def _width(ax: Axes) -> float:
    return float(ax.get_window_extent().width) * 72.0 / ax.figure.get_dpi()


def _shown(size: int, most: int) -> list[int]:
    """Which units are drawn: all, or the first ones and the last."""
    return list(range(size)) if size <= most else [*range(most - 1), size - 1]


def _places(chosen: list[int], size: int) -> list[float]:
    """Heights, the first unit at the top; before the last one a row for the dots."""
    rows = [float(i) for i in range(len(chosen))]
    if len(chosen) < size:
        rows[-1] += 1.0
    middle = 0.5 * rows[-1]
    return [middle - row for row in rows]


def _draw_weights(
    ax: Axes,
    layer: int,
    weights: np.ndarray,
    largest: float,
    left: list[float],
    right: list[float],
    style: dict[str, Any],
) -> None:
    color = colors("signs")
    for sign, dashes in (("positive", "solid"), ("negative", (0, (4, 2)))):
        chosen = np.argwhere(weights > 0 if sign == "positive" else weights < 0)
        if not len(chosen):
            continue
        lines = [[(layer, left[i]), (layer + 1, right[o])] for o, i in chosen]
        part = np.abs(weights[tuple(chosen.T)]) / (largest or 1.0)
        widths = 0.25 + (_WIDEST - 0.25) * part
        drawn = {"linestyles": dashes, "colors": color[sign], "alpha": 0.75, "zorder": 1.0}
        ax.add_collection(LineCollection(lines, linewidths=widths, **(drawn | style)))


def _draw_units(ax: Axes, net: Any, layer: int, chosen: list[int], places: list[float]) -> None:
    linear = _linear(net, layer)
    size = net.sizes[layer]
    for unit, height in zip(chosen, places, strict=True):
        marker = "s" if layer == 0 or unit >= size - linear else "o"
        ax.plot(
            layer,
            height,
            marker,
            markersize=_UNIT,
            color="white",
            zorder=2.0,
            markeredgecolor="black",
            markeredgewidth=0.9,
        )
        text = f"$x_{{{unit + 1}}}$" if layer == 0 else _short(float(net.biases[layer - 1][unit]))
        ax.text(layer, height, text, ha="center", va="center", fontsize=9, zorder=3.0)


def _linear(net: Any, layer: int) -> int:
    """How many units of a layer are linear: of hidden layers the last ones, of the output all."""
    if layer == 0:
        return 0
    if layer == len(net.sizes) - 1:
        return int(net.sizes[-1])
    return int(net.passthrough[layer - 1]) if net.passthrough else 0


def _name(net: Any, layer: int) -> str:
    size = net.sizes[layer]
    if layer == 0:
        return f"{size} input{'s' * (size > 1)}"
    if layer == len(net.sizes) - 1:
        return f"{size} output{'s' * (size > 1)}"
    linear = _linear(net, layer)
    name = f"{size - linear} {net.activation}"
    return f"{name}\n+ {linear} linear" if linear else name


def _short(bias: float) -> str:
    """Three characters or so: what fits into a unit."""
    if bias == 0.0:
        return "0"
    if not np.isfinite(bias):
        return f"{bias:.0f}"
    if 0.005 <= abs(bias) < 9.95:
        text = f"{bias:.2f}" if abs(bias) < 0.995 else f"{bias:.1f}"
        return text.replace("-0.", "-.").replace("0.", ".", 1) if abs(bias) < 0.995 else text
    if abs(bias) < 999.5 and abs(bias) >= 9.95:
        return f"{bias:.0f}"
    mantissa, exponent = f"{bias:.0e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def _finish(ax: Axes, layers: int, rows: int, above: float) -> None:
    color = colors("signs")
    dashes: dict[str, Any] = {"positive": "-", "negative": (0, (4, 2))}
    handles = [
        Line2D(
            [], [], color=color[sign], linewidth=2, linestyle=dashes[sign], label=f"{sign} weight"
        )
        for sign in dashes
    ]
    place: dict[str, Any] = {"loc": "lower center", "ncols": 2, "frameon": False, "fontsize": 9}
    ax.legend(
        handles=handles,
        title="width: size in its layer; in a unit: its bias",
        title_fontsize=9,
        **place,
    )
    ax.set(xlim=(-0.5, layers - 0.5), ylim=(-0.5 * rows - 1.3, 0.5 * rows + 0.8 + above))
    ax.set_axis_off()


def _check(net: Any, units: int | None) -> None:
    needed = ("weights", "biases", "sizes", "activation", "passthrough")
    if not all(hasattr(net, name) for name in needed):
        raise TypeError(f"net: got {type(net).__name__}, expected an MLP, such as fit.network.")
    if np.ndim(net.weights[0]) != 2:
        raise ValueError(
            f"net: got stacked networks {net!r}, expected a single one. Use net.member(0)."
        )
    if units is not None:
        check_positive(units=units)
        if units < 3:
            raise ValueError(f"units: got {units}, expected at least 3: first, dots and last.")
