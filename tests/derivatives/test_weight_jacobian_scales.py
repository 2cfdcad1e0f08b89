"""Kernels, diagonals and norms of weight Jacobians at huge, tiny and mixed scales; shapes of Y."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab.derivatives.layers.per_sample import (
    per_sample_gradient_norms,
    per_sample_gradients,
)
from approxlab.derivatives.layers.weights import gram_diagonal, ntk, weight_jacobian
from approxlab.networks import MLP


def net_of(weights, biases, activation="sigmoid", dtype="float32", **options):
    return MLP.from_arrays(weights, biases, activation, dtype=dtype, **options)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_saturated_unit_far_away(dtype):
    net = net_of([[[1.0]], [[1.0]]], [[0.0], [0.0]], dtype=dtype)
    far = 1e20 if dtype == "float32" else 1e200
    X = jnp.array([[far]])
    assert ntk(net, X).tolist() == [[2.0]]
    diagonal = gram_diagonal(net, X)
    assert [float(w[0, 0]) for w in diagonal.weights] == [0.0, 1.0]
    norms = per_sample_gradient_norms(net, X, jnp.zeros(1, dtype))
    np.testing.assert_allclose(norms, [np.sqrt(8.0)], rtol=1e-6)
    tangent = net_of([[[far]], [[1.0]]], [[0.0], [0.0]], dtype=dtype)
    assert weight_jacobian(net, X).jvp(tangent).tolist() == [1.0]


@pytest.mark.parametrize("size", [1e-37, 1e-25, 1e-10, 1.0, 1e10, 1e25, 3.3e38])
def test_norms_of_tiny_and_huge_gradients(size):
    linear = net_of([[[1.0]]], [[0.0]])
    X = jnp.array([[size]])
    norms = per_sample_gradient_norms(linear, X, jnp.zeros(1), lambda v, y: v, biases=False)
    np.testing.assert_allclose(norms, [size], rtol=1e-6)
    norms = per_sample_gradient_norms(
        linear, jnp.ones((1, 1)), jnp.zeros(1), lambda v, y: size * v, biases=False
    )
    np.testing.assert_allclose(norms, [size], rtol=1e-6)


def in_float64(net, X, biases):
    """J J^T, diag(J^T J) and norms by the whole array, in a dtype that holds all squares."""
    wide = jax.tree.map(lambda leaf: leaf.astype("float64"), net)
    dense = weight_jacobian(wide, np.asarray(X, "float64"), biases=biases).dense()
    rows = [np.asarray(leaf).reshape(X.shape[0], -1) for leaf in jax.tree.leaves(dense)]
    J = np.concatenate(rows, axis=1)
    return J @ J.T, np.square(J).sum(0), np.sqrt(np.square(J).sum(1))


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize(
    ("inputs", "weights"),
    [(1e-30, 1.0), (1.0, 1e-18), (1e15, 1e-15), (1e-15, 1e15), (1e18, 1e-30)],
)
def test_mixed_scales_agree_with_a_wider_dtype(inputs, weights, biases):
    rng = np.random.default_rng(0)
    net = net_of(
        [rng.normal(size=(4, 2)) * weights, rng.normal(size=(1, 4))],
        [rng.normal(size=4), np.zeros(1)],
        "tanh",
    )
    X = jnp.asarray(rng.normal(size=(3, 2)) * inputs * [[1.0], [1e-3], [1e3]], "float32")
    gram, diagonal, norms = in_float64(net, X, biases)
    tiny = float(jnp.finfo("float32").tiny)
    found = ntk(net, X, biases=biases)
    with np.errstate(over="ignore"):
        gram = gram.astype("float32")
    np.testing.assert_allclose(np.diag(found), np.diag(gram), rtol=1e-4, atol=tiny)
    leaves = [np.ravel(leaf) for leaf in jax.tree.leaves(gram_diagonal(net, X, biases=biases))]
    with np.errstate(over="ignore"):
        expected = diagonal.astype("float32")
    np.testing.assert_allclose(np.concatenate(leaves), expected, rtol=1e-4, atol=4 * tiny)
    found = per_sample_gradient_norms(net, X, jnp.zeros(3), lambda v, y: v, biases=biases)
    np.testing.assert_allclose(found, norms, rtol=1e-4)


def test_norms_can_be_differentiated_where_a_layer_is_dead():
    net = net_of([[[1.0]], [[1.0]]], [[-5.0], [1.0]], "relu")
    X = jnp.ones((1, 1))
    slope = jax.grad(
        lambda net: per_sample_gradient_norms(net, X, jnp.zeros(1), lambda v, y: v * v).sum()
    )(net)
    assert all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(slope))


@pytest.mark.parametrize(
    ("outputs", "shape"), [(None, (3, 1)), (None, (3, 4)), (4, (3,)), (4, (3, 1))]
)
def test_y_is_never_broadcast(outputs, shape):
    net = MLP.init(jax.random.key(0), 2, (3,), "tanh", out_size=outputs)
    with pytest.raises(ValueError, match=r"Y: got one y of shape"):
        per_sample_gradients(net, jnp.ones((3, 2)), jnp.zeros(shape))


def test_labels_as_lists_stay_integers():
    net = MLP.init(jax.random.key(0), 2, (3,), "tanh", out_size=4)
    found = per_sample_gradients(net, jnp.ones((3, 2)), [0, 3, 1], lambda v, y: -v[y])
    assert np.argmin(found.deltas[-1], axis=1).tolist() == [0, 3, 1]
