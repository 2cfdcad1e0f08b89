"""Computational graphs as lectures draw them: values above the edges, gradients below."""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyArrowPatch, PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.textpath import TextPath

from approxlab.plotting._layered import Box, Edge, Layout, arrange
from approxlab.plotting.palette import colors

__all__ = ["plot_trace"]

Row = Mapping[str, Any]

_LARGEST = 200  # nodes
_EDGE = "0.35"
_SWEEPS = colors("sweeps of a trace")


@dataclasses.dataclass(frozen=True)
class _Node:
    """What is drawn of a line of the trace."""

    key: str
    name: str
    label: str
    sign: str
    operands: tuple[str, ...]
    output: bool
    value: str
    adjoint: str
    parts: Mapping[tuple[str, int], tuple[str, str]]  # (step, operand): contribution, derivative


@dataclasses.dataclass(frozen=True)
class _Style:
    size: float
    value_color: str
    gradient_color: str
    names: bool
    local: bool


def plot_trace(
    trace: Any,
    *,
    ax: Axes | None = None,
    font_size: int | float = 11.0,
    value_color: str = _SWEEPS["forward"],
    gradient_color: str = _SWEEPS["reverse"],
    names: bool = True,
    local: bool = False,
    digits: int = 3,
) -> Axes:
    """The computational graph of a trace: operations in circles, edges from left to right.

    Above an edge stands the value that it carries, below it the gradient that comes back along it:
    what this use adds to the adjoint of the variable. Where several uses add up, the sum stands
    under the node. Inputs are boxes. The drawing scales with its axes, letters included, so that
    nothing overlaps at any size; axes made here have the size at which letters have `font_size`.

    Args:
        trace: A trace (anything with `to_rows()`), or the rows of one.
        ax: Axes to draw on; by default new ones.
        font_size: Size of the letters, in points, where the drawing has its natural size.
        value_color: Colour of values.
        gradient_color: Colour of gradients.
        names: Whether to write v1, v2, ... or their labels above the nodes.
        local: Whether to write a gradient as adjoint times local derivative.
        digits: Significant digits of the numbers.

    Returns:
        The axes. Their limits are the natural size of the drawing in points.

    Raises:
        ValueError: If there are no steps, or more than 200.

    Source:
        The style of Stanford's CS231n, lecture on backpropagation.
    """
    rows = trace.to_rows() if hasattr(trace, "to_rows") else _listed(trace)
    if not all(isinstance(row, Mapping) for row in rows):
        raise TypeError(f"trace: got {type(trace).__name__}, expected a trace, or the rows of one.")
    nodes = _nodes(rows, digits)
    if not 0 < len(nodes) <= _LARGEST:
        raise ValueError(
            f"trace: got {len(nodes)} steps, expected 1 to {_LARGEST}. Draw a smaller network, or "
            "wrap a part in jax.custom_jvp to make it one step."
        )
    style = _Style(font_size, value_color, gradient_color, names, local)
    boxes = [_node_box(node, style) for node in nodes]
    edges, texts = _edges(nodes, style)
    boxes.append(Box(2.0, 2.0, 2.0))  # where the output leaves
    layout = arrange(boxes, edges)
    margin = 0.5 * font_size
    if ax is None:
        inches = ((layout.width + 2 * margin) / 72, (layout.height + 2 * margin) / 72)
        ax = plt.figure(figsize=inches, layout="none").add_axes((0.0, 0.0, 1.0, 1.0))
    ax.set_axis_off()
    ax.set_xlim(-margin, layout.width + margin)
    ax.set_ylim(-margin, layout.height + margin)
    ax.set_aspect("equal")
    _draw_edges(ax, layout, nodes, edges, texts, style)
    for node, place in zip(nodes, layout.nodes, strict=False):
        _draw_node(ax, node, place, style)
    return ax


def _listed(trace: Any) -> list[Any]:
    return list(trace) if isinstance(trace, Iterable) else [trace]


class _ScaledText(Text):
    """Text whose size is given in units of the axes, as that of every other artist."""

    def __init__(self, ax: Axes, x: float, y: float, text: str, size: float, **kwargs: Any) -> None:
        super().__init__(x, y, text, transform=ax.transData, fontsize=size, **kwargs)
        self.units, self.shown_on = size, ax
        ax.add_artist(self)

    def _rescale(self) -> None:
        (x0, _), (x1, _) = self.shown_on.transData.transform([(0.0, 0.0), (1.0, 0.0)])
        figure = self.shown_on.figure
        size = self.units * abs(x1 - x0) * 72 / (72.0 if figure is None else figure.dpi)
        if abs(size - self.get_fontsize()) > 1e-6 * size:
            self.set_fontsize(size)

    def draw(self, renderer: Any) -> None:
        self._rescale()
        super().draw(renderer)

    def get_window_extent(self, renderer: Any = None, dpi: float | None = None) -> Any:
        self._rescale()
        return super().get_window_extent(renderer, dpi)


def _nodes(rows: Sequence[Row], digits: int) -> list[_Node]:
    steps: dict[str, list[Row]] = {}
    added: dict[str, dict[tuple[str, int], list[Row]]] = {}
    for row in rows:
        if row["kind"] == "step":
            steps.setdefault(row["name"], []).append(row)
        elif row["kind"] == "contribution":
            place = (row["source"], row["position"])
            added.setdefault(row["name"], {}).setdefault(place, []).append(row)
    nodes = []
    for name, entries in steps.items():
        first, shape = entries[0], entries[0]["shape"]
        parts = {
            place: (
                _shown([row["contribution"] for row in part], shape, digits),
                _shown([part[0]["local"]], "", digits),
            )
            for place, part in added.get(name, {}).items()
        }
        nodes.append(
            _Node(
                key=name,
                name=first["symbol"],
                label=first["label"],
                sign=first["op"],
                operands=tuple(first["operands"].split()),
                output=bool(first["output"]),
                value=_shown([row["primal"] for row in entries], shape, digits),
                adjoint=_shown([row["adjoint"] for row in entries], shape, digits),
                parts=parts,
            )
        )
    return nodes


def _shown(entries: Sequence[Any], shape: str, digits: int) -> str:
    """A number, up to four entries, or the shape of a larger array; "" for what is not there."""
    if any(entry is None for entry in entries):
        return ""
    sizes = [int(size) for size in shape.split("x")] if shape else []
    words = [_number(entry, digits) for entry in entries]
    if not sizes:
        return words[0]
    if len(sizes) > 2 or len(words) > 4:
        return "×".join(map(str, sizes))
    lines = np.array(words, object).reshape(sizes if len(sizes) == 2 else (1, -1))
    return "[" + "; ".join(" ".join(line) for line in lines) + "]"


def _number(value: Any, digits: int) -> str:
    """Rounded to so many significant digits; exact and short where one digit more is enough."""
    if isinstance(value, complex) and value.imag:
        real = _number(value.real, digits) if value.real else ""
        imaginary = _number(value.imag, digits)
        return f"{real}{'' if imaginary[0] == '−' or not real else '+'}{imaginary}i"
    value = float(np.real(value))
    longer = f"{value:.{digits + 1}g}"
    exact = math.isclose(float(longer), value, rel_tol=1e-9, abs_tol=1e-12)
    text = longer if exact or not math.isfinite(value) else f"{value:#.{digits}g}".rstrip(".")
    return text.replace("-", "−")


def _math(name: str) -> str:
    """A letter with an index as mathematics, other names as they are."""
    found = re.fullmatch(r"([A-Za-z])_?(-?\d+)", name)
    if found:
        return f"${found[1]}_{{{found[2]}}}$"
    return f"${name}$" if re.fullmatch("[A-Za-z]", name) else name.replace("$", r"\$")


def _width(text: str, size: float) -> float:
    if not text:
        return 0.0
    return float(TextPath((0, 0), text, prop=FontProperties(size=size)).get_extents().width)


def _sum(node: _Node) -> str:
    """The adjoint as it was added up, where several uses contribute; on two lines."""
    if len(node.parts) < 2 or not all(part for part, _ in node.parts.values()):
        return ""
    first, *rest = [part for part, _ in node.parts.values()]
    if first.startswith("[") or "×" in first:
        return f"sum\n{node.adjoint}"
    signed = "".join(f" − {part[1:]}" if part[0] == "−" else f" + {part}" for part in rest)
    return f"{first}{signed}\n= {node.adjoint}"


def _radius(style: _Style) -> float:
    return 1.35 * style.size


def _half(node: _Node, style: _Style) -> float:
    """Half the width of the circle, or of the longer shape that a long sign needs."""
    width = _width(node.sign or _math(node.label), _sign_size(node, style))
    return max(_radius(style), 0.5 * width + 0.55 * style.size)


def _sign_size(node: _Node, style: _Style) -> float:
    return (1.5 if len(node.sign) == 1 else 1.1) * style.size


def _above(node: _Node) -> str:
    """What is written above a node: its name, unless it is inside."""
    return node.name if node.sign or node.name != node.label else ""


def _node_box(node: _Node, style: _Style) -> Box:
    radius, small = _radius(style), 0.85 * style.size
    above = radius + (1.3 * small if style.names and _above(node) else 0.0)
    lines = _sum(node).split("\n")
    below = radius + (2.9 * style.size if len(lines) > 1 else 0.0)
    widths = [_width(line, style.size) for line in lines]
    return Box(max(2 * _half(node, style), *widths), above, below)


def _edges(nodes: Sequence[_Node], style: _Style) -> tuple[list[Edge], list[tuple[str, str]]]:
    """Edges in the order of their targets, each with the texts above and below it."""
    number = {node.key: i for i, node in enumerate(nodes)}
    edges, texts = [], []

    def add(source: _Node, target: int, place: tuple[str, int], adjoint: str) -> None:
        part, slope = source.parts.get(place, ("", ""))
        if style.local and slope and adjoint:
            part = f"{adjoint} · {slope} = {part}"
        width = max(_width(source.value, style.size), _width(part, style.size))
        tall = 1.45 * style.size
        edges.append(Edge(number[source.key], target, Box(width + 6.0, tall, tall)))
        texts.append((source.value, part))

    for i, node in enumerate(nodes):
        for position, operand in enumerate(node.operands):
            add(nodes[number[operand]], i, (node.key, position), node.adjoint)
    for node in nodes:
        if node.output:
            add(node, len(nodes), ("seed", 0), "")
    return edges, texts


def _draw_node(ax: Axes, node: _Node, place: np.ndarray, style: _Style) -> None:
    x, y = map(float, place)
    radius, half = _radius(style), _half(node, style)
    look: dict[str, Any] = {"linewidth": 1.2, "edgecolor": "0.15", "zorder": 3}
    if node.sign:
        ax.add_patch(PathPatch(_pill(x, y, half, radius), facecolor="white", **look))
    else:
        ax.add_patch(
            Rectangle((x - half, y - radius), 2 * half, 2 * radius, facecolor="0.94", **look)
        )
    _ScaledText(ax, x, y, node.sign or _math(node.label), _sign_size(node, style), ha="center",
                va="center_baseline" if len(node.sign) != 1 else "center", zorder=4)  # fmt: skip
    if style.names and _above(node):
        small = 0.85 * style.size
        _ScaledText(ax, x, y + radius + 0.35 * small, _math(_above(node)), small, color="0.4",
                    ha="center", va="baseline", zorder=4)  # fmt: skip
    if _sum(node):
        _ScaledText(ax, x, y - radius - 0.35 * style.size, _sum(node), style.size, ha="center",
                    va="top", color=style.gradient_color, zorder=4)  # fmt: skip


def _pill(x: float, y: float, half: float, radius: float) -> Path:
    """Two half circles and what is between them; a circle where half the width is the radius."""
    right, left = Path.arc(-90, 90), Path.arc(90, 270)
    right_half = np.asarray(right.vertices, float) * radius + (x + half - radius, y)
    left_half = np.asarray(left.vertices, float) * radius + (x - half + radius, y)
    arcs = [np.asarray(end.codes)[1:] for end in (right, left)]
    points = np.concatenate([right_half, left_half, right_half[:1]])
    codes = [Path.MOVETO, *arcs[0], Path.LINETO, *arcs[1], Path.CLOSEPOLY]
    return Path(points, codes)


def _draw_edges(
    ax: Axes,
    layout: Layout,
    nodes: Sequence[_Node],
    edges: Sequence[Edge],
    texts: Sequence[tuple[str, str]],
    style: _Style,
) -> None:
    """Curves that leave and enter nodes towards their middles and are level across columns."""
    radius = _radius(style)
    halves = [_half(node, style) - radius for node in nodes]
    for edge, label, route, (above, below) in zip(
        edges, layout.labels, layout.routes, texts, strict=True
    ):
        start = layout.nodes[edge.source] + np.array([halves[edge.source], 0.0])
        end, entering = layout.nodes[edge.target], 0.0
        if edge.target < len(nodes):
            end, entering = end - np.array([halves[edge.target], 0.0]), radius
        path = _path(start, end, route, radius, entering)
        ax.add_patch(
            FancyArrowPatch(
                path=path, arrowstyle="-|>,head_length=3.2,head_width=1.8", color=_EDGE,
                linewidth=1.1, shrinkA=0, shrinkB=0, zorder=1, mutation_scale=1.4, capstyle="butt",
            )
        )  # fmt: skip
        x, y = map(float, label)
        pad = 0.3 * style.size
        for text, dy, va, color in (
            (above, pad, "baseline", style.value_color),
            (below, -pad, "top", style.gradient_color),
        ):
            if text:
                _ScaledText(
                    ax, x, y + dy, text, style.size, color=color, ha="center", va=va, zorder=5
                )


def _path(
    start: np.ndarray,
    end: np.ndarray,
    route: Sequence[tuple[float, float, float]],
    leaving: float,
    entering: float,
) -> Path:
    first, last = np.array(route[0][::2]), np.array(route[-1][1:])
    points = [_border(start, first, leaving)]
    codes = [Path.MOVETO]

    def curve(to: np.ndarray, out: np.ndarray, into: np.ndarray) -> None:
        points.extend([out, into, to])
        codes.extend([Path.CURVE4] * 3)

    for left, right, y in route:
        here, there = np.array([left, y]), points[-1]
        half = 0.5 * (left - there[0])
        out = (
            there + (there - start) * (half / max(leaving, 1e-9))
            if len(points) == 1
            else (there + np.array([half, 0.0]))
        )
        curve(here, out, here - np.array([half, 0.0]))
        points.append(np.array([right, y]))
        codes.append(Path.LINETO)
    stop = _border(end, last, entering)
    half = 0.5 * (stop[0] - last[0])
    into = stop + (last - stop) * 0.35
    curve(stop, last + np.array([half, 0.0]), into)
    return Path(np.array(points), codes)


def _border(centre: np.ndarray, towards: np.ndarray, radius: float) -> np.ndarray:
    """Where the circle around a centre is met on the way to a point."""
    way = towards - centre
    length = float(np.hypot(*way))
    border: np.ndarray = centre + way * (radius / length if length > 0 else 0.0)
    return border
