"""Products and sums of squares of several variables, as deep and as shallow ReLU networks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_positive, checked_flag
from approxlab.claims import Claim, Construction
from approxlab.constructions._folds import check_network_size
from approxlab.constructions._levels import check_levels, claimed, within
from approxlab.constructions._relu_rounding import (
    check_held,
    spline_evaluation,
    spline_knots_and_values,
    with_rounding,
)
from approxlab.constructions._square_networks import relu_network
from approxlab.constructions._square_programs import Form, Program, Square, planned
from approxlab.constructions.relu_splines import spline_network
from approxlab.domains import Box
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.targets.target import Target, _with_facts

__all__ = ["product_deep", "sum_of_squares_deep", "sum_of_squares_shallow"]


_MOST_WEIGHTS = 2**25  # of one full matrix, 256 MiB in float64


def product_deep(
    levels: Any = None,
    domain: Any = None,
    *,
    eps: Any = None,
    squares: Any = 2,
    shifted: Any = True,
) -> Construction:
    """The product of all coordinates of a box, from deep squares.

    Two variables, with s, t in [0, 1] their positions on a box of widths v, w and q the interpolant
    of a square at 2^m + 1 equally spaced points, m = `levels`:

    - `squares=2`: s t = ((s + t)/2)^2 - ((s - t)/2)^2, with both squares on ranges of width 1. The
      errors of q have one sign, so they are not added: the sup error is exactly v w 2^(-2m-2).
    - `squares=3`: s t = 2 ((s + t)/2)^2 - s^2/2 - t^2/2 (Yarotsky): exactly v w 2^(-2m-1), and
      3 v w 2^(-2m-3) if each q is lowered by half of its error.

    More variables are multiplied in pairs, and the products again, with all errors propagated.

    All this is about exact arithmetic (`claim.bound.without_rounding`); the claim adds the rounding
    of parameters and of the evaluation in the dtype of the network.

    Args:
        levels: Number m of ReLUs of each square, from 1 to 25.
        domain: A box of d >= 2 dimensions; by default [0, 1]^2.
        eps: In place of `levels`: the claimed error, for which levels are chosen square by square.
        squares: 2 or 3 squares per product.
        shifted: Whether the interpolants are lowered by half of their error.

    Returns:
        A construction with 2 m hidden units in m layers (or 3 m) for two variables.

    Raises:
        ValueError: If not one of `levels` and `eps` is given, or one is out of range; if the domain
            has one dimension; if rounding alone is more than eps.

    Source:
        Yarotsky 2017, Proposition 3; with two squares, by polarisation.

    Example:
        >>> product_deep(3).claim.bound.without_rounding == 2.0**-8
        True
        >>> product_deep(3, squares=3, shifted=False).claim.bound.without_rounding == 2.0**-7
        True
    """
    box = Box.unit(2) if domain is None else domain
    _check_box(box)
    if not hasattr(squares, "__index__") or isinstance(squares, bool) or squares not in (2, 3):
        raise ValueError(f"squares: got {squares!r}, expected 2 or 3, per product.")
    shifted = checked_flag("shifted", shifted)
    check_levels(levels, eps)
    _check_size(box, _largest_product(box))
    program = _product_program(box, squares)
    exact = box.dim == 2
    text = f"products of {squares} squares each"
    if levels is not None:
        plan = planned(program, [int(levels)] * len(program.squares), shifted)
        return claimed(plan, relu_network(plan), _product_target(box), text, exact)
    plan, built = within(lambda _: iter([program]), eps, relu_network)
    return claimed(plan, built, _product_target(box), text, False)


def _check_box(box: Any) -> None:
    if not isinstance(box, Box):
        raise TypeError(f"domain: got {box!r}, expected a Box, such as al.Box.unit(2).")
    if box.dim < 2:
        raise ValueError(
            f"domain: got {box!r}, expected at least 2 dimensions: a product of coordinates. For "
            "powers of one variable use monomial_deep."
        )


def _check_size(box: Box, size: float) -> None:
    check_held("domain", box, size * 4.0)


def _largest_product(box: Box) -> float:
    sides = np.maximum(np.abs(box.lower), np.abs(box.upper))
    with np.errstate(over="ignore"):
        return float(np.prod(np.maximum(sides, 1.0)))


Factor = tuple[Form, Fraction, Fraction, Fraction]  # form, constant, low, high


def _product_program(box: Box, squares: int) -> Program:
    """A binary tree of products."""
    made: list[Square] = []
    ends = list(zip(box.lower, box.upper, strict=True))
    factors: list[Factor] = [
        ({i: Fraction(1)}, Fraction(0), Fraction(a), Fraction(b)) for i, (a, b) in enumerate(ends)
    ]
    while len(factors) > 1:
        pairs = zip(factors[::2], factors[1::2], strict=False)
        made_now = [_product(first, second, squares, made, box.dim) for first, second in pairs]
        factors = made_now + (factors[-1:] if len(factors) % 2 else [])
    form, const, _, _ = factors[0]
    return Program(box, tuple(made), form, const)


def _product(first: Factor, second: Factor, count: int, made: list[Square], dim: int) -> Factor:
    """The product of two factors: v w s t + a w t + c v s + a c, with s, t in [0, 1]."""
    (f, fc, a, b), (g, gc, c, d) = first, second
    v, w = b - a, d - c
    s = ({k: x / v for k, x in f.items()}, (fc - a) / v)
    t = ({k: x / w for k, x in g.items()}, (gc - c) / w)
    half, one, zero = Fraction(1, 2), Fraction(1), Fraction(0)
    if count == 2:
        parts = [(half, half, zero, one, one), (half, -half, -half, half, -one)]
    else:
        parts = [(half, half, zero, one, Fraction(2))]
        parts += [(one, zero, zero, one, -half), (zero, one, zero, one, -half)]
    out: Form = {}
    const = Fraction(0)
    for p, q, low, high, factor in parts:
        form = _mixed(s[0], p, t[0], q)
        made.append(Square(form, p * s[1] + q * t[1], low, high))
        out[dim + len(made) - 1] = v * w * factor
    # xy = v w s t + a y + c x - a c
    for k, x in _mixed(g, a, f, c).items():
        out[k] = out.get(k, Fraction(0)) + x
    const += a * gc + c * fc - a * c
    corners = [x * y for x in (a, b) for y in (c, d)]
    return {k: x for k, x in out.items() if x}, const, min(corners), max(corners)


def _mixed(first: Form, p: Fraction | int, second: Form, q: Fraction | int) -> Form:
    out = {k: p * x for k, x in first.items()}
    for k, x in second.items():
        out[k] = out.get(k, Fraction(0)) + q * x
    return {k: x for k, x in out.items() if x}


def product_of(x: Array) -> Array:
    """The product of all coordinates of a point."""
    return jnp.prod(x)


def _product_target(box: Box) -> Target:
    sides = np.maximum(np.abs(box.lower), np.abs(box.upper))
    others = [float(np.prod(np.delete(sides, i))) for i in range(box.dim)]
    corners = np.prod(box.corners(), axis=1)
    means = 0.5 * (np.asarray(box.upper) ** 2 - np.asarray(box.lower) ** 2)
    target = Target(
        product_of,
        domain=box,
        name="product",
        value_min=float(np.min(corners)),
        value_max=float(np.max(corners)),
        lipschitz=math.hypot(*others),
        second_derivative=1.0 if box.dim == 2 else None,
        integral=float(np.prod(means)),
        smoothness="analytic",
        source="affine in each coordinate: extrema at corners",
    )
    return _with_facts(target)


def sum_of_squares_deep(levels: Any, domain: Any = None, *, shifted: Any = True) -> Construction:
    """x_1^2 + ... + x_d^2, each square by m = `levels` ReLUs, one per layer.

    Each square is piecewise linear with n = 2^m equal pieces. On [0, 1]^d the sup error is exactly
    d / (8 n^2), and d / (4 n^2) for interpolants that are not lowered by half of their error: the
    coordinates are independent, and the errors of one sign are attained together. On a box of
    widths w_i, d is replaced by the sum of w_i^2. The claim adds rounding.

    Args:
        levels: Number of layers m, from 1 to 25.
        domain: A box; by default [0, 1]^2.
        shifted: Whether the interpolants are lowered.

    Returns:
        A construction with d m hidden units in m layers.

    Raises:
        ValueError: If `levels` is out of range.

    Source:
        Yarotsky 2017, Proposition 2, in each coordinate.

    Example:
        >>> sum_of_squares_deep(3, Box.unit(4)).claim.bound.without_rounding == 4 / (8 * 8**2)
        True
    """
    check_levels(levels, None)
    shifted = checked_flag("shifted", shifted)
    box = _box_of_any_dimension(domain)
    wide = 3 * box.dim  # a ReLU and two linear units for each square
    check_network_size("domain", box, (wide, wide), int(levels))
    _check_size(box, _sum(box, 1.0))
    squares = [
        Square({i: Fraction(1)}, Fraction(0), Fraction(a), Fraction(b))
        for i, (a, b) in enumerate(zip(box.lower, box.upper, strict=True))
    ]
    output = {box.dim + i: Fraction(1) for i in range(box.dim)}
    program = Program(box, tuple(squares), output, Fraction(0))
    plan = planned(program, [int(levels)] * box.dim, shifted)
    return claimed(plan, relu_network(plan), _sum_target(box), "a square per coordinate", True)


def sum_of_squares_shallow(n: Any, domain: Any = None, *, shifted: Any = True) -> Construction:
    """x_1^2 + ... + x_d^2 by one hidden layer: each square by n ReLUs.

    The same functions as `sum_of_squares_deep` with n = 2^m, for any n: on [0, 1]^d the sup error
    is exactly d / (8 n^2), or d / (4 n^2) for interpolants that are not lowered. The claim adds
    rounding.

    Args:
        n: Pieces along each axis.
        domain: A box; by default [0, 1]^2.
        shifted: Whether the interpolants are lowered by half of their error.

    Returns:
        A construction with d n hidden units in one layer.

    Raises:
        ValueError: If n is not a positive integer.

    Source:
        Chebyshev: in each coordinate the error alternates on every piece.

    Example:
        >>> sum_of_squares_shallow(5, Box.unit(3)).claim.bound.without_rounding == 3 / (8 * 25)
        True
    """
    check_positive(n=n)
    shifted = checked_flag("shifted", shifted)
    box = _box_of_any_dimension(domain)
    if n * box.dim**2 > _MOST_WEIGHTS:
        raise ValueError(
            f"n: got {n!r} in {box.dim} dimensions, {n * box.dim**2:.3g} weights, expected at most "
            f"{_MOST_WEIGHTS}. Take a smaller n, or sum_of_squares_deep."
        )
    _check_size(box, _sum(box, float(n)))
    weights, biases, jumps, constant, whole, moved = [], [], [], 0.0, 0.0, 0.0
    for i, interval in enumerate(_intervals(box)):
        knots, h = interval.uniform(n + 1)[:, 0], float(interval.widths[0]) / n
        stored = knots.astype(float_dtype(None)).astype(np.float64)
        knots = stored if np.all(np.diff(stored) > 0) else knots
        one = spline_network(knots, knots**2 - (h**2 / 8 if shifted else 0.0))
        whole += _square_spline_error(one, interval)
        heights = np.abs(np.asarray(one.weights[1][0], np.float64))
        reach = float(heights @ np.maximum(interval.upper[0] + np.asarray(one.biases[0]), 0.0))
        moved += reach + abs(float(one.biases[1][0]))
        weights.append(np.eye(box.dim)[np.full(n, i)])
        biases.append(np.asarray(one.biases[0], np.float64))
        jumps.append(np.asarray(one.weights[1][0], np.float64))
        constant += float(one.biases[1][0])
    network = MLP.from_arrays(
        [np.concatenate(weights), np.concatenate(jumps)[None, :]],
        [np.concatenate(biases), np.array([constant])],
        "relu",
    )
    # The sums of all coordinates together have more terms than each alone.
    whole += float(np.finfo(network.dtype).eps) * (0.5 * n * box.dim + box.dim) * moved
    exact = float(_exact_sum(box, n) / (8 if shifted else 4))
    bound = with_rounding(exact, whole, "Chebyshev, in each coordinate", network.dtype, True)
    claim = Claim("sup", bound, n * box.dim, 0, 1)
    return Construction(network, _sum_target(box), claim)


def _exact_sum(box: Box, n: int) -> Fraction:
    ends = zip(box.lower, box.upper, strict=True)
    return sum(((Fraction(b) - Fraction(a)) ** 2 for a, b in ends), Fraction(0)) / n**2


def _square_spline_error(network: MLP, interval: Box) -> float:
    """Of one stored spline against x^2: it is above by at most h^2/4 more than at its knots."""
    places, heights = spline_knots_and_values(network, interval)
    above = heights - places.astype(np.longdouble) ** 2
    most = float(np.max(above)) + float(np.max(np.diff(places))) ** 2 / 4
    return max(most, -float(np.min(above))) + spline_evaluation(network, interval)


def _box_of_any_dimension(domain: Any) -> Box:
    box = Box.unit(2) if domain is None else domain
    if not isinstance(box, Box):
        raise TypeError(f"domain: got {box!r}, expected a Box, such as al.Box.unit(2).")
    return box


def _intervals(box: Box) -> list[Box]:
    return [Box([a], [b]) for a, b in zip(box.lower, box.upper, strict=True)]


def _sum(box: Box, factor: float) -> float:
    with np.errstate(over="ignore"):
        sides = np.maximum(np.abs(box.lower), np.abs(box.upper))
        return factor * float(np.sum(np.square(sides)))


def squared_norm(x: Array) -> Array:
    """The sum of the squared coordinates of a point."""
    return jnp.sum(x * x)


def _sum_target(box: Box) -> Target:
    low, high = np.asarray(box.lower), np.asarray(box.upper)
    most = np.maximum(low**2, high**2)
    least = np.where((low <= 0) & (high >= 0), 0.0, np.minimum(low**2, high**2))
    means = (low * low + low * high + high * high) / 3
    target = Target(
        squared_norm,
        domain=box,
        name="sum of squares",
        value_min=float(np.sum(least)) * (1 - 1e-15),
        value_max=float(np.sum(most)) * (1 + 1e-15),
        lipschitz=2.0 * math.sqrt(float(np.sum(most))) * (1 + 1e-15),
        second_derivative=2.0,
        integral=float(np.sum(means)) * box.volume,
        smoothness="analytic",
        source="elementary",
    )
    return _with_facts(target)
