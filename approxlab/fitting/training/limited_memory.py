"""L-BFGS: the inverse Hessian from the last pairs of steps and changes of the gradient.

The inverse Hessian is that of the two recursions (Nocedal and Wright 1999, algorithm 7.4), written
as a sum. With the pairs as rows of S and Y, R the upper triangle of S Y^T (its entries s_i.y_j for
i no newer than j), D its diagonal, and gamma = s.y / y.y of the newest pair,

    H g = gamma g + S^T c - gamma Y^T u,
    u = R^(-1) S g,    c = R^(-T) (D u + gamma Y Y^T u - gamma Y g).

So a step reads the pairs twice, where the recursions go through them one by one: forty short loops
are a third of the time of a step of a small network. R^(-1) is kept. A new pair (s, y) adds the
column -R^(-1) S y / (s.y) with 1 / (s.y) on the diagonal, and without the oldest pair it is what is
left when row and column of that pair are crossed out: so pairs need not be stored in their order.
"""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.fitting.training.line_search import wolfe_step
from approxlab.fitting.training.method import Method, Objective, Tree

__all__ = ["LBFGS"]

_MEMORY = 20  # pairs; 10 stall ten times earlier on small networks
_TRIALS = 20  # of a line search


class _Memory(NamedTuple):
    """What is known of the function: its last value, and its pairs, the oldest overwritten first.

    Attributes:
        steps: Steps done.
        value: At the parameters; infinite before the first step.
        gradient: At the parameters, shape (p,).
        direction: Minus the inverse Hessian times the gradient, shape (p,).
        pairs: The rows of S, and those of Y, shape (2, pairs, p).
        inverse: R^(-1), shape (pairs, pairs); row and column of a pair with s.y = 0 are zero.
        diagonal: D, shape (pairs,).
        products: Y Y^T, shape (pairs, pairs).
    """

    steps: Array
    value: Array
    gradient: Array
    direction: Array
    pairs: Array
    inverse: Array
    diagonal: Array
    products: Array


@dataclasses.dataclass(frozen=True)
class LBFGS(Method):
    """The method "lbfgs" of `fit`: the steps of `optax.lbfgs` up to rounding, with more pairs.

    Source:
        Liu and Nocedal 1989; Byrd, Nocedal and Schnabel 1994 (as a sum).
    """

    name = "lbfgs"

    def init(self, params: Tree) -> _Memory:
        """No pairs yet."""
        dtype = params.dtype
        return _Memory(
            steps=jnp.zeros((), jnp.uint32),  # no program for negative indices is needed
            value=jnp.full((), jnp.inf, dtype),
            gradient=jnp.zeros_like(params),
            direction=jnp.zeros_like(params),
            pairs=jnp.zeros((2, _MEMORY, params.size), dtype),
            inverse=jnp.zeros((_MEMORY, _MEMORY), dtype),
            diagonal=jnp.zeros(_MEMORY, dtype),
            products=jnp.zeros((_MEMORY, _MEMORY), dtype),
        )

    def step(
        self, objective: Objective, params: Tree, state: _Memory
    ) -> tuple[Array, Tree, _Memory]:
        """One step with its line search."""
        found = wolfe_step(
            objective.loss, params, state.direction, state.value, state.gradient, _TRIALS
        )
        s, y = found.params - params, found.gradient - found.gradient_before
        place = state.steps % _MEMORY
        pair = jnp.stack([s, y])[:, None]
        pairs = jax.lax.dynamic_update_slice_in_dim(state.pairs, pair, place, axis=1)
        new = _with_pair(state._replace(pairs=pairs), y, found.gradient)
        return found.value_before, found.params, new._replace(value=found.value)


def _with_pair(memory: _Memory, y: Array, gradient: Array) -> _Memory:
    """The memory after a step to a point with this gradient, whose pair is in its place already."""
    rows = memory.pairs.reshape(2 * _MEMORY, -1)
    (s_g, y_g), (s_y, y_y) = _product(jnp.stack([gradient, y]), rows.T).reshape(2, 2, _MEMORY)
    newest = jnp.arange(_MEMORY, dtype=jnp.uint32) == memory.steps % _MEMORY
    row, column = newest[:, None], newest[None, :]
    products = jnp.where(row, y_y[None, :], jnp.where(column, y_y[:, None], memory.products))
    sy, yy, sg = jnp.sum(jnp.where(newest, jnp.stack([s_y, y_y, s_g]), 0.0), axis=1)
    weight = jnp.where(sy == 0.0, 0.0, 1.0 / sy)
    left = jnp.where(row | column, 0.0, memory.inverse)
    solved = _product(left, jnp.stack([s_y, s_g], axis=1))
    new = weight * jnp.where(newest, 1.0, -solved[:, 0])
    inverse = jnp.where(column, new[:, None], left)
    kept = jnp.where(newest, sy, memory.diagonal)
    gamma = jnp.where(yy > 0.0, sy / yy, 1.0)
    u = solved[:, 1] + new * sg
    c = _product(kept * u + gamma * (_product(products, u) - y_g), inverse)
    direction = -gamma * gradient - _product(jnp.concatenate([c, -gamma * u]), rows)
    return memory._replace(
        steps=memory.steps + 1,
        gradient=gradient,
        direction=direction,
        inverse=inverse,
        diagonal=kept,
        products=products,
    )


def _product(a: Any, b: Any) -> Array:
    return jnp.matmul(a, b, precision="highest")  # on some devices the default drops digits
