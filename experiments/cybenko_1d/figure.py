"""The figure of `cybenko_1d`: staircases, error and claim against size, steepness, chosen sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import HUES, colors
from experiments.cybenko_1d.findings import NAMES
from experiments.drawing.axes import ticks_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, bold_title, formula, heading, small_note
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("sigmoid sums")
_MARKERS = {"classical": "s", "midpoint": "o", "costarelli_spigler": "^", "moderate": "D"}
_HOLLOW = {"costarelli_spigler"}  # the same curve as the midpoint staircase, drawn around it


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Staircases on top; then a panel per target; then steepness, and what `cybenko` chooses."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    targets = distinct(of(rows, story="size"), "target")
    lines = -(-len(targets) // 3)
    with plotting.style("screen"):
        figure = plt.figure(figsize=(13.0, 7.0 + 3.1 * lines), dpi=100)
        heights = [2.9, 3.1 * lines + 0.5, 3.9]
        parts = figure.subfigures(3, 1, squeeze=False, height_ratios=heights)
        top, middle, bottom = parts.ravel()
        heading(top, "A sum of sigmoids is a staircase: one unit for each jump")
        _draw_staircases(top, of(rows, story="drawn"))
        heading(middle, "Error (markers) and claim (dashed) against the number of cells $n$")
        _draw_sizes(middle, of(rows, story="size"), targets, lines)
        steep, close, chosen = bottom.subplots(1, 3, width_ratios=[1.1, 0.9, 1.1])
        _draw_steepness(steep, of(rows, story="steep", kind="gain"))
        _draw_close_up(close, of(rows, story="steep"))
        _draw_chosen(chosen, of(rows, story="chosen"))
    return figure


def _draw_staircases(figure: Any, rows: Sequence[Row]) -> None:
    sizes = distinct(rows, "n")
    axes = figure.subplots(1, len(sizes), sharey=True, squeeze=False)[0]
    for ax, n in zip(axes, sizes, strict=True):
        points = of(rows, n=n, kind="point")
        summary = of(rows, n=n, kind="summary")[0]
        x = column(points, "x")
        ax.plot(x, column(points, "wanted"), color="0.6", linewidth=3.0)
        ax.plot(x, column(points, "value"), color=_COLORS["midpoint"], linewidth=1.4)
        error, claim = summary["sup_error"], summary["claimed_sup_error"]
        ax.set_title(f"$n = {n}$: error {error:.3f}, claim {claim:.3f}", fontsize=10)
        ax.set_xlabel("$x$")
    axes[0].set_ylabel(formula(rows[0]["target"]))


def _draw_sizes(figure: Any, rows: Sequence[Row], targets: Sequence[str], lines: int) -> None:
    axes = figure.subplots(lines, 3, sharex=True, squeeze=False)
    for ax in axes.ravel()[len(targets) :]:
        ax.set_visible(False)
    for ax, target in zip(axes.ravel(), targets, strict=False):
        orders = []
        for kind in NAMES:
            cells = of(rows, target=target, construction=kind)
            sizes = column(cells, "n")
            claims = column(cells, "claimed_sup_error")
            errors = column(cells, "sup_error")
            ax.plot(sizes, claims, "--", color=_COLORS[kind], linewidth=1.3)
            hollow = kind in _HOLLOW
            ax.plot(
                sizes,
                errors,
                _MARKERS[kind],
                color=_COLORS[kind],
                label=NAMES[kind],
                markersize=8.0 if hollow else 4.5,
                fillstyle="none" if hollow else "full",
            )
            orders.append((kind, -cells[0]["rate_slope"]))
        ax.set(xscale="log", yscale="log")
        ax.set_title(formula(target))
        small_note(ax, 0.03, 0.37, "order", color="0.3")
        for i, (kind, order) in enumerate(orders):
            small_note(
                ax, 0.03, 0.28 - 0.08 * i, f"{order:.2f}", color=_COLORS[kind], fontweight="bold"
            )
        ticks = sizes[::2]
        ticks_at(ax, ticks)
    for ax in axes[-1]:
        ax.set_xlabel("cells $n$")
    for ax in axes[:, 0]:
        ax.set_ylabel("sup error")
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper right", ncols=4, bbox_to_anchor=(0.995, 1.0))


def _draw_steepness(ax: Axes, rows: Sequence[Row]) -> None:
    targets = distinct(rows, "target")
    for target, color in zip(targets, (HUES[0], HUES[3], HUES[2]), strict=False):
        cells = of(rows, target=target)
        gains = column(cells, "gain")
        errors = column(cells, "sup_error")
        ax.plot(gains, column(cells, "claimed_sup_error"), "--", color=color, linewidth=1.2)
        ax.plot(
            gains, errors, "o-", color=color, markersize=3.5, linewidth=1.4, label=formula(target)
        )
        best = min(range(len(errors)), key=lambda i: errors[i])
        ax.plot(gains[best], errors[best], "*", color=color, markersize=14, zorder=4)
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="gain: slope of a unit times the cell width",
        ylabel="sup error",
    )
    low, high = ax.get_ylim()
    ax.set_ylim(low, high * 6)
    for place, word in ((0.02, "too shallow"), (0.98, "too steep")):
        ax.text(place, 0.93, word, transform=ax.transAxes, ha="left" if place < 0.5 else "right",
                fontsize=9, color="0.3")  # fmt: skip
    ax.legend(loc="upper center")
    bold_title(ax, f"Steepness at $n = {rows[0]['n']}$; stars: best", 12)


def _draw_close_up(ax: Axes, rows: Sequence[Row]) -> None:
    """The same target with units that are too shallow, of the best gain, and too steep."""
    points = of(rows, kind="point")
    gains = of(rows, kind="gain", target=points[0]["target"])
    best = min(gains, key=lambda row: row["sup_error"])
    x = column(points, "x")
    ax.plot(x, column(points, "wanted"), color="0.75", linewidth=5.0, label="target")
    for name, row in (("shallow", gains[0]), ("best", best), ("steep", gains[-1])):
        values = [point[name] for point in points]
        color = colors("steepness")[name]
        ax.plot(x, values, color=color, linewidth=1.3, label=f"{name}, gain {row['gain']:.2g}")
    ax.set_xlabel("$x$")
    ax.legend(loc="lower right")
    title = f"{formula(points[0]['target'])}, a part, $n = {points[0]['n']}$"
    bold_title(ax, title, 12)


def _draw_chosen(ax: Axes, rows: Sequence[Row]) -> None:
    from approxlab import plotting

    targets = distinct(rows, "target")
    last = {t: of(rows, target=t)[-1]["num_hidden_units"] for t in targets}
    targets.sort(key=lambda target: -last[target])
    rough = [t for t in targets if of(rows, target=t)[-1]["form"] == "Lipschitz"]
    smooth = [t for t in targets if t not in rough]
    # The sizes for rough targets depend on L only: one line, distinguished by hollow markers.
    looks = {t: ("0.25", mark) for t, mark in zip(rough, "sD^v<>" * len(rough), strict=False)}
    colors = plotting.ordered_colors(len(smooth))
    looks |= {t: (color, "o") for t, color in zip(smooth, colors, strict=True)}
    for target, (color, mark) in looks.items():
        cells = of(rows, target=target)
        least = column(cells, "least_constant_pieces")
        units = column(cells, "num_hidden_units")
        ax.plot(least, units, mark + "-", color=color, markersize=6 if target in rough else 5,
                fillstyle="none" if target in rough else "full", linewidth=1.4,
                label=formula(target))  # fmt: skip
    pieces = column(rows, "least_constant_pieces")
    ends = [min(pieces), max(pieces)]
    ax.plot(ends, ends, color="0.6", linewidth=1.0, zorder=0)
    beside(ax, "as many units", (ends[1], ends[1]), (-14, 1), ha="right", fontsize=9, color="0.35")
    ax.set(xscale="log", yscale="log", ylabel=r"units of $\mathtt{cybenko}(g, \epsilon)$")
    ax.set_xlabel(r"constant pieces for the class, $L\,(b-a)\,/\,(2\epsilon)$")
    epsilons = column(of(rows, target=targets[0]), "eps")
    ax.set_title(
        rf"Units for $\epsilon$ = {epsilons[0]:g} to {epsilons[-1]:g}; hollow: no $f''$",
        fontsize=12,
        fontweight="bold",
    )
    ax.legend(loc="upper left", fontsize=8)
