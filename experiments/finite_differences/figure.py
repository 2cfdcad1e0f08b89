"""The figure of `finite_differences`: error against step, cost against inputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below, legend_entry
from experiments.drawing.lettering import beside, heading
from experiments.drawing.rows import Row, column, of
from experiments.finite_differences.findings import EPS, METHODS, SCHEMES, dot_flops

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("difference schemes")
_MARKERS = {"forward": "o", "backward": "x", "central": "s", "richardson": "D", "complex": "v"}
_WAYS = colors("difference costs")
_LEFT = {"float32": 2.0**-20, "float64": 2.0**-49}  # shorter complex steps are not drawn
_SLOPES = {  # of the measured errors, written next to the curves
    "float32": (("$h$", 2e-2, 3e-2), ("$h^2$", 9e-2, 3e-4), ("$1/h$", 6e-6, 3e-4)),
    "float64": (
        ("$h$", 1e-3, 1e-2),
        ("$h^2$", 1.2e-4, 2e-7),
        ("$h^4$", 1.2e-1, 3e-9),
        ("$1/h$", 1e-13, 1e-5),
    ),
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: a panel per precision. Right: FLOPs above, seconds below."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    errors, costs = of(rows, story="error"), of(rows, story="cost")
    kinds = [kind for kind in EPS if of(errors, number_type=kind)]
    with plotting.style("screen"):
        figure = plt.figure(figsize=(4.6 * max(1, len(kinds)) + 4.4, 5.9), dpi=100)
        ((left, right),) = figure.subfigures(
            1, 2, squeeze=False, width_ratios=[4.6 * max(1, len(kinds)), 4.4]
        )
        heading(left, "Error of one derivative of $e^x$ against the step")
        heading(right, "Cost of a gradient, $n$ inputs")
        if kinds:
            axes = left.subplots(1, len(kinds), squeeze=False)[0]
            for ax, kind in zip(axes, kinds, strict=True):
                _draw_errors(ax, of(errors, number_type=kind), kind)
            axes[0].set_ylabel("relative error, median")
            legend_below(left, axes[0], 4)
        if costs:
            flops, times = right.subplots(2, 1, sharex=True)
            _draw_costs(flops, costs, "dot_flops")
            _draw_costs(times, costs, "run_s")
            legend_below(right, flops, 2)
    return figure


def _draw_errors(ax: Axes, rows: Sequence[Row], kind: str) -> None:
    for scheme, name in SCHEMES.items():
        cells = sorted(of(rows, scheme=scheme, predicted=False), key=lambda row: row["step"])
        cells = [row for row in cells if row["step"] >= _LEFT[kind]]
        steps, color = column(cells, "step"), _COLORS[scheme]
        measured = [max(row["relative_error"], 0.2 * EPS[kind]) for row in cells]
        ax.plot(steps, measured, color=color, marker=_MARKERS[scheme], markersize=3.6,
                linewidth=1.3, label=name)  # fmt: skip
        if scheme != "backward":  # its bound is that of the forward quotient
            bounds = column(cells, "relative_bound")
            ax.plot(steps, bounds, "--", color=color, linewidth=1.0)
    for scheme in ("forward", "central", "richardson"):
        for row in of(rows, scheme=scheme, predicted=True):
            ax.plot(row["best_step"], row["predicted_error"], "P", color="white",
                    markeredgecolor=_COLORS[scheme], markeredgewidth=1.6, markersize=11,
                    zorder=5)  # fmt: skip
    legend_entry(ax, "--", "proved bounds", linewidth=1.0)
    ax.plot([], [], "P", color="white", markeredgecolor="0.3", markeredgewidth=1.6, markersize=10,
            linestyle="none", label="predicted optimum")  # fmt: skip
    ax.axhline(EPS[kind], color="0.75", linewidth=1.0, zorder=0)
    ax.text(0.98, EPS[kind] * 0.85, "eps", color="0.5", fontsize=9, ha="right", va="top",
            transform=ax.get_yaxis_transform())  # fmt: skip
    for text, step, error in _SLOPES[kind]:
        ax.text(step, error, text, fontsize=11, color="0.35", ha="center", va="center")
    ax.set(xscale="log", yscale="log", xlabel="step $h$", title=kind)
    ax.set_ylim(0.1 * EPS[kind], 10)
    ax.set_xlim(0.6 * _LEFT[kind], 0.9)


def _draw_costs(ax: Axes, rows: Sequence[Row], field: str) -> None:
    for method, name in METHODS.items():
        cells = of(rows, method=method)
        inputs = column(cells, "n")
        if field == "dot_flops":
            ax.plot(
                inputs, column(cells, field), "o", color=_WAYS[method], markersize=5, label=name
            )
            formulas = [dot_flops(method, row["n"], row["weights"]) for row in cells]
            ax.plot(inputs, formulas, color=_WAYS[method], linewidth=1.2)
        else:
            times = [1e6 * row[field] for row in cells]
            ax.plot(inputs, times, "o-", color=_WAYS[method], markersize=5, linewidth=1.2)
    ax.set(xscale="log", yscale="log")
    if field == "dot_flops":
        ax.set_ylabel("FLOPs of products")
        ax.text(
            0.03, 0.95, "lines: formulas", transform=ax.transAxes, va="top", fontsize=9, color="0.4"
        )
    else:
        ax.set_ylabel("microseconds, measured")
        ax.set_xlabel("inputs $n$")
    ratio = "dot_flops" if field == "dot_flops" else "ratio_to_reverse_s"
    largest = max(column(rows, "n"))
    (dear,) = of(rows, method="one-sided", n=largest)
    (cheap,) = of(rows, method="reverse", n=largest)
    times = dear[ratio] / cheap[ratio] if field == "dot_flops" else dear[ratio]
    scale = 1.0 if field == "dot_flops" else 1e6
    ends = (scale * cheap[field], scale * dear[field])
    arrow = {"arrowstyle": "<->", "color": "0.3", "shrinkA": 5, "shrinkB": 5}
    ax.annotate("", (largest, ends[1]), (largest, ends[0]), arrowprops=arrow)
    beside(
        ax,
        f"{times:.0f}x",
        (largest, (ends[0] * ends[1]) ** 0.5),
        (-6, 0),
        ha="right",
        va="center",
        fontsize=11,
    )
