"""Networks made of networks, against fractions; each law fails on a spoiled network."""

import itertools
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rational_networks import affine, at, places, random_network, value
from sampling import mostly_slow

import approxlab as al
from approxlab import calculus

EPS = 2.0**-52
ACTS = ("relu", "leaky_relu", "abs")
CASES = [(act, seed) for act in ACTS for seed in range(60)]
FEW = [("relu", 2), ("leaky_relu", 3)]
cases = pytest.mark.parametrize("case", mostly_slow(CASES, FEW))


def pair(case):
    act, seed = case
    one, box = random_network(seed, act)
    two, _ = random_network(seed + 500, act, box=box)
    return one, two, box


def points(box, *nets):
    """Kinks of all networks, ends of the box, and points between, as fractions."""
    xs = places(nets, box)
    return [*xs, *((2 * a + b) / 3 for a, b in itertools.pairwise(xs))]


def size(net):
    """A bound of the sum of the absolute terms, for c roundings of it."""
    z = 8.0
    for weight, bias in zip(net.weights, net.biases, strict=True):
        z = np.max(np.abs(weight) @ np.full(weight.shape[1], z) + np.abs(bias))
    return float(z)


def check(net, function, xs, error):
    """The network with its stored parameters, without rounding, against an exact function."""
    for x in xs:
        assert abs(value(net, x) - function(x)) <= error, float(x)


def holds(net, function, xs, error):
    check(net, function, xs, error)
    bias = net.biases[-1] + max(4 * error, 1e-12)
    worse = al.MLP(net.weights, (*net.biases[:-1], bias), net.activation, net.passthrough)
    with pytest.raises(AssertionError):
        check(worse, function, xs, error)


@cases
def test_operators_are_those_of_the_functions(case):
    f, g, box = pair(case)
    xs = points(box, f, g)
    rounding = 4 * EPS * (size(f) + size(g))
    holds(-f, lambda x: -value(f, x), xs, 0)
    holds(f + g, lambda x: value(f, x) + value(g, x), xs, rounding)
    holds(f - g, lambda x: value(f, x) - value(g, x), xs, rounding)
    holds(0.3 * f, lambda x: Fraction(0.3) * value(f, x), xs, rounding)
    holds(f / 3, lambda x: value(f, x) / 3, xs, rounding)
    holds(1.5 - f, lambda x: Fraction(1.5) - value(f, x), xs, rounding)
    exact = 0 if f.activation != "leaky_relu" else 8 * EPS * size(f)
    holds(abs(f), lambda x: abs(value(f, x)), xs, exact)
    more = 0 if f.activation == "relu" and _dyadic(f, g) else 64 * EPS * (size(f) + size(g))
    holds(calculus.maximum(f, g), lambda x: max(value(f, x), value(g, x)), xs, more)
    holds(calculus.minimum(f, g), lambda x: min(value(f, x), value(g, x)), xs, more)


def _dyadic(*nets):
    return all(np.all(4 * b == np.round(4 * b)) for net in nets for b in net.biases)


@pytest.mark.parametrize("out_size", mostly_slow([None, 1, 3], [3]))
@pytest.mark.parametrize("act", mostly_slow(["relu", "tanh", "sin", "relu2"], ["relu"]))
def test_operators_in_any_dimension(act, out_size, key):
    keys = jax.random.split(key)
    f = al.MLP.init(keys[0], 3, (5, 4), act, out_size=out_size)
    g = al.MLP.init(keys[1], 3, (6,), act, out_size=out_size)
    x = np.random.default_rng(0).normal(size=(40, 3))
    u, v = (np.asarray(al.evaluate(net, x)) for net in (f, g))
    factors = 2.0 if out_size is None else np.arange(out_size) + 1.0
    for net, wanted in (
        (f + g, u + v),
        (factors * f - g, factors * u - v),
        (np.float64(2.0) * g + jnp.asarray(1.5), 2.0 * v + 1.5),
        (g - f / 4, v - u / 4),
    ):
        assert net.out_size == out_size
        np.testing.assert_allclose(al.evaluate(net, x), wanted, atol=1e-12)
    if act == "relu":
        np.testing.assert_allclose(
            al.evaluate(calculus.maximum(f, g), x), np.maximum(u, v), atol=1e-12
        )
        np.testing.assert_allclose(al.evaluate(abs(f), x), np.abs(u), atol=1e-15)


def test_linear_units_mix_with_any_activation(key):
    line = al.MLP.init(key, 2, (3, 2), "identity")
    for act in ("relu", "tanh"):
        net = al.MLP.init(key, 2, (4,), act)
        both = line + net
        assert both.activation == act
        x = np.random.default_rng(0).normal(size=(20, 2))
        wanted = np.asarray(al.evaluate(line, x)) + np.asarray(al.evaluate(net, x))
        np.testing.assert_allclose(al.evaluate(both, x), wanted, atol=1e-13)


def test_operators_are_compiled_and_differentiated(key):
    f, g = (al.MLP.init(k, 1, (4,), "tanh") for k in jax.random.split(key))
    x = jnp.array([0.3])
    loss = lambda f, g: (f - 2.0 * g)(x) ** 2  # noqa: E731
    one, two = jax.jit(jax.grad(loss))(f, g), jax.grad(lambda f, g: (f(x) - 2.0 * g(x)) ** 2)(f, g)
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


@cases
def test_restriction_keeps_every_value_in_the_box(case):
    f, _, box = pair(case)
    a, b = box.lower[0], box.upper[0]
    inner = al.Box([a + 0.4 * (b - a)], [a + 0.6 * (b - a)])
    found = calculus.restrict(f, inner)
    assert found.num_hidden_units <= f.num_hidden_units
    leaky = 0 if f.activation != "leaky_relu" else 64 * EPS * size(f)
    holds(found, lambda x: value(f, x), points(inner, f), leaky)


@cases
def test_simplified_networks_are_equal_and_small(case):
    f, _, box = pair(case)
    xs = points(box, f)
    error = 64 * EPS * size(f) * len(f.biases[0])
    for linear_unit in (True, False):
        found = calculus.simplify(f, box, linear_unit=linear_unit)
        net, count = found.network, len(found.kinks)
        assert net.depth == (count > 0)
        assert net.num_hidden_units <= count + (not linear_unit)
        assert net.num_hidden_units + net.num_linear_units <= count + 1
        assert found.num_units_before == f.num_hidden_units
        assert found.num_bends - found.num_cancelled == count
        holds(net, lambda x: value(f, x), xs, error)


def test_simplify_counts_what_it_removes():
    rows = [[1.0], [1.0], [2.0], [1.0], [1.0]]
    shifts = [-0.5, -0.5, -1.0, 3.0, -9.0]  # one kink three times, one unit on, one off
    net = al.MLP.from_arrays([rows, [[1.0, 2.0, 1.0, 1.0, 1.0]]], [shifts, [0.0]], "relu")
    found = calculus.simplify(net, al.Box([0.0], [1.0]))
    assert (found.num_units_before, found.num_idle, found.num_bends) == (5, 2, 1)
    assert found.network.sizes == (1, 2, 1)
    gone = calculus.simplify(net - net, al.Box([0.0], [1.0]))
    assert (gone.num_cancelled, gone.network.depth, len(gone.kinks)) == (1, 0, 0)


def test_a_flat_end_saves_the_linear_unit():
    ramp = al.MLP.from_arrays([[[1.0], [1.0]], [[1.0, -1.0]]], [[-0.25, -0.5], [2.0]], "relu")
    box = al.Box([0.0], [1.0])
    for net in (ramp, calculus.reflect(ramp, box)):
        found = calculus.simplify(net, box, linear_unit=False)
        assert found.network.sizes == (1, 2, 1)
        assert found.network.num_linear_units == 0


def test_the_size_of_a_shallow_network_is_told_before_it_is_built():
    deep = al.constructions.tent_shallow(1).network
    for _ in range(3):
        deep = al.compose(deep, deep)
    box = al.Box([0.0], [1.0])
    assert len(calculus.kinks(deep, box)) == 255
    with pytest.raises(ValueError, match="max_units: got 100, expected at least 256: .* 255 kinks"):
        calculus.simplify(deep, box, max_units=100)
    found = calculus.simplify(deep, box, max_units=256).network
    assert found.sizes == (1, 256, 1)
    holds(found, lambda x: value(deep, x), points(box, deep)[::7], 1e-9)


@cases
def test_reflection(case):
    f, _, box = pair(case)
    total = Fraction(box.lower[0]) + Fraction(box.upper[0])
    xs = [total - x for x in points(box, f)]
    error = 16 * EPS * size(f)
    holds(calculus.reflect(f, box), lambda x: value(f, total - x), xs, error)
    holds(calculus.reflect(f), lambda x: value(f, -x), [-x for x in points(box, f)], 0)


@cases
def test_the_inverse_of_a_monotone_network(case):
    f, _, box = pair(case)
    # Monotone by adding a steep line; falling for odd seeds.
    slope = float(1 + max(abs(s) for s in np.diff([float(value(f, x)) for x in places([f], box)])
                          / np.diff([float(x) for x in places([f], box)])))  # fmt: skip
    f = f + affine(slope if case[1] % 2 else -slope, 0.5)
    inverse = calculus.inverse(f, box)
    xs = points(box, f)
    for x in xs:
        assert abs(value(inverse, value(f, x)) - x) <= 1e-11
    worse = inverse + 1e-9
    assert any(abs(value(worse, value(f, x)) - x) > 1e-11 for x in xs)


def test_what_is_not_monotone_has_no_inverse():
    hat = abs(affine(1.0, -4.0))
    with pytest.raises(ValueError, match="not strictly monotone: its slope is -1 at the left"):
        calculus.inverse(hat, al.Box([3.0], [5.0]))
    flat = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[-4.0], [0.0]], "relu")
    with pytest.raises(ValueError, match="not strictly monotone"):
        calculus.inverse(flat, al.Box([3.0], [5.0]))
    assert calculus.inverse(flat, al.Box([4.0], [5.0])).depth == 0


# Derivatives and antiderivatives


@cases
def test_the_derivative_is_the_slope(case):
    f, _, box = pair(case)
    xs = places([f], box)
    found = calculus.derivative(f, box)
    assert found.activation == "heaviside"

    def check(net):
        for a, b in itertools.pairwise(xs):
            slope = (value(f, b) - value(f, a)) / (b - a)
            assert abs(at(net, float((a + b) / 2)) - float(slope)) <= 1e-12 * size(f)

    check(found)
    with pytest.raises(AssertionError):
        check(found + 1e-9 * size(f))


@cases
def test_a_derivative_is_integrated_as_a_step_function(case):
    f, _, box = pair(case)
    steps = calculus.derivative(f, box)
    xs = places([f], box)
    rise = float(value(f, xs[-1]) - value(f, xs[0]))
    scale = size(f)
    assert abs(calculus.integral(steps, box) - rise) <= 1e-12 * scale
    assert abs(calculus.integral(steps + 1e-6, box) - rise) > 1e-12 * scale
    variation = calculus.total_variation(f, box)
    assert abs(calculus.norm(steps, 1, box) - variation) <= 1e-12 * scale
    widest = max(abs(value(f, b) - value(f, a)) / (b - a) for a, b in itertools.pairwise(xs))
    assert abs(calculus.norm(steps, np.inf, box) - float(widest)) <= 1e-12 * scale
    squares = sum((value(f, b) - value(f, a)) ** 2 / (b - a) for a, b in itertools.pairwise(xs))
    assert abs(calculus.norm(steps, 2, box) ** 2 - float(squares)) <= 1e-11 * scale**2


def test_a_step_network_of_every_kind_of_unit():
    rows, shifts = [[2.0], [-1.0], [0.0], [0.0], [1.0]], [-7.0, 4.0, 1.0, 0.0, -3.0]
    net = al.MLP.from_arrays([rows, [[1.0, 4.0, 8.0, 2.0, 16.0]]], [shifts, [0.5]], "heaviside")
    box = al.Box([3.0], [5.0])  # steps at 3.5 (up by 1) and at 4 (down by 4), on from 3.5: 0.5
    assert calculus.total_variation(net, box) == 5.0
    assert calculus.integral(net, box) == 0.5 * 29.5 + 0.5 * 30.5 + 26.5
    assert calculus.norm(net, np.inf, box) == 30.5


@cases
def test_the_antiderivative_is_the_integral(case):
    f, _, box = pair(case)
    found = calculus.antiderivative(f, box)
    assert (found.activation, found.depth) == ("relu2", 1)
    assert found.num_hidden_units == len(calculus.kinks(f, box)) + 1
    xs = places([f], box)
    area, sums = Fraction(0), [Fraction(0)]
    for a, b in itertools.pairwise(xs):
        area += (b - a) * (value(f, a) + value(f, b)) / 2
        sums.append(area)

    def check(net):
        for x, total in zip(xs, sums, strict=True):
            assert abs(at(net, x) - float(total)) <= 1e-11 * size(f)

    check(found)
    with pytest.raises(AssertionError):
        check(found + 1e-9 * size(f))
    # And back again: the derivative of the relu2 network is a ReLU network, equal to f.
    back = calculus.derivative(found)
    holds(back, lambda x: value(f, x), points(box, f), 1e-11 * size(f))


def test_powers_of_relu_are_integrated_and_differentiated():
    box = al.Box([3.0], [5.0])
    rows, shifts = [[1.0], [-2.0], [0.0]], [-3.5, 9.0, 1.5]
    for act in ("heaviside", "relu2", "relu3"):
        net = al.MLP.from_arrays([rows, [[2.0, 1.0, -3.0]]], [shifts, [0.25]], act)
        area = calculus.antiderivative(net, box)
        x, w = box.gauss_legendre(8, panels=1000)
        total = float(w @ np.asarray(al.evaluate(net, x), np.float64))
        assert at(area, 3.0) == pytest.approx(0.0, abs=1e-12)
        assert at(area, 5.0) == pytest.approx(total, abs=2e-2 if act == "heaviside" else 1e-9)
        if act != "heaviside":  # its antiderivative has a linear unit of slope: relu, so steps
            back = calculus.derivative(area)
            y = np.linspace(3.0, 5.0, 101)[:, None]
            np.testing.assert_allclose(al.evaluate(back, y), al.evaluate(net, y), atol=1e-12)


@cases
def test_products_have_networks_of_chords_within_their_bound(case):
    f, g, box = pair(case)
    xs = points(box, f, g)
    largest = max(abs(value(f, x) * value(g, x)) for x in xs)
    tol = float(largest) * 1e-2 + 1e-3
    found, bound = calculus.multiply(f, g, box, tol=tol)
    kinks = [Fraction(float(-b)) for b in found.biases[0]] if found.depth else []
    low, high = (Fraction(v[0]) for v in (box.lower, box.upper))
    inside = sorted({*xs, *(x for x in kinks if low < x < high)})
    inside += [(a + b) / 2 for a, b in itertools.pairwise(inside)]
    errors = [abs(value(found, x) - value(f, x) * value(g, x)) for x in inside]
    assert max(errors) <= float(bound) <= 1.001 * tol + 1e-9 * size(f) * size(g)
    assert max(errors) > 0 or float(bound) < 1e-9 * size(f) * size(g)


def test_products_without_kinks_are_relu2_networks():
    line, ramp = affine(1.0, -4.0), al.MLP.from_arrays([[[1.0]], [[1.0]]], [[-4.0], [0.0]], "relu")
    box = al.Box([3.0], [5.0])
    for one, two in (
        (line, line),
        (line, ramp),
        (ramp, ramp),
        (affine(2.0, 1.0), affine(-1.0, 3.0)),
    ):
        net, bound = calculus.multiply(one, two, box)
        assert (net.activation, bound.without_rounding) == ("relu2", 0.0)
        for x in np.linspace(3.0, 5.0, 33):
            wanted = float(value(one, x) * value(two, x))
            assert abs(at(net, x) - wanted) <= float(bound) <= 1e-12
            assert abs(at(net + 1e-9, x) - wanted) > float(bound)
    with pytest.raises(
        ValueError, match="the product has a kink at 4, and relu2 networks have none"
    ):
        calculus.multiply(ramp, affine(1.0, 0.0), box)


# What is refused


def test_what_is_refused_says_why(key):
    relu, tanh = (al.MLP.init(key, 1, (4,), act) for act in ("relu", "tanh"))
    box, plane = al.Box([0.0], [1.0]), al.MLP.init(key, 2, (4,), "relu")
    stacked = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), relu)
    broken = al.MLP.from_arrays([[[np.nan]]], [[0.0]], "relu")
    step = al.MLP.init(key, 1, (4,), "heaviside")
    for call, error, text in (
        (lambda: relu * relu, TypeError, "the product of two networks is no network"),
        (lambda: relu + tanh, ValueError, "activation: got 'relu' beside 'tanh'"),
        (lambda: relu + plane, ValueError, "expected 1 inputs"),
        (lambda: relu + "a", TypeError, "unsupported operand"),
        (lambda: relu / 0.0, ZeroDivisionError, "expected a number that is not zero"),
        (lambda: jnp.ones(2) * relu, ValueError, r"other: got shape \(2,\)"),
        (lambda: abs(tanh), ValueError, "activation: got 'tanh'"),
        (lambda: stacked + relu, ValueError, "got stacked networks"),
        (lambda: calculus.maximum(tanh, tanh), ValueError, "net: got MLP.* tanh bends everywhere"),
        (lambda: calculus.simplify(tanh, box), ValueError, "tanh bends everywhere"),
        (lambda: calculus.roots(plane, box), ValueError, "expected one input and one output"),
        (lambda: calculus.roots(stacked, box), ValueError, "got stacked networks"),
        (lambda: calculus.roots(broken, box), ValueError, "weights that are not finite in layer 0"),
        (lambda: calculus.roots(jnp.sin, box), TypeError, "net: got .*, expected an MLP"),
        (lambda: calculus.roots(relu, (0.0, 1.0)), TypeError, "expected a box such as al.Box"),
        (lambda: calculus.roots(relu, al.Box.unit(2)), ValueError, "of 2 dimensions"),
        (lambda: calculus.roots(step, box), ValueError, "heaviside jumps"),
        (lambda: calculus.level_set(relu, np.nan, box), ValueError, "level: got nan"),
        (lambda: calculus.norm(relu, 3, box), ValueError, "p: got 3, expected 1, 2 or math.inf"),
        (lambda: calculus.intersections(relu, tanh, box), ValueError, "'relu' beside 'tanh'"),
        (lambda: calculus.derivative(relu), ValueError, "box: got None, expected an interval"),
        (lambda: calculus.derivative(relu, box, order=2), ValueError, "order: got 2, expected 1"),
        (lambda: calculus.derivative(step), ValueError, "derivative is no function: it jumps"),
        (lambda: calculus.derivative(tanh, order=0), ValueError, "order: got 0"),
        (lambda: calculus.multiply(relu, relu, box, tol=1e-12), ValueError, "max_units=10000"),
    ):
        with pytest.raises(error, match=text):
            call()
