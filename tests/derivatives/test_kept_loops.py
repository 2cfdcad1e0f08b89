"""Eager calls of the chunked Jacobian: compiled once for all functions of one form."""

import gc

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.kept_programs import PROGRAMS

jacobian = al.derivatives.jacobian


def test_networks_of_one_shape_share_a_program(compilations):
    x = jnp.linspace(0.0, 1.0, 7)
    nets = [al.MLP.init(jax.random.key(seed), 7, (5,), out_size=6) for seed in range(3)]
    jacobian(nets[0], 0.5 * x, "chunked")
    with compilations() as count:
        found = [jacobian(net, x, "chunked") for net in nets]
        assert count() == 0
    expected = jax.jit(jax.jacrev(lambda net, x: net(x), argnums=1))
    for net, slopes in zip(nets, found, strict=True):
        np.testing.assert_allclose(slopes, expected(net, x), rtol=1e-13, atol=1e-15)


def of_arrays(k):
    matrix = np.cos(np.arange(12.0) + k).reshape(4, 3)
    return lambda x: jnp.tanh(matrix @ x)


def of_numbers(k):
    return lambda x: jnp.sin((0.3 + k) * x) / (k + 1.5)


@pytest.mark.parametrize("make", [of_arrays, of_numbers])
def test_functions_that_differ_in_their_numbers_share_a_program(make, compilations):
    x = jnp.asarray([0.1, -0.4, 0.7])
    jacobian(make(0), x, "chunked")
    with compilations() as count:
        found = [jacobian(make(k), x, "chunked") for k in range(1, 4)]
        assert count() == 0
    for k, slopes in enumerate(found, 1):
        np.testing.assert_allclose(slopes, jax.jacfwd(make(k))(x), rtol=1e-13, atol=1e-15)


def test_a_function_is_taken_as_it_is_now():
    numbers = {"factor": 2.0}

    def f(x):
        return numbers["factor"] * x

    x = jnp.ones(2)
    for factor in (2.0, 3.0, -0.0):
        numbers["factor"] = factor
        slopes = np.asarray(jacobian(f, x, "chunked"))
        np.testing.assert_array_equal(slopes, factor * np.eye(2))


def test_programs_of_many_functions_are_bounded(monkeypatch):
    monkeypatch.setattr(PROGRAMS, "most", 3)
    counts = []
    for k in range(8):
        jacobian(lambda x, k=k: x ** (k + 2), jnp.ones(3), "chunked")  # of another text each
        gc.collect()
        counts.append(len(jax.devices()[0].client.live_executables()))
    assert len(PROGRAMS) == 3
    assert counts[-1] <= counts[3] + 3


@pytest.mark.parametrize("kind", [float, np.asarray, jnp.asarray])
def test_programs_that_leave_different_arguments_unused_are_not_mixed_up(kind):
    first, second = kind(2.0), kind(3.0)
    x = jnp.ones(2)
    for used, factor in ((0, 2.0), (1, 3.0)):
        # Without its unused product, each is one product with one number: of the same text.
        found = jacobian(lambda x, used=used: (first * x, second * x)[used], x, "chunked")
        np.testing.assert_array_equal(found, factor * np.eye(2))


def test_rules_that_hold_arrays_are_not_mixed_up():
    def ruled(k):
        weights = np.full(3, 1.0 + k)

        @jax.custom_jvp
        def f(x):
            return x * x

        f.defjvp(lambda x, t: (f(*x), t[0] * weights))
        return f

    for k in range(3):
        slopes = jacobian(ruled(k), jnp.ones(3), "chunked")
        np.testing.assert_array_equal(slopes, (1.0 + k) * np.eye(3))


def test_within_a_program_it_is_a_part_of_that():
    net = al.MLP.init(jax.random.key(0), 3, (4,), out_size=2)
    x = jnp.ones(3)
    inside = jax.jit(lambda net, x: jacobian(net, x, "chunked"))(net, x)
    np.testing.assert_allclose(inside, jacobian(net, x, "chunked"), rtol=1e-14, atol=1e-16)
    # The function closes over what is traced, while its point is not.
    by_scale = jax.jacfwd(lambda s: jacobian(lambda x: s * x, jnp.ones(2), "chunked"))(2.0)
    np.testing.assert_array_equal(by_scale, np.eye(2))
