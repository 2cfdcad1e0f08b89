"""Gradient descent as it is written on the blackboard: constant step, half the sum of squares."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.arguments import check_number
from approxlab.fitting import METHODS, GradientDescent, descend, fit
from approxlab.fitting.training.gradient_descent import check_momentum
from approxlab.landscapes import stable_step

EPS = 2.0**-52


def data(outputs, low, high, n=20):
    """Points of an interval that is not [-1, 1], and values far from zero."""
    x = np.linspace(low, high, n)[:, None]
    t = (x[:, 0] - low) / (high - low)
    y = np.stack([5.0 + np.sin(3 * t + k) for k in range(outputs or 1)], axis=1)
    return x, y if outputs else y[:, 0]


SLOPES = {
    "tanh": (np.tanh, lambda z: 1.0 - np.tanh(z) ** 2),
    "relu": (lambda z: np.maximum(z, 0.0), lambda z: 1.0 * (z > 0)),
    "sin": (np.sin, np.cos),
}


def by_hand(net, x, y, alpha, steps, beta=0.0, factor=1.0):
    """Plain NumPy: W := W - alpha dL/dW for L = factor / 2 times the sum of squares."""
    act, slope = SLOPES[net.activation]
    count = len(net.weights)
    leaves = [np.array(leaf) for leaf in (*net.weights, *net.biases)]
    velocity = [np.zeros_like(leaf) for leaf in leaves]
    for _ in range(steps):
        W, b = leaves[:count], leaves[count:]
        h, z = [x], []
        for w, c in zip(W, b, strict=True):
            z.append(h[-1] @ w.T + c)
            h.append(act(z[-1]))
        back = factor * (z[-1] - y.reshape(len(x), -1))
        dW, db = [], []
        for i in reversed(range(count)):
            dW.insert(0, back.T @ h[i])
            db.insert(0, back.sum(axis=0))
            if i:
                back = (back @ W[i]) * slope(z[i - 1])
        velocity = [beta * v - alpha * g for v, g in zip(velocity, dW + db, strict=True)]
        leaves = [leaf + v for leaf, v in zip(leaves, velocity, strict=True)]
    return leaves


def distance(net, leaves):
    """Largest difference to the network's weights and biases, relative to the largest of them."""
    found = [*net.weights, *net.biases]
    size = max(np.abs(leaf).max() for leaf in leaves)
    return max(
        float(np.abs(np.asarray(a) - b).max()) / size for a, b in zip(found, leaves, strict=True)
    )


CASES = [
    ("tanh", (5,), None, 2.0, 4.0, 1e-3, 0.0),
    ("tanh", (5, 4), 2, -7.0, -2.0, 1e-3, 0.9),
    ("relu", (6,), 3, 3.0, 5.0, 1e-4, 0.5),
    ("sin", (3, 3, 3), None, -1.0, 1.0, 1e-2, 0.0),
    ("tanh", (), 2, 100.0, 101.0, 1e-6, 0.0),
]


@pytest.mark.parametrize("case", mostly_slow(CASES, CASES[1::3]), ids=str)
def test_ten_steps_are_those_written_by_hand(case):
    name, hidden, outputs, low, high, alpha, beta = case
    x, y = data(outputs, low, high)
    net = al.MLP.init(jax.random.key(1), 1, hidden, name, out_size=outputs, dtype="float64")
    options = {"start": net, "learning_rate": alpha, "steps": 10, "tol": 0.0}
    found = fit((x, y), **options, method=GradientDescent(momentum=beta))
    leaves = by_hand(net, x, y, alpha, 10, beta)
    # Ten steps through up to four layers and twenty points, cancellation of values of size 6.
    assert distance(found.network, leaves) <= 1000 * EPS
    # The twins: the mean of squares instead of half their sum, and one step less.
    mean = by_hand(net, x, y, alpha, 10, beta, factor=2.0 / y.size)
    assert distance(found.network, mean) > 1e-6
    assert distance(found.network, by_hand(net, x, y, alpha, 9, beta)) > 1e-6
    # What is reported is the mean square, of the network that is returned, in the units of Y.
    square = np.mean((np.asarray(jax.vmap(found.network)(x)) - y) ** 2)
    np.testing.assert_allclose(found.loss, square, rtol=1e-12)
    np.testing.assert_allclose(found.history.losses[0, -1], square, rtol=1e-12)
    centred = y.reshape(len(x), -1) - y.reshape(len(x), -1).mean(axis=0)
    if outputs is None:
        np.testing.assert_allclose(found.relative_loss, square / np.mean(centred**2), rtol=1e-12)


def test_its_factor_is_half_the_number_of_residuals():
    """The step alpha of L is the step alpha N m / 2 of the mean square."""
    x, y = data(3, 2.0, 4.0)
    net = al.MLP.init(jax.random.key(2), 1, (4,), "tanh", out_size=3, dtype="float64")

    def mean_square(net):
        return jnp.mean((jax.vmap(net)(x) - y) ** 2)

    rate = 1e-3 * y.size / 2
    path = descend(mean_square, net, learning_rate=rate, steps=30, momentum=0.9)
    found = fit((x, y), start=net, method="momentum", learning_rate=1e-3, steps=30)
    assert distance(found.network, [*path.point(-1).weights, *path.point(-1).biases]) <= 1e4 * EPS


def line(seed, n=12):
    """A linear model in two variables: points, values, the Hessian of L, the least squares."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 2.0, (n, 2)) * [1.0, 2.0]
    y = rng.normal(size=n) + x @ [1.0, -2.0] + 3.0
    ones = np.concatenate([x, np.ones((n, 1))], axis=1)
    return x, y, ones.T @ ones, np.linalg.lstsq(ones, y, rcond=None)[0]


@pytest.mark.parametrize("seed", range(3))
def test_a_linear_model_contracts_below_two_over_the_sharpness_and_grows_above(seed):
    x, y, hessian, best = line(seed)
    limit = 2.0 / np.linalg.eigvalsh(hessian)[-1]

    def half_sum(w):
        return 0.5 * jnp.sum((x @ w[:2] + w[2] - y) ** 2)

    np.testing.assert_allclose(stable_step(half_sum, jnp.zeros(3)), limit, rtol=1e-12)
    options = {"hidden": (), "method": "gradient_descent", "dtype": "float32", "steps": 40_000}
    below = fit((x, y), **options, learning_rate=0.999 * limit)
    assert below.status == "budget"  # the least squares leave a residual
    solved = np.concatenate([below.network.weights[0][0], below.network.biases[0]])
    np.testing.assert_allclose(solved, best, rtol=1e-4, atol=1e-4)
    above = fit((x, y), **options, learning_rate=1.001 * limit)
    assert above.status == "diverged"
    assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(above.network))
    assert np.isfinite(above.loss)


def test_momentum_has_a_wider_range():
    x, y, hessian, _ = line(3)
    limit = 2.0 / np.linalg.eigvalsh(hessian)[-1]
    options = {"hidden": (), "dtype": "float32", "steps": 20_000}
    wide = 1.9 * limit  # = 2 (1 + beta) / s for beta = 0.9
    plain = fit((x, y), **options, method="gradient_descent", learning_rate=0.99 * wide)
    assert plain.status == "diverged"
    assert fit((x, y), **options, method="momentum", learning_rate=0.99 * wide).status == "budget"
    beyond = fit((x, y), **options, method="momentum", learning_rate=1.01 * wide)
    assert beyond.status == "diverged"


def test_a_fit_converges_by_the_relative_loss_whatever_the_units():
    x = np.linspace(-1.0, 1.0, 9)[:, None]
    for size in (1e-3, 1.0, 1e3):
        found = fit(
            (x, size * (1.0 + 2.0 * x[:, 0])),
            hidden=(),
            method="gradient_descent",
            learning_rate=0.1,
            dtype="float64",
        )
        assert found.status == "converged"
        assert found.relative_loss < 1e-27
        assert 25 < found.steps[0] < 500
    constant = fit((x, np.full(9, 2.0)), hidden=(), method="momentum", learning_rate=0.05)
    assert constant.status == "converged"


def test_targets_seeds_and_numbers_that_are_not_finite():
    runge = al.targets.get("runge")
    found = fit(runge, hidden=(6,), method="momentum", learning_rate=1e-3, seeds=3, steps=200)
    assert found.relative_loss < 0.9
    again = fit(runge, hidden=(6,), method="momentum", learning_rate=1e-3, seeds=2, steps=200)
    assert np.array_equal(again.history.losses, found.history.losses[:2])
    bad = fit(runge, hidden=(6,), method="momentum", learning_rate=1e3, seeds=2, steps=200)
    assert set(bad.statuses) == {"diverged"}
    sphere = al.targets.get("sine_product")
    two = fit(sphere, hidden=(4,), method="gradient_descent", learning_rate=1e-4, steps=50)
    assert two.history.losses[0, -1] < two.history.losses[0, 0]


@pytest.mark.parametrize("alpha", [0.0, -0.1, float("nan"), float("inf"), "0.1", [0.1, 0.2]])
def test_steps_that_are_none(alpha):
    x, y = data(None, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"learning_rate: got .*, expected a positive number"):
        check_number("learning_rate", alpha, positive=True)
    if type(alpha) is not float:
        return
    for call in (
        lambda: fit((x, y), method="gradient_descent", learning_rate=alpha),
        lambda: descend(lambda w: w**2, 1.0, learning_rate=alpha, steps=3),
    ):
        with pytest.raises(ValueError, match=r"learning_rate: got .*, expected a positive number"):
            call()


def test_what_else_is_refused():
    x, y = data(None, 0.0, 1.0)
    with pytest.raises(ValueError, match=r"learning_rate: got None.*expected a positive number"):
        fit((x, y), method="gradient_descent")
    with pytest.raises(ValueError, match="batch: got 4 with method 'gradient_descent'"):
        fit((x, y), method="gradient_descent", learning_rate=0.1, batch=4)
    for momentum in (1.0, -0.1, float("nan"), "0.9", None):
        with pytest.raises(ValueError, match=r"momentum: got .*expected a number in \[0, 1\)"):
            check_momentum(momentum)
    with pytest.raises(ValueError, match=r"momentum: got 1.0"):
        GradientDescent(momentum=1.0)
    # The squares of such values are zero, or infinite, in this dtype: neither is a loss.
    for size in (1e-25, 1e25):
        with pytest.raises(ValueError, match=r"target: got values of size .*Choose other units"):
            fit((x, size * y), method="momentum", learning_rate=0.1, dtype="float32")
        fit((x, size * y), hidden=(2,), steps=2, dtype="float32")


def test_names():
    assert METHODS["gradient_descent"] == GradientDescent()
    assert METHODS["momentum"] == GradientDescent(momentum=0.9)
    assert GradientDescent(momentum=0.5).name == "momentum"


# Descent on any loss


@pytest.mark.parametrize("beta", [0.0, 0.8])
def test_a_path_is_what_the_loop_gives(beta):
    def loss(w):
        return jnp.sum(jnp.cos(w["a"])) + w["b"] ** 2 * jnp.sum(w["a"])

    start = {"a": np.array([0.3, -1.0, 2.0]), "b": 1}
    path = descend(loss, start, learning_rate=0.1, steps=11, momentum=beta, stride=4)
    assert path.steps.tolist() == [0, 4, 8, 11]
    assert (path.losses.shape, path.points["a"].shape) == ((4,), (4, 3))
    a, b, v, u = np.array([0.3, -1.0, 2.0]), 1.0, 0.0, 0.0
    for step in range(12):
        if step in path.steps:
            i = path.steps.tolist().index(step)
            np.testing.assert_allclose(path.points["a"][i], a, rtol=1e-13)
            np.testing.assert_allclose(path.points["b"][i], b, rtol=1e-13)
        v, u = beta * v - 0.1 * (b**2 - np.sin(a)), beta * u - 0.1 * 2 * b * a.sum()
        a, b = a + v, b + u
    assert path.status == "budget"
    assert path.point(0)["a"].tolist() == start["a"].tolist()


def test_a_plain_loss_is_taken_as_it_is_now():
    """What it closes over may have changed; a compiled loss and a pytree are not traced again."""
    data, traced = {"c": 1.0}, []

    def loss(w):
        traced.append(None)
        return 0.5 * (w - data["c"]) ** 2

    def last(f, start=0.0):
        return float(descend(f, start, learning_rate=1.0, steps=2).points[-1])

    assert last(loss) == 1.0
    data["c"] = 5.0
    assert last(loss) == 5.0
    compiled = jax.jit(loss)
    last(compiled)
    count = len(traced)
    assert (last(compiled, 3.0), len(traced)) == (5.0, count)


def test_a_loss_that_is_a_pytree_is_a_value():
    x = np.array([[1.0], [2.0]])
    losses = [al.landscapes.TwoLayerLoss(x, c * x[:, 0], "identity", biases=False) for c in (1, 4)]
    start = losses[0].weights(al.MLP.init(jax.random.key(0), 1, (1,), "identity"))
    found = [descend(f, start, learning_rate=0.01, steps=3000).point(-1) for f in losses]
    products = [float(w.W1[0, 0] * w.W2[0, 0]) for w in found]
    np.testing.assert_allclose(products, [1.0, 4.0], rtol=1e-6)


def test_a_path_ends_before_numbers_that_are_not_finite():
    path = descend(lambda w: w**4, 2.0, learning_rate=1.0, steps=100)
    assert path.status == "diverged"
    assert np.all(np.isfinite(path.losses))
    assert 1 < len(path.steps) < 10
    assert len(path.points) == len(path.losses) == len(path.steps)


@pytest.mark.parametrize(
    ("loss", "start", "error", "message"),
    [
        (lambda w: w, np.ones(3), ValueError, r"loss: got a value of shape \(3,\)"),
        (lambda w: (w, w), 1.0, ValueError, "loss: got a value of tuple"),
        (lambda w: np.sin(w), 1.0, TypeError, "loss: got a function of NumPy or math"),
        (lambda w: w if w > 0 else -w, 1.0, TypeError, "loss: got a function of NumPy or math"),
        (lambda w: w**2, np.nan, ValueError, "start: got nan"),
        (lambda w: w**2, "w", ValueError, "start: got 'w'"),
        (lambda w: abs(w) ** 2, 1j, ValueError, "start: got 1j"),
        (lambda _: 1.0, {}, ValueError, "start: got {}"),
        (lambda w: 1.0 / w, 0.0, ValueError, "start: got 0.0, where the loss is inf"),
    ],
)
def test_losses_and_starts_that_are_refused(loss, start, error, message):
    with pytest.raises(error, match=message):
        descend(loss, start, learning_rate=0.1, steps=2)


def test_a_quadratic_follows_its_closed_form():
    """e_k = (I - alpha H)^k e_0, to the rounding of k steps."""
    rng = np.random.default_rng(0)
    for size, factor in itertools.product((1, 2, 5), (0.3, 0.999, 1.0, 1.001)):
        Q = np.linalg.qr(rng.normal(size=(size, size)))[0]
        eigenvalues = np.geomspace(0.1, 4.0, size)
        H, best, e = (Q * eigenvalues) @ Q.T, rng.normal(size=size), rng.normal(size=size)
        alpha = factor * 2.0 / eigenvalues.max()

        def loss(w, H=H, best=best):
            return 0.5 * (w - best) @ H @ (w - best)

        path = descend(loss, best + e, learning_rate=alpha, steps=1001, stride=7)
        multipliers = (1.0 - alpha * eigenvalues) ** path.steps[:, None]
        exact = (multipliers * (Q.T @ e)) @ Q.T
        found = path.points - best
        scale = np.abs(path.points).max()
        bounds = 20 * EPS * size * (path.steps + 1) * scale
        assert np.all(np.abs(found - exact).max(axis=1) <= bounds)
        wrong = ((1.0 - 1.0001 * alpha * eigenvalues) ** path.steps[:, None] * (Q.T @ e)) @ Q.T
        assert not np.all(np.abs(found - wrong).max(axis=1) <= bounds)
