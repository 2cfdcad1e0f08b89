"""The figure of `certified_benchmark`: proved errors beside published tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.certified_benchmark.findings import KINDS, kind
from experiments.certified_benchmark.systems import SYSTEMS
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("certified benchmark")
_PLACES = (1.02, 1.18, 1.3)  # of what is written at the right
_LEGEND = 1.9  # below the axes, in lines
_MARKERS = dict(zip(KINDS.values(), "s^o", strict=True))


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A line per network: from the published tolerance to the proved interval."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    places, groups = _places(rows)
    low = min(row["certified_lower"] for row in rows)
    with plotting.style("screen"):
        height = 1.9 + 0.27 * places[-1]
        figure, ax = plt.subplots(figsize=(11.5, height), dpi=100, layout="none")
        figure.subplots_adjust(left=0.15, right=0.75, top=1.0 - 0.4 / height, bottom=1.1 / height)
        for row, y in zip(rows, places, strict=True):
            _draw_network(ax, row, y)
        ax.set_yticks([y for y, _ in groups], [SYSTEMS[name].formula for _, name in groups])
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="y", visible=False)
        ax.set(xscale="log", xlabel="largest error of any component on the box")
        ax.set_xlim(low / 3.0, 3.0)
        ax.set_ylim(places[-1] + 1.0, -1.4)
        bold_title(ax, "Proved errors (filled) and published tolerances (open)", loc="left")
        for x, text in zip(_PLACES, ("upper/lower", "boxes", "seconds"), strict=True):
            ax.text(x, -0.8, text, transform=ax.get_yaxis_transform(), fontsize=10)
        _legend(ax, rows)
    return figure


def _places(rows: Sequence[Row]) -> tuple[list[float], list[tuple[float, str]]]:
    """Heights of all networks, and of the names of the systems."""
    places, groups, y = list[float](), list[tuple[float, str]](), 0.0
    for name in distinct(rows, "system"):
        count = len(of(rows, system=name))
        places += [y + i for i in range(count)]
        groups.append((y + 0.5 * (count - 1), name))
        y += count + 0.7
    return places, groups


def _draw_network(ax: Axes, row: Row, y: float) -> None:
    color = _COLORS[kind(row)]
    low, high, eps = row["certified_lower"], row["certified_upper"], row["published_eps"]
    ax.plot([eps, high], [y, y], color=color, linewidth=1.0, alpha=0.45)
    ax.plot(eps, y, _MARKERS[kind(row)], color=color, markersize=6.5, fillstyle="none")
    ax.plot([low, high], [y, y], color=color, linewidth=4.0, solid_capstyle="butt")
    ax.plot(high, y, _MARKERS[kind(row)], color=color, markersize=6.5)
    beside = ax.get_yaxis_transform()
    ratio = f"{high / low:.3f}" if row["status"] == "ok" else f"{high / low:.2f} (budget)"
    seconds = f"{row['certify_s']:.1f}"
    for x, text in zip(_PLACES, (ratio, f"{row['boxes']:,}", seconds), strict=True):
        ax.text(x, y, text, transform=beside, va="center", fontsize=10, color=color)


def _legend(ax: Axes, rows: Sequence[Row]) -> None:
    for name in KINDS.values():
        if any(kind(row) == name for row in rows):
            ax.plot([], [], _MARKERS[name], color=_COLORS[name], label=name)
    ax.plot([], [], "o", color="0.4", fillstyle="none", label="published tolerance, ReLU")
    below = (0.5, -_LEGEND / sum(abs(y) for y in ax.get_ylim()))
    ax.legend(loc="upper center", bbox_to_anchor=below, ncols=4, fontsize=10)
