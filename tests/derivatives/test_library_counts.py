"""Counts of factorisations, transforms, sorts and inner programs; what is not counted says so."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import pytest
from jax import lax
from jax.extend.core import Primitive

from approxlab.derivatives.choice import choose
from approxlab.derivatives.counts.jaxprs import count

S = jax.ShapeDtypeStruct


def work(fn, name, *shapes, dtype="float32"):
    return count(fn, *(S(shape, dtype) for shape in shapes)).by_primitive[name].flops


@pytest.mark.parametrize(
    ("fn", "name", "shapes", "flops"),
    [
        (lax.linalg.cholesky, "cholesky", [(100, 100)], 333_333),
        (lax.linalg.cholesky, "cholesky", [(7, 30, 30)], 7 * 9_000),
        (lax.linalg.lu, "lu", [(30, 30)], 18_000),
        (lax.linalg.lu, "lu", [(60, 30)], 45_000),
        (lax.linalg.lu, "lu", [(30, 60)], 45_000),
        (lambda A: jnp.linalg.qr(A, mode="r"), "qr", [(60, 30)], None),
        (lambda A: jnp.linalg.svd(A, compute_uv=False), "svd", [(60, 30)], 180_000),
        (lambda A: jnp.linalg.svd(A, full_matrices=False), "svd", [(60, 30)], 972_000),
        (jnp.linalg.svd, "svd", [(60, 30)], 4 * 60**2 * 30 + 8 * 60 * 30**2 + 9 * 30**3),
        (jnp.linalg.eigh, "eigh", [(30, 30)], 243_000),
        (jnp.linalg.eigvals, "eig", [(30, 30)], 270_000),
        (lax.linalg.hessenberg, "hessenberg", [(30, 30)], 90_000),
        (lax.linalg.tridiagonal, "tridiagonal", [(30, 30)], 36_000),
        (lambda R, b: jax.scipy.linalg.solve_triangular(R, b), "triangular_solve",
         [(30, 30), (30, 4)], 3_600),
        (jnp.fft.fft, "fft", [(1024,)], 51_200),
        (jnp.fft.rfft, "fft", [(1024,)], 25_600),
        (lambda x: jnp.fft.irfft(x, 1024), "fft", [(513,)], 25_600),
        (jnp.fft.fft2, "fft", [(32, 32)], 51_200),
        (jnp.sort, "sort", [(5, 1000)], 50_000),
        (lambda x: lax.top_k(x, 3), "top_k", [(5, 1000)], 50_000),
    ],
)  # fmt: skip
def test_standard_counts(fn, name, shapes, flops):
    if flops is None:  # the reflectors of R alone, or with Q: never less than R
        assert work(fn, name, *shapes) >= 2 * 30**2 * (60 - 10)
        return
    assert work(fn, name, *shapes) == flops
    found = count(fn, *(S(shape, "float32") for shape in shapes))
    assert any(said.startswith(f"{name}: counted by the standard") for said in found.assumptions)
    assert found.complete


def test_complex_matrices_cost_four_times_as_much():
    assert work(lax.linalg.lu, "lu", (30, 30), dtype="complex64") == 72_000
    assert work(jnp.fft.fft, "fft", (1024,), dtype="complex64") == 51_200


def relaxed(matvec, b, steps=100):
    return lax.scan(lambda x, _: (x + 0.1 * (b - matvec(x)), None), b, None, length=steps)[0]


def test_the_solver_of_a_linear_solve_is_counted_in_its_loops():
    def solved(A, b):
        return lax.custom_linear_solve(lambda x: A @ x, b, relaxed, relaxed)

    shapes = S((50, 50), "float32"), S((50,), "float32")
    for fn in (solved, jax.jit(solved)):
        for live_only in (False, True):
            found = count(fn, *shapes, live_only=live_only)
            assert (found.dot_flops, found.flops) == (500_000, 515_000)
            assert found.assumptions == ()
    # A loop inside whose steps decide themselves is still said to be counted once.
    endless = count(
        lambda A, b: lax.custom_linear_solve(
            lambda x: A @ x,
            b,
            lambda mv, b: lax.while_loop(lambda x: x[0] > 1, mv, b),
            lambda mv, b: b,
        ),
        *shapes,
    )
    assert "counted once" in repr(endless)
    # A x = b by factorisation: 2 n^3 / 3, and two triangular systems of n^2 each.
    A = S((30, 30), "float32")
    by = count(jnp.linalg.solve, A, S((30,), "float32")).by_primitive
    assert (by["lu"].flops, by["triangular_solve"].flops) == (18_000, 1_800)


@pytest.mark.parametrize("axis", [0, 1, (0, 1)])
def test_reductions_over_nothing_cost_nothing(axis):
    for fn in (jnp.sum, jnp.prod, jnp.any, jnp.all):
        for shape in ((7, 0), (0, 7), (0, 0)):
            found = count(lambda x, fn=fn: fn(x, axis=axis), S(shape, "float32"))
            assert found.flops == 0, (fn, shape)


EMPTY = [
    (jnp.sort, [(0,)]),
    (jnp.cumsum, [(0,)]),
    (jnp.matmul, [(3, 0), (0, 4)]),
    (jnp.linalg.cholesky, [(0, 0)]),
    (jnp.mean, [(1, 0)]),
]


@pytest.mark.parametrize(("fn", "shapes"), EMPTY)
def test_no_count_is_negative(fn, shapes):
    found = count(fn, *(S(shape, "float32") for shape in shapes))
    numbers = (found.flops, found.dot_flops, found.transcendentals, found.bytes)
    assert min(numbers) >= 0


def callback(x):
    return jax.pure_callback(lambda x: x, S(x.shape, x.dtype), x)


def random(x):
    return x + jax.random.uniform(jax.random.key(0), x.shape, x.dtype)


@pytest.mark.parametrize("fn", [callback, random])
def test_what_is_not_counted_says_so_in_the_place_of_the_number(fn):
    def whole(x):
        return fn(jnp.sin(x))

    found = count(whole, S((5,), "float32"))
    assert math.isnan(found.flops)
    assert math.isnan(found.dot_flops)
    assert not found.complete
    assert "FLOPs not counted" in repr(found)
    assert not any(c in repr(found) for c in ("nan", "0 F"))
    rows = {row["primitive"]: row for row in found.to_rows()}
    assert rows["sin"]["transcendentals"] == 5
    assert "not counted" in [row["flops"] for row in rows.values()]
    assert repr(found) == repr(count(whole, S((5,), "float32")))  # nan is not equal to nan

    # Loops: never run is nothing, run twice is not counted; of branches it may be the dearest.
    def looped(length):
        return lambda x: lax.scan(lambda x, _: (whole(x), None), x, None, length=length)[0]

    assert count(looped(0), S((5,), "float32")).flops == 0
    assert not count(looped(2), S((5,), "float32")).complete
    both = count(lambda x: lax.cond(x[0] > 0, whole, lambda x: x @ x * x, x), S((5,), "float32"))
    assert not both.complete


@dataclasses.dataclass(frozen=True)
class Held:
    what: object


def test_inner_programs_of_unknown_primitives_are_found_wherever_they_lie():
    unknown = Primitive("unheard_of")
    unknown.def_abstract_eval(lambda x, **_: x)
    jaxpr = jax.make_jaxpr(jnp.sin)(1.0)
    for held in (jaxpr, jaxpr.jaxpr, (1, (jaxpr,)), Held(jaxpr), Held((1, Held(jaxpr.jaxpr)))):
        found = count(lambda x, held=held: unknown.bind(x, held=held), S((5,), "float32"))
        assert not found.complete
        assert found.assumptions == (
            "unheard_of: not counted, how often its inner program runs is not known.",
        )
    plain = count(lambda x: unknown.bind(x, held=3), S((5,), "float32"))
    assert plain.assumptions == ("unheard_of: not counted, no rule is known for it.",)


def test_combiners_are_counted_as_often_as_they_are_applied():
    x = S((6, 7), "float32")
    assert count(lambda x: x.at[0].add(1.0), x).flops == 7
    assert count(lambda x: x.at[0].add(1.0), x).complete
    assert count(lambda x: lax.reduce(x, x[0, 0], lambda a, b: a * b + a, (0,)), x).complete


def test_methods_are_chosen_by_bytes_where_operations_are_not_counted():
    def few(x):
        return jnp.sum(random(x))[None]

    found = choose(few, jnp.ones(50))
    assert found.method == "reverse"
    assert "not counted" in found.reason
