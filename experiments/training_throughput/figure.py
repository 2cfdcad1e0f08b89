"""The figure of `training_throughput`: who is how fast, and where the time of a step goes."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import beside, heading
from experiments.drawing.rows import Row
from experiments.training_throughput.findings import (
    NAMES,
    PIECES,
    cases,
    peak,
    per_step,
    rates,
    ratio,
    sizes,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_OURS = colors("throughput")
_COLORS = colors("parts of a step")
_LABELS = {
    "products": "matrix products",
    "activation": "activation",
    "optimiser": "optimiser",
    "rest": "rest of the program: loss, biases, copies",
    "host": "overhead between programs",
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: speeds as bars, a panel for each case. Below: the pieces of a step."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    shown = cases(rows)
    with plotting.style("screen"):
        figure, axes = plt.subplots(
            2,
            len(shown),
            figsize=(1.5 + 5.6 * len(shown), 6.2),
            dpi=100,
            squeeze=False,
            height_ratios=[3.2, 1.2],
            layout="constrained",
        )
        words = "Speed of training (median; line: least and most), and where a step's time goes"
        heading(figure, words)
        for j, case in enumerate(shown):
            _draw_rates(axes[0, j], rows, case, labelled=j == 0)
            _draw_pieces(axes[1, j], rows, case, labelled=j == 0)
        legend_below(figure, axes[1, 0], len(PIECES))
    return figure


def _draw_rates(ax: Axes, rows: Sequence[Row], case: str, labelled: bool) -> None:
    from matplotlib.ticker import MaxNLocator, StrMethodFormatter

    names = [name for name in NAMES if rates(rows, case, name)]
    for i, name in enumerate(names):
        timed = rates(rows, case, name)
        middle = median(timed)
        ax.barh(i, middle, color=_OURS.get(name, _OURS["other libraries"]), height=0.7)
        ax.plot([timed[0], timed[-1]], [i, i], color="black", linewidth=1.0)
        times = ratio(rows, case, name, "pytorch")
        words = f"{middle:,.0f}" + (f"  ({times:.1f} x fused eager)" if times is not None else "")
        beside(ax, words, (timed[-1], i), (5, 0), va="center")
    ax.set_yticks(range(len(names)), [NAMES[name] if labelled else "" for name in names])
    ax.invert_yaxis()
    ax.set_xlim(0, 1.65 * max(rates(rows, case, name)[-1] for name in names))
    ax.xaxis.set_major_locator(MaxNLocator(4))
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_xlabel("training steps per second, all networks together")
    ax.set_title(sizes(case))
    ax.grid(axis="y", visible=False)


def _draw_pieces(ax: Axes, rows: Sequence[Row], case: str, labelled: bool) -> None:
    pieces = per_step(rows, case)
    if pieces is None:
        ax.set_axis_off()
        return
    total, left = sum(pieces.values()), 0.0
    for name in PIECES:
        width = 1e6 * max(pieces[name], 0.0)
        ax.barh(0, width, left=left, color=_COLORS[name], label=_LABELS[name], height=0.55)
        if width > 0.06e6 * total:
            text = f"{100 * pieces[name] / total:.0f}%"
            ax.text(left + width / 2, 0, text, ha="center", va="center",
                    color="white" if name in ("products", "host") else "black")  # fmt: skip
        left += width
    _draw_least(ax, rows, case)
    ax.set_yticks([0], ["a step of the sweep" if labelled else ""])
    ax.set_ylim(-0.75, 0.5)
    ax.set_xlim(0, 1.08 * left)
    ax.set_xlabel("microseconds of the whole machine per step")
    ax.grid(axis="y", visible=False)


def _draw_least(ax: Axes, rows: Sequence[Row], case: str) -> None:
    """The time that the products would take at the best rate of the machine."""
    best = peak(rows)
    if best is None:
        return
    flops = next(r["product_flops"] for r in rows if r["case"] == case and r["status"] == "timed")
    least = 1e6 * flops / best
    ax.plot([0, least], [-0.45, -0.45], color="black", linewidth=2.0)
    share = least / (1e6 / median(rates(rows, case, "sweep")))
    beside(
        ax,
        f"products at the best rate of this machine: {100 * share:.0f}% of a step",
        (0, -0.5),
        (0, -3),
        va="top",
        fontsize="small",
    )
