"""Integers, truths and tests for NaN inside of certified functions: JAX's own, or refused by name.

The right values are those of JAX at points of a grid that has the jumps and the ends on it.
"""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax
from sampling import mostly_slow

import approxlab as al
from approxlab.certify.sup_norms import sup_norm

POINTS = np.array([-1.0, -0.7, -0.5, -1e-9, 0.0, 1e-9, 0.25, 0.5, 0.5 + 1e-9, 0.7, 1.0])


@pytest.fixture(autouse=True)
def usual_promotion():
    """Of integers and floats, as outside of this library's tests."""
    with jax.numpy_dtype_promotion("standard"):
        yield


def certified(function, low=-1.0, high=1.0):
    return sup_norm(function, lambda x: 0.0 * x[0], al.Box([low], [high]), rtol=1e-6, max_boxes=60)


def largest(function):
    """Of JAX's own values at the points."""
    return float(jnp.max(jnp.abs(jax.jit(jax.vmap(function))(POINTS[:, None]))))


def step(x):
    return (x[0] > 0).astype(int)


def some(x):
    return jnp.where(x[0] > 0, 3, -4)


EXACT = {
    "equal to 2": lambda x: jnp.where(step(x) == 2, 100.0, 0.0),
    "not equal to 5": lambda x: jnp.where(step(x) != 5, 3.0, 4.0),
    "below 1": lambda x: jnp.where(step(x) < 1, 3.0, 4.0),
    "counted": lambda x: jnp.sum(jnp.stack([x[0] > 0, x[0] > 0.5, x[0] > -0.5])) * 1.0,
    "mean": lambda x: jnp.mean(jnp.array([x[0] > 0, x[0] > 0.5, x[0] > -0.5])),
    "count_nonzero": lambda x: jnp.count_nonzero(jnp.stack([x[0] > 0, x[0] > 0.5])) * 1.0,
    "sum": lambda x: (step(x) + (x[0] > 0.5).astype(int)) * 1.0,
    "1 - step": lambda x: (1 - step(x)) * 1.0,
    "-step": lambda x: -step(x) * 5.0,
    "3 step": lambda x: (3 * step(x)) * 1.0,
    "absolute": lambda x: jnp.abs(some(x)) * 1.0,
    "sign": lambda x: jnp.sign(some(x)) * 3.0,
    "square": lambda x: some(x) ** 2 * 1.0,
    "clip": lambda x: jnp.clip(some(x), -2, 2) * 1.0,
    "where with 7": lambda x: jnp.where(x[0] > 0.5, step(x), 7) * 1.0,
    "where of steps": lambda x: jnp.where(jnp.where(x[0] > 0.5, step(x), 7) == 7, 100.0, 1.0),
    "dot": lambda x: (
        jnp.dot(jnp.stack([x[0] > 0, x[0] > 0.5]).astype(int), jnp.array([3, 4])) * 1.0
    ),
    "switch": lambda x: lax.switch(some(x) + 4, [lambda: 2.0, lambda: 7.0, lambda: 9.0]),
    "select_n": lambda x: lax.select_n(step(x).astype(jnp.int32), 2.0, 7.0),
    "three cases": lambda x: lax.select_n(
        jnp.where(x[0] > 0, jnp.where(x[0] > 0.5, 2, 1), 0).astype(jnp.int32), 2.0, 7.0, 5.0
    ),
    "cond": lambda x: lax.cond(x[0] > 0, lambda t: 3.0 * t, lambda t: -t, x[0]),
    "cond of truths": lambda x: jnp.where(
        lax.cond(x[0] > 0, lambda t: t > 0.5, lambda t: t < -0.5, x[0]), 2.0, 1.0
    ),
    "xor": lambda x: ((x[0] > 0) ^ (x[0] < 0.5)) * 3.0,
    "maximum of truths": lambda x: jnp.maximum(x[0] > 0.5, x[0] < -2.0) * 3.0,
    "largest truth": lambda x: jnp.max(jnp.stack([x[0] > 0.5, x[0] < -2.0])) * 3.0,
    "any": lambda x: jnp.any(jnp.stack([x[0] > 0.5, x[0] < -0.5])) * 3.0,
    "product": lambda x: jnp.prod(jnp.stack([x[0] > 0, x[0] > 0.5])) * 3.0,
    "back to a truth": lambda x: jnp.where(some(x).astype(bool), 2.0, 1.0),
    "number as a truth": lambda x: jnp.where((0.0 * x[0] + 2.0).astype(bool), 2.0, 1.0),
    "to float32": lambda x: step(x).astype(jnp.float32).astype(float) * 2.0,
    "scalars stacked": lambda x: jnp.max(jnp.stack([x[0], 2.0 * x[0], jnp.asarray(0.5)])),
    "scalars in an array": lambda x: jnp.sum(jnp.array([x[0], 2.0 * x[0], 0.5])),
    "arrays stacked": lambda x: jnp.stack([x, 2.0 * x], axis=1)[0, 1],
    "x != x": lambda x: jnp.where(x[0] != x[0], 7.0, 1.0),
    "isnan": lambda x: jnp.where(jnp.isnan(jnp.exp(x[0])), 7.0, 1.0),
    "isfinite": lambda x: jnp.where(jnp.isfinite(x[0]), 1.0, 7.0),
    "below infinity": lambda x: jnp.where(x[0] < jnp.inf, 1.0, 7.0),
    "nan_to_num": lambda x: jnp.nan_to_num(2.0 * x[0]),
    "nan where there is none": lambda x: jnp.where(jnp.isnan(x[0]), jnp.nan, x[0]),
}


@pytest.mark.parametrize("name", mostly_slow(EXACT, list(EXACT)[::6]))
def test_what_is_exact_is_certified(name):
    function = EXACT[name]
    found = certified(function)
    values = largest(function)
    assert found.lower <= values * (1 + 1e-6) <= found.upper * (1 + 2e-6)
    assert found.upper <= values * (1 + 1e-5)


BIG, SMALL = 2**31 - 1, 200

REFUSED = {
    "div": lambda x: (some(x) // 2) * 1.0,
    "div of lax": lambda x: lax.div(some(x), 2) * 1.0,
    "rem": lambda x: (some(x) % 3) * 1.0,
    "not": lambda x: ~step(x) * 1.0,
    "and": lambda x: (some(x) & 4) * 1.0,
    "or": lambda x: (step(x) | 2) * 1.0,
    "xor": lambda x: (step(x) ^ 2) * 1.0,
    "shift_left": lambda x: (step(x) << 2) * 1.0,
    "and of a power": lambda x: (2 ** step(x)) * 1.0,
    "add": lambda x: (jnp.where(x[0] > 0, jnp.int32(BIG), jnp.int32(5)) + jnp.int32(7)) * 1.0,
    "add of bytes": lambda x: (
        jnp.where(x[0] > 0, jnp.uint8(SMALL), jnp.uint8(5)) + jnp.uint8(100)
    ).astype(float),
    "mul": lambda x: (
        jnp.where(x[0] > 0, jnp.int32(65536), jnp.int32(5)) * jnp.int32(65536)
    ).astype(float),
    "neg": lambda x: (-jnp.where(x[0] > 0, jnp.uint8(3), jnp.uint8(5))).astype(float),
    "reduce_sum": lambda x: jnp.sum(
        jnp.stack([jnp.where(x[0] > 0, jnp.int8(100), jnp.int8(5))] * 2), dtype=jnp.int8
    ).astype(float),
    "convert_element_type": lambda x: some(x).astype(jnp.uint8).astype(float),
    "convert_element_type of numbers": lambda x: x[0].astype(int) * 1.0,
    "convert_element_type to float32": lambda x: (
        jnp.where(x[0] > 0, 2**24 + 1, 0).astype(jnp.float32).astype(float)
    ),
    "select_n": lambda x: jnp.where(x[0] > 0, 2**53 + 1, 0) * 1.0,
    "select_n with inf": lambda x: jnp.min(jnp.where(x > 0, x, jnp.inf)),
    "select_n with nan": lambda x: jnp.where(x[0] > 0, x[0], jnp.nan),
    "cumsum": lambda x: jnp.piecewise(x[0], [x[0] < 0, x[0] >= 0.5], [lambda t: t, 5.0, 2.0]),
    # By JAX 0.10 and 0.12.
    "lt_to|call_hi_primitive": lambda x: jnp.interp(
        x[0], jnp.array([-1.0, 0, 1]), jnp.array([0.0, 2, 3])
    ),
    "sort": lambda x: jnp.median(jnp.stack([x[0], 0.1, 0.2])),
    "dynamic_slice": lambda x: jnp.array([2.0, 7.0])[step(x)],
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_is_refused_by_name(name):
    kind = ValueError if "with" in name else TypeError
    with pytest.raises(kind, match=f"'({name.split()[0]})'.*expected"):
        certified(REFUSED[name])


def test_parts_of_piecewise_that_jax_refuses():
    def function(x):
        return jnp.piecewise(x[0], [x[0] < 0], [lambda t: 5.0, lambda t: t])

    with pytest.raises(TypeError, match="model: got a function that JAX cannot trace"):
        certified(function)


GUARDED = {
    "isfinite": lambda x: jnp.where(jnp.isfinite(1.0 / x[0]), x[0], 5.0),
    "isinf": lambda x: jnp.where(jnp.isinf(1.0 / x[0]), 5.0, x[0]),
    "isnan": lambda x: jnp.where(jnp.isnan(x[0] / x[0]), 5.0, x[0]),
    "itself": lambda x: jnp.where(x[0] / x[0] == x[0] / x[0], x[0], 5.0),
    "not itself": lambda x: jnp.where(jnp.sqrt(x[0]) != jnp.sqrt(x[0]), 5.0, x[0]),
    "bounded afterwards": lambda x: jnp.where(jnp.isnan(jnp.tanh(jnp.log(x[0]))), 5.0, x[0]),
    "negative power": lambda x: jnp.where(jnp.isfinite(x[0] ** -2), x[0], 5.0),
    "real power": lambda x: jnp.where(jnp.isnan(x[0] ** 0.3), 5.0, x[0]),
    "log1p": lambda x: jnp.where(jnp.isfinite(jnp.log1p(x[0])), x[0], 5.0),
    "below infinity": lambda x: jnp.where(1.0 / x[0] ** 2 < jnp.inf, x[0], 5.0),
    "is infinity": lambda x: jnp.where(1.0 / x[0] ** 2 == jnp.inf, 5.0, x[0]),
    "difference": lambda x: jnp.where(1 / x[0] - 1 / x[0] == 0, x[0], 5.0),
    "one of two": lambda x: jnp.where(
        jnp.all(jnp.isfinite(jnp.stack([1.0 / x[0], 1.0 / (x[0] - 3.0)]))), x[0], 5.0
    ),
}


@pytest.mark.parametrize("name", mostly_slow(GUARDED, ["isfinite", "not itself", "difference"]))
def test_a_test_for_nan_counts_where_there_may_be_no_value(name):
    function = GUARDED[name]
    assert largest(function) == 5.0
    found = certified(function)
    assert found.upper >= 5.0
    assert found.lower <= 5.0


@pytest.mark.parametrize("name", mostly_slow(sorted(set(GUARDED) - {"difference"}), ["isnan"]))
def test_and_not_where_there_is_one(name):
    found = certified(GUARDED[name], 0.5, 1.0)
    assert found.lower <= 1.0 <= found.upper <= 1.0 + 1e-5


def test_softplus_is_still_recognised():
    found = certified(lambda x: jnp.logaddexp(x[0], -2.0 * x[0]) + jax.nn.softplus(50.0 * x[0]))
    assert found.status in ("ok", "budget")
    assert "softplus" in found.statement()
    assert "choose" not in found.statement()
