"""Quasi-interpolants on graded centres and in two dimensions; equal centres are in test_solves."""

import numpy as np
import pytest

import approxlab as al
from approxlab.fitting import clustered, quasi_interpolant, ridge_quasi_interpolant


def relative(network, target, n):
    x = target.domain.uniform(n)
    wrong, size = (np.asarray(al.evaluate(f, x, batch=2048)) for f in (network, target))
    return np.linalg.norm(wrong - size) / np.linalg.norm(size)


def test_graded_centres_need_fewer_units():
    """Runge's function to 1e-12: the record with equal centres is 144 units."""
    runge = al.targets.get("runge")
    graded = quasi_interpolant(runge, 48, grading=clustered(0.5, 0.07))
    assert graded.network.num_hidden_units == 48
    assert relative(graded.network, runge, 8001) <= 1e-12
    assert float(graded.error) <= 1e-12
    assert float(quasi_interpolant(runge, 48, halo=6).error) > 1e-6
    assert float(quasi_interpolant(runge, 96, halo=6).error) > 1e-12
    aside = quasi_interpolant(runge, 48, grading=clustered(0.0, 0.07))  # the wrong place
    assert float(aside.error) > 1e-4


@pytest.mark.parametrize("box", [al.Box([3.0], [5.0]), al.Box([-7.0], [-2.0])])
def test_graded_centres_move_with_their_box(box):
    moved = quasi_interpolant(
        al.targets.get("runge").moved_to(box), 48, grading=clustered(0.5, 0.07)
    )
    assert float(moved.error) < 1e-11


def test_the_identity_is_the_grading_of_equal_centres():
    exp = al.targets.get("exp")
    equal = quasi_interpolant(exp, 24, halo=6)
    graded = quasi_interpolant(exp, 24, halo=6, grading=lambda s: s)
    for a, b in zip(equal.network.weights[:1], graded.network.weights[:1], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)
    np.testing.assert_allclose(equal.network.biases[0], graded.network.biases[0], atol=1e-13)
    assert 0.1 < float(graded.error) / float(equal.error) < 10.0


def test_clusters_have_the_density_that_is_promised():
    g = clustered(0.3, 0.05)
    s = np.linspace(-0.2, 1.2, 2001)
    x = g(s)
    np.testing.assert_allclose(g(np.array([0.0, 1.0])), [0.0, 1.0], atol=1e-14)
    density = 1.0 / np.gradient(x, s) * np.hypot(0.05, x - 0.3)
    np.testing.assert_allclose(density[1:-1], density[1000], rtol=1e-4)


def test_ridges_in_two_dimensions():
    """No tensor products in one hidden layer: 256 ridges, on a square and on a rectangle."""
    sine = al.targets.get("sine_product")
    solved = ridge_quasi_interpolant(sine, 256)
    assert solved.network.num_hidden_units == 256
    assert relative(solved.network, sine, 101) < 1e-10
    assert float(solved.error) < 1e-10
    few = ridge_quasi_interpolant(sine, 256, directions=4)
    assert float(few.error) > 1e-4  # in four directions not even all quartics
    aside = sine.moved_to(al.Box([3.0, -7.0], [5.0, -2.0]))
    assert float(ridge_quasi_interpolant(aside, 250).error) < 1e-9
    assert float(ridge_quasi_interpolant(aside, 16).error) < 0.5


def test_equally_many_directions_hold_all_polynomials():
    """A polynomial of degree 3 takes 4 directions, and 3 are not enough."""
    target = al.Target(lambda x: x[0] * x[1] * (x[0] - 2 * x[1]), domain=al.Box.cube(-1.0, 1.0, 2))
    assert float(ridge_quasi_interpolant(target, 160, directions=4, halo=8).error) < 1e-12
    assert float(ridge_quasi_interpolant(target, 160, directions=3, halo=8).error) > 1e-2
