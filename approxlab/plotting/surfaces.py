"""The surface of a loss on a plane through points of its parameters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from jax.flatten_util import ravel_pytree
from matplotlib.axes import Axes

from approxlab.arguments import check_positive
from approxlab.evaluation import form_of

__all__ = ["loss_on_plane", "plot_loss_surface"]

_AT_ONCE = 256  # points of the plane whose losses are computed together
_LEVELS = 12
_DECADES = 6  # of a logarithmic scale, at most: what is lower has the lowest colour


def loss_on_plane(
    loss: Any,
    corners: Any,
    *,
    side: int = 61,
    margin: float = 0.35,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """A loss on the plane through three points of its parameters, in coordinates of the plane.

    The coordinates are orthonormal: distances in the plane are distances of parameters. The first
    point lies at the origin, the second on the positive first axis, the third above it.

    Args:
        loss: Function of one pytree of parameters with values of shape ().
        corners: Three pytrees of equal structure and shapes, not on one line.
        side: Points along each axis.
        margin: How far the plane reaches beyond the points, relative to their extent.

    Returns:
        `(across, up, values, places)`: coordinates, shapes (side,) and (side,); the losses, shape
        (side, side), first index upwards; places of the three points in the plane, shape (3, 2).

    Raises:
        TypeError: If the loss is not callable, or no function of JAX.
        ValueError: If there are not three points, their shapes differ, they lie on one line or
            are not finite, or the loss does not have shape ().

    Example:
        >>> corners = [jnp.array([0.0, 0.0]), jnp.array([3.0, 4.0]), jnp.array([0.0, 5.0])]
        >>> across, up, values, places = loss_on_plane(lambda w: w @ w, corners, side=5)
        >>> places.round(3).tolist()
        [[0.0, 0.0], [5.0, 0.0], [4.0, 3.0]]
    """
    check_positive(side=side)
    points, unravel = _flat(loss, corners)
    frame, places = _frame(points)
    low, high = places.min(axis=0), places.max(axis=0)
    reach = margin * np.max(high - low)
    across, up = (np.linspace(a - reach, b + reach, side) for a, b in zip(low, high, strict=True))
    coordinates = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    dtype = ravel_pytree(corners[0])[0].dtype
    origin, directions = jnp.asarray(points[0], dtype), jnp.asarray(frame, dtype)

    @jax.jit
    def losses(coordinates: Any) -> Any:
        return jax.lax.map(
            lambda c: loss(unravel(origin + c @ directions)), coordinates, batch_size=_AT_ONCE
        )

    values = np.asarray(losses(jnp.asarray(coordinates, dtype)), float)
    return across, up, values.reshape(side, side), places


def plot_loss_surface(
    loss: Any,
    corners: Any,
    *,
    side: int = 61,
    margin: float = 0.35,
    log: bool | None = None,
    names: Sequence[str] | None = None,
    ax: Axes | None = None,
    **style: Any,
) -> Axes:
    """Draw a loss on the plane through three points of its parameters, as a map with level lines.

    Both axes have the same scale, in the units of the parameters, so that distances are those of
    parameters. The plane is a section: a minimum in it need not be one of the loss.

    Args:
        loss: Function of one pytree of parameters, such as an MLP, with values of shape ().
        corners: Three points, say a start, an end and another end; see `loss_on_plane`.
        side: Points along each axis.
        margin: How far the plane reaches beyond the points, relative to their extent.
        log: Whether colours and levels are logarithmic; by default if the losses are positive and
            span more than two orders of magnitude.
        names: Names of the three points, written beside them.
        ax: Axes to draw on; by default new ones.
        **style: Of the map (`Axes.pcolormesh`); `vmin` and `vmax` bound colours and levels.

    Returns:
        The axes.

    Raises:
        TypeError, ValueError: As `loss_on_plane`, or if there are not three names, or `vmin` and
            `vmax` are no bounds of a scale.

    Example:
        >>> corners = [jnp.array([1.0, 1.0]), jnp.array([-1.0, -1.0]), jnp.array([-1.0, 1.0])]
        >>> ax = plot_loss_surface(lambda w: 0.5 * (1 - w[0] * w[1]) ** 2, corners, side=21)
        >>> ax.get_xlabel()
        'distance of parameters'
        >>> ax.figure.clear()
    """
    if names is not None and len(names) != 3:
        raise ValueError(f"names: got {len(names)}, expected three, one for each point.")
    across, up, values, places = loss_on_plane(loss, corners, side=side, margin=margin)
    ax = plt.subplots()[1] if ax is None else ax
    norm, levels = _scale(values, log, style.pop("vmin", None), style.pop("vmax", None))
    drawn = {"norm": norm, "shading": "gouraud", "rasterized": True} | style
    mesh = ax.pcolormesh(across, up, values, **drawn)
    if len(levels):
        ax.contour(across, up, values, levels, colors="white", linewidths=0.8, alpha=0.8)
    ax.plot(places[:, 0], places[:, 1], "o", color="white", markeredgecolor="black", zorder=4)
    for name, place in zip(names or (), places, strict=False):
        ax.annotate(name, place, xytext=(6, 6), textcoords="offset points", zorder=5,
                    bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 1.5},
                    )  # fmt: skip
    ax.figure.colorbar(mesh, ax=ax, label="loss")
    ax.set(xlabel="distance of parameters", ylabel="distance of parameters", aspect="equal")
    ax.grid(False)
    return ax


def _flat(loss: Any, corners: Any) -> tuple[np.ndarray, Callable[[Any], Any]]:
    """The three points as rows, and the way back to a pytree."""
    if not callable(loss):
        raise TypeError(f"loss: got {type(loss).__name__}, expected a function of the parameters.")
    if len(corners) != 3:
        raise ValueError(f"corners: got {len(corners)} points, expected three, which span a plane.")
    kinds = [
        (jax.tree.structure(c), [np.shape(leaf) for leaf in jax.tree.leaves(c)]) for c in corners
    ]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError(
            "corners: got points of different structures or shapes, expected equal ones, such as "
            "three networks of one shape."
        )
    _, unravel = ravel_pytree(corners[0])
    points = np.stack([np.asarray(ravel_pytree(c)[0], float) for c in corners])
    if not np.all(np.isfinite(points)):
        raise ValueError("corners: got numbers that are not finite, expected finite ones.")
    value = form_of("loss", loss, corners[0])
    if getattr(value, "shape", None) != ():
        got = f"shape {value.shape}" if hasattr(value, "shape") else f"type {type(value).__name__}"
        raise ValueError(
            f"loss: got values of {got}, expected shape (): one number. Write a sum or a mean."
        )
    return points, unravel


def _frame(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Two orthonormal directions of the plane, shape (2, n), and the points in it, (3, 2)."""
    second, third = points[1] - points[0], points[2] - points[0]
    width, length = np.linalg.norm(second), np.linalg.norm(third)
    first = second / width if width else second
    rest = third - (third @ first) * first
    height = np.linalg.norm(rest)
    # Height relative to the rounding of the points, or to their distances.
    if not height > 1e-6 * max(width, length):
        raise ValueError(
            "corners: got three points on one line, expected three that span a plane. Move one of "
            "them, or take a random one as the third."
        )
    frame = np.stack([first, rest / height])
    return frame, np.array([[0.0, 0.0], [width, 0.0], [third @ first, height]])


def _scale(
    values: np.ndarray, log: bool | None, vmin: float | None, vmax: float | None
) -> tuple[Any, np.ndarray]:
    """Colours and levels: between the smallest and the largest finite loss, or given bounds."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        raise ValueError("loss: got no finite value in the plane. Move the points closer together.")
    high = finite.max() if vmax is None else float(vmax)
    positive = finite[finite > 0]
    low = positive.min(initial=high)
    if log is None:
        spread = finite.min() >= 0 and low > 0 and high > 100 * low
        log = bool(spread and (vmin is None or vmin > 0))
    if log and 0 < low < high:
        # The last hundredth lies in valleys too narrow for level lines on this grid.
        low = max(low, high * 10.0**-_DECADES, float(np.quantile(positive, 0.01)))
        low = low if vmin is None else float(vmin)
        _check_bounds(low, high, vmin, vmax, positive=True)
        return mpl.colors.LogNorm(low, high, clip=True), np.geomspace(low, high, _LEVELS + 2)[1:-1]
    low = finite.min() if vmin is None else float(vmin)
    _check_bounds(low, high, vmin, vmax)
    levels = np.linspace(low, high, _LEVELS + 2)[1:-1] if low < high else np.zeros(0)
    return mpl.colors.Normalize(low, high), levels


def _check_bounds(low: float, high: float, vmin: Any, vmax: Any, *, positive: bool = False) -> None:
    """Bounds of a scale, where any was given."""
    given = vmin is not None or vmax is not None
    if given and not (low < high < np.inf and low > (0.0 if positive else -np.inf)):
        raise ValueError(
            f"vmin, vmax: got {vmin} and {vmax}, so that colours reach from {low:.3g} to "
            f"{high:.3g}, expected {'positive and ' if positive else ''}increasing bounds."
        )
