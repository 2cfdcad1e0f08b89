"""Where the error of a model lies: |model - target| on an interval, or as a map."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes

from approxlab.domains import Box
from approxlab.plotting._axes import draw_legend, name_of, own_axes
from approxlab.plotting._stated_errors import Stated, stated
from approxlab.plotting.models import (
    box_of,
    check_models,
    inside,
    points_on,
    values_of,
)

__all__ = ["plot_certificate", "plot_error"]

_ACROSS = {"estimate": "--", "bound": "-", "optimum": ":"}
_DECADES = 8  # below the largest error a logarithmic scale ends
_CERTIFIED = {1: 513, 2: 65}  # proved values are slower than sampled ones


def plot_error(
    model: Any,
    target: Any,
    *,
    box: Any = None,
    error: Any = None,
    points: int | None = None,
    output: int | None = None,
    ax: Axes | None = None,
    label: str | None = None,
    **style: Any,
) -> Axes:
    """Draw |model - target|: a curve on an interval, a map with its colour bar in two dimensions.

    The scale is logarithmic; where the error is zero, nothing is drawn, or the lowest colour. What
    is known of the whole is a line with its right word, or stands above the map: an estimate was
    sampled, a bound is proved. With `error=None` it is the largest error of the drawing, named an
    estimate. Several calls on the same axes compare models on an interval.

    Args:
        model: Maps one point of shape (d,), d = 1 or 2, to a value of shape () or (m,).
        target: A `Target`, or any function of a point (then give `box`).
        box: Where to draw; by default the box of the target.
        error: An `Estimate`, a `Bound`, a `Claim`, a `Certificate` or an `Optimum`, absolute. Those
            in the sup norm are lines across the curve, others are only named.
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
        ValueError: If there is nothing that tells the box, it has more than two dimensions, the
            error is relative, no value is finite, or the model has several values and `output` does
            not say which.

    Example:
        >>> import approxlab as al
        >>> made = al.constructions.relu_interpolant(al.targets.get("square"), 4)
        >>> ax = plot_error(made.network, made.target, error=made.claim, label="4 pieces")
        >>> [text.get_text()[:17] for text in ax.get_legend().get_texts()]
        ['4 pieces', 'bound: sup error ']
        >>> ax.figure.clear()
    """
    check_models(model, target, points)
    if target is None:
        raise TypeError("target: got None, expected a Target or a function of one point.")
    box = box_of(box, target, None)
    x = points_on(box, target, points)
    difference = values_of(model, x, output, "model") - values_of(target, x, output, "target")
    shown = inside(target, x)
    errors = np.where(shown, np.abs(difference), np.nan)
    known = _known(errors, int(np.count_nonzero(shown & ~np.isfinite(errors))), error)
    name = name_of(model) if label is None else label
    return _draw(x, errors, box, known, name, ax, style)


def plot_certificate(certificate: Any, *, ax: Axes | None = None, **style: Any) -> Axes:
    """Draw |model - target| from a certificate alone, with the interval that it proves.

    The values are enclosed by the arithmetic of the certificate; between the points nothing is
    drawn that is not within the proved interval of the largest error. The witness is a star.

    Args:
        certificate: What `al.certify.sup_norm` returns, on a box of one or two dimensions.
        ax: Axes to draw on; by default new ones.
        **style: Of the curve (`Axes.plot`), or of the map (`Axes.pcolormesh`).

    Returns:
        The axes.

    Raises:
        TypeError: If it is no certificate.
        ValueError: If its box has more than two dimensions.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> made = al.constructions.relu_interpolant(al.targets.get("square"), 4)
        >>> ax = plot_certificate(al.certify.sup_norm(made.network, made.target))
        >>> ax.get_ylabel()
        '|model - target|'
        >>> ax.figure.clear()
    """
    if not all(hasattr(certificate, name) for name in ("errors_at", "cuts", "witness")):
        raise TypeError(
            f"certificate: got {type(certificate).__name__}, expected what al.certify.sup_norm "
            "returns."
        )
    ends = [(axis[0], axis[-1]) for axis in certificate.cuts]
    box = box_of(Box(*(list(side) for side in zip(*ends, strict=True))), None, None, "certificate")
    x = box.uniform(_CERTIFIED[box.dim])
    low, high = certificate.errors_at(x)
    known = stated("certificate", certificate)
    name = f"|model - target|, proved at {len(x)} points"
    drawn = _draw(x, 0.5 * (low + high), box, known, name, ax, style)
    place = certificate.witness
    where = (place[0], certificate.lower) if box.dim == 1 else place
    drawn.plot(*where, "*", color="black", markersize=11, zorder=5, label="witness")
    draw_legend(drawn)
    return drawn


def _known(errors: np.ndarray, lost: int, error: Any) -> Stated:
    """What is known of the error; `lost` is at how many points it is not finite."""
    finite = errors[np.isfinite(errors)]
    if not len(finite):
        raise ValueError(
            "model: got no finite difference from the target in the box, expected finite values."
        )
    if error is None and lost:
        return Stated("estimate", np.nan, "sup", problem=f"not finite at {lost} of the points")
    if error is None:
        return Stated("estimate", float(finite.max()), "sup", None, ">=")
    known = stated("error", error)
    if known.norm is not None and known.norm.startswith("relative"):
        raise ValueError(
            f"error: got a {known.norm} error, expected an absolute one, since |model - target| is "
            "drawn. Measure it with relative=False."
        )
    return known


def _draw(
    x: np.ndarray,
    errors: np.ndarray,
    box: Box,
    known: Stated,
    name: str,
    ax: Axes | None,
    style: dict[str, Any],
) -> Axes:
    ax = own_axes(ax)
    (_draw_curve if box.dim == 1 else _draw_map)(ax, x, errors, known, name, style)
    return ax


def _draw_curve(
    ax: Axes, x: np.ndarray, errors: np.ndarray, known: Stated, name: str, style: dict[str, Any]
) -> None:
    shown = np.where(errors > 0.0, errors, np.nan)
    (line,) = ax.plot(x[:, 0], shown, **{"label": name, "linewidth": 1.4, **style})
    color = line.get_color()  # its own line across: models are told apart, kinds by the dashes
    if known.norm == "sup" and 0.0 < known.value < np.inf:
        dashes = _ACROSS.get(known.kind, "-")
        ax.axhline(known.value, color=color, linestyle=dashes, linewidth=2.0, label=known.text)
        if known.least:
            ax.axhspan(known.least, known.value, color=color, alpha=0.25, linewidth=0)
    else:
        ax.plot([], [], " ", label=known.text)
    ax.set_yscale("log")
    top = max(
        np.max(errors[np.isfinite(errors)]),
        known.value if known.norm == "sup" and np.isfinite(known.value) else 0.0,
    )
    if np.isfinite(top) and top > 0.0:
        low = max(float(np.quantile(errors[np.isfinite(errors)], 0.02)), top * 10.0**-_DECADES)
        held = ax.get_ylim() if len(ax.lines) > 2 else (np.inf, 0.0)
        ax.set_ylim(min(0.5 * low, held[0]), max(4.0 * top, held[1]))
    ax.set(xlabel="x", ylabel="|model - target|", xlim=(x[0, 0], x[-1, 0]))
    draw_legend(ax)


def _draw_map(
    ax: Axes, x: np.ndarray, errors: np.ndarray, known: Stated, name: str, style: dict[str, Any]
) -> None:
    side = round(len(x) ** 0.5)
    across, up, grid = (part.reshape(side, side) for part in (x[:, 0], x[:, 1], errors))
    top = float(np.nanmax(errors[np.isfinite(errors)], initial=0.0))
    positive = errors[errors > 0.0]
    low = max(float(np.quantile(positive, 0.02)), top * 10.0**-_DECADES) if len(positive) else 0.0
    scale = mpl.colors.LogNorm(low, top, clip=True) if 0.0 < low < top else None
    drawn = {"norm": scale, "cmap": "magma", "shading": "nearest", "rasterized": True} | style
    grid = np.where(grid > 0.0, grid, np.where(np.isnan(grid), np.nan, low or 0.0))
    mesh = ax.pcolormesh(across, up, grid, **drawn)
    ax.figure.colorbar(mesh, ax=ax, label="|model - target|")
    ax.set(xlabel="$x_1$", ylabel="$x_2$")
    ax.set_title(f"{name}\n{known.text}", fontsize="medium")
    ax.grid(False)
