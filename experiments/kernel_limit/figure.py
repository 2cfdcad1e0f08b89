"""The figure of `kernel_limit`: kernels, training along time and by width, seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title, small_note
from experiments.drawing.rows import Row, column, distinct, of
from experiments.kernel_limit.findings import LAYERS, decay, largest, root_mean_square

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_SHADES = {1: colors("finite width")["one layer"], 3: colors("finite width")["three layers"]}
_FEATURES = colors("finite width")["random features"]


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: kernels of random networks, and their training; below: by width, and seconds."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(2, 2, figsize=(11.4, 8.4), dpi=100, layout="constrained")
        _draw_kernels(axes[0, 0], of(rows, story="kernel"))
        _draw_training(axes[0, 1], of(rows, story="trained", depth=1))
        _draw_outputs(axes[1, 0], rows)
        _draw_times(axes[1, 1], of(rows, story="timing"))
    return figure


def _by_width(rows: Sequence[Row], name: str) -> tuple[list[int], list[float]]:
    widths = distinct(rows, "width")
    return widths, [root_mean_square(column(of(rows, width=w), name)) for w in widths]


def _draw_kernels(ax: Axes, rows: Sequence[Row]) -> None:
    """Every network a dot; the exact root mean square of one layer as a line."""
    for depth, name in LAYERS.items():
        mine, shade = of(rows, depth=depth), _SHADES[depth]
        ax.plot(
            column(mine, "width"),
            column(mine, "distance"),
            ".",
            color=shade,
            markersize=4,
            alpha=0.4,
        )
        found = decay(mine, "distance")
        widths, means = _by_width(mine, "distance")
        text = f"{name}: slope {found.slope:.3f}\n[{found.lower:.3f}, {found.upper:.3f}]"
        ax.plot(widths, means, "o", color=shade, markersize=6, label=text)
    mine = of(rows, depth=1)
    widths, expected = _by_width(mine, "expected_distance")
    ax.plot(widths, expected, color=_SHADES[1], linewidth=1.4, label="exact root mean square")
    ax.set(xscale="log", yscale="log", xlabel="width", ylabel="relative distance from the limit")
    ticks_at(ax, widths)
    ax.legend(loc="lower left")
    bold_title(ax, "Tangent kernels of random networks", 12)


def _draw_training(ax: Axes, rows: Sequence[Row]) -> None:
    """Root mean square over networks at each time, one curve per width."""
    from matplotlib import colormaps

    widths = distinct(rows, "width")
    for place, width in enumerate(widths):
        mine = of(rows, width=width)
        times = distinct(mine, "flow_time")
        means = [root_mean_square(column(of(mine, flow_time=t), "difference")) for t in times]
        shade = colormaps["Blues"](0.3 + 0.7 * place / max(1, len(widths) - 1))
        ax.plot(times, [100 * mean for mean in means], color=shade, label=str(width))
    ax.axhline(5, color="0.4", linestyle="--", linewidth=1.0)
    small_note(ax, 0.98, 0.02, "dashed: 5%", ha="right")
    ax.set(xscale="log", yscale="log", xlabel="time of gradient flow")
    ax.set_ylabel("relative difference of outputs, %")
    _percent(ax)
    ax.legend(title="width", ncols=2, loc="upper left")
    bold_title(ax, "Training, one hidden layer: away from the kernel", 12)


def _draw_outputs(ax: Axes, rows: Sequence[Row]) -> None:
    """The largest difference along training, and random features, by width."""
    for depth, name in LAYERS.items():
        ends = largest(rows, depth)
        ax.plot(
            column(ends, "width"),
            [100 * row["difference"] for row in ends],
            ".",
            color=_SHADES[depth],
            markersize=5,
            alpha=0.5,
        )
        widths, means = _by_width(ends, "difference")
        ax.plot(
            widths,
            [100 * mean for mean in means],
            "o-",
            color=_SHADES[depth],
            markersize=6,
            label=f"{name}, largest along training",
        )
    widths, means = _by_width(of(rows, story="features"), "difference")
    ax.plot(
        widths,
        [100 * mean for mean in means],
        "s-",
        color=_FEATURES,
        markersize=5,
        label="random features against NNGP",
    )
    ax.axhline(5, color="0.4", linestyle="--", linewidth=1.0)
    ax.set(xscale="log", yscale="log", xlabel="width")
    ax.set_ylabel("relative difference of outputs, %")
    ticks_at(ax, widths)
    _percent(ax)
    ax.legend(loc="lower left")
    bold_title(ax, "Outputs: the wider, the closer to the kernel", 12)


def _percent(ax: Axes) -> None:
    low, high = ax.get_ylim()
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200) if low <= t <= high]
    ax.set_yticks(ticks, [f"{t:g}" for t in ticks])
    ax.minorticks_off()


def _draw_times(ax: Axes, rows: Sequence[Row]) -> None:
    shade = _SHADES[3]
    mine = of(rows, depth=3)
    mine = sorted(mine, key=lambda row: row["points"])
    ax.plot(
        column(mine, "points"),
        column(mine, "least_s"),
        "o-",
        color=shade,
        markersize=6,
        label="three hidden layers",
    )
    others = sorted((r for r in rows if r["depth"] != 3), key=lambda row: row["depth"])
    for row, marker in zip(others, "v^Dsx*", strict=False):
        ax.plot(
            [row["points"]],
            [row["least_s"]],
            marker,
            color="0.45",
            markersize=7,
            label=f"{row['depth']} hidden layer{'s' * (row['depth'] != 1)}",
        )
    ax.axhline(1.0, color="0.4", linestyle="--", linewidth=1.0)
    ax.set(xscale="log", yscale="log", xlabel="points", ylabel="seconds, least of several")
    small_note(ax, 0.02, 0.97, "dashed: one second", va="top")
    ax.set_ylim(top=2 * ax.get_ylim()[1])
    ticks_at(ax, column(mine, "points"))
    ax.legend(loc="lower right")
    bold_title(ax, "Time of a tangent kernel, float64", 12)
