"""Calculus of piecewise linear networks against fractions; each check fails on a spoiled result."""

import itertools
import math
from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from rational_networks import BOXES, affine, places, random_network, value, vertices
from sampling import mostly_slow

import approxlab as al
from approxlab import calculus
from approxlab.calculus.point_sets import PointSet

EPS = 2.0**-52
ACTS = ("relu", "leaky_relu", "abs")
CASES = [(act, seed) for act in ACTS for seed in range(100)]
FEW = [("relu", 2), ("relu", 3), ("leaky_relu", 7), ("abs", 1)]
cases = pytest.mark.parametrize("case", mostly_slow(CASES, FEW))


def oracle(net, box):
    return vertices(lambda x: value(net, x), places([net], box))


def close(found, exact, size, c=16):
    """Right to c roundings of a size."""
    assert abs(Fraction(found) - Fraction(exact)) <= c * EPS * Fraction(size), (found, float(exact))


def spoiled(check, found, *args):
    """The check must fail on numbers that are off by a little, or by much."""
    for wrong in (found + 1e-10 * (1 + abs(found)), found + 1.0):
        with pytest.raises(AssertionError):
            check(wrong, *args)


# Sets


def level_oracle(corners, level):
    """Points and intervals where f equals the level, in fractions."""
    points, intervals = set(), []
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        u, v = y0 - level, y1 - level
        if u == 0 and v == 0:
            if intervals and intervals[-1][1] == x0:
                intervals[-1][1] = x1
            else:
                intervals.append([x0, x1])
        elif u == 0 or v == 0:
            points |= {x for x, w in ((x0, u), (x1, v)) if w == 0}
        elif u * v < 0:
            points.add(x0 + (x1 - x0) * u / (u - v))
    ends = {x for pair in intervals for x in pair}
    return sorted(points - ends), intervals


def check_set(found, points, intervals):
    assert found.complete
    assert found.points.tolist() == [float(x) for x in points]
    assert found.intervals.tolist() == [[float(a), float(b)] for a, b in intervals]


def spoiled_set(found, points, intervals):
    """Another set: a point or an interval lost, a point moved by one rounding, an invented one."""
    others = [PointSet(np.append(found.points, 0.123), found.intervals)]
    if len(found.points):
        others += [
            PointSet(found.points[1:], found.intervals),
            PointSet(np.nextafter(found.points, 9.0), found.intervals),
        ]
    if len(found.intervals):
        others.append(PointSet(found.points, found.intervals[1:]))
    for other in others:
        with pytest.raises(AssertionError):
            check_set(other, points, intervals)


@cases
def test_roots_and_levels_are_those_of_fractions_rounded_once(case):
    act, seed = case
    net, box = random_network(seed, act)
    corners = oracle(net, box)
    heights = [y for _, y in corners]
    levels = [0.0, float(sum(heights) / len(heights)), float(heights[len(heights) // 2])]
    for level in levels:
        expected = level_oracle(corners, Fraction(level))
        found = calculus.level_set(net, level, box)
        check_set(found, *expected)
        spoiled_set(found, *expected)
    check_set(calculus.roots(net, box), *level_oracle(corners, 0))


def test_a_root_at_a_kink_that_no_float_holds_is_a_root():
    for slope in (3.0, 7.0, 0.3):
        tent = abs(affine(slope, -1.0))  # touches zero at 1 / slope
        found = calculus.roots(tent, al.Box([-1.0], [5.0]))
        check_set(found, [1 / Fraction(slope)], [])
        assert len(calculus.roots(tent + 2.0**-40, al.Box([-1.0], [5.0]))) == 0
        assert len(calculus.roots(tent - 2.0**-40, al.Box([-1.0], [5.0]))) == 2


def test_intervals_of_roots_are_told():
    ramp = al.MLP.from_arrays([[[1.0], [1.0]], [[1.0, -1.0]]], [[-3.25, -4.0], [0.0]], "relu")
    check_set(calculus.roots(ramp, al.Box([3.0], [5.0])), [], [[3, Fraction(13, 4)]])
    check_set(calculus.level_set(ramp, 0.75, al.Box([3.0], [5.0])), [], [[4, 5]])
    check_set(calculus.roots(ramp - ramp, al.Box([3.0], [5.0])), [], [[3, 5]])
    check_set(calculus.roots(ramp, al.Box([0.0], [1.0])), [], [[0, 1]])


@cases
def test_intersections_are_those_of_fractions(case):
    act, seed = case
    one, box = random_network(seed, act)
    two, _ = random_network(seed + 1000, act, box=box)
    corners = vertices(lambda x: value(one, x) - value(two, x), places([one, two], box))
    expected = level_oracle(corners, 0)
    found = calculus.intersections(one, two, box)
    check_set(found, *expected)
    spoiled_set(found, *expected)
    check_set(calculus.intersections(one, one, box), [], [[box.lower[0], box.upper[0]]])


def extreme_oracle(corners, sign):
    """Value, global places and local places of the largest value of sign * f."""
    best = max(sign * y for _, y in corners)
    everywhere = level_oracle(corners, sign * best)
    local = []
    stretches = []  # runs of equal values
    for x, y in corners:
        if stretches and stretches[-1][2] == y:
            stretches[-1][1] = x
        else:
            stretches.append([x, x, y])
    for i, (a, b, y) in enumerate(stretches):
        beside = [stretches[j][2] for j in (i - 1, i + 1) if 0 <= j < len(stretches)]
        if all(sign * other < sign * y for other in beside):
            local.append((a, b))
    return (
        sign * best,
        everywhere,
        ([a for a, b in local if a == b], [p for p in local if p[0] < p[1]]),
    )


@cases
def test_extrema_are_those_of_fractions(case):
    act, seed = case
    net, box = random_network(seed, act)
    corners = oracle(net, box)
    found = calculus.extrema(net, box)
    for sign, height, places_, local in (
        (1, found.maximum, found.argmax, found.local_maxima),
        (-1, found.minimum, found.argmin, found.local_minima),
    ):
        best, everywhere, locally = extreme_oracle(corners, sign)
        assert height == float(best)
        assert height != np.nextafter(float(best), 2.0 * best + 1)
        check_set(places_, *everywhere)
        spoiled_set(places_, *everywhere)
        check_set(local, *locally)
        spoiled_set(local, *locally)
    assert found.complete


def test_equal_maxima_are_all_found():
    wave = al.constructions.tent_shallow(5).network
    found = calculus.extrema(wave, al.Box([0.0], [1.0]))
    assert found.argmax.points.tolist() == [(2 * i + 1) / 32 for i in range(16)]
    assert found.argmin.points.tolist() == [i / 16 for i in range(17)]
    lower = wave - al.MLP.from_arrays([[[2.0**-30]]], [[0.0]], "relu")
    assert len(calculus.extrema(lower, al.Box([0.0], [1.0])).argmax) == 1


# Integrals


def check_integral(found, corners):
    pieces = list(itertools.pairwise(corners))
    exact = sum((x1 - x0) * (y0 + y1) / 2 for (x0, y0), (x1, y1) in pieces)
    close(found, exact, sum((x1 - x0) * max(abs(y0), abs(y1)) for (x0, y0), (x1, y1) in pieces))


def check_norm_1(found, corners):
    zeros, _ = level_oracle(corners, 0)
    split = sorted({*corners, *((x, Fraction(0)) for x in zeros)})
    exact = sum(
        (x1 - x0) * (abs(y0) + abs(y1)) / 2 for (x0, y0), (x1, y1) in itertools.pairwise(split)
    )
    close(found, exact, exact)


def check_norm_2(found, corners):
    exact = sum(
        (x1 - x0) * (y0 * y0 + y0 * y1 + y1 * y1) / 3
        for (x0, y0), (x1, y1) in itertools.pairwise(corners)
    )
    close(Fraction(found) ** 2, exact, exact, c=40)


def check_sup(found, corners):
    assert found == float(max(abs(y) for _, y in corners))


def check_variation(found, corners):
    exact = sum(abs(y1 - y0) for (_, y0), (_, y1) in itertools.pairwise(corners))
    close(found, exact, exact)


def check_length(found, corners):
    steps = [(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in itertools.pairwise(corners)]
    exact = sum(Fraction(math.isqrt(int((h * h + r * r) * 4**80))) / 2**80 for h, r in steps)
    close(found, exact, exact)


@cases
def test_integrals_are_those_of_fractions(case):
    act, seed = case
    net, box = random_network(seed, act)
    corners = oracle(net, box)
    for check, found in (
        (check_integral, calculus.integral(net, box)),
        (check_norm_1, calculus.norm(net, 1, box)),
        (check_norm_2, calculus.norm(net, 2, box)),
        (check_sup, calculus.norm(net, math.inf, box)),
        (check_variation, calculus.total_variation(net, box)),
        (check_length, calculus.arc_length(net, box)),
    ):
        check(found, corners)
        spoiled(check, found, corners)


@cases
def test_inner_product_is_that_of_fractions(case):
    act, seed = case
    one, box = random_network(seed, act)
    two, _ = random_network(seed + 1000, act, box=box)
    xs = places([one, two], box)
    pairs = [(x, value(one, x), value(two, x)) for x in xs]

    def check(found):
        exact = size = 0
        for (x0, a, c), (x1, b, d) in itertools.pairwise(pairs):
            exact += (x1 - x0) * (2 * a * c + a * d + b * c + 2 * b * d) / 6
            size += (x1 - x0) * max(abs(a), abs(b)) * max(abs(c), abs(d))
        close(found, exact, size)

    found = calculus.inner(one, two, box)
    check(found)
    with pytest.raises(AssertionError):
        check(found + 1e-3 * (abs(found) + 1.0))


def test_a_narrow_spike_is_not_missed():
    width = 2.0**-40
    spike = al.MLP.from_arrays(
        [[[1.0]] * 3, [[1 / width, -2 / width, 1 / width]]],
        [[-3.7, -3.7 - width, -3.7 - 2 * width], [0.0]],
        "relu",
    )
    box = al.Box([3.0], [5.0])
    heights = [float(value(spike, Fraction(3.7) + Fraction(width)))]
    assert calculus.extrema(spike, box).maximum == max(heights)
    assert calculus.norm(spike, math.inf, box) >= 0.9
    x = np.linspace(3.0, 5.0, 100_001)
    assert np.max(np.interp(x, [3.0, 5.0], [0.0, 0.0])) == 0.0  # what a grid sees


def test_numbers_of_large_networks_agree_with_those_of_small_ones(monkeypatch):
    """With integers only where rounding leaves a sign open."""
    from approxlab.calculus import _lines

    for seed in range(4):
        net, box = random_network(seed, ACTS[seed % 3])
        other, _ = random_network(seed + 1000, ACTS[seed % 3], box=box)
        small = _numbers(net, other, box)
        monkeypatch.setattr(_lines, "_SMALL", 0)
        large = _numbers(net, other, box)
        monkeypatch.undo()
        for one, two in zip(small, large, strict=True):
            assert len(one) == len(two)
            np.testing.assert_allclose(one, two, rtol=1e-12, atol=1e-12)


def _numbers(net, other, box):
    e = calculus.extrema(net, box)
    sets = [calculus.roots(net, box), calculus.intersections(net, other, box)]
    sets += [e.argmax, e.argmin, e.local_maxima, e.local_minima]
    found = [s.points for s in sets] + [s.intervals.ravel() for s in sets]
    found.append(np.array([calculus.norm(net, p, box) for p in (1, 2, math.inf)]))
    found.append(np.array([calculus.integral(net, box), calculus.arc_length(net, box)]))
    return [*found, calculus.kinks(net, box)]


def test_a_wide_network_takes_less_than_seconds_and_is_right():
    net = al.MLP.init(jax.random.key(0), 1, (64, 64, 64), "relu")
    box = al.Box([-1.0], [1.0])
    found = calculus.extrema(net, box)
    x = np.linspace(-1.0, 1.0, 20_001)
    y = np.asarray(al.evaluate(net, x[:, None]))
    assert found.maximum >= np.max(y) - 1e-14
    assert found.minimum <= np.min(y) + 1e-14


def test_float32_networks_are_taken_as_they_are_stored():
    net = al.MLP.from_arrays([[[0.1]], [[3.0]]], [[-0.35], [-0.2]], "leaky_relu", dtype="float32")
    box = al.Box([3.0], [5.0])
    corners = oracle(net, box)
    check_set(calculus.roots(net, box), *level_oracle(corners, 0))
    check_integral(calculus.integral(net, box), corners)
    assert float(Fraction(float(np.float32(0.35))) / Fraction(float(np.float32(0.1)))) in [
        float(x) for x, _ in corners
    ]
    assert calculus.derivative(net, box).dtype == jnp.float32


def test_boxes_are_those_of_the_oracle():
    assert set(BOXES) >= {(3.0, 5.0), (-7.0, -2.0)}
