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
    "arguments", "claims", "domains", "evaluation", "host_threads", "kept_programs", "networks",
    "rates", "records", "resolution",
    "solves", "splines",
}  # fmt: skip
FIRST = GROUND | {"targets", "errors", "regions"}
ALLOWED = {
    "arguments": set(),
    "claims": set(),
    "domains": {"arguments"},
    "evaluation": {"arguments", "kept_programs"},
    "rates": {"claims"},
    "records": set(),
    "host_threads": set(),
    "kept_programs": set(),
    "resolution": {"evaluation"},
    "solves": {"host_threads"},
    "splines": set(),
    "networks": {"arguments", "records"},  # the atomic writer
    "targets": {"arguments", "claims", "domains", "evaluation"},
    "errors": GROUND - {"records", "solves", "splines"} | {"regions"},
    "regions": {"arguments", "claims", "domains", "evaluation", "host_threads", "networks"},
    "calculus": {"arguments", "claims", "domains", "networks", "regions"},
    "optimal": {
        *("arguments", "claims", "domains", "evaluation", "rates", "resolution"),
        *("splines", "targets"),
    },
    "certify": {"arguments", "claims", "domains", "networks"},
    "constructions": FIRST | {"optimal"},
    "approximation": FIRST | {"constructions", "fitting", "optimal"},
    "fitting": FIRST | {"constructions", "derivatives", "optimal"},
    "answers": FIRST
    | {"approximation", "certify", "constructions", "costs", "derivatives", "fitting", "optimal"},
    "__main__": {"answers"},
    "regression": FIRST | {"fitting"},
    "cluster": {"arguments", "records"},
    "sweeps": FIRST | {"cluster", "constructions", "fitting", "optimal"},
    "plotting": {"arguments", "domains", "evaluation"},
    "derivatives": {
        *("arguments", "claims", "evaluation", "kept_programs", "networks", "records"),
    },
    "costs": {"arguments"},
    "kernels": {
        *("arguments", "derivatives", "domains", "evaluation", "fitting", "networks", "solves"),
    },
    "landscapes": {
        *("arguments", "derivatives", "evaluation", "host_threads", "networks", "solves"),
    },
}
ALLOWED = {"faces": set()} | {room: below | {"faces"} for room, below in ALLOWED.items()}
# Needed for annotations or for a doctest only, so not an edge of the house.
TYPES_ONLY = {("claims", "networks")}

# The rooms that have floors of their own, from the ground up; an arrow goes down or stays.
INNER_FLOORS: dict[str, list[set[str]]] = {
    "derivatives": [
        {"_absent_modes", "_complex_values", "_kept_loops", "_methods", "_structures", "_trees"},
        {"checking", "counts", "shapes", "tracing", "vector_products"},
        {"differences", "layers"},
        {"planner"},
        {"_point_programs"},
        {"choice"},
        {"modes"},
        {"formulas"},
    ],
    "fitting": [
        {"target_or_arrays"},
        {"training", "orthogonal_greedy"},
        {"knots", "last_layer"},
        {"continuation"},
    ],
}
# What may be imported inside of a function, and why.
LATE = {
    "scipy": "loaded by few functions, takes a third of a second",
    "pandas": "an extra",
    "tqdm": "where a bar is shown",
    **dict.fromkeys(("cloudpickle", "dask", "distributed"), "an extra"),
    "jax": "rooms that plan or check without it",
}
LATE_OF_OURS = {
    ("approxlab.sweeps.plans", "approxlab.fitting.training.fit"): "plans are made without JAX",
    ("approxlab.answers._command", "approxlab.answers.asking"): "a quick --help",
    ("approxlab.answers._command", "approxlab.domains"): "a quick --help",
    ("approxlab.answers._command", "approxlab.targets.target"): "a quick --help",
}


def draws(function):
    """Whether a result draws itself here: its method `plot` opens the plotting room, late."""
    return isinstance(function, ast.FunctionDef) and function.name == "plot"


def of_pictures(name):
    return name.startswith("approxlab.plotting.")


def imports(path):
    """(module, whether for types or a picture alone) of every import of our own, at any depth."""
    tree = ast.parse(path.read_text())
    guarded = {
        node
        for block in ast.walk(tree)
        if isinstance(block, ast.If) and getattr(block.test, "id", "") == "TYPE_CHECKING"
        for node in ast.walk(block)
    }
    drawing = {node for f in ast.walk(tree) if draws(f) for node in ast.walk(f)}
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [f"{node.module}.{a.name}" for a in node.names]
        elif isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        for name in names:
            yield name, node in guarded or (node in drawing and of_pictures(name))


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


# Inside rooms


def module_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def file_graph(packages=("approxlab", "experiments")):
    """For each module of ours, the modules that it imports, whether early, late or for types."""
    files = {module_of(p): p for package in packages for p in (ROOT / package).rglob("*.py")}
    graph = {}
    for module, path in files.items():
        graph[module] = set()
        for name, _ in imports(path):
            parts = name.split(".")
            ends = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
            found = next((end for end in ends if end in files), None)
            if found not in (None, module):
                graph[module].add(found)
    return graph


def circle_in(graph):
    """Modules that import one another in a loop; empty if there are none."""
    left = dict(graph)
    while left:
        leaves = {module for module, below in left.items() if not below & left.keys()}
        if not leaves:
            return sorted(left)
        left = {module: below for module, below in left.items() if module not in leaves}
    return []


def test_no_circles_among_files():
    graph = file_graph()
    assert len(graph) > 200
    assert circle_in(graph) == []
    low, high = "approxlab.arguments", "approxlab.fitting"
    assert circle_in({**graph, low: {high}, high: {low}}) != []


def check_inner_floors(graph):
    for room, floors in INNER_FLOORS.items():
        height = {name: n for n, floor in enumerate(floors) for name in floor}
        for module, below in graph.items():
            inside = module.split(".")
            if len(inside) < 3 or inside[:2] != ["approxlab", room]:
                continue
            assert inside[2] in height, f"{module} has no place in INNER_FLOORS[{room!r}]"
            for other in below:
                parts = other.split(".")
                if len(parts) > 2 and parts[:2] == inside[:2]:
                    assert height[parts[2]] <= height[inside[2]], f"{module} imports {other}, above"


def test_arrows_inside_rooms_go_down():
    graph = file_graph()
    check_inner_floors(graph)
    for room, floors in INNER_FLOORS.items():
        low, high = (f"approxlab.{room}.{sorted(floor)[0]}" for floor in (floors[0], floors[-1]))
        with pytest.raises(AssertionError, match="above"):
            check_inner_floors({**graph, low: {high}})


def late_imports(path):
    """Modules that are imported inside of functions."""
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.FunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.ImportFrom):
                    if not (draws(function) and of_pictures(node.module)):
                        yield node.module
                elif isinstance(node, ast.Import):
                    yield from (alias.name for alias in node.names)


def test_imports_inside_functions_have_a_reason():
    for path in (ROOT / "approxlab").rglob("*.py"):
        for name in late_imports(path):
            listed = name.split(".")[0] in LATE or (module_of(path), name) in LATE_OF_OURS
            assert listed, f"{path.relative_to(ROOT)} imports {name} inside of a function"
    found = {(module_of(p), n) for p in (ROOT / "approxlab").rglob("*.py") for n in late_imports(p)}
    assert set(LATE_OF_OURS) <= found, "a reason without an import"


def test_the_library_does_not_import_by_the_faces_of_rooms():
    """From the file that defines a name: so a circle cannot hide behind a lazy face."""
    for module, below in file_graph(("approxlab",)).items():
        for other in below:
            face = (ROOT / other.replace(".", "/") / "__init__.pyi").exists()
            assert not face, f"{module} imports from {other}"


def test_few_lines_are_kept_from_the_formatter():
    files = [
        path for folder in ("approxlab", "experiments") for path in (ROOT / folder).rglob("*.py")
    ]
    mark = "# fmt: " + "skip"
    assert sum(path.read_text().count(mark) for path in files) <= 142


def test_the_library_never_imports_experiments_and_only_plotting_imports_matplotlib():
    for path in (ROOT / "approxlab").rglob("*.py"):
        for name, _ in imports(path):
            assert name.split(".")[0] != "experiments", path
            room = path.relative_to(ROOT / "approxlab").parts[0]
            assert name.split(".")[0] != "matplotlib" or room == "plotting", path


def test_experiments_import_only_the_runner_the_drawing_and_their_own_room():
    folder = ROOT / "experiments"
    shared = {"runner", "drawing"}
    for path in folder.glob("*/*.py"):
        room = path.parent.name
        below = {"runner": {"runner"}, "drawing": {"drawing"}}.get(room, shared | {room})
        for name, _ in imports(path):
            parts = name.split(".")
            if parts[0] == "experiments" and len(parts) > 1:
                assert parts[1] in below, f"{path.relative_to(ROOT)} imports {name}"


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

    with pytest.raises(AttributeError, match=f"approxlab has no '{name}', see dir"):
        getattr(al, name)


def test_names_of_the_list_of_slow_tests_exist():
    """A test that was renamed would come back into the ordinary command unnoticed."""
    for line in (ROOT / "tests" / "slow_repetitions.txt").read_text().splitlines():
        file, _, name = line.partition("::")
        assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text(), line
