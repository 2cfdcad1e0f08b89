"""Least sup norm by Lawson's algorithm, against linear programming."""

import numpy as np
import pytest
from scipy.optimize import linprog
from test_solves import tanh_units

from approxlab.fitting.last_layer.sup_norm import solve_sup
from approxlab.solves import solve

EPS = np.finfo(float).eps
X = np.linspace(-1.0, 1.0, 301)


def least_maximum(A, y):
    """The oracle: minimise t with -t <= y - A c <= t."""
    m, n = A.shape
    basis = np.linalg.qr(A)[0]
    wall = -np.ones((m, 1))
    bounds = [(None, None)] * n + [(0, None)]
    found = linprog(
        np.r_[np.zeros(n), 1.0],
        A_ub=np.block([[basis, wall], [-basis, wall]]),
        b_ub=np.r_[y, -y],
        bounds=bounds,
    )
    return found.fun


def check_bounds(found, A, y):
    """What a solution says of itself, each number computed again from the problem."""
    left = np.abs(y - A @ found.solution)
    rounding = 4 * EPS * (np.max(np.abs(y)) + np.sum(np.abs(found.solution)))
    assert abs(np.max(left) - found.attained) <= rounding
    assert abs(np.sum(found.weights) - 1.0) <= 1e-12
    assert np.all(found.weights > 0.0)
    basis = np.linalg.qr(A[:, found.columns])[0]
    least = solve(basis, y, weights=found.weights).residual
    unit = 4 * found.rank * EPS
    rounding = unit * (np.max(np.abs(y)) + np.abs(found.solution) @ np.max(np.abs(A), axis=0))
    assert abs(least - rounding - found.lower) <= 1e-9 * least + unit * np.max(np.abs(y))


CASES = {
    "quartic": (np.vander(X, 5), 1 / (1 + 25 * X**2)),
    "tanh": (tanh_units(X, 12), 1 / (1 + 25 * X**2)),
    "nearly dependent": (tanh_units(X, 24), np.exp(np.sin(6 * X))),
    "twice the same columns": (np.tile(np.vander(X, 4), 2), np.abs(X)),
    "a kink off the centre": (np.vander(X, 6), np.abs(X - 0.3)),
}


@pytest.mark.parametrize("name", CASES)
def test_against_linear_programming(name):
    A, y = CASES[name]
    found = solve_sup(A, y, rtol=1e-11)
    assert found.status == "converged"
    assert found.attained <= 1.001 * found.lower
    least = least_maximum(A[:, found.columns], y)
    assert found.lower <= least + 1e-8
    assert least <= found.attained + 1e-8
    assert found.steps < 200
    check_bounds(found, A, y)
    assert (
        np.max(np.abs(y - A @ solve(A, y, rtol=1e-11).solution)) > 1.02 * found.attained
    )  # L2 is not sup


def test_bounds_of_other_weights_are_refused():
    A, y = CASES["quartic"]
    found = solve_sup(A, y)
    object.__setattr__(found, "weights", np.full(len(y), 1.0 / len(y)))
    with pytest.raises(AssertionError):
        check_bounds(found, A, y)


def test_chebyshev_is_found():
    """x^5 less its best quartic is T_5 / 16."""
    x = np.cos(np.pi * np.arange(101) / 100)  # the extrema of T_5 among them
    found = solve_sup(np.vander(x, 5), x**5, tol=1e-4)
    assert found.status == "converged"
    assert found.lower <= 1 / 16 <= found.attained + EPS
    np.testing.assert_allclose(found.solution, [0.0, 1.25, 0.0, -0.3125, 0.0], atol=2e-3)


def test_several_right_hand_sides_and_powers_of_two():
    A = np.vander(X, 5)
    Y = np.stack([np.exp(X), np.abs(X)], axis=1)
    both = solve_sup(A, Y)
    for i, y in enumerate(Y.T):
        one = solve_sup(A, y)
        assert np.array_equal(both.solution[:, i], one.solution)
        assert both.attained[i] == one.attained
        check_bounds(one, A, y)
    (row,) = both.to_rows()
    assert row["largest_residual"] == both.attained.max()
    large = solve_sup(A, 1024.0 * Y[:, 1])
    assert np.array_equal(large.solution, 1024.0 * both.solution[:, 1])


def test_statuses():
    A = np.vander(X, 5)
    assert solve_sup(A, 0.0 * X).status == "converged"
    assert solve_sup(A, np.abs(X), steps=3).status == "budget"
    assert solve_sup(A, np.abs(X), steps=3).steps == 3
    exact = solve_sup(A, 1.0 + X)  # nothing but rounding is left, of which nothing is proved
    assert exact.status == "stagnated"
    assert exact.lower == 0.0
    assert exact.attained <= 16 * EPS
    single = solve_sup(A.astype(np.float32), np.abs(X), tol=1e-2)
    assert single.solution.dtype == np.float32
    assert single.status == "converged"


@pytest.mark.parametrize("bend", [1e-9, 1e-12, 1e-13])
def test_nearly_dependent_columns_do_not_raise_the_lower_bound(bend):
    x = np.linspace(-1.0, 1.0, 41)
    column = x + bend * x**2
    # The difference of the columns is exact, so the same span has a well-conditioned basis.
    straight = np.stack([np.ones(41), x, (column - x) / bend], axis=1)
    found = solve_sup(np.stack([np.ones(41), x, column], axis=1), x**2)
    assert found.lower <= float(solve_sup(straight, x**2).attained)
    assert found.lower <= found.attained


def test_a_residual_of_zero_ends_the_search():
    found = solve_sup(np.full((4, 1), 49.0), np.ones(4))
    assert found.attained <= 4 * np.finfo(float).eps
    assert found.status in ("converged", "stagnated")
