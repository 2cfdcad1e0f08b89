"""Splines on given knots: against dense least squares, closed forms, and their networks."""

import math
from itertools import pairwise

import numpy as np
import pytest

import approxlab as al
from approxlab import splines
from approxlab.splines import Spline, best, best_l2, l2_error, mass, sampled, sorted_in

KNOTS = np.array([3.0, 3.1, 3.7, 4.5, 5.0])


def hats(x, knots):
    """The hat functions by interpolation of unit vectors: columns."""
    return np.stack([np.interp(x, knots, unit) for unit in np.eye(len(knots))], axis=1)


def test_mass_is_that_of_the_hats():
    h = np.diff(KNOTS)
    bands = mass(sampled(np.exp, KNOTS))
    assert bands[0] == pytest.approx([0.0, *(h / 6)], rel=1e-13)
    assert bands[1] == pytest.approx([h[0] / 3, *((h[1:] + h[:-1]) / 3), h[-1] / 3], rel=1e-13)


def test_best_heights_are_those_of_dense_least_squares():
    x = np.concatenate([np.linspace(a, b, 20001) for a, b in pairwise(KNOTS)])
    w = np.concatenate([np.full(20001, h / 20001) for h in np.diff(KNOTS)])[:, None] ** 0.5
    dense = np.linalg.lstsq(w * hats(x, KNOTS), w[:, 0] * np.exp(x))[0]
    assert best_l2(np.exp, KNOTS).heights == pytest.approx(dense, rel=1e-4)


def test_best_heights_of_data_are_those_of_least_squares():
    x = np.sort(np.random.default_rng(0).uniform(3.0, 5.0, 40))
    y, weights = np.sin(9 * x), np.linspace(1.0, 2.0, 40)
    samples = sorted_in(x, y, KNOTS, weights)
    root = np.sqrt(weights)
    dense = np.linalg.lstsq(root[:, None] * hats(x, KNOTS), root * y)[0]
    assert best(samples) == pytest.approx(dense, rel=1e-9)
    spoiled = best(sorted_in(x, y, KNOTS))  # without the weights
    assert spoiled != pytest.approx(dense, rel=1e-6)


def test_too_few_data_are_refused():
    x = np.array([3.0, 3.05, 5.0])
    with pytest.raises(np.linalg.LinAlgError):
        best(sorted_in(x, x, KNOTS))


@pytest.mark.parametrize("n", [1, 4, 100])
def test_error_of_the_parabola(n):
    """Equal pieces: 1 / (sqrt(180) n^2), without cancellation far from zero."""
    knots = np.linspace(0.0, 1.0, n + 1)
    spline = best_l2(np.square, knots)
    assert l2_error(np.square, spline) * n**2 * math.sqrt(180) == pytest.approx(1.0, rel=1e-10)
    moved = best_l2(lambda x: (x - 7.0) ** 2, knots + 7.0)
    assert l2_error(lambda x: (x - 7.0) ** 2, moved) == pytest.approx(
        l2_error(np.square, spline), rel=1e-7
    )


def test_roots_at_knots_are_integrated():
    """The integral of sqrt on [0, 1] is 2/3, of (1 - x)^(1/2) x^(1/2) pi/8."""
    for f, exact in ((np.sqrt, 2 / 3), (lambda x: np.sqrt(x * (1 - x)), math.pi / 8)):
        samples = sampled(f, np.array([0.0, 1.0]))
        assert float(samples.per_piece(samples.values)[0]) == pytest.approx(exact, rel=1e-12)


def test_degree_of_the_rule():
    """20 nodes are exact for degree 12 = (2 * 20 - 3) // 3, and 3 nodes for degree 1 only."""
    unit = np.array([0.0, 1.0])
    for nodes, degree in ((20, 12), (3, 1)):
        samples = sampled(lambda x, d=degree: x**d, unit, nodes)
        total = float(samples.per_piece(samples.values)[0])
        assert total * (degree + 1) == pytest.approx(1.0, rel=1e-13)
    samples = sampled(np.square, unit, 3)
    assert float(samples.per_piece(samples.values)[0]) != pytest.approx(1 / 3, rel=1e-4)


def test_the_network_is_the_spline():
    spline = Spline(KNOTS, np.array([1.0, -2.0, 0.5, 0.5, 4.0]))
    network = al.constructions.spline_network(spline.knots, spline.heights)
    x = np.linspace(3.0, 5.0, 257)
    values = np.asarray(al.evaluate(network, x[:, None]))
    assert network.num_hidden_units == spline.pieces == 4
    assert values == pytest.approx(spline(x), rel=1e-13, abs=1e-13)
    assert np.diff(spline.heights) / np.diff(KNOTS) == pytest.approx(spline.slopes)


def test_wrong_splines():
    for knots in ([1.0], [0.0, 0.0, 1.0], [[0.0, 1.0]], [1.0, 0.0]):
        with pytest.raises(ValueError, match="knots: got shape .*increasing"):
            best_l2(np.exp, np.array(knots))
    with pytest.raises(ValueError, match="heights: got shape"):
        Spline(KNOTS, np.zeros(3))
    assert repr(Spline(KNOTS, np.zeros(5))) == "Spline(4 pieces on [3, 5])"
    assert set(splines.__all__) >= {"Spline", "best_l2", "mass"}


def test_breaks_divide_pieces_into_cells():
    kinked, knots = (lambda x: np.abs(x - 0.3)), np.array([0.0, 0.5, 1.0])
    plain = sampled(kinked, knots)
    cells = sampled(kinked, knots, breaks=np.array([-1.0, 0.3, 0.5, 0.7, 2.0]))
    exact = (0.3**2 + 0.2**2) / 2
    assert cells.per_piece(cells.values)[0] == pytest.approx(exact, rel=1e-14)
    assert abs(plain.per_piece(plain.values)[0] - exact) > 1e-6
    heights = np.array([1.0, -2.0, 0.5])
    x = np.where(cells.piece == 0, 0.5 * cells.place, 0.5 + 0.5 * cells.place)
    assert cells.residual(heights) == pytest.approx(
        kinked(x) - np.interp(x, knots, heights), abs=1e-14
    )
