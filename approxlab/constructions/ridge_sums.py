"""One hidden layer in d dimensions: each ridge function is replaced by a sum of sigmoids.

`ridge_sum` divides eps among the ridges so that few units are needed. With curvature bounds M_r on
intervals of width w_r, a ridge with claim e_r takes about w_r sqrt(M_r / (2 e_r)) units. Of all e_r
with a given sum, those proportional to (w_r^2 M_r)^(1/3) take the fewest units altogether, namely
(sum_r (w_r^2 M_r)^(1/3))^(3/2) / sqrt(2 sum_r e_r). With Lipschitz constants alone (and always for
jumps) a ridge takes L_r w_r / (2 e_r) units; the best e_r are then proportional to sqrt(L_r w_r),
and so are the numbers of units.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from approxlab.arguments import float_below
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._cybenko import cybenko, fewest_units, pieces_needed
from approxlab.constructions.ridge_expansions import (
    Ridge,
    RidgeExpansion,
    cosine_expansion,
    gaussian_expansion,
    largest_term,
)
from approxlab.constructions.sigmoid_sums import MOST_UNITS
from approxlab.evaluation import values_at
from approxlab.networks.mlp import MLP
from approxlab.targets.catalogue import get
from approxlab.targets.genz import golden_positions
from approxlab.targets.target import Target

__all__ = ["expansions", "fewest_ridge_units", "replaced", "ridge_sum", "ridge_units"]

_SLOPES = MappingProxyType({"sigmoid": 0.25, "tanh": 1.0, "relu": 1.0, "heaviside": 0.0})
_PER_RIDGE = 10  # about as many units lie beyond the ends of an interval if curvature is used


def ridge_sum(
    target: Target | RidgeExpansion, eps: float | int, *, activation: str = "sigmoid"
) -> Construction:
    """A single sum of sigmoids in d dimensions that is closer than eps to a target, by proof.

    Cybenko's theorem made constructive for targets with a known ridge-function expansion
    g = sum_r p_r(a_r . x + b_r) + remainder: each profile p_r, a function of one variable, is
    replaced by a sum of sigmoids (`cybenko`) with claim e_r, and a sigmoid of a_r . x + b_r is a
    unit in d dimensions. The claim is remainder + sum e_r + rounding. The e_r are chosen so that
    few units are needed; how is at the head of the module.

    Args:
        target: An expansion, or a target of the catalogue with known `expansions`, of which the one
            with the fewest units is used.
        eps: A positive number, larger than the remainder; the error stays below it.
        activation: "sigmoid", "tanh", "heaviside", or "relu" (linear interpolation).

    Returns:
        A construction with one hidden layer and a claim below eps.

    Raises:
        TypeError: If the target is neither a `Target` nor a `RidgeExpansion`.
        ValueError: If eps is not positive or not above the remainder, if no expansion of the target
            is known, or if the units do not fit into memory (the message gives their number).

    Source:
        Cybenko 1989 for existence; ridges by Fourier analysis as in Jones 1992 and Barron 1993.

    Example:
        >>> from approxlab.targets import get
        >>> built = ridge_sum(get("sine_product"), 0.05)   # two ridges: cos pi (x +- y)
        >>> built.network.depth, float(built.claim.bound) < 0.05
        (1, True)
    """
    if isinstance(eps, bool) or not 0.0 < eps < math.inf:
        raise ValueError(
            f"eps: got {eps!r}, expected a positive number, which the error stays below, "
            "such as 1e-2."
        )
    known = [target] if isinstance(target, RidgeExpansion) else expansions(target)
    within = [one for one in known if float(one.remainder) < eps]
    if not within:
        least = min(float(one.remainder) for one in known)
        raise ValueError(
            f"eps: got {eps!r}, expected more than {least:.3g}, the remainder of the expansion of "
            f"{known[0].target!r}. Give an expansion with more ridges."
        )
    curved = activation != "heaviside"
    best = min(within, key=lambda one: ridge_units(one, float_below(eps), curved))
    units = ridge_units(best, float_below(eps), curved)
    if units > MOST_UNITS:
        raise ValueError(
            f"eps: got {eps!r} for {best.target!r}, which takes about {units:.3g} units in "
            f"{len(best.ridges)} ridges, expected at most {MOST_UNITS}. Ask for a larger eps."
        )
    costs = np.array([_cost(ridge, curved) for ridge in best.ridges])
    room = (float_below(eps) - float(best.remainder)) * (1.0 - 1e-6)
    goal = room
    while goal > 0.5 * room:
        parts = [
            cybenko(ridge.profile, float(share), activation=activation)
            for ridge, share in zip(best.ridges, costs / costs.sum() * goal, strict=True)
        ]
        built = replaced(best, parts)
        if float(built.claim.bound) < eps:
            return built
        # Rounding takes a part of eps, and a little more with finer parts.
        proved = math.fsum(float(part.claim.bound) for part in parts)
        lost = float(built.claim.bound) - float(best.remainder) - proved
        goal = min(0.99 * goal, room - 1.05 * lost)
    raise ValueError(
        f"eps: got {eps!r} for {best.target!r}, expected more: rounding in {built.network.dtype} "
        f"leaves the claim at {float(built.claim.bound):.3g}. Compute in float64, move the target "
        "to a box nearer to the origin, or ask for a larger eps."
    )


def replaced(expansion: RidgeExpansion, parts: Sequence[Construction]) -> Construction:
    """The network in which each ridge of an expansion is replaced by a network of one variable.

    Any constructions with one hidden layer and a claim in the sup norm can be used: `staircase`,
    `relu_interpolant` or `costarelli_spigler`, of any size.

    Args:
        expansion: The expansion.
        parts: One construction per ridge, for its profile; all with the same activation.

    Returns:
        A construction with all units of the parts in one hidden layer. Its claim is the remainder
        plus the sum of the claims plus the rounding of directions and of longer sums.

    Raises:
        ValueError: If the parts do not belong to the ridges, one by one, have more than one hidden
            layer, linear units or different activations.

    Example:
        >>> from approxlab.targets import get
        >>> from approxlab.constructions.relu_splines import relu_interpolant
        >>> waves = expansions(get("sine_product"))[0]
        >>> built = replaced(waves, [relu_interpolant(r.profile, 16) for r in waves.ridges])
        >>> built.network.sizes, round(float(built.claim.bound), 4)
        ((2, 32, 1), 0.0193)
    """
    parts = tuple(parts)
    if len(parts) != len(expansion.ridges):
        raise ValueError(
            f"parts: got {len(parts)}, expected {len(expansion.ridges)}, one for each ridge."
        )
    for ridge, part in zip(expansion.ridges, parts, strict=True):
        net = part.network
        if part.target is not ridge.profile or part.claim.norm != "sup":
            raise ValueError(
                f"parts: got {part!r}, expected a construction for the profile of its ridge with "
                "a claim in the sup norm."
            )
        if (net.depth, net.num_linear_units) != (1, 0) or net.activation not in _SLOPES:
            raise ValueError(
                f"parts: got {net!r}, expected one hidden layer without linear units, and one of "
                f"{', '.join(_SLOPES)}."
            )
        if net.activation != parts[0].network.activation:
            raise ValueError("parts: got different activations, expected the same in all parts.")
    nets = [part.network for part in parts]
    directions, shifts = [], []
    for net, ridge in zip(nets, expansion.ridges, strict=True):
        slopes = np.asarray(net.weights[0])
        directions.append(slopes * np.asarray(ridge.direction))
        shifts.append(np.asarray(net.biases[0]) + slopes[:, 0] * ridge.offset)
    heights = np.concatenate([np.asarray(net.weights[1]) for net in nets], axis=1)
    constant = expansion.constant + np.sum([np.asarray(net.biases[1]) for net in nets], axis=0)
    network = MLP.from_arrays(
        [np.concatenate(directions), heights],
        [np.concatenate(shifts), constant],
        nets[0].activation,
    )
    claims = math.fsum(float(part.claim.bound) for part in parts)
    value = float(expansion.remainder) + claims + _rounding(expansion, parts, network)
    source = f"{len(parts)} ridges: {expansion.remainder.source}; {parts[0].claim.source}"
    claim = Claim("sup", Bound(value, source), network.num_hidden_units, 0, 1)
    return Construction(network, expansion.target, claim)


def expansions(target: Target) -> list[RidgeExpansion]:
    """The known ridge-function expansions of a target of the catalogue, on its own box.

    `sine_product` and `oscillatory` are waves; `bump`, `gaussian` and `genz_gaussian` (with default
    parameters) have expansions with 1 ridge in one dimension, 1 to 24 in two, and 6, 16 or 31 in
    three. For another box write `expansions(target)[i].moved_to(box)`, for other targets
    `cosine_expansion`, `gaussian_expansion` or `RidgeExpansion`.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If no expansion is known.

    Example:
        >>> from approxlab.targets import get
        >>> [len(e.ridges) for e in expansions(get("bump", dim=3))]
        [6, 16, 31]
    """
    if not isinstance(target, Target):
        raise TypeError(
            f"target: got {type(target).__name__}, expected a Target of the catalogue or a "
            "RidgeExpansion."
        )
    if target.name in _KNOWN:
        originals = [get(target.name)]  # `get` with and without a dimension gives two objects
        if target.name != "sine_product":
            originals.append(get(target.name, dim=target.dim))
        if any(_same(target, one) for one in originals):
            return list(_expanded(target))
    raise ValueError(
        f"target: got {target!r}, which has no known expansion in ridges, expected one of "
        f"{', '.join(_KNOWN)} on its own box with default parameters. For another box write "
        "expansions(original)[0].moved_to(box); for a target of your own, cosine_expansion or "
        "RidgeExpansion."
    )


@lru_cache(maxsize=16)
def _expanded(target: Target) -> tuple[RidgeExpansion, ...]:
    """Kept, so that programs compiled for the profiles serve further calls."""
    return tuple(_KNOWN[target.name](target))


def _same(target: Target, one: Target) -> bool:
    """Whether a target is this one of the catalogue; `get` may have made it anew meanwhile."""
    if target.domain != one.domain or target.mask is not None:
        return False
    points = one.domain.sobol(32, seed=0)
    return target.fn is one.fn or np.array_equal(values_at(target, points), values_at(one, points))


def _sine_product(target: Target) -> list[RidgeExpansion]:
    waves = [[math.pi, -math.pi], [math.pi, math.pi]]
    bound = Bound(0.0, "2 sin a sin b = cos(a - b) - cos(a + b)", exact=True)
    return [cosine_expansion(target, waves, [0.5, -0.5], remainder=bound)]


def _oscillatory(target: Target) -> list[RidgeExpansion]:
    d = target.dim
    bound = Bound(0.0, "one wave", exact=True)
    phase = 2.0 * math.pi * golden_positions(d)[0]
    return [cosine_expansion(target, [[9.0 / d] * d], [1.0], [phase], remainder=bound)]


def _gaussian(
    square: Callable[[int], float], center: Callable[[int], Sequence[float]]
) -> Callable[[Target], list[RidgeExpansion]]:
    def expand(target: Target) -> list[RidgeExpansion]:
        d = target.dim
        if d > 3:
            raise ValueError(
                f"target: got {target!r} of {d} dimensions, expected at most 3. Write "
                "gaussian_expansion with directions of your own."
            )
        counts = {1: (1,), 2: range(1, 25), 3: (6, 16, 31)}[d]
        return [gaussian_expansion(target, (square(d),) * d, center(d), n) for n in counts]

    return expand


_KNOWN: Mapping[str, Callable[[Target], list[RidgeExpansion]]] = MappingProxyType(
    {
        "sine_product": _sine_product,
        "oscillatory": _oscillatory,
        "bump": _gaussian(lambda d: 8.0, lambda d: (0.5,) * d),
        "gaussian": _gaussian(lambda d: 0.5, lambda d: (0.0,) * d),
        "genz_gaussian": _gaussian(lambda d: (7.03 / d) ** 2, golden_positions),
    }
)


def _cost(ridge: Ridge, curved: bool) -> float:
    """What the share of a ridge in eps is proportional to; see the head of the module."""
    width, profile = float(ridge.profile.domain.widths[0]), ridge.profile
    if curved and profile.second_derivative is not None:
        return math.cbrt(width**2 * profile.second_derivative)
    return math.sqrt(width * (profile.lipschitz or 0.0))


def ridge_units(expansion: RidgeExpansion, eps: float, curved: bool) -> float:
    """Approximate number of units for an expansion, to choose among several."""
    rest, ridges = eps - float(expansion.remainder), expansion.ridges
    total = sum(_cost(ridge, curved) for ridge in ridges)
    if curved and all(ridge.profile.second_derivative is not None for ridge in ridges):
        return total**1.5 / math.sqrt(2.0 * rest) + _PER_RIDGE * len(ridges)
    return total**2 / (2.0 * rest)


def fewest_ridge_units(target: Target, eps: float, activation: str) -> int:
    """Lower bound of the units that `ridge_sum` takes: those for shares of eps before rounding."""
    known = [one for one in expansions(target) if float(one.remainder) < eps]
    if not known:
        raise ValueError("the remainder of its expansions is above eps")
    curved = activation != "heaviside"
    best = min(known, key=lambda one: ridge_units(one, eps, curved))
    total = sum(_cost(ridge, curved) for ridge in best.ridges)
    units = 0
    for ridge in best.ridges:
        # A little more than the share, so that no rounding makes the bound too large.
        share = _cost(ridge, curved) / total * (eps - float(best.remainder)) * (1.0 + 1e-9)
        if activation == "relu":
            units += pieces_needed(ridge.profile, share)
        else:
            units += fewest_units(ridge.profile, share, not curved)
    return units


def _rounding(expansion: RidgeExpansion, parts: Sequence[Construction], network: MLP) -> float:
    """Upper bound of the rounding beside that in the parts' claims.

    It comes from directions and offsets, and from the sum over all units. The error of an argument,
    d + 6 roundings, is multiplied by the largest slope of each unit; a sum of Heaviside units is as
    if evaluated at an argument displaced by that error.
    """
    eps, dim = float(np.finfo(network.dtype).eps), expansion.target.dim
    total = 0.0
    for ridge, part in zip(expansion.ridges, parts, strict=True):
        reach = largest_term(ridge.direction, ridge.offset, expansion.target.domain)
        first, last = (np.abs(np.asarray(w)).ravel() for w in part.network.weights)
        slope = _SLOPES[part.network.activation] * float(first @ last)
        total += (dim + 6) * reach * max(slope, ridge.profile.lipschitz or 0.0)
    heights = float(np.abs(np.asarray(network.weights[1])).sum())
    return eps * (total + network.num_hidden_units * heights)
