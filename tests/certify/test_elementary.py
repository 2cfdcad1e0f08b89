"""Elementary functions of intervals: every value enclosed, and narrowly."""

import elementary_references as references
import numpy as np
import pytest
from sampling import mostly_slow

from approxlab.certify import _compositions as compositions
from approxlab.certify import _elementary as elementary
from approxlab.certify._intervals import Intervals
from approxlab.certify._rounding import UNIT

D, LEMMAS = references.D, references.LEMMAS


@pytest.fixture(autouse=True)
def many_digits():
    """In decimal arithmetic outside of the references too."""
    with references.localcontext() as context:
        context.prec = 80
        yield


POSITIVE = ("log", "sqrt")
LN2, HALF_PI = 0.6931471805599453, 1.5707963267948966


def hard_places(name):
    """Reduction boundaries, ends of the range, signs, zeros, subnormal numbers."""
    multiples = np.arange(-40, 41) * (HALF_PI if name in ("sin", "cos") else LN2 / 2)
    places = np.concatenate(
        [
            multiples,
            [0.0, -0.0, 2.0**-1074, -(2.0**-1074), 2.0**-1022, 1.5 * 2.0**-1030, 1e-300],
            [1 - 2.0**-53, 1.0, 1 + 2.0**-52, -1.0, 0.5, -0.5, 2.0, 19.05, 20.0, 22.0, -19.05],
            [-0.41415, -0.4141537, 0.41, -0.29, 0.4142135623730951, 0.09375, 0.03125],
            [26.5, 26.54, 27.2, 27.3, 27.5, -6.0, 0.7071067811865476, 1.4142135623730951],
            [36.7, 37.0, -37.0, 708.0, -708.0, 709.0, 709.78, -708.4, -745.0, -745.2, 745.0],
        ]
    )
    places = np.concatenate([places, np.nextafter(places, np.inf), np.nextafter(places, -np.inf)])
    return _in_domain(name, places)


def random_places(name, count, seed):
    """Near 0, of ordinary size, over the whole range, on a logarithmic scale."""
    rng = np.random.default_rng(seed)
    quarter = count // 4
    widest = 2.0**20 if name in ("sin", "cos") else 740.0
    small = np.ldexp(rng.uniform(1, 2, quarter), rng.integers(-1074, 0, quarter))
    places = np.concatenate(
        [
            rng.standard_normal(quarter),
            rng.uniform(-10, 10, quarter),
            rng.uniform(-widest, 709.0 if widest < 1000 else widest, quarter),
            small * rng.choice([-1, 1], quarter),
        ]
    )
    if name in (*POSITIVE, "cbrt", "arctan"):
        places[::5] = np.ldexp(places[::5], rng.integers(0, 300, places[::5].size))
    return _in_domain(name, places)


def _in_domain(name, places):
    if name in POSITIVE:
        places = np.abs(places)
        return places[places > 0]
    if name in ("erf", "erfc"):  # where the reference would need thousands of digits
        return np.where(np.abs(places) > 28, places / 27, places)
    return places[places > -1] if name == "log1p" else places


def failures(name, places, function=None):
    """Where the enclosure of one float misses the value or is wider than the lemma allows."""
    z = (function or getattr(elementary, name))(Intervals(places, places))
    missed, wide = [], []
    for x, lo, hi in zip(places, z.lo, z.hi, strict=True):
        exact = getattr(references, name)(float(x))
        slack = abs(exact) * references.SLACK
        if not (D(float(lo)) <= exact + slack and exact - slack <= D(float(hi))):
            missed.append(float(x))
        last_place = float(np.spacing(min(max(abs(lo), abs(hi)), 1e308)))
        allowed = (2 * LEMMAS[name] + 3) * last_place + 16 * 2.0**-1074
        if np.isfinite(hi - lo) and not hi - lo <= allowed:
            wide.append((float(x), (hi - lo) / last_place))
        if not np.isfinite(hi - lo) and abs(exact) < D("1.79e308"):
            wide.append((float(x), np.inf))
    return missed, wide


@pytest.mark.parametrize("name", LEMMAS)
def test_hard_places_are_enclosed_narrowly(name):
    assert failures(name, hard_places(name)) == ([], [])


@pytest.mark.parametrize("name", LEMMAS)
@pytest.mark.parametrize("seed", mostly_slow(range(6), always=[0]))
def test_random_places_are_enclosed_narrowly(name, seed):
    count = 400 if name == "erfc" else 1400
    assert failures(name, random_places(name, count, seed)) == ([], [])


def test_a_bound_that_is_too_small_is_found():
    def spoiled(z):
        found = elementary.tanh(z)
        middle = found.midpoint
        return Intervals(middle, middle + 0.25 * np.spacing(np.abs(middle)))

    missed, _ = failures("tanh", random_places("tanh", 400, 0), spoiled)
    assert len(missed) > 20


@pytest.mark.parametrize("name", LEMMAS)
def test_the_range_over_an_interval(name):
    """Every value inside is enclosed, and the range is not wider than the values at its ends."""
    rng = np.random.default_rng(3)
    centre = rng.uniform(-6, 6, 60)
    radius = 10.0 ** rng.uniform(-12, 0.5, 60)
    if name in POSITIVE:
        centre = np.abs(centre) + radius + 1e-3
    if name == "log1p":
        centre = np.abs(centre) + radius - 0.999
    z = Intervals(centre - radius, centre + radius)
    found = getattr(elementary, name)(z)
    for share in (0.0, 0.31, 0.77, 1.0):
        inside = np.clip(z.lo + share * (z.hi - z.lo), z.lo, z.hi)
        for x, lo, hi in zip(inside, found.lo, found.hi, strict=True):
            least, most = references.bracket(name, float(x))
            assert D(float(lo)) <= most
            assert least <= D(float(hi))


@pytest.mark.parametrize("name", LEMMAS)
def test_a_part_of_an_interval_has_a_part_of_the_range(name):
    """Up to the width of one kernel's bound, since kernels need not be monotone."""
    rng = np.random.default_rng(5)
    ends = np.sort(rng.uniform(-8, 8, (4, 300)), axis=0)
    if name in (*POSITIVE, "log1p"):
        ends = ends + 9.0
    function = getattr(elementary, name)
    whole = function(Intervals(ends[0], ends[3]))
    part = function(Intervals(ends[1], ends[2]))
    slack = (2 * LEMMAS[name] + 4) * 2 * UNIT * np.maximum(whole.magnitude, 2.0**-1000)
    assert (part.lo >= whole.lo - slack).all()
    assert (part.hi <= whole.hi + slack).all()


@pytest.mark.parametrize("name", ["sin", "cos"])
def test_extrema_inside_are_counted(name):
    extrema = (np.arange(-50, 50) + (0.5 if name == "sin" else 0.0)) * np.pi
    for radius in (1e-8, 1e-3, 1.0):
        found = getattr(elementary, name)(Intervals(extrema - radius, extrema + radius))
        reached = np.where(np.arange(100) % 2 == 0, found.hi, -found.lo)
        assert (reached == 1.0).all()
    wide = getattr(elementary, name)(Intervals(np.array([-1.0]), np.array([9.0])))
    assert (wide.lo[0], wide.hi[0]) == (-1.0, 1.0)
    far = getattr(elementary, name)(Intervals.exact([3.0e7]))
    assert (far.lo[0], far.hi[0]) == (-1.0, 1.0)


def test_outside_of_the_domain_nothing_is_known():
    z = Intervals(np.array([-1.0, 0.0, -3.0]), np.array([1.0, 1.0, -2.0]))
    assert not np.isfinite(elementary.log(z).lo).any()
    assert np.isposinf(elementary.log(z).hi).all()
    assert np.isneginf(elementary.sqrt(z).lo).tolist() == [True, False, True]
    assert np.isneginf(elementary.log1p(z).lo).tolist() == [True, False, True]


@pytest.mark.parametrize("name", LEMMAS)
def test_unbounded_intervals(name):
    """The range over a half-line holds the values at every float in it."""
    z = Intervals(np.array([-np.inf, 0.5]), np.array([-0.25, np.inf]))
    found = getattr(elementary, name)(z)
    for x in (0.5, 3.0, 25.0):
        least, most = references.bracket(name, x)
        assert D(float(found.lo[1])) <= most, x
        assert least <= D(float(found.hi[1])), x
    if name not in (*POSITIVE, "log1p"):
        for x in (-0.25, -3.0, -20.0):
            least, most = references.bracket(name, x)
            assert D(float(found.lo[0])) <= most, x
            assert least <= D(float(found.hi[0])), x
    if name in ("exp", "expm1", "softplus", "log", "log1p", "sqrt", "cbrt"):
        assert found.hi[1] == np.inf


def test_shapes_stay():
    for shape in ((), (3,), (2, 3), (5000,), (3, 0)):
        z = Intervals(np.full(shape, 0.25), np.full(shape, 0.5))
        for name in LEMMAS:
            assert getattr(elementary, name)(z).shape == shape


def test_blocks_do_not_show():
    x = np.linspace(-5, 5, 10_000)
    whole = elementary.tanh(Intervals(x, x + 0.1))
    for place in (0, 4095, 4096, 9999):
        single = elementary.tanh(Intervals(x[place], x[place] + 0.1))
        assert (whole.lo[place], whole.hi[place]) == (single.lo, single.hi)


def _hyperbolic(x, sign):
    with references.localcontext() as context:
        context.prec = 90
        return ((D(x)).exp() + sign * (-D(x)).exp()) / 2


def test_compositions():
    """Real powers, sinh, cosh and tan."""
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.01, 9, 200), rng.uniform(-5, 5, 200)
    found = compositions.power(Intervals(x, x), Intervals(y, y))
    sinh, cosh = compositions.sinh(Intervals(y, y)), compositions.cosh(Intervals(y, y))
    tan = compositions.tan(Intervals(y, y))
    for i in range(200):
        exact = D(float(x[i])) ** D(float(y[i]))
        assert D(found.lo[i]) <= exact <= D(found.hi[i])
        assert D(sinh.lo[i]) <= _hyperbolic(y[i], -1) <= D(sinh.hi[i])
        assert D(cosh.lo[i]) <= _hyperbolic(y[i], 1) <= D(cosh.hi[i])
        ratio = references.sin(y[i]) / references.cos(y[i])
        assert D(tan.lo[i]) <= ratio <= D(tan.hi[i])
    assert (found.width <= 1e-13 * found.magnitude).all()
    half = Intervals(np.array(0.5), np.array(0.5))
    at_zero = compositions.power(Intervals(np.array([0.0, -1.0]), np.array([4.0, 4.0])), half)
    assert at_zero.lo[0] == 0.0
    assert 2.0 <= at_zero.hi[0] <= 2.0 + 1e-14
    assert at_zero.lo[1] == -np.inf
    pole = compositions.tan(Intervals(np.array([1.5]), np.array([1.6])))
    assert (pole.lo[0], pole.hi[0]) == (-np.inf, np.inf)
