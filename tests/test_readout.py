"""The last layer solved: of shallow and deep networks, several outputs, several networks."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting.readout import readout, readouts

EPS = np.finfo(float).eps


def random_net(key, hidden=(12,), d=1, **options):
    """All biases random too: no symmetry that a target would have to share."""
    net = al.MLP.init(key, d, hidden, "tanh", **options)
    keys = jax.random.split(key, len(net.biases))
    biases = tuple(jax.random.normal(k, b.shape) for k, b in zip(keys, net.biases, strict=True))
    return dataclasses.replace(net, biases=biases)


@pytest.mark.parametrize(
    ("d", "hidden", "out_size", "linear"), [(1, (6,), None, 0), (2, (5, 6), 3, 2)]
)
def test_a_network_is_its_own_readout(d, hidden, out_size, linear, key):
    """The teacher's last layer is forgotten and found again, from values at points."""
    teacher = random_net(key, hidden, d, out_size=out_size)
    teacher = dataclasses.replace(teacher, passthrough=(linear,) * len(hidden))
    x = np.random.default_rng(0).uniform(-2, 2, (90, d))
    y = np.asarray(al.evaluate(teacher, x))
    forgot = jax.tree.map(jnp.ones_like, teacher)
    student = dataclasses.replace(
        forgot,
        weights=(*teacher.weights[:-1], forgot.weights[-1]),
        biases=(*teacher.biases[:-1], forgot.biases[-1]),
    )
    solved = readout(student, (x, y), weights=np.linspace(1.0, 2.0, 90))
    assert solved.error is None
    assert solved.solve.rank == hidden[-1] + 1
    np.testing.assert_allclose(np.asarray(al.evaluate(solved.network, x)), y, atol=1e4 * EPS)
    tolerance = 1e3 * EPS * solved.solve.condition
    np.testing.assert_allclose(solved.network.weights[-1], teacher.weights[-1], atol=tolerance)
    np.testing.assert_allclose(solved.network.biases[-1], teacher.biases[-1], atol=tolerance)
    assert np.array_equal(solved.network.weights[0], teacher.weights[0])


def test_no_other_last_layer_is_better(key):
    """The weighted sum of squares of the solution against random changes of its coefficients."""
    target = al.targets.get("sine2")
    solved = readout(random_net(key, (6,)), target)
    x, w = target.domain.gauss_legendre(8, panels=32)
    y = np.asarray(al.evaluate(target, x))

    def loss(net):
        return float(w @ np.square(np.asarray(al.evaluate(net, x)) - y))

    least = loss(solved.network)
    assert np.sqrt(least) == pytest.approx(float(al.errors.l2(solved.network, target)), rel=1e-6)
    for k in jax.random.split(key, 4):
        change = 0.05 * jax.random.normal(k, solved.network.weights[-1].shape)
        weights = (solved.network.weights[0], solved.network.weights[1] + change)
        assert loss(dataclasses.replace(solved.network, weights=weights)) > least
    (row,) = solved.to_rows()
    assert row["num_hidden_units"] == 6
    assert row["relative_l2_error"] == float(solved.error)


def test_sup_norm_readout(key):
    target = al.targets.get("runge")
    net = random_net(key)
    squares, largest = readout(net, target), readout(net, target, norm="sup", tol=0.01)
    assert largest.solve.status == "converged"
    errors = [float(al.errors.sup(s.network, target)) for s in (squares, largest)]
    assert largest.solve.lower <= errors[1] <= 1.05 * largest.solve.attained
    assert errors[1] < 0.9 * errors[0]
    assert float(largest.error) == errors[1]
    assert largest.error.norm == "sup"


def test_stacked_networks_are_solved_one_by_one(key):
    target = al.targets.get("exp")
    nets = jax.vmap(random_net)(jax.random.split(key, 3))
    all_solved = readouts(nets, target, points=200)
    assert len(all_solved) == 3
    for i, solved in enumerate(all_solved):
        alone = readout(nets.member(i), target, points=200)
        assert np.array_equal(solved.solve.solution, alone.solve.solution)
        assert float(solved.error) < 1e-4


def test_masks_points_and_boxes_elsewhere(key):
    corner = al.targets.get("corner")  # an L-shape
    net = random_net(key, (24,), 2)
    seen = readout(net, corner, points=900)
    assert len(seen.solve.columns) == seen.solve.rank
    x = corner.domain.uniform(30)
    given = readout(net, corner, points=x)
    assert 0.5 < float(given.error) / float(seen.error) < 2.0
    moved = al.targets.get("exp").moved_to(al.Box([3.0], [5.0]))
    centred = al.MLP.init(key, 1, (16,), "relu", init="uniform_knots", domain=moved.domain)
    assert float(readout(centred, moved).error) < 0.1
    three = readout(random_net(key, (4,), 3), al.targets.get("gaussian", dim=3), points=256)
    assert 0.0 < float(three.error) < 1.0
