"""The figure of `network_calculus`: the gallery, one network and its calculus, and the sine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import HUES, colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import heading
from experiments.drawing.rows import Row, column, of
from experiments.network_calculus.cases import CASES
from experiments.network_calculus.findings import WAYS, cell, names_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw"]

_MODELS = colors("models")
_COLORS = {
    "chebfun, plain": _MODELS["polynomial"],
    "chebfun, breaks": HUES[1],
    "network": _MODELS["mlp"],
}
_MARKERS = {"chebfun, plain": "s", "chebfun, breaks": "D", "network": "o"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: numbers, errors and seconds. Middle: a network. Right: the sine."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(15.6, 6.6), dpi=100)
        ((left, middle, right),) = figure.subfigures(
            1, 3, squeeze=False, width_ratios=[1.75, 1.0, 1.05]
        )
        _draw_gallery(left, rows)
        _draw_picture(middle, rows)
        _draw_sine(right, rows)
    return figure


def _draw_gallery(panel: SubFigure, rows: Sequence[Row]) -> None:
    heading(panel, "Kinks are for networks, analytic functions for polynomials")
    axes = panel.subplots(1, 3, sharey=True)
    names = names_of(rows)[::-1]
    fields = {
        "coefficients": "numbers",
        "sup_error_at_most": "relative sup error",
        "build_s": "seconds to construct",
    }
    for ax, (field, label) in zip(axes, fields.items(), strict=True):
        for by in WAYS:
            found = [(i, cell(rows, name, by)) for i, name in enumerate(names)]
            known = [(i, row[field]) for i, row in found if row is not None]
            if not known:
                continue
            ax.plot(
                [value for _, value in known],
                [i + 0.16 * (list(WAYS).index(by) - 1) for i, _ in known],
                _MARKERS[by],
                color=_COLORS[by],
                markersize=7,
                label=WAYS[by],
                clip_on=False,
                zorder=3,
            )
        ax.set(xscale="log", xlabel=label, ylim=(-0.6, len(names) - 0.4))
        ax.set_yticks(range(len(names)), [CASES[name].label for name in names])
        ax.grid(axis="y", color="0.92", linewidth=14.0, zorder=0)
        ax.tick_params(axis="y", length=0)
    axes[0].set(xlim=(2.0, 2e5))
    axes[0].set_xticks([10.0, 1e3, 1e5])
    spent = [row["build_s"] for row in of(rows, story="gallery") if row["build_s"] is not None]
    axes[2].set(xlim=(0.5 * min(spent), 2.0 * max(spent)))
    axes[1].set(xlim=(3e-14, 10.0))
    axes[1].set_xticks([1e-13, 1e-9, 1e-5, 1e-1], ["exact", "1e-9", "1e-5", "0.1"])
    handles, labels = axes[0].get_legend_handles_labels()
    panel.legend(
        handles, labels, loc="outside lower center", ncols=3, frameon=False, handletextpad=0.2
    )


def _draw_picture(panel: SubFigure, rows: Sequence[Row]) -> None:
    shown = of(rows, story="picture")
    curve = of(shown, drawn="curve")
    x = column(curve, "x")
    heading(panel, "A ReLU network and its calculus")
    top, centre, bottom = panel.subplots(3, 1, sharex=True)
    top.axhline(0.0, color="0.7", linewidth=0.8)
    top.plot(x, column(curve, "value"), color=_MODELS["mlp"], linewidth=1.8)
    for kind, marker, color in (
        ("maximum", "^", HUES[5]),
        ("minimum", "v", HUES[2]),
    ):
        places = of(shown, drawn=kind)
        top.plot(
            column(places, "x"),
            column(places, "value"),
            marker,
            color=color,
            markersize=7,
            clip_on=False,
            zorder=3,
            label=f"local {kind}",
        )
    roots = column(of(shown, drawn="root"), "x")
    top.plot(
        roots,
        [0.0] * len(roots),
        "o",
        color="white",
        markeredgecolor="black",
        markersize=6,
        zorder=4,
        label="root",
    )
    top.set_title("network, roots and extrema", fontsize=11, loc="left")
    top.set_ylim(top.get_ylim()[0], 1.6 * top.get_ylim()[1])
    top.legend(
        ncols=3,
        loc="upper center",
        handletextpad=0.1,
        columnspacing=0.7,
        fontsize=10,
        frameon=False,
        borderaxespad=0.1,
    )
    centre.axhline(0.0, color="0.7", linewidth=0.8)
    centre.plot(x, column(curve, "slope"), color=_MODELS["mlp"], linewidth=1.8)
    centre.set_title("derivative: a step network", fontsize=11, loc="left")
    bottom.axhline(0.0, color="0.7", linewidth=0.8)
    bottom.plot(x, column(curve, "integral"), color=_MODELS["mlp"], linewidth=1.8)
    bottom.set_title("integral: a relu2 network", fontsize=11, loc="left")
    bottom.set(xlabel="$x$", xlim=(-1.0, 1.0))


def _draw_sine(panel: SubFigure, rows: Sequence[Row]) -> None:
    shown = of(rows, story="sine")
    heading(panel, "Why 100 samples are not enough")
    axes = panel.subplots(2, 1, sharex=True)
    titles = {"trained": "trained network, {} units", "placed": "knots placed, {} units"}
    for ax, (by, title) in zip(axes, titles.items(), strict=True):
        (found,) = of(shown, drawn="numbers", by=by)
        curve = of(shown, drawn="curve", by=by)
        color = "0.35" if by == "trained" else _MODELS["mlp"]
        ax.plot(column(curve, "x"), column(curve, "error"), color=color, linewidth=1.5)
        ax.set_title(title.format(found["num_hidden_units"]), fontsize=11, loc="left")
        _draw_levels(ax, found, by)
        ax.set(ylabel="network $-$ sine")
    axes[-1].set(xlabel="$x$")


def _draw_levels(ax: Axes, found: Row, by: str) -> None:
    size = found["sup_error"]
    ax.axhline(size, color=HUES[5], linewidth=1.0)
    ax.axhline(-size, color=HUES[5], linewidth=1.0)
    ax.text(3.1, 1.06 * size, f"largest: {size:.3g}", color=HUES[5], ha="right", va="bottom")
    if by == "trained":
        sampled = found["error_at_100_points"]
        for sign in (-1.0, 1.0):
            ax.axhline(sign * sampled, color="0.5", linewidth=1.0, linestyle="--")
        ax.text(
            3.1,
            -0.97 * sampled,
            f"at 100 points: {sampled:.3g}",
            color="0.35",
            ha="right",
            va="bottom",
        )
    ax.set_ylim(-1.35 * size, 1.5 * size)
