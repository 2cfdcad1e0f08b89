"""Ranges, errors of derivatives, and the rounding of executed networks."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.certify._problems import single
from approxlab.certify.evaluation_gaps import evaluation_gap
from approxlab.certify.value_ranges import derivative_sup_norm, range_
from tests.certify.exact_values import value as exact_value


def network(activation, hidden, dim, seed, dtype="float64"):
    rng = np.random.default_rng(seed)
    sizes = (dim, *hidden, 1)
    weights = [rng.normal(size=(sizes[i + 1], sizes[i])) for i in range(len(sizes) - 1)]
    biases = [rng.normal(size=m) for m in sizes[1:]]
    return al.MLP.from_arrays(weights, biases, activation, dtype=dtype)


def test_ranges_that_are_known():
    found = range_(lambda x: x[0] ** 2 - x[0], al.Box([0.0], [2.0]), rtol=1e-5)
    assert found.status == "ok"
    assert found.least[0] <= -0.25 <= found.least[1]
    assert found.largest[0] <= 2.0 <= found.largest[1]
    assert found.largest[1] - found.largest[0] < 4e-5
    box = al.Box.cube(-1.0, 2.0, 2)
    found = range_(lambda x: jnp.sin(x[0]) * x[1] + 5.0, box, rtol=1e-4)
    assert found.least[0] <= 5.0 - 2.0 * math.sin(1.0) <= found.least[1]
    assert found.largest[0] <= 7.0 <= found.largest[1]
    assert all(c.verify().leaves for c in found.certificates)


def test_range_of_a_network_holds_its_values():
    net = network("tanh", (6,), 2, 0)
    found = range_(net, al.Box.unit(2))
    values = al.evaluate(net, al.Box.unit(2).uniform(41))
    assert found.least[0] <= np.min(values) <= found.least[1] + 1e-2
    assert found.largest[1] >= np.max(values) >= found.largest[0] - 1e-2


def test_range_of_unbounded_values_is_refused():
    with pytest.raises(ValueError, match="no bound is known"):
        range_(lambda x: 1.0 / x[0], al.Box([-1.0], [1.0]), max_boxes=20)


def test_errors_of_derivatives():
    box = al.Box([0.0], [1.0])
    found = derivative_sup_norm(lambda x: jnp.tanh(x[0]), lambda x: x[0], box, rtol=1e-9)
    assert found.lower <= math.tanh(1.0) ** 2 <= found.upper
    found = derivative_sup_norm(
        al.constructions.square_shallow(4).network, lambda x: x[0] ** 2, box
    )
    assert found.lower <= 0.25 <= found.upper  # slopes of chords: off by 1/4 at their ends
    assert found.upper < 0.2503
    smooth = network("tanh", (5,), 1, 3, dtype="float32")
    found = derivative_sup_norm(smooth, al.targets.get("sine2"), rtol=1e-4)
    assert found.status == "ok"
    x = np.linspace(0.0, 1.0, 501)
    slopes = jax.vmap(jax.grad(lambda t: smooth(t[None].astype(jnp.float32)).astype(t.dtype)))(x)
    errors = np.abs(slopes - 2.0 * math.pi * np.cos(2.0 * math.pi * x))
    assert np.max(errors) <= found.upper * (1 + 1e-5)
    assert found.lower <= np.max(errors) * (1 + 1e-3)
    with pytest.raises(ValueError, match="interval"):
        derivative_sup_norm(network("tanh", (5,), 2, 3), lambda x: x[0], al.Box.unit(2))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "relu", "sin", "relu2"])
def test_executed_networks_stay_within_their_gap(activation, dtype):
    for seed in range(2):
        net = network(activation, (7, 5)[: 1 + seed % 2], 2, seed, dtype)
        box = al.Box.cube(-1.0, 1.0, 2)
        gap = float(evaluation_gap(net, box))
        points = np.random.default_rng(seed).uniform(-1.0, 1.0, (12, 2)).astype(dtype)
        executed = np.asarray(jax.vmap(net)(jnp.asarray(points)))
        expression = single(net, 2)
        for point, got in zip(points, executed, strict=True):
            apart = abs(float(exact_value(expression, point)[0]) - float(got))
            assert apart <= gap + 1e-15
        assert gap < (1e-2 if dtype == "float32" else 1e-11)


def test_gaps_that_are_refused():
    net = network("heaviside", (3,), 1, 0)
    with pytest.raises(ValueError, match="continuous one"):
        evaluation_gap(net, al.Box.unit())
    with pytest.raises(ValueError, match="Box of 2 dimensions"):
        evaluation_gap(network("tanh", (3,), 2, 0), al.Box.unit())
    with pytest.raises(TypeError, match="expected an MLP"):
        evaluation_gap(lambda x: x[0], al.Box.unit())
    with pytest.raises(ValueError, match="dtype: got 'float16'"):
        evaluation_gap(network("tanh", (3,), 1, 0), al.Box.unit(), dtype="float16")


def test_the_three_terms_of_a_total():
    """Approximation, stored parameters, execution: the program keeps to their sum."""
    net = network("tanh", (6,), 1, 5)
    stored = al.MLP.from_arrays(net.weights, net.biases, "tanh", dtype="float32")
    box = al.Box.unit()
    target = al.targets.get("square")
    terms = (
        al.certify.sup_norm(net, target, box).upper,
        al.certify.sup_norm(stored, net, box).upper,
        float(evaluation_gap(stored, box)),
    )
    assert 0.0 < terms[1] < 1e-5
    x = jnp.asarray(box.uniform(101), jnp.float32)
    errors = np.abs(np.asarray(jax.vmap(stored)(x), float) - np.asarray(x[:, 0], float) ** 2)
    assert np.max(errors) <= sum(terms)
