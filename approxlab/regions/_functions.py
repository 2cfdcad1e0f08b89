"""Changes of slope of any JAX function of one variable, seen by its derivative and its values."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_instance
from approxlab.evaluation import Model, evaluate, settled

__all__ = ["changes_of_function"]

_INSIDE = 32  # points that tell a jump from scattered values
_BATCH = 2048


@dataclasses.dataclass(frozen=True, eq=False)
class _ValueAndSlope:
    """x -> (f(x), f'(x)). A pytree, so that networks of one shape share one compilation."""

    model: Any

    def __call__(self, x: Any) -> Any:
        def real(x: Any) -> Any:
            return _checked(self.model(x))

        try:
            found = jax.jvp(real, (x,), (jnp.ones_like(x),))
        except TypeError as error:
            if "custom_vjp" not in str(error):
                raise
            value, slope = jax.value_and_grad(real)(x)
            found = value, slope[0]
        return jnp.stack(found)


jax.tree_util.register_dataclass(_ValueAndSlope, data_fields=["model"], meta_fields=[])


def _checked(value: Any) -> Any:
    shape, dtype = jnp.shape(value), jnp.result_type(value)
    if shape != ():
        raise ValueError(f"model: got values of shape {shape}, expected values of shape ().")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"model: got values of dtype {dtype}, expected a floating-point dtype.")
    return jnp.asarray(value)


def changes_of_function(model: Model, x: np.ndarray, place: float, rtol: float) -> int:
    """Number of neighbouring intervals of the grid x between which f bends or jumps.

    Args:
        model: The function, of one point of shape (1,).
        x: The grid, increasing.
        place: Where in each interval the function is differentiated, between 0.3 and 0.7.
        rtol: Relative to the largest absolute slope, without rounding.
    """
    if not callable(model):
        raise TypeError(
            f"model: got {type(model).__name__}, expected a function of one point of shape (1,). "
            "It comes first: pieces_on_grid(model, points)."
        )
    check_instance("model", model)
    function = _ValueAndSlope(settled(model))
    kind = jax.dtypes.canonicalize_dtype(np.float64)
    steps = np.diff(x)
    inside = (x[:-1] + place * steps).astype(kind).astype(np.float64)
    if np.min(steps) < 16 * np.spacing(np.max(np.abs(x)).astype(kind)):
        raise ValueError(
            f"points: got a step of {np.min(steps):.3g} near {np.max(np.abs(x)):.6g}, expected at "
            f"least 16 roundings of {np.dtype(kind).name}. Shift the function to zero, or take "
            "fewer points."
        )
    values, slopes, eps = _values(function, inside)
    least = (rtol + 8 * eps) * np.max(np.abs(slopes))
    _check_affine(function, inside, slopes, steps, least)
    slopes = _without_strays(function, inside, slopes, steps, least)
    bends = np.abs(np.diff(slopes)) > least
    jumps = _jumps(function, inside, values, slopes, bends, eps)
    return int(np.count_nonzero(bends | jumps))


def _values(function: Any, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    found = evaluate(function, x[:, None], batch=_BATCH)
    array = np.asarray(found, np.float64)
    if not np.all(np.isfinite(array)):
        raise ValueError(
            "model: got values or slopes that are not finite, expected finite values of shape ()."
        )
    return array[:, 0], array[:, 1], float(jnp.finfo(found.dtype).eps)


def _check_affine(
    function: Any, inside: np.ndarray, slopes: np.ndarray, steps: np.ndarray, least: float
) -> None:
    """Most intervals must hold no kink: else the grid is too coarse, or the function not affine."""
    some = np.unique(np.linspace(0, len(inside) - 1, 256).astype(int))
    beside = _values(function, inside[some] + 0.25 * steps[some])[1]
    bent = np.abs(beside - slopes[some]) > least
    if np.mean(bent) > 0.5:
        raise ValueError(
            f"model: cannot tell its pieces: the slope changes inside of {np.count_nonzero(bent)} "
            f"of {len(some)} intervals that were looked at, expected a piecewise affine function "
            "and a grid finer than its pieces."
        )


def _without_strays(
    function: Any, inside: np.ndarray, slopes: np.ndarray, steps: np.ndarray, least: float
) -> np.ndarray:
    """A slope seen once must be seen again beside; at a kink itself JAX may give any number."""
    apart = np.abs(np.diff(slopes)) > least
    alone = np.flatnonzero(apart[1:] & apart[:-1]) + 1
    if not len(alone):
        return slopes
    seen = np.zeros(len(alone), bool)
    for side in (-0.125, 0.125):
        beside = _values(function, inside[alone] + side * steps[alone])[1]
        seen |= np.abs(beside - slopes[alone]) <= least
    slopes = slopes.copy()
    for i in alone[~seen]:
        slopes[i] = slopes[i - 1]
    return slopes


def _jumps(
    function: Any,
    inside: np.ndarray,
    values: np.ndarray,
    slopes: np.ndarray,
    bends: np.ndarray,
    eps: float,
) -> np.ndarray:
    """Where neighbours of one slope lie on different lines; values that scatter are no jump."""
    rise = np.diff(values) - slopes[:-1] * np.diff(inside)
    noise = 64 * eps * (np.max(np.abs(values)) + np.max(np.abs(slopes)) * np.max(np.abs(inside)))
    found = ~bends & (np.abs(rise) > noise)
    # A jump is one step from one line to the other: before it no rise, behind it all of it.
    places = np.arange(1, _INSIDE + 1) / (_INSIDE + 1)
    for part in np.array_split(np.flatnonzero(found), 1 + np.count_nonzero(found) // 4096):
        x = inside[part][:, None] + places * (inside[part + 1] - inside[part])[:, None]
        if not len(part):
            continue
        between = _values(function, x.ravel())[0].reshape(x.shape) - values[part][:, None]
        share = (between - slopes[part][:, None] * (x - inside[part][:, None])) / rise[part][
            :, None
        ]
        behind = share > 0.5
        clean = np.all(np.abs(share - behind) < 1 / 8, axis=1)
        found[part] = clean & np.all(behind[:, 1:] >= behind[:, :-1], axis=1)
    scattered = ~bends & ~found & (np.abs(rise) > noise)
    if np.any(scattered):
        _check_scatter(rise, scattered, bends | found, values)
    return found


def _check_scatter(
    rise: np.ndarray, scattered: np.ndarray, ends: np.ndarray, values: np.ndarray
) -> None:
    """Rounding scatters values by little and never adds up; several jumps in an interval do."""
    size = np.max(np.abs(rise[scattered]))
    stretches = np.split(np.where(ends, 0.0, rise), np.flatnonzero(ends))
    drift = max(float(np.max(np.abs(np.cumsum(part)), initial=0.0)) for part in stretches)
    if size > 0.01 * np.ptp(values) or drift > 16 * size:
        raise ValueError(
            f"model: cannot tell its pieces: values rise by {size:.3g} beside the slopes in "
            f"{np.count_nonzero(scattered)} intervals, expected at most one jump in each interval. "
            "Refine the grid, or compute in float64."
        )
