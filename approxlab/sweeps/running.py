"""All units of a plan, computed here or by the workers of a Dask cluster."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import jax

from approxlab.cluster.pieces import Outcome, computed, everywhere
from approxlab.fitting.training.result import FitResult
from approxlab.sweeps.plans import Unit, run_unit
from approxlab.targets.catalogue import get
from approxlab.targets.target import Target

# What decides rounding and random numbers: workers set them as they are here.
_FLAGS = (
    *("jax_enable_x64", "jax_default_matmul_precision", "jax_default_prng_impl"),
    *("jax_threefry_partitionable", "jax_numpy_dtype_promotion"),
)


class UnitsFailed(RuntimeError):
    """Some units of a sweep raised errors; the others were computed.

    Attributes:
        results: The results of the units that did not fail, by unit.
        errors: What the others raised, by unit.
    """

    def __init__(self, results: Mapping[Unit, FitResult], errors: Mapping[Unit, Any]) -> None:
        self.results, self.errors = dict(results), dict(errors)
        lines = [f"  {unit!r}: {type(one).__name__}: {one}" for unit, one in self.errors.items()]
        total = len(self.results) + len(self.errors)
        super().__init__(
            "\n".join([f"{len(lines)} of {total} units failed; `results` has the others.", *lines])
        )


def run(
    units: Iterable[Unit],
    targets: Any = (),
    *,
    seed: int = 0,
    client: Any = None,
    progress: bool = False,
) -> tuple[FitResult, ...]:
    """Fit all seeds of all units of a plan.

    Args:
        units: The units, as from `plan`.
        targets: The targets that are not in the catalogue under the name that a unit gives.
        seed: The root seed of the sweep.
        client: A `dask.distributed.Client`: its workers compute the units, and a unit whose worker
            is lost is computed by another one. None computes here. Results are the same to the last
            bit, on processors of one kind. Networks and targets are sent to the workers and back.
        progress: Show a bar that counts units, in a terminal or a notebook.

    Returns:
        The `FitResult` of every unit, in the order of the plan.

    Raises:
        UnitsFailed: Some units raised errors; it holds the results of the others.
        ValueError: If a unit's target is neither given nor in the catalogue.
        TypeError: If `client` is not a client, or an asynchronous one.
        approxlab.cluster.Refused: If workers have other packages than this process.

    Example:
        >>> from approxlab.sweeps.plans import plan
        >>> units = plan(["runge", "kink"], depths=[1], widths=[4], steps=50)
        >>> [str(result.statuses[0]) for result in run(units)]
        ['budget', 'budget']
    """
    units = tuple(units)
    for unit in units:
        if not isinstance(unit, Unit):
            raise TypeError(f"units: got {unit!r}, expected Units. Write sweeps.plan([...], ...).")
    given = [targets] if isinstance(targets, Target) else targets
    named = {(target.name, target.dim): target for target in given}
    pieces = [(_target(unit, named), unit) for unit in units]
    if client is None:
        done: Iterator[Outcome] = _here(pieces, seed)
    else:
        everywhere(client, _nothing)
        flags = {name: getattr(jax.config, name) for name in _FLAGS}
        done = computed(client, _Fit(seed), pieces, flags=flags, name="sweep", tell=print)
    results: dict[int, FitResult] = {}
    errors: dict[int, Any] = {}
    for outcome in _counted(done, len(units), progress):
        if outcome.error is None:
            results[outcome.index] = outcome.value
        else:
            errors[outcome.index] = outcome.error
    if errors:
        raise UnitsFailed(
            {units[i]: results[i] for i in sorted(results)},
            {units[i]: errors[i] for i in sorted(errors)},
        )
    return tuple(results[i] for i in range(len(units)))


@dataclasses.dataclass(frozen=True)
class _Fit:
    seed: int

    def __call__(self, piece: tuple[Target, Unit]) -> FitResult:
        return run_unit(*piece, seed=self.seed)


def _nothing(_: None) -> None:
    """What a worker is asked at the start: whether it can compute at all."""


def _here(pieces: Sequence[tuple[Target, Unit]], seed: int) -> Iterator[Outcome]:
    for index, piece in enumerate(pieces):
        try:
            yield Outcome(index, run_unit(*piece, seed=seed))
        except Exception as error:
            yield Outcome(index, error=error)


def _counted(done: Iterator[Outcome], total: int, progress: bool) -> Iterable[Outcome]:
    if not progress:
        return done
    from tqdm.auto import tqdm

    return tqdm(done, total=total, unit="unit")


def _target(unit: Unit, named: Mapping[tuple[str, int], Target]) -> Target:
    if (unit.target, unit.in_size) in named:
        return named[unit.target, unit.in_size]
    try:
        found = get(unit.target)
        return found if found.dim == unit.in_size else get(unit.target, dim=unit.in_size)
    except ValueError as error:
        raise ValueError(
            f"targets: got none with the name {unit.target!r} and dimension {unit.in_size}, "
            f"expected it for {unit!r}. Give it as targets=[target]. ({error})"
        ) from error
