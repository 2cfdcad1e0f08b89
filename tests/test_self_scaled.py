"""Self-scaled BFGS and Broyden: the update against its formulas, the methods on known functions."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax_loop as loop
import pytest

from approxlab.fitting.training import self_scaled
from approxlab.fitting.training.self_scaled import scaling
from approxlab.fitting.training.self_scaled_transformations import (
    self_scaled_bfgs,
    self_scaled_broyden,
)

METHODS = pytest.mark.parametrize("make", [self_scaled_bfgs, self_scaled_broyden])
EPS = np.finfo(float).eps


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


@functools.cache
def stepper(make, function):
    """A compiled step, and the state at the start."""
    method = make()
    step = loop.stepper(method, function)
    return step, method.init


def oracle_theta(a, b, h, broyden):
    """The choice of Broyden's class, with Python's own arithmetic."""
    if not broyden:
        return 0.0
    r = min(1.0, h * (1.0 - (a / (1.0 + a)) ** 0.5))
    return max((r - 1.0) / a, min(1.0 / r, 1.0 / b - 1.0))


def oracle_update(H, s, y, broyden, first):
    """H+ by the dual formula: the Hessian is updated and inverted again (Al-Baali 1998)."""
    B, ys = np.linalg.inv(H), y @ s
    Bs = B @ s
    b, h = s @ Bs / ys, y @ H @ y / ys
    a = b * h - 1.0
    theta = oracle_theta(a, b, h, broyden)
    sigma = 1.0 + a * theta
    even = sigma ** (-1.0 / (len(s) - 1))
    tau = min(1.0, 1.0 / b) * even
    if first:
        tau = h / sigma
    elif theta > 0:
        tau = min(tau, min(1.0, 1.0 / b) / theta)
    else:
        tau = min(tau, sigma)
    w = np.sqrt(s @ Bs) * (y / ys - Bs / (s @ Bs))
    B = tau * (B - np.outer(Bs, Bs) / (s @ Bs) + theta * np.outer(w, w)) + np.outer(y, y) / ys
    return np.linalg.inv(B)


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("size", [0.2, 1.0, 5.0])  # of H against the true one: b > 1 and b < 1
@METHODS
def test_an_update_is_that_of_the_dual_formula(make, size, first):
    rng = np.random.default_rng(7)
    p, broyden = 6, make is self_scaled_broyden
    A = rng.normal(size=(p, p))
    R = size * (np.eye(p) + 0.3 * rng.normal(size=(p, p)))
    z = rng.normal(size=p)
    s = R @ z
    y = A @ A.T @ s + s
    got, fit = self_scaled._corrected(*map(jnp.asarray, (R, s, z, y, first)), broyden)
    wanted = oracle_update(R @ R.T, s, y, broyden, first)
    tolerance = 1e3 * EPS * np.linalg.cond(wanted) * np.abs(wanted).max()
    assert fit
    np.testing.assert_allclose(got @ got.T, wanted, rtol=0, atol=tolerance)
    np.testing.assert_allclose(got @ (got.T @ y), s, rtol=0, atol=tolerance * np.abs(y).sum())
    # A twin of another theta is told apart.
    other = oracle_update(R @ R.T, s, y, not broyden, first)
    assert np.abs(got @ got.T - other).max() > 10 * tolerance


@METHODS
def test_factors_stay_within_their_bounds(make):
    broyden = make is self_scaled_broyden
    a, b = (jnp.asarray(v).ravel() for v in np.meshgrid(np.logspace(-9, 6, 31),
                                                        np.logspace(-6, 6, 31)))  # fmt: skip
    tau, phi = jax.vmap(lambda a, b: jnp.stack(scaling(a, b, 50, broyden=broyden)))(a, b).T
    assert (tau > 0).all()
    assert (tau <= jnp.minimum(1.0, 1.0 / b) * (1.0 + phi * a) ** (1 / 49) * (1 + 8 * EPS)).all()
    assert (1.0 + phi * a > 0).all()  # H+ is positive definite
    if not broyden:
        assert (phi == 1.0).all()
        assert jnp.allclose(tau, jnp.minimum(1.0, 1.0 / b), rtol=4 * EPS)
    parallel = scaling(0.0, 3.0, 50, broyden=broyden)
    assert all(jnp.isfinite(v) for v in parallel)


def exact_search(A, empty):
    """A line search for x.A x / 2 that finds the minimum."""

    def update(direction, state, params, *, grad, **_):
        rate = -(grad @ direction) / (direction @ A @ direction)
        found = state._replace(learning_rate=rate, grad=grad + rate * (A @ direction))
        return rate * direction, found

    return optax.GradientTransformationExtraArgs(empty.init, update)


@METHODS
def test_a_quadratic_with_exact_searches_ends_after_as_many_steps_as_parameters(make, monkeypatch):
    # With exact searches all methods of the class take the directions of conjugate gradients.
    rng = np.random.default_rng(3)
    p = 6
    Q = np.linalg.qr(rng.normal(size=(p, p)))[0]
    A = jnp.asarray(Q * np.linspace(1.0, 9.0, p) @ Q.T)
    search = exact_search(A, optax.scale_by_zoom_linesearch(1))
    monkeypatch.setattr(optax, "scale_by_zoom_linesearch", lambda *_, **__: search)
    method = make()
    x = jnp.asarray(rng.normal(size=p))
    state, grad, norms = method.init(x), A @ x, []
    for _ in range(p):
        step, state = method.update(grad, state, x, value=0.0, grad=grad, value_fn=rosenbrock)
        x, grad = x + step, A @ (x + step)
        norms.append(float(jnp.linalg.norm(grad)))
    assert norms[-1] < 1e3 * EPS * norms[0]
    assert norms[-2] > 1e-3 * norms[0]
    np.testing.assert_allclose(state.inverse_hessian @ A @ step, step, atol=1e3 * EPS)


@METHODS
def test_rosenbrock_is_solved_and_the_hessian_is_found(make):
    step, init = stepper(make, rosenbrock)
    x = jnp.asarray([-1.2, 1.0, -1.2, 1.0])
    state = init(x)
    for _ in range(90):
        before = x
        x, state, _ = step(x, state)
        y = state.search.grad - jax.grad(rosenbrock)(before)
        if state.updates and jnp.any(x != before):
            H = state.inverse_hessian
            left = jnp.abs(H @ y - (x - before)).max()
            size = jnp.abs(H).max() * jnp.abs(y).max() + jnp.abs(x).max()  # x - before is rounded
            assert left <= 1e2 * EPS * size
            assert jnp.linalg.eigvalsh(H)[0] > 0
    np.testing.assert_allclose(x, 1.0, atol=1e-9)


@METHODS
def test_a_zero_gradient_moves_nothing_and_leaves_a_finite_state(make):
    step, init = stepper(make, rosenbrock)
    x, state, _ = step(jnp.ones(4), init(jnp.ones(4)))
    assert (x == 1.0).all()
    assert (state.root == jnp.eye(4)).all()
    assert all(jnp.isfinite(leaf).all() for leaf in jax.tree.leaves((state.updates, state.search)))
    assert int(state.updates) == 0
    x, state, _ = step(jnp.zeros(4), init(x))  # and goes on from elsewhere
    assert int(state.updates) == 1


def test_trees_take_the_steps_of_their_vector():
    def of_tree(tree):
        return rosenbrock(jnp.concatenate([tree["b"].ravel(), tree["a"]]))

    flat, start = stepper(self_scaled_broyden, rosenbrock)
    split, start_split = stepper(self_scaled_broyden, of_tree)
    x = jnp.asarray([-1.2, 1.0, 0.5, 2.0])
    tree = {"a": x[2:], "b": x[:2, None].T}
    state, state_split = start(x), start_split(tree)
    for _ in range(3):
        x, state, _ = flat(x, state)
        tree, state_split, _ = split(tree, state_split)
    joined = jnp.concatenate([tree["b"].ravel(), tree["a"]])
    np.testing.assert_allclose(joined, x, rtol=1e6 * EPS)


def test_memory_is_refused_with_its_size():
    with pytest.raises(ValueError, match=r"params: got 20000 parameters.* 2.98 GiB in float64"):
        jax.eval_shape(self_scaled_bfgs().init, jax.ShapeDtypeStruct((20000,), float))
    self_scaled_bfgs(max_bytes=2**33)
    with pytest.raises(ValueError, match="max_bytes"):
        self_scaled_broyden(max_bytes=0)
