"""One page for an answer: target and network, error, sizes beside the proved least, in words."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from approxlab.evaluation import values_at
from approxlab.plotting.palette import colors
from approxlab.plotting.style_sheets import style

__all__ = ["plot_answer"]

_COLUMNS = 64
_LEVELS = 9
_MOST_BARS = 6


def plot_answer(answer: Any, *, ax: Axes | None = None) -> Figure | Axes:
    """Draw an `Answer` on one page, from what it holds alone.

    Above, target and smallest network, and their difference beside eps; in two dimensions, as maps;
    in more, on the line through the middle of the box along the first axis. Below, the units of the
    networks that were found, with the least number that is proved for each kind, and the answer in
    words.

    Args:
        answer: What `approxlab.answer` returns.
        ax: Axes on which target and smallest network are drawn alone; by default a whole page.

    Returns:
        The figure; the axes, if they are given.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> found = al.answer("kink", 1e-2, max_fits=1, timed=False)
        >>> figure = plot_answer(found)
        >>> figure.axes[2].get_xlabel()
        'nonlinear hidden units'
        >>> figure.clear()
    """
    points, values = answer.curve
    best = answer.smallest
    fitted = None if best is None else values_at(best.network, points).reshape(-1)
    flat = answer.box.dim == 2
    if ax is not None:
        (_map if flat else _curve)(ax, answer, points, values, fitted)
        return ax
    with style():
        figure = plt.figure(figsize=(11.0, 8.0), layout="constrained")
        # Two rows by themselves: long labels below do not make the pictures above narrow.
        rows: Any = figure.subfigures(2, 1)
        above, below = rows
        pictures: Any = above.subplots(1, 2)
        last: Any = below.subplots(1, 2)
        figure.suptitle(
            f"{answer.target} on {answer.box!r}: error at most {answer.eps:g} in the sup norm",
            fontsize=14,
        )
        (_map if flat else _curve)(pictures[0], answer, points, values, fitted)
        (_error_map if flat else _error_curve)(pictures[1], answer, points, values, fitted)
        _sizes(last[0], answer)
        _words(last[1], answer)
    return figure


def _curve(ax: Axes, answer: Any, points: np.ndarray, values: np.ndarray, fitted: Any) -> None:
    color, x = colors("answer"), points[:, 0]
    ax.plot(x, values, color=color["target"], linewidth=4, alpha=0.3, label=answer.target)
    if fitted is not None:
        meaning = color[_meaning(answer.smallest)]
        ax.plot(x, fitted, color=meaning, linewidth=1.5, label=_name(answer.smallest))
    ax.set_title("Target and smallest network")
    ax.set_xlabel(_across(answer))
    ax.legend(loc="best")


def _error_curve(
    ax: Axes, answer: Any, points: np.ndarray, values: np.ndarray, fitted: Any
) -> None:
    color = colors("answer")
    ax.set_yscale("log")
    ax.set_ylim(0.1 * answer.eps, 8.0 * answer.eps)  # before a lone line has limits of no width
    ax.axhline(answer.eps, color=color["eps"], linestyle="--", label="eps")
    if fitted is not None:
        distance = np.abs(fitted - values)
        distance[~(distance > 0.0)] = np.nan  # zero has no place on this scale
        meaning = color[_meaning(answer.smallest)]
        ax.plot(points[:, 0], distance, color=meaning, linewidth=1.2, label="|network - target|")
        least = np.nanquantile(distance, 0.05) if np.any(distance > 0.0) else 0.1 * answer.eps
        ax.set_ylim(0.3 * min(least, answer.eps), 8.0 * answer.eps)
    ax.set_title("Distance of the two")
    ax.set_xlabel(_across(answer))
    ax.legend(loc="upper right", ncols=2)


def _across(answer: Any) -> str:
    return "x" if answer.box.dim == 1 else "first coordinate, the others in the middle"


def _map(ax: Axes, answer: Any, points: np.ndarray, values: np.ndarray, fitted: Any) -> None:
    x, y, grid = _grids(points, values)
    drawn = ax.pcolormesh(x, y, grid, shading="nearest", rasterized=True)
    ax.figure.colorbar(drawn, ax=ax)
    if fitted is not None and np.ptp(fitted) > 0.0:
        ax.contour(x, y, fitted.reshape(grid.shape), _LEVELS, colors="white", linewidths=0.8)
    ax.set_title("Target (colours) and smallest network (lines)")
    ax.set(xlabel="first coordinate", ylabel="second coordinate")


def _error_map(ax: Axes, answer: Any, points: np.ndarray, values: np.ndarray, fitted: Any) -> None:
    if fitted is not None:
        x, y, part = _grids(points, np.abs(fitted - values) / answer.eps)
        shown = ax.pcolormesh(
            x, y, part, cmap="Blues", vmin=0.0, shading="nearest", rasterized=True
        )
        ax.figure.colorbar(shown, ax=ax)
    ax.set_title("Distance of the two, as a part of eps")
    ax.set(xlabel="first coordinate", ylabel="second coordinate")


def _grids(points: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, ...]:
    side = round(len(values) ** 0.5)
    return tuple(part.reshape(side, side) for part in (points[:, 0], points[:, 1], values))


def _meaning(one: Any) -> str:
    return "fitted" if one.fitted else "constructed"


def _name(one: Any) -> str:
    layers = f"{one.layers} layer{'s' * (one.layers > 1)}"
    return f"{one.units} {one.network.activation}, {layers}" if one.units else "affine function"


def _sizes(ax: Axes, answer: Any) -> None:
    """Bars of units: full where the error is proved; the proved least sizes as lines across."""
    color, shown = colors("answer"), answer.found[:_MOST_BARS]
    ax.set_title("Units that were found, and that are needed")
    ax.set_xlabel("nonlinear hidden units")
    labels, largest = [], 1
    for row, one in enumerate(shown):
        meaning, sure = color[_meaning(one)], one.proof(answer.eps) != "none"
        ax.barh(
            row,
            max(one.units, 0.75),
            color=meaning if sure else "none",
            edgecolor=meaning,
            height=0.55,
            linewidth=1.5,
            hatch=None if sure else "///",
        )
        least = answer.least_for(one)
        if least is not None and least.units:
            ax.plot([least.units] * 2, [row - 0.42, row + 0.42], color=color["least"], linewidth=3)
        ax.annotate(
            str(one.units),
            (max(one.units, 0.75), row),
            (8, 0),
            textcoords="offset points",
            va="center",
            fontsize=11,
        )
        labels.append(f"{_name(one)}\n{one.method}")
        largest = max(largest, one.units)
    if not shown:
        ax.text(0.5, 0.5, "none within eps was found", ha="center", transform=ax.transAxes)
    ax.set_yticks(range(len(shown)), labels, fontsize=10)
    ax.set_xscale("log")
    ax.set_xlim(0.7, 2.0 * largest)
    ax.set_ylim(max(len(shown), 3) - 0.4, -0.6)
    ax.grid(False, axis="y")
    handles = [Patch(color=color[meaning], label=meaning) for meaning in ("constructed", "fitted")]
    handles.append(
        Patch(facecolor="none", edgecolor="black", hatch="///", label="only an estimate")
    )
    handles.append(Patch(color=color["least"], label="proved least of that kind"))
    place: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.4, -0.2)}
    ax.legend(handles=handles, ncols=2, fontsize=10, **place)


def _words(ax: Axes, answer: Any) -> None:
    ax.set_axis_off()
    lines: list[str] = []
    for name, value in answer.facts:
        wrapped = textwrap.wrap(f"{name}: {value}", _COLUMNS, subsequent_indent="    ")
        lines += [*wrapped, ""]
    for one in answer.costs:
        lines.append(f"{one.name}: {one.flops:,} FLOPs, {one.per_value:.1f} values")
    ax.text(0.0, 1.0, "\n".join(lines), va="top", ha="left", fontsize=10, transform=ax.transAxes)
