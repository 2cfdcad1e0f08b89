"""Levenberg-Marquardt and variable projection: their algebra against NumPy, and what they reach."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from sampling import mostly_slow

import approxlab as al
from approxlab.fitting import LevenbergMarquardt, fit, fit_stages, working_bytes
from approxlab.fitting.training import programs
from approxlab.fitting.training.least_squares import Damping, LinearModel, step
from approxlab.fitting.training.residuals import of_all_weights, of_inner_weights

EPS = np.finfo(np.float64).eps
LINE = np.linspace(-1.0, 1.0, 41)
METHODS = ["levenberg_marquardt", "variable_projection"]


def network(hidden=(5, 4), passthrough=None, out_size=None, seed=0):
    net = al.MLP.init(jax.random.key(seed), 2, hidden, out_size=out_size, init="spread")
    linear = net.passthrough if passthrough is None else passthrough
    return al.MLP(net.weights, net.biases, "tanh", linear, out_size)


def parts(net):
    params, unravel = ravel_pytree((net.weights, net.biases))

    def net_of(layers):
        return al.MLP(*layers, net.activation, net.passthrough, net.out_size)

    return net_of, unravel, params


def data(net, n=12):
    rng = np.random.default_rng(3)
    outputs = net.out_size or 1
    return jnp.asarray(rng.uniform(-1, 1, (2, n))), jnp.asarray(rng.normal(size=(outputs, n)))


def linear_model(q, p, bend=0.0):
    rng = np.random.default_rng(q)
    J, r = rng.normal(size=(q, p)), rng.normal(size=q)

    def at(d):
        return jnp.asarray(r) + jnp.asarray(J) @ d + bend * jnp.sum(d**2), d

    return J, r, LinearModel(jnp.zeros(p), at, jnp.asarray(r), jnp.zeros(p), jnp.asarray(J))


@pytest.mark.parametrize("form", [True, False])
@pytest.mark.parametrize(("q", "p"), [(9, 4), (4, 9), (5, 5)])
def test_a_step_is_the_damped_least_squares_solution(q, p, form):
    J, r, model = linear_model(q, p)
    damping = Damping(jnp.asarray(0.3), jnp.asarray(2.0))
    model = model if form else model._replace(jacobian=None)
    found, after, loss = step(model, damping, 0)
    stacked = np.concatenate([J, np.sqrt(0.3) * np.eye(p)])
    expected = np.linalg.lstsq(stacked, -np.concatenate([r, np.zeros(p)]))[0]
    # Conjugate gradients stop at 1e-3 of the gradient.
    tolerance = 100 * EPS * np.linalg.cond(stacked) if form else 1e-2
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance)
    assert float(loss) == pytest.approx(r @ r)
    assert float(after.value) < 0.3  # the promise was kept exactly


def test_corrections_reach_the_values_that_the_linear_model_promises():
    J, r, model = linear_model(6, 6)
    promise = r + J @ np.linalg.solve(J.T @ J + 0.5 * np.eye(6), -J.T @ r)
    away = jnp.asarray(0.05 * promise / np.linalg.norm(promise))
    curved = model._replace(at=lambda d: (model.at(d)[0] + away * jnp.sum(d**2), d))
    damping = Damping(jnp.asarray(0.5), jnp.asarray(2.0))
    losses = [float(jnp.sum(curved.at(step(curved, damping, c)[0])[0] ** 2)) for c in (0, 2, 20)]
    assert losses[0] > losses[1] > losses[2] > promise @ promise
    assert losses[2] - promise @ promise < 0.1 * (losses[0] - promise @ promise)


def test_a_step_that_makes_it_worse_is_refused():
    _, r, model = linear_model(5, 3)
    worse = model._replace(at=lambda d: (jnp.asarray(r) * (1.0 + jnp.sum(d**2)), d))
    found, after, _ = step(worse, Damping(jnp.asarray(0.5), jnp.asarray(2.0)), 3)
    assert np.all(np.asarray(found) == 0.0)
    assert (float(after.value), float(after.growth)) == (1.0, 4.0)


CASES = [((5, 4), None, None), ((6, 2, 5), (0, 2, 1), None), ((4,), (1,), 3)]


@pytest.mark.parametrize("case", mostly_slow(CASES, CASES[1:2]))
def test_the_jacobian_is_jaxs(case):
    hidden, passthrough, out_size = case
    net = network(hidden, passthrough, out_size)
    x, y = data(net)
    model = of_all_weights(*parts(net), x, y, True)
    expected = jax.jacobian(lambda p: model.at(p)[0])(model.free)
    np.testing.assert_allclose(model.jacobian, expected, rtol=0, atol=50 * EPS)
    values = np.asarray(al.evaluate(net, x.T)).reshape(12, -1)
    wanted = (values - np.asarray(y).T).ravel() / np.sqrt(y.size)
    np.testing.assert_allclose(model.value, wanted, rtol=0, atol=50 * EPS)


@pytest.mark.parametrize("case", mostly_slow(CASES, CASES[1:2]))
def test_the_outer_layer_is_eliminated(case):
    hidden, passthrough, out_size = case
    net = network(hidden, passthrough, out_size)
    x, y = data(net)
    model = of_inner_weights(*parts(net), x, y)
    net_of, unravel, _ = parts(net)
    solved = net_of(unravel(model.params))
    inner = of_all_weights(*parts(solved), x, y, True)
    np.testing.assert_allclose(model.value, inner.value, rtol=0, atol=100 * EPS)
    # No change of the outer layer makes it better: its columns are orthogonal to the residual.
    labels, _ = ravel_pytree(jax.tree.map(jnp.zeros_like, (net.weights, net.biases)))
    outer = ravel_pytree(
        (
            (*[0 * w for w in net.weights[:-1]], 1 + 0 * net.weights[-1]),
            (*[0 * b for b in net.biases[:-1]], 1 + 0 * net.biases[-1]),
        )
    )[0].astype(bool)
    assert labels.shape == outer.shape
    of_outer = np.asarray(inner.jacobian)[:, np.asarray(outer)]
    assert np.max(np.abs(of_outer.T @ np.asarray(model.value))) < 1e-13
    # Kaufman's Jacobian: what is left of the inner columns beside the span of the outer ones.
    of_inner = np.asarray(inner.jacobian)[:, ~np.asarray(outer)]
    span = np.linalg.qr(of_outer)[0]
    expected = of_inner - span @ (span.T @ of_inner)
    np.testing.assert_allclose(model.jacobian, expected, rtol=0, atol=1e-12)


def test_corrected_steps_go_further():
    target = al.Target(
        lambda x: jnp.exp(jnp.sin(3.0 * x[0])), domain=al.Box([-1.0], [1.0]), name="waves"
    )
    plain, corrected, eliminated = (
        fit(target, hidden=(10, 10), method=method, points=96, steps=150)
        for method in (LevenbergMarquardt(0), *METHODS)
    )
    assert np.sqrt(corrected.relative_loss) < 0.1 * np.sqrt(plain.relative_loss)
    between = np.linspace(-1.0, 1.0, 333)
    for result in (corrected, eliminated):
        assert np.sqrt(result.relative_loss) < 1e-6
        error = np.asarray(al.evaluate(result.network, between[:, None]))
        assert np.max(np.abs(error - np.exp(np.sin(3.0 * between)))) < 10 * np.sqrt(result.loss)


def test_how_fits_end():
    x, y = LINE[:, None], np.sin(3.0 * LINE)
    options = {"hidden": (6,), "method": "levenberg_marquardt", "steps": 100}
    compiled = programs.compilations()
    assert fit((x, np.full(41, 0.7)), **options).status == "converged"  # constant
    assert fit((x, 0.0 * y), **options).status == "converged"
    bad = fit((x, np.where(LINE[20] == LINE, 1e6, y)), **options)  # one wild value
    assert bad.status in ("budget", "stagnated")
    assert np.all(np.diff(bad.history.losses[0]) <= 0)
    again = fit((x, y), **options, seeds=2)
    assert programs.compilations() - compiled <= 2  # one for each number of seeds, at most
    alone = fit((x, y), **options)
    assert float(alone.losses[0]) == float(again.losses[0])
    warm = fit((x, y), start=alone.network, method="levenberg_marquardt", steps=100, stride=25)
    assert warm.loss <= alone.loss * (1 + 1e-6)
    assert warm.history.losses[0, 0] == pytest.approx(alone.loss, rel=1e-6)


def test_more_parameters_than_points_interpolate():
    """With more units than points too: 6 units and a constant are dependent up to rounding here."""
    x = np.linspace(-1.0, 1.0, 7)
    for method in METHODS:
        result = fit((x[:, None], np.cos(4 * x)), hidden=(12,), method=method, steps=200)
        assert result.status == "converged"
        # The loss that decides is that of normalised values; this one holds their affine map too.
        assert np.sqrt(result.relative_loss) <= 1000 * EPS


def test_single_precision():
    options = {"hidden": (6,), "method": METHODS[0], "dtype": "float32", "steps": 60}
    # The default tolerance of the loss is (100 eps)^2: less is asked for, of the best of four.
    result = fit((LINE[:, None], np.exp(LINE)), **options, tol=0.0, seeds=4)
    assert result.network.dtype == jnp.float32
    assert np.sqrt(result.relative_loss) < 50 * np.finfo(np.float32).eps


def test_a_start_is_where_a_fit_starts():
    start = network((5, 4), (0, 2))
    target = al.Target(
        lambda x: 3.0 + jnp.sin(x[0] * x[1]), domain=al.Box([3.0, -7.0], [5.0, -2.0]), name="off"
    )
    result = fit(target, start=start, method="ssbroyden", steps=3, points=25)
    assert result.network.passthrough == (0, 2)
    points = target.domain.uniform(5)
    first = np.asarray(al.evaluate(start, points)) - np.asarray(al.evaluate(target, points))
    assert result.history.losses[0, 0] == pytest.approx(np.mean(first**2), rel=1e-10)
    assert result.loss < np.mean(first**2)
    single = fit(target, start=start, method="ssbroyden", steps=3, points=25, dtype="float32")
    assert single.network.dtype == jnp.float32


def test_stages_add_up():
    y = np.exp(np.sin(3.0 * LINE))
    staged = fit_stages((LINE[:, None], y), [(3,), (8,)], method=METHODS[0], steps=100)
    values = np.asarray(al.evaluate(staged.network, LINE[:, None]))
    assert staged.losses[1] == pytest.approx(np.mean((values - y) ** 2), rel=1e-6)
    assert staged.losses[1] < 0.1 * staged.losses[0]
    assert staged.losses[0] == pytest.approx(staged.stages[0].loss, rel=1e-6)
    assert [row["stage"] for row in staged.to_rows()] == [0, 1]


def test_memory_is_what_arrays_take():
    assert working_bytes(256, 481, 4) * 2 == working_bytes(256, 481)
    assert working_bytes(100, 30) == 8 * (2 * 3000 + 2 * 130 * 30)
