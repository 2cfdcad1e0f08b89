"""The central flow of gradient descent: what it does on average while it oscillates.

At the edge of stability the weights oscillate about a path w, along the eigenvectors U of the
Hessian H whose eigenvalue is 2/alpha. With the covariance U X U^T of the oscillation, a Taylor
expansion of the mean step gives, in the time t = alpha k,

    dw/dt = -grad L - 1/2 grad <X, U^T H U>,     mean of L = L(w) + tr(X) / alpha,

and X is the positive semidefinite matrix that keeps the eigenvalues at most 2/alpha: in a step of
length dt the slack Y = 2/alpha - U^T H U - dt (d/dt U^T H U) is positive semidefinite, too, and
X Y = 0. This complementarity problem is that of the minimum of a convex quadratic over X.

Source:
    Cohen, Damian, Talwalkar, Kolter and Lee, "Understanding optimization in deep learning with
    central flows", 2025.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.sparse.linalg import lobpcg_standard
from jaxtyping import Array

__all__ = ["central_flow"]

_PARTS = 2  # Euler steps for one of gradient descent: dt times 2/alpha is 1
_ITERATIONS = 20  # of the projected gradients for X, from the X of the step before


class _State(NamedTuple):
    w: Array
    U: Array
    X: Array
    top: Array  # largest eigenvalues of H
    predicted: Array  # sum of the mean losses since the last record


def central_flow(
    loss: Callable[[Array], Array], start: Array, alpha: float, time: float, records: int, k: int
) -> list[dict[str, float]]:
    """Time, mean loss predicted for the time since the last record, and sharpness, at each record.

    Args:
        loss: Of a vector of weights.
        start: The vector.
        alpha: Step size of the gradient descent.
        time: Where the flow ends.
        records: Number of records.
        k: Number of eigenvalues that are watched: more than come to 2/alpha.
    """
    products = _products(loss)
    basis = jnp.linalg.qr(jax.random.normal(jax.random.key(0), (start.size, k), start.dtype))[0]
    top, U, _ = lobpcg_standard(partial(products, start), basis, m=100)
    zero = jnp.zeros((), start.dtype)
    state = _State(start, U, jnp.zeros((k, k), start.dtype), top, zero)
    count = max(1, round(time / alpha / records)) * _PARTS

    @jax.jit
    def advanced(state: _State) -> _State:
        def body(_: Any, state: _State) -> _State:
            return _step(loss, state, alpha)

        return jax.lax.fori_loop(0, count, body, state._replace(predicted=zero))

    rows = []
    for record in range(1, records + 1):
        state = advanced(state)
        rows.append(
            {
                "t": record * count * alpha / _PARTS,
                "predicted": float(state.predicted) / count,
                "sharpness": float(np.max(state.top)),
                "at_the_edge": int(np.sum(np.linalg.eigvalsh(state.X) > 1e-9)),
            }
        )
    return rows


def _products(loss: Callable[[Array], Array]) -> Callable[[Array, Array], Array]:
    """H(w) V for the columns of V."""

    def products(w: Array, V: Array) -> Array:
        return jax.vmap(lambda v: jax.jvp(jax.grad(loss), (w,), (v,))[1], 1, 1)(V)

    return products


def _step(loss: Callable[[Array], Array], state: _State, alpha: float) -> _State:
    w, k, dt = state.w, len(state.X), alpha / _PARTS
    top, U, _ = lobpcg_standard(partial(_products(loss), w), state.U, m=1)

    def entry(w: Array, u: Array, v: Array) -> Array:
        return jnp.vdot(u, _products(loss)(w, v[:, None])[:, 0])

    i, j = np.triu_indices(k)
    gradients = jax.vmap(jax.grad(entry), (None, 0, 0))(w, U.T[i], U.T[j])
    third = jnp.zeros((k, k, w.size), w.dtype)
    third = third.at[i, j].set(gradients).at[j, i].set(gradients)
    value, down = jax.value_and_grad(loss)(w)
    slack = 2.0 / alpha * jnp.eye(k, dtype=w.dtype) - jnp.diag(top) + dt * third @ down
    X = _complementary(slack, 0.5 * dt * jnp.einsum("ijp,klp->ijkl", third, third), state.X)
    predicted = state.predicted + value + jnp.trace(X) / alpha
    w = w - dt * (down + 0.5 * jnp.einsum("kl,klp->p", X, third))
    return _State(w, U, X, top, predicted)


def _complementary(slack: Array, effect: Array, X: Array) -> Array:
    """The minimum of <X, slack> + <X, effect X> / 2 over X >= 0, by accelerated projections."""
    longest = jnp.linalg.norm(effect.reshape(len(X) ** 2, -1), 2)

    def iteration(_: Any, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        X, ahead, t = carry
        new = _positive(ahead - (slack + jnp.einsum("ijkl,kl->ij", effect, ahead)) / longest)
        next_t = 0.5 * (1.0 + jnp.sqrt(1.0 + 4.0 * t * t))
        return new, new + (t - 1.0) / next_t * (new - X), next_t

    start = (X, X, jnp.ones((), X.dtype))
    found: Array = jax.lax.fori_loop(0, _ITERATIONS, iteration, start)[0]
    return found


def _positive(X: Array) -> Array:
    values, vectors = jnp.linalg.eigh(0.5 * (X + X.T))
    return (vectors * jnp.maximum(values, 0.0)[None, :]) @ vectors.T
