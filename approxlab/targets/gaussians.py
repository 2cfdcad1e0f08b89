"""Gaussian targets: values, gradients, Hessians, integrals and Fourier moments in closed form.

Gaussians. For f(x) = exp(-sum_i c_i^2 (x_i - w_i)^2) let u_i = c_i (x_i - w_i) and m = max c_i.

- grad f = -2 f (c_i u_i), so |grad f| <= 2 m |u| exp(-|u|^2) <= m sqrt(2 / e). This is attained at
  |u|^2 = 1/2 on an axis with c_i = m, if the box contains such a point.
- The Hessian is f (g g' - 2 diag(c^2)) with |g| <= 2 m |u|. Its eigenvalues are at least -2 m^2
  (attained at w) and at most 4 m^2 |u|^2 exp(-|u|^2) <= 4 m^2 / e < 2 m^2.
- F is a normal distribution with variances 2 c_i^2. If all c_i are equal to c, its first moment is
  sqrt(2) c E|Z| with E|Z| = sqrt(2) Gamma((d + 1) / 2) / Gamma(d / 2).

Gabor. Let k = 16 pi, z = (x - 1/2, y - 1/2) and q = |z|^2 / s^2. Since 8 pi is a multiple of 2 pi,
f is the real part of exp(-q / 2 + i k z_1). The gradient of this exponential is the exponential
times v = -z / s^2 + i k e_1.

- |grad f|^2 <= exp(-q) (k^2 + q / s^2) <= k^2, since the middle term decreases in q (because
  k^2 > 1 / s^2). This bound is not attained.
- |Hessian| <= exp(-q / 2) (|v|^2 + 1 / s^2) = exp(-q / 2) (k^2 + (1 + q) / s^2), which decreases in
  q. It is attained at the centre.
- -f is largest near |z_1| = p = 1/16, z_2 = 0. With z_1 = p - t, |t| <= 1/32 and
  cos(k t) <= exp(-k^2 t^2 / 2), it is at most
  exp(-p^2 / (2 s^2) + (p / s^2)^2 / (2 (k^2 + 1 / s^2))); on lobes farther out it is below 0.59.
- The density of F has modulus (N(k e_1, I / s^2) + N(-k e_1, I / s^2)) / 2, so the Barron constant
  is the mean of a Rice distribution.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.domains import Box
from approxlab.targets.genz import equal_difficulties, golden_positions
from approxlab.targets.parameters import axis_parameters, whole
from approxlab.targets.target import Target

_ALL = frozenset({"value_min", "value_max", "lipschitz", "second_derivative"})


def mean_normal_length(dim: int) -> float:
    """E|Z| for a standard normal Z in R^dim: sqrt(2) Gamma((dim + 1) / 2) / Gamma(dim / 2).

    Example:
        >>> abs(mean_normal_length(2) - math.sqrt(math.pi / 2)) < 1e-15
        True
    """
    return math.sqrt(2.0) * math.exp(math.lgamma((dim + 1) / 2) - math.lgamma(dim / 2))


def _peak(squares: tuple[float, ...], w: tuple[float, ...], box: Box, name: str) -> Target:
    """exp(-sum c_i^2 (x_i - w_i)^2) on a box that contains w; `squares` holds the c_i^2."""
    axes = list(zip(squares, w, box.lower, box.upper, strict=True))
    reach = [max(wi - low, high - wi) for _, wi, low, high in axes]
    steep = max(squares)
    reached = any(si == steep and si * ri**2 >= 0.5 for si, ri in zip(squares, reach, strict=True))

    def fn(x: Array) -> Array:
        offset = x - jnp.asarray(w, x.dtype)
        return jnp.exp(-jnp.sum(jnp.asarray(squares, x.dtype) * offset**2))

    return Target(
        fn,
        domain=box,
        name=name,
        value_min=math.exp(-math.fsum(si * ri**2 for si, ri in zip(squares, reach, strict=True))),
        value_max=1.0,
        lipschitz=math.sqrt(2.0 * steep / math.e),
        second_derivative=2.0 * steep,
        integral=math.prod(_mass(*axis) for axis in axes),
        barron=math.sqrt(2.0 * steep) * mean_normal_length(len(w))
        if len(set(squares)) == 1
        else None,
        smoothness="analytic",
        kinks=() if len(w) == 1 else None,
        source="|grad| <= 2 m |u| exp(-|u|^2) with u_i = c_i (x_i - w_i), m = max c; Hessian "
        "-2 m^2 at the peak; integral by erf; F is a normal distribution",
        sharp=_ALL if reached else _ALL - {"lipschitz"},
    )


def _mass(square: float, w: float, low: float, high: float) -> float:
    """Integral of exp(-square (t - w)^2) over [low, high]."""
    c = math.sqrt(square)
    return 0.5 * math.sqrt(math.pi) / c * (math.erf(c * (high - w)) + math.erf(c * (w - low)))


def bump(dim: int = 2) -> Target:
    """exp(-8 |x - 1/2|^2) on [0, 1]^d.

    Args:
        dim: Dimension d, from 1 to 100.

    Example:
        >>> float(bump(dim=3)(jnp.array([0.5, 0.5, 0.5])))
        1.0
    """
    d = whole("dim", dim, 1, 100)
    return _peak((8.0,) * d, (0.5,) * d, Box.unit(d), "bump")


def gaussian(dim: int = 2) -> Target:
    """exp(-|x|^2 / 2) on [-1, 1]^d: its Barron constant is known in every dimension.

    Args:
        dim: Dimension d, from 1 to 100.

    Example:
        >>> abs(gaussian(dim=1).barron - math.sqrt(2 / math.pi)) < 1e-15
        True
    """
    d = whole("dim", dim, 1, 100)
    return _peak((0.5,) * d, (0.0,) * d, Box.cube(-1.0, 1.0, d), "gaussian")


def genz_gaussian(
    dim: int | None = None,
    c: Sequence[float] | None = None,
    w: Sequence[float] | None = None,
) -> Target:
    """Genz's Gaussian family exp(-sum c_i^2 (x_i - w_i)^2) on [0, 1]^d.

    Args:
        dim: Dimension d; the length of `c` or `w` if left out, else 2.
        c: Difficulties, positive. The default is 7.03 / d each.
        w: Position of the peak, in [0, 1]. The default is `genz.golden_positions(d)`.

    Example:
        >>> genz_gaussian(c=(1.0, 2.0), w=(0.0, 0.0)).second_derivative
        8.0
    """
    c, w = axis_parameters(dim, c, w, equal_difficulties(7.03), golden_positions)
    return _peak(tuple(v**2 for v in c), w, Box.unit(len(c)), "genz_gaussian")


def gabor() -> Target:
    """exp(-((x - 1/2)^2 + (y - 1/2)^2) / (2 s^2)) cos(16 pi x) on [0, 1]^2, s = 0.15.

    With k = 16 pi, the Lipschitz constant k is not attained; the Hessian bound k^2 + 1 / s^2 is
    attained at the centre. The Barron constant is the mean of a Rice distribution. The proofs are
    at the head of `targets/gaussians.py`.
    """
    s, k, half = 0.15, 16.0 * math.pi, 0.5
    p = 1.0 / 16.0
    curvature = k**2 + 1.0 / s**2
    lowest = -math.exp(-0.5 * (p / s) ** 2 + 0.5 * (p / s**2) ** 2 / curvature)

    def fn(x: Array) -> Array:
        return jnp.exp(-jnp.sum((x - half) ** 2) / (2.0 * s**2)) * jnp.cos(k * x[0])

    return Target(
        fn,
        domain=Box.unit(2),
        name="gabor",
        value_min=lowest,
        value_max=1.0,
        lipschitz=k,
        second_derivative=curvature,
        integral=_wave_integral(s, k, half)
        * s
        * math.sqrt(2.0 * math.pi)
        * math.erf(half / (s * math.sqrt(2.0))),
        barron=_rice_mean(k, 1.0 / s),
        smoothness="analytic",
        source="real part of a complex exponential; bounds decrease with the distance from the "
        "centre; integral by the Faddeeva function; Barron constant by the mean of a Rice "
        "distribution",
        sharp=frozenset({"value_max", "second_derivative"}),
    )


def _wave_integral(s: float, k: float, half: float) -> float:
    """Integral of exp(-t^2 / (2 s^2)) cos(k t) over [-half, half].

    It is s sqrt(2 pi) exp(-b^2) Re erf(a + i b), a = half / (s sqrt 2), b = k s / sqrt 2, with
    erf(z) = 1 - exp(-z^2) w(i z), w the Faddeeva function.
    """
    from scipy.special import wofz

    a, b = half / (s * math.sqrt(2.0)), k * s / math.sqrt(2.0)
    # exp(-b^2 - z^2) = exp(-a^2 - 2 i a b), and 2 a b = half * k.
    tail = complex(math.cos(half * k), -math.sin(half * k)) * complex(wofz(complex(-b, a)))
    return s * math.sqrt(2.0 * math.pi) * (math.exp(-(b**2)) - math.exp(-(a**2)) * tail.real)


def _rice_mean(shift: float, deviation: float) -> float:
    """E|shift e_1 + deviation Z| for a standard normal Z in the plane."""
    from scipy.special import i0e, i1e

    y = 0.25 * (shift / deviation) ** 2
    return deviation * math.sqrt(math.pi / 2) * float((1 + 2 * y) * i0e(y) + 2 * y * i1e(y))
