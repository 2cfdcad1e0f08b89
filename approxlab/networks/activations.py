"""The one registry of activation functions, by name.

A network stores the name of its activation, not the function: so a network can be saved, compared
and hashed in its structure, and two networks of equal shape share one compilation.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["ACTIVATIONS", "KINK_SLOPES", "Activation", "activation", "kink_slopes", "layer"]

Activation = Callable[[Array], Array]


def _relu(z: Array) -> Array:
    return jax.nn.relu(z)


def _relu_power(power: int) -> Activation:
    def relu_power(z: Array) -> Array:
        return jax.nn.relu(z) ** power

    return relu_power


def _leaky_relu(z: Array) -> Array:
    # The values of jax.nn.leaky_relu. One product, by a slope that depends on z: the derivative
    # then costs as much at every point of a batch.
    return jnp.where(z >= 0, jnp.ones((), z.dtype), jnp.asarray(0.01, z.dtype)) * z


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
        "leaky_relu": _leaky_relu,
        "abs": jnp.abs,
        "heaviside": _heaviside,
        "softplus": jax.nn.softplus,
        "gelu": _gelu,
        "swish": jax.nn.silu,
        "sin": jnp.sin,
        "identity": _identity,
    }
)
"""Name to function, elementwise. `heaviside` is 1/2 at 0, `gelu` is the exact one (with erf), and
`leaky_relu` has slope 0.01 where z < 0."""

KINK_SLOPES: Mapping[str, tuple[float, float]] = MappingProxyType(
    {"relu": (0.0, 1.0), "leaky_relu": (0.01, 1.0), "abs": (-1.0, 1.0), "identity": (1.0, 1.0)}
)
"""The continuous piecewise linear ones: name to the slopes for z < 0 and for z > 0."""


def kink_slopes(name: str, dtype: Any) -> tuple[float, float]:
    """The slopes of an activation in `KINK_SLOPES` as numbers of that dtype, exactly.

    A float32 program multiplies by float32(0.01), which is 0.00999999977648258209228515625.

    Args:
        name: A key of `KINK_SLOPES`.
        dtype: Of the network, as "float32".

    Example:
        >>> kink_slopes("leaky_relu", "float64")
        (0.01, 1.0)
    """
    left, right = (float(np.asarray(slope, dtype)) for slope in KINK_SLOPES[name])
    return left, right


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
