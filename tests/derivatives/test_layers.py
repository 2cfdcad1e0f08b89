"""Jacobians of single layers: what is kept, what it costs, and the tensor that nobody forms."""

import itertools

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.layers.jacobians import (
    Dense,
    Diagonal,
    Identity,
    KroneckerOuter,
    Transposed,
)
from approxlab.derivatives.layers.products import (
    explicit_weight_tensor,
    layer_jacobians,
    n_mode_product,
    product,
    product_flops,
)

EPS = np.finfo(float).eps
N = 4  # every factor maps N numbers to N numbers, so that all can be multiplied


def numbers(seed, *shape, dtype="float64"):
    """Off the origin, of both signs."""
    rng = np.random.default_rng(seed)
    return jnp.asarray(rng.uniform(1.0, 2.0, shape) * rng.choice([-1.0, 1.0], shape), dtype)


def factors():
    """One factor of every kind and, for weights, with every kind of small factor."""
    matrix, diagonal, identity = (
        Dense(numbers(1, N, N)),
        Diagonal(numbers(2, N)),
        Identity(N, "float64"),
    )
    return {
        "dense": matrix,
        "diagonal": diagonal,
        "identity": identity,
        "weights": KroneckerOuter(identity, numbers(3, 3)),
        "weights, dense": KroneckerOuter(Dense(numbers(4, N, N)), numbers(5, 3)),
        "weights, diagonal": KroneckerOuter(diagonal, numbers(6, 3)),
    }


NAMES = list(factors())
SQUARE = NAMES[:3]
WEIGHTS = NAMES[3:]


def contracted(A, B):
    """The oracle: both dense, all of A's argument summed."""
    return np.tensordot(np.asarray(A.dense()), np.asarray(B.dense()), axes=len(A.in_shape))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_products_with_vectors_are_those_of_the_dense_array(name, transposed):
    J = factors()[name].transpose() if transposed else factors()[name]
    v, u = numbers(7, *J.in_shape), numbers(8, *J.out_shape)
    dense = np.asarray(J.dense())
    assert dense.shape == J.shape == (*J.out_shape, *J.in_shape)
    assert dense.nbytes == J.dense_nbytes
    laws.close(J.jvp(v), np.tensordot(dense, v, axes=v.ndim), c=16, scale=4 * N * 3)
    laws.close(J.vjp(u), np.tensordot(u, dense, axes=u.ndim), c=16, scale=4 * N * 3)
    there_and_back = np.moveaxis(dense, range(u.ndim), range(-u.ndim, 0))
    assert np.array_equal(J.transpose().dense(), there_and_back)
    with pytest.raises(AssertionError):  # the twin: one entry is wrong
        laws.close(J.jvp(v.at[(0,) * v.ndim].add(1e-12)), J.jvp(v), c=16, scale=4 * N * 3)


@pytest.mark.parametrize("name", NAMES)
def test_flops_are_those_of_the_program(name):
    J = factors()[name]
    for one, v in ((J, numbers(7, *J.in_shape)), (J.transpose(), numbers(8, *J.out_shape))):
        assert one.flops("jvp") == count(lambda J, v: J.jvp(v), one, v).flops
        assert one.flops("jvp") == one.transpose().flops("vjp")
    assert J.flops() == J.flops("jvp")


def test_bytes_of_what_is_kept():
    n, m = 7, 5
    x = numbers(1, n)
    assert (Dense(numbers(1, m, n)).nbytes, Diagonal(x).nbytes, Identity(n).nbytes) == (
        8 * m * n,
        8 * n,
        0,
    )
    layer = KroneckerOuter(Identity(m), x)
    assert (layer.nbytes, layer.dense_nbytes) == (8 * n, 8 * m * m * n)
    block = KroneckerOuter(Dense(numbers(2, 10, 256)), numbers(3, 256))
    assert block.dense_nbytes / block.nbytes == 10 * 256 * 256 / (10 * 256 + 256)  # 232.7
    assert repr(layer) == "KroneckerOuter((5,) x (5, 7), 56 of 1400 bytes)"


@pytest.mark.parametrize(
    ("left", "right"), [*itertools.product(SQUARE, NAMES), *itertools.product(WEIGHTS, WEIGHTS)]
)
def test_products_stay_structured(left, right):
    """All pairs: equal to the dense contraction, of the kind promised, at the cost promised."""
    A, B = factors()[left], factors()[right]
    B = B.transpose() if left in WEIGHTS else B
    found = product(A, B)
    laws.close(found.dense(), contracted(A, B), c=32, scale=16.0 * N * 3)
    assert product_flops(A, B) == count(product, A, B).flops
    if left in SQUARE and right in SQUARE:
        rank = max(SQUARE[::-1].index(left), SQUARE[::-1].index(right))
        assert type(found) is (Identity, Diagonal, Dense)[rank]
    elif left in SQUARE:
        inner = product(A, B.left)
        assert isinstance(found, KroneckerOuter)
        assert type(found.left) is type(inner)
        transposed = product(B.transpose(), A.transpose())  # (A B)^T = B^T A^T
        assert isinstance(transposed, Transposed)
        assert np.array_equal(transposed.dense(), found.transpose().dense())
        assert product_flops(B.transpose(), A.transpose()) == product_flops(A, B)


def test_cheap_products_make_no_product_of_arrays():
    D, W = Diagonal(numbers(1, N)), Dense(numbers(2, N, 6))
    for A, B in ((D, W), (W.transpose(), D), (D, D), (D, factors()["weights"])):
        assert count(product, A, B).dot_flops == 0
    assert product_flops(D, W) == 6 * N
    assert product_flops(D, factors()["weights"]) == 0
    assert product_flops(Dense(numbers(3, N, N)), W) == 2 * N * N * 6


NETS = {
    "plain": {"hidden": (5, 4), "out_size": 3},
    "no hidden layer": {"hidden": (), "out_size": 2},
    "number": {"hidden": (5,), "out_size": None},
}


def network(name="plain", activation="tanh", key=0, dtype="float64", linear=False):
    """Biases off zero; where asked, the last two units of each hidden layer are linear."""
    settings = NETS[name]
    net = al.MLP.init(
        jax.random.key(key),
        3,
        settings["hidden"],
        activation,
        out_size=settings["out_size"],
        dtype=dtype,
    )
    biases = [numbers(90 + i, *b.shape, dtype=dtype) for i, b in enumerate(net.biases)]
    passthrough = (2,) * net.depth if linear else net.passthrough
    return al.MLP(net.weights, tuple(biases), activation, passthrough, net.out_size)


def jacobian_by_layers(net, x):
    return product(*reversed(layer_jacobians(net, x))).dense()


@pytest.mark.parametrize(
    "activation", mostly_slow(sorted(al.networks.ACTIVATIONS), ("heaviside", "relu", "tanh"))
)
def test_the_ordered_product_is_the_jacobian(activation):
    x = jnp.array([3.1, -4.2, 5.3])
    for name, linear in (("plain", True), ("number", False), ("no hidden layer", False)):
        net = network(name, activation, linear=linear)
        oracle = np.asarray(jax.jacobian(net)(x)).reshape(-1, 3)
        scale = max(1.0, float(np.max(np.abs(oracle))))
        laws.close(jacobian_by_layers(net, x), oracle, c=64, scale=8 * scale)
        kinds = [type(factor).__name__ for factor in layer_jacobians(net, x)]
        assert kinds == ["Dense", "Diagonal"] * net.depth + ["Dense"]
        if linear and net.depth:
            assert layer_jacobians(net, x)[1].entries[-2:].tolist() == [1.0, 1.0]


def test_the_ordered_product_can_fail():
    """The twin: the slopes of another activation."""
    x = jnp.array([3.1, -4.2, 5.3])
    oracle = jax.jacobian(network("plain", "sin"))(x)
    laws.close(jacobian_by_layers(network("plain", "sin"), x), oracle, c=64, scale=80.0)
    factors = layer_jacobians(network("plain", "sin"), x)
    wrong = (*factors[:3], layer_jacobians(network("plain", "tanh"), x)[3], factors[4])
    spoiled = product(*reversed(wrong)).dense()
    with pytest.raises(AssertionError):
        laws.close(spoiled, oracle, c=64, scale=80.0)


def test_factors_in_programs():
    net, x = network(), jnp.array([3.1, -4.2, 5.3])
    laws.jit_is_eager(lambda x: jacobian_by_layers(net, x), x, scale=10.0)
    laws.vmap_is_loop(lambda x: jacobian_by_layers(net, x), jnp.stack([x, -x, 2 * x]), scale=10.0)
    stacked = jax.vmap(lambda x: layer_jacobians(net, x)[1])(jnp.stack([x, -x]))
    assert stacked.entries.shape == (2, 5)
    single = network(dtype="float32")
    assert jacobian_by_layers(single, x).dtype == jnp.float32
    assert KroneckerOuter(Identity(2), jnp.ones(3, "float32")).dense().dtype == jnp.float32


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_weight_blocks_of_a_network_are_outer_factors(layer):
    """What follows a layer multiplies the small factor only; the block is B with factor a."""
    net, x = network(), jnp.array([3.1, -4.2, 5.3])
    a = x
    for weight, bias in zip(net.weights[:layer], net.biases[:layer], strict=True):
        a = jnp.tanh(weight @ a + bias)
    after = layer_jacobians(net, x)[2 * layer + 1 :]
    block = product(*reversed(after), KroneckerOuter(Identity(net.sizes[layer + 1]), a))
    oracle = jax.jacobian(lambda net: net(x))(net).weights[layer]
    assert isinstance(block, KroneckerOuter)
    laws.close(block.dense(), oracle, c=64, scale=10.0)


@pytest.mark.parametrize(("m", "n"), [(4, 6), (1, 3), (5, 1), (7, 7)])
def test_the_tensor_has_density_one_in_m(m, n):
    W, x, v = numbers(1, m, n), numbers(2, n), numbers(3, m)
    tensor = explicit_weight_tensor(m, x)
    assert tensor.shape == (m, m, n)
    assert int(jnp.sum(tensor != 0)) * m == tensor.size  # exactly 1/m, x has no zero
    assert np.array_equal(tensor, jax.jacobian(lambda W: W @ x)(W))
    outer = np.outer(v, x)
    assert np.array_equal(n_mode_product(tensor, v, mode=1), outer)  # zeros add exactly
    assert np.array_equal(KroneckerOuter(Identity(m), x).vjp(v), outer)
    assert np.array_equal((v @ tensor.reshape(m, m * n)).reshape(m, n), outer)
    contracting = count(lambda t, v: n_mode_product(t, v, mode=1), tensor, v).flops
    cheap = count(lambda v, x: KroneckerOuter(Identity(m), x).vjp(v), v, x).flops
    assert (contracting, cheap) == (2 * m * m * n, m * n)  # 2m times cheaper


def test_n_mode_products():
    """Each mode, with a vector and a matrix, against NumPy; modes commute."""
    T, U = numbers(1, 2, 3, 4), numbers(9, 5, 3)
    for mode, k in enumerate(T.shape, 1):
        v = numbers(mode, k)
        laws.close(
            n_mode_product(T, v, mode), np.tensordot(T, v, axes=(mode - 1, 0)), c=16, scale=16.0
        )
    expected = np.einsum("ajb,kj->akb", T, U)
    laws.close(n_mode_product(T, U, 2), expected, c=16, scale=12.0)
    V = numbers(8, 6, 4)
    one = n_mode_product(n_mode_product(T, U, 2), V, 3)
    laws.close(n_mode_product(n_mode_product(T, V, 3), U, 2), one, c=32, scale=100.0)
    with pytest.raises(AssertionError):  # the twin: modes are numbered from 1 on
        laws.close(
            n_mode_product(numbers(1, 3, 3, 4), U, 1),
            n_mode_product(numbers(1, 3, 3, 4), U, 2).swapaxes(0, 1)[:5],
            c=16,
        )


def test_what_would_not_fit_is_refused_with_its_size():
    x = jnp.ones(1000, "float32")
    with pytest.raises(ValueError, match=r"4000000000 \(3.73 GiB\)\. Use KroneckerOuter"):
        explicit_weight_tensor(1000, x)
    layer = KroneckerOuter(Identity(1000), x)
    assert layer.dense_nbytes == 4 * 10**9
    with pytest.raises(ValueError, match=r"\(3.73 GiB\)\. Use jvp and vjp of KroneckerOuter"):
        layer.dense()
    with pytest.raises(ValueError, match="expected at least 32"):
        explicit_weight_tensor(2, jnp.ones(2, "float32") * 2, max_bytes=31)
    assert explicit_weight_tensor(2, jnp.ones(2, "float32"), max_bytes=32).nbytes == 32
    with pytest.raises(ValueError, match="max_bytes: got 0"):
        Identity(2).dense(max_bytes=0)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Dense(jnp.ones(3)), ValueError, "matrix: got shape \\(3,\\)"),
        (lambda: Dense(3.0), TypeError, "matrix: got 3.0, expected a floating-point array"),
        (lambda: Diagonal(jnp.arange(3)), TypeError, "entries"),
        (lambda: Identity(0), ValueError, "size: got 0"),
        (lambda: KroneckerOuter(jnp.ones((2, 2)), jnp.ones(2)), TypeError, "left: got .*Dense"),
        (
            lambda: KroneckerOuter(Dense(jnp.ones((2, 2))), jnp.ones(2, "float32")),
            TypeError,
            "right: got float32 with float64 on the left",
        ),
        (lambda: Dense(jnp.ones((2, 3))).jvp(jnp.ones(2)), ValueError, "v: got shape \\(2,\\)"),
        (lambda: Dense(jnp.ones((2, 3))).vjp(jnp.ones(3)), ValueError, "u: got shape \\(3,\\)"),
        (lambda: Identity(2).flops("hvp"), ValueError, "operation: got 'hvp'"),
        (lambda: product(), ValueError, "factors: got none"),
        (lambda: product(Identity(2), Identity(3)), ValueError, "factors: got Identity"),
        (
            lambda: product(factors()["weights"].transpose(), factors()["weights"]),
            TypeError,
            "Transposed times KroneckerOuter",
        ),
        (lambda: explicit_weight_tensor(0, jnp.ones(2)), ValueError, "outputs: got 0"),
        (lambda: explicit_weight_tensor(2, jnp.ones((2, 2))), ValueError, "x: got shape"),
        (lambda: n_mode_product(jnp.ones((2, 3)), jnp.ones(2), 3), ValueError, "mode: got 3"),
        (lambda: n_mode_product(jnp.ones((2, 3)), jnp.ones(3), 1), ValueError, "factor: got"),
        (lambda: layer_jacobians(network(), jnp.ones(2)), ValueError, "x: got shape \\(2,\\)"),
    ],
)
def test_messages(call, error, words):
    with pytest.raises(error, match=words):
        call()
