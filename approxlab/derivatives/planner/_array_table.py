"""The table of sub-chains where one way of each is kept: filled in arrays, all of a length at once.

The same costs and the same choices as `Chain.table`, in L^3 / 6 steps of arrays for L factors; then
only the nodes of the best tree are made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from approxlab.derivatives.planner._bracketings import Chain, Found, Method, Node, is_known, node

__all__ = ["best_tree"]

_FAR = 2**62  # more than every cost that is taken here


class _Table(NamedTuple):
    """Costs of the best way of each sub-chain (first, last), counted from 0, and which one it is.

    `choice` counts the products by their cut k = 0, 1, ... from `first`; then come tangents and
    adjoints.
    """

    flops: np.ndarray
    peak: np.ndarray
    held: np.ndarray
    choice: np.ndarray
    left_first: np.ndarray


def best_tree(chain: Chain, peak_first: bool = False) -> Node | None:
    """The best way of a chain, by FLOPs and then by bytes held; or the other way round.

    None where its costs do not surely fit into 64 bits: then Python's own numbers are needed.
    """
    if _largest_cost(chain) >= _FAR:
        return None
    table = _singles(chain, peak_first)
    for length in range(1, len(chain.factors)):
        _fill(table, chain, length, peak_first)
    return _tree(table, chain, peak_first)


def _largest_cost(chain: Chain) -> int:
    """More than any tree costs, in FLOPs or in bytes."""
    width, count = max(chain.widths), len(chain.factors)
    costs = [
        cost or 0
        for factor in chain.factors
        for cost in (factor.tangent_flops, factor.adjoint_flops, factor.matrix_flops)
    ]
    tape = max(factor.tape_bytes for factor in chain.factors)
    flops = count * (2 * width**3 + width * max(costs) + max(costs))
    return max(flops, 4 * (width**2 * chain.itemsize + tape))


def _single(chain: Chain, i: int, peak_first: bool) -> Found:
    order = (1, 0) if peak_first else (0, 1)
    return min(chain.single(i), key=lambda way: (way[order[0]], way[order[1]]))


def _singles(chain: Chain, peak_first: bool) -> _Table:
    count = len(chain.factors)
    flops, peak, held, choice = (np.zeros((count, count), np.int64) for _ in range(4))
    for i in range(count):
        way = _single(chain, i + 1, peak_first)
        flops[i, i], peak[i, i] = way.flops, way.peak_bytes
        known = is_known(chain.factors, node(i + 1, i + 1, way))
        held[i, i] = 0 if known else chain.size(i + 1, i + 1)
    return _Table(flops, peak, held, choice, np.ones((count, count), bool))


def _fill(table: _Table, chain: Chain, length: int, peak_first: bool) -> None:
    """All sub-chains of `length` + 1 factors, from those of fewer."""
    widths = np.asarray(chain.widths, np.int64)
    first = np.arange(len(chain.factors) - length)
    last = first + length
    sizes = widths[last + 1] * widths[first] * chain.itemsize
    cut = first[:, None] + np.arange(length)
    right, left = (first[:, None], cut), (cut + 1, last[:, None])
    flops = table.flops[left] + table.flops[right]
    flops += 2 * (widths[last + 1] * widths[first])[:, None] * widths[cut + 1]
    a, b = table.held[left], table.held[right]
    together = a + b + sizes[:, None]
    if_left = np.maximum(np.maximum(table.peak[left], a + table.peak[right]), together)
    if_right = np.maximum(np.maximum(table.peak[right], b + table.peak[left]), together)
    tangents, adjoints = _pushed(table, chain, first, last, sizes)
    all_flops = np.column_stack([flops, tangents[0], adjoints[0]])
    all_peaks = np.column_stack([np.minimum(if_left, if_right), tangents[1], adjoints[1]])
    keys = (all_peaks, all_flops) if peak_first else (all_flops, all_peaks)
    best = _first_least(*keys)
    rows = np.arange(len(first))
    table.flops[first, last] = all_flops[rows, best]
    table.peak[first, last] = all_peaks[rows, best]
    table.held[first, last] = sizes
    table.choice[first, last] = best
    order = np.column_stack([if_left <= if_right, np.zeros_like(rows), np.ones_like(rows)])
    table.left_first[first, last] = order[rows, best]


def _pushed(
    table: _Table, chain: Chain, first: np.ndarray, last: np.ndarray, sizes: np.ndarray
) -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """FLOPs and peaks of tangents through the last factor, and of adjoints through the first."""
    widths = np.asarray(chain.widths, np.int64)
    factors = chain.factors
    forward = np.array([-1 if f.tangent_flops is None else f.tangent_flops for f in factors])
    reverse = np.array([-1 if f.adjoint_flops is None else f.adjoint_flops for f in factors])
    tape = np.array([f.tape_bytes for f in factors])
    before, after = (first, last - 1), (first + 1, last)
    tangents = table.flops[before] + widths[first] * forward[last]
    adjoints = table.flops[after] + widths[last + 1] * reverse[first]
    peak_forward = np.maximum(table.peak[before], table.held[before] + sizes)
    peak_reverse = np.maximum(table.peak[after], table.held[after] + sizes + tape[first])
    no_forward, no_reverse = forward[last] < 0, reverse[first] < 0
    return (
        (np.where(no_forward, _FAR, tangents), np.where(no_forward, _FAR, peak_forward)),
        (np.where(no_reverse, _FAR, adjoints), np.where(no_reverse, _FAR, peak_reverse)),
    )


def _first_least(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    """Column of the least pair (one, two) of each row; of equal pairs the first."""
    tied = one == one.min(axis=1, keepdims=True)
    return np.argmin(np.where(tied, two, np.iinfo(np.int64).max), axis=1)


def _tree(table: _Table, chain: Chain, peak_first: bool) -> Node:
    """The nodes of the best tree, without recursion: a chain may be longer than Python's stack."""
    made: dict[tuple[int, int], Node] = {}
    waiting = [(0, len(chain.factors) - 1)]
    while waiting:
        i, j = waiting[-1]
        if i == j:
            made[i, j] = node(i + 1, i + 1, _single(chain, i + 1, peak_first))
            waiting.pop()
            continue
        ends = _children(int(table.choice[i, j]), i, j)
        missing = [pair for pair in ends if pair is not None and pair not in made]
        if missing:
            waiting += missing
            continue
        left, right = (None if pair is None else made[pair] for pair in ends)
        method: Method = "tangents" if left is None else "adjoints" if right is None else "product"
        costs = int(table.flops[i, j]), int(table.peak[i, j])
        way = Found(*costs, method, left, right, bool(table.left_first[i, j]))
        made[i, j] = node(i + 1, j + 1, way)
        waiting.pop()
    return made[0, len(chain.factors) - 1]


def _children(choice: int, i: int, j: int) -> tuple[tuple[int, int] | None, tuple[int, int] | None]:
    """The sub-chains left and right of a choice."""
    if choice == j - i:
        return None, (i, j - 1)
    if choice == j - i + 1:
        return (i + 1, j), None
    return (i + choice + 1, j), (i, i + choice)
