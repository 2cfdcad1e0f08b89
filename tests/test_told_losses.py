"""What a fit tells of itself holds for the network that it returns, and for the data as given."""

import ctypes
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
import scipy

import approxlab as al
from approxlab import host_threads
from approxlab.landscapes.projection import project
from approxlab.solves import solve

X = np.linspace(-1.0, 1.0, 60)[:, None]
SQUARE = X[:, 0] ** 2


def own_losses(result, x, y):
    values = np.asarray(al.evaluate(result.network, x), np.float64).reshape(len(x), -1)
    return np.mean(np.square(values - y.reshape(len(x), -1)), axis=0)


@pytest.mark.parametrize(
    ("x", "y", "dtype"),
    [
        (X, 1e9 + 0.5 * SQUARE, "float32"),
        (X, 1e6 - SQUARE, "float32"),
        (X + 1e8, SQUARE, "float32"),
        (1e15 + np.arange(0.0, 2.0, 0.125)[:, None], np.linspace(-1.0, 1.0, 16) ** 2, "float64"),
    ],
    ids=["far values", "values", "far points", "a box far off"],
)
def test_a_network_that_rounds_too_much_has_not_converged(x, y, dtype):
    found = al.fit((x, y), hidden=(6,), method="variable_projection", dtype=dtype, steps=30)
    own = own_losses(found, x, y)[0]
    assert found.status == "limited"
    assert found.loss == pytest.approx(own, rel=1e-3)
    assert found.relative_loss == pytest.approx(own / y.var(), rel=1e-3)
    assert found.relative_loss > 1e-4


@pytest.mark.parametrize("offset", [0.0, 10.0])
def test_rounding_of_ordinary_data_does_not_keep_a_fit_from_converging(offset):
    options = {"hidden": (6,), "method": "variable_projection", "dtype": "float32", "steps": 30}
    for data in ((X, offset + SQUARE), (X + offset, SQUARE)):
        found = al.fit(data, **options)
        assert found.status == "converged"
        assert found.loss == pytest.approx(own_losses(found, *data)[0], rel=1e-3)


MIXED = np.stack([SQUARE, np.full(60, 3.0), 1e6 * X[:, 0] ** 3, np.zeros(60)], axis=1)


@pytest.mark.parametrize(
    ("method", "limit"),
    [
        pytest.param("adam", 0.3, marks=pytest.mark.slow),
        ("lbfgs", 0.02),
        pytest.param("levenberg_marquardt", 1e-3, marks=pytest.mark.slow),
        ("variable_projection", 1e-3),
    ],
)
def test_every_output_is_fitted_whatever_its_size(method, limit):
    steps = 300 if method in ("adam", "lbfgs") else 60
    found = al.fit((X, MIXED), hidden=(6,), method=method, steps=steps)
    own = own_losses(found, X, MIXED)
    sizes = np.array([SQUARE.std(), 3.0, MIXED[:, 2].std(), 1.0])
    assert (np.sqrt(own) < limit * sizes).all()
    # Squared rounding beside 3 and 1e6, where an output is met to the last digit.
    rounding = np.square(1e-14 * np.array([1.0, 3.0, 1e6, 1.0]))
    assert np.all(np.abs(found.output_losses[0] - own) <= 1e-6 * own + rounding)
    assert found.loss == pytest.approx(own.mean(), rel=1e-6)
    assert found.history.losses[0, -1] == pytest.approx(found.loss, rel=1e-3)
    weights = 1.0 / np.array([SQUARE.var(), 16.0, MIXED[:, 2].var(), 4.0])
    assert found.relative_loss == pytest.approx((found.output_losses[0] * weights).mean(), rel=1e-6)


def test_outputs_of_one_unit_are_scaled_together_if_asked():
    y = MIXED[:, [0, 2]]
    found = al.fit((X, y), hidden=(4,), method="lbfgs", steps=30, scaling="common")
    own = own_losses(found, X, y)
    assert found.output_losses[0] == pytest.approx(own, rel=1e-6)
    assert found.relative_loss == pytest.approx(own.mean() / y.var(axis=0).mean(), rel=1e-6)
    assert own[0] > y[:, 0].var()  # the small output is lost beside the large one
    with pytest.raises(ValueError, match="scaling: got 'none', expected 'each' or 'common'"):
        al.fit((X, y), scaling="none")


@pytest.mark.parametrize(
    "options",
    [
        {"learning_rate": 1e6},
        {"learning_rate": 1e300},
        {"method": optax.sgd(3.0, momentum=0.9)},
        pytest.param(
            {"method": optax.adam(optax.exponential_decay(1e-3, 2, 10.0))}, marks=pytest.mark.slow
        ),
    ],
    ids=["1e6", "1e300", "momentum", "schedule"],
)
def test_a_fit_that_got_worse_returns_its_best_record(options):
    found = al.fit((X, SQUARE), hidden=(4,), steps=60, seeds=2, **options)
    losses = found.history.losses
    assert found.statuses == ("diverged", "diverged")
    assert found.losses == pytest.approx(losses.min(axis=1), rel=1e-6)
    assert found.loss == pytest.approx(own_losses(found, X, SQUARE)[0], rel=1e-6)


def test_a_good_start_is_kept_and_has_not_diverged():
    start = al.fit((X, SQUARE), hidden=(4,), method="lbfgs", steps=60)
    found = al.fit((X, SQUARE), start=start.network, learning_rate=0.05, steps=50)
    assert found.status == "budget"
    assert found.loss == pytest.approx(start.loss, rel=1e-6)


def test_an_object_takes_the_steps_of_its_name():
    named, given = (
        al.fit((X, SQUARE), hidden=(4,), method=m, steps=10)
        for m in ("lbfgs", optax.lbfgs(memory_size=20))
    )
    assert given.loss == pytest.approx(named.loss, rel=1e-6)


DAYS = np.datetime64("2020-01-01") + np.arange(60)


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        (X, SQUARE + 1j, r"Y: got dtype complex128.*Y\.imag"),
        (X + 0j, SQUARE, r"X: got dtype complex128.*X\.imag"),
        (X, DAYS, r"Y: got dtype datetime64.*\(Y - Y\[0\]\) / np.timedelta64"),
        (DAYS[:, None], SQUARE, r"X: got dtype datetime64.*\(X - X\[0\]\) / np.timedelta64"),
        ((DAYS - DAYS[0])[:, None], SQUARE, r"X: got dtype timedelta64.*X / np.timedelta64"),
        (X, SQUARE.astype(object), r"Y: got dtype object.*np.asarray\(Y, float\)"),
        (X, SQUARE.astype(str), r"Y: got dtype <U.*np.asarray\(Y, float\)"),
        (X, [[1.0], [2.0, 3.0]] * 30, "Y: got rows of unequal lengths"),
        (X, np.ma.masked_array(SQUARE, SQUARE > 0.5), "Y: got a masked array"),
    ],
)
def test_what_is_not_real_numbers_is_refused_by_name(x, y, message):
    network = al.MLP.init(jax.random.key(0), 1, (3,))
    for call in (al.fit, lambda data: al.fitting.readout(network, data)):
        with pytest.raises((TypeError, ValueError), match=message):
            call((x, y))


def test_whole_numbers_are_points_of_readout_too():
    network = al.MLP.init(jax.random.key(0), 1, (3,))
    x = np.arange(8)[:, None]
    for points in (
        {"target": (x, x[:, 0] ** 2)},
        {"target": al.Target(lambda x: x[0] ** 2, domain=al.Box([0.0], [7.0])), "points": x},
    ):
        found = al.fitting.readout(network, **points).solve.solution
        same = al.fitting.readout(network, (x.astype(float), x[:, 0] ** 2.0)).solve.solution
        assert found == pytest.approx(same, rel=1e-12)


def test_float32_solves_tell_the_residual_of_the_values_as_given():
    A = np.stack([np.ones(60), X[:, 0], SQUARE], axis=1).astype(np.float32)
    b = 1e9 + 0.5 * SQUARE
    found = solve(A, b)
    own = b - A.astype(float) @ found.solution.astype(float)
    assert found.residual == pytest.approx(np.linalg.norm(own), rel=1e-5)
    sup = al.fitting.solve_sup(A, b)
    worst = np.abs(b - A.astype(float) @ sup.solution.astype(float)).max()
    assert float(sup.attained) == pytest.approx(worst, rel=1e-5)
    assert float(sup.lower) <= 1e-9  # the square is in the span


def openblas_of_wheels():
    """(get, put) of the OpenBLAS in the wheels of NumPy and SciPy, found by their files."""
    found = []
    for package in (np, scipy):
        folder = Path(package.__file__).parent
        for path in sorted((folder.parent / f"{package.__name__}.libs").glob("*openblas*")):
            library = ctypes.CDLL(str(path))
            for name in ("scipy_openblas_{}_num_threads64_", "scipy_openblas_{}_num_threads"):
                if hasattr(library, name.format("get")):
                    get, put = (getattr(library, name.format(word)) for word in ("get", "set"))
                    put.restype = None
                    found.append((get, put))
    if not found:
        pytest.skip("no OpenBLAS in the wheels of NumPy and SciPy")
    return found


def test_every_openblas_of_the_wheels_is_controlled():
    assert len(host_threads._controls()) >= len(openblas_of_wheels()) > 0


def test_overlapping_blocks_of_one_thread_restore_the_number():
    controls = openblas_of_wheels()
    before = [get() for get, _ in controls]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: solve(np.eye(20) + i, np.ones(20)), range(40)))
    assert [get() for get, _ in controls] == before
    with pytest.raises(ValueError, match="A: "), host_threads.one_thread():
        solve(np.zeros(3), np.ones(3))
    assert [get() for get, _ in controls] == before


def test_solves_take_one_thread_and_give_the_others_back():
    controls = openblas_of_wheels()
    before = [get() for get, _ in controls]
    try:
        for _, put in controls:
            put(2)
        with host_threads.one_thread():
            solve(np.eye(3), np.ones(3))
            assert [get() for get, _ in controls] == [1] * len(controls)
        assert [get() for get, _ in controls] == [2] * len(controls)
    finally:
        for (_, put), count in zip(controls, before, strict=True):
            put(count)


def test_spectra_and_projections_take_one_thread(monkeypatch):
    seen = []
    controls = openblas_of_wheels()
    before = [get() for get, _ in controls]
    svd = np.linalg.svd
    monkeypatch.setattr(
        np.linalg, "svd", lambda *a, **k: (seen.append([g() for g, _ in controls]), svd(*a, **k))[1]
    )
    try:
        for _, put in controls:
            put(2)
        project(np.ones((4, 2)), np.ones((4, 1)))
        assert seen == [[1] * len(controls)]
        assert [get() for get, _ in controls] == [2] * len(controls)
    finally:
        for (_, put), count in zip(controls, before, strict=True):
            put(count)
