"""The last layer solved: of shallow and deep networks, several outputs, several networks."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.fitting.last_layer import solved_networks, solving
from approxlab.fitting.last_layer.solving import readout, readouts

EPS = np.finfo(float).eps


def random_net(seed, hidden=(12,), d=1, out_size=None, linear=0, stacked=()):
    """All biases random too: no symmetry that a target would have to share."""
    rng = np.random.default_rng(seed)
    sizes = (d, *hidden, out_size or 1)
    return al.MLP.from_arrays(
        [rng.standard_normal((*stacked, n, m)) for m, n in itertools.pairwise(sizes)],
        [rng.standard_normal((*stacked, n)) for n in sizes[1:]],
        "tanh",
        passthrough=(linear,) * len(hidden),
        out_size=out_size,
    )


@pytest.mark.parametrize(
    ("d", "hidden", "out_size", "linear"), [(1, (6,), None, 0), (2, (5, 6), 3, 2)]
)
def test_a_network_is_its_own_readout(d, hidden, out_size, linear):
    """The teacher's last layer is forgotten and found again, from values at points."""
    teacher = random_net(1, hidden, d, out_size, linear)
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


def test_no_other_last_layer_is_better():
    """The weighted sum of squares of the solution against random changes of its coefficients."""
    target = al.targets.get("sine2")
    solved = readout(random_net(2, (6,)), target)
    x, w = target.domain.gauss_legendre(8, panels=32)
    y = np.asarray(al.evaluate(target, x))

    def loss(net):
        return float(w @ np.square(np.asarray(al.evaluate(net, x)) - y))

    least = loss(solved.network)
    assert np.sqrt(least) == pytest.approx(float(al.errors.l2(solved.network, target)), rel=1e-6)
    for seed in range(4):
        change = 0.05 * np.random.default_rng(seed).standard_normal((1, 6))
        weights = (solved.network.weights[0], solved.network.weights[1] + change)
        assert loss(dataclasses.replace(solved.network, weights=weights)) > least
    (row,) = solved.to_rows()
    assert row["num_hidden_units"] == 6
    assert row["relative_l2_error"] == float(solved.error)


def test_sup_norm_readout():
    target = al.targets.get("runge")
    net = random_net(3)
    squares, largest = readout(net, target), readout(net, target, norm="sup", tol=0.01)
    assert largest.solve.status == "converged"
    errors = [float(al.errors.sup(s.network, target)) for s in (squares, largest)]
    assert largest.solve.lower <= errors[1] <= 1.05 * largest.solve.attained
    assert errors[1] < 0.9 * errors[0]
    assert float(largest.error) == errors[1]
    assert largest.error.norm == "sup"


def test_stacked_networks_are_solved_one_by_one():
    target = al.targets.get("exp")
    nets = random_net(4, stacked=(3,))
    all_solved = readouts(nets, target, points=200)
    assert len(all_solved) == 3
    for i, solved in enumerate(all_solved):
        alone = readout(nets.member(i), target, points=200)
        assert np.array_equal(solved.solve.solution, alone.solve.solution)
        assert float(solved.error) < 1e-4


def test_masks_and_points_that_are_given():
    corner = al.targets.get("corner")  # an L-shape
    net = random_net(5, (24,), 2)
    seen = readout(net, corner, points=900)
    given = readout(net, corner, points=corner.domain.uniform(30))
    assert 0.5 < float(given.error) / float(seen.error) < 2.0
    assert 0.0 < float(seen.error) < 0.3


def test_boxes_elsewhere_and_many_dimensions():
    moved = al.targets.get("sine2").moved_to(al.Box([3.0], [5.0]))
    knots = np.linspace(3.0, 5.0, 17)[:-1, None]
    net = al.MLP.from_arrays(
        [np.ones((16, 1)), np.ones((1, 16))], [-knots[:, 0], np.zeros(1)], "relu"
    )
    assert float(readout(net, moved).error) < 0.05
    box = al.Box.unit(5)
    target = al.Target(lambda x: x[0] - x[4], domain=box)
    assert float(readout(random_net(6, (24,), 5), target).error) < 0.2


@pytest.mark.parametrize(("points", "calls"), [(64, 1), (65, 4)])
def test_the_units_of_a_single_block_are_computed_once(points, calls, monkeypatch):
    """Of several blocks each is computed twice: to factor, and for the residual."""
    asked = []
    units = solving._units
    monkeypatch.setattr(solving, "_units", lambda *args: (asked.append(args), units(*args))[1])
    monkeypatch.setattr(solved_networks, "_BLOCK_ENTRIES", 64 * 13)
    x = np.linspace(-1.0, 1.0, points)
    solved = readout(random_net(0), (x[:, None], np.sin(x)))
    assert len(asked) == calls
    assert solved.solve.residual < 1e-6
