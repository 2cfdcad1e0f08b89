"""Training: whole chunks of steps in one compiled program, the host in between."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from tqdm import tqdm

from approxlab.fitting.training.course import Course
from approxlab.fitting.training.data import TrainingData
from approxlab.fitting.training.measuring import losses_as_given
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
from approxlab.fitting.training.seed import DIVERGED, RECORDS, Report, State
from approxlab.fitting.training.settings import Settings
from approxlab.host_threads import one_thread
from approxlab.networks.mlp import MLP

__all__ = ["train"]

_FIRST_RECORDS, _SOON = 8, 0.25  # records of the first chunk; seconds of one that is over soon


@dataclasses.dataclass
class _Group:
    """Seeds that one executable trains together, and their state on the devices.

    The state may have room for more seeds than there are: devices left over, whose copies of the
    last seed never take a step.
    """

    seeds: list[Course]
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
    points = settings.batch or len(training_data.inputs)
    units = points * sum(settings.hidden)
    executables, compile_s = compiled(key, float(len(settings.seeds) * settings.steps * units))
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
        where.copied(original(data, training_data, settings)),
        where.copied(jax.device_put(np.asarray(schedule, settings.dtype))),
        where.copied(jax.device_put(np.asarray(intervals, np.int32))),
    )
    groups = run.groups()
    run.through(groups)
    seeds = [seed for group in groups for seed in group.seeds]
    layers, outputs = run.finished(groups)
    relative = _relative(outputs, training_data)
    for seed, loss in zip(seeds, relative, strict=True):
        seed.judge(float(loss), settings)
    losses = (outputs * np.square(training_data.unit)).mean(axis=1)
    best = min(range(len(seeds)), key=lambda i: _rank(seeds[i], relative[i], losses[i]))
    return FitResult(
        network=_network(training_data, settings, jax.tree.map(lambda leaf: leaf[best], layers)),
        networks=_network(training_data, settings, layers),
        best=best,
        seeds=settings.seeds,
        statuses=tuple(seed.status or Status.BUDGET for seed in seeds),
        losses=losses,
        relative_losses=relative,
        output_losses=outputs * np.square(training_data.unit),
        history=_history(seeds, training_data.variances),
        steps=np.array([seed.step for seed in seeds]),
        method=settings.method.name,
        compile_s=compile_s,
        run_s=time.perf_counter() - began,
    )


def _relative(outputs: np.ndarray, training_data: TrainingData) -> np.ndarray:
    """Mean over the outputs of their losses, each divided by its variance, shape (seeds,)."""
    return np.asarray((outputs / np.square(training_data.deviation)).mean(axis=1))


def _whole(layers: Any) -> np.ndarray:
    """For every seed, whether all numbers of its network are finite."""
    leaves = [np.isfinite(leaf) for leaf in jax.tree.leaves(layers)]
    return np.all([leaf.reshape(len(leaf), -1).all(axis=1) for leaf in leaves], axis=0)


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
    as_given: dict[str, Any]
    schedule: Any
    intervals: Any

    def groups(self) -> list[_Group]:
        """All seeds at their start."""
        result, together = [], self.key.devices.together
        for first in range(0, len(self.settings.seeds), together):
            numbers = self.settings.seeds[first : first + together]
            begin = beginning(self.key, self.settings, self.training_data, numbers)
            state = self.executables.start(*begin)
            result.append(_Group([Course() for _ in numbers], state))
        return result

    def through(self, groups: Sequence[_Group]) -> None:
        """Advance all groups chunk by chunk until every seed has its status.

        A chunk is many records long, since a call costs as much as ten steps of a small network,
        and at the end of a chunk the devices wait for each other. Chunks that are over soon grow,
        except where several processes have to make the same calls.
        """
        steps, position, records = self.settings.steps, 0, _FIRST_RECORDS
        with _bar(self.settings) as bar:
            self._chunk(groups, 0)  # records the losses at the start
            while position < steps:
                going = [group for group in groups if group.going]
                if not going:
                    break
                began = time.monotonic()
                span = min(records * self.settings.stride, steps - position)
                self._chunk(going, span)
                position += span
                if time.monotonic() - began < _SOON and not self.key.devices.shared:
                    records = min(4 * records, RECORDS)
                bar.update(span)
                if self.settings.progress:
                    least = min(loss for g in groups for seed in g.seeds for loss in seed.losses)
                    bar.set_postfix(loss=least, refresh=False)

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

    def finished(self, groups: Sequence[_Group]) -> tuple[Any, np.ndarray]:
        """The networks that are returned, as layers of all seeds, and the losses of their outputs.

        A seed that got worse goes back to its best record. Then, if its network in its own
        arithmetic is worse than the start was, also to the start, and takes the better one.
        """
        seeds = [seed for group in groups for seed in group.seeds]
        layers, losses = self._folded(groups)
        back = [seed.best_step if seed.got_worse else None for seed in seeds]
        if any(step is not None for step in back):
            chosen = np.array([step is not None for step in back])
            layers, losses = _chosen(chosen, self._folded(self._again(back)), (layers, losses))
        intact = _whole(layers) & np.isfinite(losses).all(axis=1)
        for seed, whole in zip(seeds, intact, strict=True):
            if not whole:  # spoiled by folding the affine maps in
                seed.status = Status.DIVERGED
        relative = np.where(intact, _relative(losses, self.training_data), np.inf)
        worse = relative > [seed.losses[0] for seed in seeds]
        if worse.any():
            first = self._folded(self._again([0 if flag else None for flag in worse]))
            better = worse & (_relative(first[1], self.training_data) < relative)
            layers, losses = _chosen(better, first, (layers, losses))
        return layers, losses

    def _again(self, steps: Sequence[int | None]) -> list[_Group]:
        """All seeds at their start, and some of them trained anew for so many steps.

        The same programs take the same steps, so nothing has to be kept while training.
        """
        result, longest = self.groups(), RECORDS * self.settings.stride
        ahead = iter(steps)
        for group in result:
            left = np.zeros(len(group.state.step), np.int32)
            left[: len(group.seeds)] = [next(ahead) or 0 for _ in group.seeds]
            while left.any():
                counts = np.minimum(left, longest).astype(np.int32)
                group.state, report = self._advance(group.state, counts)
                self._read(report)
                left -= counts
        return result

    def _folded(self, groups: Sequence[_Group]) -> tuple[Any, np.ndarray]:
        """Layers with the affine maps folded in, of all seeds, and the losses of their outputs."""
        ends = [self.executables.finish(group.state.params, self.data) for group in groups]
        parts = [self.key.devices.fetched(layers) for _, layers in ends]
        count = len(self.settings.seeds)
        # Joined by NumPy: JAX would compile a program for every number of seeds.
        layers = jax.tree.map(lambda *leaves: np.concatenate(leaves)[:count], *parts)
        losses = self._measured(groups, [params for params, _ in ends])

        def member(seed: int) -> MLP:
            own = jax.tree.map(lambda leaf: leaf[seed], layers)
            return _network(self.training_data, self.settings, own)

        found = losses_as_given(member, self.settings.dtype, self.training_data, losses)
        return layers, found

    def _measured(self, groups: Sequence[_Group], parameters: Sequence[Any]) -> np.ndarray:
        """Losses of the outputs of finished networks, values rounded to the dtype."""
        where, losses = self.key.devices, []
        for group, params in zip(groups, parameters, strict=True):
            none = where.numbers(group.counts(0))
            state = group.state._replace(params=params)
            report = self.executables.advance(
                state, self.as_given, self.schedule, self.intervals, none
            )[1]
            losses.append(report.losses)
        # Only the last group can have copies of its last seed, at its end.
        joined = np.concatenate([where.fetched(part).astype(np.float64)[:, 0] for part in losses])
        return joined[: len(self.settings.seeds)]


def _chosen(chosen: np.ndarray, these: Any, others: Any) -> Any:
    """For every seed the leaves of `these` where chosen, else those of `others`."""

    def pick(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.where(chosen.reshape(-1, *[1] * (a.ndim - 1)), a, b)

    return jax.tree.map(pick, these, others)


def _rank(seed: Course, *losses: Any) -> tuple[Any, ...]:
    """Diverged seeds last, then by loss, nan after every number."""
    return seed.status is Status.DIVERGED, *np.nan_to_num(losses, nan=np.inf).tolist()


def _history(seeds: Sequence[Course], variances: np.ndarray) -> History:
    length = max(len(seed.records) for seed in seeds)
    padded = [seed.records + seed.records[-1:] * (length - len(seed.records)) for seed in seeds]
    steps = np.array([[step for step, _ in records] for records in padded])
    losses = np.array([[losses for _, losses in records] for records in padded])
    return History(steps, (losses * variances).mean(axis=2))


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
