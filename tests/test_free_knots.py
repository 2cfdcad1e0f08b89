"""Free knots: promised errors, exact optima, stationarity, and ends that are named."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab import Box, Target
from approxlab.fitting.knots.newton import _quadratic, start, to_minimum
from approxlab.fitting.knots.placement import free_knots
from approxlab.splines import best_l2, l2_error, sampled
from approxlab.targets import get

PI = math.pi
SINE = Target(lambda x: jnp.sin(x[0]), domain=Box([-PI], [PI]), name="sin")


@pytest.mark.parametrize(("n", "asked"), [(128, 1.31e-4), (512, 8.1e-6)])
def test_sine_with_placed_knots(n, asked):
    placed = free_knots(SINE, n, polish=False)
    assert float(placed.error) <= asked
    assert float(placed.error) == pytest.approx(placed.first_error, rel=1e-9)
    assert placed.network.num_hidden_units == n
    if n == 128:
        polished = free_knots(SINE, n)
        assert polished.status == "converged"
        # A knot at the inflection is of no use, and only its relocation finds that out.
        assert float(polished.error) < 0.98 * float(placed.error)


@pytest.mark.parametrize("n", [1, 8, 64])
def test_square_root_reaches_the_exact_optimum(n):
    """Knots (j (j + 1) / (n (n + 1)))^2 make all errors 1 / (4 n (n + 1)), and they alternate."""
    fit = free_knots(get("sqrt"), n, "sup")
    assert float(fit.error) * 4 * n * (n + 1) == pytest.approx(1.0, rel=2e-6)
    j = np.arange(n + 1)
    assert fit.spline.knots == pytest.approx((j * (j + 1) / (n * (n + 1))) ** 2, abs=1e-5)
    assert (float(fit.error) - float(al.errors.sup(fit.network, get("sqrt")))) <= 1e-12


def test_square_root_of_the_record():
    fit = free_knots(get("sqrt"), 256, "sup")
    assert float(fit.error) <= 4.5e-6
    assert float(fit.error) * 4 * 256 * 257 == pytest.approx(1.0, rel=1e-5)


@pytest.mark.parametrize("name", ["cube", "power11"])
def test_powers_with_twenty_units(name):
    """Mean squared error over 500 equally spaced points of [0, 1], fitted on them or not."""
    target, x = get(name), np.linspace(0.0, 1.0, 500)[:, None]
    y = np.asarray(al.evaluate(target, x))
    on_points, on_integral = free_knots((x, y), 20), free_knots(target, 20)
    means = [np.mean((np.asarray(al.evaluate(f.network, x)) - y) ** 2)
             for f in (on_points, on_integral)]  # fmt: skip
    assert max(means) <= 6e-8
    assert means[0] <= means[1]
    assert float(on_points.error) ** 2 == pytest.approx(means[0], rel=1e-9)


def test_parabola_is_the_closed_form():
    n, box = 5, Box([-7.0], [-2.0])
    parabola = get("square").moved_to(box)
    for norm in ("l2", "sup"):
        fit = free_knots(parabola, n, norm)
        exact = float(al.optimal.square_by_pieces(n, norm)) * (5**0.5 if norm == "l2" else 1.0)
        assert float(fit.error) == pytest.approx(exact, rel=1e-8)


@pytest.mark.parametrize("name", ["sine2", "runge"])
def test_every_piece_is_best_on_its_own(name):
    """At a minimum the residual is orthogonal to all affine functions on every piece."""
    fit = free_knots(get(name), 8)
    samples = sampled(lambda x: np.asarray(al.evaluate(get(name), x[:, None])), fit.spline.knots)
    falling, rising, squares = samples.moments(fit.spline.heights)
    scale = np.sqrt(squares * np.diff(fit.spline.knots))
    assert np.all(np.abs(falling) <= 1e-4 * scale)
    assert np.all(np.abs(rising) <= 1e-4 * scale)
    first = free_knots(get(name), 8, polish=False)
    falling, _, squares = sampled(
        lambda x: np.asarray(al.evaluate(get(name), x[:, None])), first.spline.knots
    ).moments(first.spline.heights)
    assert np.any(np.abs(falling) > 1e-2 * np.sqrt(squares * np.diff(first.spline.knots)))


def test_gradient_and_hessian_against_differences():
    knots = np.array([0.0, 0.2, 0.55, 0.7, 1.0])
    heights = np.array([1.1, 1.3, 1.6, 2.1, 2.6])

    def half_gradient(pairs):
        state = start(lambda t: sampled(np.exp, t), pairs[:, 0])
        fixed = type(state)(pairs[:, 0], pairs[:, 1], 1.0, state.samples)
        return _quadratic(fixed)

    def half_squares(pairs):
        return 0.5 * sampled(np.exp, pairs[:, 0]).moments(pairs[:, 1])[2].sum()

    pairs = np.stack([knots, heights], axis=1)
    gradient, diagonal, beside, _ = half_gradient(pairs)
    for j, k in ((1, 0), (2, 0), (2, 1), (4, 1)):
        step = np.zeros_like(pairs)
        step[j, k] = 1e-5
        slope = (half_squares(pairs + step) - half_squares(pairs - step)) / 2e-5
        assert gradient[j, k] == pytest.approx(slope, rel=1e-6)
        more, less = half_gradient(pairs + step)[0], half_gradient(pairs - step)[0]
        bend = (more - less) / 2e-5
        assert bend[j] == pytest.approx(diagonal[j, :, k], rel=1e-6, abs=1e-9)
        if j < 4:
            assert bend[j + 1] == pytest.approx(beside[j, k], rel=1e-6, abs=1e-9)


def test_the_error_never_rises_and_knots_keep_their_order():
    def sampler(knots):
        return sampled(lambda x: np.sin(9 * x), knots)

    state = start(sampler, np.array([0.0, 0.01, 0.02, 0.9, 1.0]))
    squares = [state.squares]
    for _ in range(12):
        state = to_minimum(sampler, state, 0.0, 1)
        squares.append(state.squares)
        assert np.all(np.diff(state.knots) > 0)
    assert np.all(np.diff(squares) <= 0)
    assert squares[-1] < 0.3 * squares[0]


def test_sup_errors_alternate_and_are_level():
    fit = free_knots(get("exp"), 6, "sup")
    x = np.linspace(-1.0, 1.0, 60001)
    error = np.exp(x) - fit.spline(x)
    inner = [error[(x >= a) & (x <= b)].min() for a, b in
             zip(fit.spline.knots, fit.spline.knots[1:], strict=False)]  # fmt: skip
    level = float(fit.error)
    assert np.exp(fit.spline.knots) - fit.spline.heights == pytest.approx(level, rel=1e-6)
    assert np.array(inner) == pytest.approx(-level, rel=1e-6)


def test_sup_fit_across_an_inflection_beats_the_best_in_the_mean():
    """The target is neither convex nor concave; a linear program decides what stays below."""
    fit, mean = free_knots(get("sine2"), 8, "sup"), free_knots(get("sine2"), 8)
    found = float(al.errors.sup(fit.network, get("sine2")))
    assert found == pytest.approx(float(fit.error), rel=1e-4)
    assert found < 0.8 * float(al.errors.sup(mean.network, get("sine2")))
    assert found < 0.8 * fit.first_error


def test_scaling_by_a_power_of_two_is_exact_and_moving_commutes():
    fit = free_knots(get("sine2"), 7)
    scaled = free_knots(get("sine2").scaled(2.0**700), 7)
    assert np.array_equal(fit.spline.knots, scaled.spline.knots)
    assert np.array_equal(fit.spline.heights * 2.0**700, scaled.spline.heights)
    moved = free_knots(get("sine2").moved_to(Box([3.0], [5.0])), 7)
    assert float(moved.error) == pytest.approx(math.sqrt(2.0) * float(fit.error), rel=1e-7)


@pytest.mark.parametrize("norm", ["l2", "sup"])
def test_targets_without_an_error(norm):
    flat = Target(lambda x: 0.0 * x[0] + 3.0, domain=Box.unit())
    line = Target(lambda x: 3.0 * x[0] - 1.0, domain=Box.unit())
    for target, n in ((flat, 16), (line, 16), (get("tent", k=4), 16)):
        fit = free_knots(target, n, norm)
        assert fit.status == "converged"
        assert float(fit.error) <= 1e-14
    if norm == "l2":
        assert float(free_knots(get("tent", k=4), 15, norm, steps=2).error) > 1e-3


def test_jump_keeps_its_knots_apart():
    fit = free_knots(get("step"), 8, steps=40)
    assert np.min(np.diff(fit.spline.knots)) > 1e-10
    assert float(al.errors.l2(fit.network, get("step"))) < 0.1


def test_data_with_noise_and_repeated_positions():
    rng = np.random.default_rng(1)
    x = np.repeat(np.sort(rng.random(60)), 3)
    y = np.sin(6 * x) + 0.1 * rng.normal(size=180)
    fit = free_knots((x[:, None], y), 6)
    assert 0.05 < float(fit.error) < 0.12
    assert float(fit.error) <= fit.first_error
    # 59 pieces for 60 positions: as good as the means there.
    many = free_knots((x[:, None], y), 59)
    means = np.repeat(y.reshape(60, 3).mean(axis=1), 3)
    assert float(many.error) == pytest.approx(math.sqrt(np.mean((y - means) ** 2)), rel=1e-6)


def test_single_precision():
    with jax.enable_x64(False):
        fit = free_knots(get("exp"), 8)
        with pytest.raises(ValueError, match="pieces: got 8 on .*float64"):
            free_knots(get("exp").moved_to(Box([1e6], [1e6 + 1.0])), 8)
    assert fit.network.dtype == jnp.float32
    assert float(fit.error) == pytest.approx(3.52099e-3, rel=1e-4)


def test_the_measure_is_not_what_was_minimised():
    """The error is that of the network, by other nodes; the spline by the nodes of the fit."""
    fit = free_knots(get("runge"), 16)
    exact = l2_error(lambda x: 1 / (1 + 25 * x * x), fit.spline, 40)
    assert float(fit.error) == pytest.approx(exact, rel=1e-9)
    assert exact <= l2_error(
        lambda x: 1 / (1 + 25 * x * x),
        best_l2(lambda x: 1 / (1 + 25 * x * x), np.linspace(-1.0, 1.0, 17)),
    )
    (row,) = fit.to_rows()
    assert row["num_hidden_units"] == row["pieces"] == 16
    assert row["l2_error"] == float(fit.error)
    assert "FreeKnots(MLP(1-16-1, relu" in repr(fit)


X = np.linspace(0.0, 1.0, 9)[:, None]
WRONG = [
    (lambda: free_knots(get("exp"), 0), ValueError, "pieces: got 0, expected a positive"),
    (lambda: free_knots(get("exp"), 4, steps=0), ValueError, "steps: got 0"),
    (lambda: free_knots(get("bump"), 4), ValueError, "target.domain: .* 2 dimensions"),
    (lambda: free_knots(lambda x: x[0], 4), TypeError, "target: got function, expected a Target"),
    (
        lambda: free_knots(Target(lambda x: x[0], domain=Box.unit(), mask=lambda x: x[0] > 0.5), 4),
        ValueError,
        "target: .* with a mask",
    ),
    (
        lambda: free_knots(
            Target(lambda x: jnp.where(x[0] == 1.0, jnp.inf, x[0]), domain=Box.unit()), 4
        ),
        ValueError,
        r"target: target is inf at the point \[1.0\]",
    ),
    (lambda: free_knots((X, X[:, 0]), 9), ValueError, "pieces: got 9 for 9 distinct positions"),
    (lambda: free_knots((X, X[:, 0]), 4, "sup"), ValueError, "norm: got 'sup' with data"),
    (
        lambda: free_knots((X[:, 0], X[:, 0]), 4),
        ValueError,
        r"X: got shape \(9,\), expected \(n, d\)",
    ),
    (lambda: free_knots((X, X), 4), ValueError, r"expected \(k, 1\) and \(k,\)"),
    (lambda: free_knots((X,), 4), ValueError, "target: got 1 arrays"),
    (lambda: free_knots((X, np.where(X[:, 0] > 0.9, np.nan, 1.0)), 4), ValueError, "Y: got nan"),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_wrong_calls(case):
    call, kind, message = WRONG[case]
    with pytest.raises(kind, match=message):
        call()
