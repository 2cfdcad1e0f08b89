"""Training: whole chunks of steps in one compiled program, the host in between."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

from approxlab.fitting.training.data import TrainingData
from approxlab.fitting.training.measuring import output_losses, relative_losses
from approxlab.fitting.training.program_key import ProgramKey
from approxlab.fitting.training.programs import (
    Executables,
    arrays_of,
    beginning,
    compiled,
    original,
    program_key_of,
)
from approxlab.fitting.training.result import FitResult, History, Status
from approxlab.fitting.training.seed import (
    CONVERGED,
    DIVERGED,
    GOING,
    RECORDS,
    STAGNATED,
    Report,
    State,
)
from approxlab.fitting.training.settings import Settings
from approxlab.host_threads import one_thread
from approxlab.networks.mlp import MLP

__all__ = ["train"]


_STATUS = {CONVERGED: Status.CONVERGED, STAGNATED: Status.STAGNATED}


@dataclasses.dataclass
class _Seed:
    """What the host knows about one seed while it runs."""

    status: Status | None = None
    step: int = 0
    records: list[tuple[int, float]] = dataclasses.field(default_factory=list)

    def note(self, losses: np.ndarray, progress: np.ndarray, settings: Settings) -> None:
        """Take over the records of a chunk (losses are relative), and the decision there."""
        count, done, _, decided = progress.tolist()
        count -= decided == DIVERGED  # the last record is that of a state which is not kept
        for i in range(count):
            behind = min((i + 1) * settings.stride, done)
            self.records.append((self.step + behind, float(losses[i])))
        self.step += done
        self.status = _STATUS.get(decided)
        if self.step >= settings.steps and decided in (GOING, STAGNATED):
            self.status = Status.BUDGET

    def lost(self, losses: np.ndarray, progress: np.ndarray) -> None:
        """End as diverged, with the record of the last finite parameters if it is a new one."""
        if progress[1] or not self.records:
            self.records.append((self.step + int(progress[1]), float(losses[0])))
        self.step += int(progress[1])
        self.status = Status.DIVERGED

    @property
    def best_step(self) -> int:
        """Steps done at the record of least loss."""
        return min(self.records, key=lambda r: r[1] if np.isfinite(r[1]) else np.inf)[0]

    @property
    def rewound(self) -> bool:
        """Whether the training ended worse than it began, so that its best record is returned."""
        return bool(self.records[-1][1] > self.records[0][1])

    def judge(self, relative: float, worst: float, settings: Settings) -> None:
        """The status, now that the returned network has been measured in its own arithmetic."""
        if self.rewound:
            self.status = Status.DIVERGED
        if self.status is Status.DIVERGED:
            return
        rounding = 1000 * float(np.finfo(settings.dtype).eps)
        trained = 2 * np.sqrt(self.records[-1][1])
        if self.status is Status.CONVERGED:
            relative, trained = worst, np.sqrt(settings.tol)
        if not np.sqrt(relative) <= trained + rounding:
            self.status = Status.LIMITED


@dataclasses.dataclass
class _Group:
    """Seeds that one executable trains together, and their state on the devices.

    The state may have room for more seeds than there are: devices left over, whose copies of the
    last seed never take a step.
    """

    seeds: list[_Seed]
    state: State

    @property
    def going(self) -> bool:
        return any(seed.status is None for seed in self.seeds)

    def counts(self, span: int) -> np.ndarray:
        """Steps for each seed of the state: none for one that has its status."""
        result = np.zeros(len(self.state.step), np.int32)
        result[: len(self.seeds)] = [0 if seed.status else span for seed in self.seeds]
        return result


@one_thread()
def train(training_data: TrainingData, settings: Settings) -> FitResult:
    """Fit by any of the methods; called by `approxlab.fit`."""
    data, statics = arrays_of(training_data, settings)
    key = program_key_of(training_data, settings, data, statics)
    executables, compile_s = compiled(key)
    began = time.perf_counter()
    schedule = [settings.learning_rate, settings.steps, settings.tol]
    intervals = np.minimum([settings.stride, settings.patience], np.iinfo(np.int32).max)
    where = key.devices
    run = _Run(
        executables,
        key,
        settings,
        training_data,
        where.copied(data),
        where.copied(jnp.asarray(schedule, settings.dtype)),
        where.copied(jnp.asarray(intervals, jnp.int32)),
    )
    groups = run.groups()
    run.through(groups)
    as_given = where.copied(original(data, training_data, settings))
    parts, losses = run.finished(groups, as_given)
    seeds = [seed for group in groups for seed in group.seeds]
    if any(seed.rewound for seed in seeds):
        again, others = run.finished(run.at_best(groups), as_given)
        chosen = np.array([seed.rewound for seed in seeds])
        losses = np.where(chosen, others, losses)
        parts = _chosen(chosen, again, parts)
    intact = _whole(parts)[: len(seeds)]
    for seed, loss, whole in zip(seeds, losses, intact, strict=True):
        if not (whole and np.isfinite(loss)):  # spoiled by folding the affine maps in
            seed.status = Status.DIVERGED
    # Joined by NumPy: JAX would compile a program for every number of seeds.
    layers = jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(seeds)], *parts)
    networks = _network(training_data, settings, layers)
    outputs = output_losses(networks, training_data, losses)
    losses = outputs.mean(axis=1)
    relative = relative_losses(outputs, training_data)
    together = losses / np.square(training_data.deviation)
    for seed, size, worst in zip(seeds, together, relative, strict=True):
        seed.judge(float(size), float(worst), settings)
    best = min(range(len(seeds)), key=lambda i: _rank(seeds[i], float(losses[i])))
    return FitResult(
        network=_network(training_data, settings, jax.tree.map(lambda leaf: leaf[best], layers)),
        networks=networks,
        best=best,
        statuses=tuple(seed.status or Status.BUDGET for seed in seeds),
        losses=losses * np.square(training_data.unit),
        relative_losses=relative,
        output_losses=outputs * np.square(training_data.unit),
        history=_history(seeds, training_data.variance),
        steps=np.array([seed.step for seed in seeds]),
        method=settings.method.name,
        compile_s=compile_s,
        run_s=time.perf_counter() - began,
    )


def _chosen(chosen: np.ndarray, first: Sequence[Any], second: Sequence[Any]) -> list[Any]:
    """For every seed its layers of the first kind where chosen, else of the second."""
    result, at = [], 0
    for a, b in zip(first, second, strict=True):
        size = len(jax.tree.leaves(a)[0])
        flags = np.zeros(size, bool)
        part = chosen[at : at + size]
        flags[: len(part)] = part
        at += size

        def pick(x: Any, y: Any, flags: np.ndarray = flags) -> np.ndarray:
            return np.where(flags.reshape(-1, *[1] * (x.ndim - 1)), x, y)

        result.append(jax.tree.map(pick, a, b))
    return result


def _whole(parts: Sequence[Any]) -> list[bool]:
    """For every seed, whether all numbers of its network are finite."""
    flags = []
    for layers in parts:
        leaves = [np.isfinite(leaf) for leaf in jax.tree.leaves(layers)]
        flags += np.all(
            [leaf.reshape(len(leaf), -1).all(axis=1) for leaf in leaves], axis=0
        ).tolist()
    return flags


def _network(training_data: TrainingData, settings: Settings, layers: Any) -> MLP:
    weights, biases = jax.device_put(layers)  # `jnp.asarray` would compile a copy for every shape
    return MLP(weights, biases, settings.activation, settings.passthrough, training_data.out_size)


@dataclasses.dataclass(frozen=True)
class _Run:
    executables: Executables
    key: ProgramKey
    settings: Settings
    training_data: TrainingData
    data: dict[str, Any]
    schedule: Any
    intervals: Any

    def groups(self) -> list[_Group]:
        """All seeds at their start."""
        result, together = [], self.key.devices.together
        for first in range(0, self.settings.seeds, together):
            numbers = range(first, min(first + together, self.settings.seeds))
            begin = beginning(self.key, self.settings, self.training_data, numbers)
            state = self.executables.start(*begin)
            result.append(_Group([_Seed() for _ in numbers], state))
        return result

    def through(self, groups: Sequence[_Group]) -> None:
        """Advance all groups chunk by chunk until every seed has its status.

        A chunk is many records long, since a call costs as much as ten steps of a small network.
        """
        steps, longest = self.settings.steps, RECORDS * self.settings.stride
        with _bar(self.settings) as bar:
            self._chunk(groups, 0)  # records the losses at the start
            for position in range(0, steps, longest):
                going = [group for group in groups if group.going]
                if not going:
                    break
                span = min(longest, steps - position)
                self._chunk(going, span)
                bar.update(span)
                losses = [loss for g in groups for seed in g.seeds for _, loss in seed.records]
                bar.set_postfix(loss=min(losses), refresh=False)

    def _chunk(self, groups: Sequence[_Group], span: int) -> None:
        # All groups are sent off before the first is waited for.
        pending = [self._advance(group.state, group.counts(span)) for group in groups]
        for group, sent in zip(groups, pending, strict=True):
            self._settle(group, *sent)

    def _advance(self, state: State, counts: np.ndarray) -> tuple[State, Report]:
        numbers = self.key.devices.numbers(counts)
        result: tuple[State, Report] = self.executables.advance(
            state, self.data, self.schedule, self.intervals, numbers
        )
        return result

    def _read(self, report: Report) -> tuple[np.ndarray, np.ndarray]:
        found: Report = self.key.devices.fetched(report)
        return found.losses, found.progress

    def _settle(self, group: _Group, state: State, report: Report) -> None:
        """Wait for a chunk; seeds with numbers that are not finite go back to their last record.

        That record is finite, and the number of steps is an argument: to find the last finite
        parameters, nothing has to be kept inside the compiled loop.
        """
        losses, progress = self._read(report)
        lost = {}
        for i, seed in enumerate(group.seeds):
            if seed.status is None:
                seed.note(losses[i], progress[i], self.settings)
                if progress[i, 3] == DIVERGED:
                    # The parameters after these steps are bad: one step less, or else half.
                    lost[i] = max(int(progress[i, 2]) - 1, 0)
        while lost:
            counts = np.zeros(len(progress), np.int32)
            counts[list(lost)] = list(lost.values())
            state, report = self._advance(state, counts)
            losses, progress = self._read(report)
            for i, count in tuple(lost.items()):
                if progress[i, 3] == DIVERGED and count:
                    lost[i] = count // 2
                else:
                    group.seeds[i].lost(losses[i], progress[i])
                    del lost[i]
        group.state = state

    def at_best(self, groups: Sequence[_Group]) -> list[_Group]:
        """The seeds that ended worse than they began, trained anew up to their best record.

        The same programs take the same steps, so nothing has to be kept while training.
        """
        result, longest = self.groups(), RECORDS * self.settings.stride
        for group, new in zip(groups, result, strict=True):
            left = np.zeros(len(new.state.step), np.int32)
            left[: len(group.seeds)] = [s.best_step if s.rewound else 0 for s in group.seeds]
            while left.any():
                counts = np.minimum(left, longest).astype(np.int32)
                new.state, report = self._advance(new.state, counts)
                self._read(report)
                left -= counts
        return result

    def finished(
        self, groups: Sequence[_Group], as_given: dict[str, Any]
    ) -> tuple[list[Any], np.ndarray]:
        """The layers of all seeds, by group, and the mean square errors of these networks."""
        ends = [self.executables.finish(group.state.params, self.data) for group in groups]
        parts = [self.key.devices.fetched(layers) for _, layers in ends]
        return parts, self.measured(groups, [params for params, _ in ends], as_given)

    def measured(
        self, groups: Sequence[_Group], parameters: Sequence[Any], data: dict[str, Any]
    ) -> np.ndarray:
        """Mean square errors of the finished networks, at the points and values as given."""
        where, losses = self.key.devices, []
        for group, params in zip(groups, parameters, strict=True):
            none = where.numbers(group.counts(0))
            state = group.state._replace(params=params)
            report = self.executables.advance(state, data, self.schedule, self.intervals, none)[1]
            losses.append(report.losses)
        # Only the last group can have copies of its last seed, at its end.
        joined = np.concatenate([where.fetched(part).astype(np.float64)[:, 0] for part in losses])
        return joined[: self.settings.seeds]


def _rank(seed: _Seed, loss: float) -> tuple[bool, float]:
    """Diverged seeds last, then by loss, nan after every number."""
    return seed.status is Status.DIVERGED, float(np.nan_to_num(loss, nan=np.inf))


def _history(seeds: Sequence[_Seed], variance: float) -> History:
    length = max(len(seed.records) for seed in seeds)
    padded = [seed.records + seed.records[-1:] * (length - len(seed.records)) for seed in seeds]
    steps = np.array([[step for step, _ in records] for records in padded])
    losses = np.array([[loss * variance for _, loss in records] for records in padded])
    return History(steps, losses)


def _bar(settings: Settings) -> Any:
    if not settings.progress:
        return tqdm(disable=True)
    from tqdm.auto import tqdm as bar  # in a notebook it loads widgets, and warns if there are none

    return bar(
        total=settings.steps,
        desc=f"fit {settings.method.name}",
        unit="step",
        leave=False,
        # None: silent where there is no terminal. A notebook is none, and shows it.
        disable=False if "ipykernel" in sys.modules else None,
    )
