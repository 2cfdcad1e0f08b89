"""The size is chosen, not given: the smallest sum of sigmoids whose claim is below eps."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from approxlab.claims import Bound, Construction
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

__all__ = ["cybenko"]

_STEEP = 32.0  # the tails of all jumps add 1e-28 of a jump
_MODERATE = [0.15 * 1.06**i for i in range(60)]  # gains up to 4.7, where L h / 2 takes over
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
    `staircase`; cells, gain and halo are chosen so that its claim, rounding included, is below eps
    with as few units as possible:

    - A Lipschitz constant L alone takes about L (b - a) / (2 eps) units at the gain 32. That is the
      least number of constant pieces which serves every such function.
    - A bound M of |f''| takes about (b - a) sqrt(M / (2 eps)) units at a moderate gain (0.3 to 0.7
      for most), where the steps blur into each other.

    Args:
        target: A target of one variable with a proved `lipschitz` fact; `second_derivative`,
            `value_min` and `value_max` are used where they are known.
        eps: The error that is not reached, positive.
        activation: "sigmoid", "tanh", "heaviside", or "relu", which gives the linear interpolant
            (`relu_interpolant`; each hat function is three ReLUs), rounding included here too.

    Returns:
        A construction with one hidden layer and a claim below eps.

    Raises:
        TypeError: If the target is no `Target`.
        ValueError: If eps is not positive, the target has more than one variable, has a mask, is
            not continuous or lacks the fact `lipschitz`; or if more than `MOST_UNITS` units are
            needed, with their number, before any is made; or if rounding forbids the claim.

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
            f"eps: got {eps!r}, expected a positive number, the error to stay below. No network "
            "reaches 0 in general; write eps=1e-3, say."
        )
    if isinstance(target, Target) and target.dim > 1:
        raise ValueError(
            f"target: got {target!r} of {target.dim} dimensions, expected one variable. In more "
            "dimensions use al.constructions.ridge_sum (one hidden layer) or "
            "al.constructions.orthant_sum (two)."
        )
    interval_of(target)
    if activation == "relu":
        return _interpolant(target, float(eps))
    steepness(activation)
    size = _smallest(target, float(eps), activation == "heaviside")
    return staircase(target, size.n, size.gain, activation=activation, halo=size.halo)


def _smallest(target: Target, eps: float, jumps: bool) -> _Size:
    """The size with the fewest units whose claim, rounding included, is below eps."""
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    start = float(np.abs(values_at(target, np.array([target.domain.lower]))[0]))
    unit = float(np.finfo(float_dtype(None)).eps)

    def claim(size: _Size, unit: float) -> float:
        # The jumps are not known before the target is evaluated: each is at most L h.
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
        goal = eps - 1.01 * (whole - claim(size, 0.0))  # what rounding takes is not there to use
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
    """For gains and halos the number of cells at which the claim meets eps, before rounding.

    Halos so wide that their own units are too many are left out.
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
        least = _cells(slope * ripple, curved, eps)  # as many it takes with any halo
        best = math.inf
        for halo in _HALOS:
            if best < least + 2 * halo:
                break  # so it is for every wider halo
            first = slope * (ripple + missing_jumps(gain, _MIDPOINT, halo, n))
            found = _cells(first, curved, eps)
            best = min(best, found + 2 * halo)
            yield _Size(found + 2 * halo, found, gain, halo)


def _cells(first: float, curved: float, eps: float) -> int:
    """The least n with first / n + curved / n^2 < eps."""
    return _count((first + math.sqrt(first**2 + 4.0 * curved * eps)) / (2.0 * eps))


def _count(cells: float) -> int:
    """The least whole number above: a claim is to be below eps, not at it."""
    return max(1, math.floor(min(cells, 1e300)) + 1)  # so many are refused with their number


def _interpolant(target: Target, eps: float) -> Construction:
    """The linear interpolant of fewest pieces whose claim, rounding included, is below eps."""
    goal = eps
    for _ in range(20):
        built = relu_interpolant(target, _pieces(target, goal))
        proved, lost = built.claim.bound, _rounding_of_relus(built)
        whole = float(proved) + lost
        if whole < eps:
            bound = Bound(whole, f"{proved.source}, rounding")
            return dataclasses.replace(built, claim=dataclasses.replace(built.claim, bound=bound))
        goal = eps - 1.01 * lost
        if goal < 0.5 * eps:
            break
    raise _forbidden(target, eps, built.claim.num_hidden_units, whole)


def _rounding_of_relus(built: Construction) -> float:
    """What floating point adds to c + sum_j v_j relu(w_j x + b_j).

    Each term is at most |v_j| w_j |box| and is summed and rounded as in `rounding`; each argument
    is off by 3 eps of its largest part. Values at the nodes are off by 4 eps of theirs, and by the
    slope times the rounding of the nodes.
    """
    box, eps = built.target.domain, float(np.finfo(float_dtype(None)).eps)
    reach, width = max(map(abs, (*box.lower, *box.upper))), float(box.widths[0])
    first, last = (np.abs(np.asarray(w, np.float64)).ravel() for w in built.network.weights)
    bends, start = float(first @ last), abs(float(built.network.biases[-1][0]))
    terms = bends * (0.5 * (len(first) + 8) * width + 3.0 * reach)
    # Without a Lipschitz constant: no slope of the interpolant is above the sum of all bends.
    slope = bends if built.target.lipschitz is None else built.target.lipschitz
    return eps * (terms + 4.0 * (start + slope * width) + 2.0 * slope * reach)


def _pieces(target: Target, eps: float) -> int:
    """The least number of pieces at which the claim of the linear interpolant is below eps."""
    width = float(target.domain.widths[0]) * (1.0 + 16.0 * float(np.finfo(float).eps))  # roundings
    counts = []
    if target.second_derivative is not None:
        counts.append(_count(width * math.sqrt(target.second_derivative / (8.0 * eps))))
    if target.lipschitz is not None or not counts:
        counts.append(_count(lipschitz_of(target) * width / (2.0 * eps)))
    check_units(min(counts), f"eps: got {eps:g} for {target!r}")
    return min(counts)
