"""Orthogonal projection onto the chosen units, one unit at a time: a QR factorisation that grows.

The values of the units, times the roots of the weights, are the columns of a matrix Phi = Q R. A
new column is made orthogonal to Q by two passes of classical Gram-Schmidt ("twice is enough":
Giraud, Langou, Rozloznik 2005), at the cost of four matrix-vector products; nothing is factored
anew.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

import numpy as np

__all__ = ["DEPENDENT", "SMALL", "Projection", "Span"]

DEPENDENT = 1e-13  # part of a unit orthogonal to the basis, below which it adds only rounding

_CANCELLED = 1e-8  # part of a square below which a difference of squares is no longer good

SMALL = 1e-4  # part of the values below which their rounding is felt in the residual


@runtime_checkable
class Span(Protocol):
    """The space of the units chosen, and what it leaves of the values."""

    residual: np.ndarray

    @property
    def count(self) -> int:
        """Number of units."""

    @property
    def newest(self) -> np.ndarray:
        """The newest vector of the orthonormal basis: shape (points,)."""

    @property
    def step(self) -> float:
        """The coordinate of the values along the newest vector."""

    def append(self, column: np.ndarray, vector: np.ndarray, bias: float) -> bool:
        """Add a unit; False, and nothing is added, where it is numerically dependent."""

    def without_basis(self, rows: np.ndarray) -> np.ndarray:
        """The parts of rows (m, N) that are orthogonal to the units."""

    def new_part(self, columns: np.ndarray) -> np.ndarray:
        """Squared norms of the parts of columns (N, m) that are orthogonal to the units."""

    def squares_within(self, strip: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Squared norms of the parts within the span, of columns that are zero off the strip."""

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """R and Q' y, where the columns of the units are Q R."""


class Projection:
    """Q (as rows), R, the coordinates Q' y, and the residual y - Q Q' y of a growing basis."""

    def __init__(self, values: np.ndarray, most: int) -> None:
        self.residual = values.copy()
        self._size = float(np.linalg.norm(values))
        self.count = 0
        self.triangle = np.zeros((most, most))
        self.coordinates = np.zeros(most)
        self._rows = np.empty((most, len(values)))
        self._strip: tuple[np.ndarray, np.ndarray] | None = None

    @property
    def basis(self) -> np.ndarray:
        """The orthonormal basis as rows: shape (count, points)."""
        return self._rows[: self.count]

    @property
    def newest(self) -> np.ndarray:
        """The newest vector of the basis: shape (points,)."""
        return self._rows[self.count - 1]

    @property
    def step(self) -> float:
        """The coordinate of the values along the newest vector."""
        return float(self.coordinates[self.count - 1])

    def append(self, column: np.ndarray, *unit: Any) -> bool:
        """Add a unit; False, and nothing is added, where it is numerically dependent."""
        size = float(np.linalg.norm(column))
        if size == 0.0:
            return False
        rest = column / size
        in_basis = np.zeros(self.count)
        for _ in range(2):
            part = self.basis @ rest
            rest -= part @ self.basis
            in_basis += part
        left = float(np.linalg.norm(rest))
        if left <= DEPENDENT:
            return False
        m = self.count
        self.triangle[:m, m], self.triangle[m, m] = size * in_basis, size * left
        self._rows[m] = rest / left
        self.count += 1
        newest = self._rows[m]
        self.coordinates[m] = newest @ self.residual
        self.residual -= self.coordinates[m] * newest
        if float(np.linalg.norm(self.residual)) < SMALL * self._size:
            # Orthogonal to rounding of itself, not of the values: the next unit is chosen by a
            # product with it in which nearly everything cancels.
            drift = self.basis @ self.residual
            self.coordinates[: self.count] += drift
            self.residual -= drift @ self.basis
        return True

    def without_basis(self, rows: np.ndarray) -> np.ndarray:
        """The parts of rows (m, N) that are orthogonal to the basis."""
        return rows - (rows @ self.basis.T) @ self.basis

    def squares_within(self, strip: np.ndarray, columns: np.ndarray) -> np.ndarray:
        """Squared norms of the parts within the basis, of columns that are zero off the strip."""
        kept = self._strip
        if kept is None or strip is not kept[0] or len(kept[1]) != self.count:
            self._strip = kept = strip, self.basis[:, strip]
        inner = kept[1] @ columns
        return np.asarray(np.einsum("ij,ij->j", inner, inner))

    def factors(self) -> tuple[np.ndarray, np.ndarray]:
        """R and the coordinates Q' y."""
        m = self.count
        return self.triangle[:m, :m], self.coordinates[:m]

    def new_part(self, columns: np.ndarray) -> np.ndarray:
        """Squared norms of the parts of columns (N, m) that are orthogonal to the basis."""
        squares: np.ndarray = np.einsum("ij,ij->j", columns, columns)
        if not self.count:
            return squares
        inner = self.basis @ columns
        new = squares - np.einsum("ij,ij->j", inner, inner)
        poor = np.flatnonzero(new < _CANCELLED * squares)
        if len(poor):  # small differences of vectors are good where those of squares are not
            # In this order: with the basis transposed the product takes three times as long.
            rest = columns[:, poor] - (inner[:, poor].T @ self.basis).T
            new[poor] = np.einsum("ij,ij->j", rest, rest)
        return new
