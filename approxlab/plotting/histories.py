"""How the loss fell in training: one line for every seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from approxlab.plotting._axes import draw_legend, own_axes

__all__ = ["plot_history"]

_OTHERS: dict[str, Any] = {"linewidth": 0.8, "alpha": 0.35}


def plot_history(
    result: Any, *, ax: Axes | None = None, label: str | None = None, **style: Any
) -> Axes:
    """Draw the losses of a fit against the steps, both on logarithmic scales.

    The best seed is a full line with the label, the others are thin lines of its colour; a start
    at step 0 is drawn at step 1/2. Several calls on the same axes compare methods. Losses that are
    zero or not finite are left out.

    Args:
        result: What `fit` returned, or its `History`, or the path that `descend` returned.
        ax: Axes to draw on; by default new ones.
        label: Name in the legend; by default the method's name, of a `History` none.
        **style: Of the line of the best seed (`Axes.plot`); the others take its colour.

    Returns:
        The axes.

    Raises:
        TypeError: If the result has no history of steps and losses.

    Example:
        >>> import approxlab as al
        >>> r = al.fit(al.targets.get("runge"), hidden=(4,), method="lbfgs", seeds=3, steps=20)
        >>> ax = plot_history(r)
        >>> len(ax.lines), ax.get_ylabel()
        (3, 'mean squared error')
        >>> ax.figure.clear()
    """
    history = getattr(result, "history", result)
    steps, losses = (np.asarray(getattr(history, name, None)) for name in ("steps", "losses"))
    path = hasattr(history, "points") and steps.ndim == 1  # of one start, by gradient descent
    if path:
        steps, losses = steps[None], losses[None].astype(float)
    if steps.ndim != 2 or steps.shape != losses.shape:
        raise TypeError(
            f"result: got {result!r}, expected what al.fit returns, or its history with steps and "
            "losses of shape (seeds, records)."
        )
    best = int(getattr(result, "best", np.argmin(np.nan_to_num(losses[:, -1], nan=np.inf))))
    ax = own_axes(ax)
    name = getattr(result, "method", None) if label is None else label
    (line,) = ax.plot(*_drawn(steps[best], losses[best]), **{"label": name, **style})
    for seed in range(len(steps)):
        if seed != best:
            ax.plot(*_drawn(steps[seed], losses[seed]), color=line.get_color(), **_OTHERS)
    ax.set(
        xscale="log", yscale="log", xlabel="step", ylabel="loss" if path else "mean squared error"
    )
    if name is not None:
        draw_legend(ax)
    return ax


def _drawn(steps: np.ndarray, losses: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The records of one seed that a logarithmic scale has a place for, each step once."""
    shown = np.isfinite(losses) & (losses > 0) & (np.diff(steps, prepend=-1) > 0)
    return np.maximum(steps[shown], 0.5), losses[shown]
