"""What roots and extrema are given as: points and intervals of a line, and what is not resolved."""

from __future__ import annotations

import dataclasses

import numpy as np

__all__ = ["Extrema", "PointSet"]


@dataclasses.dataclass(frozen=True, eq=False)
class PointSet:
    """A closed set of numbers: points, intervals, and places where it could not be told.

    Attributes:
        points: Isolated points, never decreasing, shape (n,), float64; two that differ by less than
            its spacing are both there.
        intervals: Whole intervals, such as those where a network is zero identically, shape (k, 2).
        unresolved: Intervals, often as short as rounding, that may hold further points, and of
            which it could not be told; shape (u, 2). Always empty for piecewise linear networks.

    Example:
        >>> found = PointSet(np.array([0.5]), np.array([[1.0, 2.0]]))
        >>> found
        PointSet(0.5, [1, 2])
        >>> len(found), found.complete
        (2, True)
    """

    points: np.ndarray
    intervals: np.ndarray = dataclasses.field(default_factory=lambda: np.empty((0, 2)))
    unresolved: np.ndarray = dataclasses.field(default_factory=lambda: np.empty((0, 2)))

    @property
    def complete(self) -> bool:
        """Whether nothing is left unresolved."""
        return not len(self.unresolved)

    def __len__(self) -> int:
        return len(self.points) + len(self.intervals)

    def __repr__(self) -> str:
        parts = [f"{x:.6g}" for x in self.points]
        parts += [f"[{a:.6g}, {b:.6g}]" for a, b in self.intervals]
        parts += [f"not resolved in [{a:.17g}, {b:.17g}]" for a, b in self.unresolved]
        return f"PointSet({', '.join(parts) or 'empty'})"


@dataclasses.dataclass(frozen=True, eq=False)
class Extrema:
    """Least and largest values on a box, and where they are attained.

    A local minimum is a point, or a longest interval on which the function is constant, with larger
    values next to it inside of the box: so an end of the box can be one.

    Attributes:
        minimum: The least value.
        maximum: The largest value.
        argmin: Where the least value is attained.
        argmax: Where the largest value is attained.
        local_minima: All local minima, `argmin` among them.
        local_maxima: All local maxima, `argmax` among them.
    """

    minimum: float
    maximum: float
    argmin: PointSet
    argmax: PointSet
    local_minima: PointSet
    local_maxima: PointSet

    @property
    def complete(self) -> bool:
        """Whether nothing is left unresolved."""
        sets = (self.argmin, self.argmax, self.local_minima, self.local_maxima)
        return all(found.complete for found in sets)
