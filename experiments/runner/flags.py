"""The command line of an experiment: the flags all have, and every field of its config."""

from __future__ import annotations

import argparse
import dataclasses
import os
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from experiments.runner.settings import check_settings, from_file
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
    dask: Annotated[str | None, tyro.conf.arg(metavar="ADDRESS")] = None
    """Let the workers of a Dask cluster compute: tcp://HOST:PORT of its scheduler, or a scheduler
    file, or local:N for N workers on this machine."""
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
    style: Literal["screen", "paper", "slides"] = "screen"
    """For paper and slides the panels are laid out anew, as NAME_STYLE, or _1, _2, ... where one
    page does not hold them; letters of 8 and 9 points on paper, of 14 and more on slides."""
    format: Literal["png", "pdf", "svg"] = "png"
    """Of the files with figures."""
    columns: Literal[1, 2] | None = None
    """For --style paper: columns that a figure spans: 1 of 3.4 inches, or 2, the default."""
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
        text = _array_task() if self.shard is None else self.shard
        match = re.fullmatch(r"(\d{1,18})/(\d{1,18})", text)
        if match is None or not int(match[1]) < int(match[2]):
            raise UsageError(
                f"--shard is {text!r}; expected I/N with I from 0 to N-1. For example: --shard 0/4"
            )
        return int(match[1]), int(match[2])


def _array_task() -> str:
    """The shard that a task of a SLURM array computes; outside of one, the whole."""
    names = [f"SLURM_ARRAY_TASK_{name}" for name in ("COUNT", "ID", "MIN")]
    if names[0] not in os.environ:
        return "0/1"
    values = [os.environ.get(name, "0" if name is names[2] else "") for name in names]
    try:
        count, task, first = map(int, values)
    except ValueError as error:
        raise UsageError(
            f"{', '.join(names)} are {values}; expected whole numbers, as SLURM sets them. Unset "
            "them, or give --shard."
        ) from error
    return f"{task - first}/{count}"


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
    for flag, value in vars(first).items():
        if value == "":
            raise UsageError(f"--{flag} is empty; expected {_FORMS[flag]}.")
    preset: Any = first.preset if first.preset in presets else "default"
    options, settings = {"preset": preset}, presets[preset]
    if first.config:
        options, settings = from_file(Path(first.config), name, config, presets)
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
    check_settings(flags.experiment, presets)
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


_FORMS = {
    "preset": "a name: --help lists them",
    "config": "a file: a config.json or the numbers of a figure",
    "out": "a folder; --out . is the current one",
    "dask": "tcp://HOST:PORT or local:N",
}


def _before_all(arguments: list[str]) -> argparse.Namespace:
    """The flags that decide the defaults of all the others, and those that may not be empty."""
    early = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    early.add_argument("--preset", nargs="?")
    early.add_argument("--config", nargs="?")
    early.add_argument("--out", nargs="?")
    early.add_argument("--dask", nargs="?")
    return early.parse_known_args(arguments)[0]


# JAX keeps 32 bits of a seed in float32, and 63 in float64; experiments may add to it.
_SEED_BITS = {"float32": 32, "float64": 62}


def _check(options: Options) -> None:
    bits = _SEED_BITS[options.dtype]
    if not 0 <= options.seed < 2**bits:
        raise UsageError(
            f"--seed is {options.seed}; expected a whole number from 0 to 2^{bits} - 1, which is "
            f"all that JAX keeps of one in {options.dtype}."
        )
    for one, other in (
        ("resume", "force"),
        ("plot_only", "force"),
        ("plot_only", "dry_run"),
        ("plot_only", "distributed"),
        ("dry_run", "distributed"),
        ("plot_only", "dask"),
        ("dry_run", "dask"),
        ("distributed", "dask"),
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
    if options.dask is not None and shards > 1:
        raise UsageError(
            "--dask lets a scheduler divide the units, --shard (or a SLURM array) divides them "
            "beforehand; do one of them."
        )
    if options.columns and options.style != "paper":
        raise UsageError(f"--columns {options.columns} is for figures on paper; add --style paper.")
    _check_dask(options.dask)
    _check_processes(options)


def _check_dask(address: str | None) -> None:
    if address is None:
        return
    number = re.fullmatch(r"local:(\d{1,6})", address)
    place = re.fullmatch(r"(\w+://)?\S+:\d{1,5}(/\S*)?|\S+\.json", address)
    if (number is None or int(number[1]) < 1) and (place is None or address.startswith("local:")):
        raise UsageError(
            f"--dask is {address!r}; expected tcp://HOST:PORT of a scheduler, a scheduler file "
            "(.json), or local:N with N from 1. For example: --dask local:4"
        )


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
