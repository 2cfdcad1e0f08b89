"""Solves of linear problems hold as many matrices as they say, whatever the size."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting.last_layer import chosen_columns, sup_norm
from approxlab.regression import feature_rows

POINTS, WIDTH = 400_000, 60
SOLVES = {  # matrices held at once, and the call
    "readout": (1, "al.fitting.readout(net(n), target, points=m)"),
    "readout in the sup norm": (
        2,
        "al.fitting.readout(net(n), target, points=m, norm='sup', tol=.9)",
    ),
    "quasi-interpolant": (1, "al.fitting.quasi_interpolant(target, n, points=m)"),
    "regress": (1, "al.regression.regress(target, al.regression.Chebyshev(n), points=m)"),
}
CALL = """
import resource
import jax
jax.config.update("jax_enable_x64", True)
import approxlab as al
target = al.targets.get("runge")
def net(n):
    return al.MLP.init(jax.random.key(0), 1, (n,), "relu", init="uniform_knots")
def call(n, m):
    {call}
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
call(4, 64)
before = peak()
call({n}, {m})
print(1024 * (peak() - before))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", SOLVES)
def test_a_large_solve_holds_the_matrices_that_it_says(name):
    """And a few blocks of rows, and numbers per point, which do not grow with the width."""
    copies, call = SOLVES[name]
    done = subprocess.run(
        [sys.executable, "-c", CALL.format(call=call, n=WIDTH, m=POINTS)],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    matrix = 8 * POINTS * (WIDTH + 1)
    assert float(done.stdout) < copies * matrix + 200e6


def test_blocks_of_features_give_the_regression_of_the_whole(monkeypatch):
    x = np.linspace(-1.0, 2.0, 301)[:, None]
    data = x, np.exp(np.sin(3.0 * x[:, 0]))
    for weights in (None, 1.0 + x[:, 0] ** 2):
        whole = al.regression.polynomial(data, 9, weights=weights)
        with monkeypatch.context() as few:
            few.setattr(feature_rows, "_BLOCK_ENTRIES", 400)
            parts = al.regression.polynomial(data, 9, weights=weights)
        np.testing.assert_allclose(parts.solve.solution, whole.solve.solution, rtol=1e-12)
        np.testing.assert_allclose(parts.condition, whole.condition, rtol=1e-12)
        np.testing.assert_allclose(parts.rms_residual, whole.rms_residual, rtol=1e-12)
        assert parts.condition_kind == whole.condition_kind == "2-norm"


def test_a_feature_that_is_not_finite_in_a_later_block_is_named(monkeypatch):
    monkeypatch.setattr(feature_rows, "_BLOCK_ENTRIES", 30)
    points = np.linspace(1.0, 0.0, 11)[:, None]
    with pytest.raises(ValueError, match=r"features: got -?inf at the point \[0.0\]"):
        al.regression.regress((points, points[:, 0]), lambda x: jnp.stack([x[0], jnp.log(x[0])]))


@pytest.mark.parametrize("sides", [1, 2])
def test_blocks_of_a_sup_norm_problem_give_the_bounds_of_the_whole(sides, monkeypatch):
    x = np.linspace(-1.0, 1.0, 301)
    A = np.vander(x, 8)
    A[:, 3] = A[:, 4] + A[:, 5]
    b = np.stack([np.abs(x - 0.1), np.exp(x)], axis=1)[:, :sides].squeeze()
    whole = sup_norm.solve_sup(A, b)
    monkeypatch.setattr(chosen_columns, "_HELD", 100)
    monkeypatch.setattr(sup_norm, "_BLOCK_ENTRIES", 400)
    parts = sup_norm.solve_sup(A, b)
    given = sup_norm.solve_sup_blocks(lambda: iter(np.split(A, [7, 200])), A.shape, A.dtype, b)
    for other in (parts, given):
        assert other.status == whole.status == "converged"
        assert list(other.columns) == list(whole.columns)
        assert np.all(other.lower <= whole.attained)
        assert np.all(whole.lower <= other.attained)
        left = np.max(np.abs(b - A @ other.solution), axis=0)
        np.testing.assert_allclose(left, other.attained, rtol=1e-9)


def test_a_sup_norm_problem_too_large_for_two_matrices_is_refused():
    net = al.MLP.init(jax.random.key(0), 1, (999,), "relu")
    with pytest.raises(ValueError, match=r"2 matrices take 1\.49 GiB"):
        al.fitting.readout(net, al.targets.get("runge"), points=100_000, norm="sup")
