"""Box: maps, points, and quadrature against exact integrals, on boxes away from the origin."""

from fractions import Fraction

import numpy as np
import pytest

import approxlab as al

BOXES = [al.Box([0.0], [1.0]), al.Box([3.0], [5.0]), al.Box([-7.0], [-2.0])]
BOXES_2D = [al.Box.unit(2), al.Box([3.0, -7.0], [5.0, -2.0])]


def exact_moment(box, powers):
    """Integral of a monomial over a box with integer corners, as a fraction."""
    total = Fraction(1)
    for a, b, p in zip(box.lower, box.upper, powers, strict=True):
        total *= (Fraction(int(b)) ** (p + 1) - Fraction(int(a)) ** (p + 1)) / (p + 1)
    return total


def quadrature_is_exact(box, n, panels, powers, *, c=64):
    points, weights = box.gauss_legendre(n, panels=panels)
    terms = weights * np.prod(points ** np.array(powers), axis=1)
    exact = float(exact_moment(box, powers))
    assert abs(terms.sum() - exact) <= c * np.finfo(float).eps * np.abs(terms).sum()


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize(("n", "panels"), [(1, 1), (3, 1), (8, 5)])
def test_gauss_legendre_has_its_degree(box, n, panels):
    for power in range(2 * n):
        quadrature_is_exact(box, n, panels, (power,))
    if n * panels < 8:  # the twin: one degree more is not integrated exactly
        with pytest.raises(AssertionError):
            quadrature_is_exact(box, n, panels, (2 * n,))


@pytest.mark.parametrize("box", BOXES_2D)
def test_tensor_rule_has_its_degree_in_each_variable(box):
    for powers in [(0, 0), (5, 5), (4, 1), (0, 5)]:
        quadrature_is_exact(box, 3, (2, 3), powers)
    with pytest.raises(AssertionError):
        quadrature_is_exact(box, 2, 1, (4, 0))


def test_weights_are_positive_and_sum_to_the_volume():
    box = al.Box([3.0, -7.0, 0.0], [5.0, -2.0, 0.5])
    _, weights = box.gauss_legendre(4, panels=3)
    assert np.all(weights > 0)
    assert abs(weights.sum() - box.volume) < 64 * np.finfo(float).eps * box.volume


@pytest.mark.parametrize("box", BOXES + BOXES_2D)
@pytest.mark.parametrize("kind", ["uniform", "chebyshev", "midpoints", "sobol", "halton"])
def test_points_lie_in_the_box(box, kind):
    points = getattr(box, kind)(16)
    tensor = kind in ("uniform", "chebyshev", "midpoints")
    assert points.shape == (16**box.dim if tensor else 16, box.dim)
    assert np.all(box.contains(points))
    if kind in ("uniform", "chebyshev"):
        assert {tuple(c) for c in box.corners()} <= {tuple(p) for p in points}


def test_known_points():
    box = al.Box([3.0], [5.0])
    assert box.uniform(5)[:, 0].tolist() == [3.0, 3.5, 4.0, 4.5, 5.0]
    assert box.midpoints(2)[:, 0].tolist() == [3.5, 4.5]
    assert np.allclose(box.chebyshev(3)[:, 0], [3.0, 4.0, 5.0], rtol=0, atol=1e-15)
    assert np.allclose(box.halton(4)[:, 0], [3.0, 4.0, 3.5, 4.5], rtol=0, atol=1e-15)


@pytest.mark.parametrize("kind", ["sobol", "halton"])
def test_low_discrepancy_points_integrate_better_than_random_ones(kind):
    box = BOXES_2D[1]
    points = getattr(box, kind)(4096)
    value = np.mean(points[:, 0] ** 2 * points[:, 1])
    exact = float(exact_moment(box, (2, 1))) / box.volume
    # Independent points would have a standard error of 0.6; ask for less than a tenth of it.
    assert abs(value - exact) < 0.06
    assert not np.array_equal(getattr(box, kind)(8, seed=1), getattr(box, kind)(8, seed=2))
    assert np.array_equal(getattr(box, kind)(8, seed=1), getattr(box, kind)(8, seed=1))


def test_affine_map_and_placing():
    box, other = al.Box([3.0, 0.0], [5.0, 4.0]), al.Box([-1.0, 2.0], [1.0, 3.0])
    scale, shift = box.map_to(other)
    assert np.array_equal(scale * np.array(box.lower) + shift, np.array(other.lower))
    assert np.array_equal(scale * np.array(box.upper) + shift, np.array(other.upper))
    assert box.place(np.array([[0.0, 1.0]])).tolist() == [[3.0, 4.0]]
    third = al.Box([0.1], [0.7])
    assert third.place(np.array([[0.0], [1.0]])).tolist() == [[0.1], [0.7]]


def test_random_points(key):
    box = al.Box([3.0, -7.0], [5.0, -2.0])
    points = np.asarray(box.random(key, 4000))
    assert np.all(box.contains(points))
    sigma = box.widths / np.sqrt(12 * 4000)
    assert np.all(np.abs(points.mean(axis=0) - box.center) < 5 * sigma)


def test_box_is_a_value():
    assert al.Box([0], [1]) == al.Box((0.0,), (1.0,))
    assert len({al.Box([0.0], [1.0]), al.Box([0.0], [1.0]), al.Box([0.0], [2.0])}) == 2
    assert repr(al.Box([0.0, -1.0], [1.0, 2.5])) == "Box([0, 1] x [-1, 2.5])"
