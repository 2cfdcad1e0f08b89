"""The figure of `jacobian_cost`: forward against reverse mode, three sweeps, prediction, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import heading
from experiments.drawing.rows import Row, column, of
from experiments.jacobian_cost.findings import AXES, MARGIN, NAMES, decided, is_right

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw"]

_COLORS = colors("jacobian methods")
_MARKERS = dict(zip(_COLORS, "osDx^v", strict=True))
_LABELS = {
    "in_size": "inputs",
    "out_size": "outputs",
    "width": "width of hidden layers",
    "depth": "hidden layers",
    "batch": "points in a batch",
}
_QUANTITIES = {
    "flops_ratio": ("FLOPs, in forward passes", 1.0),
    "ratio_s": ("time, in forward passes", 1.0),
    "temp_bytes": ("working memory, kB", 1e-3),
}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Above: where the modes cross, three sweeps, predicted against measured. Below: all sizes."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(16.5, 14.0), dpi=75)
        ((above,), (below,)) = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.0, 1.85])
        _draw_above(above, rows)
        _draw_sweeps(below, of(rows, story="sweep"))
    return figure


def _draw_above(figure: SubFigure, rows: Sequence[Row]) -> None:
    ((maps, others),) = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.25, 1.0])
    heading(maps, "Forward mode over reverse mode: they cross where inputs = outputs")
    axes = maps.subplots(1, 2, sharey=True)
    crossing = of(rows, story="map")
    _draw_map(axes[0], crossing, "flops_ratio", "FLOPs: $(1+n)/(1+m)$")
    mesh = _draw_map(axes[1], crossing, "ratio_s", "time, measured")
    axes[0].set_ylabel("outputs $m$")
    bar = maps.colorbar(mesh, ax=list(axes), shrink=0.85, pad=0.015)
    bar.set_ticks([-5, -3, 0, 3, 5], labels=["1/32", "1/8", "1", "8", "32"])
    bar.set_label("←  forward cheaper          reverse cheaper  →")
    left, right = others.subplots(1, 2, width_ratios=[0.85, 1.15])
    _draw_three(left, of(rows, story="three"))
    _draw_shapes(right, of(rows, story="shape"))


def _draw_map(ax: Axes, rows: Sequence[Row], value: str, title: str) -> Any:
    """The ratio on a grid of inputs by outputs, its logarithm as colour, 1 as a line."""
    import numpy as np

    sizes = sorted({row["in_size"] for row in rows})
    grid = np.array([[next(r[value] for r in rows if r["in_size"] == n and r["out_size"] == m)
                      for n in sizes] for m in sizes])  # fmt: skip
    mesh = ax.pcolormesh(
        np.log2(grid), cmap="PuOr", vmin=-6, vmax=6, edgecolor="white", linewidth=0.6
    )
    for (i, j), ratio in np.ndenumerate(grid):
        dark = abs(np.log2(ratio)) > 4
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6} if i == j else None
        ax.text(j + 0.5, i + 0.5, _short(ratio), ha="center", va="center", fontsize=7.5,
                color="white" if dark else "black", bbox=box)  # fmt: skip
    ax.plot([0, len(sizes)], [0, len(sizes)], color="0.4", linewidth=0.8, linestyle="--")
    ticks = np.arange(len(sizes)) + 0.5
    ax.set_xticks(ticks, [str(s) for s in sizes])
    ax.set_yticks(ticks, [str(s) for s in sizes])
    ax.set_title(title)
    ax.set_xlabel("inputs $n$")
    ax.set_aspect("equal")
    ax.grid(False)
    return mesh


def _draw_three(ax: Axes, rows: Sequence[Row]) -> None:
    """Costs in forward passes: one sweep, three sweeps; FLOPs as outlines, time as bars."""
    names = {"one sweep": "one\nsweep", "three sweeps": "three\nsweeps"}
    ticks, labels = [], []
    for i, (side, mode) in enumerate((("outputs", "reverse"), ("inputs", "forward"))):
        for j, program in enumerate(names):
            row = of(rows, three=side, program=program)[0]
            place = 2.6 * i + j
            ax.bar(place, row["ratio_s"], width=0.62, color=_COLORS[mode])
            ax.plot(
                [place - 0.42, place + 0.42], [row["flops_ratio"]] * 2, color="black", linewidth=2.0
            )
            ax.text(place, row["ratio_s"] * 0.5, f"{row['ratio_s']:.1f}", ha="center",
                    va="center", color="white", fontweight="bold")  # fmt: skip
            ticks.append(place)
            labels.append(names[program])
        ax.text(2.6 * i + 0.5, -0.23, f"3 {side},\n{mode} mode", ha="center", va="top",
                transform=ax.get_xaxis_transform(), color=_COLORS[mode])  # fmt: skip
    ax.plot([], [], color="black", linewidth=2.0, label="FLOPs at one point")
    ax.bar([0], [0], color="0.6", label="time")
    ax.set_xticks(ticks, labels, fontsize=8)
    ax.set_ylabel("forward passes, value included")
    ax.set_title("“3x” for three outputs or inputs\nis 1 + 3 forward passes", fontsize=11)
    ax.set_ylim(0, 1.32 * max(max(row["ratio_s"], row["flops_ratio"]) for row in rows))
    ax.legend(loc="upper left", ncols=2)


def _draw_shapes(ax: Axes, rows: Sequence[Row]) -> None:
    """Every method for every random network: predicted against measured time."""
    for method in ("forward", "reverse", "structured", "planned"):
        some = [row for row in rows if not (method == "planned" and row["same_program"])]
        ax.plot([1e6 * row[f"{method}_predicted"] for row in some],
                [1e6 * row[f"{method}_s"] for row in some], _MARKERS[method], markersize=2.5,
                color=_COLORS[method], alpha=0.7, label=NAMES[method])  # fmt: skip
    low, high = ax.get_xlim()[0], ax.get_xlim()[1]
    ax.set(xscale="log", yscale="log", xlabel="predicted, µs", ylabel="measured, µs")
    low = 1e6 * min(row[f"{m}_predicted"] for row in rows for m in ("forward", "reverse"))
    ax.plot([low, high], [low, high], color="black", linewidth=0.8, linestyle="--")
    counted = [row for row in rows if decided(row)]
    right = sum(map(is_right, counted))
    ax.set_title(
        f"The fastest of four named on {right} of {len(counted)}\nrandom shapes "
        f"(within {MARGIN - 1:.0%})",
        fontsize=11,
    )
    ax.legend(loc="upper left", fontsize=8, markerscale=2, handletextpad=0.2)


def _draw_sweeps(figure: SubFigure, rows: Sequence[Row]) -> None:
    """A column per size that varies, a row per quantity."""
    swept = [axis for axis in AXES if len(of(rows, axis=axis)) > 1]
    if not swept:
        return
    base = {axis: rows[0][axis] for axis in AXES}
    for other in swept:  # the base value of an axis is what the sweeps along others have
        base[other] = next((r[other] for r in rows if r["axis"] != other), base[other])
    shape = (
        f"{base['in_size']} inputs, {base['out_size']} outputs, {base['depth']} hidden layers "
        f"of {base['width']}, {base['batch']} points"
    )
    heading(figure, f"One axis at a time, the others at {shape}")
    axes = figure.subplots(3, len(swept), sharex="col", sharey="row", squeeze=False)
    for j, axis in enumerate(swept):
        for i, (quantity, (name, factor)) in enumerate(_QUANTITIES.items()):
            _draw_lines(axes[i, j], of(rows, axis=axis), axis, quantity, factor)
            if j == 0:
                axes[i, j].set_ylabel(name)
        axes[-1, j].set_xlabel(_LABELS[axis])
    legend_below(figure, axes[0, 0], len(NAMES))


def _draw_lines(ax: Axes, rows: Sequence[Row], axis: str, quantity: str, factor: float) -> None:
    for method, name in NAMES.items():
        cells = of(rows, method=method)
        x = column(cells, axis)
        y = [factor * row[quantity] for row in cells]
        dashed = method in ("planned", "differences")  # often on top of another line
        ax.plot(x, y, marker=_MARKERS[method], markersize=4, color=_COLORS[method], label=name,
                linewidth=1.6, linestyle="--" if dashed else "-")  # fmt: skip
    ax.set(xscale="log", yscale="log")
    places = sorted({row[axis] for row in rows})
    kept = places[:: 1 + len(places) // 6]
    ax.set_xticks(kept, [str(p) for p in kept])
    ax.set_xticks([], minor=True)


def _short(ratio: float) -> str:
    """At most four signs, so that neighbours in a map do not touch: 128, 2.0, .25, .008."""
    if ratio >= 0.95:
        return f"{ratio:.0f}" if ratio >= 9.95 else f"{ratio:.1f}"
    return f"{ratio:.2f}"[1:] if ratio >= 0.095 else f"{ratio:.1g}".lstrip("0")
