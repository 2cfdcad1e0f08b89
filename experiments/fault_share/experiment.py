"""Which share of faults planted by machine into the kernel of `certify` do its tests find?

In the eleven files of intervals, matrix products and elementary functions, one place at a time is
changed: a rounding outward is dropped or turned inward, a pad of an error bound removed, minimum
and maximum or lower and upper ends swapped, the last digit of a constant changed. On a copy of the
room with this one change run the self-test and the quick tests of arithmetic (`tests/certify`). A
fault is found if any of them fails. Those that are not found are named, with the reason.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.fault_share.figure import draw
from experiments.fault_share.findings import caption, check, table

REVISION = 1

_TESTS = Path(__file__).parents[2] / "tests"
_FILES = (
    "_rounding",
    "_intervals",
    "_matrix_products",
    "_exponentials",
    "_logarithms",
    "_trigonometry",
    "_error_functions",
    "_roots",
    "_elementary",
    "_activation_points",
    "_activation_ranges",
)


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    files: tuple[str, ...] = _FILES
    """Files of `approxlab/certify` into which faults are planted."""
    most_faults: int = 1000
    """Of a file with more faults, a random sample of this size."""


PRESETS = {
    "smoke": Config(files=("_roots", "_matrix_products"), most_faults=5),
    "default": Config(),
    "paper": Config(),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every file."""
    check_positive(most_faults=config.most_faults)
    for name in config.files:
        if name not in _FILES:
            raise ValueError(f"files: got {name!r}, expected some of {_FILES}.")
    return [{"file": name, "most_faults": config.most_faults} for name in config.files]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per fault: what it is, and whether it is found."""
    tests = _tests()
    file = f"{unit['file']}.py"
    chosen = list(tests.faults((tests.ROOM / file).read_text()))
    possible = len(chosen)
    if possible > unit["most_faults"]:
        chosen = random.Random(run.seed).sample(chosen, unit["most_faults"])
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if tests.found(Path(folder), "unchanged_copy", {}):
            raise RuntimeError("The checks fail on an unchanged copy of approxlab/certify.")
        for number, (told, source) in enumerate(chosen):
            kind, _, place = told.partition(", line ")
            line, _, code = place.partition(": ")
            found = tests.found(Path(folder), f"faulty_copy_{number}", {file: source})
            rows.append(
                {
                    "possible": possible,
                    "kind": kind.rsplit(" ", 1)[-1] if "last" not in kind else "last digit",
                    "fault": kind,
                    "line": int(line),
                    "code": code,
                    "found": int(found),
                }
            )
    return rows


def _tests() -> Any:
    """The module of tests that plants faults and looks for them; `tests` is no package."""
    folders = [str(_TESTS), str(_TESTS / "certify")]
    sys.path[:0] = folders
    try:
        return importlib.import_module("test_kernel_faults")
    finally:
        for folder in folders:
            sys.path.remove(folder)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    return 3.0 + len(config.files) * (2.0 + 0.25 * min(config.most_faults, 30))


EXPERIMENT = runner.Experiment(
    name="fault_share",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    seconds=seconds,
)
