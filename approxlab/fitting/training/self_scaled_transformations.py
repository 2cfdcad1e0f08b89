"""The self-scaled methods as optax transformations, for any loop with optax."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from approxlab.fitting.training.self_scaled import (
    MAX_BYTES,
    SEARCH_STEPS,
    SelfScaled,
    SelfScaledState,
    after_step,
    check_memory,
    first_size,
)

__all__ = ["SelfScaledTransformation", "self_scaled_bfgs", "self_scaled_broyden"]

_CURVATURE = 0.9  # of the strong Wolfe conditions; 0.2 to 0.7 need as many steps

Tree = Any


class SelfScaledTransformation(optax.GradientTransformationExtraArgs):
    """A self-scaled method as an optax transformation, which `fit` treats as that method.

    Attributes:
        method: The method.
    """

    method: SelfScaled

    def __new__(cls, method: SelfScaled) -> SelfScaledTransformation:
        """The transformation of a method."""
        made: SelfScaledTransformation = super().__new__(cls, *_functions(method))
        made.method = method
        return made


def self_scaled_bfgs(*, max_bytes: int = MAX_BYTES) -> SelfScaledTransformation:
    """BFGS that lifts H where it was too small along the step: phi = 1, tau = min(1, 1 / b).

    With b = s.H^(-1) s / (y.s). Use and state are those of `self_scaled_broyden`.

    Args:
        max_bytes: The most that the p^2 numbers of the state may take.

    Returns:
        A transformation with a line search, for `al.fit(method=...)` or any loop with optax.

    Raises:
        ValueError: From `init`, where they take more.

    Source:
        Oren and Luenberger 1974 (the factor b); Al-Baali 1998 (to use it where b > 1 only).

    Example:
        >>> self_scaled_bfgs().init(jnp.zeros(3)).inverse_hessian.shape
        (3, 3)
    """
    return SelfScaledTransformation(SelfScaled(False, max_bytes))


def self_scaled_broyden(*, max_bytes: int = MAX_BYTES) -> SelfScaledTransformation:
    """The self-scaled method of Broyden's class with tau and phi by `scaling`.

    Its `update` takes `value`, `grad` and `value_fn` as keywords, as that of `optax.lbfgs` does,
    and gives a whole step, a line search (strong Wolfe conditions) included: add it to the
    parameters. `optax.value_and_grad_from_state` finds value and gradient at the new parameters in
    the state. Parameters may be any tree of arrays of one dtype, with the same points every step.

    A step along which the gradient does not grow leaves H as it is; after a search that moves no
    parameter, H begins anew as the identity.

    Args:
        max_bytes: The most that the p^2 numbers of the state may take; a compiled loop holds a few
            copies.

    Returns:
        A transformation with a line search, for `al.fit(method=...)` or any loop with optax.

    Raises:
        ValueError: From `init`, where they take more.

    Source:
        Al-Baali 1993, 1998 (scaling and choice); Urban, Stefanou and Pons 2025, who found that it
        trains networks far below L-BFGS; Nocedal and Wright 2006, 3.5 and 6.3 (line search,
        Broyden's class); Brodlie, Gourlay and Greenstadt 1973 (products in place of sums).

    Example:
        >>> import numpy as np
        >>> import approxlab as al
        >>> x = np.linspace(0.0, 1.0, 65)[:, None]
        >>> method = self_scaled_broyden()
        >>> al.fit((x, np.sin(9 * x[:, 0])), hidden=(8,), method=method, steps=300).loss < 1e-7
        True
    """
    return SelfScaledTransformation(SelfScaled(True, max_bytes))


# Internals


def _functions(method: SelfScaled) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """`init` and `update` of the transformation."""
    max_bytes, broyden = method.max_bytes, method.broyden
    search = optax.scale_by_zoom_linesearch(
        SEARCH_STEPS, curv_rtol=_CURVATURE, initial_guess_strategy="one"
    )

    def init(params: Tree) -> SelfScaledState:
        flat, _ = ravel_pytree(params)
        check_memory(flat.size, flat.dtype, max_bytes)
        zero = jnp.zeros((), jnp.int32)
        return SelfScaledState(jnp.eye(flat.size, dtype=flat.dtype), zero, search.init(params))

    def update(
        updates: Tree,
        state: SelfScaledState,
        params: Tree,
        *,
        value: Any,
        grad: Tree,
        value_fn: Callable[..., Any],
        **more: Any,
    ) -> tuple[Tree, SelfScaledState]:
        gradient, unravel = ravel_pytree(updates)
        size = jnp.sqrt(first_size(state, gradient))
        inside = -(gradient @ state.root) / size
        direction = state.root @ inside / size
        with jax.numpy_dtype_promotion("standard"):
            known = {"value": value, "grad": grad, "value_fn": value_fn, **more}
            steps, found = search.update(unravel(direction), state.search, params, **known)
        y = ravel_pytree(found.grad)[0] - gradient
        return steps, after_step(state, size, direction, inside, y, found, broyden)

    return init, update
