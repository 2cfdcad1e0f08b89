"""The figure of `certified_benchmark`: proved errors beside published tolerances."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.certified_benchmark.findings import KINDS, kind
from experiments.certified_benchmark.systems import SYSTEMS
from experiments.drawing.figures import given_back
from experiments.drawing.rows import Row, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("certified benchmark")
_BESIDE = (6.0, 46.0, 88.0)  # points from the frame to what is written at the right
_MARKERS = dict(zip(KINDS.values(), "s^o", strict=True))
_PER_PANEL = 3  # systems: a panel is a page of slides


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A line per network: from the published tolerance to the proved interval."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    names = distinct(rows, "system")
    parts = [names[i : i + _PER_PANEL] for i in range(0, len(names), _PER_PANEL)]
    placed = [_places(rows, part) for part in parts]
    heights = [places[-1] + 2.0 for places, _ in placed]
    low = min(row["certified_lower"] for row in rows)
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            len(parts),
            1,
            figsize=(11.5, 1.9 + 0.28 * sum(heights)),
            dpi=100,
            sharex=True,
            squeeze=False,
            height_ratios=heights,
            layout="constrained",
        )
        for ax, part, (places, headings) in zip(axes[:, 0], parts, placed, strict=True):
            shown = [row for name in part for row in of(rows, system=name)]
            for row, y in zip(shown, places, strict=True):
                _draw_network(ax, row, y)
            for y, name in headings:
                _write(ax, 0.0, (4.0, y), SYSTEMS[name].formula, "black")
            ax.set_yticks([])
            ax.set(xscale="log", xlim=(low / 3.0, 3.0), ylim=(places[-1] + 1.0, -1.0))
            for x, text in zip(_BESIDE, ("ratio", "boxes", "seconds"), strict=True):
                _write(ax, 1.0, (x, 0.0), text, "black")
        axes[-1, 0].set_xlabel("largest error of any component on the box")
        figure.suptitle(
            "Proved errors (filled: lower to upper end, and their ratio) "
            "and published tolerances (open)",
            fontsize=12,
            fontweight="bold",
        )
        _legend(figure, axes[-1, 0], rows)
    return figure


def _places(
    rows: Sequence[Row], systems: Sequence[str]
) -> tuple[list[float], list[tuple[float, str]]]:
    """Heights of all networks of some systems, and of the names over them."""
    places, headings, y = list[float](), list[tuple[float, str]](), 0.0
    for name in systems:
        count = len(of(rows, system=name))
        headings.append((y, name))
        places += [y + 1.0 + i for i in range(count)]
        y += count + 1.3
    return places, headings


def _draw_network(ax: Axes, row: Row, y: float) -> None:
    color = _COLORS[kind(row)]
    low, high, eps = row["certified_lower"], row["certified_upper"], row["published_eps"]
    ax.plot([eps, high], [y, y], color=color, linewidth=1.0, alpha=0.45)
    ax.plot(eps, y, _MARKERS[kind(row)], color=color, markersize=6.5, fillstyle="none")
    ax.plot([low, high], [y, y], color=color, linewidth=4.0, solid_capstyle="butt")
    ax.plot(high, y, _MARKERS[kind(row)], color=color, markersize=6.5)
    ratio = f"{high / low:.3f}" if row["status"] == "ok" else f"{high / low:.2f}*"
    texts = (ratio, f"{row['boxes']:,}", f"{row['certify_s']:.1f}")
    for x, text in zip(_BESIDE, texts, strict=True):
        _write(ax, 1.0, (x, y), text, color)


def _write(ax: Axes, side: float, place: tuple[float, float], text: str, color: str) -> None:
    """So many points to the right of the left (0) or right (1) side of the frame."""
    points, y = place
    ax.annotate(
        text,
        (side, y),
        xycoords=ax.get_yaxis_transform(),
        xytext=(points, 0.0),
        textcoords="offset points",
        va="center",
        fontsize=10,
        color=color,
    )


def _legend(figure: Figure, ax: Axes, rows: Sequence[Row]) -> None:
    for name in KINDS.values():
        if any(kind(row) == name for row in rows):
            ax.plot([], [], _MARKERS[name], color=_COLORS[name], label=name)
    ax.plot([], [], "o", color="0.4", fillstyle="none", label="published tolerance, ReLU")
    if any(row["status"] != "ok" for row in rows):
        ax.plot([], [], linestyle="none", label="* seconds or boxes ran out")
    handles, labels = ax.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=10)
