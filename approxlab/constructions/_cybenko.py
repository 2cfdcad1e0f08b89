"""The smallest sum of sigmoids whose claim is below a given eps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from approxlab.arguments import float_below
from approxlab.claims import Construction
from approxlab.constructions._sigmoid_tails import (
    curvature_factors,
    lipschitz_factor,
    missing_jumps,
)
from approxlab.constructions._target_checks import interval_of, lipschitz_of
from approxlab.constructions.relu_splines import relu_interpolant
from approxlab.constructions.sigmoid_shapes import steepness
from approxlab.constructions.sigmoid_sums import check_units, claimed_bound, staircase
from approxlab.evaluation import values_at
from approxlab.networks.mlp import float_dtype
from approxlab.targets.target import Target

__all__ = ["cybenko", "fewest_units", "pieces_needed", "smallest_staircase"]

_STEEP = 32.0  # all tails together are 1e-28 of a jump
_MODERATE = [
    0.15 * 1.06**i for i in range(60)
]  # gains up to 4.7; above, the bound L h / 2 is smaller
_HALOS = range(48)
_MIDPOINT = (0.0,)


class _Size(NamedTuple):
    """A choice of cells, gain and halo, ordered by the number of units."""

    units: int
    n: int
    gain: float
    halo: int


def cybenko(target: Target, eps: float | int, *, activation: str = "sigmoid") -> Construction:
    """A sum of sigmoids that is closer than eps to a target of one variable, by proof.

    Cybenko's theorem made constructive: for a continuous g on an interval and eps > 0 there is
    f(x) = sum_i alpha_i s(w_i x + b_i) with |f - g| < eps everywhere. The network is a midpoint
    `staircase` with as few units as possible: cells, gain and halo are chosen so that its claim,
    rounding included, is below eps.

    - With a Lipschitz constant L alone it has about L (b - a) / (2 eps) units, at gain 32. No
      smaller number of constant pieces is enough for every function with this constant.
    - With a bound M of |f''| it has about (b - a) sqrt(M / (2 eps)) units, at a moderate gain (0.3
      to 0.7 for most targets), where neighbouring steps overlap.

    Args:
        target: A target of one variable with a proved `lipschitz` fact; `second_derivative`,
            `value_min` and `value_max` are used where they are known.
        eps: A positive number; the error stays below it.
        activation: "sigmoid", "tanh", "heaviside", or "relu", which gives the linear interpolant
            (`relu_interpolant`), with rounding included in the claim as well.

    Returns:
        A construction with one hidden layer and a claim below eps.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If eps is not positive; if the target has more than one variable, has a mask, is
            not continuous or lacks the fact `lipschitz`; if more than `MOST_UNITS` units are
            needed (the message gives their number); or if rounding alone exceeds eps.

    Source:
        Cybenko 1989, Theorem 2, for existence; sizes and constants from `staircase`.

    Example:
        >>> from approxlab.targets import get
        >>> c = cybenko(get("runge"), 1e-2)
        >>> c.claim.num_hidden_units, float(c.claim.bound) < 1e-2
        (69, True)
        >>> cybenko(get("kink"), 1e-2).claim.num_hidden_units   # |x - 1/3|: no second derivative
        51
    """
    number = isinstance(eps, int | float | np.floating) and not isinstance(eps, bool)
    if not (number and 0 < eps < math.inf):
        raise ValueError(
            f"eps: got {eps!r}, expected a positive number, which the error stays below. In "
            "general no network has the error 0; write eps=1e-3, for example."
        )
    if isinstance(target, Target) and target.dim > 1:
        raise ValueError(
            f"target: got {target!r} of {target.dim} dimensions, expected one variable. In more "
            "dimensions use al.constructions.ridge_sum (one hidden layer) or "
            "al.constructions.orthant_sum (two)."
        )
    interval_of(target)
    if activation == "relu":
        return _interpolant(target, float_below(eps))
    steepness(activation)
    size = smallest_staircase(target, float_below(eps), activation == "heaviside")
    return staircase(target, size.n, size.gain, activation=activation, halo=size.halo)


def smallest_staircase(target: Target, eps: float, jumps: bool) -> _Size:
    """The size with the fewest units whose claim, rounding included, is below eps."""
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    start = float(np.abs(values_at(target, np.array([target.domain.lower]))[0]))
    unit = float(np.finfo(float_dtype(None)).eps)

    def claim(size: _Size, unit: float) -> float:
        # Before the target is evaluated, all that is known of a jump is that it is at most L h.
        total = start + lipschitz * width * (size.units + size.halo) / size.n
        gain = math.inf if jumps else size.gain
        return float(claimed_bound(target, size.n, gain, "midpoint", size.halo, total, unit))

    goal = eps
    for _ in range(20):
        size = min(_sizes(target, goal, jumps))
        check_units(size.units, f"eps: got {eps:g} for {target!r}")
        whole = claim(size, unit)
        if whole < eps:
            return size
        goal = eps - 1.01 * (whole - claim(size, 0.0))  # the rest of eps is taken by rounding
        if goal < 0.5 * eps:
            break
    raise _forbidden(target, eps, size.units, whole)


def _forbidden(target: Target, eps: float, units: int, whole: float) -> ValueError:
    return ValueError(
        f"eps: got {eps:g} for {target!r}, expected more: with the {units} units that it "
        f"takes, rounding in {np.dtype(float_dtype(None))} leaves the claim at {whole:.3g}. "
        "Compute in float64, or ask for a larger eps."
    )


def _sizes(target: Target, eps: float, jumps: bool) -> Iterator[_Size]:
    """For each gain and halo, the number of cells at which the claim is below eps, before rounding.

    A halo is left out when its own units already make it no better than a size found before.
    """
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    low, high = target.value_min, target.value_max
    if low is not None and high is not None and high - low < eps:
        yield _Size(1, 1, _STEEP, 0)
    factor = lipschitz_factor(math.inf if jumps else _STEEP, _MIDPOINT)
    n = _count(lipschitz * width * factor / eps)
    yield _Size(n, n, _STEEP, 0)
    if target.second_derivative is None or jumps:
        return
    slope = lipschitz * width
    for gain in _MODERATE:
        ripple, square = curvature_factors(gain, _MIDPOINT)
        curved = 0.5 * target.second_derivative * width**2 * square
        least = _cells(slope * ripple, curved, eps)  # no halo makes fewer cells enough
        best = math.inf
        for halo in _HALOS:
            if best < least + 2 * halo:
                break  # every wider halo is no better
            first = slope * (ripple + missing_jumps(gain, _MIDPOINT, halo, n))
            found = _cells(first, curved, eps)
            best = min(best, found + 2 * halo)
            yield _Size(found + 2 * halo, found, gain, halo)


def fewest_units(target: Target, eps: float, jumps: bool) -> int:
    """Lower bound of the units of `smallest_staircase`, for eps and every smaller one.

    Without halos and without the jumps that they add, cells only grow as eps shrinks.
    """
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    low, high = target.value_min, target.value_max
    if low is not None and high is not None and high - low < eps:
        return 1
    factor = lipschitz_factor(math.inf if jumps else _STEEP, _MIDPOINT)
    counts = [_count(lipschitz * width * factor / eps)]
    if target.second_derivative is not None and not jumps:
        for gain in _MODERATE:
            ripple, square = curvature_factors(gain, _MIDPOINT)
            curved = 0.5 * target.second_derivative * width**2 * square
            counts.append(_cells(lipschitz * width * ripple, curved, eps))
    return min(counts)


def _cells(first: float, curved: float, eps: float) -> int:
    """The least n with first / n + curved / n^2 < eps."""
    return _count((first + math.sqrt(first**2 + 4.0 * curved * eps)) / (2.0 * eps))


def _count(cells: float) -> int:
    """The least integer above `cells`: the claim must be below eps, not equal to it."""
    return max(1, math.floor(min(cells, 1e300)) + 1)  # so large a number is refused later


def _interpolant(target: Target, eps: float) -> Construction:
    """The linear interpolant with the fewest pieces whose claim, with rounding, is below eps."""
    goal = eps
    for _ in range(20):
        built = relu_interpolant(target, pieces_needed(target, goal))
        whole = float(built.claim.bound)
        lost = whole - (built.claim.bound.without_rounding or 0.0)
        if whole < eps:
            return built
        goal = eps - 1.01 * lost
        if goal < 0.5 * eps:
            break
    raise _forbidden(target, eps, built.claim.num_hidden_units, whole)


def pieces_needed(target: Target, eps: float) -> int:
    """The least number of pieces at which the claim of the linear interpolant is below eps."""
    width = float(target.domain.widths[0]) * (
        1.0 + 16.0 * float(np.finfo(float).eps)
    )  # for rounding
    counts = []
    if target.second_derivative is not None:
        counts.append(_count(width * math.sqrt(target.second_derivative / (8.0 * eps))))
    if target.lipschitz is not None or not counts:
        counts.append(_count(lipschitz_of(target) * width / (2.0 * eps)))
    check_units(min(counts), f"eps: got {eps:g} for {target!r}")
    return min(counts)
