"""The figure of `greedy_rates`: error against units per dimension, and published over ours."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_entry
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, column, of
from experiments.greedy_rates.findings import curves, slope

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_LABELS = {
    "as published": "as published",
    "best step": "best step",
    "random": "best step, random dictionary",
    "polished": "best step, polished",
}
_METHODS = {method: (colors("greedy")[method], label) for method, label in _LABELS.items()}
_NAMES = {
    "sine": r"$\sin x$",
    "parabola": "$(x-1/2)^2$",
    "two_sines": "two sines",
    "sine_product": r"$\sin\pi x\,\sin\pi y$",
    "gabor": "Gabor, 2D",
    "corner": "corner, L-shape",
    "sine_product_3d": "sines, 3D",
    "gaussian_10d": "Gaussian, 10D",
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """A panel per dimension, then the ratios."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    rate = curves(rows)
    dims = sorted({curve[0]["dim"] for curve in rate})
    powers = sorted({curve[0]["power"] for curve in rate})
    colors = dict(zip(powers, plotting.ordered_colors(len(powers)), strict=True))
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1,
            len(dims) + 1,
            figsize=(3.9 * len(dims) + 4.4, 4.9),
            dpi=100,
            width_ratios=[1.0] * len(dims) + [1.05],
        )
        for ax, dim in zip(axes, dims, strict=False):
            mine = [curve for curve in rate if curve[0]["dim"] == dim]
            _draw_curves(ax, mine, of(rows, story="polish", dim=dim), colors)
        axes[0].set_ylabel("$L^2$ error")
        _draw_ratios(axes[-1], of(rows, story="published"))
    return figure


def _draw_curves(
    ax: Axes, rate: Sequence[Sequence[Row]], polished: Sequence[Row], colors: Mapping[int, str]
) -> None:
    dim = rate[0][0]["dim"]
    for curve in rate:
        power, color = curve[0]["power"], colors[curve[0]["power"]]
        n = column(curve, "num_hidden_units")
        ax.plot(n, column(curve, "l2_error"), "o-", color=color, markersize=4,
                linewidth=1.3, label=f"{_slope_text(curve)} "
                rf"(${curve[0]['theory_slope']:.2f}$)")  # fmt: skip
        middle = curve[len(curve) // 2]
        ax.plot(n, [1.6 * middle["l2_error"] * (m / middle["num_hidden_units"])
                    ** curve[0]["theory_slope"] for m in n],
                "--", color=color, linewidth=0.9)  # fmt: skip
        moved = of(polished, power=power)
        ax.plot(column(moved, "num_hidden_units"), column(moved, "l2_error"),
                "D", color=color, markerfacecolor="white", markersize=6)  # fmt: skip
    legend_entry(ax, "--", "proved exponent", linewidth=0.9)
    if polished:
        legend_entry(ax, "D", "all kinks moved", markerfacecolor="white")
    ax.set(xscale="log", yscale="log", xlabel="units $n$")
    low, high = ax.get_ylim()
    ax.set_ylim(low * (low / high) ** 0.55, high)  # room for the legend
    ticks_at(ax, [4, 16, 64, 256])
    ax.legend(loc="lower left", fontsize=9, title="fitted slope (proved)", title_fontsize=9)
    words = {1: "One dimension", 2: "Two dimensions", 3: "Three dimensions"}
    bold_title(ax, words[dim], 13)


def _slope_text(curve: Sequence[Row]) -> str:
    """The fitted slope of a curve, or a note that it has too few units."""
    found = slope(curve)
    text = f"${found:.2f}$" if math.isfinite(found) else "too few"
    return f"$k={curve[0]['power']}$: {text}"


def _draw_ratios(ax: Axes, rows: Sequence[Row]) -> None:
    """Published error divided by ours, at the largest number of units of each table."""
    cases = list(dict.fromkeys(row["case"] for row in rows))
    for i, case in enumerate(cases):
        for method, (color, _) in _METHODS.items():
            found = of(rows, case=case, method=method)
            if not found:
                continue
            row = max(found, key=lambda row: row["num_hidden_units"])
            ratio = row["published_l2_error"] / row["l2_error"]
            ax.plot([1.0, ratio], [i, i], color="0.85", linewidth=1.2, zorder=1)
            ax.plot([ratio], [i], "o", color=color, markersize=8, zorder=2)
    for color, label in _METHODS.values():
        if any(_METHODS[row["method"]][1] == label for row in rows):
            ax.plot([], [], "o", color=color, markersize=8, label=label)
    ax.axvline(1.0, color="0.3", linewidth=1.0)
    labels = [
        f"{_NAMES[case]} ($n={max(row['num_hidden_units'] for row in of(rows, case=case))}$)"
        for case in cases
    ]
    ax.set_yticks(range(len(cases)), labels, fontsize=9)
    ax.set_ylim(1.45 * len(cases), -0.6)  # room for the legend
    ax.set_xscale("log")
    ticks_at(ax, [1, 2, 4])
    ax.set_xlim(0.8, 6.0)
    ax.set_xlabel("published error / ours")
    ax.legend(loc="lower right", fontsize=9)
    bold_title(ax, "Equally many units", 13)
