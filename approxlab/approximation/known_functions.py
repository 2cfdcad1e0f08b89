"""Constructions for one function each, which a target has: it is told by the function itself.

A function is told by its type or its identity, never by its name, and the box of the target must be
one for which the construction is proved.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from approxlab.approximation.offers import Offer, built, within
from approxlab.claims import Bound, Construction
from approxlab.constructions._polynomial_arguments import Clenshaw
from approxlab.constructions.exact_functions import (
    l1_norm,
    largest_of,
    least_of,
    maximum,
    median_of_three,
    minimum,
    second_of,
    sum_of_sizes,
)
from approxlab.constructions.polynomials import monomial_deep, polynomial_deep
from approxlab.constructions.products import (
    product_deep,
    product_of,
    squared_norm,
    sum_of_squares_deep,
    sum_of_squares_shallow,
)
from approxlab.constructions.relu_splines import square_shallow, tent_shallow
from approxlab.constructions.sawtooth import square_deep, tent_deep
from approxlab.constructions.self_similar import SelfSimilar, self_similar_deep, takagi_deep
from approxlab.constructions.squares import square_layered
from approxlab.targets.one_dimensional import Power, TentIterate, takagi_value
from approxlab.targets.target import Target

__all__ = ["KNOWN_FUNCTIONS"]


def _of(target: Target, offer: Offer) -> Offer:
    """The same network with a claim for this target, whose box may be a part of the proved one."""
    return dataclasses.replace(offer, build=lambda: _claimed(target, offer.build()))


def _claimed(target: Target, made: Construction) -> Construction:
    if target is made.target:
        return made
    claim = dataclasses.replace(made.claim, target=target)
    if target.domain != made.target.domain:  # what is attained there, or counted, may not be here
        old = claim.bound
        bound = Bound(float(old), old.source, exact=old.exact and float(old) == 0.0)
        claim = dataclasses.replace(claim, bound=bound, pieces=None)
    return Construction(made.network, target, claim)


def _in_unit_interval(target: Target) -> bool:
    box = target.domain
    return box.dim == 1 and box.lower[0] >= 0.0 and box.upper[0] <= 1.0


def _power(target: Target) -> int:
    if target.dim != 1 or not isinstance(target.fn, Power):
        raise ValueError("for powers of one variable")
    return target.fn.degree


def _check_square(target: Target) -> None:
    if target.dim != 1 or not (isinstance(target.fn, Power) and target.fn.degree == 2):
        raise ValueError("for x^2")


def _square(target: Target, eps: float, deep: bool) -> Offer:
    _check_square(target)
    pieces = float(target.domain.widths[0]) / math.sqrt(8.0 * eps)
    if deep:
        levels = math.ceil(math.log2(max(pieces, 1.0)) - 1e-9)
        return within(partial(square_deep, domain=target.domain), levels, 25, eps)
    n = math.ceil(pieces * (1 - 1e-12))
    if n > 10_000:
        return Offer(n, 0, 1, partial(square_shallow, n, target.domain))
    return within(partial(square_shallow, domain=target.domain), n, n + 3, eps)


def _square_layered(target: Target, eps: float) -> Offer:
    """Of the factors of each number of layers, as equal as can be, those with the fewest units."""
    _check_square(target)
    pieces = float(target.domain.widths[0]) / math.sqrt(8.0 * eps)
    if not pieces <= 2.0**25:
        raise ValueError("it takes more than 2^25 pieces")
    # The factor 1.01 leaves room for rounding.
    choices = [_teeth(max(2.0, 1.01 * pieces), depth) for depth in range(1, 26)]
    teeth = min(choices, key=lambda one: (sum(one) + len(one), len(one)))
    made = square_layered(teeth, target.domain, linear_units=True)
    if float(made.claim.bound) > eps:
        raise ValueError("rounding leaves its claim above eps")
    return built(made)


def _teeth(pieces: float, depth: int) -> tuple[int, ...]:
    least = max(2, math.floor(pieces ** (1.0 / depth)))
    for more in range(depth + 1):
        teeth = (least + 1,) * more + (least,) * (depth - more)
        if math.prod(teeth) >= pieces:
            return teeth
    return (least + 2,) * depth


def _tent(target: Target, eps: float, deep: bool) -> Offer:
    most = 50 if deep else 16
    if not isinstance(target.fn, TentIterate) or target.fn.k > most:
        raise ValueError(f"for the iterated tent map up to k = {most}")
    if not _in_unit_interval(target):
        raise ValueError("for the iterated tent map in [0, 1]")
    return built(tent_deep(target.fn.k) if deep else tent_shallow(target.fn.k))


def _monomial(target: Target, eps: float) -> Offer:
    return built(monomial_deep(_power(target), eps, domain=target.domain))


def _polynomial(target: Target, eps: float) -> Offer:
    fn = target.fn
    if not isinstance(fn, Clenshaw) or target.domain != fn.box:
        raise ValueError("for polynomials of this library, on their box")
    series = np.polynomial.Chebyshev(fn.coefficients, [fn.box.lower[0], fn.box.upper[0]])
    return built(polynomial_deep(series, eps))


def _takagi(target: Target, eps: float) -> Offer:
    if target.fn is not takagi_value or not _in_unit_interval(target):
        raise ValueError("for the Takagi function in [0, 1]")
    levels = math.ceil(-math.log2(3.0 * eps) - 1e-9)
    return within(partial(takagi_deep, linear_units=True), levels, 40, eps)


def _self_similar(target: Target, eps: float) -> Offer:
    fn = target.fn
    if not isinstance(fn, SelfSimilar) or target.domain != fn.box:
        raise ValueError("for self-similar sums, on their box")

    def build(levels: int) -> Construction:
        return self_similar_deep(fn.weight, levels, fn.teeth, fn.box, linear_units=True)

    radius = build(1).claim.bound.without_rounding or 0.0  # shrinks by the weight with each level
    more = math.log(max(radius / eps, 1.0)) / -math.log(abs(fn.weight))
    return within(build, 1 + math.ceil(more - 1e-9), 40, eps)


def _exact(
    target: Target, eps: float, fn: Any, build: Callable[[Target], Construction], what: str
) -> Offer:
    if target.fn is not fn:
        raise ValueError(f"for {what}")
    return built(build(target))


def _median(target: Target) -> Construction:
    return median_of_three(target.domain, linear_units=True)  # refuses other dimensions


def _product(target: Target, eps: float) -> Offer:
    if target.fn is not product_of:
        raise ValueError("for the product of coordinates")
    return built(product_deep(domain=target.domain, eps=eps))


def _sum_of_squares(target: Target, eps: float, deep: bool) -> Offer:
    if target.fn is not squared_norm:
        raise ValueError("for the sum of the squared coordinates")
    pieces = math.sqrt(float(np.sum(target.domain.widths**2)) / (8.0 * eps))
    if deep:
        levels = math.ceil(math.log2(max(pieces, 1.0)) - 1e-9)
        return within(partial(sum_of_squares_deep, domain=target.domain), levels, 25, eps)
    n = math.ceil(pieces * (1 - 1e-12))
    if n > 10_000:
        build = partial(sum_of_squares_shallow, n, target.domain)
        return Offer(n * target.dim, 0, 1, build)
    return within(partial(sum_of_squares_shallow, domain=target.domain), n, n + 3, eps)


def _with_target(
    candidate: Callable[..., Offer], target: Target, eps: float, **options: Any
) -> Offer:
    return _of(target, candidate(target, eps, **options))


_CANDIDATES: Mapping[str, Callable[[Any, float], Offer]] = MappingProxyType(
    {
        "tent_deep": partial(_tent, deep=True),
        "tent_shallow": partial(_tent, deep=False),
        "takagi_deep": _takagi,
        "self_similar_deep": _self_similar,
        "square_deep": partial(_square, deep=True),
        "square_layered": _square_layered,
        "square_shallow": partial(_square, deep=False),
        "monomial_deep": _monomial,
        "polynomial_deep": _polynomial,
        "product_deep": _product,
        "sum_of_squares_deep": partial(_sum_of_squares, deep=True),
        "sum_of_squares_shallow": partial(_sum_of_squares, deep=False),
        "maximum": partial(
            _exact,
            fn=largest_of,
            build=lambda t: maximum(t.dim, t.domain, linear_units=True),
            what="the largest coordinate",
        ),
        "minimum": partial(
            _exact,
            fn=least_of,
            build=lambda t: minimum(t.dim, t.domain, linear_units=True),
            what="the least coordinate",
        ),
        "l1_norm": partial(
            _exact,
            fn=sum_of_sizes,
            build=lambda t: l1_norm(t.dim, t.domain, linear_units=True),
            what="the l1 norm",
        ),
        "median_of_three": partial(
            _exact, fn=second_of, build=_median, what="the median of three numbers"
        ),
    }
)

KNOWN_FUNCTIONS: Mapping[str, Callable[[Any, float], Offer]] = MappingProxyType(
    {name: partial(_with_target, candidate) for name, candidate in _CANDIDATES.items()}
)
"""Name to candidate."""
