"""Targets in two and more dimensions other than Gaussians and Genz families.

Sine product. Let s = sin^2(pi x), t = sin^2(pi y). |grad|^2 = pi^2 ((1 - s) t + s (1 - t)) <= pi^2,
attained at (0, 1/2). The eigenvalues of the Hessian are pi^2 cos(pi (x + y)) and
-pi^2 cos(pi (x - y)). F has four atoms of mass 1/4 at (+-pi, +-pi).

Compositional. Write s = sin(pi x). |grad|^2 = exp(2 s + 2 y^2) (pi^2 (1 - s^2) + 4 y^2) grows with
y^2. At y^2 = 1 its only stationary maximum in s solves pi^2 s^2 + pi^2 s = pi^2 + 4; its value
there is exp(2 s + 2) pi^2 s.

The Hessian is f (g g' + D) with g = (pi cos(pi x), 2 y), D = diag(-pi^2 s, 2). From below: its
eigenvalues are at least f min(-pi^2 s, 0) >= -exp(2) pi^2, attained at (1/2, 1). From above: the
largest eigenvalue grows with y^2, so let y^2 = 1. For s >= -2 / pi^2 it is at most
exp(s + 1) (pi^2 (1 - s^2) + 6), whose maximum is 2 pi^2 s exp(s + 1) = 61.1 at
s = sqrt(2 + 6 / pi^2) - 1. For smaller s it is at most exp(s + 1) (pi^2 (1 - s - s^2) + 4) <= 37.
Both are below pi^2 exp(2) = 72.9.

Corner. theta runs from 0 on the edge y = 0 of the re-entrant corner to 3 pi / 2 on its edge x = 0.
The function is harmonic, vanishes on both edges, and its gradient grows like r^(-1/3). It is
homogeneous of degree 2/3, so its integral is 3/8 of its integral along the outer sides (Gauss);
there it is the imaginary part of z^(2/3).
"""

from __future__ import annotations

import math

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.domains import Box
from approxlab.targets.parameters import between, whole
from approxlab.targets.target import Target

_ALL = frozenset({"value_min", "value_max", "lipschitz", "second_derivative"})
_VALUES = frozenset({"value_min", "value_max"})


def sine_product() -> Target:
    """sin(pi x) sin(pi y) on [0, 1]^2.

    Example:
        >>> round(float(sine_product()(jnp.array([0.5, 0.5]))), 6)
        1.0
    """
    return Target(
        lambda x: jnp.sin(math.pi * x[0]) * jnp.sin(math.pi * x[1]),
        domain=Box.unit(2),
        name="sine_product",
        value_min=0.0,
        value_max=1.0,
        lipschitz=math.pi,
        second_derivative=math.pi**2,
        integral=4.0 / math.pi**2,
        barron=math.pi * math.sqrt(2.0),
        smoothness="analytic",
        source="|grad|^2 = pi^2 (s + t - 2 s t) <= pi^2; Hessian eigenvalues pi^2 cos(pi (x + y)), "
        "-pi^2 cos(pi (x - y))",
        sharp=_ALL,
    )


def compositional() -> Target:
    """exp(sin(pi x) + y^2) on [-1, 1]^2: a composition of functions of one variable.

    The Lipschitz constant is attained at y^2 = 1 where s = sin(pi x) solves
    pi^2 s^2 + pi^2 s = pi^2 + 4; the Hessian bound pi^2 exp(2) is attained at (1/2, 1). The proofs
    are at the head of `targets/many_dimensional.py`.
    """
    from scipy.special import erfi, i0

    s = 0.5 * (math.sqrt(5.0 + 16.0 / math.pi**2) - 1.0)
    return Target(
        lambda x: jnp.exp(jnp.sin(math.pi * x[0]) + x[1] ** 2),
        domain=Box.cube(-1.0, 1.0, 2),
        name="compositional",
        value_min=math.exp(-1.0),
        value_max=math.exp(2.0),
        lipschitz=math.exp(s + 1.0) * math.pi * math.sqrt(s),
        second_derivative=math.pi**2 * math.exp(2.0),
        integral=2.0 * float(i0(1.0)) * math.sqrt(math.pi) * float(erfi(1.0)),
        smoothness="analytic",
        source="stationary point of |grad|^2 at y^2 = 1; Hessian -pi^2 exp(2) at (1/2, 1), proof "
        "in targets/many_dimensional.py; integral 2 I_0(1) sqrt(pi) erfi(1)",
        sharp=_ALL,
    )


def _in_l_shape(x: Array) -> Array:
    return (x[0] <= 0) | (x[1] >= 0)


def _corner(x: Array) -> Array:
    # phi = theta - 3 pi / 4 is measured from the axis of symmetry. Then sin(2 theta / 3) is
    # cos(2 phi / 3), and the branch cut lies in the middle of the quadrant outside of the L-shape.
    # Where r^2 underflows, the value is 0; there the point is replaced by (1, 0), so that the
    # gradient is not nan.
    at_corner = x[0] ** 2 + x[1] ** 2 < jnp.finfo(x.dtype).tiny
    u = jnp.where(at_corner, jnp.ones_like(x[0]), x[0])
    v = jnp.where(at_corner, jnp.zeros_like(x[1]), x[1])
    value = jnp.cbrt(u**2 + v**2) * jnp.cos(jnp.arctan2(-u - v, v - u) * (2.0 / 3.0))
    return jnp.where(at_corner, jnp.zeros_like(value), value)


def corner() -> Target:
    """r^(2/3) sin(2 theta / 3) on the L-shape [-1, 1]^2 without (0, 1] x [-1, 0).

    theta runs from 0 on the edge y = 0 of the re-entrant corner to 3 pi / 2 on its edge x = 0. The
    function is harmonic and vanishes on both edges; its gradient grows like r^(-1/3).

    Example:
        >>> round(float(corner()(jnp.array([-1.0, 1.0]))) ** 3, 5)
        2.0
        >>> bool(corner().mask(jnp.array([0.5, -0.5])))
        False
    """
    return Target(
        _corner,
        domain=Box.cube(-1.0, 1.0, 2),
        name="corner",
        value_min=0.0,
        value_max=2.0 ** (1.0 / 3.0),
        integral=0.45 * (1.0 + 2.0 ** (4.0 / 3.0)),
        smoothness="singular",
        continuous=True,
        source="harmonic; r^2 <= 2, attained at (-1, 1) with theta = 3 pi / 4; integral by Gauss "
        "and homogeneity (proof in targets/many_dimensional.py)",
        sharp=_VALUES,
        mask=_in_l_shape,
    )


def ball(dim: int = 2, radius: float = math.exp(-1.0)) -> Target:
    """The indicator of a ball about the centre of [0, 1]^d: 1 inside, 1/2 on the sphere, 0 outside.

    The square of the default radius 1/e is transcendental, so no point with algebraic coordinates
    (uniform, Chebyshev, Gauss-Legendre) lies on the sphere.

    Args:
        dim: Dimension d, from 1 to 100.
        radius: Strictly between 0 and 1/2.

    Example:
        >>> disc = ball(radius=0.25)
        >>> float(disc(jnp.array([0.5, 0.5]))), disc.integral == math.pi / 16
        (1.0, True)
    """
    d = whole("dim", dim, 1, 100)
    r = between("radius", radius, 0.0, 0.5)
    return Target(
        lambda x: 0.5 * (1.0 + jnp.sign(r**2 - jnp.sum((x - 0.5) ** 2))),
        domain=Box.unit(d),
        name="ball",
        value_min=0.0,
        value_max=1.0,
        integral=math.pi ** (d / 2) / math.gamma(d / 2 + 1) * r**d,
        smoothness="jump",
        continuous=False,
        kinks=(0.5 - r, 0.5 + r) if d == 1 else None,
        source="volume of the ball",
        sharp=_VALUES,
    )
