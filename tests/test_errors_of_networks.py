"""Norms of piecewise linear networks in one variable: nothing between two kinks is missed."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.regions import pieces

BOXES = [al.Box([-1.0], [1.0]), al.Box([3.0], [5.0]), al.Box([-7.0], [-2.0])]


def random_net(seed, box, dtype="float64"):
    """Of depth 1 to 3; its kinks lie in the box."""
    rng = np.random.default_rng(seed)
    hidden = [int(n) for n in rng.integers(2, 13, 1 + seed % 3)]
    sizes = [1, *hidden, 1]
    weights = [rng.standard_normal((m, n)) for n, m in itertools.pairwise(sizes)]
    points = rng.uniform(box.lower[0], box.upper[0], hidden[0])
    biases = [-weights[0][:, 0] * points, *(rng.standard_normal(n) for n in sizes[2:])]
    activation = ["relu", "leaky_relu", "abs"][rng.integers(3)]
    return al.MLP.from_arrays(weights, biases, activation, dtype=dtype)


def exact_norms(model, target, box):
    """Of the difference of two networks, by their pieces alone."""
    one, two = pieces(model, box), pieces(target, box)
    edges = np.union1d(one.edges, two.edges)
    values = one(edges) - two(edges)
    left, right, widths = values[:-1], values[1:], np.diff(edges)
    squares = widths * (left**2 + left * right + right**2) / 3.0
    return float(np.max(np.abs(values))), float(np.sqrt(np.sum(squares)))


@pytest.mark.parametrize("seed", mostly_slow(range(60), range(6)))
def test_two_networks_differ_by_exactly_so_much(seed):
    box = BOXES[seed % 3]
    dtype = ["float64", "float32"][seed % 2]
    model, target = random_net(seed, box, dtype), random_net(1000 + seed, box, dtype)
    sup, l2 = exact_norms(model, target, box)
    found = al.errors.sup(model, target, box), al.errors.l2(model, target, box)
    size = max(sup, float(np.max(np.abs(pieces(target, box).values))))
    close = 256 * float(np.finfo(dtype).eps) * size
    assert abs(float(found[0]) - sup) < close
    assert abs(float(found[1]) - l2) < close
    moved = al.postcompose(model, 1.0 + 1e-3)
    assert abs(exact_norms(moved, target, box)[0] - sup) > close, "the law can fail"


@pytest.mark.parametrize("seed", mostly_slow(range(30), range(3)))
def test_against_smooth_targets_no_piece_is_passed_over(seed):
    box = BOXES[seed % 3]
    model = random_net(seed, box)

    def smooth(x):
        return jnp.sin(3.0 * x[0]) + 0.1 * jnp.exp(jnp.sin(x[0]))

    edges = pieces(model, box).edges
    points = (edges[:-1, None] + np.diff(edges)[:, None] * np.linspace(0, 1, 201)).ravel()
    values = np.asarray(al.evaluate(model, points[:, None]))
    dense = np.max(np.abs(values - np.asarray(al.evaluate(smooth, points[:, None]))))
    found = float(al.errors.sup(model, smooth, box))
    assert found >= dense * (1 - 1e-14)
    assert found <= dense * (1 + 1e-3)
    x, w = np.polynomial.legendre.leggauss(60)
    x = edges[:-1, None] + np.diff(edges)[:, None] * (0.5 + 0.5 * x)
    error = pieces(model, box)(x) - np.sin(3.0 * x) - 0.1 * np.exp(np.sin(x))
    exact = np.sqrt(np.sum(0.5 * np.diff(edges)[:, None] * w * error**2))
    l2 = al.errors.l2(model, smooth, box)
    assert float(l2) == pytest.approx(exact, rel=1e-12)
    assert l2.uncertainty < 1e-9 * float(l2)


def with_spike(depth_two, width=1.1e-6, height=1.1e-5, place=0.3123):
    """The zero function and a hat that is far narrower than any grid; also behind a first layer."""
    steep = height / width
    hat = al.MLP.from_arrays(
        [[[1.0], [1.0], [1.0]], [[steep, -2 * steep, steep]]],
        [[-place, -place - width, -place - 2 * width], [0.0]],
        "relu", dtype="float64",
    )  # fmt: skip
    if not depth_two:
        return hat
    shift = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[9.0], [-9.0]], "relu", dtype="float64")
    return al.compose(hat, shift)


@pytest.mark.parametrize("depth_two", [False, True])
@pytest.mark.parametrize("base", ["zero", "kink", "sine"])
def test_a_spike_beside_a_kink_is_found(depth_two, base):
    """Of height 1.1e-5, beside the kink of the target: a grid passes over it."""
    box = al.Box([-1.0], [1.0])
    net = with_spike(depth_two)
    targets = {
        "zero": lambda x: 0.0 * x[0],
        "kink": al.Target(
            lambda x: 0.0 * jnp.abs(x[0] - 0.3122), domain=box, name="flat", kinks=(0.3122,)
        ),
        "sine": lambda x: 1e-7 * jnp.sin(x[0]),
    }
    found = al.errors.sup(net, targets[base], box)
    assert float(found) == pytest.approx(1.1e-5, rel=1e-2 if base == "sine" else 1e-6)
    assert found.at[0] == pytest.approx(0.3123 + 1.1e-6, abs=1e-9)
    grid = np.linspace(-1.0, 1.0, 4097)[:, None]
    assert np.max(np.abs(np.asarray(al.evaluate(net, grid)))) < 1e-9, "a grid would find it too"
    if base == "zero":
        l2 = al.errors.l2(net, targets[base], box)
        assert float(l2) == pytest.approx(1.1e-5 * np.sqrt(2 * 1.1e-6 / 3), rel=1e-6)


def test_a_spike_within_a_piece_of_a_target_with_kinks():
    """The target bends between two kinks of the network; the largest error is at its kink."""
    box = al.Box([0.0], [1.0])
    hat = with_spike(False, width=1e-7, height=1.0, place=0.6)
    target = al.Target(
        lambda x: -jax.nn.relu(1.0 - jnp.abs(x[0] - (0.6 + 1.5e-7)) / 1e-8),
        domain=box, name="needle", kinks=(0.6 + 1.4e-7, 0.6 + 1.5e-7, 0.6 + 1.6e-7),
    )  # fmt: skip
    assert float(al.errors.sup(hat, target)) == pytest.approx(1.5, rel=1e-6)


def test_many_pieces_are_measured_as_other_functions_are():
    """Beyond the limits the way is the old one, and takes no longer."""
    net = al.constructions.tent_deep(14).network
    error = al.errors.sup(net, lambda x: 0.0 * x[0], al.Box([0.0], [1.0]))
    assert float(error) == pytest.approx(1.0, abs=1e-3)
    assert error.points < 30_000
    assert float(al.errors.l2(net, lambda x: 0.0 * x[0], al.Box([0.0], [1.0]))) < 1.0


def test_vector_values_and_relative_errors():
    box = al.Box([-1.0], [1.0])
    rng = np.random.default_rng(0)
    net = al.MLP.from_arrays(
        [rng.standard_normal((5, 1)), rng.standard_normal((2, 5))],
        [rng.standard_normal(5), np.zeros(2)], "relu", out_size=2, dtype="float64",
    )  # fmt: skip
    target = al.postcompose(net, 1.0, np.array([0.25, -0.5]))
    assert float(al.errors.sup(net, target, box)) == pytest.approx(0.5, rel=1e-12)
    assert float(al.errors.l2(net, target, box)) == pytest.approx(np.sqrt(2 * 0.3125), rel=1e-12)
    relative = al.errors.sup(net, target, box, relative=True)
    edges = pieces(target, box)
    assert float(relative) == pytest.approx(0.5 / np.max(np.abs(edges.values)), rel=1e-12)


def spike_behind(units, width=1e-6, place=0.123456789):
    """A hat of height 1/2 made by the second layer, behind a first layer of many kinks."""
    rng = np.random.default_rng(0)
    steep = 0.5 / width
    b = -np.sort(rng.uniform(-1.0, 1.0, units))
    wavy, straight = np.append(rng.normal(size=units) * 1e-4, 0.0), np.append(np.zeros(units), 1.0)
    weights = [
        np.ones((units + 1, 1)), [wavy, straight, straight, straight],
        [[1.0, steep, -2 * steep, steep]],
    ]  # fmt: skip
    shift = -1.0 - place
    biases = [np.append(b, 1.0), [0.0, shift + width, shift, shift - width], [0.0]]
    return al.MLP.from_arrays(weights, biases, "relu", dtype="float64")


def exact_l2(net, edges):
    """Between two neighbours of which the network is affine."""
    values = pieces(net, BOXES[0])(edges)
    left, right = values[:-1], values[1:]
    return np.sqrt(np.sum(np.diff(edges) * (left**2 + left * right + right**2) / 3.0))


@pytest.mark.parametrize("units", mostly_slow((400, 700, 2000), (400, 700)))
def test_a_spike_behind_hundreds_of_kinks_is_found(units):
    box, net = BOXES[0], spike_behind(units)
    known = pieces(net, box)
    assert len(known) > units

    def zero(x):
        return 0.0 * x[0]

    found = float(al.errors.sup(net, zero, box))
    assert found == pytest.approx(np.max(np.abs(known.values)), rel=1e-9)
    assert found > 0.49
    assert float(al.errors.l2(net, zero, box)) == pytest.approx(
        exact_l2(net, known.edges), rel=1e-8
    )


def test_a_spike_behind_units_that_bend_together_is_found():
    """Many zeros of the second layer are kinks of the first, up to rounding."""
    n, width, place = 46, 1e-7, 0.5001234
    rng = np.random.default_rng(0)
    second = np.vstack([rng.integers(-1, 2, (n, n)).astype(float), np.zeros((3, n))])
    second[-3:, 0] = 1.0
    steep = 0.5 / width
    last = np.append(rng.normal(size=n) * 1e-4 / n, [steep, -2 * steep, steep])
    own = np.append(rng.integers(-1, 2, n) / n, [-place + width, -place, -place - width])
    net = al.MLP.from_arrays(
        [np.ones((n, 1)), second, [last]], [-np.arange(n) / n, own, [0.0]], "relu", dtype="float64"
    )
    found = al.errors.sup(net, lambda x: 0.0 * x[0], al.Box([0.0], [1.0]))
    assert float(found) == pytest.approx(0.5, abs=1e-3)


@pytest.mark.parametrize("end", mostly_slow((0.5, 0.123456789, 0.1234571), (0.123456789,)))
def test_a_spike_inside_of_a_mask_is_integrated(end):
    net = spike_behind(40)
    target = al.Target(
        lambda x: 0.0 * x[0], domain=BOXES[0], name="zero", mask=lambda x: x[0] < end
    )
    found = al.errors.l2(net, target)
    edges = np.union1d(pieces(net, BOXES[0]).edges, [end])
    exact = exact_l2(net, edges[edges <= end])
    assert exact > 2e-4
    assert float(found) == pytest.approx(exact, rel=1e-6)
    assert found.uncertainty < 1e-6 * exact
