"""Zigzags, squares and self-similar functions level by level: exact in fractions, and by pieces."""

import dataclasses
from fractions import Fraction

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
import rational_networks as rational
from sampling import mostly_slow

import approxlab as al
from approxlab import Box
from approxlab import constructions as built

BOXES = [None, Box([3.0], [5.0]), Box([-7.0], [-2.0])]
DYADIC = [None, Box([3.0], [5.0]), Box([-6.0], [-2.0])]


def functions(construction):
    """Number of affine pieces of the stored network, exactly, on the box of its target."""
    pieces = al.regions.pieces(construction.network, construction.target.domain)
    return 1 + int(np.count_nonzero(np.diff(pieces.functions)))


def fold(s):
    """Distance from the nearest even integer."""
    return abs(s - 2 * round(s / 2))


def unit(x, box):
    return Fraction(x) if box is None else (Fraction(x) - Fraction(box.lower[0])) / width(box)


def width(box):
    return Fraction(1) if box is None else Fraction(box.upper[0]) - Fraction(box.lower[0])


def places(box, count):
    left = Fraction(0) if box is None else Fraction(box.lower[0])
    return [left + width(box) * j / count for j in range(count + 1)]


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("box", DYADIC)
@pytest.mark.parametrize("teeth", [(2,), (4, 4), (2, 8, 4)])
def test_sawtooth_in_fractions(teeth, box, linear):
    """With teeth and widths that are powers of two, all parameters are stored as they are."""
    one = built.sawtooth_deep(teeth, box, linear_units=linear)
    pieces = int(np.prod(teeth))
    for x in places(box, 3 * pieces):
        assert rational.value(one.network, x) == fold(pieces * unit(x, box))
    assert functions(one) == one.claim.pieces == pieces


@pytest.mark.parametrize("teeth", [(3,), (3, 5), (2, 3, 7), (10, 10, 10)])
def test_sawtooth_with_rounded_parameters_has_its_pieces(teeth):
    for box in BOXES:
        one = built.sawtooth_deep(teeth, box)
        grid = one.target.domain.uniform(12 * one.claim.pieces + 1)[:, 0]
        assert al.regions.pieces_on_grid(one.network, grid) == one.claim.pieces


def test_two_teeth_with_linear_units_are_the_tent():
    grid = np.linspace(0, 1, 257)[:, None]
    ours = built.sawtooth_deep((2,) * 5, linear_units=True).network
    theirs = built.tent_deep(5).network
    assert np.array_equal(al.evaluate(ours, grid), al.evaluate(theirs, grid))
    assert ours.sizes == theirs.sizes
    assert ours.passthrough == theirs.passthrough


@pytest.mark.parametrize(
    "size",
    mostly_slow(
        [(w, depth) for w in range(1, 8) for depth in range(1, 6)],
        [(1, 1), (1, 4), (2, 1), (2, 2), (2, 5), (3, 1), (3, 3), (4, 2), (5, 2)],
    ),
)
def test_most_pieces(size):
    w, depth = size
    one = built.most_pieces(w, depth)
    expected = {1: min(depth + 1, 3), 2: 2 ** (depth + 1) - 1}.get(w, (w + 1) ** depth)
    assert functions(one) == one.claim.pieces == expected
    assert one.network.sizes == (1, *[w] * depth, 1)
    assert not any(one.network.passthrough)
    assert expected <= al.optimal.max_pieces(w, depth)
    laws.claim_holds(one)


def test_two_units_in_two_layers_have_at_most_seven_pieces(key):
    """Random networks of width 2 and depth 2: the proved maximum is not passed."""
    most = 0
    for k in jax.random.split(key, 15):
        net = al.MLP.init(k, 1, (2, 2), "relu", init="spread")
        pieces = al.regions.pieces(net, Box([-50.0], [50.0]))
        most = max(most, 1 + int(np.count_nonzero(np.diff(pieces.functions))))
    assert most <= 7


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("box", DYADIC)
@pytest.mark.parametrize("teeth", [(2, 2, 2), (4, 4), (8, 2)])
def test_square_in_fractions(teeth, box, linear):
    """The interpolant at the nodes lowered by half its error, which alternates at midpoints."""
    one = built.square_layered(teeth, box, linear_units=linear)
    n = int(np.prod(teeth))
    error = width(box) ** 2 / (8 * n * n)
    for j, x in enumerate(places(box, 2 * n)):
        assert rational.value(one.network, x) - x * x == (error if j % 2 else -error)
    assert Fraction(one.claim.bound.without_rounding) == error
    assert functions(one) == n


@pytest.mark.parametrize("teeth", [(3, 3), (5, 2, 3), (4, 4, 4), (2,) * 7, (100,)])
@pytest.mark.parametrize("box", BOXES)
def test_square_claims_by_exact_pieces(teeth, box):
    """The sup error on every piece: at its ends, and where the slopes agree."""
    for linear in (False, True):
        one = built.square_layered(teeth, box, linear_units=linear)
        pieces = al.regions.pieces(one.network, one.target.domain)
        ends = pieces.edges
        tops = np.clip(pieces.slopes / 2, ends[:-1], ends[1:])
        error = max(np.max(np.abs(pieces(t) - t**2)) for t in (ends, tops))
        assert error <= float(one.claim.bound)
        assert abs(error / one.claim.bound.without_rounding - 1) < 1e-9
        spoiled = built.square_layered(teeth, box, linear_units=linear).network
        spoiled = dataclasses.replace(
            spoiled, biases=(*spoiled.biases[:-1], spoiled.biases[-1] + error / 50)
        )
        with pytest.raises(AssertionError):
            laws.claim_holds(dataclasses.replace(one, network=spoiled))


def test_square_with_linear_units_has_the_sizes_of_the_deep_one():
    ours, theirs = built.square_layered((2,) * 6, linear_units=True), built.square_deep(6)
    assert ours.network.sizes == theirs.network.sizes
    assert ours.network.passthrough == theirs.network.passthrough
    assert ours.claim.bound.without_rounding == theirs.claim.bound.without_rounding


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("levels", [1, 2, 3, 6])
def test_takagi_in_fractions(levels, linear):
    """At multiples of 2^-12 the sum has 12 terms; its pieces are 2^N - 2^(N-2)."""
    one = built.takagi_deep(levels, linear_units=linear)
    middle = Fraction(1, 3 * 2**levels)
    for x in places(None, 2**8):
        terms = [fold(2**k * x) / 2**k for k in range(1, levels + 1)]
        assert abs(rational.value(one.network, x) - sum(terms) - middle) < Fraction(1, 2**50)
    assert functions(one) == one.claim.pieces == 2**levels - 2**levels // 4


@pytest.mark.parametrize("box", BOXES)
def test_takagi_error_is_attained(box):
    """At the ends the error is +2^-N / 3; where tent^N(t) = 2/3 it is -2^-N / 3."""
    for levels in (1, 5, 20, 40):
        one = built.takagi_deep(levels, box)
        edge = one.target.domain
        point = np.array([edge.lower[0] + edge.widths[0] / 3])
        for x, sign in ((np.array(edge.lower), 1), (point, -1)):
            error = float(one.network(jnp.asarray(x)) - one.target(jnp.asarray(x)))
            assert abs(error) <= float(one.claim.bound)
            if levels < 20:
                assert abs(error - sign * 2.0**-levels / 3) < 1e-9


@pytest.mark.parametrize(
    "parameters",
    mostly_slow(
        [(weight, p) for weight in (0.25, -0.25, 0.9, -0.9, 1 / 3) for p in (2, 3, 6)],
        [(0.25, 2), (-0.9, 3), (1 / 3, 6)],
    ),
)
def test_self_similar_functions(parameters):
    """The target against fractions, within what its claim leaves to rounding; then the claim."""
    weight, p = parameters
    one = built.self_similar_deep(weight, 5, p, Box([3.0], [5.0]))
    bound = one.claim.bound
    for x in np.linspace(3, 5, 8):
        t, terms = (Fraction(x) - 3) / 2, []
        for k in range(1, 300):
            t = fold(p * t)
            terms.append(float(t) * weight**k)
        value = float(one.target(jnp.array([x])))
        assert abs(sum(terms) - value) <= float(bound) - bound.without_rounding + 1e-14
        assert one.target.value_min <= value <= one.target.value_max
    laws.claim_holds(one)


def test_weight_one_quarter_is_a_parabola():
    one = built.self_similar_deep(0.25, 10)
    t = np.linspace(0, 1, 1001)
    assert np.max(np.abs(al.evaluate(one.target, t[:, None]) - t * (1 - t))) < 1e-12


@pytest.mark.parametrize(
    "build",
    [
        lambda box: built.sawtooth_deep((4, 3), box),
        lambda box: built.square_layered((4, 3, 2), box),
        lambda box: built.square_layered((2,) * 10, box, linear_units=True),
        lambda box: built.takagi_deep(9, box),
        lambda box: built.self_similar_deep(-0.6, 6, 3, box),
    ],
)
@pytest.mark.parametrize("box", BOXES)
def test_claims_hold_in_single_precision(build, box):
    with jax.enable_x64(False):
        one = build(box)
        assert one.network.dtype == jnp.float32
        claim = float(one.claim.bound)
        points = one.target.domain.uniform(5001).astype(np.float32)
        low = np.asarray(al.evaluate(one.network, points), np.float64)
    exact = build(box)
    values = np.asarray(al.evaluate(exact.target, points.astype(np.float64)))
    assert np.max(np.abs(low - values)) <= claim
    assert claim > float(exact.claim.bound)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: built.sawtooth_deep(4), "teeth: got 4, expected the numbers of pieces"),
        (lambda: built.sawtooth_deep(()), "teeth: got .*expected the numbers"),
        (lambda: built.sawtooth_deep((4, 1)), "teeth: got 1 in .*at least 2"),
        (lambda: built.sawtooth_deep((4, 2.0)), "teeth: got 2.0 in"),
        (lambda: built.sawtooth_deep((4, True)), "teeth: got True in"),
        (lambda: built.sawtooth_deep((10,) * 16), "teeth: .*for which rounding in float64"),
        (lambda: built.square_layered("44"), "teeth: got '44'"),
        (lambda: built.square_layered((2,) * 26), "teeth: .*expected at most 2\\^25"),
        (lambda: built.square_layered((2,), Box.unit(2)), "domain"),
        (lambda: built.most_pieces(0, 2), "width: got 0"),
        (lambda: built.most_pieces(3, 60), "depth: got 60, for which rounding"),
        (lambda: built.takagi_deep(0), "levels: got 0"),
        (lambda: built.takagi_deep(41), "levels: got 41, expected at most 40"),
        (lambda: built.self_similar_deep(1.0, 3), "weight: got 1.0"),
        (lambda: built.self_similar_deep(0, 3), "weight: got 0"),
        (lambda: built.self_similar_deep("a", 3), "weight: got 'a'"),
        (lambda: built.self_similar_deep(float("nan"), 3), "weight: got nan"),
        (lambda: built.self_similar_deep(0.5, 3, 1), "teeth: got 1"),
    ],
)
def test_what_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_domain_is_a_box():
    for call in (built.takagi_deep, built.square_layered, built.sawtooth_deep):
        with pytest.raises(TypeError, match="domain: got .*expected a Box"):
            call(3 if call is built.takagi_deep else (2, 2), (0.0, 1.0))
