"""Rank-revealing least squares, and the tanh networks that are solved by it."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
import scipy.linalg
import test_messages
from hypothesis import example, given, settings
from hypothesis import strategies as st

import approxlab as al
from approxlab.fitting import quasi_interpolant
from approxlab.solves import solve, solve_blocks

EPS = np.finfo(float).eps
METHODS = ["pivoted", "complete"]


def random_matrix(seed, m, n, rank):
    rng = np.random.default_rng(seed)
    return rng.standard_normal((m, rank)) @ rng.standard_normal((rank, n))


def tanh_units(x, width):
    """The basis of the references: slope 1/4 per cell, a quarter of the centres on each side."""
    halo = min(24, width // 4)
    h = 2.0 / (width - 2 * halo - 1)
    centres = -1.0 + h * np.arange(-halo, width - halo)
    return np.concatenate([np.tanh(0.25 / h * (x[:, None] - centres)), np.ones((len(x), 1))], 1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("m", "n", "rank"), [(9, 5, 5), (9, 5, 3), (4, 7, 4), (4, 7, 2), (1, 1, 1)]
)
def test_against_the_pseudoinverse(method, m, n, rank):
    """The oracle: residual, rank, and for "complete" the least-norm solution itself."""
    A = random_matrix(m * n, m, n, rank)
    B = np.random.default_rng(1).standard_normal((m, 3))
    X = np.linalg.pinv(A, rcond=1e-12) @ B
    found = solve(A, B, method=method)
    laws.close(found.residual, np.linalg.norm(A @ X - B, axis=0), c=256, scale=10.0)
    assert found.rank == rank
    assert len(found.columns) == rank
    if method == "complete":
        laws.close(found.solution, X, c=256, scale=100.0)
    else:
        assert np.all(np.delete(found.solution, found.columns, axis=0) == 0.0)
    one = solve(A, B[:, 1], method=method)
    assert one.solution.shape == (n,)
    assert one.residual.shape == ()
    laws.close(one.solution, found.solution[:, 1], c=256, scale=100.0)


@settings(max_examples=25, deadline=None)
@example(seed=1620, rank=1)
@given(seed=st.integers(0, 2**16), rank=st.integers(0, 6))
def test_rank_is_found(seed, rank):
    """A product of factors has its rank up to its own rounding, 12 eps: by default, eps, it counts.

    Of all draws, 0.3 % are so close to the default that one column of rounding is seen.
    """
    A = random_matrix(seed, 12, 6, rank)
    assert solve(A, np.ones(12), rtol=12 * EPS).rank == rank
    found = solve(A, np.ones(12))
    assert found.rank == rank or (found.rank > rank and found.condition > 1 / (12 * EPS))


@pytest.mark.parametrize("method", METHODS)
def test_residual_is_orthogonal_to_the_columns_and_weights_count(method):
    A = random_matrix(5, 40, 6, 6)
    b = np.sin(np.arange(40.0))
    weights = np.concatenate([np.full(30, 0.25), np.zeros(10)])
    found = solve(A, b, weights=weights, method=method)
    left = weights * (b - A @ found.solution)
    laws.close(A.T @ left, 0.0, c=64, scale=40.0)
    kept = solve(A[:30], b[:30], method=method)  # equal weights are no weights, zero ones no rows
    laws.close(found.solution, kept.solution, c=256, scale=10.0)
    laws.close(found.residual, 0.5 * kept.residual, c=64, scale=10.0)
    with pytest.raises(AssertionError):  # the twin: without weights it is another problem
        laws.close(solve(A, b, method=method).solution, kept.solution, c=256, scale=10.0)


@pytest.mark.parametrize("power", [-400, -3, 500])
def test_scaling_by_a_power_of_two_is_exact(power):
    A, b = random_matrix(7, 20, 8, 5), np.cos(np.arange(20.0))
    plain, scaled = solve(A, b), solve(A * 2.0**power, b)
    assert scaled.rank == plain.rank
    assert np.array_equal(scaled.solution * 2.0**power, plain.solution)
    assert scaled.condition == plain.condition


def test_condition_and_tolerance():
    A = np.diag([1.0, 1e-3, 1e-9])
    found = solve(A, np.ones(3))
    assert found.rank == 3
    assert abs(found.condition / 1e9 - 1) < 1e-9
    cut = solve(A, np.ones(3), rtol=1e-6)
    assert (cut.rank, cut.columns.tolist(), cut.solution.tolist()) == (2, [0, 1], [1.0, 1e3, 0.0])
    assert float(cut.residual) == 1.0
    assert repr(cut) == "LeastSquares(pivoted, rank 2 of 3, residual 1, condition 1.0e+03)"
    assert cut.to_rows() == [{"rank": 2, "condition": cut.condition, "residual": 1.0}]
    nothing = solve(np.zeros((3, 2)), np.ones(3))
    assert (nothing.rank, nothing.condition) == (0, 1.0)
    assert solve(np.diag([1.0, 1e-310]), np.ones(2)).rank == 1


def test_dtype_of_the_matrix_decides():
    A = random_matrix(3, 20, 6, 6)
    single = solve(jnp.asarray(A, "float32"), np.ones(20), method="complete")
    assert single.solution.dtype == np.float32
    assert single.rtol == np.finfo(np.float32).eps
    laws.close(single.solution, solve(A, np.ones(20)).solution, c=256, dtype=np.float32)
    assert solve([[1, 2], [3, 4]], [1, 1]).solution.dtype == np.float64


def test_pivoting_reaches_rounding_where_plain_least_squares_stops():
    """32 tanh units for exp: numpy's default cutoff stops at 7e-12, pivoted QR below 3e-15."""
    x, finer = np.linspace(-1, 1, 4801), np.linspace(-1, 1, 8001)

    def error(coefficients):
        wrong = tanh_units(finer, 32) @ coefficients - np.exp(finer)
        return np.linalg.norm(wrong) / np.linalg.norm(np.exp(finer))

    A, b = tanh_units(x, 32), np.exp(x)
    assert 1e-12 < error(np.linalg.lstsq(A, b, rcond=None)[0]) < 3e-11
    for method in METHODS:
        assert error(solve(A, b, method=method).solution) < 3e-15
    # The decomposition agrees with LAPACK's own, gelsy, to rounding of the fitted values.
    ours = solve(A, b, method="complete").solution
    theirs = scipy.linalg.lstsq(A, b, lapack_driver="gelsy", cond=EPS)[0]
    laws.close(tanh_units(finer, 32) @ ours, tanh_units(finer, 32) @ theirs, c=256)


@pytest.mark.parametrize(
    ("name", "width", "limit"),
    [("exp", 32, 4e-15), ("exp", 96, 1e-15), ("sine4", 192, 2e-15), ("runge", 215, 2e-15),
     ("chirp", 430, 3e-14)],
)  # fmt: skip
def test_solved_networks_reach_rounding(name, width, limit):
    """Relative L2 errors near rounding, with one solve for the last layer."""
    target = al.targets.get(name)
    solved = quasi_interpolant(target, width)
    x = target.domain.uniform(8001)
    wrong, size = (np.asarray(al.evaluate(f, x, batch=2048)) for f in (solved.network, target))
    assert np.linalg.norm(wrong - size) <= limit * np.linalg.norm(size)
    assert float(solved.error) <= limit
    assert np.max(np.abs(wrong - size)) <= 30 * limit
    assert solved.network.num_hidden_units == width
    assert solved.solve.rank < width


@pytest.mark.parametrize("box", [al.Box([3.0], [5.0]), al.Box([-7.0], [-2.0])])
def test_solved_networks_move_with_their_box(box):
    solved = quasi_interpolant(al.targets.get("exp").moved_to(box), 32)
    assert float(solved.error) < 1e-14
    assert float(al.errors.sup(solved.network, solved.target)) < 1e-13


def test_wide_units_and_a_halo_are_what_it_takes():
    """The twins: steep units, or no centres outside, with the same solve are far worse."""
    target = al.targets.get("exp")
    assert float(quasi_interpolant(target, 32, slope=16.0).error) > 1e-3
    assert float(quasi_interpolant(target, 32, halo=0).error) > 1e-9
    (row,) = quasi_interpolant(target, 32).to_rows()
    assert row["num_hidden_units"] == 32
    assert row["relative_l2_error"] < 4e-15


def test_single_precision_network():
    with jax.enable_x64(False):
        solved = quasi_interpolant(al.targets.get("exp"), 32)
    assert solved.network.dtype == jnp.float32
    assert 1e-8 < float(solved.error) < 3e-6


CALLS = [
    ("al.solves.solve([1.0], [1.0])", "ValueError", ["A", "(1,)", "(m, n)"]),
    ("al.solves.solve(np.ones((0, 2)), [])", "ValueError", ["A", "(0, 2)", "at least 1"]),
    ("al.solves.solve(x * 1j, x[:, 0])", "TypeError", ["A", "complex128", "real"]),
    ("al.solves.solve(x.astype('float16'), x[:, 0])", "TypeError", ["A", "float16", "float32 or"]),
    ("al.solves.solve(x, np.ones(5))", "ValueError", ["b", "(5,)", "(9, k)"]),
    ("al.solves.solve(x, bad)", "ValueError", ["b", "nan", "index [3]", "finite"]),
    ("al.solves.solve(np.full((9, 1), np.inf), bad)", "ValueError", ["A", "inf", "[0, 0]"]),
    (
        "al.solves.solve(x, x[:, 0], weights=-x[:, 0])",
        "ValueError",
        ["weights", "-0.125", "at least 0"],
    ),
    ("al.solves.solve(x, x[:, 0], weights=[1.0])", "ValueError", ["weights", "(1,)", "(9,)"]),
    ("al.solves.solve(x, x[:, 0], rtol=2)", "ValueError", ["rtol", "2", "between 0 and 1"]),
    ("al.solves.solve(x, x[:, 0], method='svd')", "ValueError", ["method", "'svd'", "'pivoted'"]),
    ("al.fitting.quasi_interpolant(np.exp, 8)", "TypeError", ["target", "ufunc", "Target"]),
    ("al.fitting.quasi_interpolant(runge, 3)", "ValueError", ["width", "3", "at least 4"]),
    ("al.fitting.quasi_interpolant(runge, 10**6)", "ValueError", ["width", "GiB", "hundred"]),
    ("al.fitting.quasi_interpolant(runge, 8, slope=0)", "ValueError", ["slope", "0", "0.25"]),
    (
        "al.fitting.quasi_interpolant(runge, 8, halo=4)",
        "ValueError",
        ["halo", "4", "0 to 3"],
    ),
    (
        "al.fitting.quasi_interpolant(runge, 8, points=8)",
        "ValueError",
        ["points", "got 8", "9 coefficients"],
    ),
    (
        "al.fitting.quasi_interpolant(al.targets.get('bump'), 8)",
        "ValueError",
        ["target.domain", "2 dimensions", "interval"],
    ),
]


@pytest.fixture(scope="module")
def answered():
    return dict(
        zip((c for c, *_ in CALLS), test_messages.answers([c for c, *_ in CALLS]), strict=True)
    )


@pytest.mark.parametrize(("call", "kind", "fragments"), CALLS, ids=[c for c, *_ in CALLS])
def test_message(call, kind, fragments, answered):
    got, message = answered[call]
    assert got == kind, message
    for fragment in fragments:
        assert fragment in message, f"{fragment!r} is not in: {message}"


MEMORY = """
import resource, sys
import numpy as np
from approxlab.solves import solve_blocks
n, count, rows = 24, 48, 2**14
x = np.linspace(-1.0, 1.0, count * rows)
def blocks():
    for part in np.split(x, count):
        yield np.cos(np.outer(np.arccos(part), np.arange(n)))
solve_blocks(lambda: iter([np.eye(3)]), (3, 3), float, np.ones(3))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
found = solve_blocks(blocks, (len(x), n), float, x**2)
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert np.allclose(found.solution[[0, 2]], 0.5) and found.rank == n and found.residual < 1e-9
print(1024 * grown / (8 * len(x) * n))
"""


def test_blocks_of_rows_take_the_memory_of_one_matrix():
    done = subprocess.run(
        [sys.executable, "-c", MEMORY],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parent.parent,
    )
    assert float(done.stdout) < 1.6  # the matrix, a check of its numbers, and right-hand sides


def test_blocks_give_the_solution_of_the_whole():
    rng = np.random.default_rng(3)
    A, b, weights = rng.normal(size=(50, 6)), rng.normal(size=(50, 2)), rng.uniform(size=50)
    A[:, 5] = A[:, 0] - A[:, 1]
    whole = solve(A, b, weights=weights)
    parts = solve_blocks(lambda: iter(np.split(A, [7, 20])), A.shape, A.dtype, b, weights=weights)
    assert np.array_equal(parts.solution, whole.solution)
    assert parts.rank == whole.rank == 5
    np.testing.assert_allclose(parts.residual, whole.residual, rtol=1e-14)
    A[30, 2] = np.inf
    with pytest.raises(ValueError, match=r"A: got inf at index \[30, 2\]"):
        solve_blocks(lambda: iter(np.split(A, [7, 20])), A.shape, A.dtype, b)
