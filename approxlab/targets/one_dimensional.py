"""Targets on an interval.

The derivation of each constant is in `source` or below. The facts named in `sharp` are attained.

Runge. With u = 5 x: |f'| = 10 u / (1 + u^2)^2 is largest at u = 1/sqrt 3, where it is
15 sqrt(3) / 8. f'' = 50 (3 u^2 - 1) / (1 + u^2)^3 is -50 at 0, and |3 u^2 - 1| <= (1 + u^2)^3
everywhere. The density of F is exp(-|w| / 5) / 10, with first moment 5.

Chirp. With t = x + 1: f' = 16 pi t cos(8 pi t^2), which is 32 pi at t = 2. And
f'' = 16 pi cos(8 pi t^2) - (16 pi t)^2 sin(8 pi t^2). Its size is at most the root of the sum of
the squared amplitudes at t = 2, by Cauchy-Schwarz; this bound is not attained. The integral is a
Fresnel integral.

Step. The default position 1/sqrt 2 is neither a point of a uniform grid, nor a Chebyshev point, nor
a Gauss-Legendre node. It is irrational. All algebraic conjugates of a Chebyshev point or of a
Gauss-Legendre node of [-1, 1] lie in [-1, 1], hence in [0, 1] after the rational affine map to the
unit interval; but the conjugate of 1/sqrt 2 is -1/sqrt 2, outside of [0, 1].

Takagi. Let M be the maximum. Two consecutive terms together are at most 1/2, so M <= 1/2 + M / 4,
that is M <= 2/3. At x = 1/3 every distance is 1/3 and the sum is 2/3.

Tent. The minimum of 2 t and 2 - 2 t is exact in floating point for every t in [0, 1]: doubling is
exact, and 2 - 2 t is exact by Sterbenz for t >= 1/2. So all iterates are exact.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.domains import Box
from approxlab.targets.parameters import between, whole
from approxlab.targets.target import Target

_ALL = frozenset({"value_min", "value_max", "lipschitz", "second_derivative"})
_VALUES = frozenset({"value_min", "value_max"})
_UNIT, _SYMMETRIC = Box([0.0], [1.0]), Box([-1.0], [1.0])
_LISTED_KINKS = 2**12


@dataclasses.dataclass(frozen=True)
class Power:
    """The function x^degree of a point of shape (1,), which can be told from others by its type."""

    degree: int

    def __call__(self, x: Array) -> Any:
        """The power of x[0]."""
        return x[0] ** self.degree


@dataclasses.dataclass(frozen=True)
class TentIterate:
    """The k-th iterate of min(2 t, 2 - 2 t) at t = x[0]; outside of [0, 1] it goes below 0."""

    k: int

    def __call__(self, x: Array) -> Any:
        """The iterate at x[0]."""
        t = x[0]
        for _ in range(self.k):
            t = jnp.minimum(2.0 * t, 2.0 - 2.0 * t)
        return t


def power(degree: int = 5) -> Target:
    """x^degree on [0, 1].

    Args:
        degree: From 1 to 100.

    Example:
        >>> cubic = power(degree=3)
        >>> cubic.lipschitz, cubic.second_derivative, cubic.integral
        (3.0, 6.0, 0.25)
    """
    n = whole("degree", degree, 1, 100)
    return Target(
        Power(n),
        domain=_UNIT,
        name={2: "square", 3: "cube"}.get(n, f"power{n}"),
        value_min=0.0,
        value_max=1.0,
        lipschitz=float(n),
        second_derivative=float(n * (n - 1)),
        integral=1.0 / (n + 1),
        smoothness="analytic",
        kinks=(),
        source="f' and f'' are powers, largest at x = 1",
        sharp=_ALL,
    )


def square() -> Target:
    """x^2 on [0, 1]; its least error by n linear pieces is known for every n."""
    return power(2)


def cube() -> Target:
    """x^3 on [0, 1]."""
    return power(3)


def power11() -> Target:
    """x^11 on [0, 1]."""
    return power(11)


def sqrt() -> Target:
    """The square root on [0, 1]; its slope is unbounded at 0.

    Example:
        >>> float(sqrt()(jnp.array([0.25])))
        0.5
    """
    return Target(
        lambda x: jnp.sqrt(x[0]),
        domain=_UNIT,
        name="sqrt",
        value_min=0.0,
        value_max=1.0,
        integral=2.0 / 3.0,
        smoothness="singular",
        continuous=True,
        kinks=(0.0,),
        source="increasing; f' = 1 / (2 sqrt x) is unbounded",
        sharp=_VALUES,
    )


def kink(at: float = 1.0 / 3.0) -> Target:
    """|x - at| on [0, 1].

    Args:
        at: Position of the kink, strictly inside (0, 1).

    Example:
        >>> float(kink(at=0.25)(jnp.array([1.0])))
        0.75
    """
    a = between("at", at, 0.0, 1.0)
    return Target(
        lambda x: jnp.abs(x[0] - a),
        domain=_UNIT,
        name="kink",
        value_min=0.0,
        value_max=max(a, 1.0 - a),
        lipschitz=1.0,
        integral=0.5 * (a**2 + (1.0 - a) ** 2),
        smoothness="kink",
        kinks=(a,),
        source="slopes -1 and 1; two triangles",
        sharp=_VALUES | {"lipschitz"},
    )


def exp() -> Target:
    """The exponential on [-1, 1]."""
    return Target(
        lambda x: jnp.exp(x[0]),
        domain=_SYMMETRIC,
        name="exp",
        value_min=math.exp(-1.0),
        value_max=math.e,
        lipschitz=math.e,
        second_derivative=math.e,
        integral=2.0 * math.sinh(1.0),
        smoothness="analytic",
        kinks=(),
        source="equal to its own derivative, increasing",
        sharp=_ALL,
    )


def _sine(name: str, frequency: float, domain: Box) -> Target:
    # The box holds whole periods, so the integral is 0. F has atoms of mass 1/2 at +-frequency.
    return Target(
        lambda x: jnp.sin(frequency * x[0]),
        domain=domain,
        name=name,
        value_min=-1.0,
        value_max=1.0,
        lipschitz=frequency,
        second_derivative=frequency**2,
        integral=0.0,
        barron=frequency,
        smoothness="analytic",
        kinks=(),
        source="|sin| and |cos| have the maximum 1; integral over whole periods",
        sharp=_ALL,
    )


def sine2() -> Target:
    """sin(2 pi x) on [0, 1]: one period."""
    return _sine("sine2", 2.0 * math.pi, _UNIT)


def sine4() -> Target:
    """sin(4 pi x) on [-1, 1]: four periods."""
    return _sine("sine4", 4.0 * math.pi, _SYMMETRIC)


def runge() -> Target:
    """1 / (1 + 25 x^2) on [-1, 1].

    Example:
        >>> runge().second_derivative, runge().barron
        (50.0, 5.0)
    """
    return Target(
        lambda x: 1.0 / (1.0 + 25.0 * x[0] ** 2),
        domain=_SYMMETRIC,
        name="runge",
        value_min=1.0 / 26.0,
        value_max=1.0,
        lipschitz=15.0 * math.sqrt(3.0) / 8.0,
        second_derivative=50.0,
        integral=0.4 * math.atan(5.0),
        barron=5.0,
        smoothness="analytic",
        kinks=(),
        source="Runge 1901; f' largest at 1 / (5 sqrt 3), f'' at 0; F is exp(-|w| / 5) / 10",
        sharp=_ALL,
    )


def chirp() -> Target:
    """sin(8 pi (x + 1)^2) on [-1, 1]: sixteen periods of decreasing length.

    The Lipschitz constant 32 pi is attained at x = 1; the bound on the second derivative is not
    attained.
    """
    from scipy.special import fresnel

    return Target(
        lambda x: jnp.sin(8.0 * math.pi * (x[0] + 1.0) ** 2),
        domain=_SYMMETRIC,
        name="chirp",
        value_min=-1.0,
        value_max=1.0,
        lipschitz=32.0 * math.pi,
        second_derivative=math.hypot(16.0 * math.pi, (32.0 * math.pi) ** 2),
        integral=0.25 * float(fresnel(8.0)[0]),
        smoothness="analytic",
        kinks=(),
        source="f' largest at x = 1; f'' by Cauchy-Schwarz (not attained); integral S(8) / 4, "
        "S the Fresnel integral of sin(pi u^2 / 2)",
        sharp=_VALUES | {"lipschitz"},
    )


def step(at: float = math.sqrt(0.5)) -> Target:
    """0 before the jump, 1/2 at the jump, 1 after it, on [0, 1].

    The default position 1/sqrt 2 is neither a point of a uniform grid, nor a Chebyshev point, nor a
    Gauss-Legendre node (proof at the head of `targets/one_dimensional.py`).

    Args:
        at: Position of the jump, strictly inside (0, 1).

    Example:
        >>> [float(step(at=0.5)(jnp.array([x]))) for x in (0.25, 0.5, 0.75)]
        [0.0, 0.5, 1.0]
    """
    a = between("at", at, 0.0, 1.0)
    return Target(
        lambda x: 0.5 * (1.0 + jnp.sign(x[0] - a)),
        domain=_UNIT,
        name="step",
        value_min=0.0,
        value_max=1.0,
        integral=1.0 - a,
        smoothness="jump",
        continuous=False,
        kinks=(a,),
        source="constant on each side of the jump",
        sharp=_VALUES,
    )


_TAKAGI_TERMS = 64


def takagi_value(x: Array) -> Array:
    """The first 64 terms of the Takagi function at x[0]."""
    powers = 2.0 ** np.arange(_TAKAGI_TERMS)
    scaled = x[0] * jnp.asarray(powers, x.dtype)  # exact, and so are the distances below
    distances = jnp.abs(scaled - jnp.round(scaled))
    return jnp.sum(distances * jnp.asarray(1.0 / powers, x.dtype))


def takagi() -> Target:
    """The Takagi function, the sum over n >= 0 of 2^(-n) dist(2^n x, Z), on [0, 1].

    It is continuous and nowhere differentiable. The facts hold for the infinite sum. The program
    computes 64 terms; the remainder is at most 2^-64 and is zero at every multiple of 2^-64. The
    derivative computed by JAX is that of the finite sum and has no meaning for the limit.

    Example:
        >>> float(takagi()(jnp.array([0.25])))
        0.5
    """
    return Target(
        takagi_value,
        domain=_UNIT,
        name="takagi",
        value_min=0.0,
        value_max=2.0 / 3.0,
        integral=0.5,
        smoothness="fractal",
        continuous=True,
        source="Takagi 1903; maximum M <= 1/2 + M / 4, attained at 1/3; term n integrates to "
        "2^(-n) / 4",
        sharp=_VALUES,
    )


def tent(k: int = 3) -> Target:
    """The k-th iterate of the tent map t -> min(2 t, 2 - 2 t) on [0, 1]: 2^k linear pieces.

    All values are exact in floating point.

    Args:
        k: From 1 to 50. The 2^k - 1 kinks are listed up to k = 12.

    Example:
        >>> wave = tent(k=2)
        >>> wave.lipschitz, wave.integral, wave.kinks
        (4.0, 0.5, (0.25, 0.5, 0.75))
    """
    k = whole("k", k, 1, 50)

    pieces = 2**k
    listed = pieces <= _LISTED_KINKS
    return Target(
        TentIterate(k),
        domain=_UNIT,
        name=f"tent{k}",
        value_min=0.0,
        value_max=1.0,
        lipschitz=float(pieces),
        integral=0.5,
        smoothness="kink",
        kinks=tuple(j / pieces for j in range(1, pieces)) if listed else None,
        source="Telgarsky 2016; 2^k pieces of slope +-2^k between 0 and 1",
        sharp=_VALUES | {"lipschitz"},
    )
