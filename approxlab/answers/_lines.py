"""Lines through a box on which a network of several variables is one of a single variable.

On a line every unit is a unit of one variable, so what is proved there of the number of units holds
for the whole network. Only lines whose points are exact in floating point are used: parallel to an
axis, and the diagonal of a box with equal sides.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from approxlab.domains import Box
from approxlab.targets.target import Target

__all__ = ["Line", "lines_through"]

_SHARES = (0.5, 0.0, 0.25, 0.75, 1.0)
_MOST_AXES = 8
_HALVINGS = 40


@dataclasses.dataclass(frozen=True, eq=False)
class Line:
    """Points whose moving coordinates are all t, the others being fixed.

    Attributes:
        base: The fixed coordinates, shape (d,).
        moving: Which coordinates are t.
        low: The least t.
        high: The largest t.
        name: How it is called.
    """

    base: np.ndarray
    moving: tuple[int, ...]
    low: float
    high: float
    name: str

    def points(self, t: np.ndarray) -> np.ndarray:
        """The points at t, shape (len(t), d)."""
        points = np.repeat(self.base[None, :], len(t), axis=0)
        points[:, list(self.moving)] = t[:, None]
        return points

    def positions(self, count: int, kinks: tuple[float, ...] = ()) -> np.ndarray:
        """Positions along the line: equal steps, and closer ones towards its ends and kinks."""
        ends = np.array([self.low, self.high, *kinks])
        steps = (self.high - self.low) * 2.0 ** -np.arange(1.0, _HALVINGS)
        close = (ends[:, None] + np.concatenate([-steps, [0.0], steps])).ravel()
        close = close[(close >= self.low) & (close <= self.high)]
        return np.union1d(np.linspace(self.low, self.high, count), close)


def lines_through(target: Target) -> list[Line]:
    """The lines on which a target is looked at; in one dimension, its interval."""
    box = target.domain
    if box.dim == 1:
        return [Line(np.zeros(1), (0,), box.lower[0], box.upper[0], "the interval")]
    lower, widths = np.array(box.lower), box.widths
    found = [
        Line(
            np.minimum(lower + share * widths, box.upper),
            (axis,),
            box.lower[axis],
            box.upper[axis],
            f"the line along axis {axis} at {share:g} of the other sides",
        )
        for axis in range(min(box.dim, _MOST_AXES))
        for share in _SHARES
    ]
    return [_diagonal(box), *found] if _equal_sides(box) else found


def _equal_sides(box: Box) -> bool:
    return len(set(box.lower)) == 1 and len(set(box.upper)) == 1


def _diagonal(box: Box) -> Line:
    every = tuple(range(box.dim))
    return Line(np.array(box.lower), every, box.lower[0], box.upper[0], "the diagonal")
