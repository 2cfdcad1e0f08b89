"""The figure of `certified_errors`: claims over truths, and proved errors against width."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

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
        figure, axes = plt.subplots(
            1,
            1 + len(targets),
            figsize=(6.2 + 3.7 * len(targets), 5.6),
            dpi=100,
            squeeze=False,
            width_ratios=[1.25, *(1.0 for _ in targets)],
            layout="constrained",
        )
        _draw_claims(axes[0, 0], built)
        for ax, target in zip(axes[0, 1:], targets, strict=True):
            _draw_fits(ax, of(fits, target=target))
        bold_title(axes[0, 1], f"Fits of {formula(targets[0])}", 12)
        for ax, target in zip(axes[0, 2:], targets[1:], strict=True):
            bold_title(ax, f"Fits of {formula(target)}", 12)
        axes[0, 1].set_ylabel("sup norm of the error, proved")
        legend_entry(axes[0, 1], "+", "sampled estimate", markersize=9, color="black")
        handles, labels = axes[0, 1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower right", ncols=3, fontsize=10)
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
    ax.set_yticks(range(len(rows)), [CASES[row["name"]] for row in rows], fontsize=10)
    ax.set_ylim(len(rows) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    right = max(row["claimed"] / row["certified_upper"] for row in rows)
    ax.set_xlim(0.93, 1.0 + 1.25 * max(right - 1.0, 0.2))
    ax.set_xlabel("sup norm, divided by the proved upper end")
    ax.plot([], [], "o", color=_PROVED, label="proved")
    ax.plot([], [], "D", color=_CLAIMED, fillstyle="none", label="claimed by the theorem")
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
