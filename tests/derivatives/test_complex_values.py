"""Real arguments, complex values: both parts of the derivative, by every function and method."""

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives._complex_values import pulled

d = al.derivatives
X = np.asarray([0.5, 0.3, -1.2])
V = np.asarray([1.0, -2.0, 0.5])
W = np.random.default_rng(0).standard_normal((4, 3)) + 1j * np.arange(12).reshape(4, 3)


def size_of(difference):
    return np.abs(np.asarray(difference))


def wave(x):
    return jax.lax.complex(x**2, jnp.sin(x))


WAVE = np.diag(2.0 * X + 1j * np.cos(X))
CASES = {
    "square": (wave, WAVE),
    "wide": (lambda x: jnp.sum(wave(x))[None], np.sum(WAVE, axis=0)[None]),
    "number": (lambda x: jnp.sum(wave(x)), np.sum(WAVE, axis=0)),
    "tall": (lambda x: jnp.asarray(W) @ wave(x), W @ WAVE),
    "conjugated": (lambda x: jnp.conj(jnp.asarray(W) @ x.astype(complex)), np.conj(W)),
    "matrix": (lambda x: jnp.stack([wave(x), -1j * wave(x)]), np.stack([WAVE, -1j * WAVE])),
    "imaginary": (lambda x: 1j * (x**3).astype(complex), np.diag(3j * X**2)),
}


METHODS = ["auto", "forward", "reverse", "chunked", "differences"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", mostly_slow(list(CASES), ["square", "wide"]))
def test_jacobians(name, method):
    f, expected = CASES[name]
    value, found = d.value_and_jacobian(f, X, method)
    assert found.dtype == value.dtype == jnp.complex128
    if method == "differences":
        assert float(np.max(np.abs(found - expected))) < 1e-6
    else:
        laws.close(found.real, expected.real, c=64, scale=30.0)
        laws.close(found.imag, expected.imag, c=64, scale=30.0)
    with pytest.raises(AssertionError):  # the twin: the imaginary part is lost
        laws.close(found.imag, np.zeros(found.shape), c=1e6, scale=1.0)


def test_products():
    f, J = CASES["tall"]
    laws.close(size_of(d.jacobian_vector_product(f, X, V) - J @ V), 0.0, c=64, scale=30.0)
    u = np.asarray([1.0, 2j, -1.0, 0.5 + 0.5j])
    laws.close(size_of(d.vector_jacobian_product(f, X, u) - u @ J), 0.0, c=64, scale=60.0)
    number, slope = CASES["number"]
    laws.close(size_of(d.gradient(number, X) - slope), 0.0, c=64, scale=3.0)
    second = (2.0 - 1j * np.sin(X)) * V
    laws.close(size_of(d.hessian_vector_product(number, X, V) - second), 0.0, c=64, scale=5.0)
    mixed = d.vector_jacobian_product(lambda x: (x, wave(x)), X, (V, V))
    laws.close(size_of(mixed - (V + V @ WAVE)), 0.0, c=64, scale=5.0)
    by_columns = d.shapes.jacobian_by_vector(wave, X)
    laws.close(size_of(by_columns - WAVE), 0.0, c=64, scale=3.0)


def test_a_complex_function_with_one_mode():
    def turned(x):
        return jax.lax.while_loop(
            lambda c: c[0] < 3, lambda c: (c[0] + 1, 1j * c[1]), (0, x.astype(complex))
        )[1]

    for method in ("auto", "chunked"):
        laws.close(size_of(d.jacobian(turned, X, method) - -1j * np.eye(3)), 0.0, c=4)
    total = d.gradient(lambda x: jnp.sum(turned(x)), X)
    laws.close(size_of(total - np.full(3, -1j)), 0.0, c=4)


CHAINS = {
    "fft": [jnp.sin, jnp.fft.fft],
    "power": [jnp.sin, jnp.fft.fft, lambda z: jnp.abs(z) ** 2],
    "conjugate between": [jnp.fft.fft, jnp.conj, lambda z: jnp.asarray(W) @ z],
    "not analytic": [
        wave,
        lambda z: z * jnp.abs(z).astype(complex),
        lambda z: jnp.stack([z[0] * jnp.conj(z[1])]),
    ],
    "one": [wave],
    "real and back": [jnp.fft.rfft, lambda z: jnp.fft.irfft(z, 3)],
}


@pytest.mark.parametrize("name", mostly_slow(list(CHAINS), ["fft", "not analytic"]))
def test_chains(name):
    fns = CHAINS[name]

    def whole(x):
        for fn in fns:
            x = fn(x)
        return x

    expected = jax.jacfwd(whole)(jnp.asarray(X))
    found = d.chain_jacobian(fns, X)
    assert found.dtype == expected.dtype
    laws.close(size_of(found - expected), 0.0, c=256, scale=20.0)
    for plan in d.plan_frontier(d.chain_factors(fns, X)):
        laws.close(size_of(d.chain_jacobian(fns, X, plan) - expected), 0.0, c=256, scale=20.0)


def test_real_values_pay_for_no_second_sweep():
    calls = []
    found = pulled(lambda u: (calls.append(u), (u,))[1], jnp.ones(2))
    assert len(calls) == 1
    assert found[0].dtype == jnp.float64


def test_complex_points_are_not_taken_for_real_ones():
    with pytest.raises(TypeError, match="x: got dtype complex128"):
        d.jacobian(jnp.sin, X + 0j)
    with pytest.raises(TypeError, match="f: got values of complex128 at points of complex128"):
        d.gradient(jnp.sum, X + 0j)
    laws.close(
        abs(d.jacobian_vector_product(jnp.square, X + 1j, V) - 2.0 * (X + 1j) * V), 0.0, c=16
    )
    with pytest.raises(TypeError, match=r"u: got dtype complex128, expected real numbers"):
        d.vector_jacobian_product(jnp.sin, X, 1j * V)
