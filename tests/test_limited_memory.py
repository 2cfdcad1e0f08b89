"""L-BFGS and its line search: the steps of optax's."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
import optax
import optax_loop as loop
import pytest
from sampling import mostly_slow

from approxlab.fitting.training.limited_memory import LBFGS
from approxlab.fitting.training.method import Objective


def rosenbrock(x):
    return jnp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2)


def steep(x):
    return jnp.sum(jnp.arange(1.0, x.size + 1.0) ** 4 * x**2) + jnp.sum(x**4)


def logarithm(x):  # infinite or nan at long steps
    return jnp.sum(x - jnp.log(x))


def flat(x):
    return jnp.sum(jnp.sqrt(1.0 + x**2))


def optax_steps(function, x, count):
    method = optax.lbfgs(memory_size=20)
    step = loop.stepper(method, function)
    state, values = method.init(x), []
    for _ in range(count):
        x, state, value = step(x, state)
        values.append(float(value))
    return np.asarray(x), values


def objective(function):
    nothing = jnp.zeros(())
    whole = dict.fromkeys(("inputs", "outputs"), jnp.zeros((1, 1)))
    numbers = dict.fromkeys(("steps_done", "learning_rate", "steps"), nothing)
    return Objective(loss=function, network=function, layers=function, **whole, **numbers)


def own_steps(function, x, count):
    method, values = LBFGS(), []
    step = jax.jit(lambda x, state: method.step(objective(function), x, state))
    state = method.init(x)
    for _ in range(count):
        value, x, state = step(x, state)
        values.append(float(value))
    return np.asarray(x), values


CASES = [(rosenbrock, 0.3, 12), (steep, 2.0, 30), (logarithm, 5.0, 12), (flat, 30.0, 12)]


@pytest.mark.parametrize("case", mostly_slow(CASES, CASES[:2]))
def test_steps_are_those_of_optax(case):
    """More steps than pairs in one case: the oldest one is then crossed out."""
    function, first, count = case
    x = first + jnp.linspace(0.0, 0.1, 5)
    expected, values = optax_steps(function, x, count)
    found, own = own_steps(function, x, count)
    # Rounding is magnified by every step of a quasi-Newton method.
    np.testing.assert_allclose(own, values, rtol=1e-5, atol=1e-9)
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
