"""The cheapest bracketing of Jacobian chains: against all bracketings."""

import itertools
import random

import numpy as np
import pytest

from approxlab.derivatives.planner import plans as planner
from approxlab.derivatives.planner.plans import (
    Factor,
    forward_plan,
    layer_factors,
    plan_frontier,
    plan_network,
    reverse_plan,
)

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
        ((64, 64, 64, 64), 1_597_440, 1_597_440, 1_073_152, "reverse"),
        ((100, 50, 100), 2_020_000, 2_020_000, 1_020_000, "reverse"),
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
    # Equal costs: the order of the cheaper mode of JAX, else reverse; two layers have one.
    assert plan_network([4, 4, 4, 4]).kind == "reverse"
    assert plan_network([4, 9, 2]).kind == "reverse"
    assert plan_network([2, 9, 4]).kind == "forward"
    assert plan_network([3, 2]).text == "J1"
    opaque = [Factor(n, n, 10, 10) for n in (5, 5, 5)]
    assert (planner.plan(opaque).text, planner.plan(opaque).kind) == ("((J3 A2) A1)", "reverse")
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


# Wrong calls


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: plan_network([3]), ["net", "[3]", "widths"]),
        (lambda: plan_network([3, 0]), ["net", "got 0", "positive"]),
        (lambda: plan_network([3, 4], max_bytes=0), ["max_bytes", "got 0", "positive"]),
        (lambda: planner.plan([]), ["factors", "[]", "at least one"]),
        (
            lambda: planner.plan([Factor(2, 3, 1, 1), Factor(2, 2, 1, 1)]),
            ["factors", "out_size 3", "in_size 2", "equal"],
        ),
        (lambda: Factor(2, 3, -1, 1), ["tangent_flops", "-1", "at least 0"]),
    ],
)
def test_messages(call, words):
    with pytest.raises(ValueError, match=words[0]) as caught:
        call()
    assert [word for word in words if word not in str(caught.value)] == []
