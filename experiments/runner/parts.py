"""Units in parts: of one that all other workers would wait for, groups of seeds are handed out.

Every part compiles for itself, so only the longest units are divided. The process that stores the
rows joins them: what is planned, stored and counted are whole units.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter
from collections.abc import Mapping, Sequence

# A unit, its rows, seconds and what is wrong.
Finished = tuple[str, Sequence[Mapping], float | None, str | None]


@dataclasses.dataclass(frozen=True)
class Part:
    """Some seeds of a unit, which one worker computes.

    Attributes:
        unit: The identity of the unit.
        seeds: Their numbers; None for the unit as a whole.
        seconds: How long it is expected to take, where that is known.
    """

    unit: str
    seeds: range | None
    seconds: float | None = None


def divided(units: Sequence[Part], workers: int, cores: int) -> list[Part]:
    """The units, those in parts that last longer than both limits.

    The limits are an equal share of the whole work for every worker, and the longest group of as
    many seeds as a worker computes at once, which cannot be divided.

    Args:
        units: Every unit with all its seeds.
        workers: How many there are.
        cores: How many seeds a worker computes at once: as many take the time of one.

    Example:
        >>> units = [Part("a", range(5), 6.0), Part("b", range(5), 1.0), Part("c", range(1), 1.0)]
        >>> [(part.unit, part.seeds) for part in divided(units, workers=4, cores=2)]
        [('a', range(0, 2)), ('a', range(2, 4)), ('a', range(4, 5)), ('b', None), ('c', None)]
    """
    share = math.fsum(unit.seconds or 0.0 for unit in units) / workers
    limit = max([share, *((u.seconds or 0.0) / rounds(u.seeds or range(1), cores) for u in units)])
    return [part for unit in units for part in _parts(unit, limit, cores)]


def rounds(seeds: range, cores: int) -> int:
    """How many times a worker computes as many seeds as it can at once."""
    return math.ceil(len(seeds) / cores)


def _parts(unit: Part, limit: float, cores: int) -> list[Part]:
    """As few as keep to the limit, apart from the compilation that each repeats."""
    seeds, seconds = unit.seeds or range(1), unit.seconds or 0.0
    if seconds <= limit:
        return [dataclasses.replace(unit, seeds=None)]
    each = seconds / rounds(seeds, cores)
    size = cores * max(1, math.floor(limit / each))
    groups = [seeds[i : i + size] for i in range(0, len(seeds), size)]
    return [Part(unit.unit, group, each * rounds(group, cores)) for group in groups]


class Joined:
    """The rows of whole units, from those of their parts as they come."""

    def __init__(self, parts: Sequence[Part]) -> None:
        self._parts = parts
        self._missing = Counter(part.unit for part in parts)
        self._rows: dict[int, tuple[Sequence[Mapping], float]] = {}
        self._failed: set[str] = set()

    def added(self, index: int, rows: Sequence[Mapping], seconds: float) -> Finished | None:
        """The unit, with the seconds of all parts, when this part is the last one of it."""
        unit = self._parts[index].unit
        self._missing[unit] -= 1
        self._rows[index] = rows, seconds
        if self._missing[unit] or unit in self._failed:
            return None
        found = [self._rows.pop(i) for i, part in enumerate(self._parts) if part.unit == unit]
        return unit, [row for rows, _ in found for row in rows], sum(s for _, s in found), None

    def failed(self, index: int, problem: str) -> Finished | None:
        """The unit, when this part is the first one that fails."""
        unit = self._parts[index].unit
        if unit in self._failed:
            return None
        self._failed.add(unit)
        return unit, [], None, problem
