"""Axes over sizes: ticks at the sizes that were measured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["ticks_at"]


def ticks_at(ax: Axes, sizes: Sequence[float]) -> None:
    """Puts a tick at each of these sizes and nowhere else, on a logarithmic x axis too."""
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
