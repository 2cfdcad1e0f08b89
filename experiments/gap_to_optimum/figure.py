"""The figure of `gap_to_optimum`: two small networks, gaps per target, and the constant."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import HUES, colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import formula, heading
from experiments.drawing.rows import Row, column, distinct, of
from experiments.gap_to_optimum.findings import METHODS, best, gap

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw"]

_COLORS = colors("knots")
_MARKERS = dict(zip(_COLORS, "sDP^vo", strict=True))


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: two networks of the same size. Middle: gaps. Right: the least error itself."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    cells = of(rows, story="gap")
    targets = distinct(cells, "target")
    columns = min(2, len(targets))
    top = 1.5 * max(best(rows, row["target"], row["n"], row["method"]) for row in cells)
    with plotting.style("screen"):
        figure = plt.figure(figsize=(8.6 + 2.7 * columns, 6.8), dpi=100)
        ((left, middle, right),) = figure.subfigures(
            1, 3, squeeze=False, width_ratios=[1.15, 0.8 * columns, 1.0]
        )
        _draw_pictures(left, rows)
        heading(middle, "Error over the least possible one")
        axes = middle.subplots(
            -(-len(targets) // columns), columns, sharex=True, sharey=True, squeeze=False
        )
        for ax, target in zip(axes.flat, targets, strict=False):
            _draw_gaps(ax, rows, target, top)
        for ax in axes[-1]:
            ax.set_xlabel("pieces $n$")
        for ax in axes[:, 0]:
            ax.set_ylabel("gap")
        legend_below(middle, axes[0, 0], 2)
        heading(right, "The least error of $n$ pieces")
        _draw_constant(right.subplots(), rows, targets)
    return figure


def _draw_pictures(panel: SubFigure, rows: Sequence[Row]) -> None:
    """Adam's best network and the polished one over the target, kinks as dots."""
    import numpy as np

    shown = of(rows, story="picture")
    target, n = shown[0]["target"], shown[0]["n"]
    heading(panel, f"{formula(target)} in {n} pieces")
    axes = panel.subplots(2, 1, sharex=True, sharey=True)
    for ax, method in zip(axes, ("adam", "polished"), strict=True):
        kinks = of(shown, method=method)
        x, y = (column(kinks, name) for name in ("x", "height"))
        dense = np.linspace(x[0], x[-1], 801)
        ax.plot(dense, _values(target, dense), color="0.75", linewidth=4.0)
        ax.plot(x, y, color=_COLORS[method], linewidth=1.4)
        ax.plot(x[1:-1], y[1:-1], "o", color=_COLORS[method], markersize=5)
        found = best(rows, target, n, method)
        ax.set_title(f"{METHODS[method]}: gap {found:.3g}", color=_COLORS[method], fontsize=11)
        ax.text(0.02, 0.97, f"{len(x) - 2} kinks", transform=ax.transAxes, va="top",
                color=_COLORS[method])  # fmt: skip
    ax.set_xlabel("$x$")


def _values(target: str, x: Any) -> Any:
    """Values of a target without JAX, for the grey line."""
    import numpy as np

    functions: dict[str, Any] = {
        "sin": np.sin,
        "sine2": lambda z: np.sin(2 * np.pi * z),
        "sine4": lambda z: np.sin(4 * np.pi * z),
        "gaussian": lambda z: np.exp(-0.5 * z * z),
        "exp": np.exp,
        "runge": lambda z: 1.0 / (1.0 + 25.0 * z * z),
    }
    return functions[target](x)


def _draw_gaps(ax: Axes, rows: Sequence[Row], target: str, top: float) -> None:
    ends = of(rows, story="optimum", target=target)
    sizes = column(ends, "n")
    upper = [row["least_l2_error_upper"] / row["least_l2_error_lower"] for row in ends]
    ax.fill_between(sizes, 1.0, upper, color="0.6", linewidth=3.0, label="least error: in here")
    for method, name in METHODS.items():
        cells = of(rows, story="gap", target=target, method=method)
        if not cells:
            continue
        color = _COLORS[method]
        ax.plot(sizes, [best(rows, target, n, method) for n in sizes], color=color,
                marker=_MARKERS[method], markersize=4.5, linewidth=1.4, label=name)  # fmt: skip
        ax.plot(column(cells, "n"), [min(gap(rows, row), top) for row in cells], ".",
                color=color, markersize=4, alpha=0.6, clip_on=False)  # fmt: skip
    ax.set(xscale="log", yscale="log", title=formula(target))
    ticks_at(ax, sizes)
    ax.set_ylim(0.85, top)
    ticks = [t for t in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if t <= top]
    ax.set_yticks(ticks, [str(t) for t in ticks])


def _draw_constant(ax: Axes, rows: Sequence[Row], targets: Sequence[str]) -> None:
    """Both ends of the least error, divided by the leading term of the theory."""
    for target, color in zip(targets, HUES, strict=False):
        ends = of(rows, story="optimum", target=target)
        sizes = column(ends, "n")
        low, high = (
            [row[name] / row["asymptotic_l2_error"] for row in ends]
            for name in ("least_l2_error_lower", "least_l2_error_upper")
        )
        ax.fill_between(sizes, low, high, color=color, alpha=0.5, linewidth=0)
        ax.plot(sizes, high, "o-", color=color, markersize=4, linewidth=1.2, label=formula(target))
    ax.axhline(1.0, color="0.3", linewidth=1.0, linestyle="--")
    ax.set(xscale="log", xlabel="pieces $n$")
    ax.set_title(r"$n^2 E_n$ over $(\int |f''|^{2/5})^{5/2} / \sqrt{720}$", fontsize=11)
    ticks_at(ax, sizes)
    ax.legend(loc="lower right")
