"""Networks of one variable at the edges: numbers of all kinds, flat units, cancellation, tracers."""

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


def test_quotients_and_derivatives_are_traced():
    line, tanh = affine(1.0, 0.0), one("tanh", 1.0, 0.0)
    assert float(jax.jit(lambda c: (line / c)(ONE))(2.0)) == 0.5
    assert float(jax.grad(lambda c: (line / c)(ONE))(2.0)) == -0.25
    at = jnp.array([0.5])
    for make in (
        calculus.derivative,
        lambda net: calculus.reflect(net, CUBE),
        lambda net: calculus.antiderivative(net, CUBE),
    ):
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
