"""Greedy fits of many ReLU units of one variable: as with a stored basis, without one."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting import Dictionary, greedy
from approxlab.fitting.orthogonal_greedy import algorithm
from approxlab.fitting.orthogonal_greedy.projection import Projection
from approxlab.fitting.orthogonal_greedy.spline_projection import SplineProjection, Unresolved

EPS = np.finfo(float).eps
X = np.sort(np.random.default_rng(0).uniform(-1.0, 1.0, 200))
ROOTS = np.sqrt(np.random.default_rng(1).uniform(0.5, 1.5, 200) / 100)
VALUES = np.exp(np.sin(4.0 * X)) * ROOTS


def column_of(sign, kink):
    return np.maximum(sign * (X - kink), 0.0) * ROOTS


KINKS = np.random.default_rng(2).uniform(-0.95, 0.95, 12)
UNITS = {
    "both signs": [(math.copysign(1.0, (-1) ** i), t) for i, t in enumerate(KINKS)],
    "one sign": [(1.0, t) for t in KINKS],
    "the other sign": [(-1.0, t) for t in KINKS],
    "kinks at and beyond the ends": [
        (1.0, 0.1), (1.0, -1.0), (-1.0, 0.3), (-1.0, 1.5), (1.0, -0.7),
    ],
    "the same kink twice": [(1.0, 0.1), (-1.0, 0.1), (-1.0, 0.4), (1.0, 0.4), (1.0, -0.5)],
    "kinks at points": [(1.0, X[20]), (-1.0, X[21]), (1.0, X[150])],
}  # fmt: skip


@pytest.mark.parametrize("name", UNITS)
def test_projections_are_those_of_a_stored_basis(name):
    stored, spline = Projection(VALUES, 20), SplineProjection(VALUES, X, ROOTS)
    random = np.random.default_rng(3)
    rows, strip = random.normal(size=(3, len(X))), np.arange(90, 120)
    inside = np.zeros((len(X), 2))
    inside[strip] = random.normal(size=(len(strip), 2))
    added = 0
    for sign, kink in UNITS[name]:
        column, unit = column_of(sign, kink), (np.array([sign]), -sign * kink)
        took = stored.append(column, *unit)
        assert spline.append(column, *unit) == took
        added += took
        assert spline.count == stored.count == added
        np.testing.assert_allclose(spline.newest, stored.newest, atol=1e5 * EPS)
        np.testing.assert_allclose(spline.residual, stored.residual, atol=1e4 * EPS)
        assert abs(spline.step - stored.step) <= 1e5 * EPS
        np.testing.assert_allclose(
            spline.without_basis(rows), stored.without_basis(rows), atol=1e6 * EPS
        )
        np.testing.assert_allclose(spline.new_part(rows.T), stored.new_part(rows.T), rtol=1e-9)
        np.testing.assert_allclose(
            spline.squares_within(strip, inside[strip]),
            stored.squares_within(strip, inside[strip]),
            atol=1e-9,
        )
    for got, want in zip(spline.factors(), stored.factors(), strict=True):
        np.testing.assert_allclose(got, want, atol=1e5 * EPS)


def test_dependent_units_are_refused():
    """Of affine functions there are two, and a kink twice is one."""
    spline = SplineProjection(VALUES, X, ROOTS)
    taken = [(1.0, 0.2), (1.0, -1.0), (-1.0, 1.0)]
    for sign, kink in taken:
        assert spline.append(column_of(sign, kink), np.array([sign]), -sign * kink)
    for sign, kink in [*taken, (-1.0, 0.2), (1.0, -2.0), (1.0, 3.0)]:
        assert not spline.append(column_of(sign, kink), np.array([sign]), -sign * kink)
    assert spline.count == 3


def test_two_kinks_before_the_second_point_have_no_hats():
    spline = SplineProjection(VALUES, X, ROOTS)
    a, b = X[:2]
    first, second = (a + part * (b - a) for part in (0.3, 0.6))
    assert spline.append(column_of(1.0, first), np.array([1.0]), -first)
    with pytest.raises(Unresolved):
        spline.append(column_of(1.0, second), np.array([1.0]), -second)


CASES = {
    "wave": (
        al.Target(lambda x: jnp.sin(7.0 * x[0] + 0.3) + x[0] ** 3, domain=al.Box([-1.0], [1.0])),
        {},
    ),
    "far away": (al.Target(lambda x: jnp.sin(5.0 * x[0]), domain=al.Box([1e3], [1e3 + 3])), {}),
    "root, as published": (al.targets.get("sqrt"), {"normalise": False, "refine": False}),
    "unit vectors": (al.targets.get("runge"), {"normalise": "unit"}),
    "random": (al.targets.get("runge"), {"dictionary": Dictionary(biases=64, random=True)}),
}


def both_ways(monkeypatch, target, units, **options):
    """With a stored basis, and as a spline."""
    fits = []
    for most in (10**9, 0):
        monkeypatch.setattr(algorithm, "_STORED", most)
        fits.append(greedy(target, units, **options))
    return fits


def agree(stored, spline):
    """The same kinks, and errors to six digits.

    With the affine functions among the units, relu(x - t) and relu(t - x) score the same.
    """
    assert (spline.status, spline.skipped) == (stored.status, stored.skipped)
    kinks = [-fit.biases / fit.directions[:, 0] for fit in (stored, spline)]
    width = np.ptp(kinks[0])
    np.testing.assert_allclose(kinks[1], kinks[0], rtol=0.0, atol=1e-6 * width)
    np.testing.assert_allclose(spline.residuals, stored.residuals, rtol=1e-6)
    np.testing.assert_allclose(spline.errors, stored.errors, rtol=1e-6)
    np.testing.assert_allclose(float(spline.error), float(stored.error), rtol=1e-6)
    np.testing.assert_allclose(float(spline.error), spline.errors[-1], rtol=1e-6)


@pytest.mark.parametrize("name", CASES)
def test_the_same_units_and_errors(name, monkeypatch):
    target, options = CASES[name]
    agree(*both_ways(monkeypatch, target, 48, **options))


def test_nothing_is_added_to_zero(monkeypatch):
    zero = al.Target(lambda x: 0.0 * x[0], domain=al.Box.unit(1))
    for fit in both_ways(monkeypatch, zero, 8):
        assert fit.status == "floor"
        assert len(fit.errors) == len(fit.biases) == 0
        assert float(fit.error) == 0.0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wave", "far away"])
def test_the_same_many_units_and_errors(name, monkeypatch):
    target, options = CASES[name]
    agree(*both_ways(monkeypatch, target, 300, **options))


def test_the_same_in_float32(monkeypatch):
    """Values of the target are rounded; the fit is in float64 either way."""
    with jax.enable_x64(False):
        agree(*both_ways(monkeypatch, CASES["wave"][0], 24))


def test_a_basis_is_stored_where_kinks_have_no_hats(monkeypatch):
    target, dictionary = CASES["wave"][0], Dictionary(biases=400)
    points = np.linspace(-0.99, 0.99, 9)[:, None], np.full(9, 0.2)
    options = {"points": points, "test_points": points, "dictionary": dictionary}
    stored, spline = both_ways(monkeypatch, target, 7, **options)
    for field in dataclasses.fields(stored):
        if field.name in ("residuals", "errors", "biases"):
            np.testing.assert_allclose(
                getattr(spline, field.name), getattr(stored, field.name), rtol=1e-6, atol=1e-12
            )


@pytest.mark.parametrize(
    "order", [slice(None, None, -1), np.random.default_rng(0).permutation(300)]
)
def test_points_in_any_order(order, monkeypatch):
    monkeypatch.setattr(algorithm, "_STORED", 0)
    points, weights = al.Box([-1.0], [1.0]).gauss_legendre(3, panels=100)
    target = CASES["wave"][0]
    sorted_fit = greedy(target, 16, points=(points, weights), test_points=(points, weights))
    other = greedy(
        target, 16, points=(points[order], weights[order]), test_points=(points, weights)
    )
    np.testing.assert_allclose(other.errors, sorted_fit.errors, rtol=1e-6)
