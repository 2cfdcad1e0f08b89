"""New axes with room for their labels, and where a legend stands."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

__all__ = ["draw_legend", "name_of", "own_axes"]

_LETTERS = 60  # in a line of a legend that stands above axes
_ABOVE = "approxlab legend above"  # marks a legend that stands above its axes


def own_axes(ax: Axes | None) -> Axes:
    """The given axes, or new ones whose legend is to stand above them, off the curves."""
    if ax is not None:
        return ax
    ax = plt.subplots(layout="constrained")[1]
    ax.set_gid(_ABOVE)
    return ax


def name_of(model: Any) -> str:
    """What a legend calls a model: a function by its name, anything else by its `repr`."""
    name = getattr(model, "__name__", None)
    return repr(model) if name is None else "model" if name == "<lambda>" else str(name)


def draw_legend(ax: Axes) -> None:
    """A legend: above axes that were made here, wherever there is most room on others."""
    if ax.get_gid() == _ABOVE:
        legend = ax.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), frameon=False)
        for text in legend.get_texts():
            text.set_text(textwrap.fill(text.get_text(), _LETTERS))
    else:
        ax.legend()
