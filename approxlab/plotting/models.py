"""A model beside what it approximates: a curve on an interval, a map in two dimensions."""

from __future__ import annotations

from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from approxlab.arguments import check_positive, part_to_write
from approxlab.domains import Box
from approxlab.evaluation import values_at

__all__ = ["plot_model"]

_POINTS = {1: 1001, 2: 121}
_LEVELS = 9
_TARGET: dict[str, Any] = {"color": "black", "linewidth": 2.6, "alpha": 0.35}
_DATA: dict[str, Any] = {"color": "black", "marker": ".", "linestyle": "none", "alpha": 0.6}
_SHOWN = "approxlab target"  # marks what of the axes is the target: it is drawn once


def plot_model(
    model: Any,
    target: Any = None,
    *,
    box: Any = None,
    data: Any = None,
    points: int | None = None,
    output: int | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    **style: Any,
) -> Axes:
    """Draw a model, and the target beside it: a network, a polynomial or any function of a point.

    On an interval, the model is a curve over the broad grey one of the target and the dots of the
    data; several calls on the same axes add models and draw target and data once. In two
    dimensions, the model is a coloured map, and its values and those of the target are lines at
    the same levels, solid and dashed: where the model is right, they lie upon each other. Where a
    target has a mask, nothing is drawn outside of it.

    Args:
        model: Maps one point of shape (d,), d = 1 or 2, to a value of shape () or (m,).
        target: A `Target`, or any function of a point (then give `box`), or None.
        box: Where to draw; by default the box of the target, or the bounding box of the data.
        data: Arrays (X, Y) of shapes (n, d) and (n,) or (n, m), drawn as dots.
        points: Points along each axis, by default 1001 on an interval and 121 in two dimensions.
            The declared kinks of a target are added.
        output: Which of m values is drawn; needed if there are several.
        ax: Axes to draw on; by default new ones.
        label: Name of the model in the legend, by default its `repr`.
        **style: Of the curve (`Axes.plot`), or of the map (`Axes.pcolormesh`).

    Returns:
        The axes.

    Raises:
        TypeError: If the model or the target is not callable, or the box is not a `Box`.
        ValueError: If there is nothing that tells the box, it has more than two dimensions, data
            are not finite, shapes do not fit, or the model has several values and `output` does not
            say which.

    Example:
        >>> import approxlab as al
        >>> target = al.targets.get("runge")
        >>> fit = al.fit(target, hidden=(8,), method="levenberg_marquardt", steps=20)
        >>> ax = plot_model(fit.network, target, label="8 units")
        >>> [text.get_text() for text in ax.get_legend().get_texts()]
        ['runge', '8 units']
        >>> ax.figure.clear()
    """
    _check(model, target, points)
    data = None if data is None else _checked_data(data, output)
    box = _box(box, target, data)
    count = _POINTS[box.dim] if points is None else points
    ax = plt.subplots()[1] if ax is None else ax
    text = repr(model) if label is None else label
    draw = _draw_curve if box.dim == 1 else _draw_map
    draw(ax, model, target, box, count, output, text, style)
    if data is not None and not _shows(ax, "data"):
        x, y = data
        across = (x[:, 0], y) if box.dim == 1 else (x[:, 0], x[:, 1])
        ax.plot(*across, label="data", gid=f"{_SHOWN} data", zorder=1.5, **_DATA)
    if box.dim == 1:
        ax.legend()
    return ax


def _draw_curve(
    ax: Axes, model: Any, target: Any, box: Box, count: int, output: int | None,
    label: str, style: dict[str, Any],
) -> None:  # fmt: skip
    kinks = np.asarray(getattr(target, "kinks", None) or (), float)
    kinks = kinks[(kinks > box.lower[0]) & (kinks < box.upper[0])]
    x = np.union1d(box.uniform(count)[:, 0], kinks)[:, None]
    shown = _inside(target, x)
    if target is not None and not _shows(ax, "target"):
        values = np.where(shown, _values(target, x, output, "target"), np.nan)
        name = getattr(target, "name", None) or "target"
        ax.plot(x[:, 0], values, label=name, gid=f"{_SHOWN} target", zorder=1.8, **_TARGET)
    values = np.where(shown, _values(model, x, output, "model"), np.nan)
    ax.plot(x[:, 0], values, label=label, **style)
    ax.set(xlabel="x", ylabel="value")
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", nbins=6)


def _draw_map(
    ax: Axes, model: Any, target: Any, box: Box, count: int, output: int | None,
    label: str, style: dict[str, Any],
) -> None:  # fmt: skip
    x = box.uniform(count)
    shown = _inside(target, x)
    grid = x.reshape(count, count, 2)
    across, up = grid[:, :, 0], grid[:, :, 1]

    def heights(of: Any, name: str) -> np.ndarray:
        return np.where(shown, _values(of, x, output, name), np.nan).reshape(count, count)

    found = heights(model, "model")
    mesh = ax.pcolormesh(across, up, found, shading="gouraud", rasterized=True, **style)
    ax.figure.colorbar(mesh, ax=ax, label=label)
    wanted = found if target is None else heights(target, "target")
    low, high = np.nanmin(wanted), np.nanmax(wanted)
    if low < high:
        levels = np.linspace(low, high, _LEVELS + 2)[1:-1]
        ax.contour(across, up, found, levels, colors="white", linewidths=1.2, linestyles="solid")
        if target is not None:
            ax.contour(across, up, wanted, levels, colors="black", linewidths=1.2,
                       linestyles="dashed")  # fmt: skip
    name = getattr(target, "name", None) or "target"
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    if target is not None:
        ax.set_title(f"equal values: model white, {name} dashed", fontsize="medium")
    ax.grid(False)


def _values(model: Any, x: np.ndarray, output: int | None, name: str) -> Float[np.ndarray, " n"]:
    return _one_of(values_at(model, x), output, name)


def _one_of(values: np.ndarray, output: int | None, name: str) -> Float[np.ndarray, " n"]:
    """The values that are drawn: all, or one column."""
    if values.ndim == 1:
        if output not in (None, 0):
            raise ValueError(f"output: got {output!r}, expected None: {name} has one value.")
        return values
    if values.ndim == 2 and output is None and values.shape[1] == 1:
        return values[:, 0]
    if values.ndim != 2 or output is None or not 0 <= output < values.shape[1]:
        raise ValueError(
            f"output: got {output!r} for a {name} with values of shape {values.shape[1:]}, "
            "expected which of them to draw. Write output=0 for the first."
        )
    return values[:, output]


def _inside(target: Any, x: np.ndarray) -> np.ndarray:
    mask = getattr(target, "mask", None)
    return np.ones(len(x), bool) if mask is None else values_at(mask, x).astype(bool)


def _shows(ax: Axes, what: str) -> bool:
    return any(line.get_gid() == f"{_SHOWN} {what}" for line in ax.lines)


def _box(box: Any, target: Any, data: Any) -> Box:
    if box is None:
        box = getattr(target, "domain", None)
    if box is None and data is not None:
        low, high = data[0].min(axis=0), data[0].max(axis=0)
        if np.any(low == high):
            raise ValueError(
                f"box: got None, and in data all {len(data[0])} points have the same coordinate "
                f"{int(np.argmax(low == high))}, so they span no box. Write "
                "box=al.Box([0.0], [1.0])."
            )
        box = Box(low, high)
    if box is None:
        raise ValueError(
            "box: got None, and neither target nor data tell where to draw. Write "
            "box=al.Box([0.0], [1.0])."
        )
    if not isinstance(box, Box):
        raise TypeError(f"box: got {box!r}, expected a Box. Write box=al.Box([0.0], [1.0]).")
    if box.dim not in _POINTS:
        raise ValueError(
            f"box: got {box.dim} dimensions, expected one or two. Draw a section: "
            "lambda x: model(jnp.array([x[0], x[1], 0.5]))."
        )
    return box


def _check(model: Any, target: Any, points: int | None) -> None:
    if not callable(model):
        raise TypeError(
            f"model: got {type(model).__name__}, expected a function of one point, such as an MLP."
            f"{part_to_write(model)}"
        )
    if target is not None and not callable(target):
        raise TypeError(
            f"target: got {type(target).__name__}, expected a Target or a function of one point. "
            "Write data=(X, Y) for arrays."
        )
    if points is not None:
        check_positive(points=points)


def _checked_data(data: Any, output: int | None) -> tuple[np.ndarray, np.ndarray]:
    if not isinstance(data, tuple | list) or len(data) != 2:
        raise TypeError(f"data: got {type(data).__name__}, expected a pair of arrays (X, Y).")
    x, y = np.asarray(data[0], float), np.asarray(data[1], float)
    if x.ndim != 2 or y.ndim not in (1, 2) or len(x) != len(y) or not len(x):
        raise ValueError(
            f"data: got X of shape {x.shape} and Y of shape {y.shape}, expected (n, d) and (n,) or "
            "(n, m). Write x[:, None] for points of an interval."
        )
    for name, values in (("X", x), ("Y", y)):
        bad = np.argwhere(~np.isfinite(values))
        if len(bad):
            raise ValueError(
                f"data: got {values[tuple(bad[0])]} in row {int(bad[0][0])} of {name}, expected "
                "finite numbers. Leave such rows out."
            )
    return x, _one_of(y, output, "data")
