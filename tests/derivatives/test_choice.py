"""The choice of a method: exact counts, one prediction, and its reason."""

import jax
import jax.numpy as jnp

import approxlab as al
from approxlab.derivatives import _methods, choice
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.modes import value_and_jacobian


def network(sizes, activation, out_size, dtype="float64"):
    net = al.MLP.init(
        jax.random.key(3), sizes[0], sizes[1:], activation, out_size=out_size, dtype=dtype
    )
    biases = tuple(0.3 + b for b in net.biases)
    return al.MLP(net.weights, biases, activation, net.passthrough, out_size)


def test_what_choice_compares():
    assert _methods.compared(with_layers=True) == ("structured", "planned", "forward", "reverse")
    assert _methods.compared(with_layers=False) == ("forward", "reverse")


def test_choice_compares_exact_counts():
    net = network((64, 32, 4, 64), "tanh", 32, "float32")
    chosen = choice.choose(net, jnp.ones((16, 64), "float32"))
    assert {c.method for c in chosen.candidates} == {"structured", "planned", "forward", "reverse"}
    for candidate in chosen.candidates:
        program = count(
            lambda x, m=candidate.method: value_and_jacobian(net, x, m),
            jnp.ones((16, 64), "float32"),
        )
        assert (candidate.dot_flops, candidate.bytes) == (program.dot_flops, program.bytes)
    assert chosen.method == "planned"
    assert chosen.candidates[0].predicted_s == min(c.predicted_s for c in chosen.candidates)
    assert "planned" in str(chosen)
    assert "dot FLOPs" in str(chosen)


def test_choice_of_equal_programs_is_the_first_named():
    chosen = choice.choose(network((8, 8), "tanh", 1), jnp.ones(8))
    times = {c.method: c.predicted_s for c in chosen.candidates}
    assert times["structured"] == times["planned"]
    assert chosen.method != "planned"


def test_choice_goes_with_the_shape_and_is_kept():
    wide, tall = network((256, 64), "tanh", 1), network((1, 64), "tanh", 256)
    modes_only = ["forward", "reverse"]
    assert choice.choose(wide, jnp.ones(256), methods=modes_only).method == "reverse"
    assert choice.choose(tall, jnp.ones(1), methods=modes_only).method == "forward"
    before = choice._of_network.cache_info().misses
    choice.choose(wide, jnp.zeros(256), methods=modes_only)
    assert choice._of_network.cache_info().misses == before


def test_columns_of_a_batch_are_transposed_at_the_end():
    net = network((19, 4), "tanh", 31)
    works = {
        m: choice._works(net, jnp.ones((64, 19)), [m])[0].transposed for m in ("forward", "reverse")
    }
    assert works == {"forward": 64 * 19 * 31, "reverse": 0}
    assert choice._works(net, jnp.ones(19), ["forward"])[0].transposed == 0


def test_choice_for_a_function():
    def stretch(x):
        return jnp.sin(x[0]) * jnp.arange(1.0, 100.0)

    assert choice.choose(stretch, jnp.ones(1)).method == "forward"
    assert choice.choose(lambda x: jnp.sum(x**2), jnp.ones(99)).method == "reverse"


def test_another_machine_chooses_otherwise():
    net = network((8, 32, 2, 32), "tanh", 8)
    slow_products = choice.Machine("products cost all", 0.0, 1.0, 1e30, 1e30, 0.0)
    slow_arithmetic = choice.Machine("FLOPs cost all", 0.0, 0.0, 1.0, 1e30, 0.0)
    assert choice.choose(net, jnp.ones(8), machine=slow_arithmetic).method == "planned"
    products = {
        m: choice.choose(net, jnp.ones(8), methods=[m], machine=slow_products)
        .candidates[0]
        .predicted_s
        for m in ("structured", "planned", "forward", "reverse")
    }
    chosen = choice.choose(net, jnp.ones(8), machine=slow_products).method
    assert products[chosen] == min(products.values())
