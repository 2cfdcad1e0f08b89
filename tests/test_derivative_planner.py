"""The cheapest bracketing of Jacobian chains: against all bracketings, and executed."""

import itertools
import random

import jax
import jax.numpy as jnp
import laws
import numpy as np
import pytest

from approxlab import MLP
from approxlab.derivatives import planner
from approxlab.derivatives.chains import chain_factors, chain_jacobian, value_and_jacobian_by
from approxlab.derivatives.counts import count
from approxlab.derivatives.planner import (
    Factor,
    forward_plan,
    layer_factors,
    plan_frontier,
    plan_network,
    reverse_plan,
)
from approxlab.networks import ACTIVATIONS

ITEM = 8  # bytes of a float64


# The oracle: every tree of every chain, nothing left out, nothing merged.


def all_trees(chain):
    """FLOPs and peak bytes of all trees over a chain of `Factor`s, as two arrays.

    Of the two orders in which a product may evaluate its operands the one that holds less counts.
    """
    rows = [factor.out_size for factor in chain]
    cols = [factor.in_size for factor in chain]
    found = {}
    for i, factor in enumerate(chain):
        size = rows[i] * cols[i] * ITEM
        if factor.matrix_flops is None:
            flops = [cols[i] * factor.tangent_flops, rows[i] * factor.adjoint_flops]
            found[i, i] = (np.array(flops), np.array([size, size + factor.tape_bytes]), size)
        else:
            stored = 0 if factor.matrix_flops == 0 else size
            peak = stored if len(chain) > 1 else size
            found[i, i] = (np.array([factor.matrix_flops]), np.array([peak]), stored)
    for length in range(2, len(chain) + 1):
        for i in range(len(chain) - length + 1):
            j = i + length - 1
            size = rows[j] * cols[i] * ITEM
            flops, peaks = [], []
            for k in range(i, j):
                f1, p1, held1 = found[i, k]
                f2, p2, held2 = found[k + 1, j]
                f1, p1, f2, p2 = f1[:, None], p1[:, None], f2[None, :], p2[None, :]
                flops.append(f1 + f2 + 2 * rows[j] * rows[k] * cols[i])
                early = np.maximum(p1, held1 + p2)
                late = np.maximum(p2, held2 + p1)
                peaks.append(np.maximum(np.minimum(early, late), held1 + held2 + size))
            f, p, held = found[i, j - 1]  # its columns through the last factor
            flops.append(f + cols[i] * chain[j].tangent_flops)
            peaks.append(np.maximum(p, held + size))
            f, p, held = found[i + 1, j]  # its rows through the first factor
            flops.append(f + rows[j] * chain[i].adjoint_flops)
            peaks.append(np.maximum(p, held + size + chain[i].tape_bytes))
            found[i, j] = (
                np.concatenate([np.ravel(a) for a in flops]),
                np.concatenate([np.ravel(a) for a in peaks]),
                size,
            )
    flops, peaks, _ = found[0, len(chain) - 1]
    return flops, peaks


def random_chain(seed):
    """Of layers, of opaque functions, or of both and of matrices that cost something."""
    rng = random.Random(seed)
    kind = ("layers", "opaque", "any")[seed % 3]
    sizes = [rng.choice([1, 2, 3, 5, 8, 13, 21]) for _ in range(rng.randint(2, 8))]
    if kind == "layers":
        return list(layer_factors(sizes))
    chain = []
    for n, m in itertools.pairwise(sizes):
        matrix = None if kind == "opaque" else rng.choice([None, 0, rng.randint(0, 500)])
        tangent, adjoint = rng.randint(0, 400), rng.randint(0, 400)
        chain.append(Factor(n, m, tangent, adjoint, matrix, rng.randint(0, 3000)))
    return chain


def simulate(plan):
    """Costs of a tree by doing what it says with matrices of the right shapes, and a memory."""
    factors, alive, seen = plan.factors, {}, [0]
    flops = [0]

    def note(extra=0):
        seen.append(sum(alive.values()) + extra)

    def run(node):
        children = (node.left, node.right) if node.left_first else (node.right, node.left)
        shapes = {id(child): run(child) for child in children if child is not None}
        rows, cols = factors[node.last - 1].out_size, factors[node.first - 1].in_size
        size, tape = rows * cols * plan.itemsize, 0
        if node.left and node.right:
            inner = shapes[id(node.left)][1]
            assert inner == shapes[id(node.right)][0]
            flops[0] += 2 * rows * inner * cols
        elif node.method == "matrix":
            flops[0] += factors[node.last - 1].matrix_flops
            size = 0 if factors[node.last - 1].matrix_flops == 0 and len(factors) > 1 else size
        elif node.method == "tangents":
            flops[0] += cols * factors[node.last - 1].tangent_flops
        else:
            flops[0] += rows * factors[node.first - 1].adjoint_flops
            tape = factors[node.first - 1].tape_bytes
        alive[node.first, node.last] = size
        note(tape)
        for child in children:
            if child is not None:
                del alive[child.first, child.last]
        return rows, cols

    run(plan.tree)
    return flops[0], max(seen)


def check_optimal(plan, trees, max_bytes=None):
    """The law: no tree within the budget is cheaper; the costs stated are those of the tree."""
    flops, peaks = trees
    fits = peaks <= (max_bytes if max_bytes is not None else np.inf)
    assert plan.product_flops == flops[fits].min()
    assert max_bytes is None or plan.peak_bytes <= max_bytes
    assert simulate(plan) == (plan.product_flops, plan.peak_bytes)


def test_against_all_bracketings_on_200_random_chains():
    rng = random.Random(7)
    for seed in range(200):
        chain = random_chain(seed)
        trees = all_trees(chain)
        check_optimal(planner.plan(chain, dtype="float64"), trees)
        for budget in {rng.choice(np.unique(trees[1]).tolist()), int(trees[1].min())}:
            check_optimal(planner.plan(chain, budget, dtype="float64"), trees, budget)


def test_no_budget_below_the_least_is_met_and_the_least_is_named():
    for seed in range(0, 60, 4):
        chain = random_chain(seed)
        least = int(all_trees(chain)[1].min())
        with pytest.raises(ValueError, match=rf"max_bytes: got {least - 1}, .* least {least},"):
            planner.plan(chain, least - 1, dtype="float64")


def test_frontier_is_that_of_all_bracketings():
    longest = 0
    for seed in range(40):
        chain = random_chain(seed)
        flops, peaks = all_trees(chain)
        pairs = sorted(set(zip(flops.tolist(), peaks.tolist(), strict=True)))
        front = [pairs[0]]
        for pair in pairs:
            if pair[1] < front[-1][1]:
                front.append(pair)
        plans = plan_frontier(chain, dtype="float64")
        assert [(plan.product_flops, plan.peak_bytes) for plan in plans] == front
        longest = max(longest, len(front))
    assert longest >= 4  # the budgets do decide something


def test_the_law_refuses_a_plan_that_is_not_optimal():
    widths = [9, 2, 9]
    trees = all_trees(layer_factors([*widths, 2]))
    check_optimal(plan_network([*widths, 2], dtype="float64"), trees)
    with pytest.raises(AssertionError):
        check_optimal(forward_plan([*widths, 2], dtype="float64"), trees)


# Known numbers


@pytest.mark.parametrize(
    ("widths", "forward_mode", "reverse_mode", "best", "kind"),
    [
        ((2, 64, 64, 1), 25_728, 17_152, 17_024, "reverse"),
        ((784, 256, 256, 10), 422_016_000, 5_913_600, 5_862_400, "reverse"),
        ((64, 64, 64, 64), 1_597_440, 1_597_440, 1_073_152, "forward"),
        ((100, 50, 100), 2_020_000, 2_020_000, 1_020_000, "forward"),
        ((16, 256, 4), 174_080, 51_200, 43_008, "reverse"),
        ((512, 512, 8, 512, 512), 546_324_480, 546_324_480, 13_647_872, "mixed"),
    ],
)
def test_golden_integers(widths, forward_mode, reverse_mode, best, kind):
    plan = plan_network(widths)
    assert (plan.jacfwd_flops, plan.jacrev_flops) == (forward_mode, reverse_mode)
    assert (plan.dot_flops, plan.kind) == (best, kind)
    assert plan.widths == widths


def test_pure_orders_cost_what_the_formulas_say():
    rng = random.Random(3)
    for _ in range(50):
        n = [rng.randint(1, 40) for _ in range(rng.randint(2, 7))]
        P = sum(a * b for a, b in itertools.pairwise(n))
        first, last = n[0] * n[1], n[-1] * n[-2]
        forward, reverse, best = forward_plan(n), reverse_plan(n), plan_network(n)
        assert forward.dot_flops == best.forward_flops == 2 * P + 2 * n[0] * (P - first)
        assert reverse.dot_flops == best.reverse_flops == 2 * P + 2 * n[-1] * (P - last)
        assert best.jacfwd_flops == 2 * P * (1 + n[0])
        assert best.jacrev_flops == 2 * P * (1 + n[-1])
        assert best.dot_flops <= min(forward.dot_flops, reverse.dot_flops)
        assert len(n) == 3 or forward.kind == "forward" or len(n) == 2
        if best.kind != "mixed":
            assert best.dot_flops == getattr(best, f"{best.kind}_flops")
        else:
            assert best.dot_flops < min(forward.dot_flops, reverse.dot_flops)


def test_plans_are_named_and_written_down():
    best = plan_network([512, 512, 8, 512, 512], dtype="float32")
    assert best.text == "((J4 J3)(J2 J1))"
    assert forward_plan([3, 4, 5, 6]).text == "(J3 (J2 J1))"
    assert reverse_plan([3, 4, 5, 6]).text == "((J3 J2) J1)"
    # Equal costs: the order of the mode that JAX would take; two layers have one bracketing.
    assert plan_network([4, 4, 4, 4]).kind == "forward"
    assert plan_network([4, 9, 2]).kind == "reverse"
    assert plan_network([2, 9, 4]).kind == "forward"
    assert plan_network([3, 2]).text == "J1"
    opaque = [Factor(n, n, 10, 10) for n in (5, 5, 5)]
    assert (planner.plan(opaque).text, planner.plan(opaque).kind) == ("(T3 (T2 J1))", "forward")
    thin = [Factor(5, 5, 10, 10), Factor(5, 5, 10, 10), Factor(5, 1, 10, 10)]
    assert (planner.plan(thin).text, planner.plan(thin).kind) == ("((J3 A2) A1)", "reverse")
    assert "13,647,872" in best.table()
    assert "512 x 8" in best.table()
    rows = best.to_rows()
    assert sum(row["flops"] for row in rows) + best.value_flops == best.dot_flops
    assert repr(best).count("\n") == 0
    assert repr(best.tree) == "Node(((J4 J3)(J2 J1)), 12,582,912 FLOPs, 1,081,344 bytes held)"
    assert hash(best) == hash(plan_network((512, 512, 8, 512, 512), dtype="float32"))


def test_a_tape_above_the_budget_refuses_adjoints():
    chain = [Factor(50, 50, 100, 100, None, 10**6), Factor(50, 1, 100, 100, None, 10**6)]
    free, tight = planner.plan(chain), planner.plan(chain, 10**5, dtype="float64")
    assert {node.method for node in free.tree.walk()} == {"adjoints"}
    assert {node.method for node in tight.tree.walk()} == {"tangents"}
    assert tight.product_flops == 10_000
    assert free.product_flops == 200


# Executed


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
    scale = size * (1.0 + float(jnp.abs(x).max())) ** 3
    laws.close(value, net(x), c=c, scale=scale, dtype=net.dtype)
    laws.close(jacobian, jax.jacobian(net)(x), c=c, scale=scale, dtype=net.dtype)


@pytest.mark.parametrize("activation", sorted(ACTIVATIONS))
def test_results_are_those_of_jax(activation):
    net = made_net(3, [4, 5, 2, 5, 3], activation, (1, 0, 5))
    x = jnp.linspace(-1.5, 2.0, 4)
    for plan in (forward_plan(net), reverse_plan(net), plan_network(net)):
        check_executed(net, x, plan)


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
        (lambda net: plan_network([3]), ["net", "[3]", "widths"]),
        (lambda net: plan_network([3, 0]), ["net", "got 0", "positive"]),
        (lambda net: plan_network([3, 4], max_bytes=0), ["max_bytes", "got 0", "positive"]),
        (lambda net: planner.plan([]), ["factors", "[]", "at least one"]),
        (
            lambda net: planner.plan([Factor(2, 3, 1, 1), Factor(2, 2, 1, 1)]),
            ["factors", "out_size 3", "in_size 2", "equal"],
        ),
        (lambda net: Factor(2, 3, -1, 1), ["tangent_flops", "-1", "at least 0"]),
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
