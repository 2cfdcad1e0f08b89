"""The results of a run: rows are checked, drawn and saved; and drawn again from what is stored."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from approxlab import records
from experiments.runner import own_targets
from experiments.runner.experiment import Experiment
from experiments.runner.flags import Options
from experiments.runner.images import images_of
from experiments.runner.plan import Job, plan, provenance, stored
from experiments.runner.usage import UsageError, complain, one_line

if TYPE_CHECKING:
    pass


def deliver_if_complete(job: Job, computed: Sequence[str] = ()) -> int:
    """Checks, draws and saves the stored rows, when those of all units are there.

    Units that were just computed have to be among them: their folder may have been removed.
    """
    finished = stored(job)
    missing = len(job.units) - len(finished)
    if lost := sum(unit not in finished for unit in computed):
        complain(
            f"{lost} of {len(computed)} units that were computed are not in "
            f"{job.rows_folder.name}: the folder was removed or changed while this ran. The same "
            "command computes them again."
        )
        return 3
    if missing:
        job.say(f"{missing} of {len(job.units)} units are missing; nothing is drawn before all are")
        return 0
    rows = []
    for unit, parameters in job.units.items():
        for row in finished[unit]:
            names = dict.fromkeys([*parameters, *row])  # settings first, then results
            rows.append({name: row[name] for name in names if name != "experiment"})
    experiment = job.experiment
    return _deliver(job, records.Record(experiment.name, experiment.revision, job.about, rows))


def _deliver(job: Job, record: records.Record, read_from: Path | None = None) -> int:
    """Checks, draws and saves into the folder of the job.

    Rows and provenance are those of the record, the caption is today's. The file of a record that
    was read from it, and has this caption already, is left as it is.
    """
    experiment, rows = job.experiment, record.rows
    drawings = {job.figure_file: experiment.draw, job.detail_file: experiment.draw_detail}
    plain = (job.options.style, job.options.format) == ("screen", "png")
    doing = "check"
    try:
        experiment.check(rows)
        doing = "caption or table"
        caption, table = experiment.caption(rows), experiment.table(rows)
        doing = "figure"
        kept = {file: draw for file, draw in drawings.items() if draw is not None}
        images: dict[Path, bytes] = {}
        for file, draw in kept.items():
            if read_from is None or plain:  # a record that is written has its figure beside it
                images |= images_of(draw, rows, file, Options())
            if not plain:
                images |= images_of(draw, rows, file, job.options)
    except Exception as error:  # of settings that nobody has tried: one size, no target of a kind
        reason = str(error) if isinstance(error, AssertionError) else one_line(error)
        complain(
            f"{experiment.name}: {doing} failed: {reason}\nThe rows are kept; nothing is drawn."
        )
        return 4
    if read_from != job.record_file or record.caption != caption:
        records.write_record(
            job.record_file,
            experiment.name,
            rows,
            record.provenance,
            revision=record.revision,
            caption=caption,
        )
    job.say(f"\n{table}\n\n{caption}\n")
    for file, image in images.items():
        records.write_bytes_atomic(file, image)
        job.say(f"figure  {os.path.relpath(file)}")
    job.say(f"numbers {os.path.relpath(job.record_file)}")
    return 0


def redraw(experiment: Experiment, options: Options, config: Any) -> int:
    """Draws again from stored rows or, where there are none, from the record; without jax.

    With `--out`, where neither rows nor a record lie there, from the published record.
    """
    nowhere = {"platform": "cpu", "kind": "unknown", "count": 0}
    about = provenance(options, config, nowhere, datetime.now(UTC))
    asked = {name: about[name] for name in ("config", "preset", "seed", "dtype", "precision")}
    job = Job(experiment, options, config, about, {})
    if job.settings_file.is_file():
        about = _readable(_settings, job.settings_file)["provenance"]
        own_targets.remember(about.get("own_targets", {}))
        job = plan(experiment, options, config, {**about, **asked})
        if stored(job, report=True):
            return deliver_if_complete(job)
    for file in dict.fromkeys((job.record_file, *([job.published_file] if options.out else []))):
        if file.is_file():
            record = _readable(records.read_record, file)
            job.say(
                f"drawn from {os.path.relpath(file)}: preset {record.provenance['preset']}, "
                f"revision {record.revision}, finished {record.provenance['finished']}"
            )
            return _deliver(job, record, read_from=file)
    raise UsageError(
        "--plot-only finds no numbers of these settings; run without it first, or give the "
        f"settings of the run with --config {os.path.relpath(job.settings_file)}"
    )


def _settings(path: Path) -> dict[str, Any]:
    return records.read_json(path, by_hand=False)


def _readable(read: Callable[[Path], Any], path: Path) -> Any:
    try:
        return read(path)
    except ValueError as error:
        raise UsageError(str(error)) from error
