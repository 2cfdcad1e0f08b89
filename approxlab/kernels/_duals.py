"""What a layer does to second moments: the dual of every activation.

A dual takes the moments of the values z before the activation and gives those of s(z) after it:
roots of E[s(z)^2], the gap 1 - E[s(z) s(z')] / (root root'), and E[s'(z) s'(z')] for the tangent
kernel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.kernels._angles import Pair
from approxlab.kernels._arc_cosine import absolute_gap, arc_cosine, arc_cosine_gap, second_moment
from approxlab.kernels._hermite import coefficients, mehler
from approxlab.networks.activations import ACTIVATIONS, KINK_SLOPES

__all__ = ["CLOSED", "KNOWN", "Activated", "dual"]


class Activated(NamedTuple):
    """Second moments after an activation: see the head of this module."""

    left: Array
    right: Array
    gap: Array
    slopes: Array

    @property
    def products(self) -> Array:
        """E[s(z) s(z')], shape (n, p)."""
        return self.left[:, None] * self.right[None, :] * (1 - self.gap)


def _relu_power(power: int) -> Callable[[Pair], Activated]:
    def moments(pair: Pair) -> Activated:
        root = second_moment(power) ** 0.5
        slopes = power**2 * pair.products ** (power - 1) * arc_cosine(power - 1, pair.angle)
        slopes = slopes / (2 * math.pi)
        if power == 1:
            slopes = _with_zero_rows(slopes, pair, at_zero=0.0, mean=0.5)
        gap = arc_cosine_gap(power, pair.angle)
        return Activated(root * pair.left**power, root * pair.right**power, gap, slopes)

    return moments


def _heaviside(pair: Pair) -> Activated:
    """A row of zeros has the value 1/2 of the step at 0, not the mean of 0 and 1."""

    def root(deviation: Array) -> Array:
        return jnp.where(deviation > 0, 0.5**0.5, 0.5).astype(deviation.dtype)

    left, right = root(pair.left), root(pair.right)
    apart = 1 - 0.25 / (left[:, None] * right[None, :])
    gap = jnp.where(pair.products > 0, pair.angle / math.pi, apart)
    return Activated(left, right, gap, jnp.full_like(gap, jnp.nan))


def _two_slopes(below: float, above: float, at_zero: float) -> Callable[[Pair], Activated]:
    """Slopes on the two sides of 0: s(z) = a z + b |z|, whose mixed moments vanish by symmetry."""
    a, b = 0.5 * (above + below), 0.5 * (above - below)
    size = a * a + b * b

    def moments(pair: Pair) -> Activated:
        straight = 2 * jnp.square(jnp.sin(0.5 * pair.angle))
        gap = (a * a * straight + b * b * absolute_gap(pair.angle)) / size
        slopes = a * a + b * b * (1 - 2 * pair.angle / math.pi)
        slopes = _with_zero_rows(slopes, pair, at_zero=at_zero, mean=a)
        return Activated(size**0.5 * pair.left, size**0.5 * pair.right, gap, slopes)

    return moments


def _with_zero_rows(slopes: Array, pair: Pair, *, at_zero: float, mean: float) -> Array:
    """E[s'(z) s'(z')] where z is 0 for certain: JAX's s'(0), times the mean of the other slope."""
    left, right = (pair.left == 0)[:, None], (pair.right == 0)[None, :]
    slopes = jnp.where(left | right, at_zero * mean, slopes)
    return jnp.where(left & right, at_zero**2, slopes)


def _erf(pair: Pair) -> Activated:
    """Williams 1997, with the arcsine taken from both of its sides."""

    def part(deviation: Array) -> tuple[Array, Array]:
        """sqrt(2) s / sqrt(1 + 2 s^2) and 1 / sqrt(1 + 2 s^2)."""
        length = jnp.hypot(1, math.sqrt(2) * deviation)
        return math.sqrt(2) * deviation / length, 1 / length

    (a, p), (b, q) = part(pair.left), part(pair.right)

    def root(sine: Array, rest: Array) -> Array:
        # asin(a^2), with 1 - a^4 = rest^2 (1 + a^2).
        return jnp.sqrt(2 / math.pi * jnp.arctan2(sine**2, rest * jnp.sqrt(1 + sine**2)))

    left, right = root(a, p), root(b, q)
    a, p, b, q = a[:, None], p[:, None], b[None, :], q[None, :]
    square = p**2 + a**2 * q**2 + jnp.square(a * b * jnp.sin(pair.angle))  # 1 - (a b cos)^2
    products = 2 / math.pi * jnp.arctan2(a * b * jnp.cos(pair.angle), jnp.sqrt(square))
    slopes = 4 / math.pi * p * q / jnp.sqrt(square)
    return Activated(left, right, _gap(products, left, right), slopes)


def _sine(pair: Pair) -> Activated:
    """E[sin u sin v] = exp(-(s^2 + t^2) / 2) sinh(c), without the overflow of sinh."""
    left, right = (jnp.sqrt(-0.5 * jnp.expm1(-2 * jnp.square(s))) for s in (pair.left, pair.right))
    apart = jnp.square(pair.left[:, None] - pair.right[None, :])
    half = 0.5 * pair.angle
    minus = apart + 4 * pair.products * jnp.square(jnp.sin(half))  # E[(u - v)^2]
    plus = apart + 4 * pair.products * jnp.square(jnp.cos(half))
    c = pair.covariances
    nearer = jnp.exp(-0.5 * jnp.minimum(minus, plus))
    products = -0.5 * jnp.sign(c) * nearer * jnp.expm1(-2 * jnp.abs(c))
    slopes = 0.5 * (jnp.exp(-0.5 * minus) + jnp.exp(-0.5 * plus))
    return Activated(left, right, _gap(products, left, right), slopes)


def _series(name: str, terms: int) -> Callable[[Pair], Activated]:
    def moments(pair: Pair) -> Activated:
        correlation = jnp.cos(pair.angle)
        a, b = (coefficients(name, s, terms) for s in (pair.left, pair.right))
        left, right = (jnp.sqrt(jnp.sum(jnp.square(h), axis=1)) for h in (a, b))
        da, db = (coefficients(name, s, terms, slope=True) for s in (pair.left, pair.right))
        gap = _gap(mehler(a, b, correlation), left, right)
        return Activated(left, right, gap, mehler(da, db, correlation))

    return moments


def _gap(products: Array, left: Array, right: Array) -> Array:
    """For smooth activations, whose kernels feel a rounded correlation by no more than rounding."""
    size = left[:, None] * right[None, :]
    return jnp.where(size > 0, 1 - products / jnp.where(size > 0, size, 1), 0)


CLOSED: Mapping[str, Callable[[Pair], Activated]] = MappingProxyType(
    {
        "relu": _relu_power(1),
        "relu2": _relu_power(2),
        "relu3": _relu_power(3),
        "relu4": _relu_power(4),
        "heaviside": _heaviside,
        "abs": _two_slopes(*KINK_SLOPES["abs"], at_zero=1.0),
        "leaky_relu": _two_slopes(*KINK_SLOPES["leaky_relu"], at_zero=1.0),
        "identity": _two_slopes(*KINK_SLOPES["identity"], at_zero=1.0),
        "erf": _erf,
        "sin": _sine,
    }
)
"""Activations with a closed form. "erf" has a kernel but is no activation of an MLP."""

KNOWN = tuple(sorted({*CLOSED, *ACTIVATIONS}))


def dual(name: str, terms: int | None) -> Callable[[Pair], Activated]:
    """The dual of an activation: its closed form, or a series of that many terms."""
    if name in CLOSED:
        return CLOSED[name]
    assert terms is not None
    return _series(name, terms)
