"""The complex step: right with a true error, or refused by name."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_long, mostly_slow

from approxlab.derivatives.differences.quotients import difference

DTYPES = ["float32", "float64"]


def loop(x):
    return jax.lax.fori_loop(0, 5, lambda _, c: c * x, x)


def scanned(x):
    return jax.lax.scan(lambda c, _: (jnp.sin(c), c), x, None, length=3)[1]


# Name: function, point, derivative.
RIGHT = {
    "power of a negative number": (lambda x: x**2.0, -2.0, -4.0),
    "odd power of a negative number": (lambda x: x**3.0, -2.0, 12.0),
    "powers given by an array": (
        lambda x: x ** jnp.asarray([2.0, 3.0], x.dtype), -2.0, [-4.0, 12.0],
    ),
    "negative power": (lambda x: x**-1.5, 4.0, -1.5 / 32.0),
    "power of itself": (lambda x: x**x, 2.0, 4.0 * (1.0 + math.log(2.0))),
    "root of a square": (lambda x: jnp.sqrt(x * x), -2.0, -1.0),
    "reciprocal root": (jax.lax.rsqrt, 4.0, -1.0 / 16.0),
    "cosine at its top": (jnp.cos, 0.0, 0.0),
    "cube at zero": (lambda x: x**3, 0.0, 0.0),
    "power 1.5 at zero": (lambda x: x**1.5, 0.0, 0.0),
    "cancellation": (lambda x: jnp.exp(x) - 1 - x, 2.0**-20, math.expm1(2.0**-20)),
    "power of two": (jnp.exp2, 3.0, 8.0 * math.log(2.0)),
    "logistic": (jax.nn.sigmoid, -30.0, 1.0 / (2.0 + math.exp(30.0) + math.exp(-30.0))),
    "quotient": (lambda x: 1 / x, 2.0**-60, -(2.0**120)),
    "stack": (lambda x: jnp.stack([x, x * x]), 0.5, [1.0, 1.0]),
    "tile": (lambda x: jnp.tile(jnp.reshape(x, 1), 2), 0.5, [1.0, 1.0]),
    "scatter": (lambda x: jnp.zeros(3, x.dtype).at[1].set(x).at[2].add(x * x), 0.5, [0, 1, 1]),
    "products": (lambda x: jnp.cumprod(x * jnp.arange(1, 4).astype(x.dtype)), 2.0, [1, 8, 72]),
    "loop": (loop, 1.5, 6.0 * 1.5**5),
    "scan": (scanned, 0.5, [1.0, math.cos(0.5), math.cos(math.sin(0.5)) * math.cos(0.5)]),
    "branch": (lambda x: jax.lax.cond(x.size > 0, jnp.sin, jnp.cos, x), 0.5, math.cos(0.5)),
}  # fmt: skip
# Beyond the range of float32.
WIDE = {
    "exp far left": (jnp.exp, -250.0, math.exp(-250.0)),
    "exp farther left": (jnp.exp, -690.0, math.exp(-690.0)),
    "root of an exp": (lambda x: jnp.sqrt(jnp.exp(x)), -600.0, 0.5 * math.exp(-300.0)),
    "product of exps": (lambda x: jnp.exp(x - 700) * jnp.exp(700 - 2 * x), 1.0, -math.exp(-1.0)),
    "log of the very small": (jnp.log, 1e-290, 1e290),
    "log of the very large": (jnp.log, 1e155, 1e-155),
    "two bumps": (lambda x: jnp.exp(-(x**2)) + jnp.exp(-((x + 25) ** 2)), 1.0, -2 * math.exp(-1.0)),
    "float32 between": (
        lambda x: jnp.sin(x.astype("float32")).astype("float64"), 1.0, math.cos(1.0),
    ),
}  # fmt: skip


def holds(f, x, truth, dtype):
    """The value is within its error of the truth, and the error says something."""
    found = difference(f, jnp.asarray(x, dtype), scheme="complex")
    truth = np.asarray(truth, np.float64)
    wrong = np.abs(found.value.astype(np.float64) - truth)
    rounding = 2 * np.finfo(dtype).eps * np.abs(truth)  # of the value and the truth themselves
    assert np.all(wrong <= found.error + rounding), (found.value, found.error)
    assert not np.all(np.abs(found.value + truth + 1.0) <= found.error)  # the twin
    assert found.bound is None
    return found


@pytest.mark.parametrize("dtype", mostly_slow(DTYPES, ["float64"]))
@pytest.mark.parametrize("name", RIGHT)
def test_value_within_its_error(name, dtype):
    f, x, truth = RIGHT[name]
    found = holds(f, x, truth, dtype)
    if name != "cancellation":
        scale = np.where(np.equal(truth, 0), 1e-3, np.abs(truth))
        assert np.all(found.error <= 64 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("name", WIDE)
def test_scales_at_which_a_fixed_step_underflows(name):
    f, x, truth = WIDE[name]
    found = holds(f, x, truth, "float64")
    assert np.all(found.error <= 1e-3 * np.abs(truth))


def test_convolution_keeps_its_imaginary_part():
    """Complex products by three real ones lose what is below the last place."""
    x, kernel = jnp.asarray([3.0, -5.0, 7.0]), jnp.asarray([1.0, 2.0, 2.0, 1.0])
    found = difference(
        lambda x: jnp.convolve(x, kernel), x, jnp.asarray([1.0, 0.0, 0.0]), scheme="complex"
    )
    assert found.value.tolist() == [1.0, 2.0, 2.0, 1.0, 0.0, 0.0]
    both = difference(
        lambda x: jnp.convolve(x, x), x, jnp.asarray([1.0, 0.0, 0.0]), scheme="complex"
    )
    assert np.all(np.abs(both.value - [6.0, -10.0, 14.0, 0.0, 0.0]) <= both.error)


def test_components_of_different_sizes():
    x, v = jnp.asarray([0.0, -250.0]), jnp.ones(2)
    found = difference(jnp.exp, x, v, scheme="complex")
    assert np.all(np.abs(found.value - np.exp(np.asarray(x))) <= found.error)
    assert np.all(found.error <= 1e-13 * found.value)


OUTSIDE = {
    "sqrt": [(jnp.sqrt, 0.0), (lambda x: jnp.sqrt(x * x), 0.0), (lambda x: jnp.sqrt(1 - x), 1.0)],
    "asin": [(jnp.arcsin, 1.0), (jnp.arcsin, -1.0)],
    "acos": [(jnp.arccos, -1.0)],
    "acosh": [(jnp.arccosh, 1.0)],
    "pow": [(lambda x: x**0.5, 0.0), (lambda x: jnp.asarray(-2.0, x.dtype) ** (x + 1), 2.0)],
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("name", "case"), [(n, i) for n in OUTSIDE for i in range(len(OUTSIDE[n]))]
)
def test_edges_of_domains_are_refused_by_name(name, case, dtype):
    f, x = OUTSIDE[name][case]
    with pytest.raises(ValueError, match=f"operation '{name}' at the edge or outside"):
        difference(f, jnp.asarray(x, dtype), scheme="complex")


def test_values_outside_that_are_not_used_do_no_harm():
    used = jnp.asarray([True, False])
    x = jnp.asarray([2.0, -3.0])
    found = difference(
        lambda x: jnp.sum(jnp.where(used, jnp.log(x), x)), x, jnp.ones(2), scheme="complex"
    )
    assert abs(float(found.value) - 1.5) <= float(found.error) < 1e-13


@pytest.mark.parametrize(
    ("f", "name"),
    [
        (lambda x: jnp.arctan2(x, 1.0), "atan2"),
        (lambda x: jnp.abs(jnp.log(x)), "abs"),
        (lambda x: jnp.abs(jnp.fft.fft(jnp.stack([x, x])))[0], "convert_element_type"),
        (lambda x: jax.lax.while_loop(lambda c: c < 9, lambda c: 2 * c, x), "while"),
    ],
)
def test_what_drops_the_imaginary_part_is_refused_by_name(f, name):
    with pytest.raises(ValueError, match=f"operation '{name}'"):
        difference(f, jnp.asarray(2.0), scheme="complex")


PARTS = {
    "sin": jnp.sin,
    "tanh": jnp.tanh,
    "exp": lambda x: jnp.exp(-x),
    "log": lambda x: jnp.log1p(x * x),
    "root": lambda x: jnp.sqrt(1 + x * x),
    "square": lambda x: x * x,
    "pow": lambda x: (2 + x * x) ** 0.7,
    "quotient": lambda x: 1 / (2 + x),
    "atan": jnp.arctan,
    "logistic": jax.nn.sigmoid,
}


@pytest.mark.parametrize("seed", mostly_long(list(range(100)), [0, 1]))
def test_random_compositions(seed):
    """Four functions in a row at random points, against forward mode in double precision."""
    rng = np.random.default_rng(seed)
    chosen = [list(PARTS)[i] for i in rng.integers(0, len(PARTS), 4)]

    def f(x):
        for name in chosen:
            x = PARTS[name](x)
        return x

    x = jnp.asarray(rng.uniform(0.1, 1.5, 3))
    v = jnp.asarray(rng.standard_normal(3))
    for dtype in DTYPES:
        at, along = x.astype("float32"), v.astype("float32")
        if dtype == "float64":
            at, along = at.astype(dtype), along.astype(dtype)
        truth = jax.jvp(f, (at.astype("float64"),), (along.astype("float64"),))[1]
        found = difference(f, at, along, scheme="complex")
        slack = 8 * np.finfo("float64").eps * np.abs(np.asarray(truth))  # of forward mode
        assert np.all(np.abs(found.value - np.asarray(truth)) <= found.error + np.asarray(slack))
