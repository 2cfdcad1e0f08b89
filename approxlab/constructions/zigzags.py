"""Zigzags with many pieces from few ReLUs: any number of teeth per layer, and the most pieces."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_positive, checked_flag
from approxlab.claims import Claim, Construction
from approxlab.constructions._folds import (
    Level,
    check_network_size,
    equal_teeth,
    folded,
    folded_rounding,
)
from approxlab.constructions._relu_rounding import check_held, with_rounding
from approxlab.domains import Box, check_interval
from approxlab.networks.mlp import float_dtype
from approxlab.targets.target import Target

__all__ = ["checked_interval", "checked_teeth", "most_pieces", "sawtooth_deep"]

_ZERO = Fraction(0)


def sawtooth_deep(teeth: Any, domain: Any = None, *, linear_units: Any = False) -> Construction:
    """The zigzag with p_1 p_2 ... p_L equal pieces on an interval, by L layers of p_k ReLUs.

    Let fold(s) be the distance of s from the nearest even integer. The zigzag z_p(t) = fold(p t)
    maps [0, 1] onto itself with p pieces of slope +-p, and z_q(z_p(t)) = z_pq(t), as fold is even
    and has the period 2. With w the width of the interval, layer k holds
    relu(w z - j w / p_k), j = 0, ..., p_k - 1, of the zigzag z of the layers before it. A shallow
    network needs one unit for each of the P - 1 kinks, P = p_1 ... p_L. In plain layers of w units
    a network can have more pieces, which are then not equal: `most_pieces`.

    Args:
        teeth: The numbers p_k of pieces per layer, each at least 2; its length is the depth.
        domain: An interval [a, b]; by default [0, 1].
        linear_units: If true, the unit j = 0 of each layer is a linear unit, so that layer k holds
            p_k - 1 ReLUs; with two teeth per layer this is `tent_deep`.

    Returns:
        A construction with P pieces. Its values run from 0 to 1, starting at 0. The error is 0 in
        exact arithmetic; the claim is the rounding of points, parameters and evaluation, which a
        slope of P / (b - a) makes larger.

    Raises:
        ValueError: If `teeth` is not a sequence of integers from 2, the domain is not an interval,
            or rounding in the dtype of networks exceeds 1/4, so that nothing would be claimed.

    Source:
        Telgarsky 2016 (two teeth); Montufar et al. 2014, section 3.1 (p teeth).

    Example:
        >>> built = sawtooth_deep((4, 3))
        >>> built.claim.pieces, built.network.num_hidden_units
        (12, 7)
    """
    teeth = checked_teeth(teeth)
    linear_units = checked_flag("linear_units", linear_units)
    box = checked_interval(domain)
    pieces = math.prod(teeth)
    check_network_size("teeth", teeth, teeth)
    _check_slope("teeth", teeth, pieces)
    check_held("domain", box, 2 * max(teeth) / float(box.widths[0]))
    left, width = Fraction(box.lower[0]), Fraction(box.upper[0]) - Fraction(box.lower[0])
    levels = [equal_teeth(p, width) for p in teeth]
    levels[-1] = _read(levels[-1], 1 / width)
    network = folded(levels, left, _ZERO, _ZERO, linear_units)
    eps = float(np.finfo(float_dtype(None)).eps)
    far = max(abs(box.lower[0]), abs(box.upper[0]), float(width))
    of_target = eps * pieces * (4.0 + far / float(width))  # its folded argument, and that of x
    whole = folded_rounding(levels, box, _ZERO, _ZERO, network) + of_target
    _check_rounding("teeth", teeth, whole)
    bound = with_rounding(0.0, whole, "z_q(z_p(t)) = z_pq(t)", network.dtype, True)
    units = sum(teeth) - len(teeth) * linear_units
    linear = len(teeth) * linear_units
    claim = Claim("sup", bound, units, linear, len(teeth), pieces)
    return Construction(network, _zigzag(box, pieces), claim)


def _zigzag(box: Box, pieces: int) -> Target:
    a, w = box.lower[0], float(box.widths[0])

    def fold(x: Array) -> Any:
        s = (x[0] - a) / w * pieces
        return jnp.abs(s - 2.0 * jnp.round(0.5 * s))

    listed = pieces <= 2**12
    kinks = tuple(a + w * j / pieces for j in range(1, pieces)) if listed else None
    return Target(
        fold,
        domain=box,
        name=f"zigzag{pieces}",
        value_min=0.0,
        value_max=1.0,
        lipschitz=pieces / w,
        integral=0.5 * w,
        smoothness="kink",
        kinks=kinks,
        source=f"{pieces} equal pieces between 0 and 1",
    )


def _read(level: Level, scale: Fraction) -> Level:
    """The level with its own state, scaled, as its part of the sum."""
    parts = tuple(scale * v for v in level.jumps)
    return Level(level.knots, level.jumps, level.start, level.signs, parts, scale * level.start)


def most_pieces(width: Any, depth: Any) -> Construction:
    """A ReLU network of given width and depth, without linear units, with very many pieces.

    - Width w >= 3: (w + 1)^L pieces on [0, 1], which no network of this size can exceed
      (`optimal.max_pieces`). Each layer maps [0, 1] onto itself with w + 1 pieces, each onto
      [0, 1]. All units but one are relu(G - k_j); the third one is relu(k_3 - G), which gives the
      first slope. So the first slope is the sum of the sizes of the third and the fourth, and the
      pieces are not equal.
    - Width 2: 2^(L + 1) - 1 pieces. The layers have three pieces, two upwards and one downwards.
      This is the most for L = 1 (3 pieces) and L = 2 (7): with h_1, h_2 of one layer, a function
      c + v_1 h_1 + v_2 h_2 has the slopes x, x + y, y, or is constant on one piece, so it has at
      most two zeros, and the second layer adds at most 4 kinks to 2. Whether more is possible for
      L >= 3 is not known to this library.
    - Width 1: 2 pieces for L = 1 and 3 for L >= 2, the most: from the second layer on, a unit is a
      clamp, constant outside of an interval and affine on it, and stays one.

    Args:
        width: ReLUs per layer.
        depth: Number of layers.

    Returns:
        A construction for the function that the network is, written by minima and maxima of
        affine functions and evaluated without the network. The claim is the rounding of both.

    Raises:
        ValueError: If an argument is not a positive integer, or rounding in the dtype of networks
            exceeds 1/4 of the range of values.

    Source:
        (w + 1)^L is an upper bound by Raghu et al. 2017; layers of the kind above attain it. The
        argument for w <= 2 is that above.

    Example:
        >>> [most_pieces(width, 2).claim.pieces for width in (1, 2, 3, 5)]
        [3, 7, 16, 36]
    """
    check_positive(width=width, depth=depth)
    width, depth = int(width), int(depth)
    check_network_size("width", width, (width, width), depth)
    if width > 1:
        _check_slope("depth", depth, (width + 1 if width > 2 else 2) ** depth)
    pieces, levels, maps = _most(width, depth)
    box = Box.unit()
    network = folded(levels, _ZERO, _ZERO, _ZERO, False)
    rounding = folded_rounding(levels, box, _ZERO, _ZERO, network)
    whole = 2.0 * rounding  # the target's operations are fewer and of the same size
    _check_rounding("depth", depth, whole)
    bound = with_rounding(0.0, whole, "the same maps, layer by layer", network.dtype, True)
    slope = math.prod(level.slope(level.jumps) for level in levels)
    target = Target(
        _composed(maps),
        domain=box,
        name=f"folds of width {width} and depth {depth}",
        lipschitz=slope,
        smoothness="kink",
        source="slopes of the maps, multiplied",
    )
    return Construction(network, target, Claim("sup", bound, width * depth, 0, depth, pieces))


def _most(width: int, depth: int) -> tuple[int, list[Level], list[Callable[[Any], Any]]]:
    """The number of pieces, the levels, and each level as a function of its own."""
    if width == 1:
        # relu(t - 1/4), then relu(1/4 - h), then relu of it: a clamp.
        level = Level((Fraction(1, 4),), (Fraction(1),))
        clamp = Level((Fraction(1, 4),), (Fraction(1),), _ZERO, (-1,))
        same = Level((_ZERO,), (Fraction(1),))
        levels = [level, clamp, *[same] * (depth - 2)][:depth]
        levels[-1] = _read(levels[-1], Fraction(1))
        return (2 if depth == 1 else 3), levels, [_piecewise(level) for level in levels]
    level = _two_units() if width == 2 else _all_pieces(width)
    levels = [level] * (depth - 1) + [_read(level, Fraction(1))]
    pieces = 2 ** (depth + 1) - 1 if width == 2 else (width + 1) ** depth
    return pieces, levels, [_piecewise(level)] * depth


def _two_units() -> Level:
    """Up with the slopes x and x + y to the value 1, then down with the slope y to 0, on [0, 1].

    The knots are chosen so that 24 iterates of the map, at least, take 3/22 to no knot again.
    """
    low, high, up, down = Fraction(3, 22), Fraction(9, 22), Fraction(418, 117), Fraction(-22, 13)
    return Level((low, high), (down, -up), 1 - down * (high - low), (1, -1))


def _all_pieces(width: int) -> Level:
    """Pieces onto [0, 1] with slopes s_1 = s_3 + s_4: all units to the right but the third."""
    unit = Fraction(1, 2 * (width + 1))
    lengths = [unit, _ZERO, 2 * unit, 2 * unit, *[2 * unit] * (width - 3)]
    lengths[1] = 1 - sum(lengths, _ZERO)
    slopes = [(-1) ** i / length for i, length in enumerate(lengths)]
    knots = list(itertools.accumulate(lengths))[:width]
    jumps = [slopes[i + 1] - slopes[i] for i in range(width)]
    signs = [-1 if i == 2 else 1 for i in range(width)]
    start = -jumps[2] * knots[2]  # so that the value at 0 is 0
    return Level(tuple(knots), tuple(jumps), start, tuple(signs))


def _piecewise(level: Level) -> Callable[[Any], Any]:
    """The level between its knots and beyond: affine pieces, chosen by the place of the point."""
    slope = -sum((v for v, s in zip(level.jumps, level.sides, strict=True) if s < 0), _ZERO)
    height = level.start + sum(
        (v * k for v, k, s in zip(level.jumps, level.knots, level.sides, strict=True) if s < 0),
        _ZERO,
    )
    slopes, heights = [slope], [height]
    for knot, jump in zip(level.knots, level.jumps, strict=True):
        slopes.append(slopes[-1] + jump)
        heights.append(heights[-1] - jump * knot)
    knots, lines = np.array([float(k) for k in level.knots]), (slopes, heights)
    slope_row, height_row = (np.array([float(v) for v in row]) for row in lines)

    def value(t: Any) -> Any:
        piece = jnp.searchsorted(jnp.asarray(knots, t.dtype), t)
        rows = jnp.asarray(slope_row, t.dtype), jnp.asarray(height_row, t.dtype)
        return rows[0][piece] * t + rows[1][piece]

    return value


def _composed(maps: list[Callable[[Any], Any]]) -> Callable[[Array], Any]:
    def value(x: Array) -> Any:
        t = x[0]
        for one in maps:
            t = one(t)
        return t

    return value


def _check_rounding(name: str, got: Any, whole: float) -> None:
    if not whole <= 0.25:
        raise ValueError(
            f"{name}: got {got!r}, for which rounding in {float_dtype(None)} can move a value by "
            f"{whole:.2g}, expected at most 1/4: the slopes multiply. Take fewer or smaller "
            "layers, or x64."
        )


def _check_slope(name: str, got: Any, slope: int) -> None:
    """Before anything is built: the slope multiplies the rounding of a point."""
    eps = float(np.finfo(float_dtype(None)).eps)
    _check_rounding(name, got, eps * float(min(slope, 10**300)))


def checked_teeth(teeth: Any) -> tuple[int, ...]:
    """Numbers of pieces per layer, each at least 2."""
    if isinstance(teeth, str) or not hasattr(teeth, "__len__") or len(teeth) == 0:
        raise ValueError(
            f"teeth: got {teeth!r}, expected the numbers of pieces per layer, such as (4, 4, 4)."
        )
    for p in teeth:
        if not hasattr(p, "__index__") or isinstance(p, bool) or p < 2:
            raise ValueError(f"teeth: got {p!r} in {teeth!r}, expected integers of at least 2.")
    return tuple(int(p) for p in teeth)


def checked_interval(domain: Any) -> Box:
    """The interval, by default [0, 1]."""
    if domain is None:
        return Box.unit()
    if not isinstance(domain, Box):
        raise TypeError(f"domain: got {domain!r}, expected a Box, such as al.Box([0.0], [1.0]).")
    check_interval(domain)
    return domain
