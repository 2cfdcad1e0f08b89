"""The figure of `jacobian_chain`: two bracketings as trees, ratios, memory, and the budget."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import heading, small_note
from experiments.drawing.rows import Row, column, of
from experiments.jacobian_chain.findings import METHODS, WRITING, flop_ratio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("bracketings")
_MARKERS = dict(zip(_COLORS, "s^vDo", strict=True))


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: the trees, matrices in their shapes. Right: ratios to the plan, memory, budget."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    timed = [{**row, "flop_ratio": flop_ratio(rows, row)} for row in of(rows, story="time")]
    shown = of(rows, story="tree", tree="planned")[0]
    with plotting.style("screen"):
        figure = plt.figure(figsize=(13.6, 7.2), dpi=100)
        ((left, right),) = figure.subfigures(1, 2, squeeze=False, width_ratios=[0.75, 1.5])
        heading(left, f"One Jacobian, {shown['widths']}")
        trees = left.subplots(2, 1, height_ratios=[3.4, 4.4])
        for ax, tree in zip(trees, ("planned", "forward"), strict=True):
            _draw_tree(ax, of(rows, story="tree", tree=tree))
        heading(right, "FLOPs executed (lines) and time (marks), over those of the plan")
        axes = right.subplots(2, 2)
        _draw_ratios(axes[0, 0], of(timed, batch=1), "bottleneck")
        _draw_ratios(axes[0, 1], of(timed, widths=shown["widths"]), "batch")
        _name_gap(axes[0, 0], of(timed, batch=1, widths=shown["widths"], method="forward"))
        axes[0, 0].set(xlabel="bottleneck $b$, one point", ylabel="ratio to planned")
        axes[0, 1].set(xlabel=f"points in a batch, {shown['widths']}")
        _draw_memory(axes[1, 0], of(timed, batch=1))
        _draw_budget(axes[1, 1], of(rows, story="budget"))
        legend_below(right, axes[0, 1], 3)
    return figure


def _draw_tree(ax: Axes, nodes: Sequence[Row]) -> None:
    """Every matrix as a rectangle (sides by the roots of its sizes), products with their cost."""
    from matplotlib.patches import Rectangle

    layers = max(node["last"] for node in nodes)
    largest = max(max(node["rows"], node["cols"]) for node in nodes)
    planned = nodes[0]["tree"] == "planned"
    color = _COLORS["planned" if planned else "structured_forward"]
    place: dict[tuple[int, int], tuple[float, float]] = {}
    for node in nodes:
        first, last = node["first"], node["last"]
        ends = [place[ends] for ends in _children(first, last, place)]
        if ends:
            x, y = sum(end[0] for end in ends) / 2, max(end[1] for end in ends) + 1.0
        else:
            x, y = float(layers - last), 0.0
        place[first, last] = x, y
        for end in ends:
            ax.plot([x, end[0]], [y, end[1]], color="0.65", linewidth=1.2, zorder=1)
        high, wide = (0.6 * math.sqrt(node[side] / largest) for side in ("rows", "cols"))
        ax.add_patch(Rectangle((x - wide / 2, y - high / 2), wide, high, zorder=2, linewidth=0.8,
                               facecolor=color if ends else "0.85", edgecolor="0.2"))  # fmt: skip
        shape = f"{node['rows']} × {node['cols']}"
        if ends:
            ax.text(x + 0.38, y, f"{shape}\n{node['flops'] / 1e6:.1f} MFLOP", fontsize=9,
                    va="center", linespacing=1.3)  # fmt: skip
        else:
            ax.text(x, -0.38, f"$J_{last}$\n{shape}", fontsize=9, ha="center", va="top")
    name = "planned" if planned else "forward, identity skipped"
    words = f"{name}, {nodes[0]['dot_flops'] / 1e6:.1f} MFLOP\n{nodes[0]['text']}"
    ax.set_title(words, color=color, fontsize=11, fontweight="bold", loc="left")
    top = max(y for _, y in place.values())
    ax.set(xlim=(-0.5, layers - 0.1), ylim=(-0.95, top + 0.45), aspect="equal")
    ax.set_axis_off()


def _children(
    first: int, last: int, place: dict[tuple[int, int], tuple[float, float]]
) -> tuple[tuple[int, int], ...]:
    """The two sub-chains of a product; none for a single layer. Only one split fits the tree."""
    if first == last:
        return ()
    split = max(k for k in range(first, last) if {(first, k), (k + 1, last)} <= set(place))
    return (first, split), (split + 1, last)


def _draw_ratios(ax: Axes, rows: Sequence[Row], over: str) -> None:
    """Lines: FLOPs executed. Markers: time, medians of paired ratios."""
    for method, name in METHODS.items():
        cells = sorted(of(rows, method=method), key=lambda row: row[over])
        x = column(cells, over)
        flops, times = column(cells, "flop_ratio"), column(cells, "ratio_s")
        color = _COLORS[method]
        if method == "planned":
            ax.axhline(1.0, color=color, linewidth=1.4, label=name)
            continue
        # Forward and reverse cost the same here: the second line is dashed over the first.
        style = "--" if method.endswith("reverse") else "-"
        ax.plot(x, flops, style, color=color, linewidth=1.3)
        ax.plot(x, times, _MARKERS[method], color=color, markersize=5.5, label=name)
    if over == "batch":
        cells = sorted(of(rows, method=WRITING), key=lambda row: row[over])
        ax.plot(column(cells, over), column(cells, "ratio_s"), "+", color="0.4",
                markersize=7, label="writing the result alone")  # fmt: skip
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    _plain_ticks(ax, sorted({row[over] for row in rows}))


def _name_gap(ax: Axes, rows: Sequence[Row]) -> None:
    """Both ratios of the bottleneck whose trees are drawn, in numbers."""
    for row in rows:
        words = (
            f"$b = {row['bottleneck']}$: JAX's forward mode takes\n"
            f"{row['flop_ratio']:.0f} times the FLOPs, {row['ratio_s']:.0f} times the time"
        )
        small_note(
            ax, 0.98, 0.96, words, ha="right", va="top", color=_COLORS["forward"], linespacing=1.4
        )


def _plain_ticks(ax: Axes, values: Sequence[int]) -> None:
    from matplotlib.ticker import FixedLocator, NullLocator

    ax.xaxis.set_major_locator(FixedLocator(values))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:g}")


def _draw_memory(ax: Axes, rows: Sequence[Row]) -> None:
    """Bytes in addition to the result: buffers of XLA, and the bytes predicted by the plan."""
    for method in METHODS:
        cells = sorted(of(rows, method=method), key=lambda row: row["bottleneck"])
        x = column(cells, "bottleneck")
        ax.plot(
            x,
            [row["temp_bytes"] / 1024 for row in cells],
            _MARKERS[method],
            color=_COLORS[method],
            markersize=5.5,
        )
        if method == "planned":
            model = [(row["peak_bytes"] - row["result_bytes"]) / 1024 for row in cells]
            ax.plot(x, model, color=_COLORS[method], linewidth=1.3)
    ax.set_title("Memory: XLA's buffers (marks), the plan (line)", fontsize=10, loc="left")
    ax.set(xlabel="bottleneck $b$, one point", ylabel="KiB beside the result")
    ax.set_xscale("log", base=2)
    ax.set_yscale("log")
    _plain_ticks(ax, sorted({row["bottleneck"] for row in rows}))


def _draw_budget(ax: Axes, rows: Sequence[Row]) -> None:
    """The fewest FLOPs for every memory budget."""
    bytes_held = [row["peak_bytes"] / 1024 for row in reversed(rows)]
    flops = [row["dot_flops"] / 1e6 for row in reversed(rows)]
    end = 1.25 * bytes_held[-1]
    ax.step([*bytes_held, end], [*flops, flops[-1]], where="post", color=_COLORS["planned"])
    ax.plot(bytes_held, flops, "o", color=_COLORS["planned"], markersize=5.5)
    ax.set(xlabel="budget, KiB held at once", ylabel="MFLOP, predicted", xlim=(0, end))
    ax.set_title("Cheapest plan under a budget of bytes", fontsize=10, loc="left")
    ax.text(0.98, 0.97, rows[0]["widths"], transform=ax.transAxes, fontsize=8, ha="right", va="top")
