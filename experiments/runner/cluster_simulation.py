"""How well would 8, 64 or 512 workers of a cluster be used? A simulation with recorded times.

    python -m experiments.runner.cluster_simulation

The units of a preset start longest first, each on the worker that is free first, as `--dask` lets
them. The time of a unit is the one stored with its rows in runs/NAME/PRESET, where all units have
one; else that of its fits in the published record. What is not divided: plan, checks, captions and
figures, timed here, and a few milliseconds for every unit that is handed out and stored.
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
from experiments.runner.settings import from_file
from experiments.runner.times import rows_of_units, seconds_of_units

WORKERS = (8, 64, 512)
EXPERIMENTS = ("width_vs_depth", "student_teacher", "trained_or_solved")
HANDING_OUT_S = 0.005  # of client and scheduler for a unit, measured with units of no time
_TIMES = ("compile_s", "run_s", "spent_s")  # of one fit, in the rows of records
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
    name: str, seconds: Sequence[float], undivided: float, one_worker: float
) -> list[dict[str, Any]]:
    """For each number of workers: the end, and speed-up and efficiency against one worker."""
    rows = []
    for workers in WORKERS:
        ends = undivided + makespan(seconds, workers)
        rows.append(
            {
                "experiment_name": name,
                "workers": workers,
                "units": len(seconds),
                "sum_s": round(sum(seconds), 1),
                "one_worker_s": round(one_worker, 1),
                "undivided_s": round(undivided, 1),
                "longest_unit_s": round(max(seconds), 1),
                "end_s": round(ends, 1),
                "speed_up": round(one_worker / ends, 1),
                "efficiency": round(one_worker / ends / workers, 3),
            }
        )
    return rows


def recorded(experiment: Experiment) -> dict[str, Any]:
    """Seconds of the units of the published record, also cut into seeds, and of all else."""
    started = time.process_time()
    file = ROOT / "figures" / f"{experiment.name}.json"
    record = records.read_record(file)
    _, config = from_file(file, experiment.name, experiment.config, experiment.presets)
    units = [dict(unit) for unit in experiment.units(config)]
    experiment.check(record.rows)
    experiment.caption(record.rows)
    if experiment.draw is not None:
        experiment.draw(record.rows).savefig(io.BytesIO(), format="png")
    undivided = time.process_time() - started + HANDING_OUT_S * len(units)
    whole, split = _of_units(experiment, record, units)
    return {"undivided_s": round(undivided, 1), "units_s": whole, "split_s": split}


def _of_units(
    experiment: Experiment, record: records.Record, units: Sequence[Mapping[str, Any]]
) -> tuple[list[float], list[float]]:
    runs = ROOT / "runs" / experiment.name / str(record.provenance["preset"])
    stored = seconds_of_units(units, records.read_rows(*sorted(runs.glob("rows*.jsonl")))[0])
    whole, split = [], []
    for unit, rows, seconds in zip(units, rows_of_units(units, record.rows), stored, strict=True):
        once, *rest = (max((row.get(name) or 0.0 for row in rows), default=0.0) for name in _TIMES)
        if None not in stored:
            rest = [max(0.0, (seconds or 0.0) - once)]
        whole.append(round(once + sum(rest), 2))
        seeds = unit.get("seeds", 1)
        split += [round(once + sum(rest) / seeds, 2)] * seeds  # each compiles for itself
    return whole, split


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """In Markdown: a line for every experiment."""
    lines = [
        "| experiment | units | one worker | longest unit | not divided | "
        + " | ".join(f"{workers} workers" for workers in WORKERS)
        + " |",
        "|---" * (5 + len(WORKERS)) + "|",
    ]
    for name in dict.fromkeys(row["experiment_name"] for row in rows):
        mine = [row for row in rows if row["experiment_name"] == name]
        first = mine[0]
        cells = [f"{row['speed_up']:.1f} times, {row['efficiency']:.0%}" for row in mine]
        lines.append(
            f"| {name} | {first['units']} | {first['one_worker_s']:.0f} s | "
            f"{first['longest_unit_s']:.1f} s | {first['undivided_s']:.1f} s | "
            + " | ".join(cells)
            + " |"
        )
    return "\n".join(lines)


def simulate(times: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The rows of the table, from the times of each experiment, as the record keeps them."""
    rows: list[dict[str, Any]] = []
    for name, one in times.items():
        one_worker = one["undivided_s"] + sum(one["units_s"])
        rows += simulated(name, one["units_s"], one["undivided_s"], one_worker)
        if len(one["split_s"]) > len(one["units_s"]):
            split = f"{name}, a unit for each seed"
            rows += simulated(split, one["split_s"], one["undivided_s"], one_worker)
    return rows


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
