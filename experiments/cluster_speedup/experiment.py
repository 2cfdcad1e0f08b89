"""How much sooner does a sweep end with the workers of --dask, and are its rows the same?

The same units of `gap_to_optimum`, some equal and some not, are computed in one process and by the
workers of `--dask local:N`, each time in fresh processes: first with an empty folder for compiled
programs, when the lengths of the units are not known and they start in the order of the plan; then
again (`--force`) with the programs that are there, the longest unit first; and once more with
nothing left to compute, which is what starting, checking and drawing take.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from approxlab import records
from approxlab.arguments import check_positive
from experiments import runner
from experiments.cluster_speedup.figure import draw
from experiments.cluster_speedup.findings import caption, check, table
from experiments.runner.usage import complain

REVISION = 1

_ROOT = Path(__file__).resolve().parents[2]
_SWEPT = "gap_to_optimum"
_RUNS = {"first": (), "again": ("--force",), "start": ()}


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    workers: tuple[int, ...] = (1, 2)
    """Numbers of workers; one process without workers is always measured."""
    targets: tuple[str, ...] = ("sin", "gaussian", "exp", "runge", "sine2")
    """Targets of the sweep: units of equal length where all else is equal."""
    pieces: tuple[int, ...] = (16, 64)
    """Numbers of pieces of the sweep."""
    methods: tuple[str, ...] = ("adam", "levenberg_marquardt", "greedy", "polished")
    """Methods of the sweep."""
    adam_steps: int = 20_000
    """Steps of Adam in the sweep."""
    solver_steps: int = 200
    """Steps of Levenberg-Marquardt in the sweep."""
    repeats: int = 1
    """How often all is measured."""


PRESETS = {
    "smoke": Config(
        workers=(2,), targets=("runge",), pieces=(8,), methods=("adam", "polished"), adam_steps=50
    ),
    "default": Config(),
    "paper": Config(repeats=3),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit for each repeat, with all ways to compute, whose rows are compared."""
    check_positive(repeats=config.repeats)
    for workers in config.workers:
        check_positive(workers=workers)
    settings = {
        "workers": " ".join(map(str, config.workers)),
        "targets": " ".join(config.targets),
        "pieces": " ".join(map(str, config.pieces)),
        "methods": " ".join(config.methods),
        "adam_steps": config.adam_steps,
        "solver_steps": config.solver_steps,
    }
    return [{"swept": _SWEPT, **settings, "repeat": repeat} for repeat in range(config.repeats)]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """A row for one process (0 workers) and for each number of workers."""
    rows: list[dict[str, Any]] = []
    alone: Sequence[Mapping[str, Any]] = []
    for count in (0, *map(int, unit["workers"].split())):
        if count and importlib.util.find_spec("distributed") is None:
            complain("left out, not installed: distributed. For it: pip install -e '.[cluster]'")
            rows.append({"num_workers": count, "status": "not installed"})
            continue
        measured, found = _measured(unit, run, count)
        alone = alone or found[0]
        same = all(records.same_numbers(alone, one) for one in found)
        rows.append({"num_workers": count, "status": "timed", **measured, "same_rows": same})
    return rows


def seconds(config: Config) -> float:
    """Expected time on two cores; measured."""
    cells = len(config.targets) * len(config.pieces) * len(config.methods)
    return config.repeats * (1 + len(config.workers)) * (8.0 + 0.9 * cells)


def _measured(
    unit: Mapping[str, Any], run: runner.RunInfo, workers: int
) -> tuple[dict[str, Any], list[Sequence[Mapping[str, Any]]]]:
    """Times of the runs, and the rows of those that compute."""
    row: dict[str, Any] = {}
    found: list[Sequence[Mapping[str, Any]]] = []
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        for name, flags in _RUNS.items():
            start, cpu = time.perf_counter(), _of_children()
            _sweep(unit, run, workers, Path(folder), flags)
            row[f"{name}_s"] = time.perf_counter() - start
            if name == "start":
                continue
            row[f"{name}_cpu_s"] = _of_children() - cpu
            found.append(records.read_record(out / f"{_SWEPT}.json").rows)
            times = _times_of_units(out / "rows.jsonl")
            row |= {f"{name}_units_s": sum(times), f"{name}_longest_s": max(times)}
    return {**row, "num_units": len(times), "num_rows": len(found[0])}, found


def _sweep(
    unit: Mapping[str, Any], run: runner.RunInfo, workers: int, folder: Path, flags: Sequence[str]
) -> None:
    """One run in a fresh process, with programs and rows in a folder of its own."""
    lists = ("targets", "pieces", "methods")
    numbers = ("adam_steps", "solver_steps")
    command = [sys.executable, "-m", f"experiments.{_SWEPT}", "--out", str(folder / "out")]
    command += ["--quiet", "--seed", str(run.seed), *["--no-x64"] * (run.dtype == "float32")]
    command += ["--shard", "0/1"]  # all units, in a task of an array too
    command += ["--adam-seeds", "1", "--cases", "A6", "--shown", unit["targets"].split()[0]]
    for name in lists:
        command += [f"--{name}", *unit[name].split()]
    for name in numbers:
        command += [f"--{name.replace('_', '-')}", str(unit[name])]
    command += [*flags, *(["--dask", f"local:{workers}"] if workers else [])]
    kept = {
        "JAX_COMPILATION_CACHE_DIR": str(folder / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
    done = subprocess.run(
        command, cwd=_ROOT, env={**os.environ, **kept}, capture_output=True, text=True, check=False
    )
    if done.returncode:
        shown = " ".join(["python", *command[1:3], "...", *command[-2:]])
        raise RuntimeError(f"{shown} failed: {done.stderr[-2000:]}")


def _times_of_units(file: Path) -> list[float]:
    """The seconds of every unit, where it was computed."""
    rows: Sequence[Mapping[str, Any]] = records.read_rows(file)[0]
    return list({row["unit"]: row["unit_s"] for row in rows if "unit_s" in row}.values())


def _of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


EXPERIMENT = runner.Experiment(
    name="cluster_speedup",
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
