"""The constants of the kernels, digit by digit, and the numbers in their lemmas."""

import importlib
import math
from fractions import Fraction

import elementary_references as references
import numpy as np
import pytest

D = references.D


def room(file):
    return importlib.import_module(f"approxlab.certify.{file}")


@pytest.fixture(autouse=True)
def many_digits():
    with references.localcontext() as context:
        context.prec = 120
        yield


def nearest(exact):
    return float(Fraction(exact))


def changes_sign(function, zero):
    """Between the two neighbours of a float, half a place away on each side."""
    half = D(float(np.spacing(abs(zero)))) * D("0.51")
    return (function(D(zero) - half) > 0) != (function(D(zero) + half) > 0)


def test_the_logarithm_of_two_in_two_parts():
    exponentials = room("_exponentials")
    exact = D(2).ln()
    high, low = exponentials.LN2_HIGH, exponentials.LN2_LOW
    assert (high * 2.0**32).is_integer()
    assert 0 < exact - D(high) < D(2.0**-32)
    assert low == nearest(exact - D(high))
    assert abs(exact - D(high) - D(low)) < D(2.0**-86)
    assert nearest(1 / exact) == exponentials._INVERSE_LN2


def test_half_of_pi_in_parts():
    trigonometry = room("_trigonometry")
    exact = references.pi(110) / 2
    high, low = trigonometry.HALF_PI_HIGH, trigonometry.HALF_PI_LOW
    assert high == nearest(exact)
    assert low == nearest(exact - D(high))
    rest = exact
    for part, bits in zip(trigonometry._PARTS, (32, 65, 98, None), strict=True):
        if bits:
            assert (part * 2.0**bits).is_integer()
            assert part * 2.0**bits < 2.0**33 or bits == 32
            assert 0 <= rest - D(part) < D(2) ** -bits
        else:
            assert part == nearest(rest)
        rest -= D(part)
    assert abs(rest) < D(2) ** -159
    assert nearest(1 / exact) == trigonometry._INVERSE


def test_the_table_of_arc_tangents():
    trigonometry = room("_trigonometry")
    for j in range(17):
        exact = references.arctan(D(j) / 16)
        found = D(trigonometry._ARCTAN_HIGH[j]) + D(trigonometry._ARCTAN_LOW[j])
        assert abs(found - exact) < D(2) ** -100


def test_the_tables_of_the_error_function():
    tables = room("_erf_tables")
    rows, low = tables.coefficients()
    for index in (8, 9, 15, 16, 31, 40, 60, 79):
        top, bottom = tables._centre(index)
        centre = D(top) / bottom
        with references.localcontext() as context:
            context.prec = 60 + int(centre * centre)
            exact = (centre * centre).exp() * references.erfc(centre)
        found = D(rows[0][index - 8]) + D(low[index - 8])
        assert abs(found - exact) < exact * D("1e-30")
        slope = 2 * centre * exact - 2 / references.pi(60).sqrt()
        assert abs(D(rows[1][index - 8]) - slope) < abs(slope) * D("1.2e-16")
    first = 2 / references.pi(60).sqrt()
    series = tables.series()
    assert series[-1] == nearest(first - 1)
    assert series[-2] == nearest(-first / 3)
    assert series[-3] == nearest(first / 10)


def test_segments_hold_their_points():
    tables = room("_erf_tables")
    x = np.concatenate([np.linspace(0.5, 31.9, 5000), [0.5, 1.0, 2.0, 4.0, 8.0, 16.0]])
    index, distance = tables.segment(x)
    for place in range(0, len(x), 37):
        top, bottom = tables._centre(int(index[place]) + 8)
        assert Fraction(float(distance[place])) == Fraction(float(x[place])) - Fraction(top, bottom)
        assert abs(distance[place]) * 32 <= max(x[place], 1.0)


def test_irrational_factors_lie_between_neighbouring_floats():
    points = room("_activation_points")
    for factor, exact in [
        (points._ROOT_HALF, D("0.5").sqrt()),
        (points._DENSITY, 1 / (2 * references.pi(60)).sqrt()),
    ]:
        assert D(float(factor.lo)) < exact < D(float(factor.hi))
        assert np.nextafter(factor.lo, 1) == factor.hi


def _fourth(name):
    def tanh(x):
        t = references.tanh(x)
        return t * (2 - 3 * t * t)

    def swish(x):
        t = references.tanh(x / 2)
        return 6 * t * t - 2 + x * t * (2 - 3 * t * t)

    def sigmoid_third(x):
        s = references.logistic(x) * references.logistic(-x)
        return 1 - 6 * s

    return {
        "tanh": tanh,
        "sigmoid": lambda x: tanh(x / 2),
        "softplus": sigmoid_third,
        "gelu": lambda x: x**4 - 7 * x * x + 4,
        "swish": swish,
    }[name]


def _lower(name, order):
    """What has the zeros of the derivative after `order`, for orders 0 to 2."""

    def product(x):
        return x * references.tanh(x / 2)

    def gelu_slope(x):
        density = (-x * x / 2).exp() / (2 * references.pi(60)).sqrt()
        return references.erfc(-x / D(2).sqrt()) / 2 + x * density

    def swish_slope(x):
        p = references.logistic(x)
        return p + x * p * (1 - p)

    def swish_third(x):
        t = references.tanh(x / 2)
        return x * (3 * t * t - 1) / 2 - 3 * t

    return {
        ("tanh", 2): lambda x: 3 * references.tanh(x) ** 2 - 1,
        ("sigmoid", 2): lambda x: 3 * references.tanh(x / 2) ** 2 - 1,
        ("gelu", 0): gelu_slope,
        ("gelu", 1): lambda x: 2 - x * x,
        ("gelu", 2): lambda x: x * (x * x - 4),
        ("swish", 0): swish_slope,
        ("swish", 1): lambda x: 2 - product(x),
        ("swish", 2): swish_third,
    }.get((name, order), lambda x: x)


def test_zeros_of_derivatives_are_the_nearest_floats():
    for name, orders in room("_activation_ranges").CRITICAL.items():
        for order, zeros in enumerate(orders):
            function = _fourth(name) if order == 3 else _lower(name, order)
            for zero in zeros:
                if zero != 0.0:
                    assert changes_sign(function, zero), (name, order, zero)


def test_what_the_series_leave_out():
    """As stated in the kernels' lemmas, in fractions."""
    u = Fraction(1, 2**53)
    r = Fraction(3467, 10_000)
    assert r**13 / math.factorial(15) / (1 - r / 16) < Fraction(8, 1000) * u
    s = Fraction(1765, 10_000)
    assert 2 * s**24 / 25 / (1 - s * s) < Fraction(1, 2**62)
    h = Fraction(7855, 10_000)
    assert h**20 / math.factorial(21) < Fraction(1, 2**71)
    assert h**20 / math.factorial(20) < Fraction(1, 2**68)
    assert Fraction(3, 32) ** 16 / 17 < Fraction(1, 2**57)
    assert Fraction(1, math.factorial(21) * 43) < Fraction(1, 2**60)
    assert Fraction(1, 32) ** 14 / math.factorial(7) < Fraction(1, 2**60)


def test_sums_in_the_lemma_of_exp():
    """Horner's rule for q with every rounding at its largest, and the parts of exp and expm1."""
    r = Fraction(3467, 10_000)
    value, error = Fraction(1, math.factorial(14)), Fraction(1, math.factorial(14))
    for n in range(13, 1, -1):
        product, product_error = value * r, error * r + value * r
        value = product + Fraction(1, math.factorial(n))
        error = product_error + (Fraction(1, math.factorial(n)) if n > 2 else 0) + value
    assert error < Fraction(765, 1000)  # in units of u
    assert value < Fraction(5634, 10_000)
