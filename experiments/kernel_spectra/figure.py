"""The figure of `kernel_spectra`: eigenvalues, slopes by activation and depth, trained networks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title
from experiments.drawing.rows import Row, distinct, of
from experiments.kernel_spectra.findings import NETWORKS, SLOPES, slopes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_KINDS = {"nngp": "NNGP", "ntk": "NTK"}
_LAYERS = {1: "one layer", 3: "three layers"}
_MARKERS = dict(zip(SLOPES, "osD^vx", strict=True))


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Eigenvalues of relu at two depths, measured slopes beside theory, what was learnt."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure, axes = plt.subplots(
            1, 3, figsize=(13.6, 4.6), dpi=100, layout="constrained", width_ratios=[1.2, 1.1, 0.9]
        )
        _draw_eigenvalues(axes[0], of(rows, row="eigenvalue"))
        _draw_slopes(axes[1], of(rows, row="kernel"))
        _draw_trained(axes[2], of(rows, story="trained"))
    return figure


def _draw_eigenvalues(ax: Axes, rows: Sequence[Row]) -> None:
    """Even frequencies filled, odd ones open; at one layer the odd ones are rounding."""
    shades = colors("kernels")
    for kind, name in _KINDS.items():
        for depth, marker in zip(distinct(rows, "depth"), "os", strict=False):
            cells = [row for row in of(rows, kind=kind, depth=depth) if row["frequency"] > 2]
            for parity in (0, 1):
                mine = [r for r in cells if r["frequency"] % 2 == parity]
                if not mine:
                    continue
                ax.plot(
                    [r["frequency"] for r in mine],
                    [r["eigenvalue"] for r in mine],
                    marker,
                    color=shades[kind],
                    markersize=3.6 if depth == 1 else 5,
                    fillstyle="none" if parity else "full",
                    label=f"{name}, {_LAYERS[depth]}, $k$ {'odd' if parity else 'even'}",
                )
    ax.set(xscale="log", yscale="log", xlabel="frequency $k$", ylabel="eigenvalue")
    ax.text(
        0.03,
        0.05,
        "one layer: eigenvalue 0 at all odd $k \\geq 3$",
        transform=ax.transAxes,
        fontsize=10,
    )
    ax.legend(fontsize=9, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    bold_title(ax, "ReLU without biases, on the circle", 12)


def _draw_slopes(ax: Axes, rows: Sequence[Row]) -> None:
    shades, names = colors("kernels"), [n for n, powers in SLOPES.items() if powers]
    for name in names:
        for place, kind in enumerate(_KINDS):
            powers = SLOPES[name]
            assert powers is not None
            ax.axhline(powers[place], color=shades[kind], linewidth=0.8, linestyle=":", zorder=1)
            points = [
                (row["depth"] + 0.12 * (names.index(name) - 1.5), slope)
                for row in of(rows, activation=name, kind=kind)
                for slope in slopes(row)
            ]
            if points:
                ax.plot(
                    *zip(*points, strict=True),
                    _MARKERS[name],
                    color=shades[kind],
                    markersize=5,
                    fillstyle="none",
                )
        ax.plot([], [], _MARKERS[name], color="0.3", fillstyle="none", label=name)
    ax.set_xticks(distinct(rows, "depth"))
    ax.set(xlabel="hidden layers", ylabel="slope: power of the frequency")
    ax.legend(fontsize=9, ncols=4, loc="upper center", bbox_to_anchor=(0.5, -0.16))
    bold_title(ax, "Slopes, and theory (dotted)", 12)


def _draw_trained(ax: Axes, rows: Sequence[Row]) -> None:
    shades = colors("trained on cos 3t")
    for place, name in enumerate(NETWORKS):
        mine = of(rows, network=name)
        ax.plot(
            [row["coefficient"] for row in mine],
            [place] * len(mine),
            "o",
            color=shades[name],
            markersize=8,
            alpha=0.7,
        )
    ax.axvline(1.0, color="0.6", linewidth=0.8)
    ax.set_yticks(range(len(NETWORKS)), [text.replace(", ", ",\n") for text in NETWORKS.values()])
    ax.set(xlim=(-0.1, 1.1), ylim=(len(NETWORKS) - 0.5, -0.5))
    ax.set_xlabel("coefficient of $\\cos 3t$ after training\non $\\cos 3t$")
    bold_title(ax, "What they can learn", 12)
