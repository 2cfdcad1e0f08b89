"""Best polynomials: Chebyshev's closed form, alternation, |x|; rational functions near the best."""

import math

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.optimal import best_polynomial, near_best_rational

ABSOLUTE = al.Target(
    lambda x: jnp.abs(x[0]), domain=al.Box([-1.0], [1.0]), smoothness="kink", kinks=(0.0,)
)


@pytest.mark.parametrize("box", [al.Box([-1.0], [1.0]), al.Box([3.0], [5.0])])
def test_powers_as_chebyshev_found(box):
    """x^m by degree m - 1 on an interval of half-width r: the error 2 (r / 2)^m."""
    (a,), (b,) = box.lower, box.upper
    target = al.Target(lambda x: x[0] ** 6, domain=box, smoothness="analytic")
    best, exact = best_polynomial(target, 5), 2.0 * ((b - a) / 4.0) ** 6
    assert float(best.upper) == pytest.approx(exact, rel=1e-8)
    assert float(best.lower) == pytest.approx(exact, rel=1e-8)


def test_errors_alternate_at_the_reference():
    target = al.targets.get("runge")
    best = best_polynomial(target, 9)
    errors = al.evaluate(target, best.reference[:, None]) - al.evaluate(
        best, best.reference[:, None]
    )
    assert len(errors) == 9 + 2
    assert np.all(errors[1:] * errors[:-1] < 0)
    assert np.abs(errors) == pytest.approx(float(best.upper), rel=1e-6)
    assert float(al.errors.sup(best, target)) == pytest.approx(float(best.upper), rel=1e-6)


def test_interpolants_are_never_below_the_lower_end():
    """Chebyshev interpolation is near the best, above it; a bound twice as large is refuted."""
    for degree in (4, 11):
        low = float(best_polynomial(al.targets.get("exp"), degree).lower)
        fit = np.polynomial.Chebyshev.interpolate(np.exp, degree)
        x = np.linspace(-1.0, 1.0, 20_001)
        assert low < np.max(np.abs(fit(x) - np.exp(x))) < 2.0 * low


def test_constant_of_the_absolute_value():
    """m E_m tends to 0.2801694990..., with a next term in m^-2 that one extrapolation removes."""
    (low, high) = (m * float(best_polynomial(ABSOLUTE, m).lower) for m in (40, 80))
    assert (4.0 * high - low) / 3.0 == pytest.approx(0.2801694990238691, rel=1e-6)
    far = best_polynomial(ABSOLUTE, 200)
    assert 200 * float(far.lower) == pytest.approx(0.28017, rel=5e-5)
    assert float(far.upper) == pytest.approx(float(far.lower), rel=1e-8)


@pytest.mark.parametrize("degree", [14, 100])
def test_upper_end_is_the_error_of_the_polynomial(degree):
    """Close points about all extrema: a search that stops early reports 5e-8 too little."""
    best = best_polynomial(ABSOLUTE, degree)
    x = (best.reference[:, None] + np.linspace(-1e-4, 1e-4, 4001)).ravel()
    x = np.clip(x, -1.0, 1.0)[:, None]
    own = np.max(np.abs(al.evaluate(best, x) - al.evaluate(ABSOLUTE, x)))
    assert own == pytest.approx(float(best.upper), rel=1e-10)


def test_root_and_absolute_value_are_one_problem():
    """x = t^2 takes degree m for sqrt on [0, 1] to degree 2 m for |t| on [-1, 1]."""
    root, absolute = best_polynomial(al.targets.get("sqrt"), 7), best_polynomial(ABSOLUTE, 14)
    assert float(root.lower) == pytest.approx(float(absolute.lower), rel=1e-8)


def test_rounding_ends_in_a_lower_end_of_zero():
    best = best_polynomial(al.targets.get("sine4"), 60)
    assert float(best.lower) == 0.0
    assert float(best.upper) < 1e-13


def test_near_best_rational():
    target = al.targets.get("exp")
    fits = {m: near_best_rational(target, m) for m in (2, 4)}
    assert float(fits[4].upper) < 1e-8 < float(fits[2].upper) < 1e-3
    x = np.linspace(-1.0, 1.0, 999)
    assert np.max(np.abs(fits[2].function(x) - np.exp(x))) <= float(fits[2].upper) * (1 + 1e-9)
    # The best one of |x| falls like this; what AAA gives is above it, or has a pole inside.
    for m in (8, 24):
        fit = near_best_rational(ABSOLUTE, m)
        assert float(fit.upper) > 8.0 * math.exp(-math.pi * math.sqrt(m))
        assert math.isfinite(float(fit.upper)) or "pole" in fit.upper.problem
