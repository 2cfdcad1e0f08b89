"""Self-similar functions by folding: the Takagi function and its relatives."""

from __future__ import annotations

import dataclasses
import math
from fractions import Fraction
from typing import Any

import jax
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
from approxlab.constructions.zigzags import checked_interval
from approxlab.domains import Box
from approxlab.networks.mlp import float_dtype
from approxlab.targets.catalogue import get
from approxlab.targets.target import Target

__all__ = ["self_similar_deep", "takagi_deep"]

_MOST_LEVELS = 40
_TERMS = 1100  # of the target's sum, for weights near 1


def takagi_deep(levels: Any, domain: Any = None, *, linear_units: Any = False) -> Construction:
    """The Takagi function by N levels of the tent map, with error exactly 2^-N / 3.

    T(t) = sum_{k>=1} tent^k(t) / 2^k. After N terms the remainder is 2^-N T(tent^N(t)), which takes
    all values from 0 to 2^-N 2/3. Half of that is added, so the sup error is 2^-N / 3. T is nowhere
    differentiable, and its modulus of continuity is h log(1/h): a shallow network of n units has no
    better error than of order 1/n, where a deep one has 2^-N with O(N) units.

    Args:
        levels: Number N of terms and of layers, at most 40.
        domain: An interval, onto which the target is moved; by default [0, 1].
        linear_units: If true, each layer holds one ReLU, and linear units pass on the tent and the
            sum; else plain layers of two ReLUs and, from the second on, one for the sum.

    Returns:
        A construction with 3 N - 1 hidden units in plain layers (N with linear units) and depth N.
        On [0, 1] it has 2^N - 2^(N-2) pieces for N >= 2, as the kinks that the last but one tent
        makes are straightened by the last one. The claim adds the rounding in the dtype of the
        network, and that of the target.

    Raises:
        ValueError: If `levels` is not an integer from 1 to 40, or the domain is not an interval.

    Source:
        Takagi 1903; max T = 2/3, at t = 1/3, which tent maps to 2/3, a fixed point of tent.

    Example:
        >>> built = takagi_deep(6)
        >>> built.claim.bound.without_rounding == 2.0**-6 / 3, built.network.num_hidden_units
        (True, 17)
    """
    check_positive(levels=levels)
    linear_units = checked_flag("linear_units", linear_units)
    box = checked_interval(domain)
    _check_levels(levels)
    target = get("takagi")
    check_held("domain", box, 4.0 / float(box.widths[0]))
    if box != target.domain:
        try:
            target = target.moved_to(box)
        except OverflowError:  # the ratio of the widths, squared
            check_held("domain", box, math.inf)
    tail = Fraction(1, 2 ** int(levels)), Fraction(2, 3)
    middle = tail[0] * tail[1] / 2
    source = "the remainder is 2^-N T(tent^N), between 0 and 2^-N 2/3"
    built = _sum(target, Fraction(1, 2), 2, int(levels), box, middle, middle, source, linear_units)
    if box != Box.unit():  # rounded parameters leave small kinks
        return built
    pieces = 2**levels - 2**levels // 4
    return dataclasses.replace(built, claim=dataclasses.replace(built.claim, pieces=pieces))


def self_similar_deep(
    weight: Any,
    levels: Any,
    teeth: Any = 2,
    domain: Any = None,
    *,
    linear_units: Any = False,
) -> Construction:
    """The sum over k >= 1 of weight^k z^k(t), with z the zigzag of p teeth on [0, 1].

    F(t) = weight (z(t) + F(z(t))). The remainder after N terms is weight^N F(z^N(t)), and z^N takes
    all values, so the best constant in its place leaves |weight|^N (max F - min F) / 2. The range
    of F is enclosed by its first terms, at their kinks, and the sum of the others. With two teeth,
    weight 1/2 gives the Takagi function, and 1/4 gives t (1 - t).

    Args:
        weight: A number between -1 and 1, not 0.
        levels: Number N of terms and of layers, at most 40.
        teeth: The number p of pieces of z, at least 2.
        domain: An interval, onto which F is moved; by default [0, 1].
        linear_units: As in `takagi_deep`: p - 1 ReLUs per layer instead of p and one for the sum.

    Returns:
        A construction with N (p + 1) - 1 hidden units in plain layers. The claim adds rounding,
        that of the target included.

    Raises:
        ValueError: If an argument is out of range, or rounding is larger than the range of F.

    Source:
        Hata & Yamaguti 1984 (the family, for two teeth); the remainder is elementary.

    Example:
        >>> built = self_similar_deep(-0.5, 5)
        >>> built.claim.depth, float(built.claim.bound) < 0.02
        (5, True)
    """
    number = hasattr(weight, "__float__") and not hasattr(weight, "__len__")
    if not number or isinstance(weight, bool) or not 0.0 < abs(weight) < 1.0:
        raise ValueError(f"weight: got {weight!r}, expected a number between -1 and 1, not 0.")
    check_positive(levels=levels, teeth=teeth)
    linear_units = checked_flag("linear_units", linear_units)
    _check_levels(levels)
    if teeth < 2:
        raise ValueError(f"teeth: got {teeth!r}, expected at least 2: one tooth is the identity.")
    a, p = float(weight), int(teeth)
    check_network_size("teeth", teeth, (p + 1, p + 1), int(levels))
    low, high = _range(a, p)
    box = checked_interval(domain)
    ends = sorted([Fraction(a) ** int(levels) * Fraction(end) for end in (low, high)])
    middle, radius = (ends[0] + ends[1]) / 2, (ends[1] - ends[0]) / 2
    target = Target(
        SelfSimilar(a, p, box),
        domain=box,
        name=f"self-similar, weight {a:g}, {p} teeth",
        value_min=low,
        value_max=high,
        continuous=True,
        source="uniform convergence; the range by its first terms",
    )
    source = "the remainder is weight^N F(z^N), in the range of F"
    return _sum(target, Fraction(a), p, int(levels), box, middle, radius, source, linear_units)


def _sum(
    target: Target,
    weight: Fraction,
    p: int,
    count: int,
    box: Box,
    middle: Fraction,
    radius: Fraction,
    source: str,
    linear_units: bool,
) -> Construction:
    """The network of the first terms plus `middle`, with the claim `radius` and rounding."""
    check_held("domain", box, 2 * p / float(box.widths[0]))
    left, width = Fraction(box.lower[0]), Fraction(box.upper[0]) - Fraction(box.lower[0])
    tooth = equal_teeth(p, width)
    levels = [
        Level(
            tooth.knots,
            tooth.jumps,
            parts=tuple(weight**k / width * v for v in tooth.jumps),
        )
        for k in range(1, count + 1)
    ]
    lowest = min(Fraction(0), weight / (1 - weight**2))  # odd terms alone, at their least
    network = folded(levels, left, lowest, middle, linear_units)
    whole = folded_rounding(levels, box, lowest, middle, network) + float(radius)
    whole += _rounding_of_target(abs(float(weight)), p, box)
    if not whole <= 1.0 / (1.0 - abs(float(weight))):
        raise ValueError(
            f"levels: got {count}, for which rounding in {float_dtype(None)} is larger than the "
            "values. Take fewer levels or teeth, or x64."
        )
    attained = weight == Fraction(1, 2) and p == 2
    bound = with_rounding(float(radius), whole, source, network.dtype, attained)
    units = count * (p - 1) if linear_units else count * (p + 1) - 1
    linear = 2 * count - 1 if linear_units else 0
    return Construction(network, target, Claim("sup", bound, units, linear, count))


def _rounding_of_target(weight: float, p: int, box: Box) -> float:
    """How much a moved argument changes the infinite sum, and the rounding of its terms."""
    eps = float(np.finfo(float_dtype(None)).eps)
    far, width = max(abs(box.lower[0]), abs(box.upper[0])), float(box.widths[0])
    moved = 3.0 * eps * (far / width + 1.0)
    total, lipschitz, size = 0.0, 1.0, 1.0
    for _ in range(_TERMS):
        # After k folds the argument has moved p^k as much, and each fold rounds.
        lipschitz, size = lipschitz * p, size * weight
        total += size * min(1.0, 4.0 * lipschitz * moved)
        if size < eps * (1.0 - weight):
            break
    return total + 8.0 * eps / (1.0 - weight) ** 2 + size / (1.0 - weight)


def _range(a: float, p: int) -> tuple[float, float]:
    """An enclosure of the values of F: at the kinks of its first terms, plus the others."""
    count = max(1, int(16 * math.log(2) / math.log(p)))
    t = np.arange(p**count + 1) / p**count
    place, total, size = np.arange(p**count + 1), np.zeros(len(t)), 1.0
    for _ in range(count):
        place = np.abs(p * place - 2 * p**count * np.rint(p * place / (2 * p**count)))
        size *= a
        total += size * place / p**count
    ends = (0.0, a / (1.0 - a)) if a > 0 else (a / (1.0 - a * a), a * a / (1.0 - a * a))
    rest = sorted(size * end for end in ends)
    room = 64 * np.finfo(float).eps / (1.0 - abs(a))
    return float(np.min(total) + rest[0] - room), float(np.max(total) + rest[1] + room)


@dataclasses.dataclass(frozen=True)
class SelfSimilar:
    """The value of the sum at a point of shape (1,), as far as its dtype tells."""

    weight: float
    teeth: int
    box: Box

    def __call__(self, x: Array) -> Any:
        """The sum at x[0]."""
        a, p, left = self.weight, self.teeth, self.box.lower[0]
        eps = float(np.finfo(x.dtype).eps)
        count = min(_TERMS, math.ceil(math.log(eps * (1.0 - abs(a))) / math.log(abs(a))))
        t = jnp.clip((x[0] - left) / float(self.box.widths[0]), 0.0, 1.0)

        def step(_: Any, state: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
            t, total, size = state
            t, size = jnp.abs(p * t - 2.0 * jnp.round(0.5 * p * t)), size * a
            return t, total + size * t, size

        start = (t, jnp.zeros_like(t), jnp.ones_like(t))
        return jax.lax.fori_loop(0, count, step, start)[1]


def _check_levels(levels: int) -> None:
    if levels > _MOST_LEVELS:
        raise ValueError(
            f"levels: got {levels}, expected at most {_MOST_LEVELS}: rounding is larger than what "
            "further levels add."
        )
