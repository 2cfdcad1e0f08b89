"""Samples of a target against the facts that its author declared."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

__all__ = ["check_facts"]

_LINES, _ALONG = 16, 65


def check_facts(target: Any) -> None:
    """Raise ValueError at a sampled point that contradicts a fact; see `Target.check`."""
    box, dim = target.domain, target.dim
    low, widths = np.asarray(box.lower), box.widths
    random = np.random.default_rng(0)
    if dim == 1:
        lines = np.linspace(0.0, 1.0, _LINES * (_ALONG - 1) + 1)[None, :, None]
    else:
        ends = random.uniform(size=(2, _LINES, 1, dim))
        lines = ends[0] + (ends[1] - ends[0]) * np.linspace(0.0, 1.0, _ALONG)[:, None]
    kind = jnp.result_type(float)
    points = np.asarray(jnp.asarray(low + widths * lines, kind), np.float64)
    points = np.clip(points, box.lower, box.upper)
    flat = jnp.asarray(points.reshape(-1, dim), kind)
    values = np.asarray(jax.vmap(target)(flat), np.float64).reshape(points.shape[:2])
    kept = np.ones(values.shape, bool)
    if target.mask is not None:
        kept = np.asarray(jax.vmap(target.mask)(flat)).reshape(values.shape)
    finite = kept & np.isfinite(values)
    if not finite.any():
        return
    slope = target.lipschitz or 0.0
    size = float(np.max(np.abs(values[finite])))
    # Rounding of the value, and of the argument inside of the function.
    slack = 64.0 * float(jnp.finfo(kind).eps) * (size + slope * float(np.max(np.abs(points))))
    if target.value_min is not None:
        excess = np.where(finite, target.value_min - values, 0.0)
        _refuse("value_min", target, points, excess, slack, values, "a value of")
    if target.value_max is not None:
        excess = np.where(finite, values - target.value_max, 0.0)
        _refuse("value_max", target, points, excess, slack, values, "a value of")
    if target.mask is not None:
        return  # a line between two points may leave the mask
    steps = np.linalg.norm(np.diff(points, axis=1), axis=2)
    if target.lipschitz is not None:
        rises = np.abs(np.diff(values, axis=1))
        excess = np.nan_to_num(rises - slope * steps * (1 + 1e-6))
        _refuse("lipschitz", target, points, excess, 2 * slack, rises / steps, "a slope of")
    if target.second_derivative is not None and float(np.min(steps)) > 0:
        slopes = np.diff(values, axis=1) / steps
        bends = 2.0 * np.abs(np.diff(slopes, axis=1)) / (steps[:, 1:] + steps[:, :-1])
        noise = 8.0 * slack / np.minimum(steps[:, 1:], steps[:, :-1]) ** 2
        excess = np.nan_to_num(bends - target.second_derivative * (1 + 1e-6) - noise)
        _refuse("second_derivative", target, points, excess, 0.0, bends, "a bend of")


def _refuse(
    name: str, target: Any, points: Any, excess: Any, slack: float, seen: Any, word: str
) -> None:
    """The error for the largest excess, if it is more than rounding."""
    at = np.unravel_index(int(np.argmax(excess)), excess.shape)
    if excess[at] > slack:
        raise ValueError(
            f"{name}: got {getattr(target, name)!r} for {target!r}, but it has {word} "
            f"{seen[at]:.6g} at x = {points[at].tolist()}, expected a fact that holds on the whole "
            "box. Correct it, or leave it out."
        )
