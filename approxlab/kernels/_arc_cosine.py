"""Powers of relu: the arc-cosine kernels, their gaps to rounding, and |z|.

For u, v centred Gaussians with standard deviations s, t and correlation cos q,

    E[relu(u)^n relu(v)^n] = (s t)^n J_n(q) / (2 pi),
    J_n(q) = sin q P_n(cos q) + (pi - q) Q_n(cos q),

with J_n' = -n^2 sin q J_{n-1} (Cho and Saul 2009). Near q = 0, where 1 - J_n(q) / J_n(0) cancels,
its Taylor polynomial is used.
"""

from __future__ import annotations

import functools
import math

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["absolute_gap", "arc_cosine", "arc_cosine_gap", "second_moment"]

# Coefficients in cos q, lowest first.
_P: dict[int, tuple[int, ...]] = {0: (), 1: (1,), 2: (0, 3), 3: (4, 0, 11), 4: (0, 55, 0, 50)}
_Q: dict[int, tuple[int, ...]] = {
    0: (1,), 1: (0, 1), 2: (1, 0, 2), 3: (0, 9, 0, 6), 4: (9, 0, 72, 0, 24)
}  # fmt: skip

_SMALL = 0.5  # angles below it take the Taylor polynomial
_ORDER = 32


def arc_cosine(power: int, angle: Array) -> Array:
    """J_n at angles in [0, pi]."""
    cosine = jnp.cos(angle)
    return jnp.sin(angle) * _polynomial(_P[power], cosine) + (math.pi - angle) * _polynomial(
        _Q[power], cosine
    )


def second_moment(power: int) -> float:
    """E[relu(z)^(2 n)] of a standard normal z: J_n(0) / (2 pi), half of (2 n - 1)!!."""
    return 0.5 * sum(_Q[power])


def arc_cosine_gap(power: int, angle: Array) -> Array:
    """1 - J_n(q) / J_n(0) for n >= 1, to a few units in the last place also for small angles."""
    top = math.pi * sum(_Q[power])
    small = _horner(_gap_series(power), jnp.minimum(angle, _SMALL))
    return jnp.where(angle < _SMALL, small, 1 - arc_cosine(power, angle) / top)


def absolute_gap(angle: Array) -> Array:
    """1 - E[|u| |v|] / (s t) = 1 - (2 sin q + (pi - 2 q) cos q) / pi, the same at pi - q."""
    angle = jnp.minimum(angle, math.pi - angle)
    small = _horner(_absolute_series(), jnp.minimum(angle, _SMALL))
    cosine, sine = jnp.cos(angle), jnp.sin(angle)
    plain = 1 - (2 * sine + (math.pi - 2 * angle) * cosine) / math.pi
    return jnp.where(angle < _SMALL, small, plain)


def _polynomial(coefficients: tuple[int, ...], x: Array) -> Array:
    return _horner(np.array(coefficients, float), x) if coefficients else jnp.zeros_like(x)


def _horner(coefficients: np.ndarray, x: Array) -> Array:
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + jnp.asarray(coefficient, x.dtype)
    return total


def _series() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Taylor coefficients at 0 of sin, cos and the angle itself."""
    order = np.arange(_ORDER)
    inverse = 1 / np.array([math.factorial(k) for k in order], float)
    sine = np.where(order % 2 == 1, (-1.0) ** (order // 2) * inverse, 0.0)
    cosine = np.where(order % 2 == 0, (-1.0) ** (order // 2) * inverse, 0.0)
    return sine, cosine, np.eye(_ORDER)[1]


def _times(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.convolve(a, b)[:_ORDER]


@functools.cache
def _gap_series(power: int) -> np.ndarray:
    """Of 1 - J_n(q) / J_n(0), by integration of n^2 sin q J_{n-1}(q) / J_n(0)."""
    sine, cosine, angle = _series()
    powers = [np.eye(_ORDER)[0]]
    while len(powers) < 5:
        powers.append(_times(powers[-1], cosine))

    def of(coefficients: tuple[int, ...]) -> np.ndarray:
        return sum((c * p for c, p in zip(coefficients, powers, strict=False)), np.zeros(_ORDER))

    rest = math.pi * powers[0] - angle
    below = _times(sine, of(_P[power - 1])) + _times(rest, of(_Q[power - 1]))
    return _integral(_times(sine, below)) * power**2 / (math.pi * sum(_Q[power]))


@functools.cache
def _absolute_series() -> np.ndarray:
    """By integration of sin q (1 - 2 q / pi)."""
    sine, _, angle = _series()
    return _integral(_times(sine, np.eye(_ORDER)[0] - 2 / math.pi * angle))


def _integral(series: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], series[:-1] / np.arange(1, _ORDER)])
