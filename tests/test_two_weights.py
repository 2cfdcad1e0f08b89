"""(1 - x y)^2 / 2: the thresholds 1/2 and 1 of the step size, and starts that they leave out."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab.fitting import descend
from experiments.gradient_descent.smallest_network import (
    OUTCOMES,
    landing,
    loss,
    outcomes,
    saddle_reach,
)


def counts(alpha, reach, seed, steps=3000, starts=10_000):
    x, y = np.random.default_rng(seed).uniform(-reach, reach, (2, starts))
    return dict(zip(OUTCOMES, np.bincount(outcomes(x, y, alpha, steps), minlength=5), strict=True))


@pytest.mark.parametrize("reach", [1.0, 3.0])
def test_above_one_half_every_start_goes_across(reach):
    for seed, alpha in enumerate((0.501, 0.51, 0.6, 0.75, 0.9, 0.99)):
        found = counts(alpha, reach, seed)
        assert found["one side"] == 0
        assert found["across"] > 2000
        assert found["saddle"] == 0
    for seed, alpha in enumerate((0.3, 0.45, 0.49, 0.499)):  # the twin: below, many do not
        assert counts(alpha, reach, seed)["one side"] > 500


@pytest.mark.parametrize("reach", [1.0, 3.0])
def test_above_one_no_start_converges(reach):
    for seed, alpha in enumerate((1.001, 1.01, 1.1, 1.5, 1.9, 2.5)):
        found = counts(alpha, reach, seed)
        assert found["one side"] == found["across"] == found["saddle"] == 0
    for seed, alpha in enumerate((0.95, 0.99, 0.999)):  # the twin; contraction is slow there
        assert counts(alpha, reach, seed, steps=30_000)["across"] > 2000


def test_minimisers_that_are_reached_have_little_curvature():
    """Where steps converge, alpha (x^2 + y^2) <= 2; on one side, at most 1."""
    for seed, alpha in enumerate((0.3, 0.6, 0.9)):
        starts = np.random.default_rng(seed).uniform(-3.0, 3.0, (40, 2))
        for start in starts:
            path = descend(loss, tuple(start), learning_rate=alpha, steps=5000, stride=5000)
            x, y = path.point(-1)
            if path.status == "budget" and abs(1 - x * y) < 1e-6:
                limit = 1 if outcomes(start[:1], start[1:], alpha, 5000)[0] == 0 else 2
                assert alpha * (x * x + y * y) <= limit * (1 + 1e-6)


def test_a_little_above_one_bounded_starts_come_to_a_cycle_of_two():
    for alpha, cycles in ((1.01, True), (1.1, True), (1.2, True), (1.5, False)):
        x, y = np.random.default_rng(0).uniform(-3.0, 3.0, (2, 200))
        records = [(x, y)]
        with np.errstate(over="ignore", invalid="ignore"):
            for _ in range(5000):
                r = 1 - x * y
                x, y = x + alpha * r * y, y + alpha * r * x
                records = [*records[-2:], (x, y)]
        bounded = np.abs(x) < 10
        one, two = (np.abs(x - records[-1 - k][0])[bounded] for k in (1, 2))
        assert len(two) > 20
        assert np.all(one > 1e-2) if cycles else True
        assert bool(np.all(two < 1e-9)) == cycles


def test_the_hessian_at_minimisers():
    for x in (0.5, 1.0, -3.0):
        hessian = np.array(jax.hessian(loss)(jnp.array([x, 1 / x])))
        np.testing.assert_allclose(
            np.linalg.eigvalsh(hessian), [0.0, x * x + 1 / (x * x)], atol=1e-14
        )


def exact_step(x, y, alpha):
    r = 1 - x * y
    return x + alpha * r * y, y + alpha * r * x


def test_one_step_in_rational_numbers():
    """The formula of the new residual, u and v, and the two ways to land exactly."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        x, y, alpha = (Fraction(int(n), 7) for n in rng.integers(-20, 20, 3))
        new_x, new_y = exact_step(x, y, alpha)
        r, s = 1 - x * y, x * x + y * y
        assert 1 - new_x * new_y == r * (1 - alpha * s - alpha**2 * r * x * y)
        assert new_x + new_y == (x + y) * (1 + alpha * r)
        assert new_x - new_y == (x - y) * (1 - alpha * r)
    half = Fraction(1, 2)
    assert exact_step(half, half, Fraction(4, 3)) == (1, 1)  # beyond alpha = 1, and converged
    assert exact_step(Fraction(3, 2), Fraction(2), half) == (-half, half)  # from x y = 1 + 1/alpha


def test_exceptions_land_on_a_minimiser_exactly():
    assert abs(landing(0.6) - 0.88444) < 5e-6
    for alpha in (0.6, 0.7, 0.9):
        x = np.array([landing(alpha), landing(alpha) + 1e-3])
        assert [OUTCOMES[i] for i in outcomes(x, x, alpha, 300)] == ["one side", "across"]
    # At alpha = 4/3 the numbers are exact, so that it stays there although it is unstable.
    x = np.array([0.5, 0.5 + 1e-6])
    assert [OUTCOMES[i] for i in outcomes(x, x, 4 / 3, 3000)] == ["one side", "bounded"]


def test_exceptions_reach_the_saddle():
    for alpha in (0.3, 0.6, 1.2, 1.9):
        x = saddle_reach(alpha) * np.array([0.1, 0.99, 1.01])
        found = [OUTCOMES[i] for i in outcomes(x, -x, alpha, 20_000)]
        assert found == ["saddle", "saddle", "diverged"]
        beside = outcomes(x[:1], -x[:1] + 1e-6, alpha, 20_000)[0]
        assert OUTCOMES[beside] != "saddle"
    assert saddle_reach(2.0) == 0.0
    assert OUTCOMES[outcomes(np.array([1.5]), np.array([2.0]), 0.5, 3000)[0]] == "saddle"


def test_single_precision_is_refused():
    jax.config.update("jax_enable_x64", False)
    try:
        with pytest.raises(ValueError, match="dtype: got float32, expected float64"):
            outcomes(np.ones(3), np.ones(3), 0.3, 10)
    finally:
        jax.config.update("jax_enable_x64", True)
