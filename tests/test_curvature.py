"""Eigenvalues of Hessians: by hand, dense and by Lanczos, their directions, and what is refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.landscapes import (
    hessian_spectrum,
    negative_curvature,
    sharpness,
    sharpness_along,
    stable_step,
)


def product_loss(w):
    """Half the square of 1 - w1 w2; the Hessian at 0 is [[0, -1], [-1, 0]]."""
    return (1.0 - w[0] * w[1]) ** 2 / 2.0


@jax.jit
def mean_square(net, X, Y):
    return 0.5 * jnp.mean((jax.vmap(net)(X) - Y) ** 2)


def quadratic(values, key):
    """A quadratic of n parameters with these eigenvalues, and its eigenvectors."""
    n = len(values)
    Q = jnp.linalg.qr(jax.random.normal(key, (n, n)))[0]
    A = Q @ jnp.diag(jnp.asarray(values)) @ Q.T
    return jax.jit(lambda w: w @ (A @ w) / 2.0), np.asarray(Q)


def small_net(key, hidden=(6,), activation="tanh"):
    X = jax.random.uniform(key, (20, 2), minval=-1.0)
    return al.MLP.init(key, 2, hidden, activation), X, jnp.sin(3.0 * X[:, 0]) * X[:, 1]


def test_the_smallest_network_of_all_by_hand():
    at_zero = hessian_spectrum(product_loss, jnp.zeros(2))
    assert at_zero.values.tolist() == [-1.0, 1.0]
    # At a minimum xy = 1 the eigenvalues are 0 and x^2 + y^2.
    at_minimum = hessian_spectrum(product_loss, jnp.array([2.0, 0.5]))
    assert at_minimum.values == pytest.approx([0.0, 4.25], abs=1e-15)
    assert stable_step(product_loss, jnp.array([2.0, 0.5])) == pytest.approx(2.0 / 4.25)
    assert not negative_curvature(product_loss, jnp.array([2.0, 0.5]))
    found = negative_curvature(product_loss, jnp.zeros(2))
    assert found
    assert np.abs(np.asarray(found.direction)) == pytest.approx(np.sqrt([0.5, 0.5]))
    assert found.direction[0] * found.direction[1] > 0  # the Hessian's entries beside are -1
    assert "found: smallest eigenvalue -1" in repr(found)


@pytest.mark.parametrize("activation", mostly_slow(["tanh", "relu2", "softplus"], ["tanh"]))
@pytest.mark.parametrize("end", mostly_slow(["largest", "smallest"], ["largest"]))
def test_lanczos_is_dense(activation, end, key):
    net, X, Y = small_net(key, activation=activation)
    dense = hessian_spectrum(mean_square, net, X, Y, which=end, k=3, method="dense")
    lanczos = hessian_spectrum(mean_square, net, X, Y, which=end, k=3, method="lanczos")
    size = sharpness(mean_square, net, X, Y)
    assert np.max(np.abs(dense.values - lanczos.values)) <= 1e-8 * size
    if end == "largest":
        one = sharpness(mean_square, net, X, Y, method="lanczos")
        assert one == pytest.approx(size, rel=1e-8)
    product = jax.jit(
        lambda v: al.derivatives.hessian_vector_product(lambda p: mean_square(p, X, Y), net, v)
    )
    for i in range(3):
        v = lanczos.direction(i)
        apart = [
            np.asarray(a) - lanczos.values[i] * np.asarray(b)
            for a, b in zip(jax.tree.leaves(product(v)), jax.tree.leaves(v), strict=True)
        ]
        assert max(np.max(np.abs(leaf)) for leaf in apart) < 1e-8 * size


@pytest.mark.parametrize(
    ("values", "end", "k"),
    [
        pytest.param([5.0] * 3 + [1.0] * 37, "largest", 4, id="equal ones"),
        pytest.param([5.0] * 3 + [-1.0] * 2 + [0.0] * 35, "smallest", 3, id="equal and negative"),
        pytest.param([-3.0] * 2 + [0.0] * 38, "largest", 2, id="none is positive"),
        pytest.param([1e3] + [0.0] * 39, "smallest", 1, id="the end is zero"),
        pytest.param([1.0, -1.0] + [0.0] * 38, "largest", 1, id="equal in absolute value"),
        pytest.param([0.0] * 40, "largest", 2, id="zeros"),
        pytest.param(list(np.geomspace(1.0, 1e-12, 40)), "largest", 5, id="decaying"),
        pytest.param(list(-np.geomspace(1.0, 1e-12, 40)), "largest", 1, id="decaying to the end"),
    ],
)
def test_known_spectra(values, end, k, key):
    loss, _ = quadratic(values, key)
    exact = np.sort(values)[::-1] if end == "largest" else np.sort(values)
    size = max(1e-300, np.max(np.abs(values)))
    for method in ("dense", "lanczos"):
        found = hessian_spectrum(loss, jnp.ones(40), which=end, k=k, method=method)
        assert np.max(np.abs(found.values - exact[:k])) <= 1e-8 * size, method
        V = found.vectors
        assert np.max(np.abs(V.T @ V - np.eye(k))) < 1e-8


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e30])
def test_small_and_large_losses_have_the_same_digits(size, key):
    values = np.array([3.0, 2.0, -1.0, *np.linspace(0.0, 1.0, 37)])
    loss, _ = quadratic(size * values, key)
    for end, exact in (("largest", [3.0, 2.0]), ("smallest", [-1.0, 0.0])):
        found = hessian_spectrum(loss, jnp.ones(40), which=end, k=2, method="lanczos")
        assert found.values / size == pytest.approx(exact, rel=1e-9, abs=1e-9)
        assert found.residual <= 1e-8 * size
    negative = negative_curvature(loss, jnp.ones(40), method="lanczos")
    assert negative.eigenvalue / size == pytest.approx(-1.0)


def test_weak_negative_curvature_is_told_from_rounding(key):
    for low, found in ((-1e-9, True), (0.0, False), (1e-9, False)):
        loss, _ = quadratic([low, *np.linspace(1.0, 10.0, 39)], key)
        for method in ("dense", "lanczos"):
            assert bool(negative_curvature(loss, jnp.ones(40), method=method)) == found, method


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.float64])
def test_least_squares_with_many_points_are_convex(dtype):
    """Eigenvalues of a Hessian of rank one are zero to the rounding of its sums, beyond n eps."""
    least_squares = jax.jit(lambda w, X: jnp.sum((X @ w) ** 2) / 2.0)
    beyond = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        for points, size in ((1000, 3), (50_000, 2)):
            X = jnp.asarray(np.outer(rng.standard_normal(points), rng.uniform(1, 2, size)), dtype)
            for method in ("dense", "lanczos") if size > 2 else ("dense",):
                found = negative_curvature(least_squares, jnp.ones(size, dtype), X, method=method)
                assert not found, (seed, points, method)
            largest = sharpness(least_squares, jnp.ones(size, dtype), X)
            beyond += found.eigenvalue < -size * float(jnp.finfo(dtype).eps) * largest
    assert beyond or dtype == jnp.float64  # n eps alone would have told one of them not convex


def test_large_hessians_are_not_formed(key):
    n = 20_000
    weights = jnp.linspace(0.0, 1.0, n).at[7].set(-1.0).at[70].set(64.0)
    loss = jax.jit(lambda w, a: jnp.sum(a * w["w"] ** 2) / 2.0)
    found = hessian_spectrum(loss, {"w": jnp.ones(n)}, weights, which="largest")
    assert (found.method, found.products < 60) == ("lanczos", True)
    assert found.values[0] == pytest.approx(64.0, rel=1e-10)
    negative = negative_curvature(loss, {"w": jnp.ones(n)}, weights)
    assert negative.eigenvalue == pytest.approx(-1.0, rel=1e-8)
    assert negative.direction["w"].shape == (n,)
    with pytest.raises(ValueError, match="20000 parameters"):
        hessian_spectrum(loss, {"w": jnp.ones(n)}, weights)


def test_lanczos_that_has_not_converged_says_so(key):
    loss, _ = quadratic(np.linspace(0.999, 1.0, 40), key)
    with pytest.raises(RuntimeError, match="max_products: got 10"):
        sharpness(loss, jnp.ones(40), method="lanczos", max_products=10)


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_sharpness_along_a_run(method, key, compilations):
    net, X, Y = small_net(key)
    nets = [jax.tree.map(lambda leaf, c=c: c * leaf, net) for c in (0.1, 0.7, 1.0, 2.0, np.nan)]
    stack = jax.tree.map(lambda *leaves: jnp.stack(leaves), *nets)
    found = sharpness_along(mean_square, stack, X, Y, method=method)
    one_by_one = [sharpness(mean_square, at, X, Y, method=method) for at in nets[:-1]]
    assert found[:-1] == pytest.approx(one_by_one, rel=1e-8)
    assert np.isnan(found[-1])
    with compilations() as count:
        sharpness_along(mean_square, stack, X, 2.0 * Y, method=method)
    assert count() == 0


def test_hessians_that_are_not_finite():
    loss = jax.jit(lambda w: jnp.sum(w**2) + jnp.sum(jnp.sqrt(w)))
    assert np.isnan(sharpness_along(loss, jnp.array([[1.0, 1.0], [0.0, 1.0]]))).tolist() == [
        False,
        True,
    ]
    with pytest.raises(ValueError, match="Hessian has entries that are not finite"):
        sharpness(loss, jnp.array([0.0, 1.0]))


@pytest.mark.parametrize("method", ["dense", "lanczos"])
def test_a_plain_function_is_taken_as_it_is_now(method):
    scale = 1.0

    def loss(w):
        return scale * jnp.sum(jnp.array([1.0, 2.0, 3.0]) * w**2) / 2.0

    assert sharpness(loss, jnp.ones(3), method=method) == pytest.approx(3.0)
    scale = 2.0
    assert sharpness(loss, jnp.ones(3), method=method) == pytest.approx(6.0)


def test_a_compiled_loss_is_compiled_once(compilations):
    loss = jax.jit(lambda w, a: jnp.sum(a * w**4))
    points = [a * np.arange(1.0, 6.0) for a in (1.0, 2.0, 3.0)]
    sharpness(loss, points[0], 1.0, method="lanczos")
    with compilations() as count:
        for a, w in zip((2.0, 3.0), points[1:], strict=True):
            found = sharpness(loss, w, a, method="lanczos")
            assert found == pytest.approx(12 * a**3 * 25)
    assert count() == 0


def test_float32_and_mixed_leaves(key):
    params = {"a": jnp.ones(3, jnp.float32), "name": "x", "n": 2, "b": 1.5}
    found = hessian_spectrum(
        lambda p: jnp.sum(p["a"].astype(float) ** 2) * p["b"].astype(float) ** p["n"], params
    )
    assert found.direction()["name"] is None
    exact = np.linalg.eigvalsh(
        [
            [4.5, 0, 0, 6],
            [0, 4.5, 0, 6],
            [0, 0, 4.5, 6],
            [6, 6, 6, 6],
        ]
    )
    assert found.values == pytest.approx(exact, abs=1e-5)
    net, X, Y = small_net(key)
    rounded = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), (net, X, Y))
    for method in ("dense", "lanczos"):
        found = sharpness(mean_square, *rounded, method=method)
        assert found == pytest.approx(sharpness(mean_square, net, X, Y), rel=2e-5)


def test_no_curvature_bounds_no_step():
    assert stable_step(lambda w: jnp.sum(w), jnp.ones(3)) == np.inf
    assert stable_step(lambda w: -jnp.sum(w**2), jnp.ones(3)) == np.inf
    flat = negative_curvature(lambda w: jnp.sum(w), jnp.ones(3))
    assert (flat.found, flat.direction) == (False, None)
    assert "none found" in repr(flat)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: sharpness(jnp.sum, jnp.arange(3)), TypeError, "params: got dtype int"),
        (lambda: sharpness(jnp.sin, jnp.ones(2)), ValueError, r"loss: got values of shape \(2,\)"),
        (lambda: sharpness(jnp.sum, jnp.array([1.0, np.nan])), ValueError, "params: .*not finite"),
        (lambda: sharpness(jnp.sum, jnp.ones(1), method="lanczos"), ValueError, "'lanczos' for 1"),
        (lambda: hessian_spectrum(jnp.sum, jnp.ones(2), k=1), ValueError, "k: got 1 with"),
        (
            lambda: hessian_spectrum(jnp.sum, jnp.ones(2), which="largest", k=3),
            ValueError,
            "k: got 3, expected at most 2",
        ),
        (
            lambda: sharpness_along(lambda p: p[0] @ p[1], [jnp.ones((3, 2)), jnp.ones((2, 2))]),
            ValueError,
            r"params_stack: got leaves of shapes \(3, 2\), \(2, 2\)",
        ),
        (lambda: sharpness(jnp.sum, np.ones(2) * 1j), TypeError, "real floating-point"),
        (lambda: sharpness(lambda w: np.sin(w[0]), jnp.ones(2)), TypeError, "function of NumPy"),
        (lambda: sharpness(lambda w: 1, jnp.ones(2)), TypeError, "loss: got a value of dtype int"),
    ],
)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()
