"""The timer: what it keeps apart, in which order it asks, and what it refuses."""

import jax
import jax.numpy as jnp
import pytest

from approxlab import costs


def test_contenders_take_turns(monkeypatch):
    asked = []

    def seconds(run, calls):
        run()
        asked.append(run)
        return 1.0 * calls

    monkeypatch.setattr(costs, "_seconds", seconds)
    x = jnp.ones((8, 8))
    found = costs.measure({"a": (jnp.matmul, (x, x)), "b": (jnp.add, (x, x))}, repeats=3, min_s=0.5)
    first, second, *turns = asked  # one call each to learn how many last long enough
    assert turns == [first, second] * 3
    assert found["a"].runs_s == (1.0, 1.0, 1.0)
    assert list(found) == ["a", "b"]


def test_a_turn_lasts_as_long_as_asked(monkeypatch):
    monkeypatch.setattr(costs, "_seconds", lambda run, calls: 1e-5 * calls)
    calls = costs._calls(lambda: None, 0.01)
    assert 1e-5 * calls >= 0.01
    assert calls <= 10_000


def test_what_xla_says_of_a_product():
    x = jnp.ones((16, 32), "float32")
    found = costs.measure(
        {"product": (lambda a, b: jnp.tanh(a @ b.T), (x, x))}, repeats=1, min_s=1e-6
    )["product"]
    assert found.flops == 2 * 16 * 16 * 32
    assert found.output_bytes == 16 * 16 * 4
    assert found.argument_bytes == 2 * 16 * 32 * 4
    assert found.temp_bytes >= 0
    assert found.lower_s > 0
    assert found.compile_s > 0
    (row,) = found.to_rows()
    assert row["run_s"] == found.run_s
    assert row["lower_quartile_s"] == found.run_s == row["upper_quartile_s"]


def test_ratios_are_taken_turn_by_turn():
    def of(name, *runs):
        return costs.Measurement(name, 0.0, 0.0, runs, 0, 0, 0, 0.0, 0.0)

    # A machine that becomes ten times slower: the ratio stays 2, that of the medians would be 1.
    steady, drifting = of("a", 1.0, 10.0, 10.0), of("b", 2.0, 20.0, 20.0)
    assert drifting.ratio_to(steady) == 2.0
    assert of("c", 3.0, 10.0, 40.0).ratio_to(steady) == 3.0
    with pytest.raises(ValueError, match="other: got 1 turns for 3"):
        steady.ratio_to(of("d", 1.0))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"repeats": 0}, "repeats: got 0, expected a positive integer"),
        ({"min_s": 0.0}, "min_s: got 0.0, expected a positive number"),
    ],
)
def test_wrong_settings(options, message):
    with pytest.raises(ValueError, match=message):
        costs.measure({"sum": (jnp.sum, (jnp.ones(2),))}, **options)


def test_programs_for_one_thread_are_the_same_in_any_process(monkeypatch):
    asked = []
    real = jax.stages.Lowered.compile
    monkeypatch.setattr(
        jax.stages.Lowered,
        "compile",
        lambda self, options=None: asked.append(options) or real(self, options),
    )
    x = jnp.ones((8, 8))
    costs.measure({"sum": (jnp.sum, (x,))}, repeats=1, min_s=1e-6)
    costs.measure(
        {"sum": (jnp.sum, (x,))}, repeats=1, min_s=1e-6, compiler_options=costs.ONE_THREAD
    )
    assert asked == [None, {"xla_cpu_multi_thread_eigen": False}]


def test_no_contender():
    with pytest.raises(ValueError, match="contenders: got none"):
        costs.measure({})


def test_pytrees_are_arguments():
    import approxlab as al

    net = al.MLP.init(jax.random.key(0), 2, (3,))
    found = costs.measure(
        {"net": (lambda net, x: net(x), (net, jnp.ones(2)))}, repeats=1, min_s=1e-6
    )
    assert found["net"].flops >= 2 * (2 * 3 + 3)
