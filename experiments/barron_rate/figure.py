"""The figure of `barron_rate`: error against n, the constants, and polynomials."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.barron_rate.findings import slope
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, bold_title, small_note
from experiments.drawing.rows import Row, column, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("sampled units")
_FOURIER, _RIDGE, _BOUND = _COLORS["fourier"], _COLORS["ridge"], _COLORS["bound"]


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Three panels: the rate, the constant, and linear spaces of equal dimension."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    dims = sorted({row["dim"] for row in rows if row["story"] != "constant"})
    colors = dict(zip(dims, plotting.ordered_colors(len(dims)), strict=True))
    with plotting.style("screen"):
        figure, (rate, constant, space) = plt.subplots(
            1, 3, figsize=(13.5, 4.8), dpi=100, width_ratios=[1.2, 1.0, 1.2]
        )
        _draw_rate(rate, of(rows, story="rate"), colors)
        _draw_constant(constant, of(rows, story="constant"))
        _draw_polynomials(space, rows, colors)
    return figure


def _title(ax: Axes, text: str, below: str) -> None:
    bold_title(ax, text, 13, pad=22)
    note = small_note(ax, 0.0, 1.02, below, color="0.3")
    note.set_in_layout(False)  # a long line must not push the panels apart


def _draw_rate(ax: Axes, rows: Sequence[Row], colors: Mapping[int, str]) -> None:
    for dim in sorted({row["dim"] for row in rows}):
        mine, color = of(rows, dim=dim), colors[dim]
        n = column(mine, "n")
        found, _ = slope(mine)
        ax.plot(n, column(mine, "bound_of_mean_squared_error"), "--", color=color, linewidth=1)
        ax.plot(n, column(mine, "expected_mean_squared_error"), color=color, linewidth=1.2)
        ax.errorbar(
            n,
            column(mine, "mean_squared_error"),
            yerr=[2 * r["mean_squared_error_standard_error"] for r in mine],
            fmt="o",
            color=color,
            capsize=2,
            label=f"$d={dim}$, slope ${found:.2f}$",
        )
    ax.set(xscale="log", yscale="log", xlabel="units $n$", ylabel="mean squared error")
    ax.legend(loc="lower left")
    middle = mine[len(mine) // 2]
    beside(
        ax,
        "bounds $(2\\,C_f)^2/n$",
        (middle["n"], middle["bound_of_mean_squared_error"]),
        (12, 12),
        fontsize=10,
    )
    below = f"mean over {rows[0]['draws']} networks $\\pm$ 2 standard errors; lines: exact"
    _title(ax, "Error $1/n$ in every dimension", below)


def _draw_constant(ax: Axes, rows: Sequence[Row]) -> None:
    for name, color, label, marker in (
        ("fourier", _FOURIER, "sampled as in the proof", "o"),
        ("ridge", _RIDGE, "frequency integrated out", "s"),
    ):
        mine = of(rows, sampling=name)
        dims, n = column(mine, "dim"), mine[0]["n"]
        ax.plot(
            dims, [n * r["expected_mean_squared_error"] for r in mine], color=color, linewidth=1.2
        )
        ax.errorbar(
            dims,
            [n * r["mean_squared_error"] for r in mine],
            yerr=[2 * n * r["mean_squared_error_standard_error"] for r in mine],
            fmt=marker,
            color=color,
            capsize=2,
            label=label,
        )
    bounds = [n * r["bound_of_mean_squared_error"] for r in mine]
    ax.plot(dims, bounds, "--", color=_BOUND, linewidth=1.2, label="bound $(2\\,C_f)^2$")
    ax.set(yscale="log", xlabel="dimension $d$", ylabel="$n$ times the mean squared error")
    ax.set_ylim(0.02, 100)
    i = len(dims) // 2
    exact = n * of(rows, sampling="fourier")[i]["expected_mean_squared_error"]
    ax.annotate(
        "",
        (dims[i], 1.15 * exact),
        xytext=(dims[i], bounds[i] / 1.1),
        arrowprops={"arrowstyle": "<->", "color": "0.4", "linewidth": 1.0},
    )
    beside(
        ax,
        f"{bounds[i] / exact:.0f} times",
        (dims[i], (bounds[i] * exact) ** 0.5),
        (6, 0),
        fontsize=10,
        va="center",
    )
    ax.legend(loc="lower right")
    _title(
        ax, "Dimension enters the constant only", f"measured with $n={n}$; lines: exact expectation"
    )


def _draw_polynomials(ax: Axes, rows: Sequence[Row], colors: Mapping[int, str]) -> None:
    """Polynomials, and sampled steps in the same dimensions."""
    cells = of(rows, story="polynomial")
    dims = sorted({row["dim"] for row in cells})
    for dim in dims:
        mine, color = of(cells, dim=dim), colors[dim]
        ax.plot(
            column(mine, "dimension"),
            column(mine, "mean_squared_error"),
            "o-",
            color=color,
            linewidth=1.2,
        )
        low = min((r for r in mine if r["mean_squared_error"] > 1e-29), key=lambda r: -r["degree"])
        name = "polynomials,\n" if dim == dims[-1] else ""
        beside(
            ax,
            f"{name}$d={dim}$",
            (low["dimension"], low["mean_squared_error"]),
            (7, 0),
            color=color,
            va="center",
        )
    sizes = [1.0, max(row["n"] for row in of(rows, story="rate"))]
    known = [row for row in of(rows, story="constant", sampling="fourier") if row["dim"] in dims]
    for row in known:
        values = [row["n"] * row["expected_mean_squared_error"] / n for n in sizes]
        ax.plot(sizes, values, color="0.45", linewidth=1.2)
    if known:
        text = f"sampled steps, $d={known[0]['dim']}$ to ${known[-1]['dim']}$"
        beside(
            ax,
            text,
            (sizes[1] ** 0.5, values[0] * sizes[1] ** -0.5),
            (-20, 9),
            color="0.35",
            ha="left",
        )
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="polynomials in the basis, or units $n$",
        ylabel="mean squared error",
    )
    _title(
        ax,
        "For this function polynomials win",
        "the $n^{-2/d}$ barrier to linear spaces is for all $f$ of equal $C_f$",
    )
