"""Gradient descent on any loss, with the parameters along the way."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function, check_number, check_positive
from approxlab.evaluation import form_of, lasting, split
from approxlab.fitting.training.gradient_descent import check_momentum, moved, resting
from approxlab.fitting.training.result import Status

__all__ = ["DescentPath", "descend"]

Tree = Any


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DescentPath:
    """Parameters along a gradient descent, from the start on.

    Attributes:
        steps: Steps done at each record, shape (records,), integers.
        losses: Losses there, shape (records,), in the dtype of the loss.
        points: The parameters there: a pytree like the start, each leaf with a leading axis of
            length records.
        status: "diverged" if a number was not finite (the records are those before), else "budget".
    """

    steps: np.ndarray
    losses: np.ndarray
    points: Tree
    status: Status

    def point(self, record: int) -> Tree:
        """The parameters at one record; -1 is the last."""
        return jax.tree.map(lambda leaf: leaf[record], self.points)

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Losses against steps; see `plotting.plot_history`."""
        from approxlab.plotting.histories import plot_history

        return plot_history(self, ax=ax, **style)

    def __repr__(self) -> str:
        return (
            f"DescentPath({self.steps[-1]} steps, {len(self.steps)} records, {self.status}, "
            f"loss {self.losses[-1]:.3g})"
        )


def descend(
    loss: Callable[[Any], Any],
    start: Any,
    *,
    learning_rate: float,
    steps: int,
    momentum: float = 0.0,
    stride: int = 1,
) -> DescentPath:
    """W := W - alpha dL/dW from a start, for a loss L of your own, with the parameters on the way.

    These are the steps of `GradientDescent`, whose loss is half a sum of squares over data.

    Args:
        loss: A function of the parameters, differentiable by JAX, whose value is one real number.
            A function wrapped in `jax.jit`, or one that is a registered pytree, is compiled once
            per shape; a plain function at every call, since what it closes over may have changed.
        start: The parameters: a number, an array, or a pytree of them, such as an `MLP`. Integers
            are taken as real numbers.
        learning_rate: alpha, the same in every step.
        steps: Number of steps.
        momentum: beta in [0, 1): V := beta V - alpha dL/dW and W := W + V, from V = 0.
        stride: Steps between two records; the start and the end are always recorded.

    Returns:
        A `DescentPath`, in the dtypes of the start.

    Raises:
        TypeError: If the loss is not a function of JAX.
        ValueError: If the step size is not positive, the momentum not in [0, 1), a count not a
            positive integer, the start not real and finite, or the loss not one real number.

    Example:
        >>> path = descend(lambda w: 2.0 * w**2, 1.0, learning_rate=0.125, steps=3)
        >>> path.points.tolist()
        [1.0, 0.5, 0.25, 0.125]
        >>> descend(lambda w: 2.0 * w**2, 1.0, learning_rate=1.0, steps=999, stride=9).status
        <Status.DIVERGED: 'diverged'>
    """
    check_function("loss", loss)
    check_number("learning_rate", learning_rate, positive=True)
    rate = float(learning_rate)
    check_momentum(momentum)
    check_positive(steps=steps, stride=stride)
    first = _real(start)
    static, arrays = split(lasting(loss))
    _check_loss(static.join(arrays), first)
    records = np.append(np.arange(0, steps, stride), steps)
    gaps = np.diff(records).astype(np.int32)
    found = _walked(static, float(momentum), arrays, first, rate, gaps)
    losses, points = jax.tree.map(np.asarray, found)
    kept = _finite_records(losses, points)
    if not kept:
        raise ValueError(
            f"start: got {start!r}, where the loss is {losses[0]}, expected a finite loss."
        )
    return DescentPath(
        steps=records[:kept],
        losses=losses[:kept],
        points=jax.tree.map(lambda leaf: leaf[:kept], points),
        status=Status.BUDGET if kept == len(records) else Status.DIVERGED,
    )


@partial(jax.jit, static_argnums=(0, 1))
def _walked(
    static: Any, momentum: float, arrays: Any, start: Tree, rate: Array, gaps: Array
) -> tuple[Array, Tree]:
    """Losses and parameters at the start and after every gap, along a leading axis."""
    loss = static.join(arrays)

    def on(_: Array, carry: tuple[Tree, Tree]) -> tuple[Tree, Tree]:
        params, velocity = carry
        with jax.numpy_dtype_promotion("standard"):
            gradient = jax.grad(loss)(params)
        return moved(params, gradient, velocity, rate, momentum)

    def to_the_next(carry: tuple[Tree, Tree], gap: Array) -> tuple[Any, Any]:
        carry = jax.lax.fori_loop(0, gap, on, carry)
        return carry, recorded(carry[0])

    def recorded(params: Tree) -> tuple[Array, Tree]:
        with jax.numpy_dtype_promotion("standard"):
            return loss(params), params

    carry = (start, resting(start, momentum))
    _, later = jax.lax.scan(to_the_next, carry, gaps)
    joined: tuple[Array, Tree] = jax.tree.map(
        lambda a, b: jnp.concatenate([jnp.asarray(a)[None], b]), recorded(start), later
    )
    return joined


def _real(start: Any) -> Tree:
    """The start as arrays of real numbers, integers as JAX's default float."""

    def real(leaf: Any) -> Array:
        array = np.asarray(leaf)
        whole = array.dtype.kind in "iu"
        inexact = jnp.issubdtype(array.dtype, jnp.floating)
        if not (whole or inexact) or not np.all(np.isfinite(array.astype(np.float64))):
            raise ValueError(f"start: got {leaf!r}, expected real and finite numbers.")
        return jnp.asarray(leaf, float if whole else None)

    if not jax.tree.leaves(start):
        raise ValueError(f"start: got {start!r}, expected at least one number.")
    return jax.tree.map(real, start)


def _check_loss(loss: Callable[[Any], Any], start: Tree) -> None:
    with jax.numpy_dtype_promotion("standard"):
        found = form_of("loss", loss, start)
    if not hasattr(found, "dtype") or found.shape or not jnp.issubdtype(found.dtype, jnp.floating):
        what = type(found).__name__
        if hasattr(found, "dtype"):
            what = f"shape {found.shape} and dtype {found.dtype}"
        raise ValueError(
            f"loss: got a value of {what}, expected one real number, of shape (). Sum over the "
            "squares, as in 0.5 * jnp.sum(residual**2)."
        )


def _finite_records(losses: np.ndarray, points: Tree) -> int:
    """How many records, from the first on, hold finite numbers only."""
    finite = np.isfinite(losses)
    for leaf in jax.tree.leaves(points):
        finite &= np.isfinite(leaf).reshape(len(leaf), -1).all(axis=1)
    return len(finite) if finite.all() else int(np.argmin(finite))
