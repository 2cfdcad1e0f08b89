"""Units of a run in the workers of a Dask cluster; rows are stored by this process alone."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import re
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from approxlab import cluster, records
from experiments.runner import own_targets
from experiments.runner.compiled import compiled_programs, processor
from experiments.runner.experiment import RunInfo
from experiments.runner.flags import Options
from experiments.runner.machine import machine
from experiments.runner.parts import Finished, Joined, Part, divided
from experiments.runner.usage import UsageError, complain, one_line

if TYPE_CHECKING:
    from experiments.runner.plan import Job

_EXPERIMENTS = Path(__file__).parents[1]
_kept = contextlib.ExitStack()  # what a worker leaves as it is between units
_EQUAL = ("platform", "kind", "xla_flags")  # of devices: what the identity of a unit has of them


@contextlib.contextmanager
def clients(options: Options) -> Iterator[Any]:
    """The client of `--dask`, which ends with the body.

    Raises:
        UsageError: There is no such cluster.
    """
    assert options.dask is not None
    number = re.fullmatch(r"local:(\d+)", options.dask)
    with refusals():
        opened = cluster.local(int(number[1])) if number else cluster.connected(options.dask)
        client = opened.__enter__()
    with contextlib.ExitStack() as stack:
        stack.push(opened)
        yield client


@contextlib.contextmanager
def refusals() -> Iterator[None]:
    """What a cluster refuses, as the runner tells it."""
    try:
        yield
    except cluster.Refused as error:
        raise UsageError(f"--dask: {error}") from error


@dataclasses.dataclass(frozen=True)
class Place:
    """How and where a worker computes: what a run of one process is told by its flags.

    Attributes:
        device: As the flag.
        x64: As the flag.
        inline: As of the experiment.
        programs: The folder for compiled programs, where there is one.
        asked: What a worker has to have in common with the process that stores the rows.
    """

    device: str
    x64: bool
    inline: bool
    programs: Path | None
    asked: Mapping[str, Any]

    @contextlib.contextmanager
    def entered(self) -> Iterator[dict[str, Any]]:
        """Devices and precision as asked for, in a worker."""
        if self.programs is not None and self.programs.parent.is_dir():
            _keep_programs(self.programs)
        with machine(self.device, self.x64, inline=self.inline, cores=cluster.share()) as found:
            compare = {"experiments": cluster.sources(_EXPERIMENTS), **found}
            cluster.compare(self.asked, compare)
            yield {**found, "processor": processor()}


@functools.cache
def _keep_programs(runs: Path) -> None:
    _kept.enter_context(compiled_programs(runs))


def _look(place: Place) -> dict[str, Any]:
    with place.entered() as found:
        return found


def together(client: Any, place: Place) -> tuple[Place, dict[str, Any]]:
    """The place with the device that all workers have, and what is known of that device.

    Raises:
        UsageError: Workers differ in what numbers depend on.
    """
    place = dataclasses.replace(place, asked={"experiments": cluster.sources(_EXPERIMENTS)})
    with refusals():
        found = cluster.everywhere(client, _look, place)
    first, *others = found.items()
    for address, one in others:
        for name in _EQUAL:
            if one[name] != first[1][name]:
                raise UsageError(
                    f"--dask: worker {address} has {name} {one[name]}, worker {first[0]} "
                    f"{first[1][name]}. Start workers of one kind."
                )
    if (kinds := len({one["processor"] for one in found.values()})) > 1:
        complain(
            f"the workers have {kinds} kinds of processors; the last bits of a row may depend on "
            "which of them computed it"
        )
    device = {name: first[1][name] for name in _EQUAL}
    place = dataclasses.replace(place, asked={**place.asked, **device})
    count = sum(one["count"] for one in found.values())
    return place, {**device, "count": count, "workers": len(found)}


@dataclasses.dataclass(frozen=True)
class _Work:
    """What a worker needs beside the unit."""

    compute: Callable[[Mapping, RunInfo], Sequence[Mapping]]
    info: RunInfo
    place: Place
    targets: own_targets.Loaded

    def __call__(
        self, piece: tuple[Mapping, range | None]
    ) -> tuple[list[dict[str, Any]], str | None]:
        unit, seeds = piece
        own_targets.receive(self.targets)
        with self.place.entered():
            try:
                info = dataclasses.replace(self.info, seeds=seeds)
                return [dict(row) for row in self.compute(dict(unit), info)], None
            except Exception as error:
                error.add_note(records.canonical(unit))
                return [], one_line(error)


def computed(
    job: Job, info: RunInfo, pending: Sequence[str], client: Any, place: Place
) -> Generator[Finished, None, None]:
    """Unit, rows, seconds and what went wrong, as units end; those that took long come first."""
    work = _Work(job.experiment.compute, info, place, own_targets.loaded())
    parts = _parts(job, pending)
    pieces = [(job.units[part.unit], part.seeds) for part in parts]
    expected = [part.seconds for part in parts]
    whole = Joined(parts)
    with refusals():
        for done in cluster.computed(
            client, work, pieces, seconds=expected, name=job.experiment.name, tell=complain
        ):
            if done.error is not None:
                done.error.add_note(records.canonical(pieces[done.index][0]))
                finished = whole.failed(done.index, _told(done.error))
            else:
                rows, problem = done.value
                if problem is not None:
                    finished = whole.failed(done.index, problem)
                else:
                    finished = whole.added(done.index, rows, done.seconds or 0.0)
            if finished is not None:
                yield finished


def _parts(job: Job, pending: Sequence[str]) -> list[Part]:
    device, seeds, seconds = job.about["device"], job.experiment.seeds, job.seconds()
    # Elsewhere seeds are computed at once, and the last bits of one could depend on the others.
    apart = seeds if device["platform"] == "cpu" else None
    units = [
        Part(unit, range(1 if apart is None else apart(job.units[unit])), seconds[unit])
        for unit in pending
    ]
    parts = divided(units, device["workers"], device["count"] // device["workers"])
    if in_parts := [part.unit for part in parts if part.seeds is not None]:
        job.say(f"long units in parts: {len({*in_parts})} in {len(in_parts)}")
    return parts


def _told(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return ": ".join([*getattr(error, "__notes__", []), f"{type(error).__name__}: {text}"])
