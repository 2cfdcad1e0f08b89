"""What the functions of this room are given, looked at before anything is computed."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from approxlab.arguments import check_positive
from approxlab.evaluation import check_points

__all__ = ["Kind", "check_kind", "per_layer", "rows_of", "values_of", "widths_of"]

Kind = Literal["nngp", "ntk"]


def check_kind(kind: Any) -> None:
    """One of the two kernels, by name."""
    if not isinstance(kind, str) or kind not in get_args(Kind):
        raise ValueError(f"kind: got {kind!r}, expected 'nngp' or 'ntk'.")


def rows_of(name: str, X: Any, dim: int | None = None) -> Float[Array, "n d"]:
    """Points of shape (n, d), finite, in float32 or float64, as JAX holds them."""
    if isinstance(X, jax.core.Tracer):
        raise TypeError(
            f"{name}: got a value that JAX traces, expected numbers: kernels of infinitely wide "
            "networks are computed outside of jit, vmap and grad."
        )
    try:
        with jax.ensure_compile_time_eval():  # numbers too where a network's weights are traced
            points = jnp.asarray(check_points(X, dim))
            finite = points.dtype.kind != "f" or bool(jnp.all(jnp.isfinite(points)))
    except (TypeError, ValueError) as error:
        raise type(error)(str(error).replace("points:", f"{name}:", 1)) from error
    if points.dtype not in (jnp.float32, jnp.float64):
        raise TypeError(f"{name}: got dtype {points.dtype}, expected float32 or float64.")
    if not finite:
        raise ValueError(f"{name}: got numbers that are not finite, expected finite ones.")
    return points


def values_of(Y: Any, count: int, dtype: Any) -> np.ndarray:
    """Real, finite values of shape (n,) or (n, m), in the dtype of the points."""
    values = np.asarray(Y)
    if values.dtype.kind not in "iuf" and values.dtype != jnp.bfloat16:
        raise TypeError(f"Y: got dtype {values.dtype}, expected real numbers.")
    if values.ndim not in (1, 2) or len(values) != count or 0 in values.shape:
        raise ValueError(
            f"Y: got shape {values.shape} for {count} points, expected ({count},) or ({count}, m)."
        )
    if not np.all(np.isfinite(values)):
        raise ValueError("Y: got numbers that are not finite, expected finite ones.")
    return values.astype(dtype)


def per_layer(name: str, value: Any, layers: int, *, positive: bool) -> tuple[float, ...]:
    """One number for each of the layers; a single one stands for all."""
    array = np.asarray(value) if not isinstance(value, str) else np.asarray("")
    real = array.dtype.kind in "iuf" and array.ndim <= 1
    values = np.broadcast_to(array, (layers,)) if real and array.ndim == 0 else array
    if (
        not real
        or len(values) != layers
        or not all(0 <= v < math.inf and (v > 0 or not positive) for v in values)
    ):
        wanted = "positive numbers" if positive else "numbers that are at least 0"
        raise ValueError(
            f"{name}: got {value!r}, expected {wanted}: one, or one for each of {layers} layers."
        )
    return tuple(float(v) for v in values)


def widths_of(widths: Any, layers: int) -> tuple[int, ...] | None:
    """Hidden widths, one for each hidden layer, or none at all."""
    if widths is None:
        return None
    if isinstance(widths, str) or not hasattr(widths, "__len__") or len(widths) != layers:
        raise ValueError(
            f"widths: got {widths!r}, expected one for each hidden layer, here {layers}, such as "
            f"{(1024,) * layers!r}."
        )
    for width in widths:
        check_positive(widths=width)
    return tuple(int(width) for width in widths)
