"""The figure of `trained_or_solved`: error against seconds, where each ends, and the race."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, bold_title, formula, power_of_ten
from experiments.drawing.rows import Row, column, distinct, of
from experiments.trained_or_solved.findings import (
    CONTENDERS,
    METHODS,
    OURS,
    STARTS,
    ends,
    reached,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("training")
_AFTER_ADAM = ("adam_lbfgs", "adam_ssbroyden")
_MARKERS = "osD^"
_OFFSET = 0.17  # between the markers of several targets on the line of a method


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: error against seconds. Middle: final errors on every target. Right: the race."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    raced = bool(of(rows, story="race"))
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1,
            2 + raced,
            figsize=(11.0 + 6.0 * raced, 6.4),
            dpi=100,
            squeeze=False,
            width_ratios=[1.0, 1.05, 1.0][: 2 + raced],
            layout="constrained",
        )
        _draw_way(axes[0, 0], rows)
        _draw_ends(axes[0, 1], rows)
        if raced:
            _draw_race(axes[0, 2], rows)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower left", ncols=5)
    return figure


def _draw_way(ax: Axes, rows: Sequence[Row]) -> None:
    """Training errors of the first target from its first start, and the point of the solve."""
    first = of(rows, story="gap", shown=True)[0]
    same = {"target": first["target"], "start": first["start"]}
    seconds = []
    for method in METHODS:
        path = [row for row in of(rows, kind="path", method=method, **same) if row["step"] > 0]
        if method in _AFTER_ADAM:  # its first part is that of Adam
            path = [row for row in path if row["step"] >= first["steps"] * 2 // 3]
        if not path:
            continue
        x = column(path, "seconds_s")
        ax.plot(x, column(path, "relative_error"), "--" if method in _AFTER_ADAM else "-",
                color=_COLORS[method], linewidth=1.8, marker="o" if len(path) == 1 else None,
                label=METHODS[method])  # fmt: skip
        seconds += x
    for row in ends(rows, method="solve", **same):
        ax.plot(row["run_s"], row["relative_l2_error"], "*", color=_COLORS["solve"],
                markersize=16, label=METHODS["solve"])  # fmt: skip
        seconds.append(row["run_s"])
    ax.set(
        xscale="log",
        yscale="log",
        xlabel="seconds, without compilation",
        ylabel="relative error at the training points",
    )
    ax.set_xlim(min(seconds) / 2, 2 * max(seconds))
    ax.set_ylim(1e-16, 3)
    words = f"{formula(first['target'])}, {first['width']} tanh units, {STARTS[first['start']]}"
    bold_title(ax, f"{words}{_gap(rows, same)}", 12)


def _gap(rows: Sequence[Row], same: Row) -> str:
    """Orders of magnitude between Adam and the solve, if both are there."""
    found = [ends(rows, method=name, **same) for name in ("adam", "solve")]
    if not all(found):
        return ""
    adam, solve = (row[0]["relative_l2_error"] for row in found)
    return f":\none solve, {math.log10(adam / solve):.0f} decades below Adam"


def _draw_ends(ax: Axes, rows: Sequence[Row]) -> None:
    """A line per method; filled from the first start, hollow from the second."""
    found = ends(rows)
    names = [name for name in METHODS if any(row["method"] == name for row in found)]
    starts = distinct(found, "start")[:2]
    targets = distinct(found, "target")
    for i, name in enumerate(names):
        for j, target in enumerate(targets):
            for filled, start in enumerate(reversed(starts), start=2 - len(starts)):
                for row in of(found, method=name, target=target, start=start):
                    y = i + _OFFSET * (j - (len(targets) - 1) / 2)
                    color = _COLORS[name]
                    ax.plot(row["relative_l2_error"], y, _MARKERS[j % len(_MARKERS)],
                            color=color, markerfacecolor=color if filled else "white",
                            markersize=7, linestyle="none")  # fmt: skip
    for j, target in enumerate(targets):
        ax.plot([], [], _MARKERS[j % len(_MARKERS)], color="0.35", linestyle="none",
                label=formula(target))  # fmt: skip
    for filled, start in enumerate(reversed(starts), start=2 - len(starts)):
        ax.plot([], [], "o", color="0.35", markerfacecolor="0.35" if filled else "white",
                linestyle="none", label=f"start: {STARTS[start]}")  # fmt: skip
    ax.set_yticks(range(len(names)), [METHODS[name] for name in names])
    ax.invert_yaxis()
    ax.set(xscale="log", xlabel="relative $L^2$ error at the end (estimate)")
    ax.set_xlim(1e-16, 3)
    bold_title(ax, "Where each ends,\nfrom two kinds of start", 12)
    ax.legend(loc="upper left", fontsize=9)


def _draw_race(ax: Axes, rows: Sequence[Row]) -> None:
    """A bar to the median of the runs that reach the goal; a dot for every such run."""
    raced = of(rows, story="race")
    names = [name for name in CONTENDERS if any(row["contender"] == name for row in raced)]
    last = max((row["spent_s"] for row in raced if "spent_s" in row), default=1.0)
    first = min((row["reached_s"] for row in raced if row.get("reached_s")), default=0.1)
    left = 10.0 ** (-3 if first < 0.05 else -2 if first < 0.5 else -1)
    for i, name in enumerate(names):
        color = _COLORS[name] if name in OURS else _COLORS["other libraries"]
        mine, there = of(raced, contender=name), column(reached(rows, name), "reached_s")
        if mine[0]["status"] == "not installed":
            words = "not installed"
        elif there:
            ax.barh(i, median(there), left=0, color=color, height=0.62)
            ax.plot(there, [i] * len(there), "o", color="black", markersize=3.5)
            words = f"{median(there):.2g} s, {len(there)} of {len(mine)}"
        else:
            error = min(column(mine, "error_at_the_end_s"))
            spent = max(column(mine, "spent_s"))
            words = f"not in {spent:.0f} s: at best {power_of_ten(error)}"
        place = max(there) if there else left
        beside(
            ax,
            words,
            (place, i),
            (6, 0),
            va="center",
            fontsize=9,
            color="black" if there else "0.35",
        )
    ax.set_yticks(range(len(names)), [CONTENDERS[name] for name in names])
    for label, name in zip(ax.get_yticklabels(), names, strict=True):
        label.set_fontweight("bold" if name in OURS else "normal")
    ax.set(xscale="log", xlabel="seconds without compilation; dots: runs")
    ax.set_xlim(left, 12 * last)
    ax.set_ylim(len(names) - 0.5, -0.5)
    sizes = "-".join(["1", *raced[0]["hidden"].split(","), "1"])
    ax.set_title(
        f"Race to {power_of_ten(raced[0]['goal'])}:\n{formula(raced[0]['target'])} with {sizes}",
        fontsize=12,
        fontweight="bold",
    )
    ax.grid(axis="y", visible=False)
