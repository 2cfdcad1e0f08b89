"""Exact pieces where float64 ends: products that underflow, edges beside the ends of the box."""

import itertools

import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.regions import count, pieces
from approxlab.regions.piecewise import KINDS

BOX = al.Box([-1.0], [1.0])
HERE = {
    "two slopes": (
        [[[1.0]], [[1e-200]], [[1e-200]], [[1e200]], [[1e200]]],
        [[0.0]] * 5, [0.0], 2,
    ),
    "a slope of 1e-400": ([[[1.0]], [[1e-200]], [[1e-200]]], [[0.0]] * 3, [0.0], 2),
    "a zero where all values underflow": (
        [[[1.0], [1.0]], [[1e-170, 0.0], [0.0, 2e-170]], [[1e-170, -1e-170]], [[1.0]]],
        [[0.0, -0.3], [0.0, 0.0], [0.0], [0.0]], [0.0, 0.3, 0.6], 3,
    ),
    "values that come back": (
        [[[1.0], [1.0]], [[1e-170, -2e-170]], [[1e-170]], [[1.0]]],
        [[0.0, -0.3], [0.0], [0.0], [0.0]], [0.0, 0.3, 0.6], 3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HERE)
def test_places_and_functions_are_told_apart(name):
    weights, biases, edges, affine = HERE[name]
    net = al.MLP.from_arrays(weights, biases, "relu", dtype="float64")
    found = pieces(net, BOX)
    assert found.edges[1:-1] == pytest.approx(edges, abs=1e-12)
    assert count(net, BOX, kind="affine") == found.count("affine") == affine
    assert count(net, BOX, kind="convex") == count(net, BOX, kind="proper") == len(edges) + 1


def extreme_net(seed):
    """Rows scaled by powers of ten, of a few layers."""
    rng = np.random.default_rng(seed)
    sizes = [1, *(int(n) for n in rng.integers(1, 5, 2 + seed % 3)), 1]
    weights, biases = [], []
    for one, two in itertools.pairwise(sizes):
        scale = 10.0 ** rng.integers(-165, 60, (two, 1))
        scale = np.where(rng.random((two, 1)) < 0.6, scale, 1.0)
        W = np.where(rng.random((two, one)) < 0.2, 0.0, rng.integers(-4, 5, (two, one)) / 3)
        b = rng.integers(-3, 4, two) / 7 * (rng.random(two) < 0.6)
        weights, biases = [*weights, W * scale], [*biases, b * scale[:, 0]]
    if seed % 5 == 0:
        biases = [b * 10.0 ** float(rng.integers(-320, -300)) for b in biases]
    activation = ["relu", "leaky_relu", "abs"][rng.integers(3)]
    return al.MLP.from_arrays(weights, biases, activation, dtype="float64")


@pytest.mark.parametrize("seed", mostly_slow(range(400), range(12)))
def test_counts_are_those_of_rational_numbers(seed):
    net = extreme_net(seed)
    found, exact = pieces(net, BOX), pieces(net, BOX, exact=True)
    for name in ("patterns", "layers", "functions", "points"):
        assert np.array_equal(getattr(found, name), getattr(exact, name)), name
    for kind in KINDS:
        assert count(net, BOX, kind=kind) == found.count(kind) == exact.count(kind), kind
    for name, bound in (("edges", "edge_errors"), ("values", "value_errors")):
        wrong = np.abs(getattr(found, name) - getattr(exact, name))
        assert np.all(wrong <= getattr(found, bound) + getattr(exact, bound) + 5e-324), name


@pytest.mark.parametrize("low", [np.nextafter(0.3, -9.0), 0.3 - 1e-12, -1.0])
def test_edges_never_leave_the_box(low):
    rng = np.random.default_rng(0)
    box = al.Box([float(low)], [0.3])
    for size in 10.0 ** rng.uniform(-17, -12, 15):
        w = rng.normal(size=(4, 1))
        biases = [-w[:, 0] * 0.3 * (1 - size * rng.random(4)), rng.normal(size=3) * 1e-16, [0.0]]
        weights = [w, rng.normal(size=(3, 4)), rng.normal(size=(1, 3))]
        net = al.MLP.from_arrays(weights, biases, "relu", dtype="float64")
        found, exact = pieces(net, box), pieces(net, box, exact=True)
        assert (found.edges[0], found.edges[-1]) == (low, 0.3)
        assert np.all(np.diff(found.edges) >= 0)
        wrong = np.abs(found.edges - exact.edges)
        assert np.all(wrong <= found.edge_errors + exact.edge_errors)
    tiny = al.MLP.from_arrays(
        [[[1.0], [3.0]], [[1.0, -1.0]]], [[-1e-300, -2e-300], [0.0]], "relu", dtype="float64"
    )
    assert pieces(tiny, al.Box([-1.0], [1e-300])).edges[-1] == 1e-300


def test_many_units_that_bend_together_are_told_apart():
    """Only signs that are open are decided in integers: with all of them this is too much."""
    n = 150
    rng = np.random.default_rng(0)
    second = rng.integers(-1, 2, (n, n)).astype(float)
    net = al.MLP.from_arrays(
        [np.ones((n, 1)), second, rng.normal(size=(1, n))],
        [-np.arange(n) / n, rng.integers(-1, 2, n) / n, [0.0]], "relu", dtype="float64",
    )  # fmt: skip
    found = pieces(net, al.Box([0.0], [1.0]))
    assert len(found) >= n
    assert found.ties > 0


def test_a_steep_spike_makes_no_other_pair_of_slopes_doubtful():
    """Left of it slopes are as certain as without it."""
    n, width, place = 100, 1e-8, 0.95
    rng = np.random.default_rng(0)
    b = -np.sort(rng.uniform(-1.0, 0.9, n))
    steep = 1.0 / width
    last = np.append(rng.normal(size=n) * 1e-2, [steep, -2 * steep, steep])
    shifts = np.append(b, [-place + width, -place, -place - width])
    net = al.MLP.from_arrays(
        [np.ones((n + 3, 1)), [last]], [shifts, [0.0]], "relu", dtype="float64"
    )
    found = pieces(net, BOX)
    assert len(found) == found.count("convex") == n + 4
    assert found.ties <= 4
    assert count(net, BOX, kind="affine") == n + 3
