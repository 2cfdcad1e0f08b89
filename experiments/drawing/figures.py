"""Figures that functions give back: whoever asked for one shows it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from experiments.drawing.rows import Row

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["given_back"]


def given_back(draw: Callable[[Sequence[Row]], Figure]) -> Callable[[Sequence[Row]], Figure]:
    """The figure is given back and pyplot forgets it.

    A notebook shows what the last line of a cell gives, and all figures that pyplot keeps: it would
    show a figure twice that is both.
    """

    @functools.wraps(draw)
    def drawn(rows: Sequence[Row]) -> Figure:
        import matplotlib.pyplot as plt  # here: help and plans do without it

        figure = draw(rows)
        plt.close(figure)
        return figure

    return drawn
