"""Ways to the Jacobian of a chain of functions, as trees with their exact costs.

The table of sub-chains is filled from short to long and keeps, for each, the ways that can still be
part of a best plan. `approxlab.derivatives.planner.plans` says what the costs mean.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator
from typing import Literal, NamedTuple

from approxlab.arguments import check_positive

__all__ = [
    *("Chain", "Factor", "Found", "Keep", "Kind", "Method", "Node"),
    *("cheapest", "front", "is_known", "is_pure", "node", "smallest"),
]

Method = Literal["matrix", "tangents", "adjoints", "product"]
Kind = Literal["forward", "reverse", "mixed"]


@dataclasses.dataclass(frozen=True)
class Factor:
    """One function of a chain, as its costs.

    Attributes:
        in_size: Number of inputs.
        out_size: Number of outputs.
        tangent_flops: FLOPs of one Jacobian-vector product; `None` if it has no forward mode.
        adjoint_flops: FLOPs of one vector-Jacobian product; `None` if it has no reverse mode.
        matrix_flops: FLOPs of its Jacobian as a matrix; 0 where the matrix is known, as for a
            layer. `None` for an opaque function: one tangent per input or one adjoint per output.
        tape_bytes: Bytes that one vector-Jacobian product keeps of the function's evaluation.

    Raises:
        ValueError: If a size is not a positive integer, a cost is negative, or there is no way to
            its Jacobian.

    Example:
        >>> Factor(3, 2, tangent_flops=12, adjoint_flops=12)
        Factor(in_size=3, out_size=2, tangent_flops=12, adjoint_flops=12, matrix_flops=None,
               tape_bytes=0)
    """

    in_size: int
    out_size: int
    tangent_flops: int | None
    adjoint_flops: int | None
    matrix_flops: int | None = None
    tape_bytes: int = 0

    def __post_init__(self) -> None:
        check_positive(in_size=self.in_size, out_size=self.out_size)
        for name in ("tangent_flops", "adjoint_flops", "matrix_flops", "tape_bytes"):
            value = getattr(self, name)
            if name != "tape_bytes" and value is None:
                continue
            if not hasattr(value, "__index__") or isinstance(value, bool) or value < 0:
                raise ValueError(f"{name}: got {value!r}, expected an integer of at least 0.")
        if self.tangent_flops is self.adjoint_flops is self.matrix_flops is None:
            raise ValueError(
                "tangent_flops: got None, as adjoint_flops and matrix_flops, expected one way to "
                "the Jacobian of a factor at least."
            )


@dataclasses.dataclass(frozen=True, slots=True, repr=False)
class Node:
    """The Jacobian of the factors first..last, and how it is computed.

    Attributes:
        first: First factor, counted from 1.
        last: Last factor.
        method: "matrix", "tangents" or "adjoints" of a single factor; "product" of `left` and
            `right`; "tangents" push `right` through factor `last`, "adjoints" pull `left` back
            through factor `first`.
        left: Jacobian of the later factors, where there is one.
        right: Jacobian of the earlier factors, where there is one.
        left_first: Whether `left` is evaluated before `right`.
        flops: FLOPs of everything below and here.
        peak_bytes: Bytes held at once, see the module.
    """

    first: int
    last: int
    method: Method
    left: Node | None
    right: Node | None
    left_first: bool
    flops: int
    peak_bytes: int

    @property
    def text(self) -> str:
        """The bracketing: J a matrix, T tangents through and A adjoints through a factor."""
        if self.first == self.last:
            return f"J{self.first}"
        left = self.left.text if self.left else f"T{self.last}"
        right = self.right.text if self.right else f"A{self.first}"
        gap = "" if left.endswith(")") and right.startswith("(") else " "
        return f"({left}{gap}{right})"

    def __repr__(self) -> str:
        return f"Node({self.text}, {self.flops:,} FLOPs, {self.peak_bytes:,} bytes held)"

    def walk(self) -> Iterator[Node]:
        """All nodes, children before parents, in the order of evaluation."""
        children = (self.left, self.right) if self.left_first else (self.right, self.left)
        for child in children:
            if child is not None:
                yield from child.walk()
        yield self


class Found(NamedTuple):
    """A candidate for a sub-chain: its costs, and the fields of its node."""

    flops: int
    peak_bytes: int
    method: Method
    left: Node | None
    right: Node | None
    left_first: bool


Keep = Callable[[Iterable[Found]], list[Found]]


@dataclasses.dataclass(frozen=True)
class Chain:
    """Costs of the nodes of one chain; sub-chains are pairs (first, last), counted from 1."""

    factors: tuple[Factor, ...]
    itemsize: int

    @functools.cached_property
    def widths(self) -> tuple[int, ...]:
        return (self.factors[0].in_size, *(factor.out_size for factor in self.factors))

    @property
    def preference(self) -> tuple[Kind, Kind]:
        """The pure order whose JAX mode is cheaper comes first; reverse, if they cost the same.

        A batch of rows that are pulled back is one product as it lies in memory; columns that are
        pushed forward are moved before and after.
        """
        forward, reverse = self.sweeps("forward"), self.sweeps("reverse")
        first = forward is not None and (reverse is None or forward < reverse)
        return ("forward", "reverse") if first else ("reverse", "forward")

    def sweeps(self, kind: Kind) -> int | None:
        """FLOPs of JAX's mode that sweeps an identity; None if a factor does not have it."""
        number = self.widths[0] if kind == "forward" else self.widths[-1]
        total = 0
        for factor in self.factors:
            cost = factor.tangent_flops if kind == "forward" else factor.adjoint_flops
            if cost is None:
                return None
            total += cost
        return number * total

    def table(self, keep: Keep) -> list[Node]:
        """The ways of the whole chain that remain if `keep` selects ways of every sub-chain."""
        length = len(self.factors)
        kept: dict[tuple[int, int], list[Node]] = {}
        for size in range(1, length + 1):
            for i in range(1, length - size + 2):
                j = i + size - 1
                found = keep(self._ways(i, j, kept))
                kept[i, j] = [node(i, j, way) for way in found]
        return kept[1, length]

    def _ways(self, i: int, j: int, kept: dict[tuple[int, int], list[Node]]) -> Iterator[Found]:
        if i == j:
            yield from self.single(i)
            return
        for k in range(i, j):
            for left in kept[k + 1, j]:
                for right in kept[i, k]:
                    yield self.product(left, right)
        for right in kept[i, j - 1]:
            yield from self.tangents(right)
        for left in kept[i + 1, j]:
            yield from self.adjoints(left)

    def size(self, i: int, j: int) -> int:
        return self.widths[j] * self.widths[i - 1] * self.itemsize

    def held(self, node: Node) -> int:
        """Bytes of a sub-result while it waits for its use."""
        return 0 if is_known(self.factors, node) else self.size(node.first, node.last)

    def single(self, i: int) -> Iterator[Found]:
        factor, alone = self.factors[i - 1], self.size(i, i)
        if factor.matrix_flops is not None:
            # The result itself counts even where it is known: a chain of one known matrix.
            known = factor.matrix_flops == 0 and len(self.factors) > 1
            yield Found(factor.matrix_flops, 0 if known else alone, "matrix", None, None, True)
            return
        if factor.tangent_flops is not None:
            forward = factor.in_size * factor.tangent_flops
            yield Found(forward, alone, "tangents", None, None, True)
        if factor.adjoint_flops is not None:
            reverse = factor.out_size * factor.adjoint_flops
            yield Found(reverse, alone + factor.tape_bytes, "adjoints", None, None, True)

    def product(self, left: Node, right: Node) -> Found:
        rows, middle, cols = (self.widths[k] for k in (left.last, right.last, right.first - 1))
        flops = left.flops + right.flops + 2 * rows * middle * cols
        a, b = self.held(left), self.held(right)
        last = a + b + self.size(right.first, left.last)
        if_left = max(left.peak_bytes, a + right.peak_bytes, last)
        if_right = max(right.peak_bytes, b + left.peak_bytes, last)
        return Found(flops, min(if_left, if_right), "product", left, right, if_left <= if_right)

    def tangents(self, right: Node) -> Iterator[Found]:
        j = right.last + 1
        each = self.factors[j - 1].tangent_flops
        if each is None:
            return
        flops = right.flops + self.widths[right.first - 1] * each
        peak = max(right.peak_bytes, self.held(right) + self.size(right.first, j))
        yield Found(flops, peak, "tangents", None, right, False)

    def adjoints(self, left: Node) -> Iterator[Found]:
        factor = self.factors[left.first - 2]
        if factor.adjoint_flops is None:
            return
        flops = left.flops + self.widths[left.last] * factor.adjoint_flops
        here = self.held(left) + self.size(left.first - 1, left.last) + factor.tape_bytes
        yield Found(flops, max(left.peak_bytes, here), "adjoints", left, None, True)

    def pure(self, kind: Kind) -> Node | None:
        """The cheapest tree of one pure order: known matrices where they cost no more.

        None if a factor has neither this mode nor a known matrix.
        """
        refused = "adjoints" if kind == "forward" else "tangents"
        numbers = range(1, len(self.factors) + 1)
        order = list(numbers if kind == "forward" else reversed(numbers))
        tree = None
        for i in order:
            alone = [node(i, i, way) for way in self.single(i) if way.method != refused]
            if tree is None:
                if not alone:
                    return None
                tree = alone[0]
                continue
            known = [node for node in alone if node.method == "matrix"]
            if kind == "forward":
                ways = [*(self.product(node, tree) for node in known), *self.tangents(tree)]
                ends = (1, i)
            else:
                ways = [*(self.product(tree, node) for node in known), *self.adjoints(tree)]
                ends = (i, len(self.factors))
            if not ways:
                return None
            tree = node(*ends, min(ways, key=lambda way: way.flops))
        return tree

    def named(self, tree: Node, max_bytes: int | None) -> Node:
        """A tree of forward or reverse accumulation instead, if it costs as little and fits."""
        for kind in self.preference:
            pure = self.pure(kind)
            if pure is None:
                continue
            if pure.flops == tree.flops and (max_bytes is None or pure.peak_bytes <= max_bytes):
                return pure
        return tree


def node(first: int, last: int, way: Found) -> Node:
    return Node(
        first, last, way.method, way.left, way.right, way.left_first, way.flops, way.peak_bytes
    )


def cheapest(found: Iterable[Found]) -> list[Found]:
    return [min(found, key=lambda way: way[:2])]


def smallest(found: Iterable[Found]) -> list[Found]:
    return [min(found, key=lambda way: (way.peak_bytes, way.flops))]


def front(found: Iterable[Found], max_bytes: int | None) -> list[Found]:
    """Ways within the budget that no other beats in both costs, the cheapest first."""
    kept: list[Found] = []
    for way in sorted(found, key=lambda way: way[:2]):
        if max_bytes is not None and way.peak_bytes > max_bytes:
            continue
        if not kept or way.peak_bytes < kept[-1].peak_bytes:
            kept.append(way)
    return kept


def is_known(factors: tuple[Factor, ...], node: Node) -> bool:
    return node.method == "matrix" and factors[node.first - 1].matrix_flops == 0


def is_pure(tree: Node, kind: Kind) -> bool:
    """Whether a tree takes one factor after another from one end, without the other mode."""
    node: Node | None = tree
    refused = "adjoints" if kind == "forward" else "tangents"
    while node is not None and node.first < node.last:
        if node.method == refused:
            return False
        near, node = (node.left, node.right) if kind == "forward" else (node.right, node.left)
        if near is not None and near.method != "matrix":
            return False
    return node is not None and node.method != refused
