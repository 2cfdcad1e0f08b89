"""The least errors possible: what no network of a kind and size can go below.

One-dimensional piecewise linear approximation, the class of all ReLU networks on an interval. The
values for x^2 are exact; for other targets the asymptotic constants of free-knot linear splines are
given, and named as asymptotic.
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

__all__ = ["max_pieces", "relu_spline_asymptotic", "square_by_pieces", "square_by_units"]


def max_pieces(width: int, depth: int) -> int:
    """The most affine pieces on an interval of a layered ReLU network without linear units.

    On an interval where all units of a layer are affine, the next layer bends at most `width`
    times, so each layer multiplies the number of pieces by at most width + 1.

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
    """The least error of piecewise linear functions with n pieces for x^2: exact for every n.

    On a piece of length h the best affine function has sup error h^2/8 and squared L2 error
    h^5/180; with n pieces the longest has h >= w/n, and sum h^5 >= w^5 n^-4 by convexity. Hence
    sup >= w^2/(8 n^2) and L2 >= w^(5/2) n^-2 / sqrt(180) on an interval of width w. Equal pieces
    attain both with continuous functions.

    Args:
        pieces: Number n of affine pieces.
        norm: "sup" or "l2".
        domain: An interval; by default [0, 1].
        relative: Divide by the norm of x^2 on the interval.

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
            f"pieces: got a number of {pieces.bit_length()} bits, expected at most 500: the error "
            "would be smaller than the smallest float."
        )
    step = width / pieces
    if norm == "sup":
        value, scale = step**2 / 8, max(a * a, b * b)
    else:
        value = step**2 * math.sqrt(width / 180)
        scale = math.sqrt((b**5 - a**5) / 5)
    source = f"best affine functions on {pieces} equal pieces"
    return Optimum(value / scale if relative else value, norm, "exact", source, relative)


def square_by_units(
    units: int, norm: Norm = "sup", *, domain: Box | None = None, relative: bool = False
) -> Optimum:
    """The least error for x^2 of ReLU networks with N units in any wiring, skips allowed.

    In any feed-forward order a new ReLU is applied to a function that is affine on each present
    piece and crosses zero at most once there, so N ReLUs give at most 2^N pieces; with
    `square_by_pieces` the sup error is at least w^2 2^(-2N-3), which `constructions.square_deep`
    attains. The L2 value is attained by the same network with h^2/6 in the place of h^2/8
    (h = w 2^-N), the mean height of the interpolant over the parabola. So both are exact.

    Example:
        >>> float(square_by_units(4)) == 2.0 ** (-2 * 4 - 3)
        True
    """
    check_positive(units=units)
    check_norm(norm)
    best = square_by_pieces(2 ** int(units), norm, domain=domain, relative=relative)
    source = f"{units} ReLUs make at most 2^{units} pieces"
    return Optimum(best.value, norm, "exact", source, relative)


def relu_spline_asymptotic(
    target: Any, pieces: int, norm: Norm = "sup", *, relative: bool = False
) -> Optimum:
    """The leading term of the least error of linear splines with n free knots, as n grows.

    For f'' continuous: sup error ~ (1/16) n^-2 (int |f''|^(1/2))^2, and L2 error
    ~ (1/sqrt(720)) n^-2 (int |f''|^(2/5))^(5/2) (the constant of best continuous or discontinuous
    pieces is the same to leading order; knots equidistribute the integrands). Both follow from the
    errors h^2 |f''|/16 and h^(5/2) |f''| / sqrt(720) of the best affine function on a short piece.
    It is no bound at a finite n.

    Args:
        target: A function of one point of shape (1,), twice continuously differentiable on its
            `domain`. Targets that say they are not are refused; a kink that nobody declares is not
            seen, because its second derivative is zero wherever it exists.
        pieces: Number n of pieces.
        norm: "sup" or "l2".
        relative: Divide by the norm of the target, by the same quadrature or grid.

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
    if smoothness not in (None, "analytic", "smooth") or kinks or getattr(target, "mask", None):
        raise ValueError(
            f"target: got {target!r} with smoothness {smoothness!r} and kinks {kinks!r}, expected "
            "a smooth target without a mask: others have no such asymptotic constant."
        )
    points, weights = box.gauss_legendre(8, panels=512)

    def bend(x: Any) -> Any:
        return jax.grad(lambda y: jax.grad(target)(y)[0])(x)[0]

    curvature = np.abs(values_at(bend, points))
    if not np.all(np.isfinite(curvature)):
        raise ValueError(
            f"target: the second derivative of {target!r} is not finite on its box, expected a "
            "smooth target. Targets with kinks or jumps have no such asymptotic constant."
        )
    size = values_at(target, points)
    if norm == "sup":
        value = float(weights @ np.sqrt(curvature)) ** 2 / (16 * pieces**2)
        scale = float(np.max(np.abs(size)))
    else:
        value = float(weights @ curvature**0.4) ** 2.5 / (math.sqrt(720) * pieces**2)
        scale = math.sqrt(float(weights @ size**2))
    source = "equidistributed |f''|^(1/2)" if norm == "sup" else "equidistributed |f''|^(2/5)"
    return Optimum(value / scale if relative else value, norm, "asymptotic", source, relative)
