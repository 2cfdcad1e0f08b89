"""Networks of one variable: numbers of all kinds, flat units, what cancels, tracers."""

import math
from decimal import Decimal
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rational_networks import affine

import approxlab as al
from approxlab import calculus

UNIT, CUBE = al.Box([0.0], [1.0]), al.Box([-1.0], [1.0])
ONE = jnp.array([1.0])


def one(act, weight, bias, dtype=None):
    return al.MLP.from_arrays([[[weight]], [[1.0]]], [[bias], [0.0]], act, dtype=dtype)


def test_differences_with_numbers_of_any_kind():
    line = affine(1.0, 0.0)
    numbers = [np.uint8(3), jnp.uint8(3), np.int8(-128), True, np.True_, Fraction(1, 3), Decimal(2)]
    for number in [*numbers, 2**70]:
        assert float((line - number)(ONE)) == 1.0 - float(number)
        assert float((number - line)(ONE)) == float(number) - 1.0
    with pytest.raises(TypeError, match="other: got <U1, expected real numbers"):
        line - np.array(["a"])


TRACED = (
    calculus.derivative,
    lambda net: calculus.reflect(net, CUBE),
    lambda net: calculus.antiderivative(net, CUBE),
)


def test_quotients_and_derivatives_are_traced():
    line = affine(1.0, 0.0)
    assert float(jax.grad(lambda c: (line / c)(ONE))(2.0)) == -0.25
    for make in TRACED:
        shape = jax.eval_shape(lambda net, make=make: make(net)(ONE), one("tanh", 1.0, 0.0))
        assert shape.shape == ()


@pytest.mark.slow
def test_derivatives_by_parameters_are_those_of_differences():
    tanh, at = one("tanh", 1.0, 0.0), jnp.array([0.5])
    for make in TRACED:
        step = 1e-6
        moved = [make(one("tanh", 1.0 + s, 0.0))(at) for s in (-step, step)]
        slope = jax.grad(lambda net, make=make: make(net)(at))(tanh).weights[0][0, 0]
        assert float(slope) == pytest.approx(float(moved[1] - moved[0]) / (2 * step), rel=1e-6)


def test_the_order_of_a_derivative_is_no_box():
    for net in (one("tanh", 1.0, 0.0), one("relu2", 1.0, 0.0)):
        with pytest.raises(TypeError, match="box: got 2, .* Write order=2"):
            calculus.derivative(net, 2)
        with pytest.raises(TypeError, match="box: got 'abc', expected a box"):
            calculus.derivative(net, "abc")


@pytest.mark.parametrize("act", ["abs", "leaky_relu", "relu"])
def test_affine_networks_keep_their_activation(act):
    flat = al.MLP.from_arrays([[[1.0]], [[0.0]]], [[0.0], [0.5]], act, passthrough=(1,))
    net = one(act, 1.0, 0.2)
    wanted = 0.5 + float(net(ONE))
    for sum_ in (abs(flat) + net, calculus.maximum(flat, -flat) + net):
        assert sum_.activation == act
        assert float(sum_(ONE)) == pytest.approx(wanted, abs=1e-15)


def test_antiderivatives_of_powers_of_relu_with_nearly_constant_and_steep_units():
    for act, weight, bias, wanted in (
        ("relu2", 1e-17, 1.0, 1.0),
        ("heaviside", 1e-17, 1.0, 1.0),
        ("heaviside", 0.0, 0.0, 0.5),
        ("relu2", 1e-8, 1.0, 1.0 + 1e-8),
        ("relu3", -1e-8, 1.0, 1.0 - 1.5e-8),
        ("relu2", 1e120, 0.0, 1e240 / 3),
        ("relu3", 0.0, 2.0, 8.0),
    ):
        net = one(act, weight, bias)
        area = calculus.antiderivative(net, UNIT)
        assert float(area(ONE)) == pytest.approx(wanted, rel=1e-14)
        assert float(area(0.0 * ONE)) == pytest.approx(0.0, abs=1e-14 * wanted)
    with pytest.raises(ValueError, match="overflows in float64"):
        calculus.antiderivative(one("relu2", 1e170, 0.0), UNIT)


@pytest.mark.parametrize("act", ["heaviside", "relu2", "relu3"])
def test_antiderivatives_of_powers_of_relu_on_a_narrow_box(act):
    """Against fractions; x itself is known to eps |x|, which the narrow box magnifies."""
    rng, power = np.random.default_rng(3), {"heaviside": 0, "relu2": 2, "relu3": 3}[act]
    low, high = 1e-3, 1.001e-3
    box, end = al.Box([low], [high]), np.float32(high)
    for _ in range(4):
        weights = rng.uniform(-8.0, 8.0, 6).astype("float32")
        shifts = (-weights * rng.uniform(low - 1e-6, high + 1e-6, 6)).astype("float32")
        last = rng.normal(size=(1, 6))
        net = al.MLP.from_arrays([weights[:, None], last], [shifts, [0.0]], act, dtype="float32")
        exact = size = Fraction(0)
        columns = (weights, shifts, np.asarray(net.weights[1][0]))
        for w, b, c in zip(*([Fraction(float(v)) for v in a] for a in columns), strict=True):
            ends = (max(w * Fraction(float(x)) + b, 0) ** (power + 1) for x in (end, low))
            part = c * (next(ends) - next(ends)) / (power + 1) / w
            exact, size = exact + part, size + abs(part)
        found = Fraction(float(calculus.antiderivative(net, box)(jnp.array([end]))))
        assert abs(found - exact) <= 64 * 2.0**-23 * Fraction(low / (high - low)) * size


def test_powers_of_relu_beside_a_linear_unit():
    net = al.MLP.from_arrays(
        [[[1.0], [2.0]], [[3.0, 0.5]]], [[-0.5, 1.0], [0.25]], "relu2", passthrough=(1,)
    )
    area = calculus.antiderivative(net, UNIT)
    assert float(area(ONE)) == pytest.approx(3.0 * 0.5**3 / 3 + 0.5 * 2.0 + 0.25, rel=1e-14)
    step = al.MLP(net.weights, net.biases, "heaviside", (1,))
    with pytest.raises(ValueError, match="a linear unit that is not constant"):
        calculus.antiderivative(step, UNIT)


def test_kinks_that_cancel_in_a_product():
    hat = abs(affine(1.0, 0.0))
    square, error = calculus.multiply(1 + hat, 1 - hat, CUBE)
    for x in (-1.0, -0.3, 0.0, 0.7):
        assert abs(float(square(x * ONE)) - (1 - x * x)) <= float(error) <= 1e-12
    with pytest.raises(ValueError, match="the product has a kink at 0"):
        calculus.multiply(1 + hat, 1 - (1 + 2.0**-40) * hat, CUBE)


def test_products_of_kinks_that_round_to_one_float():
    net = al.MLP.from_arrays([[[3.0], [1.0]], [[1.0, -2.0]]], [[-1.0, -1 / 3], [0.5]], "relu")
    product, error = calculus.multiply(net, net, UNIT, tol=0.1)
    for x in np.linspace(0.0, 1.0, 11):
        assert abs(float(product(x * ONE)) - float(net(x * ONE)) ** 2) <= float(error) <= 0.1


def test_what_overflows_is_refused():
    def line(slope, dtype=None):
        root = [[[math.sqrt(slope)]]]
        return al.MLP.from_arrays([root[0], root[0]], [[0.0], [0.0]], "identity", dtype=dtype)

    far = al.Box([1e300], [1.5e300])
    for call, text in (
        (lambda: calculus.inverse(line(1e-60, "float32"), UNIT), "overflows in float32"),
        (lambda: calculus.derivative(line(1e60, "float32"), UNIT), "overflows in float32"),
        (lambda: calculus.simplify(line(1e60, "float32"), UNIT), "overflows in float32"),
        (lambda: calculus.inverse(line(1e-200) / 1e200, UNIT), "overflows in float64"),
        (lambda: calculus.multiply(line(1e200), line(1e200), UNIT), "overflows in float64"),
        (lambda: calculus.inner(line(1e200), line(1e200), UNIT), "inner product overflows"),
        (lambda: calculus.integral(line(1.0), far), "integral overflows"),
        (lambda: calculus.norm(line(1.0), 2, far), "norm overflows"),
        (lambda: calculus.roots(line(1.0), al.Box([-1e308], [1e308])), "width overflows"),
    ):
        with pytest.raises(ValueError, match=text):
            call()
    assert calculus.norm(line(1.0), math.inf, far) == 1.5e300


def test_values_of_shape_1_stay_so():
    ramp = al.MLP.from_arrays([[[1.0], [1.0]], [[1.0, 2.0]]], [[1.0, -0.5], [0.0]], "relu",
                              out_size=1)  # fmt: skip
    power = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], "relu2", out_size=1)
    for net in (
        calculus.derivative(ramp, UNIT),
        calculus.antiderivative(ramp, UNIT),
        calculus.antiderivative(power, UNIT),
        calculus.inverse(ramp, UNIT),
        calculus.multiply(ramp, ramp, UNIT, tol=0.1)[0],
        calculus.multiply(affine(1.0, 0.0), calculus.restrict(ramp, al.Box([0.0], [0.25])),
                          al.Box([0.0], [0.25]))[0],
    ):  # fmt: skip
        assert net(ONE).shape == (1,)


def test_arguments_of_other_kinds():
    hat = abs(affine(1.0, 0.0))
    for p in (np.int64(2), np.float32(2.0)):
        assert calculus.norm(hat, p, CUBE) == calculus.norm(hat, 2, CUBE)
    for call, text in (
        (lambda: calculus.multiply(hat, hat, CUBE, max_units="a"), "max_units: got 'a'"),
        (lambda: calculus.multiply(hat, hat, CUBE, max_units=-1), "max_units: got -1"),
        (lambda: calculus.multiply(hat, hat, CUBE, tol=True), "tol: got True"),
        (lambda: calculus.simplify(hat, CUBE, linear_unit="no"), "linear_unit: got 'no'"),
        (lambda: calculus.level_set(hat, "1", CUBE), "level: got '1'"),
        (lambda: calculus.norm(hat, "2", CUBE), "p: got '2'"),
        (lambda: calculus.inverse(0.0 * hat, CUBE), "that is constant on"),
    ):
        with pytest.raises(ValueError, match=text):
            call()


def test_the_middle_of_a_flat_stretch_is_looked_at():
    net = al.MLP.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]], [[-0.5, -0.5], [0.0]], "relu2")
    assert calculus.extrema(net, CUBE).minimum == 0.0
