"""The square in plain layers of any widths, and with linear units, with p teeth per layer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from approxlab.arguments import checked_flag
from approxlab.claims import Claim, Construction
from approxlab.constructions._folds import (
    Level,
    check_network_size,
    equal_teeth,
    folded,
    folded_rounding,
)
from approxlab.constructions._parabola import square_on
from approxlab.constructions._relu_rounding import with_rounding
from approxlab.constructions.zigzags import checked_teeth
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.optimal.closed_forms import square_by_pieces

__all__ = ["square_layered", "square_levels"]

_MOST_PIECES = 2**25  # with more pieces, w^2 / (8 P^2) is below the rounding of float64


def square_layered(teeth: Any, domain: Any = None, *, linear_units: Any = False) -> Construction:
    """The square by layers of p_k teeth: the best approximation with P = p_1 ... p_L pieces.

    On [0, 1] let z_k be the zigzag with P_k = p_1 ... p_k pieces and I_p the interpolant of
    q(t) = t (1 - t) at the multiples of 1/p. On a piece of length 1/p, q - I_p is q(z_p(t)) / p^2,
    so q = sum_k I_{p_k}(z_{k-1}) / P_{k-1}^2 + q(z_L) / P^2, and the sum is the interpolant of q at
    the multiples of 1/P. So t - sum is that of t^2, at most 1/(4 P^2) above it; lowered by 1/(8
    P^2), its sup error is 1/(8 P^2), and w^2/(8 P^2) on an interval of width w. All I_p are sums of
    the ReLUs of the zigzag. In plain layers one more ReLU per layer, from the second on, passes on
    the interpolant of x^2 so far, which is not negative.

    Args:
        teeth: The numbers p_k of pieces per layer, each at least 2; its length is the depth L.
        domain: An interval; by default [0, 1].
        linear_units: If true, the network has p_k - 1 ReLUs in layer k, one linear unit for the
            zigzag and, from layer 2 on, one for the sum. With two teeth per layer this has the
            sizes of `square_deep`.

    Returns:
        A construction with P pieces, the sum of all p_k + L - 1 hidden units in plain layers. The
        error is w^2/(8 P^2) in exact arithmetic, the least of all functions with P pieces
        (`optimal.square_by_pieces`); the claim adds the rounding in the dtype of the network.

    Raises:
        ValueError: If `teeth` is not a sequence of integers from 2, P exceeds 2^25, or the domain
            is not an interval.

    Source:
        Yarotsky 2017, Proposition 2, for two teeth; the sum for p teeth is above.

    Example:
        >>> plain, linear = square_layered((4, 4)), square_layered((4, 4), linear_units=True)
        >>> plain.claim.bound.without_rounding == 1 / (8 * 16**2)
        True
        >>> plain.network.num_hidden_units, linear.network.num_hidden_units
        (9, 6)
    """
    teeth = checked_teeth(teeth)
    linear_units = checked_flag("linear_units", linear_units)
    pieces = math.prod(teeth)
    if pieces > _MOST_PIECES:
        raise ValueError(
            f"teeth: got {teeth!r}, {pieces} pieces, expected at most 2^25 = {_MOST_PIECES}: for "
            "more the error is smaller than the rounding of float64."
        )
    check_network_size("teeth", teeth, teeth)
    target = square_on(domain)
    box = target.domain
    optimum = square_by_pieces(pieces, domain=box)
    network, rounding = _network(teeth, box, linear_units)
    source = f"interpolation at {pieces + 1} points, lowered by half its error"
    bound = with_rounding(optimum.value, optimum.value + rounding, source, network.dtype, True)
    depth = len(teeth)
    units = sum(teeth) - depth if linear_units else sum(teeth) + depth - 1
    linear = 2 * depth - 1 if linear_units else 0
    return Construction(network, target, Claim("sup", bound, units, linear, depth, pieces))


def _network(teeth: Sequence[int], box: Box, linear_units: Any) -> tuple[MLP, float]:
    """The network of the lowered interpolant, and its rounding."""
    left, right = Fraction(box.lower[0]), Fraction(box.upper[0])
    width = right - left
    levels = square_levels(teeth, left, width)
    lowest = min(left**2, right**2) if left * right > 0 else Fraction(0)
    shift = -(width**2) / (8 * math.prod(teeth) ** 2)
    network = folded(levels, left, lowest, shift, linear_units)
    return network, folded_rounding(levels, box, lowest, shift, network)


def square_levels(teeth: Any, left: Fraction, width: Fraction) -> list[Level]:
    """The levels whose parts add up to the interpolant of x^2 at P + 1 points of the interval."""
    levels, pieces = [], 1
    for k, p in enumerate(teeth):
        level = equal_teeth(p, width)
        scale = width / (p * pieces**2)
        parts = [-scale * (p - 1), *[2 * scale] * (p - 1)]
        if k == 0:
            parts[0] += width + 2 * left
        constant = left**2 if k == 0 else Fraction(0)
        levels.append(Level(level.knots, level.jumps, parts=tuple(parts), constant=constant))
        pieces *= p
    return levels
