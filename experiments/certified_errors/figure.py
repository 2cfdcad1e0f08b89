"""The figure of `certified_errors`: claims over truths, and proved errors against width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import colors
from experiments.certified_errors.cases import CASES
from experiments.certified_errors.findings import METHODS
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_entry
from experiments.drawing.lettering import bold_title, formula
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_PROVED = colors("certified")["proved"]
_CLAIMED = colors("certified")["claimed"]
_COLORS = colors("certified fits")
_MARKERS = dict(zip(METHODS, "sD^vo", strict=True))


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: constructions, claim and proof. Right: a panel per target, errors against width."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    built, fits = of(rows, story="construction"), of(rows, story="fit")
    targets = distinct(fits, "target")
    with plotting.style("screen"):
        size = (6.2 + 3.7 * len(targets), 5.6)
        figure = plt.figure(figsize=size, dpi=100, layout="constrained")
        # By themselves: the legend under the fits is about them alone.
        parts: Any = figure.subfigures(1, 2, width_ratios=[1.25, len(targets)])
        left, right = parts
        _draw_claims(left.subplots(), built)
        axes = right.subplots(1, len(targets), squeeze=False)[0]
        for ax, target in zip(axes, targets, strict=True):
            _draw_fits(ax, of(fits, target=target))
            bold_title(ax, f"Fits of {formula(target)}", 12)
        axes[0].set_ylabel("sup norm of the error, proved")
        legend_entry(axes[0], "+", "sampled estimate", markersize=9, color="black")
        handles, labels = axes[0].get_legend_handles_labels()
        right.legend(handles, labels, loc="outside lower center", ncols=3, fontsize=10)
    return figure


def _draw_claims(ax: Axes, rows: Sequence[Row]) -> None:
    """The proved error and the claimed one, divided by the proved error."""
    bold_title(ax, "Constructions: claim over truth", 12, loc="left")
    for y, row in enumerate(rows):
        high = row["certified_upper"]
        ratio = row["claimed"] / high
        ax.plot([1.0, ratio], [y, y], color=_CLAIMED, linewidth=2.5)
        ax.plot(row["certified_lower"] / high, y, "o", color=_PROVED, markersize=7)
        ax.plot(ratio, y, "D", color=_CLAIMED, markersize=6, fillstyle="none")
        said = "attained" if row["attained"] else f"{ratio:.2f}"
        ax.annotate(
            said,
            (ratio, y),
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
            color=_CLAIMED,
        )
        name = CASES[row["name"]]  # over its line: beside it, there is no room in one column
        place = (0.015, y - 0.5)
        ax.text(*place, name, transform=ax.get_yaxis_transform(), va="center", fontsize=10)
    ax.set_yticks([])
    ax.set_ylim(len(rows) - 0.5, -0.95)
    right = max(row["claimed"] / row["certified_upper"] for row in rows)
    ax.set_xlim(0.93, 1.0 + 1.25 * max(right - 1.0, 0.2))
    ax.set_xlabel("sup norm, divided by the proved upper end")
    ax.plot([], [], "o", color=_PROVED, label="proved")
    ax.plot([], [], "D", color=_CLAIMED, fillstyle="none", label="claimed")
    ax.legend(loc="upper right", fontsize=10)


def _draw_fits(ax: Axes, rows: Sequence[Row]) -> None:
    for method, name in METHODS.items():
        cells = of(rows, method=method)
        if not cells:
            continue
        color, widths = _COLORS[method], column(cells, "width")
        low, high = column(cells, "certified_lower"), column(cells, "certified_upper")
        floor = [max(value, 1e-3 * top) for value, top in zip(low, high, strict=True)]
        ax.plot(
            widths,
            high,
            _MARKERS[method] + "-",
            color=color,
            label=name,
            markersize=5.5,
            linewidth=1.3,
        )
        ax.vlines(widths, floor, high, color=color, linewidth=5.0, alpha=0.45)
        ax.plot(widths, column(cells, "sampled_sup"), "+", color="black", markersize=9, zorder=5)
    ax.set(xscale="log", yscale="log", xlabel="width")
    ticks_at(ax, distinct(rows, "width"))
