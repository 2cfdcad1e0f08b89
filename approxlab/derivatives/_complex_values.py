"""u J of functions with real arguments and complex values, both parts of it.

The derivative of p + i q by real x is p' + i q'. Forward mode gives it as it is. Reverse mode, as
JAX defines it, returns the real part of u J where the arguments are real: the imaginary part is the
real part of -i u J, at the price of a second sweep.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["as_real_function", "parts", "pulled"]


def pulled(pull: Callable[[Any], tuple[Any, ...]], u: Any) -> tuple[Any, ...]:
    """U J by a function of `jax.vjp`; complex if u is, as it is where the values are.

    Args:
        pull: As from `jax.vjp`.
        u: An array, or a tuple of them as the values are.

    Example:
        >>> _, pull = jax.vjp(lambda x: x**2 + 3j * x, jnp.asarray(5.0))
        >>> complex(pulled(pull, jnp.asarray(1 + 0j))[0])
        (10+3j)
    """
    real = pull(u)
    if not any(jnp.iscomplexobj(leaf) for leaf in jax.tree.leaves(u)):
        return real
    turned = jax.tree.map(
        lambda leaf: -1j * leaf if jnp.iscomplexobj(leaf) else jnp.zeros_like(leaf), u
    )
    # Where an argument is complex, JAX's cotangent is so too, and says both parts.
    return tuple(
        a if jnp.iscomplexobj(a) else jax.lax.complex(a, b)
        for a, b in zip(real, pull(turned), strict=True)
    )


def as_real_function(
    fn: Callable[[Array], Array], *, takes_complex: bool
) -> Callable[[Array], Array]:
    """A function of vectors with the real parts, then the imaginary ones, in place of complex."""

    def of_parts(x: Array) -> Array:
        if takes_complex:
            x = jax.lax.complex(*jnp.split(x, 2))
        return parts(fn(x))

    return of_parts


def parts(value: Any) -> Any:
    return jnp.concatenate([value.real, value.imag]) if jnp.iscomplexobj(value) else value
