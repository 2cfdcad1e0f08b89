"""Polynomials as deep networks of squared ReLUs: exactly."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from approxlab.claims import Construction
from approxlab.constructions._levels import claimed
from approxlab.constructions._polynomial_arguments import series_of, series_target
from approxlab.constructions._polynomial_programs import polynomial_programs
from approxlab.constructions._square_networks import relu2_network
from approxlab.constructions._square_programs import Plan, upwards
from approxlab.networks.mlp import MLP

__all__ = ["relu2_polynomial"]


def relu2_polynomial(coefficients: Any, *, basis: Any = None, domain: Any = None) -> Construction:
    """A polynomial as a deep network of units relu(z)^2, exact up to rounding.

    z^2 = relu(z)^2 + relu(-z)^2, and products are differences of squares, so a polynomial of degree
    n takes about log2(n) layers: T_2, ..., T_k one square each, and degree 2k one more (see
    `polynomial_deep`). The network is the polynomial on the whole line; the claim, which is
    rounding alone, is for the domain.

    Args:
        coefficients: Of the basis, from degree 0 on; or an object `numpy.polynomial.Polynomial`,
            `Chebyshev` or `Legendre`, with its own domain.
        basis: "monomial" (powers of x itself, the default), "chebyshev" or "legendre": T_k or P_k
            at the position t in [-1, 1] on the domain.
        domain: An interval; by default [0, 1], or the domain of the object.

    Returns:
        A construction with two hidden units per square.

    Raises:
        TypeError: If the coefficients are no numbers, or the domain is no Box.
        ValueError: If the coefficients are not finite, too many, or too large.

    Source:
        Elementary: polarisation.

    Example:
        >>> c = relu2_polynomial([0.0, 0.0, 0.0, 0.0, 1.0])   # x^4
        >>> c.network.num_hidden_units, c.network.depth, float(c.claim.bound) < 1e-4
        (4, 2, True)
    """
    series, box = series_of(coefficients, basis, domain)
    programs = list(polynomial_programs(series, box))
    fewest = min(len(program.squares) for program in programs)
    best: tuple[Plan, tuple[MLP, float]] | None = None
    for program in programs:
        if len(program.squares) > fewest:
            continue
        plan = Plan(program, (1,) * fewest, program.squares, True, Fraction(0), Fraction(0))
        network, rounding = relu2_network(plan)
        # Coefficients that are square roots are rounded too, before they are stored.
        rounding += float(upwards(program.defect))
        if best is None or rounding < best[1][1]:
            best = plan, (network, rounding)
    assert best is not None
    text = "z^2 = relu(z)^2 + relu(-z)^2"
    return claimed(*best, series_target(series, box), text, True)
