"""The figure of `gradient_cost`: two ratios against depth, the tape, the price of a smaller one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_entry
from experiments.drawing.lettering import beside, bold_title
from experiments.drawing.rows import Row, column, of
from experiments.gradient_cost.findings import CASES, KEPT, exact

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("networks of a gradient")
_MARKERS = {"equal": "o", "many_inputs": "s", "small": "^"}
_KEPT_COLORS = colors("kept for reverse mode")
_KEPT_MARKERS = {"everything": "o", "layers": "s", "blocks": "D"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: gradient over function, Hessian-vector product over gradient. Below: the tape."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(2, 2, figsize=(10.4, 7.6), dpi=100)
        _draw_ratios(axes[0, 0], of(rows, story="ratio"), "gradient")
        _draw_ratios(axes[0, 1], of(rows, story="ratio"), "hvp")
        _draw_tapes(axes[1, 0], of(rows, story="tape"))
        _draw_prices(axes[1, 1], of(rows, story="tape"))
    return figure


def _draw_ratios(ax: Axes, rows: Sequence[Row], name: str) -> None:
    """Curves: matrix products. Points: medians of paired times with quartiles."""
    shift = {"equal": 1.0, "many_inputs": 1.025, "small": 0.975}
    for case, words in CASES.items():
        cells = of(rows, case=case)
        layers = column(cells, "layers")
        color = _COLORS[case]
        if case != "small":  # the same curve as that of equal widths
            ax.plot(layers, [float(exact(row, name)) for row in cells], color=color)
        places = [shift[case] * n for n in layers]
        _draw_quartiles(ax, places, cells, name, _MARKERS[case], color, f"{words}: time")
    legend_entry(ax, "-", "products of matrices, exact")
    _depths(ax, sorted({row["layers"] for row in rows}))
    ax.set_ylim(0, None)
    title, what = {
        "gradient": (r"Gradient: $3 - c_0/P$ functions", "gradient / function"),
        "hvp": (
            r"Hessian times vector: $(18P - 10c_0)/(6P - 2c_0)$ gradients",
            "Hessian-vector product / gradient",
        ),
    }[name]
    bold_title(ax, title)
    ax.set_ylabel(what)
    if name == "gradient":
        ax.legend(loc="lower right")


def _draw_tapes(ax: Axes, rows: Sequence[Row]) -> None:
    from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

    for kept, words in KEPT.items():
        cells = of(rows, kept=kept)
        layers = column(cells, "layers")
        color = _KEPT_COLORS[kept]
        ax.plot(layers, [row["tape_bytes"] / 1e6 for row in cells], color=color)
        ax.plot(
            layers,
            [row["measured_tape_bytes"] / 1e6 for row in cells],
            _KEPT_MARKERS[kept],
            color=color,
            label=words,
        )
        ax.plot(layers, [row["temp_bytes"] / 1e6 for row in cells], ":", color=color, linewidth=1.2)
    legend_entry(ax, "-", "predicted (points: measured)")
    legend_entry(ax, ":", "allocated by XLA", linewidth=1.2)
    _depths(ax, sorted({row["layers"] for row in rows}))
    ax.set_yscale("log")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_locator(NullLocator())
    batch, width = rows[0]["batch"], rows[0]["width"]
    bold_title(ax, f"The tape of reverse mode: {batch} samples, width {width}")
    ax.set_ylabel("MB")
    ax.legend(loc="upper left")


def _draw_prices(ax: Axes, rows: Sequence[Row]) -> None:
    """Gradient over function again, of the three tapes."""
    shift = {"everything": 0.97, "layers": 1.0, "blocks": 1.03}
    for kept in KEPT:
        cells = of(rows, kept=kept)
        layers = column(cells, "layers")
        color = _KEPT_COLORS[kept]
        if kept != "blocks":  # which cost the same as single layers
            price = [row["dot_flops"] / row["value_dot_flops"] for row in cells]
            text = {"everything": r"$3 - c_0/P$", "layers": r"$4 - (c_0 + c_L)/P$"}[kept]
            ax.plot(layers, price, color=color)
            beside(
                ax,
                text,
                (layers[-1], price[-1]),
                (6, 0),
                color=color,
                va="center",
                annotation_clip=False,
            )
        compiled = [row["compiled_flops"] / row["value_dot_flops"] for row in cells]
        ax.plot(layers, compiled, ":", color=color, linewidth=1.2)
        places = [shift[kept] * n for n in layers]
        _draw_quartiles(ax, places, cells, "gradient", _KEPT_MARKERS[kept], color)
    legend_entry(ax, "-", "products of matrices, exact")
    legend_entry(ax, ":", "all FLOPs, as compiled by XLA", linewidth=1.2)
    legend_entry(ax, "o", "time")
    _depths(ax, sorted({row["layers"] for row in rows}))
    ax.set_ylim(0, None)
    bold_title(ax, "The price of a smaller tape")
    ax.set_ylabel("gradient / function")
    ax.legend(loc="lower left")


def _draw_quartiles(
    ax: Axes,
    places: Sequence[float],
    rows: Sequence[Row],
    name: str,
    marker: str,
    color: str,
    label: str | None = None,
) -> None:
    """Medians of paired ratios of times as markers, their quartiles as bars."""
    medians = column(rows, f"{name}_ratio_s")
    lower = [row[f"{name}_ratio_s"] - row[f"{name}_low_s"] for row in rows]
    upper = [row[f"{name}_high_s"] - row[f"{name}_ratio_s"] for row in rows]
    ax.errorbar(
        places,
        medians,
        yerr=[lower, upper],
        fmt=marker,
        color=color,
        markersize=5,
        elinewidth=1.0,
        capsize=2,
        label=label,
    )


def _depths(ax: Axes, layers: Sequence[int]) -> None:
    ax.set_xscale("log", base=2)
    ticks_at(ax, layers)
    ax.set_xlabel("layers $L$")
