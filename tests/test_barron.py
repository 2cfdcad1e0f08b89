"""Maurey sampling: unbiased, its expected error exactly as computed, below Barron's bound."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from test_messages import answers

import approxlab as al
from approxlab.constructions import barron, maurey, maurey_constant
from approxlab.domains import uniform_in_ball

SAMPLINGS = ["fourier", "ridge"]
DIMS = [1, 2, 5, 10]
DEVIATIONS = 5.0  # standard errors: exceeded once in 2 million draws


def steps_at(network, points):
    """Every step of a network, times n, at points: shape (points, n). In NumPy: no compilation."""
    directions, weights = (np.asarray(w) for w in network.weights)
    rises = points @ directions.T + np.asarray(network.biases[0]) > 0
    return rises * (weights[0] * len(directions))


def gaussian(points):
    return np.exp(-0.5 * np.sum(points**2, axis=1))


def agrees(samples, truth):
    """Whether the mean of independent samples is the truth, within the standard error."""
    error = np.std(samples, axis=0, ddof=1) / math.sqrt(len(samples))
    return np.all(np.abs(np.mean(samples, axis=0) - truth) <= DEVIATIONS * error)


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("dim", DIMS)
def test_the_mean_over_draws_is_the_target(dim, sampling, key):
    for_network, for_points = jax.random.split(key)
    drawn = maurey(dim, 2**14, for_network, sampling=sampling)
    points = uniform_in_ball(for_points, 6, dim)
    steps = steps_at(drawn.network, points)
    assert agrees(steps.T, gaussian(points) - 1.0)
    assert not agrees(steps.T, 0.8 * (gaussian(points) - 1.0))  # the twin


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("dim", [*DIMS, 30])
def test_the_expected_error_is_exact(dim, sampling, key):
    """The mean over draws and points of (step - (f - f(0)))^2 against the closed form."""
    for_network, for_points = jax.random.split(key)
    network = maurey(dim, 2**15, for_network, sampling=sampling).network
    points = uniform_in_ball(for_points, 2**15, dim)
    directions, weights = (np.asarray(w) for w in network.weights)
    rises = np.sum(points * directions, axis=1) + np.asarray(network.biases[0]) > 0
    squares = (rises * weights[0] * 2**15 - (gaussian(points) - 1.0)) ** 2
    assert agrees(squares, maurey_constant(dim, sampling))
    assert not agrees(squares, 1.2 * maurey_constant(dim, sampling))  # the twin


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_error_of_whole_networks(sampling, key):
    """Average over 200 draws of 50 units in 3 dimensions: the expectation, far below the bound."""
    dim, n, draws = 3, 50, 200
    errors = []
    for i in range(draws):
        for_network, for_points = jax.random.split(jax.random.fold_in(key, i))
        drawn = maurey(dim, n, for_network, sampling=sampling)
        points = uniform_in_ball(for_points, 256, dim)
        wrong = steps_at(drawn.network, points).mean(axis=1) + 1.0 - gaussian(points)
        errors.append(np.mean(wrong**2))
    assert agrees(np.array(errors), float(drawn.expected))
    assert drawn.expected.exact
    assert not drawn.bound.exact
    assert max(errors) < float(drawn.bound)


def test_the_network_is_its_steps(key):
    drawn = maurey(4, 33, key)
    points = uniform_in_ball(key, 64, 4)
    by_hand = 1.0 + steps_at(drawn.network, points).mean(axis=1)
    eps = np.finfo(float).eps
    assert np.max(np.abs(np.asarray(al.evaluate(drawn.network, points)) - by_hand)) < 64 * eps
    assert (drawn.network.num_hidden_units, drawn.network.depth) == (33, 1)
    assert drawn.network.activation == "heaviside"
    (row,) = drawn.to_rows()
    assert row["bound_of_mean_squared_error"] == float(drawn.bound)
    assert row["expected_mean_squared_error"] == float(drawn.expected)


@pytest.mark.parametrize("dim", range(1, 11))
def test_the_constants(dim):
    """The bound is (2 C_f)^2; both samplings beat half of it, and "ridge" the other one."""
    moment = stats.chi(dim).mean()  # E|W|, the Barron constant of the Gaussian
    assert abs(moment - al.targets.get("gaussian", dim=dim).barron) < 1e-12
    bound = float(maurey(dim, 1, jax.random.key(0)).bound)
    assert abs(bound - (2 * moment) ** 2) < 1e-12 * bound
    fourier, ridge = (maurey_constant(dim, sampling) for sampling in SAMPLINGS)
    assert 0 < ridge < fourier < bound / 22
    assert bound < 35 * ridge


@pytest.mark.parametrize("dim", range(1, 10))
def test_closed_form_where_the_profile_is_monotone(dim):
    """2 (1 - k(1)) E(1 - f) - E(1 - f)^2; from 10 dimensions on k turns and it fails."""

    def by_hand(d):
        mean, square = (
            stats.beta(0.5 * d, 1.0).expect(lambda r2, p=p: (1 - np.exp(-0.5 * r2)) ** p)
            for p in (1, 2)
        )
        return 2 * (1 - float(barron._profile(d, np.array(1.0)))) * mean - square

    assert len(barron._extrema(dim)) == 2
    assert abs(by_hand(dim) / maurey_constant(dim, "ridge") - 1) < 1e-9
    assert abs(by_hand(10) / maurey_constant(10, "ridge") - 1) > 1e-3


def test_profile_of_small_dimensions():
    t = np.linspace(0.0, 1.0, 11)
    assert np.allclose(barron._profile(1, t), np.exp(-0.5 * t**2), rtol=1e-14, atol=0)
    by_hand = (1 - t**2) * np.exp(-0.5 * t**2)  # d = 3: E cos(R t) = -d/dt (t exp(-t^2 / 2)) ...
    assert np.allclose(barron._profile(3, t), by_hand, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("sampling", SAMPLINGS)
def test_thresholds_follow_their_density(sampling, key):
    """Kolmogorov-Smirnov, one dimension: P(t < s) = (1 - exp(-s^2/2)) / (1 - exp(-1/2))."""
    drawn = maurey(1, 4000, key, sampling=sampling)
    thresholds, weights = -np.asarray(drawn.network.biases[0]), np.asarray(drawn.network.weights[1])
    assert np.all((thresholds >= 0) & (thresholds <= 1))
    assert np.all(np.abs(weights) <= 2 * math.sqrt(2 / math.pi) / 4000)
    if sampling == "ridge":
        assert np.allclose(weights * 4000, -2 * (1 - math.exp(-0.5)))
        law = lambda s: (1 - np.exp(-0.5 * s**2)) / (1 - math.exp(-0.5))  # noqa: E731
        assert stats.kstest(thresholds, law).pvalue > 1e-4
        assert stats.kstest(thresholds**1.3, law).pvalue < 1e-4


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_facts_of_the_target_on_the_ball(dim, key):
    target = maurey(dim, 1, key).target
    points = uniform_in_ball(key, 4096, dim)
    values = gaussian(points)
    assert values.min() >= target.value_min
    size = math.pi ** (dim / 2) / math.gamma(dim / 2 + 1)  # volume of the ball
    assert agrees(size * values, target.integral)
    assert bool(target.mask(jnp.zeros(dim)))
    assert not bool(target.mask(jnp.ones(dim) * 1.01))


def test_points_of_the_ball_are_uniform(key):
    points = uniform_in_ball(key, 5000, 3)
    assert stats.kstest(np.linalg.norm(points, axis=1), lambda r: r**3).pvalue > 1e-4
    assert agrees(points, 0.0)


CALLS = [
    ("al.constructions.maurey(0, 4, key)", "ValueError", ["dim", "got 0", "positive"]),
    ("al.constructions.maurey(101, 4, key)", "ValueError", ["dim", "got 101", "at most 100"]),
    ("al.constructions.maurey(2, 0, key)", "ValueError", ["n", "got 0", "positive"]),
    ("al.constructions.maurey(2, 10**9, key)", "ValueError", ["n", "29.8 GiB", "at most"]),
    ("al.constructions.maurey(2, 4, 0)", "TypeError", ["key", "got 0", "jax.random.key"]),
    (
        "al.constructions.maurey(2, 4, key, sampling='radon')",
        "ValueError",
        ["sampling", "'radon'", "'ridge'"],
    ),
    ("al.MeanBound(-1.0, 'a', 'b')", "ValueError", ["value", "-1.0", "at least 0"]),
    ("al.MeanBound(1.0, 'a', '')", "ValueError", ["law", "empty", "unit ball"]),
    ("al.domains.uniform_in_ball(key, 0, 2)", "ValueError", ["n", "got 0", "positive"]),
]


def test_messages():
    for (call, kind, fragments), (got, message) in zip(
        CALLS, answers([c for c, *_ in CALLS]), strict=True
    ):
        assert got == kind, (call, message)
        for fragment in fragments:
            assert fragment in message, f"{fragment!r} is not in: {message}"
