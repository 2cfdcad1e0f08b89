"""Whether nodes are an expression: operations that exist, with arguments and numbers that fit."""

from __future__ import annotations

import numpy as np

from approxlab.certify._expression import BINARY, COMPARISONS, FUNCTIONS, Expression, Node

__all__ = ["check_expression"]

_LOGIC = frozenset({"and", "or", "not"})
_WITH_NUMBERS = {"constant": 1, "take": 1, "linear": 2, "real_power": 1}
_MOST_ENTRIES, _LARGEST_EXPONENT = 2**22, 2**30


def check_expression(expression: Expression) -> None:
    """Refuse whatever `Builder` cannot have made.

    Raises:
        ValueError: If it is not an expression; the message names the node.
    """
    nodes, truths = expression.nodes, list[bool]()
    if not nodes or expression.dim < 1 or nodes[0].op != "input":
        raise ValueError("certificate: got an expression that does not start at a point.")
    for place, node in enumerate(nodes):
        if any(not 0 <= a < place for a in node.args):
            raise ValueError(f"certificate: v{place} is made from nodes that are not before it.")
        if (node.op == "input") != (place == 0):
            raise ValueError(f"certificate: v{place} is another point, expected one, v0.")
        args = [nodes[a] for a in node.args]
        fits = _numbers_fit(node) and _kinds_fit(node, [truths[a] for a in node.args])
        wanted = _size(node, [arg.size for arg in args], expression.dim) if fits else None
        if wanted is None or wanted != node.size or not 1 <= wanted <= _MOST_ENTRIES:
            raise ValueError(f"certificate: v{place} = {node.op!r} does not fit its arguments.")
        truths.append(_is_truth(node, truths))
    if truths[-1]:
        raise ValueError("certificate: got an expression without a value: it is true or false.")


def _numbers_fit(node: Node) -> bool:
    """As many arrays as the operation has, and an exponent only where one belongs."""
    if len(node.data) != _WITH_NUMBERS.get(node.op, 0):
        return False
    if node.op == "power":
        return 1 < abs(node.number) <= _LARGEST_EXPONENT
    return node.number == 0


def _kinds_fit(node: Node, truths: list[bool]) -> bool:
    """Numbers where numbers are expected, truths where truths are."""
    if node.op == "take":
        return True
    if node.op == "choose":
        return truths == [True, False, False]
    return truths == [node.op in _LOGIC] * len(truths)


def _is_truth(node: Node, truths: list[bool]) -> bool:
    if node.op == "take":
        return truths[node.args[0]]
    return node.op in COMPARISONS or node.op in _LOGIC


def _size(node: Node, sizes: list[int], dim: int) -> int | None:
    """How many entries the node must have; None if it cannot be."""
    shapes = [array.shape for array in node.data]
    if node.op in ("input", "constant"):
        return _size_of_a_start(node, sizes, shapes, dim)
    if node.op == "join":
        return sum(sizes) if sizes else None
    if node.op in BINARY or node.op in COMPARISONS or node.op in ("and", "or", "choose"):
        count = 3 if node.op == "choose" else 2
        return sizes[0] if len(sizes) == count and len(set(sizes)) == 1 else None
    return _size_of_one(node, sizes[0], shapes) if len(sizes) == 1 else None


def _size_of_a_start(
    node: Node, sizes: list[int], shapes: list[tuple[int, ...]], dim: int
) -> int | None:
    if sizes:
        return None
    if node.op == "input":
        return dim
    return shapes[0][0] if len(shapes[0]) == 1 and _finite(node) else None


def _size_of_one(node: Node, one: int, shapes: list[tuple[int, ...]]) -> int | None:
    """Operations on one node."""
    if node.op == "take":
        indices = node.data[0]
        inside = indices.ndim == 1 and bool(np.all((indices >= 0) & (indices < one)))
        return len(indices) if inside else None
    if node.op == "linear":
        fits = len(shapes[1]) == 1 and shapes[0] == (*shapes[1], one)
        return shapes[1][0] if fits and _finite(node) else None
    if node.op == "sum":
        return node.size if node.size >= 1 and one % node.size == 0 else None
    if node.op == "real_power":
        return one if shapes == [(1,)] and _finite(node) and node.data[0][0] > 0.0 else None
    return one if node.op in FUNCTIONS or node.op in ("power", "not") else None


def _finite(node: Node) -> bool:
    return all(
        array.dtype == np.float64 and bool(np.all(np.isfinite(array))) for array in node.data
    )
