"""The table in arrays chooses the trees of the table in Python's own numbers."""

import itertools
import random

import pytest

from approxlab.derivatives import plan_network
from approxlab.derivatives.planner._array_table import best_tree
from approxlab.derivatives.planner._bracketings import Chain, Factor, cheapest, smallest


def _factor(draw, n, m):
    tangents = draw.choice([None, 2 * n * m, draw.randint(0, 9) * n])
    adjoints = draw.choice([None, 2 * n * m, draw.randint(0, 9) * m])
    matrix = draw.choice([None, 0, 0, 5 * n * m])
    if tangents is adjoints is matrix is None:
        matrix = 0
    return Factor(n, m, tangents, adjoints, matrix, draw.choice([0, 0, 64, 1000]))


@pytest.mark.parametrize("seed", range(20))
def test_the_trees_are_equal(seed):
    draw = random.Random(seed)
    for _ in range(10):
        widths = [draw.choice([1, 2, 3, 8, 8, 16]) for _ in range(draw.randint(2, 10))]
        pairs = itertools.pairwise(widths)
        chain = Chain(tuple(_factor(draw, n, m) for n, m in pairs), draw.choice([4, 8]))
        assert best_tree(chain) == chain.table(cheapest)[0]
        assert best_tree(chain, peak_first=True) == chain.table(smallest)[0]


def test_costs_beyond_64_bits_are_left_to_python():
    wide = Factor(2**21, 2**21, 2**43, 2**43, 0)
    assert best_tree(Chain((wide, wide), 8)) is None
    assert plan_network([2**21] * 4).dot_flops == 3 * 2**43 + 2 * 2 * 2**63


def test_a_chain_longer_than_the_stack_of_python():
    assert plan_network([2] * 1200 + [1]).kind == "reverse"
