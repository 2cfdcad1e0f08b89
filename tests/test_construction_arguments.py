"""Arguments of the deep constructions: flags, sizes and numbers are refused by name, at once."""

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab import Box
from approxlab import constructions as built
from approxlab.constructions._polynomial_arguments import series_of
from approxlab.targets import get


@pytest.mark.parametrize("flag", [2, 1, 0, "no", None, np.array([True])])
@pytest.mark.parametrize(
    "make",
    [
        lambda flag: built.sawtooth_deep((2, 3), linear_units=flag),
        lambda flag: built.square_layered((2, 3), linear_units=flag),
        lambda flag: built.takagi_deep(3, linear_units=flag),
        lambda flag: built.self_similar_deep(0.3, 3, linear_units=flag),
        lambda flag: built.maximum(3, linear_units=flag),
        lambda flag: built.l1_norm(3, linear_units=flag),
        lambda flag: built.median_of_three(linear_units=flag),
        lambda flag: built.sort_two(linear_units=flag),
        lambda flag: built.product_deep(2, shifted=flag),
        lambda flag: built.sum_of_squares_deep(2, shifted=flag),
        lambda flag: built.sum_of_squares_shallow(2, shifted=flag),
    ],
)
def test_a_flag_is_true_or_false(make, flag):
    with pytest.raises(ValueError, match="expected True or False"):
        make(flag)


def test_flags_of_numpy_count_units_right():
    c = built.sawtooth_deep((3, 3), linear_units=np.True_)
    assert c.claim.num_hidden_units == c.network.num_hidden_units == 4


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("teeth", lambda: built.sawtooth_deep((10**8,))),
        ("teeth", lambda: built.sawtooth_deep((4,) * 600)),
        ("teeth", lambda: built.square_layered((2**25,))),
        ("teeth", lambda: built.self_similar_deep(0.5, 1, 10**9)),
        ("width", lambda: built.most_pieces(1, 10**6)),
        ("width", lambda: built.most_pieces(10**9, 1)),
        ("dim", lambda: built.maximum(10**6)),
        ("n", lambda: built.sum_of_squares_shallow(10**9)),
        ("domain", lambda: built.sum_of_squares_deep(25, Box.unit(2000))),
        ("margin", lambda: built.ball_indicator(2, 1e-320)),
        ("margin", lambda: built.ball_indicator(1, 1e-9, depth=2)),
        ("n", lambda: built.radial_function(get("exp"), 10**18, 2)),
        ("domain", lambda: built.takagi_deep(3, Box([-1e-300], [1e-300]))),
    ],
)
def test_sizes_are_refused_before_anything_is_built(name, make):
    with pytest.raises(ValueError, match=f"^{name}: got"):
        make()


@pytest.mark.parametrize("ends", [[3, 3], [0, np.nan], [0, np.inf], [5, 3]])
def test_domains_of_polynomial_objects(ends):
    given = np.polynomial.Chebyshev([1.0, 2.0, 3.0], domain=ends)
    with pytest.raises(ValueError, match="^coefficients: got an object with domain"):
        built.polynomial_deep(given, eps=0.1)


def exact(v):
    return Fraction(int(v)) if isinstance(v, int | np.integer) else Fraction(*v.as_integer_ratio())


@pytest.mark.parametrize(
    "numbers",
    [
        [2**60 + 1, 1],
        [2**60 + 1, 0.5],
        np.array([2**60 + 1, 1]),
        np.array([1, 1], np.longdouble) / 3,
        np.array([1.5, 2.5], np.float32),
    ],
)
def test_coefficients_are_not_rounded(numbers):
    series, _ = series_of(numbers, "chebyshev", None)
    assert list(series) == [exact(v) for v in numbers]


@pytest.mark.parametrize("bad", ["12", None, [1j], [True, False], [[1, 2]], ["1"]])
def test_coefficients_are_numbers(bad):
    with pytest.raises(TypeError, match="^coefficients: got"):
        built.polynomial_deep(bad, eps=0.1)


@pytest.mark.parametrize("eps", [10**400, float("nan"), float("inf"), -1, 0, True, "1", None])
@pytest.mark.parametrize("make", [built.analytic_deep, built.placed_spline])
def test_eps_is_a_positive_number(make, eps):
    with pytest.raises(ValueError, match="^eps: got"):
        make(get("exp"), eps)


def test_eps_may_be_a_scalar_of_jax_or_numpy():
    for eps in (np.float32(0.1), jnp.float32(0.1), np.float64(0.1), 1):
        assert float(built.analytic_deep(get("exp"), eps).claim.bound) <= float(eps)


@pytest.mark.parametrize("ellipse", ["23", (True, 3.0), (2.0,), (2.0, 10**400), {2: 3, 4: 5}, 2.0])
def test_an_ellipse_is_two_numbers(ellipse):
    with pytest.raises(ValueError, match=r"^ellipse: got .* expected numbers \(rho, M\)"):
        built.analytic_deep(get("exp"), 0.1, ellipse=ellipse)


@pytest.mark.parametrize("dim", [10, 20])
def test_a_ball_in_many_dimensions(dim):
    """Each ramp unit sums all ridges: on whole layers of points, in the dtype of networks."""
    c = built.ball_indicator(dim, 0.1)
    rng = np.random.default_rng(dim)
    x = rng.standard_normal((2000, dim))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    x *= rng.uniform(0.0, 1.2, (2000, 1))
    x = np.clip(x, -1.0, 1.0).astype(np.float32)
    q = np.linalg.norm(x.astype(np.float64), axis=1)
    inside = np.abs(q - 0.5) >= 0.1
    values = np.asarray(jax.vmap(c.network)(jnp.asarray(x)), np.float64)
    error = np.abs(values.ravel() - (q < 0.5))[inside].max()
    assert error <= float(c.claim.bound) < 0.1
    inner = float(np.finfo(c.network.dtype).eps) * sum(c.network.sizes[1:2])
    assert float(c.claim.bound) > inner  # the number of ridges counts
