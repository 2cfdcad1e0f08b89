"""The figure of `computational_graphs`: four graphs, and the two tables of the survey."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from approxlab.plotting.palette import colors
from experiments.computational_graphs.findings import inputs, steps, sweep
from experiments.drawing.figures import given_back
from experiments.drawing.rows import Row, column, of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["draw"]

_COLORS = colors("sweeps of a trace")
_VALUE, _GRADIENT = _COLORS["forward"], _COLORS["reverse"]
_TITLES = {
    "product": "$(x + y)\\,z$ at $(-2, 5, -4)$",
    "gaussian": "Gaussian: $-\\ln p(x) = \\ln s + \\frac{1}{2}\\ln 2\\pi + (x - m)^2 / 2s^2$"
    " at $x = 2$, $m = 0.5$, $s = 2$",
    "sigmoid_unit": "Sigmoid unit $1\\,/\\,(1 + e^{-(w_0 x_0 + w_1 x_1 + w_2)})$"
    " at $w = (2, -3, -3)$, $x = (-1, -2)$",
    "survey": "$\\ln x_1 + x_1 x_2 - \\sin x_2$ at $(2, 5)$",
}
_LINES = (("product", "gaussian"), ("sigmoid_unit",), ("survey", "forward", "reverse"))
_NAMED = ("gaussian", "survey")  # graphs whose steps have names
_SPACE, _TITLE, _STEP = 34.0, 30.0, 18.5  # points: between panels, of titles, of lines of a table
_SIZE = 11.0  # of letters at scale 1
_SCALE = 1.08


@given_back
def draw(rows: Sequence[Row]) -> Figure:
    """Graphs in lines from the simplest to that of the survey, with its two tables at its side."""
    import matplotlib.pyplot as plt

    from approxlab import plotting
    from approxlab.plotting.graphs import plot_trace

    present = {row["graph"] for row in rows}
    with plotting.style("screen"):
        figure = plt.figure(figsize=(1, 1), dpi=110, layout="none")
        panels = {}
        for graph in ("product", "gaussian", "sigmoid_unit", "survey"):
            if graph in present:
                ax = figure.add_axes((0, 0, 1, 1), label=graph)
                plot_trace(of(rows, graph=graph), ax=ax, names=graph in _NAMED, font_size=_SIZE,
                           value_color=_VALUE, gradient_color=_GRADIENT)  # fmt: skip
                panels[graph] = ax
        if "survey" in present:
            panels["forward"] = figure.add_axes((0, 0, 1, 1), label="forward")
            panels["reverse"] = figure.add_axes((0, 0, 1, 1), label="reverse")
            _draw_forward(panels["forward"], rows)
            _draw_reverse(panels["reverse"], rows)
        _place(figure, panels)
    return figure


def _draw_forward(ax: Axes, rows: Sequence[Row]) -> None:
    """The survey's Table 2: every step with its value and its tangents for both seeds."""
    given = column(inputs(rows, "survey"), "label")
    head = ["step", "value", *(rf"$\partial/\partial {_name(label)}$" for label in given)]
    body = [
        [
            rf"${_name(row['symbol'])} = {_expression(row)}$",
            _six(row["primal"]),
            *(_six(row[f"tangent_{label}"]) for label in given),
        ]
        for row in steps(rows, "survey")
    ]
    colors = ["0.1", _VALUE, "0.1", "0.1"]
    _draw_table(ax, "Forward mode", [head, *body], [82, 70, 46, 64], colors)


def _draw_reverse(ax: Axes, rows: Sequence[Row]) -> None:
    """The survey's Table 3: every assignment of the reverse sweep and the adjoint after it."""
    symbols = {row["name"]: row["symbol"] for row in steps(rows, "survey")}
    body, begun = [], set()
    for row in sweep(rows, "survey"):
        bar = _bar(symbols[row["name"]])
        if row["source"] == "seed":
            body.append([f"${bar} = 1$", _six(row["so_far"])])
            continue
        name, source = _name(symbols[row["name"]]), symbols[row["source"]]
        part = rf"{_bar(source)}\,\partial {_name(source)}/\partial {name}"
        before = f"{bar} + " if row["name"] in begun else ""
        begun.add(row["name"])
        body.append([f"${bar} = {before}{part}$", _six(row["so_far"])])
    head = ["adjoint", "so far"]
    _draw_table(ax, "Reverse mode", [head, *body], [158, 64], ["0.1", _GRADIENT])


def _draw_table(
    ax: Axes,
    title: str,
    lines: Sequence[Sequence[str]],
    widths: Sequence[float],
    colors: Sequence[str],
) -> None:
    """Lines of text in columns, the first aligned left and the others aligned right."""
    height, width = _STEP * (len(lines) + 1), sum(widths)
    ax.set(xlim=(0, width), ylim=(0, height))
    ax.set_axis_off()
    size = _SIZE * _SCALE
    ax.text(0, height - 0.65 * _STEP, title, fontsize=size, fontweight="bold", va="baseline")
    for i, line in enumerate(lines):
        y, right = height - (i + 1.7) * _STEP, 0.0
        for j, (text, step, color) in enumerate(zip(line, widths, colors, strict=True)):
            right += step
            ax.text(0 if j == 0 else right, y, text, fontsize=size, va="baseline",
                    ha="left" if j == 0 else "right", color=color if i else "0.4")  # fmt: skip
    for y in (height - _STEP, height - 2 * _STEP):
        ax.plot([0, width], [y, y], color="0.6", linewidth=0.8)


def _place(figure: Figure, panels: dict[str, Axes]) -> None:
    """Panels in lines at their natural sizes, with titles above; tables contain their titles."""
    lines = [[name for name in line if name in panels] for line in _LINES]
    lines = [line for line in lines if line]
    sizes = {name: (_span(ax.get_xlim()), _span(ax.get_ylim())) for name, ax in panels.items()}
    titles = {name: _TITLE if name in _TITLES else 0.0 for name in panels}
    width = max(500.0, *(sum(sizes[name][0] + _SPACE for name in line) for line in lines))
    spares = [width - sum(sizes[name][0] + _SPACE for name in line) for line in lines]
    heights = [max(sizes[name][1] + titles[name] for name in line) + 6.0 for line in lines]
    roomy = next((i for i, spare in enumerate(spares) if spare > 150.0), None)
    height = sum(heights) + 10.0 + (_TITLE * 2.4 if roomy is None else 0.0)
    figure.set_size_inches(width * _SCALE / 72, height * _SCALE / 72)
    top = height - 6.0
    for i, line in enumerate(lines):
        if i == roomy:
            _draw_legend(figure, width, height, top)
        left = 0.5 * _SPACE
        for name in line:
            wide, high = sizes[name]
            if name in _TITLES:
                figure.text(
                    left / width,
                    (top - 0.6 * _TITLE) / height,
                    _TITLES[name],
                    fontsize=1.15 * _SIZE * _SCALE,
                    va="baseline",
                )
            low = top - titles[name] - high
            panels[name].set_position((left / width, low / height, wide / width, high / height))
            left += wide + _SPACE + spares[i] / max(1, len(line) - 1)
        top -= heights[i]
    if roomy is None:
        _draw_legend(figure, width, height, top)


def _draw_legend(figure: Figure, width: float, height: float, top: float) -> None:
    """The meaning of the two colours, at the right."""
    words = (
        ("forward: value", _VALUE),
        ("backward: gradient of the result", _GRADIENT),
        ("used twice: gradients add", _GRADIENT),
    )
    for i, (text, color) in enumerate(words):
        y = top - 0.6 * _TITLE - i * 1.6 * _SIZE
        weight = "bold" if i < 2 else "normal"
        figure.text((width - 0.5 * _SPACE) / width, y / height, text, color=color, ha="right",
                    fontsize=1.15 * _SIZE * _SCALE, fontweight=weight)  # fmt: skip


def _span(limits: tuple[float, float]) -> float:
    return float(limits[1] - limits[0])


def _name(symbol: str) -> str:
    """v-1 as mathematics."""
    return f"{symbol[0]}_{{{symbol[1:]}}}"


def _bar(symbol: str) -> str:
    """The adjoint of v-1 as mathematics."""
    return rf"\bar{{{symbol[0]}}}_{{{symbol[1:]}}}"


def _expression(row: Row) -> str:
    """A step of the survey's function as mathematics."""
    words = row["text"].split()
    signs = {"*": r"\,", "+": "+", "-": "-", "ln": r"\ln", "sin": r"\sin"}
    return " ".join(signs.get(word) or _name(word) for word in words)


def _six(value: float) -> str:
    """Up to six decimals."""
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return ("0" if text == "-0" else text).replace("-", "−")
