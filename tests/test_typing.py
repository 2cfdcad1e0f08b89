"""What tools that read the code see of it: type checkers, completion, `dir` and the faces of rooms.

The face of a room is its `__init__.pyi`: type checkers read it, and `lazy_loader` loads from it.
"""

import ast
import importlib
import json
import os
import pkgutil
import shutil
import subprocess
import sys
import types
from pathlib import Path

import pytest

import approxlab as al

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "approxlab"

USED = """
from typing import assert_type

import jax
import numpy as np

import approxlab as al

g = al.targets.get("runge")
assert_type(g, al.Target)
assert_type(g.lipschitz, float | None)
mine = al.Target(lambda x: x[0] ** 2, domain=al.Box([0.0], [1.0]), lipschitz=2.0)
assert_type(mine.moved_to(al.Box.unit(1)), al.Target)

r = al.fit(g, hidden=(8,))
reveal_type(r.network)
assert_type(r, al.FitResult)
assert_type(r.network, al.MLP)
assert_type(al.fit((np.zeros((9, 1)), np.zeros(9))).network, al.MLP)
assert_type(al.compose(r.network, r.network), al.MLP)
assert_type(al.MLP.init(jax.random.key(0), 1, (4,), "tanh"), al.MLP)

assert_type(al.errors.sup(r.network, g), al.Estimate)
assert_type(float(al.errors.l2(r.network, g)), float)

built = al.constructions.cybenko(g, 1e-2)
assert_type(built, al.Construction)
assert_type(built.claim, al.Claim)
assert_type(built.claim.bound, al.Bound)
assert_type(built.network, al.MLP)
assert_type(al.optimal.square_by_units(4), al.Optimum)
assert_type(al.solves.solve(np.eye(2), np.ones(2)).rank, int)
"""
MISSPELT = """
import approxlab as al

g = al.targets.get("runge")
r = al.fit(g, hidden=(8,))
al.nonsense
r.netwrk
al.fitting.gredy
al.errors.supremum(r.network, g)
al.targets.gett("runge")
al.constructions.cybenko(g, 1e-2).claim.bond
al.fit(g, hiden=(8,))
al.fit(g, steps="many")
al.Target(lambda x: x[0])
al.optimal.square_by_unit(4)
al.solves.solv
"""
WRONG = range(6, len(MISSPELT.splitlines()) + 1)
"""Numbers of the lines with a mistake: all of them after the fit."""

LOADER = """
from approxlab.faces import attach

__getattr__, __dir__, __all__ = attach(__name__, __file__)
"""


def written(folder):
    (folder / "used.py").write_text(USED)
    (folder / "misspelt.py").write_text(MISSPELT)


def check(found):
    """Of (file, line, severity, message): none in one script, one on each line of the other."""
    errors = {(file, line) for file, line, severity, _ in found if severity == "error"}
    assert not [entry for entry in found if entry[0] == "used.py" and entry[2] == "error"], found
    assert errors == {("misspelt.py", line) for line in WRONG}, found
    revealed = [message for file, _, _, message in found if file == "used.py"]
    assert len(revealed) == 1, found
    assert "MLP" in revealed[0], found


def test_mypy_knows_the_library_and_finds_misspelt_names(tmp_path):
    pytest.importorskip("mypy")
    written(tmp_path)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent"),
            *("--output=json", "--cache-dir=cache", "used.py", "misspelt.py"),
        ],
        cwd=tmp_path,
        env={**os.environ, "MYPYPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found, done.stdout + done.stderr
    check([(one["file"], one["line"], one["severity"], one["message"]) for one in found])


def test_pyright_knows_the_library_and_finds_misspelt_names(tmp_path):
    beside = str(Path(sys.executable).parent)
    names = (shutil.which(name, path=beside) for name in ("basedpyright", "pyright"))
    command = next(filter(None, names), None)
    if command is None:
        pytest.skip("pyright is not installed")
    written(tmp_path)
    settings = {
        "include": ["used.py", "misspelt.py"],
        "extraPaths": [str(ROOT)],
        "typeCheckingMode": "standard",
        "reportUnusedExpression": "none",
    }
    (tmp_path / "pyrightconfig.json").write_text(json.dumps(settings))
    done = subprocess.run(
        [command, "--outputjson", "--pythonpath", sys.executable],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)["generalDiagnostics"]
    check(
        [
            (
                Path(one["file"]).name,
                one["range"]["start"]["line"] + 1,
                one["severity"],
                one["message"],
            )
            for one in found
        ]
    )


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("al.f", {"fit", "fitting"}),
        ("al.fitting.gre", {"greedy"}),
        ("al.targets.g", {"get"}),
        ("r = al.fit(al.targets.get('runge'))\nr.n", {"network", "networks"}),
    ],
)
def test_jedi_completes(typed, offered):
    jedi = pytest.importorskip("jedi")
    script = jedi.Script(f"import approxlab as al\n{typed}", project=jedi.Project(str(ROOT)))
    assert offered <= {completion.name for completion in script.complete()}


# ------------------------------------------------------------------------------- faces of rooms


def public_modules(module=al):
    """The package and every module that is a public attribute of it, at any depth."""
    yield module
    for name in module.__all__:
        if isinstance(getattr(module, name), types.ModuleType):
            yield from public_modules(getattr(module, name))


def names_of_face(path):
    """Name to the module of the package that holds it, None for a module of the package itself."""
    return {
        alias.asname: node.module
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


MODULES = {module.__name__: module for module in public_modules()}
FACES = sorted(PACKAGE.rglob("__init__.pyi"))


@pytest.mark.parametrize("name", MODULES)
def test_dir_is_what_is_public(name):
    module = MODULES[name]
    assert dir(module) == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)


@pytest.mark.parametrize("name", MODULES)
def test_a_public_package_has_a_face(name):
    """Its `__init__.py` holds a docstring and the loader, its `__init__.pyi` the contents."""
    path = Path(MODULES[name].__file__)
    if path.stem == "__init__":
        assert path.with_suffix(".pyi") in FACES
        described, *body = ast.parse(path.read_text()).body
        assert isinstance(described, ast.Expr)
        kept = [node for node in body if "__version__" not in ast.unparse(node)]
        assert list(map(ast.dump, kept)) == list(map(ast.dump, ast.parse(LOADER).body))


@pytest.mark.parametrize("face", FACES, ids=lambda path: path.parent.relative_to(ROOT).as_posix())
def test_the_names_of_a_face_exist(face):
    """They do so before and after all files of the package are loaded: no file hides a name."""
    name = face.parent.relative_to(ROOT).as_posix().replace("/", ".")
    package = importlib.import_module(name)
    listed = names_of_face(face)
    assert sorted(listed) == sorted(package.__all__)
    before = {one: getattr(package, one) for one in listed}
    for found in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"{name}.{found.name}")
    for one, module in listed.items():
        assert getattr(package, one) is before[one]
        assert isinstance(before[one], types.ModuleType) == (module is None), one
        assert module != one, f"{name}.{one}: a file has the name of what it holds"


@pytest.mark.parametrize("name", MODULES)
def test_an_unknown_name_is_refused(name):
    with pytest.raises(AttributeError, match="nonsense"):
        MODULES[name].nonsense  # noqa: B018


def test_the_package_says_that_it_is_typed():
    assert (PACKAGE / "py.typed").exists()
