"""Claims of programs of squares: for levels that are given, or for an error that is given."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from approxlab.arguments import check_number, check_positive, float_below
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._polynomial_programs import cheapest
from approxlab.constructions._relu_rounding import with_rounding
from approxlab.constructions._square_programs import Plan, Program, upwards
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.targets.target import Target

__all__ = ["check_levels", "claimed", "within"]

_MAX_LEVELS = 25  # of a square in float64, as in `square_deep`
_ATTEMPTS = 6

Built = tuple[MLP, float]
Source = Callable[[bool], Iterator[Program]]


def check_levels(levels: Any, eps: Any) -> None:
    """One of the two: levels from 1 to 25, or a positive eps."""
    if (levels is None) == (eps is None):
        raise ValueError(
            f"levels: got {levels!r} with eps {eps!r}, expected one of the two: the ReLUs of each "
            "square, or the error that is claimed."
        )
    if levels is None:
        check_number("eps", eps, positive=True)
        return
    check_positive(levels=levels)
    if levels > _MAX_LEVELS:
        raise ValueError(
            f"levels: got {levels}, expected at most {_MAX_LEVELS}: for more levels the error is "
            "smaller than the rounding of float64."
        )


def within(
    programs: Source,
    eps: Any,
    build: Callable[[Plan], Built],
    extra: float = 0.0,
) -> tuple[Plan, Built]:
    """The plan with the fewest units whose claim, rounding and `extra` included, is at most eps.

    `programs(plain)` gives the programs to choose from; the plain ones are tried last, where the
    rounding of the others is too large.
    """
    eps, least = float_below(eps), math.inf
    for plain in (False, True):
        budget = eps - extra
        for _ in range(_ATTEMPTS):
            plan = cheapest(programs(plain), budget) if budget > 0 else None
            if plan is None:
                break
            built = build(plan)
            least = min(least, built[1])
            if float(upwards(plan.error)) + built[1] + extra <= eps * (1 - 1e-12):
                return plan, built
            budget = min(0.97 * budget, (eps - extra) * (1 - 1e-11) - 1.02 * built[1])
    raise ValueError(_refusal(eps, least, extra))


def _refusal(eps: float, rounding: float, extra: float) -> str:
    dtype = float_dtype(None)
    if not math.isfinite(rounding):
        return f"eps: got {eps!r}, expected more than {extra:.3g}, which rounding alone takes."
    other = "Turn on x64, or take a larger eps." if dtype.itemsize == 4 else "Take a larger eps."
    return (
        f"eps: got {eps!r}, expected more than about {1.05 * rounding + extra:.3g}: rounding in "
        f"{dtype} alone is bounded by that. {other}"
    )


def claimed(
    plan: Plan,
    built: Built,
    target: Target,
    source: str,
    attained: bool,
    extra: float = 0.0,
) -> Construction:
    """The construction of a plan; `extra` is the distance of its polynomial from the target."""
    network, rounding = built
    exact = float(plan.error + Fraction(extra))
    whole = float(upwards(plan.error + Fraction(extra))) + rounding
    bound: Bound = with_rounding(exact, whole, source, network.dtype, attained)
    claim = Claim(
        "sup", bound, network.num_hidden_units, network.num_linear_units, network.depth, None
    )
    return Construction(network, target, claim)
