"""Steps of a trace that are alike share what JAX traced for one of them, and no number changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.tracing import _step_programs as programs
from approxlab.derivatives.tracing.trace import trace


def chain(steps):
    def f(x):
        y = x
        for _ in range(steps):
            y = jnp.sin(y) * x
        return y

    return f


def counted(monkeypatch):
    """The functions that were traced, in a list that grows."""
    known, traced = [], programs._traced
    monkeypatch.setattr(
        programs, "_traced", lambda *given: known.append(given[0]) or traced(*given)
    )
    return known


def test_a_long_chain_traces_as_much_as_a_short_one(monkeypatch):
    known = counted(monkeypatch)
    trace(chain(3), 0.5)
    short = len(known)
    trace(chain(60), 0.5)
    assert 0 < len(known) - short == short


def mixed(x, w):
    y = jax.nn.relu(w @ x)
    y = jnp.where(y > 0.1, jnp.tanh(y), jnp.exp(y)) + jax.nn.softplus(y) ** 2.5
    z = jnp.fft.fft(jnp.sin(y) * y[0])
    k = jnp.sum(jnp.abs(z) ** 2) + 3.0 * jnp.argmax(y).astype(y.dtype)
    last, all_of_them = jax.lax.scan(lambda c, _: (jnp.tanh(c) * 1.5, c), k, None, length=3)
    return last + jnp.prod(jax.lax.top_k(all_of_them, 2)[0]) + jnp.max(y) / jnp.linalg.norm(x)


def numbers(tr):
    """All arrays of a trace: those that are not there are None."""
    for step in tr.steps:
        yield from (step.primal, *step.tangents, step.adjoint)
        for each in step.contributions:
            yield from (each.local, each.value, each.so_far)
    yield from (tr.value, *tr.tangents, *jax.tree.leaves(tr.gradients))


@pytest.mark.parametrize("dtype", [jnp.float64, jnp.float32])
@pytest.mark.parametrize("seeds", [(), ("x[1]",), ("x[0]", "w[1, 2]")])
def test_shared_programs_give_the_bits_of_steps_traced_alone(monkeypatch, dtype, seeds):
    x = jnp.asarray([0.3, 0.2, -0.4], dtype)
    w = jnp.asarray(np.random.default_rng(0).normal(size=(4, 3)), dtype)
    shared = trace(mixed, x, w, seeds=seeds)
    monkeypatch.setattr(programs, "_signature", lambda *given: None)
    alone = trace(mixed, x, w, seeds=seeds)
    pairs = list(zip(numbers(shared), numbers(alone), strict=True))
    assert len(pairs) > 100
    for one, other in pairs:
        assert (one is None) == (other is None)
        if one is not None:
            one, other = np.asarray(one), np.asarray(other)
            assert (one.dtype, one.shape) == (other.dtype, other.shape)
            assert one.tobytes() == other.tobytes()


@jax.custom_vjp
def square(x):
    return x * x


def _pulled(x, cotangent):
    return (2.0 * float(x) * cotangent if x > 0 else -cotangent,)  # numbers, as no tracer has


square.defvjp(lambda x: (x * x, x), _pulled)


def test_a_rule_that_reads_numbers_runs_at_every_step():
    tr = trace(lambda x, y: square(x) + square(y), 3.0, -2.0, seeds=())
    assert [float(g) for g in tr.gradients] == [6.0, -1.0]


def test_steps_with_other_constants_or_parameters_are_told_apart():
    tr = trace(
        lambda x: (3.0 * x) ** 2 + (5.0 * x) ** 3 + x[::-1] * x, jnp.ones(2), seed_out=[1, 0]
    )
    assert np.asarray(tr.gradients[0]).tolist() == [18.0 + 375.0 + 1.0, 1.0]


def test_many_seeds_give_the_tangents_of_each_alone():
    def f(*xs):
        total = xs[0]
        for x in xs[1:]:
            total = jnp.sin(total) * x
        return total

    point = [0.5 + 0.1 * i for i in range(6)]
    together = trace(f, *point)
    assert len(together.seeds) == 6
    for i, seed in enumerate(together.seeds):
        (alone,) = trace(f, *point, seeds=(seed,)).tangents
        assert float(together.tangents[i]) == float(alone)
        assert float(alone) == pytest.approx(float(together.gradients[i]), rel=1e-14)


def test_a_step_is_found_by_name_and_label():
    tr = trace(lambda x: jnp.sin(x) * x, 0.5, labels=["s", "out"])
    assert tr["x"] is tr.steps[0]
    assert tr["v0"] is tr.steps[0]
    assert tr["s"] is tr["v1"]
    assert tr["out"] is tr.steps[-1]
    with pytest.raises(KeyError, match="nothing"):
        tr["nothing"]


def test_a_function_is_traced_as_it_is_now():
    numbers = {"factor": 2.0}

    def f(x):
        return numbers["factor"] * x

    for factor in (2.0, 3.0):
        numbers["factor"] = factor
        assert float(trace(f, 1.0).value) == factor


def test_operations_are_counted_of_a_function_as_it_is_now():
    powers = [2]

    def f(x):
        return jnp.sin(x) if powers[0] == 2 else jnp.sin(x) * x + x

    first = count(f, jnp.ones(3)).flops
    powers[0] = 3
    assert count(f, jnp.ones(3)).flops == first + 6
