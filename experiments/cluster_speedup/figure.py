"""The figure of `cluster_speedup`: wall seconds of a sweep, in one process and by workers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.cluster_speedup.findings import RUNS, middle, named, speedup, ways
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import beside, heading
from experiments.drawing.rows import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("workers")
_TITLES = {"first": "programs are compiled", "again": "again, with programs kept"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel for each run, a bar for each way to compute."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1,
            len(RUNS),
            figsize=(10.24, 1.9 + 0.5 * len(ways(rows))),
            dpi=100,
            sharex=True,
            sharey=True,
            layout="constrained",
        )
        words = f"{rows[0]['num_units']} units of {rows[0]['swept']}, in one process and by workers"
        heading(figure, words)
        for ax, run in zip(axes, RUNS, strict=True):
            _draw_run(ax, rows, run)
        names = [f"{run}_{unit}" for run in RUNS for unit in ("s", "cpu_s")]
        longest = max(middle(rows, n, name) for n in ways(rows) for name in names)
        axes[0].set_xlim(0.0, 1.45 * longest)
        axes[0].invert_yaxis()
        legend_below(figure, axes[0], len(_COLORS) + 1)
    return figure


def _draw_run(ax: Axes, rows: Sequence[Row], run: str) -> None:
    counts = ways(rows)
    for i, workers in enumerate(counts):
        whole = middle(rows, workers, f"{run}_s")
        start = min(middle(rows, workers, "start_s"), whole)
        parts = {"start": start, "units": whole - start}
        labels = {"start": "start, checks, figure", "units": "until all units are stored"}
        left = 0.0
        for name, width in parts.items():
            label = labels[name] if i == 0 else None
            ax.barh(i, width, left=left, color=_COLORS[name], height=0.66, label=label)
            left += width
        cpu = middle(rows, workers, f"{run}_cpu_s")
        label = "CPU seconds of all processes" if i == 0 else None
        ax.plot(cpu, i, "|", color="black", markersize=16, markeredgewidth=1.6, label=label)
        gain = f"  ({speedup(rows, run, workers, 0):.2f} times)" if workers else ""
        beside(ax, f"{whole:.1f} s{gain}", (max(whole, cpu), i), (4, 0), va="center", fontsize=10)
    ax.set_yticks(range(len(counts)), [named(workers) for workers in counts])
    ax.set_xlabel("wall seconds")
    ax.set_title(_TITLES[run])
    ax.grid(axis="y", visible=False)
