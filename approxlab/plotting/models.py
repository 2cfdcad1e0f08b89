"""A model beside what it approximates: a curve on an interval, a map in two dimensions."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes

from approxlab.arguments import check_positive, part_to_write
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.plotting._axes import draw_legend, name_of, own_axes
from approxlab.plotting._stated_errors import Stated, stated
from approxlab.plotting.palette import colors

__all__ = ["plot_model"]

_POINTS = {1: 1001, 2: 121}
_LEVELS = 9
_TARGET: dict[str, Any] = {"color": "black", "linewidth": 2.6, "alpha": 0.35}
_DATA: dict[str, Any] = {"color": "black", "marker": ".", "linestyle": "none", "alpha": 0.6}
_SHOWN = "approxlab target"  # marks what of the axes is the target: it is drawn once


@dataclasses.dataclass(frozen=True)
class AtPoints:
    """A model that is known by its values at many points, shape (n, d), as NumPy computes them."""

    values: Callable[[np.ndarray], Any]

    def __call__(self, x: Any) -> Any:
        """The value at one point of shape (d,)."""
        return self.values(np.asarray(x)[None])[0]


def plot_model(
    model: Any,
    target: Any = None,
    *,
    box: Any = None,
    data: Any = None,
    error: Any = None,
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
        error: What is known of the distance: an `Estimate`, a `Bound`, a `Claim`, a `Certificate`
            or an `Optimum`, named in legend or title. A claim or certificate of the sup norm is a
            band around the target, within which the model is proved to lie.
        points: Points along each axis, by default 1001 on an interval and 121 in two dimensions.
            The declared kinks of a target are added.
        output: Which of m values is drawn; needed if there are several.
        ax: Axes to draw on; by default new ones.
        label: Name of the model in the legend, by default its `repr`, of a function its name.
        **style: Of the curve (`Axes.plot`), or of the map (`Axes.pcolormesh`).

    Returns:
        The axes.

    Raises:
        TypeError: If the model or the target is not callable, the box is not a `Box`, or the error
            is of no such kind.
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
    check_models(model, target, points)
    data = None if data is None else _checked_data(data, output)
    box = box_of(box, model if target is None else target, data)
    ax = own_axes(ax)
    text = name_of(model) if label is None else label
    known = None if error is None else stated("error", error)
    draw = _draw_curve if box.dim == 1 else _draw_map
    draw(ax, model, target, box, points, output, text, known, style)
    if data is not None and not _shows(ax, "data"):
        x, y = data
        across = (x[:, 0], y) if box.dim == 1 else (x[:, 0], x[:, 1])
        ax.plot(*across, label="data", gid=f"{_SHOWN} data", zorder=1.5, **_DATA)
    if box.dim == 1:
        draw_legend(ax)
    return ax


def plot_fit(model: Any, target: Any, error: Any = None, **options: Any) -> Axes:
    """A model beside what it was fitted to: a target, or the data (X, Y); see `plot_model`."""
    given = {"data": target} if isinstance(target, tuple | list) else {"target": target}
    return plot_model(model, **{**given, "error": error, **options})


def _draw_curve(
    ax: Axes, model: Any, target: Any, box: Box, count: int | None, output: int | None,
    label: str, known: Stated | None, style: dict[str, Any],
) -> None:  # fmt: skip
    x = points_on(box, target, count)
    shown = inside(target, x) & inside(model, x)
    if target is not None and not _shows(ax, "target"):
        values = np.where(shown, values_of(target, x, output, "target"), np.nan)
        name = getattr(target, "name", None) or "target"
        ax.plot(x[:, 0], values, label=name, gid=f"{_SHOWN} target", zorder=1.8, **_TARGET)
    if known is not None and known.band and target is not None:
        values = np.where(shown, values_of(target, x, output, "target"), np.nan)
        color = colors("claims")["proved band"]
        low, high = values - known.value, values + known.value
        band: dict[str, Any] = {"color": color, "alpha": 0.35, "linewidth": 0.6, "zorder": 1.2}
        ax.fill_between(x[:, 0], low, high, label=known.text, **band)
    elif known is not None:
        ax.plot([], [], " ", label=known.text)
    values = np.where(shown, values_of(model, x, output, "model"), np.nan)
    ax.plot(x[:, 0], values, label=label, **style)
    ax.set(xlabel="x", ylabel="value")
    if ax.get_xscale() == "linear":
        ax.locator_params(axis="x", nbins=6)


def _draw_map(
    ax: Axes, model: Any, target: Any, box: Box, count: int | None, output: int | None,
    label: str, known: Stated | None, style: dict[str, Any],
) -> None:  # fmt: skip
    x = points_on(box, target, count)
    shown = inside(target, x) & inside(model, x)
    count = round(len(x) ** 0.5)
    grid = x.reshape(count, count, 2)
    across, up = grid[:, :, 0], grid[:, :, 1]

    def heights(of: Any, name: str) -> np.ndarray:
        return np.where(shown, values_of(of, x, output, name), np.nan).reshape(count, count)

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
    said = [] if target is None else [f"equal values: model white, {name} dashed"]
    said += [] if known is None else [known.text]
    if said:
        ax.set_title("\n".join(said), fontsize="medium")
    ax.grid(False)


def points_on(box: Box, target: Any, count: int | None) -> np.ndarray:
    """Points of a picture, shape (n, d), with the kinks of a target of one variable."""
    x = box.uniform(_POINTS[box.dim] if count is None else count)
    if box.dim > 1:
        return x
    kinks = np.asarray(getattr(target, "kinks", None) or (), float)
    kinks = kinks[(kinks > box.lower[0]) & (kinks < box.upper[0])]
    return np.union1d(x[:, 0], kinks)[:, None]


def values_of(model: Any, x: np.ndarray, output: int | None, name: str) -> Float[np.ndarray, " n"]:
    found = model.values(x) if isinstance(model, AtPoints) else values_at(model, x)
    return _one_of(np.asarray(found, float), output, name)


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


def inside(target: Any, x: np.ndarray) -> np.ndarray:
    mask = getattr(target, "mask", None)
    return np.ones(len(x), bool) if mask is None else values_at(mask, x).astype(bool)


def _shows(ax: Axes, what: str) -> bool:
    return any(line.get_gid() == f"{_SHOWN} {what}" for line in ax.lines)


def box_of(box: Any, target: Any, data: Any, name: str = "box") -> Box:
    """The box of a picture: the given one, that of the target, or that of the data."""
    if box is None and hasattr(target, "domain"):
        box, name = target.domain, f"target: {getattr(target, 'name', 'target')}"
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
            f"{name}: got {box.dim} dimensions, expected one or two. Draw a section on a box "
            "of its own: lambda x: model(jnp.array([x[0], x[1], 0.5]))."
        )
    return box


def check_models(model: Any, target: Any, points: int | None) -> None:
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
