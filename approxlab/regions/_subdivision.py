"""A box cut into convex polygons by units, one after the other, with shared vertices and edges.

Every edge goes from its tail to its head with one polygon on its left and one on its right, so a
polygon lies to the left of its own boundary. A unit is affine on every polygon that is there when
its layer begins, and has one sign at every vertex, stored once. Cutting by a unit asks for nothing
but these signs:

1. An edge whose ends have opposite signs is split, once for both of its polygons.
2. A polygon with a positive and a negative edge is cut from the vertex where its boundary leaves
   the positive side (the exit) to the vertex where it comes back (the entry). Each is there once,
   since a line meets the boundary of a convex polygon in two points.

The signs are exact: of the true vertex, a crossing of two lines given by the stored parameters. So
the arrangement of polygons, edges and vertices is that of the stored parameters without rounding,
ties included; only coordinates are rounded.
"""

from __future__ import annotations

import copy

import numpy as np

from approxlab.regions._crossings import crossings, normalised, sides_of_box
from approxlab.regions._plane_units import Line, Place, PlaneUnits, crossing_of, rounded

__all__ = ["Subdivision"]

_SIDES = 4  # numbers of lines below it are the sides of the box: below, right, above, left
_LOOSE = 1e-10


class _Rows:
    """Rows that grow at the end without a copy of all of them each time."""

    def __init__(self, rows: np.ndarray) -> None:
        self._held, self._count = rows, len(rows)

    @property
    def rows(self) -> np.ndarray:
        return self._held[: self._count]

    def append(self, more: np.ndarray) -> None:
        count = self._count + len(more)
        if count > len(self._held):
            held = np.empty((2 * count, *more.shape[1:]), self._held.dtype)
            held[: self._count] = self.rows
            self._held = held
        self._held[self._count : count] = more
        self._count = count


class Subdivision:
    """The polygons of a box; see the module.

    Attributes:
        points: Vertices, shape (V, 2).
        errors: Bounds of the errors of their coordinates, shape (V,).
        signs: Of every hidden unit at every vertex, shape (V, units).
        tails, heads: Ends of the edges, shape (E,).
        left, right: Polygons beside the edges, -1 outside of the box.
        numbers: Which line an edge lies on, see `line_of`; `lines` holds it in float64.
        faces: Number of polygons.
        ties: How many signs were decided in integers.
    """

    def __init__(self, units: PlaneUnits, lower: np.ndarray, upper: np.ndarray) -> None:
        (a, b), (c, d) = lower, upper
        self.units = units
        self.box = (lower, upper)
        self.points = np.array([[a, b], [c, b], [c, d], [a, d]])
        self.errors = np.zeros(4)
        self.crossings = np.array([[3, 0], [0, 1], [1, 2], [2, 3]])
        self._signs = _Rows(np.zeros((4, 0), np.int8))
        self.tails, self.heads = np.arange(4), np.array([1, 2, 3, 0])
        self.left, self.right = np.zeros(4, np.int64), np.full(4, -1)
        self.numbers, self.lines = np.arange(4), sides_of_box(lower, upper)
        self.faces = 1
        self.ties = 0
        self._starts = [_SIDES]  # the first number of a line of each layer
        self._depths: list[int] = []
        self._patterns: list[np.ndarray] = []  # of the polygons when the layer begins
        self._known: dict[tuple[int, int], tuple[np.ndarray, int]] = {}

    @property
    def signs(self) -> np.ndarray:
        """See the class."""
        return self._signs.rows

    def copied(self) -> Subdivision:
        """A copy that can be cut further; arrays are never changed in place where shared."""
        other = copy.copy(self)
        other._starts, other._depths = self._starts.copy(), self._depths.copy()
        other._patterns, other._known = self._patterns.copy(), self._known.copy()
        return other

    # Cutting

    def cut_by_layer(self, depth: int, limit: int) -> None:
        """Cut by all units of the layer `depth` of the network."""
        layer = self.units.layers[depth]
        self._begin(depth)
        columns = self.signs.shape[1] + np.arange(len(layer.bias))
        z, error = self.units.values(self.points, self.errors, depth)
        signs = self._signs_of(z, error, np.arange(len(self.points)), depth)
        signs[:, ~layer.bends] = 1
        self._signs = _Rows(np.hstack([self.signs, signs]))
        cells, values = np.arange(self.faces), _Rows(z)
        for unit in np.flatnonzero(layer.bends):
            cells = self._cut_by_unit(int(unit), columns, values, cells)
            if self.faces > limit:
                raise ValueError(
                    f"limit: more than {limit} polygons, and layers or units are left. Take a "
                    "smaller box, or a larger limit."
                )

    def cut_by_level(self, output: int, level: float) -> np.ndarray:
        """Cut where an output equals a level; returns the sign of output - level at all vertices.

        The output is taken as one more hidden unit, linear, and output - level as a unit above it.
        """
        depth = len(self.units.layers) - 1
        self.units = self.units.with_level(output, level)
        self.cut_by_layer(depth, self.faces)
        self.cut_by_layer(depth + 1, 2 * self.faces)
        return self.signs[:, -1]

    def _begin(self, depth: int) -> None:
        width = len(self.units.layers[depth].bias)
        self._patterns.append(self.patterns())
        self._depths.append(depth)
        self._starts.append(self._starts[-1] + self.faces * width)

    def _cut_by_unit(
        self, unit: int, columns: np.ndarray, values: _Rows, cells: np.ndarray
    ) -> np.ndarray:
        """Cut all polygons by one unit; returns the cells of all polygons, those of `_begin`."""
        s = self.signs[:, columns[unit]]
        on, off = self._faces_with(s > 0), self._faces_with(s < 0)
        cut = np.flatnonzero(on & off)
        if not len(cut):
            return cells
        place = np.full(self.faces + 1, -1)
        place[cut] = np.arange(len(cut))
        numbers = self._starts[-2] + cells[cut] * len(columns) + unit
        depth, box = self._depths[-1], np.max(np.abs(self.box))
        affine, bounds = self.units.line(self._patterns[-1][cells[cut]], depth, unit)
        lines = normalised(affine, bounds, float(box))
        split = np.flatnonzero(s[self.tails] * s[self.heads] < 0)
        if len(split):
            new = place[self.left[split]]
            self._split(split, unit, columns, values, numbers[new], lines[new])
            s = self.signs[:, columns[unit]]
        side = s[self.tails] + s[self.heads]
        leaves = self._per_face(
            (s[self.tails] == 0) & (side < 0), (s[self.heads] == 0) & (side < 0)
        )
        enters = self._per_face(
            (s[self.tails] == 0) & (side > 0), (s[self.heads] == 0) & (side > 0)
        )
        minus = np.where(place >= 0, self.faces + place, -1)
        self.left = np.where((side < 0) & (minus[self.left] >= 0), minus[self.left], self.left)
        self.right = np.where((side < 0) & (minus[self.right] >= 0), minus[self.right], self.right)
        self.tails = np.append(self.tails, leaves[cut])
        self.heads = np.append(self.heads, enters[cut])
        self.left, self.right = np.append(self.left, cut), np.append(self.right, minus[cut])
        self.numbers, self.lines = np.append(self.numbers, numbers), np.vstack([self.lines, lines])
        self.faces += len(cut)
        return np.append(cells, cells[cut])

    def _faces_with(self, marked: np.ndarray) -> np.ndarray:
        """Which polygons have a marked vertex, shape (faces + 1,); the last is the outside.

        On its boundary a polygon meets each of its vertices once as the first one of an edge.
        """
        found = np.zeros(self.faces + 1, bool)
        found[self.left[marked[self.tails]]] = True
        found[self.right[marked[self.heads]]] = True
        found[-1] = False
        return found

    def _per_face(self, by_left: np.ndarray, by_right: np.ndarray) -> np.ndarray:
        """For every polygon the first vertex of its marked edge, or -1.

        The boundary of the polygon on the left runs from tail to head, on the right backwards.
        """
        found = np.full(self.faces + 1, -1)
        found[self.left[by_left]] = self.tails[by_left]
        found[self.right[by_right]] = self.heads[by_right]  # -1 is the place behind the last
        return found[:-1]

    def _split(
        self,
        split: np.ndarray,
        unit: int,
        columns: np.ndarray,
        values: _Rows,
        numbers: np.ndarray,
        lines: np.ndarray,
    ) -> None:
        """A vertex on every one of these edges, where the unit vanishes on the lines given."""
        p, q = self.tails[split], self.heads[split]
        new = len(self.points) + np.arange(len(split))
        self.crossings = np.vstack(
            [self.crossings, np.column_stack([self.numbers[split], numbers])]
        )
        self._place(p, q, values.rows[:, unit], self.lines[split], lines)
        depth = self._depths[-1]
        z, error = self.units.values(self.points[new], self.errors[new], depth)
        values.append(z)
        # On an edge every unit is affine: between equal signs, or zero and another, none is open.
        signs = np.sign(self.signs[p] + self.signs[q])
        own = columns[0] + unit
        opposite = self.signs[p] * self.signs[q] < 0
        opposite[:, : own + 1] = False
        signs[:, own] = 0
        if np.any(opposite):
            found = self._signs_of(z, error, new, depth, opposite[:, columns])
            signs[:, columns] = np.where(opposite[:, columns], found, signs[:, columns])
        self._signs.append(signs)
        heads = self.heads.copy()
        heads[split] = new
        self.tails, self.heads = np.append(self.tails, new), np.append(heads, q)
        for name in ("left", "right", "numbers"):
            array = getattr(self, name)
            setattr(self, name, np.append(array, array[split]))
        self.lines = np.vstack([self.lines, self.lines[split]])

    def _place(
        self, p: np.ndarray, q: np.ndarray, z: np.ndarray, one: np.ndarray, two: np.ndarray
    ) -> None:
        """Coordinates of crossings on edges from p to q, with bounds of their errors."""
        with np.errstate(invalid="ignore"):
            t = np.nan_to_num(np.abs(z[p]) / (np.abs(z[p]) + np.abs(z[q])), nan=0.5)
        guess = self.points[p] + t[:, None] * (self.points[q] - self.points[p])
        lower, upper = self.box
        size = float(np.max(np.abs(self.box)))
        points, bounds = crossings(guess, one, two, size)
        least = 16 * np.finfo(np.float64).eps * size
        for i in np.flatnonzero(~(bounds <= max(_LOOSE * np.max(upper - lower), least))):
            points[i] = rounded(self._exact_place(len(self.points) + int(i)))
            bounds[i] = least / 16
        # The exact crossing lies in the box, and at one of its sides if the edge does.
        self.points = np.vstack([self.points, np.clip(points, lower, upper)])
        self.errors = np.append(self.errors, bounds)

    # What is exact

    def _signs_of(
        self,
        z: np.ndarray,
        error: np.ndarray,
        vertices: np.ndarray,
        depth: int,
        wanted: np.ndarray | None = None,
    ) -> np.ndarray:
        """Signs of z at vertices, in integers where the bounds leave them open."""
        signs = np.where(np.abs(z) > error, np.sign(z), 0).astype(np.int8)
        hidden = (np.abs(z) <= error) & (error > 0) & self.units.layers[depth].bends
        if wanted is not None:
            hidden &= wanted
        for i in np.flatnonzero(np.any(hidden, axis=1)):
            exact = self.units.exact_signs(self._exact_place(int(vertices[i])), depth)
            signs[i] = np.where(hidden[i], exact, signs[i])
        self.ties += int(np.count_nonzero(hidden))
        return signs

    def _exact_place(self, vertex: int) -> Place:
        one, two = self.crossings[vertex]
        return crossing_of(self.line_of(int(one)), self.line_of(int(two)))

    def line_of(self, number: int) -> Line:
        """The line of that number: a side of the box, or where a unit vanishes on a polygon."""
        if number < _SIDES:
            (low, high) = self.box
            value, across = (low[1], high[0], high[1], low[0])[number], number % 2
            top, bottom = float(value).as_integer_ratio()
            return (bottom, 0, -top) if across else (0, bottom, -top)
        layer, cell, unit = self._decoded(number)
        key = (layer, cell)
        if key not in self._known:
            depth = self._depths[layer]
            self._known[key] = self.units.exact_affine(self._patterns[layer][cell], depth)
        a, b, c = self._known[key][0][unit]
        return int(a), int(b), int(c)

    def _decoded(self, number: int) -> tuple[int, int, int]:
        layer = int(np.searchsorted(self._starts, number, side="right")) - 1
        width = len(self.units.layers[self._depths[layer]].bias)
        cell, unit = divmod(number - self._starts[layer], width)
        return layer, cell, unit

    # What came out

    def units_of_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Hidden layer, from 1, and unit, from 0, of every edge; 0 and -1 on the box's sides."""
        layers = np.searchsorted(self._starts, self.numbers, side="right")
        widths = np.array([1] + [len(self.units.layers[d].bias) for d in self._depths])
        starts = np.array([0, *self._starts])
        found = (self.numbers - starts[layers]) % widths[layers]
        return layers, np.where(layers > 0, found, -1)

    def patterns(self) -> np.ndarray:
        """Signs of all units so far inside of every polygon, shape (faces, units)."""
        inside = np.sign(self.signs[self.tails] + self.signs[self.heads])
        edges = np.argsort(np.append(self.left, self.right), kind="stable")
        face = np.append(self.left, self.right)[edges]
        starts = np.searchsorted(face, np.arange(self.faces + 1))
        counts, edges = np.diff(starts), edges % len(self.tails)
        found = inside[edges[starts[:-1]]]
        for step in range(1, int(np.max(counts))):
            some = np.flatnonzero(counts > step)
            # Signs of one unit on edges of one polygon never differ but by zeros: or is enough.
            found[some] |= inside[edges[starts[some] + step]]
        return found
