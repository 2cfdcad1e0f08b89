"""All tasks by name. A new family is a module with a tuple `TASKS` and a line here."""

from __future__ import annotations

from types import MappingProxyType

from experiments.growth import greedy_units, knots_and_graphs, points

__all__ = ["TASKS"]

_FAMILIES = (points, greedy_units, knots_and_graphs)

TASKS = MappingProxyType({task.name: task for family in _FAMILIES for task in family.TASKS})
