"""The figure of `cybenko_2d`: the tower step by step, its holes, and errors against sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import beside, formula, heading
from experiments.drawing.rows import Row, column, of

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure

__all__ = ["draw"]

_TITLES = {
    "ridge": "a ridge: 2 units",
    "crossed": "two crossed ridges: 4 units",
    "tower": "threshold: a tower, 4 + 1 units",
}
_COLORS = colors("hidden layers")
_ONE, _TWO, _TOWERS = _COLORS["one"], _COLORS["two"], _COLORS["towers"]
_KINDS = {
    "ridges": (_ONE, "o", "one hidden layer: ridges of a known expansion"),
    "orthants": (_TWO, "s", "two: orthants, from values and a Lipschitz constant"),
    "towers": (_TOWERS, "^", "two: isolated towers"),
}
_PANELS = (
    ("sine_product", 2, formula("sine_product")),
    ("bump", 2, r"$\exp(-8\,|x-\frac{1}{2}|^2)$ in the plane"),
    ("bump", 3, r"$\exp(-8\,|x-\frac{1}{2}|^2)$ in space"),
)


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Top: parts of a tower. Middle: holes of towers, none of orthants. Below: errors, claims."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(13.5, 13.2), dpi=100)
        (top,), (middle,), (bottom,) = figure.subfigures(
            3, 1, squeeze=False, height_ratios=[4.0, 4.5, 4.7]
        )
        heading(top, "A threshold on crossed ridges leaves a tower")
        for i, name in enumerate(_TITLES):
            ax = top.add_subplot(1, 3, i + 1, projection="3d")
            _draw_surface(ax, _grid(rows, name), _TITLES[name])
        heading(middle, "Towers side by side have holes where cells meet; orthants have none")
        _draw_holes(middle, rows)
        heading(
            bottom, "Error and claim against size: ridges know more of the target than orthants"
        )
        axes = bottom.subplots(1, 3, sharey=True)
        for ax, (target, dim, title) in zip(axes, _PANELS, strict=True):
            _draw_sizes(ax, of(rows, target=target, dim=dim), title)
        axes[0].set_ylabel("sup error")
        _legend(bottom)
    return figure


def _numbers(text: str) -> np.ndarray:
    import numpy as np

    return np.array(text.split(), float)


def _grid(rows: Sequence[Row], name: str, field: str = "values") -> np.ndarray:
    import numpy as np

    lines = sorted(of(rows, story="surface", surface=name), key=lambda row: row["line"])
    return np.stack([_numbers(row[field]) for row in lines])


def _draw_surface(ax: Any, values: np.ndarray, title: str, top: float | None = None) -> None:
    import numpy as np

    side = np.linspace(0.0, 1.0, len(values))
    side = np.concatenate([[0.0], side, [1.0]])  # with walls down to 0 at the sides
    values = np.pad(values, 1)
    x, y = np.meshgrid(side, side, indexing="ij")
    high = max(1.0, float(np.max(values))) if top is None else top
    ax.plot_surface(
        x, y, values, cmap="viridis", vmin=0.0, vmax=high, rcount=len(side), ccount=len(side),
        linewidth=0.1, antialiased=True, edgecolor=(1, 1, 1, 0.1),
    )  # fmt: skip
    ax.set(xlim=(0, 1), ylim=(0, 1), zlim=(0, high), title=title)
    ax.set_xticks([0, 0.5, 1], ["0", "", "1"])
    ax.set_yticks([0, 0.5, 1], ["0", "", "1"])
    ax.set_zticks([0, 1] if high < 1.5 else [0, 1, 2])
    ax.set_xlabel("$x$", labelpad=-8)
    ax.set_ylabel("$y$", labelpad=-8)
    ax.tick_params(pad=-2)
    ax.view_init(elev=32, azim=-62)
    ax.set_box_aspect((1, 1, 0.62), zoom=1.18)


def _draw_holes(panel: SubFigure, rows: Sequence[Row]) -> None:
    grid = panel.add_gridspec(2, 4, width_ratios=[1.15, 1.15, 0.95, 1.25])
    units = {name: of(rows, surface=name)[0] for name in ("towers", "orthants")}
    cells = units["towers"]["cells"]
    for i, (name, word) in enumerate((("towers", "isolated towers"), ("orthants", "orthants"))):
        ax = panel.add_subplot(grid[:, i], projection="3d")
        title = f"{word}, {cells} x {cells} cells: {units[name]['num_hidden_units']} units"
        _draw_surface(ax, _grid(rows, name), title, top=1.0)
        error = panel.add_subplot(grid[i, 2])
        _draw_error(error, _grid(rows, name, "errors"), f"{word} minus target")
    _draw_cut(panel.add_subplot(grid[:, 3]), of(rows, story="hole"))


def _draw_error(ax: Axes, errors: np.ndarray, title: str) -> None:
    image = ax.imshow(
        errors.T,
        origin="lower",
        extent=(0, 1, 0, 1),
        cmap="RdBu",
        vmin=-1,
        vmax=1,
    )
    ax.set(xticks=[0, 1], yticks=[0, 1], title=title)
    ax.grid(False)
    ax.figure.colorbar(image, ax=ax, ticks=[-1, 0, 1], shrink=0.9, pad=0.03)


def _draw_cut(ax: Axes, rows: Sequence[Row]) -> None:
    from approxlab import plotting

    for row, color in zip(rows, plotting.ordered_colors(len(rows)), strict=True):
        ax.plot(
            _numbers(row["places"]),
            _numbers(row["values"]),
            color=color,
            label=f"gain {row['gain']:g}",
        )
    ax.plot(_numbers(rows[0]["places"]), _numbers(rows[0]["wanted"]), "--", color="0.45",
            linewidth=1.3, label="target")  # fmt: skip
    ax.set(xlabel="$x = y$, along the diagonal", ylabel="isolated towers", ylim=(-0.03, 1.05))
    ax.set_title("steeper: narrower, not shallower")
    ax.legend(loc="lower right")


def _draw_sizes(ax: Axes, rows: Sequence[Row], title: str) -> None:
    sizes = of(rows, story="size")
    for kind, (color, marker, _) in _KINDS.items():
        cells = sorted(of(sizes, kind=kind), key=lambda row: row["num_hidden_units"])
        if not cells:
            continue
        units = column(cells, "num_hidden_units")
        ax.plot(units, column(cells, "sup_error"), marker=marker, color=color)
        if kind != "towers":
            ax.plot(units, column(cells, "claimed_sup_error"), "--", color=color, linewidth=1.3)
    goals = of(rows, story="goal")
    eps = goals[0]["eps"]
    ax.axhline(eps, color="0.55", linewidth=0.9, linestyle=":")
    ax.annotate(rf"$\epsilon = {eps:g}$", (0.01, eps), xycoords=("axes fraction", "data"),
                xytext=(0, -3), textcoords="offset points", va="top", color="0.35",
                fontsize=9)  # fmt: skip
    for goal in goals:
        color = _KINDS[goal["kind"]][0]
        ax.plot(goal["num_hidden_units"], eps, "*", color=color, markersize=13, zorder=5,
                markeredgecolor="white")  # fmt: skip
        beside(
            ax,
            f"{goal['num_hidden_units']} units",
            (goal["num_hidden_units"], eps),
            (5, 6),
            color=color,
            fontsize=9.5,
            fontweight="bold",
        )
    ax.margins(x=0.1)
    ax.set(xscale="log", yscale="log", xlabel="hidden units")
    ax.set_title(title)


def _legend(panel: SubFigure) -> None:
    from matplotlib.lines import Line2D

    shown = [
        Line2D([], [], color=color, marker=marker, label=text)
        for color, marker, text in _KINDS.values()
    ]
    shown += [
        Line2D([], [], color="0.2", label="estimated error"),
        Line2D([], [], color="0.2", linestyle="--", label="claim"),
        Line2D([], [], color="0.2", linestyle="none", marker="*", markersize=11,
               label=r"claim below $\epsilon$"),
    ]  # fmt: skip
    panel.legend(handles=shown, loc="outside lower center", ncols=3, columnspacing=3.0)
