"""The figure of `three_questions`: one column for each question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, heading, small_note
from experiments.drawing.rows import Row, column, of
from experiments.three_questions.findings import LIMIT_EPS, barrier, numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("three questions")
_QUESTIONS = (
    "1  Can you take the gradient?  Yes",
    "2  A closed form?  For $W_2$ alone",
    "3  Is it convex?  No",
)
_FORMULAS = (
    r"$H = s(W_1 X^T)^T, \quad R = Y - H\,W_2^T$",
    r"$L = \frac{1}{2}\, \mathrm{tr}\, R^T R$",
    r"$\partial L / \partial W_2 = -R^T H$",
    r"$\partial L / \partial W_1 = -((R\, W_2) \circ s'(W_1 X^T)^T)^T X$",
)


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: the gradient. Middle: the readout solved. Right: minima and the barrier."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(15.6, 8.6), dpi=100)
        panels = figure.subfigures(1, 3, squeeze=False)[0]
        for panel, question in zip(panels, _QUESTIONS, strict=True):
            heading(panel, question)
        left, middle, right = panels
        formulas, gradients = left.subplots(2, 1, height_ratios=[2, 4])
        _draw_formulas(formulas)
        _draw_gradients(gradients, of(rows, story="gradient"))
        plane, section = middle.subplots(2, 1, height_ratios=[4, 2])
        _draw_map(plane, of(rows, story="reduced"))
        _draw_section(section, of(rows, story="reduced"))
        minima = of(rows, story="minima")
        grid = right.add_gridspec(3, 1, height_ratios=[3, 2, 1])
        _draw_plane(right.add_subplot(grid[0]), minima)
        losses = right.add_subplot(grid[1])
        _draw_segment(losses, right.add_subplot(grid[2], sharex=losses), minima)
        layout: Any = figure.get_layout_engine()
        layout.set(rect=(0.0, 0.0, 1.0, 0.98))
    return figure


def _draw_formulas(ax: Axes) -> None:
    for height, line in zip((0.82, 0.57, 0.32, 0.07), _FORMULAS, strict=True):
        ax.text(0.0, height, line, fontsize=13, transform=ax.transAxes, va="center")
    ax.set_axis_off()


def _draw_gradients(ax: Axes, rows: Sequence[Row]) -> None:
    for kind, marker in (("float32", "o"), ("float64", "s")):
        cells = of(rows, number_type=kind)
        for name, color, label in (
            ("difference_eps", _COLORS["formula"], "the formula"),
            ("without_slopes_eps", _COLORS["wrong"], "$s'$ forgotten"),
        ):
            # With s' = 1 nothing is forgotten.
            wrong = name == "without_slopes_eps"
            shown = [row for row in cells if not (wrong and row["activation"] == "identity")]
            size = column(shown, "parameters")
            drawn = column(shown, name)
            face = color if kind == "float64" else "none"
            ax.plot(size, drawn, marker, color=color, markerfacecolor=face, markersize=5,
                    linestyle="none", label=f"{label}, {kind}" if cells else None)  # fmt: skip
    ax.axhline(LIMIT_EPS, color="0.4", linewidth=1.0, linestyle="--")
    ax.text(0.99, LIMIT_EPS, f"{LIMIT_EPS:.0f} eps allowed", transform=ax.get_yaxis_transform(),
            fontsize=9, color="0.3", ha="right", va="bottom")  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="number of parameters")
    ax.set_ylabel("distance from automatic differentiation\n(eps of the sum of absolute terms)")
    ax.set_ylim(0.1, 1e5 * ax.get_ylim()[1])  # room for the legend
    ax.legend(loc="upper center", ncols=2, fontsize=9)


def _draw_map(ax: Axes, rows: Sequence[Row]) -> None:
    import numpy as np
    from matplotlib.colors import LogNorm

    lines = of(rows, kind="line")
    values = np.array([numbers(row["values"]) for row in lines])
    up, reach = column(lines, "w2"), lines[0]["reach"]
    across = _across(lines)
    norm = LogNorm(values.min(), values.max())
    mesh = ax.pcolormesh(across, up, values, norm=norm, shading="gouraud", rasterized=True)
    ax.contour(across, up, values, np.geomspace(values.min(), values.max(), 9)[1:-1],
               colors="white", linewidths=0.7, alpha=0.7)  # fmt: skip
    for row in of(rows, kind="minimum"):
        ax.plot(row["w1"], row["w2"], "*", color="white", markeredgecolor="black", markersize=13)
    ax.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.set(xlabel="first hidden weight $w_1$", ylabel="second hidden weight $w_2$")
    ax.grid(visible=False)
    ax.figure.colorbar(mesh, ax=ax, label="reduced loss", fraction=0.046, pad=0.03)
    small_note(ax, 0.0, 1.03, "$W_2$ solved at every point; stars: eight equal minima")


def _across(lines: Sequence[Row]) -> list[float]:
    """Places of the numbers in a line."""
    side, reach = lines[0]["side"], lines[0]["reach"]
    return [2 * reach / side * (k + 0.5) - reach for k in range(side)]


def _draw_section(ax: Axes, rows: Sequence[Row]) -> None:
    """The reduced loss along the line of the map that is nearest to a minimum."""
    minima, lines = of(rows, kind="minimum"), of(rows, kind="line")
    height = max(row["w2"] for row in minima if abs(row["w2"]) <= abs(row["w1"]))
    line = min(lines, key=lambda row: abs(row["w2"] - height))
    ax.plot(_across(lines), numbers(line["values"]), color=_COLORS["formula"])
    ax.set(yscale="log", xlabel="$w_1$", ylabel="reduced loss")
    ax.set_xlim(-lines[0]["reach"], lines[0]["reach"])
    small_note(ax, 0.5, 0.2, f"the map at $w_2 = {line['w2']:.1f}$", ha="center")  # fmt: skip


def _draw_plane(ax: Axes, rows: Sequence[Row]) -> None:
    import numpy as np
    from matplotlib.colors import PowerNorm

    lines, minima = of(rows, kind="line"), of(rows, kind="minimum")
    values = np.array([numbers(row["values"]) for row in lines])
    across = np.linspace(lines[0]["low"], lines[0]["high"], values.shape[1])
    up = column(lines, "height")
    top = 3.0 * barrier(of(rows, kind="segment"))
    mesh = ax.pcolormesh(across, up, values, norm=PowerNorm(0.5, 0.0, top), shading="gouraud",
                         rasterized=True)  # fmt: skip
    ax.contour(across, up, values, top * np.linspace(0.1, 1.0, 7) ** 2, colors="white",
               linewidths=0.7, alpha=0.7)  # fmt: skip
    first, second = minima[:2]
    ax.plot([first["across"], second["across"]], [first["up"], second["up"]], "-",
            color=_COLORS["segment"], linewidth=2.2)  # fmt: skip
    for row in minima:
        point = (row["across"], row["up"])
        ax.plot(*point, "*", color="white", markeredgecolor="black", markersize=13)
        right = row["across"] > 0.9 * across[-1] / 1.3
        offset, side = ((-9, 8), "right") if right else ((9, 8), "left")
        beside(ax, f"units {row['order'].replace(' ', ', ')}", point, offset, ha=side, fontsize=9,
               bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5})  # fmt: skip
    ax.set(aspect="equal", xlabel="distance of weights", ylabel="distance of weights")
    ax.grid(visible=False)
    ax.figure.colorbar(mesh, ax=ax, label="loss $L$", extend="max", fraction=0.046, pad=0.03)
    said = (
        r"by hand: $\frac{1}{2}(1 - w_1 w_2)^2$ is 0 at $\pm(1, 1)$, but $\frac{1}{2}$ at $(0, 0)$"
    )
    small_note(ax, 0.0, 1.04, said, fontsize=10)


def _draw_segment(losses: Axes, curvature: Axes, rows: Sequence[Row]) -> None:
    segment = of(rows, kind="segment")
    t, values = column(segment, "position"), column(segment, "loss")
    color: Any = _COLORS["segment"]
    losses.plot(t, values, color=color, linewidth=2.2)
    losses.plot([0, 1], [values[0], values[-1]], "*", color="white", markeredgecolor="black",
                markersize=13, clip_on=False, zorder=4)  # fmt: skip
    losses.set_ylabel("loss $L$")
    small_note(losses, 0.5, 0.1, f"barrier {barrier(segment):.2g} between two equal minima",
               ha="center")  # fmt: skip
    lowest = column(segment, "smallest_eigenvalue")
    curvature.plot(t, lowest, color=_COLORS["curvature"], linewidth=1.8)
    curvature.axhline(0.0, color="0.4", linewidth=1.0)
    curvature.fill_between(t, lowest, 0.0, color=_COLORS["curvature"], alpha=0.2)
    curvature.set(xlabel="position on the segment", ylabel="smallest\neigenvalue")
    losses.tick_params(labelbottom=False)
