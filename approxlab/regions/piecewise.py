"""`Pieces`: a piecewise linear function of one variable, as its breakpoints and its pieces."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.domains import Box

__all__ = ["KINDS", "Pieces", "check_kind"]

KINDS = ("activation", "proper", "convex", "open_connected", "closed_connected", "affine")


def check_kind(kind: Any) -> None:
    """Raises a ValueError for anything but a name of a kind of region."""
    if not isinstance(kind, str) or kind not in KINDS:
        raise ValueError(f"kind: got {kind!r}, expected one of {', '.join(KINDS)}.")


@dataclasses.dataclass(frozen=True, eq=False)
class Pieces:
    """The activation regions of nonzero length of a network on an interval, from left to right.

    The parameters of the network, float32 or float64, are taken as exact numbers. Which pieces
    there are, their order, patterns, layers and which functions are equal is exact; places, values
    and slopes are rounded. P is the number of pieces, m that of outputs; values of shape () have no
    axis for them.

    Attributes:
        edges: Ends of the pieces with the ends of the interval, shape (P + 1,), float64, never
            decreasing. Two are equal where a piece is shorter than the spacing of float64.
        edge_errors: Bounds of the rounding of `edges`, shape (P + 1,).
        values: Of the network at the edges, shape (P + 1,) or (P + 1, m).
        value_errors: Bounds of their rounding, of the same shape.
        slopes: On the pieces, shape (P,) or (P, m).
        slope_errors: Bounds of their rounding, of the same shape.
        patterns: Which side every hidden unit is on, layer by layer, shape (P, units), int8: 1
            right of its kink, -1 left of it, 0 if its input is zero on all of the piece. Linear
            units are always 1.
        layers: For each inner edge, the first layer, from 1, of which a unit bends there, shape
            (P - 1,).
        functions: Equal numbers for pieces with the same affine function, shape (P,).
        points: Whether an edge alone is an activation region: its pattern, where a unit counts as
            active if its input is positive, is not that of a piece beside it. Shape (P + 1,).
        ties: How many signs, orders of zeros and equalities of slopes rounding left open, which
            were then decided in integers.
        box: The interval; of a segment, Box([0], [1]).
    """

    edges: np.ndarray
    edge_errors: np.ndarray
    values: np.ndarray
    value_errors: np.ndarray
    slopes: np.ndarray
    slope_errors: np.ndarray
    patterns: np.ndarray
    layers: np.ndarray
    functions: np.ndarray
    points: np.ndarray
    ties: int
    box: Box

    def __len__(self) -> int:
        return len(self.slopes)

    def __call__(self, x: Any) -> np.ndarray:
        """Values at places x of any shape (...,), of shape (...,) or (..., m).

        Raises:
            ValueError: If a place is outside of the interval.
        """
        x = np.asarray(x, np.float64)
        if not np.all((x >= self.edges[0]) & (x <= self.edges[-1])):
            raise ValueError(f"x: got places outside of {self.box!r}, expected places inside.")
        piece = np.clip(np.searchsorted(self.edges, x, side="right") - 1, 0, len(self) - 1)
        # From the nearer end of the piece, whose value is as good as it can be.
        end = piece + (x - self.edges[piece] > self.edges[piece + 1] - x)
        step = x - self.edges[end]
        tail = (1,) * (self.values.ndim - 1)
        rise = self.slopes[piece] * np.reshape(step, (*np.shape(step), *tail))
        return np.asarray(self.values[end] + rise)

    def count(self, kind: str) -> int:
        """The number of regions of a kind; see `approxlab.regions.count`."""
        check_kind(kind)
        if kind == "activation":
            return len(self) + int(np.count_nonzero(self.points))
        if kind == "proper":
            return len(self)
        if kind == "affine":
            return int(np.max(self.functions)) + 1
        return 1 + int(np.count_nonzero(np.diff(self.functions)))

    def merged(self) -> Pieces:
        """Neighbours with the same affine function as one piece, with the pattern of the first."""
        kept = np.flatnonzero(np.diff(self.functions, prepend=-1))
        ends = np.append(kept, len(self))
        return dataclasses.replace(
            self,
            edges=self.edges[ends],
            edge_errors=self.edge_errors[ends],
            values=self.values[ends],
            value_errors=self.value_errors[ends],
            slopes=self.slopes[kept],
            slope_errors=self.slope_errors[kept],
            patterns=self.patterns[kept],
            layers=self.layers[kept[1:] - 1],
            functions=self.functions[kept],
            points=self.points[ends],
        )

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The pieces, and where units bend; see `plotting.plot_pieces`."""
        from approxlab.plotting.lines import plot_pieces

        return plot_pieces(self, ax=ax, **style)

    def __repr__(self) -> str:
        kinds = ", ".join(f"{self.count(k)} {k}" for k in ("activation", "proper", "convex"))
        low, high = float(self.edges[0]), float(self.edges[-1])
        return f"Pieces({kinds}, {self.count('affine')} affine on [{low:g}, {high:g}])"
