"""What does a user wait for on first use, and what does it take when everything is compiled?

Every case is the first call of a fresh process that finds no compiled programs on disk, and then
the same call again. Modules are bytecode already, as `pip install` leaves them. The time of a call
has three parts: what JAX spends on compilation, the rest of the wait (modules that are loaded,
programs that are traced for shapes alone, the start of the backend), and what the call takes again.
`import jax` is counted apart. The main command is a process by itself: with an empty folder for
compiled programs, and again with what the first one left there.

A second Python, with another version of JAX, is measured beside this one where the environment
names it:

    APPROXLAB_OTHER_PYTHON=path/to/python python -m experiments.first_use

Without it its rows say that it is not installed.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from approxlab import records
from approxlab.arguments import check_positive
from experiments import runner
from experiments.first_use.cases import MAIN, Case
from experiments.first_use.figure import draw
from experiments.first_use.findings import caption, check, table
from experiments.runner.usage import complain

REVISION = 2

_ROOT = Path(__file__).resolve().parents[2]
_OTHER = "APPROXLAB_OTHER_PYTHON"
_VERSIONS = """
import json, platform, jax
print(json.dumps({"jax_version": jax.__version__, "python_version": platform.python_version()}))
"""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    cases: tuple[Case, ...] = get_args(Case)
    """What is called first; width_vs_depth is the main command."""
    pythons: tuple[Literal["this", "other"], ...] = ("this", "other")
    """This Python, and the one that APPROXLAB_OTHER_PYTHON names."""
    repeats: int = 3
    """Fresh processes for each call; the main command has one."""
    steps: int = 50
    """Steps of the fits."""


PRESETS = {
    "smoke": Config(cases=("import", "evaluate", "adam"), repeats=1, steps=25),
    "default": Config(),
    "paper": Config(repeats=5),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every case with every Python."""
    check_positive(repeats=config.repeats, steps=config.steps)
    calls = {"repeats": config.repeats, "steps": config.steps}
    return [
        {"case": case, "python": python, **({"repeats": 1} if case == MAIN else calls)}
        for case in config.cases
        for python in config.pythons
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row for every fresh process, or for every one that there is no Python for."""
    python = sys.executable if unit["python"] == "this" else os.environ.get(_OTHER)
    if not python:
        complain(
            f"left out, not installed: {unit['case']} with another JAX. For it: "
            f"{_OTHER}=path/to/python python -m experiments.first_use --force"
        )
        return [{"status": "not installed", "repeat": repeat} for repeat in range(unit["repeats"])]
    _write_bytecode(python)
    measure = _main_command if unit["case"] == MAIN else _call
    return [
        {"status": "timed", "repeat": repeat, **measure(python, unit, run)}
        for repeat in range(unit["repeats"])
    ]


def seconds(config: Config) -> float:
    """Expected time on two cores; measured."""
    main = 90.0 * (MAIN in config.cases)
    calls = 2.5 * config.repeats * sum(case != MAIN for case in config.cases)
    return (main + calls) * len(config.pythons)


@functools.cache
def _write_bytecode(python: str) -> None:
    """As an installation does."""
    _output([python, "-m", "compileall", "-q", "approxlab", "experiments"])


def _call(python: str, unit: Mapping[str, Any], run: runner.RunInfo) -> dict[str, Any]:
    module = "experiments.first_use.timing"
    settings = [unit["case"], str(run.seed), str(unit["steps"]), run.dtype]
    text = _output([python, "-m", module, *settings], JAX_ENABLE_COMPILATION_CACHE="false")
    return dict(json.loads(text.splitlines()[-1]))


def _main_command(python: str, unit: Mapping[str, Any], run: runner.RunInfo) -> dict[str, Any]:
    """Wall and CPU seconds of the whole process, and what it says of compilation."""
    row: dict[str, Any] = json.loads(_output([python, "-c", _VERSIONS]))
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "again"):
            out = Path(folder) / name
            flags = ["--out", str(out), "--seed", str(run.seed), "--shard", "0/1", "--quiet"]
            flags += ["--no-x64"] * (run.dtype == "float32")
            start, cpu = time.perf_counter(), _of_children()
            _output(
                [python, "-m", f"experiments.{MAIN}", *flags], **_kept_in(Path(folder) / "kept")
            )
            row |= {
                f"{name}_s": time.perf_counter() - start,
                f"{name}_cpu_s": _of_children() - cpu,
                **{f"{name}_{key}": value for key, value in _told(out / f"{MAIN}.json").items()},
            }
    return row


def _kept_in(folder: Path) -> dict[str, str]:
    """Where JAX keeps compiled programs: all of them, as the runner does in a folder of its own."""
    return {
        "JAX_ENABLE_COMPILATION_CACHE": "true",
        "JAX_COMPILATION_CACHE_DIR": str(folder),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }


def _told(record: Path) -> dict[str, Any]:
    """What the fits of the main command say of their times: a fit is a row for each seed."""
    rows: Sequence[Mapping[str, Any]] = records.read_record(record).rows
    times = [row["compile_s"] for row in rows if row.get("seed") == 0 and "compile_s" in row]
    return {"compile_s": sum(times), "programs": sum(one > 0.0 for one in times)}


def _of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _output(command: Sequence[str], **environment: str) -> str:
    """What a process prints, without compiled programs of other runs."""
    inherited = {k: v for k, v in os.environ.items() if k != "JAX_COMPILATION_CACHE_DIR"}
    done = subprocess.run(
        command,
        cwd=_ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        shown = " ".join([f"python{sys.version_info.major}", *command[1:4]])
        raise RuntimeError(f"{shown} failed: {done.stderr[-2000:]}")
    return done.stdout


EXPERIMENT = runner.Experiment(
    name="first_use",
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
