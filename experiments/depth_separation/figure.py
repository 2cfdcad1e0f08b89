"""The figure of `depth_separation`: units by error, the tent map, and read-outs by layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from approxlab.plotting.palette import colors
from experiments.depth_separation.findings import TELGARSKY, grows, per_digit, size_at
from experiments.drawing.figures import given_back
from experiments.drawing.lettering import bold_title, formula, small_note
from experiments.drawing.rows import Row, column, distinct, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("depth separation")
_DEEP, _LEAST, _SHALLOW, _TRAINED = (
    _COLORS[name] for name in ("deep", "least", "shallow", "trained")
)
_TITLES = {
    "square": "$x^2$",
    "cube": "$x^3$ and $e^x$",
    "product": "$x\\,y$ on the square",
    "takagi": "Takagi function",
}
_PANELS = {
    "square": ("square",),
    "cube": ("cube", "exp"),
    "product": ("product",),
    "takagi": ("takagi",),
}
_STYLES = ("-", "--")
_MOST = 2e9  # units drawn


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Four panels of units by error, then the tent map, and errors after each layer."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(11.2, 7.2), dpi=100, layout="constrained")
        axes = figure.subplots(2, 3)
        places = [axes[0, 0], axes[0, 1], axes[1, 0], axes[1, 1]]
        have = distinct(of(rows, story="units"), "target")
        for ax, (name, targets) in zip(places, _PANELS.items(), strict=True):
            shown = [target for target in targets if target in have]
            if shown:
                _draw_units(ax, rows, name, shown)
            else:
                ax.set_visible(False)
        _draw_tents(axes[0, 2], of(rows, story="tents"))
        _draw_layers(axes[1, 2], of(rows, story="layers"))
        for ax in axes.flat:
            ax.tick_params(labelsize=10.5)
            ax.xaxis.label.set_size(11)
            ax.yaxis.label.set_size(11)
        first = next(ax for ax in places if ax.get_visible())
        handles, labels = first.get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=10.5)
        figure.suptitle(
            r"One hidden layer pays a power of $1/\varepsilon$, depth pays by the digit",
            fontsize=16,
            fontweight="bold",
        )
    return figure


def _draw_units(ax: Axes, rows: Sequence[Row], name: str, targets: Sequence[str]) -> None:
    power = 0.0
    for target, line in zip(targets, _STYLES, strict=False):
        for way, color, label in (
            ("least", _LEAST, "one hidden layer: no fewer possible (proved)"),
            ("shallow", _SHALLOW, "one layer, built"),
            ("deep", _DEEP, "deep, built"),
        ):
            cells = of(rows, story="units", target=target, way=way)
            width = 2.2 if way != "shallow" else 1.2
            kept = label if line == "-" else None
            ax.plot(
                column(cells, "eps"),
                column(cells, "num_hidden_units"),
                line,
                color=color,
                linewidth=width,
                label=kept,
            )
        own = of(rows, story="trained", target=target)
        best = [
            min(of(own, layers=layers), key=lambda row: row["sup_error"])
            for layers in distinct(own, "layers")
        ]
        if best:
            ax.plot(
                column(best, "sup_error"),
                column(best, "num_hidden_units"),
                "o",
                color=_TRAINED,
                markersize=6,
                markerfacecolor="white" if line != "-" else None,
                label="deep, trained" if line == "-" else None,
            )
        power = grows(rows, target, "least").slope
    smallest = min(column(of(rows, story="units"), "eps"))
    ax.set(
        xscale="log", yscale="log", xlim=(0.13, smallest / 1.5), xlabel=r"sup error $\varepsilon$"
    )
    ax.set_ylim(
        0.8, 8 * max(column(of(rows, story="units", target=targets[-1]), "num_hidden_units"))
    )
    ax.set_ylabel("ReLUs")
    bold_title(ax, _TITLES[name], 14)
    _tell(ax, rows, targets, power, smallest)


def _tell(
    ax: Axes, rows: Sequence[Row], targets: Sequence[str], power: float, smallest: float
) -> None:
    """The sizes at the smallest error, and how they grow."""
    least, shallow, deep = (
        size_at(rows, targets[-1], way, smallest)["num_hidden_units"]
        for way in ("least", "shallow", "deep")
    )
    many = f"{least:,}".replace(",", " ") if least < 1e6 else f"{least / 1e6:.0f} million"
    name = f"{formula(targets[-1])}: " if len(targets) > 1 else ""
    bold: dict[str, Any] = {
        "textcoords": "offset points",
        "ha": "right",
        "fontsize": 13,
        "fontweight": "bold",
    }
    ax.annotate(f"{name}at least {many}", (smallest, shallow), xytext=(2, 5), color=_LEAST, **bold)
    ax.annotate(f"{deep}", (smallest, deep), xytext=(2, 6), color=_DEEP, **bold)
    small_note(
        ax, 0.04, 0.66, rf"one layer: $\varepsilon^{{-{power:.2f}}}$", color=_LEAST, fontsize=12
    )
    digit = per_digit(rows, targets[-1])
    small_note(
        ax, 0.97, 0.05, f"deep: {digit:.1f} ReLUs per digit", color=_DEEP, fontsize=12, ha="right"
    )
    if len(targets) > 1:
        small_note(
            ax,
            0.04,
            0.56,
            f"solid {formula(targets[0])}, dashed {formula(targets[1])}",
            fontsize=11,
        )


def _draw_tents(ax: Axes, rows: Sequence[Row]) -> None:
    cells, k = of(rows, way="least"), rows[0]["k"]
    n = column(cells, "n")
    ax.fill_between(
        n,
        column(cells, "l1_error_lower"),
        column(cells, "l1_error_upper"),
        color=_LEAST,
        alpha=0.45,
        linewidth=0,
    )
    ax.plot(n, column(cells, "l1_error_lower"), color=_LEAST, linewidth=2.0)
    for way, marker, color in (("placed", "s", _SHALLOW), ("trained", "x", _SHALLOW)):
        own = of(rows, way=way)
        counts = distinct(own, "n")
        ax.plot(
            counts,
            [min(column(of(own, n=m), "l1_error")) for m in counts],
            marker,
            color=color,
            markersize=6,
            label={"placed": "knots placed", "trained": "trained"}[way],
        )
    ax.axhline(TELGARSKY, color="0.3", linewidth=1.2, linestyle=":")
    ax.text(0.45 * 2**k, TELGARSKY + 0.005, "1/64 (Telgarsky)", fontsize=11, color="0.3")
    ax.plot([k], [0.0], "D", color=_DEEP, markersize=8, clip_on=False, zorder=5)
    ax.annotate(
        f"deep: {k} ReLUs, error 0",
        (k, 0.0),
        xytext=(10, -2),
        textcoords="offset points",
        color=_DEEP,
        fontsize=12,
        fontweight="bold",
        va="center",
    )
    ax.set(xlim=(0, 2**k + 0.5), ylim=(-0.03, 0.33), xlabel="pieces of one hidden layer")
    ax.set_ylabel("$L^1$ error")
    bold_title(ax, f"triangle wave of {2**k} pieces", 14)
    ax.legend(loc="upper right", fontsize=11)
    small_note(ax, 0.04, 0.27, "least error: in the band", color=_LEAST, fontsize=11)


def _draw_layers(ax: Axes, rows: Sequence[Row]) -> None:
    for target, way, color, style, label in (
        ("square", "deep", _DEEP, "o-", "$x^2$, built"),
        ("takagi", "deep", _DEEP, "s--", "Takagi, built"),
        ("exp", "trained", _TRAINED, "o-", "$e^x$, trained"),
    ):
        own = of(rows, target=target, way=way)
        if own:
            ax.plot(
                column(own, "layer"),
                column(own, "sup_error"),
                style,
                color=color,
                markersize=4.5,
                linewidth=1.5,
                label=label,
            )
    ax.set(yscale="log", xlabel="read out after layer $l$", ylabel="sup error")
    ax.locator_params(axis="x", integer=True)
    bold_title(ax, "one network, layer by layer", 14)
    ax.legend(loc="lower left", fontsize=11)
