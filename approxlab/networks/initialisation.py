"""Initial weights and biases, by name.

All are meant for inputs in [-1, 1]^d. With a domain, `MLP.init` composes the first layer with the
affine map of the domain onto that cube, so that a network starts equally well on every box.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.networks.raw_keys import RawKey, fractions

__all__ = ["INITIALISATIONS"]

_DTYPES = ("float16", "float32", "float64")
_LEAST_DRAWS = 4096
_INNER_VARIANCE = 2.0  # times fan_in, of weights after the first layer, in `spread`


class Draws(NamedTuple):
    """Random numbers of one layer, more than it needs: standard normal, and uniform on [-1, 1)."""

    normal: Any
    uniform: Any

    def normals(self, rows: int, columns: int) -> Any:
        """The first normal numbers as a matrix."""
        return self.normal[: rows * columns].reshape(rows, columns)

    def uniforms(self, rows: int, columns: int) -> Any:
        """The first uniform numbers as a matrix."""
        return self.uniform[: rows * columns].reshape(rows, columns)


def draws(key: RawKey, count: int, dtype: str, most: int | None = None) -> Draws:
    """`count` numbers of each kind, and more: those of `normal` and `uniform` of two keys.

    The length of the arrays is rounded up generously, from `most` where that is given: what shapes
    the numbers is compiled for every length, which takes far longer than to shape a few thousand
    too many.
    """
    length = max(_LEAST_DRAWS, 1 << ((most or count) - 1).bit_length())
    return _shaped(*fractions([key.fold_in(0), key.fold_in(1)], count, length, dtype))


@jax.jit
def _shaped(first: Array, second: Array) -> Draws:
    """Of numbers in [0, 1): the first ones as `jax.random.normal` shapes them."""
    one = np.ones((), first.dtype)
    least = np.nextafter(-one, np.zeros_like(one))  # at -1 the inverse of erf is not finite
    between = jnp.maximum(least, first * (one - least) + least)
    root = np.array(math.sqrt(2.0), first.dtype)
    return Draws(root * jax.lax.erf_inv(between), second * (one + one) - one)


Layer = tuple[Any, Any]  # weight (out, in), bias (out,)
Initialisation = Callable[[Draws, int, int, bool], Layer]


def _normal(variance: Callable[[int, int], float]) -> Initialisation:
    """Independent normal weights of the given variance, biases zero."""

    def layer(drawn: Draws, fan_in: int, fan_out: int, first: bool) -> Layer:
        del first
        scale = math.sqrt(variance(fan_in, fan_out))
        weight = scale * drawn.normals(fan_out, fan_in)
        zeros = np.zeros if isinstance(weight, np.ndarray) else jnp.zeros
        return weight, zeros(fan_out, weight.dtype)

    return layer


_he = _normal(lambda fan_in, fan_out: 2.0 / fan_in)


def _uniform_knots(drawn: Draws, fan_in: int, fan_out: int, first: bool) -> Layer:
    """He weights; every unit of the first layer has its kink at a point uniform in the cube.

    In one dimension these points are the knots, uniform on the interval. In d dimensions the
    hyperplane w . x + b = 0 passes through a uniformly drawn point. Zero biases instead let all
    hyperplanes pass through the centre, which in one dimension is a single knot for all units.
    """
    weight, bias = _he(drawn, fan_in, fan_out, first)
    if not first:
        return weight, bias
    weight = jnp.asarray(weight)
    if fan_in == 1:  # equal slopes up to sign: nothing but the knots tells the units apart
        steep = jnp.asarray(math.sqrt(2.0), weight.dtype)
        weight = jnp.where(weight < 0, -steep, steep)
    return weight, -jnp.sum(weight * drawn.uniforms(fan_out, fan_in), axis=1)


def _spread(drawn: Draws, fan_in: int, fan_out: int, first: bool) -> Layer:
    """Units curved in different places: slopes 1 to 3 in equal steps, through points of the cube.

    Units with zero biases and similar slopes have nearly the same shape, so the singular values of
    the Jacobian in the weights fall fast. Different slopes and positions keep them larger, and
    least squares reaches smaller errors.
    """
    normal, uniform = drawn.normals(fan_out, fan_in), drawn.uniforms(fan_out, fan_in)
    if not first:
        return normal * math.sqrt(_INNER_VARIANCE / fan_in), uniform[:, 0]
    normal = jnp.asarray(normal)
    slopes = 1.0 + 2.0 * (jnp.arange(fan_out, dtype=normal.dtype)[:, None] + 0.5) / fan_out
    weight = slopes * normal / jnp.linalg.norm(normal, axis=1, keepdims=True)
    return weight, -jnp.sum(weight * uniform, axis=1)


INITIALISATIONS: Mapping[str, Initialisation] = MappingProxyType(
    {
        "glorot": _normal(lambda fan_in, fan_out: 2.0 / (fan_in + fan_out)),
        "he": _he,
        "lecun": _normal(lambda fan_in, fan_out: 1.0 / fan_in),
        "spread": _spread,
        "uniform_knots": _uniform_knots,
    }
)
"""Name to initialisation. Variances: Glorot & Bengio 2010 2/(in + out), He et al. 2015 2/in,
LeCun et al. 1998 1/in; `uniform_knots` draws the kinks of the first layer uniformly from the box,
`spread` varies the slopes as well."""


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


def all_draws(key: RawKey, sizes: tuple[int, ...], dtype: str) -> list[Draws]:
    """The random numbers of every layer of a network: of layer i from the key folded with i."""
    if dtype not in _DTYPES:
        raise ValueError(f"dtype: got {dtype!r}, expected 'float32' or 'float64'.")
    counts = [n * m for n, m in itertools.pairwise(sizes)]
    return [draws(key.fold_in(i), n, dtype, max(counts)) for i, n in enumerate(counts)]


def all_layers(name: str, drawn: list[Draws], sizes: tuple[int, ...]) -> list[Layer]:
    """Weights and biases of every layer, from the random numbers drawn for them."""
    layer = initialisation(name)
    if any(isinstance(numbers.normal, jax.core.Tracer) for numbers in drawn):
        return [layer(numbers, sizes[i], sizes[i + 1], i == 0) for i, numbers in enumerate(drawn)]
    # On the host: JAX compiles every slice and product of every shape, and keeps it.
    made = []
    for i, numbers in enumerate(drawn):
        placed = numbers.normal.sharding if numbers.normal.committed else None
        host = Draws(np.asarray(numbers.normal), np.asarray(numbers.uniform))
        weight, bias = layer(host, sizes[i], sizes[i + 1], i == 0)
        made.append((jax.device_put(weight, placed), jax.device_put(bias, placed)))
    return made


def default_initialisation(activation: str) -> str:
    """Glorot's, and He's for the powers of relu and for leaky_relu."""
    return "he" if activation.startswith(("relu", "leaky_relu")) else "glorot"
