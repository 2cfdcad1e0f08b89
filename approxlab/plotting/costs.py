"""Costs of derivatives, side by side: predicted times, counted operations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import EngFormatter

from approxlab.plotting._axes import own_axes
from approxlab.plotting.palette import colors

__all__ = ["plot_costs"]

_TIME = "predicted time"
_WIDE = 30.0  # largest over smallest cost beyond which the scale is logarithmic
_NAMES = {
    "dot_flops": "this plan",
    "forward_flops": "forward accumulation",
    "reverse_flops": "reverse accumulation",
}


def plot_costs(costs: Any, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Draw what derivatives cost, one bar for each method; logarithmic if far apart.

    A `Choice` shows the predicted times of its candidates, a `Plan` the operations of its
    bracketing beside those of forward and of reverse accumulation, the costs of an `Answer` the
    operations of value and derivatives at one point. The number stands at each bar; the chosen
    method, or the plan, is dark.

    Args:
        costs: A `Choice`, a `Plan`, or a list of costs such as `answer.costs`.
        ax: Axes to draw on; by default new ones.
        **style: Of the bars (`Axes.barh`).

    Returns:
        The axes.

    Raises:
        TypeError: If these are no such costs.
        ValueError: If there are none.

    Example:
        >>> import approxlab as al
        >>> ax = plot_costs(al.derivatives.plan_network([100, 50, 2]))
        >>> ax.get_xlabel()
        'FLOPs of value and Jacobian, matrix products'
        >>> ax.figure.clear()
    """
    names, values, chosen, label = _read(costs)
    ax = own_axes(ax)
    palette = colors("jacobian methods")
    hues = [
        palette["planned"] if i == chosen else palette["differences"] for i in range(len(names))
    ]
    rows = range(len(names))
    options: dict[str, Any] = {"height": 0.6, "color": hues, **style}
    bars = ax.barh(rows, values, **options)
    unit = "s" if label == _TIME else ""
    fine = EngFormatter(unit, places=1)
    texts = [fine(value) if unit else f"{value:,.0f}" for value in values]
    ax.bar_label(bars, labels=texts, padding=4, fontsize=9)
    ax.set_yticks(rows, names)
    ax.invert_yaxis()
    positive = [value for value in values if value > 0]
    if positive and max(positive) > _WIDE * min(positive):
        ax.set_xscale("log")
        ax.set_xlim(0.4 * min(positive), 6.0 * max(positive))
        ax.minorticks_off()
    else:
        ax.set_xlim(0.0, 1.25 * max(values) or 1.0)
    ax.xaxis.set_major_formatter(EngFormatter(unit))
    ax.set_xlabel(label)
    ax.grid(False, axis="y")
    return ax


def _read(costs: Any) -> tuple[list[str], list[float], int | None, str]:
    """Names, values, the one that was chosen, and what the values are."""
    if hasattr(costs, "candidates"):
        names = [str(one.method) for one in costs.candidates]
        times = [float(one.predicted_s) for one in costs.candidates]
        return names, times, names.index(str(costs.method)), _TIME
    if all(hasattr(type(costs), name) for name in _NAMES):
        flops = {name: _flops(costs, of) for of, name in _NAMES.items()}
        known = {name: value for name, value in flops.items() if value is not None}
        return [*known], [*known.values()], 0, "FLOPs of value and Jacobian, matrix products"
    listed = isinstance(costs, Sequence) and not isinstance(costs, str)
    if not listed or not all(hasattr(one, "flops") and hasattr(one, "name") for one in costs):
        raise TypeError(
            f"costs: got {type(costs).__name__}, expected a Choice, a Plan, or a list of costs "
            "such as answer.costs."
        )
    if not costs:
        raise ValueError("costs: got none, expected at least one.")
    found = [float(one.flops) for one in costs]
    return [one.name for one in costs], found, None, "FLOPs at one point"


def _flops(plan: Any, name: str) -> float | None:
    try:
        return float(getattr(plan, name))
    except ValueError:  # a factor without this mode
        return None
