"""What an experiment consists of, and what one run of it plans, keeps and finds stored."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from approxlab import records
from experiments.runner.flags import Options, UsageError
from experiments.runner.machine import precision

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclasses.dataclass(frozen=True)
class RunInfo:
    """What a unit may depend on beside its own settings.

    Attributes:
        seed: Root of all randomness.
        dtype: Name of the floating-point type.
        preset: Name of the preset.
        devices: For `devices=` of every fit; it decides where seeds are computed, and no number.
    """

    seed: int
    dtype: str
    preset: str
    devices: tuple[Any, ...] | None = None


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """What the runner needs to know of an experiment.

    Attributes:
        name: Name of its module.
        revision: Raised by hand when its numbers change: stored rows are then computed again.
        config: Frozen dataclass of its settings.
        presets: A config each for smoke, default and paper.
        units: The plan: for every unit all settings its numbers depend on, flat.
        compute: The rows of one unit.
        check: Raises AssertionError with the sentence that is not true.
        caption: The sentence under the figure.
        table: What is printed at the end.
        draw: The figure.
        seconds: Expected time on two cores; optional.
        together: Whether its fits take `run.devices`, so that `--distributed` serves a purpose.
        inline: Whether programs run in the thread that calls them: handing a program of
            microseconds to another thread often takes longer than the program, and not always.
    """

    name: str
    revision: int
    config: type
    presets: Mapping[str, Any]
    units: Callable[[Any], Sequence[Mapping]]
    compute: Callable[[Mapping, RunInfo], Sequence[Mapping]]
    check: Callable[[Sequence[records.Row]], None]
    caption: Callable[[Sequence[records.Row]], str]
    table: Callable[[Sequence[records.Row]], str]
    draw: Callable[[Sequence[records.Row]], Figure]
    seconds: Callable[[Any], float] | None = None
    together: bool = False
    inline: bool = False

    def __post_init__(self) -> None:
        if set(self.presets) != {"smoke", "default", "paper"}:
            raise ValueError(
                f"presets has {sorted(self.presets)}; expected smoke, default and paper."
            )

    @property
    def root(self) -> Path:
        """The repository of the experiment's module; the current folder where there is none."""
        module = Path(sys.modules[self.config.__module__].__file__ or "").resolve()
        return next((up for up in module.parents if (up / "pyproject.toml").is_file()), Path.cwd())

    @property
    def summary(self) -> str:
        """The docstring of its module."""
        return sys.modules[self.config.__module__].__doc__ or ""


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
    def rows_file(self) -> Path:
        """The file to which this shard appends its rows."""
        index, count = self.options.share
        return self.rows_folder / (f"rows.{index}-of-{count}.jsonl" if count > 1 else "rows.jsonl")

    @property
    def mine(self) -> list[str]:
        """The units of this shard."""
        index, count = self.options.share
        return list(self.units)[index::count]

    def say(self, text: str) -> None:
        """Prints, unless the run is quiet."""
        if not self.options.quiet:
            print(text, flush=True)


def complain(text: str) -> None:
    """Says on the standard error, above a progress bar."""
    tqdm.write(text, file=sys.stderr)


def plan(experiment: Experiment, options: Options, config: Any, about: dict[str, Any]) -> Job:
    """Names every unit by its identity, in the environment that `about` tells of."""
    try:
        listed = [dict(unit) for unit in experiment.units(config)]
    except ValueError as error:  # settings that do not fit together
        raise UsageError(str(error)) from error
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
    if not listed or len(units) < len(listed):
        raise ValueError(
            f"units(config) gives {len(listed)} units, {len(units)} of them different; expected "
            "one or more, all different. Name in each unit every setting its numbers depend on."
        )
    return Job(experiment, options, config, about, units)


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
    rows, problems = records.read_rows(*sorted(job.rows_folder.glob("rows*.jsonl")))
    finished = records.finished_units(rows)
    others = finished.keys() - job.units.keys()
    if report:
        for problem in problems:
            complain(f"{problem}; this line is not used")
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
    except (KeyError, TypeError):
        return None
    return about if same else None
