"""Levenberg-Marquardt with corrected steps, and variable projection, for whole networks.

The residuals r(p) of a network at the training points are linearised, r(p + d) = r + J d, and the
damped step is d = -J^+ r with J^+ e the minimiser of |J d - e|^2 + lambda |d|^2. J comes from one
forward and one backward sweep (`derivatives.weight_jacobian`); J^+ from a QR factorisation of J
over sqrt(lambda) I, or of J^T over sqrt(lambda) I where there are more parameters than residuals.
The normal equations, which square the condition number, are never formed.

The residuals of a smooth network are curved: along directions in which J is small a long step is
needed, and its second-order part, of size |d|^2, falls into directions in which J is large and
spoils the step there. Plain Levenberg-Marquardt then shortens all of it, and stalls: near 1e-8 for
two hidden layers of 20 tanh units. Here the step is corrected with the factorisation that is
already there:

    d <- d - J^+ (r(p + d) - (r + J d_0)),    d_0 = -J^+ r,

a chord iteration towards the values that the linear model promised. It costs one evaluation of the
network and two triangular products, and no factorisation. The best of the corrected steps is tried.
The experiment `student_teacher` measures the gain: three orders of magnitude, five with the
projection.

Variable projection eliminates the outer layer, whose best coefficients for given inner weights are
a linear problem: the residual is then (I - F F^+) y with F the outputs of the last hidden layer,
and its Jacobian that of the inner weights, projected (Kaufman's approximation, whose error is of
the order of the residual).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Damping", "LinearModel", "step", "working_bytes"]

_FIRST_DAMPING = 1e-2  # of residuals divided by the root of their number, for units of slope one
_FASTEST_FALL = 0.1  # the damping falls to this part at most in one step
_LEAST_GAIN = 1e-4  # part of the promised decrease below which a step is refused
_CG_STEPS, _CG_ACCURACY = 200, 1e-3


class Damping(NamedTuple):
    """The damping lambda, and the factor by which it grows when a step is refused."""

    value: Array
    growth: Array

    @classmethod
    def start(cls, dtype: Any) -> Damping:
        """The damping before the first step."""
        return cls(jnp.asarray(_FIRST_DAMPING, dtype), jnp.asarray(2.0, dtype))


class LinearModel(NamedTuple):
    """Residuals as a function of the free parameters, linearised at some of them.

    Attributes:
        free: The free parameters, shape (p,).
        at: The residuals of free parameters, shape (q,), and all parameters that belong to them.
        value: Residuals at `free`.
        params: All parameters at `free`.
        jacobian: Their Jacobian, shape (q, p); None where products with it are asked for.
    """

    free: Array
    at: Callable[[Array], tuple[Array, Array]]
    value: Array
    params: Array
    jacobian: Array | None


def step(model: LinearModel, damping: Damping, corrections: int) -> tuple[Array, Damping, Array]:
    """One step that is taken or refused: the parameters, the damping, and the loss before it."""
    if model.jacobian is None:
        product, solve, damping = _by_products(model, damping)
    else:
        product, solve, damping = _by_factors(model.jacobian, damping)

    def linear(d: Array) -> Array:
        return model.value + product(d)

    def correct(k: Array, carry: Any) -> Any:
        # One place for the step and its corrections: each copy would be compiled.
        (d, found, promised), best = carry
        d = d - solve(jnp.where(k == 0, model.value, found - promised))
        promised = jax.lax.cond(k == 0, linear, lambda _: promised, d)
        found, params = model.at(model.free + d)
        loss = found @ found
        new = (jnp.where(jnp.isfinite(loss), loss, jnp.inf), params)
        return (d, found, promised), jax.tree.map(
            lambda a, b: jnp.where(new[0] < best[0], a, b), new, best
        )

    none = (jnp.full_like(model.value[0], jnp.inf), model.params)
    begin = (jnp.zeros_like(model.free), model.value, model.value)
    (_, _, promised), (loss, params) = jax.lax.fori_loop(0, 1 + corrections, correct, (begin, none))
    before = model.value @ model.value
    tiny = jnp.finfo(before.dtype).tiny
    gain = (before - loss) / jnp.maximum(before - promised @ promised, tiny)
    taken = (gain > _LEAST_GAIN) & (loss < before)
    return jnp.where(taken, params, model.params), _adapted(damping, gain, taken), before


def _adapted(damping: Damping, gain: Array, taken: Array) -> Damping:
    """Less damping the better the promise was kept; after refusals more and more."""
    fall = jnp.maximum(_FASTEST_FALL, 1.0 - (2.0 * jnp.minimum(gain, 2.0) - 1.0) ** 3)
    most = jnp.finfo(gain.dtype).max ** 0.25
    return Damping(
        jnp.where(taken, damping.value * fall, jnp.minimum(damping.value * damping.growth, most)),
        jnp.where(taken, 2.0, jnp.minimum(2.0 * damping.growth, most)).astype(gain.dtype),
    )


def _by_factors(J: Array, damping: Damping) -> tuple[Any, Any, Damping]:
    """Products with J, and its damped pseudo-inverse by QR of the longer way."""
    q, p = J.shape
    # Below this the damping is rounding, and the triangle could be singular.
    least = (jnp.finfo(J.dtype).eps * jnp.linalg.norm(J)) ** 2
    floored = damping._replace(value=jnp.maximum(damping.value, least))
    root = jnp.sqrt(floored.value)
    tall = q >= p
    stacked = jnp.concatenate([J if tall else J.T, root * jnp.eye(min(q, p), dtype=J.dtype)])
    reflectors, scales = jnp.linalg.qr(stacked, mode="raw")
    R = jnp.triu(reflectors.mT[: min(q, p)])

    def rotated(e: Array, transpose: bool) -> Array:  # by Q, which is not formed
        padded = jnp.concatenate([e, jnp.zeros(q + p - len(e), e.dtype)])
        column = padded[: len(stacked), None]
        return jax.lax.linalg.ormqr(reflectors.mT, scales, column, transpose=transpose)[:, 0]

    def solve(e: Array) -> Array:
        if tall:
            return jax.scipy.linalg.solve_triangular(R, rotated(e, True)[:p])
        return rotated(jax.scipy.linalg.solve_triangular(R, e, trans="T"), False)[:p]

    return (lambda d: J @ d), solve, floored


def _by_products(model: LinearModel, damping: Damping) -> tuple[Any, Any, Damping]:
    """The same by conjugate gradients on J^T J + lambda, from products with J and J^T alone."""
    least = jnp.finfo(model.value.dtype).eps ** 2  # refusals could never raise it from zero
    damping = damping._replace(value=jnp.maximum(damping.value, least))
    _, forward = jax.linearize(lambda free: model.at(free)[0], model.free)
    transposed = jax.linear_transpose(forward, model.free)

    def back(e: Array) -> Array:
        (result,) = transposed(e)
        return result

    def normal(d: Array) -> Array:
        return back(forward(d)) + damping.value * d

    def solve(e: Array) -> Array:
        found: Array = jax.scipy.sparse.linalg.cg(
            normal, back(e), tol=_CG_ACCURACY, maxiter=_CG_STEPS
        )[0]
        return found

    return forward, solve, damping


def working_bytes(residuals: int, parameters: int, itemsize: int = 8) -> int:
    """Bytes that one step takes with solver "qr": the Jacobian, and the matrix that is factored.

    Args:
        residuals: Number q of residuals: points times outputs.
        parameters: Number p of parameters.
        itemsize: Bytes of a number.

    Example:
        >>> working_bytes(256, 481) / 2**20
        4.7578125
    """
    q, p = residuals, parameters
    return itemsize * (2 * q * p + 2 * (q + p) * min(q, p))
