"""The constructions that `approximate` knows: what each costs, and how it is built.

A candidate is a function of a target and eps that returns an `Offer`, or refuses by a `ValueError`
that says what is missing. Sizes come from formulas where there are some; networks are built when
they are chosen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from approxlab.approximation.known_functions import KNOWN_FUNCTIONS
from approxlab.approximation.offers import Offer, built
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._cybenko import cybenko, pieces_needed, smallest_staircase
from approxlab.constructions._target_checks import interval_of, lipschitz_of
from approxlab.constructions.analytic import analytic_deep
from approxlab.constructions.orthant_sums import orthant_sum, units_needed
from approxlab.constructions.placed_splines import curvature_of, placed, placed_spline
from approxlab.constructions.ridge_sums import fewest_ridge_units, ridge_sum
from approxlab.constructions.sigmoid_sums import claimed_bound, costarelli_spigler
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.targets.target import Target

__all__ = ["CANDIDATES", "Offer"]


def _constant(target: Target, eps: float) -> Offer:
    """The middle of the range of values: no unit."""
    low, high = target.value_min, target.value_max
    if low is None or high is None:
        raise ValueError("lacks the facts value_min and value_max")
    if target.mask is not None:
        raise ValueError("has a mask")
    half = 0.5 * (high - low)
    size = float(np.finfo(float_dtype(None)).eps) * max(abs(low), abs(high))
    if half + size > eps:
        raise ValueError(f"half of the range of values is {half:.3g}")
    weights = [np.zeros((1, target.dim))]
    network = MLP.from_arrays(weights, [np.array([0.5 * (low + high)])], "relu")
    bound = Bound(half + size, "the middle of the range", without_rounding=half)
    return built(Construction(network, target, Claim("sup", bound, 0, 0, 0)))


def _one_variable(target: Target) -> None:
    if target.dim != 1:
        raise ValueError("for one variable")


def _placed_spline(target: Target, eps: float) -> Offer:
    _one_variable(target)
    interval_of(target)
    knots, _ = placed(curvature_of(target), eps * (1.0 - 1e-12), f"eps: got {eps:g}")
    return Offer(len(knots) - 1, 0, 1, partial(placed_spline, target, eps))


def _interpolant(target: Target, eps: float) -> Offer:
    _one_variable(target)
    interval_of(target)
    units = pieces_needed(target, eps)
    return Offer(units, 0, 1, partial(cybenko, target, eps, activation="relu"))


def _staircase(target: Target, eps: float, activation: str) -> Offer:
    _one_variable(target)
    interval_of(target)
    units = smallest_staircase(target, eps, activation == "heaviside").units
    return Offer(units, 0, 1, partial(cybenko, target, eps, activation=activation))


_GAINS = (0.3, 0.4, 0.5, 0.6, 0.7, 0.85, 1.0, 32.0)
_HALOS = (0, 2, 4, 8, 16)


def _costarelli_spigler(target: Target, eps: float) -> Offer:
    """The least number of cells for a few gains and halos."""
    _one_variable(target)
    interval_of(target)
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    unit = float(np.finfo(float_dtype(None)).eps)
    most = 1.0 + max(abs(target.value_min or 0.0), abs(target.value_max or 0.0))

    def enough(n: int, gain: float, halo: int) -> bool:
        total = most + lipschitz * width * (n + 2 * halo) / n
        return float(claimed_bound(target, n, gain, "costarelli_spigler", halo, total, unit)) < eps

    best: tuple[int, int, float, int] | None = None
    for gain in _GAINS:
        for halo in _HALOS:
            limit = 2**26 if best is None else best[0]
            n = _least(partial(enough, gain=gain, halo=halo), limit)
            if n is not None and (best is None or n + 1 + 2 * halo < best[0]):
                best = n + 1 + 2 * halo, n, gain, halo
    if best is None:
        raise ValueError(f"its claim stays above eps up to {2**26} cells")
    units, n, gain, halo = best
    return Offer(units, 0, 1, partial(costarelli_spigler, target, n, gain, halo=halo))


def _least(enough: Callable[[int], bool], limit: int) -> int | None:
    high = 1
    while not enough(high):
        high *= 2
        if high > limit:
            return None
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _analytic(target: Target, eps: float) -> Offer:
    _one_variable(target)
    return built(analytic_deep(target, eps))


def _orthant_sum(target: Target, eps: float) -> Offer:
    if target.dim == 1:
        raise ValueError("for several variables")
    units = units_needed(target, eps)
    return Offer(units, 0, 2, partial(orthant_sum, target, eps=eps), at_least=True)


def _ridge_sum(target: Target, eps: float, activation: str) -> Offer:
    least = fewest_ridge_units(target, eps, activation)
    return Offer(least, 0, 1, partial(ridge_sum, target, eps, activation=activation), at_least=True)


CANDIDATES: Mapping[str, Callable[[Any, float], Offer]] = MappingProxyType(
    {
        "constant": _constant,
        **KNOWN_FUNCTIONS,
        "placed_spline": _placed_spline,
        "relu_interpolant": _interpolant,
        "analytic_deep": _analytic,
        "staircase, sigmoid": partial(_staircase, activation="sigmoid"),
        "staircase, heaviside": partial(_staircase, activation="heaviside"),
        "costarelli_spigler": _costarelli_spigler,
        "ridge_sum, relu": partial(_ridge_sum, activation="relu"),
        "ridge_sum, sigmoid": partial(_ridge_sum, activation="sigmoid"),
        "orthant_sum": _orthant_sum,
    }
)
"""Name to candidate."""
