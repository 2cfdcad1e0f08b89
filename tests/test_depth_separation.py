"""The proofs of `experiments/depth_separation` on small cases that are known otherwise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from experiments.depth_separation import least, tents
from experiments.depth_separation.networks import built_shallow, shallow_units, target_of
from tests.sampling import mostly_slow

FUNCTIONS = {
    "square": (lambda x: x**2, 0.0),
    "cube": (lambda x: x**3, 0.0),
    "exp": (np.exp, -1.0),
}


def greedy_on_points(function, left, eps, count=20_001):
    """Pieces by the longest runs of points, where the chord is at most 2 eps above the target."""
    x = np.linspace(left, 1.0, count)
    y = function(x)
    begin, pieces = 0, 0
    while begin < count - 1:
        low, high = begin + 1, count - 1
        while low < high:
            end = (low + high + 1) // 2
            chord = y[begin] + (y[end] - y[begin]) / (x[end] - x[begin]) * (x - x[begin])
            fits = np.max((chord - y)[begin : end + 1]) <= 2 * eps
            low, high = (end, high) if fits else (low, end - 1)
        begin, pieces = low, pieces + 1
    return pieces


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("eps", [0.3, 0.02, 7e-4, 3e-5])
def test_fewest_pieces_are_those_of_a_greedy_search_on_points(name, eps):
    function, left = FUNCTIONS[name]
    found = least.fewest_pieces(name, eps)
    assert found <= greedy_on_points(function, left, eps) <= found + 1
    assert least.fewest_pieces(name, 0.5 * eps) >= found


def test_fewest_pieces_of_the_square_are_the_closed_form():
    """Twice the pieces, a quarter of the error; at the error itself, not one piece more."""
    for n in (1, 2, 3, 10, 1000):
        assert least.fewest_pieces("square", 1 / (8 * n * n)) == n
        assert least.fewest_pieces("square", 0.999 / (8 * n * n)) == n + 1


def test_few_pieces_of_the_takagi_function_are_too_few():
    """The built network has the least error, and a quarter of its pieces cannot have it."""
    for m in (1, 2, 5, 9):
        eps = 0.5**m / 3.0
        assert least.takagi_level(eps) == m
        assert least.takagi_level(eps * 0.999) == m + 1
        assert 2 ** (m - 1) < least.fewest_pieces("takagi", eps) <= shallow_units("takagi", eps)[1]


@pytest.mark.parametrize("name", ["square", "cube", "exp", "product", "takagi"])
def test_built_shallow_networks_are_within_eps(name):
    import approxlab as al

    for eps in (0.1, 0.013):
        net = built_shallow(name, eps)
        error = float(al.errors.sup(net, target_of(name)))
        assert 0.2 * eps < error <= eps * (1 + 1e-5)
        assert net.num_hidden_units == shallow_units(name, eps)[1]
        assert net.depth == 1


def test_l1_distance_is_that_of_a_fine_grid():
    rng = np.random.default_rng(0)
    knots = np.sort(np.concatenate([[0.0, 1.0], rng.uniform(size=5)]))
    heights = rng.normal(size=7)
    x = (np.arange(400_000) + 0.5) / 400_000
    place = np.mod(8 * x, 2.0)
    sampled = np.mean(np.abs(np.interp(x, knots, heights) - np.minimum(place, 2.0 - place)))
    assert math.isclose(tents.l1_distance(3, knots, heights), sampled, rel_tol=1e-6)


@pytest.mark.parametrize("k", mostly_slow([2, 3, 4], always=[2, 3]))
def test_l1_bounds_enclose_and_no_search_goes_below(k):
    """One piece has exactly 1/4; the upper ends are attained; local searches stay above."""
    from scipy.optimize import minimize

    lower = tents.least_l1_lower(k, 8)
    assert math.isclose(lower[0], 0.25, rel_tol=1e-3)
    assert np.all(np.diff(lower) <= 0.0)
    assert lower[-1] <= 1e-9
    rng = np.random.default_rng(k)
    for n in range(2, 2**k):
        knots, heights = tents.stopped(k, n)
        attained = tents.l1_distance(k, knots, heights)
        assert math.isclose(attained, 0.25 * (1 - (n - 1.5) / 2**k), rel_tol=1e-12)
        assert lower[n - 1] <= attained

        def distance(parts, n=n):
            inner = np.sort(np.clip(parts[: n - 1], 0.0, 1.0))
            return tents.l1_distance(k, np.concatenate([[0.0], inner, [1.0]]), parts[n - 1 :])

        start = np.concatenate([knots[1:-1], heights]) + 0.02 * rng.normal(size=2 * n)
        found = minimize(distance, start, method="Nelder-Mead", options={"maxiter": 400})
        assert found.fun >= lower[n - 1]
    # The twin: the lower bound is not idle.
    assert lower[2 ** (k - 1) - 1] > 0.6 * 0.25 * (1 - (2 ** (k - 1) - 1.5) / 2**k)
