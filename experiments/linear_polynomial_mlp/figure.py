"""The figure of `linear_polynomial_mlp`: networks, curves, errors without and with noise."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_entry
from experiments.drawing.rows import Row, column, distinct, of
from experiments.linear_polynomial_mlp.cases import FORMULAS, TARGETS
from experiments.linear_polynomial_mlp.findings import MODELS, curve, targets_of
from experiments.linear_polynomial_mlp.networks import draw_network

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS, _BASES = colors("models"), colors("bases")
_NAMES = {"monomial": "monomials", "chebyshev": "Chebyshev", "legendre": "Legendre"}
_MARKERS = {"linear": "D", "polynomial": "", "mlp": "o", "hand_made": "*"}
_CLEAN, _NOISY = (1e-16, 4.0), (5e-3, 2.0)


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: the models as networks, and the bases. Right: curves and errors of each target."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    targets = targets_of(rows)
    with plotting.style("screen"):
        width = 4.6 + 2.35 * len(targets)
        figure = plt.figure(figsize=(width, 8.8), dpi=100, layout="none")
        edge = 3.6 / width  # the left part ends here
        _heading(figure, 0.012, "The models as networks")
        _heading(figure, edge + 0.012, "One basis for all, features by hand, or features learned")
        grid = figure.add_gridspec(
            4,
            1,
            height_ratios=[0.5, 1.4, 1.05, 2.2],
            left=0.6 / width,
            right=edge - 0.25 / width,
            top=0.905,
            bottom=0.115,
            hspace=0.3,
        )
        _draw_left([figure.add_subplot(grid[i]) for i in range(4)], rows)
        axes = figure.subplots(
            3,
            len(targets),
            sharey="row",
            squeeze=False,
            gridspec_kw={
                "left": edge + 0.75 / width,
                "right": 1.0 - 0.2 / width,
                "top": 0.905,
                "bottom": 0.115,
                "hspace": 0.25,
                "wspace": 0.1,
            },
        )
        for j, target in enumerate(targets):
            _draw_curves(axes[0, j], rows, target)
            _draw_errors(axes[1, j], rows, target, noisy=False)
            _draw_errors(axes[2, j], rows, target, noisy=True)
            axes[0, j].set_title(FORMULAS[target], fontsize=11, loc="left")
            axes[2, j].set_xlabel("parameters")
            _draw_noise(axes[2, j], rows, label=j == 0)
        axes[0, 0].set_ylabel("from noisy samples")
        axes[1, 0].set_ylabel("RMS error, no noise")
        axes[2, 0].set_ylabel("RMS error, noise")
        _legend(figure, edge)
    return figure


def _heading(figure: Figure, x: float, text: str) -> None:
    figure.text(x, 0.963, text, fontsize=13, fontweight="bold")


def _draw_left(axes: Sequence[Axes], rows: Sequence[Row]) -> None:
    titles = {
        "linear": "linear: weights solved for",
        "polynomial": "polynomial: features given",
        "mlp": "MLP: features trained",
    }
    for ax, (model, title) in zip(axes, titles.items(), strict=False):
        draw_network(ax, model, title)
    _draw_condition(axes[-1], rows)


def _draw_condition(ax: Axes, rows: Sequence[Row]) -> None:
    cells = of(rows, story="bases", target=targets_of(rows)[0])
    for basis in distinct(cells, "basis"):
        mine = of(cells, basis=basis)
        for name, style in (("condition", "-"), ("chebyshev_points_condition", "--")):
            ax.plot(
                column(mine, "degree"),
                column(mine, name),
                style,
                color=_BASES[basis],
                linewidth=1.6,
                label=_NAMES[basis] if style == "-" else None,
            )
    legend_entry(ax, "-", "equally spaced")
    legend_entry(ax, "--", "Chebyshev points")
    room = 1e7 * max(column(cells, "condition"))  # for the legend
    ax.set(yscale="log", xlabel="degree $n$", ylim=(0.5, room))
    ax.set_title("Condition of the three bases", fontsize=11, loc="left")
    ax.legend(
        fontsize=9,
        loc="upper left",
        frameon=False,
        ncols=2,
        handlelength=1.2,
        columnspacing=0.8,
        handletextpad=0.4,
        borderaxespad=0.0,
    )


def _draw_curves(ax: Axes, rows: Sequence[Row], target: str) -> None:
    """Samples, the target, and three models at one number of parameters."""
    import numpy as np

    found = of(rows, story="curves", target=target)
    samples, dense = of(found, drawn="sample"), of(found, drawn="curve")
    x = np.array(column(dense, "x"))
    ax.plot(x, TARGETS[target](x, np), color="0.8", linewidth=4.0)
    ax.plot(column(samples, "x"), column(samples, "y"), ".", color="0.45", markersize=3.5)
    for model in ("linear", "polynomial", "mlp"):
        ax.plot(x, column(dense, model), color=_COLORS[model], linewidth=1.4)
    ax.set(ylim=(-1.6, 1.7))
    ax.text(
        0.97,
        0.03,
        f"{3 * found[0]['width'] + 1} parameters",
        transform=ax.transAxes,
        ha="right",
        fontsize=9,
        color="0.3",
    )


def _draw_errors(ax: Axes, rows: Sequence[Row], target: str, *, noisy: bool) -> None:
    low, high = _NOISY if noisy else _CLEAN
    for model in MODELS:
        for field, style in (("training_rms", ":"), ("test_rms", "-")):
            if model in ("linear", "hand_made") and field == "training_rms":
                continue
            sizes, errors = curve(rows, target, model, field, noisy=noisy)
            ax.plot(
                sizes,
                [min(max(e, low), high) for e in errors],
                style,
                color=_COLORS[model],
                marker=_MARKERS[model] if style == "-" else "",
                clip_on=False,
                zorder=3,
                markersize=11 if model == "hand_made" else 5,
                linewidth=1.6 if style == "-" else 1.2,
            )
    ax.set(yscale="log", ylim=(low if noisy else 0.02 * low, high), xlim=(0, 32))


def _draw_noise(ax: Axes, rows: Sequence[Row], *, label: bool) -> None:
    noise = max(row["noise"] for row in of(rows, story="errors"))
    ax.axhline(noise, color="0.5", linewidth=1.0, linestyle="--")
    if label:
        ax.annotate(
            f"noise {noise:g}",
            (1, noise),
            xytext=(0, 4),
            textcoords="offset points",
            color="0.3",
            fontsize=9,
        )


def _legend(figure: Figure, edge: float) -> None:
    from matplotlib.lines import Line2D

    handles = [
        Line2D(
            [],
            [],
            color=_COLORS[model],
            marker=_MARKERS[model],
            markersize=7,
            label=name,
            linestyle="-" if model in ("polynomial", "mlp") else "",
        )
        for model, name in MODELS.items()
    ]
    handles += [
        Line2D([], [], color="0.3", label="test"),
        Line2D([], [], color="0.3", linestyle=":", label="training"),
        Line2D([], [], color="0.8", linewidth=4.0, label="target"),
    ]
    figure.legend(
        handles=handles,
        loc="lower center",
        ncols=len(handles),
        frameon=False,
        bbox_to_anchor=(0.5 * (1.0 + edge), 0.0),
    )
