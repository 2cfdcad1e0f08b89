"""The figure of `steep_or_solved`: two small networks, and error against units on each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below, legend_entry
from experiments.drawing.lettering import beside, bold_title, formula, heading, power_of_ten
from experiments.drawing.rows import Row, column, distinct, of
from experiments.steep_or_solved.findings import METHODS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("steep or solved")
_MARKERS = dict(zip(_COLORS, "sD^vo", strict=True))
_NORMS = {"relative_l2_error": "relative $L^2$ error", "sup_error": "sup error"}


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: two small networks. Right: a column per target, a row per norm."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    errors = of(rows, story="error")
    targets = distinct(errors, "target")
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
        legend_below(right, axes[1, 0], 3)
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
    bold_title(ax, words[method], 12)
    ax.text(-0.95, 2.3, f"$e^x$, sup error {power_of_ten(error, write_one=True)}", fontsize=10)
    ax.text(0.97, -0.02, "the units", fontsize=8, color=_COLORS[method], ha="right", va="bottom")
    ax.set_yticks([0, 1, 2])
    if method == "solved":
        ax.set_xlabel("$x$")


def _draw_errors(ax: Axes, rows: Sequence[Row], norm: str) -> None:
    for method, name in METHODS.items():
        cells = of(rows, method=method)
        sizes = column(cells, "num_hidden_units")
        color = _COLORS[method]
        ax.plot(sizes, column(cells, norm), color=color, marker=_MARKERS[method],
                markersize=4, linewidth=1.4, label=name)  # fmt: skip
        if norm == "sup_error" and method != "solved":
            ax.plot(sizes, column(cells, "claimed_sup_error"), "--", color=color, linewidth=1.0)
    if norm == "sup_error":
        legend_entry(ax, "--", "claims (solved: none)", linewidth=1.0)
    else:
        for method, n, place in (("classical", 1024, (0, 20)), ("solved", 32, (6, 8))):
            for row in of(rows, method=method, n=n, target="exp"):
                text = f"{n}: {power_of_ten(row[norm], write_one=True)}"
                beside(
                    ax,
                    text,
                    (row["num_hidden_units"], row[norm]),
                    place,
                    fontsize=9,
                    color=_COLORS[method],
                    ha="left" if method == "solved" else "right",
                )
    ax.set(xscale="log", yscale="log")
    ax.set_ylim(1e-16, 30)
