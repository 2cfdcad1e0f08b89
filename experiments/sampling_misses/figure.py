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
            1, len(dims) + 1, figsize=(3.6 + 3.2 * len(dims), 4.9), dpi=100, squeeze=False,
            layout="constrained",
        )  # fmt: skip
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
        ax.plot(counts, share, "o^s*"[order % 4] + "-", color=color, markersize=5, label=name,
                alpha=0.45 + 0.25 * min(order, 2), linewidth=1.0 + 0.5 * order)  # fmt: skip
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
    bold_title(ax, "A planted ridge of height 1", 12)
    for dim, color in zip(distinct(rows, "dim"), HUES, strict=False):
        some = of(rows, dim=dim)
        most = max(row["points"] for row in some)
        some = of(some, points=most)
        widths = column(some, "width")
        ax.plot(widths, [row["median_share"] for row in some], "o-", color=color,
                label=f"{dim}D, {most:,} points", markersize=5, linewidth=1.2)  # fmt: skip
        found = [row["searched"] / row["certified_lower"] for row in some]
        ax.plot(widths, found, "D--", color=color, fillstyle="none", label=f"{dim}D, search",
                markersize=7, linewidth=1.2)  # fmt: skip
    ax.axhline(1.0, color="0.3", linewidth=1.0)
    ax.set(xscale="log", xlabel="width of the ridge", ylabel="found, of the proved sup norm")
    ax.set_ylim(0.0, 1.08)
    ax.legend(loc="lower right", fontsize=9)
