"""`answer`: the three questions about one function and one accuracy, in one call."""

from __future__ import annotations

import math
from typing import Any

import jax

from approxlab.answers._affine import affine_network, sample
from approxlab.answers._budgets import Budget, shown
from approxlab.answers._costs import costs_of
from approxlab.answers._fits import Family, Search, families
from approxlab.answers._jumps import jump_of
from approxlab.answers._questions import asked_above, checked_eps, checked_seconds, target_of
from approxlab.answers.found_networks import FoundNetwork
from approxlab.answers.lower_bounds import LeastSize, least_sizes
from approxlab.answers.result import Answer, curve_of
from approxlab.approximation.choice import approximate
from approxlab.approximation.result import Cost
from approxlab.arguments import check_key, check_positive, checked_flag
from approxlab.certify.sup_norms import sup_norm
from approxlab.errors.sup_norm import sup
from approxlab.targets.target import Target

__all__ = ["answer"]

_SHARES = {1: (0.3, 0.65, 0.85)}  # of the seconds, until which each family is fitted
_SHARES_BEYOND = (0.5, 0.7, 0.85)
_TIMED = 0.95  # of the seconds: later, nothing is timed
_MOST_BOXES = 200_000
_LOOSEST, _TIGHTEST = 0.5, 1e-5


def answer(
    target: Any,
    eps: Any,
    *,
    box: Any = None,
    seconds: Any = 30.0,
    max_fits: Any = 12,
    key: Any = None,
    timed: Any = True,
    progress: Any = False,
) -> Answer:
    """How small can a network be that is within eps of a target, and what is proved of it?

    Asked are: the constructions, by `approximate`; an affine function; fits, of sizes that are
    doubled from the proved least one on and then bisected (in one variable placed knots of ReLUs,
    tanh units by variable projection and deep ReLU networks; in several variables tanh and ReLU
    units, and two layers of tanh); certificates for what was fitted, the smallest first; the proved
    least numbers of units, by `least_sizes`; and what value and derivatives of the smallest network
    cost. The error is that of the sup norm on the whole box.

    A fitted network has an estimate, which is a lower value of its error, until a certificate
    bounds it. A certificate that ran out of its budget is an interval; its upper end is proved too.
    A target that jumps by more than 2 eps has no answer in the sup norm: `refusal` says where it
    jumps, nothing is fitted, and the least sizes are told.
    The constructions are always asked, whatever the budget; then the fits and certificates share
    the seconds, and the last of them may exceed these a little.

    Args:
        target: A `Target` of any number of variables, the name of one in the catalogue, or a
            function of one point of shape (d,) with values of shape (); then give `box`.
        eps: A positive number. Of a fraction or decimal that is no float, the float below is asked
            for of networks, and the one above of what no network reaches.
        box: The box of a plain function.
        seconds: Seconds by the clock; None for no clock, so that the numbers do not depend on the
            speed of the machine.
        max_fits: Fits at most of each of three families.
        key: A typed key of the fits; by default `jax.random.key(0)`.
        timed: Whether value and derivatives are timed; they are counted in any case.
        progress: Whether to show a bar, with the smallest network so far.

    Returns:
        An `Answer`; print it, `plot()` it, `save` it.

    Raises:
        TypeError: If the target is not a function, or a box is missing.
        ValueError: If eps is not positive, the target is not finite at a sampled point or its
            values are vectors, a declared fact is contradicted, or a budget is not positive.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> import approxlab as al
        >>> found = al.answer("square", 1e-2, max_fits=1, timed=False)
        >>> found.smallest.units, found.least.units, found.smallest.proof(found.eps)
        (2, 2, 'theorem')
    """
    question, limit, above = target_of(target, box), checked_eps(eps), asked_above(eps)
    clock, many = checked_seconds(seconds), checked_flag("progress", progress)
    timed = checked_flag("timed", timed)
    check_positive(max_fits=max_fits)
    key = jax.random.key(0) if key is None else key
    check_key(key)
    with shown(many, clock) as bar:
        return _answered(question, (limit, above), Budget(clock, int(max_fits), bar), key, timed)


def _answered(
    target: Target, limits: tuple[float, float], budget: Budget, key: Any, timed: bool
) -> Answer:
    eps, above = limits
    points_and_values = sample(target)
    budget.told("least sizes")
    least, notes = least_sizes(target, above), list[str]()
    found, table = list[FoundNetwork](), tuple[Cost, ...]()
    refusal = jump_of(target, eps)
    if not refusal:
        found, table = _sought(target, eps, points_and_values, least, (budget, key, notes))
    best = min(found, key=lambda one: _order(one, eps), default=None)
    budget.told("costs", _best(found))
    late = budget.left(_TIMED) <= 0.0
    costs = costs_of(best.network, timed and not late) if best is not None else ()
    return Answer(
        target=target.name,
        box=target.domain,
        eps=eps,
        found=tuple(sorted(found, key=lambda one: _order(one, eps))),
        least_sizes=least,
        constructions=table,
        costs=costs,
        notes=tuple(notes),
        refusal=refusal,
        curve=curve_of(target),
        seconds=budget.spent,
        max_fits=budget.max_fits,
    )


def _sought(
    target: Target,
    eps: float,
    points_and_values: tuple[Any, Any],
    least: tuple[LeastSize, ...],
    means: tuple[Budget, Any, list[str]],
) -> tuple[list[FoundNetwork], tuple[Cost, ...]]:
    """Networks that were constructed or fitted, certified where that succeeds, and all costs."""
    budget, key, notes = means
    budget.told("constructions")
    found, table, refused = _constructed(target, eps)
    notes += [refused] * bool(refused)
    found += _without_units(target, eps, *points_and_values)
    shares = _SHARES.get(target.dim, _SHARES_BEYOND)
    for family, share in zip(families(target, key), shares, strict=True):
        budget.told(family.name, _best(found))
        found += _searched(family, target, eps, (found, least), (budget, share), notes)
    budget.told("certificates", _best(found))
    return _certified(_possible(found, least, notes), target, eps, budget, notes), table


def _possible(
    found: list[FoundNetwork], least: tuple[LeastSize, ...], notes: list[str]
) -> list[FoundNetwork]:
    """Without fitted networks that are proved to be too small: samples missed their error."""
    kept: list[FoundNetwork] = []
    for one in found:
        needed = max((x.units or 0 for x in least if x.covers(one.network)), default=0)
        if one.fitted and one.units < needed:
            notes.append(f"{one.method}: {one.units} units refuted, {needed} are needed (proved)")
        else:
            kept.append(one)
    return kept


def _order(one: FoundNetwork, eps: float) -> tuple[int, bool, int, int, float]:
    bound = math.inf if one.bound is None else float(one.bound)
    linear = int(one.network.num_linear_units)
    return one.units, one.proof(eps) == "none", linear, one.layers, bound


def _best(found: list[FoundNetwork]) -> str:
    if not found:
        return ""
    return f"smallest so far: {min(one.units for one in found)} units"


def _constructed(target: Target, eps: float) -> tuple[list[FoundNetwork], tuple[Cost, ...], str]:
    """The cheapest construction and the costs of all; or why there is none."""
    try:
        made = approximate(target, eps)
    except ValueError as problem:
        return [], (), f"no construction: {_shortened(problem)}"
    first = FoundNetwork(made.network, made.name, False, bound=made.claim.bound)
    return [first], made.table, ""


def _shortened(problem: Exception) -> str:
    text = " ".join(str(problem).split())
    return text if len(text) <= 400 else f"{text[:397]}..."


def _without_units(target: Target, eps: float, points: Any, values: Any) -> list[FoundNetwork]:
    network = affine_network(target, points, values)
    estimate = sup(network, target)
    if not float(estimate) <= eps:
        return []
    return [FoundNetwork(network, "affine function", True, estimate=estimate)]


def _searched(
    family: Family,
    target: Target,
    eps: float,
    known: tuple[list[FoundNetwork], tuple[LeastSize, ...]],
    limits: tuple[Budget, float],
    notes: list[str],
) -> list[FoundNetwork]:
    """The smallest network of a family; a note where there is none."""
    found, least = known
    if any(one.units == 0 for one in found):
        return []
    same = [
        one.units
        for one in found
        if one.network.activation == family.activation
        and (one.layers == family.layers or family.layers != 1)
    ]
    below = min(same, default=family.units(family.most) + 1)
    search = Search(family, target, eps)
    search.run(_needed(family, least), below, *limits)
    if search.found is not None:
        return [search.found]
    if search.problem:
        notes.append(f"{family.name}, {family.activation}: {_shortened(Exception(search.problem))}")
    elif math.isfinite(search.nearest):
        notes.append(
            f"{family.name}, {family.activation}: none within eps in {search.fits} fits, the "
            f"nearest is {search.nearest:.3g} away (estimate)"
        )
    return []


def _needed(family: Family, least: tuple[LeastSize, ...]) -> int:
    """The least size that nothing excludes; placed knots have one unit more than bends."""
    needed = max(
        (x.units or 0 for x in least if x.layers == 1 and family.activation in x.activations),
        default=0,
    )
    if family.layers != 1:
        return 1
    return max(1, needed + (family.name == "free knots"))


def _certified(
    found: list[FoundNetwork], target: Target, eps: float, budget: Budget, notes: list[str]
) -> list[FoundNetwork]:
    """Certificates for fitted networks, the smallest first; refuted ones are left out."""
    if target.mask is not None:
        notes.append("certificates: none, the target has a mask")
        return found
    kept: list[FoundNetwork] = []
    for one in sorted(found, key=lambda one: one.units):
        left = max(budget.left(), 0.0 if any(x.proof(eps) != "none" for x in kept) else 1.0)
        if one.fitted and left <= 0.0:
            notes.append(f"certificate of {one.method}, {one.units} units: no seconds were left")
        if not one.fitted or left <= 0.0:
            kept.append(one)
            continue
        error = max(float(one.estimate or 0.0), 1e-300)
        rtol = min(_LOOSEST, max(_TIGHTEST, 0.5 * (eps / error - 1.0)))
        try:
            options: dict[str, Any] = {
                "seconds": left if math.isfinite(left) else None,
                "max_boxes": _MOST_BOXES,
            }
            certificate = sup_norm(one.network, target, rtol=rtol, atol=_TIGHTEST * eps, **options)
        except (TypeError, ValueError) as problem:
            notes.append(f"certificate of {one.method}: none, {_shortened(problem)}")
            kept.append(one)
            continue
        if certificate.lower > eps:
            notes.append(
                f"{one.method}: {one.units} units refuted, their error is proved to be at least "
                f"{certificate.lower:.6g}, above eps"
            )
            continue
        kept.append(one.certified(certificate))
    return kept
