"""The figure of `kernel_or_features`: errors on both targets, and what the networks look at."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title, small_note
from experiments.drawing.rows import Row, column, distinct, of
from experiments.kernel_or_features.findings import MODELS, better_from, middle

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("kernel or features")
_MARKERS = {"kernel": "s", "network": "o"}
_TITLES = {
    "ridge": r"$\sin\,2u \cdot x$, one direction",
    "quadratic": "$x \\cdot Ax$, all directions",
}
_OUTCOMES = {"kernel": "the kernel is better", "network": "learnt features are better"}
_STYLES = {"ridge": "o-", "quadratic": "o--"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel of errors for each target, and the share of the strongest direction."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    targets = distinct(rows, "target")
    with plotting.style("screen"):
        figure = plt.figure(figsize=(4.4 * (len(targets) + 1), 4.7), dpi=100, layout="constrained")
        panels = figure.subplots(1, len(targets) + 1)
        for ax, target in zip(panels, targets, strict=False):
            ax.sharey(panels[0])
            _draw_errors(ax, rows, target)
        panels[0].set_ylabel("relative error at fresh points")
        panels[0].legend(loc="lower left")
        _draw_shares(panels[-1], of(rows, model="network"))
    return figure


def _draw_errors(ax: Axes, rows: Sequence[Row], target: str) -> None:
    """A dot for every seed, a line through medians."""
    for model, name in MODELS.items():
        mine, shade = of(rows, target=target, model=model), _COLORS[model]
        ax.plot(
            column(mine, "samples"),
            column(mine, "error"),
            ".",
            color=shade,
            markersize=5,
            alpha=0.5,
        )
        samples = distinct(mine, "samples")
        ax.plot(
            samples,
            [middle(column(of(mine, samples=n), "error")) for n in samples],
            _MARKERS[model] + "-",
            color=shade,
            markersize=6,
            label=name,
        )
    ax.axhline(1.0, color="0.6", linewidth=0.8)
    ax.set(xscale="log", yscale="log", xlabel="samples")
    ticks_at(ax, samples)
    ax.set_yticks([0.02, 0.05, 0.1, 0.2, 0.5, 1.0], ["0.02", "0.05", "0.1", "0.2", "0.5", "1"])
    better = [text for model, text in _OUTCOMES.items() if better_from(rows, target, model)]
    bold_title(ax, f"{_TITLES[target]}:\n{better[0] if better else 'neither is better'}", 12)


def _draw_shares(ax: Axes, rows: Sequence[Row]) -> None:
    shade = _COLORS["network"]
    for target in distinct(rows, "target"):
        mine = of(rows, target=target)
        ax.plot(
            column(mine, "samples"),
            column(mine, "share"),
            ".",
            color=shade,
            markersize=5,
            alpha=0.5,
        )
        samples = distinct(mine, "samples")
        ax.plot(
            samples,
            [middle(column(of(mine, samples=n), "share")) for n in samples],
            _STYLES[target],
            color=shade,
            markersize=6,
            label=_TITLES[target],
            fillstyle="full" if target == "ridge" else "none",
        )
    start = middle(column(rows, "start_share"))
    ax.axhline(start, color="0.4", linestyle=":", linewidth=1.2)
    small_note(ax, 0.98, start - 0.015, "before training", ha="right", va="top")
    ax.set(xscale="log", xlabel="samples", ylim=(0, 1), ylabel="share of the strongest direction")
    ticks_at(ax, samples)
    ax.legend(loc="upper left")
    bold_title(ax, "Features: on which directions\nthe trained network looks", 12)
