"""Differences at small and large points: the step that is taken, and options that belong."""

import math
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives.differences.quotients import difference
from approxlab.derivatives.differences.stencils import optimal_step
from approxlab.derivatives.formulas.closed_formulas import formula
from approxlab.derivatives.modes import jacobian

SLOPES = {
    "log": (jnp.log, lambda x: 1 / x),
    "sin": (jnp.sin, np.cos),
    "square": (lambda x: 1 + x * x, lambda x: 2 * x),
    "root": (jnp.sqrt, lambda x: 0.5 / math.sqrt(x)),
}


@pytest.mark.parametrize("scheme", ["forward", "central", "richardson"])
@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize(
    "x", mostly_slow([1e-12, 1e-7, 0.3, 2e4, 1.7e9, 1e155], [1e-12, 1.7e9, 1e155])
)
def test_error_at_any_scale(name, x, scheme):
    if (name, x) == ("square", 1e155):
        return  # infinite
    f, slope = SLOPES[name]
    found = difference(f, jnp.asarray(x), scheme=scheme)
    assert abs(float(found.value) - slope(x)) <= 3 * float(found.error)
    if name in ("log", "root"):
        assert float(found.error) < 1e-4 * slope(x)


def test_a_step_that_vanishes_is_refused_by_name():
    for x, step in [(1.7e9, 1e-7), (1e3, 1e-14), (-1e155, 1.0)]:
        with pytest.raises(ValueError, match=r"step: got .*vanishes in x \+ step"):
            difference(lambda t: 3 * t, jnp.asarray(x), step=step)
    with pytest.raises(ValueError, match="vanishes"):
        difference(jnp.sum, jnp.asarray([1e9, 1e9]), jnp.ones(2), step=1e-9)


def test_a_step_is_the_one_that_is_taken():
    found = difference(lambda t: 3 * t, jnp.asarray(1.7e9), step=1e-6)
    assert found.value == 3.0
    assert found.step == (1.7e9 + 1e-6) - 1.7e9 != 1e-6


def test_a_lost_component_shows_in_the_error():
    x, v = jnp.asarray([1.7e9, 0.0]), jnp.ones(2)
    found = difference(lambda x: 3 * x[0] - x[1], x, v, step=1e-7)
    assert abs(float(found.value) - 2.0) <= float(found.error)


@pytest.mark.parametrize("scheme", mostly_slow(["forward", "backward", "central"], ["forward"]))
def test_jacobian_divides_by_the_distance_of_its_points(scheme):
    x = jnp.asarray([1.7e9, 3.3, -2e5])
    for step in (1e-3, jnp.asarray([1.1, 1e-3, 1e-2])):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            J = jacobian(lambda x: 4 * x, x, "differences", scheme=scheme, step=step)
        assert np.array_equal(J, 4 * np.eye(3))


def test_swamped_steps_are_replaced_with_a_warning():
    with pytest.warns(UserWarning, match="step: got 1e-07.*swamps in 1 of 1"):
        assert jacobian(lambda t: 3 * t, jnp.asarray(1.7e9), "differences", step=1e-7) == 3.0
    x = jnp.asarray([1e-12, 1e3])
    with pytest.warns(UserWarning, match="1 of 2"):
        J = jacobian(lambda x: x**2, x, "differences", step=3e-13)
    assert abs(float(J[1, 1]) - 2000.0) < 1e-3
    traced = jax.jit(lambda x: jacobian(lambda x: x**2, x, "differences", step=3e-13))(x)
    assert np.allclose(traced, J, rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("scheme", mostly_slow(["forward", "backward", "central"], ["forward"]))
def test_jacobian_with_inputs_of_different_sizes(scheme):
    x = jnp.asarray([1e-12, 1e3, 1.7e9, 0.5, 0.0])
    for f, slopes in [
        (lambda x: x**2, [2e-12, 2e3, 3.4e9, 1.0, 0.0]),
        (lambda x: jnp.sin(x), np.cos(np.asarray(x))),
        (lambda x: jnp.log(x + 1e-300), [1e12, 1e-3, 1 / 1.7e9, 2.0, None]),
    ]:
        J = np.diag(jacobian(f, x, "differences", scheme=scheme))
        for found, slope, at in zip(J, slopes, np.asarray(x), strict=True):
            # Half of a step of 32 spacings, which is rounded to the next spacing.
            nearest = 20 * np.finfo("float64").eps * at
            assert slope is None or abs(found - slope) <= 1e-4 * abs(slope) + 1e-7 + nearest


NET = al.MLP.init(jax.random.key(0), 2, (4,), "tanh", out_size=2)
FOREIGN = [
    (lambda: jacobian(jnp.sin, jnp.ones(2), step=1e-3), "step: got 0.001.*'differences'"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), scheme="nonsense"), "scheme: got 'nonsense'"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), "reverse", scheme="central"), "scheme: got 'central'"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), "forward", chunk=2), "chunk: got 2.*'chunked'"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), "forward", verbose=True), "verbose: got True.*'auto'"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), "differences", scheme="x"), "scheme: got 'x'"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), "differences", step=-1.0), "step: got -1.0"),
    (lambda: jacobian(jnp.sin, jnp.ones(2), "differences", step=jnp.ones(3)), "step: got shape"),
    (lambda: jacobian(NET, jnp.ones(2), wrt="weights", step=1e-3), "step: got 0.001"),
    (lambda: difference(jnp.sin, 1.0, order=7), "order: got 7.*'richardson'"),
    (lambda: difference(jnp.sin, 1.0, order=6, scheme="forward"), "order: got 6.*'forward'"),
    (lambda: optimal_step("central", float, order=7), "order: got 7"),
    (lambda: formula(NET, method="reverse", scheme="central"), "scheme: got 'central'"),
]


@pytest.mark.parametrize("call", range(len(FOREIGN)))
def test_options_of_another_method_are_refused(call):
    wrong, words = FOREIGN[call]
    with pytest.raises(ValueError, match=words):
        wrong()
