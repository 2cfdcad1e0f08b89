"""Methods whose steps are those of optax: Adam, and any transformation of the caller's."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import lazy_loader
from jaxtyping import Array

from approxlab.fitting.training.method import Method, Objective, Tree

__all__ = ["Adam", "Optax", "like", "line_search_step", "transformation_init"]

optax = lazy_loader.load("optax")  # a tenth of a second, which the other methods do not wait for

_FINAL_RATE = 1e-3  # the cosine ends at this fraction of the learning rate


@dataclasses.dataclass(frozen=True)
class Adam(Method):
    """Adam, whose learning rate falls along half a cosine."""

    same_points = False
    patience = None
    name = "adam"
    no_learning_rate = None

    def init(self, params: Tree) -> Tree:
        """First and second moments of the gradient, zeros."""
        return transformation_init(optax.scale_by_adam(), params)

    def step(self, objective: Objective, params: Tree, state: Tree) -> tuple[Array, Tree, Tree]:
        """One step of optax's Adam times the learning rate at this step."""
        with jax.numpy_dtype_promotion("standard"):
            loss, gradient = jax.value_and_grad(objective.loss)(params)
            updates, new = _transformed(
                optax.scale_by_adam(), objective, params, state, loss, gradient
            )
            new_params = optax.apply_updates(params, -_cosine(objective) * updates)
        return loss, like(new_params, params), like(new, state)


@dataclasses.dataclass(frozen=True)
class Optax(Method):
    """Any optax transformation: nothing is known of it, so nothing is asked of the points."""

    transformation: Any

    same_points = False
    sees_layers = True
    patience = None
    no_learning_rate = "an optax transformation has its own"

    @property
    def name(self) -> str:
        """The transformation's own name if it has one, else "optax"."""
        return str(getattr(self.transformation, "name", "optax"))

    def init(self, params: Tree) -> Tree:
        """The state of the transformation."""
        return transformation_init(self.transformation, params)

    def step(self, objective: Objective, params: Tree, state: Tree) -> tuple[Array, Tree, Tree]:
        """One step of the transformation, which may use or ignore value and `value_fn`."""
        if _keeps_gradient(state):
            return line_search_step(self.transformation, objective, params, state)
        with jax.numpy_dtype_promotion("standard"):
            loss, gradient = jax.value_and_grad(objective.loss)(params)
            updates, new = _transformed(
                self.transformation, objective, params, state, loss, gradient
            )
            new_params = optax.apply_updates(params, updates)
        return loss, like(new_params, params), like(new, state)


def transformation_init(transformation: Any, params: Tree) -> Tree:
    """The first state of an optax transformation, each leaf as an array."""
    with jax.numpy_dtype_promotion("standard"):
        state = transformation.init(params)
    return like(state, state)


def line_search_step(
    transformation: Any, objective: Objective, params: Tree, state: Tree
) -> tuple[Array, Tree, Tree]:
    """A step of a transformation whose line search leaves value and gradient in the state."""
    with jax.numpy_dtype_promotion("standard"):
        with_gradient = optax.value_and_grad_from_state(objective.loss)
        loss, gradient = with_gradient(params, state=state)
        updates, new = _transformed(transformation, objective, params, state, loss, gradient)
        new_params = optax.apply_updates(params, updates)
    return loss, like(new_params, params), like(new, state)


def _keeps_gradient(state: Tree) -> bool:
    """Whether a line search has left value and gradient at the new parameters in the state."""
    try:
        value = optax.tree.get(state, "value")
        gradient = optax.tree.get(state, "grad")
    except KeyError:  # several of that name: whose they are is not known
        return False
    return value is not None and gradient is not None


def like(new: Tree, old: Tree) -> Tree:
    """Leaves with the dtypes they had: some of optax's are 64 bit whatever the parameters are."""

    def cast(a: Any, b: Any) -> Array:
        dtype = jnp.asarray(b).dtype
        if jnp.issubdtype(dtype, jax.dtypes.extended):  # a typed key
            return a
        return jax.lax.convert_element_type(a, dtype)

    return jax.tree.map(cast, new, old)


def _transformed(
    transformation: Any,
    objective: Objective,
    params: Tree,
    state: Tree,
    loss: Array,
    gradient: Tree,
) -> tuple[Tree, Tree]:
    update = optax.with_extra_args_support(transformation).update
    found: tuple[Tree, Tree] = update(
        gradient, state, params, value=loss, grad=gradient, value_fn=objective.loss
    )
    return found


def _cosine(objective: Objective) -> Array:
    """Half a cosine from the learning rate down to a small fraction of it at the last step."""
    peak, total = objective.learning_rate, objective.steps
    wave = 0.5 * (1.0 + jnp.cos(math.pi * objective.steps_done.astype(total.dtype) / total))
    return peak * (_FINAL_RATE + (1.0 - _FINAL_RATE) * wave)
