"""The Jacobian by differences along every input, with steps that suit each input."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.derivatives._methods import JacobianScheme
from approxlab.derivatives.differences._values import check_floating
from approxlab.derivatives.differences.stencils import checked_step, optimal_step

__all__ = ["difference_jacobian"]


def difference_jacobian(
    f: Callable[[Array], Any],
    x: Array,
    scheme: Any = "forward",
    step: Any = None,
) -> tuple[Array, Array]:
    """f(x), and the Jacobian of f at x by differences along every input; for jit and vmap.

    The values at the shifted points are computed together: one of f(x) and n more for a one-sided
    scheme, 2n for "central" (and one of f(x), which XLA drops where the value is not used). So a
    network of P weights costs 2P (1 + n) and 4P n FLOPs in its products.

    Args:
        f: A JAX function of one array.
        x: The point, any shape, n numbers.
        scheme: "forward", "backward" or "central".
        step: One step for all inputs, or an array of the shape of x. A step that rounding would
            swamp, below eps^(2/3) |x_j|, is replaced by the default one, with a warning where x
            is a number and not traced. By default, for input j, the power of two at or below the
            optimal one times max(1, |x_j|). Where |x_j| is beyond 1000 or below 1/1000, and x is
            not traced, columns are also computed with steps for min(1, |x_j|), and taken where
            the two differ by more than the rounding of values explains.

    Quotients are divided by the distance of their points, (x + h) - x, not by h.

    Returns:
        f(x), and an array of the shape of f(x) followed by that of x.

    Example:
        >>> value, J = difference_jacobian(lambda x: x[0] * x[1], jnp.asarray([3.0, 5.0]))
        >>> float(value), [round(float(d), 3) for d in J]
        (15.0, [5.0, 3.0])
    """
    if scheme not in get_args(JacobianScheme):
        raise ValueError(f"scheme: got {scheme!r}, expected 'forward', 'backward' or 'central'.")
    x = jnp.asarray(x)
    check_floating(x.dtype)
    value = f(x)
    coarser = max((x.dtype, value.dtype), key=lambda d: float(jnp.finfo(d).eps))
    h = _steps(x, scheme, coarser, jnp.maximum(jnp.abs(x), jnp.ones_like(x)))
    if step is not None:
        h = _given(x, step, h, coarser)
    columns, _ = _columns(f, x, value, h, scheme)
    if step is None and not isinstance(x, jax.core.Tracer):
        columns = _at_other_scales(f, x, value, scheme, columns, coarser)
    return value, columns.reshape(*value.shape, *x.shape)


def _columns(
    f: Callable[[Array], Any], x: Array, value: Array, h: Array, scheme: str
) -> tuple[Array, Array]:
    """The quotients, inputs last, and the distances of their points."""
    ahead = x if scheme == "backward" else x + h
    behind = x if scheme == "forward" else x - h
    lengths = (ahead - behind).astype(value.dtype)

    def values_at(moved: Array) -> Array:
        points = jnp.where(jnp.eye(x.size, dtype=bool), moved.ravel()[None], x.ravel()[None])
        return jax.vmap(f)(points.reshape(x.size, *x.shape))

    upper = values_at(ahead) if scheme != "backward" else value[None]
    lower = values_at(behind) if scheme != "forward" else value[None]
    rows = (upper - lower) / lengths.reshape(x.size, *(1,) * value.ndim)
    return jnp.moveaxis(rows, 0, -1), lengths.ravel()


def _at_other_scales(
    f: Callable[[Array], Any],
    x: Array,
    value: Array,
    scheme: JacobianScheme,
    columns: Array,
    kind: Any,
) -> Array:
    """The columns, where inputs far from 1 show another slope with a step for min(1, |x|)."""
    sizes = np.abs(np.asarray(x))
    other = (sizes > 1e3) | ((sizes > 0) & (sizes < 1e-3))
    if not np.any(other):
        return columns
    eps = float(jnp.finfo(kind).eps)
    h = _steps(x, scheme, kind, jnp.where(other, jnp.minimum(jnp.abs(x), 1), jnp.ones_like(x)))
    h = jnp.maximum(h, 32 * float(jnp.finfo(x.dtype).eps) * jnp.abs(x))
    found, lengths = _columns(f, x, value, h, scheme)
    last = (1,) * value.ndim + (x.size,)
    rounding = 8 * eps * jnp.abs(value)[..., None] / lengths.reshape(last)
    parted = ~(jnp.abs(columns - found) <= rounding) & jnp.isfinite(found)
    return jnp.where(parted & jnp.asarray(other.reshape(last)), found, columns)


def _given(x: Array, step: Any, usual: Array, kind: Any) -> Array:
    """Steps of the caller, with those that rounding would swamp replaced."""
    if np.ndim(step) == 0 and not isinstance(step, jax.Array):
        step = checked_step(step)
    elif np.shape(step) not in ((), x.shape):
        raise ValueError(
            f"step: got shape {np.shape(step)}, expected a positive number or an array of shape "
            f"{x.shape}, that of x."
        )
    elif not isinstance(step, jax.core.Tracer) and not np.all(
        (np.asarray(step) > 0) & np.isfinite(np.asarray(step))
    ):
        raise ValueError(f"step: got {step!r}, expected positive numbers, or None.")
    wanted = jnp.broadcast_to(jnp.asarray(step, x.dtype), x.shape)
    small = wanted < float(jnp.finfo(kind).eps) ** (2 / 3) * jnp.abs(x)
    if not isinstance(small, jax.core.Tracer) and np.any(small):
        warnings.warn(
            f"step: got {step!r}, which rounding swamps in {int(np.sum(small))} of {x.size} inputs "
            f"of size up to {float(jnp.max(jnp.abs(x))):.3g}; took {np.unique(usual[small])[:4]} "
            "there. Pass an array of one step per input.",
            stacklevel=2,
        )
    return jnp.where(small, usual, wanted)


def _steps(x: Array, scheme: JacobianScheme, kind: Any, sizes: Array) -> Array:
    """One step per input, in the dtype of x, a power of two."""
    wanted = sizes * jnp.asarray(optimal_step(scheme, kind), x.dtype)
    # A mantissa of no bits: rounding goes up from 1.5 on, so with this factor it goes down.
    return jax.lax.reduce_precision(0.750001 * wanted, jnp.finfo(x.dtype).nexp, 0)
