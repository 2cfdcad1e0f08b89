"""Roots, level sets, intersections and extrema of networks of one variable."""

from __future__ import annotations

from typing import Any


from approxlab.calculus._line_sets import extrema_of, points_at
from approxlab.calculus._lines import difference, line
from approxlab.calculus.point_sets import Extrema, PointSet

__all__ = ["extrema", "intersections", "level_set", "roots"]


def level_set(net: Any, level: Any, box: Any) -> PointSet:
    """TODO."""
    return points_at(line(net, box), float(level))


def roots(net: Any, box: Any) -> PointSet:
    """TODO."""
    return level_set(net, 0.0, box)


def intersections(net: Any, other: Any, box: Any) -> PointSet:
    """TODO."""
    return points_at(difference(net, other, box), 0.0)


def extrema(net: Any, box: Any) -> Extrema:
    """TODO."""
    return extrema_of(line(net, box))
