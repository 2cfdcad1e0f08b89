"""The figure of `gradient_descent`: a quadratic, two weights, the edge of stability."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import HUES, colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import heading, small_note
from experiments.drawing.rows import Row, column, distinct, of
from experiments.gradient_descent.findings import trainings

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw"]

_SIDES = colors("step sizes")
_OUTCOMES = colors("outcomes")
_NAMES = {
    "one side": "converges, never across $xy=1$",
    "across": "converges, across $xy=1$",
    "bounded": "stays bounded, reaches no minimiser",
    "diverged": "diverges",
}
_EDGE = colors("edge of stability")
_STEPS = (HUES[0], HUES[3], HUES[5], HUES[1], HUES[2])  # of step sizes, from the shortest on


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Three rows of panels, one for each story that has been computed."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    stories = {
        _draw_quadratic: (of(rows, story="quadratic"), 3.0),
        _draw_plane: ([row for row in rows if row["story"] in _PLANE], 4.0),
        _draw_edge: ([row for row in rows if row["story"] in _NETWORK], 3.9),
    }
    kept = {drawn: found for drawn, found in stories.items() if found[0]}
    heights = [height for _, height in kept.values()]
    with plotting.style("screen"):
        figure = plt.figure(figsize=(11.5, sum(heights)), dpi=100)
        panels = figure.subfigures(len(kept), 1, squeeze=False, height_ratios=heights)
        for panel, (drawn, (cells, _)) in zip(panels[:, 0], kept.items(), strict=True):
            drawn(panel, cells)
    return figure


_PLANE = ("map", "shares", "exceptions")
_NETWORK = ("edge", "flow", "central")


def _draw_quadratic(panel: SubFigure, rows: Sequence[Row]) -> None:
    """Distance to the minimum against steps, both logarithmic."""
    heading(panel, r"(a) A quadratic: $2/\lambda_{\max}$ decides")
    ax = panel.subplots()
    factors = distinct(rows, "factor")
    least = 1e-7
    for factor in factors:
        cells = [row for row in of(rows, factor=factor) if row["step"] > 0]
        side = "below" if factor < 1 else "above" if factor > 1 else "at"
        steps = column(cells, "step")
        ax.plot(steps, column(cells, "closed_form"), color=_SIDES[side], linewidth=1.3)
        ax.plot(steps, column(cells, "error"), "o", color=_SIDES[side], markersize=3.6)
        shown = [row for row in cells if 3 * least < row["error"] < 1e7][-1]
        ax.annotate(
            (rf"${factor:g} \times " if factor != 1 else "$") + r"2/\lambda_{\max}$",
            (shown["step"], shown["error"]),
            xytext=(9, 0),
            textcoords="offset points",
            va="center",
            color=_SIDES[side],
        )
    ax.set(xscale="log", yscale="log", xlabel="steps $k$", ylim=(least, 1e8))
    ax.set_ylabel(r"$|e_k| \, / \, |e_0|$")
    ax.set_xlim(0.9, 6 * max(column(rows, "step")))
    small_note(ax, 0.012, 0.9, r"dots: steps.  lines: $(I - \alpha H)^k e_0$", color="0.3")


def _draw_plane(panel: SubFigure, rows: Sequence[Row]) -> None:
    """A map for each step size, and the shares of random starts against the step size."""
    heading(panel, r"(b) Two weights, $L = (1 - xy)^2/2$: thresholds $\alpha = 1/2$ and $1$")
    maps = distinct(of(rows, story="map"), "alpha")
    shares = of(rows, story="shares")
    widths = [1.0] * len(maps) + [1.35] * bool(shares)
    axes = panel.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
    for ax, alpha in zip(axes, maps, strict=False):
        _draw_map(ax, of(rows, alpha=alpha), alpha)
    axes[0].set_ylabel("$y$ at the start")
    if shares:
        _draw_shares(axes[-1], shares)
    panel.legend(handles=_plane_legend(), loc="outside lower center", ncols=4)


def _plane_legend() -> list[Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    minimisers: dict[str, Any] = {"color": "black", "label": "minimisers $xy=1$"}
    white: dict[str, Any] = {"color": "white", "markeredgecolor": "black"}
    return [
        *(Patch(color=_OUTCOMES[name], label=text) for name, text in _NAMES.items()),
        Line2D([], [], linestyle=":", linewidth=1.2, **minimisers),
        Line2D([], [], color="black", linewidth=2.4, label=r"those with $\alpha(x^2+y^2) \leq 2$"),
        Line2D(
            [], [], marker="o", linestyle="", markersize=8, label="lands on one exactly", **white
        ),
        Line2D([], [], linestyle="--", color="0.6", linewidth=1.6, label="$y=-x$: to the saddle 0"),
    ]


def _draw_map(ax: Axes, rows: Sequence[Row], alpha: float) -> None:
    import numpy as np
    from matplotlib.colors import ListedColormap

    lines = of(rows, story="map")
    digits = np.array([[int(c) for c in row["outcomes"]] for row in lines])
    half = -lines[0]["y"] * len(lines) / (len(lines) - 1)
    ax.imshow(
        digits,
        origin="lower",
        extent=(-half, half, -half, half),
        vmin=-0.5,
        vmax=4.5,
        cmap=ListedColormap(list(_OUTCOMES.values())),
        interpolation="nearest",
    )
    x = np.geomspace(1 / half, half, 400)
    stable = alpha * (x**2 + x**-2) <= 2
    for sign in (1, -1):
        ax.plot(sign * x, sign / x, ":", color="black", linewidth=1.2)
        ax.plot(sign * x[stable], sign / x[stable], color="black", linewidth=2.4)
    for row in of(rows, story="exceptions"):
        if row["kind"] == "landing":
            ax.plot(row["x"], row["y"], "o", color="white", markeredgecolor="black", markersize=8)
        else:
            reach = row["x"] / 0.9
            ax.plot((-reach, reach), (reach, -reach), "--", color="white", linewidth=1.6)
    value = "4/3" if abs(alpha - 4 / 3) < 1e-9 else f"{alpha:g}"
    ax.set_title(rf"$\alpha = {value}$")
    ax.set_xlabel("$x$ at the start")
    ax.grid(visible=False)
    ax.set(xlim=(-half, half), ylim=(-half, half))


def _draw_shares(ax: Axes, rows: Sequence[Row]) -> None:
    cells = sorted(rows, key=lambda row: row["alpha"])
    alphas = column(cells, "alpha")
    shares = [[row[name] / row["starts"] for row in cells] for name in _NAMES]
    ax.stackplot(alphas, shares, colors=[_OUTCOMES[name] for name in _NAMES], linewidth=0)
    for threshold in (0.5, 1.0):
        if alphas[0] < threshold < alphas[-1]:
            ax.axvline(threshold, color="black", linewidth=1.2)
    ax.set(xlabel=r"step size $\alpha$", ylabel="share of random starts", ylim=(0, 1))
    ax.set_xlim(alphas[0], alphas[-1])
    ax.set_title("all step sizes")


def _draw_edge(panel: SubFigure, rows: Sequence[Row]) -> None:
    """Sharpness of every training against alpha times steps, and the loss of the first network."""
    heading(panel, r"(c) A tanh network: the sharpness rises to $2/\alpha$ and stays there")
    left, right = panel.subplots(1, 2, width_ratios=[1.7, 1.0])
    alphas = sorted(distinct(of(rows, story="edge"), "alpha"))
    hue = dict(zip(alphas, _STEPS, strict=False))
    end = max(row["t"] for row in rows)
    for cells in trainings(rows, "flow"):
        left.plot(
            column(cells, "t"),
            column(cells, "sharpness"),
            color=_EDGE["flow"],
            linewidth=1.2,
            zorder=1,
        )
    if of(rows, story="flow"):
        small_note(left, 0.03, 0.93, "short steps (flow)")
    for cells in trainings(rows, "edge"):
        color = hue.get(cells[0]["alpha"], "0.5")
        left.plot(column(cells, "t"), column(cells, "sharpness"), color=color, linewidth=1.1)
    for alpha, color in hue.items():
        left.axhline(2 / alpha, color=color, linestyle="--", linewidth=1.2, zorder=0)
        left.text(1.01 * end, 2 / alpha, rf"$2/{alpha:g}$", color=color, va="center")
    for cells in trainings(rows, "central"):
        left.plot(
            column(cells, "t"), column(cells, "sharpness"), color=_EDGE["central"], linewidth=2.2
        )
    left.set(yscale="log", xlabel=r"time $\alpha k$", ylabel="sharpness", xlim=(0, end))
    _draw_losses(right, of(rows, network=rows[0]["network"]), hue)


def _draw_losses(ax: Axes, rows: Sequence[Row], hue: Any) -> None:
    """Losses of one network: short steps, means of the longest ones, and the central flow."""
    from matplotlib.ticker import LogLocator

    flow, central = of(rows, story="flow"), of(rows, story="central")
    ends = [max(column(cells, "t")) for cells in (central or flow, flow) if cells]
    ax.plot(
        column(flow, "t"),
        column(flow, "loss"),
        color=_EDGE["flow"],
        linewidth=1.6,
        label="short steps (flow)",
    )
    if central:
        between = 0.5 * central[0]["t"]
        steps = round(2 * between / central[0]["alpha"])
        middle = [t - between for t in column(central, "t")]
        ax.plot(
            middle,
            column(central, "mean_loss"),
            "o",
            color=hue[central[0]["alpha"]],
            markersize=5,
            label=f"means of {steps} steps",
        )
        ax.plot(
            middle,
            column(central, "predicted"),
            color=_EDGE["central"],
            linewidth=2.2,
            label="central flow",
        )
    ax.set(yscale="log", xlabel=r"time $\alpha k$", ylabel="loss of one network")
    ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.yaxis.set_major_formatter("{x:g}")
    ax.yaxis.set_minor_formatter("")
    ax.set_xlim(0, min(ends, default=1.0))
    seen = [row["loss"] for row in flow if row["t"] <= min(ends)]
    if seen:
        ax.set_ylim(bottom=0.7 * min(seen))
    ax.legend(loc="lower left", fontsize=9)
