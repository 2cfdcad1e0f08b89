"""Least errors of piecewise linear functions of one variable, in closed form.

ReLU networks on an interval are such functions. The values for x^2 are exact. For other smooth
targets there is the leading term for linear splines with free knots; it is marked as asymptotic.

Pieces of a network. On an interval where all units of a layer are affine, each unit of the next
layer changes slope at most once, so together they cut it into at most width + 1 pieces. So each
layer multiplies the number of pieces by at most width + 1.

x^2 by n pieces. On a piece of length h the best affine function has sup error h^2/8 and squared L2
error h^5/180. On an interval of width w the longest of n pieces has h >= w/n, and
sum h^5 >= w^5 n^-4 by convexity. Hence sup >= w^2/(8 n^2) and L2 >= w^(5/2) n^-2 / sqrt(180). Equal
pieces attain both with continuous functions.

x^2 by N units. In any feed-forward order a new ReLU is applied to a function that is affine on each
existing piece and crosses zero at most once there. So N ReLUs give at most 2^N pieces, and the sup
error is at least w^2 2^(-2N-3); `constructions.square_deep` attains it. The same network with its
output shifted attains the L2 value: the shift is h^2/6, the mean height of the interpolant over the
parabola (h = w 2^-N), instead of h^2/8. So both values are exact.

Asymptotic constants. The best affine function on a short piece of length h has sup error
h^2 |f''|/16 and L2 error h^(5/2) |f''| / sqrt(720). With knots that equidistribute |f''|^(1/2) or
|f''|^(2/5), the error of n pieces is asymptotically (1/16) n^-2 (int |f''|^(1/2))^2 in the sup norm
and (1/sqrt(720)) n^-2 (int |f''|^(2/5))^(5/2) in the L2 norm. To leading order the constant is the
same for continuous and for discontinuous pieces.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import numpy as np

from approxlab.arguments import check_norm, check_positive
from approxlab.claims import Norm, Optimum
from approxlab.domains import Box, check_interval
from approxlab.evaluation import values_at
from approxlab.targets.target import Target

__all__ = ["max_pieces", "relu_spline_asymptotic", "square_by_pieces", "square_by_units"]


def max_pieces(width: int, depth: int) -> int:
    """Upper bound (width + 1)^depth on the affine pieces of a ReLU network on an interval.

    The network is layered and has no linear units.

    Args:
        width: ReLUs per hidden layer.
        depth: Hidden layers.

    Example:
        >>> max_pieces(3, 2)
        16
    """
    check_positive(width=width, depth=depth)
    return (width + 1) ** depth


def square_by_pieces(
    pieces: int, norm: Norm = "sup", *, domain: Box | None = None, relative: bool = False
) -> Optimum:
    """The exact least error of piecewise linear functions with n pieces for x^2.

    On an interval of width w it is w^2/(8 n^2) in the sup norm and w^(5/2) n^-2 / sqrt(180) in the
    L2 norm, attained by a continuous function with equal pieces. The proof is at the head of
    `optimal/closed_forms.py`.

    Args:
        pieces: Number n of affine pieces.
        norm: "sup" or "l2".
        domain: An interval; by default [0, 1].
        relative: Divide by the same norm of x^2 on the interval.

    Example:
        >>> float(square_by_pieces(4))
        0.0078125
    """
    check_positive(pieces=pieces)
    check_norm(norm)
    a, b = check_interval(Box.unit() if domain is None else domain)
    width = b - a
    pieces = int(pieces)
    if pieces.bit_length() > 500:
        raise ValueError(
            f"pieces: got a number of {pieces.bit_length()} bits, expected at most 500: otherwise "
            "the error is smaller than the smallest float."
        )
    step = width / pieces
    if norm == "sup":
        value, scale = step**2 / 8, max(a * a, b * b)
    else:
        value = step**2 * math.sqrt(width / 180)
        scale = math.sqrt((b**5 - a**5) / 5)
    source = f"best affine functions on {pieces} equal pieces"
    target = Target(lambda x: x[0] ** 2, domain=Box([a], [b]), name="square")
    return Optimum(value / scale if relative else value, norm, "exact", source, relative, target)


def square_by_units(
    units: int, norm: Norm = "sup", *, domain: Box | None = None, relative: bool = False
) -> Optimum:
    """The exact least error for x^2 of feed-forward ReLU networks with N units, skips allowed.

    N ReLUs give at most 2^N pieces, so the sup error is at least w^2 2^(-2N-3) on an interval of
    width w; `constructions.square_deep` attains it. The proof, also for the L2 norm, is at the head
    of `optimal/closed_forms.py`.

    Args:
        units: Number N of ReLUs.
        norm: "sup" or "l2".
        domain: An interval; by default [0, 1].
        relative: Divide by the same norm of x^2 on the interval.

    Example:
        >>> float(square_by_units(4)) == 2.0 ** (-2 * 4 - 3)
        True
    """
    check_positive(units=units)
    check_norm(norm)
    best = square_by_pieces(2 ** int(units), norm, domain=domain, relative=relative)
    source = f"{units} ReLUs make at most 2^{units} pieces"
    return Optimum(best.value, norm, "exact", source, relative, best.target)


def relu_spline_asymptotic(
    target: Any, pieces: int, norm: Norm = "sup", *, relative: bool = False
) -> Optimum:
    """The leading term of the least error of linear splines with n free knots, as n grows.

    For continuous f'' it is (1/16) n^-2 (int |f''|^(1/2))^2 in the sup norm and
    (1/sqrt(720)) n^-2 (int |f''|^(2/5))^(5/2) in the L2 norm. It is not a bound for finite n. The
    derivation is at the head of `optimal/closed_forms.py`.

    Args:
        target: A function of one point of shape (1,), twice continuously differentiable on its
            `domain`. A declared kink or a declared `smoothness` other than "analytic" or "smooth"
            raises an error. The computed f'' contains no trace of a kink that is not declared; it
            is detected only where f leaves its chord by more than f'' explains.
        pieces: Number n of pieces.
        norm: "sup" or "l2".
        relative: Divide by the same norm of the target, by the same quadrature.

    Raises:
        ValueError: If the target is not one-dimensional, has a mask, or is not smooth.

    Example:
        >>> from approxlab.targets import get
        >>> round(100**2 * float(relu_spline_asymptotic(get("square"), 100)), 6)   # 1/8
        0.125
    """
    check_positive(pieces=pieces)
    check_norm(norm)
    box = target.domain
    check_interval(box, "target.domain")
    smoothness, kinks = getattr(target, "smoothness", None), getattr(target, "kinks", None)
    jumps = getattr(target, "continuous", None) is False
    rough = smoothness not in (None, "analytic", "smooth") or kinks or jumps
    if rough or getattr(target, "mask", None):
        raise ValueError(
            f"target: got {target!r} with smoothness {smoothness!r} and kinks {kinks!r}, "
            f"{'not continuous, ' * jumps}expected a smooth target without a mask: other targets "
            "have no such asymptotic constant."
        )
    points, weights = box.gauss_legendre(8, panels=512)

    def second_derivative(x: Any) -> Any:
        return jax.grad(lambda y: jax.grad(target)(y)[0])(x)[0]

    curvature = np.abs(values_at(second_derivative, points))
    if not np.all(np.isfinite(curvature)):
        raise ValueError(
            f"target: the second derivative of {target!r} is not finite on its box, expected a "
            "smooth target. Targets with kinks or jumps have no such asymptotic constant."
        )
    size = values_at(target, points)
    _check_bends(target, points[:, 0], size, float(np.max(curvature)))
    if norm == "sup":
        value = float(weights @ np.sqrt(curvature)) ** 2 / (16 * pieces**2)
        scale = float(np.max(np.abs(size)))
    else:
        value = float(weights @ curvature**0.4) ** 2.5 / (math.sqrt(720) * pieces**2)
        scale = math.sqrt(float(weights @ size**2))
    source = "equidistributed |f''|^(1/2)" if norm == "sup" else "equidistributed |f''|^(2/5)"
    return Optimum(
        value / scale if relative else value, norm, "asymptotic", source, relative, target
    )


def _check_bends(target: Any, x: np.ndarray, values: np.ndarray, most: float) -> None:
    """Refuse a function farther from its chord than w^2 max|f''| / 8, twice that for samples."""
    values = np.asarray(values, np.float64).reshape(-1)
    width = float(x[-1] - x[0])
    chord = values[0] + (values[-1] - values[0]) * (x - x[0]) / width
    bent = float(np.max(np.abs(values - chord)))
    # Values are rounded, and so are points, which a slope turns into values.
    moved = float(np.max(np.abs(x))) * float(np.ptp(values)) / width
    rounding = float(jax.numpy.finfo(float).eps) * (float(np.max(np.abs(values))) + moved)
    if bent > width**2 * most / 4 + 64 * rounding:
        raise ValueError(
            f"target: got {target!r}, whose computed second derivative is at most {most:.3g} but "
            f"which is {bent:.3g} away from its chord, expected a smooth target. It has a kink or "
            "a jump, and no such asymptotic constant: use optimal.relu_spline."
        )
