"""Calculus of smooth networks against quadrature, differences of JAX and dense looks."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab import calculus
from approxlab.calculus.point_sets import PointSet

ACTS = ("tanh", "sigmoid", "softplus", "sin", "gelu", "swish")
BOXES = ((3.0, 5.0), (-7.0, -2.0), (-1.0, 1.0))
CASES = [(act, hidden, seed) for act in ACTS for hidden in ((12,), (6, 6), (5, 5, 5))
         for seed in range(12)]  # fmt: skip
FEW = [("sin", (6, 6), 1)]
cases = pytest.mark.parametrize("case", mostly_slow(CASES, FEW))


def network(case, steep=3.0):
    """A network that waves in its box, and crosses zero there."""
    act, hidden, seed = case
    low, high = BOXES[seed % 3]
    box = al.Box([low], [high])
    net = al.MLP.init(jax.random.key(seed), 1, hidden, act, domain=box)
    rng = np.random.default_rng(seed)
    rates = steep * net.weights[0]
    shifts = -rates[:, 0] * rng.uniform(low, high, hidden[0])
    net = al.MLP((rates, *net.weights[1:]), (shifts, *net.biases[1:]), act, net.passthrough)
    middle = float(net(jnp.array([low + 0.37 * (high - low)])))
    return net - middle, box


def dense(net, box, n=40_001):
    x = np.linspace(box.lower[0], box.upper[0], n)
    return x, np.asarray(al.evaluate(net, x[:, None]))


def slopes(net, box, n=40_001):
    x = np.linspace(box.lower[0], box.upper[0], n)
    return x, np.asarray(al.evaluate(lambda t: jax.jvp(net, (t,), (jnp.ones(1),))[1], x[:, None]))


def crossings(x, y):
    """Between which neighbours of a grid the sign changes."""
    signs = np.sign(y)
    signs[signs == 0] = 1
    return np.flatnonzero(signs[1:] != signs[:-1])


def check_roots(found, f, x, y):
    """Each root is one, and each sign change of a fine grid has its own."""
    assert found.complete
    size = np.max(np.abs(y))
    for root in found.points:
        assert abs(f(root)) <= 1e-12 * size
    changes = crossings(x, y)
    inside = np.searchsorted(x, found.points) - 1
    assert len(inside) >= len(changes)
    for i in changes:
        assert np.any(np.abs(inside - i) <= 1)
    # What the grid does not see are pairs of roots, or roots at an end.
    assert len(inside) - len(changes) <= 2


@cases
def test_all_roots_are_found(case):
    net, box = network(case)
    x, y = dense(net, box)

    def f(t):
        return float(net(jnp.array([t])))

    found = calculus.roots(net, box)
    check_roots(found, f, x, y)
    for points in (found.points[1:], found.points + 1e-6, np.append(found.points, 0.5)):
        with pytest.raises(AssertionError):
            check_roots(PointSet(points), f, x, y)
    level = float(np.quantile(y, 0.7))
    crossed = calculus.level_set(net, level, box)
    check_roots(crossed, lambda t: f(t) - level, x, y - level)


@cases
def test_extrema_are_at_roots_of_the_derivative(case):
    net, box = network(case)
    x, y = dense(net, box)
    found = calculus.extrema(net, box)
    scale = np.max(np.abs(y))

    def check(found):
        assert found.complete
        assert np.max(y) - 1e-13 * scale <= found.maximum <= np.max(y) + 1e-5 * scale
        assert np.min(y) - 1e-5 * scale <= found.minimum <= np.min(y) + 1e-13 * scale
        at = [float(net(jnp.array([t]))) for t in found.argmax.points]
        assert len(at) >= 1
        assert np.allclose(at, found.maximum, rtol=0, atol=1e-12 * scale)
        peaks = 1 + np.flatnonzero((y[1:-1] > y[:-2]) & (y[1:-1] > y[2:]))
        inner = [t for t in found.local_maxima.points if box.lower[0] < t < box.upper[0]]
        assert len(inner) == len(peaks)
        assert np.allclose(inner, x[peaks], atol=2 * (x[1] - x[0]))
        ends = {y[0] > y[1]: box.lower[0], y[-1] > y[-2]: box.upper[0]}
        for is_peak, end in ends.items():
            assert not is_peak or end in found.local_maxima.points

    check(found)
    for wrong in (
        dataclasses.replace(found, maximum=found.maximum - 1e-3 * scale),
        dataclasses.replace(found, minimum=found.minimum - 1e-3 * scale),
        dataclasses.replace(found, argmax=PointSet(found.argmax.points + 1e-3)),
        dataclasses.replace(found, local_maxima=PointSet(found.local_minima.points)),
    ):
        with pytest.raises(AssertionError):
            check(wrong)


@cases
def test_integrals_are_those_of_a_fine_rule(case):
    net, box = network(case)
    points, weights = box.gauss_legendre(16, panels=120)
    y = np.asarray(al.evaluate(net, points))
    slope = np.asarray(al.evaluate(lambda t: jax.jvp(net, (t,), (jnp.ones(1),))[1], points))
    other = al.MLP(net.weights, net.biases, net.activation, net.passthrough) + 0.5
    size = float(weights @ np.abs(y))
    root = math.sqrt(float(weights @ y**2))

    def check(found):
        integral, inner, two, length = found
        assert abs(integral - weights @ y) <= 1e-12 * size
        assert abs(inner - weights @ (y * (y + 0.5))) <= 1e-11 * (size + root**2)
        assert abs(two - root) <= 1e-12 * root
        assert abs(length - weights @ np.hypot(1.0, slope)) <= 1e-12 * length

    found = (
        calculus.integral(net, box),
        calculus.inner(net, other, box),
        calculus.norm(net, 2, box),
        calculus.arc_length(net, box),
    )
    check(found)
    for i in range(4):
        wrong = list(found)
        wrong[i] += 1e-9 * (abs(wrong[i]) + size)
        with pytest.raises(AssertionError):
            check(wrong)


@cases
def test_absolute_values_and_variation(case):
    net, box = network(case)
    x, y = dense(net, box, 200_001)
    area = np.trapezoid(np.abs(y), x)
    assert calculus.norm(net, 1, box) == pytest.approx(area, rel=1e-6)
    assert calculus.norm(net, 1, box) != pytest.approx(area * (1 + 1e-5), rel=1e-6)
    variation = np.sum(np.abs(np.diff(y)))
    assert calculus.total_variation(net, box) == pytest.approx(variation, rel=1e-6)
    assert calculus.norm(net, math.inf, box) == pytest.approx(np.max(np.abs(y)), rel=1e-6)
    assert calculus.norm(net, math.inf, box) >= np.max(np.abs(y)) * (1 - 1e-14)


@cases
def test_derivatives_of_any_order_are_those_of_jax(case):
    act, hidden, seed = case
    net, box = network((act, hidden, seed), steep=1.0)
    nested = net
    x = jnp.linspace(box.lower[0], box.upper[0], 7)[:, None]
    for order in range(1, 5):
        nested = _derived(nested)
        found = calculus.derivative(net, order=order)
        wanted = np.asarray(jax.vmap(nested)(x))
        got = np.asarray(jax.jit(jax.vmap(found))(x))
        scale = np.max(np.abs(wanted))
        np.testing.assert_allclose(got, wanted, atol=1e-12 * scale)
        assert not np.allclose(got * (1 + 1e-6), wanted, atol=1e-10 * scale, rtol=0)


def _derived(f):
    return lambda t: jax.jvp(f, (t,), (jnp.ones(1),))[1]


@cases
def test_the_antiderivative_is_the_integral_up_to_x(case):
    net, box = network(case)
    found = calculus.antiderivative(net, box)
    x = np.linspace(box.lower[0], box.upper[0], 3)
    scale = calculus.norm(net, 1, box)

    def check(f):
        for t in x:
            wanted = 0.0
            if t > x[0]:
                wanted = calculus.integral(net, al.Box([x[0]], [float(t)]))
            assert abs(float(f(jnp.array([t]))) - wanted) <= 1e-11 * scale

    check(found)
    with pytest.raises(AssertionError):
        check(lambda t: found(t) * (1 + 1e-8))
    back = jax.vmap(jax.grad(lambda t: found(t)))(jnp.asarray(x[:, None]) + 1e-3)
    np.testing.assert_allclose(
        back[:, 0], al.evaluate(net, x[:, None] + 1e-3), atol=1e-9 * (1 + scale)
    )


@pytest.mark.parametrize("act", ["tanh", "sigmoid", "sin"])
def test_closed_antiderivatives_of_every_size_of_weight(act):
    """No overflow for steep units, no cancellation for nearly constant ones, none divided by 0."""
    box = al.Box([3.0], [5.0])
    for rate in (0.0, 1e-300, 1e-12, 1e-6, 1e-3, 0.4, 0.6, 30.0, 1e4, 1e9):
        for shift in (-4.0 * rate, 0.3, -2.0):
            net = al.MLP.from_arrays([[[rate]], [[2.0]]], [[shift], [0.0]], act)
            got = float(calculus.antiderivative(net, box)(jnp.array([5.0])))
            wanted = _reference(act, rate, shift)
            assert got == pytest.approx(wanted, rel=1e-12, abs=1e-12 if rate > 1 else 1e-15)


def _reference(act, w, b):
    """2 times the integral over [3, 5]: by Gauss's rule, or by plain antiderivatives."""
    if abs(w) < 1.0:
        function = {"tanh": np.tanh, "sin": np.sin, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}[act]
        x, weights = np.polynomial.legendre.leggauss(40)
        return 2.0 * float(weights @ function(w * (4.0 + x) + b))
    inner = {
        "tanh": lambda z: np.logaddexp(z, -z),
        "sin": lambda z: -np.cos(z),
        "sigmoid": lambda z: np.logaddexp(z, 0.0),
    }[act]
    return float(2.0 * (inner(5.0 * w + b) - inner(3.0 * w + b)) / w)


def test_units_of_weight_zero_give_a_linear_term():
    net = al.MLP.from_arrays([[[0.0], [1.0]], [[3.0, 0.0]]], [[0.5, 0.0], [0.25]], "tanh")
    area = calculus.antiderivative(net, al.Box([-7.0], [-2.0]))
    for x in (-7.0, -4.0, -2.0):
        wanted = (x + 7.0) * (3.0 * math.tanh(0.5) + 0.25)
        assert float(area(jnp.array([x]))) == pytest.approx(wanted, abs=1e-14)


def test_known_roots_and_extrema():
    sine = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], "sin")
    box = al.Box([3.0], [20.0])
    found = calculus.roots(sine, box)
    assert found.points.tolist() == [k * math.pi for k in range(1, 7)]
    extremes = calculus.extrema(sine, box)
    assert extremes.maximum == pytest.approx(1.0, abs=1e-15)
    np.testing.assert_allclose(extremes.argmax.points, [2.5 * math.pi, 4.5 * math.pi], rtol=1e-8)
    assert len(extremes.argmin) == 3
    assert len(calculus.roots(calculus.derivative(sine), box)) == 5


def test_a_double_root_is_told_as_not_resolved():
    sine = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [-1.0]], "sin")  # touches zero at pi/2
    found = calculus.roots(sine, al.Box([0.0], [3.0]))
    assert not found.complete
    assert len(found) == 0
    ((low, high),) = found.unresolved
    assert low < math.pi / 2 < high
    assert high - low < 1e-6
    assert "not resolved in" in repr(found)
    assert len(calculus.roots(sine + 1e-10, al.Box([0.0], [3.0]))) == 2
    assert len(calculus.roots(sine - 1e-10, al.Box([0.0], [3.0]))) == 0


def test_a_saturated_network_does_not_invent_roots():
    flat = al.MLP.from_arrays([[[50.0]], [[1.0]]], [[0.0], [-1.0]], "tanh")  # tanh(50 x) - 1
    found = calculus.roots(flat, al.Box([0.0], [2.0]))
    assert len(found.points) == 0
    assert not found.complete  # beyond 0.4 it is zero to rounding, and below zero in truth
    steep = al.MLP.from_arrays([[[1e4]], [[1.0]]], [[-4e4], [0.0]], "tanh")
    assert calculus.roots(steep, al.Box([3.0], [5.0])).points.tolist() == [4.0]


def test_what_is_hidden_but_small_does_not_count():
    sat = al.MLP.from_arrays([[[1e3]], [[1.0]]], [[0.0], [0.0]], "tanh")
    box = al.Box([-1.0], [1.0])
    assert calculus.total_variation(sat, box) == pytest.approx(2.0, rel=1e-14)
    assert calculus.norm(sat, 1, box) == pytest.approx(2.0 - 2e-3 * math.log(2.0), rel=1e-13)
    assert not calculus.extrema(sat, box).complete  # where it is 1 to rounding
    net = al.MLP.init(jax.random.key(0), 1, (4,), "tanh")
    assert calculus.norm(net - net, 2, box) <= 1e-13


@pytest.mark.slow
def test_a_difference_of_equal_networks_is_zero_up_to_rounding():
    net, box = al.MLP.init(jax.random.key(0), 1, (4,), "tanh"), al.Box([-1.0], [1.0])
    for other in (net, net + 1e-15, (1.0 + 1e-15) * net):
        for p in (1, 2, math.inf):
            assert calculus.norm(net - other, p, box) <= 1e-13
        assert calculus.total_variation(net - other, box) <= 1e-13
    assert calculus.norm(net - 1.001 * net, math.inf, box) > 1e-5


def test_roots_at_the_ends_of_the_box():
    line = al.MLP.from_arrays([[[1.0]], [[2.0]]], [[-3.0], [0.0]], "tanh")
    assert calculus.roots(line, al.Box([3.0], [5.0])).points.tolist() == [3.0]
    assert calculus.roots(line, al.Box([-7.0], [3.0])).points.tolist() == [3.0]
    assert len(calculus.roots(line, al.Box([3.5], [5.0]))) == 0


def test_a_narrow_peak_is_not_missed():
    rate = 1e6
    bump = al.MLP.from_arrays(
        [[[rate], [rate]], [[0.5, -0.5]]], [[-4.1 * rate + 1, -4.1 * rate - 1], [0.0]], "tanh"
    )
    found = calculus.extrema(bump, al.Box([3.0], [5.0]))
    assert found.maximum == pytest.approx(math.tanh(1.0), rel=1e-9)
    np.testing.assert_allclose(found.argmax.points, [4.1], rtol=1e-9)
    area = calculus.integral(bump, al.Box([3.0], [5.0]))
    assert area == pytest.approx(2.0 / rate, rel=1e-6)


def test_differences_are_taken_without_rounding_a_parameter():
    one = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [1e8]], "tanh")
    two = al.MLP.from_arrays([[[0.5]], [[1.0]]], [[0.0], [1e8]], "tanh")
    assert calculus.intersections(one, two, al.Box([-1.0], [1.0])).points.tolist() == [0.0]
    assert len(calculus.intersections(one, two, al.Box([0.5], [1.0]))) == 0


@pytest.mark.parametrize("act", ["relu2", "relu3", "relu4"])
def test_powers_of_relu(act, key):
    box = al.Box([3.0], [5.0])
    rates, shifts = [[1.0], [-2.0], [1.5]], [-3.3, 8.7, -7.0]
    net = al.MLP.from_arrays([rates, [[2.0, -1.0, -3.0]]], [shifts, [0.25]], act)
    x, y = dense(net, box)
    check_roots(calculus.roots(net, box), lambda t: float(net(jnp.array([t]))), x, y)
    points, weights = box.gauss_legendre(8, panels=3000)
    values = np.asarray(al.evaluate(net, points))
    assert calculus.integral(net, box) == pytest.approx(float(weights @ values), rel=1e-8)
    assert calculus.norm(net, 2, box) == pytest.approx(math.sqrt(weights @ values**2), rel=1e-8)
    found = calculus.extrema(net, box)
    assert found.maximum == pytest.approx(np.max(y), rel=1e-7)
    with pytest.raises(ValueError, match="expected one hidden layer"):
        calculus.integral(al.MLP.init(key, 1, (3, 3), act), box)
