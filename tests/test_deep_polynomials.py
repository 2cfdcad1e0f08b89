"""Products, powers, polynomials as deep networks: exact by fractions, within claims by pieces."""

import dataclasses
import itertools
from fractions import Fraction

import claims_in_arithmetic as cases
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from errors_on_pieces import largest_error
from rational_networks import value
from sampling import mostly_slow

import approxlab as al
from approxlab import Box
from approxlab import constructions as built
from approxlab.networks.activations import kink_slopes

BOXES = [Box([0.0], [1.0]), Box([3.0], [5.0]), Box([-7.0], [-2.0])]
BASES = ("monomial", "chebyshev", "legendre")


# Rational oracles


def value_at(net, point):
    """The value of a ReLU network at a rational point of several coordinates."""
    a = [Fraction(x) for x in point]
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        rows = zip(np.asarray(weight), np.asarray(bias), strict=True)
        a = [
            sum((Fraction(float(w)) * v for w, v in zip(row, a, strict=True)), Fraction(float(b)))
            for row, b in rows
        ]
        if i < net.depth:
            bent = len(a) - net.passthrough[i]
            a = [max(v, Fraction(0)) if j < bent else v for j, v in enumerate(a)]
    return a[0]


def grid(box, n):
    """All points of a rational grid of n cells in each direction."""
    sides = [
        [Fraction(a) + (Fraction(b) - Fraction(a)) * j / n for j in range(n + 1)]
        for a, b in zip(box.lower, box.upper, strict=True)
    ]
    return itertools.product(*sides)


def largest(net, exact, points):
    return max(abs(value_at(net, p) - exact(p)) for p in points)


DYADIC = [Box.unit(2), Box([3.0, -1.0], [5.0, 7.0]), Box([-7.0, 2.0], [-3.0, 2.5])]


@pytest.mark.parametrize("box", DYADIC, ids=str)
@pytest.mark.parametrize("m", mostly_slow([1, 2, 3], always=[2]))
@pytest.mark.parametrize(
    ("options", "constant"),
    [
        ({}, Fraction(1, 4)),
        ({"squares": 2, "shifted": False}, Fraction(1, 4)),
        ({"squares": 3, "shifted": False}, Fraction(1, 2)),
        ({"squares": 3}, Fraction(3, 8)),
    ],
)
def test_the_error_of_a_product_is_exactly_that(options, constant, m, box):
    construction = built.product_deep(m, box, **options)
    area = Fraction(box.widths[0]) * Fraction(box.widths[1])
    exact = constant * area / 4**m
    points = list(grid(box, 2 ** (m + 1)))  # corners and midpoints of all cells of all squares
    assert largest(construction.network, lambda p: p[0] * p[1], points) == exact
    assert Fraction(construction.claim.bound.without_rounding) == exact
    assert construction.claim.bound.attained
    laws.size_is_claimed(construction)
    assert construction.network.num_hidden_units == m * options.get("squares", 2)
    assert construction.network.depth == m


@pytest.mark.parametrize("dim", mostly_slow([1, 2, 3], always=[1, 2]))
@pytest.mark.parametrize("m", [1, 2])
@pytest.mark.parametrize(("shifted", "constant"), [(True, 8), (False, 4)])
def test_the_error_of_a_sum_of_squares_is_exactly_that(shifted, constant, m, dim):
    n = 2**m
    deep = built.sum_of_squares_deep(m, Box.unit(dim), shifted=shifted)
    shallow = built.sum_of_squares_shallow(n, Box.unit(dim), shifted=shifted)
    exact = Fraction(dim, constant * n * n)
    points = list(grid(Box.unit(dim), 2 * n))
    for construction in (deep, shallow):
        error = largest(construction.network, lambda p: sum(x * x for x in p), points)
        assert error == exact == Fraction(construction.claim.bound.without_rounding)
        laws.size_is_claimed(construction)
    assert deep.network.num_hidden_units == dim * m
    assert shallow.network.num_hidden_units == dim * n
    assert all(value_at(deep.network, p) == value_at(shallow.network, p) for p in points)


def test_sums_of_squares_on_any_box():
    box = Box([3.0, -7.0], [5.0, -2.0])
    for n, construction in [
        (8, built.sum_of_squares_deep(3, box)),
        (5, built.sum_of_squares_shallow(5, box)),
    ]:
        assert construction.claim.bound.without_rounding == pytest.approx((4 + 25) / (8 * n * n))
        laws.claim_holds(construction)


@pytest.mark.parametrize("dim", mostly_slow([3, 4, 7], always=[3]))
def test_products_of_many_variables(dim):
    box = Box(
        [-1.0, 3.0, -7.0, 0.0, 1.0, 0.5, -0.5][:dim], [1.0, 5.0, -2.0, 1.0, 2.0, 1.0, 1.0][:dim]
    )
    construction = built.product_deep(domain=box, eps=0.5)
    rng = np.random.default_rng(dim)
    points = np.concatenate([box.corners(), rng.uniform(box.lower, box.upper, (4000, dim))])
    error = np.max(np.abs(al.evaluate(construction.network, points) - np.prod(points, axis=1)))
    assert 0.0 < error <= float(construction.claim.bound) <= 0.5
    laws.size_is_claimed(construction)


def test_equal_levels_for_a_product_of_many_variables():
    small, large = (built.product_deep(m, Box.unit(5)) for m in (4, 8))
    ratio = small.claim.bound.without_rounding / large.claim.bound.without_rounding
    assert 250 < ratio < 260  # 4^4, and terms of higher order


# Polynomials


def coefficients(degree, seed=0):
    return np.random.default_rng([degree, seed]).normal(size=degree + 1)


@pytest.mark.parametrize("box", BOXES, ids=str)
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("degree", mostly_slow(range(11), always=[5, 10]))
def test_polynomials_are_within_claim(degree, basis, box):
    c = coefficients(degree)

    def exact(x):
        return cases._series(basis, c, x, box)

    size = float(np.max(np.abs(exact(box.uniform(200)))))
    construction = built.polynomial_deep(c, 1e-3 * size, basis=basis, domain=box)
    claim = construction.claim.bound
    assert float(claim) <= 1e-3 * size
    error = largest_error(construction.network, exact, box)
    assert error <= float(claim)
    assert error >= 0.15 * claim.without_rounding  # the claim is not empty
    laws.size_is_claimed(construction)
    values = al.evaluate(construction.target, box.uniform(50))
    assert np.allclose(values, exact(box.uniform(50)).astype(float), rtol=0, atol=1e-12 * size)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("scheme", mostly_slow(["direct", "horner", "clenshaw"], always=["horner"]))
def test_schemes_in_both_dtypes(scheme, dtype):
    c, box = coefficients(5), BOXES[1]
    with cases.in_dtype(dtype):
        construction = built.polynomial_deep(c, 0.05, basis="legendre", domain=box, scheme=scheme)
        case = cases.Case(scheme, construction, lambda x: cases._series("legendre", c, x, box))
        error, _ = cases.seen(case, np.random.default_rng(0), dtype)
    assert 0 < error <= float(construction.claim.bound) <= 0.05


@pytest.mark.parametrize("box", BOXES, ids=str)
@pytest.mark.parametrize("k", mostly_slow([1, 2, 3, 7, 8], always=[3]))
def test_powers_are_within_claim(k, box):
    size = max(abs(box.lower[0]), abs(box.upper[0])) ** k
    construction = built.monomial_deep(k, 1e-4 * size, domain=box)
    error = largest_error(construction.network, lambda x: cases._ld(x[:, 0]) ** k, box)
    assert error <= float(construction.claim.bound) <= 1e-4 * size
    assert al.errors.sup(construction.network, construction.target).value <= 1e-4 * size


@pytest.mark.parametrize("levels", [1, 2, 3])
def test_a_small_polynomial_in_fractions(levels):
    """x^4 - x on [0, 2] at many rational points: the claim in exact arithmetic holds."""
    construction = built.polynomial_deep([0, -1, 0, 0, 1], domain=Box([0.0], [2.0]), levels=levels)
    net = construction.network
    error = max(
        abs(value(net, x) - (x**4 - x)) for x in (Fraction(j, 96) for j in range(2 * 96 + 1))
    )
    exact = construction.claim.bound.without_rounding
    assert 0.3 * exact < error <= Fraction(exact) + Fraction(1, 10**12)


def test_one_square_is_the_optimal_network_of_the_parabola():
    for levels, box in itertools.product((1, 4, 9), BOXES):
        best = built.square_deep(levels, box)
        one = built.monomial_deep(2, domain=box, levels=levels)
        assert one.claim.bound.attained
        assert one.claim.bound.without_rounding == best.claim.bound.without_rounding
        assert one.network.num_hidden_units == levels
        optimum = al.optimal.square_by_units(levels, domain=box)
        assert one.claim.bound.without_rounding == optimum.value


@pytest.mark.parametrize(
    ("degree", "squares"), [(1, 0), (2, 1), (3, 3), (4, 2), (6, 4), (8, 4), (10, 6)]
)
def test_few_squares(degree, squares):
    network = built.polynomial_deep(coefficients(degree), basis="chebyshev", levels=3).network
    assert network.num_hidden_units == 3 * squares


@pytest.mark.parametrize("degree", mostly_slow([3, 6, 10], always=[6]))
def test_never_more_units_than_the_usual_rules(degree):
    c = coefficients(degree)
    units = {
        scheme: built.polynomial_deep(
            c, 1e-4, basis="chebyshev", scheme=scheme
        ).network.num_hidden_units
        for scheme in ("auto", "direct", "horner", "clenshaw")
    }
    assert units["auto"] == min(units.values())
    assert units["auto"] < 0.9 * units["horner"]


def test_objects_of_numpy():
    c, box = coefficients(6), BOXES[2]
    ends = [box.lower[0], box.upper[0]]
    x = box.uniform(301)
    for name, basis in [("Chebyshev", "chebyshev"), ("Legendre", "legendre")]:
        given = getattr(np.polynomial, name)(c, domain=ends)
        one = built.polynomial_deep(given, 1e-3)
        other = built.polynomial_deep(c, 1e-3, basis=basis, domain=box)
        assert one.target.domain == box
        assert np.array_equal(al.evaluate(one.network, x), al.evaluate(other.network, x))
        assert np.max(np.abs(al.evaluate(one.network, x) - given(x[:, 0]))) <= 1e-3
    elsewhere = np.polynomial.Polynomial([1.0, 2.0, -3.0, 0.5], domain=[-2.0, 6.0])
    moved = built.polynomial_deep(elsewhere, 1e-2, domain=BOXES[1])
    x = BOXES[1].uniform(301)
    assert np.max(np.abs(al.evaluate(moved.network, x) - elsewhere(x[:, 0]))) <= 1e-2


@pytest.mark.parametrize("name", ["polynomial", "power", "product", "sum"])
def test_facts_of_the_targets(name):
    target = {
        "polynomial": lambda: built.polynomial_deep(coefficients(7), 0.1, domain=BOXES[1]),
        "power": lambda: built.monomial_deep(5, 10.0, domain=BOXES[2]),
        "product": lambda: built.product_deep(2, Box([3.0, -1.0, 1.0], [5.0, 2.0, 2.0])),
        "sum": lambda: built.sum_of_squares_deep(2, Box([3.0, -1.0], [5.0, 2.0])),
    }[name]().target
    target.check()
    lower = target.value_max - 0.3 * (target.value_max - target.value_min)
    for fact in ({"lipschitz": 0.3 * target.lipschitz}, {"value_max": lower}):
        with pytest.raises(ValueError, match=next(iter(fact))):
            dataclasses.replace(target, **fact).check()


# Networks of squared ReLUs


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("degree", mostly_slow([0, 1, 2, 3, 6, 9, 10], always=[0, 10]))
def test_squared_relus_are_exact_up_to_rounding(degree, basis, dtype):
    c, box = coefficients(degree), Box([-1.0], [1.5])
    with cases.in_dtype(dtype):
        construction = built.relu2_polynomial(c, basis=basis, domain=box)
        case = cases.Case("relu2", construction, lambda x: cases._series(basis, c, x, box))
        error, _ = cases.seen(case, np.random.default_rng(0), dtype)
    bound = construction.claim.bound
    assert bound.without_rounding == 0.0
    assert bound.attained
    assert error <= float(bound) < 1e5 * np.finfo(dtype).eps
    assert construction.network.activation == "relu2"
    assert construction.network.depth == max(0, int(np.ceil(np.log2(max(degree, 1)))))
    laws.size_is_claimed(construction)


def test_squared_relus_far_outside_of_the_domain():
    network = built.relu2_polynomial([1.0, -1.0, 0.0, 2.0]).network
    for x in (-30.0, -3.5, 8.0, 50.0):
        wanted = 1.0 - x + 2.0 * x**3
        assert float(network(jnp.array([x]))) == pytest.approx(wanted, rel=1e-11)


# Spoiled twins, refusals


@pytest.mark.parametrize("layer", mostly_slow([0, 1, -1], always=[1]))
def test_a_spoiled_network_fails(layer):
    c, box = coefficients(5), BOXES[1]
    construction = built.polynomial_deep(c, 1e-3, basis="chebyshev", domain=box)
    weights = list(construction.network.weights)
    weights[layer] = weights[layer] * 1.01
    network = dataclasses.replace(construction.network, weights=tuple(weights))

    def exact(x):
        return cases._series("chebyshev", c, x, box)

    assert largest_error(construction.network, exact, box) <= float(construction.claim.bound)
    assert largest_error(network, exact, box) > float(construction.claim.bound)
    assert kink_slopes("relu", network.dtype) == (0.0, 1.0)


def test_rounding_of_float32_is_refused():
    with cases.in_dtype("float32"):
        for eps in (1e-7, 1e-9):
            with pytest.raises(ValueError, match=r"eps: got .* rounding in float32 .*x64"):
                built.polynomial_deep([1, 2, 3, 4, 5], eps, domain=BOXES[1])
    with pytest.raises(ValueError, match="eps: got 1e-15, expected more than"):
        built.polynomial_deep([1, 2, 3, 4, 5], 1e-15, domain=BOXES[1])


BAD = [
    (lambda: built.product_deep(), ValueError, "levels: got None with eps None"),
    (lambda: built.product_deep(3, eps=0.1), ValueError, "levels: got 3 with eps 0.1"),
    (lambda: built.product_deep(0), ValueError, "levels: got 0"),
    (lambda: built.product_deep(26), ValueError, "levels: got 26, expected at most 25"),
    (lambda: built.product_deep(3, Box.unit(1)), ValueError, "domain: got .*at least 2"),
    (lambda: built.product_deep(3, (0, 1)), TypeError, "domain: got .*expected a Box"),
    (lambda: built.product_deep(3, squares=4), ValueError, "squares: got 4, expected 2 or 3"),
    (lambda: built.product_deep(eps=-1.0), ValueError, "eps: got -1.0, expected a positive"),
    (lambda: built.product_deep(eps=float("nan")), ValueError, "eps: got nan"),
    (lambda: built.sum_of_squares_deep(1.5), ValueError, "levels: got 1.5"),
    (lambda: built.sum_of_squares_shallow(0), ValueError, "n: got 0"),
    (lambda: built.sum_of_squares_shallow(3, "unit"), TypeError, "domain: got 'unit'"),
    (lambda: built.monomial_deep(0, 0.1), ValueError, "k: got 0"),
    (lambda: built.monomial_deep(101, 0.1), ValueError, "k: got 101, expected at most 100"),
    (lambda: built.monomial_deep(3, 0.1, domain=Box.unit(2)), ValueError, "domain: got"),
    (lambda: built.polynomial_deep([1.0]), ValueError, "levels: got None with eps None"),
    (lambda: built.polynomial_deep([], 0.1), ValueError, "coefficients: got"),
    (lambda: built.polynomial_deep([1, np.nan], 0.1), ValueError, "coefficients: got .*finite"),
    (lambda: built.polynomial_deep([1, 2j], 0.1), TypeError, "coefficients: got .*real"),
    (lambda: built.polynomial_deep("1 2", 0.1), TypeError, "coefficients: got '1 2'"),
    (lambda: built.polynomial_deep([[1.0]], 0.1), TypeError, "coefficients: got"),
    (lambda: built.polynomial_deep([[1.0], [1, 2]], 0.1), TypeError, "coefficients: got"),
    (lambda: built.polynomial_deep(np.ones(102), 0.1), ValueError, "degree 101, expected at most"),
    (lambda: built.polynomial_deep([1e308, 1e308], 1.0), ValueError, "coefficients: got"),
    (lambda: built.polynomial_deep([1, 2], 0.1, basis="hermite"), ValueError, "basis: got 'her"),
    (lambda: built.polynomial_deep([1, 2], 0.1, scheme="best"), ValueError, "scheme: got 'best'"),
    (
        lambda: built.polynomial_deep(np.polynomial.Legendre([1, 2]), 0.1, basis="chebyshev"),
        ValueError,
        "basis: got 'chebyshev' for an object of class Legendre",
    ),
    (
        lambda: built.polynomial_deep(np.polynomial.Hermite([1, 2]), 0.1),
        TypeError,
        "coefficients: got Hermite",
    ),
    (lambda: built.relu2_polynomial([np.inf]), ValueError, "coefficients: got"),
    (lambda: built.relu2_polynomial([1.0], domain=3.0), TypeError, "domain: got 3.0"),
]


@pytest.mark.parametrize("i", range(len(BAD)))
def test_bad_input(i):
    call, error, message = BAD[i]
    with pytest.raises(error, match=message):
        call()
