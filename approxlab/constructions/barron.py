"""Barron's theorem by sampling: the Gaussian in d dimensions as an average of random steps.

For f(x) = exp(-|x|^2 / 2) on R^d and W standard normal, f(x) = E cos(W.x). Write W = R a with a on
the unit sphere and R = |W|. On the unit ball z = a.x lies in [-1, 1], and

    cos(R z) - 1 = -R integral_0^1 sin(R t) (1{z > t} + 1{-z > t}) dt.

As a and -a are equally likely, f(x) - f(0) = -2 E R integral_0^1 sin(R t) 1{a.x > t} dt: a signed
mixture of steps. There are two ways to sample it, both unbiased:

- "fourier", as in Barron's proof: W has the density |w| F(dw) / C_f, so R is distributed as the
  length of a normal vector in d + 1 dimensions (the direction stays uniform). Then t on [0, 1] has
  the density |sin(R t)| / B(R), B(R) = integral_0^1 |sin(R t)| dt. The weight of a step is
  -2 C_f B(R) sign(sin(R t)), of absolute value at most 2 C_f.
- "ridge": the length R is integrated out first. With k(t) = E cos(R t) = 1F1(d/2; 1/2; -t^2/2) the
  steps at t have the signed density 2 k'(t), of total mass V = 2 TV(k) < 2 C_f. So t has the
  density 2 |k'| / V, and the weight of a step is V sign(k'(t)).

The average f_n of n such steps g has mean f, so with x uniform on the ball (Maurey)

    E |f - f_n|^2 = (E |g|^2 - |f - f(0)|^2) / n,

and |g| <= 2 C_f gives Barron's bound (2 r C_f)^2 / n with r = 1. Here E |g|^2 is known as well. A
step at t >= 0 is 1 on the part m(t) <= 1/2 of the ball, which alone halves the bound, and B(R) < 1.
If k' has one sign (d <= 9), n times the mean squared error of "ridge" is
2 (1 - k(1)) E(1 - f) - E(1 - f)^2, as integral_0^1 k' m dt = (E f - 1) / 2 by parts.
"""

from __future__ import annotations

import dataclasses
import math
from functools import cache, lru_cache
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_key, check_positive
from approxlab.claims import MeanBound, RandomConstruction
from approxlab.networks.mlp import MLP
from approxlab.targets.catalogue import get
from approxlab.targets.gaussians import mean_normal_length
from approxlab.targets.target import Target

__all__ = ["Sampling", "maurey", "maurey_constant"]

Sampling = Literal["fourier", "ridge"]

_MOST_DIMENSIONS = 100
_MOST_NUMBERS = 2**27  # of a network: one GiB in float64
_NODES = 64  # with 40 the constants differ by at most 3e-14, relatively
_LAW = "x uniform on the unit ball"


def maurey(dim: int, n: int, key: Array, *, sampling: Sampling = "fourier") -> RandomConstruction:
    """The Gaussian exp(-|x|^2 / 2) on the unit ball of R^d as a mean of n randomly drawn steps.

    The network is 1 + (1 / n) sum_j c_j H(a_j.x - t_j), H the Heaviside function, with independent
    a_j, t_j, c_j; its mean over draws is the Gaussian. In expectation over draws, with x uniform on
    the ball, the mean squared error is at most (2 C_f)^2 / n, where C_f = E|W| =
    sqrt(2) Gamma((d + 1) / 2) / Gamma(d / 2): the bound of Barron's theorem for f - f(0). Its exact
    value is `expected`, which is smaller by a factor of 22 to 35 in 1 to 10 dimensions. A single
    draw may have a larger error. Both numbers are of exact arithmetic: they do not include the
    rounding of the sum of n steps.

    Args:
        dim: Dimension d, from 1 to 100.
        n: Number of units.
        key: A typed key.
        sampling: "fourier" (the density of Barron's proof) or "ridge" (the length of the frequency
            integrated out: equal weights up to sign, smaller error).

    Returns:
        A `RandomConstruction` with n hidden units in one layer. Its target is the Gaussian on the
        cube [-1, 1]^d with the ball as its mask.

    Raises:
        TypeError: If the key is not a typed key.
        ValueError: If a number is out of range or the sampling unknown.

    Source:
        Barron 1993, Theorem 1 and its proof (Maurey's lemma); the exact value is derived at the
        head of the module.

    Example:
        >>> drawn = maurey(2, 100, jax.random.key(0))
        >>> drawn.bound
        MeanBound(<= 0.0628319, x uniform on the unit ball, Barron 1993, Theorem 1)
        >>> drawn.network.num_hidden_units, float(drawn.expected) < 0.05 * float(drawn.bound)
        (100, True)
    """
    _check(dim, sampling)
    check_positive(n=n)
    if n * (dim + 2) > _MOST_NUMBERS:
        raise ValueError(
            f"n: got {n} units in {dim} dimensions, {n * (dim + 2) * 8 / 2**30:.3g} GiB of weights "
            f"in float64, expected at most {_MOST_NUMBERS // (dim + 2)} units. The expected error "
            "of any n is maurey_constant(dim, sampling) / n."
        )
    check_key(key)
    directions, thresholds, weights = _steps(dim, n, key, sampling)
    network = MLP.from_arrays(
        [directions, weights[None, :] / n], [-thresholds, np.ones(1)], "heaviside"
    )
    bound = (2 * mean_normal_length(dim)) ** 2 / n
    return RandomConstruction(
        network,
        _on_ball(dim),
        MeanBound(bound, "Barron 1993, Theorem 1", _LAW),
        MeanBound(maurey_constant(dim, sampling) / n, "variance of one step", _LAW, exact=True),
    )


@lru_cache(maxsize=256)
def maurey_constant(dim: int, sampling: Sampling = "fourier") -> float:
    """The variance of one step over the ball: n times the expected mean squared error of `maurey`.

    By quadrature, to about 1e-12 relative.

    Args:
        dim: Dimension d, from 1 to 100.
        sampling: As for `maurey`.

    Example:
        >>> e = math.exp(-0.5)                # d = 1, by hand: steps of weight -2 (1 - e)
        >>> mean = 1 - math.sqrt(math.pi / 2) * math.erf(math.sqrt(0.5))
        >>> mean_of_square = 1 - 2 * (1 - mean) + math.sqrt(math.pi) / 2 * math.erf(1.0)
        >>> by_hand = 2 * (1 - e) * mean - mean_of_square
        >>> abs(maurey_constant(1, "ridge") - by_hand) < 1e-12
        True
    """
    _check(dim, sampling)
    r, weights = _gauss(0.0, 1.0)
    size = float(weights @ (dim * r ** (dim - 1) * np.expm1(-0.5 * r**2) ** 2))
    return float((_square_fourier(dim) if sampling == "fourier" else _square_ridge(dim)) - size)


# Drawing steps


def _steps(
    dim: int, n: int, key: Array, sampling: Sampling
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Directions (n, d), thresholds (n,) in [0, 1] and weights (n,) of n independent steps."""
    # NumPy's generator, seeded by the key, so that a new n or dim compiles nothing.
    random = np.random.default_rng(np.asarray(jax.random.key_data(key)))
    u = random.uniform(size=n)
    directions = _unit(random.standard_normal((n, dim)))
    if sampling == "ridge":
        thresholds, signs, mass = _ridge_thresholds(dim, u)
        return directions, thresholds, mass * signs
    normal = random.standard_normal((n, dim + 1))
    length = np.linalg.norm(normal, axis=1)
    area = _area(length)
    angle = _inverse_area(u * area)
    signs = np.where(np.floor(angle / np.pi) % 2 == 0, 1.0, -1.0)
    weights = -2 * mean_normal_length(dim) * (area / length) * signs
    return directions, angle / length, weights


def _area(s: np.ndarray) -> np.ndarray:
    """The integral of |sin| over [0, s]: 2 for every whole half wave, 1 - cos for the rest."""
    half_waves = np.floor(s / np.pi)
    return 2 * half_waves + 1 - np.cos(s - np.pi * half_waves)


def _inverse_area(area: np.ndarray) -> np.ndarray:
    half_waves = np.floor(area / 2)
    return np.pi * half_waves + np.arccos(1 - (area - 2 * half_waves))


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def _ridge_thresholds(dim: int, u: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Thresholds of density |k'| / TV(k), the signs of k' there, and V = 2 TV(k).

    k is monotone between its turning points, so each quantile is found by bisection.
    """
    edges = _turning_points(dim)
    heights = _profile(dim, edges)
    rises = np.diff(heights)
    passed = np.concatenate([[0.0], np.cumsum(np.abs(rises))])
    wanted = u * passed[-1]
    piece = np.clip(np.searchsorted(passed, wanted, side="right") - 1, 0, len(rises) - 1)
    sign = np.sign(rises)[piece]
    climb = wanted - passed[piece]
    low, high = edges[piece], edges[piece + 1]
    for _ in range(52):
        middle = 0.5 * (low + high)
        before = sign * (_profile(dim, middle) - heights[piece]) < climb
        low, high = np.where(before, middle, low), np.where(before, high, middle)
    return 0.5 * (low + high), sign, 2 * float(passed[-1])


def _profile(dim: int, t: np.ndarray) -> np.ndarray:
    """k(t) = E cos(R t), R the length of a standard normal vector in R^dim: f(x) = E k(a.x)."""
    from scipy.special import hyp1f1

    return np.asarray(hyp1f1(0.5 * dim, 0.5, -0.5 * t**2))


@lru_cache(maxsize=256)
def _turning_points(dim: int) -> np.ndarray:
    """0, the zeros of k' in (0, 1), and 1; k' = -dim t 1F1(dim/2 + 1; 3/2; -t^2/2)."""
    from scipy.optimize import brentq
    from scipy.special import hyp1f1

    def slope(t: Any) -> Any:
        return hyp1f1(0.5 * dim + 1, 1.5, -0.5 * t**2)

    # k oscillates with the frequency sqrt(dim) <= 10 at most: the grid misses no zero.
    grid = np.linspace(0.0, 1.0, 257)
    signs = np.sign(slope(grid))
    changes = np.flatnonzero(signs[1:] * signs[:-1] < 0)
    return np.array([0.0, *(brentq(slope, grid[i], grid[i + 1]) for i in changes), 1.0])


# The second moment of one step, over the ball and over draws


def _square_ridge(dim: int) -> float:
    """V integral_0^1 2 |k'| m dt, by parts on each monotone piece: no derivative is evaluated.

    The integral of k' m over a piece is the change of k m minus the integral of k m', and
    -m'(t) = p(t) = c (1 - t^2)^((d - 1) / 2) is the density of x_1 on the ball. With t = sin(s)
    the integrand is smooth up to the end.
    """
    edges = _turning_points(dim)
    heights, parts = _profile(dim, edges), _cap(dim, edges)
    c = math.exp(math.lgamma(dim / 2 + 1) - math.lgamma((dim + 1) / 2)) / math.sqrt(math.pi)
    total = 0.0
    for i in range(len(edges) - 1):
        s, weights = _gauss(math.asin(edges[i]), math.asin(edges[i + 1]))
        inner = float(weights @ (c * np.cos(s) ** dim * _profile(dim, np.sin(s))))
        total += abs(heights[i + 1] * parts[i + 1] - heights[i] * parts[i] + inner)
    return 4 * float(np.sum(np.abs(np.diff(heights)))) * total


def _square_fourier(dim: int) -> float:
    """(2 C_f)^2 E B(R) integral_0^1 |sin(R t)| m(t) dt, R a normal length in dim + 1 dimensions.

    With panels of half waves, in R and in R t, every integrand is smooth.
    """
    waves = math.ceil((math.sqrt(dim + 1) + 9.0) / math.pi)  # larger R have no mass
    total = 0.0
    for wave in range(waves):
        length, weights = _gauss(wave * math.pi, (wave + 1) * math.pi)
        inner = np.zeros_like(length)
        for part in range(wave + 1):
            low, high = part * np.pi / length, np.minimum((part + 1) * np.pi / length, 1.0)
            # In s = arcsin t, the square root of 1 - t in m is smooth.
            low, high = np.arcsin(low), np.arcsin(high)
            unit, unit_weights = _gauss(0.0, 1.0)
            s = low[:, None] + (high - low)[:, None] * unit
            t = np.sin(s)
            values = np.abs(np.sin(length[:, None] * t)) * _cap(dim, t) * np.cos(s)
            inner += (high - low) * (values @ unit_weights)
        constant = (0.5 * (dim + 1) - 1) * math.log(2.0)
        density = np.exp(
            dim * np.log(length) - 0.5 * length**2 - constant - math.lgamma(0.5 * (dim + 1))
        )
        total += float(weights @ (density * _area(length) / length * inner))
    return (2 * mean_normal_length(dim)) ** 2 * total


def _cap(dim: int, t: np.ndarray) -> np.ndarray:
    """m(t), t in [0, 1]: the part of the unit ball of R^dim where a.x > t."""
    from scipy.special import betainc

    return 0.5 * betainc(0.5 * (dim + 1), 0.5, np.clip((1 - t) * (1 + t), 0.0, 1.0))


def _gauss(low: float, high: float) -> tuple[np.ndarray, np.ndarray]:
    x, weights = _legendre()
    return low + (high - low) * 0.5 * (x + 1), 0.5 * (high - low) * weights


@cache
def _legendre() -> tuple[np.ndarray, np.ndarray]:
    return np.polynomial.legendre.leggauss(_NODES)


# Target and arguments


@cache
def _on_ball(dim: int) -> Target:
    """The Gaussian of the catalogue with the unit ball as its mask, and its facts there.

    |grad| = |x| exp(-|x|^2 / 2) grows up to |x| = 1; the ball has Gaussian mass P(|W| < 1).
    """
    from scipy.special import gammainc

    mass = float(gammainc(0.5 * dim, 0.5)) * (2 * math.pi) ** (0.5 * dim)
    return dataclasses.replace(
        get("gaussian", dim=dim),
        name="gaussian_on_ball",
        value_min=math.exp(-0.5),
        lipschitz=math.exp(-0.5),
        integral=mass,
        source="radial, decreasing; |x| exp(-|x|^2 / 2) grows up to 1; Hessian -1 at 0",
        sharp=frozenset({"value_min", "value_max", "lipschitz", "second_derivative"}),
        mask=lambda x: jnp.sum(x**2) <= 1.0,
    )


def _check(dim: int, sampling: str) -> None:
    check_positive(dim=dim)
    if dim > _MOST_DIMENSIONS:
        raise ValueError(f"dim: got {dim}, expected at most {_MOST_DIMENSIONS}.")
    if sampling not in get_args(Sampling):
        raise ValueError(f"sampling: got {sampling!r}, expected 'fourier' or 'ridge'.")
