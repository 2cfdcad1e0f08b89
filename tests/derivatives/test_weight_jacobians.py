"""Weight Jacobians that are never formed, against the Jacobian formed by JAX."""

import itertools
from functools import partial

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.layers.per_sample import (
    PerSampleGradients,
    per_sample_gradient_norms,
    per_sample_gradients,
    squared_error,
)
from approxlab.derivatives.layers.squares import plain_norms
from approxlab.derivatives.layers.weights import (
    WeightJacobian,
    gram_diagonal,
    ntk,
    weight_jacobian,
)
from approxlab.derivatives.vector_products import (
    gradient,
    hessian_vector_product,
    jacobian_vector_product,
    vector_jacobian_product,
)

N = 5
SIZES = {
    "plain": (3, (4, 6), 2),
    "number": (3, (4, 6), None),
    "flat": (3, (), 2),
    "one": (2, (5,), 1),
}


def network(name="plain", activation="tanh", dtype="float64", linear=False, seed=0):
    """Biases off zero; where asked, the last two units of each hidden layer are linear."""
    inputs, hidden, outputs = SIZES[name]
    key = jax.random.key(seed)
    net = al.MLP.init(key, inputs, hidden, activation, out_size=outputs, dtype=dtype)
    rng = np.random.default_rng(seed)
    biases = tuple(jnp.asarray(rng.uniform(-0.5, 0.5, b.shape), dtype) for b in net.biases)
    passthrough = (2,) * net.depth if linear else net.passthrough
    return al.MLP(net.weights, biases, activation, passthrough, net.out_size)


def points(net, samples=N, seed=1, low=0.7, high=2.9):
    """Off the origin, in the box [0.7, 2.9]^d."""
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.uniform(low, high, (samples, net.in_size)), net.dtype)


def values(net, X):
    return jax.vmap(net)(X)


def oracle(net, X):
    """The Jacobian as JAX forms it: a network whose leaves are (N, m, out, in) and (N, m, out)."""
    return jax.jacrev(lambda net: values(net, X))(net)


def matrix(J, rows, biases=True):
    """All entries as one matrix, a row per sample and output, in float64."""
    leaves = J.weights if not biases else (*J.weights, *J.biases)
    return np.concatenate([np.asarray(leaf, np.float64).reshape(rows, -1) for leaf in leaves], 1)


def random_like(tree, seed):
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda a: jnp.asarray(rng.uniform(-1, 1, a.shape), a.dtype), tree)


def all_close(found, expected, *, c=64, scale=1.0, dtype=np.float64):
    ours, theirs = jax.tree.leaves(found), jax.tree.leaves(expected)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        assert a.shape == b.shape
        assert a.dtype == dtype
        laws.close(a, b, c=c, scale=scale, dtype=dtype)


@partial(jax.jit, static_argnames="biases")
def everything(net, X, v, u, biases):
    """All results in one program, which compiles faster than its parts; and JAX's own."""
    J = weight_jacobian(net, X, biases=biases)
    each = J.per_sample_gradients(u)
    ours = {
        "values": J.values,
        "jvp": J.jvp(v),
        "vjp": J.vjp(u),
        "gram": J.gram(),
        "diagonal": J.gram_diagonal(),
        "dense": J.dense(),
        "each": each.dense(),
        "norms": J.per_sample_gradient_norms(u),
    }
    value, pullback = jax.vjp(lambda net: values(net, X), net)
    return ours, {"value": value, "vjp": pullback(u)[0], "jacobian": oracle(net, X)}


def check_against_jax(net, X, biases=True):
    """Every method against the dense contraction; the scale is that of sums of absolute values."""
    shape = (len(X),) if net.out_size is None else (len(X), net.out_size)
    v, u = random_like(net, 3), random_like(jnp.zeros(shape, net.dtype), 4)
    ours, jaxs = jax.device_get(everything(net, X, v, u, biases))
    rows, dtype = u.size, np.dtype(net.dtype)
    M = matrix(jaxs["jacobian"], rows, biases)
    scale = max(1.0, float(np.max(np.abs(M) @ np.abs(M).T)), float(np.max(np.sum(M**2, 0))))
    weighted = np.asarray(u, float).reshape(-1, 1) * M
    weighted = weighted.reshape(len(X), rows // len(X), -1).sum(1)
    expected = {
        "values": jaxs["value"],
        "jvp": (M @ matrix(v, 1, biases)[0]).reshape(shape),
        "gram": (M @ M.T).reshape(*shape, *shape),
        "norms": np.linalg.norm(weighted, axis=1),
    }
    for name, theirs in expected.items():
        assert ours[name].shape == theirs.shape
        assert ours[name].dtype == dtype
        laws.close(ours[name], theirs, c=64, scale=scale, dtype=dtype)
    for name, theirs in (("dense", jaxs["jacobian"]), ("vjp", jaxs["vjp"])):
        if biases:
            all_close(ours[name], theirs, scale=scale, dtype=dtype)
        else:
            all_close(ours[name].weights, theirs.weights, scale=scale, dtype=dtype)
            assert not any(np.any(bias) for bias in ours[name].biases)
    found = matrix(ours["diagonal"], 1, biases)[0]
    laws.close(found, np.sum(M**2, axis=0), c=64, scale=scale, dtype=dtype)
    laws.close(matrix(ours["each"], len(X), biases), weighted, c=64, scale=scale, dtype=dtype)


@pytest.mark.parametrize("name", ["plain", "number", "flat"])
def test_all_shapes(name):
    net = network(name)
    check_against_jax(net, points(net), biases=name != "plain")


@pytest.mark.parametrize(
    "activation", mostly_slow(sorted(al.networks.ACTIVATIONS), ("heaviside", "relu", "tanh"))
)
def test_all_activations_with_linear_units(activation):
    """The factors hold all there is, so the dense form shows that they are right."""
    net = network("one", activation, linear=True)
    ours, jaxs = dense_both(net, points(net))
    all_close(ours, jaxs, scale=100.0)


@jax.jit
def dense_both(net, X):
    return weight_jacobian(net, X).dense(), oracle(net, X)


def test_float32():
    net = network("number", "softplus", dtype="float32", linear=True)
    check_against_jax(net, points(net, low=3.0, high=5.0))


def test_the_comparison_can_fail():
    """The twin: a network whose second layer is off by 1e-10 has another Jacobian."""
    net = network()
    X = points(net)
    spoiled = al.MLP(
        (net.weights[0], net.weights[1] * (1 + 1e-10), net.weights[2]),
        net.biases,
        net.activation,
        net.passthrough,
        net.out_size,
    )
    ours, jaxs = dense_both(net, X)
    all_close(ours, jaxs, scale=30.0)
    other, _ = dense_both(spoiled, X)
    with pytest.raises(AssertionError):
        all_close(other, jaxs, scale=30.0)


kernel = jax.jit(ntk)


def test_two_batches():
    net = network()
    X, X2 = points(net), points(net, 3, seed=2, low=-2.0, high=-1.0)
    both = np.asarray(kernel(net, jnp.concatenate([X, X2])))
    laws.close(kernel(net, X, X2), both[:N, :, N:], c=64, scale=100.0)
    K = np.asarray(kernel(net, X))
    laws.close(K, both[:N, :, :N], c=64, scale=100.0)
    assert jax.eval_shape(ntk, network("number"), X, X2).shape == (N, 3)
    trace = matrix(jax.jit(gram_diagonal)(net, X), 1).sum()
    square = K.reshape(2 * N, 2 * N)
    laws.close(trace, np.trace(square), c=64, scale=100.0 * N)
    laws.close(square, square.T, c=16, scale=np.max(np.abs(K)))
    assert np.linalg.eigvalsh(square)[0] > -64 * np.finfo(float).eps * trace


def test_programs():
    net = network()
    X = points(net)
    J = jax.jit(weight_jacobian)(net, X)  # a result of jit: it is a pytree
    laws.close(jax.jit(WeightJacobian.gram)(J), kernel(net, X), c=64, scale=100.0)
    x, direction = X[0], jnp.array([0.3, -0.7, 0.2])
    total = jax.jit(lambda x: jnp.sum(ntk(net, x[None, :])))
    laws.gradient_is_difference(total, x, direction, scale=10.0)
    assert repr(J) == (
        "WeightJacobian(5 samples x 2 outputs, MLP(3-4-6-2, tanh, 60 parameters, float64), "
        "1320 of 4800 bytes)"
    )


# What it costs


def widths(seed):
    """Depth 1 to 4 (0 to 3 hidden layers), widths 1 to 12."""
    rng = np.random.default_rng(seed)
    return [int(k) for k in rng.integers(1, 13, int(rng.integers(2, 6)))], int(rng.integers(1, 8))


@pytest.mark.parametrize("seed", range(16))
def test_dot_flops_are_the_formulas(seed):
    """To the unit, on random widths: the table at the head of the module."""
    sizes, samples = widths(seed)
    net = al.MLP.init(jax.random.key(0), sizes[0], sizes[1:-1], out_size=sizes[-1])
    X = jnp.ones((samples, sizes[0]))
    layers = [a * b for a, b in itertools.pairwise(sizes)]
    P, H, m, c0, cL = sum(layers), sum(sizes[1:-1]), sizes[-1], layers[0], layers[-1]
    sweeps = 2 * samples * P + 2 * samples * m * (P - c0 - cL if len(layers) > 1 else 0)
    J = jax.eval_shape(lambda net: weight_jacobian(net, X, biases=False), net)
    u = jnp.ones((samples, m))
    gram = 2 * samples**2 * sum(sizes[:-1]) + 2 * samples**2 * m**2 * H
    assert count(lambda net: weight_jacobian(net, X), net).dot_flops == sweeps
    assert count(lambda J: J.gram(), J).dot_flops == gram
    assert count(lambda J, v: J.jvp(v), J, net).dot_flops == 2 * samples * (P + m * H)
    assert count(lambda J: J.vjp(u), J).dot_flops == 2 * samples * (P + m * H)
    assert count(lambda J: J.gram_diagonal(), J).dot_flops == 2 * samples * (P - cL)
    gradients = count(lambda net: per_sample_gradients(net, X, u), net).dot_flops
    assert gradients == 2 * samples * (2 * P - c0)


def formed_gram(net, X):
    """The dense route: J by jacrev, one sample after another in a vmap, then J J^T."""

    def rows(x):
        rest = (net.biases, net.activation, net.passthrough, net.out_size)
        J = jax.jacrev(lambda weights: al.MLP(weights, *rest)(x))(net.weights)
        return jnp.concatenate([leaf.reshape(net.out_size, -1) for leaf in J], axis=1)

    J = jax.vmap(rows)(X)
    return jnp.einsum("nkp,mlp->nkml", J, J)


def arrays_in(jaxpr):
    """Sizes of all values computed in a jaxpr, those of inner jaxprs included."""
    for equation in jaxpr.eqns:
        yield from (v.aval.size for v in equation.outvars)
        for parameter in equation.params.values():
            for inner in parameter if isinstance(parameter, tuple | list) else (parameter,):
                inner = getattr(inner, "jaxpr", inner)
                if hasattr(inner, "eqns"):
                    yield from arrays_in(inner)


def check_no_array_of_size_batch_times_weights(fn, net, X):
    largest = max(arrays_in(jax.make_jaxpr(fn)(net, X).jaxpr))
    smallest_block = len(X) * min(w.size for w in net.weights[:-1])
    assert largest < smallest_block, f"an array of {largest} numbers"


def large(dtype):
    """784-256-256-10, shapes only."""
    init = partial(al.MLP.init, in_size=784, hidden=(256, 256), out_size=10, dtype=dtype)
    return jax.eval_shape(init, jax.random.key(0))


def test_a_300th_of_the_flops_and_no_jacobian():
    """784-256-256-10 with a batch of 32: 331.7 times fewer FLOPs, nothing of batch x weights."""
    n, m, samples = 784, 10, 32
    net = large("float32")
    X = jax.ShapeDtypeStruct((samples, n), jnp.float32)
    structured = count(lambda net, X: weight_jacobian(net, X, biases=False).gram(), net, X)
    formed = count(formed_gram, net, X)
    P, c0, cL = 268_800, 200_704, 2_560
    assert structured.dot_flops == 166_658_048
    # The references' 166,965,248 adds one multiplication for each layer and entry of the kernel.
    assert structured.dot_flops + 3 * samples**2 * m**2 == 166_965_248
    by_sample = samples * (2 * P + m * (4 * P - 2 * c0))
    assert 2 * samples**2 * m**2 * P + by_sample == 55_283_056_640
    # All samples share the first product of the backward sweep, I times the last weights.
    assert formed.dot_flops == 55_283_056_640 - 2 * (samples - 1) * m * cL
    assert formed.dot_flops > 300 * structured.dot_flops
    assert formed.flops > 300 * structured.flops
    gram = {
        "other": lambda net, X: ntk(net, X),
        "diagonal": lambda net, X: gram_diagonal(net, X),
        "norms": lambda net, X: per_sample_gradient_norms(net, X, X[:, :m]),
    }
    for fn in gram.values():
        check_no_array_of_size_batch_times_weights(fn, net, X)
    assert structured.largest_size == (samples * m) ** 2
    with pytest.raises(AssertionError, match="an array of 86016000"):
        check_no_array_of_size_batch_times_weights(formed_gram, net, X)


# Samples apart


def huber(value, y):
    return jnp.sum(jnp.sqrt(1 + (value - y) ** 2))


@partial(jax.jit, static_argnums=3)
def both_ways(net, X, Y, loss):
    """Pairs of vectors, and a loop of plain gradients."""
    loop = [jax.grad(lambda net, x, y: loss(net(x), y))(net, x, y) for x, y in zip(X, Y)]  # noqa: B905
    found = per_sample_gradients(net, X, Y, loss)
    return found, found.dense(), found.sum(), loop


@pytest.mark.parametrize("loss", [squared_error, huber])
def test_per_sample_gradients_are_those_of_a_loop(loss):
    net = network()
    X, Y = points(net), jnp.asarray(np.random.default_rng(5).uniform(-1, 1, (N, 2)))
    found, dense, total, loop = both_ways(net, X, Y, loss)
    dense, loop = matrix(dense, N), np.concatenate([matrix(one, 1) for one in loop])
    laws.close(dense, loop, c=64, scale=30.0)
    laws.close(matrix(total, 1), loop.sum(0), c=64, scale=100.0)
    laws.close(found.norms(), np.linalg.norm(loop, axis=1), c=64, scale=30.0)
    fixed = PerSampleGradients(net, found.deltas, found.inputs, biases=False)
    assert np.all(np.asarray(fixed.norms()) < np.asarray(found.norms()))
    with pytest.raises(AssertionError):  # the twin: another sample
        laws.close(dense, np.roll(loop, 1, axis=0), c=64, scale=30.0)


def test_clipped_sums():
    """Clipping to norm c, as for private training: no gradient is formed, none is longer than c."""
    net = network("number")
    X, y = points(net), jnp.linspace(-3.0, 3.0, N)
    found = jax.jit(per_sample_gradients)(net, X, y)
    norms = jax.jit(per_sample_gradient_norms)(net, X, y)
    laws.close(norms, found.norms(), c=16, scale=30.0)
    fixed = PerSampleGradients(net, found.deltas, found.inputs, biases=False)
    assert not any(np.any(bias) for bias in fixed.sum().biases)
    factors = jnp.minimum(1.0, 0.5 / found.norms())
    clipped = jax.jit(PerSampleGradients.sum)(found, factors)
    dense = matrix(found.dense(), N)
    laws.close(matrix(clipped, 1)[0], np.asarray(factors) @ dense, c=64, scale=30.0)
    assert np.linalg.norm(matrix(clipped, 1)) <= 0.5 * N * (1 + 1e-12)
    assert repr(found).startswith("PerSampleGradients(5 samples, MLP(3-4-6-1")


def test_norms_cost_two_vectors():
    net = network()
    J = jax.eval_shape(lambda X: per_sample_gradients(net, X, X[:, :2]), points(net))
    cost = count(lambda J: plain_norms(J.deltas, J.inputs, biases=True), J)
    assert cost.dot_flops == 0
    # Squares and sums of both vectors, one bias, one product, one sum a layer; the roots apart.
    vectors = sum(a + b for a, b in itertools.pairwise(net.sizes))
    assert cost.flops <= N * (2 * vectors + 3 * 3)
    # Counted is the dearer way, with a few operations more for every number of the vectors, and
    # for every layer and sample: largest of each vector, division, squares, sums.
    whole = count(lambda J: J.norms(), J)
    assert whole.dot_flops == 0
    assert whole.flops <= N * (8 * vectors + 3 * 60)


# Any function


def curved(x):
    return jnp.stack([x[0] * jnp.sin(x[1]), jnp.exp(x[0] / x[1]), x[1] ** 3])


def weighted(x):
    return jnp.array([1.0, -2.0, 0.5], x.dtype) @ curved(x)


@jax.jit
def products(x, v, u):
    ours = (
        jacobian_vector_product(curved, x, v),
        vector_jacobian_product(curved, x, u),
        gradient(weighted, x),
        hessian_vector_product(weighted, x, v),
    )
    J = jax.jacobian(curved)(x)
    return ours, (J @ v, u @ J, jax.grad(weighted)(x), jax.hessian(weighted)(x) @ v)


def test_products_of_any_function():
    args = jnp.array([2.0, 5.0]), jnp.array([0.3, -1.1]), jnp.array([1.0, -2.0, 0.5])
    for ours, theirs in zip(*products(*args), strict=True):
        assert ours.shape == theirs.shape
        laws.close(ours, theirs, c=64, scale=100.0)
    x = jax.ShapeDtypeStruct((2,), jnp.float32)
    kept = jax.eval_shape(lambda x: hessian_vector_product(weighted, x, args[1]), x)
    assert kept.dtype == jnp.float32


def loss_of(net, X):
    return jnp.sum(values(net, X) ** 2)


@jax.jit
def in_the_weights(net, X, v, u):
    f = partial(values, X=X)
    J = weight_jacobian(net, X)
    ours = J.jvp(v), J.vjp(u)
    theirs = jacobian_vector_product(f, net, v), vector_jacobian_product(f, net, u)
    return ours, theirs, hessian_vector_product(partial(loss_of, X=X), net, v)


def test_products_in_the_weights_of_a_network():
    """Networks are arguments too; the structured products say the same."""
    net = network()
    X = points(net)
    v, u = random_like(net, 3), random_like(jnp.zeros((N, 2)), 4)
    ours, theirs, H = in_the_weights(net, X, v, u)
    all_close(ours, theirs, scale=30.0)
    slope = jax.jit(lambda net: gradient(partial(loss_of, X=X), net))
    step = 2.0**-17
    ends = [slope(jax.tree.map(lambda a, b: a + s * b, net, v)) for s in (step, -step)]  # noqa: B023
    difference = (matrix(ends[0], 1) - matrix(ends[1], 1)) / (2 * step)
    assert np.max(np.abs(matrix(H, 1) - difference)) < 1e-5  # some 1e-7 of rounding and truncation


@pytest.mark.parametrize("product", [jacobian_vector_product, hessian_vector_product])
def test_products_never_form_the_matrix(product):
    x = jax.ShapeDtypeStruct((300,), jnp.float64)
    jaxpr = jax.make_jaxpr(lambda x, v: product(lambda x: jnp.sum(jnp.sin(x)) ** 2, x, v))(x, x)
    assert max(arrays_in(jaxpr.jaxpr)) == 300


def test_what_would_not_fit_is_refused_with_its_size():
    net = jax.eval_shape(
        lambda key: al.MLP.init(key, 784, (256, 256), out_size=10), jax.random.key(0)
    )
    X = jax.ShapeDtypeStruct((32, 784), jnp.float64)
    J = jax.eval_shape(weight_jacobian, net, X)
    assert J.dense_nbytes == 32 * 10 * 269_322 * 8
    with pytest.raises(
        ValueError, match=r"expected at least 689464320 \(0.642 GiB\)\. Use jvp, vjp, gram"
    ):
        J.dense(max_bytes=2**29)
    small = weight_jacobian(network(), points(network()))
    assert small.dense(max_bytes=4800).weights[0].shape == (N, 2, 4, 3)
    with pytest.raises(ValueError, match="expected at least 4800"):
        small.dense(max_bytes=4799)
    with pytest.raises(ValueError, match=r"expected at least 2400\. Use norms, sum"):
        small.per_sample_gradients(jnp.ones((N, 2))).dense(max_bytes=2399)
    many = jax.ShapeDtypeStruct((20_000, 784), jnp.float64)
    with pytest.raises(ValueError, match=r"\(20000, 10, 20000, 10\).*gram\(other\) for some"):
        jax.eval_shape(ntk, net, many)
    kept = sum(N * a for a in (3, 4, 6)) + sum(2 * N * b for b in (4, 6))
    assert small.nbytes == 8 * kept


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda net, X: weight_jacobian(net, X[0]), ValueError, "X: got shape \\(3,\\)"),
        (lambda net, X: weight_jacobian(net, X[:, :2]), ValueError, "X: got shape \\(5, 2\\)"),
        (lambda net, X: weight_jacobian(net, X).vjp(X[:, 0]), ValueError, "u: got shape \\(5,\\)"),
        (
            lambda net, X: weight_jacobian(net, X).jvp(network("flat")),
            ValueError,
            "tangent: got MLP\\(3-2",
        ),
        (
            lambda net, X: weight_jacobian(net, X).jvp(network(dtype="float32")),
            TypeError,
            "tangent: got float32",
        ),
        (
            lambda net, X: weight_jacobian(net, X).gram(weight_jacobian(network("flat"), X)),
            ValueError,
            "other: got WeightJacobian",
        ),
        (
            lambda net, X: weight_jacobian(net, X).gram(weight_jacobian(net, X, biases=False)),
            ValueError,
            "biases in both or in neither",
        ),
        (lambda net, X: per_sample_gradients(net, X, X[:2]), ValueError, "Y: got shape \\(2, 3\\)"),
        (
            lambda net, X: per_sample_gradients(net, X, X[:, :2], lambda v, y: v - y),
            TypeError,
            "loss: got values of shape \\(2,\\)",
        ),
        (
            lambda net, X: per_sample_gradients(net, X, X[:, :2], lambda v, y: 3),
            TypeError,
            "loss: got values of shape \\(\\) and dtype int",
        ),
        (lambda net, X: ntk(net, X, X[0]), ValueError, "X2: got shape \\(3,\\)"),
        (
            lambda net, X: per_sample_gradients(net, X, X[:, :2]).sum(jnp.ones(2)),
            ValueError,
            "weights: got shape \\(2,\\)",
        ),
        (lambda net, X: gradient(net, X[0]), ValueError, "f: got values of shape \\(2,\\)"),
        (lambda net, X: gradient(jnp.sum, jnp.arange(3)), TypeError, "x: got dtype int64"),
        (
            lambda net, X: jacobian_vector_product(net, X[0], X[0, :2]),
            ValueError,
            "v: got shape \\(2,\\), expected \\(3,\\), that of x",
        ),
        (
            lambda net, X: vector_jacobian_product(net, X[0], X[0]),
            ValueError,
            "u: got shape \\(3,\\), expected \\(2,\\), that of the value of f",
        ),
        (lambda net, X: hessian_vector_product(net, X[0], X[0]), ValueError, "f: got values"),
    ],
)
def test_messages(call, error, words):
    net = network()
    with pytest.raises(error, match=words):
        call(net, points(net))
