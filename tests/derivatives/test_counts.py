"""Counts of jaxprs: loops, branches, calls and dead code, against XLA where it can tell."""

import functools

import jax
import jax.numpy as jnp
import pytest
from jax import lax

from approxlab.derivatives.counts.jaxprs import count, count_jaxpr
from approxlab.derivatives.counts.xla import xla_flops
from approxlab.networks import ACTIVATIONS

S = jax.ShapeDtypeStruct
VECTOR, MATRIX = S((16,), "float32"), S((16, 16), "float32")


def step(W, x):
    return jnp.tanh(W @ x)


def scanned(W, x, length=10):
    return lax.scan(lambda x, _: (step(W, x), None), x, length=length)[0]


def against_xla(fn, *args):
    """The law: what is used of a jaxpr without loops is what XLA counts, to the unit."""
    found = count(fn, *args, live_only=True)
    costs = jax.jit(fn).lower(*args).cost_analysis() or {}
    assert found.flops == costs.get("flops", 0)
    assert found.transcendentals == costs.get("transcendentals", 0)


def test_a_scan_of_ten_steps_is_counted_ten_times_where_xla_counts_one():
    found = count(scanned, MATRIX, VECTOR)
    assert (found.dot_flops, found.transcendentals) == (5120, 160)
    assert found.assumptions == ()
    # XLA: one product, and two operations of the counter.
    assert xla_flops(jax.jit(scanned).lower(MATRIX, VECTOR)) == 514
    unrolled = count(
        lambda W, x: functools.reduce(lambda x, _: step(W, x), range(10), x), MATRIX, VECTOR
    )
    assert unrolled.dot_flops == found.dot_flops
    with pytest.raises(AssertionError):  # the twin: for a loop XLA is no oracle
        against_xla(scanned, MATRIX, VECTOR)


def test_loops_in_loops_and_derivatives_of_loops():
    def nested(W, x):
        return lax.scan(lambda x, _: (scanned(W, x, 3), None), x, length=4)[0]

    assert count(nested, MATRIX, VECTOR).dot_flops == 12 * 512

    def loss(W, x):
        return jnp.sum(scanned(W, x))

    # Value, delta W and delta a^T; the first step needs no delta W but pays it in the loop.
    assert count(jax.grad(loss), MATRIX, VECTOR).dot_flops == 3 * 5120
    mapped = jax.vmap(scanned, in_axes=(None, 0))
    assert count(mapped, MATRIX, S((7, 16), "float32")).dot_flops == 7 * 5120


def test_live_scans_drop_what_no_step_uses():
    def two(W, x):
        def body(carry, _):
            x, other = carry
            return (step(W, x), other + W @ other), x @ x

        return lax.scan(body, (x, x), None, length=5)

    def first(W, x):
        return two(W, x)[0][0]

    everything, live = (count(first, MATRIX, VECTOR, live_only=on) for on in (False, True))
    assert everything.dot_flops == 5 * (2 * 512 + 32)
    assert live.dot_flops == 5 * 512

    def crossed(W, x):  # each carry needs the other: both are used
        def body(carry, _):
            x, y = carry
            return (step(W, y), step(W, x)), None

        return lax.scan(body, (x, x), None, length=5)[0][0]

    assert count(crossed, MATRIX, VECTOR, live_only=True).dot_flops == 5 * 2 * 512


@pytest.mark.parametrize(
    ("start", "bound", "stride", "test", "runs"),
    [
        (0, 9, 1, lax.lt, 9),
        (1, 9, 2, lax.lt, 4),
        (0, 9, 3, lax.le, 4),
        (9, 0, -2, lax.gt, 5),
        (9, 0, -3, lax.ge, 4),
        (5, 5, 1, lax.lt, 0),
        (2, 8, 2, lax.ne, 3),
    ],
)
def test_a_while_with_a_counter_runs_as_often_as_it_runs(start, bound, stride, test, runs):
    def loop(W, x):
        return lax.while_loop(
            lambda s: test(s[0], bound), lambda s: (s[0] + stride, step(W, s[1])), (start, x)
        )

    for fn in (loop, jax.jit(loop)):
        found = count(fn, MATRIX, VECTOR)
        assert found.dot_flops == 512 * runs
        assert found.assumptions == ()
    counter, _ = loop(jnp.eye(16), jnp.ones(16))
    assert int(counter) == start + runs * stride


def test_bounds_are_known_through_calls_and_unknown_ones_are_assumed():
    def loop(n, W, x):
        return lax.fori_loop(0, n, lambda i, x: step(W, x), x)

    static = count(lambda W, x: loop(12, W, x), MATRIX, VECTOR)
    passed = count(lambda W, x: jax.jit(loop)(12, W, x), MATRIX, VECTOR)
    assert static.dot_flops == passed.dot_flops == 12 * 512
    unknown = count(loop, S((), "int32"), MATRIX, VECTOR)
    assert unknown.dot_flops == 512
    assert unknown.assumptions == (
        "while: its body is counted once, since the number of steps is not known before it runs.",
    )
    halving = count(lambda x: lax.while_loop(lambda x: x[0] > 1, lambda x: 0.5 * x, x), VECTOR)
    assert halving.assumptions == unknown.assumptions
    # A counter that may be left alone is no counter.
    stuck = count(
        lambda x: lax.while_loop(
            lambda s: s[0] < 9, lambda s: (jnp.where(s[1] > 0, s[0] + 1, s[0]), s[1]), (0, x[0])
        ),
        VECTOR,
    )
    assert stuck.assumptions == unknown.assumptions


def test_the_most_expensive_branch_is_counted():
    def branched(W, x):
        return lax.cond(x[0] > 0, lambda x: W @ (W @ x), lambda x: W @ x, x)

    found = count(branched, MATRIX, VECTOR)
    assert found.dot_flops == 2 * 512
    assert found.assumptions == ("cond: the most expensive of its 2 branches is counted.",)
    # Mapped over the condition, both branches run.
    mapped = count(jax.vmap(branched, in_axes=(None, 0)), MATRIX, S((5, 16), "float32"))
    assert mapped.dot_flops == 5 * 3 * 512


def test_calls_are_entered():
    @jax.custom_jvp
    def ours(W, x):
        return step(W, x)

    ours.defjvp(lambda primals, tangents: (ours(*primals), primals[0] @ tangents[1]))

    @jax.custom_vjp
    def theirs(W, x):
        return step(W, x)

    theirs.defvjp(lambda W, x: (step(W, x), W), lambda W, u: (None, W.T @ u))
    inner = jax.jit(lambda W, x: jax.jit(step)(W, x))
    for fn in (ours, theirs, inner, jax.checkpoint(step), jax.jit(theirs)):
        assert count(fn, MATRIX, VECTOR).dot_flops == 512
        assert count(fn, MATRIX, VECTOR).assumptions == ()
    # A rematerialised layer is computed again for the backward sweep: one product more.
    plain, again = (
        count(jax.grad(lambda W, x, f=f: jnp.sum(f(W, f(W, x)))), MATRIX, VECTOR).dot_flops
        for f in (step, jax.checkpoint(step))
    )
    assert again - plain == 2 * 512


def test_dead_code_is_counted_as_traced_and_left_out_on_demand():
    def f(W, x):
        _ = W @ x
        return jnp.sin(x)

    assert count(f, MATRIX, VECTOR).dot_flops == 512
    assert count(f, MATRIX, VECTOR, live_only=True).dot_flops == 0
    inside = jax.jit(lambda W, x: (W @ x, jnp.sin(x)))
    assert count(lambda W, x: inside(W, x)[1], MATRIX, VECTOR, live_only=True).dot_flops == 0


def test_products_of_any_shape():
    def einsum(text, *shapes):
        return count(lambda *a: jnp.einsum(text, *a), *(S(s, "float64") for s in shapes)).dot_flops

    assert einsum("ij,jk->ik", (3, 4), (4, 5)) == 2 * 3 * 4 * 5
    assert einsum("nij,njk->nik", (7, 3, 4), (7, 4, 5)) == 2 * 7 * 3 * 4 * 5
    assert einsum("i,j->ij", (3,), (5,)) == 2 * 3 * 5  # an outer product, as XLA counts it
    assert einsum("ijk,jkl->il", (2, 3, 4), (3, 4, 5)) == 2 * 2 * 12 * 5


def test_bytes_and_the_largest_array():
    def f(x, y):
        return x[:, None] * y[None, :] + 1.0

    found = count(f, S((5,), "float32"), S((7,), "float32"))
    outer = 4 * 35
    # Two broadcasts (in and out), the product of the two, the sum; literals cost nothing.
    assert found.bytes == 2 * 4 * 5 + 2 * 4 * 7 + (4 * 5 + 4 * 7 + outer) + 2 * outer
    assert (found.largest_size, found.largest_bytes) == (35, outer)
    assert count(f, S((5,), "float64"), S((7,), "float64")).largest_bytes == 2 * outer


def test_constants_are_folded_as_on_the_way_to_xla():
    x = S((5,), "float32")
    free = [
        lambda x: x + 0.0,
        lambda x: x - 0.0,
        lambda x: 1.0 * x,
        lambda x: x.astype("float32"),
        lambda x: x * jnp.ones(5, "float32"),
    ]
    for fn in free:
        assert count(fn, x).flops == 0
        against_xla(fn, x)
    for fn in (lambda x: 0.0 - x, lambda x: 0.0 * x, lambda x: x + 1.0, lambda x: 2.0 * x):
        assert count(fn, x).flops == 5
        against_xla(fn, x)


@pytest.mark.parametrize("power", [-3, -1, 0, 1, 2, 3, 6, 7, 9, 15, 16])
def test_integer_powers_are_repeated_squares(power):
    against_xla(lambda x: lax.integer_pow(x, power), S((5,), "float32"))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_activations_and_their_derivatives_agree_with_xla(name):
    """Elementwise rules on real derivative code: every activation, both dtypes, to the unit."""
    act = ACTIVATIONS[name]
    for dtype in ("float32", "float64"):
        z = S((5,), dtype)
        against_xla(act, z)
        against_xla(lambda z, t: jax.jvp(act, (z,), (t,)), z, z)
        against_xla(lambda z, t: jax.vjp(act, z)[1](t), z, z)
        against_xla(lambda z: jax.grad(lambda z: jnp.sum(act(z) ** 2))(z), z)


def test_a_primitive_without_a_rule_is_named_and_left_to_xla():
    found = count(jnp.cumsum, S((5,), "float32"))
    assert found.flops == jax.jit(jnp.cumsum).lower(S((5,), "float32")).cost_analysis()["flops"]
    assert found.assumptions == (f"cumsum: counted as JAX {jax.__version__} lowers it, by XLA.",)
    against_xla(jax.nn.softmax, MATRIX)  # max, exp, sum, divide: rules enough
    assert count(jax.nn.softmax, MATRIX).assumptions == ()


def test_result():
    found = count(scanned, MATRIX, VECTOR)
    assert found.by_primitive["dot_general"].equations == 10
    assert found.by_primitive["dot_general"].dot_flops == found.flops
    assert [row["primitive"] for row in found.to_rows()] == ["dot_general", "tanh"]
    assert repr(found).startswith("Count(5,120 dot FLOPs, 5,120 FLOPs, 160 transcendentals, ")
    assert found == count_jaxpr(jax.make_jaxpr(scanned)(MATRIX, VECTOR))
    with pytest.raises(TypeError):
        found.by_primitive["dot_general"] = None
