"""Examples of docstrings can be copied: what they use is public, or imported in the example."""

import ast
import builtins
import doctest
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

import approxlab as al

ROOT = Path(__file__).parent.parent
FOUND_ANYWHERE = {"al", "jax", "jnp", "np", *dir(builtins), *dir(al)}
ROOMS = sorted({path.stem for path in (ROOT / "approxlab").iterdir()} & set(dir(al)))


def names(code):
    """What an example reads without having made it, and what it makes."""
    read, made = set(), set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.alias):
            made.add(node.asname or node.name.split(".")[0])
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.FunctionDef):
            made.add(node.name)
    return read - made


@pytest.mark.parametrize("room", ROOMS)
def test_examples_of_public_names_need_no_hidden_import(room):
    module, seen = getattr(al, room), 0
    public = set(dir(module))
    for name in public:
        thing = getattr(module, name)
        home = importlib.import_module(getattr(thing, "__module__", None) or module.__name__)
        if not home.__name__.startswith("approxlab") or not isinstance(thing, type | type(names)):
            continue
        for test in doctest.DocTestFinder(recurse=isinstance(thing, type)).find(thing, name, home):
            missing = names("".join(e.source for e in test.examples)) - public - FOUND_ANYWHERE
            assert not missing, f"{room}.{test.name} uses {missing}"
            seen += bool(test.examples)
    assert seen or room in ("costs",), "no example was found"


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("x64", ["0", "1"])
def test_examples_hold_in_both_precisions_without_the_settings_of_the_tests(x64):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "approxlab"],
        env={**os.environ, "JAX_ENABLE_X64": x64},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
