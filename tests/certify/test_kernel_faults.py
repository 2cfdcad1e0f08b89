"""Faults planted by machine into the kernel: the self-test or the tests of arithmetic find them."""

import inspect
import random
import shutil
import sys
from pathlib import Path

import pytest
from machine_made_faults import Copy, faults

import approxlab

sys.path.insert(0, str(Path(__file__).parent))
import test_constants
import test_intervals
import test_matrix_products

sys.path.pop(0)

ROOM = Path(approxlab.__file__).parent / "certify"
FILES = [
    "_rounding.py",
    "_intervals.py",
    "_matrix_products.py",
    "_exponentials.py",
    "_logarithms.py",
    "_trigonometry.py",
    "_error_functions.py",
    "_roots.py",
    "_elementary.py",
    "_activation_points.py",
    "_activation_ranges.py",
]


def quick_checks(load):
    """The self-test and the tests of intervals and matrix products, on the copy."""
    yield lambda: load("_self_test").self_test() == [] or pytest.fail("self-test")
    replaced = {
        "Intervals": load("_intervals").Intervals,
        "matmul": load("_matrix_products").matmul,
    } | {name: getattr(load("_rounding"), name) for name in load("_rounding").__all__}
    for name, function in vars(test_constants).items():
        if name.startswith("test_"):
            yield lambda f=function: _with(test_constants, {"room": load}, _in_many_digits(f), {})
    for module in (test_intervals, test_matrix_products):
        for name, function in vars(module).items():
            if not name.startswith("test_"):
                continue
            arguments = [{}]
            if "name" in inspect.signature(function).parameters:
                arguments = [{"name": operation} for operation in test_intervals.OPERATIONS]
                if name == "test_points_are_enclosed_narrowly":
                    arguments = [{"name": "add"}, {"name": "multiply"}, {"name": "divide"}]
            if "divisor" in inspect.signature(function).parameters:
                arguments = [{"divisor": 3}, {"divisor": 5}, {"divisor": 11}]
            if "spread" in inspect.signature(function).parameters:
                arguments = [{"spread": 0}]
            for given in arguments:
                if "seed" in inspect.signature(function).parameters:
                    given = given | {"seed": 0}
                yield lambda f=function, g=given, m=module: _with(m, replaced, f, g)


def _in_many_digits(function):
    def run():
        with test_constants.references.localcontext() as context:
            context.prec = 120
            function()

    return run


def _with(module, replaced, function, given):
    kept = {name: vars(module)[name] for name in replaced if name in vars(module)}
    try:
        for name in kept:
            setattr(module, name, replaced[name])
        function(**given)
    finally:
        for name, value in kept.items():
            setattr(module, name, value)


def found(folder, name, replaced):
    """Whether any check fails, or the copy does not even start."""
    try:
        with Copy(ROOM, folder, name, replaced) as load:
            for check in quick_checks(load):
                check()
    except (Exception, pytest.fail.Exception):
        return True
    finally:
        shutil.rmtree(folder / name, ignore_errors=True)
    return False


def all_faults():
    return [
        (file, told, source) for file in FILES for told, source in faults((ROOM / file).read_text())
    ]


def test_an_unchanged_copy_passes(tmp_path):
    assert not found(tmp_path, "unchanged_copy", {})


def survivors(folder, chosen):
    return [
        f"{file}: {told}"
        for number, (file, told, source) in enumerate(chosen)
        if not found(folder, f"faulty_copy_{number}", {file: source})
    ]


@pytest.mark.slow
def test_a_few_faults_are_found(tmp_path):
    chosen = random.Random(0).sample(all_faults(), 3)
    assert len(survivors(tmp_path, chosen)) <= 1


@pytest.mark.slow
@pytest.mark.long
def test_nearly_all_faults_are_found(tmp_path, record_property):
    """At least 97 of 100; the others are no faults, as `experiments.fault_share` tells."""
    chosen = all_faults()
    left = survivors(tmp_path, chosen)
    record_property("faults", len(chosen))
    record_property("found", len(chosen) - len(left))
    assert len(chosen) >= 100
    assert len(left) <= 0.03 * len(chosen), left
