"""Training: whole chunks of steps in one compiled program, the host in between."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.fitting._member import (
    CONVERGED,
    DIVERGED,
    GOING,
    RECORDS,
    STAGNATED,
    Report,
    Shape,
    State,
)
from approxlab.fitting._problem import Problem, Settings
from approxlab.fitting._programs import (
    Program,
    arrays_of,
    beginning,
    compilations,
    original,
    program,
    shape_of,
)
from approxlab.fitting._result import FitResult, History, Status
from approxlab.networks import MLP

__all__ = ["compilations", "train"]


_STATUS = {CONVERGED: Status.CONVERGED, STAGNATED: Status.STAGNATED}


@dataclasses.dataclass
class _Seed:
    """What the host knows of one seed while it runs."""

    status: Status | None = None
    step: int = 0
    records: list[tuple[int, float]] = dataclasses.field(default_factory=list)

    def note(self, losses: np.ndarray, facts: np.ndarray, settings: Settings) -> None:
        """Take over the records of a chunk (losses are relative), and what was decided there."""
        count, done, _, decided = facts.tolist()
        count -= decided == DIVERGED  # the last record is that of a state which is not kept
        for i in range(count):
            behind = min((i + 1) * settings.stride, done)
            self.records.append((self.step + behind, float(losses[i])))
        self.step += done
        self.status = _STATUS.get(decided)
        if self.step >= settings.steps and decided in (GOING, STAGNATED):
            self.status = Status.BUDGET

    def lost(self, losses: np.ndarray, facts: np.ndarray) -> None:
        """End as diverged, with the record of the last finite parameters if it is a new one."""
        if facts[1] or not self.records:
            self.records.append((self.step + int(facts[1]), float(losses[0])))
        self.step += int(facts[1])
        self.status = Status.DIVERGED


@dataclasses.dataclass
class _Group:
    """Seeds that one executable trains together, and their state on the devices.

    The state may have more members than there are seeds: those of devices left over, never moved.
    """

    seeds: list[_Seed]
    state: State

    @property
    def going(self) -> bool:
        return any(seed.status is None for seed in self.seeds)

    def counts(self, span: int) -> np.ndarray:
        """Steps for each member of the state: none for a seed that has its status."""
        members = len(self.state.step)
        result = np.zeros(members, np.int32)
        result[: len(self.seeds)] = [0 if seed.status else span for seed in self.seeds]
        return result


def train(problem: Problem, settings: Settings) -> FitResult:
    """Fit by any of the methods; called by `approxlab.fit`."""
    data, statics = arrays_of(problem, settings)
    shape = shape_of(problem, settings, data, statics)
    compiled, compile_s = program(shape)
    began = time.perf_counter()
    knobs = [settings.learning_rate, settings.steps, settings.tol]
    pace = np.minimum([settings.stride, settings.patience], np.iinfo(np.int32).max)
    where = shape.places
    run = _Run(
        compiled,
        shape,
        settings,
        problem,
        where.copied(data),
        where.copied(jnp.asarray(knobs, settings.dtype)),
        where.copied(jnp.asarray(pace, jnp.int32)),
    )
    groups = run.groups()
    run.through(groups)
    finished = [compiled.finish(group.state.params, run.data) for group in groups]
    parts = [where.fetched(layers) for _, layers in finished]
    as_given = where.copied(original(data, problem, settings))
    losses = run.measured(groups, [f[0] for f in finished], as_given)
    seeds = [seed for group in groups for seed in group.seeds]
    intact = _whole(parts)[: len(seeds)]
    for seed, loss, whole in zip(seeds, losses, intact, strict=True):
        if not (whole and np.isfinite(loss)):  # spoiled by folding the affine maps in
            seed.status = Status.DIVERGED
    best = min(range(len(seeds)), key=lambda i: _rank(seeds[i], float(losses[i])))
    # Joined by NumPy: JAX would compile a program for every number of seeds.
    layers = jax.tree.map(lambda *leaves: np.concatenate(leaves)[: len(seeds)], *parts)
    return FitResult(
        network=_network(problem, settings, jax.tree.map(lambda leaf: leaf[best], layers)),
        networks=_network(problem, settings, layers),
        best=best,
        statuses=tuple(seed.status or Status.BUDGET for seed in seeds),
        losses=losses * np.square(problem.unit),
        relative_losses=losses / np.square(problem.spread),
        history=_history(seeds, problem.variance),
        steps=np.array([seed.step for seed in seeds]),
        method=settings.method_name,
        compile_s=compile_s,
        run_s=time.perf_counter() - began,
    )


def _whole(parts: Sequence[Any]) -> list[bool]:
    """For every seed, whether all numbers of its network are finite."""
    flags = []
    for layers in parts:
        leaves = [np.isfinite(leaf) for leaf in jax.tree.leaves(layers)]
        flags += np.all(
            [leaf.reshape(len(leaf), -1).all(axis=1) for leaf in leaves], axis=0
        ).tolist()
    return flags


def _network(problem: Problem, settings: Settings, layers: Any) -> MLP:
    weights, biases = jax.tree.map(jnp.asarray, layers)
    return MLP(weights, biases, settings.activation, settings.passthrough, problem.out_size)


@dataclasses.dataclass(frozen=True)
class _Run:
    compiled: Program
    shape: Shape
    settings: Settings
    problem: Problem
    data: dict[str, Any]
    knobs: Any
    pace: Any

    def groups(self) -> list[_Group]:
        """All seeds at their start."""
        result, together = [], self.shape.places.together
        for first in range(0, self.settings.seeds, together):
            numbers = range(first, min(first + together, self.settings.seeds))
            state = self.compiled.start(
                *beginning(self.shape, self.settings, self.problem, numbers)
            )
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
        result: tuple[State, Report] = self.compiled.advance(
            state, self.data, self.knobs, self.pace, self.shape.places.numbers(counts)
        )
        return result

    def _read(self, report: Report) -> tuple[np.ndarray, np.ndarray]:
        found: Report = self.shape.places.fetched(report)
        return found.losses, found.facts

    def _settle(self, group: _Group, state: State, report: Report) -> None:
        """Wait for a chunk; members that left the finite numbers go on from their last record.

        That record is finite, and the number of steps is an argument: to find the last finite
        parameters, nothing has to be kept inside the compiled loop.
        """
        losses, facts = self._read(report)
        lost = {}
        for i, seed in enumerate(group.seeds):
            if seed.status is None:
                seed.note(losses[i], facts[i], self.settings)
                if facts[i, 3] == DIVERGED:
                    # The parameters after these steps are bad: one step less, or else half.
                    lost[i] = max(int(facts[i, 2]) - 1, 0)
        while lost:
            counts = np.zeros(len(facts), np.int32)
            counts[list(lost)] = list(lost.values())
            state, report = self._advance(state, counts)
            losses, facts = self._read(report)
            for i, count in tuple(lost.items()):
                if facts[i, 3] == DIVERGED and count:
                    lost[i] = count // 2
                else:
                    group.seeds[i].lost(losses[i], facts[i])
                    del lost[i]
        group.state = state

    def measured(
        self, groups: Sequence[_Group], parameters: Sequence[Any], data: dict[str, Any]
    ) -> np.ndarray:
        """Mean square errors of the finished networks, at the points and values as given."""
        where, losses = self.shape.places, []
        for group, params in zip(groups, parameters, strict=True):
            none = where.numbers(group.counts(0))
            state = group.state._replace(params=params)
            report = self.compiled.advance(state, data, self.knobs, self.pace, none)[1]
            losses.append(report.losses)
        # Only the last group has members without a seed, at its end.
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
    from tqdm import tqdm

    # disable=None: silent where there is no terminal
    return tqdm(
        total=settings.steps,
        desc=f"fit {settings.method_name}",
        unit="step",
        leave=False,
        disable=None if settings.progress else True,
    )
