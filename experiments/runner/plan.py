"""What one run of an experiment plans, keeps and finds stored."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from approxlab import records
from experiments.runner import own_targets
from experiments.runner.experiment import Experiment
from experiments.runner.flags import Options
from experiments.runner.machine import precision
from experiments.runner.times import seconds_of_fits, seconds_of_units
from experiments.runner.usage import UsageError, complain


@dataclasses.dataclass(frozen=True)
class Job:
    """An experiment with all that was asked for; units by their identities, in plan order."""

    experiment: Experiment
    options: Options
    config: Any
    about: dict[str, Any]
    units: dict[str, dict[str, Any]]

    @property
    def rows_folder(self) -> Path:
        """Where rows and settings are kept."""
        home = self.experiment.root / "runs" / self.experiment.name / self.options.preset
        return self.options.out or home

    @property
    def figure_folder(self) -> Path:
        """Where figure and record go."""
        published = self.experiment.root / "figures"
        if self.options.publish:
            return published
        if self.options.out or self.options.preset != "default":
            return self.rows_folder
        return published

    @property
    def settings_file(self) -> Path:
        """Settings and provenance of the run."""
        return self.rows_folder / "config.json"

    @property
    def record_file(self) -> Path:
        """The numbers behind the figure."""
        return self.figure_folder / f"{self.experiment.name}.json"

    @property
    def figure_file(self) -> Path:
        """The figure."""
        return self.record_file.with_suffix(".png")

    @property
    def detail_file(self) -> Path:
        """The second figure, of experiments that have one."""
        return self.figure_folder / f"{self.experiment.name}_detail.png"

    @property
    def published_file(self) -> Path:
        """The numbers behind the published figure."""
        return self.experiment.root / "figures" / self.record_file.name

    @property
    def rows_file(self) -> Path:
        """The file to which this shard appends its rows."""
        index, count = self.options.share
        return self.rows_folder / (f"rows.{index}-of-{count}.jsonl" if count > 1 else "rows.jsonl")

    @property
    def mine(self) -> list[str]:
        """The units of this shard."""
        index, count = self.options.share
        return list(self.units)[index::count]

    def seconds(self) -> dict[str, float | None]:
        """How long units took in earlier runs of this experiment, where rows are left of them.

        Of the others, how long the fits of the published record took, where it tells.
        """
        units = [*self.units.values()]
        folders = [self.rows_folder] if self.options.out else self.rows_folder.parent.glob("*/")
        files = sorted(path for folder in folders for path in folder.glob("rows*.jsonl*"))
        rows = records.read_rows(*files)[0]
        stored, published = seconds_of_units(units, rows), self._published_seconds(units)
        seconds = [a if a is not None else b for a, b in zip(stored, published, strict=True)]
        return dict(zip(self.units, seconds, strict=True))

    def _published_seconds(self, units: Sequence[Mapping[str, Any]]) -> list[float | None]:
        try:
            rows = records.read_record(self.published_file).rows
        except (OSError, ValueError):  # without a record, only the order of the units is another
            return [None] * len(units)
        return [None if one is None else sum(one) for one in seconds_of_fits(units, rows)]

    def say(self, text: str) -> None:
        """Prints, unless the run is quiet."""
        if not self.options.quiet:
            print(text, flush=True)


def plan(experiment: Experiment, options: Options, config: Any, about: dict[str, Any]) -> Job:
    """Names every unit by its identity, in the environment that `about` describes."""
    about.pop("own_targets", None)
    try:
        listed = [dict(unit) for unit in experiment.units(config)]
        if own := own_targets.described(about["config"]):
            about |= {"config": own_targets.named(about["config"]), "own_targets": own}
    except (ValueError, ArithmeticError) as error:  # settings that do not fit together
        raise UsageError(str(error)) from error
    if not listed:
        raise UsageError(
            "there is nothing to compute with these settings; expected one unit or more."
        )
    units = {
        records.identity(
            experiment=experiment.name,
            revision=experiment.revision,
            unit=unit,
            seed=options.seed,
            dtype=options.dtype,
            packages=about["packages"],
            device=about["device"],
        ): unit
        for unit in listed
    }
    if len(units) < len(listed):
        count = f"{len(listed)} units, {len(units)} of them different"
        if repeated := _repeated(config):
            raise UsageError(f"{repeated} gives {count}; expected each value once.")
        raise ValueError(
            f"units(config) gives {count}; expected all different. Name in each unit every "
            "setting its numbers depend on."
        )
    return Job(experiment, options, config, about, units)


def _repeated(config: Any) -> str | None:
    """The settings that list a value twice, as flags."""
    named = ((f.name, getattr(config, f.name)) for f in dataclasses.fields(config))
    flags = [
        f"--{name.replace('_', '-')} {' '.join(map(str, value))}"
        for name, value in named
        if isinstance(value, tuple) and len(set(value)) < len(value)
    ]
    return " or ".join(flags) or None


def provenance(
    options: Options, config: Any, device: Mapping[str, object], started: datetime
) -> dict[str, Any]:
    """Provenance of a run that starts now, on that device."""
    return records.provenance(
        config=config,
        preset=options.preset,
        seed=options.seed,
        dtype=options.dtype,
        device=device,
        precision=precision(options.x64),
        started=started,
    )


def stored(job: Job, report: bool = False) -> dict[str, list[records.Row]]:
    """The finished units of the plan, of all shards."""
    rows, unusable = records.read_rows(*sorted(job.rows_folder.glob("rows*.jsonl")))
    finished = records.finished_units(rows)
    others = finished.keys() - job.units.keys()
    if report:
        for line in unusable:
            complain(f"{line}; this line is not used")
        if others:
            job.say(f"{len(others)} stored units of other settings or versions are left alone")
    return {unit: rows for unit, rows in finished.items() if unit in job.units}


def earlier(job: Job) -> dict[str, Any] | None:
    """Provenance of the run that left its settings beside the rows, if they are the same."""
    settings = ("config", "preset", "seed", "dtype", "precision", "device", "packages")
    if not job.settings_file.exists():
        return None
    try:
        document = records.read_json(job.settings_file, by_hand=False)
    except (OSError, ValueError) as error:
        complain(f"{error} It is not used.")
        return None
    try:
        about = document["provenance"]
        same = document["revision"] == job.experiment.revision and all(
            about[name] == job.about[name] for name in settings
        )
        same = same and about.get("own_targets") == job.about.get("own_targets")
    except (KeyError, TypeError):
        return None
    return about if same else None
