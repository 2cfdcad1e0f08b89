"""Every fact of every target, held against dense samples, quadrature and independent oracles."""

import dataclasses
import importlib
import inspect
import itertools
import math
import pkgutil
import subprocess
import sys
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab import evaluate, targets
from approxlab.domains import Box
from approxlab.targets import CATALOGUE, Target, get, names
from approxlab.targets.genz import golden_positions
from approxlab.targets.parameters import axis_parameters

EPS = float(np.finfo(np.float64).eps)
C2, W2, C3, W3 = (3.0, 1.25), (0.3, 0.8), (0.5, 2.0, 1.5), (0.7, 0.1, 0.45)
GENZ = (
    "oscillatory",
    "product_peak",
    "corner_peak",
    "genz_gaussian",
    "continuous",
    "discontinuous",
)
VARIANTS = [
    *[("power", {"degree": n}) for n in (1, 2)],
    ("kink", {"at": 0.75}),
    ("step", {"at": 0.5}),
    *[("tent", {"k": k}) for k in (1, 6)],
    *[(name, {"dim": d}) for name in ("bump", "gaussian", "ball") for d in (1, 3)],
    *[(name, {"dim": d}) for name in GENZ for d in (1, 3)],
    *[(name, {"c": C2, "w": W2}) for name in GENZ],
    ("oscillatory", {"c": (0.4, 0.3), "w": (0.1, 0.0)}),  # the phase stays off every extreme value
    ("continuous", {"c": C3, "w": W3}),
    ("genz_gaussian", {"c": (0.5, 0.25), "w": W2}),  # the steepest point lies outside
]
CASES = [*[(name, {}) for name in CATALOGUE], *VARIANTS]
IDS = [f"{name}{list(p.values()) if p else ''}" for name, p in CASES]
# With this scope all tests of a target follow one another, so that few samples need to be kept.
every = pytest.mark.parametrize(("name", "parameters"), CASES, ids=IDS, scope="module")
each = pytest.mark.parametrize("name", names())
OTHER_BOXES = {
    1: (Box([3.0], [5.0]), Box([-7.0], [-2.0])),
    2: (Box([3.0, -7.0], [5.0, -5.0]), Box([-7.0, 0.5], [-2.0, 0.75])),
}


# What is sampled

STARTS = 16


@lru_cache(maxsize=4)
def sampled(fn, domain, mask, order, rounds):
    """Points, values and, up to the order, |grad| and Hessian norms; nan beyond it.

    A grid, then zooms to where each of them is extreme. Cached by function and box, so a target
    with a spoiled fact is measured only once. Every call has 8192 points: one compilation.
    """
    scalar = Target(fn, domain=domain)
    parts = (scalar, jax.grad(scalar), jax.hessian(scalar))[: order + 1]
    compiled = jax.jit(jax.vmap(lambda x: [part(x) for part in parts]))

    def norms(kind, array):
        if kind == 0:
            return array
        return np.linalg.norm(array, axis=1) if kind == 1 else spectral_norms(array)

    def measure(points):
        found = [np.asarray(a) for a in compiled(jnp.asarray(points))]
        found = [norms(kind, array) for kind, array in enumerate(found)]
        return np.stack([-found[0], *found])

    def masked(points, otherwise):
        if mask is None:
            return points
        good = np.asarray(jax.vmap(mask)(jnp.asarray(points)))
        return np.where(good[:, None], points, otherwise)

    per_axis = {1: 4096, 2: 64, 3: 16}[domain.dim]
    grid = np.concatenate([domain.uniform(per_axis), domain.sobol(4096, seed=1)])
    points = [masked(grid, np.asarray(domain.lower))]  # the lower corner is in every mask
    found = [measure(points[0])]
    cloud = Box.cube(-1.0, 1.0, domain.dim).sobol(8192 // STARTS, seed=2)
    for row in range(len(found[0])):
        radius = 2 * domain.widths / per_axis
        centres, best = best_places(points[0], found[0][row], radius)
        for _ in range(rounds):
            near = np.clip(centres[:, None] + radius * cloud, domain.lower, domain.upper)
            near = masked(near.reshape(8192, -1), np.repeat(centres, 8192 // STARTS, axis=0))
            points.append(near)
            found.append(measure(near))
            heights = found[-1][row].reshape(STARTS, -1)
            at, better = np.argmax(heights, axis=1), np.max(heights, axis=1) > best
            best = np.maximum(best, np.max(heights, axis=1))
            there = near.reshape(STARTS, -1, domain.dim)[np.arange(STARTS), at]
            centres = np.where(better[:, None], there, centres)
            radius = radius / 2.5
    _, *rows = np.concatenate(found, axis=1)
    return [np.concatenate(points), *rows, math.nan, math.nan][:4]


def best_places(points, heights, radius):
    """The highest points, no two within the radius of one another while there are such."""
    chosen, left = [], heights.copy()
    for _ in range(STARTS):
        i = np.argmax(left)
        chosen.append(i)
        left[np.all(np.abs(points - points[i]) <= radius, axis=1)] = -np.inf
    return points[chosen], heights[chosen]


def spectral_norms(matrices):
    if matrices.shape[1] == 1:
        return np.abs(matrices[:, 0, 0])
    if matrices.shape[1] == 2:  # closed form: half the trace, plus and minus half the gap
        middle = 0.5 * (matrices[:, 0, 0] + matrices[:, 1, 1])
        gap = np.hypot(0.5 * (matrices[:, 0, 0] - matrices[:, 1, 1]), matrices[:, 0, 1])
        return np.abs(middle) + gap
    return np.max(np.abs(np.linalg.eigvalsh(matrices)), axis=1)


def samples(target):
    order = 2 if target.second_derivative is not None else int(target.lipschitz is not None)
    rounds = 18 if target.sharp else 3
    return sampled(target.fn, target.domain, target.mask, order, rounds)


def scale(target):
    return max(abs(target.value_min), abs(target.value_max))


def growth(target):
    """How much larger than eps the rounding of the argument can make a relative error."""
    reach = np.max(np.abs([target.domain.lower, target.domain.upper]))
    return 1.0 + (target.lipschitz or 0.0) * reach / scale(target)


# The laws


def law_values(target):
    _, values, _, _ = samples(target)
    slack = 16 * EPS * scale(target) * growth(target)
    assert np.min(values) >= target.value_min - slack
    assert np.max(values) <= target.value_max + slack


def law_lipschitz(target):
    points, values, slopes, _ = samples(target)
    slack = 1.0 + 64 * EPS * growth(target)
    assert np.max(slopes) <= target.lipschitz * slack
    for shift in (1, 2, 97, 4096):
        distances = np.linalg.norm(np.roll(points, shift, axis=0) - points, axis=1)
        rounding = 16 * EPS * scale(target) * growth(target)
        differences = np.abs(np.roll(values, shift) - values)
        assert np.all(differences <= target.lipschitz * distances * slack + rounding)


def law_second_derivative(target):
    _, _, _, curvatures = samples(target)
    assert np.max(curvatures) <= target.second_derivative * (1.0 + 64 * EPS * growth(target))


SHARP = 1e-6  # relative; the last zoom has a radius of 1e-6 cells


def law_sharp(target):
    _, values, slopes, curvatures = samples(target)
    if "value_min" in target.sharp:
        assert np.min(values) <= target.value_min + SHARP * scale(target)
    if "value_max" in target.sharp:
        assert np.max(values) >= target.value_max - SHARP * scale(target)
    if "lipschitz" in target.sharp:
        assert np.max(slopes) >= target.lipschitz * (1.0 - SHARP)
    if "second_derivative" in target.sharp:
        assert np.max(curvatures) >= target.second_derivative * (1.0 - SHARP)


def axis_rule(low, high, breaks, levels, panels, nodes):
    """Composite Gauss-Legendre between the breaks; panels halve towards them if levels > 0."""
    halves = 0.5 ** np.arange(levels, 0, -1)
    cuts = np.concatenate([[0.0], halves, 1.0 - halves[-2::-1], [1.0]])
    cuts = cuts if levels else np.linspace(0.0, 1.0, panels + 1)
    corners = sorted({low, high, *breaks})
    edges = [a + (b - a) * cuts for a, b in itertools.pairwise(corners)]
    starts, ends = np.concatenate([e[:-1] for e in edges]), np.concatenate([e[1:] for e in edges])
    t, w = np.polynomial.legendre.leggauss(nodes)
    middle, half = 0.5 * (starts + ends), 0.5 * (ends - starts)
    return (middle[:, None] + half[:, None] * t).ravel(), (half[:, None] * w).ravel()


def integrate(target, breaks):
    """Quadrature split at the breaks of each axis, with a bound of its error."""
    domain, singular = target.domain, target.smoothness == "singular"
    rounding = 64 * EPS * domain.volume * scale(target) * growth(target)
    if target.smoothness == "fractal":
        # Terms n < m are piecewise linear between the points, the others vanish at them.
        m = 14
        points = domain.uniform(2**m + 1)[:-1]
        error = domain.volume * 2.0 ** -(m + 1)
        return domain.volume * np.mean(np.asarray(evaluate(target, points))), error + rounding
    if target.name == "ball" and target.dim > 1:
        n = 2**18  # independent points: five standard deviations, 0.25 / n the largest variance
        points = domain.place(np.random.default_rng(0).random((n, target.dim)))
        mean = float(jnp.mean(evaluate(target, points)))
        return domain.volume * mean, domain.volume * 5 * 0.5 / math.sqrt(n)
    levels = {1: 50, 2: 20}[target.dim] if singular else 0
    nodes = 10 if target.dim > 1 and singular else 16
    rules = [
        axis_rule(low, high, cut, levels, {1: 64, 2: 8, 3: 2}[target.dim] // (1 + len(cut)), nodes)
        for low, high, cut in zip(domain.lower, domain.upper, breaks, strict=True)
    ]
    points = np.stack([g.ravel() for g in np.meshgrid(*[r[0] for r in rules], indexing="ij")], 1)
    weights = rules[0][1]
    for _, factor in rules[1:]:
        weights = np.multiply.outer(weights, factor)
    values = np.asarray(evaluate(target, points))
    if target.mask is not None:
        values = values * np.asarray(jax.vmap(target.mask)(jnp.asarray(points)))
    return float(weights.ravel() @ values), rounding


def law_integral(target, breaks):
    value, error = integrate(target, breaks)
    assert abs(value - target.integral) <= error


def breaks_of(name, target, parameters):
    """Per axis, where the quadrature must be split."""
    if target.dim == 1 and target.kinks is not None:
        low, high = target.domain.lower[0], target.domain.upper[0]
        return [tuple(k for k in target.kinks if low < k < high)[:63]]
    if name == "corner":
        return [(0.0,), (0.0,)]
    positions = parameters.get("w", golden_positions(target.dim))
    cut = {"continuous": target.dim, "discontinuous": 2}.get(name, 0)
    return [(w,) if i < cut else () for i, w in enumerate(positions)]


def spoiled(target, name, by):
    """The target with one fact made wrong: `by` is relative to the size of the fact's scale."""
    size = scale(target) if name.startswith("value") else getattr(target, name)
    return dataclasses.replace(target, **{name: getattr(target, name) + by * size})


LAWS = {
    "value_min": law_values,
    "value_max": law_values,
    "lipschitz": law_lipschitz,
    "second_derivative": law_second_derivative,
}


@every
def test_facts_hold_and_sharp_facts_are_attained(name, parameters):
    target = get(name, **parameters)
    law_values(target)
    if target.lipschitz is not None:
        law_lipschitz(target)
    if target.second_derivative is not None:
        law_second_derivative(target)
    law_sharp(target)


@every
def test_a_spoiled_fact_is_found(name, parameters):
    target = get(name, **parameters)
    for fact in target.sharp:
        inward = 0.01 if fact == "value_min" else -0.01
        if getattr(target, fact) == 0 and fact == "second_derivative":
            continue  # a straight line: no factor spoils a zero
        with pytest.raises(AssertionError):
            LAWS[fact](spoiled(target, fact, inward))
        with pytest.raises(AssertionError):
            law_sharp(spoiled(target, fact, -inward))


@every
def test_integral(name, parameters):
    target = get(name, **parameters)
    breaks = breaks_of(name, target, parameters)
    law_integral(target, breaks)
    coarse = target.smoothness == "fractal" or (target.name == "ball" and target.dim > 1)
    wrong = 0.02 if coarse else 1e-6
    with pytest.raises(AssertionError):
        law_integral(dataclasses.replace(target, integral=target.integral + wrong), breaks)


def test_bounds_that_are_not_attained_are_near():
    for name, fact in (("gabor", "lipschitz"), ("chirp", "second_derivative")):
        with pytest.raises(AssertionError):
            LAWS[fact](spoiled(get(name), fact, -0.03))
    _, values, _, _ = samples(get("gabor"))
    assert np.min(values) <= get("gabor").value_min + 1e-4
    assert "lipschitz" not in get("genz_gaussian", c=(0.5, 0.25), w=W2).sharp
    assert "lipschitz" not in get("product_peak", c=C2).sharp


# The Barron constant: F is rebuilt as a discrete measure, which must give f and the moment


def line(n, width):
    return np.linspace(-width, width, 2 * n + 1), np.full(2 * n + 1, width / n)


def fourier_measure(name, dim):
    """Frequencies (m, d) and complex weights (m,) of F, written down apart from the library."""
    if name == "runge":  # even: the half line, graded towards the kink of the density at 0
        t, h = axis_rule(0.0, 200.0, (), 30, 0, 16)
        return np.concatenate([t, -t])[:, None], np.tile(h * np.exp(-t / 5) / 10, 2)
    if name in ("sine2", "sine4"):
        f = 2 * np.pi if name == "sine2" else 4 * np.pi
        return np.array([[f], [-f]]), np.array([-0.5j, 0.5j])
    if name == "sine_product":
        signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])
        return np.pi * signs, -0.25 * signs[:, 0] * signs[:, 1]
    centre, spread, shift = {
        "gaussian": (0.0, 1.0, 0.0),
        "bump": (0.5, 4.0, 0.0),
        "gabor": (0.5, 1 / 0.15, 16 * np.pi),
    }[name]
    t, h = line({1: 4000, 2: 150}[dim], 9.0)
    z = np.stack([g.ravel() for g in np.meshgrid(*[t] * dim, indexing="ij")], 1)
    mass = np.exp(-0.5 * np.sum(z**2, 1)) * (h[0] / math.sqrt(2 * np.pi)) ** dim
    towards = shift * np.eye(dim)[0]
    w = np.concatenate([spread * z + towards, spread * z - towards])
    return w, 0.5 * np.tile(mass, 2) * np.exp(-1j * centre * np.sum(w, 1))


@pytest.mark.parametrize(
    ("name", "dim"),
    [
        *[(n, 1) for n in ("runge", "sine2", "sine4", "gaussian", "bump")],
        *[(n, 2) for n in ("sine_product", "gaussian", "bump", "gabor")],
    ],
)
def test_barron_constant(name, dim):
    parameters = {"dim": dim} if name in ("gaussian", "bump") else {}
    target = get(name, **parameters)
    w, mass = fourier_measure(name, dim)
    points = target.domain.sobol(8, seed=3)
    assert np.allclose(np.exp(1j * points @ w.T) @ mass, evaluate(target, points), atol=1e-10)
    moment = np.linalg.norm(w, axis=1) @ np.abs(mass)
    # The trapezoidal rule sees the kink of |w| at 0: an error of order step^(dim + 1).
    assert abs(moment - target.barron) <= 1e-5 * target.barron
    assert abs(moment - 1.001 * target.barron) > 1e-5 * target.barron


def test_barron_constants_agree_where_targets_do():
    assert get("gaussian", dim=1).barron == pytest.approx(math.sqrt(2 / math.pi), rel=8 * EPS)
    assert get("gaussian", dim=3).barron == pytest.approx(4 / math.sqrt(2 * math.pi), rel=8 * EPS)
    assert get("bump", dim=3).barron == pytest.approx(4 * get("gaussian", dim=3).barron)
    genz = get("genz_gaussian", c=(math.sqrt(8.0),) * 3, w=(0.5,) * 3)
    assert genz.barron == pytest.approx(get("bump", dim=3).barron, rel=8 * EPS)
    # 1 / (1 + 25 (x - w)^2) is product_peak / 25 with c = 5
    peak = get("product_peak", c=(5.0,), w=(0.5,))
    assert peak.barron == pytest.approx(25 * get("runge").barron, rel=8 * EPS)
    assert get("genz_gaussian", c=C2).barron is None


# Moving and scaling


@each
def test_moved_targets_keep_their_facts(name):
    target = get(name)
    for box in OTHER_BOXES[target.dim]:
        moved = target.moved_to(box)
        scale_, shift = target.domain.map_to(box)
        points = target.domain.sobol(64, seed=4)
        expected = np.asarray(evaluate(target, points))
        got = np.asarray(evaluate(moved, points * scale_ + shift))
        # The fractal and the root have no Lipschitz constant: |f(x + h) - f(x)| <= 2 h^(1/2).
        argument = 8 * EPS * np.max(np.abs([box.lower, box.upper])) * np.max(1 / scale_)
        steepness = target.lipschitz or 2 / math.sqrt(argument)
        assert np.all(np.abs(got - expected) <= steepness * argument + 8 * EPS * scale(target))
        assert moved.barron is None
        assert moved.dim == target.dim
        for fact, power in (("lipschitz", 1), ("second_derivative", 2)):
            if getattr(target, fact) is not None:
                ratio = np.max(target.domain.widths / box.widths) ** power
                assert getattr(moved, fact) == pytest.approx(getattr(target, fact) * ratio)
        assert moved.sharp == target.sharp or len(set(scale_)) > 1
    moved = dataclasses.replace(moved, sharp=frozenset())  # sampled less finely
    law_values(moved)
    for fact in ("lipschitz", "second_derivative"):
        if getattr(moved, fact) is not None:
            LAWS[fact](moved)
    cuts = breaks_of(name, target, {})
    scale_, shift = target.domain.map_to(box)
    cuts = [tuple(k * a + b for k in cut) for cut, a, b in zip(cuts, scale_, shift, strict=True)]
    law_integral(moved, cuts)
    if target.kinks is not None:
        assert np.allclose(moved.kinks, np.multiply(target.kinks, scale_[0]) + shift[0])
    with pytest.raises(AssertionError):
        law_integral(dataclasses.replace(moved, integral=moved.integral + 0.1), cuts)


def test_moving_stretches_unequal_axes_by_the_largest_ratio():
    target = get("sine_product")
    moved = target.moved_to(Box([0.0, 0.0], [2.0, 0.5]))
    assert moved.lipschitz == 2 * target.lipschitz
    assert moved.second_derivative == 4 * target.second_derivative
    assert moved.sharp == {"value_min", "value_max"}
    assert moved.integral == target.integral
    assert target.moved_to(Box.cube(3.0, 5.0, 2)).sharp == target.sharp
    assert target.moved_to(target.domain) is target


def test_moved_corners_do_not_round_out_of_the_box():
    moved = get("sqrt").moved_to(Box([0.1], [0.7]))
    assert float(moved(jnp.array([0.1]))) == 0.0
    assert moved.kinks == (0.1,)
    shape = get("corner").moved_to(Box([3.0, -7.0], [5.0, -5.0]))
    assert bool(shape.mask(jnp.array([3.5, -6.5])))
    assert not bool(shape.mask(jnp.array([4.5, -6.5])))


@each
def test_scaling_by_a_power_of_two_is_exact(name):
    target = get(name)
    points = target.domain.sobol(32, seed=5)
    values = np.asarray(evaluate(target, points))
    for factor in (8.0, -0.25):
        scaled = target.scaled(factor)
        assert np.array_equal(np.asarray(evaluate(scaled, points)), factor * values)
        for fact in ("lipschitz", "second_derivative", "barron"):
            plain = getattr(target, fact)
            assert getattr(scaled, fact) == (None if plain is None else abs(factor) * plain)
        assert scaled.integral == factor * target.integral
        ends = sorted((factor * target.value_min, factor * target.value_max))
        assert [scaled.value_min, scaled.value_max] == ends
        assert scaled.kinks == target.kinks
    only_low = dataclasses.replace(target, sharp=frozenset({"value_min"}))
    assert only_low.scaled(-1.0).sharp == {"value_max"}


# Under JAX


@each
def test_jit_is_eager_vmap_is_loop_and_gradients_are_finite(name):
    target = get(name)
    points = jnp.asarray(target.domain.sobol(16, seed=6))
    loop = jnp.stack([target(x) for x in points[:4]])
    jitted = jax.jit(jax.vmap(target))(points)[:4]
    slack = 16 * EPS * scale(target) * growth(target)
    assert np.max(np.abs(loop - jitted)) <= slack
    assert np.max(np.abs(loop - evaluate(target, points)[:4])) <= slack
    assert bool(jnp.all(jnp.isfinite(jax.jit(jax.vmap(jax.grad(target)))(points))))
    assert target(points[0]).shape == ()


@each
def test_dtypes_are_kept(name):
    target = get(name)
    moved = target.moved_to(OTHER_BOXES[target.dim][0]).scaled(3.0)
    for dtype in (jnp.float32, jnp.float64):
        point = jnp.asarray(target.domain.center + 0.1, dtype)
        assert jax.eval_shape(target, point).dtype == dtype
        assert jax.eval_shape(moved, point).dtype == dtype
        assert jax.eval_shape(jax.grad(target), point).dtype == dtype
    single = np.asarray(evaluate(target, target.domain.sobol(64, seed=7).astype(np.float32)))
    double = np.asarray(
        evaluate(target, target.domain.sobol(64, seed=7).astype(np.float32).astype(np.float64))
    )
    assert np.max(np.abs(single - double)) <= 32 * np.finfo(np.float32).eps * scale(
        target
    ) * growth(target)


def test_a_target_is_a_static_argument_and_compiles_once():
    target, count = get("runge"), 0

    def value(f, x):
        nonlocal count
        count += 1
        return f(x)

    compiled = jax.jit(value, static_argnums=0)
    for x in (0.25, 0.5):
        compiled(get("runge"), jnp.array([x]))
    assert count == 1
    assert target != target.scaled(2.0)
    assert hash(target) == hash(get("runge"))
    assert get("oscillatory", c=[1.0, 2.0]) is get("oscillatory", c=(1.0, 2.0))
    assert get("oscillatory", c=np.array([1.0, 2.0])).barron == math.sqrt(5.0)


# Independent oracles


def floats_of_the_unit_interval(n):
    return np.random.default_rng(8).random(n)


@pytest.mark.parametrize("k", [1, 3, 6, 20])
def test_tent_is_exact_at_every_float(k):
    points = floats_of_the_unit_interval(64)
    values = np.asarray(evaluate(get("tent", k=k), points[:, None]))
    for x, value in zip(points, values, strict=True):
        t = Fraction(float(x))
        for _ in range(k):
            t = min(2 * t, 2 - 2 * t)
        assert Fraction(float(value)) == t
    grid = np.arange(2**10 + 1) / 2**10
    assert set(np.asarray(evaluate(get("tent", k=10), grid[:, None])).tolist()) == {0.0, 1.0}


def test_takagi_against_fractions():
    points = [*floats_of_the_unit_interval(32).tolist(), 0.0, 0.25, 0.375, 1.0]
    values = np.asarray(evaluate(get("takagi"), np.asarray(points)[:, None]))
    for x, value in zip(points, values, strict=True):
        terms = [(Fraction(x) * 2**n) % 1 for n in range(80)]
        truth = sum((min(t, 1 - t) / 2**n for n, t in enumerate(terms)), Fraction(0))
        assert abs(Fraction(float(value)) - truth) <= 16 * Fraction(EPS)
    # The mean over a dyadic grid is known exactly: half a unit of 2^-m below the integral.
    grid = np.arange(2**10) / 2**10
    assert np.mean(np.asarray(evaluate(get("takagi"), grid[:, None]))) == 0.5 - 2.0**-11


def test_square_is_correctly_rounded_and_slopes_of_the_tent_count_its_pieces():
    points = floats_of_the_unit_interval(64)
    values = np.asarray(evaluate(get("square"), points[:, None]))
    assert all(
        float(Fraction(float(x)) ** 2) == v for x, v in zip(points, values.tolist(), strict=True)
    )
    assert len(get("tent", k=6).kinks) == 63
    assert get("tent", k=13).kinks is None


def test_corner_is_harmonic_vanishes_on_its_edges_and_is_continuous():
    corner = get("corner")
    points = corner.domain.sobol(256, seed=9)
    points = points[np.asarray(jax.vmap(corner.mask)(jnp.asarray(points)))]
    assert 150 < len(points) < 230
    hessians = np.asarray(jax.jit(jax.vmap(jax.hessian(corner)))(jnp.asarray(points)))
    sizes = np.linalg.norm(hessians, axis=(1, 2))
    assert np.all(np.abs(np.trace(hessians, axis1=1, axis2=2)) <= 64 * EPS * sizes)
    t = np.linspace(0.0, 1.0, 9)
    edges = np.concatenate([np.stack([t, 0 * t], 1), np.stack([0 * t, -t], 1)])
    assert np.max(np.abs(evaluate(corner, edges))) <= 4 * EPS
    theta = np.linspace(0.0, 1.5 * np.pi, 301)
    ring = 0.5 * np.stack([np.cos(theta), np.sin(theta)], 1)
    expected = 0.5 ** (2 / 3) * np.sin(2 * theta / 3)
    assert np.max(np.abs(evaluate(corner, ring) - expected)) <= 8 * EPS
    gradient = jax.jit(jax.grad(corner))
    assert np.all(np.isfinite(gradient(jnp.zeros(2))))
    assert np.all(np.isfinite(gradient(jnp.array([1e-200, 1e-200]))))


def test_corner_peak_integral_does_not_cancel():
    # With equal difficulties the sum of d uniform variables has density that is nearly normal.
    target = get("corner_peak", dim=20, c=(0.01,) * 20)
    # (1 + s)^(-21) is convex in s: between its value at the mean and its mean by second order.
    mean, variance = 0.1, 20 * 0.01**2 / 12
    low = (1 + mean) ** -21
    assert low <= target.integral <= low + 0.5 * 21 * 22 * variance
    assert get("corner_peak", c=tuple(0.1 + 0.01 * i**2 for i in range(12))).integral is None


def test_jumps_take_the_middle_value():
    assert [float(get("step", at=0.5)(jnp.array([x]))) for x in (0.0, 0.5, 1.0)] == [0.0, 0.5, 1.0]
    sphere = get("ball", dim=1, radius=0.25)
    assert [float(sphere(jnp.array([x]))) for x in (0.0, 0.25, 0.5)] == [0.0, 0.5, 1.0]
    assert float(get("discontinuous", dim=1, w=(0.5,), c=(1.0,))(jnp.array([0.5]))) == math.exp(0.5)


# Words and wrong calls


def test_every_target_function_is_in_the_catalogue():
    modules = [
        importlib.import_module(f"{targets.__name__}.{each.name}")
        for each in pkgutil.iter_modules(targets.__path__)
        if each.name != "catalogue"
    ]
    found = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and not name.startswith("_")
        if function.__annotations__.get("return") in ("Target", Target)
    }
    assert found == set(CATALOGUE.values())


def test_catalogue_order_and_representations():
    assert names()[:5] == ("square", "cube", "power11", "power", "sqrt")
    assert names() == tuple(CATALOGUE)
    assert len(set(names())) == len(names())
    with pytest.raises(TypeError):
        CATALOGUE["mine"] = get  # read-only
    for name in names():
        target = get(name)
        assert "\n" not in repr(target)
        assert target.source
        assert target.smoothness
        assert target.continuous == (target.smoothness != "jump")
        assert "<table>" in target._repr_html_()
        assert target.name in target._repr_html_()
    mine = Target(lambda x: x[0], domain=Box([0.0], [1.0]), name="<b>")
    assert "<b>" not in mine._repr_html_()
    assert mine.continuous is None
    assert mine.kinks is None
    assert bool(Target(lambda x: x[0] > 0, domain=Box([0.0], [1.0]))(jnp.array([0.5])) == 1.0)


def line_target(**facts):
    return Target(lambda x: x[0], domain=Box([0.0], [1.0]), **facts)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: line_target(lipschitz=-1.0), "lipschitz: got -1.0, expected .* at least 0"),
        (lambda: line_target(lipschitz=math.nan), "lipschitz: got nan, expected a finite number"),
        (lambda: line_target(value_min=1.0, value_max=0.0), "value_min: got 1.0 .* Exchange"),
        (lambda: line_target(continuous=False, lipschitz=1.0), "continuous: got False"),
        (lambda: line_target(sharp=frozenset({"lipschitz"})), "sharp: got 'lipschitz'"),
        (lambda: line_target(integral=0.5, sharp=frozenset({"integral"})), "sharp: got 'integral'"),
        (lambda: line_target(kinks=(2.0,)), r"kinks: got \[2.0\]"),
        (lambda: line_target().moved_to(Box.unit(2)), "box: got .* dimension 2, expected .* 1"),
        (lambda: line_target().scaled(0.0), "factor: got 0.0, expected a finite number"),
        (lambda: line_target()(jnp.zeros((3, 1))), r"x: got shape \(3, 1\), .*evaluate"),
        (lambda: line_target()(jnp.zeros(())), r"x: got shape \(\), expected \(1,\)"),
        (
            lambda: Target(lambda x: x, domain=Box.unit())(jnp.zeros(1)),
            r"fn: got a value of shape \(1,\).*x\[0\]",
        ),
        (lambda: get("rung"), "name: got 'rung', .*Did you mean runge"),
        (lambda: get("zzzz"), "write approxlab.Target"),
        (lambda: get("tent", n=3), "n: got a parameter that tent does not have, expected k=3"),
        (lambda: get("square", n=3), "expected no parameters"),
        (lambda: get("tent", k=0), "k: got 0, expected an integer from 1 to 50"),
        (lambda: get("bump", dim=0), "dim: got 0"),
        (lambda: get("kink", at=1.5), "at: got 1.5, expected a number strictly inside"),
        (lambda: get("ball", radius=0.5), "radius: got 0.5"),
        (lambda: get("continuous", c=(1.0, -1.0)), "c: got -1.0"),
        (lambda: get("continuous", w=(1.0, 1.5)), "w: got 1.5, expected a number in"),
        (lambda: get("continuous", dim=3, c=C2), "c: got 2 numbers .* dimension 3"),
        (lambda: get("continuous", c=C2, w=W3), "w: got 3 numbers .* dimension 2"),
        (lambda: get("discontinuous", w=(1.0, 1.0)), "nothing is cut off"),
    ],
)
def test_wrong_values(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_wrong_dtypes():
    with pytest.raises(TypeError, match="x: got dtype int"):
        line_target()(jnp.zeros(1, int))
    with pytest.raises(TypeError, match="fn: got a value of dtype complex"):
        Target(lambda x: jax.lax.complex(x[0], x[0]), domain=Box.unit())(jnp.zeros(1, jnp.float64))
    difficulties, _ = axis_parameters(None, None, None, lambda d: (1.0,) * d, golden_positions)
    assert difficulties == (1.0, 1.0)


ELSEWHERE = """
import approxlab as al, jax
assert al.targets.names() and not jax.live_arrays()
box = al.Box([0.0], [1.0])
calls = [
    (lambda: al.Target("x", domain=box), TypeError, "fn: got 'x', expected a function"),
    (lambda: al.Target(abs, domain=3), TypeError, "domain: got 3, expected a Box"),
    (lambda: al.Target(abs, domain=box, mask=3), TypeError, "mask: got 3"),
    (lambda: al.Target(abs, domain=box, smoothness="odd"), ValueError, "smoothness: got 'odd'"),
    (lambda: al.Target(abs, domain=box, integral="a"), ValueError, "integral: got 'a'"),
    (lambda: al.targets.get("exp").moved_to(3), TypeError, "box: got 3, expected a Box"),
    (lambda: al.targets.get("tent", k=2.5), ValueError, "k: got 2.5, expected an integer"),
    (lambda: al.targets.get("kink", at="a"), ValueError, "at: got 'a', expected a number"),
    (lambda: al.targets.get("oscillatory", c=3.0), ValueError, "c: got 3.0, expected numbers"),
    (lambda: al.targets.get(3), ValueError, "name: got 3"),
    (lambda: al.targets.get([3]), ValueError, "name: got [3]"),
]
for call, kind, message in calls:
    try:
        call()
    except kind as error:
        assert message in str(error), error
    else:
        raise AssertionError(message)
assert not jax.live_arrays()
print("done")
"""


def test_wrong_types_and_a_silent_import():
    """In a process of its own: here the run-time type checks of the tests would speak first."""
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout == "done\n", done.stderr
