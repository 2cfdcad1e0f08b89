"""Expressions and trees as JSON: integers, and hexadecimal floating-point numbers, exactly."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from typing import Any

import numpy as np

from approxlab.certify._expression import BINARY, COMPARISONS, FUNCTIONS, Expression, Node

__all__ = ["expression_data", "number", "numbers", "read_expression", "read_number"]
__all__ += ["read_numbers", "read_tree", "sealed", "tree_data", "unsealed"]

_LARGEST_TREE = 2**31


def number(value: float) -> str:
    """A finite or infinite number, as 0x1.8p+1."""
    return float(value).hex()


def read_number(text: Any) -> float:
    """The number of such a text; NaN is refused."""
    if not isinstance(text, str):
        raise ValueError(f"certificate: got {text!r}, expected a hexadecimal number as a string.")
    value = float.fromhex(text)
    if math.isnan(value):
        raise ValueError("certificate: got nan, expected a number.")
    return value


def numbers(array: np.ndarray) -> str:
    """Many numbers, with blanks between them."""
    return " ".join(float(v).hex() for v in array.ravel())


def read_numbers(text: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Finite numbers in a shape."""
    found = np.array([read_number(part) for part in str(text).split()], np.float64)
    if not np.all(np.isfinite(found)):
        raise ValueError("certificate: got an infinite number, expected finite numbers.")
    return found.reshape(shape)


def expression_data(expression: Expression) -> dict[str, Any]:
    """An expression in JSON."""
    return {"dim": expression.dim, "nodes": [_node_data(node) for node in expression.nodes]}


def _node_data(node: Node) -> dict[str, Any]:
    found: dict[str, Any] = {"op": node.op, "args": list(node.args), "size": node.size}
    if node.op == "power":
        found["exponent"] = node.number
    if node.op == "take":
        found["indices"] = node.data[0].tolist()
    elif node.data:
        found["shapes"] = [list(array.shape) for array in node.data]
        found["numbers"] = [numbers(array) for array in node.data]
    return found


def read_expression(data: Any) -> Expression:
    """The expression of such data; whatever could not have been written is refused."""
    dim = int(data["dim"])
    nodes: list[Node] = []
    for i, entry in enumerate(data["nodes"]):
        node = _read_node(entry)
        _check_node(node, i, nodes, dim)
        nodes.append(node)
    if not nodes or nodes[-1].op in _TRUTHS:
        raise ValueError("certificate: got an expression without a value.")
    return Expression(tuple(nodes), dim)


def _read_node(entry: Any) -> Node:
    shapes = [tuple(int(n) for n in shape) for shape in entry.get("shapes", [])]
    texts = entry.get("numbers", [])
    if any(n < 0 for shape in shapes for n in shape) or len(shapes) != len(texts):
        raise ValueError("certificate: got arrays without shapes.")
    data = tuple(read_numbers(text, shape) for text, shape in zip(texts, shapes, strict=True))
    if "indices" in entry:
        data = (np.array(entry["indices"], np.int64).ravel(),)
    args = tuple(int(a) for a in entry["args"])
    return Node(str(entry["op"]), args, int(entry["size"]), data, int(entry.get("exponent", 0)))


_TRUTHS = COMPARISONS | {"and", "or", "not"}


def _check_node(node: Node, place: int, before: list[Node], dim: int) -> None:
    """Arguments come earlier, and sizes are those that the operation makes."""
    if any(not 0 <= a < place for a in node.args):
        raise ValueError(f"certificate: v{place} is made from nodes that are not before it.")
    args = [before[a] for a in node.args]
    truths = [arg.op in _TRUTHS or (arg.op == "take" and _is_truth(arg, before)) for arg in args]
    wanted = _size(node, args, dim)
    logic = node.op in ("and", "or", "not")
    expected = [logic] * len(args) if node.op != "choose" else [True, False, False]
    free = node.op == "take"
    if wanted != node.size or (not free and truths != expected):
        raise ValueError(f"certificate: v{place} = {node.op} does not fit its arguments.")


def _is_truth(node: Node, before: list[Node]) -> bool:
    while node.op == "take":
        node = before[node.args[0]]
    return node.op in _TRUTHS


def _size(node: Node, args: list[Node], dim: int) -> int:
    """How many entries the node must have; -1 if it cannot be."""
    sizes, shapes = [arg.size for arg in args], [array.shape for array in node.data]
    one = sizes[0] if len(args) == 1 else -1
    if node.op == "input":
        return dim if not args else -1
    if node.op == "constant":
        return shapes[0][0] if len(shapes) == 1 and len(shapes[0]) == 1 and not args else -1
    if node.op == "take":
        indices = node.data[0] if node.data else np.array([-1])
        return len(indices) if one > 0 and np.all((indices >= 0) & (indices < one)) else -1
    if node.op == "join":
        return sum(sizes) if args else -1
    if node.op == "linear":
        fits = len(shapes) == 2 and shapes[0] == (*shapes[1], one)
        return shapes[1][0] if fits and len(shapes[1]) == 1 else -1
    if node.op == "sum":
        return node.size if one > 0 and node.size > 0 and one % node.size == 0 else -1
    if node.op == "real_power":
        return one if shapes == [(1,)] and node.data[0][0] > 0 else -1
    if node.op in FUNCTIONS or node.op in ("power", "not"):
        return one
    count = 3 if node.op == "choose" else 2
    known = node.op in BINARY or node.op in _TRUTHS or node.op == "choose"
    return sizes[0] if known and len(args) == count and len(set(sizes)) == 1 else -1


def tree_data(code: np.ndarray) -> dict[str, Any]:
    """The tree of boxes, compressed."""
    packed = base64.b64encode(zlib.compress(code.astype(np.uint8).tobytes(), 6))
    return {"nodes": len(code), "code": packed.decode("ascii")}


def read_tree(data: Any) -> np.ndarray:
    """The code of such data."""
    size = int(data["nodes"])
    if not 0 < size < _LARGEST_TREE:
        raise ValueError(f"certificate: got a tree of {size} nodes.")
    reader = zlib.decompressobj()
    raw = reader.decompress(base64.b64decode(data["code"], validate=True), size + 1)
    if len(raw) != size or not reader.eof or reader.unused_data:
        raise ValueError("certificate: the tree has not the length that it states.")
    return np.frombuffer(raw, np.uint8)


def sealed(data: dict[str, Any]) -> str:
    """JSON with a hash of everything else in it."""
    return json.dumps({**data, "sha256": _hash(data)}, indent=1)


def unsealed(text: str) -> dict[str, Any]:
    """The data of such a text; a changed one is refused."""
    data = json.loads(text, parse_constant=_no_constant)
    if not isinstance(data, dict):
        raise ValueError("certificate: got JSON that is not an object.")
    told = data.pop("sha256", None)
    if told != _hash(data):
        raise ValueError("certificate: its SHA-256 is not that of its content: it was changed.")
    return data


def _hash(data: dict[str, Any]) -> str:
    plain = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _no_constant(name: str) -> float:
    raise ValueError(f"certificate: got {name}, expected hexadecimal numbers.")
