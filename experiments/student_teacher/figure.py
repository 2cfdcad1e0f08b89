"""The figure of `student_teacher`: training histories, final errors, and several architectures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, bold_title
from experiments.drawing.rows import Row, column, distinct, of
from experiments.student_teacher.findings import ARCHITECTURES, LIMITS, METHODS, PUBLISHED, ends

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("least squares")
_SHORT = {
    "adam": "Adam",
    "lbfgs": "L-BFGS",
    "staged": "L-BFGS,\ntwo stages",
    "ssbroyden": "self-scaled\nBroyden",
    "plain": "Levenberg-\nMarquardt",
    "corrected": "LM, corrected\nsteps",
    "projected": "variable\nprojection",
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: error against seconds. Middle: final errors. Right: several architectures."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, (way, last, shape) = plt.subplots(
            1, 3, figsize=(15.0, 5.4), dpi=100, width_ratios=[1.15, 1.25, 0.9]
        )
        _draw_way(way, rows)
        _draw_ends(last, rows)
        _draw_architectures(shape, rows)
    return figure


def _draw_way(ax: Axes, rows: Sequence[Row]) -> None:
    for method, name in METHODS.items():
        way = of(rows, story="teacher", kind="way", method=method)
        for i, number in enumerate(distinct(way, "number")):
            line = of(way, number=number)[1:]
            ax.plot(
                column(line, "elapsed_s"),
                column(line, "train_rmse"),
                color=_COLORS[method],
                linewidth=1.6,
                alpha=0.75,
                label=None if i else name,
            )
    ax.set(xscale="log", yscale="log", xlabel="seconds, compilation apart")
    ax.set_ylabel("root mean square error in training")
    bold_title(ax, "The way down")
    ax.set_ylim(bottom=1e-6 * ax.get_ylim()[0])  # room for the legend
    ax.legend(fontsize=9, loc="lower left")


def _draw_ends(ax: Axes, rows: Sequence[Row]) -> None:
    methods = [method for method in METHODS if ends(rows, method=method)]
    for i, method in enumerate(methods):
        errors = column(ends(rows, method=method), "test_rmse")
        ax.plot([i] * len(errors), errors, "o", color=_COLORS[method], markersize=8, alpha=0.75)
        if method in PUBLISHED:
            ax.plot([i - 0.32, i + 0.32], [PUBLISHED[method]] * 2, color="0.3", linewidth=1.4)
            beside(
                ax,
                f"published, BFGS: {PUBLISHED[method]:.0e}",
                (i, PUBLISHED[method]),
                (0, 3),
                ha="center",
                va="bottom",
                fontsize=8,
                color="0.3",
            )
    ax.set_xticks(range(len(methods)), [_SHORT[method] for method in methods], fontsize=9,
                  rotation=35, ha="right", rotation_mode="anchor")  # fmt: skip
    ax.set_xlim(-0.6, len(methods) - 0.4)
    ax.set(yscale="log", ylabel="root mean square error, test")
    count = len(ends(rows, method=methods[0]))
    bold_title(ax, f"Where it ends: {count} teacher{'s' if count > 1 else ''}")


def _draw_architectures(ax: Axes, rows: Sequence[Row]) -> None:
    shapes = [shape for shape in ARCHITECTURES if of(rows, story="shape", shape=shape)]
    names = []
    for i, shape in enumerate(shapes):
        found = of(rows, story="shape", shape=shape)
        errors = column(found, "test_rmse")
        color = "0.45" if shape == "plain" else _COLORS["corrected"]
        ax.plot([i] * len(found), errors, "o", markersize=8, alpha=0.75, color=color)
        widths = f"2-{found[0]['hidden']}-1"
        names.append(
            f"{widths}\n{ARCHITECTURES[shape].replace(' as bottleneck', '')}\n"
            f"{found[0]['num_parameters']} param."
        )
    ax.axhline(LIMITS["two"], color="0.3", linewidth=1.0, linestyle="--")
    ax.text(-0.5, LIMITS["two"], "asked: 1e-6", fontsize=9, color="0.3", va="bottom")
    ax.set_xticks(range(len(shapes)), names, fontsize=9)
    ax.set_xlim(-0.6, len(shapes) - 0.4)
    ax.set(yscale="log", ylabel="root mean square error, test")
    bold_title(ax, r"$\exp(\sin \pi x + y^2)$: the shape")
