"""Products of matrices of intervals against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from sampling import mostly_slow

from approxlab.certify._intervals import Intervals
from approxlab.certify._matrix_products import matmul


def exact_product(a, b):
    fractions = np.vectorize(Fraction)
    return fractions(a.astype(float)).dot(fractions(b.astype(float)))


def encloses(found, exact):
    return all(
        (lo == -np.inf or Fraction(float(lo)) <= value)
        and (hi == np.inf or value <= Fraction(float(hi)))
        for lo, hi, value in zip(found.lo.ravel(), found.hi.ravel(), exact.ravel(), strict=True)
    )


def random_matrix(rng, shape, spread):
    return np.ldexp(rng.standard_normal(shape), rng.integers(-spread, spread + 1, shape))


@pytest.mark.parametrize("spread", [0, 30, 500])
@pytest.mark.parametrize("seed", mostly_slow(range(12), always=[0]))
def test_every_choice_of_numbers_is_enclosed(spread, seed):
    rng = np.random.default_rng(seed)
    for _ in range(4):
        m, n, k = (int(size) for size in rng.integers(1, 20, 3))
        a, b = random_matrix(rng, (m, n), spread), random_matrix(rng, (n, k), spread)
        a_wide = Intervals(a, a + np.abs(a) * 0.1)
        b_wide = Intervals(b - np.abs(b) * 1e-3, b + np.abs(b) * 1e-3)
        for left in (a, a_wide):
            for right in (b, b_wide):
                found = matmul(left, right)
                for share in (0.0, 0.4, 1.0):
                    chosen_a = a if left is a else a + share * (a_wide.hi - a)
                    chosen_b = b if right is b else b_wide.lo + share * (b_wide.hi - b_wide.lo)
                    chosen_b = b if right is b else np.clip(chosen_b, b_wide.lo, b_wide.hi)
                    chosen_a = a if left is a else np.clip(chosen_a, a_wide.lo, a_wide.hi)
                    assert encloses(found, exact_product(chosen_a, chosen_b))


def test_the_radius_is_the_bound_of_every_order_of_summation():
    """At least n u sum |a b|, and not more than three times that."""
    rng = np.random.default_rng(1)
    for terms in (3, 64, 400):
        a, b = rng.standard_normal((5, terms)), rng.standard_normal((terms, 6))
        found = matmul(a, b)
        least = terms * 2.0**-53 * (np.abs(a) @ np.abs(b))
        radius = 0.5 * found.width
        assert (radius >= least).all()
        assert (radius <= 3 * least).all()


def test_cancellation_is_enclosed():
    a = np.array([[1e16, 1.0, -1e16, 2.0**-30]])
    b = np.ones((4, 1))
    assert encloses(matmul(a, b), exact_product(a, b))
    assert matmul(a, b).contains(1.0).all()


def test_subnormal_numbers_are_enclosed():
    a, b = np.full((2, 3), 2.0**-600), np.full((3, 2), 3 * 2.0**-474)
    assert encloses(matmul(a, b), exact_product(a, b))
    assert matmul(a, b).lo.max() <= 0.0


def test_overflow_says_nothing():
    a = np.array([[1e200, 1e200, -1e200]])
    b = np.array([[1e200], [-1e200], [1e200]])
    found = matmul(a, b)
    assert (found.lo[0, 0], found.hi[0, 0]) == (-np.inf, np.inf)
    infinite = Intervals(np.array([[-np.inf], [0.0], [0.0]]), np.array([[0.0], [1.0], [1.0]]))
    assert matmul(np.ones((1, 3)), infinite).lo[0, 0] == -np.inf


def test_shapes_are_those_of_numpy():
    rng = np.random.default_rng(2)
    z = Intervals(rng.standard_normal((7, 3)) - 2, rng.standard_normal((7, 3)) + 4)
    stacked = Intervals(np.zeros((5, 3, 2)), np.ones((5, 3, 2)))
    assert matmul(np.ones((2, 7)), z).shape == (2, 3)
    assert matmul(z, np.ones(3)).shape == (7,)
    assert matmul(z, stacked).shape == (5, 7, 2)
    assert matmul(np.ones(3), np.ones(3)).contains(3.0)
    assert matmul(np.ones((2, 0)), np.ones((0, 2))).contains(0.0).all()


def test_a_part_has_a_part_of_the_product():
    """Up to rounding, which depends on the midpoints."""
    rng = np.random.default_rng(3)
    ends = np.sort(rng.standard_normal((4, 20, 5)), axis=0)
    a = rng.standard_normal((6, 20))
    whole, part = matmul(a, Intervals(ends[0], ends[3])), matmul(a, Intervals(ends[1], ends[2]))
    assert (whole.lo <= part.lo + 1e-12).all()
    assert (part.hi <= whole.hi + 1e-12).all()


def test_wrong_matrices_are_refused():
    with pytest.raises(ValueError, match="expected finite numbers"):
        matmul(np.array([[np.nan]]), np.ones((1, 1)))
    with pytest.raises(ValueError, match="core dimension"):
        matmul(np.ones((2, 3)), np.ones((2, 3)))


def test_one_term_is_enclosed_to_the_last_place():
    """Where no other rounding gives room: every step of the radius counts."""
    rng = np.random.default_rng(4)
    for _ in range(300):
        a, b = (float(x) for x in rng.uniform(1, 2, 2))
        found = matmul(np.array([[a]]), np.array([[b]]))
        assert encloses(found, exact_product(np.array([[a]]), np.array([[b]])))
        assert found.width[0, 0] <= 24 * np.spacing(a * b)


def test_every_end_counts():
    """1 times an interval holds both of its ends, however they lie."""
    rng = np.random.default_rng(5)
    ends = np.sort(rng.standard_normal((2, 1, 400)) * 10.0 ** rng.integers(-9, 9, (1, 400)), axis=0)
    z = Intervals(ends[0], ends[1])
    for found in (matmul(np.ones((1, 1)), z), matmul(z.transpose(), np.ones((1, 1))).transpose()):
        assert (found.lo <= z.lo).all()
        assert (found.hi >= z.hi).all()
        assert (found.width <= z.width + 50 * np.spacing(z.magnitude)).all()


def test_intervals_of_two_neighbours_times_numbers():
    """The midpoint is one of the two ends: the radius is what it is apart from the other one."""
    rng = np.random.default_rng(0)
    low = rng.uniform(1.0, 2.0, (60, 1))
    factors = rng.uniform(1.0, 2.0, (1, 60))
    found = matmul(Intervals(low, np.nextafter(low, 2.0)), factors)
    for end in (low, np.nextafter(low, 2.0)):
        assert encloses(found, exact_product(end, factors))
        assert encloses(found.transpose(1, 0), exact_product(factors.T, end.T))


def test_large_numbers_times_the_least_ones():
    """The bound of the rounding must not underflow before it is multiplied by large numbers."""
    rng = np.random.default_rng(1)
    large = np.ldexp(rng.uniform(1.0, 2.0, (20, 50)), 1000)
    small = rng.integers(1, 8, (50, 20)) * 2.0**-1074
    assert encloses(matmul(large, small), exact_product(large, small))
