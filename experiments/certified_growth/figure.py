"""The figure of `certified_growth`: boxes against dimension, width and depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("certified growth")
_PANELS = (("dimension", "dim"), ("width", "width"), ("depth", "depth"))


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel per story; a line per dimension, with the error and the seconds at every point."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1, 3, figsize=(10.4, 4.8), dpi=100, layout="constrained", sharey=True
        )
        for ax, (story, field) in zip(axes, _PANELS, strict=True):
            _draw_story(ax, of(rows, story=story), field)
        titles = _titles(rows)
        for ax, (story, _) in zip(axes, _PANELS, strict=True):
            bold_title(ax, titles[story], 12)
        axes[0].set_ylabel("boxes of the proof")
    return figure


def _titles(rows: Sequence[Row]) -> dict[str, str]:
    width, deep = (of(rows, story=story)[0]["width"] for story in ("dimension", "depth"))
    return {
        "dimension": f"{width} units, one hidden layer",
        "width": "One hidden layer, 2D",
        "depth": f"Hidden layers of {deep} units",
    }


def _draw_story(ax: Axes, rows: Sequence[Row], field: str) -> None:
    lines = [rows] if field == "dim" else [of(rows, dim=dim) for dim in distinct(rows, "dim")]
    for cells in lines:
        name = "all" if field == "dim" else f"{cells[0]['dim']}D"
        x, y = column(cells, field), column(cells, "boxes")
        ax.plot(x, y, "o-", color=_COLORS[name], markersize=6, label=name)
        for row in cells:
            ax.annotate(
                f"{row['processor_s']:.1f} s\nerror {row['certified_upper']:.0e}",
                (row[field], row["boxes"]),
                xytext=(-7, 4) if field == "dim" else (0, 8),  # left of a steep line
                textcoords="offset points",
                ha="right" if field == "dim" else "center",
                fontsize=9,
                color=_COLORS[name],
            )
    ax.set(yscale="log", xlabel={"dim": "dimension"}.get(field, field))
    if field == "width":
        ax.set_xscale("log")
    ticks_at(ax, distinct(rows, field))
    ax.margins(x=0.2, y=0.16)
    if field == "dim":
        ax.set_xlim(left=min(column(rows, field)) - 1.5)
    if len(lines) > 1:
        ax.legend(loc="upper left", fontsize=10)
