"""Kernels beside their limits, and what a regression with a kernel predicts."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from approxlab.domains import Box
from approxlab.plotting._axes import draw_legend, own_axes
from approxlab.plotting.models import AtPoints, box_of, plot_model
from approxlab.plotting.palette import colors

__all__ = ["plot_kernel_regression", "plot_kernels"]

_MOST = 20_000  # entries that are drawn


def plot_kernels(
    comparison: Any, *, ax: Axes | None = None, label: str | None = None, **style: Any
) -> Axes:
    """Draw every entry of a network's kernel against that of its infinitely wide limit.

    On the diagonal line both are equal. Several calls on the same axes compare widths.

    Args:
        comparison: What `al.kernels.compare` returns.
        ax: Axes to draw on; by default new ones.
        label: Name in the legend; by default the kernel and the relative distance of the two.
        **style: Of the dots (`Axes.plot`).

    Returns:
        The axes.

    Raises:
        TypeError: If it is no comparison of kernels.

    Example:
        >>> import jax
        >>> import approxlab as al
        >>> limit = al.kernels.InfiniteNetwork(
        ...     hidden_layers=1, activation="relu", weight_variance=2.0, bias_variance=0.1,
        ...     parameterisation="ntk")
        >>> X = jax.random.normal(jax.random.key(0), (8, 3))
        >>> net = limit.draw(jax.random.key(1), 3, 64)
        >>> ax = plot_kernels(al.kernels.compare(net, limit, X))
        >>> ax.get_xlabel()
        'kernel of the infinitely wide network'
        >>> ax.figure.clear()
    """
    if not all(hasattr(comparison, name) for name in ("empirical", "limit", "distance")):
        raise TypeError(
            f"comparison: got {type(comparison).__name__}, expected what al.kernels.compare "
            "returns."
        )
    upper = np.triu_indices(len(comparison.limit))  # symmetric: every pair once
    wide = np.asarray(comparison.limit, float)[upper]
    own = np.asarray(comparison.empirical, float)[upper]
    step = -(-len(wide) // _MOST)
    wide, own = wide[::step], own[::step]
    ax = own_axes(ax)
    name = f"{comparison.kind.upper()}, relative distance {comparison.distance:.2g}"
    options = {"marker": "o", "markersize": 4, "alpha": 0.6, "linestyle": "none"}
    hue = {"color": colors("kernels")[comparison.kind]} if not ax.lines else {}
    ax.plot(wide, own, **{**options, **hue, "label": name if label is None else label, **style})
    if not any(line.get_label() == "equal" for line in ax.lines):
        ends = [min(wide.min(), own.min()), max(wide.max(), own.max())]
        ax.plot(ends, ends, "--", color="0.5", linewidth=1.2, zorder=1.0, label="equal")
    ax.set(xlabel="kernel of the infinitely wide network", ylabel="kernel of this network")
    draw_legend(ax)
    return ax


def plot_kernel_regression(
    regression: Any,
    target: Any = None,
    *,
    box: Any = None,
    output: int | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    **style: Any,
) -> Axes:
    """Draw what a kernel regression predicts, with its data and the target.

    With the kernel "nngp", on an interval, the band is two standard deviations of the posterior to
    each side, without the noise: it is no bound on the error.

    Args:
        regression: What `al.kernels.regress` returns, for points of one or two dimensions.
        target: A `Target`, or any function of a point, or None.
        box: Where to draw; by default the box of the target, or the bounding box of the data.
        output: Which of m values is drawn; needed if there are several.
        ax: Axes to draw on; by default new ones.
        label: Name in the legend or at the colours.
        **style: Of the curve (`Axes.plot`), or of the map (`Axes.pcolormesh`).

    Returns:
        The axes.

    Raises:
        TypeError: If it is no regression with a kernel.
        ValueError: If its points have more than two dimensions, or there are several values and
            `output` does not say which.

    Example:
        >>> import numpy as np
        >>> import approxlab as al
        >>> limit = al.kernels.InfiniteNetwork(
        ...     hidden_layers=1, activation="relu", weight_variance=2.0, bias_variance=1.0,
        ...     parameterisation="ntk")
        >>> X = np.array([[-1.0], [0.0], [1.0]])
        >>> found = al.kernels.regress(limit, X, np.array([1.0, 2.0, 1.0]), kind="nngp")
        >>> ax = plot_kernel_regression(found, label="posterior mean")
        >>> len(ax.collections)
        1
        >>> ax.figure.clear()
    """
    if not all(hasattr(regression, name) for name in ("mean", "variance", "X", "Y", "kind")):
        raise TypeError(
            f"regression: got {type(regression).__name__}, expected what al.kernels.regress "
            "returns."
        )
    data = np.asarray(regression.X, float), np.asarray(regression.Y, float)
    box = box_of(box, target, data, "regression")
    text = f"prediction by the {regression.kind.upper()}" if label is None else label
    mean = AtPoints(regression.mean)
    ax = plot_model(mean, target, box=box, data=data, output=output, ax=ax, label=text, **style)
    if box.dim == 1 and regression.kind == "nngp":
        _draw_posterior(ax, regression, box, output)
        draw_legend(ax)
    return ax


def _draw_posterior(ax: Axes, regression: Any, box: Box, output: int | None) -> None:
    x = box.uniform(401)
    mean = np.asarray(regression.mean(x), float)
    mean = mean if mean.ndim == 1 else mean[:, output or 0]
    half = 2.0 * np.sqrt(np.asarray(regression.variance(x), float))
    color = colors("kernels")["nngp"]
    ax.fill_between(
        x[:, 0],
        mean - half,
        mean + half,
        color=color,
        alpha=0.18,
        linewidth=0,
        label="two standard deviations",
        zorder=1.2,
    )
