"""Ranges of activations and their derivatives: enclosed, and sharp."""

import itertools

import elementary_references as references
import numpy as np
import pytest
from sampling import mostly_slow

from approxlab.certify import _activation_points as points
from approxlab.certify._activation_ranges import CRITICAL, derivatives
from approxlab.certify._intervals import Intervals
from approxlab.networks.activations import ACTIVATIONS

D = references.D


@pytest.fixture(autouse=True)
def many_digits():
    """In decimal arithmetic outside of the references too."""
    with references.localcontext() as context:
        context.prec = 80
        yield


def _tanh(x):
    t = references.tanh(x)
    s = 1 - t * t
    return [t, s, -2 * t * s, s * (6 * t * t - 2)]


def _sigmoid(x):
    p, q = references.logistic(x), references.logistic(-x)
    s = p * q
    return [p, s, s * (q - p), s * (1 - 6 * s)]


def _swish(x):
    p = _sigmoid(x)
    return [x * p[0], p[0] + x * p[1], 2 * p[1] + x * p[2], 3 * p[2] + x * p[3]]


def _gelu(x):
    density = (-x * x / 2).exp() / (2 * references.pi(60)).sqrt()
    share = references.erfc(-x / D(2).sqrt()) / 2
    return [x * share, share + x * density, density * (2 - x * x), x * density * (x * x - 4)]


def _sin(x):
    s, c = references.sin(x), references.cos(x)
    return [s, c, -s, -c]


def _relu_power(power):
    def values(x):
        found, factor = [], D(1)
        for left in range(power, power - 4, -1):
            found.append(factor * x**left if x > 0 and left >= 0 else D(0))
            factor *= max(left, 0)
        return found

    return values


def _linear(slope):
    return lambda x: [x if x > 0 else slope * x, D(1) if x > 0 else slope, D(0), D(0)]


EXACT = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": lambda x: [references.softplus(x), *_sigmoid(x)[:3]],
    "swish": _swish,
    "gelu": _gelu,
    "sin": _sin,
    "relu": _linear(D(0)),
    "leaky_relu": _linear(D(0.01)),
    "abs": _linear(D(-1)),
    "identity": _linear(D(1)),
    "relu2": _relu_power(2),
    "relu3": _relu_power(3),
    "relu4": _relu_power(4),
    "heaviside": lambda x: [D(x > 0), D(0), D(0), D(0)],
}


def random_intervals(seed, count):
    rng = np.random.default_rng(seed)
    centre = rng.uniform(-7, 7, count)
    radius = 10.0 ** rng.uniform(-10, 0.8, count)
    return Intervals(centre - radius, centre + radius)


def test_every_activation_has_ranges():
    assert set(EXACT) == set(ACTIVATIONS)


@pytest.mark.parametrize("name", EXACT)
@pytest.mark.parametrize("seed", mostly_slow(range(10), always=[0]))
def test_values_inside_are_enclosed(name, seed):
    z = random_intervals(seed, 25)
    found = derivatives(name, z, 3)
    for place in range(25):
        for share in (0.0, 0.23, 0.61, 1.0):
            x = np.clip(z.lo[place] + share * (z.hi[place] - z.lo[place]), z.lo[place], z.hi[place])
            for order, exact in enumerate(EXACT[name](D(float(x)))):
                lo, hi = D(float(found[order].lo[place])), D(float(found[order].hi[place]))
                slack = abs(exact) * references.SLACK
                assert lo <= exact + slack, (order, x)
                assert exact - slack <= hi, (order, x)


@pytest.mark.parametrize("name", EXACT)
def test_points_are_enclosed_narrowly(name):
    rng = np.random.default_rng(8)
    x = np.concatenate([rng.uniform(-9, 9, 40), [0.5, -0.5, 20.0, -20.0, 1e-9, -1e-9]])
    found = derivatives(name, Intervals.exact(x), 3)
    for place, value in enumerate(x):
        for order, exact in enumerate(EXACT[name](D(float(value)))):
            lo, hi = D(float(found[order].lo[place])), D(float(found[order].hi[place]))
            slack = abs(exact) * references.SLACK
            assert lo <= exact + slack
            assert exact - slack <= hi
            assert hi - lo <= D("2e-14") * max(1, abs(exact), D(float(abs(value)) ** 4))


@pytest.mark.parametrize("name", EXACT)
def test_ranges_are_sharp(name):
    """As wide as the values at 2000 points inside, up to the distance of the points."""
    rng = np.random.default_rng(2)
    centres, radii = rng.uniform(-5, 5, 20), 10.0 ** rng.uniform(-3, 0.5, 20)
    for centre, radius in zip(centres, radii, strict=True):
        x = np.linspace(centre - radius, centre + radius, 2001)
        if (x[0] <= 0 <= x[-1]) and name not in CRITICAL and name != "sin":
            continue  # where a derivative jumps the range is more than its values
        at_points = derivatives(name, Intervals.exact(x), 3)
        whole = derivatives(name, Intervals(x[:1], x[-1:]), 3)
        for order in range(4):
            slack = 30.0 * (radius / 1000) ** 2 + 1e-12 * (1 + whole[order].magnitude[0])
            assert whole[order].lo[0] >= at_points[order].lo.min() - slack
            assert whole[order].hi[0] <= at_points[order].hi.max() + slack


@pytest.mark.parametrize("name", CRITICAL)
@pytest.mark.parametrize("order", [0, 1, 2])
def test_the_next_derivative_changes_its_sign_at_the_zeros(name, order):
    """Proved in intervals 1e-10 on either side; the signs hold on a fine partition in between."""
    zeros = np.array([-15.0, *CRITICAL[name][order], 15.0])
    signs = []
    for left, right in itertools.pairwise(zeros):
        near = np.geomspace(1e-10, 0.5 * (right - left), 4000)
        places = np.unique(np.concatenate([left + near, right - near]))
        pieces = Intervals(places[:-1], places[1:])
        slope = points.POINTS[name](pieces, order + 1)[order + 1]
        decided = (slope.lo > 0) | (slope.hi < 0)
        ends = derivatives(name, Intervals.exact(places), order + 1)[order + 1]
        positive, negative = (ends.lo > 0), (ends.hi < 0)
        assert (positive | negative).all()
        assert positive.all() or negative.all()
        assert decided.mean() > 0.9
        signs.append(bool(positive[0]))
    assert all(a != b for a, b in itertools.pairwise(signs))


@pytest.mark.parametrize("name", CRITICAL)
def test_the_third_derivative_turns_at_the_zeros_of_the_fourth(name):
    zeros = np.array(CRITICAL[name][3])
    at_zero, left, right = (
        derivatives(name, Intervals.exact(zeros + shift), 3)[3] for shift in (0.0, -1e-4, 1e-4)
    )
    peak = (at_zero.lo > left.hi) & (at_zero.lo > right.hi)
    valley = (at_zero.hi < left.lo) & (at_zero.hi < right.lo)
    assert (peak | valley).all()


def test_known_extrema():
    """The largest second derivative of tanh is 4 / (3 sqrt 3), of the sigmoid 1 / (6 sqrt 3)."""
    everywhere = Intervals(np.array([-9.0]), np.array([9.0]))
    for name, extremum in [("tanh", 4 / 27**0.5), ("sigmoid", 1 / (6 * 3**0.5))]:
        second = derivatives(name, everywhere, 2)[2]
        assert abs(second.hi[0] - extremum) < 1e-14
        assert abs(second.lo[0] + extremum) < 1e-14
    slope = derivatives("gelu", everywhere, 1)[1]
    assert abs(slope.hi[0] - 1.1289041451) < 1e-9
    assert abs(derivatives("swish", everywhere, 0)[0].lo[0] + 0.27846454276) < 1e-10


@pytest.mark.parametrize("name", EXACT)
def test_unbounded_and_empty_arrays(name):
    z = Intervals(np.array([-np.inf, -np.inf, 1.0]), np.array([np.inf, -1.0, np.inf]))
    found = derivatives(name, z, 3)
    for order, exact in enumerate(EXACT[name](D(2))):
        for place in (0, 2):
            assert D(float(found[order].lo[place])) <= exact <= D(float(found[order].hi[place]))
    for order, exact in enumerate(EXACT[name](D(-2))):
        assert D(float(found[order].lo[1])) <= exact <= D(float(found[order].hi[1]))
    assert derivatives(name, Intervals(np.zeros((0, 2)), np.zeros((0, 2))), 2)[2].shape == (0, 2)


def test_kinks_and_jumps():
    z = Intervals(np.array([-1.0, 0.0]), np.array([1.0, 0.0]))
    value, slope, second, _ = derivatives("relu", z, 3)
    assert (value.lo[0], value.hi[0]) == (0.0, 1.0)
    assert (slope.lo.tolist(), slope.hi.tolist()) == ([0.0, 0.0], [1.0, 1.0])
    assert np.isposinf(second.hi).all()
    step, slope = derivatives("heaviside", z, 1)
    assert (step.lo.tolist(), step.hi.tolist()) == ([0.0, 0.0], [1.0, 1.0])
    assert np.isposinf(slope.hi).all()
    single = derivatives("leaky_relu", Intervals.exact([-1.0]), 1, "float32")
    assert single[1].lo[0] == float(np.float32(0.01))
    assert single[0].contains(-float(np.float32(0.01))).all()


def test_misuse():
    z = Intervals.exact([0.0])
    with pytest.raises(ValueError, match="name: got 'gold', expected one of abs, gelu"):
        derivatives("gold", z, 1)
    for order in (4, -1, True, 1.5):
        with pytest.raises(ValueError, match="order: got"):
            derivatives("tanh", z, order)
