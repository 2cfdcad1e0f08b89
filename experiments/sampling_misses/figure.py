"""The figure of `sampling_misses`: what samples miss, and what a search misses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import HUES, colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, column, distinct, of
from experiments.sampling_misses.findings import missed, quality, searched

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_FLOOR = 1e-5
_TOP = 1.3  # of the ridges; upper ends above are cut off
_COLORS = colors("certified sampling")


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel per dimension, shares missed against N; on the right the planted ridges."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    fits, ridges = of(rows, story="fit"), of(rows, story="ridge")
    dims = distinct(fits, "dim")
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1,
            len(dims) + 1,
            figsize=(4.4 + 3.1 * len(dims), 4.9),
            dpi=100,
            squeeze=False,
            layout="constrained",
            width_ratios=[*(1.0 for _ in dims), 1.3],
        )
        for ax, dim in zip(axes[0], dims, strict=False):
            _draw_fits(ax, of(fits, dim=dim))
            bold_title(ax, f"Fits in {dim}D", 12)
            ax.sharey(axes[0, 0])
        axes[0, 0].set_ylabel("share of the sup norm that is missed")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=10)
        _draw_ridges(axes[0, -1], ridges)
    return figure


def _draw_fits(ax: Axes, rows: Sequence[Row]) -> None:
    counts = distinct(rows, "points")
    for name in distinct([{"q": quality(row)} for row in rows], "q"):
        cells = [row for row in rows if quality(row) == name]
        activation, steps = cells[0]["activation"], cells[0]["steps"]
        order = distinct(rows, "steps").index(steps)
        color = _COLORS[activation]
        share = [max(missed(row), _FLOOR) for row in cells]
        ax.plot(
            counts,
            share,
            "o^s*"[order % 4] + "-",
            color=color,
            markersize=5,
            label=name,
            alpha=0.45 + 0.25 * min(order, 2),
            linewidth=1.0 + 0.5 * order,
        )
        found = max(searched(cells[0]), _FLOOR)
        ax.plot(
            counts[-1] * 8.0, found, "o^s*"[order % 4], color=color, fillstyle="none", markersize=8
        )
    ax.set(xscale="log", yscale="log", xlabel="points N")
    ax.set_ylim(0.6 * _FLOOR, 1.3)
    ax.set_xlim(counts[0] / 2, counts[-1] * 25.0)
    ax.set_xticks(
        [*counts, counts[-1] * 8.0], [*(f"$10^{{{len(str(n)) - 1}}}$" for n in counts), "search"]
    )
    ax.set_yticks(
        [10.0**-k for k in range(5, -1, -1)],
        [r"$\leq 0.001\,\%$", "0.01 %", "0.1 %", "1 %", "10 %", "100 %"],
    )
    ax.minorticks_off()


def _draw_ridges(ax: Axes, rows: Sequence[Row]) -> None:
    """Proved intervals as bars, the search and the largest of most samples as marks."""
    bold_title(ax, "Ridges of height 1, planted", 12)
    most = max(row["points"] for row in rows)
    dims = distinct(rows, "dim")
    for i, (dim, color) in enumerate(zip(dims, HUES, strict=False)):
        some = of(rows, dim=dim, points=most)
        shift = 1.35 ** (i - 0.5 * (len(dims) - 1))
        widths = [shift * row["width"] for row in some]
        low, high = column(some, "certified_lower"), column(some, "certified_upper")
        ax.vlines(
            widths, low, [min(top, _TOP) for top in high], color=color, linewidth=6.0, alpha=0.4
        )
        ax.plot(
            widths,
            column(some, "searched"),
            "D",
            color=color,
            fillstyle="none",
            markersize=7,
            label=f"{dim}D, search",
        )
        found = [row["median_share"] * row["certified_lower"] for row in some]
        ax.plot(widths, found, ".", color=color, markersize=7, label=f"{dim}D, largest of {most:,}")
    ax.plot([], [], color="0.4", linewidth=6.0, alpha=0.4, label="proved interval")
    ax.set(xscale="log", xlabel="width of the ridge", ylabel="largest error")
    ax.set_ylim(0.0, _TOP)
    ax.set_xticks(distinct(rows, "width"))
    ax.minorticks_off()
    ax.legend(loc="center right", fontsize=9, bbox_to_anchor=(1.0, 0.45))
