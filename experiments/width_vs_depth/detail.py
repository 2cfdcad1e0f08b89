"""The second figure of `width_vs_depth`: every trained target, activation and norm."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from experiments.drawing import lettering
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.rows import Row, distinct, of
from experiments.width_vs_depth.figure import formula

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw_detail"]

_LEAST_SHOWN = 3e-6
_NORMS = {"relative_l2_error": "relative $L^2$ error", "sup_error": "sup error"}


@given_back
def draw_detail(rows: Sequence[Row]) -> Figure:
    """One column per target, one row per error and activation."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    trained = of(rows, story="trained")
    targets, activations = distinct(trained, "target"), distinct(trained, "activation")
    lines = [(norm, activation) for norm in _NORMS for activation in activations]
    with plotting.style("screen"):
        figure = plt.figure(figsize=(10.24, 1.2 + 2.4 * len(lines)), dpi=150)
        axes = figure.subplots(len(lines), len(targets), sharex="col", sharey="row", squeeze=False)
        for i, (norm, activation) in enumerate(lines):
            for j, target in enumerate(targets):
                cells = of(trained, activation=activation, target=target)
                _draw_trained(axes[i, j], cells, norm)
                if i == 0:
                    axes[i, j].set_title(formula(target), fontsize=10)
                if i == len(lines) - 1:
                    axes[i, j].set_xlabel("parameters")
            axes[i, 0].set_ylabel(f"{activation}\n{_NORMS[norm]}")
            axes[i, 0].set_ylim(*_limits(of(trained, activation=activation), norm))
        handles, labels = axes[0, 0].get_legend_handles_labels()
        seeds = trained[0]["seeds"]
        lettering.heading(figure, f"Trained: equal budgets, median and quartiles of {seeds} seeds")
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
    return figure


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
    ticks_at(ax, budgets[:: 1 + len(budgets) // 4])  # of six every other one has room


def _draw_best(ax: Axes, rows: Sequence[Row], norm: str, color: str) -> None:
    """Dashed in the colour of the depth: the least possible error of these widths, if known."""
    known = {r["num_parameters"]: r[f"best_{norm}"] for r in rows}
    sizes = sorted(n for n, best in known.items() if math.isfinite(best))
    if not sizes:
        return
    ax.plot(sizes, [known[n] for n in sizes], "--", color=color, linewidth=1.2)
    words = {"lower": "dashed: lower bounds", "asymptotic": "dashed: free knots"}
    if rows[0]["depth"] == 1:
        ax.text(0.02, 0.04, words[rows[0]["best_kind"]], transform=ax.transAxes, fontsize=9)
