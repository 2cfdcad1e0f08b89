"""All tasks by name. A new family is a module with a tuple `TASKS` and a line here."""

from __future__ import annotations

from types import MappingProxyType

from experiments.growth import greedy_units, points

__all__ = ["TASKS"]

TASKS = MappingProxyType(
    {task.name: task for family in (points, greedy_units) for task in family.TASKS}
)
