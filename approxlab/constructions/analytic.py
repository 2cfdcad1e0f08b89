"""Analytic functions of one variable as deep ReLU networks, by truncated series."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from approxlab.arguments import check_number, float_below
from approxlab.claims import Construction
from approxlab.constructions._analytic_series import (
    Expansion,
    chebyshev_expansion,
    taylor_expansion,
)
from approxlab.constructions._complex_discs import NotAnalyticError
from approxlab.constructions._levels import claimed, within
from approxlab.constructions._polynomial_programs import polynomial_programs
from approxlab.constructions._square_networks import relu_network
from approxlab.constructions._square_programs import Plan, Program
from approxlab.constructions._target_checks import interval_of
from approxlab.networks.mlp import MLP

__all__ = ["analytic_deep"]

_MOST_DEGREE = 200
_MORE_DEGREES = 4  # beyond the least one: a smaller remainder may save levels


def analytic_deep(
    target: Any, eps: Any, *, expansion: Any = "chebyshev", ellipse: Any = None
) -> Construction:
    """An analytic function as a deep ReLU network: a truncated series, computed by deep squares.

    That the function is analytic around its interval is proved from its program: exp, sin, cos,
    tanh, log, roots, powers, sums, products and quotients are computed on discs that cover an
    ellipse of the complex plane (a disc, for Taylor series), rounding included. From a bound M
    there, the series is known to any accuracy with a proved remainder; its degree is the one with
    the fewest ReLUs, and the polynomial is computed as in `polynomial_deep`.

    Args:
        target: A target of one variable whose function is written with jax.numpy.
        eps: The error that the claim may have, rounding included.
        expansion: "chebyshev", or "taylor" at the center of the interval, for functions that are
            analytic in a disc around it.
        ellipse: Numbers (rho, M) that you have proved: |f| <= M in the ellipse with foci at the
            ends and semi-axes h (rho +- 1/rho) / 2, h half of the width. By default they are found.

    Returns:
        A construction whose claim is at most eps.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If it cannot be proved that the function is analytic, if more than degree 200 is
            needed, if an argument is out of range, or if rounding alone may exceed eps.

    Source:
        Trefethen 2013, "Approximation Theory and Approximation Practice", Theorems 8.1 and 8.2;
        Yarotsky 2017 for squares by sawteeth.

    Example:
        >>> from approxlab.targets import get
        >>> c = analytic_deep(get("exp"), eps=1e-2)
        >>> float(c.claim.bound) <= 1e-2, c.network.num_hidden_units < 15
        (True, True)
    """
    found = proved_expansion(target, eps, expansion, ellipse)
    best: tuple[Plan, tuple[MLP, float], float, int] | None = None
    problem: ValueError | None = None
    for degree in _degrees(found, float_below(eps)):
        series, extra = found.series(degree), float(found.tails[degree])

        def programs(plain: bool, series: Any = series) -> Iterator[Program]:
            return polynomial_programs(series, target.domain, "direct" if plain else "auto")

        try:
            plan, built = within(programs, eps, relu_network, extra)
        except ValueError as refusal:
            problem = refusal
            continue
        if best is None or plan.units < best[0].units:
            best = plan, built, extra, degree
    if best is None:
        assert problem is not None
        raise problem
    plan, built, extra, degree = best
    text = f"degree {degree} by deep squares; {found.source}"
    return claimed(plan, built, target, text, False, extra)


def proved_expansion(target: Any, eps: Any, expansion: Any, ellipse: Any) -> Expansion:
    """The series with its remainders, or a refusal that says what cannot be proved."""
    box = interval_of(target)
    check_number("eps", eps, positive=True)
    if not isinstance(expansion, str) or expansion not in ("chebyshev", "taylor"):
        raise ValueError(f"expansion: got {expansion!r}, expected 'chebyshev' or 'taylor'.")
    known = _checked_ellipse(ellipse)
    try:
        if expansion == "taylor":
            found = taylor_expansion(target.fn, box, float_below(eps))
        else:
            found = chebyshev_expansion(target, float_below(eps), known)
    except NotAnalyticError as problem:
        raise ValueError(
            f"target: of {target!r} it cannot be proved that it is analytic: {problem}. Expected "
            "exp, log, sin, cos, tanh, roots, powers, sums, products and quotients, or a bound of "
            "your own as ellipse=(rho, M)."
        ) from None
    if found is None:
        where = "a disc around the interval" if expansion == "taylor" else "an ellipse around it"
        raise ValueError(
            f"target: of {target!r} it cannot be proved that it is analytic in {where}, expected "
            "a function whose singularities stay away from its interval. Take a smaller box"
            + (", or expansion='chebyshev'." if expansion == "taylor" else ".")
        )
    return found


def _degrees(found: Expansion, eps: float) -> range:
    least = next((n for n, tail in enumerate(found.tails) if tail < 0.999 * eps), None)
    if least is None:
        raise ValueError(
            f"eps: got {eps!r}, expected more than {float(found.tails.min()):.3g}: the rounding of "
            "float64 in the coefficients of the series."
        )
    if least > _MOST_DEGREE:
        raise ValueError(
            f"eps: got {eps!r}, for which the series has degree {least}, expected at most "
            f"{_MOST_DEGREE}. Take a larger eps, or a smaller box."
        )
    return range(least, min(least + _MORE_DEGREES, len(found.tails)))


def _checked_ellipse(ellipse: Any) -> tuple[float, float] | None:
    if ellipse is None:
        return None
    form = "numbers (rho, M) with rho > 1 and M >= 0"
    try:
        if isinstance(ellipse, str | bytes | dict | set):
            raise TypeError
        given = tuple(ellipse)
        for number in given:
            check_number("ellipse", number, positive=False)
        rho, most = (float(v) for v in given)
    except (TypeError, ValueError):
        raise ValueError(f"ellipse: got {ellipse!r}, expected {form}.") from None
    if not (1.0 < rho < math.inf and 0.0 <= most < math.inf):
        raise ValueError(f"ellipse: got {ellipse!r}, expected {form}.")
    return rho, most
