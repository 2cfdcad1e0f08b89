"""The figure of `machine_precision`: error against size in one and two dimensions; the sup norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_entry
from experiments.drawing.lettering import formula, heading
from experiments.drawing.rows import Row, column, distinct, of
from experiments.machine_precision.findings import METHODS, first

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("approximants")
_MARKERS = {"tanh": "o", "graded": "D", "polynomial": "s", "rational": "^"}
_PLANES = colors("targets in two dimensions")
_EPS = 2.0**-52
_FLOOR = (2e-17, 30)
_FEW = 1e-12
_REQUIRED = "asked: this error, so many units at most"


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: a panel per target. Below: two dimensions, and the sup norm."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    errors = of(rows, story="error")
    targets = distinct(errors, "target")
    with plotting.style("screen"):
        figure = plt.figure(figsize=(13.2, 8.6), dpi=100)
        ((top,), (bottom,)) = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.12, 1.0])
        heading(top, "One hidden layer of wide tanh units, its last layer by one solve")
        axes = top.subplots(1, len(targets), sharey=True, squeeze=False)[0]
        for ax, target in zip(axes, targets, strict=True):
            _draw_target(ax, of(errors, target=target), of(rows, story="acceptance", target=target))
            ax.set_title(formula(target))
        axes[0].set_ylabel("relative $L^2$ error")
        known = {
            label: handle
            for ax in axes
            for handle, label in zip(*ax.get_legend_handles_labels(), strict=True)
        }
        names = [name for name in (*METHODS.values(), _REQUIRED) if name in known]
        top.legend(
            [known[name] for name in names], names, loc="outside lower center", ncols=len(names)
        )
        ((left, right),) = bottom.subfigures(1, 2, squeeze=False)
        heading(left, "In two dimensions: ridges")
        _draw_planes(left.subplots(), of(rows, story="plane"))
        heading(right, "The same units, two last layers")
        _draw_curves(right.subplots(), of(rows, story="curve"))
    return figure


def _draw_target(ax: Axes, rows: Sequence[Row], required: Sequence[Row]) -> None:
    for method, name in METHODS.items():
        cells = of(rows, method=method)
        if not cells:
            continue
        ours = method in ("tanh", "graded")
        ax.plot(column(cells, "n"), column(cells, "relative_l2_error"),
                color=_COLORS[method], marker=_MARKERS[method], markersize=4 if ours else 3,
                linewidth=1.6 if ours else 1.0, linestyle="-" if ours else "--",
                label=name)  # fmt: skip
    _draw_first(ax, rows)
    for row in required[:1]:
        ax.plot(row["asked_units"], row["asked"], marker="*", color="black", markersize=11,
                linestyle="", label=_REQUIRED)  # fmt: skip
    ax.axhline(_EPS, color="0.6", linewidth=0.8, zorder=0)
    ax.text(0.98, _EPS * 0.75, r"$2^{-52}$", color="0.45", fontsize=8, ha="right", va="top",
            transform=ax.get_yaxis_transform())  # fmt: skip
    ax.set(xscale="log", yscale="log", ylim=_FLOOR)
    ax.set_xlabel("units, coefficients, support points")


def _draw_first(ax: Axes, rows: Sequence[Row]) -> None:
    """Where graded and equal centres reach 1e-12."""
    sizes = {method: first(of(rows, method=method), _FEW) for method in ("graded", "tanh")}
    if None in sizes.values():
        return
    for (method, n), side in zip(sizes.items(), ("right", "left"), strict=True):
        ax.annotate(f" {n} ", (n, _FEW), fontsize=10, fontweight="bold", color=_COLORS[method],
                    ha=side, va="center")  # fmt: skip


def _draw_planes(ax: Axes, rows: Sequence[Row]) -> None:
    targets = distinct(rows, "target")
    for target in targets:
        for method, style in (("ridges", "-o"), ("tensor", "--")):
            cells = of(rows, target=target, method=method)
            ax.plot(
                column(cells, "num_coefficients"),
                column(cells, "relative_l2_error"),
                style,
                color=_PLANES.get(target, "0.3"),
                markersize=4,
                linewidth=1.6 if method == "ridges" else 1.0,
                label=formula(target) if method == "ridges" else None,
            )
    legend_entry(ax, "--", "polynomials $n \\times n$", linewidth=1.0)
    ax.axhline(_EPS, color="0.6", linewidth=0.8, zorder=0)
    ax.set(xscale="log", yscale="log", ylim=_FLOOR)
    ax.set_xlabel("coefficients (ridges and a constant)")
    ax.set_ylabel("relative $L^2$ error")
    ax.legend(loc="lower left")


def _draw_curves(ax: Axes, rows: Sequence[Row]) -> None:
    if not rows:
        return
    x = column(rows, "x")
    names = {
        "least_squares_error": ("least squares", _COLORS["polynomial"], 1.2),
        "least_maximum_error": ("least maximum", _COLORS["tanh"], 1.8),
    }
    for field, (name, color, width) in names.items():
        largest = max(abs(row[field]) for row in rows)
        ax.plot(
            x,
            column(rows, field),
            color=color,
            linewidth=width,
            label=f"{name}: sup {largest:.3g}",
        )
    lower = rows[0]["lower"]
    for sign in (-1, 1):
        ax.axhline(
            sign * lower,
            color="black",
            linewidth=0.9,
            linestyle=":",
            label=f"proved: none below {lower:.3g}" if sign > 0 else None,
        )
    ax.set_xlim(-1.0, 1.0)
    ax.set_xlabel("$x$")
    ax.set_ylabel(f"error, {rows[0]['n']} tanh units for {formula(rows[0]['target'])}")
    ax.set_ylim(-1.75 * lower, 2.6 * lower)
    ax.legend(loc="upper center", ncols=1)
