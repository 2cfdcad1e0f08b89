"""The figure of `linear_layer_vjp`: the tensor of zeros, and what contracting it costs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.drawing.figures import given_back
from experiments.drawing.legends import legend_below
from experiments.drawing.lettering import beside, heading
from experiments.drawing.rows import Row, column, of
from experiments.linear_layer_vjp.findings import (
    NETWORK_WAYS,
    WAYS,
    bytes_of,
    size_of,
    tensor_bytes,
    times,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("weight derivatives")
_MARKERS = {"form": "s", "contract": "D", "outer": "o"}
_ZERO = colors("entries")["zero"]
_POSITIVE, _NEGATIVE = (0.0, 0.447, 0.698), (0.835, 0.369, 0.0)


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Left: the tensor and the matrix it contracts to. Right: FLOPs, bytes, time; a network."""
    import matplotlib.pyplot as plt

    from approxlab import plotting

    with plotting.style("screen"):
        figure = plt.figure(figsize=(15.2, 7.0), dpi=100)
        ((left, right),) = figure.subfigures(1, 2, squeeze=False, width_ratios=[1.0, 2.05])
        heading(left, "$y = Wx$: the tensor $\\partial y/\\partial W$")
        _draw_tensor(left.subplots(), of(rows, story="tensor"))
        heading(right, "What the vector-Jacobian product costs")
        axes = right.subplots(2, 3)
        square = of(rows, story="layer", axis="sizes")
        _draw_flops(axes[0, 0], square)
        _draw_bytes(axes[0, 1], square)
        _draw_times(axes[0, 2], square)
        _draw_ratios(axes[1, 0], of(rows, story="layer", axis="outputs"), "m", "n")
        _draw_ratios(axes[1, 1], of(rows, story="layer", axis="inputs"), "n", "m")
        _draw_network(axes[1, 2], of(rows, story="network"))
        legend_below(right, axes[0, 0], 4)
    return figure


# The tensor


def _draw_tensor(ax: Axes, rows: Sequence[Row]) -> None:
    """All m slices in two columns, and below them the outer product, at the same scale."""
    m, n = rows[0]["m"], rows[0]["n"]
    x = column(of(rows, k=0, i=0), "x_j")
    v = column(of(rows, i=0, j=0), "v_k")
    across, down = n + 1.9, m + 1.5
    for k in range(m):
        left, top = (k % 2) * across, (k // 2) * down
        entries = {(row["i"], row["j"]): row["entry"] for row in of(rows, k=k)}
        ax.text(left, top - 0.22, rf"$\partial y_{{{k + 1}}}/\partial W$", fontsize=11, va="bottom")
        _draw_cells(ax, left, top, m, n, entries)
    below = ((m + 1) // 2) * down + 2.3
    nonzero = sum(row["entry"] != 0 for row in rows)
    said = f"{len(rows)} numbers, {nonzero} not zero: density exactly $1/m = 1/{m}$"
    ax.text(0, below - 2.3, said, fontsize=11, fontweight="bold", va="bottom")
    left = n / 2 + 2.2
    product = {(i, j): v[i] * x[j] for i in range(m) for j in range(n)}
    _draw_cells(ax, left, below, m, n, product)
    _draw_cells(ax, left, below - 1.25, 1, n, {(0, j): x[j] for j in range(n)})
    _draw_cells(ax, left - 1.25, below, m, 1, {(i, 0): v[i] for i in range(m)})
    ax.text(left + n + 0.3, below - 0.75, "$x^T$", fontsize=12, va="center")
    ax.text(left - 0.75, below - 0.25, "$v$", fontsize=12, ha="center", va="bottom")
    ax.text(left - 1.7, below + m / 2, "$\\sum_k v_k\\,\\frac{\\partial y_k}{\\partial W} =$",
            fontsize=13, ha="right", va="center")  # fmt: skip
    words = f"the same matrix, $v\\,x^T$: {m * n} multiplications\nof {m + n} numbers"
    ax.text(left + n / 2, below + m + 0.25, words, fontsize=11, ha="center", va="top")
    ax.set_xlim(-0.4, 2 * n + 2.3)
    ax.set_ylim(below + m + 2.0, -1.3)
    ax.set_aspect("equal")
    ax.set_axis_off()


def _draw_cells(
    ax: Axes, left: float, top: float, m: int, n: int, entries: dict[tuple[int, int], float]
) -> None:
    """A matrix as cells: zeros grey, others with their sign, darker the larger they are."""
    from matplotlib.patches import Rectangle

    for i in range(m):
        for j in range(n):
            value = entries[i, j]
            ax.add_patch(
                Rectangle((left + j, top + i), 1, 1, facecolor=_shade(value), edgecolor="white",
                          linewidth=1.0)
            )  # fmt: skip
            text = "0" if value == 0 else "+" if value > 0 else "−"
            color = "0.65" if value == 0 else "white" if abs(value) > 0.55 else "0.1"
            ax.text(left + j + 0.5, top + i + 0.53, text, ha="center", va="center", fontsize=10,
                    color=color)  # fmt: skip


def _shade(value: float) -> str | tuple[float, ...]:
    if value == 0:
        return _ZERO
    share = 0.25 + 0.75 * min(1.0, abs(value))
    return tuple(1 - share * (1 - c) for c in (_POSITIVE if value > 0 else _NEGATIVE))


# What it costs


def _draw_ways(ax: Axes, rows: Sequence[Row], values: dict[str, list[float]]) -> None:
    for way, name in WAYS.items():
        cells = of(rows, way=way)
        size = 7 if way == "form" else 4  # seen around the others where they coincide
        ax.plot(column(cells, "m"), values[way], color=_COLORS[way], marker=_MARKERS[way],
                markersize=size, linewidth=1.4, label=name)  # fmt: skip
    ax.set(xscale="log", yscale="log", xlabel="$m = n$")
    _plain(ax, column(of(rows, way="outer"), "m"))


def _draw_flops(ax: Axes, rows: Sequence[Row]) -> None:
    _draw_ways(ax, rows, {way: column(of(rows, way=way), "flops") for way in WAYS})
    sizes = column(of(rows, way="outer"), "m")
    ax.plot(sizes, [2 * m**3 for m in sizes], "--", color="0.2", linewidth=0.9,
            label="formulas $2m^2n$, $mn$")  # fmt: skip
    ax.plot(sizes, [m**2 for m in sizes], "--", color="0.2", linewidth=0.9)
    most = of(rows, way="contract")[-1]
    said, place = f"{2 * most['m']} times\nfewer", (most["m"], most["m"] ** 2.42)
    beside(ax, said, place, (-4, 0), ha="right", fontsize=9, va="center")
    ax.annotate(
        "",
        (most["m"], most["m"] ** 2),
        (most["m"], most["flops"]),
        arrowprops={"arrowstyle": "->", "color": "0.2", "lw": 0.9},
    )
    ax.set_title("FLOPs, counted")


def _draw_bytes(ax: Axes, rows: Sequence[Row]) -> None:
    _draw_ways(ax, rows, {way: [bytes_of(row) for row in of(rows, way=way)] for way in WAYS})
    most = of(rows, way="form")[-1]
    said = f"{size_of(tensor_bytes(most))}:\n$x$ and zeros"
    beside(
        ax,
        said,
        (most["m"], bytes_of(most)),
        (2, -38),
        ha="right",
        va="top",
        fontsize=9,
        color=_COLORS["form"],
    )
    ax.set_title("Bytes of all arrays")


def _draw_times(ax: Axes, rows: Sequence[Row]) -> None:
    _draw_ways(ax, rows, {way: [1e6 * row["run_s"] for row in of(rows, way=way)] for way in WAYS})
    for way in WAYS:
        cells = of(rows, way=way)
        ax.fill_between(
            column(cells, "m"),
            [1e6 * row["lower_quartile_s"] for row in cells],
            [1e6 * row["upper_quartile_s"] for row in cells],
            color=_COLORS[way],
            alpha=0.2,
            linewidth=0,
        )
    ax.set_title("Time of a call, µs")


def _draw_ratios(ax: Axes, rows: Sequence[Row], varied: str, fixed: str) -> None:
    """Ratios to the outer product: FLOPs as a line, measured times as markers."""
    if not rows:
        ax.set_axis_off()
        return
    for way in ("form", "contract"):
        cells = of(rows, way=way)
        ax.plot(column(cells, varied), column(cells, "ratio_s"),
                color=_COLORS[way], marker=_MARKERS[way], markersize=4, linewidth=1.4)  # fmt: skip
    outer = of(rows, way="outer")
    sizes = column(outer, varied)
    fewer = [
        more["dot_flops"] / less["flops"]
        for more, less in zip(of(rows, way="contract"), outer, strict=True)
    ]
    ax.plot(sizes, fewer, color="0.2", linewidth=2.2, alpha=0.75)
    middle = len(sizes) // 2
    beside(
        ax,
        "FLOPs: $2m$",
        (sizes[middle], fewer[middle]),
        (0, 5),
        fontsize=9,
        ha="right",
        va="bottom",
        color="0.2",
    )
    ax.set(xscale="log", yscale="log", xlabel=f"${varied}$, with ${fixed} = {outer[0][fixed]}$")
    ax.set_title(f"Times dearer than $v\\,x^T$, against ${varied}$")
    _plain(ax, sizes)


def _draw_network(ax: Axes, rows: Sequence[Row]) -> None:
    """Ratios of both ways to J J^T in a whole network."""
    J, factors = (of(rows, way=way)[0] for way in NETWORK_WAYS)
    bars = {
        "FLOPs": J["dot_flops"] / factors["dot_flops"],
        "time": J["ratio_s"],
        "bytes": bytes_of(J) / bytes_of(factors),
    }
    details = {
        "FLOPs": f"{_short(J['dot_flops'])} → {_short(factors['dot_flops'])}",
        "time": f"{_seconds(J['run_s'])} → {_seconds(factors['run_s'])}",
        "bytes": f"{size_of(bytes_of(J))} → {size_of(bytes_of(factors))}",
    }
    for i, (name, ratio) in enumerate(bars.items()):
        ax.barh(i, ratio, color=_COLORS["outer"], height=0.5)
        words = "faster" if name == "time" else "fewer"
        beside(ax, f"{times(ratio)} times {words}", (ratio, i), (4, 0), va="center", fontsize=9)
        ax.text(0, i + 0.27, f" {details[name]}", va="top", fontsize=8, color="0.35")
    ax.set_yticks(range(len(bars)), list(bars))
    ax.set_ylim(2.75, -0.5)
    ax.set_xlim(0, 1.6 * max(bars.values()))
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines[["bottom"]].set_visible(False)
    ax.set_title("In a whole network: $JJ^T$ without $J$")
    ax.set_xlabel(f"{J['widths']}, {J['batch']} points, {J['computed_in']}")


def _short(flops: float) -> str:
    for power, name in ((1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if flops >= power:
            return f"{flops / power:.3g} {name}"
    return f"{flops:.0f}"


def _seconds(time: float) -> str:
    return f"{time:.3g} s" if time >= 1 else f"{1e3 * time:.3g} ms"


def _plain(ax: Axes, sizes: Sequence[float]) -> None:
    """Powers of two as ticks: at most six of them."""
    from matplotlib.ticker import FixedLocator, NullLocator, StrMethodFormatter

    low, high = min(sizes), max(sizes)
    powers = [2**k for k in range(14) if low <= 2**k <= high]
    ax.xaxis.set_major_locator(FixedLocator(powers[:: 1 + (len(powers) - 1) // 6]))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:.0f}"))
