"""Expressions and trees as JSON: integers, and hexadecimal floating-point numbers, exactly."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import zlib
from typing import Any

import numpy as np

from approxlab.certify._expression import Expression, Node
from approxlab.certify._expression_checks import check_expression

__all__ = [
    "expression_data",
    "integer",
    "items",
    "number",
    "numbers",
    "read_expression",
    "read_number",
]
__all__ += ["read_numbers", "read_tree", "sealed", "text", "tree_data", "unsealed"]

_LARGEST_TREE = 2**27


def number(value: float) -> str:
    """A finite or infinite number, as 0x1.8p+1."""
    return float(value).hex()


def integer(value: Any) -> int:
    """An integer of JSON; 1.0 and true are none."""
    if type(value) is not int:
        raise ValueError(f"certificate: got {value!r}, expected an integer.")
    return value


def text(value: Any) -> str:
    """A string of JSON."""
    if not isinstance(value, str):
        raise ValueError(f"certificate: got {value!r}, expected a string.")
    return value


def items(value: Any) -> list[Any]:
    """A list of JSON; a string has parts too."""
    if not isinstance(value, list):
        raise ValueError(f"certificate: got {value!r}, expected a list.")
    return value


def read_number(value_text: Any) -> float:
    """The number of such a text; NaN is refused."""
    if not isinstance(value_text, str):
        raise ValueError(
            f"certificate: got {value_text!r}, expected a hexadecimal number as a string."
        )
    value = float.fromhex(value_text)
    if math.isnan(value):
        raise ValueError("certificate: got nan, expected a number.")
    return value


def numbers(array: np.ndarray) -> str:
    """Many numbers, with blanks between them."""
    return " ".join(float(v).hex() for v in array.ravel())


def read_numbers(told: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Finite numbers in a shape."""
    found = np.array([read_number(part) for part in text(told).split()], np.float64)
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
    nodes = tuple(_read_node(entry) for entry in items(data["nodes"]))
    expression = Expression(nodes, integer(data["dim"]))
    check_expression(expression)
    return expression


def _read_node(entry: Any) -> Node:
    op = text(entry["op"])
    wanted = {"op", "args", "size", *_KEYS.get(op, ())}
    if set(entry) != wanted:
        raise ValueError(
            f"certificate: got {op!r} with {sorted(entry)}, expected {sorted(wanted)}."
        )
    data: tuple[np.ndarray, ...] = ()
    if "indices" in wanted:
        data = (np.array([integer(i) for i in items(entry["indices"])], np.int64),)
    if "numbers" in wanted:
        shapes = [tuple(integer(n) for n in items(shape)) for shape in items(entry["shapes"])]
        texts = items(entry["numbers"])
        if any(n < 0 for shape in shapes for n in shape) or len(shapes) != len(texts):
            raise ValueError("certificate: got arrays without shapes.")
        data = tuple(read_numbers(told, shape) for told, shape in zip(texts, shapes, strict=True))
    args = tuple(integer(a) for a in items(entry["args"]))
    exponent = integer(entry["exponent"]) if "exponent" in wanted else 0
    return Node(op, args, integer(entry["size"]), data, exponent)


_KEYS = {
    "power": ("exponent",),
    "take": ("indices",),
    **dict.fromkeys(("constant", "linear", "real_power"), ("shapes", "numbers")),
}


def tree_data(code: np.ndarray) -> dict[str, Any]:
    """The tree of boxes, compressed."""
    packed = base64.b64encode(zlib.compress(code.astype(np.uint8).tobytes(), 6))
    return {"nodes": len(code), "code": packed.decode("ascii")}


def read_tree(data: Any) -> np.ndarray:
    """The code of such data."""
    size = integer(data["nodes"])
    if not 0 < size < _LARGEST_TREE:
        raise ValueError(f"certificate: got a tree of {size} nodes.")
    reader = zlib.decompressobj()
    try:
        raw = reader.decompress(base64.b64decode(text(data["code"]), validate=True), size + 1)
    except zlib.error as error:
        raise ValueError(f"certificate: got a tree that is not compressed: {error}.") from error
    if len(raw) != size or not reader.eof or reader.unused_data:
        raise ValueError("certificate: the tree has not the length that it states.")
    return np.frombuffer(raw, np.uint8)


def sealed(data: dict[str, Any]) -> str:
    """JSON with a hash of everything else in it."""
    return json.dumps({**data, "sha256": _hash(data)}, indent=1)


def unsealed(content: str) -> dict[str, Any]:
    """The data of such a text; a changed one is refused."""
    data = json.loads(content, parse_constant=_no_constant, object_pairs_hook=_once)
    if not isinstance(data, dict):
        raise ValueError("certificate: got JSON that is not an object.")
    told = data.pop("sha256", None)
    if told != _hash(data):
        raise ValueError("certificate: its SHA-256 is not that of its content: it was changed.")
    return data


def _hash(data: dict[str, Any]) -> str:
    plain = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(plain.encode()).hexdigest()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two, a reader could believe the other one."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("certificate: got a name twice in one object.")
    return found


def _no_constant(name: str) -> float:
    raise ValueError(f"certificate: got {name}, expected hexadecimal numbers.")
