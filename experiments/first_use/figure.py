"""The figure of `first_use`: what the seconds of a first call consist of, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import beside, heading
from experiments.drawing.rows import Row
from experiments.first_use.cases import MAIN, TITLES
from experiments.first_use.findings import Wait, pythons, versions, waits

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("first use")
_LABELS = {
    "compile": "compilation",
    "rest": "rest of the wait",
    "running": "what it takes again",
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A column for each Python: calls above, the main command below."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    found = {python: waits(rows, python) for python in pythons(rows)}
    cases = {case for some in found.values() for case in some}
    groups = [group for group in (cases - {MAIN}, cases & {MAIN}) if group]
    heights = [0.34 * len(group) + 0.25 for group in groups]
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            len(heights),
            len(found),
            figsize=(10.24, sum(heights) + 0.75 * len(heights) + 0.9),
            dpi=100,
            squeeze=False,
            height_ratios=heights,
            sharey="row",
            sharex="row",
            layout="constrained",
        )
        heading(figure, "The first call in a fresh process, nothing compiled on disk")
        for j, (python, some) in enumerate(found.items()):
            for ax, group in zip(axes[:, j], groups, strict=True):
                _draw_bars(ax, {case: some[case] for case in some if case in group})
            axes[0, j].set_title(versions(rows, python))
            axes[-1, j].set_xlabel("seconds")
        for ax, group in zip(axes[:, 0], groups, strict=True):
            shown = [some[case] for some in found.values() for case in some.keys() & group]
            longest = max(max(wait.first, wait.cpu) for wait in shown)
            ax.set_xlim(0.0, 1.15 * longest)
        legend_below(figure, axes[0, 0], len(_LABELS) + 1)
    return figure


def _draw_bars(ax: Axes, bars: Mapping[str, Wait]) -> None:
    for i, wait in enumerate(bars.values()):
        left = 0.0
        for name, width in _parts(wait).items():
            label = _LABELS[name] if i == 0 else None
            ax.barh(i, width, left=left, color=_COLORS[name], height=0.72, label=label)
            left += width
        label = "CPU seconds of the first call" if i == 0 else None
        ax.plot(wait.cpu, i, "|", color="black", markersize=11, markeredgewidth=1.6, label=label)
        words = f"{wait.first:.2f}" if wait.first < 10.0 else f"{wait.first:.0f}"
        beside(ax, words, (max(left, wait.cpu), i), (4, 0), va="center", fontsize=10)
    ax.set_yticks(range(len(bars)), [TITLES[case] for case in bars], fontsize=10)
    ax.set_ylim(len(bars) - 0.4, -0.6)
    ax.grid(axis="y", visible=False)


def _parts(wait: Wait) -> dict[str, float]:
    """The parts of a bar, which are the whole: where medians do not add up, the last one gives."""
    compiling = min(wait.compile, wait.first)
    rest = min(wait.rest, wait.first - compiling)
    return {"compile": compiling, "rest": rest, "running": wait.first - compiling - rest}
