"""The figure of `linear_regions`: counts on an interval, times, and three partitions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import HUES, colors
from experiments.drawing.figures import given_back
from experiments.drawing.rows import Row, column, distinct, of
from experiments.linear_regions.findings import PICTURES, growth

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_DEPTH = colors("depth")
_BUILT = "black"
_LAYERS = (("black", 1.6), (HUES[5], 1.2), (HUES[0], 1.0))  # colours and widths of lines


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: growth with units, training, times. Below: three partitions of the square."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(14.5, 10.2), dpi=75, layout="constrained")
        grid = figure.add_gridspec(2, 3, height_ratios=[1.0, 1.15])
        _draw_growth(figure.add_subplot(grid[0, 0]), rows)
        _draw_training(figure.add_subplot(grid[0, 1]), of(rows, story="training"))
        _draw_times(figure.add_subplot(grid[0, 2]), of(rows, story="square", status="timed"))
        for i, (name, title) in enumerate(PICTURES.items()):
            _draw_picture(
                figure.add_subplot(grid[1, i]), of(rows, story="picture", picture=name), title
            )
    return figure


def _draw_growth(ax: Axes, rows: Sequence[Row]) -> None:
    """Breakpoints at initialisation by depth, and those of tent maps."""
    from approxlab.plotting.style_sheets import ordered_colors

    cells = of(rows, story="initialisation")
    depths = distinct(cells, "depth")
    for depth, color in zip(depths, ordered_colors(len(depths)), strict=True):
        own = of(cells, depth=depth)
        slope, half, _ = growth(rows, depth)
        ax.errorbar(
            column(own, "units"), column(own, "mean_breakpoints"),
            yerr=[1.96 * row["standard_error"] for row in own], color=color, marker="o",
            markersize=4, label=f"depth {depth}: exponent {slope:.3f} ± {half:.3f}",
        )  # fmt: skip
    built = of(rows, story="built")
    units = [row["num_hidden_units"] for row in built]
    ax.plot(units, [row["pieces"] - 1 for row in built], "^--", color=_BUILT, markersize=4,
            label="as built: tent maps")  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="hidden units", ylabel="breakpoints on [-1, 1]")
    top = 3 * max(row["mean_breakpoints"] for row in cells)
    ax.set_ylim(0.8, top)
    ax.set_title("At initialisation: breakpoints grow like units,\nat every depth")
    ax.legend(loc="lower right", fontsize=9)


def _draw_training(ax: Axes, rows: Sequence[Row]) -> None:
    names = {1: ("shallow", "one hidden layer"), 3: ("deep", "three hidden layers")}
    for depth, (meaning, name) in names.items():
        own = of(rows, depth=depth)
        if not own:
            continue
        x, color = column(own, "step"), _DEPTH[meaning]
        ax.plot(x, column(own, "mean_pieces"), "o-", color=color, markersize=4, label=name)
        ax.fill_between(
            x, column(own, "fewest"), column(own, "most"), color=color, alpha=0.18, linewidth=0
        )
    ax.set_xscale("symlog", linthresh=10)
    ax.set_xlim(left=0)
    ax.set_ylim(bottom=0)
    units = rows[0]["units"] if rows else ""
    ax.set(xlabel="steps of Adam", ylabel="pieces on [-1, 1]: mean, fewest, most")
    ax.set_title(f"During training, {units} units")
    ax.legend(loc="best", fontsize=9)


def _draw_times(ax: Axes, rows: Sequence[Row]) -> None:
    shown = {"approxlab": ("o-", _DEPTH["deep"], "approxlab, exact"),
             "regioncam": ("s--", "0.54", "regioncam, in float32")}  # fmt: skip
    for name in distinct(rows, "contender"):
        own = of(rows, contender=name)
        style, color, label = shown.get(name, ("x:", "0.54", name))
        ax.plot(column(own, "polygons"), column(own, "partition_s"), style, color=color,
                markersize=5, label=label)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="polygons of 2-w-w-w-1", ylabel="seconds")
    ax.set_title("All polygons on $[-1, 1]^2$")
    ax.legend(loc="upper left", fontsize=9)


def _draw_picture(ax: Axes, rows: Sequence[Row], title: str) -> None:
    from matplotlib.collections import LineCollection, PolyCollection

    (numbers,) = of(rows, shown="numbers")
    polygons = of(rows, shown="polygon")
    ax.add_collection(
        PolyCollection(
            [_points(row) for row in polygons], facecolors=column(polygons, "color"),
            edgecolors="face", linewidths=0.2, alpha=0.45,
        )
    )  # fmt: skip
    lines = of(rows, shown="lines")
    for row in lines:
        ends = _points(row)
        segments = [ends[i : i + 2] for i in range(0, len(ends), 2)]
        color, width = _LAYERS[min(row["layer"], len(_LAYERS)) - 1]
        label = f"layer {row['layer']}" if len(lines) > 1 else None
        ax.add_collection(LineCollection(segments, colors=color, linewidths=width, label=label,
                                         zorder=3 - 0.1 * row["layer"]))  # fmt: skip
    ax.set(xlim=(-1, 1), ylim=(-1, 1), aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
    ax.set_xticks([-1, 0, 1])
    ax.set_yticks([-1, 0, 1])
    ax.grid(False)
    if len(lines) > 1:
        ax.legend(loc="lower right", fontsize=9, frameon=True, facecolor="white", framealpha=0.9)
    ax.set_title(f"{title}:\n{numbers['units']} units, {numbers['polygons']} polygons")


def _points(row: Row) -> list[tuple[float, float]]:
    pairs = (pair.split(",") for pair in row["corners"].split())
    return [(float(x), float(y)) for x, y in pairs]
