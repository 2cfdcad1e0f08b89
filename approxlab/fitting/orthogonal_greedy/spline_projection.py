"""Orthogonal projection onto ReLU units of one variable, without a stored basis.

The units chosen span a space V of continuous piecewise linear functions. All such functions with
these kinks form a space S, in which V is given by at most two linear equations: to the left of all
kinks a function of V is what its units relu(t - x) leave there. With nodes at the kinks and at both
ends of the points, hat functions are a well-conditioned basis of S with a tridiagonal Gram matrix
G, so a projection takes O(points). For the functionals A of the equations it is

    v = G^-1 (s - A' (A G^-1 A')^-1 A G^-1 s),    s the inner products with the hats.

A unit whose kink lies outside of the points, or at that of a unit of the other sign, adds an affine
function to V: one equation less.
"""

from __future__ import annotations

import numpy as np
from scipy.linalg import qr, solve_triangular
from scipy.linalg.lapack import dpttrf, dpttrs

from approxlab.fitting.orthogonal_greedy.projection import DEPENDENT, SMALL
from approxlab.fitting.orthogonal_greedy.rules import Rule

__all__ = ["SplineProjection", "Unresolved"]


class Unresolved(ArithmeticError):
    """Kinks that no points lie between: hats are no basis, and a stored one is needed."""


class SplineProjection:
    """As `Projection`, for columns relu(w x + b) * roots with |w| = 1 at increasing points.

    Attributes:
        residual: What is left of the values, shape (N,).
        count: Number of units.
        newest: The newest unit of the orthonormal basis, shape (N,).
        step: The coordinate of the values along it.
    """

    def __init__(self, values: np.ndarray, points: np.ndarray, roots: np.ndarray) -> None:
        self.residual, self.newest, self.step = values.copy(), np.zeros(0), 0.0
        self._values, self._size = values, float(np.linalg.norm(values))
        self._x, self._roots = points, roots
        self._units = list[tuple[float, float]]()  # sign and kink, in order of their choice
        self._nodes = np.array([points[0], points[-1]])
        self._sign = np.zeros(2)  # of the unit that a node is from
        self._affine = np.zeros((0, 2))  # values at the left end, and slopes
        self._refresh()

    @property
    def count(self) -> int:
        """Number of units."""
        return len(self._units)

    def append(self, column: np.ndarray, vector: np.ndarray, bias: float) -> bool:
        """Add a unit; False, and nothing is added, where it is numerically dependent."""
        size = float(np.linalg.norm(column))
        if size == 0.0:
            return False
        rest = self.without_basis(self.without_basis(column[None] / size))[0]
        left = float(np.linalg.norm(rest))
        if left <= DEPENDENT:
            return False
        self._insert(float(vector[0]), -bias / float(vector[0]))
        self.newest = rest / left
        self.step = float(self.newest @ self.residual)
        self.residual -= self.step * self.newest
        if float(np.linalg.norm(self.residual)) < SMALL * self._size:
            self.residual = self.without_basis(self.residual[None])[0]
        return True

    def without_basis(self, rows: np.ndarray) -> np.ndarray:
        """The parts of rows (m, N) that are orthogonal to the units."""
        if not self.count:
            return rows.copy()
        rest = np.empty_like(rows)
        for left, row in zip(rest, rows, strict=True):  # one by one: they stay in the cache
            heights = self._best(self._products(row[None], slice(None)))[0]
            np.multiply(heights[self._cell], self._left, out=left)
            left += heights[self._cell + 1] * self._right
            np.subtract(row, left, out=left)
        return rest

    def new_part(self, columns: np.ndarray) -> np.ndarray:
        """Squared norms of the parts of columns (N, m) that are orthogonal to the units."""
        rest = self.without_basis(np.ascontiguousarray(columns.T))
        return np.asarray(np.einsum("ij,ij->i", rest, rest))

    def squares_within(self, strip: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Squared norms of the parts within the span, of columns that are zero off the strip."""
        products = self._products(columns.T, strip)
        return np.asarray(np.einsum("ij,ij->i", products, self._best(products)))

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """R and Q' y of the units as a matrix Q R, Q with orthonormal columns.

        With L the Cholesky factor of G and C the units at the nodes, Q R is that of L' C.
        """
        sign, kink = np.array(self._units).reshape(-1, 2).T
        units = np.maximum(sign * (self._nodes[:, None] - kink), 0.0)
        root = np.sqrt(self._diagonal)
        bend = root[:-1] * self._below
        triangular = root[:, None] * units
        triangular[:-1] += bend[:, None] * units[1:]
        sides = self._products(self._values[None], slice(None))[0]
        for i in range(len(bend)):  # L^-1 of the inner products, L unit lower bidiagonal first
            sides[i + 1] -= self._below[i] * sides[i]
        Q, R = qr(triangular, mode="economic", overwrite_a=True)
        flip = np.where(np.diag(R) < 0.0, -1.0, 1.0)
        return flip[:, None] * R, flip * (Q.T @ (sides / root))

    def errors(self, rule: Rule, triangle: np.ndarray, coordinates: np.ndarray) -> np.ndarray:
        """Errors of the first 1, 2, ... units by another rule: they are linear between kinks."""
        sign, kink = np.array(self._units).reshape(-1, 2).T
        x, values = rule.points[:, 0], rule.values
        inside = kink[(kink > x.min()) & (kink < x.max())]
        nodes = np.unique(np.concatenate([inside, [x.min(), x.max(), x.max() + 1.0]]))
        units = np.maximum(sign * (nodes[:, None] - kink), 0.0)
        if not self.count:
            return np.zeros(0)
        # The units times R^-1 are orthonormal at the points of the fit, and m units are the sum of
        # the first m of these.
        heights = solve_triangular(triangle, units.T, trans="T") * coordinates[:, None]
        heights = np.cumsum(heights, axis=0)
        cell = np.clip(np.searchsorted(nodes, x, "right") - 1, 0, len(nodes) - 2)
        place = (x - nodes[cell]) / np.diff(nodes)[cell]
        found = [
            rule.weights @ (values - row[cell] - place * np.diff(row)[cell]) ** 2 for row in heights
        ]
        return np.sqrt(np.array(found))

    def _insert(self, sign: float, kink: float) -> None:
        self._units.append((sign, kink))
        at = int(np.searchsorted(self._nodes, kink))
        inside = self._nodes[0] < kink < self._nodes[-1]
        if not inside or self._nodes[at] == kink:
            affine = [sign * (self._nodes[0] - kink), sign]
            self._affine = np.concatenate([self._affine, [affine]])
        if inside and self._nodes[at] != kink:
            self._nodes = np.insert(self._nodes, at, kink)
            self._sign = np.insert(self._sign, at, sign)
        self._refresh()

    def _refresh(self) -> None:
        """Hats at the points, their Gram matrix as L D L', and the equations of the span."""
        gaps = np.diff(self._nodes)
        ends = np.searchsorted(self._x, self._nodes[1:-1])
        self._starts = np.concatenate([[0], ends])
        counts = np.diff(np.concatenate([self._starts, [len(self._x)]]))
        self._filled = np.flatnonzero(counts)
        self._cell = np.repeat(np.arange(len(gaps)), counts)
        place = (self._x - self._nodes[self._cell]) / gaps[self._cell]
        self._right = place * self._roots
        self._left = self._roots - self._right
        size = np.zeros(len(self._nodes))
        size[:-1] += self._sums(self._left * self._left)
        size[1:] += self._sums(self._right * self._right)
        self._diagonal, self._below, failed = dpttrf(size, self._sums(self._left * self._right))
        if failed:
            raise Unresolved
        self._equations = self._of_span(gaps)
        if len(self._equations):
            self._moved = self._solved(self._equations)
            self._coupled = np.linalg.inv(self._equations @ self._moved.T)

    def _of_span(self, gaps: np.ndarray) -> np.ndarray:
        """Functionals of nodal values that vanish on the span of the units: (0 to 2, nodes)."""
        if len(self._affine) >= 2:
            return np.zeros((0, len(self._nodes)))
        normals = np.eye(2)
        if len(self._affine):
            value, slope = self._affine[0] / np.linalg.norm(self._affine[0])
            normals = np.array([[-slope, value]])
        # What a bend at a node leaves at the left end, if it is that of a unit relu(t - x).
        trace = np.stack([self._nodes - self._nodes[0], -np.ones(len(self._nodes))])
        bends = np.diff(normals @ (trace * (self._sign < 0.0)), axis=1) / gaps
        found = np.zeros((len(normals), len(self._nodes)))
        found[:, 1:] += bends
        found[:, :-1] -= bends
        found[:, 0] += normals[:, 0] - normals[:, 1] / gaps[0]
        found[:, 1] += normals[:, 1] / gaps[0]
        return found

    def _sums(self, values: np.ndarray) -> np.ndarray:
        """Sums over the points of each cell: (..., N) to (..., cells)."""
        sums = np.zeros((*values.shape[:-1], len(self._starts)))
        sums[..., self._filled] = np.add.reduceat(values, self._starts[self._filled], axis=-1)
        return sums

    def _products(self, rows: np.ndarray, points: np.ndarray | slice) -> np.ndarray:
        """Inner products with all hats, of rows at some of the points."""
        left, right = rows * self._left[points], rows * self._right[points]
        found = np.zeros((len(rows), len(self._nodes)))
        if isinstance(points, slice):
            found[:, :-1] += self._sums(left)
            found[:, 1:] += self._sums(right)
            return found
        cells = self._cell[points]
        for row, a, b in zip(found, left, right, strict=True):
            row[:-1] += np.bincount(cells, a, len(row) - 1)
            row[1:] += np.bincount(cells, b, len(row) - 1)
        return found

    def _solved(self, products: np.ndarray) -> np.ndarray:
        solution, _ = dpttrs(self._diagonal, self._below, products.T)
        return np.asarray(solution.T)

    def _best(self, products: np.ndarray) -> np.ndarray:
        """Nodal values of the projections onto the span."""
        heights = self._solved(products)
        if len(self._equations):
            heights -= (heights @ self._equations.T) @ self._coupled @ self._moved
        return heights
