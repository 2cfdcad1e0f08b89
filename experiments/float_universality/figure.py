"""The figure of `float_universality`: units, orders of sums, and inputs that look like zero."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, bold_title
from experiments.drawing.rows import Row, column, distinct, of
from experiments.float_universality.findings import (
    UNITS_BY_DIGITS,
    equal_to,
    share,
    units_by_runs,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("float universality")
_MARKERS = {"step": "s", "sigmoid": "^", "relu": "o", "tanh": "x"}
_NAMES = {"relu": "ReLU"}
_ALL = 63_487


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Hidden units against runs; shares of equal values by order; inputs taken for zero."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1, 3, figsize=(11.4, 4.7), dpi=100, layout="constrained", width_ratios=[1.1, 1.1, 1.0]
        )
        _draw_units(axes[0], rows)
        _draw_orders(axes[1], rows)
        _draw_zero(axes[2], rows)
    return figure


def _draw_units(ax: Axes, rows: Sequence[Row]) -> None:
    by_runs, digits = of(rows, story="runs"), of(rows, story="digits")
    ends = [2.0, float(_ALL)]
    for name in distinct(by_runs, "activation"):
        some = of(by_runs, activation=name)
        ax.plot(
            ends,
            [units_by_runs(name, n) for n in ends],
            color=_COLORS[name],
            linewidth=1.2,
            alpha=0.6,
        )
        ax.plot(
            column(some, "runs"),
            column(some, "num_hidden_units"),
            _MARKERS[name],
            color=_COLORS[name],
            label=f"one hot per run, {_NAMES.get(name, name)}",
            markersize=6,
            linestyle="none",
        )
    if digits:
        color = _COLORS["digits"]
        ax.plot(ends, [UNITS_BY_DIGITS] * 2, color=color, linewidth=2.5)
        ax.plot(
            column(digits, "runs"),
            column(digits, "num_hidden_units"),
            "D",
            color=color,
            markersize=7,
            label="deep, by digits, ReLU",
            linestyle="none",
        )
        beside(
            ax,
            f"{UNITS_BY_DIGITS} units for\nany finite function",
            (2.2, UNITS_BY_DIGITS),
            (0, 5),
            color=color,
        )
    ax.set(xscale="log", yscale="log", xlabel="runs of equal values", ylabel="hidden units")
    ax.set_ylim(2.0, 3e7)
    bold_title(ax, "Equal on all float16", 12)
    ax.legend(fontsize=9, loc="upper left")


def _draw_orders(ax: Axes, rows: Sequence[Row]) -> None:
    orders = distinct([row for row in rows if "order" in row], "order")
    built = equal_to(rows, "digits") or equal_to(rows, "runs")
    jumps, fits = of(rows, story="jumps"), of(rows, story="fit")
    for color, marker, some, label in (
        ("digits", "D", built, "built, by digits"),
        ("jumps", "s", jumps, "sum of jumps"),
        ("fit", "o", fits, f"fit, {fits[0]['width']} tanh units"),
    ):
        shown = [100.0 * share(row) for row in some]
        places = [orders.index(row["order"]) for row in some]
        ax.plot(shown, places, marker, color=_COLORS[color], label=label, markersize=9)
    ax.set_yticks(range(len(orders)), orders)
    ax.set_ylim(len(orders) + 0.9, -0.5)  # room for the legend
    ax.set_xlim(-4.0, 106.0)
    ax.set_xlabel("inputs with the exact float16 value (%)")
    bold_title(ax, "Order of the sums: bell $e^{-x^2/2}$", 12)
    ax.legend(fontsize=10, loc="lower center", bbox_to_anchor=(0.42, 0.0), framealpha=0.9)


def _draw_zero(ax: Axes, rows: Sequence[Row]) -> None:
    some = of(rows, story="zero")
    none: list[str] = []
    for name in distinct(some, "activation"):
        cells = sorted(of(some, activation=name), key=lambda row: row["largest_input"])
        taken = column(cells, "taken_for_zero")
        if not any(taken):
            none.append(_NAMES.get(name, name))
            continue
        label = {"soft shrinkage": "soft shrinkage, 1/2"}.get(name, name)
        ax.plot(
            column(cells, "largest_input"),
            taken,
            "o-",
            color=_COLORS[name],
            label=label,
            markersize=5,
        )
    largest = distinct(some, "largest_input")
    ax.plot(
        largest, [0] * len(largest), color=_COLORS["none"], label=", ".join(none), linewidth=3.0
    )
    ax.set_xscale("log", base=2)
    ax.set_xticks([2.0**4, 2.0**8, 2.0**12, 2.0**16])
    ax.set_yscale("symlog", linthresh=2.0, base=10)
    ax.set_yticks([0, 2, 10, 100, 1000, 10_000], ["0", "2", "10", "100", "1000", "10 000"])
    ax.set_ylim(-0.3, 2e4)
    ax.minorticks_off()
    ax.set(
        xlabel="inputs are all float16 with $|x| \\leq X$", ylabel="inputs no network tells from 0"
    )
    bold_title(ax, "Activations that fail", 12)
    ax.legend(fontsize=9, loc="upper left")
