"""The command line of an experiment: the flags all have, and every field of its config."""

from __future__ import annotations

import argparse
import dataclasses
import difflib
import os
import re
import sys
import types
import typing
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from approxlab import records
from experiments.runner.usage import UsageError

_Switch = Annotated[bool, tyro.conf.FlagCreatePairsOff]


@dataclasses.dataclass(frozen=True)
class Options:
    """How to run, the same for every experiment."""

    preset: str = "default"
    """Settings to start from."""
    seed: int = 0
    """Root of all randomness."""
    device: Literal["auto", "cpu", "gpu", "tpu"] = "auto"
    """Where to compute; auto takes the best there is."""
    x64: bool = True
    """Compute in float64 or in float32."""
    out: Annotated[Path | None, tyro.conf.arg(metavar="DIR")] = None
    """Folder for figure, numbers and rows, instead of figures/ and runs/."""
    publish: _Switch = False
    """Put figure and numbers into figures/, whatever the preset."""
    resume: _Switch = False
    """Skip what is already computed; this is the default."""
    force: _Switch = False
    """Compute everything again; old rows are set aside, not deleted."""
    shard: Annotated[str | None, tyro.conf.arg(metavar="I/N")] = None
    """Compute every N-th unit only, from the I-th (I from 0), as one of N processes."""
    distributed: _Switch = False
    """Compute every unit together with other processes that run the same command."""
    coordinator: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT")] = None
    """For --distributed outside of a cluster: where process 0 runs, and a free port there."""
    processes: Annotated[int | None, tyro.conf.arg(metavar="N")] = None
    """For --distributed outside of a cluster: how many processes there are."""
    process: Annotated[int | None, tyro.conf.arg(metavar="I")] = None
    """For --distributed outside of a cluster: which of them this is, from 0."""
    peer_timeout: Annotated[int, tyro.conf.arg(metavar="SECONDS")] = 60
    """For --distributed: how long a process may be silent until it counts as lost."""
    plot_only: _Switch = False
    """Draw again from stored numbers, without computing."""
    dry_run: _Switch = False
    """Print the plan and do nothing else."""
    config: Annotated[Path | None, tyro.conf.arg(metavar="FILE")] = None
    """Take all settings from a config.json or from the numbers of a figure."""
    quiet: _Switch = False
    """Print problems only."""

    @property
    def dtype(self) -> str:
        """Name of the floating-point type."""
        return "float64" if self.x64 else "float32"

    @property
    def share(self) -> tuple[int, int]:
        """The shard as (i, n); of a SLURM array's task where none is given; else (0, 1)."""
        text = self.shard
        if text is None and "SLURM_ARRAY_TASK_COUNT" in os.environ:
            first = int(os.environ.get("SLURM_ARRAY_TASK_MIN", "0"))
            index = int(os.environ["SLURM_ARRAY_TASK_ID"]) - first
            text = f"{index}/{os.environ['SLURM_ARRAY_TASK_COUNT']}"
        match = re.fullmatch(r"(\d+)/(\d+)", text or "0/1")
        if match is None or not int(match[1]) < int(match[2]):
            raise UsageError(
                f"--shard is {text!r}; expected I/N with I from 0 to N-1. For example: --shard 0/4"
            )
        return int(match[1]), int(match[2])


def parse(
    name: str,
    summary: str,
    config: type,
    presets: Mapping[str, Any],
    argv: Sequence[str] | None = None,
    command: str | None = None,
) -> tuple[Options, Any]:
    """Reads the command line; explicit flags win over `--config`, and that over `--preset`.

    Raises:
        SystemExit: For `--help` (code 0) and misspelt or wrong flags (code 2), printed by tyro.
        UsageError: For flags that contradict each other, and config files that do not fit.
    """
    if taken := {f.name for f in dataclasses.fields(config)} & {
        f.name for f in dataclasses.fields(Options)
    }:
        raise ValueError(f"Config has the field {min(taken)!r}, which is a flag of every run.")
    arguments = list(sys.argv[1:] if argv is None else argv)
    first = _before_all(arguments)
    preset: Any = first.preset if first.preset in presets else "default"
    options, settings = {"preset": preset}, presets[preset]
    if first.config:
        options, settings = _from_file(Path(first.config), name, config, presets)
    with_presets = _options(presets)
    both = dataclasses.make_dataclass(
        "Flags",
        [
            ("run", tyro.conf.OmitArgPrefixes[with_presets]),  # type: ignore[misc]
            ("experiment", tyro.conf.OmitArgPrefixes[config]),  # type: ignore[misc]
        ],
    )
    flags = tyro.cli(
        both,
        prog=command or f"python -m experiments.{name}",
        description=summary,
        args=arguments,
        default=both(with_presets(**options), settings),
    )
    _check(flags.run)
    return flags.run, flags.experiment


def _options(presets: Mapping[str, Any]) -> type[Options]:
    """The flags of every run, with the presets of one experiment."""
    choices: Any = Literal[tuple(presets)]
    return dataclasses.make_dataclass(
        "Options",
        [("preset", choices, "default")],
        bases=(Options,),
        namespace={"__doc__": Options.__doc__},
        frozen=True,
    )


def _before_all(arguments: list[str]) -> argparse.Namespace:
    """The two flags that decide the defaults of all the others."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", nargs="?")
    early.add_argument("--config", nargs="?")
    return early.parse_known_args(arguments)[0]


def _check(options: Options) -> None:
    for one, other in (
        ("resume", "force"),
        ("plot_only", "force"),
        ("plot_only", "dry_run"),
        ("plot_only", "distributed"),
        ("dry_run", "distributed"),
    ):
        if getattr(options, one) and getattr(options, other):
            first, second = (f"--{flag.replace('_', '-')}" for flag in (one, other))
            raise UsageError(f"{first} and {second} contradict each other; give one of them.")
    _, shards = options.share
    if options.distributed and shards > 1:
        raise UsageError(
            "--distributed lets processes compute every unit together, --shard (or a SLURM array) "
            "gives each its own units; do one of them."
        )
    _check_processes(options)


def _check_processes(options: Options) -> None:
    """The flags that say who takes part in a run of several processes."""
    names = ("coordinator", "processes", "process")
    given = [f"--{name}" for name in names if getattr(options, name) is not None]
    if given and not options.distributed:
        raise UsageError(f"{given[0]} is for runs of several processes; add --distributed.")
    if not options.distributed:
        return
    if options.peer_timeout < 1:
        raise UsageError(f"--peer-timeout is {options.peer_timeout}; expected 1 second or more.")
    if 0 < len(given) < len(names):
        raise UsageError(
            f"--distributed has {' and '.join(given)} alone; expected --coordinator, --processes "
            "and --process, or none of them in a task of a cluster."
        )
    if given:
        _check_coordinator(str(options.coordinator), options.processes or 0, options.process or 0)
    if "jax" in sys.modules and hasattr(os, "fork"):
        raise UsageError(
            "--distributed needs a Python of its own, and this one has loaded jax. Start the "
            "experiment as a program: python -m experiments.NAME"
        )


def _check_coordinator(coordinator: str, processes: int, process: int) -> None:
    if not 0 <= process < processes:
        raise UsageError(
            f"--process is {process} of --processes {processes}; expected a number from 0 to "
            f"{max(processes - 1, 0)}. Each process has its own."
        )
    match = re.fullmatch(r".+:(\d{1,5})", coordinator)
    if match is None or not 0 < int(match[1]) < 65536:
        raise UsageError(
            f"--coordinator is {coordinator!r}; expected HOST:PORT. For example: node1:12345"
        )


def _from_file(
    path: Path, name: str, config: type, presets: Mapping[str, Any]
) -> tuple[dict[str, Any], Any]:
    """Options and settings of an earlier run."""
    try:
        document = records.read_json(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UsageError(f"--config {path} cannot be read: {reason}.") from error
    if document.get("experiment") != name or "provenance" not in document:
        raise UsageError(
            f"--config {path} belongs to {document.get('experiment')!r}; expected a config.json or "
            f"a record of {name!r}."
        )
    about = document["provenance"]
    if about["preset"] not in presets:
        raise UsageError(
            f"--config {path} started from the preset {about['preset']!r}; expected one of "
            f"{', '.join(presets)}."
        )
    chosen = ("preset", "seed")
    options = {name: about[name] for name in chosen} | {"x64": about["dtype"] == "float64"}
    return options, _settings(config, about["config"], path)


def _settings(config: type, values: Mapping[str, Any], path: Path) -> Any:
    hints = typing.get_type_hints(config)
    for name in values:
        if name not in hints:
            near = difflib.get_close_matches(name, hints, n=1)
            hint = f" Perhaps {near[0]!r} is meant." if near else ""
            raise UsageError(f"--config {path} has the unknown setting {name!r}.{hint}")
    try:
        return config(**{name: _typed(name, value, hints[name]) for name, value in values.items()})
    except TypeError as error:
        raise UsageError(f"--config {path} does not fit: {error}.") from error


def _typed(name: str, value: Any, hint: Any) -> Any:
    """A value from JSON as the type of its field: lists become tuples, whole numbers floats."""
    kind, arguments = typing.get_origin(hint), typing.get_args(hint)
    if kind is tuple and isinstance(value, list):
        if arguments[-1:] == (...,):
            arguments = arguments[:1] * len(value)
        if len(arguments) == len(value):
            return tuple(map(_typed, [name] * len(value), value, arguments))
    elif kind in (typing.Union, types.UnionType):
        for option in arguments:
            try:
                return _typed(name, value, option)
            except TypeError:
                continue
    elif kind is Literal:
        if value in arguments:
            return value
    elif hint is float and type(value) is int:
        return float(value)
    elif type(value) is hint:
        return value
    raise TypeError(f"{name} is {value!r}; expected {getattr(hint, '__name__', hint)}")
