"""Kernels, diagonals and norms of weight Jacobians at huge, tiny and mixed scales; shapes of Y."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

from approxlab.derivatives.layers.per_sample import (
    per_sample_gradient_norms,
    per_sample_gradients,
)
from approxlab.derivatives.layers.weights import gram_diagonal, ntk, weight_jacobian
from approxlab.networks import MLP

TINY = float(np.finfo(np.float32).tiny)
MOST = float(np.finfo(np.float32).max)


def net_of(weights, biases, activation="sigmoid", dtype="float32", **options):
    return MLP.from_arrays(weights, biases, activation, dtype=dtype, **options)


@jax.jit
def all_three(net, X):
    norms = per_sample_gradient_norms(net, X, jnp.zeros(len(X), X.dtype), lambda v, y: jnp.sum(v))
    return ntk(net, X), gram_diagonal(net, X), norms


@pytest.mark.parametrize("dtype", mostly_slow(["float32", "float64"], ["float32"]))
def test_a_saturated_unit_far_away(dtype):
    net = net_of([[[1.0]], [[1.0]]], [[0.0], [0.0]], dtype=dtype)
    X = jnp.array([[1e20 if dtype == "float32" else 1e200]])
    kernel, diagonal, norms = all_three(net, X)
    assert kernel.tolist() == [[2.0]]
    assert [float(w[0, 0]) for w in diagonal.weights] == [0.0, 1.0]
    np.testing.assert_allclose(norms, [np.sqrt(2.0)], rtol=1e-6)
    assert ntk(net, X, 2 * X).tolist() == [[2.0]]
    norms = per_sample_gradient_norms(net, X, jnp.zeros(1, dtype))
    np.testing.assert_allclose(norms, [np.sqrt(8.0)], rtol=1e-6)


@pytest.mark.parametrize("scale", mostly_slow([1e-37, 1e-25, 1e25, 2.3e38], [1e-25, 2.3e38]))
def test_norms_of_tiny_and_huge_gradients(scale):
    linear, X = net_of([[[1.0, 1.0]]], [[0.0]]), jnp.array([[scale, 0.0]])
    norms = per_sample_gradient_norms(
        linear, X, jnp.zeros(1, "float32"), lambda v, y: v, biases=False
    )
    np.testing.assert_allclose(norms, [scale], rtol=1e-6)
    norms = per_sample_gradient_norms(
        linear, X / scale, jnp.zeros(1, "float32"), lambda v, y: scale * v
    )
    np.testing.assert_allclose(norms, [np.sqrt(2.0) * scale], rtol=1e-6)


def in_float64(net, X, biases):
    """J J^T, diag(J^T J) and norms from the same factors, in a dtype that holds all squares.

    The factors are those of float32, whose slopes are rounded: of saturated units they are 0.
    """
    J = weight_jacobian(net, X, biases=biases)
    inputs = [np.asarray(a, "float64") for a in J.inputs]
    factors = [*(np.asarray(B, "float64")[:, 0] for B in J.factors), np.ones((len(X), 1))]
    entries = [B[:, :, None] * a[:, None, :] for a, B in zip(inputs, factors, strict=True)]
    rows = [one.reshape(len(X), -1) for one in entries] + [B * biases for B in factors]
    J = np.concatenate(rows, axis=1)
    return J @ J.T, np.square(J).sum(0), np.sqrt(np.square(J).sum(1))


def random_scales(seed):
    """A network 2-4-1 and three points, with inputs, units and outputs of wildly different sizes.

    All entries of the Jacobian are numbers of float32.
    """
    rng = np.random.default_rng(seed)
    into, out = rng.uniform(-18, 18), rng.uniform(-14, 14)
    net = net_of(
        [rng.normal(size=(4, 2)) * 10.0**-into, rng.normal(size=(1, 4)) * 10.0**out],
        [rng.normal(size=4), np.zeros(1)],
        ("tanh", "relu", "sigmoid")[seed % 3],
    )
    X = rng.normal(size=(3, 2)) * 10.0 ** (into + rng.uniform(-4, 4, (3, 2)))
    return net, jnp.asarray(X, "float32")


@pytest.mark.parametrize("seed", mostly_slow(range(200), [0, 1]))
def test_all_scales_agree_with_a_wider_dtype(seed):
    """Kernels up to rounding of their diagonals, sums of squares each by itself."""
    net, X = random_scales(seed)
    biases = seed % 2 == 0
    kernel, diagonal, norms = in_float64(net, X, biases)
    sizes = np.sqrt(np.diag(kernel))
    found = np.asarray(ntk(net, X, biases=biases), float)
    bounds = 1e-4 * np.outer(sizes, sizes) + 4 * TINY
    fits = np.abs(kernel) + bounds < MOST
    assert np.all(np.abs(found - kernel)[fits] <= bounds[fits])
    assert np.all(np.isinf(found[np.abs(kernel) > 2 * MOST]))
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(gram_diagonal(net, X, biases=biases))]
    with np.errstate(over="ignore"):
        expected = diagonal.astype("float32")
    np.testing.assert_allclose(np.concatenate(leaves), expected, rtol=1e-3, atol=4 * TINY)
    found = per_sample_gradient_norms(
        net, X, jnp.zeros(3, "float32"), lambda v, y: v, biases=biases
    )
    np.testing.assert_allclose(found, norms, rtol=1e-3, atol=4 * TINY)


def test_units_whose_sizes_change_places():
    """One unit is large where the other is tiny: no scale of units or samples alone is enough."""
    X = jnp.array([[1e10, 1e-8], [1e-10, 1e8]], "float32")
    net = net_of([[[1.0, 0.0], [0.0, 1.0]], [[1e-9, 1e9]]], [[0.0, 0.0], [0.0]], "relu")
    for scale in (1.0, 1e5, 1e-5):
        with np.errstate(over="ignore"):
            expected = in_float64(net, scale * X, True)[1].astype("float32")
        leaves = jax.tree.leaves(gram_diagonal(net, scale * X))
        found = np.concatenate([np.ravel(leaf) for leaf in leaves])
        np.testing.assert_allclose(found, expected, rtol=1e-5)


@pytest.mark.parametrize("far", mostly_slow([1.0, 1e25], [1e25]))
def test_dead_layers_and_zeros_can_be_differentiated(far):
    """A layer of dead units, a sample of zeros; also where another sample has to be scaled."""
    net = net_of([[[1.0]], [[1.0]]], [[-5.0], [0.0]], "relu")
    X = jnp.array([[1.0], [far]], "float32")

    def norms(net):
        return per_sample_gradient_norms(net, X[:1], jnp.zeros(1, "float32")).sum()

    def others(net):
        parts = ntk(net, X[:1]), ntk(net, X), *jax.tree.leaves(gram_diagonal(net, X[:1]))
        return sum(jnp.sum(jnp.tanh(part / far)) for part in parts)

    assert float(norms(net)) == 0.0
    for f in (norms, others):
        slope = jax.jit(jax.grad(f))(net)
        assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(slope)), f


def test_derivatives_of_scaled_results():
    """Those of the norm of a linear network's gradient: x over norm(x), at any scale."""
    net = net_of([[[1.0, 1.0]]], [[0.0]])
    for scale in (1.0, 1e-25, 1e25):
        x = scale * jnp.array([3.0, 4.0], "float32")

        def norm(x):
            y = jnp.zeros(1, "float32")
            return per_sample_gradient_norms(net, x[None], y, lambda v, y: v, biases=False)[0]

        np.testing.assert_allclose(jax.grad(norm)(x), [0.6, 0.8], rtol=1e-5)
        np.testing.assert_allclose(norm(x), 5.0 * scale, rtol=1e-6)


# ---------------------------------------------------------------------------- shapes of Y


@pytest.mark.parametrize("call", [per_sample_gradients, per_sample_gradient_norms])
@pytest.mark.parametrize(
    ("outputs", "shape"), [(None, (3, 1)), (None, (3, 4)), (4, (3,)), (4, (3, 1)), (1, (3,))]
)
def test_y_is_never_broadcast(outputs, shape, call):
    net = MLP.init(jax.random.key(0), 2, (3,), "tanh", out_size=outputs)
    for Y in (jnp.zeros(shape), np.zeros(shape, int), np.zeros(shape).tolist()):
        with pytest.raises(ValueError, match=r"Y: got one y of shape"):
            call(net, jnp.ones((3, 2)), Y)
    right = (3,) if outputs is None else (3, outputs)
    for Y in (jnp.zeros(right), np.zeros(right, int), np.zeros(right).tolist()):
        call(net, jnp.ones((3, 2)), Y)


@pytest.mark.parametrize("kind", [list, np.asarray, jnp.asarray, tuple])
def test_labels_stay_integers(kind):
    net = MLP.init(jax.random.key(0), 2, (3,), "tanh", out_size=4)
    if kind is tuple:  # a pytree of numbers, not of arrays
        with pytest.raises(ValueError, match=r"Y: got shape \(\) for 3 points"):
            per_sample_gradients(net, jnp.ones((3, 2)), (0, 3, 1), lambda v, y: -v[y])
        return
    labels = kind([0, 3, 1])
    found = per_sample_gradients(net, jnp.ones((3, 2)), labels, lambda v, y: -v[y])
    assert np.argmin(found.deltas[-1], axis=1).tolist() == [0, 3, 1]


def test_lists_that_are_no_array_are_refused():
    net = MLP.init(jax.random.key(0), 2, (3,), "tanh")
    for Y in ([[1.0], [1.0, 2.0], [3.0]], ["a", "b", "c"], [None, 1.0, 2.0]):
        with pytest.raises(ValueError, match=r"Y: got a list of (list|str|NoneType), expected num"):
            per_sample_gradients(net, jnp.ones((3, 2)), Y)
