"""Faults planted by machine into the sources of a room, one at a time.

Kinds: a rounding outward turned inward or dropped, a pad of an error bound removed, minimum and
maximum swapped, lower and upper ends swapped, the last digit of a constant changed.
"""

import ast
import importlib
import itertools
import sys
from pathlib import Path

OPPOSITE = {"up": "down", "down": "up", "minimum": "maximum", "maximum": "minimum",
            "lo": "hi", "hi": "lo"}  # fmt: skip
OUTWARD = ("up", "down", "multiply_up")


def _name(function):
    return function.id if isinstance(function, ast.Name) else getattr(function, "attr", None)


def _next_digit(text):
    """A hexadecimal float with another last digit before its exponent."""
    digits, exponent = text.split("p")
    return f"{digits[:-1]}{(int(digits[-1], 16) ^ 1):x}p{exponent}"


def _changes(node):
    """Description and replacement of each fault that can be planted at one node."""
    if isinstance(node, ast.Call):
        name = _name(node.func)
        if name in OUTWARD:
            plain = node.args[0]
            if name == "multiply_up":
                plain = ast.BinOp(node.args[0], ast.Mult(), node.args[1])
            yield f"{name} dropped", plain
        if name in ("up", "down") and isinstance(node.func, ast.Name):
            yield (
                f"{name} turned",
                ast.Call(ast.Name(OPPOSITE[name], ast.Load()), node.args, node.keywords),
            )
        if name in ("minimum", "maximum") and ast.unparse(node.func).startswith("np."):
            other = ast.Attribute(ast.Name("np", ast.Load()), OPPOSITE[name], ast.Load())
            yield f"{name} swapped", ast.Call(other, node.args, node.keywords)
    if isinstance(node, ast.BinOp) and "UNIT" in ast.unparse(node.right):
        if isinstance(node.op, ast.Mult) and _name(node.right) in ("UNIT", "_PHI"):
            yield "pad dropped", ast.Constant(0.0)
        elif isinstance(node.op, ast.Mult):
            yield "pad dropped", ast.BinOp(node.left, node.op, ast.Constant(0.0))
    if isinstance(node, ast.Attribute) and node.attr in ("lo", "hi"):  # noqa: SIM102
        if isinstance(node.ctx, ast.Load):
            yield "end swapped", ast.Attribute(node.value, OPPOSITE[node.attr], node.ctx)
    if isinstance(node, ast.Constant) and str(node.value).startswith("0x"):
        yield "last digit", ast.Constant(_next_digit(node.value))
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        digits = repr(node.value)
        if len(digits.lstrip("-0.").replace(".", "")) >= 15 and "e" not in digits:
            yield "last digit", ast.Constant(node.value * (1 + 2.0**-50))


def _says_nothing(node):
    """Where lower and upper ends are the same for sure: which array it is, and its shape."""
    identity = isinstance(node, ast.Compare) and isinstance(node.ops[0], (ast.Is, ast.IsNot))
    return identity or (isinstance(node, ast.Attribute) and node.attr in ("shape", "size"))


class _Plant(ast.NodeTransformer):
    def __init__(self, place):
        self.place, self.count, self.told = place, itertools.count(), None

    def visit(self, node):
        if _says_nothing(node):
            return node
        for told, replacement in _changes(node):
            if next(self.count) == self.place:
                self.told = f"{told}, line {node.lineno}: {ast.unparse(node)[:60]}"
                return ast.copy_location(replacement, node)
        return self.generic_visit(node)


def faults(source):
    """All sources with one fault each, and what it is."""
    for place in itertools.count():
        plant = _Plant(place)
        tree = plant.visit(ast.parse(source))
        if plant.told is None:
            return
        yield plant.told, ast.unparse(ast.fix_missing_locations(tree))


class Copy:
    """A copy of the files of a room under another name, in which one file can be replaced."""

    def __init__(self, room: Path, folder: Path, name: str, replaced: dict[str, str]):
        self.name = name
        (folder / name).mkdir()
        for file in room.glob("*.py"):
            source = replaced.get(file.name, file.read_text())
            if file.name == "__init__.py":
                source = ""
            source = source.replace("approxlab.certify", name)
            (folder / name / file.name).write_text(source)
        self.folder = folder

    def __enter__(self):
        sys.path.insert(0, str(self.folder))
        importlib.invalidate_caches()
        return lambda file: importlib.import_module(f"{self.name}.{file}")

    def __exit__(self, *_):
        sys.path.remove(str(self.folder))
        for module in [module for module in sys.modules if module.split(".")[0] == self.name]:
            del sys.modules[module]
