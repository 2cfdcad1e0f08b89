"""The figure of `width_vs_depth`: what was built, what was trained, and the map of both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing import lettering
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("depth")
_DEEP, _SHALLOW = _COLORS["deep"], _COLORS["shallow"]
_LEAST_SHOWN = 3e-6
_NORMS = {"relative_l2_error": "relative $L^2$ error", "sup_error": "sup error"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Top: built networks and the map. Below: one column per target, one row per error."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    trained = of(rows, story="trained")
    targets = distinct(trained, "target")
    activations = distinct(trained, "activation")
    lines = [(norm, activation) for norm in _NORMS for activation in activations]
    with plotting.style("screen"):
        figure = plt.figure(figsize=(13.0, 4.6 + 2.35 * len(lines)), dpi=100)
        heights = [4.6, 2.35 * len(lines)]
        (top,), (bottom,) = figure.subfigures(2, 1, squeeze=False, height_ratios=heights)
        square, tent, heat = top.subplots(1, 3, width_ratios=[1.25, 0.9, 1.25])
        _draw_square(square, rows)
        _draw_tent(tent, rows)
        _draw_map(heat, of(rows, story="map"))
        axes = bottom.subplots(len(lines), len(targets), sharex="col", sharey="row", squeeze=False)
        for i, (norm, activation) in enumerate(lines):
            for j, target in enumerate(targets):
                cells = of(trained, activation=activation, target=target)
                _draw_trained(axes[i, j], cells, norm)
                if i == 0:
                    axes[i, j].set_title(formula(target))
                if i == len(lines) - 1:
                    axes[i, j].set_xlabel("parameters")
            axes[i, 0].set_ylabel(f"{activation}\n{_NORMS[norm]}")
            axes[i, 0].set_ylim(*_limits(of(trained, activation=activation), norm))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        seeds = trained[0]["seeds"]
        lettering.heading(bottom, f"Trained: equal budgets, median and quartiles of {seeds} seeds")
        bottom.legend(
            handles,
            labels,
            loc="upper right",
            ncols=len(labels),
            title=None,
            bbox_to_anchor=(0.995, 1.0),
        )
    return figure


def formula(target: str) -> str:
    """How a target is written above its panels."""
    if target.startswith("tent"):
        return f"tent map iterated {target[4:]} times"
    return lettering.formula(target)


def _draw_square(ax: Axes, rows: Sequence[Row]) -> None:
    deep, shallow = (of(rows, construction=f"square_{kind}") for kind in ("deep", "shallow"))
    units = column(deep, "num_hidden_units")
    errors = column(deep, "sup_error")
    limit = [2.0 ** (-2 * n - 3) for n in units]
    floor = errors[-1] / 30
    forbidden = _COLORS["below the optimum"]
    ax.fill_between(units, floor, limit, color=forbidden, alpha=0.45, linewidth=0)
    sizes = [2.0**i for i in range(deep[-1]["levels"] + 1)]
    ax.plot(sizes, [1 / (8 * n * n) for n in sizes], color=_SHALLOW, linewidth=1.2)
    ax.plot(units, limit, color=_DEEP, linewidth=1.2)
    ax.plot(
        column(shallow, "num_hidden_units"),
        column(shallow, "sup_error"),
        "s",
        color=_SHALLOW,
        label="one hidden layer: $1/(8N^2)$",
    )
    ax.plot(units, errors, "o", color=_DEEP, label="one ReLU per layer: $2^{-2N-3}$")
    ax.annotate(
        "",
        xy=(units[-1] * 1.25, errors[-1]),
        xytext=(sizes[-1] / 1.3, errors[-1]),
        arrowprops={"arrowstyle": "->", "color": "0.25", "linewidth": 1.2},
    )
    ax.text(
        math.sqrt(units[-1] * sizes[-1]),
        errors[-1] * 1.7,
        f"same error: {units[-1]} units\ninstead of {round(sizes[-1])}",
        ha="center",
        va="bottom",
        fontsize=10,
    )
    ax.text(1.08, floor * 1.6, "impossible for\nany ReLU network", fontsize=8.5, color="0.3")
    ax.set(xscale="log", yscale="log", xlabel="hidden units $N$", ylabel="sup error")
    ax.set_ylim(floor, 0.2)
    bold_title(ax, "Built: the best networks for $x^2$", 13)
    ax.legend(loc="upper right")


def _draw_tent(ax: Axes, rows: Sequence[Row]) -> None:
    for kind, color, label, marker in (
        ("shallow", _SHALLOW, "one hidden layer: $2^k$", "s"),
        ("deep", _DEEP, "one per layer: $k$", "o"),
    ):
        cells = of(rows, construction=f"tent_{kind}")
        levels = column(cells, "levels")
        ax.plot(levels, column(cells, "num_hidden_units"), color=color, linewidth=1.2)
        ax.plot(levels, column(cells, "num_hidden_units"), marker, color=color, label=label)
    ax.set(yscale="log", xlabel="iterations $k$", ylabel="hidden units for error 0")
    bold_title(ax, "Tent map iterated $k$ times", 13)
    ax.legend(loc="upper left")


def _draw_map(ax: Axes, rows: Sequence[Row]) -> None:
    from approxlab import plotting

    plotting.plot_heat_map(
        rows, x="width", y="depth", value="relative_l2_error", level="num_parameters", ax=ax
    )
    name = f"{formula(rows[0]['target'])}, {rows[0]['activation']}"
    bold_title(ax, "Width by depth: " + name, 13, pad=18)
    ax.annotate("parameters", (1, 1), xycoords="axes fraction", xytext=(0, 12),
                textcoords="offset points", ha="right", fontsize=8, color="0.3")  # fmt: skip
    ax.set(xlabel="width", ylabel="depth (hidden layers)")


def _limits(rows: Sequence[Row], norm: str) -> tuple[float, float]:
    """Room for errors up to those of the constant 0, and for what is known of the least possible.

    A ReLU network may represent a kink exactly: in the sup norm such a line leaves the panel.
    """
    errors = [row[norm] for row in rows if math.isfinite(row[norm])] or [1.0]
    top = min(2 * max(errors), 3.0 if norm == "relative_l2_error" else 10.0)
    if norm != "relative_l2_error":
        return max(min(errors) / 2, _LEAST_SHOWN), top
    optima = [v for v in (row[f"best_{norm}"] for row in rows) if math.isfinite(v)]
    return min(errors + optima) / 2, top


def _draw_trained(ax: Axes, rows: Sequence[Row], norm: str) -> None:
    from approxlab import plotting

    depths = sorted({row["depth"] for row in rows})
    colors = plotting.ordered_colors(len(depths))
    plotting.plot_error_against_size(
        rows, x="num_parameters", y=norm, by="depth", ax=ax, colors=colors, markersize=3.5,
        label=lambda depth: f"depth {depth}", linewidth=1.5,
    )  # fmt: skip
    for depth, color in zip(depths, colors, strict=True):
        _draw_best(ax, of(rows, depth=depth), norm, color)
    budgets = sorted({row["budget"] for row in rows})
    ticks_at(ax, budgets)


def _draw_best(ax: Axes, rows: Sequence[Row], norm: str, color: str) -> None:
    """Dashed in the colour of the depth: the least possible error of these widths, if known."""
    known = {r["num_parameters"]: r[f"best_{norm}"] for r in rows}
    sizes = sorted(n for n, best in known.items() if math.isfinite(best))
    if not sizes:
        return
    ax.plot(sizes, [known[n] for n in sizes], "--", color=color, linewidth=1.2)
    words = {"lower": "dashed: lower bounds", "asymptotic": "dashed: free knots, asymptotic"}
    if rows[0]["depth"] == 1:
        ax.text(0.02, 0.04, words[rows[0]["best_kind"]], transform=ax.transAxes, fontsize=8)
