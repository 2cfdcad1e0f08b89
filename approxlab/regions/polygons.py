"""`Partition`: a piecewise linear function of two variables, as polygons on which it is affine."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from approxlab.domains import Box
from approxlab.regions._level_lines import polylines
from approxlab.regions._subdivision import Subdivision
from approxlab.regions.piecewise import check_kind

__all__ = ["Partition"]


@dataclasses.dataclass(frozen=True, eq=False)
class Partition:
    """The full-dimensional activation regions of a network on a rectangle: convex polygons.

    The parameters of the network, float32 or float64, are taken as exact numbers. Which polygons,
    edges and vertices there are, what lies beside what, patterns and which functions are equal is
    exact, ties included; coordinates, lengths, areas, values and affine functions are rounded. F
    polygons, E edges, V vertices, m outputs; values of shape () have no axis for them. Polygons
    share their edges and vertices, so V - E + F = 1.

    Attributes:
        box: The rectangle, Box of dimension 2; on a plane, in the coordinates s of the plane.
        plane: `None`, or `(origin, directions)` of shapes (d,) and (d, 2), for inputs origin +
            directions @ s.
        vertices: Shape (V, 2).
        errors: Bounds of the errors of coordinates, shape (V,): at most 1e-10 of the longer side,
            or the spacing of float64 where that is wider. Most are far smaller.
        values: Of the network at the vertices, shape (V,) or (V, m).
        edges: The two vertices of every edge, shape (E, 2).
        sides: The polygons on its left and on its right, -1 outside, shape (E, 2).
        layers: Of the unit that bends along an edge, from 1; 0 for sides of the box; shape (E,).
        units: Which unit of that layer, from 0; -1 for sides of the box; shape (E,).
        loops: Vertices around the polygons, counterclockwise, one polygon after the other.
        starts: Where each polygon begins in `loops`, and the end, shape (F + 1,).
        gradients: Shape (F, 2) or (F, m, 2), and `offsets`, (F,) or (F, m): the network is
            gradients @ s + offsets on a polygon.
        offsets: See `gradients`.
        patterns: Which side every hidden unit is on, layer by layer, shape (F, units), int8: 1
            right of its kink, -1 left of it, 0 if its input is zero on all of the polygon. Linear
            units are always 1.
        functions: Equal numbers for polygons with the same affine function, shape (F,).
        ties: How many signs and equalities of functions rounding left open, which were then decided
            in integers.
    """

    box: Box
    plane: tuple[np.ndarray, np.ndarray] | None
    vertices: np.ndarray
    errors: np.ndarray
    values: np.ndarray
    edges: np.ndarray
    sides: np.ndarray
    layers: np.ndarray
    units: np.ndarray
    loops: np.ndarray
    starts: np.ndarray
    gradients: np.ndarray
    offsets: np.ndarray
    patterns: np.ndarray
    functions: np.ndarray
    ties: int
    _cuts: Subdivision = dataclasses.field(repr=False)

    def __len__(self) -> int:
        return len(self.patterns)

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The polygons, and where units bend; see `plotting.plot_partition`."""
        from approxlab.plotting.partitions import plot_partition

        return plot_partition(self, ax=ax, **style)

    def __repr__(self) -> str:
        return (
            f"Partition({len(self)} polygons, {len(self.edges)} edges, {len(self.vertices)} "
            f"vertices on {self.box!r})"
        )

    # Geometry

    def polygon(self, index: Any) -> np.ndarray:
        """Vertices of a polygon, counterclockwise, shape (k, 2)."""
        if not isinstance(index, (int, np.integer)) or not 0 <= index < len(self):
            raise ValueError(
                f"index: got {index!r}, expected the number of a polygon, 0 to {len(self) - 1}."
            )
        return self.vertices[self.loops[self.starts[index] : self.starts[index + 1]]]

    @functools.cached_property
    def areas(self) -> np.ndarray:
        """Of the polygons, shape (F,); their sum is the area of the box up to rounding."""
        return np.maximum(np.add.reduceat(self._fan()[0], self.starts[:-1]), 0.0)

    @functools.cached_property
    def edge_lengths(self) -> np.ndarray:
        """Shape (E,)."""
        step = self.vertices[self.edges[:, 1]] - self.vertices[self.edges[:, 0]]
        return np.hypot(step[:, 0], step[:, 1])

    @property
    def neighbours(self) -> np.ndarray:
        """Pairs of polygons with a common edge: the region graph, shape (N, 2)."""
        return self.sides[self.sides[:, 1] >= 0]

    @property
    def complete(self) -> bool:
        """Whether nothing was dropped: looked up in the arrays, not remembered from their making.

        V - E + F = 1; every edge is on the boundary of the polygons on its two sides, once; areas
        add up to that of the box, to 1e-12 of it, and no polygon is turned over by more than that
        and the errors of coordinates allow.
        """
        euler = len(self.vertices) - len(self.edges) + len(self) == 1
        used = len(self.loops) == len(self.edges) + np.count_nonzero(self.sides[:, 1] >= 0)
        areas = np.add.reduceat(self._fan()[0], self.starts[:-1])
        least = 1e-12 * self.box.volume
        turned = least + 8 * np.max(self.errors) * np.max(self.box.widths)
        covers = abs(np.sum(areas) - self.box.volume) <= least and np.min(areas) >= -turned
        return bool(euler and used and covers and np.min(np.diff(self.starts)) >= 3)

    def _fan(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Areas of the triangles of all polygons from their first vertices, and two corners."""
        first = np.repeat(self.loops[self.starts[:-1]], np.diff(self.starts))
        after = np.append(self.loops[1:], 0)
        after[self.starts[1:] - 1] = self.loops[self.starts[:-1]]
        p = self.vertices[self.loops] - self.vertices[first]
        q = self.vertices[after] - self.vertices[first]
        return 0.5 * (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]), first, after

    # Numbers of regions

    def count(self, kind: str) -> int:
        """The number of regions of a kind; see `approxlab.regions.count` for what they are.

        Args:
            kind: "activation": patterns that occur, on a polygon, an edge or at a vertex;
                "proper": polygons; "open_connected": polygons with equal functions joined along
                edges; "affine": different affine functions.

        Raises:
            ValueError: For any other kind. "convex" and "closed_connected" are not counted in two
                dimensions: the fewest convex sets are a hard covering problem, and two polygons
                may be joined by a line on which a third function equals theirs.
        """
        check_kind(kind)
        if kind == "proper":
            return len(self)
        if kind == "affine":
            return int(np.max(self.functions)) + 1
        if kind == "open_connected":
            return self._joined()
        if kind == "activation":
            return self._count_patterns()
        raise ValueError(
            f"kind: got {kind!r}, which is not counted in two dimensions, expected 'activation', "
            "'proper', 'open_connected' or 'affine'."
        )

    def _joined(self) -> int:
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        one, two = self.neighbours.T
        same = self.functions[one] == self.functions[two]
        pairs = (np.ones(np.count_nonzero(same)), (one[same], two[same]))
        graph = coo_array(pairs, shape=(len(self), len(self)))
        return int(connected_components(graph, directed=False)[0])

    def _count_patterns(self) -> int:
        if not self.patterns.shape[1]:
            return 1
        corners = self._cuts.signs
        inside = np.sign(corners[self.edges[:, 0]] + corners[self.edges[:, 1]])
        rows = np.vstack(
            [np.packbits(part > 0, axis=1) for part in (self.patterns, inside, corners)]
        )
        return len(np.unique(rows, axis=0))

    # The function

    def integral(self) -> Any:
        """The integral over the box, in its coordinates: a float, or shape (m,).

        On a triangle it is the area times the mean of the three values; rounding is relative to
        the integral of the absolute value.
        """
        areas, first, after = self._fan()
        v = self.values
        means = (v[first] + v[self.loops] + v[after]) / 3
        total = np.tensordot(areas, means, axes=1)
        return float(total) if v.ndim == 1 else total

    def minimum(self, output: Any = None) -> tuple[float, np.ndarray]:
        """The least value on the box, and a vertex where it is taken.

        The place is known up to `errors` there, in each coordinate, and so is the value up to that
        times the sum of the absolute slopes beside the vertex, with rounding of the values: for
        vertices at which lines almost coincide, far more than the spacing of float64.

        Args:
            output: Which of m outputs; `None` for values of shape ().
        """
        values = self._values_of(output)
        place = int(np.argmin(values))
        return float(values[place]), self.vertices[place]

    def maximum(self, output: Any = None) -> tuple[float, np.ndarray]:
        """The largest value on the box, and a vertex where it is taken; see `minimum`."""
        values = self._values_of(output)
        place = int(np.argmax(values))
        return float(values[place]), self.vertices[place]

    def level_set(self, level: Any, output: Any = None) -> list[np.ndarray]:
        """Where the network equals a level, as polylines with vertices of shape (n, 2).

        Closed ones end where they begin. Where the network equals the level on a whole polygon, it
        is the part of the polygon's boundary inside the box; single points are left out. Which
        polygons the lines cross is exact, as everywhere in a partition.

        Args:
            level: The level, a finite number.
            output: Which of m outputs; `None` for values of shape ().
        """
        self._values_of(output)
        if not isinstance(level, (int, float, np.number)) or not np.isfinite(level):
            raise ValueError(f"level: got {level!r}, expected a finite number.")
        cuts = self._cuts.copied()
        s = cuts.cut_by_level(output or 0, float(level))
        on = (s[cuts.tails] == 0) & (s[cuts.heads] == 0)
        flat = np.append(cuts.patterns()[:, -1] == 0, True)  # the outside, for -1
        on &= ~(flat[cuts.left] & flat[cuts.right])
        return polylines(cuts.points, cuts.tails[on], cuts.heads[on])

    def _values_of(self, output: Any) -> np.ndarray:
        if self.values.ndim == 1:
            if output is not None:
                raise ValueError(f"output: got {output!r}, expected None: values have shape ().")
            return self.values
        whole = isinstance(output, (int, np.integer)) and not isinstance(output, bool)
        if not whole or not 0 <= output < self.values.shape[1]:
            raise ValueError(
                f"output: got {output!r}, expected 0 to {self.values.shape[1] - 1}: which of the "
                "outputs."
            )
        found: np.ndarray = self.values[:, output]
        return found
