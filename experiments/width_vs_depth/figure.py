"""The figure of `width_vs_depth`: the story in a few panels; `detail` has the others."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import HUES, colors
from experiments.drawing import lettering
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, column, of
from experiments.width_vs_depth.findings import gains

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw", "formula"]

_COLORS = colors("depth")
_DEEP, _SHALLOW = _COLORS["deep"], _COLORS["shallow"]
_DEPTH_COLORS = (_SHALLOW, HUES[3], HUES[1])  # of the least depth, and of deeper ones
_ACTIVATION_COLORS = (HUES[2], HUES[4], *HUES)


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Top: built networks, and trained ones beside them. Below: what depth gains, and the map."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    # Fourteen inches in the style of slides: read from the last row at 1024 pixels, too.
    with plotting.style("slides"):
        figure = plt.figure(figsize=(14.0, 10.4), dpi=110)
        (top,), (bottom,) = figure.subfigures(2, 1, squeeze=False, height_ratios=[1.0, 1.05])
        square, tent, trained = top.subplots(1, 3)
        _draw_square(square, rows)
        _draw_tent(tent, rows)
        _draw_trained_beside_built(trained, rows)
        gain, heat = bottom.subplots(1, 2, width_ratios=[1.0, 1.15])
        _draw_gains(gain, rows)
        _draw_map(heat, of(rows, story="map"))
    return figure


def formula(target: str) -> str:
    """How a target is written above its panels."""
    if target.startswith("tent"):
        return f"tent map, {target[4:]} times"
    return lettering.formula(target)


def _draw_square(ax: Axes, rows: Sequence[Row]) -> None:
    deep, shallow = (of(rows, construction=f"square_{kind}") for kind in ("deep", "shallow"))
    units = column(deep, "num_hidden_units")
    errors = column(deep, "sup_error")
    limit = [2.0 ** (-2 * n - 3) for n in units]
    floor = errors[-1] / 300
    forbidden = _COLORS["below the optimum"]
    ax.fill_between(units, floor, limit, color=forbidden, alpha=0.45, linewidth=0)
    sizes = [2.0**i for i in range(deep[-1]["levels"] + 1)]
    ax.plot(sizes, [1 / (8 * n * n) for n in sizes], color=_SHALLOW, linewidth=1.5)
    ax.plot(units, limit, color=_DEEP, linewidth=1.5)
    ax.plot(
        column(shallow, "num_hidden_units"),
        column(shallow, "sup_error"),
        "s",
        color=_SHALLOW,
        label="one layer: $1/(8N^2)$",
    )
    ax.plot(units, errors, "o", color=_DEEP, label="one per layer: $2^{-2N-3}$")
    ax.annotate(
        "",
        xy=(units[-1] * 1.35, errors[-1]),
        xytext=(sizes[-1] / 1.4, errors[-1]),
        arrowprops={"arrowstyle": "->", "color": "0.25", "linewidth": 1.5},
    )
    ax.text(
        sizes[-1],
        errors[-1] / 2.5,
        f"same error: {units[-1]} units\ninstead of {round(sizes[-1])}",
        ha="right",
        va="top",
        fontsize="small",
    )
    ax.text(1.1, floor * 2, "proved\nimpossible", fontsize=12.5, color="0.3")
    ax.set(xscale="log", yscale="log", xlabel="hidden units $N$", ylabel="sup error")
    ax.set_ylim(floor, 300)
    ax.set_yticks([10.0**e for e in range(-9, 0, 2) if 10.0**e > floor])
    ax.minorticks_off()
    bold_title(ax, "Built: best for $x^2$")
    ax.legend(loc="upper right")


def _draw_tent(ax: Axes, rows: Sequence[Row]) -> None:
    for kind, color, label, marker in (
        ("shallow", _SHALLOW, "one hidden layer: $2^k$", "s"),
        ("deep", _DEEP, "one per layer: $k$", "o"),
    ):
        cells = of(rows, construction=f"tent_{kind}")
        levels = column(cells, "levels")
        ax.plot(levels, column(cells, "num_hidden_units"), color=color, linewidth=1.5)
        ax.plot(levels, column(cells, "num_hidden_units"), marker, color=color, label=label)
    ax.set(yscale="log", xlabel="iterations $k$", ylabel="hidden units for error 0")
    bold_title(ax, "Built: tent map, iterated")
    ax.legend(loc="upper left")


def _draw_map(ax: Axes, rows: Sequence[Row]) -> None:
    from approxlab import plotting

    plotting.plot_heat_map(
        rows, x="width", y="depth", value="relative_l2_error", level="num_parameters", ax=ax
    )
    name = f"{formula(rows[0]['target'])}, {rows[0]['activation']}"
    bold_title(ax, "Width by depth: " + name, pad=24)
    ax.set(xlabel="width (dashed: equal numbers of parameters)", ylabel="hidden layers")


def _draw_trained_beside_built(ax: Axes, rows: Sequence[Row]) -> None:
    """Errors over parameters: one target, trained in some depths, and built where it is x^2."""
    from approxlab import plotting

    trained = of(rows, story="trained")
    relu = of(trained, activation="relu") or trained
    cells = of(relu, target="square") or of(relu, target=relu[0]["target"])
    cells = of(cells, activation=cells[0]["activation"])
    depths = sorted({row["depth"] for row in cells})
    shown = sorted({depths[0], depths[len(depths) // 2], depths[-1]})
    plotting.plot_error_against_size(
        [row for row in cells if row["depth"] in shown], x="num_parameters", y="sup_error",
        by="depth", ax=ax, colors=_DEPTH_COLORS[: len(shown)],
        label=lambda depth: f"depth {depth}",
    )  # fmt: skip
    if cells[0]["target"] == "square":
        built = of(rows, construction="square_deep")
        sizes, errors = column(built, "num_parameters"), column(built, "sup_error")
        ax.plot(sizes, errors, "o-", color=_DEEP, linewidth=1.5, label="built")
    ax.set(xscale="log", yscale="log", xlabel="parameters", ylabel="sup error")
    bold_title(ax, f"Trained: {formula(cells[0]['target'])}, {cells[0]['activation']}")
    ax.legend(loc="lower left", handlelength=1.2, borderpad=0.1)


def _draw_gains(ax: Axes, rows: Sequence[Row]) -> None:
    """A bar for every target and activation: to the right where depth helps in training."""
    found = [gain for gain in gains(rows) if math.isfinite(gain.ratio)]
    targets, activations = (
        [*dict.fromkeys(g.target for g in found)],
        [*dict.fromkeys(g.activation for g in found)],
    )
    share = 0.8 / max(1, len(activations))
    for gain in found:
        place = activations.index(gain.activation)
        y = targets.index(gain.target) + share * (place - (len(activations) - 1) / 2)
        color = _ACTIVATION_COLORS[place % len(_ACTIVATION_COLORS)]
        ax.barh(y, gain.ratio - 1, left=1, color=color, height=share)
        away = 1 if gain.ratio >= 1 else -1
        ax.annotate(f"{gain.ratio:.2g}", (gain.ratio, y), xytext=(5 * away, 0),
                    textcoords="offset points", va="center", fontsize="small",
                    ha="left" if away > 0 else "right")  # fmt: skip
    for activation, color in zip(activations, _ACTIVATION_COLORS, strict=False):
        ax.barh(0, 0, left=1, color=color, label=activation)
    ax.set_yticks(range(len(targets)), [formula(target) for target in targets])
    ax.invert_yaxis()
    ax.axvline(1.0, color="0.3", linewidth=1.5)
    ratios = [gain.ratio for gain in found] or [1.0]
    ax.set(xscale="log", xlim=(min(0.5, *ratios) / 2.5, 3 * max(2.0, *ratios)))
    ax.set_xlabel("error of one layer / error of the best deeper network")
    ax.xaxis.set_major_formatter("{x:g}")
    ax.xaxis.set_minor_formatter("")
    ax.grid(False, axis="y")
    bold_title(ax, "Trained: what depth gains")
    if found:
        ax.legend(loc="lower right")
