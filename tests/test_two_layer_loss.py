"""The two-layer loss: closed gradient and `jax.grad`, variable projection, networks, bad input."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.landscapes import TwoLayerLoss, TwoLayerWeights
from approxlab.networks import ACTIVATIONS, activation

SMOOTH_OR_KINKED = sorted(set(ACTIVATIONS) - {"heaviside"})


def random_case(number, dtype=np.float64, activation=None, biases=None):
    """A loss and weights of random shape; every number another activation."""
    rng = np.random.default_rng(number)
    N, d, n, m = (int(rng.integers(1, most + 1)) for most in (12, 4, 6, 3))
    name = activation or sorted(ACTIVATIONS)[number % len(ACTIVATIONS)]
    biases = bool(rng.integers(2)) if biases is None else biases

    def draw(*shape):
        return jnp.asarray(rng.standard_normal(shape) * 10.0 ** rng.uniform(-1, 1), dtype)

    loss = TwoLayerLoss(draw(N, d), draw(N, m), name, biases=biases)
    in_biases = (draw(n), draw(m)) if biases else (None, None)
    return loss, TwoLayerWeights(draw(n, d), draw(m, n), *in_biases)


def loss_of_the_network(theta, loss):
    """The same number without a formula of ours: the network at every point."""
    net = loss.network(theta, out_size=loss.Y.shape[1])
    return jnp.sum((jax.vmap(net)(loss.X) - loss.Y) ** 2) / 2


def sums_of_absolute_terms(loss, theta):
    """What the sums in the gradient would be if no two of their terms cancelled."""
    act = activation(loss.activation)
    X, W1, W2 = abs(loss.X), abs(theta.W1), abs(theta.W2)
    Z = loss.X @ theta.W1.T
    size = X @ W1.T
    if loss.biases:
        Z, size = Z + theta.b1[None], size + abs(theta.b1)[None]

    def derivative(f):
        return lambda z: jax.jvp(f, (z,), (jnp.ones_like(z),))[1]

    slope, bend = derivative(act)(Z), derivative(derivative(act))(Z)
    H = abs(act(Z)) + abs(slope) * size
    R = abs(loss.Y) + H @ W2.T + (abs(theta.b2)[None] if loss.biases else 0.0)
    # The slope of tanh is 1 - tanh^2: where that cancels, its terms are still as large as tanh.
    D = (R @ W2) * (abs(slope) + jnp.minimum(abs(act(Z)), 1.0) + abs(bend) * size)
    in_biases = (D.sum(axis=0), R.sum(axis=0)) if loss.biases else (None, None)
    return TwoLayerWeights(D.T @ X, R.T @ H, *in_biases)


@jax.jit
def together(loss, theta):
    """The closed gradient, autodiff's of an independent loss, and the scale; one compilation."""
    exact = jax.grad(loss_of_the_network)(theta, loss)
    values = loss(theta), loss_of_the_network(theta, loss)
    return loss.gradient(theta), exact, sums_of_absolute_terms(loss, theta), values


def check_gradient(gradient, exact, sizes, c=50):
    for found, other, size in zip(*map(jax.tree.leaves, (gradient, exact, sizes)), strict=True):
        found, other, size = (np.asarray(part) for part in (found, other, size))
        assert found.dtype == other.dtype
        worst = np.max(np.abs(found - other) - c * np.finfo(found.dtype).eps * size)
        assert worst <= 0.0, f"{worst:.2e} too far"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("number", mostly_slow(range(100), [9, 35]))
def test_closed_gradient_is_autodiff(number, dtype):
    loss, theta = random_case(number, dtype)
    gradient, exact, sizes, (value, other) = together(loss, theta)
    assert gradient.W1.dtype == dtype
    check_gradient(gradient, exact, sizes)
    eps = float(np.finfo(dtype).eps)
    if loss.biases:  # then dL/db2 sums up all absolute terms of the residuals
        assert abs(float(value - other)) <= 50 * eps * float(np.sum(np.asarray(sizes.b2)) ** 2)
    W2 = np.asarray(gradient.W2) + np.asarray(1e3 * eps, dtype) * (np.asarray(sizes.W2) + 1)
    with pytest.raises(AssertionError, match="too far"):
        check_gradient(gradient._replace(W2=W2), exact, sizes)


def test_a_wrong_formula_is_found():
    loss, theta = random_case(5, activation="tanh", biases=True)
    gradient, exact, sizes, _ = together(loss, theta)
    H, R = np.asarray(loss.hidden(theta)), np.asarray(loss.residuals(theta))
    W2, X = np.asarray(theta.W2), np.asarray(loss.X)
    without_slopes = gradient._replace(W1=-(R @ W2).T @ X)
    of_the_features = gradient._replace(W1=-((R @ W2) * H).T @ X)
    without_bias = gradient._replace(b2=np.zeros_like(theta.b2))
    for wrong in (without_slopes, of_the_features, without_bias):
        with pytest.raises(AssertionError, match="too far"):
            check_gradient(wrong, exact, sizes)


@pytest.mark.parametrize("biases", mostly_slow([True, False], [True]))
def test_hessian_products_are_those_of_the_network(biases):
    loss, theta = random_case(3, activation="tanh", biases=biases)
    v = jax.tree.map(np.ones_like, theta)
    found = loss.hessian_vector_product(theta, v)
    exact = jax.jit(
        lambda at: al.derivatives.hessian_vector_product(
            lambda t: loss_of_the_network(t, loss), at, v
        )
    )(theta)
    for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(exact), strict=True):
        assert np.asarray(a) == pytest.approx(np.asarray(b), rel=1e-11, abs=1e-11)
    spectrum = al.landscapes.hessian_spectrum(loss, theta)
    assert len(spectrum.values) == sum(leaf.size for leaf in jax.tree.leaves(theta))


def test_kinks_have_the_derivative_of_the_activation():
    loss = TwoLayerLoss([[1.0]], [[1.0]], "relu", biases=False)
    at_kink = TwoLayerWeights(jnp.zeros((1, 1)), jnp.ones((1, 1)))
    assert loss.gradient(at_kink).W1.tolist() == [[0.0]]
    assert loss.gradient(at_kink).W1 == jax.grad(loss)(at_kink).W1


# Variable projection


def solved_exactly(A, Y):
    """Coefficients, residuals and loss in rational arithmetic, for independent columns."""
    M, B = ([[Fraction(float(v)) for v in row] for row in part] for part in (A, Y))
    columns = list(zip(*M, strict=True))
    sides = list(zip(*B, strict=True))
    table = [[dot(a, b) for b in (*columns, *sides)] for a in columns]
    p = len(columns)
    for i in range(p):
        table[i] = [v / table[i][i] for v in table[i]]
        for k in range(p):
            if k != i:
                table[k] = [v - table[k][i] * w for v, w in zip(table[k], table[i], strict=True)]
    C = [row[p:] for row in table]
    R = [
        [b - dot(row, c) for b, c in zip(values, zip(*C, strict=True), strict=True)]
        for row, values in zip(M, B, strict=True)
    ]
    loss = sum(r**2 for row in R for r in row) / 2
    return np.array(C, float), np.array(R, float), float(loss)


def dot(a, b):
    return sum(u * v for u, v in zip(a, b, strict=True))


def features(loss, W1, b1):
    m = loss.Y.shape[1]
    b2 = np.zeros(m) if loss.biases else None
    hidden = loss.hidden(TwoLayerWeights(W1, np.zeros((m, len(W1))), b1, b2))
    H = np.asarray(hidden, float)
    return np.column_stack([H, np.ones(len(H))]) if loss.biases else H


def ill_conditioned(number, apart):
    """Two hidden units that differ by `apart`; more points than units."""
    rng = np.random.default_rng(number)
    d, n, m = (int(rng.integers(1, most + 1)) for most in (3, 3, 2))
    n, biases = n + 1, bool(rng.integers(2))
    X, Y = rng.uniform(-1, 1, (n + 6, d)), rng.standard_normal((n + 6, m))
    W1, b1 = rng.standard_normal((n, d)), rng.standard_normal(n) if biases else None
    W1[1] = W1[0] + apart * rng.standard_normal(d)
    if biases:
        b1[1] = b1[0]
    return TwoLayerLoss(X, Y, ["tanh", "softplus", "sin"][number % 3], biases=biases), W1, b1


def check_reduced(reduced, gradient, loss, W1, b1, c=50):
    A, Y = features(loss, W1, b1), np.asarray(loss.Y)
    C, R, exact = solved_exactly(A, Y)
    condition = np.linalg.cond(A)
    eps, n = float(np.finfo(loss.X.dtype).eps), len(W1)
    assert abs(reduced - exact) <= c * eps * condition * np.sum(Y**2) / 2, "another value"
    act = activation(loss.activation)
    kind = loss.X.dtype
    Z = loss.X @ jnp.asarray(W1, kind).T
    Z = Z if b1 is None else Z + jnp.asarray(b1, kind)[None]
    slope = np.asarray(jax.jvp(act, (Z,), (jnp.ones_like(Z),))[1])
    X = np.asarray(loss.X)
    size = np.abs(Y) + np.abs(A) @ np.abs(C)
    terms = ((size @ np.abs(C[:n].T)) * np.abs(slope)).T @ np.abs(X)
    wrong = np.abs(gradient.W1 + ((R @ C[:n].T) * slope).T @ X)
    assert np.all(wrong <= c * eps * condition * terms), "another gradient"
    return condition


@pytest.mark.parametrize("number", mostly_slow(range(40), [0, 1]))
def test_reduced_loss_and_gradient_in_rational_arithmetic(number):
    conditions = []
    for apart in (1.0, 1e-3, 1e-6, 1e-9, 1e-12):
        loss, W1, b1 = ill_conditioned(number, apart)
        if np.linalg.cond(features(loss, W1, b1)) > 1e13:
            continue  # beyond that the rank may be decided otherwise
        reduced, gradient = loss.reduced(W1, b1), loss.reduced_gradient(W1, b1)
        assert gradient.differentiable
        conditions.append(check_reduced(reduced, gradient, loss, W1, b1))
        if conditions[-1] < 100.0:  # otherwise the wrong ones are within the tolerance, too
            spoiled = loss.reduced_gradient(W1 * (1 + 1e-3), b1)
            with pytest.raises(AssertionError, match="another gradient"):
                check_reduced(reduced, spoiled, loss, W1, b1)
            with pytest.raises(AssertionError, match="another value"):
                check_reduced(reduced * (1 + 1e-3), gradient, loss, W1, b1)
    assert max(conditions) > 1e6


def deficient(kind):
    """Features with dependent columns: the loss, W1, b1, independent columns, differentiable."""
    rng = np.random.default_rng(7)
    X, Y = rng.uniform(-1, 1, (9, 2)), rng.standard_normal((9, 2))
    W1 = rng.standard_normal((4, 2))
    if kind == "equal units":
        W1[2] = W1[0]
        return TwoLayerLoss(X, Y, "tanh", biases=False), W1, None, [0, 1, 3], False
    if kind == "opposite units":
        W1[2] = -W1[0]
        return TwoLayerLoss(X, Y, "tanh", biases=False), W1, None, [0, 1, 3], False
    if kind == "a unit that is dead":
        b1 = np.array([0.1, 0.2, -9.0, 0.3])
        return TwoLayerLoss(X, Y, "relu", biases=True), W1, b1, [0, 1, 3, 4], True
    if kind == "linear units":
        return TwoLayerLoss(X, Y, "identity", biases=False), W1, None, [0, 1], True
    if kind == "a constant unit beside the bias":
        W1[1] = 0.0
        b1 = np.full(4, 0.3)
        return TwoLayerLoss(X, Y, "tanh", biases=True), W1, b1, [0, 2, 3, 4], False
    assert kind == "more units than points"
    return TwoLayerLoss(X[:3], Y[:3], "tanh", biases=False), W1, None, [0, 1, 2], True


DEFICIENT = [
    "equal units",
    "opposite units",
    "a unit that is dead",
    "linear units",
    "a constant unit beside the bias",
    "more units than points",
]


@pytest.mark.parametrize("kind", DEFICIENT)
def test_dependent_features(kind):
    loss, W1, b1, independent, smooth = deficient(kind)
    A, Y = features(loss, W1, b1), np.asarray(loss.Y)
    _, R, exact = solved_exactly(A[:, independent], Y)
    best = loss.best_readout(W1, b1)
    assert (best.rank, best.columns) == (len(independent), A.shape[1])
    limit = 50 * np.finfo(float).eps * np.linalg.cond(A[:, independent]) * np.sum(Y**2)
    assert abs(best.loss - exact) <= limit
    assert abs(float(loss(best.weights)) - exact) <= limit
    assert np.asarray(loss.residuals(best.weights)) == pytest.approx(R, abs=1e-12)
    # Of all best readouts the one of least norm, as by the pseudo-inverse.
    least = np.linalg.pinv(A, rcond=1e-10) @ Y
    assert pytest.approx(least[: len(W1)], abs=1e-11) == np.asarray(best.weights.W2).T
    gradient = loss.reduced_gradient(W1, b1)
    envelope = jax.grad(loss)(best.weights)
    assert pytest.approx(np.asarray(envelope.W1), abs=1e-12) == gradient.W1
    assert gradient.differentiable == smooth
    move = np.random.default_rng(1).standard_normal(W1.shape)
    h = 1e-6
    jump = loss.reduced(W1 + h * move, b1) - exact
    if smooth:
        slope = (loss.reduced(W1 + h * move, b1) - loss.reduced(W1 - h * move, b1)) / (2 * h)
        assert slope == pytest.approx(float(np.sum(gradient.W1 * move)), abs=1e-7)
    else:
        assert jump < -1e-3, "it does not jump"


@pytest.mark.parametrize("activation", ["relu", "relu2", "relu4", "heaviside"])
def test_units_at_their_kinks(activation):
    """Where a change of the weights makes a unit alive, or goes over a kink, nothing is smooth."""
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(0.5, 1.0, (6, 2)), rng.standard_normal(6)
    loss = TwoLayerLoss(X, Y, activation, biases=False)
    dead = loss.reduced_gradient([[0.0, 0.0]])
    assert not dead.differentiable
    jump = loss.reduced([[1e-9, 1e-9]]) - loss.reduced([[0.0, 0.0]])
    assert jump < -1e-3 or activation == "heaviside"
    assert loss.reduced_gradient([[-1.0, -1.0]]).differentiable  # dead at all weights nearby
    assert loss.reduced_gradient([[1.0, 1.0]]).differentiable
    at_point = [[X[0, 1], -X[0, 0]]]  # its preactivation is zero at the first point
    assert loss.reduced_gradient(at_point).differentiable == (activation in ("relu2", "relu4"))
    # Where features reach every value, kinks do not matter; and a point at the origin has none.
    assert (
        TwoLayerLoss(X[:1], Y[:1], activation, biases=False)
        .reduced_gradient([*at_point, [1.0, 1.0]])
        .differentiable
    )
    origin = TwoLayerLoss(np.vstack([0 * X[:1], X]), [0.0, *Y], activation, biases=False)
    assert origin.reduced_gradient([[1.0, 1.0]]).differentiable


@pytest.mark.parametrize("activation", ["leaky_relu", "abs"])
def test_units_at_kinks_between_two_slopes(activation):
    rng = np.random.default_rng(0)
    X, Y = rng.uniform(0.5, 1.0, (6, 2)), rng.standard_normal(6)
    loss = TwoLayerLoss(X, Y, activation, biases=False)
    assert not loss.reduced_gradient([[0.0, 0.0]]).differentiable
    assert loss.reduced_gradient([[-1.0, -1.0]]).differentiable
    assert not loss.reduced_gradient([[X[0, 1], -X[0, 0]]]).differentiable


@pytest.mark.parametrize("kind", ["none", *DEFICIENT])
def test_kaufmans_jacobian_has_the_same_gradient(kind):
    if kind == "none":
        loss, W1, b1 = ill_conditioned(2, 1.0)
    else:
        loss, W1, b1, *_ = deficient(kind)
    exact, short = (loss.reduced_jacobian(W1, b1, kaufman=k) for k in (False, True))
    R = np.asarray(loss.residuals(loss.best_readout(W1, b1).weights))
    gradient = loss.reduced_gradient(W1, b1)
    in_b1 = [] if b1 is None else [gradient.b1]
    flat = np.concatenate([gradient.W1.ravel(), *in_b1])
    for jacobian in (exact, short):
        assert jacobian.shape == (*R.shape, flat.size)
        assert np.einsum("aop,ao->p", jacobian, R) == pytest.approx(flat, abs=1e-11)
    if kind == "none":
        assert np.max(np.abs(exact - short)) > 1e-3
        # The exact one is the derivative of the residuals; Kaufman's is not.
        h, move = 1e-6, np.zeros(W1.shape)
        move.flat[1] = h
        ends = [
            np.asarray(loss.residuals(loss.best_readout(W1 + s * move, b1).weights))
            for s in (1.0, -1.0)
        ]
        slope = (ends[0] - ends[1]) / (2 * h)
        assert exact[..., 1] == pytest.approx(slope, abs=1e-7)
        assert np.max(np.abs(short[..., 1] - slope)) > 1e-3


@pytest.mark.parametrize("number", mostly_slow(range(40), [0, 5]))
def test_reduced_loss_and_gradient_in_single_precision(number):
    double, W1, b1 = ill_conditioned(number, 1e-1)
    X, Y = (np.asarray(part, np.float32) for part in (double.X, double.Y))
    loss = TwoLayerLoss(X, Y, double.activation, biases=double.biases)
    if np.linalg.cond(features(loss, W1, b1)) > 1e5:
        return
    gradient = loss.reduced_gradient(W1, b1)
    check_reduced(loss.reduced(W1, b1), gradient, loss, W1, b1)
    if np.linalg.cond(features(loss, W1, b1)) < 30.0:
        spoiled = loss.reduced_gradient(W1 * 1.5, b1)
        with pytest.raises(AssertionError, match="another gradient"):
            check_reduced(loss.reduced(W1, b1), spoiled, loss, W1, b1)


def test_single_precision_is_kept():
    loss, W1, b1 = ill_conditioned(4, 1.0)
    rounded = TwoLayerLoss(loss.X.astype(np.float32), loss.Y, loss.activation, biases=loss.biases)
    best = rounded.best_readout(W1, b1)
    assert best.weights.W2.dtype == np.float32
    assert best.loss == pytest.approx(loss.reduced(W1, b1), rel=1e-4)
    assert rounded.reduced_gradient(W1, b1).W1.dtype == np.float32


# Networks, formulas, bad input


def test_networks_there_and_back(key):
    X, Y = jax.random.normal(key, (11, 3)), jax.random.normal(key, (11, 2))
    net = al.MLP.init(key, 3, (5,), "softplus", out_size=2)
    loss = TwoLayerLoss(X, Y, "softplus")
    again = loss.network(loss.weights(net))
    for a, b in zip(jax.tree.leaves(net), jax.tree.leaves(again), strict=True):
        assert np.array_equal(a, b)
    assert float(loss(loss.weights(net))) == pytest.approx(
        np.sum((al.evaluate(net, X) - np.asarray(Y)) ** 2) / 2
    )
    with pytest.raises(ValueError, match="net: got MLP"):
        TwoLayerLoss(X, Y, "tanh").weights(net)
    biased = al.MLP(net.weights, (net.biases[0] + 1.0, net.biases[1]), "softplus", (0,), 2)
    with pytest.raises(ValueError, match="net: got biases that are not zero"):
        TwoLayerLoss(X, Y, "softplus", biases=False).weights(biased)


@pytest.mark.slow
def test_the_best_readout_of_a_fit_is_not_worse():
    X = np.linspace(-1.0, 1.0, 30)[:, None]
    Y = np.sin(3.0 * X[:, 0])
    net = al.fit((X, Y), hidden=(4,), activation="tanh", steps=20).network
    loss = TwoLayerLoss(X, Y, "tanh")
    theta = loss.weights(net)
    assert loss.reduced(theta.W1, theta.b1) <= float(loss(theta))


def test_the_loss_is_a_pytree_and_can_be_compiled(compilations):
    loss, theta = random_case(3, activation="tanh", biases=True)
    value = jax.jit(lambda own, at: own(at))
    assert float(value(loss, theta)) == pytest.approx(float(loss(theta)))
    other = TwoLayerLoss(loss.X, 2.0 * loss.Y, "tanh")
    al.landscapes.sharpness(loss, theta)
    with compilations() as count:
        value(other, theta)
        al.landscapes.sharpness(other, theta)
    assert count() == 0


def test_formulas_as_text():
    one = TwoLayerLoss([[1.0]], [1.0], biases=False).latex()
    assert "b_1" not in one
    assert r"\tfrac{1}{2} R^T R" in one
    many = TwoLayerLoss([[1.0]], [[1.0, 2.0]]).latex()
    assert r"\partial L / \partial b_1" in many
    assert r"\operatorname{tr}(R^T R)" in many
    for text in (one, many):
        assert text.count("{") == text.count("}")
        assert text.startswith("\\begin{aligned}\n")


def zeros(*shapes):
    return TwoLayerWeights(*(None if shape is None else jnp.zeros(shape) for shape in shapes))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: TwoLayerLoss([1.0], [1.0]), ValueError, r"X: got shape \(1,\).*x\[:, None\]"),
        (lambda: TwoLayerLoss([[1.0]], [1.0, 2.0]), ValueError, r"Y: got shape \(2,\) for 1 point"),
        (lambda: TwoLayerLoss([[np.nan]], [1.0]), ValueError, r"X: got nan at index \[0, 0\]"),
        (lambda: TwoLayerLoss([[1.0]], [np.inf]), ValueError, "Y: got inf at index"),
        (lambda: TwoLayerLoss([[1.0]], [1.0], "tahn"), ValueError, "activation: got 'tahn'"),
        (lambda: TwoLayerLoss([[1j]], [1.0]), TypeError, "X: got dtype complex"),
        (lambda: TwoLayerLoss([["a"]], [1.0]), TypeError, "X: got dtype <U1"),
        (lambda: TwoLayerLoss([[1.0]], [1.0])(zeros((2, 1), (1, 2))), ValueError, "theta.b1: got"),
        (
            lambda: TwoLayerLoss([[1.0]], [1.0], biases=False)(zeros((2, 1), (1, 3))),
            ValueError,
            r"theta.W2: got shape \(1, 3\), expected \(1, 2\)",
        ),
        (
            lambda: TwoLayerLoss([[1.0]], [1.0], biases=False)(zeros((1, 2), (1, 1))),
            ValueError,
            r"theta.W1: got shape \(1, 2\), expected \(1, 1\)",
        ),
        (
            lambda: TwoLayerLoss([[1.0]], [1.0]).gradient(zeros((2, 1), (1, 2), (3,), (1,))),
            ValueError,
            r"theta.b1: got shape \(3,\), expected \(2,\)",
        ),
        (
            lambda: TwoLayerLoss([[1.0]], [1.0], biases=False).reduced([[1.0, 2.0]]),
            ValueError,
            r"W1: got shape \(1, 2\), expected \(n, 1\)",
        ),
        (
            lambda: TwoLayerLoss([[1.0]], [1.0], biases=False).reduced([[np.nan]]),
            ValueError,
            "W1: a hidden unit is not finite",
        ),
        (
            lambda: TwoLayerLoss([[1.0]], [1.0], biases=False).reduced([[1.0]], [1.0]),
            ValueError,
            "b1: got an array for a loss without biases",
        ),
    ],
)
def test_wrong_calls(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_all_weights_where_the_hidden_ones_are_expected():
    loss = TwoLayerLoss([[1.0], [2.0]], [2.0, 4.0], "tanh")
    theta = loss.weights(al.MLP.init(jax.random.key(0), 1, (3,)))
    for ask in (loss.best_readout, loss.reduced, loss.reduced_gradient):
        with pytest.raises(TypeError, match=r"W1: got all weights, expected .*theta\.W1"):
            ask(theta)
