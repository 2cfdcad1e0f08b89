"""The three models drawn as networks: what is given is grey, what is trained coloured."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_network"]

_COLORS = colors("models")
_GIVEN = "0.72"


def draw_network(ax: Axes, model: str, title: str) -> None:
    """Draws one model: inputs at the left, hidden units or features, the sum at the right."""
    color = _COLORS[model]
    ax.set_axis_off()
    ax.set(xlim=(-0.14, 1.12), ylim=(-0.12, 1.1))
    ax.set_title(title, color=color, fontsize=11, loc="left", pad=6)
    output = (1.0, 0.5)
    if model == "linear":
        layers = [_column(0.0, ("$1$", "$x$"))]
    elif model == "polynomial":
        layers = [
            _column(0.0, ("$x$",)),
            _column(0.5, ("$1$", "$x$", "$x^2$", r"$\vdots$", "$x^n$")),
        ]
    else:
        layers = [_column(0.0, ("$1$", "$x$")), _column(0.5, ("$s$", "$s$", r"$\vdots$", "$s$"))]
    if len(layers) == 2:
        for begin, _ in layers[0]:
            for end, text in layers[1]:
                if text != r"$\vdots$" and text != "$1$":
                    _line(ax, begin, end, _GIVEN if model == "polynomial" else color)
    for begin, text in layers[-1]:
        if text != r"$\vdots$":
            _line(ax, begin, output, color)
    for place, text in [*(unit for layer in layers for unit in layer), (output, r"$\Sigma$")]:
        _unit(ax, place, text)


def _column(x: float, texts: Sequence[str]) -> list[tuple[tuple[float, float], str]]:
    count = len(texts)
    step = 1.0 / max(count - 1, 1)
    heights = [0.5] if count == 1 else [1.0 - i * step for i in range(count)]
    if count == 2:
        heights = [0.8, 0.2]
    return [((x, height), text) for height, text in zip(heights, texts, strict=True)]


def _line(ax: Axes, begin: tuple[float, float], end: tuple[float, float], color: str) -> None:
    ax.plot(
        [begin[0], end[0]], [begin[1], end[1]], color=color, linewidth=1.6, zorder=1, clip_on=False
    )


def _unit(ax: Axes, place: tuple[float, float], text: str) -> None:
    if text != r"$\vdots$":
        ax.plot(
            *place,
            "o",
            markersize=16,
            markerfacecolor="white",
            markeredgecolor="0.3",
            zorder=2,
            clip_on=False,
        )
    ax.text(*place, text, ha="center", va="center", fontsize=10, zorder=3)
