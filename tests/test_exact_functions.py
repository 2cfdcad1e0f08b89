"""Maxima, medians and norms without error; balls and radial functions by sums of ridges."""

import dataclasses
import itertools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab import Box
from approxlab import constructions as built


def value(net, point):
    """All outputs in fractions, from the stored parameters."""
    a = [Fraction(p) for p in point]
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = zip(np.asarray(weight), np.asarray(bias), strict=True)
        a = [
            sum((Fraction(float(w)) * v for w, v in zip(row, a, strict=True)), Fraction(float(b)))
            for row, b in rows
        ]
        if i < net.depth:
            bent = len(a) - net.passthrough[i]
            a = [max(v, Fraction(0)) if j < bent else v for j, v in enumerate(a)]
    return a


ORACLES = {
    "maximum": max,
    "minimum": min,
    "l1_norm": lambda p: sum(abs(v) for v in p),
}


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("name", sorted(ORACLES))
@pytest.mark.parametrize("d", mostly_slow([1, 2, 3, 4, 5, 7, 8, 9, 33], [1, 2, 3, 5, 8]))
def test_exact_in_fractions_everywhere(name, d, linear):
    """At random points, far ones and ones with equal coordinates, on and off the box."""
    net = getattr(built, name)(d, linear_units=linear).network
    rng = np.random.default_rng(d)
    for scale in (1.0, 1e6, 1e-9):
        points = scale * rng.standard_normal((20, d))
        points[::4] = np.round(points[::4] / scale) * scale
        for point in points:
            exact = [Fraction(p) for p in point]
            assert value(net, point) == [ORACLES[name](exact)]


@pytest.mark.parametrize("linear", [False, True])
def test_median_and_order_in_fractions(linear):
    median = built.median_of_three(linear_units=linear).network
    order = built.sort_two(linear_units=linear)
    grid = [Fraction(j, 4) for j in (-9, -1, 0, 1, 2, 9)]
    for point in itertools.product(grid, repeat=3):
        assert value(median, point) == [sorted(point)[1]]
        assert value(order, point[:2]) == sorted(point[:2])


@pytest.mark.parametrize("d", range(1, 18))
def test_sizes_of_maxima(d):
    plain, linear = built.maximum(d), built.maximum(d, linear_units=True)
    depth = math.ceil(math.log2(d))
    assert plain.network.depth == linear.network.depth == depth
    assert linear.network.num_hidden_units == d - 1
    left, units = d, 0
    while left > 1:
        units, left = units + 3 * (left // 2) + 2 * (left % 2), (left + 1) // 2
    assert plain.network.num_hidden_units == units


@pytest.mark.parametrize("d", range(1, 9))
def test_sizes_of_norms(d):
    assert built.l1_norm(d).network.num_hidden_units == min(2 * d, d + 2)
    assert built.l1_norm(d, linear_units=True).network.num_hidden_units == d


def test_a_spoiled_maximum_fails():
    one = built.maximum(3)
    weight = one.network.weights[0].at[0, 0].multiply(1.0 + 1e-9)
    spoiled = dataclasses.replace(one.network, weights=(weight, *one.network.weights[1:]))
    with pytest.raises(AssertionError):
        laws.claim_holds(dataclasses.replace(one, network=spoiled))


def test_claims_of_exact_functions_in_single_precision():
    rng = np.random.default_rng(0)
    for name, d in (("l1_norm", 16), ("maximum", 5)):
        box = Box([-3000.0] * d, [7000.0] * d)
        points = rng.uniform(-3000, 7000, (500, d))
        with jax.enable_x64(False):
            one = getattr(built, name)(d, box)
            low = np.asarray(al.evaluate(one.network, points.astype(np.float32)), np.float64)
            claim = float(one.claim.bound)
        exact = np.array([ORACLES[name](list(p)) for p in points])
        assert np.max(np.abs(low - exact)) <= claim < 10.0


@pytest.mark.parametrize("depth", [2, 3])
@pytest.mark.parametrize("d", [1, 2, 5])
def test_ball_is_exact_outside_of_its_shell(d, depth, key):
    """In the ball, outside, and near the shell; in it values are between 0 and 1."""
    one = built.ball_indicator(d, 0.05, depth=depth)
    rng = np.random.default_rng(d)
    directions = rng.standard_normal((2000, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    claim = float(one.claim.bound)
    assert claim < 1e-10
    for radius, expected in ((0.2, 1), (0.45 - 1e-9, 1), (0.55 + 1e-9, 0), (0.9, 0)):
        values = np.asarray(al.evaluate(one.network, radius * directions))
        assert np.max(np.abs(values - expected)) <= claim
    values = np.asarray(al.evaluate(one.network, rng.uniform(-1, 1, (2000, d))))
    assert -claim <= values.min()
    assert values.max() <= 1 + claim


def test_the_shell_of_a_ball_is_used():
    """A shell of half the margin is not clear: the number of ridges is not larger than needed."""
    one = built.ball_indicator(2, 0.1)
    t = np.linspace(0, 2 * np.pi, 4000)
    ring = np.stack([np.cos(t), np.sin(t)], axis=1)
    near = np.concatenate([0.46 * ring, 0.54 * ring])
    inside = np.repeat([1.0, 0.0], len(ring))
    assert np.max(np.abs(np.asarray(al.evaluate(one.network, near)) - inside)) > 0.05


@pytest.mark.parametrize("d", [1, 3, 10])
def test_units_of_balls(d):
    two, three = (built.ball_indicator(d, 0.01, depth=depth) for depth in (2, 3))
    n = two.network.sizes[1] // d
    p = math.isqrt(n - 1) + 1
    assert two.network.sizes == (d, d * n, 2, 1)
    assert three.network.sizes == (d, d * p, d * (p + 1), 2, 1)
    assert three.network.num_hidden_units < two.network.num_hidden_units


def test_sum_of_squares_has_its_exact_error():
    """d w^2 / (8 n^2): the profile is the identity, with one unit and no error of its own."""
    line = al.Target(lambda q: q[0], domain=Box([0.0], [8.0]), lipschitz=1.0, second_derivative=0.0)
    for d, n in ((1, 4), (2, 8), (3, 4)):
        one = built.radial_function(line, n, 1, dim=d)
        corner = np.full((1, d), -1.0)
        middle = np.full((1, d), -1.0 + 1.0 / n)
        for points, sign in ((middle, 1), (corner, -1)):
            error = float(al.evaluate(one.network, points)[0] - np.sum(points**2))
            assert abs(error - sign * d * 4 / (8 * n * n)) < 1e-12
        assert one.claim.bound.without_rounding == d * 4 / (8 * n * n)


@pytest.mark.parametrize("depth", [2, 3])
def test_radial_claims_in_single_precision(depth):
    g = al.Target(
        lambda q: jnp.cos(q[0]), domain=Box([0.0], [30.0]), lipschitz=1.0, second_derivative=1.0
    )
    box = Box([3.0, -7.0], [5.0, -2.0])
    points = box.sobol(3000)
    with jax.enable_x64(False):
        one = built.radial_function(g, 30, 60, box, depth=depth, center=[3.5, -3.0])
        ball = built.ball_indicator(2, 0.2, 1.0, box, depth=depth)
        low = np.asarray(al.evaluate(one.network, points.astype(np.float32)), np.float64)
        inside = np.asarray(al.evaluate(ball.network, points.astype(np.float32)), np.float64)
        claims = float(one.claim.bound), float(ball.claim.bound)
    squares = np.sum((points - np.array([3.5, -3.0])) ** 2, axis=1)
    assert np.max(np.abs(low - np.cos(squares))) <= claims[0] < 0.3
    r = np.sqrt(np.sum((points - box.center) ** 2, axis=1))
    clear = np.abs(r - 1.0) > 0.2001
    assert np.max(np.abs(inside - (r < 1))[clear]) <= claims[1] < 0.1


LINE = al.Target(lambda q: q[0], domain=Box([0.0], [2.0]), lipschitz=1.0)
BARE = al.Target(lambda q: q[0], domain=Box([0.0], [9.0]), second_derivative=0.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: built.maximum(0), "dim: got 0"),
        (lambda: built.maximum(2.5), "dim: got 2.5"),
        (lambda: built.maximum(2000), "dim: got 2000, expected at most 1024"),
        (lambda: built.maximum(3, Box.unit(2)), "expected a box of dimension 3"),
        (lambda: built.l1_norm(True), "dim: got True"),
        (lambda: built.median_of_three(Box.unit()), "expected a box of dimension 3"),
        (lambda: built.maximum(2, Box([0.0, 0.0], [1e308, 1.0])), "domain: .*holds with room"),
        (lambda: built.ball_indicator(2, 0.0), "margin: got 0.0"),
        (lambda: built.ball_indicator(2, 0.5), "margin: got 0.5, expected less than the radius"),
        (lambda: built.ball_indicator(2, 1e-12), "expected fewer|rounding"),
        (lambda: built.ball_indicator(2, 0.1, -1.0), "radius: got -1.0"),
        (lambda: built.ball_indicator(2, 0.1, depth=4), "depth: got 4, expected 2 or 3"),
        (lambda: built.ball_indicator(2, 0.1, center=[2.0, 0.0]), "center: got .*expected a point"),
        (lambda: built.ball_indicator(2, 0.1, center="ab"), "center: got 'ab'"),
        (lambda: built.ball_indicator(2, 0.1, domain=Box.unit(3)), "a box of dimension 2"),
        (lambda: built.radial_function(LINE, 4, 4), "expected a target on \\[0, Q\\] with Q"),
        (lambda: built.radial_function(BARE, 4, 4), "lacks the fact lipschitz"),
        (lambda: built.radial_function(LINE, 0, 4), "n: got 0"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_kinds_are_refused():
    with pytest.raises(TypeError, match="domain: got .*expected a Box"):
        built.l1_norm(2, ((0, 1), (0, 1)))
    with pytest.raises(TypeError, match="expected a Target"):
        built.radial_function(jnp.exp, 4, 4)
