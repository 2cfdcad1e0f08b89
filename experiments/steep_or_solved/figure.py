"""The figure of `steep_or_solved`: two small networks, and error against units on each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.lettering import formula, heading
from experiments.drawing.rows import Row, of
from experiments.steep_or_solved.findings import METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("steep or solved")
_MARKERS = dict(zip(_COLORS, "sD^vo", strict=True))
_NORMS = {"relative_l2_error": "relative $L^2$ error", "sup_error": "sup error"}


def draw(rows: Sequence[Row]) -> Figure:
    """Left: two small networks. Right: a column per target, a row per norm."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    errors = of(rows, story="error")
    targets = list(dict.fromkeys(row["target"] for row in errors))
    with plotting.style("screen"):
        figure = plt.figure(figsize=(4.6 + 2.5 * len(targets), 6.6), dpi=100)
        ((left, right),) = figure.subfigures(
            1, 2, squeeze=False, width_ratios=[1.2, 0.86 * len(targets)]
        )
        pictures = zip(left.subplots(2, 1, sharex=True), ("classical", "solved"), strict=True)
        for ax, method in pictures:
            _draw_units(ax, of(rows, story="picture", method=method))
        heading(right, "Error against the number of units, one hidden layer")
        axes = right.subplots(2, len(targets), sharex="col", sharey="row", squeeze=False)
        for i, norm in enumerate(_NORMS):
            for j, target in enumerate(targets):
                _draw_errors(axes[i, j], of(errors, target=target), norm)
                if i == 0:
                    axes[i, j].set_title(formula(target))
                else:
                    axes[i, j].set_xlabel("units")
            axes[i, 0].set_ylabel(_NORMS[norm])
        handles, labels = axes[1, 0].get_legend_handles_labels()
        right.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _draw_units(ax: Axes, rows: Sequence[Row]) -> None:
    """The network above its units, each between 0 and 1."""
    import numpy as np

    method, n = rows[0]["method"], rows[0]["n"]
    x = np.linspace(-1.0, 1.0, 1601)
    total = np.full_like(x, rows[0]["constant"])
    for row in rows:
        z = row["weight"] * x + row["bias"]
        half = z if row["activation"] == "tanh" else 0.5 * z
        unit = 0.5 + 0.5 * np.tanh(half)
        total += row["coefficient"] * (np.tanh(z) if row["activation"] == "tanh" else unit)
        ax.plot(x, unit - 1.1, color=_COLORS[method], linewidth=0.6, alpha=0.6)
    ax.plot(x, np.exp(x), color="0.75", linewidth=4.0)
    ax.plot(x, total, color=_COLORS[method], linewidth=1.4)
    error = float(np.max(np.abs(total - np.exp(x))))
    words = {"classical": f"{n} steep units, values read off", "solved": f"{n} wide units, solved"}
    ax.set_title(words[method], fontsize=12, fontweight="bold")
    ax.text(-0.95, 2.3, f"$e^x$, sup error {_short(error)}", fontsize=10)
    ax.text(0.97, -0.02, "the units", fontsize=8, color=_COLORS[method], ha="right", va="bottom")
    ax.set_yticks([0, 1, 2])
    if method == "solved":
        ax.set_xlabel("$x$")


def _draw_errors(ax: Axes, rows: Sequence[Row], norm: str) -> None:
    for method, name in METHODS.items():
        cells = of(rows, method=method)
        sizes = [row["num_hidden_units"] for row in cells]
        color = _COLORS[method]
        ax.plot(sizes, [row[norm] for row in cells], color=color, marker=_MARKERS[method],
                markersize=4, linewidth=1.4, label=name)  # fmt: skip
        if norm == "sup_error" and method != "solved":
            ax.plot(
                sizes, [row["claimed_sup_error"] for row in cells], "--", color=color, linewidth=1.0
            )
    if norm == "sup_error":
        ax.plot([], [], "--", color="0.4", linewidth=1.0, label="claims (solved: none)")
    else:
        for method, n, place in (("classical", 1024, (0, 20)), ("solved", 32, (6, 8))):
            for row in of(rows, method=method, n=n, target="exp"):
                text = f"{n}: {_short(row[norm])}"
                ax.annotate(text, (row["num_hidden_units"], row[norm]), xytext=place, fontsize=9,
                            textcoords="offset points", color=_COLORS[method],
                            ha="left" if method == "solved" else "right")  # fmt: skip
    ax.set(xscale="log", yscale="log")
    ax.set_ylim(1e-16, 30)


def _short(error: float) -> str:
    """One figure and the power of ten."""
    mantissa, exponent = f"{error:.0e}".split("e")
    return rf"${mantissa}\cdot 10^{{{int(exponent)}}}$"
