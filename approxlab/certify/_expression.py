"""Expressions: functions of one point, written in the operations that the kernel can enclose.

An expression is a list of nodes; each is a vector of a fixed size, made by one operation from
earlier nodes. Its numbers are binary64 and are meant exactly, its operations are those of the real
numbers. So an expression is what a certificate is about, and it is stored and printed with it.
Equal nodes are one node, therefore f - f is recognised as 0.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

__all__ = ["BINARY", "COMPARISONS", "FUNCTIONS", "Builder", "Expression", "Node"]

FUNCTIONS = frozenset(
    {
        *("exp", "expm1", "log", "log1p", "tanh", "sigmoid", "softplus", "erf", "erfc"),
        *("sin", "cos", "sqrt", "cbrt", "arctan", "reciprocal", "gelu", "swish"),
        *("relu", "relu2", "relu3", "relu4", "absolute", "sign", "floor", "round"),
    }
)
"""Functions of one number, applied to every entry."""

BINARY = frozenset({"add", "subtract", "multiply", "maximum", "minimum"})
COMPARISONS = frozenset({"less", "less_equal", "equal"})
_LOGIC = frozenset({"and", "or", "not"})


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One operation.

    Attributes:
        op: Its name: "input", "constant", "take", "join", "linear", "sum", "power", "real_power",
            "choose", one
            of `FUNCTIONS`, `BINARY` or `COMPARISONS`, or "and", "or", "not".
        args: Positions of the nodes that it is made from, all before this one.
        size: Number of entries.
        data: Arrays: ("constant", values), ("take", indices), ("linear", matrix and bias),
            ("real_power", the exponent).
        number: The exponent of "power".
    """

    op: str
    args: tuple[int, ...]
    size: int
    data: tuple[np.ndarray, ...] = ()
    number: int = 0


@dataclasses.dataclass(frozen=True, eq=False)
class Expression:
    """Nodes in an order in which they can be computed; the last one is the value.

    Attributes:
        nodes: The nodes.
        dim: Dimension of the points.
    """

    nodes: tuple[Node, ...]
    dim: int

    @property
    def size(self) -> int:
        """Number of components of the values."""
        return self.nodes[-1].size

    def __str__(self) -> str:
        return "\n".join(f"v{i} = {_printed(node)}" for i, node in enumerate(self.nodes))


class Builder:
    """Makes expressions, node by node; equal nodes are made once.

    Args:
        dim: Dimension of the points.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        self.nodes: list[Node] = []
        self._known: dict[Any, int] = {}
        self.input = self._node("input", (), dim)

    def expression(self, value: int) -> Expression:
        """The expression whose value is that node; nodes that it does not need are left out."""
        needed, stack = {0, value}, [value]
        while stack:
            fresh = [a for a in self.nodes[stack.pop()].args if a not in needed]
            needed.update(fresh)
            stack.extend(fresh)
        order = [i for i in sorted(needed) if i != value] + [value]
        place = {old: new for new, old in enumerate(order)}
        nodes = [self.nodes[i] for i in order]
        moved = [dataclasses.replace(n, args=tuple(place[a] for a in n.args)) for n in nodes]
        return Expression(tuple(moved), self.dim)

    def size(self, node: int) -> int:
        """Number of entries of a node."""
        return self.nodes[node].size

    def constant(self, values: Any) -> int:
        """Binary64 numbers, taken exactly."""
        array = np.array(values, np.float64).ravel()
        if not np.all(np.isfinite(array)):
            raise ValueError(
                f"constant: got {array[~np.isfinite(array)][0]}, expected finite numbers."
            )
        return self._node("constant", (), len(array), (array,))

    def values_of(self, node: int) -> np.ndarray | None:
        """The numbers of a constant, None of other nodes."""
        found = self.nodes[node]
        return found.data[0] if found.op == "constant" else None

    def take(self, node: int, indices: Any) -> int:
        """Entries of a node, in any order and as often as wanted."""
        chosen = np.array(indices, np.int64).ravel()
        if np.array_equal(chosen, np.arange(self.size(node))):
            return node
        known = self.values_of(node)
        if known is not None:
            return self.constant(known[chosen])
        inner = self.nodes[node]
        if inner.op == "take":
            return self.take(inner.args[0], inner.data[0][chosen])
        return self._node("take", (node,), len(chosen), (chosen,))

    def join(self, nodes: Sequence[int]) -> int:
        """Nodes one after another."""
        nodes = tuple(n for n in nodes if self.size(n))
        if len(nodes) == 1:
            return nodes[0]
        known = [values for n in nodes if (values := self.values_of(n)) is not None]
        if len(known) == len(nodes):
            return self.constant(np.concatenate(known))
        return self._node("join", nodes, sum(self.size(n) for n in nodes))

    def linear(self, node: int, matrix: Any, bias: Any = None) -> int:
        """Matrix @ node + bias."""
        weight = np.array(matrix, np.float64)
        shift = np.zeros(len(weight)) if bias is None else np.array(bias, np.float64)
        for array in (weight, shift):
            if not np.all(np.isfinite(array)):
                raise ValueError(
                    f"weights: got {array[~np.isfinite(array)][0]}, expected finite numbers."
                )
        return self._node("linear", (node,), len(weight), (weight, shift))

    def sum(self, node: int, groups: int) -> int:
        """Sums of `groups` stretches of equal length."""
        if self.size(node) == groups:
            return node
        return self._node("sum", (node,), groups)

    def function(self, name: str, node: int) -> int:
        """One of `FUNCTIONS`."""
        return self._node(name, (node,), self.size(node))

    def power(self, node: int, exponent: int) -> int:
        """An integer power."""
        if exponent == 1:
            return node
        if exponent == 0:
            return self.constant(np.ones(self.size(node)))
        if exponent == -1:
            return self.function("reciprocal", node)
        return self._node("power", (node,), self.size(node), number=int(exponent))

    def real_power(self, node: int, exponent: float) -> int:
        """A positive power of numbers that are not negative."""
        return self._node("real_power", (node,), self.size(node), (np.array([exponent]),))

    def binary(self, op: str, a: int, b: int) -> int:
        """One of `BINARY`, of two nodes of one size."""
        if op == "subtract" and a == b:
            return self.constant(np.zeros(self.size(a)))
        if op in ("maximum", "minimum") and a == b:
            return a
        if op in ("add", "multiply", "maximum", "minimum") and a > b:
            a, b = b, a
        if op == "multiply" and a == b:
            return self.power(a, 2)
        joined = self._bias_joined(a, b) if op == "add" else None
        joined = self._softplus_sum(a, b) if op == "add" and joined is None else joined
        return self._node(op, (a, b), self.size(a)) if joined is None else joined

    def divide(self, a: int, b: int) -> int:
        """A / b, as the product with the reciprocal; a power of two divides exactly."""
        known = self.values_of(b)
        if known is not None and np.all(np.isin(np.abs(np.frexp(known)[0]), 0.5)):
            return self.binary("multiply", a, self.constant(1.0 / known))
        return self.binary("multiply", a, self.function("reciprocal", b))

    def negate(self, node: int) -> int:
        """-node, exactly."""
        return self.binary("multiply", node, self.constant(-np.ones(self.size(node))))

    def compare(self, op: str, a: int, b: int) -> int:
        """One of `COMPARISONS`: true or false for every entry."""
        return self._node(op, (a, b), self.size(a))

    def logic(self, op: str, nodes: Sequence[int]) -> int:
        """Truths joined by "and", "or" or "not"."""
        return self._node(op, tuple(nodes), self.size(nodes[0]))

    def choose(self, condition: int, when_false: int, when_true: int) -> int:
        """Entries of the one or the other."""
        if when_false == when_true:
            return when_true
        test = self.nodes[condition]
        if test.op == "not":
            return self.choose(test.args[0], when_true, when_false)
        return self._node("choose", (condition, when_false, when_true), self.size(when_true))

    def _bias_joined(self, a: int, b: int) -> int | None:
        """W u and a constant as W u + b, one operation."""
        for product, constant in ((a, b), (b, a)):
            node, shift = self.nodes[product], self.values_of(constant)
            if node.op == "linear" and shift is not None and not np.any(node.data[1]):
                return self.linear(node.args[0], node.data[0], shift)
        return None

    def _softplus_sum(self, a: int, b: int) -> int | None:
        """max(p, q) + log(1 + exp(-|p - q|)) = q + log(1 + exp(p - q)), which has no kink."""
        for top, log in ((a, b), (b, a)):
            inner = self._inside(log, ("log1p", "exp", "negative", "absolute"))
            if inner is None or self.nodes[inner].op != "subtract":
                continue
            args = self.nodes[inner].args
            if self.nodes[top].op == "maximum" and set(self.nodes[top].args) == set(args):
                return self._softplus_of(*args)
        return None

    def _inside(self, node: int, chain: Sequence[str]) -> int | None:
        """What is inside of functions of functions, if the node is written so."""
        found: int | None = node
        for name in chain:
            if found is None:
                return None
            if name == "negative":
                found = self._negated(found)
            else:
                found = self.nodes[found].args[0] if self.nodes[found].op == name else None
        return found

    def _softplus_of(self, p: int, q: int) -> int:
        known = self.values_of(q)
        if known is not None and not np.any(known):
            return self.function("softplus", p)
        known = self.values_of(p)
        if known is not None and not np.any(known):
            return self.function("softplus", q)
        return self.binary("add", q, self.function("softplus", self.binary("subtract", p, q)))

    def _negated(self, node: int) -> int | None:
        """What the node is the negative of, if it is written so."""
        found = self.nodes[node]
        if found.op == "multiply":
            for known, other in (found.args, found.args[::-1]):
                values = self.values_of(known)
                if values is not None and np.all(values == -1.0):
                    return other
        return None

    def _node(
        self,
        op: str,
        args: tuple[int, ...],
        size: int,
        data: tuple[np.ndarray, ...] = (),
        number: int = 0,
    ) -> int:
        key = (op, args, size, number, *(_digest(array) for array in data))
        if key not in self._known:
            for array in data:
                array.setflags(write=False)
            self.nodes.append(Node(op, args, size, data, number))
            self._known[key] = len(self.nodes) - 1
        return self._known[key]


def _digest(array: np.ndarray) -> tuple[Any, ...]:
    kind = array.dtype.str
    return array.shape, kind, hashlib.sha256(np.ascontiguousarray(array).tobytes()).digest()


def _printed(node: Node) -> str:
    args = ", ".join(f"v{a}" for a in node.args)
    if node.op == "input":
        return f"x, a point of {node.size} coordinates"
    if node.op == "constant":
        return _numbers(node.data[0])
    if node.op == "take":
        return f"{args}[{', '.join(str(int(i)) for i in node.data[0][:8])}{_more(node.data[0], 8)}]"
    if node.op == "linear":
        matrix, bias = node.data
        body = f"matrix {matrix.shape[0]} x {matrix.shape[1]}: {_numbers(matrix.ravel())}"
        return f"W {args} + b, W a {body}, b = {_numbers(bias)}"
    if node.op == "sum":
        return f"sums({args}), {node.size} of them"
    if node.op == "power":
        return f"{args}^{node.number}"
    if node.op == "real_power":
        return f"{args}^{float(node.data[0][0])!r}"
    return f"{node.op}({args})"


def _numbers(values: np.ndarray) -> str:
    return f"[{', '.join(repr(float(v)) for v in values[:4])}{_more(values, 4)}]"


def _more(values: np.ndarray, shown: int) -> str:
    """How many there are, and what tells them from others whose first ones are the same."""
    if len(values) <= shown:
        return ""
    plain = values.astype(values.dtype.newbyteorder("<")).tobytes()
    return f", ... {len(values)} numbers, SHA-256 {hashlib.sha256(plain).hexdigest()}"
