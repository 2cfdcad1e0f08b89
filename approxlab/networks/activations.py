"""The one registry of activation functions, by name.

A network stores the name of its activation, not the function: so a network can be saved, compared
and hashed in its structure, and two networks of equal shape share one compilation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["ACTIVATIONS", "Activation", "activation", "layer"]

Activation = Callable[[Array], Array]


def _relu(z: Array) -> Array:
    return jax.nn.relu(z)


def _relu_power(power: int) -> Activation:
    def relu_power(z: Array) -> Array:
        return jax.nn.relu(z) ** power

    return relu_power


def _heaviside(z: Array) -> Array:
    # 1/2 at the jump: the limit of sigmoid(gain * z) as the gain grows.
    step = jnp.where(z > 0, 1.0, jnp.where(z < 0, 0.0, 0.5)).astype(z.dtype)
    return jnp.where(jnp.isnan(z), z, step)  # NaN stays NaN


def _gelu(z: Array) -> Array:
    return jax.nn.gelu(z, approximate=False)


def _identity(z: Array) -> Array:
    return z


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {
        "sigmoid": jax.nn.sigmoid,
        "tanh": jnp.tanh,
        "relu": _relu,
        "relu2": _relu_power(2),
        "relu3": _relu_power(3),
        "relu4": _relu_power(4),
        "heaviside": _heaviside,
        "softplus": jax.nn.softplus,
        "gelu": _gelu,
        "swish": jax.nn.silu,
        "sin": jnp.sin,
        "identity": _identity,
    }
)
"""Name to function, elementwise. `heaviside` is 1/2 at 0, `gelu` is the exact one (with erf)."""


def activation(name: str) -> Activation:
    """The activation function of that name.

    Args:
        name: A key of `ACTIVATIONS`.

    Raises:
        ValueError: If there is no activation of that name.

    Example:
        >>> float(activation("relu")(jnp.asarray(-2.0)))
        0.0
    """
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise ValueError(
            f"activation: got {name!r}, expected one of {', '.join(sorted(ACTIVATIONS))}. "
            "Networks store names, not functions, so that they can be saved."
        )
    return ACTIVATIONS[name]


def layer(act: Activation, z: Array, linear: int) -> Array:
    """s(z) along the first axis, whose last `linear` units are left as they are."""
    nonlinear = z.shape[0] - linear
    return jnp.concatenate([act(z[:nonlinear]), z[nonlinear:]]) if linear else act(z)
