"""The figure of `deep_relu_training`: all errors per target, pieces used, what else was tried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.deep_relu_training.findings import (
    VARIANT_NAMES,
    WAYS,
    by_shape,
    median,
    shallow,
)
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_entry
from experiments.drawing.lettering import bold_title, formula
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("deep training")


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: every network on every target. Below: pieces, other ways to begin, other depths."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(10.24, 7.6), dpi=100)
        axes = figure.subplot_mosaic(
            [["all"] * 3, ["pieces", "tried", "depth"]], height_ratios=[1.25, 1.0]
        )
        _draw_all(axes["all"], rows)
        _draw_pieces(axes["pieces"], rows)
        _draw_tried(axes["tried"], rows)
        _draw_depth(axes["depth"], rows)
        low, high = axes["pieces"].get_ylim()
        for name in ("tried", "depth"):
            axes[name].set_ylim(low, high)
    return figure


def _strip(ax: Axes, place: float, mine: Sequence[Row], color: str, width: float = 0.2) -> None:
    """Errors side by side as dots, in the order of the seeds, and a bar at their median."""
    import numpy as np

    errors = column(mine, "mean_square")
    spots = place + width * np.linspace(-0.5, 0.5, len(errors)) if len(errors) > 1 else [place]
    ax.plot(spots, errors, "o", color=color, markersize=3.5, alpha=0.6, markeredgewidth=0)
    ax.plot(
        [place - 0.6 * width, place + 0.6 * width], 2 * [median(mine)], color=color, linewidth=2.5
    )


def _draw_all(ax: Axes, rows: Sequence[Row]) -> None:
    trained = of(rows, story="trained")
    targets = distinct(trained, "target")
    ways = [way for way in WAYS if of(trained, way=way)]
    for at, target in enumerate(targets):
        for j, way in enumerate(ways):
            place = at + 0.27 * (j - 0.5 * (len(ways) - 1))
            _strip(ax, place, of(trained, target=target, way=way), _COLORS[way])
        least = shallow(rows, target)["least_mean_square_lower"]
        ax.plot([at - 0.43, at + 0.43], [least, least], color=_COLORS["bound"], linewidth=1.6)
        for row in of(rows, story="published", target=target, start="milkert"):
            for name, marker in (("mean", "D"), ("best", "*")):
                ax.plot(
                    at + 0.42,
                    row[name],
                    marker,
                    color=_COLORS["published"],
                    markersize=11 if marker == "*" else 6,
                )
    bound = "no network with one hidden layer of 20 is below"
    legend_entry(ax, "-", bound, color=_COLORS["bound"], linewidth=1.6)
    for way in ways:
        legend_entry(ax, "o", WAYS[way], color=_COLORS[way], markersize=6)
    if of(rows, story="published"):
        legend_entry(ax, "*", "published best", color=_COLORS["published"], markersize=11)
        legend_entry(ax, "D", "published mean", color=_COLORS["published"], markersize=6)
    ax.set(yscale="log", ylabel="mean square error", xlim=(-0.55, len(targets) - 0.45))
    ax.set_xticks(range(len(targets)), [formula(target) for target in targets], fontsize=13)
    bold_title(
        ax, "Twenty ReLUs in five layers of four: every network trained, and medians", loc="left"
    )
    ax.legend(fontsize=9.5, ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.1), frameon=False)


def _draw_pieces(ax: Axes, rows: Sequence[Row]) -> None:
    """Pieces used against errors, over what so many pieces can reach."""
    floors = of(rows, story="floor")
    target = floors[0]["target"]
    sizes, least = column(floors, "n"), column(floors, "least_mean_square_lower")
    for way in WAYS:
        mine = of(rows, story="trained", target=target, way=way)
        ax.plot(
            column(mine, "pieces"),
            column(mine, "mean_square"),
            "o",
            color=_COLORS[way],
            markersize=4.5,
            alpha=0.6,
            markeredgewidth=0,
        )
    ax.plot(sizes, least, color="0.4", linewidth=1.4, linestyle="--")
    ax.fill_between(sizes, 0.01 * least[-1], least, color="0.9", linewidth=0)
    ax.text(1.3 * sizes[0], 10.0 * least[-1], "out of reach", fontsize=9.5, color="0.3")
    ax.axvline(21, color=_COLORS["bound"], linewidth=1.2)
    ax.text(24, 0.3, "21: the most\nin one layer", fontsize=9.5, va="top")
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="affine pieces used",
        ylabel="mean square error",
        ylim=(0.03 * least[-1], 1.0),
    )
    ax.set_xticks([1, 3, 10, 30, 100, 300], ["1", "3", "10", "30", "100", "300"])
    bold_title(ax, f"Pieces used, {formula(target)}", loc="left")


def _draw_tried(ax: Axes, rows: Sequence[Row]) -> None:
    shown = of(rows, story="floor")[0]["target"]
    groups = {"fit_deep": of(rows, story="trained", target=shown, way="continuation")}
    for variant, name in VARIANT_NAMES.items():
        if mine := of(rows, story="variant", variant=variant):
            groups[name] = mine
    _draw_groups(ax, rows, groups)
    bold_title(ax, f"Other ways to begin, {formula(shown)}", loc="left")


def _draw_depth(ax: Axes, rows: Sequence[Row]) -> None:
    shown = of(rows, story="floor")[0]["target"]
    _draw_groups(ax, rows, by_shape(rows))
    bold_title(ax, f"20 ReLUs in 1 to 5 layers, {formula(shown)}", loc="left")


def _draw_groups(ax: Axes, rows: Sequence[Row], groups: dict[str, list[Row]]) -> None:
    shown = of(rows, story="floor")[0]["target"]
    for place, mine in enumerate(groups.values()):
        _strip(ax, place, mine, _COLORS["continuation"], width=0.6)
    ax.axhline(
        shallow(rows, shown)["least_mean_square_lower"], color=_COLORS["bound"], linewidth=1.6
    )
    ax.set_yscale("log")
    ax.set_xticks(range(len(groups)), list(groups), rotation=30, ha="right", fontsize=9.5)
