"""Where the nodes of a directed graph are drawn: columns from left to right, labels between them.

The layered method of Sugiyama, Tagawa and Toda (1981), with the labels of edges as items of the
layout (Gansner, Koutsofios, North and Vo 1993): every label has a place of its own in a column
between two columns of nodes, and every edge runs level across the columns that it passes. So
neither labels nor nodes overlap, and edges cross only between columns.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np

__all__ = ["Box", "Edge", "Layout", "arrange"]

_GAP = 11.0  # least distance between columns, and half of it between items of a column
_SWEEPS = 12


@dataclasses.dataclass(frozen=True)
class Box:
    """Size of an item: its width, and how far it reaches above and below its middle."""

    width: float
    above: float
    below: float


@dataclasses.dataclass(frozen=True)
class Edge:
    """From one node to another, with the size of its label."""

    source: int
    target: int
    label: Box


@dataclasses.dataclass(frozen=True, eq=False)
class Layout:
    """Places in the units of the sizes; y grows upwards.

    Attributes:
        nodes: Middle of every node, shape (number of nodes, 2).
        labels: Middle of the label of every edge, shape (number of edges, 2).
        routes: For every edge the level pieces ((left, right, y), ...) on which it passes columns,
            that of its label first.
        width: Width of the whole, from 0.
        height: Height of the whole, from 0.
    """

    nodes: np.ndarray
    labels: np.ndarray
    routes: tuple[tuple[tuple[float, float, float], ...], ...]
    width: float
    height: float


def arrange(boxes: Sequence[Box], edges: Sequence[Edge]) -> Layout:
    """Lay out an acyclic graph whose nodes are numbered so that edges go to larger numbers.

    Example:
        >>> dot, label = Box(10.0, 5.0, 5.0), Box(20.0, 8.0, 8.0)
        >>> found = arrange([dot, dot, dot], [Edge(0, 2, label), Edge(1, 2, label)])
        >>> bool(found.nodes[2, 1] == (found.nodes[0, 1] + found.nodes[1, 1]) / 2)
        True
    """
    graph = _Items(boxes, edges)
    orders = _ordered(graph)
    y = _levels(graph, orders)
    lows = [y[i] - graph.boxes[i].below for i in range(len(y))]
    y = [value - min(lows) for value in y]
    lefts, rights = _columns(graph, orders, y)
    middle = [0.5 * (left + right) for left, right in zip(lefts, rights, strict=True)]
    places = np.array([(middle[graph.columns[i]], y[i]) for i in range(len(y))])
    routes = tuple(
        tuple((lefts[graph.columns[i]], rights[graph.columns[i]], y[i]) for i in chain)
        for chain in graph.chains
    )
    firsts = [chain[0] for chain in graph.chains]
    height = max(y[i] + graph.boxes[i].above for i in range(len(y)))
    return Layout(places[: len(boxes)], places[firsts], routes, rights[-1], height)


class _Items:
    """Nodes, labels and the places where long edges pass a column, with the links between them."""

    def __init__(self, boxes: Sequence[Box], edges: Sequence[Edge]) -> None:
        layers = [0] * len(boxes)
        for node in range(len(boxes)):
            before = [layers[edge.source] + 1 for edge in edges if edge.target == node]
            layers[node] = max(before, default=0)
        self.boxes = list(boxes)
        self.columns = [2 * layer for layer in layers]
        self.links: list[tuple[int, int]] = []
        self.chains: list[list[int]] = []
        pass_by = Box(0.0, 2.0, 2.0)
        for edge in edges:
            start, end = self.columns[edge.source], self.columns[edge.target]
            chain = []
            for column in range(start + 1, end):
                chain.append(len(self.boxes))
                self.boxes.append(edge.label if column == start + 1 else pass_by)
                self.columns.append(column)
            path = [edge.source, *chain, edge.target]
            self.links += itertools.pairwise(path)
            self.chains.append(chain)

    def neighbours(self, left: bool) -> list[list[int]]:
        """For every item those it is linked to in the column to its left, or to its right."""
        found: list[list[int]] = [[] for _ in self.boxes]
        for source, target in self.links:
            found[target if left else source].append(source if left else target)
        return found


def _ordered(graph: _Items) -> list[list[int]]:
    """Items of each column from top to bottom, few crossings: sweeps of barycentres, best kept."""
    count = max(graph.columns) + 1
    orders: list[list[int]] = [[] for _ in range(count)]
    for item in _by_depth_first(graph):
        orders[graph.columns[item]].append(item)
    best, fewest = [list(order) for order in orders], _crossings(graph, orders)
    rank = {item: i for order in orders for i, item in enumerate(order)}
    both = {left: graph.neighbours(left=left) for left in (True, False)}
    for sweep in range(2 * _SWEEPS):
        if not fewest:
            break
        rightwards = sweep % 2 == 0
        near = both[rightwards]
        for column in range(count) if rightwards else reversed(range(count)):
            here = orders[column]
            centre = {item: _mean(rank, near[item], item) for item in here}
            here.sort(key=lambda item: centre[item])  # stable: ties keep their order
            rank |= {item: i for i, item in enumerate(here)}
        crossings = _crossings(graph, orders)
        if crossings < fewest:
            best, fewest = [list(order) for order in orders], crossings
    return best


def _mean(numbers: Mapping[int, int | float], others: Sequence[int], item: int) -> float:
    """Mean over the neighbours of an item; its own number where it has none."""
    if not others:
        return float(numbers[item])
    return sum(numbers[other] for other in others) / len(others)


def _by_depth_first(graph: _Items) -> list[int]:
    """Every item, operands before results and the first operand first."""
    near, seen = graph.neighbours(left=True), dict[int, None]()

    inner = {source for source, _ in graph.links}
    for end in sorted(range(len(graph.boxes)), key=lambda i: (i in inner, i)):
        waiting = [end]
        while waiting:
            todo = [other for other in near[waiting[-1]] if other not in seen]
            if todo:
                waiting.append(todo[0])
            else:
                seen[waiting.pop()] = None
    return list(seen)


def _crossings(graph: _Items, orders: Sequence[Sequence[int]]) -> int:
    rank = {item: i for order in orders for i, item in enumerate(order)}
    gaps: dict[int, list[tuple[int, int]]] = {}
    for a, b in graph.links:
        gaps.setdefault(graph.columns[a], []).append((rank[a], rank[b]))
    total = 0
    for pairs in gaps.values():
        left, right = np.array(pairs).T
        crossed = np.subtract.outer(left, left) * np.subtract.outer(right, right)
        total += int(np.sum(crossed < 0)) // 2
    return total


def _levels(graph: _Items, orders: Sequence[Sequence[int]]) -> list[float]:
    """Height of every item: near the mean of its neighbours, as far apart as the boxes ask."""
    y: dict[int, float] = {}
    for order in orders:
        y |= zip(order, _spread(graph, order, [0.0] * len(order)), strict=True)
    for sweep in range(2 * _SWEEPS):
        rightwards = sweep % 2 == 1  # the last sweep makes chains level from left to right
        near = graph.neighbours(left=rightwards)
        for order in orders if rightwards else reversed(orders):
            wanted = [_mean(y, near[item], item) for item in order]
            y |= zip(order, _spread(graph, order, wanted), strict=True)
    return [y[item] for item in range(len(graph.boxes))]


def _spread(graph: _Items, order: Sequence[int], wanted: Sequence[float]) -> list[float]:
    """The levels nearest to the wanted ones, in least squares, at which no two boxes touch.

    With the least distances taken off it is isotonic regression: neighbouring blocks that are out
    of order are pooled into their mean.
    """
    depth, offsets = 0.0, []
    for i, item in enumerate(order):
        if i:
            depth += graph.boxes[order[i - 1]].below + graph.boxes[item].above + 0.5 * _GAP
        offsets.append(depth)
    blocks: list[tuple[float, int]] = []  # mean of -(wanted + offset), number of items
    for level, offset in zip(wanted, offsets, strict=True):
        mean, size = -(level + offset), 1
        while blocks and blocks[-1][0] > mean:
            other, count = blocks.pop()
            mean, size = (mean * size + other * count) / (size + count), size + count
        blocks.append((mean, size))
    means = [mean for mean, size in blocks for _ in range(size)]
    return [-mean - offset for mean, offset in zip(means, offsets, strict=True)]


def _columns(
    graph: _Items, orders: Sequence[Sequence[int]], y: Sequence[float]
) -> tuple[list[float], list[float]]:
    """Left and right end of every column; steeper edges get more room between columns."""
    lefts, rights, x = [], [], 0.0
    for column, order in enumerate(orders):
        rises = [abs(y[a] - y[b]) for a, b in graph.links if graph.columns[b] == column]
        if column:
            x += min(max(_GAP, 0.45 * max(rises, default=0.0)), 3.0 * _GAP)
        lefts.append(x)
        x += max(graph.boxes[item].width for item in order)
        rights.append(x)
    return lefts, rights
