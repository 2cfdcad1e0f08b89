"""Gradient descent on L(x, y) = (1 - x y)^2 / 2: the network y x, linear, fitted to one value.

With r = 1 - x y and s = x^2 + y^2 the gradient is -r (y, x), so one step gives

    x' = x + alpha r y,   y' = y + alpha r x,   r' = r (1 - alpha s - alpha^2 r x y).

The minimisers are the points of x y = 1. The Hessian there is [[y^2, 1], [1, x^2]], with the
eigenvalues 0 and s, and s >= 2 |x y| = 2. If steps converge to a minimiser without r = 0 at any
step, r'/r tends to 1 - alpha s there, so alpha s <= 2, and therefore:

- For alpha > 1 there is none: alpha s >= 2 alpha > 2.
- For alpha > 1/2 the limit of r'/r is at most 1 - 2 alpha < 0: from some step on, every step goes
  across x y = 1. For alpha < 1/2 the minimisers with s < 1/alpha are approached from one side.

Exceptions are of measure zero. The steps may land on x y = 1 exactly, as from x = y with
alpha x (x + 1) = 1 in one step: (1/2, 1/2) for alpha = 4/3, and x = 0.88444 for alpha = 0.6. And
u = x + y, v = x - y obey u' = u (1 + alpha r), v' = v (1 - alpha r): y = -x is kept, x' = x (1 -
alpha (1 + x^2)) there, and starts with x^2 < 2/alpha - 1 go to the saddle at 0. So do those that
land there: with r = -1/alpha, that is x y = 1 + 1/alpha, one step leads to (x - y, y - x), and from
there to the saddle if (x - y)^2 < 2/alpha - 1.
"""

from __future__ import annotations

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.fitting.training.gradient_descent import moved

__all__ = ["OUTCOMES", "landing", "loss", "outcomes", "saddle_reach"]

OUTCOMES = ("one side", "across", "saddle", "bounded", "diverged")
_NEAR = 1e-6  # of x y to 1, or of the weights to 0, after the last step
_FAR = 1e6
_FELT = 1e-13  # |r| above this is no rounding


def loss(weights: Any) -> Any:
    """(1 - x y)^2 / 2."""
    x, y = weights
    return 0.5 * (1.0 - x * y) ** 2


def outcomes(x: np.ndarray, y: np.ndarray, alpha: float, steps: int) -> np.ndarray:
    """What becomes of each start (x, y): an index into `OUTCOMES`.

    "one side" and "across": x y = 1 to within 1e-6, where no step, or some step, changed the sign
    of 1 - x y (both values above rounding); "saddle": both weights within 1e-6 of 0; "diverged":
    beyond 1e6, or not finite; "bounded": none of these.

    Raises:
        ValueError: In single precision: a step that multiplies 1 - x y by a small negative number
            would end in rounding, and on which side is then not known.
    """
    start = tuple(jnp.asarray(part, float) for part in (x, y))
    if start[0].dtype != np.float64:
        raise ValueError("dtype: got float32, expected float64. Leave out --no-x64.")
    (x, y), crossed = jax.tree.map(np.asarray, _walked(start, alpha, steps))
    with np.errstate(invalid="ignore", over="ignore"):
        far = ~(np.maximum(np.abs(x), np.abs(y)) <= _FAR)
        minimiser = ~far & (np.abs(1.0 - x * y) <= _NEAR)
        saddle = np.maximum(np.abs(x), np.abs(y)) <= _NEAR
    return np.select([far, minimiser & ~crossed, minimiser, saddle], [4, 0, 1, 2], default=3)


@partial(jax.jit, static_argnums=2)
def _walked(start: Any, alpha: Any, steps: int) -> Any:
    rate = jnp.asarray(alpha, start[0].dtype)
    gradient = jax.vmap(jax.grad(loss))

    def step(_: Any, carry: Any) -> Any:
        (x, y), crossed = carry
        (new_x, new_y), _ = moved((x, y), gradient((x, y)), (), rate, 0.0)
        before, after = 1.0 - x * y, 1.0 - new_x * new_y
        sides = jnp.sign(before) * jnp.sign(after) < 0
        crossed |= sides & (jnp.minimum(jnp.abs(before), jnp.abs(after)) > _FELT)
        return (new_x, new_y), crossed

    return jax.lax.fori_loop(0, steps, step, (start, jnp.zeros(start[0].shape, bool)))


def landing(alpha: float) -> float:
    """The x > 0, not 1, whose step from (x, x) lands on (1, 1): alpha x (x + 1) = 1."""
    return 0.5 * (math.sqrt(1.0 + 4.0 / alpha) - 1.0)


def saddle_reach(alpha: float) -> float:
    """Starts (x, -x) with |x| below this go to the saddle; 0 if none does."""
    return math.sqrt(max(2.0 / alpha - 1.0, 0.0))
