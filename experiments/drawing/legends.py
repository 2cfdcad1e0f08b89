"""Legends: one for several panels, and entries for what is drawn in several colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import FigureBase

__all__ = ["legend_below", "legend_entry"]


def legend_below(panels: FigureBase, ax: Axes, columns: int) -> None:
    """Writes the legend of one of the panels below all of them."""
    handles, labels = ax.get_legend_handles_labels()
    panels.legend(handles, labels, loc="outside lower center", ncols=columns)


def legend_entry(ax: Axes, style: str, text: str, **options: Any) -> None:
    """Adds a line to the legend that stands for curves or markers of every colour: in grey."""
    ax.plot([], [], style, label=text, **{"color": "0.4", **options})
