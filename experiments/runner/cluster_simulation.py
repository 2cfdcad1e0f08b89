"""How well would 8, 64 or 512 workers of a cluster be used? A simulation with recorded times.

    python -m experiments.runner.cluster_simulation

The units of a preset start longest first, each on the worker that is free first, as `--dask` lets
them, long ones in parts. The time of a unit is the one stored with its rows in runs/NAME/PRESET,
where all units have one; else that of its fits in the published record. A part compiles for itself,
and takes its share of the rest by rounds of as many seeds as a worker computes at once. What is not
divided: plan, checks, captions and figures, timed here, and a few milliseconds for every unit or
part that is handed out and stored.
"""

from __future__ import annotations

import heapq
import importlib
import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from approxlab import records
from experiments.runner.experiment import Experiment
from experiments.runner.parts import Part, divided, rounds
from experiments.runner.settings import from_file
from experiments.runner.times import seconds_of_fits, seconds_of_units

WORKERS = (8, 64, 512)
EXPERIMENTS = ("width_vs_depth", "student_teacher", "trained_or_solved")
HANDING_OUT_S = 0.005  # of client and scheduler for a unit, measured with units of no time
CORES = 2  # of a worker, as of the process whose times were recorded
ROOT = Path(__file__).parents[2]
RECORD = ROOT / "docs" / "cluster_simulation.json"


def makespan(seconds: Sequence[float], workers: int) -> float:
    """When the last unit ends, if the longest unit that is left goes to the first free worker.

    Example:
        >>> makespan([1.0, 3.0, 1.0, 1.0], 2)
        3.0
    """
    free = [0.0] * workers
    for one in sorted(seconds, reverse=True):
        heapq.heapreplace(free, free[0] + one)
    return max(free)


def simulated(
    name: str, pieces: Sequence[Sequence[float]], undivided: float, one_worker: float
) -> list[dict[str, Any]]:
    """For each number of workers: the end, and speed-up and efficiency against one worker."""
    rows = []
    for workers, seconds in zip(WORKERS, pieces, strict=True):
        ends = undivided + HANDING_OUT_S * len(seconds) + makespan(seconds, workers)
        rows.append(
            {
                "experiment_name": name,
                "workers": workers,
                "pieces": len(seconds),
                "sum_s": round(sum(seconds), 1),
                "one_worker_s": round(one_worker, 1),
                "longest_s": round(max(seconds), 1),
                "end_s": round(ends, 1),
                "speed_up": round(one_worker / ends, 1),
                "efficiency": round(one_worker / ends / workers, 3),
            }
        )
    return rows


def recorded(experiment: Experiment) -> dict[str, Any]:
    """Seconds of the units of the published record, how many seeds they have, and of all else."""
    started = time.process_time()
    file = ROOT / "figures" / f"{experiment.name}.json"
    record = records.read_record(file)
    _, config = from_file(file, experiment.name, experiment.config, experiment.presets)
    units = [dict(unit) for unit in experiment.units(config)]
    experiment.check(record.rows)
    experiment.caption(record.rows)
    if experiment.draw is not None:
        experiment.draw(record.rows).savefig(io.BytesIO(), format="png")
    undivided = time.process_time() - started
    compiling, others = _of_units(experiment, record, units)
    apart = experiment.seeds or (lambda unit: 1)
    return {
        "undivided_s": round(undivided, 1),
        "compile_s": [round(one, 2) for one in compiling],
        "others_s": [round(one, 2) for one in others],
        "seeds": [apart(unit) for unit in units],
    }


def _of_units(
    experiment: Experiment, record: records.Record, units: Sequence[Mapping[str, Any]]
) -> tuple[list[float], list[float]]:
    runs = ROOT / "runs" / experiment.name / str(record.provenance["preset"])
    stored = seconds_of_units(units, records.read_rows(*sorted(runs.glob("rows*.jsonl")))[0])
    compiling, others = [], []
    for fits, seconds in zip(seconds_of_fits(units, record.rows), stored, strict=True):
        once, rest = fits or (0.0, 0.0)
        compiling.append(once)
        others.append(rest if None in stored else max(0.0, (seconds or 0.0) - once))
    return compiling, others


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """In Markdown: a line for every experiment."""
    lines = [
        "| experiment | units and parts | one worker | longest | "
        + " | ".join(f"{workers} workers" for workers in WORKERS)
        + " |",
        "|---" * (4 + len(WORKERS)) + "|",
    ]
    for name in dict.fromkeys(row["experiment_name"] for row in rows):
        mine = [row for row in rows if row["experiment_name"] == name]
        pieces = _each([str(row["pieces"]) for row in mine])
        longest = _each([f"{row['longest_s']:.1f} s" for row in mine])
        cells = [f"{row['speed_up']:.1f} times, {row['efficiency']:.0%}" for row in mine]
        lines.append(
            f"| {name} | {pieces} | {mine[0]['one_worker_s']:.0f} s | {longest} | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def _each(texts: Sequence[str]) -> str:
    """One text, or those of all numbers of workers."""
    return texts[0] if len({*texts}) == 1 else ", ".join(texts)


def simulate(times: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the table, from the times of each experiment, as the record keeps them."""
    rows: list[dict[str, Any]] = []
    for name, one in times.items():
        whole = _whole(one)
        ways = {name: [divided(whole, workers, CORES) for workers in WORKERS]}
        if any(len(unit.seeds or ()) > CORES for unit in whole):
            ways[f"{name}, no unit in parts"] = [whole for _ in WORKERS]
            ways[f"{name}, all units in parts"] = [_smallest(whole) for _ in WORKERS]
        undivided = one["undivided_s"] + HANDING_OUT_S * len(whole)
        one_worker = undivided + sum(_lasting(one, whole))
        for title, parts in ways.items():
            seconds = [_lasting(one, of_workers) for of_workers in parts]
            rows += simulated(title, seconds, one["undivided_s"], one_worker)
    return rows


def _whole(times: Mapping[str, Any]) -> list[Part]:
    return [
        Part(str(i), range(seeds), once + rest)
        for i, (once, rest, seeds) in enumerate(
            zip(times["compile_s"], times["others_s"], times["seeds"], strict=True)
        )
    ]


def _smallest(units: Sequence[Part]) -> list[Part]:
    """All units in parts of as many seeds as a worker computes at once."""
    return [
        Part(unit.unit, unit.seeds[i : i + CORES])
        for unit in units
        if unit.seeds is not None
        for i in range(0, len(unit.seeds), CORES)
    ]


def _lasting(times: Mapping[str, Any], parts: Sequence[Part]) -> list[float]:
    """Seconds of the parts: compilation, which each repeats, and their rounds of all else."""
    lasting = []
    for part in parts:
        unit = int(part.unit)
        once, others, count = (times[name][unit] for name in ("compile_s", "others_s", "seeds"))
        all_of_them = range(count)
        own = rounds(part.seeds or all_of_them, CORES)
        lasting.append(once + others * own / rounds(all_of_them, CORES))
    return lasting


def main() -> int:
    """Simulates, prints the table and writes the record."""
    times = {
        name: recorded(importlib.import_module(f"experiments.{name}.experiment").EXPERIMENT)
        for name in EXPERIMENTS
    }
    rows = simulate(times)
    records.write_json_atomic(RECORD, {"times": times, "rows": rows})
    print(table(rows))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
