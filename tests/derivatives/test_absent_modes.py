"""Functions with one mode only: the right derivative by that mode, or one clear sentence."""

import math

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.derivatives._absent_modes import linearized, why_absent
from approxlab.derivatives.planner.plans import plan
from approxlab.derivatives.shapes import total_derivative, vector_by_scalar

d = al.derivatives
X = jnp.asarray([0.3, 0.7, 1.1])


def doubled(x):
    """A loop whose length is known only when it ends."""
    return jax.lax.while_loop(lambda c: c[0] < 5, lambda c: (c[0] + 1, 2.0 * c[1]), (0, x))[1]


def counted(x):
    """A loop with a traced bound."""
    return jax.lax.fori_loop(0, jnp.where(x[0] < 9, 5, 3), lambda _, y: 2.0 * y, x)


def solved(x):
    """A loop that stops at a tolerance: Newton's method for sqrt."""
    start = jnp.ones_like(x)
    step = lambda y: 0.5 * (y + x / y)  # noqa: E731
    return jax.lax.while_loop(lambda y: jnp.max(jnp.abs(y * y - x)) > 1e-13, step, start)


@jax.custom_vjp
def ruled(x):
    return jnp.sin(x)


ruled.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))


def held(x):
    """A loop whose value is a constant for the derivative: both modes."""
    return x * jax.lax.stop_gradient(doubled(x))


def stack(fn):
    return lambda x: jnp.concatenate([fn(x), fn(2.0 * x)])


CASES = {
    "while": (doubled, 32.0 * np.eye(3), "reverse"),
    "fori": (counted, 32.0 * np.eye(3), "reverse"),
    "tolerance": (solved, np.diag(0.5 / np.sqrt(X)), "reverse"),
    "custom_vjp": (ruled, np.diag(np.cos(X)), "forward"),
    "stopped": (held, np.diag(32.0 * X), None),
    "tall while": (stack(doubled), np.concatenate([32.0 * np.eye(3), 64.0 * np.eye(3)]), "reverse"),
    "tall custom_vjp": (
        stack(ruled),
        np.concatenate([np.diag(np.cos(X)), np.diag(2.0 * np.cos(2.0 * X))]),
        "forward",
    ),
    "number of while": (lambda x: jnp.sum(doubled(x)), np.full(3, 32.0), "reverse"),
    "number of custom_vjp": (lambda x: jnp.sum(ruled(x)), np.cos(X), "forward"),
}


@pytest.mark.parametrize(
    "name", mostly_slow(list(CASES), ["while", "custom_vjp", "stopped", "number of while"])
)
def test_the_mode_that_exists_is_taken(name):
    f, expected, absent = CASES[name]
    loop_free = {"auto", "forward", "reverse", "chunked"} - {absent}
    if name == "fori":
        loop_free.add("reverse")  # outside of jit the bound is known
    for method in sorted(loop_free):
        laws.close(d.jacobian(f, X, method), expected, c=1e3, scale=100.0)
    chosen = d.choose(f, X)
    if absent:
        assert [c.method for c in chosen.candidates] == [
            {"forward", "reverse"}.difference([absent]).pop()
        ]
        assert f"it has no {absent} mode" in chosen.reason
        assert why_absent(absent, f, (X,)) is not None
    else:
        assert len(chosen.candidates) == 2


@pytest.mark.parametrize(
    "name",
    mostly_slow(["while", "tolerance", "custom_vjp", "tall while"], ["tolerance", "custom_vjp"]),
)
def test_a_mode_asked_by_name_is_refused_in_one_sentence(name):
    f, _, absent = CASES[name]
    there = "reverse" if absent == "forward" else "forward"
    words = f"f: got a function that has no {absent} mode in JAX .* Use {there} mode"
    with pytest.raises(ValueError, match=words):
        d.jacobian(f, X, absent)
    with pytest.raises(ValueError, match=words):
        d.choose(f, X, methods=[absent])


@pytest.mark.parametrize("name", ["while", "custom_vjp", "stopped"])
def test_products_take_it_too(name):
    f, J, _ = CASES[name]
    v = jnp.asarray([1.0, -2.0, 0.5])
    laws.close(d.jacobian_vector_product(f, X, v), J @ v, c=64, scale=100.0)
    laws.close(d.vector_jacobian_product(f, X, v), v @ J, c=64, scale=100.0)
    number = lambda x: v @ f(x) ** 2  # noqa: E731
    laws.close(d.gradient(number, X), 2.0 * (v * f(X)) @ J, c=64, scale=1e4)
    second = 2.0 * J.T @ np.diag(v) @ J
    if name == "custom_vjp":
        second = second - 2.0 * np.diag(v * np.sin(X) ** 2)
    elif name == "stopped":
        second = 2.0 * np.diag(v * 32.0 * 32.0 * X * X)
    laws.close(d.hessian_vector_product(number, X, v), second @ v, c=1e3, scale=1e4)


def test_chains_mix_the_modes():
    chain = [jnp.cos, doubled, ruled, held]
    inner = 32.0 * np.cos(X)
    expected = np.diag(32.0 * np.sin(inner) * np.cos(inner) * 32.0 * -np.sin(X))
    factors = d.chain_factors(chain, X)
    assert [f.tangent_flops is None for f in factors] == [False, False, True, False]
    assert [f.adjoint_flops is None for f in factors] == [False, True, False, False]
    found = plan(factors)
    assert found.kind == "mixed"
    laws.close(d.chain_jacobian(chain, X), expected, c=1e3, scale=1e3)
    laws.close(d.chain_jacobian(chain, X, found), expected, c=1e3, scale=1e3)
    for figure in ("forward_flops", "reverse_flops", "jacfwd_flops", "jacrev_flops"):
        with pytest.raises(ValueError, match="factors: got one without"):
            getattr(found, figure)
    with pytest.raises(ValueError, match=r"fns: got a function that has no reverse mode"):
        d.chain_jacobian([doubled], X, plan([d.Factor(3, 3, None, 4)]))
    with pytest.raises(ValueError, match="tangent_flops: got None"):
        d.Factor(3, 3, None, None)


def test_the_tables_of_shapes_take_it():
    column = lambda t: ruled(jnp.stack([t, 2.0 * t]))  # noqa: E731
    laws.close(vector_by_scalar(column, 0.4), [np.cos(0.4), 2.0 * np.cos(0.8)], c=16)
    laws.close(d.shapes.jacobian_by_vector(doubled, X), 32.0 * np.eye(3), c=4)
    found = total_derivative(lambda x, y: x * y, [ruled, lambda t: t], 0.4)
    laws.close(found.total, 0.4 * np.cos(0.4) + np.sin(0.4), c=16)


def test_functions_without_any_mode():
    def outside(x):
        return jax.pure_callback(np.sin, jax.ShapeDtypeStruct(x.shape, x.dtype), x)

    words = "has no forward mode and no reverse mode in JAX .* method='differences'"
    for call in (
        lambda: d.jacobian(outside, X),
        lambda: d.jacobian(outside, X, "chunked"),
        lambda: d.chain_jacobian([outside], X),
        lambda: d.gradient(lambda x: jnp.sum(outside(x)), X),
        lambda: d.jacobian_vector_product(outside, X, X),
    ):
        with pytest.raises(ValueError, match=words.replace("forward mode and no reverse", ".*")):
            call()


def test_other_errors_stay_as_they_are():
    def wrong(x):
        raise KeyError("theirs")

    for call in (d.jacobian, d.choose, d.gradient):
        with pytest.raises(KeyError, match="theirs"):
            call(wrong, X)

    @jax.custom_jvp
    def slow(x):
        return x

    slow.defjvp(lambda x, v: (slow(x[0]), jax.lax.map(lambda w: 3.0 * w, v[0])))
    laws.close(d.jacobian(slow, X), 3.0 * np.eye(3), c=4)


def test_nothing_is_traced_twice_for_it():
    calls = []

    def f(x):
        calls.append(x)
        return jnp.sin(x)

    for method, most in (("forward", 2), ("reverse", 2), ("chunked", 3), ("auto", 4)):
        calls.clear()
        d.jacobian(f, X, method)
        assert len(calls) <= most, method
    calls.clear()
    d.gradient(lambda x: jnp.sum(f(x)), X)
    assert len(calls) == 1


def test_linear_parts_without_linearize(monkeypatch):
    """Where `jax.linearize` fails though there is a forward mode."""

    def fails(*_):
        raise AttributeError("'NoneType' object has no attribute 'aval'")

    monkeypatch.setattr(jax, "linearize", fails)
    value, push = linearized(held, X)
    laws.close(value, held(X), c=4, scale=50.0)
    laws.close(push(jnp.ones(3)), 32.0 * X, c=4, scale=50.0)
    laws.close(d.jacobian(held, X, "chunked"), np.diag(32.0 * X), c=4, scale=50.0)
    laws.close(
        d.chain_jacobian([jnp.sin, held], X),
        np.diag(32.0 * np.sin(X) * np.cos(X)),
        c=16,
        scale=50.0,
    )


NEEDS_NUMBERS = {
    "if": lambda p, x: p * (x[0] if x[0] > 0 else -x[0]),
    "if of a parameter": lambda p, x: x[0] if p > 0 else -x[0],
    "math": lambda p, x: p * math.sin(x[0]),
    "numpy": lambda p, x: p * jnp.asarray(np.sin(x))[0],
}
POINTS = jnp.array([[0.3, 0.7], [0.1, -0.2]])
ASKED = {
    "trace": lambda f: d.trace(f, jnp.array(0.5), POINTS[0]),
    "count": lambda f: d.count(f, jnp.array(0.5), POINTS[0]),
    "ntk": lambda f: d.ntk(f, POINTS, params=jnp.array(0.5)),
    "gradients": lambda f: d.per_sample_gradients(f, POINTS, jnp.zeros(2), params=jnp.array(0.5)),
    "norms": lambda f: d.per_sample_gradient_norms(f, POINTS, jnp.zeros(2), params=jnp.array(0.5)),
    "plan": lambda f: d.plan(
        jax.jit(f), x=POINTS[0], params=jnp.array(0.5)
    ),  # without jit JAX has the numbers that `if` asks for
}


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("kind", NEEDS_NUMBERS)
def test_functions_that_need_numbers_are_told_what_to_write(asked, kind):
    with pytest.raises(TypeError, match=r"got a function that needs .* Use jnp\.where .* jnp\.sin"):
        ASKED[asked](NEEDS_NUMBERS[kind])


def test_a_loss_that_needs_numbers_is_named():
    net = al.MLP.init(jax.random.key(0), 2, (3,))
    with pytest.raises(TypeError, match="^loss: got a function that needs"):
        d.per_sample_gradients(net, POINTS, jnp.zeros(2), lambda v, y: v - y if v > y else y - v)
