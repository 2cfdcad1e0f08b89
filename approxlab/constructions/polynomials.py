"""Polynomials of one variable as deep ReLU networks, to an error that is given."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from approxlab.arguments import check_positive
from approxlab.claims import Construction
from approxlab.constructions._levels import check_levels, claimed, within
from approxlab.constructions._polynomial_arguments import (
    check_scheme,
    interval,
    power_target,
    series_of,
    series_target,
)
from approxlab.constructions._polynomial_programs import polynomial_programs, power_programs
from approxlab.constructions._relu_rounding import check_held
from approxlab.constructions._square_networks import relu_network
from approxlab.constructions._square_programs import Plan, Program, planned

__all__ = ["monomial_deep", "polynomial_deep"]


def polynomial_deep(
    coefficients: Any,
    eps: Any = None,
    *,
    basis: Any = None,
    domain: Any = None,
    levels: Any = None,
    scheme: Any = "auto",
) -> Construction:
    """A polynomial as a deep ReLU network, with as few ReLUs as this library can prove to suffice.

    The polynomial is computed by squares, and each square by sawteeth as in `square_deep`, one ReLU
    per layer. Errors are propagated from square to square, so that ranges are proved and nothing is
    clipped; a ReLU is given to the square whose share of the error is largest.

    With `scheme="auto"` T_2, ..., T_k take one square each, by T_2j = 2 T_j^2 - 1 and 2 T_j T_{j+1}
    = (T_j + T_{j+1})^2 - T_j^2 - T_{j+1}^2, and degree 2k takes one more, as s Q^2 + R with Q, R of
    degree k: six squares for degree 10. Other ways are tried too, and the fewest units win.
    "direct" takes T_2, ..., T_n; "horner" and "clenshaw" are the usual rules in t, with two squares
    per product.

    Args:
        coefficients: Of the basis, from degree 0 on, d + 1 numbers; or an object
            `numpy.polynomial.Polynomial`, `Chebyshev` or `Legendre`, with its own domain.
        eps: The error that the claim may have, rounding included.
        basis: "monomial" (powers of x itself, the default), "chebyshev" or "legendre": T_k or P_k
            at the position t in [-1, 1] on the domain, as numpy's `Chebyshev(c, domain)`.
        domain: An interval; by default [0, 1], or the domain of the object.
        levels: In place of eps: ReLUs of each square, from 1 to 25, with the fewest squares.
        scheme: "auto", "direct", "horner" or "clenshaw".

    Returns:
        A construction whose claim is at most eps; its target is the polynomial.

    Raises:
        TypeError: If the coefficients are no numbers, or the domain is no Box.
        ValueError: If an argument is out of range, or the rounding in the dtype of networks alone
            may exceed eps.

    Source:
        Yarotsky 2017, Propositions 2 and 3, for squares and products; the schemes are elementary.

    Example:
        >>> import numpy as np
        >>> c = polynomial_deep([1.0, -2.0, 0.5, 3.0], eps=1e-2)
        >>> float(c.claim.bound) <= 1e-2, c.network.num_hidden_units < 15
        (True, True)
        >>> wave = np.polynomial.Chebyshev([0, 0, 0, 0, 0, 1.0], domain=[3, 5])
        >>> polynomial_deep(wave, eps=1e-2).target.domain
        Box([3, 5])
    """
    series, box = series_of(coefficients, basis, domain)
    check_levels(levels, eps)
    check_scheme(scheme)
    target = series_target(series, box)
    text = f"degree {len(series) - 1} by deep squares"

    def programs(plain: bool) -> Iterator[Program]:
        named = "direct" if plain and scheme == "auto" else scheme
        return polynomial_programs(series, box, named)

    return _built(programs, levels, eps, target, text)


def monomial_deep(
    k: Any, eps: Any = None, *, domain: Any = None, levels: Any = None
) -> Construction:
    """x^k as a deep ReLU network, with as few ReLUs as this library can prove to suffice.

    Either as a polynomial (`polynomial_deep`), or by squares and products of lower powers, so that
    x^8 takes three squares.

    Args:
        k: The power, from 1 to 100.
        eps: The error that the claim may have, rounding included.
        domain: An interval; by default [0, 1].
        levels: In place of eps: ReLUs of each square, from 1 to 25.

    Returns:
        A construction whose claim is at most eps.

    Raises:
        ValueError: If an argument is out of range, or the rounding in the dtype of networks alone
            may exceed eps.

    Source:
        Yarotsky 2017, Propositions 2 and 3.

    Example:
        >>> c = monomial_deep(3, eps=1e-2)
        >>> float(c.claim.bound) <= 1e-2, c.network.num_hidden_units < 15
        (True, True)
    """
    check_positive(k=k)
    if k > 100:
        raise ValueError(f"k: got {k}, expected at most 100.")
    check_levels(levels, eps)
    box = interval(domain)
    side = max(abs(box.lower[0]), abs(box.upper[0]), 1e-300)
    check_held("domain", box, 4.0 * math.exp(min(k * math.log(side), 709.0)))
    series, _ = series_of([0.0] * k + [1.0], None, box)

    def programs(plain: bool) -> Iterator[Program]:
        yield from power_programs(k, series, box)
        yield from polynomial_programs(series, box, "direct" if plain else "auto")

    return _built(programs, levels, eps, power_target(k, series, box), f"x^{k} by deep squares")


def _built(programs: Any, levels: Any, eps: Any, target: Any, text: str) -> Construction:
    if levels is None:
        plan, built = within(programs, eps, relu_network)
    else:
        fewest = min(programs(False), key=lambda program: len(program.squares))
        plan = planned(fewest, [int(levels)] * len(fewest.squares))
        built = relu_network(plan)
    return claimed(plan, built, target, text, _attained(plan))


def _attained(plan: Plan) -> bool:
    """One square alone errs by as much as is said, at the ends of its pieces and between them."""
    return not plan.program.defect and len(plan.squares) <= 1
