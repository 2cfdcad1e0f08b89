"""Stencils of difference quotients, their best steps, and what is proved of their errors.

A quotient is a linear functional Q f = sum_i w_i f(x + s_i v) that stands for g'(0), where
g(t) = f(x + t v). Its error has three parts that add up:

- truncation, Q f - g'(0), from Taylor's theorem with remainder (`truncation`);
- roundoff, sum_i |w_i| E_i for values that are wrong by at most E_i, and the arithmetic of Q;
- rounding of the points: where x + s_i v is not a floating-point number, f is evaluated at a
  distance r_i from it, which costs sum_i |w_i| G |r_i| where G bounds the gradient.

Proofs of the truncation errors:

One-sided: g(h) = g(0) + h g'(0) + (h^2 / 2) g''(xi), so the error is (h / 2) g''(xi).

Central and Richardson: with k = order / 2 - 1 extrapolations of central quotients D(h 2^-j),
j = 0..k, the result A = sum_j c_j D(h 2^-j) is exact for all polynomials of degree 2k + 2
(extrapolation removes the odd powers up to 2k + 1, symmetry the even ones), and it uses the
2k + 3 nodes 0 and +-h 2^-j. There is one such functional: the derivative at 0 of the polynomial
that interpolates g there. Interpolation's remainder g^(2k+3)(xi) / (2k+3)! prod_i (t - t_i),
differentiated at the node t = 0, therefore gives, with xi between the outermost nodes,

    |A - g'(0)| = |g^(2k+3)(xi)| / (2k+3)! prod_j (h 2^-j)^2
                = |g^(2k+3)(xi)| h^(2k+2) / ((2k+3)! 2^(k(k+1))).

k = 0 is h^2 |g'''| / 6, k = 1 is h^4 |g^(5)| / 480.

Complex: Taylor along the imaginary axis: Im g(ih) = h g'(0) - (h^3 / 6) Re g'''(is) for some s in
[0, h], so |Im g(ih) / h - g'(0)| <= (h^2 / 6) max |g'''(i s)| over 0 <= s <= h.

Plain numbers only, no JAX.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal, get_args

import numpy as np

__all__ = [
    "Scheme",
    "Stencil",
    "check_order",
    "checked_step",
    "optimal_step",
    "power_of_two",
    "stencil",
]

Scheme = Literal["forward", "backward", "central", "richardson", "complex"]
SCHEMES: tuple[Scheme, ...] = get_args(Scheme)
# Orders that change nothing: the scheme's own, and the default of `stencil`.
_FIXED = {"forward": (1, 4), "backward": (1, 4), "central": (2, 4), "complex": (2, 4)}


@dataclasses.dataclass(frozen=True)
class Stencil:
    """A difference quotient with step 1: for a step h, offsets are s_i h and weights w_i / h.

    Attributes:
        scheme: Its name.
        order: Power p of the step in the truncation error.
        offsets: s_1, s_2, ... (a complex step has the one offset that is imaginary, as 1).
        weights: w_1, w_2, ...
        truncation: c in |Q f - g'(0)| <= c h^p M, where M bounds |g^(p+1)| between the outermost
            points. The best possible: equality for polynomials of degree p + 1.
    """

    scheme: Scheme
    order: int
    offsets: tuple[float, ...]
    weights: tuple[float, ...]
    truncation: float

    @property
    def amplification(self) -> float:
        """Sum of |w_i|: values wrong by E make the quotient wrong by this times E / h."""
        return math.fsum(abs(w) for w in self.weights)


def stencil(scheme: Scheme, order: int = 4) -> Stencil:
    """The quotient of that name.

    The proofs of its truncation error are at the head of this module.

    Example:
        >>> stencil("richardson").truncation == 1 / 480
        True
        >>> stencil("richardson", 6).amplification > stencil("central").amplification
        True
    """
    if scheme == "forward":
        return Stencil(scheme, 1, (1.0, 0.0), (1.0, -1.0), 0.5)
    if scheme == "backward":
        return Stencil(scheme, 1, (0.0, -1.0), (1.0, -1.0), 0.5)
    if scheme == "complex":
        return Stencil(scheme, 2, (1.0,), (1.0,), 1.0 / 6.0)
    levels = 1 if scheme == "central" else order // 2
    offsets, weights = [], []
    for j, c in enumerate(_extrapolation(levels)):
        offsets += [2.0**-j, -(2.0**-j)]
        weights += [0.5 * c * 2.0**j, -0.5 * c * 2.0**j]
    k = levels - 1
    constant = 1.0 / (math.factorial(2 * k + 3) * 2 ** (k * (k + 1)))
    return Stencil(scheme, 2 * levels, tuple(offsets), tuple(weights), constant)


def _extrapolation(levels: int) -> list[float]:
    """c_j with sum c_j = 1 and sum c_j 4^(-jm) = 0 for m = 1..levels - 1: Lagrange's at 0."""
    nodes = [4.0**-j for j in range(levels)]
    return [
        math.prod((other / (other - node) for other in nodes if other != node), start=1.0)
        for node in nodes
    ]


def optimal_step(
    scheme: Scheme,
    dtype: Any,
    *,
    value: float = 1.0,
    derivative: float = 1.0,
    value_error: float | None = None,
    order: int | None = None,
) -> float:
    """The step that balances truncation and roundoff.

    The bound c M h^p + a E / h, with a the sum of the absolute weights at step 1, is least at

        h = (a E / (p c M))^(1 / (p + 1)),   where it is   (p + 1) c M h^p.

    With E = eps |f|: 2 sqrt(eps |f / f''|) for one-sided and (3 eps |f / f'''|)^(1/3) for central
    differences, (360 eps |f / f^(5)|)^(1/5) for Richardson's of order 4.

    Args:
        scheme: Name of the quotient. For "complex" there is nothing to balance: 2^-664 (about
            5e-201) in float64, 2^-66 in float32, whose squares are negligible compared with 1.
        dtype: float32 or float64: whose eps.
        value: |f| at x.
        derivative: |g^(p+1)|, p the order of the scheme.
        value_error: Error E of a value; by default eps |f|.
        order: For "richardson": 4 (the default), 6, 8 or 10.

    Returns:
        The step; infinity where there is no truncation error, 0 where there is no roundoff.

    Example:
        >>> optimal_step("forward", "float64") == 2.0**-25
        True
        >>> round(optimal_step("central", "float32"), 5), round(optimal_step("central", float), 8)
        (0.0071, 8.73e-06)
    """
    order = check_order(scheme, order)
    if scheme == "complex":
        return 2.0**-66 if np.dtype(dtype) == np.float32 else 2.0**-664
    rule = stencil(scheme, order)
    error = float(np.finfo(dtype).eps) * abs(value) if value_error is None else value_error
    slope = rule.order * rule.truncation * abs(derivative)
    if slope == 0.0:
        return math.inf
    return float((rule.amplification * error / slope) ** (1.0 / (rule.order + 1)))


def power_of_two(step: float) -> float:
    """The power of two at or below: multiplying by it and dividing by it round nothing.

    Below, since values are mostly better than their bound, and then the best step is shorter.

    Example:
        >>> power_of_two(1.9e-3) == 2.0**-10
        True
    """
    return math.ldexp(0.5, math.frexp(step)[1])


def check_order(scheme: str, order: int | None) -> int:
    """The order, 4 where none is given; the scheme is known, and an order belongs to it."""
    if scheme not in SCHEMES:
        raise ValueError(f"scheme: got {scheme!r}, expected one of {', '.join(SCHEMES)}.")
    if order is None:
        return 4
    if scheme != "richardson" and order not in _FIXED[scheme]:
        raise ValueError(
            f"order: got {order!r} with scheme={scheme!r}, expected None: it belongs to "
            "scheme='richardson'."
        )
    if scheme == "richardson" and order not in (4, 6, 8, 10):
        raise ValueError(
            f"order: got {order!r}, expected 4, 6, 8 or 10. Order 2 is scheme='central'."
        )
    return order


def checked_step(step: Any) -> float:
    """A step that the caller gives: positive and finite."""
    if not (isinstance(step, int | float | np.floating) and 0.0 < step < math.inf):
        raise ValueError(f"step: got {step!r}, expected a positive number, or None.")
    return float(step)
