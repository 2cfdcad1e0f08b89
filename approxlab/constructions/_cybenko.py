"""The size is chosen, not given: the smallest sum of sigmoids whose claim is below eps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from approxlab.claims import Construction
from approxlab.constructions._facts import interval_of, lipschitz_of
from approxlab.constructions._sigmoid_tails import (
    curvature_factors,
    lipschitz_factor,
    missing_jumps,
)
from approxlab.constructions.relu_splines import relu_interpolant
from approxlab.constructions.sigmoid_shapes import steepness
from approxlab.constructions.sigmoid_sums import check_units, claimed_bound, staircase
from approxlab.errors.differences import values
from approxlab.networks.mlp import float_dtype
from approxlab.targets import Target

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
            (`relu_interpolant`; each hat function is three ReLUs, whose claim counts no rounding).

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
    if isinstance(eps, bool) or not (isinstance(eps, int | float | np.floating) and eps > 0):
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
        return relu_interpolant(target, _pieces(target, float(eps)))
    steepness(activation)
    size = _smallest(target, float(eps), activation == "heaviside")
    return staircase(target, size.n, size.gain, activation=activation, halo=size.halo)


def _smallest(target: Target, eps: float, jumps: bool) -> _Size:
    """The first size, by number of units, whose claim is below eps."""
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    start = float(np.abs(values(target, np.array([target.domain.lower]))[0]))
    unit = float(np.finfo(float_dtype(None)).eps)

    def claim(size: _Size) -> float:
        # The jumps are not known before the target is evaluated: each is at most L h.
        total = start + lipschitz * width * size.units / size.n
        gain = math.inf if jumps else size.gain
        return float(claimed_bound(target, size.n, gain, "midpoint", size.halo, total, unit))

    sizes = sorted(_sizes(target, eps, jumps))
    check_units(sizes[0].units, f"eps: got {eps:g} for {target!r}")
    for size in sizes[:64]:
        for more in (0, 1, 2, 1 + size.n // 100):
            trial = size._replace(n=size.n + more, units=size.units + more)
            if claim(trial) < eps:
                return trial
    raise ValueError(
        f"eps: got {eps:g} for {target!r}, expected more: with the {sizes[0].units} units that it "
        f"takes, rounding in {np.dtype(float_dtype(None))} leaves the claim at "
        f"{claim(sizes[0]):.3g}. Compute in float64, or ask for a larger eps."
    )


def _sizes(target: Target, eps: float, jumps: bool) -> Iterator[_Size]:
    """For every gain and halo the number of cells at which the claim meets eps, before rounding."""
    lipschitz, width = lipschitz_of(target), float(target.domain.widths[0])
    low, high = target.value_min, target.value_max
    if low is not None and high is not None and high - low < eps:
        yield _Size(1, 1, _STEEP, 0)
    factor = lipschitz_factor(math.inf if jumps else _STEEP, _MIDPOINT)
    n = _count(lipschitz * width * factor / eps)
    yield _Size(n, n, _STEEP, 0)
    if target.second_derivative is None or jumps:
        return
    for gain in _MODERATE:
        ripple, square = curvature_factors(gain, _MIDPOINT)
        curved = 0.5 * target.second_derivative * width**2 * square
        for halo in _HALOS:
            first = lipschitz * width * (ripple + missing_jumps(gain, _MIDPOINT, halo, n))
            # first / n + curved / n^2 = eps
            cells = _count((first + math.sqrt(first**2 + 4.0 * curved * eps)) / (2.0 * eps))
            yield _Size(cells + 2 * halo, cells, gain, halo)


def _count(cells: float) -> int:
    """The least whole number above: a claim is to be below eps, not at it."""
    return max(1, math.floor(cells) + 1)


def _pieces(target: Target, eps: float) -> int:
    """The least number of pieces at which the claim of the linear interpolant is below eps."""
    width = float(target.domain.widths[0])
    counts = []
    if target.second_derivative is not None:
        counts.append(_count(width * math.sqrt(target.second_derivative / (8.0 * eps))))
    if target.lipschitz is not None or not counts:
        counts.append(_count(lipschitz_of(target) * width / (2.0 * eps)))
    check_units(min(counts), f"eps: got {eps:g} for {target!r}")
    return min(counts)
