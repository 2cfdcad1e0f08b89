"""The house as it is drawn in CONTRIBUTING: who may import whom, file sizes, a silent import."""

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = sorted(
    path.stem
    for path in (ROOT / "approxlab").iterdir()
    if (path.suffix == ".py" and path.stem != "__init__") or (path / "__init__.py").exists()
)

# What each room may import of approxlab, beside itself. Nothing else; no cycle can be written.
GROUND = {
    "arguments", "claims", "domains", "evaluation", "networks", "rates", "records", "solves",
    "splines",
}  # fmt: skip
FIRST = GROUND | {"targets", "errors", "regions"}
ALLOWED = {
    "arguments": set(),
    "claims": set(),
    "domains": {"arguments"},
    "evaluation": {"arguments"},
    "rates": {"claims"},
    "records": set(),
    "solves": set(),
    "splines": set(),
    "networks": {"arguments", "records"},  # the atomic writer
    "targets": {"arguments", "claims", "domains"},
    "errors": {"arguments", "claims", "domains", "evaluation", "rates"},
    "regions": {"arguments", "claims", "domains", "evaluation", "errors", "networks"},
    "optimal": {"arguments", "claims", "domains", "evaluation", "rates", "splines", "targets"},
    "constructions": FIRST | {"optimal"},
    "fitting": FIRST | {"constructions", "derivatives", "optimal"},
    "sweeps": FIRST | {"constructions", "fitting", "optimal"},
    "plotting": {"claims", "records"},
    # A trace draws itself by the plotting room, which it opens when asked to.
    "derivatives": {"arguments", "claims", "networks", "plotting"},
    "costs": {"arguments"},
}
# Needed for annotations or for a doctest only, so not an edge of the house.
TYPES_ONLY = {("claims", "networks")}


def imports(path):
    """(module, inside TYPE_CHECKING) of every import of our own in a file, at any depth."""
    tree = ast.parse(path.read_text())
    guarded = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            yield name, node in guarded


def edges(package="approxlab"):
    for path in sorted((ROOT / package).rglob("*.py")):
        room = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        for name, guarded in imports(path):
            parts = name.split(".")
            if parts[0] == package and len(parts) > 1 and room != "__init__":
                other = parts[1]
                if other != room and other in ROOMS and not guarded:
                    yield room, other, path.relative_to(ROOT)


def check_edges(found):
    for room, other, path in found:
        assert other in ALLOWED[room] or (room, other) in TYPES_ONLY, (
            f"{path}: {room} imports {other}, allowed are {sorted(ALLOWED[room])}"
        )


def test_rooms_are_all_on_the_plan():
    assert set(ALLOWED) == set(ROOMS)


def test_imports_go_one_way():
    check_edges(edges())
    with pytest.raises(AssertionError, match="domains imports fitting"):
        check_edges([("domains", "fitting", "spoiled.py")])


def test_the_plan_has_no_cycle():
    done = set()
    while done != set(ALLOWED):
        ready = {room for room, below in ALLOWED.items() if below <= done} - done
        assert ready, f"a cycle among {sorted(set(ALLOWED) - done)}"
        done |= ready


def test_the_library_never_imports_experiments_and_only_plotting_imports_matplotlib():
    for path in (ROOT / "approxlab").rglob("*.py"):
        for name, _ in imports(path):
            assert name.split(".")[0] != "experiments", path
            room = path.relative_to(ROOT / "approxlab").parts[0]
            assert name.split(".")[0] != "matplotlib" or room == "plotting", path


def test_experiments_import_only_their_own_private_neighbours():
    modules = {path.stem for path in (ROOT / "experiments").glob("*.py")}
    for path in (ROOT / "experiments").glob("*.py"):
        for name, _ in imports(path):
            parts = name.split(".")
            if parts[0] == "experiments" and len(parts) > 1 and parts[1] in modules:
                other = parts[1]
                assert other.startswith("_"), f"{path.name} imports the experiment {other}"
                owner = next((m for m in modules if other.startswith(f"_{m}_")), None)
                mine = path.stem.removeprefix("_")
                assert owner is None or mine.startswith(owner), f"{path.name} imports {other}"


def test_files_are_one_topic():
    for package in ("approxlab", "experiments"):
        for path in (ROOT / package).rglob("*.py"):
            assert len(path.read_text().splitlines()) <= 400, f"{path.name}: two topics in a file?"
            assert path.stem not in {"utils", "misc", "helpers", "common"}, path.name


def test_importing_does_nothing(tmp_path):
    """No print, no file, no setting, no array, no matplotlib, no JAX."""
    code = (
        "import sys, warnings, os; before = list(warnings.filters), sorted(os.listdir('.'))\n"
        "import approxlab as al\n"
        "assert before == (list(warnings.filters), sorted(os.listdir('.')))\n"
        "assert not {'jax', 'matplotlib', 'scipy', 'optax'} & set(sys.modules), 'not lazy'\n"
        "import jax; settings = dict(jax.config.values)\n"
        "for name in al.__all__: getattr(al, name)\n"
        "assert settings == dict(jax.config.values), 'a setting of JAX was changed'\n"
        "assert 'pandas' not in sys.modules\n"
        "assert not jax.live_arrays(), 'an array was created'\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "PATH": "", "JAX_PLATFORMS": "cpu", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_every_public_name_is_documented():
    import approxlab as al

    for name in al.__all__:
        thing = getattr(al, name)
        assert (thing.__doc__ or "").strip(), name
        for public in getattr(thing, "__all__", ()):
            member = getattr(thing, public)
            if inspect.isfunction(member) or inspect.isclass(member):
                assert (member.__doc__ or "").strip(), f"{name}.{public}"


@pytest.mark.parametrize("name", ["nonsense", "_private"])
def test_unknown_name_of_the_package(name):
    import approxlab as al

    with pytest.raises(AttributeError, match=f"No approxlab attribute {name}"):
        getattr(al, name)
