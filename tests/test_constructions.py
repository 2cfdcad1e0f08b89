"""Every construction keeps its claim, on boxes away from the origin; exact cases exactly."""

import dataclasses
from fractions import Fraction
from functools import cache, partial

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab import Box
from approxlab import constructions as built

BOXES = [Box([0.0], [1.0]), Box([3.0], [5.0]), Box([-7.0], [-2.0])]
PLANE = Box([3.0, -7.0], [5.0, -2.0])
BELL = al.Target(
    lambda q: jnp.exp(-q[0]), domain=Box([0.0], [40.0]), lipschitz=1.0, second_derivative=1.0
)
SMOOTH_1D = ["square", "cube", "exp", "sine2", "sine4", "runge", "chirp", "kink", "tent"]


def target(name, box=None, **parameters):
    found = al.targets.get(name, **parameters)
    return found if box is None else found.moved_to(box)


# Recipes: collecting the tests builds nothing.
CASES = {
    "relu_interpolant": [
        partial(built.relu_interpolant, target(name, box), n)
        for name in SMOOTH_1D
        for box in BOXES
        for n in (1, 7, 32)
    ],
    "square_shallow": [
        partial(built.square_shallow, n, box) for n in (1, 2, 7, 64) for box in BOXES
    ],
    "square_deep": [partial(built.square_deep, n, box) for n in (1, 2, 5, 9) for box in BOXES],
    "tent_shallow": [partial(built.tent_shallow, k) for k in (1, 3, 7)],
    "step": [
        partial(built.step, 100, -20),
        partial(built.step, -5.0, 3.0, 2.0),
        partial(built.step, 3, -1, margin=0),
    ],
    "bump": [
        partial(built.bump, 100, -20, -40),
        partial(built.bump, 100, -60, -80, 2.0, domain=BOXES[0]),
    ],
    "staircase": [
        partial(built.staircase, target(name, box), 32, gain, jumps=jumps, halo=halo)
        for name in ["square", "kink", "sine2"]
        for box in BOXES
        for jumps, gain, halo in [("classical", 32, 0), ("midpoint", 64, 0), ("midpoint", 0.5, 8)]
    ],
    "costarelli_spigler": [
        partial(built.costarelli_spigler, target(name, BOXES[1]), 31, gain)
        for name in ["square", "kink", "sine2"]
        for gain in (0.5, 2.0, 64)
    ],
    "cybenko": [
        partial(built.cybenko, target(name, box), 0.02, activation=activation)
        for name, activation in [("square", "relu"), ("kink", "tanh"), ("runge", "sigmoid")]
        for box in BOXES
    ],
    "tower": [
        partial(built.tower, Box([0.25, 0.5], [0.5, 0.75]), gain=16.0),
        partial(built.tower, Box([4.0], [4.5]), BOXES[1], 40.0, activation="tanh"),
        partial(built.tower, Box([3.0, -7.0], [3.5, -6.0]), Box([3.0, -7.0], [5.0, -2.0])),
    ],
    "orthant_sum": [
        partial(built.orthant_sum, target("square", BOXES[2]), 9),
        partial(built.orthant_sum, target("bump", dim=3), 3, activation="tanh"),
        partial(built.orthant_sum, target("sine_product"), (5, 8), 64.0),
    ],
    "ridge_sum": [
        partial(built.ridge_sum, target("oscillatory", dim=3), 0.1, activation="relu"),
        partial(built.ridge_sum, target("sine_product"), 0.05),
    ],
    "tent_deep": [partial(built.tent_deep, k) for k in (1, 3, 10)],
    "ball_indicator": [
        partial(built.ball_indicator, 1, 0.05),
        partial(built.ball_indicator, 3, 0.125, depth=3),
        partial(built.ball_indicator, 2, 0.1, 0.7, PLANE, center=[3.5, -3.0]),
    ],
    "l1_norm": [partial(built.l1_norm, d) for d in (1, 2, 5)]
    + [partial(built.l1_norm, 2, PLANE, linear_units=True)],
    "maximum": [partial(built.maximum, d) for d in (1, 2, 5)]
    + [partial(built.maximum, 2, PLANE, linear_units=True)],
    "median_of_three": [partial(built.median_of_three, linear_units=one) for one in (False, True)],
    "minimum": [partial(built.minimum, 3), partial(built.minimum, 2, PLANE)],
    "most_pieces": [partial(built.most_pieces, *s) for s in ((1, 3), (2, 4), (3, 3), (5, 2))],
    "radial_function": [
        partial(built.radial_function, BELL, 16, 64, PLANE, depth=depth) for depth in (2, 3)
    ],
    "sawtooth_deep": [
        partial(built.sawtooth_deep, teeth, box, linear_units=linear)
        for teeth, linear in [((7,), False), ((2, 5, 3), True), ((4, 4, 4), False)]
        for box in BOXES
    ],
    "self_similar_deep": [
        partial(built.self_similar_deep, -0.5, 5),
        partial(built.self_similar_deep, 0.7, 4, 3, BOXES[2]),
        partial(built.self_similar_deep, -0.3, 6, 5, linear_units=True),
    ],
    "square_layered": [
        partial(built.square_layered, teeth, box, linear_units=linear)
        for teeth, linear in [((4, 4), False), ((2, 3, 5), True), ((8, 8, 8), False)]
        for box in BOXES
    ],
    "takagi_deep": [partial(built.takagi_deep, n, box) for n in (1, 6, 12) for box in BOXES],
    "product_deep": [
        partial(built.product_deep, 3, Box([3.0, -7.0], [5.0, -2.0])),
        partial(built.product_deep, 2, squares=3, shifted=False),
        partial(built.product_deep, domain=Box([1.0, 3.0, -7.0], [2.0, 5.0, -2.0]), eps=0.1),
    ],
    "sum_of_squares_deep": [
        partial(built.sum_of_squares_deep, 3, Box([3.0, -7.0], [5.0, -2.0]), shifted=shifted)
        for shifted in (True, False)
    ],
    "sum_of_squares_shallow": [
        partial(built.sum_of_squares_shallow, 5, Box([3.0, -7.0], [5.0, -2.0]), shifted=shifted)
        for shifted in (True, False)
    ],
    "monomial_deep": [partial(built.monomial_deep, 3, 0.1, domain=box) for box in BOXES],
    "polynomial_deep": [
        partial(built.polynomial_deep, [1, -2, 3, 1, -1], 1e-2, basis="legendre", domain=box)
        for box in BOXES
    ],
    "relu2_polynomial": [
        partial(built.relu2_polynomial, [1, -2, 3, 1, -1, 2], basis="chebyshev", domain=box)
        for box in BOXES
    ],
}
ALL = [(name, i) for name, cases in CASES.items() for i in range(len(cases))]


@cache
def case(name, i):
    return CASES[name][i]()


def test_every_construction_is_held_to_the_laws():
    assert set(CASES) == set(built.CONSTRUCTIONS)


@pytest.mark.parametrize(("name", "i"), ALL)
def test_claim_and_size(name, i):
    construction = case(name, i)
    laws.claim_holds(construction)
    laws.size_is_claimed(construction)
    assert construction.claim.source
    assert construction.network.dtype == jnp.float64


OFTEN = ("bump", "cybenko", "orthant_sum", "polynomial_deep", "square_deep", "takagi_deep", "tower")


@pytest.mark.parametrize("name", mostly_slow(sorted(CASES), OFTEN))
def test_transformations(name, key):
    construction = case(name, len(CASES[name]) - 1)
    net, box = construction.network, construction.target.domain
    points = box.random(key, 16)
    scale = laws.coefficient_sum(net) * max(1.0, float(np.max(np.abs(box.corners()))))
    laws.jit_is_eager(net, points[0], scale=scale)
    laws.vmap_is_loop(net, points, scale=scale)
    laws.scales_exactly(
        lambda p: al.evaluate(net, p), lambda p: al.evaluate(al.postcompose(net, 8.0), p), points, 3
    )


@pytest.mark.parametrize("name", sorted(CASES))
def test_spoiled_twins_fail(name):
    construction = case(name, len(CASES[name]) - 1)
    claim = construction.claim
    shifted = construction.network.biases[-1] + 0.01 + 2 * float(claim.bound)
    network = dataclasses.replace(
        construction.network, biases=(*construction.network.biases[:-1], shifted)
    )
    with pytest.raises(AssertionError):
        laws.claim_holds(dataclasses.replace(construction, network=network))
    wrong_size = dataclasses.replace(claim, num_hidden_units=claim.num_hidden_units + 1)
    with pytest.raises(AssertionError):
        laws.size_is_claimed(dataclasses.replace(construction, claim=wrong_size))
    if claim.bound.attained and claim.bound.without_rounding > 0:
        more = 1.01 * float(claim.bound)
        larger = al.Bound(more, "spoiled", without_rounding=more, attained=True)
        with pytest.raises(AssertionError):
            laws.claim_holds(
                dataclasses.replace(construction, claim=dataclasses.replace(claim, bound=larger))
            )


@pytest.mark.parametrize("levels", range(1, 13))
def test_deep_square_is_exact_on_dyadic_points(levels):
    """Sup error 2^(-2N-3) to 1e-12 relative, 2^N pieces: nothing with N ReLUs is better."""
    net = built.square_deep(levels).network
    points = np.arange(2 ** (levels + 2) + 1) / 2 ** (levels + 2)
    error = np.max(np.abs(np.asarray(al.evaluate(net, points[:, None])) - points**2))
    assert abs(error / 2.0 ** (-2 * levels - 3) - 1) < 1e-12
    assert al.regions.pieces_on_grid(net, points) == 2**levels
    assert (net.num_hidden_units, net.depth) == (levels, levels)


@pytest.mark.parametrize("levels", [1, 2, 3, 4])
def test_deep_square_against_exact_rationals(levels):
    """The oracle: the sawtooth sum in fractions."""
    net = built.square_deep(levels).network
    for j in range(2 ** (levels + 1) + 1):
        x = Fraction(j, 2 ** (levels + 1))
        tooth, total = x, x - Fraction(1, 2 ** (2 * levels + 3))
        for k in range(1, levels + 1):
            tooth = 2 * tooth if tooth <= Fraction(1, 2) else 2 - 2 * tooth
            total -= tooth / 4**k
        assert Fraction(float(net(jnp.array([float(x)])))) == total


@pytest.mark.parametrize("k", [1, 2, 5, 9])
def test_tents_are_exact(k):
    points = np.arange(2 ** (k + 2) + 1) / 2 ** (k + 2)
    target = np.asarray(al.evaluate(al.targets.get("tent", k=k), points[:, None]))
    for construction in (built.tent_deep(k), built.tent_shallow(k)):
        values = np.asarray(al.evaluate(construction.network, points[:, None]))
        assert np.array_equal(values, target)
        assert al.regions.pieces_on_grid(construction.network, points) == 2**k


@pytest.mark.parametrize("n", [4, 16, 64])
def test_published_interpolation_errors(n):
    """Sup error 1/(4 n^2) for x^2: 9.8e-4 at 16 and 6.1e-5 at 64 pieces, as in the literature."""
    construction = built.relu_interpolant(al.targets.get("square"), n)
    assert construction.claim.bound.attained
    assert construction.claim.bound.without_rounding == 1 / (4 * n * n)
    laws.claim_holds(construction)


def test_exactness_does_not_hang_on_a_name():
    impostor = al.Target(
        lambda x: jnp.sin(x[0]), domain=Box.unit(), name="square", second_derivative=1.0
    )
    claim = built.relu_interpolant(impostor, 4).claim
    assert not claim.bound.attained
    assert claim.pieces is None


def test_single_precision_pieces_are_counted():
    net = jax.tree.map(lambda leaf: leaf.astype("float32"), built.square_shallow(100).network)
    assert al.regions.pieces_on_grid(net, np.linspace(0, 1, 1001)) == 100


def test_interpolation_converges_with_order_two():
    target = al.targets.get("exp").moved_to(Box([3.0], [5.0]))
    sizes = [16, 32, 64, 128, 256]
    errors = [
        float(al.errors.sup(built.relu_interpolant(target, n).network, target)) for n in sizes
    ]
    assert abs(al.errors.rate(sizes, errors).slope + 2) < 0.05


def test_kinks_on_nodes_are_reproduced():
    hat = al.Target(lambda x: jnp.abs(x[0] - 0.25), domain=Box.unit(), name="hat", lipschitz=1.0)
    construction = built.relu_interpolant(hat, 4)
    assert float(al.errors.sup(construction.network, hat)) <= 4 * np.finfo(float).eps


def test_shallow_needs_exponentially_more_units():
    """Equal error: N ReLUs in N layers against 2^N in one."""
    for levels in range(1, 10):
        deep, shallow = built.square_deep(levels), built.square_shallow(2**levels)
        bounds = [one.claim.bound.without_rounding for one in (deep, shallow)]
        assert bounds[0] == bounds[1]
        assert shallow.network.num_hidden_units == 2**levels


def test_network_can_be_trained_on(key):
    """A construction is an ordinary pytree: gradients reach every layer."""
    net = built.square_deep(3).network
    slope = jax.grad(lambda m: m(jnp.array([0.3])))(net)
    assert all(bool(jnp.any(leaf != 0)) for leaf in slope.weights)


@pytest.mark.parametrize(
    "build",
    [
        lambda: built.square_deep(5, Box([0.0], [1e160])),
        lambda: built.square_shallow(5, Box([-1e160], [1.0])),
        lambda: built.relu_interpolant(
            al.Target(lambda x: x[0] ** 2, domain=Box([0.0], [1e154]), second_derivative=2.0), 10
        ),
    ],
)
def test_networks_whose_sums_overflow_are_refused(build):
    with pytest.raises(ValueError, match="what float64 holds with room"):
        build()
