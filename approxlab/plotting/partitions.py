"""Piecewise linear functions of two variables: their polygons, and where units bend."""

from __future__ import annotations

import colorsys
import hashlib
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.patheffects import withStroke
from matplotlib.tri import Triangulation

from approxlab.plotting.style_sheets import ordered_colors

__all__ = ["plot_partition"]

_FILLS = ("value", "slope", "pattern")
_NEEDED = ("vertices", "edges", "layers", "loops", "starts", "gradients", "patterns")
_MOST_LAYERS = 6  # named in a legend
_FEW = 300  # polygons, below which lines are drawn broad


def plot_partition(
    partition: Any,
    *,
    fill: Any = "value",
    lines: bool = True,
    output: Any = None,
    colorbar: bool = True,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw the polygons of a network on a rectangle, and where its units bend, layer by layer.

    The lines of the first layer are straight, those of a later one bend where they cross lines of
    layers below it: each layer has a colour, which on new axes a legend names.

    Args:
        partition: As `approxlab.regions.partition` finds it.
        fill: "value": the function, affine on every polygon; "slope": the length of its gradient,
            one colour for each polygon; "pattern": a colour that depends on the activation pattern
            only, so that a polygon keeps it in another box or after another step of training; or
            `None`: lines alone.
        lines: Whether the edges are drawn, coloured by layer.
        output: Which of m values is filled in; needed if there are several.
        colorbar: Whether values or slopes get their scale beside the axes.
        ax: Axes to draw on; by default new ones.
        **style: Of the lines (`matplotlib.collections.LineCollection`).

    Returns:
        The axes.

    Raises:
        TypeError: If this is no partition.
        ValueError: If there is no such fill, or there are several values and `output` does not say
            which.

    Example:
        >>> import jax
        >>> import approxlab as al
        >>> net = al.MLP.init(jax.random.key(1), 2, (8, 8), "relu")
        >>> found = al.regions.partition(net, al.Box([-1.0, -1.0], [1.0, 1.0]))
        >>> ax = plot_partition(found, fill="pattern")
        >>> ax.get_aspect()
        1.0
        >>> ax.figure.clear()
    """
    _check(partition, fill)
    own, ax = ax is None, plt.subplots()[1] if ax is None else ax
    drawn: Any = None
    if fill == "value":
        drawn = _fill_values(ax, partition, _of(partition.values, 1, output))
    elif fill == "slope":
        slopes = np.linalg.norm(_of(partition.gradients, 2, output), axis=-1)
        drawn = _polygons(partition, array=slopes, cmap="magma")
    elif fill == "pattern":
        drawn = _polygons(partition, facecolors=pattern_colors(partition.patterns), alpha=0.5)
    if isinstance(drawn, PolyCollection):
        ax.add_collection(drawn)
    if colorbar and fill in ("value", "slope"):
        label = "value" if fill == "value" else "length of the gradient"
        ax.figure.colorbar(drawn, ax=ax, label=label)
    if lines:
        _draw_lines(ax, partition, fill in (None, "pattern"), style)
        if own and 1 < np.max(partition.layers, initial=0) <= _MOST_LAYERS:
            ax.legend(loc="upper right", framealpha=0.9).set_zorder(4.0)
    (left, low), (right, high) = partition.box.lower, partition.box.upper
    on_plane = partition.plane is not None
    ax.set(xlim=(left, right), ylim=(low, high), aspect="equal")
    ax.set(xlabel="$s_1$" if on_plane else "$x_1$", ylabel="$s_2$" if on_plane else "$x_2$")
    ax.grid(False)
    return ax


def pattern_colors(patterns: np.ndarray) -> np.ndarray:
    """Light colours, shape (n, 3), each from the pattern alone: the same in every figure."""
    found = np.empty((len(patterns), 3))
    for i, row in enumerate(np.ascontiguousarray(patterns, np.int8)):
        hue, light, strong = hashlib.blake2b(row.tobytes(), digest_size=3).digest()
        found[i] = colorsys.hls_to_rgb(hue / 256, 0.68 + 0.22 * light / 255, 0.3 + strong / 510)
    return found


def _fill_values(ax: Axes, partition: Any, values: np.ndarray) -> Any:
    """Triangles of every polygon from its first vertex: with colours affine in between, exact."""
    starts, loops = partition.starts, partition.loops
    first = np.repeat(loops[starts[:-1]], np.diff(starts))
    after = np.append(loops[1:], 0)
    after[starts[1:] - 1] = loops[starts[:-1]]
    triangles = np.column_stack([first, loops, after])
    triangles = triangles[(triangles[:, 0] != triangles[:, 1]) & (triangles[:, 0] != after)]
    x, y = partition.vertices.T
    corners = Triangulation(x, y, triangles)
    mesh = ax.tripcolor(corners, values, shading="gouraud", rasterized=True)
    mesh.set_cmap("viridis")
    return mesh


def _polygons(partition: Any, **colors: Any) -> PolyCollection:
    corners = np.split(partition.vertices[partition.loops], partition.starts[1:-1])
    # Edges of the same colour, thin: without them white gaps are seen between polygons.
    return PolyCollection(corners, edgecolors="face", linewidths=0.2, rasterized=True, **colors)


def _draw_lines(ax: Axes, partition: Any, alone: bool, style: dict[str, Any]) -> None:
    """The last layer below, the first on top: at its lines those of all others bend."""
    depth = int(np.max(partition.layers, initial=0))
    colors = ordered_colors(max(depth, 1)) if alone else _on_fill(depth)
    few = len(partition) <= _FEW
    for layer in range(1, depth + 1):
        own = partition.edges[partition.layers == layer]
        if not len(own):
            continue
        width = (1.5 if few else 0.9) * (
            1.0 if depth == 1 else 1.25 - 0.5 * (layer - 1) / (depth - 1)
        )
        shown = {
            "colors": [colors[layer - 1]],
            "linewidths": width,
            "zorder": 2.9 - 0.01 * layer,
            **style,
        }
        if not alone and "path_effects" not in style:  # dark lines on the dark end of a map
            rim = np.max(shown["linewidths"]) + 0.8
            shown["path_effects"] = [withStroke(linewidth=rim, foreground="white", alpha=0.7)]
        ax.add_collection(
            LineCollection(
                list(partition.vertices[own]), label=f"layer {layer}", rasterized=True, **shown
            )
        )


def _on_fill(depth: int) -> list[Any]:
    """Lines over a map of values: black for the first layer, lighter for later ones."""
    return [str(round(0.75 * layer / max(depth, 1), 3)) for layer in range(depth)]


def _of(values: np.ndarray, dims: int, output: Any) -> np.ndarray:
    if values.ndim == dims:
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


def _check(partition: Any, fill: Any) -> None:
    if not all(hasattr(partition, name) for name in _NEEDED):
        raise TypeError(
            f"partition: got {type(partition).__name__}, expected the polygons of a network on a "
            "rectangle: al.regions.partition(net, box)."
        )
    if fill is not None and fill not in _FILLS:
        raise ValueError(f"fill: got {fill!r}, expected one of {', '.join(_FILLS)}, or None.")
