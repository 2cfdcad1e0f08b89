"""Greedy fits: inner products against the dense dictionary, projections, refinement, polish."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting import Dictionary, GreedyStatus, greedy
from approxlab.fitting.orthogonal_greedy import polishing, ridge_units, selection
from approxlab.fitting.orthogonal_greedy.dictionaries import Ridges, drawn, sphere
from approxlab.fitting.orthogonal_greedy.projection import Projection
from approxlab.fitting.orthogonal_greedy.rules import Rule, rules

EPS = np.finfo(float).eps
SINE = al.Target(lambda x: jnp.sin(x[0]), domain=al.Box([-np.pi], [np.pi]), name="sine")
BUMP = al.Target(
    lambda x: jnp.exp(-8 * jnp.sum((x - 0.5) ** 2)), domain=al.Box.unit(2), name="bump"
)
POWERS = pytest.mark.parametrize("power", [0, 1, 2, 3, 4])


def some_rule(dim, count=200, seed=0):
    random = np.random.default_rng(seed)
    points = random.uniform(-1.0, 1.0, (count, dim)) * np.linspace(1.0, 0.5, dim)
    return Rule(points, random.uniform(0.5, 1.5, count) / count, random.standard_normal(count))


def box(dim):
    return al.Box(-np.linspace(1.0, 0.5, dim), np.linspace(1.0, 0.5, dim))


def some_ridges(rule, power, *, shifted=False, max_bytes=2**30, keep=True):
    dim = rule.points.shape[1]
    vectors = sphere(dim, 2 if dim == 1 else 6)
    shifts = np.random.default_rng(1).uniform(size=len(vectors)) * shifted
    return Ridges(rule.points, box(dim), power, vectors, shifts, 9, max_bytes, keep=keep)


def dense(ridges, rule, power):
    vectors, biases = ridges.units(np.arange(len(ridges.vectors) * ridges.biases))
    return vectors, biases, ridge_units.units_at(rule.points, vectors, biases, power)


# The dictionary


@POWERS
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_all_inner_products_are_those_of_the_dense_dictionary(dim, power):
    rule = some_rule(dim)
    for shifted in (False, True):
        ridges = some_ridges(rule, power, shifted=shifted)
        _, _, units = dense(ridges, rule, power)
        values = np.stack([rule.values, rule.weights])
        got = ridges.inner(values).reshape(2, -1)
        scale = np.abs(values) @ np.abs(units)
        # Steps enter with powers of the number of kinks; a value at a kink may round either way.
        assert np.all(np.abs(got - values @ units) <= 1e3 * EPS * np.maximum(scale, scale.max()))
        squares, seen = ridges.norms(rule.weights)
        np.testing.assert_allclose(squares.ravel(), rule.weights @ units**2, rtol=1e-9, atol=1e-15)
        assert np.array_equal(seen.ravel(), np.count_nonzero(units, axis=0))


def test_a_dictionary_that_does_not_fit_is_computed_anew_with_equal_results():
    rule = some_rule(2)
    kept, streamed = some_ridges(rule, 2), some_ridges(rule, 2, max_bytes=2 * 200 * 36)
    assert kept._kept is not None
    assert streamed._kept is None
    np.testing.assert_allclose(
        kept.inner(rule.values[None]), streamed.inner(rule.values[None]), rtol=1e-12, atol=1e-15
    )


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_directions_are_unit_vectors_all_around(dim):
    vectors = sphere(dim, 2 if dim == 1 else 256)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=4 * EPS)
    assert np.linalg.norm(vectors.mean(axis=0)) < 0.02
    again, shifts = drawn(np.random.default_rng(0), dim, 7)
    np.testing.assert_allclose(np.linalg.norm(again, axis=1), 1.0, rtol=4 * EPS)
    assert len(again) == (2 if dim == 1 else 7)
    assert np.all((shifts >= 0) & (shifts < 1))


# The projection


def test_the_growing_factorisation_is_that_of_the_whole_matrix():
    rule = some_rule(2)
    ridges = some_ridges(rule, 1)
    _, _, units = dense(ridges, rule, 1)
    columns = units[:, np.flatnonzero(np.any(units > 0, axis=0))[:20]]
    projection = Projection(rule.values, 20)
    kept = [i for i in range(columns.shape[1]) if projection.append(columns[:, i])]
    m = projection.count
    basis, triangle = projection.basis, projection.triangle[:m, :m]
    np.testing.assert_allclose(basis @ basis.T, np.eye(m), atol=20 * EPS)
    np.testing.assert_allclose(basis.T @ triangle, columns[:, kept], atol=100 * EPS)
    best = np.linalg.lstsq(columns[:, kept], rule.values, rcond=None)[0]
    np.testing.assert_allclose(
        projection.residual, rule.values - columns[:, kept] @ best, atol=1e4 * EPS
    )
    new = projection.new_part(columns[:, :3])
    assert np.all(np.abs(new) <= 1e3 * EPS * np.sum(columns[:, :3] ** 2, axis=0))


def test_a_dependent_unit_is_refused_and_changes_nothing():
    rule = some_rule(1)
    projection = Projection(rule.values, 3)
    assert projection.append(rule.values**2 + 1.0)
    before = projection.residual.copy()
    assert not projection.append(3.0 * (rule.values**2 + 1.0))
    assert not projection.append(np.zeros(len(before)))
    assert projection.count == 1
    assert np.array_equal(projection.residual, before)


# One step


@pytest.mark.parametrize("score", ["product", "unit", "new"])
def test_the_best_unit_of_a_dictionary_is_found_by_brute_force(score):
    rule = some_rule(2)
    ridges = some_ridges(rule, 1)
    vectors, biases, units = dense(ridges, rule, 1)
    scores = selection.Scores(ridges, rule, score, 1)
    projection = Projection(rule.values * np.sqrt(rule.weights), 4)
    for _ in range(4):
        best = scores.best(projection, 5)
        one_by_one = selection.scores_of(vectors, biases, rule, 1, projection, score, 1)
        assert one_by_one[best[0]] >= (1 - 1e-9) * one_by_one.max()
        assert np.all(np.diff(one_by_one[best]) <= 1e-12)
        if score == "new":  # its square is what the squared error loses
            column = units[:, best[0]] * np.sqrt(rule.weights)
            before = projection.residual @ projection.residual
            assert projection.append(column)
            lost = before - projection.residual @ projection.residual
            assert abs(lost - one_by_one[best[0]] ** 2) <= 1e-12 * before
        else:
            assert projection.append(units[:, best[0]] * np.sqrt(rule.weights))


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_refinement_finds_a_unit_between_those_of_the_dictionary(dim):
    rule = some_rule(dim, 2000)
    vectors = np.ones((1, dim)) / np.sqrt(dim)
    hidden = ridge_units.units_at(rule.points, vectors, np.array([0.1]), 2)[:, 0]
    projection = Projection(hidden * np.sqrt(rule.weights), 1)
    start = vectors.copy()
    start[0, 0] += 0.1 * (dim > 1)
    start /= np.linalg.norm(start)
    reach = np.full(dim, 0.1)
    half = np.linspace(1.0, 0.5, dim)
    w, b = selection.refined(start, np.array([0.15]), reach, half, rule, 2, projection, "new", 5)
    assert abs(b[0] - 0.1) < 0.005
    assert np.linalg.norm(w - vectors) < 0.01
    got, ideal, before = (
        float(selection.scores_of(u, c, rule, 2, projection, "new", 5)[0])
        for u, c in ((w, b), (vectors, np.array([0.1])), (start, np.array([0.15])))
    )
    assert ideal - got < 0.01 * (ideal - before)


# The whole fit


def test_errors_are_measured_where_nothing_was_fitted_and_agree_with_quadrature():
    fit = greedy(SINE, 12)
    assert fit.status is GreedyStatus.COMPLETE
    assert fit.polish == "off"
    assert fit.network.num_hidden_units == 12
    assert fit.network.activation == "relu"
    error = al.errors.l2(fit.network, SINE)
    assert abs(float(fit.error) - float(error)) <= 1e-3 * float(error)
    assert abs(fit.errors[-1] - float(fit.error)) <= 1e-9 * float(error)
    assert np.all(np.diff(fit.residuals) <= 0)
    _, test = rules(SINE, 12, None, None)
    assert fit.error.points == len(test.points)
    rows = fit.to_rows()
    assert [row["num_hidden_units"] for row in rows] == list(range(1, 13))
    assert "complete" in repr(fit)


def test_the_published_table_is_reproduced_and_the_best_step_is_better():
    published = {16: 1.24e-2, 32: 2.999e-3, 64: 7.573e-4}  # dictionary of 4096, RandomizedOGA
    fit = greedy(SINE, 64, normalise=False, refine=False)
    for n, error in published.items():
        assert abs(fit.errors[n - 1] / error - 1) < 0.06, n
    best = greedy(SINE, 64, refine=False)
    assert np.all(best.errors[[7, 15, 31, 63]] < fit.errors[[7, 15, 31, 63]])
    unit = greedy(SINE, 64, normalise="unit", refine=False)
    assert unit.errors[63] > best.errors[63]


def test_a_target_that_is_a_unit_is_found_and_the_fit_stops_at_rounding():
    unit = al.Target(lambda x: -2 * jnp.maximum(3.5 - x[0], 0.0), domain=al.Box([3.0], [5.0]))
    fit = greedy(unit, 10, dictionary=Dictionary(biases=64))
    assert fit.status == "floor"
    assert len(fit.biases) == 1
    assert float(fit.error) < 1e-12


@POWERS
def test_every_power_falls_in_two_dimensions(power):
    fit = greedy(BUMP, 24, power=power, dictionary=Dictionary(32, 32), points=12)
    assert fit.errors[23] < (0.5 if power == 0 else 0.15) * fit.errors[3]
    error = al.errors.l2(fit.network, BUMP, panels=8)
    assert abs(float(fit.error) / float(error) - 1) < (0.05 if power == 0 else 0.02)


def test_smooth_units_go_on_where_little_of_them_is_new():
    # What is new in a cubic among 96 is 1e-7 of it, the residual 1e-8 of the target: a difference
    # of squares is rounding, and so is a product with what is left of the target's own rounding.
    line = al.Target(lambda x: jnp.exp(-8 * (x[0] - 0.5) ** 2), domain=al.Box.unit())
    fit = greedy(line, 96, power=3, dictionary=Dictionary(biases=512), points=256)
    assert fit.status == "complete"
    assert fit.errors[95] < 2 * 4.0**-4 * fit.errors[23]
    assert np.abs(np.asarray(fit.network.weights[1])).max() < 1e4  # no twins of huge coefficients


def test_random_dictionaries_depend_on_the_key_alone():
    small = Dictionary(8, 16, random=True)
    a, b, c = (
        greedy(BUMP, 12, dictionary=small, points=10, key=jax.random.key(seed))
        for seed in (1, 1, 2)
    )
    assert np.array_equal(a.biases, b.biases)
    assert not np.array_equal(a.biases, c.biases)
    assert a.errors[-1] < 0.3 * a.errors[2]


def test_points_outside_a_mask_do_not_count():
    corner = al.targets.get("corner")
    fit = greedy(corner, 12, power=2, dictionary=Dictionary(16, 32), points=16)
    assert fit.points == 3 * (16 * 3) ** 2 // 4
    error = al.errors.l2(fit.network, corner, panels=16)
    assert abs(float(fit.error) / float(error) - 1) < 0.02


def test_polish_lowers_the_error_near_to_the_optimum_in_one_dimension():
    fit = greedy(SINE, 24, dictionary=Dictionary(biases=256), polish=True)
    assert np.all(np.diff(fit.polish_residuals) < 0)
    assert fit.polish in ("converged", "budget")
    optimum = 2.0954 / 24**2  # asymptotic, n pieces; 24 units have 23 to 25
    assert float(fit.error) < 1.08 * optimum < fit.errors[-1]
    assert abs(float(al.errors.l2(fit.network, SINE)) / float(fit.error) - 1) < 1e-3


@pytest.mark.parametrize("power", [2, 3])
def test_slope_and_curvature_of_the_eliminated_error_are_its_differences(power):
    rule = some_rule(2, 300)
    rule = Rule(rule.points, rule.weights, np.sin(3 * rule.points[:, 0]) * rule.points[:, 1])
    vectors, biases = sphere(2, 5), np.array([0.2, 0.1, 0.3, 0.15, 0.25])
    at = polishing.projected(vectors, biases, rule, power)
    hessian, slope, _ = polishing._quadratic(at, rule, power)
    frames = ridge_units.tangents(vectors)

    def half_square(step):
        w, b = ridge_units.moved(vectors, biases, frames, step.reshape(2, 5).T)
        return 0.5 * polishing.projected(w, b, rule, power).error ** 2

    h = 1e-5
    by_differences = [(half_square(-h * e) - half_square(h * e)) / (2 * h) for e in np.eye(10)]
    np.testing.assert_allclose(slope, by_differences, rtol=1e-5, atol=1e-7 * np.abs(slope).max())
    assert np.linalg.norm(hessian - hessian.T) <= 1e-12 * np.linalg.norm(hessian)


def test_polish_in_two_dimensions_and_of_smooth_units():
    fit = greedy(BUMP, 16, power=2, dictionary=Dictionary(32, 32), points=10, polish=8)
    assert float(fit.error) < 0.8 * fit.errors[-1]


# Wrong calls and bad targets


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: greedy(SINE, 0), "units: got 0"),
        (lambda: greedy(SINE, 4, power=5), "power: got 5"),
        (lambda: greedy(SINE, 4, power=0, polish=True), "polish: got power 0"),
        (lambda: greedy(SINE, 40, points=4), "points: got 12 points for 40 units"),
        (lambda: greedy(SINE, 4, dictionary=Dictionary(directions=5)), "directions: got 5"),
        (lambda: greedy(SINE.scaled(2.0), 4, points=(np.ones((3, 2)), np.ones(3))), "points: got"),
    ],
)
def test_a_wrong_call_says_what_is_wrong(call, words):
    with pytest.raises(ValueError, match=words.replace("(", r"\(")):
        call()


def test_a_target_with_one_bad_value_is_named_at_its_point():
    bad = al.Target(lambda x: jnp.log(x[0]), domain=al.Box([-1.0], [1.0]))
    with pytest.raises(ValueError, match="target: got nan at the point"):
        greedy(bad, 4)


def test_the_zero_target_ends_at_once():
    fit = greedy(al.Target(lambda x: 0.0 * x[0], domain=al.Box.unit()), 4)
    assert fit.status == "floor"
    assert float(fit.error) == 0.0
    assert fit.errors.shape == (0,)
    assert float(al.errors.sup(fit.network, lambda x: 0.0 * x[0], al.Box.unit())) == 0.0


@pytest.mark.parametrize(("dim", "power"), [(1, 1), (2, 1), (3, 1), (1, 0), (2, 0)])
def test_units_near_a_given_one_have_the_scores_of_their_columns(dim, power):
    from approxlab.fitting.orthogonal_greedy.nearby import Nearby

    rng = np.random.default_rng(dim)
    rule = some_rule(dim, 3000)
    projection = Projection(rule.values * np.sqrt(rule.weights), 30)
    others, shifts = rng.normal(size=(8, dim)), np.linspace(-0.35, 0.35, 8)
    others /= np.linalg.norm(others, axis=1, keepdims=True)
    for column in ridge_units.units_at(rule.points, others, shifts, power).T:
        projection.append(column * np.sqrt(rule.weights))
    middle, reach = others[:1] * [[1.0]], np.full(dim, 0.02)
    near = Nearby.around(middle[0], float(shifts[0]) + 0.04, reach, rule, power, projection)
    assert near is not None
    frames = ridge_units.tangents(middle)
    steps = rng.uniform(-0.7, 0.7, (9, dim)) * reach
    w, b = ridge_units.moved(
        *(np.repeat(a, 9, axis=0) for a in (middle, shifts[:1] + 0.04, frames)), steps
    )
    found = near.scores(w, b, 4)
    exact = selection.scores_of(w, b, rule, power, projection, "new", 4)
    np.testing.assert_allclose(found, exact, rtol=1e-8)
    assert near.scores(w, b + 1.0, 4) is None  # too far: columns are to be looked at
    if dim == 1:  # a chosen unit, and one beside it
        assert near.scores(middle, shifts[:1] + 0.04 - 0.01, 4) is not None
        here = Nearby.around(middle[0], float(shifts[0]) + 0.01, reach, rule, power, projection)
        assert here is not None
        assert here.scores(middle, shifts[:1], 4) is None
    farther = selection.scores_of(w, b + 0.01, rule, power, projection, "new", 4)
    assert not np.allclose(found, farther, rtol=1e-8)
