"""Best possible errors: closed forms, brute force, and that nothing goes below them."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize

import approxlab as al
from approxlab import Box, optimal


@pytest.mark.parametrize("box", [Box([0.0], [1.0]), Box([3.0], [5.0]), Box([-7.0], [-2.0])])
@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_square_against_least_squares_pieces(box, pieces):
    """Equal pieces, the best affine function on each by least squares: the claimed L2 error."""
    (a,), (b,) = box.lower, box.upper
    total = 0.0
    for left in np.linspace(a, b, pieces + 1)[:-1]:
        x, w = Box([left], [left + (b - a) / pieces]).gauss_legendre(8)
        root = np.sqrt(w)
        design = np.stack([np.ones(len(x)), x[:, 0] - left], axis=1) * root[:, None]
        residual = design @ np.linalg.lstsq(design, root * x[:, 0] ** 2)[0] - root * x[:, 0] ** 2
        total += residual @ residual
    best = optimal.square_by_pieces(pieces, "l2", domain=box)
    assert math.sqrt(total) == pytest.approx(float(best), rel=1e-9)
    size = math.sqrt((b**5 - a**5) / 5)
    relative = optimal.square_by_pieces(pieces, "l2", domain=box, relative=True)
    assert float(relative) == pytest.approx(float(best) / size, rel=1e-14)


def test_equal_pieces_are_best():
    """Brute force over the two inner knots of three pieces."""

    def error(knots):
        lengths = np.diff([0.0, *np.clip(knots, 0, 1), 1.0])
        return math.sqrt(np.sum(np.abs(lengths) ** 5) / 180)

    found = minimize(error, [0.2, 0.5], method="Nelder-Mead", options={"xatol": 1e-9})
    assert found.fun == pytest.approx(float(optimal.square_by_pieces(3, "l2")), rel=1e-6)
    assert found.x == pytest.approx([1 / 3, 2 / 3], abs=1e-4)


def test_l2_optimum_is_attained_by_the_deep_network_shifted_otherwise():
    for levels in (2, 4, 6):
        construction = al.constructions.square_deep(levels)
        # From the best shift for the sup norm, h^2/8, to that for L2, h^2/6.
        moved = al.postcompose(construction.network, 1.0, -(4.0**-levels) * (1 / 6 - 1 / 8))
        best = optimal.square_by_units(levels, "l2")
        assert float(al.errors.l2(moved, construction.target)) == pytest.approx(
            float(best), rel=1e-6
        )
        assert float(al.errors.l2(construction.network, construction.target)) > 1.1 * float(best)


def test_optimum_is_attained_by_the_deep_network():
    for levels in range(1, 9):
        construction = al.constructions.square_deep(levels)
        best = optimal.square_by_units(levels)
        assert best.kind == "exact"
        assert al.errors.gap(construction.claim, best) == 1.0


def test_relative_l2_of_the_square():
    """1/6 n^-2 on [0, 1], from 1/sqrt(180) over 1/sqrt(5)."""
    assert float(optimal.square_by_pieces(7, "l2", relative=True)) == pytest.approx(1 / 6 / 49)


@pytest.mark.parametrize(
    ("target", "norm", "constant"),
    [
        ("square", "l2", 1 / math.sqrt(180)),
        ("square", "sup", 1 / 8),
        ("sine2", "l2", 0.83596),
        ("sine2", "sup", 1.4355),
    ],
)
def test_published_asymptotic_constants(target, norm, constant):
    best = optimal.relu_spline_asymptotic(al.targets.get(target), 10, norm)
    assert 100 * float(best) == pytest.approx(constant, rel=1e-4)
    assert best.kind == "asymptotic"


def test_asymptotic_constant_moves_with_the_box():
    target = al.targets.get("exp")
    moved = target.moved_to(Box([3.0], [5.0]))
    for norm, power in (("sup", 0.0), ("l2", 0.0)):
        here = float(optimal.relu_spline_asymptotic(target, 8, norm))
        there = float(optimal.relu_spline_asymptotic(moved, 8, norm))
        assert there == pytest.approx(here * 1.0**power, rel=1e-10)  # both boxes have width 2


def test_max_pieces_is_attained_and_not_exceeded(key):
    """tent^k has (1 + 1)^k pieces at width 1; random networks stay below."""
    assert optimal.max_pieces(1, 5) == 32 == al.constructions.tent_deep(5).claim.pieces
    grid = np.linspace(-1.0, 1.0, 20001)
    net = al.MLP.init(key, 1, (3, 3), "relu", init="uniform_knots")
    # A kink between grid points shows as at most two changes.
    assert al.regions.pieces_on_grid(net, grid) <= 2 * optimal.max_pieces(3, 2)


def test_pieces_on_grid_counts_kinks():
    grid = np.linspace(0.0, 1.0, 65)
    assert al.regions.pieces_on_grid(lambda x: 3.0 * x[0] + 1.0, grid) == 1
    net = al.constructions.tent_shallow(4).network
    assert al.regions.pieces_on_grid(net, grid) == 16


@pytest.mark.parametrize("norm", ["sup", "l2"])
@pytest.mark.parametrize(
    "fn",
    [
        lambda x: abs(x[0] - 0.3),
        lambda x: jnp.maximum(x[0] - 0.9, 0.0),
        lambda x: jnp.where(x[0] > 0.5, 1.0, 0.0),
        lambda x: abs(x[0] - 0.3) + 0.01 * x[0] ** 2,
    ],
    ids=["absolute value", "relu", "jump", "little curvature"],
)
def test_no_asymptotic_constant_of_kinks_that_are_not_declared(fn, norm):
    with pytest.raises(ValueError, match="target: got .* away from its chord"):
        al.optimal.relu_spline_asymptotic(al.Target(fn, domain=al.Box.unit()), 4, norm)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (1e4, 1e4 + 1.0), (-1e-6, 1e-6)])
def test_affine_and_narrow_functions_have_one(ends):
    box = al.Box([ends[0]], [ends[1]])
    affine = al.Target(lambda x: 3.0 * x[0] + 7.0, domain=box)
    assert float(al.optimal.relu_spline_asymptotic(affine, 4)) == 0.0
    bell = al.Target(lambda x: jnp.exp(-((40 * (x[0] - 0.4)) ** 2)), domain=al.Box.unit())
    assert float(al.optimal.relu_spline_asymptotic(bell, 4)) > 0
