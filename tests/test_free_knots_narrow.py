"""Narrow parts of targets: the error that is told is that of the network, or it is named."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_long, mostly_slow

import approxlab as al
from approxlab import Box, Target
from approxlab.fitting.knots.placement import free_knots
from approxlab.fitting.knots.rounding import separated, two_sided_network
from approxlab.fitting.knots.segments import least_squares_of_segments
from approxlab.splines import Spline


def on_interval(f, a=0.0, b=1.0):
    return Target(lambda x: f(x[0]), domain=Box([a], [b]))


SHAPES = {
    "gauss": lambda z: jnp.exp(-(z**2)),
    "hat": lambda z: jnp.maximum(0.0, 1.0 - jnp.abs(z)),
    "lorentz": lambda z: 1.0 / (1.0 + z * z),
    "jump": lambda z: jnp.where(z < 0.0, 0.0, 1.0),
    "cusp": lambda z: jnp.sqrt(jnp.abs(z)),
}


def truth(target, fit, norm, c, w):
    """By nodes that know where the target is narrow."""
    steps = w * 1.25 ** np.arange(-150.0, 100.0)
    knots = fit.spline.knots
    ends = np.unique(np.concatenate([knots, c - steps, c + steps, [c], c + w * np.arange(-8, 9)]))
    ends = ends[(ends >= knots[0]) & (ends <= knots[-1])]
    nodes, weights = np.polynomial.legendre.leggauss(24)
    x = (ends[:-1, None] + np.diff(ends)[:, None] * (0.5 + 0.5 * nodes)).ravel()
    if norm == "sup":
        x = np.concatenate([x, ends])
    x = np.clip(x, knots[0], knots[-1])[:, None]
    error = np.asarray(al.evaluate(fit.network, x)) - np.asarray(al.evaluate(target, x))
    if norm == "sup":
        return float(np.max(np.abs(error)))
    return math.sqrt(np.sum((0.5 * np.diff(ends)[:, None] * weights).ravel() * error**2))


CASES = list(range(500))


@pytest.mark.parametrize("case", mostly_long(CASES, [13, 62]))
def test_told_errors_are_those_of_the_network(case):
    rng = np.random.default_rng(case)
    name = list(SHAPES)[case % 5]
    norm = "l2" if case % 2 else "sup"
    c, w, n = rng.uniform(0.02, 0.98), 10.0 ** rng.uniform(-5, -1), int(rng.integers(1, 8))
    height, base = rng.uniform(0.5, 30.0) * rng.choice([-1, 1]), 5.0 * rng.normal()
    target = on_interval(lambda x: base + height * SHAPES[name]((x - c) / w))
    fit = free_knots(target, n, norm)
    told, own = float(fit.error), truth(target, fit, norm, c, w)
    size = max(abs(base), abs(height)) * (w**-0.5 if name == "cusp" else 1.0)
    noise = fit.error.uncertainty if "the polish saw" in (fit.remark or "") else 0.0
    assert noise <= 0.05 * told
    assert told == pytest.approx(own, rel=2e-3, abs=max(1e-11 * size, noise))
    x = np.union1d(np.linspace(0.0, 1.0, 5001), np.clip(c + w * np.linspace(-6, 6, 5001), 0, 1))
    values = np.asarray(al.evaluate(target, x[:, None]))
    mean = np.trapezoid(values, x)
    plain = 0.5 * np.ptp(values) if norm == "sup" else np.trapezoid((values - mean) ** 2, x) ** 0.5
    assert told <= 1.01 * plain + 1e-11 * size
    if name == "jump":
        assert f"a change of {abs(height):.6g} within rounding of x" in fit.remark
        if norm == "sup":
            assert told >= 0.5 * abs(height) * (1.0 - 1e-9)
            assert f"no continuous function is below {0.5 * abs(height):.6g}" in fit.remark


def test_a_jump_is_named_and_the_least_possible_error_reached():
    fit = free_knots(on_interval(lambda x: jnp.where(x < 0.3, 25.0, 50.0)), 5, "sup")
    assert float(fit.error) == pytest.approx(12.5, rel=1e-9)
    assert fit.status == "converged"
    assert (
        "a change of 25 within rounding of x = 0.3: no continuous function is below 12.5"
        in repr(fit)
    )


def test_the_value_at_a_jump_may_lie_between_its_sides():
    fit = free_knots(al.targets.get("step"), 3, "sup")
    assert "a change of 1 within rounding of x = 0.707106781" in fit.remark
    assert float(fit.error) == pytest.approx(0.5, rel=1e-9)
    assert fit.status == "converged"


@pytest.mark.parametrize("n", mostly_slow([2, 5, 16], [16]))
@pytest.mark.parametrize("name", mostly_slow(["power", "logarithm"], ["power"]))
def test_singular_ends_are_not_worse_than_a_constant(name, n):
    """Knots at 1e-23 belong there, but their steep pieces cancel in the sum of ReLUs."""
    f = {"power": lambda x: x**0.05, "logarithm": lambda x: jnp.log(x + 1e-300)}[name]
    target = on_interval(f)
    fit = free_knots(target, n, "sup")
    low, high = (float(target(jnp.array([x]))) for x in (0.0, 1.0))
    # Few knots do not reach into the end of the logarithm: only the constant is then a measure.
    share = 1.0 if name == "logarithm" and n < 16 else 0.9
    assert float(fit.error) <= share * 0.5 * (high - low)
    x = np.append(0.0, np.geomspace(1e-310, 1.0, 20001))[:, None]
    error = np.asarray(al.evaluate(fit.network, x)) - np.asarray(al.evaluate(target, x))
    assert np.max(np.abs(error)) <= float(fit.error) * (1.0 + 1e-3)


@pytest.mark.slow
def test_single_precision_networks_are_measured_as_they_are():
    with jax.enable_x64(False):
        target = on_interval(lambda x: x**0.05)
        fit = free_knots(target, 4, "sup")
        x = np.append(0.0, np.geomspace(1e-30, 1.0, 20001)).astype(np.float32)[:, None]
        error = np.asarray(al.evaluate(fit.network, x)) - np.asarray(al.evaluate(target, x))
    assert np.max(np.abs(error)) <= float(fit.error) * (1.0 + 1e-2) <= 0.5


def test_narrow_bumps_in_single_precision():
    with jax.enable_x64(False):
        bump = on_interval(lambda x: jnp.exp(-(((x - 0.33337) / 1e-3) ** 2)))
        narrow = free_knots(bump, 2)
    # What is left of the L2 norm of the bump, sqrt(1e-3 sqrt(pi / 2)), without its mean.
    assert 0.9 < float(narrow.error) / math.sqrt(1e-3 * math.sqrt(0.5 * math.pi)) <= 1.0


@pytest.mark.parametrize("norm", mostly_slow(["l2", "sup"], ["sup"]))
def test_ordinary_targets_that_used_to_stop(norm):
    hat = on_interval(lambda x: jnp.maximum(0.0, 1.0 - jnp.abs(x - 0.9995) / 5e-4))
    assert float(free_knots(hat, 64, norm, steps=5).error) <= 1e-3
    floor = free_knots(on_interval(lambda x: jnp.floor(8.0 * x)), 8, norm, steps=10)
    assert float(floor.error) <= 0.5 * (1.0 + 1e-6)
    bump = on_interval(lambda x: jnp.exp(-(((x - 0.33337) / 3e-3) ** 2)))
    assert 0.05 < float(free_knots(bump, 2, norm).error) < 0.5


def test_waves_between_the_nodes_are_seen():
    fit = free_knots(on_interval(lambda x: jnp.sin(3000.0 * x)), 3)
    assert float(fit.error) == pytest.approx(math.sqrt(0.5 - math.sin(6000.0) / 12000.0), rel=1e-2)


def rises(x, y, numbers):
    fits = [free_knots((x[:, None], y), n) for n in numbers]
    noise = 1e-14 * np.max(np.abs(y))
    return [
        (after.spline.pieces, float(before.error), float(after.error))
        for before, after in itertools.pairwise(fits)
        if float(after.error) > float(before.error) * (1.0 + 1e-7) + noise
        and after.status == "converged"
    ]


@pytest.mark.parametrize("f", [lambda x: 7.0 / x, np.tanh])
def test_more_pieces_are_not_worse_for_few_points(f):
    x = np.linspace(1.0, 3.0, 25)
    assert not rises(x, f(x), range(11, 20))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("points", [12, 25, 40, 60])
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_more_pieces_are_not_worse(points, noise):
    x = np.linspace(1.0, 3.0, points)
    y = np.sin(6.0 * x) + noise * np.random.default_rng(points).normal(size=points)
    assert not rises(x, y, range(1, points))


def test_the_lower_bound_of_segments_against_all_divisions():
    rng = np.random.default_rng(3)
    x, y = np.sort(rng.random(9)), rng.normal(size=9)

    def squares(part):
        matrix = np.stack([np.ones(len(part)), x[part]], axis=1)
        return np.sum((y[part] - matrix @ np.linalg.lstsq(matrix, y[part])[0]) ** 2)

    found = least_squares_of_segments(x, y, 4)
    for lines in (1, 2, 3, 4):
        divisions = itertools.combinations(range(1, 9), lines - 1)
        least = min(sum(squares(part) for part in np.split(np.arange(9), cut)) for cut in divisions)
        assert found[lines - 1] == pytest.approx(least / 9, rel=1e-10, abs=1e-15)


@pytest.mark.parametrize(
    "knots", [[0.0, 1e-20, 1e-3, 0.4, 1.0], [-2.0, 0.1, 0.9, 0.999, 1.0], [3.0, 5.0]]
)
def test_the_two_sided_network_is_the_spline(knots):
    heights = np.random.default_rng(0).normal(size=len(knots))
    spline = Spline(np.array(knots), heights)
    network = two_sided_network(spline)
    assert network.num_hidden_units == spline.pieces
    x = np.union1d(np.linspace(knots[0], knots[-1], 1001), knots)
    assert np.asarray(al.evaluate(network, x[:, None])) == pytest.approx(spline(x), abs=1e-12)


def test_separated_knots():
    moved = separated(np.array([0.0, 1e-20, 0.5, 1.0]), 1e-3)
    assert np.min(np.diff(moved)) > 0.9e-3
    assert moved[[0, -1]].tolist() == [0.0, 1.0]
