"""Segments between minima, permuted networks, and proofs that a loss is not convex."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.landscapes import (
    convexity_at_midpoint,
    loss_on_segment,
    nonconvexity_witness,
    permuted,
)
from approxlab.networks import ACTIVATIONS


def product_loss(w):
    return (1.0 - w[0] * w[1]) ** 2 / 2.0


def test_the_segment_between_two_minima_by_hand():
    # On (t, t) from (-1, -1) to (1, 1) the loss is (1 - t^2)^2 / 2: 0, 1/2 and 0.
    found = loss_on_segment(product_loss, jnp.array([-1.0, -1.0]), jnp.array([1.0, 1.0]), points=5)
    assert found.losses == pytest.approx([0.0, 9 / 32, 0.5, 9 / 32, 0.0], abs=1e-15)
    assert (found.barrier, found.barrier_position) == (0.5, 0.5)
    assert [row["position"] for row in found.to_rows()] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_a_convex_loss_has_no_barrier():
    start, end = {"a": jnp.array([1.0, 2.0]), "n": 3}, {"a": jnp.array([-4.0, 1.0]), "n": 3}
    found = loss_on_segment(lambda p: jnp.sum(p["a"] ** 2), start, end)
    assert found.barrier == 0.0
    assert (found.losses[0], found.losses[-1]) == (5.0, 17.0)
    test = convexity_at_midpoint(lambda p: jnp.sum(p["a"] ** 2), start, end)
    assert not test
    assert test.excess == pytest.approx(-((5.0**2 + 1.0) / 4))
    flat = convexity_at_midpoint(lambda p: jnp.sum(p["a"]) / 3.0, start, end)
    assert not flat, "rounding proves nothing"


@pytest.mark.parametrize("name", mostly_slow(sorted(ACTIVATIONS), ["heaviside", "relu", "tanh"]))
def test_the_witness_by_hand(name):
    found = nonconvexity_witness(name)
    assert found.test, "convex at the midpoint"
    s = ACTIVATIONS[name]
    for (w1, w2), loss in ((found.start, found.test.start), (found.end, found.test.end)):
        assert loss == pytest.approx((1.0 - w2 * float(s(jnp.asarray(w1)))) ** 2 / 2, abs=1e-15)
    value, slope = (float(v) for v in jax.jvp(s, (jnp.asarray(found.point[0]),), (jnp.ones(()),)))
    assert found.hessian == pytest.approx(np.array([[0.0, -slope], [-slope, value**2]]), abs=1e-15)
    root = np.sqrt(value**4 + 4 * slope**2)
    assert found.eigenvalues == pytest.approx([(value**2 - root) / 2, (value**2 + root) / 2])
    assert (found.eigenvalues[0] < 0) == (name != "heaviside")
    assert "not convex" in str(found)


def test_numbers_that_can_be_checked_by_hand():
    found = nonconvexity_witness()
    assert (found.start, found.end) == ((1.0, 1.0), (-1.0, -1.0))
    assert (found.test.start, found.test.end, found.test.middle) == (0.0, 0.0, 0.5)
    assert found.hessian == ((0.0, -1.0), (-1.0, 0.0))
    assert found.eigenvalues == (-1.0, 1.0)
    assert nonconvexity_witness("relu").test.middle == pytest.approx(1 / 128)


def test_a_permuted_network_is_the_same_function(key):
    net = al.MLP.init(key, 2, (5, 4), "tanh", out_size=2)
    x = jax.random.normal(key, (7, 2))
    for layer, order in ((0, [3, 1, 4, 0, 2]), (1, [1, 0, 3, 2])):
        other = permuted(net, order, layer=layer)
        assert not np.array_equal(other.weights[layer], net.weights[layer])
        values = np.asarray(al.evaluate(net, x))
        assert np.asarray(al.evaluate(other, x)) == pytest.approx(values, abs=1e-14)
        back = permuted(other, np.argsort(order), layer=layer)
        for a, b in zip(jax.tree.leaves(back), jax.tree.leaves(net), strict=True):
            assert np.array_equal(a, b)


def test_two_minima_that_differ_by_the_order_of_units(key):
    X = jax.random.uniform(key, (40, 2), minval=-1.0)
    teacher = al.MLP.init(key, 2, (4,), "tanh")
    loss = al.landscapes.TwoLayerLoss(X, al.evaluate(teacher, X), "tanh")
    start = loss.weights(teacher)
    end = loss.weights(permuted(teacher, [2, 0, 3, 1]))
    found = loss_on_segment(loss, start, end)
    assert max(found.losses[0], found.losses[-1]) < 1e-28
    assert found.barrier > 0.01
    assert convexity_at_midpoint(loss, start, end)


def test_linear_units_stay_behind():
    net = al.MLP.from_arrays(
        [[[1.0], [2.0], [3.0]], [[1.0, 1.0, 1.0]]], [[0.0] * 3, [0.0]], "tanh", passthrough=(1,)
    )
    assert permuted(net, [1, 0, 2]).weights[0].tolist() == [[2.0], [1.0], [3.0]]
    with pytest.raises(ValueError, match="order: got .*linear"):
        permuted(net, [2, 0, 1])


NET = al.MLP.from_arrays([[[1.0], [2.0]], [[1.0, 1.0]]], [[0.0] * 2, [0.0]], "tanh")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: permuted(NET, [0, 0]), r"order: got \[0, 0\], expected a permutation of 0 to 1"),
        (lambda: permuted(NET, [0]), "order: got"),
        (lambda: permuted(NET, [0, 1], layer=1), "layer: got 1, expected 0 to 0"),
        (lambda: loss_on_segment(jnp.sum, jnp.ones(2), jnp.ones(3)), "end: got leaves of shapes"),
        (lambda: loss_on_segment(jnp.sum, jnp.ones(2), jnp.ones(2), points=2), "points: got 2"),
        (lambda: loss_on_segment(jnp.sum, jnp.ones(2), jnp.full(2, np.nan)), "params: .*finite"),
        (lambda: nonconvexity_witness("tahn"), "activation: got 'tahn'"),
    ],
)
def test_wrong_calls(call, words):
    with pytest.raises(ValueError, match=words):
        call()
