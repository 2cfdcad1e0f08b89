"""Analytic functions as deep networks: discs of the complex plane, series, claims and refusals."""

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
from approxlab import constructions as built
from approxlab.constructions._analytic_series import (
    chebyshev_expansion,
    largest_in_ellipse,
    taylor_expansion,
)
from approxlab.constructions._complex_discs import Discs
from approxlab.constructions._disc_programs import discs_of

# Functions for JAX, and the same in NumPy, for complex arguments and for extended precision.
PAIRS = {
    "exp": (lambda x: jnp.exp(x[0]), np.exp),
    "polynomial": (lambda x: 3.0 - x[0] * (2.0 + x[0] ** 5), lambda z: 3 - z * (2 + z**5)),
    "waves": (
        lambda x: jnp.sin(3.0 * x[0]) * jnp.cos(x[0] - 1.0),
        lambda z: np.sin(3 * z) * np.cos(z - 1),
    ),
    "quotient": (lambda x: (x[0] - 2.0) / (7.0 + x[0] ** 2), lambda z: (z - 2) / (7 + z**2)),
    "log": (lambda x: jnp.log(x[0] + 6.0), lambda z: np.log(z + 6)),
    "log1p": (lambda x: jnp.log1p(0.1 * x[0]), lambda z: np.log(1 + z / 10)),
    "root": (lambda x: jnp.sqrt(5.0 + x[0]), lambda z: np.sqrt(5 + z)),
    "power": (lambda x: (5.0 + x[0]) ** -1.5, lambda z: (5 + z) ** -1.5),
    "tanh": (lambda x: jnp.tanh(0.3 * x[0]), lambda z: np.tanh(0.3 * z)),
    "logistic": (lambda x: jax.nn.sigmoid(0.5 * x[0]), lambda z: 1 / (1 + np.exp(-z / 2))),
    "hyperbolic": (
        lambda x: jnp.sinh(x[0]) + jnp.cosh(0.5 * x[0]),
        lambda z: np.sinh(z) + np.cosh(z / 2),
    ),
    "tangent": (lambda x: jnp.tan(0.2 * x[0]), lambda z: np.tan(0.2 * z)),
    "difference": (lambda x: jnp.expm1(x[0]) - jnp.exp2(x[0]), lambda z: np.exp(z) - 1 - 2**z),
    "sum": (lambda x: jnp.sum(jnp.array([1.0, 2.0]) * x[0] ** 3), lambda z: 3 * z**3),
    "constant": (lambda x: jnp.asarray(2.5, x.dtype), lambda z: 2.5 + 0 * z),
}


@pytest.mark.parametrize("name", PAIRS)
def test_discs_hold_all_values(name):
    fn, plain = PAIRS[name]
    rng = np.random.default_rng(0)
    center = rng.uniform(-1, 1, 200) + 1j * rng.uniform(-1, 1, 200)
    radius = 10 ** rng.uniform(-12, -0.3, 200)
    found = discs_of(fn, Discs(center, radius))
    assert np.all(np.isfinite(found.radius))
    angle = np.exp(2j * np.pi * rng.uniform(size=(50, 200)))
    z = center + radius * np.sqrt(rng.uniform(size=(50, 200))) * angle
    away = np.abs(plain(z) - found.center)
    assert np.all(away <= found.radius)
    if name != "constant":
        edge = np.abs(plain(center + radius * angle) - found.center)
        assert np.any(edge > 0.3 * found.radius)  # not much too large everywhere


@pytest.mark.parametrize(
    ("fn", "singular"),
    [
        (lambda x: 1.0 / (1.0 + 25.0 * x[0] ** 2), 0.2j),
        (lambda x: jnp.log(x[0] + 1.5), -1.5),
        (lambda x: jnp.sqrt(1.2 - x[0]), 1.2),
        (lambda x: jnp.tanh(2.0 * x[0]), 0.25j * math.pi),
        (lambda x: (x[0] - 1.3) ** -3, 1.3),
    ],
)
def test_an_ellipse_that_holds_a_singularity_is_not_analytic(fn, singular):
    """A pole inside is seen, though |f| is small on the edge of the ellipse."""
    w = singular + np.sqrt(singular**2 - 1 + 0j)
    edge = max(abs(w), 1 / abs(w))
    for rho, held in [(1 + 0.6 * (edge - 1), False), (1 + 1.3 * (edge - 1), True), (20.0, True)]:
        a, b = 0.5 * (rho + 1 / rho), 0.5 * (rho - 1 / rho)
        most = largest_in_ellipse(fn, 0.0, a, b)
        assert math.isfinite(most) != held
        if not held:
            z = a * np.cos(np.linspace(0, 6.3, 999)) + 1j * b * np.sin(np.linspace(0, 6.3, 999))
            values = discs_of(fn, Discs(z, np.zeros(999))).center
            assert np.max(np.abs(values)) <= most <= 10 * np.max(np.abs(values))


BOXES = [Box([0.0], [1.0]), Box([3.0], [5.0]), Box([-7.0], [-2.0])]
ANALYTIC = ["exp", "sine2", "runge"]


def on(name, box):
    return al.targets.get(name).moved_to(box)


@pytest.mark.parametrize("name", ["exp", "sine2", "sine4", "runge"])
def test_tails_bound_the_truncated_series(name):
    target = al.targets.get(name)
    found = chebyshev_expansion(target, 1e-8)
    t = np.linspace(-1, 1, 2001)
    x = float(target.domain.center[0]) + 0.5 * float(target.domain.widths[0]) * t
    values = al.evaluate(target, x[:, None])
    for n in range(0, min(len(found.tails), 60), 3):
        error = np.max(
            np.abs(np.polynomial.chebyshev.chebval(t, found.coefficients[: n + 1]) - values)
        )
        assert error <= found.tails[n] + 1e-14
        if found.tails[n] > 1e-7:
            assert error >= 0.1 * found.tails[n]


def test_taylor_coefficients_are_those_of_the_exponential():
    found = taylor_expansion(lambda x: jnp.exp(x[0]), Box([1.0], [3.0]), 1e-10)
    exact = [math.exp(2.0) / math.factorial(k) for k in range(10)]
    assert np.allclose(found.coefficients[:10], exact, rtol=0, atol=1e-13)
    assert found.basis == "monomial"


def exact_error(construction):
    return against(construction.network, construction.target)


@pytest.mark.parametrize("box", mostly_slow(BOXES, always=[BOXES[1]]), ids=str)
@pytest.mark.parametrize("eps", mostly_slow([1e-1, 1e-3, 1e-5], always=[1e-3]))
@pytest.mark.parametrize("name", mostly_slow(ANALYTIC, always=["exp", "sine2"]))
def test_claims_hold_on_exact_pieces(name, eps, box):
    construction = built.analytic_deep(on(name, box), eps)
    claim = float(construction.claim.bound)
    assert 0.1 * claim < exact_error(construction) <= claim <= eps
    laws.size_is_claimed(construction)
    moved = construction.network.biases[-1] + 2.0 * claim
    biases = (*construction.network.biases[:-1], moved)
    spoiled = dataclasses.replace(construction.network, biases=biases)
    assert exact_error(dataclasses.replace(construction, network=spoiled)) > 1.01 * claim


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", mostly_slow(["log", "root", "tanh", "waves", "quotient"], ["log"]))
def test_functions_of_a_user_in_both_dtypes(name, dtype):
    fn, plain = PAIRS[name]
    with cases.in_dtype(dtype):
        target = Target(fn, domain=Box([-1.0], [2.0]))
        construction = built.analytic_deep(target, 0.02)
        case = cases.Case(name, construction, lambda x: plain(cases._ld(x[:, 0])))
        error, _ = cases.seen(case, np.random.default_rng(0), dtype)
    assert 0 < error <= float(construction.claim.bound) <= 0.02


def test_taylor_takes_no_fewer_units_than_chebyshev():
    target = al.targets.get("exp")
    taylor = built.analytic_deep(target, 1e-4, expansion="taylor")
    best = built.analytic_deep(target, 1e-4)
    assert exact_error(taylor) <= float(taylor.claim.bound) <= 1e-4
    assert best.network.num_hidden_units <= taylor.network.num_hidden_units
    assert (
        best.network.num_hidden_units
        < 30
        < built.cybenko(target, 1e-4, activation="relu").network.num_hidden_units
    )


def test_a_bound_of_a_user():
    """erf is not read from its program; |erf| <= M in the ellipse is given."""
    box = Box([-1.0], [1.0])
    target = Target(lambda x: jax.scipy.special.erf(x[0]), domain=box)
    with pytest.raises(ValueError, match=r"cannot be proved .* erf, .*ellipse"):
        built.analytic_deep(target, 1e-3)
    rho = 4.0
    b = 0.5 * (rho - 1 / rho)
    most = 2 / math.sqrt(math.pi) * (1.2 + b * math.exp(b * b))  # a path along the axes
    construction = built.analytic_deep(target, 1e-3, ellipse=(rho, most))
    assert exact_error(construction) <= float(construction.claim.bound) <= 1e-3
    with pytest.raises(ValueError, match=r"ellipse: got the bound 0.5, expected at least 0.84"):
        built.analytic_deep(target, 1e-3, ellipse=(rho, 0.5))


REFUSED = [
    (
        lambda: built.analytic_deep(on("kink", BOXES[0]), 0.1),
        ValueError,
        "cannot be proved .* an ellipse",
    ),
    (lambda: built.analytic_deep(on("sqrt", BOXES[0]), 0.1), ValueError, "cannot be proved"),
    (lambda: built.analytic_deep(on("takagi", BOXES[0]), 0.1), ValueError, "cannot be proved"),
    (
        lambda: built.analytic_deep(on("tent", BOXES[0]), 0.1),
        ValueError,
        "cannot be proved .* an ellipse",
    ),
    (
        lambda: built.analytic_deep(on("step", BOXES[0]), 0.1),
        ValueError,
        "cannot be proved .* an ellipse",
    ),
    (
        lambda: built.analytic_deep(al.targets.get("runge"), 0.1, expansion="taylor"),
        ValueError,
        "in a disc .* expansion='chebyshev'",
    ),
    (lambda: built.analytic_deep(jnp.exp, 0.1), TypeError, "target: got"),
    (lambda: built.analytic_deep(al.targets.get("bump"), 0.1), ValueError, "target.domain"),
    (lambda: built.analytic_deep(on("exp", BOXES[0]), 0.0), ValueError, "eps: got 0.0"),
    (lambda: built.analytic_deep(on("exp", BOXES[0]), 1e-16), ValueError, "eps: got 1e-16"),
    (
        lambda: built.analytic_deep(on("exp", BOXES[0]), 0.1, expansion="fourier"),
        ValueError,
        "expansion: got 'fourier'",
    ),
    (
        lambda: built.analytic_deep(on("exp", BOXES[0]), 0.1, ellipse=(0.5, 3.0)),
        ValueError,
        "ellipse: got",
    ),
    (
        lambda: built.analytic_deep(on("exp", BOXES[0]), 0.1, ellipse=3.0),
        ValueError,
        "ellipse: got 3.0, expected numbers",
    ),
]


@pytest.mark.parametrize("i", range(len(REFUSED)))
def test_refusals(i):
    call, error, message = REFUSED[i]
    with pytest.raises(error, match=message):
        call()
