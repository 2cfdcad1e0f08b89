"""Computes experiments again and says which numbers agree with the committed records.

    python -m experiments.reproduce                      # all, as their records were made
    python -m experiments.reproduce growth cybenko_1d    # some of them
    python -m experiments.reproduce --preset smoke       # does everything run? minutes

The time that it will take is said first. Each experiment runs in a process of its own and keeps its
rows in a folder of its own, so one that fails stops no other, and the same command goes on after an
interruption. What is compared: the rows, matched by the settings of their units, to the relative
tolerance that the table states; not times, nor what is said of a processor or by a compiler. A
record of another revision, preset, seed or settings is not comparable: then the findings are
checked, and the table says so. The table is also written as agreement.json.

Exit codes: 0 nothing differed and nothing failed, 1 something did, 2 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import math
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from approxlab import records
from experiments.__main__ import experiments
from experiments.runner.agreement import RTOL, compare, not_comparable
from experiments.runner.experiment import Experiment
from experiments.runner.settings import from_file
from experiments.runner.text_table import text_table
from experiments.runner.usage import UsageError, complain

ROOT = Path(__file__).resolve().parents[1]
RECORDED = "recorded"  # the preset that stands for the settings of the committed record
_SHOWN = 3  # of the differences of one experiment


@dataclasses.dataclass(frozen=True)
class Task:
    """One experiment to compute again: its settings, and the record to compare with."""

    experiment: Experiment
    preset: str
    config: Any
    record: records.Record | None
    record_file: Path
    no_record: str
    out: Path

    @property
    def name(self) -> str:
        """Name of the experiment."""
        return self.experiment.name

    @property
    def flags(self) -> list[str]:
        """What its command line says beside the name."""
        settings = ["--preset", self.preset]
        if self.preset == RECORDED:
            settings = ["--config", str(self.record_file)]
        return [*settings, "--out", str(self.out), "--quiet"]

    def expected(self) -> tuple[float | None, str]:
        """Seconds that it will take, and where they are from."""
        about = self.record.provenance if self.record is not None else {}
        if self.preset in (RECORDED, about.get("preset")) and about.get("finished"):
            span = (datetime.fromisoformat(about[end]) for end in ("started", "finished"))
            started, finished = span
            return max(1.0, (finished - started).total_seconds()), "its record"
        if self.experiment.seconds is None or self.config is None:
            return None, ""
        try:
            return self.experiment.seconds(self.config), "its own estimate"
        except (ArithmeticError, ValueError):
            return None, ""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what the command line says; returns the exit code."""
    known = experiments(Path(__file__).parent)
    options = _parser(known).parse_args(argv)
    try:
        tasks = _tasks(options, known)
    except UsageError as error:
        complain(f"reproduce: {error}")
        return 2
    _say_time(tasks)
    if options.dry_run:
        return 0
    results: list[dict[str, Any]] = []
    table_file = _out(options) / _table_name(options.shard)
    try:
        for task in tasks:
            print(f"{task.name} ...", end=" ", flush=True)
            results.append(_result(task))
            print(results[-1]["outcome"], flush=True)
            records.write_json_atomic(table_file, {"rtol": RTOL, "experiments": results})
    except KeyboardInterrupt:
        complain("\nreproduce: interrupted; the same command goes on from there.")
        return 130
    except OSError as error:
        complain(f"reproduce: {error.filename or table_file}: {error.strerror or error}.")
        return 1
    _say_results(results, table_file)
    return int(any(result["outcome"] in ("differs", "failed") for result in results))


def _parser(known: dict[str, str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m experiments.reproduce",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="experiments; all by default")
    parser.add_argument(
        "--preset",
        default=RECORDED,
        help="a preset of the experiments (smoke, default, paper), or 'recorded', the default: the "
        "settings with which each committed record was made",
    )
    parser.add_argument("--shard", metavar="I/N", help="every N-th experiment, from the I-th of 0")
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="folder for all results; runs/reproduce/PRESET"
    )
    parser.add_argument(
        "--records",
        type=Path,
        default=ROOT / "figures",
        metavar="DIR",
        help="folder of the records to compare with; figures/",
    )
    parser.add_argument("--dry-run", action="store_true", help="say the time it takes, no more")
    return parser


def _tasks(options: argparse.Namespace, known: dict[str, str]) -> list[Task]:
    if unknown := [name for name in options.names if name not in known]:
        raise UsageError(
            f"{unknown[0]!r} is no experiment; python -m experiments lists the {len(known)} names."
        )
    out = _out(options).resolve()
    for folder in (options.records.resolve(), ROOT / "figures"):
        if out == folder or folder in out.parents:
            raise UsageError(f"--out is {options.out}; expected a folder outside of the records.")
    index, count = _share(options.shard)
    names = list(dict.fromkeys(options.names or known))[index::count]
    return [_task(name, options, out / name) for name in names]


def _share(shard: str | None) -> tuple[int, int]:
    match = re.fullmatch(r"(\d{1,6})/(\d{1,6})", shard or "0/1")
    if match is None or not int(match[1]) < int(match[2]):
        raise UsageError(f"--shard is {shard!r}; expected I/N with I from 0 to N-1, such as 0/4.")
    return int(match[1]), int(match[2])


def _out(options: argparse.Namespace) -> Path:
    return options.out or ROOT / "runs" / "reproduce" / options.preset


def _table_name(shard: str | None) -> str:
    return "agreement.json" if shard is None else f"agreement.{shard.replace('/', '-of-')}.json"


def _task(name: str, options: argparse.Namespace, out: Path) -> Task:
    experiment = importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT
    presets, file = experiment.presets, (options.records / f"{name}.json").resolve()
    if options.preset not in (RECORDED, *presets):
        raise UsageError(
            f"--preset is {options.preset!r}; expected one of {', '.join((RECORDED, *presets))}."
        )
    record, problem = None, "there is no record"
    if file.is_file():
        try:
            record = records.read_record(file)
        except ValueError as error:
            problem = str(error)
    config = presets.get(options.preset)
    if record is not None and options.preset == RECORDED:
        try:
            _, config = from_file(file, name, experiment.config, presets)
        except UsageError as error:
            record, problem = None, str(error)
    return Task(experiment, options.preset, config, record, file, problem, out)


def _say_time(tasks: Sequence[Task]) -> None:
    total, unknown = 0.0, 0
    for task in tasks:
        seconds, origin = task.expected()
        text = f"{_duration(seconds)}, from {origin}" if seconds is not None else "not known"
        done = "; a run is there, it goes on from it" if task.out.is_dir() else ""
        print(f"{task.name:24}{text}{done}")
        total += seconds or 0.0
        unknown += seconds is None
    rest = f", and {unknown} of unknown time" if unknown else ""
    print(f"{len(tasks)} experiments, about {_duration(total)} without interruption{rest}\n")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{math.ceil(seconds)} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _result(task: Task) -> dict[str, Any]:
    """One line of the table."""
    line: dict[str, Any] = {"experiment": task.name, "preset": task.preset}
    if task.preset == RECORDED and task.record is None:
        return {**line, "outcome": "failed", "why": task.no_record}
    start = time.perf_counter()
    code, message = _computed(task)
    line["seconds"] = round(time.perf_counter() - start, 1)
    if code != 0:
        what = "findings failed" if code == 4 else f"exit code {code}"
        return {**line, "outcome": "failed", "why": f"{what}: {message}"}
    now = records.read_record(task.out / f"{task.name}.json")
    if task.record is None:
        bad = task.record_file.is_file()
        return {**line, "outcome": "failed" if bad else "not comparable", "why": task.no_record}
    if reason := not_comparable(task.record, now):
        return {**line, "outcome": "not comparable", "why": f"{reason}; the findings hold"}
    return {**line, **_compared(task, now)}


def _compared(task: Task, now: records.Record) -> dict[str, Any]:
    assert task.record is not None
    found = compare(task.experiment, task.config, task.record, now)
    line: dict[str, Any] = {"rows": found.rows, "values": found.values, "rtol": RTOL}
    line["largest_difference"] = found.largest if math.isfinite(found.largest) else "other value"
    if found.absent:
        line["not_installed"] = found.absent
    if not found.problems:
        return {**line, "outcome": "agrees"}
    return {
        **line,
        "outcome": "differs",
        "why": f"{len(found.problems)} differences, the largest: {found.where}",
        "differences": list(found.problems[:_SHOWN]),
    }


def _computed(task: Task) -> tuple[int, str]:
    """Exit code of its own process, and what it complained of."""
    task.out.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", f"experiments.{task.name}", *task.flags]
    done = subprocess.run(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode == 130:
        raise KeyboardInterrupt
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    said = next((line for line in lines if task.name in line), lines[-1] if lines else "")
    return done.returncode, said[:300]


def _say_results(results: Sequence[dict[str, Any]], table_file: Path) -> None:
    fields = ("experiment", "preset", "outcome", "rows", "values", "largest_difference", "seconds")
    print(
        "\n" + text_table([{name: one[name] for name in fields if name in one} for one in results])
    )
    for one in results:
        if "not_installed" in one:
            rows = f"{one['not_installed']} rows of packages that are not installed"
            print(f"\n{one['experiment']}: {rows} were not compared")
        if "why" in one:
            print(f"\n{one['experiment']}: {one['why']}")
        for difference in one.get("differences", ()):
            print(f"  {difference}")
    counts = {
        what: sum(one["outcome"] == what for one in results)
        for what in ("agrees", "not comparable", "differs", "failed")
    }
    print(
        f"\n{counts['agrees']} agree with their records to a relative {RTOL:g}; "
        f"{counts['not comparable']} are not comparable, their findings hold; "
        f"{counts['differs']} differ; {counts['failed']} failed.\nTable: {table_file}"
    )


if __name__ == "__main__":
    raise SystemExit(main())
