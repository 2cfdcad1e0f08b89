"""The figure of `sigmoid_shapes`: curves, each beside the network that computes it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, heading
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw"]

_COLORS = list(colors("units").values())


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Two rows of four panels: single units, then sums of units."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    panels = distinct(rows, "panel")
    with plotting.style("screen"):
        figure = plt.figure(figsize=(13.0, 8.2), dpi=100)
        groups = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.0, 1.32])
        titles = (
            "One unit $s(wx + b)$: position $-b/w$, slope "
            + ("$w/4$" if rows[0]["activation"] == "sigmoid" else "$w/2$"),
            "Steps add up; two steps of opposite heights make a bump",
        )
        for group, title, names in zip(
            groups.ravel(), titles, (panels[:4], panels[4:]), strict=True
        ):
            heading(group, title)
            _draw_panels(group, rows, names)
    return figure


def _draw_panels(group: SubFigure, rows: Sequence[Row], names: Sequence[str]) -> None:
    """Networks above, their curves below."""
    tall = max(len(of(rows, panel=name, kind="unit")) for name in names)
    axes = group.subplots(2, len(names), height_ratios=[0.3 + 0.22 * tall, 1.5])
    for (above, below), name in zip(axes.T, names, strict=True):
        cells = of(rows, panel=name)
        _draw_network(above, of(cells, kind="unit"), tall)
        _draw_curve(below, cells)
        spaced = name.replace(", ", ",\\;\\; ")
        above.set_title(f"${spaced}$" if "=" in name else name, pad=10)
        below.set(xlabel="$x$", ylim=(-0.15, 2.3 if tall > 1 else 1.25))
    for place, word in ((0.29, "$w$"), (0.5, "$b$"), (0.73, "height")):
        axes[0, 0].text(place, 0.75, word, ha="center", va="center", fontsize=9, color="0.35")
    axes[1, 0].set_ylabel("value")


def _draw_curve(ax: Axes, rows: Sequence[Row]) -> None:
    """The curve in black; for every unit a dot at half its height and the tangent there."""
    curve = of(rows, kind="curve")
    x, values = column(curve, "x"), column(curve, "value")
    ax.plot(x, values, color="0.15")
    level = 0.0
    for unit, color in zip(of(rows, kind="unit"), _COLORS, strict=False):
        middle, rise = level + unit["height"] / 2, unit["height"] * unit["slope"]
        reach = abs(0.5 / unit["slope"])
        ends = [unit["position"] - reach, unit["position"] + reach]
        ax.plot(ends, [middle - rise * reach, middle + rise * reach], color=color, linewidth=2.6)
        ax.plot(unit["position"], middle, "o", color=color, markersize=6)
        right = x[-1] - unit["position"] > 0.45 * (x[-1] - x[0])
        if len(of(rows, kind="unit")) == 1:
            beside(
                ax,
                f"at {_number(unit['position'])},\nslope {unit['slope']:g}",
                (unit["position"], middle),
                (12 if right else -12, -16),
                fontsize=9,
                ha="left" if right else "right",
                color=color,
            )
        level += unit["height"]
    ax.set_xlim(x[0], x[-1])


def _draw_network(ax: Axes, units: Sequence[Row], rows: int) -> None:
    """Input, one circle per unit, output: the weights stand on the edges, the biases in circles."""
    ax.axis("off")
    ax.set(xlim=(0, 1), ylim=(-0.5 * rows - 0.3, 0.5 * rows + 0.3))
    heights = [0.5 * (len(units) - 1) - i for i in range(len(units))]
    for end, text in ((0.04, "$x$"), (0.96, "$f$")):
        ax.text(end, 0, text, ha="center", va="center", fontsize=11)
    for unit, y, color in zip(units, heights, _COLORS, strict=False):
        for x0, y0, x1, y1 in ((0.09, 0, 0.43, y), (0.57, y, 0.91, 0)):
            ax.plot([x0, x1], [y0, y1], color=color, linewidth=1.2, zorder=1)
        ax.text(
            0.5, y, _number(unit["b"]), ha="center", va="center", fontsize=8.5, zorder=3,
            bbox={"boxstyle": "round,pad=0.28", "facecolor": "white", "edgecolor": color},
        )  # fmt: skip
        plate = {"facecolor": "white", "edgecolor": "none", "pad": 0.8}
        ax.text(0.29, 0.59 * y, _number(unit["w"]), ha="center", va="center", fontsize=8.5,
                color=color, bbox=plate, zorder=2)  # fmt: skip
        ax.text(0.73, 0.53 * y, _number(unit["height"]), ha="center", va="center", fontsize=8.5,
                color=color, bbox=plate, zorder=2)  # fmt: skip


def _number(value: float) -> str:
    return f"{value:g}".replace("-", "\N{MINUS SIGN}")
