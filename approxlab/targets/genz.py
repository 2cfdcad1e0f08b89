"""Genz's families of integrands on [0, 1]^d, with closed forms (Genz 1984).

The parameters are difficulties c_i > 0 and positions w_i in [0, 1]. By default all difficulties are
equal, and their sum does not depend on d; we chose this sum, in the usual range. The default
positions are the fractional parts of i (sqrt 5 - 1) / 2, which are irrational, so they lie on no
uniform grid. The Gaussian family is `gaussians.genz_gaussian`.

Oscillatory. The phase runs through [2 pi w_1, 2 pi w_1 + sum c], so every fact is that of a cosine
on this interval. The integral is cos(2 pi w_1 + sum c / 2) times the product of
sin(c_i / 2) / (c_i / 2). F has two atoms of mass 1/2 at +-c.

Product peak. Let P = prod c_i^2, m = max c_i and y_i = 1 / (1 + c_i^2 (x_i - w_i)^2), in (0, 1].
Then f is P prod y_i.

- |grad f|^2 = P^2 prod y_j^2 sum 4 c_i^2 y_i (1 - y_i). For a given sum of the y_i, both factors
  (with m for c_i) are largest when all y_i are equal, to y say. Then 4 d y^(2 d + 1) (1 - y) is
  largest at y = (2 d + 1) / (2 d + 2), that is at c_i |x_i - w_i| = (2 d + 1)^(-1/2). This is
  attained if all c_i are equal and the box contains such a point.
- The Hessian is f (g g' + D) with |g|^2 = sum 4 c_i^2 y_i (1 - y_i) and
  D_i = 2 c_i^2 y_i (1 - 2 y_i). From below: D_i >= -2 c_i^2, so its eigenvalues are at least
  -2 m^2 P, attained at w. From above: prod y_j sum 4 y_i (1 - y_i) <= 4 / e and
  prod y_j 2 y_i (1 - 2 y_i) <= 2 / 27; their sum is less than 2.

Corner peak. The integral is the alternating sum of 1 / (1 + c(T)) over all subsets T of the axes,
divided by d! prod c_i, where c(T) is the sum of c_i over T. Since the terms nearly cancel, they are
summed as rational numbers.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from fractions import Fraction

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.domains import Box
from approxlab.targets.parameters import axis_parameters
from approxlab.targets.target import Target

_ALL = frozenset({"value_min", "value_max", "lipschitz", "second_derivative"})
_VALUES = frozenset({"value_min", "value_max"})
_MOST_SUMS = 2**10


def equal_difficulties(total: float) -> Callable[[int], tuple[float, ...]]:
    """The function that maps a dimension d to d equal difficulties with the given sum."""
    return lambda d: (total / d,) * d


def golden_positions(d: int) -> tuple[float, ...]:
    """Fractional parts of i (sqrt 5 - 1) / 2, i = 1..d.

    Example:
        >>> [round(w, 3) for w in golden_positions(3)]
        [0.618, 0.236, 0.854]
    """
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    return tuple(math.fmod(i * golden, 1.0) for i in range(1, d + 1))


def _norm(c: Sequence[float]) -> float:
    return math.sqrt(math.fsum(ci**2 for ci in c))


def _linear(c: tuple[float, ...], x: Array) -> Array:
    return jnp.sum(jnp.asarray(c, x.dtype) * x)


def _offset(w: tuple[float, ...], x: Array) -> Array:
    return x - jnp.asarray(w, x.dtype)


def _reach(w: float) -> float:
    return max(w, 1.0 - w)


def _cosine_max(low: float, high: float) -> float:
    """The largest value of the cosine on [low, high]."""
    period = 2.0 * math.pi
    return 1.0 if math.ceil(low / period) * period <= high else max(math.cos(low), math.cos(high))


def oscillatory(
    dim: int | None = None,
    c: Sequence[float] | None = None,
    w: Sequence[float] | None = None,
) -> Target:
    """cos(2 pi w_1 + sum c_i x_i) on [0, 1]^d.

    All facts follow from the interval of its phase (head of `targets/genz.py`).

    Args:
        dim: Dimension d; the length of `c` or `w` if left out, else 2.
        c: Frequencies, positive. The default is 9 / d each.
        w: Numbers in [0, 1]; only the first one is used.

    Example:
        >>> oscillatory(c=(3.0, 4.0)).barron
        5.0
    """
    c, w = axis_parameters(dim, c, w, equal_difficulties(9.0), golden_positions)
    start, total, length = 2.0 * math.pi * w[0], math.fsum(c), _norm(c)
    end, quarter = start + total, 0.5 * math.pi
    high, low = _cosine_max(start, end), -_cosine_max(start - math.pi, end - math.pi)
    # sin(t) = cos(t - pi / 2), -sin(t) = cos(t + pi / 2)
    sine = max(_cosine_max(start + s, end + s) for s in (-quarter, quarter))
    return Target(
        lambda x: jnp.cos(start + _linear(c, x)),
        domain=Box.unit(len(c)),
        name="oscillatory",
        value_min=low,
        value_max=high,
        lipschitz=length * sine,
        second_derivative=length**2 * max(abs(low), abs(high)),
        integral=math.cos(start + 0.5 * total) * math.prod(math.sin(v / 2) / (v / 2) for v in c),
        barron=length,
        smoothness="analytic",
        kinks=() if len(c) == 1 else None,
        source="Genz 1984; extreme values of a cosine on the interval of its phase",
        sharp=_ALL,
    )


def product_peak(
    dim: int | None = None,
    c: Sequence[float] | None = None,
    w: Sequence[float] | None = None,
) -> Target:
    """The product of 1 / (c_i^(-2) + (x_i - w_i)^2) on [0, 1]^d.

    Let P = prod c_i^2 and m = max c_i. The bound 2 m^2 P of the Hessian is attained at w; the
    Lipschitz constant is attained if all c_i are equal and the box contains points with
    c_i |x_i - w_i| = (2 d + 1)^(-1/2). The proofs are at the head of `targets/genz.py`.

    Args:
        dim: Dimension d; the length of `c` or `w` if left out, else 2.
        c: Difficulties, positive. The default is 7.25 / d each.
        w: Position of the peak, in [0, 1].

    Example:
        >>> product_peak(c=(2.0,), w=(0.5,)).second_derivative
        32.0
    """
    c, w = axis_parameters(dim, c, w, equal_difficulties(7.25), golden_positions)
    d, peak, steep = len(c), math.prod(v**2 for v in c), max(c)
    largest = 4 * d / (2 * d + 2) * ((2 * d + 1) / (2 * d + 2)) ** (2 * d + 1)
    reached = all(steep * _reach(v) >= (2 * d + 1) ** -0.5 for v in w)

    def fn(x: Array) -> Array:
        squares = jnp.asarray([v**-2 for v in c], x.dtype)
        return jnp.prod(1.0 / (squares + _offset(w, x) ** 2))

    return Target(
        fn,
        domain=Box.unit(d),
        name="product_peak",
        value_min=math.prod(1.0 / (ci**-2 + _reach(wi) ** 2) for ci, wi in zip(c, w, strict=True)),
        value_max=peak,
        lipschitz=steep * peak * math.sqrt(largest),
        second_derivative=2.0 * steep**2 * peak,
        integral=math.prod(
            ci * (math.atan(ci * (1.0 - wi)) + math.atan(ci * wi))
            for ci, wi in zip(c, w, strict=True)
        ),
        barron=c[0] ** 3 if d == 1 else None,
        smoothness="analytic",
        kinks=() if d == 1 else None,
        source="Genz 1984; |grad| largest when all factors are equal; Hessian largest at the peak "
        "(proofs in targets/genz.py); in one dimension F is c exp(-|w| / c) / 2",
        sharp=_ALL if reached and len(set(c)) == 1 else _ALL - {"lipschitz"},
    )


def corner_peak(
    dim: int | None = None,
    c: Sequence[float] | None = None,
    w: Sequence[float] | None = None,
) -> Target:
    """(1 + sum c_i x_i)^(-(d + 1)) on [0, 1]^d: a peak at the origin.

    The integral is an alternating sum over all subsets T of the axes, computed in rational numbers.
    It is None if the sums of c_i over T have more than 2^10 different values.

    Args:
        dim: Dimension d; the length of `c` or `w` if left out, else 2.
        c: Difficulties, positive. The default is 1.85 / d each.
        w: Not used; accepted as in the other Genz families.

    Example:
        >>> corner_peak(c=(1.0,)).integral
        0.5
    """
    c, w = axis_parameters(dim, c, w, equal_difficulties(1.85), golden_positions)
    d, length = len(c), _norm(c)
    return Target(
        lambda x: (1.0 + _linear(c, x)) ** -(d + 1),
        domain=Box.unit(d),
        name="corner_peak",
        value_min=(1.0 + math.fsum(c)) ** -(d + 1),
        value_max=1.0,
        lipschitz=(d + 1) * length,
        second_derivative=(d + 1) * (d + 2) * length**2,
        integral=_corner_peak_integral(c),
        smoothness="analytic",
        kinks=() if d == 1 else None,
        source="Genz 1984; a decreasing convex function of sum c_i x_i; integral by inclusion and "
        "exclusion",
        sharp=_ALL,
    )


def _corner_peak_integral(c: tuple[float, ...]) -> float | None:
    # Maps each value of c(T) to the sum of the signs (-1)^|T|.
    sums: Counter[Fraction] = Counter({Fraction(0): 1})
    for ci in map(Fraction, c):
        with_axis = {total + ci: -sign for total, sign in sums.items()}
        sums = Counter({t: sums[t] + with_axis.get(t, 0) for t in {*sums, *with_axis}})
        if len(sums) > _MOST_SUMS:
            return None
    alternating = sum((sign / (1 + total) for total, sign in sums.items()), Fraction(0))
    return float(alternating / (math.factorial(len(c)) * math.prod(map(Fraction, c))))


def continuous(
    dim: int | None = None,
    c: Sequence[float] | None = None,
    w: Sequence[float] | None = None,
) -> Target:
    """exp(-sum c_i |x_i - w_i|) on [0, 1]^d: continuous, with a kink across every x_i = w_i.

    Args:
        dim: Dimension d; the length of `c` or `w` if left out, else 2.
        c: Difficulties, positive. The default is 2.04 / d each.
        w: Position of the peak, in [0, 1].

    Example:
        >>> continuous(c=(3.0, 4.0)).lipschitz
        5.0
    """
    c, w = axis_parameters(dim, c, w, equal_difficulties(2.04), golden_positions)
    axes = list(zip(c, w, strict=True))
    return Target(
        lambda x: jnp.exp(-_linear(c, jnp.abs(_offset(w, x)))),
        domain=Box.unit(len(c)),
        name="continuous",
        value_min=math.exp(-math.fsum(ci * _reach(wi) for ci, wi in axes)),
        value_max=1.0,
        lipschitz=_norm(c),
        integral=math.prod(
            -(math.expm1(-ci * wi) + math.expm1(-ci * (1.0 - wi))) / ci for ci, wi in axes
        ),
        smoothness="kink",
        kinks=tuple(v for v in w if 0.0 < v < 1.0) if len(c) == 1 else None,
        source="Genz 1984; |grad f| = f |c|, and f <= 1",
        sharp=_VALUES | {"lipschitz"},
    )


def discontinuous(
    dim: int | None = None,
    c: Sequence[float] | None = None,
    w: Sequence[float] | None = None,
) -> Target:
    """exp(sum c_i x_i) on [0, 1]^d where x_1 <= w_1 and x_2 <= w_2, and 0 elsewhere.

    Args:
        dim: Dimension d; the length of `c` or `w` if left out, else 2. If d = 1, the
            only condition is x_1 <= w_1.
        c: Difficulties, positive. The default is 4.3 / d each.
        w: Position of the jump, in [0, 1]; only w_1 and w_2 are used; one must be below 1.

    Example:
        >>> cut = discontinuous(c=(1.0,), w=(0.5,))
        >>> float(cut(jnp.array([0.75]))), cut.kinks
        (0.0, (0.5,))
    """
    c, w = axis_parameters(dim, c, w, equal_difficulties(4.3), golden_positions)
    cut = w[:2]
    if all(v == 1.0 for v in cut):
        raise ValueError(
            f"w: got {w!r}, expected one of the first two below 1: otherwise nothing is cut off."
        )
    ends = [*cut, *itertools.repeat(1.0, len(c) - len(cut))]

    def fn(x: Array) -> Array:
        inside = jnp.all(_offset(cut, x[: len(cut)]) <= 0)
        return jnp.where(inside, jnp.exp(_linear(c, x)), jnp.zeros_like(x[0]))

    return Target(
        fn,
        domain=Box.unit(len(c)),
        name="discontinuous",
        value_min=0.0,
        value_max=math.exp(math.fsum(ci * ei for ci, ei in zip(c, ends, strict=True))),
        integral=math.prod(math.expm1(ci * ei) / ci for ci, ei in zip(c, ends, strict=True)),
        smoothness="jump",
        continuous=False,
        kinks=tuple(cut) if len(c) == 1 else None,
        source="Genz 1984; increasing up to the cut, including the cut",
        sharp=_VALUES,
    )
