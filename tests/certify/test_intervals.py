"""Interval arithmetic against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from sampling import mostly_slow

from approxlab.certify._intervals import Intervals
from approxlab.certify._rounding import LARGEST, down, gamma, multiply_up, up

SPECIAL = [0.0, -0.0, 2.0**-1074, -(2.0**-1074), 2.0**-1022, 1.0, -1.0, 1 / 3, LARGEST, -LARGEST]


def F(x):
    return Fraction(float(x))


def random_numbers(rng, count):
    """Ordinary ones, ones of any size and special ones."""
    wild = np.ldexp(rng.uniform(-1, 1, count), rng.integers(-1070, 1020, count))
    tame = rng.standard_normal(count)
    kind = rng.integers(0, 5, count)
    special = rng.choice(SPECIAL, count)
    return np.where(kind == 0, special, np.where(kind <= 2, wild, tame))


def random_intervals(rng, count):
    a, b = random_numbers(rng, count), random_numbers(rng, count)
    b = np.where(rng.integers(0, 3, count) == 0, a, b)
    return Intervals(np.minimum(a, b), np.maximum(a, b))


def encloses(z, place, exact):
    lo, hi = z.lo[place], z.hi[place]
    return (lo == -np.inf or F(lo) <= exact) and (hi == np.inf or exact <= F(hi))


OPERATIONS = {
    "add": (lambda x, y: x + y, lambda x, y: x + y),
    "subtract": (lambda x, y: x - y, lambda x, y: x - y),
    "multiply": (lambda x, y: x * y, lambda x, y: x * y),
    "divide": (lambda x, y: x / y, lambda x, y: x / y if y else None),
    "minimum": (lambda x, y: x.minimum(y), min),
    "maximum": (lambda x, y: x.maximum(y), max),
    "square": (lambda x, y: x.square(), lambda x, y: x * x),
    "absolute": (lambda x, y: abs(x), lambda x, y: abs(x)),
    "negative": (lambda x, y: -x, lambda x, y: -x),
    "scaled": (lambda x, y: x.scaled(-0.25), lambda x, y: -x / 4),
    "cube": (lambda x, y: x.power(3), lambda x, y: x**3),
    "fourth power": (lambda x, y: x.power(4), lambda x, y: x**4),
    "reciprocal cube": (lambda x, y: x.power(-3), lambda x, y: x**-3 if x else None),
    "hull": (lambda x, y: x.hull(y), lambda x, y: (x + y) / 2),
}


def points_of(z, place, rng):
    """Both ends and some numbers between, as fractions."""
    lo, hi = F(z.lo[place]), F(z.hi[place])
    shares = [Fraction(0), Fraction(1), Fraction(int(rng.integers(0, 1000)), 1000)]
    return [lo + share * (hi - lo) for share in shares] + [Fraction(0)] * (lo <= 0 <= hi)


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("seed", mostly_slow(range(20), always=[0]))
def test_exact_results_are_enclosed(name, seed):
    """Of the ends and of numbers inside, in exact arithmetic."""
    rng = np.random.default_rng(seed)
    x, y = random_intervals(rng, 150), random_intervals(rng, 150)
    operate, exactly = OPERATIONS[name]
    found = operate(x, y)
    for place in range(150):
        for a in points_of(x, place, rng):
            for b in points_of(y, place, rng):
                exact = exactly(a, b)
                assert exact is None or encloses(found, place, exact), (x[place], y[place])


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "square", "absolute"])
def test_points_are_enclosed_narrowly(name):
    """Two units in the last place, four for quotients; none where the operation is exact."""
    rng = np.random.default_rng(1)
    x, y = (Intervals.exact(rng.standard_normal(5000)) for _ in range(2))
    found = OPERATIONS[name][0](x, y)
    width = (found.hi - found.lo) / np.spacing(found.magnitude)
    assert width.max() <= {"divide": 4, "absolute": 0}.get(name, 2)


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_part_has_a_part_of_the_results(name):
    rng = np.random.default_rng(2)
    ends = np.sort(rng.standard_normal((4, 2000)), axis=0)
    other = np.sort(rng.standard_normal((4, 2000)), axis=0)
    whole = OPERATIONS[name][0](Intervals(ends[0], ends[3]), Intervals(other[0], other[3]))
    part = OPERATIONS[name][0](Intervals(ends[1], ends[2]), Intervals(other[1], other[2]))
    assert (whole.lo <= part.lo).all()
    assert (part.hi <= whole.hi).all()


def test_sums_of_any_length():
    rng = np.random.default_rng(3)
    for shape, axis in [((7, 30), 0), ((7, 30), 1), ((4, 5, 6), (0, 2)), ((50,), None)]:
        values = np.ldexp(rng.standard_normal(shape), rng.integers(-60, 60, shape))
        z = Intervals(values, values + np.abs(values) * 1e-9)
        found = z.sum(axis)
        ends = np.vectorize(F)
        below, above = ends(z.lo).sum(axis=axis), ends(z.hi).sum(axis=axis)
        pairs = zip(np.ravel(below), np.ravel(above), found.lo.ravel(), found.hi.ravel(),
                    strict=True)  # fmt: skip
        for a, b, lo, hi in pairs:
            assert F(lo) <= a <= b <= F(hi)
    for count in (20, 200):
        sizes = np.abs(rng.standard_normal(count))
        exact = sum(map(F, sizes))
        assert F(Intervals(-sizes, 0 * sizes).sum(0).lo) <= -exact
        assert F(Intervals(0 * sizes, sizes).sum(0).hi) >= exact
        least = (count - 1) * 2.0**-53 * sizes.sum()
        assert Intervals(-sizes, 0 * sizes).sum(0).lo <= -sizes.sum() - least * (1 - 1e-9)
        assert Intervals(0 * sizes, sizes).sum(0).hi >= sizes.sum() + least * (1 - 1e-9)
    cancelling = Intervals.exact(np.array([1e16, 1.0, -1e16, 2.0**-60]))
    found = cancelling.sum(0)
    assert F(found.lo) <= 1 + F(2.0**-60) <= F(found.hi)
    overflowing = Intervals.exact([LARGEST, LARGEST, -LARGEST])
    assert overflowing.sum(0).contains(LARGEST)
    unbounded = Intervals(np.array([-np.inf, 1.0]), np.array([0.0, 2.0]))
    assert unbounded.sum(0).lo == -np.inf
    assert unbounded.sum(0).hi >= 2.0


def test_division_by_intervals_with_zero():
    """Half-lines where 0 is one end, nothing known where it is inside."""
    x = Intervals(
        np.array([1.0, 1.0, -2.0, 1.0, -1.0, 0.0]), np.array([2.0, 2.0, -1.0, 2.0, 1.0, 0.0])
    )
    y = Intervals(
        np.array([-1.0, 0.0, 0.0, -4.0, 0.0, 0.0]), np.array([1.0, 4.0, 4.0, -0.0, 1.0, 0.0])
    )
    found = x / y
    assert found.lo.tolist()[0] == -np.inf
    assert found.hi.tolist()[0] == np.inf
    assert 0.2499 < found.lo[1] <= 0.25
    assert found.hi[1] == np.inf
    assert -0.25 <= found.hi[2] < -0.2499
    assert found.lo[2] == -np.inf
    assert -0.25 <= found.hi[3] < -0.2499
    assert found.lo[3] == -np.inf
    assert np.isneginf(found.lo[4:]).all()
    assert np.isposinf(found.hi[4:]).all()


def test_overflow_and_underflow():
    big = Intervals.exact([LARGEST])
    assert (big + big).lo[0] >= LARGEST * 0.999
    assert (big + big).hi[0] == np.inf
    assert (big * big).hi[0] == np.inf
    assert (big * big).lo[0] < np.inf
    assert (-big - big).hi[0] <= -LARGEST * 0.999
    small = Intervals.exact([2.0**-1074])
    assert (small * small).lo[0] <= 0.0 < (small * small).hi[0]
    assert small.scaled(0.5).lo[0] <= 0.0 < small.scaled(0.5).hi[0]
    assert big.scaled(2.0).hi[0] == np.inf
    assert big.scaled(2.0).lo[0] < np.inf


def test_zero_times_unbounded_is_zero():
    zero = Intervals.exact([0.0])
    found = zero * Intervals.entire((1,))
    assert found.contains(0.0).all()
    assert found.width[0] < 1e-300
    half_line = Intervals(np.array([0.0]), np.array([np.inf]))
    product = half_line * Intervals(np.array([-1.0]), np.array([0.0]))
    assert product.lo[0] == -np.inf
    assert product.hi[0] >= 0.0


def test_nan_means_nothing_is_known():
    z = Intervals(np.array([np.nan, 1.0, np.nan]), np.array([1.0, np.nan, np.nan]))
    assert np.isneginf(z.lo).all()
    assert np.isposinf(z.hi).all()
    assert not z.contains(np.nan).any()


def test_wrong_end_points_are_refused():
    with pytest.raises(ValueError, match=r"got the interval \[2\.0, 1\.0\] at place 1"):
        Intervals(np.array([0.0, 2.0]), np.array([0.0, 1.0]))
    with pytest.raises(ValueError, match="expected one shape"):
        Intervals(np.zeros(2), np.zeros(3))
    disjoint = Intervals.exact([0.0]), Intervals.exact([1.0])
    with pytest.raises(ValueError, match="lo <= hi"):
        disjoint[0].intersect(disjoint[1])


def test_what_is_exact():
    assert Intervals.exact(np.float32(0.1)).lo == float(np.float32(0.1))
    assert Intervals.exact(np.arange(3)).hi.tolist() == [0.0, 1.0, 2.0]
    assert Intervals.exact(2**53).lo == 2.0**53
    given = np.array([1.0, 2.0])
    kept = Intervals.exact(given)
    given[0] = 9.0
    assert kept.lo.tolist() == [1.0, 2.0]
    for wrong, message in [
        (2**53 + 1, "above 2"),
        (np.array([-(2**60)]), "above 2"),
        ([np.nan], "expected finite numbers"),
        ([1.0, np.inf], "got inf at place 1"),
        (["a"], "dtype"),
        (1j, "dtype"),
        (np.longdouble(1) / 3, "dtype"),
    ]:
        with pytest.raises(ValueError, match=message):
            Intervals.exact(wrong)


def test_steps_are_at_least_one_float():
    rng = np.random.default_rng(4)
    x = np.concatenate([rng.integers(-(2**63), 2**63 - 1, 20_000).view(np.float64), SPECIAL])
    x = x[np.isfinite(x)]
    with np.errstate(all="ignore"):
        assert (up(x) >= np.nextafter(x, np.inf)).all()
        assert (down(x) <= np.nextafter(x, -np.inf)).all()
        assert (up(x) <= np.nextafter(np.nextafter(x, np.inf), np.inf)).all()
        assert (down(x) >= np.nextafter(np.nextafter(x, -np.inf), -np.inf)).all()
        ends = np.array([np.inf, -np.inf, np.nan])
        assert up(ends).tolist()[0] == np.inf
        assert down(ends).tolist()[1] == -np.inf
        assert np.isfinite(down(ends)[0])
        assert np.isfinite(up(ends)[1])
        assert np.isnan(up(ends)[2])
    for a, b in zip(rng.standard_normal(40), rng.standard_normal(40), strict=True):
        assert F(multiply_up(a, b)) >= F(a) * F(b)


def test_gamma_is_an_upper_bound():
    for n in (1, 2, 10, 1000, 2**30, 2**40):
        share = Fraction(n, 2**53)
        assert share / (1 - share) <= F(gamma(n)) <= share / (1 - share) * Fraction(1001, 1000)
    with pytest.raises(ValueError, match="terms in one sum"):
        gamma(2**41)


def test_shapes_and_parts():
    z = Intervals(np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3) + 1)
    assert z[0].shape == (3,)
    assert z.reshape(3, 2).shape == (3, 2)
    assert z.transpose().shape == (3, 2)
    assert z[:, None].broadcast_to((2, 4, 3)).shape == (2, 4, 3)
    assert Intervals.stack([z, z]).shape == (2, 2, 3)
    assert Intervals.concatenate([z, z], 1).shape == (2, 6)
    assert len(z) == 2
    chosen = Intervals.where(z.lo > 2, z, -z)
    assert chosen.lo.tolist() == [[-1.0, -2.0, -3.0], [3.0, 4.0, 5.0]]
    point = Intervals.exact([1.0, 2.0])
    assert point[:1].lo is point[:1].hi or point[:1].width.max() < 1e-300
    for arrays in (1.0 + z, 1.0 - z, 2.0 * z, 1.0 / (z + 1.0), np.ones((2, 3)) * z):
        assert arrays.shape == (2, 3)


def test_sizes_midpoints_and_widths():
    rng = np.random.default_rng(6)
    z = random_intervals(rng, 400)
    for place in range(400):
        lo, hi = F(z.lo[place]), F(z.hi[place])
        assert F(z.magnitude[place]) == max(abs(lo), abs(hi))
        assert F(z.mignitude[place]) == (0 if lo <= 0 <= hi else min(abs(lo), abs(hi)))
        assert lo <= F(z.midpoint[place]) <= hi
        assert np.isinf(z.width[place]) or F(z.width[place]) >= hi - lo
    tame = Intervals(np.arange(9.0), np.arange(9.0) + 1.0)
    assert tame.midpoint.tolist() == (np.arange(9.0) + 0.5).tolist()
    assert (tame.width <= 1.0 + 1e-15).all()


def test_widened_and_intersected():
    rng = np.random.default_rng(7)
    z = random_intervals(rng, 200)
    radius = np.abs(rng.standard_normal(200))
    wide = z.widened(radius)
    for place in range(200):
        assert wide.lo[place] == -np.inf or F(wide.lo[place]) <= F(z.lo[place]) - F(radius[place])
        assert wide.hi[place] == np.inf or F(wide.hi[place]) >= F(z.hi[place]) + F(radius[place])
    both = Intervals.exact([0.0]).hull([2.0]).intersect(Intervals.exact([1.0]).hull([3.0]))
    assert (both.lo[0], both.hi[0]) == (1.0, 2.0)
    mixed = Intervals.concatenate([z[:3], wide[3:5]])
    assert mixed.lo.tolist() == [*z.lo[:3], *wide.lo[3:5]]
    assert mixed.hi.tolist() == [*z.hi[:3], *wide.hi[3:5]]
    stacked = Intervals.stack([z, wide])
    assert (stacked.lo[1] == wide.lo).all()
    assert (stacked.hi[0] == z.hi).all()
    assert (stacked.lo[0] == z.lo).all()
    turned = z[:6].reshape(2, 3).transpose()
    assert turned.lo.tolist() == z.lo[:6].reshape(2, 3).T.tolist()
    assert turned.hi.tolist() == z.hi[:6].reshape(2, 3).T.tolist()
    assert (z.broadcast_to((2, 200)).hi == z.hi).all()


def test_scaling_by_powers_of_two_only():
    with pytest.raises(ValueError, match="expected a power of two"):
        Intervals.exact([1.0]).scaled(3.0)
    assert Intervals.exact([1.5]).scaled(-2.0).lo[0] == -3.0
    assert Intervals.exact([0.0]).scaled(0.5).hi[0] == 0.0
    assert Intervals.exact([3.0]).power(0).lo[0] == 1.0


@pytest.mark.parametrize("divisor", [3, 5, 7, 9, 11, 13])
def test_half_lines_are_rounded_outward(divisor):
    """X / [0, n] begins at 1/n for x in [1, 2], and its mirror images."""
    part = Fraction(1, divisor)
    for sign_x in (1, -1):
        for sign_y in (1, -1):
            ends = np.sort([sign_x * 1.0, sign_x * 2.0])
            x = Intervals(ends[:1], ends[1:])
            bottom = np.sort([0.0, sign_y * float(divisor)])
            found = x / Intervals(bottom[:1], bottom[1:])
            if sign_x == sign_y:
                assert part - F(1e-15) <= F(found.lo[0]) <= part
                assert found.hi[0] == np.inf
            else:
                assert -part <= F(found.hi[0]) <= F(1e-15) - part
                assert found.lo[0] == -np.inf


def test_the_radius_of_a_sum_is_the_bound_of_every_order():
    """At least (n - 1) u times the sum of sizes on each side, at most three times that."""
    rng = np.random.default_rng(8)
    for count in (3, 50, 1000):
        values = rng.standard_normal(count)
        found = Intervals(values, values + 0.0).sum(0)
        least = (count - 1) * 2.0**-53 * np.abs(values).sum()
        middle = values.sum()
        for side in (middle - found.lo, found.hi - middle):
            assert least * (1 - 1e-9) <= side <= 3 * least + 3 * np.spacing(abs(middle))


def test_the_lesser_and_the_greater_are_exact():
    x = Intervals(np.array([0.0, 3.0]), np.array([4.0, 5.0]))
    y = Intervals(np.array([1.0, -2.0]), np.array([2.0, 7.0]))
    assert x.minimum(y).lo.tolist() == [0.0, -2.0]
    assert x.minimum(y).hi.tolist() == [2.0, 5.0]
    assert x.maximum(y).lo.tolist() == [1.0, 3.0]
    assert x.maximum(y).hi.tolist() == [4.0, 7.0]
    assert x.hull(y).lo.tolist() == [0.0, -2.0]
    assert x.hull(y).hi.tolist() == [4.0, 7.0]
    assert abs(-x).lo.tolist() == [0.0, 3.0]
    assert abs(-x).hi.tolist() == [4.0, 5.0]
    assert x.contains(4.5).tolist() == [False, True]
