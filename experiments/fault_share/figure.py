"""The figure of `fault_share`: faults found in each file, and the changes that are not found."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, column, distinct, of
from experiments.fault_share.findings import ANCHOR, reason, share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("faults")
_KINDS = {
    "dropped": "rounding or pad dropped",
    "turned": "rounding turned inward",
    "swapped": "ends, or min and max, swapped",
    "last digit": "last digit of a constant",
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: a bar per kind of fault. Right: a bar per file, with the names of what is left."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1, 2, figsize=(10.4, 5.6), dpi=100, layout="constrained", width_ratios=[1.0, 1.1]
        )
        _bars(axes[0], rows, "kind")
        _bars(axes[1], rows, "file")
        found = int(sum(column(rows, "found")))
        bold_title(axes[0], "By kind of fault", 12)
        bold_title(axes[1], "By file of the kernel", 12)
        figure.suptitle(
            f"{found} of {len(rows)} planted faults are found: {100 * share(rows):.1f} per cent "
            f"(published suites: at most {100 * ANCHOR:.0f})",
            fontsize=13,
            fontweight="bold",
        )
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=2, fontsize=10)
        figure.supxlabel(_left(rows), fontsize=9.5, x=0.99, ha="right")
    return figure


def _bars(ax: Axes, rows: Sequence[Row], field: str) -> None:
    names = distinct(rows, field)
    for y, name in enumerate(names):
        cells = of(rows, **{field: name})
        found = int(sum(column(cells, "found")))
        ax.barh(y, found, color=_COLORS["found"], label="" if y else "found")
        ax.barh(
            y,
            len(cells) - found,
            left=found,
            color=_COLORS["left"],
            label="" if y else "not found, and no fault",
        )
        ax.annotate(
            f"{found} of {len(cells)}",
            (len(cells), y),
            xytext=(5, 0),
            textcoords="offset points",
            va="center",
            fontsize=10,
        )
    labels = [_KINDS.get(name, name.lstrip("_")) for name in names]
    ax.set_yticks(range(len(names)), labels, fontsize=10)
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)
    ax.set_xlim(0, 1.25 * max(len(of(rows, **{field: name})) for name in names))
    ax.set_xlabel("planted faults")


def _left(rows: Sequence[Row]) -> str:
    """A line for each reason."""
    reasons = [reason(row) for row in rows if not row["found"]]
    return "\n".join(f"{reasons.count(text)} {text}" for text in dict.fromkeys(reasons))
