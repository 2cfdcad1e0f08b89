"""Planned Jacobian chains, executed: FLOPs of the plan to the unit, results of JAX."""

import itertools
import random

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest
from sampling import mostly_slow

from approxlab import MLP
from approxlab.derivatives.counts.jaxprs import count
from approxlab.derivatives.planner import plans as planner
from approxlab.derivatives.planner._function_factors import chain_factors
from approxlab.derivatives.planner.chains import (
    chain_jacobian,
    value_and_jacobian_by,
)
from approxlab.derivatives.planner.plans import (
    Factor,
    forward_plan,
    layer_factors,
    plan_frontier,
    plan_network,
    reverse_plan,
)
from approxlab.networks import ACTIVATIONS


def made_net(seed, widths, activation, linear=None, dtype="float64"):
    """From NumPy's numbers: nothing is compiled."""
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((m, n)) / n for n, m in itertools.pairwise(widths)]
    biases = [0.3 * rng.standard_normal(m) for m in widths[1:]]
    out_size = None if widths[-1] == 1 else widths[-1]
    return MLP.from_arrays(
        weights, biases, activation, passthrough=linear, out_size=out_size, dtype=dtype
    )


def random_net(seed):
    rng = random.Random(seed)
    widths = [rng.choice([1, 2, 3, 5, 8, 13]) for _ in range(rng.randint(2, 6))]
    linear = tuple(rng.randint(0, width) for width in widths[1:-1])
    return made_net(seed, widths, sorted(ACTIVATIONS)[seed % len(ACTIVATIONS)], linear)


def plans_of(net):
    found = [forward_plan(net), reverse_plan(net), *plan_frontier(layer_factors(net))]
    return found[:2], [plan_network(net), *found[2:]]


def test_executed_dots_equal_the_plan():
    for seed in range(30):
        net = random_net(seed)
        pure, best = plans_of(net)
        P = sum(a * b for a, b in itertools.pairwise(net.sizes))
        x = np.linspace(3.0, 5.0, net.in_size)
        for plan in [*pure, best[0], best[-1]]:
            counted = count(lambda x, p=plan, net=net: value_and_jacobian_by(p, net, x), x)
            assert counted.dot_flops == 2 * P + plan.product_flops
    # The twin: the same bracketing by JAX's forward mode costs another number.
    bottleneck = made_net(0, [16, 16, 2, 16, 16], "tanh")
    x, plan = np.ones(16), plan_network(bottleneck)
    executed = count(lambda x: value_and_jacobian_by(plan, bottleneck, x), x)
    assert executed.dot_flops == plan.dot_flops
    assert count(jax.jacfwd(bottleneck), x).dot_flops == plan.jacfwd_flops > 4 * plan.dot_flops


def check_executed(net, x, plan, c=32):
    """The law: value and Jacobian are those of JAX, in the dtype of the weights."""
    value, jacobian = value_and_jacobian_by(plan, net, x)
    assert value.dtype == jacobian.dtype == net.dtype
    assert value.shape == net(x).shape
    assert jacobian.shape == (*value.shape, net.in_size)
    size = float(np.prod([1.0 + np.abs(w).sum(1).max() for w in net.weights]))
    power = {"relu2": 2, "relu3": 3, "relu4": 4}.get(net.activation, 1)
    scale = (size * (1.0 + float(jnp.abs(x).max()))) ** power
    laws.close(value, net(x), c=c, scale=scale, dtype=net.dtype)
    laws.close(jacobian, jax.jacobian(net)(x), c=c, scale=scale, dtype=net.dtype)


@pytest.mark.parametrize(
    "activation", mostly_slow(sorted(ACTIVATIONS), ("heaviside", "relu", "tanh"))
)
def test_results_are_those_of_jax(activation):
    net = made_net(3, [4, 5, 2, 5, 3], activation, (1, 0, 5))
    x = jnp.linspace(-1.5, 2.0, 4)
    orders = (forward_plan, reverse_plan, plan_network) if activation == "tanh" else (plan_network,)
    for order in orders:
        check_executed(net, x, order(net))


@pytest.mark.parametrize("widths", [[3, 2], [2, 4, 1], [1, 3, 3, 1]])
def test_results_in_single_precision(widths):
    net = made_net(5, widths, "tanh", dtype="float32")
    for plan in (*plans_of(net)[0], *plans_of(net)[1]):
        check_executed(net, jnp.linspace(3.0, 5.0, widths[0], dtype="float32"), plan)


def test_the_law_refuses_other_slopes():
    net = made_net(1, [3, 5, 4, 2], "tanh")
    x = jnp.array([0.3, -1.0, 2.0])
    check_executed(net, x, plan_network(net))
    twin = MLP(net.weights, net.biases, net.activation, (0, 1), 2)  # one unit left linear
    with pytest.raises(AssertionError):
        laws.close(
            value_and_jacobian_by(plan_network(twin), twin, x)[1],
            jax.jacobian(net)(x),
            c=32,
            scale=100.0,
        )


def test_jit_and_vmap_share_the_weights():
    net = made_net(2, [6, 8, 2, 8, 5], "tanh")
    plan = plan_network(net)
    points = jnp.linspace(3.0, 5.0, 42).reshape(7, 6)
    run = jax.jit(value_and_jacobian_by, static_argnums=0)
    mapped = jax.jit(jax.vmap(lambda net, x: run(plan, net, x), in_axes=(None, 0)))
    values, jacobians = mapped(net, points)
    assert jacobians.shape == (7, 5, 6)
    for x, value, jacobian in zip(points, values, jacobians, strict=True):
        laws.close(value, net(x), c=32, scale=100.0)
        laws.close(jacobian, jax.jacobian(net)(x), c=32, scale=100.0)
    counted = count(mapped, net, points)
    assert counted.dot_flops == 7 * plan.dot_flops
    # No array of points times a large weight: only the smaller operand is scaled.
    assert counted.largest_size < 7 * 8 * 6
    forward = forward_plan(net)
    large = count(jax.vmap(lambda x: value_and_jacobian_by(forward, net, x)), points)
    assert large.largest_size == 7 * 8 * 6


# Chains of any functions


def functions():
    w = made_net(4, [6, 9, 9, 2, 7, 4], "tanh").weights
    return [
        lambda x: jnp.tanh(w[0] @ x),
        lambda x: w[2] @ jnp.sin(w[1] @ x),
        lambda x: jnp.exp(w[3] @ x),
        lambda x: w[4] @ jax.nn.softmax(x) + 1.0,
    ]


def dots_of(fns, x):
    """Factors with the FLOPs of matrix products alone, and the dots of the values."""
    chain, values = [], []
    for fn, whole in zip(fns, chain_factors(fns, x), strict=True):
        values.append(count(fn, x).dot_flops)
        y, push = jax.linearize(fn, x)
        pull = jax.vjp(fn, x)[1]
        costs = count(push, x).dot_flops, count(pull, y).dot_flops
        chain.append(Factor(whole.in_size, whole.out_size, *costs, None, whole.tape_bytes))
        x = y
    return chain, values


def test_chains_of_functions():
    fns = functions()
    x = jnp.linspace(3.0, 4.0, 6)

    def whole(x):
        for fn in fns:
            x = fn(x)
        return x

    expected = jax.jacobian(whole)(x)
    chain, values = dots_of(fns, x)
    plans = plan_frontier(chain)
    assert len(plans) > 1
    laws.close(chain_jacobian(fns, x, plans[-1]), expected, c=64, scale=10.0)
    for plan in plans:
        counted = count(lambda x, plan=plan: chain_jacobian(fns, x, plan), x)
        # Values of all but the last once, and every function once more where it is passed.
        assert counted.dot_flops == plan.product_flops + sum(values[:-1]) + sum(values)
    laws.close(chain_jacobian(fns, x), expected, c=64, scale=10.0)
    many = jax.jit(jax.vmap(lambda x: chain_jacobian(fns, x, max_bytes=5000)))(
        jnp.stack([x, 2 * x])
    )
    laws.close(many[0], expected, c=64, scale=10.0)
    with pytest.raises(AssertionError):  # the twin: another point
        laws.close(many[1], expected, c=64, scale=10.0)


def test_known_matrices_of_functions_and_single_precision():
    fns = functions()[:2]
    x = jnp.linspace(3.0, 4.0, 6)
    chain = [Factor(6, 9, 108, 118, 7), Factor(9, 2, 198, 198, 7)]
    plan = planner.plan(chain)
    assert plan.product_flops == 14 + 2 * 2 * 9 * 6
    laws.close(
        chain_jacobian(fns, x, plan), jax.jacobian(lambda x: fns[1](fns[0](x)))(x), c=64, scale=9.0
    )
    single = chain_jacobian([jnp.sin, jnp.cumsum], jnp.arange(3.0, dtype="float32"))
    assert single.dtype == jnp.float32


# Wrong calls


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (
            lambda net: value_and_jacobian_by(plan_network([2, 2]), net, jnp.ones(3)),
            ["plan", "2-2", "3-4-2", "plan_network(net)"],
        ),
        (
            lambda net: value_and_jacobian_by(plan_network(net), net, jnp.ones((5, 3))),
            ["x", "(5, 3)", "(3,)", "vmap"],
        ),
        (lambda net: chain_jacobian([], jnp.ones(3)), ["fns", "none"]),
        (
            lambda net: chain_jacobian([jnp.sum, jnp.sin], jnp.ones(3)),
            ["fns", "shape ()", "[None]"],
        ),
        (lambda net: chain_jacobian([jnp.sin], jnp.arange(3)), ["x", "int", "floating"]),
        (
            lambda net: chain_jacobian([jnp.sin], jnp.ones(3), plan_network([4, 4])),
            ["plan", "4-4", "3 inputs"],
        ),
    ],
)
def test_messages(call, words):
    net = made_net(0, [3, 4, 2], "tanh")
    with pytest.raises(ValueError, match=words[0]) as caught:
        call(net)
    assert [word for word in words if word not in str(caught.value)] == []
