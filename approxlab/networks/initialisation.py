"""Initial weights and biases, by name.

All are meant for inputs in [-1, 1]^d. With a domain, `MLP.init` composes the first layer with the
affine map of the domain onto that cube, so that a network starts equally well on every box.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["INITIALISATIONS"]

Layer = tuple[Float[Array, "out in"], Float[Array, " out"]]
Initialisation = Callable[[Array, int, int, str, bool], Layer]


def _normal(variance: Callable[[int, int], float]) -> Initialisation:
    """Independent normal weights of the given variance, biases zero."""

    def layer(key: Array, fan_in: int, fan_out: int, dtype: str, first: bool) -> Layer:
        del first
        scale = math.sqrt(variance(fan_in, fan_out))
        weight = scale * jax.random.normal(key, (fan_out, fan_in), dtype)
        return weight, jnp.zeros(fan_out, dtype)

    return layer


_he = _normal(lambda fan_in, fan_out: 2.0 / fan_in)


def _uniform_knots(key: Array, fan_in: int, fan_out: int, dtype: str, first: bool) -> Layer:
    """He weights; every unit of the first layer bends at a point drawn uniformly from the cube.

    In one dimension these points are the knots, uniform on the interval. In d dimensions the
    hyperplane w . x + b = 0 passes through a uniformly drawn point. Zero biases instead let all
    hyperplanes pass through the centre, which in one dimension is a single knot for all units.
    """
    if not first:
        return _he(key, fan_in, fan_out, dtype, first)
    key_weight, key_knot = jax.random.split(key)
    weight, _ = _he(key_weight, fan_in, fan_out, dtype, first)
    if fan_in == 1:  # equal slopes up to sign: nothing but the knots tells the units apart
        weight = jnp.asarray(math.sqrt(2.0), dtype) * jnp.where(weight < 0, -1.0, 1.0).astype(dtype)
    knots = jax.random.uniform(key_knot, (fan_out, fan_in), dtype, -1.0, 1.0)
    return weight, -jnp.sum(weight * knots, axis=1)


INITIALISATIONS: Mapping[str, Initialisation] = MappingProxyType(
    {
        "glorot": _normal(lambda fan_in, fan_out: 2.0 / (fan_in + fan_out)),
        "he": _he,
        "lecun": _normal(lambda fan_in, fan_out: 1.0 / fan_in),
        "uniform_knots": _uniform_knots,
    }
)
"""Name to initialisation. Variances: Glorot & Bengio 2010 2/(in + out), He et al. 2015 2/in,
LeCun et al. 1998 1/in; `uniform_knots` spreads the bends of the first layer over the box."""


def initialisation(name: str) -> Initialisation:
    """The initialisation of that name.

    Raises:
        ValueError: If there is none of that name.
    """
    if not isinstance(name, str) or name not in INITIALISATIONS:
        raise ValueError(
            f"init: got {name!r}, expected one of {', '.join(sorted(INITIALISATIONS))}."
        )
    return INITIALISATIONS[name]
