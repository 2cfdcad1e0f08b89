"""The figure of `growth`: seconds against size, a panel per task."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.rows import Row, column, distinct, of
from experiments.growth.findings import exponent, faster
from experiments.growth.tasks import TASKS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("growth")
_COLUMNS = 4
_APART = 0.22  # least distance of labels, as a part of the axis


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel per task, both axes logarithmic, the earlier version dashed."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    tasks = distinct(rows, "task")
    columns = min(_COLUMNS, len(tasks))
    lines = -(-len(tasks) // columns)
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            lines,
            columns,
            figsize=(2.56 * columns, 2.3 * lines + 0.5),
            dpi=100,
            squeeze=False,
            layout="constrained",
        )
        for ax, task in zip(axes.flat, tasks, strict=False):
            _draw_task(ax, rows, task)
        for ax in axes.flat[len(tasks) :]:
            ax.set_visible(False)
        for ax in axes[:, 0]:
            ax.set_ylabel("CPU seconds")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2, fontsize=10)
    return figure


def _draw_task(ax: Axes, rows: Sequence[Row], task: str) -> None:
    cells = of(rows, task=task)
    for library in reversed(distinct(cells, "library")):
        now = library == "this"
        found = of(cells, library=library)
        color = _COLORS["after" if now else "before"]
        ax.plot(
            column(found, "size"),
            [max(row["run_s"], 1e-4) for row in found],
            "o-" if now else "s--",
            color=color,
            markersize=4,
            linewidth=1.6,
            label="this version" if now else f"commit {library}",
        )
        slope = exponent(found)
        if not math.isnan(slope):
            x, y, sides = (
                (0.96, 0.05, ("right", "bottom")) if now else (0.04, 0.95, ("left", "top"))
            )
            ax.text(
                x,
                y,
                f"exponent {slope:.1f}",
                transform=ax.transAxes,
                color=color,
                fontsize=9,
                ha=sides[0],
                va=sides[1],
            )
    gain = faster(rows, task)
    note = f" ({gain[1]:.2g} times faster)" if gain is not None and gain[1] > 1.2 else ""
    ax.set(xscale="log", yscale="log", xlabel=TASKS[task].size + note)
    ax.margins(y=0.3)  # room for the exponents
    _label_sizes(ax, distinct(cells, "size"))
    ax.tick_params(labelsize=9)
    ax.set_title(TASKS[task].title, fontsize=10)


def _label_sizes(ax: Axes, sizes: Sequence[int]) -> None:
    """Ticks at the measured sizes that are far enough apart for their labels, from the largest."""
    from matplotlib.ticker import EngFormatter

    least = (max(sizes) / min(sizes)) ** _APART
    kept: list[int] = []
    for size in sorted(sizes, reverse=True):
        if not kept or kept[-1] >= least * size:
            kept.append(size)
    short = EngFormatter(sep="")
    ax.set_xticks(kept, [short(size) if size >= 10_000 else str(size) for size in kept])
    ax.minorticks_off()
