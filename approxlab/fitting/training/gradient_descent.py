"""Gradient descent with a constant step, as a method of `fit`, and its step for any loss."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.fitting.training.method import Method, Objective, Tree

__all__ = ["GradientDescent", "check_momentum", "moved", "resting"]


@dataclasses.dataclass(frozen=True)
class GradientDescent(Method):
    """W := W - alpha dL/dW at all training points, with the same alpha in every step.

    `fit(method="gradient_descent", learning_rate=alpha)` takes these steps for the loss

        L(W) = 1/2 sum_i |f_W(x_i) - y_i|^2

    over the N points and m outputs, in the units of the data: inputs and values are not scaled, and
    nothing is folded into the network, so that alpha is the one of the formula. What `fit` reports,
    as for every method, is the mean square error M = 2 L / (N m). A step alpha for L is the step
    alpha N m / 2 for M: for one output the factor is N/2.

    With momentum beta (Polyak's heavy ball), V := beta V - alpha dL/dW and W := W + V, from V = 0.

    Near a minimum whose Hessian of L has the largest eigenvalue s, plain steps contract for
    alpha < 2/s and grow for alpha > 2/s; with momentum the limit is 2 (1 + beta) / s. For a loss of
    your own `approxlab.landscapes.stable_step` finds 2/s. As `FitResult` says, the status is
    "diverged" if a number was not finite, or the loss rose above both the start and the variance of
    the target; and a seed that ended worse than it began returns the network of its best record,
    not that of the last step (`descend` gives all of them). Data that are far from zero make s
    large and steps small, since nothing is scaled: this method shows how gradient descent behaves,
    the others are for use.

    Attributes:
        momentum: beta in [0, 1); "gradient_descent" names 0, and "momentum" 0.9.

    Raises:
        ValueError: If the momentum is not a number in [0, 1).

    Source:
        Cauchy 1847; momentum: Polyak 1964.

    Example:
        >>> import numpy as np
        >>> import approxlab as al
        >>> x = np.array([[-1.0], [0.0], [1.0]])
        >>> y = 2.0 * x[:, 0] + 1.0  # L = (2 - w)^2 + 3/2 (1 - b)^2: Hessian diag(2, 3)
        >>> found = al.fit((x, y), hidden=(), method="gradient_descent", learning_rate=0.5)
        >>> round(float(found.network(np.array([1.0]))), 3), found.status
        (3.0, <Status.CONVERGED: 'converged'>)
        >>> al.fit((x, y), hidden=(), method="gradient_descent", learning_rate=0.9).status
        <Status.DIVERGED: 'diverged'>
    """

    momentum: float = 0.0

    patience = None
    own_units = True
    default_learning_rate = None
    no_learning_rate = None

    def __post_init__(self) -> None:
        check_momentum(self.momentum)

    @property
    def name(self) -> str:
        """The name of the method in results."""
        return "momentum" if self.momentum else "gradient_descent"

    def init(self, params: Tree) -> Tree:
        """The first velocity: zero."""
        return resting(params, self.momentum)

    def step(self, objective: Objective, params: Tree, state: Tree) -> tuple[Array, Tree, Tree]:
        """One step for half the sum of squares; the loss before it is the mean square."""
        half_size = 0.5 * objective.outputs.size

        def half_sum(p: Tree) -> tuple[Array, Array]:
            mean_square = objective.loss(p)
            return half_size * mean_square, mean_square

        gradient, loss = jax.grad(half_sum, has_aux=True)(params)
        new, velocity = moved(params, gradient, state, objective.learning_rate, self.momentum)
        return loss, new, velocity


def resting(params: Tree, momentum: float) -> Tree:
    """The velocity before the first step; nothing is kept without momentum."""
    return jax.tree.map(jnp.zeros_like, params) if momentum else ()


def moved(
    params: Tree, gradient: Tree, velocity: Tree, rate: Array, momentum: float
) -> tuple[Tree, Tree]:
    """Parameters and velocity after one step."""
    if not momentum:
        return jax.tree.map(lambda p, g: p - rate.astype(p.dtype) * g, params, gradient), ()

    def accelerated(v: Array, g: Array) -> Array:
        return jnp.asarray(momentum, v.dtype) * v - rate.astype(v.dtype) * g

    velocity = jax.tree.map(accelerated, velocity, gradient)
    return jax.tree.map(jnp.add, params, velocity), velocity


def check_momentum(momentum: Any) -> None:
    """A number in [0, 1)."""
    try:
        fits = 0 <= float(momentum) < 1 and math.isfinite(momentum)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise ValueError(
            f"momentum: got {momentum!r}, expected a number in [0, 1): 0 for plain gradient "
            "descent, 0.9 as is usual."
        )
