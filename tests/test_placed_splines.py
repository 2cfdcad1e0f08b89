"""Splines with placed knots: claims on exact pieces, few units, kinks, refusals."""

import dataclasses
import math

import claims_in_arithmetic as cases
import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from errors_on_pieces import against
from sampling import mostly_slow

import approxlab as al
from approxlab import Box, Target
from approxlab.constructions import cybenko, placed_spline
from approxlab.constructions.placed_splines import curvature_of

BOXES = [Box([0.0], [1.0]), Box([3.0], [5.0]), Box([-7.0], [-2.0])]


def on(name, box):
    return al.targets.get(name).moved_to(box)


def error(construction):
    return against(construction.network, construction.target, per_piece=33)


@pytest.mark.parametrize("box", mostly_slow(BOXES, always=[BOXES[1]]), ids=str)
@pytest.mark.parametrize("eps", mostly_slow([1e-1, 1e-2, 1e-4], always=[1e-2]))
@pytest.mark.parametrize(
    "name",
    mostly_slow(
        ["square", "exp", "runge", "sine2", "kink", "tent"], always=["exp", "sine2", "tent"]
    ),
)
def test_claims_hold_on_exact_pieces(name, eps, box):
    construction = placed_spline(on(name, box), eps)
    claim = float(construction.claim.bound)
    assert error(construction) <= claim <= eps
    laws.size_is_claimed(construction)
    if name not in ("kink", "tent"):
        assert error(construction) >= 0.95 * claim
        assert (
            construction.network.num_hidden_units
            < cybenko(construction.target, eps, activation="relu").network.num_hidden_units
            or eps == 0.1
        )
    moved = construction.network.biases[-1] + 2.5 * eps
    biases = (*construction.network.biases[:-1], moved)
    spoiled = dataclasses.replace(construction.network, biases=biases)
    assert error(dataclasses.replace(construction, network=spoiled)) > claim


@pytest.mark.parametrize("n", mostly_slow([1, 2, 7, 40], always=[2]))
def test_of_the_parabola_it_is_the_best_spline(n):
    optimum = al.optimal.square_by_pieces(n).value
    for eps, units in [(optimum * 1.01, n), (optimum * 0.99, n + 1)]:
        assert placed_spline(al.targets.get("square"), eps).network.num_hidden_units == units


@pytest.mark.parametrize("name", ["exp", "runge", "cube", "sine4"])
@pytest.mark.parametrize("eps", [1e-2, 1e-4])
def test_nearly_as_few_pieces_as_the_best_spline(name, eps):
    """These need about the integral of sqrt |f''| / (4 sqrt eps) pieces, for small eps."""
    target = al.targets.get(name)
    units = placed_spline(target, eps).network.num_hidden_units
    found = curvature_of(target)
    best = np.sum(np.sqrt(found.size) * np.diff(found.edges)) / (4.0 * math.sqrt(eps))
    assert 0.8 * best < units <= 1.02 * best + 12


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", mostly_slow(["exponential", "wave", "lorentz"], always=["wave"]))
def test_in_both_dtypes(name, dtype):
    with cases.in_dtype(dtype):
        target, exact = cases._on(cases.SHAPES[name], Box([100.0], [103.0]))
        construction = placed_spline(target, 2e-2)
        case = cases.Case(name, construction, exact)
        seen, _ = cases.seen(case, np.random.default_rng(0), dtype)
    assert 0 < seen <= float(construction.claim.bound) <= 2e-2


@pytest.mark.parametrize("box", BOXES, ids=str)
def test_piecewise_linear_functions_are_reproduced(box):
    assert placed_spline(on("kink", box), 1e-2).network.num_hidden_units == 2
    assert placed_spline(on("tent", box), 1e-2).network.num_hidden_units == 8
    assert float(placed_spline(on("kink", box), 1e-2).claim.bound) < 1e-11


def test_kinks_between_curved_parts():
    target = Target(
        lambda x: jnp.sin(3 * x[0]) * jnp.maximum(x[0], 0.6) + jnp.abs(x[0] - 0.3),
        domain=Box([0.1], [0.9]),
        kinks=(0.3, 0.6),
        lipschitz=5.0,
    )
    construction = placed_spline(target, 1e-3)
    assert error(construction) <= float(construction.claim.bound) <= 1e-3
    with pytest.raises(ValueError, match="second derivative cannot be bounded.*kinks"):
        placed_spline(dataclasses.replace(target, kinks=None), 1e-3)


@pytest.mark.parametrize("name", ["exp", "runge", "sine4", "chirp", "cube"])
def test_bounds_of_the_second_derivative(name):
    target = al.targets.get(name)
    found = curvature_of(target)
    x = 0.5 * (found.edges[1:] + found.edges[:-1])[::37]
    exact = {
        "exp": np.exp(x),
        "cube": 6 * x,
        "sine4": -((4 * math.pi) ** 2) * np.sin(4 * math.pi * x),
        "runge": 50 * (75 * x**2 - 1) / (1 + 25 * x**2) ** 3,
        "chirp": 16 * math.pi * np.cos(8 * math.pi * (x + 1) ** 2)
        - (16 * math.pi * (x + 1)) ** 2 * np.sin(8 * math.pi * (x + 1) ** 2),
    }[name]
    assert np.all(found.low[::37] <= exact)
    assert np.all(exact <= found.high[::37])
    assert np.max(found.size) <= 1.05 * target.second_derivative


def test_derivatives_that_a_program_denies_prove_nothing():
    """JAX has the derivative 0 behind stop_gradient, and a wrong one if the user gives it."""

    @jax.custom_jvp
    def wrong(x):
        return jnp.sin(5.0 * x)

    wrong.defjvp(lambda x, dx: (wrong(x[0]), 0.0 * dx[0]))
    for fn in (lambda x: jax.lax.stop_gradient(jnp.sin(5.0 * x[0])), lambda x: wrong(x[0])):
        construction = placed_spline(Target(fn, domain=Box([0.0], [2.0])), 1e-2)
        assert error(construction) <= 1e-2
        assert construction.network.num_hidden_units > 10


REFUSED = [
    (lambda: placed_spline(on("sqrt", BOXES[0]), 0.1), ValueError, "cannot be bounded"),
    (lambda: placed_spline(on("takagi", BOXES[0]), 0.1), ValueError, "cannot be bounded: .* round"),
    (lambda: placed_spline(on("step", BOXES[0]), 0.1), ValueError, "cannot be bounded"),
    (lambda: placed_spline(on("exp", BOXES[0]), -1), ValueError, "eps: got -1"),
    (lambda: placed_spline(on("exp", BOXES[0]), 1e-16), ValueError, "eps: got 1e-16.*units"),
    (lambda: placed_spline(al.targets.get("bump"), 0.1), ValueError, "target.domain"),
    (lambda: placed_spline("exp", 0.1), TypeError, "target: got str"),
]


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_refusals(i):
    call, kind, message = REFUSED[i]
    with pytest.raises(kind, match=message):
        call()


def test_rounding_of_float32_is_refused():
    with cases.in_dtype("float32"):
        target = al.targets.get("exp").moved_to(Box([1000.0], [1001.0]))
        with pytest.raises(ValueError, match="rounding in float32"):
            placed_spline(target, 1e-4)
