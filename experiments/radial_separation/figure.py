"""The figure of `radial_separation`: errors of both depths on each target, and their ratio."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from approxlab.plotting.palette import HUES, colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, distinct
from experiments.radial_separation.findings import advantage, errors, outcome

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("depth")
_LAYERS = {1: ("shallow", "s", "one hidden layer"), 2: ("deep", "o", "two hidden layers")}
_NAMES = {"ball": "Ball", "wave": "Wave", "norm": "Norm"}
_FORMULAS = {"ball": r"$1$ if $|x| \leq 1$, else $0$", "wave": r"$\cos 2\pi|x|$", "norm": "$|x|$"}
_MARKERS = ("o", "D", "^")
_SIZE = 12


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel of errors for each target, and one of ratios."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    targets = distinct(rows, "target")
    with plotting.style("screen"):
        figure = plt.figure(figsize=(10.24, 8.2), dpi=150, layout="constrained")
        panels = figure.subplots(2, 2).ravel()
        for ax, target in zip(panels, targets, strict=False):
            _draw_errors(ax, rows, target)
        panels[0].legend(loc="lower right", fontsize=_SIZE)
        _draw_ratios(panels[len(targets)], rows)
        for ax in panels[len(targets) + 1 :]:
            ax.set_visible(False)
        for ax in panels:
            ax.tick_params(labelsize=_SIZE)
            ax.xaxis.label.set_size(_SIZE)
            ax.yaxis.label.set_size(_SIZE)
    return figure


def _draw_errors(ax: Axes, rows: Sequence[Row], target: str) -> None:
    """A small dot for every seed, a line through medians."""
    dims = distinct(rows, "dim")
    for layers, (name, marker, label) in _LAYERS.items():
        found = [errors(rows, target, dim, layers) for dim in dims]
        color = _COLORS[name]
        for dim, values in zip(dims, found, strict=True):
            ax.plot([dim] * len(values), values, ".", color=color, markersize=5, alpha=0.5)
        middle = [median(values) for values in found]
        ax.plot(dims, middle, marker + "-", color=color, markersize=8, label=label)
    ax.axhline(1.0, color="0.5", linestyle=":", linewidth=1.2)
    ax.set(xscale="log", yscale="log", xlabel="dimension $d$", ylabel="relative $L^2$ error")
    lowest = ax.get_ylim()[0]
    ax.set_ylim(min(lowest, 0.02), 1.6)
    ax.text(dims[0], 1.08, "best constant", fontsize=11, color="0.35")
    ticks_at(ax, dims)
    bold_title(ax, f"{_NAMES[target]}: {_FORMULAS[target]}\n{_said(rows, target)}", 14)


def _said(rows: Sequence[Row], target: str) -> str:
    """The outcome in a few words."""
    kinds = {kind: dims for kind, dims in outcome(rows, target).items() if dims}
    words = {"two": "two layers win", "neither": "no clear winner", "one": "one layer wins"}
    if len(kinds) == 1:
        return words[next(iter(kinds))]
    first = "two" if "two" in kinds else "one"
    return f"{words[first]} at d = {', '.join(map(str, kinds[first]))}"


def _draw_ratios(ax: Axes, rows: Sequence[Row]) -> None:
    dims = distinct(rows, "dim")
    for i, target in enumerate(distinct(rows, "target")):
        ratios = [advantage(rows, target, dim) for dim in dims]
        ax.plot(
            dims, ratios, _MARKERS[i] + "-", color=HUES[2 + i], markersize=8, label=_NAMES[target]
        )
    ax.axhline(1.0, color="0.3", linewidth=1.2)
    ax.set(xscale="log", yscale="log", xlabel="dimension $d$", ylabel="error of one / error of two")
    ticks_at(ax, dims)
    low, high = ax.get_ylim()
    low, high = min(low, 0.4), max(high, 4.0)
    ax.set_ylim(low, high)
    shown = [value for value in (0.25, 0.5, 1, 2, 4, 8, 16) if low <= value <= high]
    ax.set_yticks(shown, [f"{value:g}" for value in shown])
    for height, text in ((1.06, "two layers are better"), (0.94, "one layer is better")):
        side = "bottom" if height > 1 else "top"
        ax.text(dims[0], height, text, fontsize=_SIZE, color="0.35", va=side)
    ax.legend(loc="lower right", fontsize=_SIZE)
    bold_title(ax, "What the second layer gains\nat equal numbers of parameters", 14)
