"""Runs an experiment: plan, resume, progress, check, save. Nothing mathematical.

Exit codes: 0 done, 2 wrong usage, 3 finished with failed units or not stored, 4 check or figure
failed, 130 interrupted.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from approxlab import records
from experiments.runner.compiled import compiled_programs
from experiments.runner.experiment import Experiment, RunInfo
from experiments.runner.flags import Options, parse
from experiments.runner.machine import machine
from experiments.runner.parts import Finished
from experiments.runner.plan import Job, earlier, plan, provenance, stored
from experiments.runner.processes import (
    agreed,
    all_devices,
    broken,
    ended,
    is_first,
    join,
    supervised,
)
from experiments.runner.results import deliver_if_complete, redraw
from experiments.runner.usage import UsageError, complain, one_line
from experiments.runner.workers import Place, clients, computed, together

Workers = Callable[[Job, RunInfo, Sequence[str]], Generator[Finished, None, None]]


def main(experiment: Experiment, argv: Sequence[str] | None = None) -> int:
    """Runs the experiment as the command line says; returns the exit code."""
    start = time.perf_counter()

    def work() -> int:
        if options.plot_only:
            code = redraw(experiment, options, config)
        else:
            # Called from another program, the runner leaves that program's JAX as it is.
            keeping = compiled_programs(experiment.root / "runs") if argv is None else nullcontext()
            with keeping:
                code = _run(experiment, options, config, keep=argv is None)
        if not (options.quiet or options.dry_run) and is_first(options):
            print(f"wall time {_duration(time.perf_counter() - start)}")
        return code

    try:
        options, config = _asked(experiment, argv)
    except SystemExit as stop:  # from the reader of the command line: help, or a misspelt flag
        return stop.code if isinstance(stop.code, int) else 0
    except UsageError as error:
        complain(f"{experiment.name}: {error}")
        return 2
    if options.distributed:
        return supervised(experiment.name, options, lambda: _code(experiment, options, work))
    return _code(experiment, options, work)


def _asked(experiment: Experiment, argv: Sequence[str] | None) -> tuple[Options, Any]:
    if not __debug__:
        raise UsageError("checks need assertions; run Python without -O.")
    options, config = parse(
        experiment.name,
        experiment.summary,
        experiment.config,
        experiment.presets,
        argv,
        experiment.command,
    )
    if options.distributed and not experiment.together:
        raise UsageError(
            "--distributed would let every process compute the same: no unit of this experiment "
            "is spread over processes. Divide the units by --shard."
        )
    return options, config


def _code(experiment: Experiment, options: Options, work: Callable[[], int]) -> int:
    """The exit code of a run, and what there is to say about one that ends early."""
    try:
        return work()
    except UsageError as error:
        complain(f"{experiment.name}: {error}")
        return 2
    except OSError as error:
        complain(f"{experiment.name}: {_described(error)}. What was finished before is kept.")
        return 3
    except KeyboardInterrupt:
        complain(
            f"{experiment.name}: interrupted; finished units are kept. "
            "The same command (without --force) goes on from there."
        )
        return 130
    except Exception as error:
        if not options.distributed:
            raise
        complain(f"{one_line(error)}\n{experiment.name}: {broken(error)}")
        return 3


def _described(error: OSError) -> str:
    """What happened to which file, by its name only."""
    return f"{Path(error.filename).name}: {error.strerror}" if error.filename else str(error)


def _duration(seconds: float) -> str:
    whole = round(seconds)
    return f"{seconds:.1f} s" if seconds < 100 else f"{whole // 60} min {whole % 60} s"


def _about(seconds: float) -> str:
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{seconds / 3600:.1f} h"


def _say_plan(job: Job, pending: Sequence[str]) -> None:
    options, about = job.options, job.about
    index, count = options.share
    shard = f"shard {index} of {count}: " if count > 1 else ""
    processes = "".join(
        f" in {n} {name}" for name in ("processes", "workers") if (n := about["device"].get(name))
    )
    seconds = job.experiment.seconds
    expected = ", expected time not known"
    if seconds is not None:
        with suppress(ArithmeticError, ValueError):  # of sizes that nobody has tried
            expected = f", about {_about(seconds(job.config) * len(pending) / len(job.units))}"
    job.say(
        f"{job.experiment.name}: preset {options.preset}, seed {options.seed}, {options.dtype}, "
        f"{about['device']['count']} {about['device']['platform']}{processes}\n"
        f"{shard}{len(job.mine)} units, {len(job.mine) - len(pending)} done, "
        f"{len(pending)} to compute{expected if pending else ''}"
    )


# ---------------------------------------------------------------------------------- running


def _run(experiment: Experiment, options: Options, config: Any, keep: bool) -> int:
    started = datetime.now(UTC)
    if options.dask is not None:
        return _by_workers(experiment, options, config, started, keep)
    joining = functools.partial(join, options) if options.distributed else None
    with machine(options.device, options.x64, joining, experiment.inline) as device:
        job = plan(experiment, options, config, provenance(options, config, device, started))
        if options.distributed:
            return ended(_lead(job) if is_first(options) else _follow(job))
        return _lead(job)


def _by_workers(
    experiment: Experiment, options: Options, config: Any, started: datetime, keep: bool
) -> int:
    """A run whose units are computed by the workers of a Dask cluster; all else is done here."""
    programs = experiment.root / "runs" if keep else None
    place = Place(options.device, options.x64, experiment.inline, programs, {})
    with clients(options) as client, machine("cpu", options.x64):
        if not client.nthreads() and not options.quiet:
            print("waiting for a worker", flush=True)
        place, device = together(client, place)
        job = plan(experiment, options, config, provenance(options, config, device, started))
        return _lead(job, functools.partial(computed, client=client, place=place))


def _follow(job: Job) -> int:
    """What a process does that keeps nothing: it computes along."""
    info = _info(job)
    for unit in agreed(list(job.units), []):
        job.experiment.compute(dict(job.units[unit]), info)
    return 0


def _lead(job: Job, workers: Workers | None = None) -> int:
    """Computes what is not stored, stores it and, when all is there, saves numbers and figure."""
    options, finished = job.options, stored(job, report=True)
    pending = [unit for unit in job.mine if options.force or unit not in finished]
    if options.distributed:
        pending = agreed(list(job.units), pending)
    _say_plan(job, pending)
    if options.dry_run:
        return 0
    for file in (job.settings_file, job.record_file, job.figure_file, job.detail_file):
        records.remove_leftovers(file)
    before = earlier(job)
    if pending:
        if options.force:
            _set_aside(job)
        elif before:
            job.about["started"] = before["started"]
        _write_settings(job)
        if failed := _compute(job, pending, workers):
            complain(f"{len(failed)} of {len(pending)} units failed:")
            for parameters in failed:
                complain(f"  {records.canonical(parameters)}")
            return 3
    elif before:
        job.about.update(before)
    if pending or not job.about["finished"]:
        job.about["finished"] = datetime.now(UTC).isoformat(timespec="seconds")
        _write_settings(job)
    return deliver_if_complete(job, pending)


def _info(job: Job) -> RunInfo:
    about = job.about["device"]
    devices = all_devices(about["platform"]) if job.options.distributed else None
    return RunInfo(job.options.seed, job.options.dtype, job.options.preset, devices)


def _set_aside(job: Job) -> None:
    """Renames the row files that are computed anew; a shard leaves those of the others alone.

    Raises:
        UsageError: Another file holds units of this shard: old rows there could win over new ones.
    """
    alone = job.options.share[1] == 1
    for path in [] if alone else sorted(job.rows_folder.glob("rows*.jsonl")):
        held = records.finished_units(records.read_rows(path)[0])
        if path != job.rows_file and held.keys() & set(job.mine):
            raise UsageError(
                f"--force finds units of this shard in {path.name}, which belongs to no shard or "
                "to another division into shards. Rename that file, or give another --out."
            )
    for path in sorted(job.rows_folder.glob("rows*.jsonl")) if alone else [job.rows_file]:
        number = 1
        while (aside := path.with_name(f"{path.name}.{number}.bak")).exists():
            number += 1
        if path.exists():
            path.rename(aside)


def _write_settings(job: Job) -> None:
    experiment = job.experiment
    document = {"experiment": experiment.name, "revision": experiment.revision}
    records.write_json_atomic(job.settings_file, {**document, "provenance": job.about})


def _compute(job: Job, pending: Sequence[str], workers: Workers | None) -> list[Mapping]:
    """Computes and stores the units; gives the parameters of those that failed."""
    info = _info(job)
    from tqdm.auto import tqdm  # takes a tenth of the time that --help has

    # None: where there is a terminal. A notebook is none, and shows it.
    silent = job.options.quiet or (False if "ipykernel" in sys.modules else None)
    failed: list[Mapping] = []
    source = _units_here(job, info, pending) if workers is None else workers(job, info, pending)
    bar = tqdm(total=len(pending), desc=job.experiment.name, unit="unit", delay=2, disable=silent)
    with records.RowFile(job.rows_file) as file, bar, contextlib.closing(source):
        for unit, results, seconds, problem in source:
            parameters = job.units[unit]
            try:
                if problem is None:
                    rows = [_whole_row(job, parameters, result) for result in results]
                    file.append(unit, rows, seconds)
            except records.NotWrittenError:
                raise
            except Exception as error:
                problem = _problem(job, parameters, error)
            if problem is not None:
                complain(problem)
                failed.append(parameters)
            bar.update()
    return failed


def _units_here(job: Job, info: RunInfo, pending: Sequence[str]) -> Generator[Finished, None, None]:
    """The units, one after another in this process."""
    for unit in pending:
        start = time.perf_counter()
        try:
            results = job.experiment.compute(dict(job.units[unit]), info)
        except Exception as error:
            yield unit, [], None, _problem(job, job.units[unit], error)
        else:
            yield unit, results, time.perf_counter() - start, None


def _problem(job: Job, parameters: Mapping, error: Exception) -> str:
    error.add_note(records.canonical(parameters))
    if job.options.distributed:  # where the others are now is not known
        raise error
    return one_line(error)


def _whole_row(job: Job, parameters: Mapping, result: Mapping) -> dict[str, Any]:
    fixed = {
        **parameters,
        "experiment": job.experiment.name,
        "seed_root": job.options.seed,
        "dtype": job.options.dtype,
    }
    for name in result.keys() & fixed.keys():
        if records.canonical({name: result[name]}) != records.canonical({name: fixed[name]}):
            raise ValueError(
                f"a row has {name} = {result[name]!r}, its unit {fixed[name]!r}; expected the same "
                "or no such field. Give the result a name of its own."
            )
    return {**result, **fixed}
