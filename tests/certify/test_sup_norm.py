"""`sup_norm` refuses what it cannot prove, keeps to its budget, reads functions of all kinds."""

import itertools
import time

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.certify._enclosures import Enclosure, point_bounds
from approxlab.certify._problems import difference, single
from approxlab.certify.sup_norms import sup_norm

UNIT = al.Box([0.0], [1.0])


def network(dim=1, hidden=(8,), activation="tanh", dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    sizes = (dim, *hidden, 1)
    weights = [rng.normal(size=(m, n)) for n, m in itertools.pairwise(sizes)]
    biases = [rng.normal(size=m) for m in sizes[1:]]
    return al.MLP.from_arrays(weights, biases, activation, dtype=dtype)


def zero(x):
    return 0.0 * x[0]


def loop(x):
    return jax.lax.while_loop(lambda t: t < 1.0, lambda t: t * 2.0 + 0.1, x[0])


def random_function(x):
    return x[0] + jax.random.normal(jax.random.key(0))


def calls_out(x):
    return jax.pure_callback(lambda t: t, jax.ShapeDtypeStruct((), np.float64), x[0])


REFUSED = [
    (lambda x: jnp.sort(x)[0], TypeError, "'sort'.*jnp.max, jnp.min or jnp.where"),
    (lambda x: jnp.arctan2(x[0], 1.0), TypeError, "'atan2', expected jnp.arctan"),
    (lambda x: jax.scipy.special.digamma(x[0]), TypeError, "cannot enclose .*'digamma'"),
    (random_function, TypeError, "random function"),
    (loop, TypeError, "'while'.*loop in Python"),
    (calls_out, TypeError, "leaves JAX"),
    (lambda x: x.astype(jnp.float32)[0], TypeError, "to float32.*keeps the dtype of the point"),
    (lambda x: float(x[0]), TypeError, "cannot trace.*jax.numpy"),
    (lambda x: x[0] + jnp.nan, ValueError, "got nan, expected finite numbers"),
    (lambda x: x[0] > 0.5, TypeError, "dtype bool"),
    (lambda x: (x[0], x[0]), ValueError, "2 results"),
    (lambda x: jnp.stack([x[0], x[0]]), ValueError, "2 components, expected 1"),
    ("tanh", TypeError, "target: got str, expected a function"),
    (np.sin, TypeError, "function of NumPy"),
    (al.Target, TypeError, "got the class Target"),
]


@pytest.mark.parametrize(("target", "kind", "message"), REFUSED)
def test_targets_that_are_refused(target, kind, message):
    with pytest.raises(kind, match=f"(?s){message}"):
        sup_norm(network(), target, UNIT)


def test_other_wrong_arguments():
    net = network()
    with pytest.raises(ValueError, match="box: got None and a target without a domain"):
        sup_norm(net, zero)
    with pytest.raises(TypeError, match="box: got \\(0, 1\\), expected a Box"):
        sup_norm(net, zero, (0, 1))
    with pytest.raises(ValueError, match="finite numbers. A box is bounded"):
        sup_norm(net, zero, al.Box([0.0], [np.inf]))
    with pytest.raises(ValueError, match="function of 1 variables on Box.*expected 2"):
        sup_norm(net, zero, al.Box.unit(2))
    with pytest.raises(ValueError, match="6 dimensions, about 1e9 boxes expected"):
        sup_norm(network(6), zero, al.Box.unit(6))
    with pytest.raises(ValueError, match="rtol: got -1"):
        sup_norm(net, zero, UNIT, rtol=-1)
    with pytest.raises(ValueError, match="atol: got nan"):
        sup_norm(net, zero, UNIT, atol=float("nan"))
    with pytest.raises(ValueError, match="max_boxes: got 0"):
        sup_norm(net, zero, UNIT, max_boxes=0)
    with pytest.raises(ValueError, match="seconds: got -2"):
        sup_norm(net, zero, UNIT, seconds=-2)
    with pytest.raises(ValueError, match="between 2\\^-300 and 2\\^300"):
        sup_norm(net, zero, al.Box([0.0], [1e-200]))
    fit = al.FitResult
    with pytest.raises(TypeError, match="class FitResult"):
        sup_norm(fit, zero, UNIT)
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), net)
    with pytest.raises(ValueError, match="several networks in one"):
        sup_norm(stacked, zero, UNIT)
    with pytest.raises(ValueError, match="expected finite numbers"):
        sup_norm(jax.tree.map(lambda leaf: leaf * np.inf, net), zero, UNIT)
    with pytest.raises(ValueError, match="with a mask"):
        sup_norm(network(2), al.targets.get("corner"))


def test_float32_mode_is_refused_with_the_remedy():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(ValueError, match="jax.config.update\\('jax_enable_x64', True\\)"):
            sup_norm(lambda x: x[0], zero, UNIT)
    finally:
        jax.config.update("jax_enable_x64", True)


def test_float32_networks_are_meant_exactly():
    net = network(dtype="float32")
    wide = al.MLP.from_arrays(
        [np.asarray(w, np.float64) for w in net.weights],
        [np.asarray(b, np.float64) for b in net.biases],
        "tanh",
    )
    a, b = (sup_norm(n, lambda x: jnp.sin(x[0]), UNIT, rtol=1e-8) for n in (net, wide))
    assert (a.lower, a.upper) == (b.lower, b.upper)


def test_the_budget_of_boxes_and_seconds():
    hard = network(3, (64,), seed=1)

    def target(x):
        return hard(x) + 1e-3 * jnp.sin(20.0 * x[0]) * jnp.sin(20.0 * x[1]) * jnp.sin(20.0 * x[2])

    box = al.Box.unit(3)
    found = sup_norm(hard, target, box, rtol=1e-6, max_boxes=400)
    assert found.status == "budget"
    assert found.boxes <= 480
    assert 0.0 < found.lower <= 1e-3 <= found.upper
    found.verify()
    start = time.monotonic()
    found = sup_norm(hard, target, box, rtol=1e-9, seconds=1.0, max_boxes=10**9)
    assert found.status == "budget"
    assert time.monotonic() - start < 1.2 * 1.0 + 2.0  # tracing, and other processes
    assert found.lower <= 1e-3 <= found.upper


def test_where_binary64_says_no_more():
    """A network against itself in another order of operations: rounding is all there is."""
    net = network(1, (64,), seed=2)

    def shuffled(x):
        w, v = net.weights[0][::-1], net.weights[1][:, ::-1]
        hidden = jnp.tanh(w @ x + net.biases[0][::-1])
        return (v @ hidden + net.biases[1])[0]

    found = sup_norm(net, shuffled, UNIT, rtol=1e-3, atol=0.0)
    assert found.status == "precision"
    assert found.upper < 1e-11
    assert sup_norm(net, shuffled, UNIT, atol=1e-10).status == "ok"


@pytest.mark.slow
def test_nothing_is_claimed_where_the_target_is_unbounded():
    found = sup_norm(network(), lambda x: 1.0 / (x[0] - 0.3), UNIT, max_boxes=60)
    assert found.upper == np.inf
    assert found.status != "ok"
    assert found.lower > 5


OFTEN = ["sqrt", "step"]


@pytest.mark.parametrize("name", mostly_slow(al.targets.names(), OFTEN))
def test_targets_of_the_catalogue(name):
    target = al.targets.get(name)
    if target.mask is not None:
        pytest.skip("has a mask")
    net = network(target.dim)
    found = sup_norm(net, target, rtol=1e-2, seconds=20.0)
    estimate = float(al.errors.sup(net, target, points=65))
    assert estimate <= found.upper * (1 + 1e-12)
    assert found.upper <= found.lower * 1.0100001
    point = jnp.asarray(found.witness)
    assert abs(float(abs(net(point) - target(point)) - found.lower)) < 1e-9 * found.lower


def test_moved_and_scaled_targets():
    target = al.targets.get("runge").moved_to(al.Box([3.0], [7.0])).scaled(-2.0)
    found = sup_norm(lambda x: 0.0 * x[0], target, rtol=1e-9)
    assert found.lower <= 2.0 <= found.upper


@jax.custom_vjp
def with_own_gradient(x):
    return jnp.sin(x)


with_own_gradient.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))

READ = {
    "matrices": lambda x: jnp.sum((jnp.outer(x, x) @ jnp.array([[1.0, 2.0], [3.0, 4.0]])) ** 2),
    "vectors": lambda x: x @ jnp.array([0.5, -1.5]) + jnp.array([1.0, 2.0]) @ x[::-1],
    "shapes": lambda x: jnp.concatenate([x, x[:1]]).reshape(3, 1).T[0, 2] + jnp.pad(x, 1).sum(),
    "indices": lambda x: x[jnp.array([1, 0, 1])].sum() * x[-1],
    "calls": lambda x: jax.jit(jax.nn.silu)(x[0]) + jax.checkpoint(jnp.tanh)(x[1]),
    "gradients": lambda x: jax.grad(lambda y: jnp.sum(jnp.tanh(y) ** 3))(x)[1],
    "own gradient": lambda x: with_own_gradient(x[0]) + jax.nn.relu(x[1]),
    "sums of exponentials": jax.nn.logsumexp,
    "softmax": lambda x: jax.nn.softmax(x)[0],
    "norm": lambda x: jnp.linalg.norm(x + 3.0),
    "branches": lambda x: jax.lax.cond(x[0] > 0.2, jnp.sum, lambda y: y[0] ** 2, x),
    "loops": lambda x: jax.lax.fori_loop(0, 3, lambda i, t: jnp.sin(t) + i, x[0]),
    "batches": lambda x: jax.vmap(lambda c: jnp.cos(c * x[0]))(jnp.arange(4.0)).sum(),
    "clip": lambda x: jnp.clip(x[0], -0.1, 0.4) + jax.nn.relu6(7.0 * x[1]),
    "powers": lambda x: x[0] ** 2.0 + (1.5 + x[1]) ** 1.5 + 2.0 ** x[0] + (1.5 + x[0]) ** x[1],
    "logic": lambda x: jnp.where((x[0] > 0.1) & ~(x[1] < 0.3), x[0], x[1] ** 2),
    "activations": lambda x: sum(
        f(x[0]) for f in (jax.nn.elu, jax.nn.selu, jax.nn.mish, jax.nn.softplus, jax.nn.leaky_relu)
    ),
    "sigmoids": lambda x: jax.nn.log_sigmoid(x[0]) + jax.nn.hard_tanh(x[1]) + jax.nn.celu(x[0]),
    "mean": lambda x: jnp.mean(x) - jnp.var(x) + jnp.max(x) - jnp.prod(x),
    "hyperbolic": lambda x: jnp.sinh(x[0]) * jnp.cosh(x[1]) - jnp.tan(x[0]),
    "roots": lambda x: jax.lax.rsqrt(2.0 + x[0]) + jnp.cbrt(x[1]) + jnp.hypot(x[0], 2.0),
    "steps": lambda x: jnp.ceil(3.0 * x[0]) + jnp.mod(x[1], 0.3) + jnp.floor_divide(x[0], 0.4),
}


@pytest.mark.parametrize("name", mostly_slow(READ, list(READ)[::2]))
def test_functions_of_jax_are_read_as_they_are(name):
    """Values of the expression at points are those of the program, up to its rounding."""
    points = np.random.default_rng(0).uniform(-0.9, 0.9, (40, 2))
    enclosure = Enclosure(single(READ[name], 2))
    found = enclosure.at(points)
    wanted = np.asarray(jax.vmap(READ[name])(jnp.asarray(points)))
    assert np.all(found.high - found.low < 1e-11 * (1 + np.abs(found.high)))
    assert np.all(np.abs(found.value[:, 0] - wanted) < 1e-12 * (1 + np.abs(wanted)))


def test_softplus_is_recognised_and_a_namesake_is_not():
    smooth = single(lambda x: jax.nn.softplus(x[0]), 1)
    assert [node.op for node in smooth.nodes][-1] == "softplus"

    def logaddexp(x, y):  # another function under the same name
        return jnp.maximum(x, y) + jnp.log1p(jnp.exp(-jnp.abs(x + y)))

    other = single(lambda x: logaddexp(x[0], 0.3), 1)
    assert "softplus" not in [node.op for node in other.nodes]


def test_equal_parts_are_recognised():
    def f(x):
        return jnp.exp(jnp.sin(x[0])) * x[1]

    expression = difference(f, lambda x: jnp.exp(jnp.sin(x[0])) * x[1], 2)
    assert [node.op for node in expression.nodes] == ["input", "constant"]
    least, most = point_bounds(Enclosure(expression).at(np.zeros((1, 2))))
    assert least[0] == most[0] == 0.0


def test_equinox_networks():
    eqx = pytest.importorskip("equinox")
    model = eqx.nn.MLP(2, "scalar", 8, 2, jnp.tanh, key=jax.random.key(0))
    found = sup_norm(model, lambda x: jnp.sin(x[0] * x[1]), al.Box.unit(2))
    same = sup_norm(al.MLP.from_equinox(model), lambda x: jnp.sin(x[0] * x[1]), al.Box.unit(2))
    assert max(found.lower, same.lower) <= min(found.upper, same.upper)


def test_flax_networks():
    linen = pytest.importorskip("flax.linen")

    class Network(linen.Module):
        @linen.compact
        def __call__(self, x):
            return linen.Dense(1)(linen.silu(linen.Dense(8)(x)))[0]

    module = Network()
    parameters = module.init(jax.random.key(0), jnp.zeros(2))
    found = sup_norm(lambda x: module.apply(parameters, x), lambda x: x[0] * x[1], al.Box.unit(2))
    assert found.status == "ok"
