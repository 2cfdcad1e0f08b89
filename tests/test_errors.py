"""Error estimates against suprema, norms and rates that are known in closed form."""

import math
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab import Box


def zero(x):
    return jnp.zeros((), x.dtype)


def staircase(n, gain):
    """Sum of steep sigmoids for x^2 on [0, 1], with jumps at the midpoints of n cells."""
    j = jnp.arange(1, n + 1, dtype=float)
    heights = (2 * j - 1) / n**2
    return lambda x: jnp.sum(heights * jax.nn.sigmoid(gain * (x[0] - (2 * j - 1) / (2 * n))))


def tanh_gain(k):
    """Sup of |tanh(k x) - x| on [0, 1]: an interior maximum, or the end."""
    root = math.sqrt(1 - 1 / k)
    return max(root - math.atanh(root) / k, 1 - math.tanh(k))


# Name: model, target, box, exact sup error. Closed forms, or digits certified by ball arithmetic.
KNOWN = {
    "end of the interval": (
        lambda x: jnp.tanh(x[0]), lambda x: x[0], Box([0.0], [1.0]),
        0.2384058440442351118805417,
    ),
    "two equal interior maxima": (
        lambda x: jax.nn.sigmoid(4 * (x[0] - 1)), lambda x: x[0] / 2, Box([0.0], [2.0]),
        0.1332099938383880058922698,
    ),
    "interior maximum, k = 5": (
        lambda x: jnp.tanh(5 * x[0]), lambda x: x[0], Box([0.0], [1.0]), tanh_gain(5.0),
    ),
    "bump": (
        lambda x: jax.nn.sigmoid(32 * x[0] - 8) - jax.nn.sigmoid(32 * x[0] - 24),
        zero, Box([0.0], [1.0]), 0.9993292997390670437922433,
    ),
    "kink on the grid": (
        lambda x: jax.nn.softplus(8 * x[0]) / 8, lambda x: jax.nn.relu(x[0]), Box([-4.0], [4.0]),
        math.log(2) / 8,
    ),
    "kink between grid points": (
        lambda x: jax.nn.softplus(8 * x[0]) / 8, lambda x: jax.nn.relu(x[0]), Box([-4.1], [3.3]),
        math.log(2) / 8,
    ),
    "runge against zero": (
        lambda x: 1 / (1 + 25 * x[0] ** 2), zero, Box([-1.0], [0.9]), 1.0,
    ),
    "staircase 4, 16": (staircase(4, 16), lambda x: x[0] ** 2, Box.unit(), 0.0529325371920082),
    "staircase 8, 32": (staircase(8, 32), lambda x: x[0] ** 2, Box.unit(), 0.02844835780775004),
    "staircase 16, 64": (staircase(16, 64), lambda x: x[0] ** 2, Box.unit(), 0.01471970133253832),
    "staircase 16, 128": (staircase(16, 128), lambda x: x[0] ** 2, Box.unit(), 0.01691329056571966),
    "staircase 32, 128": (staircase(32, 128), lambda x: x[0] ** 2, Box.unit(), 0.00748373127343499),
    "away from the origin": (
        lambda x: jax.nn.sigmoid(4 * (x[0] - 5)), lambda x: (x[0] - 4) / 2, Box([4.0], [6.0]),
        0.1332099938383880058922698,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", KNOWN)
def test_known_sup(name):
    model, target, box, exact = KNOWN[name]
    error = al.errors.sup(model, target, box)
    assert abs(float(error) / exact - 1) < 1e-12
    # `at` is where it is attained
    there = abs(float(model(jnp.array(error.at)) - target(jnp.array(error.at))))
    assert abs(there / exact - 1) < 1e-12


def test_steeper_is_not_always_better():
    assert KNOWN["staircase 16, 128"][3] > KNOWN["staircase 16, 64"][3]


@pytest.mark.parametrize("weights", [(0.5, 0.5), (0.5, 0.25, 0.25), (0.25,) * 4, (0.125,) * 8])
def test_ridge_lifts_the_known_sup_to_many_dimensions(weights):
    w = jnp.array(weights)
    box = Box.cube(0.0, 2.0, len(weights))
    error = al.errors.sup(lambda x: jax.nn.sigmoid(4 * (w @ x - 1)), lambda x: w @ x / 2, box)
    assert abs(float(error) / 0.1332099938383880058922698 - 1) < 1e-10


@pytest.mark.parametrize(("dim", "spread"), [(2, 1e3), (3, 1e2), (5, 1e2)])
def test_interior_peak_that_is_narrow_and_rotated(dim, spread):
    rng = np.random.default_rng(dim)
    rotation = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    form = jnp.array(rotation @ np.diag(np.geomspace(1.0, spread, dim)) @ rotation.T)
    center = jnp.array(rng.uniform(0.3, 0.7, dim))
    error = al.errors.sup(
        lambda x: jnp.exp(-(x - center) @ form @ (x - center)), zero, Box.unit(dim)
    )
    assert abs(float(error) - 1) < 1e-10


def test_grid_alone_is_not_enough():
    """The twin of the refinement: the largest grid value misses 1e-10 by far."""
    model, target, box, exact = KNOWN["two equal interior maxima"]
    points = box.uniform(4097)
    grid = np.max(np.abs(al.evaluate(model, points) - al.evaluate(target, points)))
    assert abs(grid / exact - 1) > 1e-10


def test_sup_never_exceeds_the_truth_and_finds_spikes_that_samples_show():
    """A spike between all samples is missed: an estimate is a lower value, and says so."""

    def spike(width):
        return lambda x: jnp.exp(-(((x[0] - 0.123456) / width) ** 2))

    assert abs(float(al.errors.sup(spike(1e-5), zero, Box.unit())) - 1) < 1e-10
    missed = al.errors.sup(spike(1e-9), zero, Box.unit())
    assert float(missed) < 0.5
    fine = al.errors.sup(spike(1e-6), zero, Box.unit(), points=2_000_001)
    assert abs(float(fine) - 1) < 1e-10


def test_mask_is_respected():
    disc = al.Target(
        lambda x: x[0] + x[1],
        domain=Box.cube(-1.0, 1.0, 2),
        name="disc",
        mask=lambda x: x[0] ** 2 + x[1] ** 2 <= 1.0,
    )
    error = al.errors.sup(zero, disc)
    assert abs(float(error) - math.sqrt(2)) < 1e-5
    assert float(error) <= math.sqrt(2) * (1 + 4 * np.finfo(float).eps)
    exact = math.sqrt(math.pi / 4)  # integral of (x + y)^2 over the disc is pi/4 + pi/4 - 0
    norm = al.errors.l2(zero, disc)
    assert abs(float(norm) - math.sqrt(2) * exact) < 5e-3
    assert norm.uncertainty > 0


def test_a_mask_compiles_once_per_call(compilations):
    """The search evaluates the mask a hundred times."""
    corner = al.targets.get("corner")
    with compilations() as count:
        al.errors.sup(corner, corner)
    assert count() <= 6


def test_scaling_by_a_power_of_two_is_exact():
    model, target, box, _ = KNOWN["staircase 8, 32"]
    for power in (-40, 40):
        factor = 2.0**power
        scaled = (lambda x: factor * model(x), lambda x: factor * target(x), box)  # noqa: B023
        assert float(al.errors.sup(*scaled)) == factor * float(al.errors.sup(model, target, box))
        assert float(al.errors.l2(*scaled)) == factor * float(al.errors.l2(model, target, box))
        relative = al.errors.sup(*scaled, relative=True)
        assert float(relative) == float(al.errors.sup(model, target, box, relative=True))


@pytest.mark.parametrize("box", [Box([0.0], [1.0]), Box([3.0], [5.0]), Box([-7.0], [-2.0])])
def test_l2_of_monomials(box):
    (a,), (b,) = box.lower, box.upper
    for power in (1, 2, 7):
        exact = math.sqrt((b ** (2 * power + 1) - a ** (2 * power + 1)) / (2 * power + 1))
        norm = al.errors.l2(lambda x: x[0] ** power, zero, box)  # noqa: B023
        assert abs(float(norm) / exact - 1) < 16 * np.finfo(float).eps
        assert norm.uncertainty <= 1e-13 * exact


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 6])
def test_l2_in_d_dimensions(dim):
    box = Box.cube(1.0, 3.0, dim)
    norm = al.errors.l2(lambda x: jnp.sum(x), zero, box)
    exact = math.sqrt(2**dim * (dim / 3 + (2 * dim) ** 2))
    assert abs(float(norm) - exact) <= max(4 * norm.uncertainty, 1e-12 * exact)
    if dim == 6:
        assert 0 < norm.uncertainty < 1e-2 * exact


def test_l2_uncertainty_sees_kinks():
    """Where a kink falls in its cell is luck; in 9 of 10 cases 4 times the doubt covers it."""
    covered = 0
    for kink in np.random.default_rng(0).uniform(size=40):
        norm = al.errors.l2(
            jax.tree_util.Partial(lambda k, x: jax.nn.relu(x[0] - k), jnp.array(kink)),
            zero, Box.unit(), panels=8, nodes=4,
        )  # fmt: skip
        wrong = abs(float(norm) - math.sqrt((1 - kink) ** 3 / 3))
        assert wrong < 1e-3
        covered += wrong <= 4 * norm.uncertainty
    assert covered >= 36


def test_relative_errors():
    box = Box([3.0], [5.0])
    double = al.errors.l2(lambda x: 2 * x[0], lambda x: x[0], box, relative=True)
    assert float(double) == pytest.approx(1.0, rel=1e-14)
    assert double.relative
    assert float(al.errors.sup(lambda x: 2 * x[0], lambda x: x[0], box, relative=True)) == 1.0
    assert al.errors.sup(lambda x: x[0], zero, box, relative=True).value == math.inf
    assert al.errors.l2(zero, zero, box, relative=True).value == 0.0


@pytest.mark.parametrize("measure", [al.errors.sup, al.errors.l2])
def test_not_finite_is_never_fine(measure):
    error = measure(lambda x: jnp.log(x[0] - 0.5), zero, Box.unit())
    assert math.isnan(float(error))
    assert error.at is not None
    assert error.at[0] <= 0.5
    assert not float(error) <= math.inf


@pytest.mark.parametrize("measure", [al.errors.sup, al.errors.l2])
def test_networks_of_one_shape_compile_once(measure, key, compilations):
    target = al.targets.get("runge")
    nets = [al.MLP.init(k, 1, (11,)) for k in jax.random.split(key, 3)]
    measure(nets[0], target)
    with compilations() as count:
        measure(nets[1], target)
        measure(nets[2], target)
    assert count() == 0


def test_vector_values():
    box = Box.unit()
    model, target = lambda x: jnp.array([1.0, 3.0]) * x[0], lambda x: jnp.array([1.0, 1.0]) * x[0]
    assert float(al.errors.sup(model, target, box)) == 2.0
    assert float(al.errors.l2(model, target, box)) == pytest.approx(2 / math.sqrt(3), rel=1e-14)


@pytest.mark.parametrize("order", [1.0, 2.0, 3.5])
def test_rate_of_a_power_law(order):
    n = np.array([4, 8, 16, 32, 64, 128])
    noise = np.exp(0.05 * np.random.default_rng(0).normal(size=len(n)))
    fitted = al.errors.rate(n, 7.0 * n**-order * noise)
    assert fitted.lower <= -order <= fitted.upper
    assert abs(fitted.slope + order) < 0.06
    assert fitted.upper - fitted.lower < 0.2


def test_rate_stops_at_the_rounding_floor():
    n = np.array([4, 8, 16, 32, 64, 128])
    errors = np.maximum(n**-4.0, 1e-6)
    floored = al.errors.rate(n, errors, floor=2e-6)
    assert (floored.used, floored.dropped) == (3, 3)
    assert abs(floored.slope + 4) < 1e-12
    assert abs(al.errors.rate(n, errors).slope + 4) > 0.2  # the twin: the floor spoils the slope


def test_bootstrap_interval_covers():
    """Over 200 data sets the 95 % interval holds the true slope in 88 % to 99 % of the cases."""
    n = np.array([4, 8, 16, 32, 64, 128, 256, 512])
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(200):
        fitted = al.errors.rate(n, n**-2.0 * np.exp(0.2 * rng.normal(size=len(n))), resamples=500)
        hits += fitted.lower <= -2 <= fitted.upper
    assert 0.85 * 200 <= hits <= 199


def test_rates_need_no_jax():
    """Figures are drawn from records without JAX, fitted slopes included."""
    script = (
        "import sys\n"
        "from approxlab.rates import gap, rate\n"
        "assert round(rate([4, 8, 16], [1 / 4, 1 / 8, 1 / 16]).slope, 9) == -1.0\n"
        "assert gap(0.25, 0.125) == 2.0\n"
        "assert 'jax' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=Path(__file__).parents[1])
    assert al.errors.rate.__module__ == al.errors.gap.__module__ == "approxlab.rates"


def test_gap_refuses_different_norms():
    best = al.optimal.square_by_pieces(4, "l2")
    assert al.errors.gap(al.Estimate(2 * best.value, "l2", 9), best) == 2.0
    with pytest.raises(ValueError, match="expected the same norm"):
        al.errors.gap(al.Estimate(0.1, "sup", 9), best)
    with pytest.raises(ValueError, match="optimum: got 0.0"):
        al.errors.gap(0.1, 0.0)


def test_spike_beside_the_kink_of_the_target_is_found():
    """A network bends close to a kink without meeting it: the error hides between grid points."""
    target = al.targets.get("kink")
    spike = 1e-7

    def model(x):
        return jnp.abs(x[0] - 1 / 3) + 0.5 * jax.nn.relu(spike - jnp.abs(x[0] - 1 / 3 - spike))

    assert abs(float(al.errors.sup(model, target)) / (0.5 * spike) - 1) < 1e-6
    undeclared = al.Target(target.fn, domain=target.domain, name="kink")
    assert float(al.errors.sup(model, undeclared)) == float(al.errors.sup(model, target))


def test_plateaus_do_not_hide_a_peak():
    def model(x):
        return jnp.where(x[0] < 0.5, 1.0, 1.0005 * jnp.exp(-(((x[0] - 0.7501) * 300) ** 2)))

    assert abs(float(al.errors.sup(model, zero, Box.unit())) / 1.0005 - 1) < 1e-10


def test_many_oscillations_are_ranked_by_their_peaks():
    """400 peaks, twenty grid points each, heights that differ by parts in a thousand."""
    box = Box.unit()

    def model(x):
        return jnp.sin(400 * jnp.pi * x[0]) * (1 + 0.02 * jnp.sin(6.6 * jnp.pi * x[0]))

    dense = al.errors.sup(model, zero, box, points=400_001)
    assert abs(float(al.errors.sup(model, zero, box)) / float(dense) - 1) < 1e-10


@pytest.mark.parametrize("power", [-900, -600, 600, 900])
def test_l2_at_extreme_scales(power):
    """Squares of these values are not numbers; the norm and its ratio are."""
    target = al.targets.get("runge").scaled(2.0**power)
    assert float(al.errors.l2(zero, target, relative=True)) == 1.0
    ordinary = float(al.errors.l2(zero, al.targets.get("runge")))
    assert float(al.errors.l2(zero, target)) == 2.0**power * ordinary


def test_relative_error_needs_a_finite_target():
    def target(x):
        return jnp.where(jnp.abs(x[0] - 0.3) < 1e-9, jnp.nan, x[0])

    points = Box.unit().uniform(11)  # 0.3 is a grid point
    assert math.isnan(
        float(al.errors.sup(zero, target, Box.unit(), points=len(points), relative=True))
    )


@pytest.mark.parametrize("n", [3, 4, 6])
def test_bootstrap_interval_covers_with_few_sizes(n):
    sizes, rng = 2.0 ** np.arange(n), np.random.default_rng(n)
    hits = 0
    for _ in range(200):
        fitted = al.errors.rate(sizes, sizes**-2 * np.exp(0.2 * rng.normal(size=n)), resamples=300)
        hits += fitted.lower <= -2 <= fitted.upper
    assert hits >= 0.89 * 200


def test_gap_takes_a_claim():
    claim = al.constructions.square_deep(5).claim
    assert al.errors.gap(claim, al.optimal.square_by_units(5)) == 1.0
    with pytest.raises(ValueError, match="expected the same norm"):
        al.errors.gap(claim, al.optimal.square_by_units(5, "l2"))


@pytest.mark.parametrize("dim", [3, 4])
def test_smooth_errors_beyond_two_dimensions_take_few_points(dim):
    zero, box = (lambda x: 0.0 * x[0]), al.Box.unit(dim)
    waves = al.errors.l2(lambda x: jnp.prod(jnp.sin(math.pi * x)), zero, box)
    assert abs(float(waves) - 0.5 ** (dim / 2)) < 1e-7
    assert waves.uncertainty < 1e-6
    bent = al.errors.l2(lambda x: jnp.sqrt(jnp.abs(x[0] - 0.3)), zero, box)  # its square has a kink
    assert abs(float(bent) - math.sqrt(0.5 * (0.3**2 + 0.7**2))) <= 1e-3
    assert bent.points > 3 * waves.points
    width = 0.02  # one peak that half the nodes hardly see
    peak = al.errors.l2(lambda x: jnp.exp(-jnp.sum((x - 0.37) ** 2) / width**2), zero, box)
    exact = (width * math.sqrt(math.pi / 2)) ** (dim / 2)
    assert abs(float(peak) - exact) <= 0.02 * exact
