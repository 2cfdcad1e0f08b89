"""The figure of `depth_separation`: units against error, tents, and errors after layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import HUES, colors
from experiments.depth_separation.findings import KINDS
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import bold_title, formula
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_DEPTH = colors("depth")
_STYLES: dict[str, dict[str, Any]] = {
    "least": {"color": "0.25", "linestyle": "--", "linewidth": 1.6},
    "shallow": {"color": _DEPTH["shallow"], "marker": "s", "linewidth": 1.8},
    "deep": {"color": _DEPTH["deep"], "marker": "o", "linewidth": 1.8},
    "plain": {"color": _DEPTH["deep"], "marker": "^", "linewidth": 1.2, "linestyle": ":"},
    "trained": {"color": HUES[2], "marker": "D", "linestyle": "none"},
}
_PANELS = (("square",), ("product",), ("cube", "exp"), ("takagi",))
_TITLES = {"product": "$xy$", "takagi": "Takagi function"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Units against error for five targets; then tent^k, and what every layer adds."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(10.24, 7.0), dpi=100)
        axes = figure.subplots(2, 3)
        order = (axes[0, 0], axes[0, 1], axes[0, 2], axes[1, 0])
        shown = distinct(of(rows, story="curve"), "target")
        for ax, targets in zip(order, _PANELS, strict=True):
            _draw_curves(ax, rows, [target for target in targets if target in shown])
        for ax in (axes[0, 0], axes[1, 0]):
            ax.set_ylabel("ReLUs")
        _draw_tent(axes[1, 1], rows)
        _draw_layers(axes[1, 2], rows)
        legend_below(figure, axes[0, 0], 3)
    return figure


def _title(target: str) -> str:
    return _TITLES.get(target, formula(target))


def _draw_curves(ax: Axes, rows: Sequence[Row], targets: Sequence[str]) -> None:
    if not targets:
        ax.set_axis_off()
        return
    smallest = 1e-9
    for target in targets:
        first = target == targets[0]
        for kind, name in KINDS.items():
            cells = of(rows, story="curve", target=target, kind=kind)
            if not cells:
                continue
            style = {"markersize": 5.5, **_STYLES[kind]}
            if not first:
                style["markerfacecolor"] = "white"
            errors, units = column(cells, "error"), column(cells, "num_hidden_units")
            ax.plot(errors, units, label=name if first else None, **style)
    ax.set(xscale="log", yscale="log", xlim=(0.4, 0.4 * smallest), ylim=(0.7, 3e4))
    ax.set_xlabel("sup error")
    title = " and ".join(_title(target) for target in targets)
    if len(targets) > 1:
        title += " (white markers)"
    bold_title(ax, title)
    if targets[0] == "square":
        _annotate_ends(ax, rows)


def _annotate_ends(ax: Axes, rows: Sequence[Row]) -> None:
    """The number of ReLUs at the smallest error, in one layer and in many."""
    for kind, offset in (("shallow", (-6, 4)), ("deep", (-2, -16)), ("plain", (-2, 6))):
        cells = of(rows, story="curve", target="square", kind=kind)
        end = cells[-1]
        ax.annotate(
            f"{end['num_hidden_units']}",
            (end["error"], end["num_hidden_units"]),
            xytext=offset,
            textcoords="offset points",
            ha="right",
            color=_STYLES[kind]["color"],
            fontweight="bold",
        )


def _draw_tent(ax: Axes, rows: Sequence[Row]) -> None:
    cells = of(rows, story="tent")
    k, sizes = cells[0]["k"], column(cells, "n")
    ax.fill_between(sizes, 0.0, column(cells, "least_l1_error"), color="0.85", linewidth=0)
    ax.plot(sizes, column(cells, "least_l1_error"), color="0.25", linestyle="--")
    ax.plot(sizes, column(cells, "copied_l1_error"), "s-", color=_DEPTH["shallow"],
            markersize=5, label="one layer: first teeth")  # fmt: skip
    ax.plot(
        sizes,
        column(cells, "l1_error"),
        "v-",
        color=HUES[3],
        markersize=6,
        label="one layer: trained",
    )
    ax.plot([k], [0.0], "o", color=_DEPTH["deep"], markersize=9, clip_on=False, zorder=5,
            label=f"deep: {k} ReLUs, error 0")  # fmt: skip
    ax.axhline(1.0 / 64.0, color="0.25", linewidth=1.0)
    ax.text(0.66 * sizes[-1], 1.0 / 64.0, "1/64", ha="right", va="bottom")
    ax.text(0.075, 0.08, "impossible\nin one layer", transform=ax.transAxes, color="0.25")
    ax.set(
        xlabel="ReLUs in one hidden layer",
        ylabel="L1 error",
        ylim=(0.0, 0.34),
        xlim=(0, 1.03 * sizes[-1]),
    )
    bold_title(ax, f"tent$^{{{k}}}$: {2**k} pieces")
    ax.legend(loc="upper right")


def _draw_layers(ax: Axes, rows: Sequence[Row]) -> None:
    shown = [("square", "built"), ("takagi", "built"), ("cube", "trained"), ("exp", "trained")]
    looks = (("o-", _DEPTH["deep"]), ("s-", HUES[4]), ("D--", HUES[2]), ("^--", HUES[1]))
    for (target, how), (style, color) in zip(shown, looks, strict=True):
        cells = of(rows, story="layers", target=target, how=how)
        if not cells:
            continue
        label = f"{_title(target).replace(' function', '')}, {how}"
        ax.plot(column(cells, "layer"), column(cells, "l2_error"), style, color=color,
                markersize=5, label=label)  # fmt: skip
    ax.set(yscale="log", xlabel="after layer", ylabel="L2 error", ylim=(None, 20.0))
    bold_title(ax, "What each layer adds")
    ax.legend(loc="upper right")
