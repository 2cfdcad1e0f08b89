"""A loop around a transformation of optax with a line search, as its users write it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

__all__ = ["stepper"]


def stepper(method, function):
    """A compiled step: parameters and state to the next ones, and the value before the step."""

    @jax.jit
    def step(params, state):
        with jax.numpy_dtype_promotion("standard"):
            value, grad = optax.value_and_grad_from_state(function)(params, state=state)
            updates, state = method.update(
                grad, state, params, value=value, grad=grad, value_fn=function
            )
        return jax.tree.map(jnp.add, params, updates), state, value

    return step
