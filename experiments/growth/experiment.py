"""How does the time of the dearest calls grow with the size of the problem?

Each task is one call at several sizes: CPU seconds of all its threads, without compilation (median
of calls after the first) and with it (the first call), and the fitted exponent of the growth. An
earlier version of the library can be measured beside it, on the same machine in the same run:

    python -m experiments.growth --preset paper --before 56b7503
    python -m experiments.growth --tasks evaluate greedy_1d --before HEAD~1

The commit is read from this repository (`git archive`), and every task is measured in a process of
its own, so that the two versions do not meet. The task stays the same: only `approxlab` is
replaced. Of both versions one number of each result is kept, and these must agree.
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from experiments import runner
from experiments.growth.figure import draw
from experiments.growth.findings import caption, check, table
from experiments.growth.tasks import TASKS

REVISION = 2

_ROOT = Path(__file__).resolve().parents[2]
_DIGITS = 6  # of the number that is kept of a result: what rounding changes is no other result


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    tasks: tuple[str, ...] = tuple(TASKS)
    """The tasks that are timed."""
    sizes: Literal["smoke", "default", "paper"] = "default"
    """Which sizes of the tasks."""
    before: str = ""
    """An earlier commit of this repository, whose library is timed beside this one."""


PRESETS = {
    "smoke": Config(tasks=("evaluate", "greedy_1d"), sizes="smoke"),
    "default": Config(before="56b7503"),
    "paper": Config(sizes="paper", before="56b7503"),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every task, with this library and with the earlier one."""
    for name in config.tasks:
        if name not in TASKS:
            raise ValueError(f"tasks: got {name!r}, expected some of {', '.join(TASKS)}.")
    plan = []
    for task in (TASKS[name] for name in config.tasks):
        sizes = task.sizes(config.sizes)
        earlier = tuple(size for size in sizes if size <= task.before)
        plan.append({"task": task.name, "library": "this", "sizes": _joined(sizes)})
        if config.before and earlier:
            plan.append({"task": task.name, "library": config.before, "sizes": _joined(earlier)})
    return plan


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per size, from a process of its own."""
    if unit["library"] == "this":
        return _timed(unit, run)
    with tempfile.TemporaryDirectory() as folder:
        _extract(unit["library"], folder)
        return _timed(unit, run, folder)


def seconds(config: Config) -> float:
    """Expected time on two cores; measured."""
    each = {"smoke": 3.0, "default": 5.0, "paper": 60.0}[config.sizes]
    return each * len(config.tasks) * (2.0 if config.before else 1.0)


def _joined(sizes: Sequence[int]) -> str:
    return " ".join(str(size) for size in sizes)


def _timed(
    unit: Mapping[str, Any], run: runner.RunInfo, *folder: str
) -> Sequence[Mapping[str, Any]]:
    module = "experiments.growth.timing"
    arguments = [unit["task"], unit["sizes"], str(run.seed), run.dtype, *folder]
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed: {done.stderr[-2000:]}")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    return [{**row, "value": float(f"{row['value']:.{_DIGITS}g}")} for row in rows]


def _extract(commit: str, folder: str) -> None:
    """The library of a commit, into a folder."""
    command = ["git", "archive", "--format=tar", commit, "approxlab"]
    done = subprocess.run(command, cwd=_ROOT, capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(
            f"before: got {commit!r}, expected a commit of this repository (git says: "
            f"{done.stderr.decode().strip()}). Leave it empty to time this version alone."
        )
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")


EXPERIMENT = runner.Experiment(
    name="growth",
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
