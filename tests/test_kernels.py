"""Kernels of infinitely wide networks: values, edges, and what regression makes of them."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab import derivatives, kernels
from approxlab.networks import ACTIVATIONS, MLP, activation
from approxlab.networks.activations import KINK_SLOPES
from tests.sampling import mostly_slow

EPS = np.finfo(float).eps
KINKED = {"relu": 1, "relu2": 2, "relu3": 3, "relu4": 4, "heaviside": 0, "abs": 1, "leaky_relu": 1}
SMOOTH = sorted({*ACTIVATIONS, "erf"} - set(KINKED))


def network(name="relu", layers=1, *, weight=2.0, bias=0.0, kind="ntk", **options):
    return kernels.InfiniteNetwork(
        hidden_layers=layers,
        activation=name,
        weight_variance=weight,
        bias_variance=bias,
        parameterisation=kind,
        **options,
    )


def points(n=12, d=3, seed=0):
    return np.random.default_rng(seed).normal(size=(n, d))


def with_hard_rows(X):
    """Zero, equal, opposite, nearly equal and parallel rows beside the given ones."""
    return np.concatenate([X, X[:1], -X[:1], X[:1] * (1 + 1e-15), 3 * X[:1], 0 * X[:1]])


# Values


def recursion(X, layers, weight, bias):
    """Relu by the arc-cosine formula as it is printed."""
    K = weight * X @ X.T / X.shape[1] + bias
    T = K.copy()
    for _ in range(layers):
        size = np.sqrt(np.outer(np.diag(K), np.diag(K)))
        angle = np.arccos(np.clip(K / size, -1, 1))
        slope = (np.pi - angle) / (2 * np.pi)
        K = weight * size * (np.sin(angle) / (2 * np.pi) + slope * np.cos(angle)) + bias
        T = K + weight * T * slope
    return K, T


@pytest.mark.parametrize("layers", mostly_slow([1, 2, 5], (1, 2)))
@pytest.mark.parametrize("bias", [0.0, 0.3])
def test_relu_is_the_arc_cosine_kernel(layers, bias):
    X = points()
    K, T = recursion(X, layers, 2.0, bias)
    found = network(layers=layers, bias=bias)
    np.testing.assert_allclose(found.nngp(X), K, rtol=1e-12)
    off = ~np.eye(len(X), dtype=bool)  # a rounded cosine of 1 spoils the diagonal of the formula
    np.testing.assert_allclose(np.asarray(found.ntk(X))[off], T[off], rtol=1e-12)
    assert not np.allclose(np.asarray(found.ntk(X))[off], 1.001 * T[off], rtol=1e-4)


def test_relu_with_weight_variance_two_keeps_sizes():
    X = points()
    size = 2 * np.sum(X * X, axis=1) / 3
    for layers in (1, 4):
        found = network(layers=layers)
        np.testing.assert_allclose(np.diag(found.nngp(X)), size, rtol=1e-14)
        np.testing.assert_allclose(np.diag(found.ntk(X)), (layers + 1) * size, rtol=1e-14)


def test_erf_is_the_arcsine_kernel():
    X = points()
    K = 1.5 * X @ X.T / 3 + 0.2
    a = np.diag(K)
    root = np.sqrt(np.outer(1 + 2 * a, 1 + 2 * a))
    first = 2 / np.pi * np.arcsin(2 * K / root)
    slope = 4 / np.pi / np.sqrt(root**2 - 4 * K**2)
    found = network("erf", weight=1.5, bias=0.2)
    np.testing.assert_allclose(found.nngp(X), 1.5 * first + 0.2, rtol=1e-12)
    np.testing.assert_allclose(found.ntk(X), 1.5 * first + 0.2 + 1.5 * K * slope, rtol=1e-12)


def homogeneous(name, angle):
    """E[phi(u) phi(v)] of unit Gaussians by polar coordinates: the radius apart, then arcs."""
    power = KINKED[name]
    radius = 2.0**power * np.prod(np.arange(1, power + 1))
    edges = np.unique(
        np.mod([np.pi / 2, 3 * np.pi / 2, angle + np.pi / 2, angle - np.pi / 2, 0], 2 * np.pi)
    )
    edges = np.append(edges, 2 * np.pi)
    x, w = np.polynomial.legendre.leggauss(40)

    def phi(z):
        if name in KINK_SLOPES:
            return np.where(z < 0, *KINK_SLOPES[name]) * z
        return np.where(z > 0, 1.0, 0.0) if power == 0 else np.maximum(z, 0) ** power

    total = 0.0
    for low, high in itertools.pairwise(edges):
        t = 0.5 * (low + high) + 0.5 * (high - low) * x
        total += 0.5 * (high - low) * np.sum(w * phi(np.cos(t)) * phi(np.cos(t - angle)))
    return radius * total / (2 * np.pi)


@pytest.mark.parametrize("name", sorted(KINKED))
def test_homogeneous_activations_by_polar_coordinates(name):
    power = KINKED[name]
    for angle in (1e-6, 0.3, 0.499, 0.501, 1.0, 2.5, np.pi - 1e-6):
        X = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]]) * [[0.7], [1.9]]
        found = network(name, weight=2.0).nngp(X)[0, 1]
        size = 2 * (0.7 * 1.9) ** power
        # Near a half turn the angle itself is rounded: by at most 2 eps, as the points are.
        rounding = 4 * EPS * size * homogeneous(name, 0.0) if angle > 3 else 0.0
        expected = size * homogeneous(name, angle)
        assert float(found) == pytest.approx(expected, rel=1e-12, abs=rounding)


def smooth(name, slope):
    act = (lambda z: jax.scipy.special.erf(z)) if name == "erf" else activation(name)
    return jax.vmap(jax.vmap(jax.grad(act) if slope else act))


@pytest.mark.parametrize("name", mostly_slow(SMOOTH, ("gelu", "sin", "tanh")))
def test_smooth_activations_by_a_tensor_quadrature(name):
    z, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    X = np.array([[0.8, 0.1, 0.0], [0.2, -0.9, 0.4]])
    first = np.array([[x @ y / 3 + 0.1 for x in X] for y in X])
    a, b, c = first[0, 0], first[1, 1], first[0, 1]
    r = c / np.sqrt(a * b)
    u = np.sqrt(a) * z[:, None] + 0 * z
    v = np.sqrt(b) * (r * z[:, None] + np.sqrt(1 - r * r) * z)
    means = [w @ np.asarray(smooth(name, s)(u) * smooth(name, s)(v)) @ w for s in (False, True)]
    found = network(name, weight=1.0, bias=0.1)
    covariance = means[0] + 0.1
    assert float(found.nngp(X)[0, 1]) == pytest.approx(covariance, rel=1e-10)
    assert float(found.ntk(X)[0, 1]) == pytest.approx(covariance + c * means[1], rel=1e-10)


@pytest.mark.parametrize("name", ["relu", "relu2", "tanh", "sin", "heaviside"])
def test_networks_of_width_16384_lie_within_their_own_interval(name):
    X = points(4)
    limit = network(name, weight=1.5, bias=0.2)
    net = limit.draw(jax.random.key(0), 3, 2**14)
    act = activation(name)
    inputs = X @ np.asarray(net.weights[0]).T + np.asarray(net.biases[0])
    units = np.asarray(act(jnp.asarray(inputs)))
    products = units[:, None, :] * units[None, :, :]
    mean, spread = products.mean(-1), products.std(-1) / 2**7
    expected = (np.asarray(limit.nngp(X)) - 0.2) / 1.5
    assert np.all(np.abs(mean - expected) < 4.5 * spread + 1e-15)
    assert not np.all(np.abs(1.25 * mean - expected) < 4.5 * spread)


# Edges


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "name",
    mostly_slow(["relu", "relu2", "abs", "erf", "sin", "tanh", "heaviside"], ("relu", "tanh")),
)
@pytest.mark.parametrize("bias", [0.0, 0.1])
def test_symmetric_and_positive_semidefinite_on_hard_rows(name, bias, dtype):
    X = with_hard_rows(points(60, 4)).astype(dtype)
    limit = network(name, 2, weight=1.2, bias=bias)
    for kind in ("nngp", "ntk"):
        if (name, kind) == ("heaviside", "ntk"):
            continue
        K = np.asarray(getattr(limit, kind)(X))
        assert K.dtype == dtype
        assert np.all(np.isfinite(K))
        assert np.array_equal(K, K.T)
        low, *_, high = np.linalg.eigvalsh(K.astype(float))
        assert low > -len(X) * np.finfo(dtype).eps * high


@pytest.mark.slow
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("name", sorted({*ACTIVATIONS, "erf"}))
def test_500_rows_are_positive_semidefinite(name, layers):
    X = with_hard_rows(points(500, 10))
    limit = network(name, layers, weight=1.0, bias=0.1)
    for kind in ("nngp", "ntk")[: 1 if name == "heaviside" else 2]:
        K = np.asarray(getattr(limit, kind)(X))
        assert np.array_equal(K, K.T)
        low, *_, high = np.linalg.eigvalsh(K)
        assert low > -len(X) * EPS * high


@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("bias", [0.0, 0.5])
def test_equal_rows_have_the_value_of_the_diagonal(layers, bias):
    X = points(5)
    limit = network(layers=layers, bias=bias)
    whole = np.asarray(limit.ntk(X))
    across = np.asarray(limit.ntk(X, 1.0 * X))
    np.testing.assert_allclose(np.diag(across), np.diag(whole), rtol=8 * EPS)


@pytest.mark.parametrize("angle", [1e-3, 1e-9, 1e-15])
def test_small_angles_keep_their_digits(angle):
    """T = s^2 (sin q + 2 (pi - q) cos q) / pi: a rounded cosine would show no angle below 1e-8."""
    X = np.array([[1.0, 0.0], [np.cos(angle), np.sin(angle)]])
    T = np.asarray(network().ntk(X))
    assert T[0, 0] - T[0, 1] == pytest.approx(angle / np.pi + angle**2, rel=angle, abs=4 * EPS)
    step = np.asarray(network("heaviside", weight=1.0).nngp(X))
    assert 0.5 - step[0, 1] == pytest.approx(angle / (2 * np.pi), rel=1e-9, abs=2 * EPS)


def test_opposite_rows():
    X = points(5)
    found = network()
    np.testing.assert_allclose(np.diag(found.nngp(X, -X)), 0.0, atol=1e-15)
    np.testing.assert_allclose(np.diag(found.ntk(X, -X)), 0.0, atol=1e-15)
    odd = network("erf", 2)
    np.testing.assert_allclose(odd.nngp(X, -X), -np.asarray(odd.nngp(X)), rtol=1e-13)


@pytest.mark.parametrize(("name", "degree"), [("relu", 2), ("abs", 2), ("relu2", 4), ("relu3", 6)])
@pytest.mark.parametrize("exponent", [-150, 150])
def test_tiny_and_huge_inputs(name, degree, exponent):
    X = points(5)
    limit = network(name)
    scale = 2.0 ** round(exponent / 0.30103)
    if degree * exponent > 308:
        with pytest.raises(ValueError, match="float64 cannot hold"):
            limit.nngp(X * scale)
        return
    K = np.asarray(limit.nngp(X * scale))
    expected = np.asarray(limit.nngp(X)) * scale**degree
    if degree * exponent > -300:
        np.testing.assert_allclose(K, expected, rtol=1e-14)
    assert np.all(np.isfinite(K))


def test_float32_refuses_what_it_cannot_hold():
    X = (points(3) * 1e8).astype("float32")
    assert np.all(np.isfinite(network().ntk(X)))
    with pytest.raises(ValueError, match="float32 cannot hold"):
        network("relu3").ntk(X)
    with pytest.raises(ValueError, match="float32 cannot hold"):
        network("relu2", 4).nngp((X / 1e3).astype("float32"))


def test_a_row_of_zeros():
    X = np.array([[0.0, 0.0], [1.0, 2.0]])
    assert np.asarray(network(layers=3).ntk(X))[0].tolist() == [0.0, 0.0]
    # The step is 1/2 at 0, and has mean 1/2 elsewhere.
    step = np.asarray(network("heaviside", weight=1.0).nngp(X))
    np.testing.assert_allclose(step, [[0.25, 0.25], [0.25, 0.5]], rtol=1e-15)


def test_abs_keeps_its_digits_beside_opposite_rows():
    row = points(1, 4)
    near = row + 1e-9
    for layers in (1, 3):
        K = np.asarray(network("abs", layers, weight=1.2).ntk(np.concatenate([row, -row, near])))
        assert K[0, 2] - K[0, 0] == pytest.approx(K[1, 2] - K[0, 0], rel=1e-5)
        assert np.linalg.eigvalsh(K)[0] > -3 * EPS * np.trace(K)


@pytest.mark.parametrize("layers", mostly_slow([1, 2, 3, 4], (3,)))
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "abs"])
def test_standard_parameters_with_a_row_of_zeros(name, layers):
    """Biases that are 0 are parameters still, and the derivative at 0 is JAX's."""
    X = np.concatenate([points(8), np.zeros((1, 3))])
    limit = network(name, layers, weight=1.0, kind="standard", widths=(2048,) * layers)
    K = np.asarray(limit.ntk(X))
    assert np.linalg.eigvalsh(K)[0] > -len(X) * EPS * np.trace(K)
    found = kernels.empirical_kernel(limit.draw(jax.random.key(0), 3, 2048), X, limit=limit)
    np.testing.assert_allclose(found[-1], K[-1], rtol=0.25, atol=0.15)


def test_blocks_are_rows_of_the_whole():
    X = points(11)
    limit = network(layers=2, bias=0.1)
    whole = np.asarray(limit.ntk(X))
    for where, block in limit.blocks("ntk", X, rows=4):
        np.testing.assert_allclose(block, whole[where], rtol=1e-15)
    with pytest.raises(ValueError, match=r"20000 by 20000 points, whose kernel takes 2.98 GiB"):
        limit.ntk(np.ones((20_000, 2)))


def test_variances_are_the_diagonal():
    X = points(6)
    limit = network("tanh", 2, weight=1.5, bias=0.1)
    np.testing.assert_allclose(limit.variances(X), np.diag(limit.nngp(X)), rtol=1e-11)


def test_the_error_of_a_series_is_known_and_holds():
    X = points(6)
    rough, fine = (network("tanh", weight=2.0, rtol=rtol) for rtol in (1e-3, 1e-9))
    assert network().series_error(X) == 0.0
    errors = [limit.series_error(X) for limit in (rough, fine)]
    assert errors[1] < 1e-9 < errors[0] < 1e-3
    A, B = (np.asarray(limit.nngp(X)) for limit in (rough, fine))
    size = np.sqrt(np.outer(np.diag(B), np.diag(B)))
    assert np.max(np.abs(A - B) / size) < 2 * (errors[0] + errors[1])
    with pytest.raises(ValueError, match=r"tanh.*1024 terms.*expected at most rtol=1.0e-10"):
        network("tanh", weight=400.0).nngp(X)


@pytest.mark.parametrize(("dtype", "deviation"), [("float64", 3.0), ("float32", 5.0)])
def test_how_far_the_series_of_tanh_reaches(dtype, deviation):
    """One input and no bias: before tanh the values have the deviation sqrt(2) |x|."""
    X = np.array([[deviation / 2**0.5 * 0.999]], dtype)
    assert network("tanh").series_error(X) < (1e-10 if dtype == "float64" else 1e-6)
    with pytest.raises(ValueError, match="1024 terms of its series leave"):
        network("tanh").nngp(2 * X)


# The bridge to networks of finite width


@pytest.mark.parametrize("kind", ["ntk", "standard"])
def test_wide_networks_come_near(kind):
    X = points(5)
    widths = (1024, 1024) if kind == "standard" else None
    limit = network("relu", 2, bias=0.3, kind=kind, widths=widths)
    found = kernels.compare(limit.draw(jax.random.key(0), 3, 1024), limit, X)
    assert 0 < found.distance < 0.15
    if kind == "standard":
        net = limit.draw(jax.random.key(1), 3, 1024)
        np.testing.assert_allclose(
            kernels.empirical_kernel(net, X, limit=limit), derivatives.ntk(net, X), rtol=1e-10
        )


@pytest.mark.parametrize("kind", mostly_slow(["ntk", "nngp"], ("nngp",)))
def test_distance_falls_like_the_root_of_the_width(kind):
    X = points(5)
    limit = network("tanh", 2, weight=1.5, bias=0.1)
    distances = [
        np.median(
            [
                kernels.compare(
                    limit.draw(jax.random.key(s), 3, width), limit, X, kind=kind
                ).distance
                for s in range(8)
            ]
        )
        for width in (16, 256)
    ]
    assert 2.5 < distances[0] / distances[1] < 6.5


def test_empirical_kernel_by_hand():
    """Half of the squares of all derivatives, in the parameters of the limit."""
    limit = network("tanh", weight=3.0, bias=0.5)
    net = limit.draw(jax.random.key(0), 2, 4)
    X = points(3, 2)

    def value(weights, biases, x):
        hidden = jnp.tanh((3.0 / 2) ** 0.5 * weights[0] @ x + 0.5**0.5 * biases[0])
        return ((3.0 / 4) ** 0.5 * weights[1] @ hidden + 0.5**0.5 * biases[1])[0]

    weights = [w / (3.0 / n) ** 0.5 for w, n in zip(net.weights, (2, 4), strict=True)]
    biases = [b / 0.5**0.5 for b in net.biases]
    rows = [
        np.concatenate(
            [
                np.ravel(g)
                for g in jax.tree.leaves(jax.grad(value, (0, 1))(weights, biases, jnp.asarray(x)))
            ]
        )
        for x in X
    ]
    J = np.stack(rows)
    np.testing.assert_allclose(kernels.empirical_kernel(net, X, limit=limit), J @ J.T, rtol=1e-10)


# Regression


def data():
    X = points(10, 2)
    return X, np.stack([np.sin(X[:, 0]), X[:, 1] ** 2], axis=1)


def test_regression_goes_through_the_data_and_knows_it():
    X, Y = data()
    fit = kernels.regress(network(bias=1.0), X, Y, kind="nngp")
    np.testing.assert_allclose(fit.mean(X), Y, atol=1e-8)
    assert fit.jitter == 0.0
    inside, outside = fit.variance(X), fit.variance(X + 5)
    assert np.max(np.abs(inside)) < 1e-9 < np.min(outside)


def test_ridge_regression_solves_its_system():
    X, Y = data()
    limit = network("erf", 2, bias=0.1)
    fit = kernels.regress(limit, X, Y, kind="ntk", ridge=0.3)
    K = np.asarray(limit.ntk(X))
    expected = np.asarray(limit.ntk(X + 1, X)) @ np.linalg.solve(K + 0.3 * np.eye(len(X)), Y)
    np.testing.assert_allclose(fit.mean(X + 1), expected, rtol=1e-9)


def test_gradient_flow_in_time():
    X, Y = data()
    limit = network("erf", 1, weight=1.0, bias=0.2)
    fit = kernels.regress(limit, X, Y, kind="ntk")
    K, k = np.asarray(limit.ntk(X)), np.asarray(limit.ntk(X + 0.5, X))

    def start(x):
        return jnp.stack([x[0], x[0] * x[1]])

    on_data, beside = (np.asarray(jax.vmap(start)(Z)) for Z in (X, X + 0.5))
    steps, time = 4000, 2.0
    for _ in range(steps):  # the midpoint rule
        middle = on_data - 0.5 * time / steps * K @ (on_data - Y)
        change = -time / steps * (middle - Y)
        on_data, beside = on_data + K @ change, beside + k @ change
    np.testing.assert_allclose(fit.at_time(X, time, start=start), on_data, atol=1e-6)
    np.testing.assert_allclose(fit.at_time(X + 0.5, time, start=start), beside, atol=1e-6)
    np.testing.assert_allclose(fit.at_time(X, 0.0, start=start), jax.vmap(start)(X), atol=1e-12)


def test_at_infinite_time_flow_is_the_regression():
    X, Y = data()
    fit = kernels.regress(network(bias=1.0), X, Y, kind="ntk")
    np.testing.assert_allclose(fit.at_time(X + 1, np.inf), fit.mean(X + 1), atol=1e-6)


def test_equal_points_of_other_values_take_the_mean_of_these():
    X = np.array([[0.3], [0.3], [1.0]])
    fit = kernels.regress(network(bias=1.0), X, np.array([0, 1, 2]), kind="nngp")
    np.testing.assert_allclose(fit.mean(X), [0.5, 0.5, 2.0], atol=1e-6)
    assert fit.rounding < EPS**0.5
    plain = kernels.regress(network(bias=1.0), X, np.array([0, 1, 2]), kind="nngp", jitter=1e-15)
    assert plain.rounding > 1e-3  # told


def test_flow_with_a_ridge_ends_at_the_ridge_regression():
    X, Y = data()
    fit = kernels.regress(network(bias=1.0), X, Y, kind="ntk", ridge=3.0)
    np.testing.assert_allclose(fit.at_time(X + 1, np.inf), fit.mean(X + 1), rtol=1e-9)
    np.testing.assert_allclose(fit.at_time(X + 1, 1e30), fit.mean(X + 1), rtol=1e-9)


@pytest.mark.parametrize("time", [1e12, 1e15, 1e18, 1e30, np.inf])
def test_flow_for_very_long_times_is_not_rounding(time):
    X = np.linspace(-1, 1, 40)[:, None]
    fit = kernels.regress(network("erf", bias=0.1), X, np.abs(X[:, 0]), kind="ntk")
    assert np.max(np.abs(fit.at_time(X, time) - np.abs(X[:, 0]))) < 0.005


def test_variances_are_never_negative():
    X = np.linspace(-1, 1, 30)[:, None]
    fit = kernels.regress(network("erf", 2, bias=0.1), X, np.sin(3 * X[:, 0]), kind="nngp")
    assert np.min(fit.variance(np.linspace(-1, 1, 200)[:, None])) >= 0


def test_jitter_is_told_or_refused():
    X = np.concatenate([points(6), points(6)])
    Y = X[:, 0]
    fit = kernels.regress(network("relu2"), X, Y, kind="nngp")
    assert 0 < fit.jitter < 1e-8
    assert f"jitter {fit.jitter:.2g}" in repr(fit)
    np.testing.assert_allclose(fit.mean(X), Y, atol=1e-4)
    with pytest.raises(ValueError, match="not positive definite to rounding with 0"):
        kernels.regress(network("relu2"), X, Y, kind="nngp", jitter=0.0)


def test_random_features_tend_to_the_regression():
    X, Y = data()
    limit = network(bias=0.5)
    Z = points(20, 2, seed=1)
    wanted = kernels.regress(limit, X, Y, kind="nngp", ridge=0.05).mean(Z)
    distances = []
    for width in (64, 4096):
        nets = [
            kernels.random_feature_network(limit, jax.random.key(s), width, X, Y, ridge=0.05)
            for s in range(4)
        ]
        found = [np.asarray(jax.vmap(net)(jnp.asarray(Z))) for net in nets]
        distances.append(np.median([np.linalg.norm(f - wanted) for f in found]))
    assert 4 < distances[0] / distances[1] < 16


# Spectra


def test_spectrum_is_the_fourier_transform():
    limit = network("relu", 2, bias=0.1)
    angles = 2 * np.pi * np.arange(4096) / 4096
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    values = np.asarray(limit.ntk(circle[:1], circle))[0]
    expected = np.real(np.fft.rfft(values))[:9] / 4096  # aliasing falls like frequency^-2
    found = kernels.spectrum(limit, "ntk", highest=8)
    np.testing.assert_allclose(found.eigenvalues, expected, atol=1e-7)


@pytest.mark.parametrize("dim", [2, 3, 7])
def test_eigenvalues_sum_to_the_diagonal(dim):
    limit = network("erf", bias=0.1)
    found = kernels.spectrum(limit, "nngp", dim=dim, highest=60)
    north = np.eye(dim)[:1]
    total = np.sum(found.eigenvalues * found.multiplicities)
    assert total == pytest.approx(float(limit.nngp(north)[0, 0]), rel=1e-12)


@pytest.mark.parametrize("layers", mostly_slow([1, 2, 3, 4, 5], (1, 2)))
@pytest.mark.parametrize(("kind", "slope"), [("nngp", -4), ("ntk", -2)])
def test_slopes_of_relu_on_the_circle(layers, kind, slope):
    found = kernels.spectrum(network(layers=layers), kind, highest=256)
    for parity in ("even",) if layers == 1 else ("even", "odd"):
        assert found.slope(32, 256, parity=parity) == pytest.approx(slope, abs=0.05)
    odd = found.eigenvalues[3::2]
    assert (np.max(np.abs(odd)) < 10 * found.floor) == (layers == 1)


@pytest.mark.parametrize(
    "case",
    mostly_slow(
        [("abs", 1, 1), ("abs", 3, 1), ("erf", 1, 0), ("tanh", 2, 0), ("relu2", 1, 4)],
        [("abs", 1, 1), ("relu2", 1, 4)],
    ),
)
def test_frequencies_that_cannot_be_learnt_without_a_bias(case):
    name, layers, first = case
    weight = 1.0
    for kind in ("nngp", "ntk"):
        missing = kernels.spectrum(network(name, layers, weight=weight), kind, highest=9)
        biased = kernels.spectrum(network(name, layers, weight=weight, bias=0.5), kind, highest=9)
        assert np.max(np.abs(missing.eigenvalues[first::2])) < 10 * missing.floor
        assert np.all(biased.eigenvalues[first:9:2] > 10 * biased.floor)


def test_the_floor_tells_what_a_sharp_kernel_loses():
    sharp = network("erf", weight=2.0)
    found = kernels.spectrum(sharp, "ntk", radius=1e4, highest=9)
    finer = kernels.spectrum(sharp, "ntk", radius=1e4, highest=9, panels=4096)
    assert 1e-9 < np.max(np.abs(found.eigenvalues - finer.eigenvalues)) < found.floor


def test_no_slope_is_told_of_rounding():
    with pytest.raises(ValueError, match="not above rounding"):
        kernels.spectrum(network("erf"), "nngp", highest=128).slope(32, 128)


# Refusals


def net():
    return network().draw(jax.random.key(0), 3, 4)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: jax.jit(network().nngp)(points()), "computed outside of jit"),
        (lambda: network().nngp(points().astype("float16")), "dtype float16"),
        (lambda: kernels.regress(points(), points(), net(), kind="ntk"), "It comes first"),
        (lambda: kernels.spectrum(net(), "ntk"), "expected an InfiniteNetwork"),
        (lambda: kernels.regress(network(), points(2), ["a", "b"], kind="ntk"), "Y: got dtype"),
        (lambda: kernels.compare(network(), network(), points()), "expected an MLP"),
    ],
)
def test_what_is_of_another_type(call, says):
    with pytest.raises(TypeError, match=says):
        call()


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: network("heaviside").ntk(points()), "heaviside.*infinite on the diagonal"),
        (lambda: network("nonsense"), "activation: got 'nonsense'"),
        (lambda: network(weight=0.0), "weight_variance: got 0.0, expected positive"),
        (lambda: network(weight=(1.0, 2.0, 3.0)), "one for each of 2 layers"),
        (lambda: network(bias=-1.0), "bias_variance: got -1.0"),
        (lambda: network(layers=0), "hidden_layers: got 0"),
        (lambda: network(kind="mup"), "parameterisation: got 'mup'"),
        (lambda: network(kind="standard").ntk(points()), "widths: got None"),
        (lambda: network(widths=(3, 3)), "widths: got .3, 3., expected one for each"),
        (lambda: network().nngp(points(3, 2), points(3, 4)), "got shape .3, 4."),
        (lambda: network().nngp(np.ones(3)), "got shape .3,."),
        (lambda: network().nngp([[np.nan]]), "not finite"),
        (lambda: network("erf").draw(jax.random.key(0), 1, 4), "none of an MLP"),
        (lambda: list(network().blocks("rbf", points())), "kind: got 'rbf'"),
        (lambda: kernels.regress(network(), points(), np.ones(3), kind="ntk"), "Y: got shape"),
        (
            lambda: kernels.regress(network(), points(3), np.ones(3), kind="ntk", ridge=-1.0),
            "ridge: got -1.0",
        ),
        (
            lambda: kernels.regress(network(), points(3), np.ones(3), kind="ntk").variance([]),
            "expected 'nngp'",
        ),
        (
            lambda: kernels.compare(
                MLP.init(jax.random.key(0), 3, (4, 4), "relu"), network(), points()
            ),
            "expected 1 hidden layers",
        ),
        (lambda: kernels.spectrum(network(), "ntk", dim=1), "dim: got 1"),
        (lambda: kernels.spectrum(network(), "NNGP"), "kind: got 'NNGP'"),
        (lambda: kernels.spectrum(network(), "ntk", radius="1"), "radius: got '1'"),
        (lambda: kernels.spectrum(network(), "ntk", highest=20).slope(4, 100), "up to 20"),
        (lambda: kernels.compare(net(), network(), points(), kind="NTK"), "kind: got 'NTK'"),
        (
            lambda: kernels.compare(net(), network(kind="standard", widths=(16,)), points()),
            "expected the hidden widths .16,.",
        ),
        (lambda: network(weight=True), "weight_variance: got True"),
        (lambda: network("tanh", rtol=-1), "rtol: got -1"),
        (lambda: network(kind="standard", widths=64), "widths: got 64"),
        (lambda: network().nngp(points(), max_bytes=None), "max_bytes: got None"),
        (
            lambda: kernels.regress(network(), points(3), np.ones(3), kind="ntk", ridge=np.nan),
            "ridge: got nan",
        ),
        (
            lambda: kernels.random_feature_network(
                network(), jax.random.key(0), 4, points(3), np.ones(3), ridge=-1.0
            ),
            "ridge: got -1.0",
        ),
        (
            lambda: kernels.regress(network(bias=1.0), points(3), np.ones(3), kind="ntk").at_time(
                points(), 1.0, start=network().draw(jax.random.key(0), 3, 4, out_size=1)
            ),
            r"start: got values of shape \(1,\)",
        ),
        (lambda: kernels.regress(network(), points(3), 3.0, kind="ntk"), r"Y: got shape \(\)"),
    ],
)
def test_what_has_no_kernel_is_refused_by_name(call, says):
    with pytest.raises(ValueError, match=says):
        call()


def test_the_kernel_of_a_network_may_be_compiled_for_many_networks():
    limit = kernels.InfiniteNetwork(
        hidden_layers=1,
        activation="relu",
        weight_variance=2.0,
        bias_variance=0.1,
        parameterisation="ntk",
    )
    X = np.array([[1.0, 0.0], [0.6, 0.8]])
    net = limit.draw(jax.random.key(0), 2, 8)
    compiled = jax.jit(lambda net: kernels.empirical_kernel(net, X, limit=limit))(net)
    np.testing.assert_allclose(compiled, kernels.empirical_kernel(net, X, limit=limit), rtol=1e-5)
    with pytest.raises(ValueError, match="not finite"):
        jax.jit(lambda net: kernels.empirical_kernel(net, np.nan * X, limit=limit))(net)
