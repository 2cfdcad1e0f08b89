"""Finite dictionaries of ridge units, and all their inner products with a residual at once.

For one direction w and equal steps h between kinks, the inner products of a residual r with all
units relu(w.x - t_i)^k follow from moments of r over the cells between kinks: with
S_j(i) = sum over w.x > t_i of r ((w.x - t_i) / h)^j,

    S_j(i) = m_j(i) + sum_(l <= j) binom(j, l) S_l(i + 1),   m_j(i) the moment of cell i,

because (z + 1)^j = sum binom(j, l) z^l. All weights are positive, so nothing cancels that does not
cancel in r itself. The moments are a sparse product, one number per point and direction, whatever
the number of kinks: for 128 kinks about 60 times less than the dense matrix of the dictionary.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy.sparse import csc_matrix
from scipy.special import ndtri

from approxlab.arguments import check_positive
from approxlab.domains import Box

__all__ = ["Dictionary"]

_DIRECTIONS = {1: 2, 2: 128, 3: 192}
_BIASES = {1: 2048, 2: 128, 3: 48}
_RANDOM_DIRECTIONS, _BEYOND = 32, 128


@dataclasses.dataclass(frozen=True)
class Dictionary:
    """Which units relu(w.x + b)^k a greedy step chooses from, before it refines the best.

    Attributes:
        directions: Number of directions w on the unit sphere. In one dimension there are two, +1
            and -1. In two they are equal angles, in three a Fibonacci spiral, beyond quantiles of
            Sobol points. By default 2, 128, 192 (d = 1, 2, 3) and 128 beyond; 32 if random.
        biases: Number of kinks per direction, at equal steps over the range of w.x on the box. By
            default 2048, 128, 48 (d = 1, 2, 3) and 32 beyond.
        random: Draw new directions in every step, uniformly on the sphere, and shift the kinks of
            each by a uniform part of a step. Then far smaller dictionaries do (Xu and Xu 2024).

    Example:
        >>> Dictionary(directions=64, biases=32).size(2)
        2048
    """

    directions: int | None = None
    biases: int | None = None
    random: bool = False

    def counts(self, dim: int) -> tuple[int, int]:
        """Directions and kinks per direction in this dimension."""
        usual = _RANDOM_DIRECTIONS if self.random and dim > 1 else _DIRECTIONS.get(dim, _BEYOND)
        directions = usual if self.directions is None else self.directions
        biases = _BIASES.get(dim, 32) if self.biases is None else self.biases
        check_positive(directions=directions, biases=biases)
        if dim == 1 and directions != 2:
            raise ValueError(
                f"directions: got {directions} in one dimension, expected 2: there are +1 and -1."
            )
        return directions, biases

    def size(self, dim: int) -> int:
        """Number of units in this dimension."""
        return math.prod(self.counts(dim))


def sphere(dim: int, count: int) -> np.ndarray:
    """Evenly distributed unit vectors, shape (count, dim), the same in every call."""
    if dim == 1:
        return np.array([[1.0], [-1.0]])
    if dim == 2:
        angles = 2.0 * np.pi * np.arange(count) / count
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    if dim == 3:
        height = 1.0 - (2.0 * np.arange(count) + 1.0) / count
        turn = np.pi * (3.0 - math.sqrt(5.0)) * np.arange(count)
        ring = np.sqrt(1.0 - height**2)
        return np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1)
    vectors = ndtri(np.clip(Box.unit(dim).sobol(count, seed=0), 1e-12, 1.0 - 1e-12))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def drawn(random: np.random.Generator, dim: int, directions: int) -> tuple[np.ndarray, np.ndarray]:
    """Random directions, and the shifts of their kinks in steps, between 0 and 1."""
    if dim == 1:
        vectors = np.array([[1.0], [-1.0]])
    else:
        vectors = random.standard_normal((directions, dim))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors, random.uniform(size=len(vectors))


class Ridges:
    """A dictionary on given points: inner products with all of its units."""

    def __init__(
        self,
        points: np.ndarray,
        box: Box,
        power: int,
        vectors: np.ndarray,
        shifts: np.ndarray,
        biases: int,
        max_bytes: int,
        *,
        keep: bool,
    ) -> None:
        half = np.abs(vectors) @ (0.5 * box.widths)
        self.vectors, self.biases, self.power = vectors, biases, power
        self.steps = 2.0 * half / biases
        self._first = vectors @ box.center - half + shifts * self.steps
        self._points = points
        each = len(points) * (12 + 8 * (power + 1))  # cells, and a value per point and moment
        self._chunk = max(1, max_bytes // each)
        # Sorted by cells a product is three times faster, which pays for a dictionary that is kept.
        self._kept = (
            [[m.tocsr() for m in moments] for moments in self._cells()]
            if keep and len(vectors) <= self._chunk
            else None
        )

    def inner(self, values: np.ndarray) -> np.ndarray:
        """Sums of values * unit over the points, all units: (c, N) to (c, directions, biases)."""
        sums = [
            self._suffix([np.stack([m @ v for v in values]) for m in moments])
            for moments in self._all()
        ]
        return np.concatenate(sums, axis=1) * self.steps[:, None] ** self.power

    def norms(self, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared norms of all units, and how many points each of them sees."""
        sums, seen = [], []
        for moments in self._all():
            base = moments[1].data if self.power else None
            powers = [_with(moments[0], base, j) for j in range(2 * self.power + 1)]
            sums.append(self._suffix([m @ weights for m in powers]))
            seen.append(self._suffix([moments[0] @ np.ones(len(weights))]))
        return np.concatenate(sums) * self.steps[:, None] ** (2 * self.power), np.concatenate(seen)

    def units(self, indices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Directions and biases of units by their flat index."""
        which, kink = np.divmod(indices, self.biases)
        return self.vectors[which], -(self._first[which] + kink * self.steps[which])

    def _all(self) -> Iterator[list[Any]] | list[list[Any]]:
        return self._cells() if self._kept is None else self._kept

    def _cells(self) -> Iterator[list[Any]]:
        """Per chunk of directions: matrices whose products with values are moments of cells."""
        for at in range(0, len(self.vectors), self._chunk):
            part = slice(at, at + self._chunk)
            z = (self._points @ self.vectors[part].T - self._first[part]) / self.steps[part]
            # Rounding may carry a point of the edge below the cell before the first kink.
            cells = np.clip(np.floor(z), -1, self.biases - 1).astype(np.int32)
            # A point before the first kink is seen by no unit: its cell is one that is dropped.
            z, count = z - cells, z.shape[1]
            rows = cells + 1 + np.arange(count, dtype=np.int32) * (self.biases + 1)
            starts = np.arange(0, z.size + 1, count, dtype=np.int32)
            shape = (count * (self.biases + 1), len(z))
            data = (z.ravel() ** j for j in range(self.power + 1))
            yield [csc_matrix((values, rows.ravel(), starts), shape=shape) for values in data]

    def _suffix(self, moments: list[np.ndarray]) -> np.ndarray:
        """Sums over all points beyond each kink, from the moments of the cells."""
        sums: list[np.ndarray] = []
        for j, flat in enumerate(moments):
            total = flat.reshape(*flat.shape[:-1], -1, self.biases + 1)[..., 1:].copy()
            for i in range(j):
                total[..., :-1] += math.comb(j, i) * sums[i][..., 1:]
            sums.append(np.cumsum(total[..., ::-1], axis=-1)[..., ::-1])
        return sums[-1]


def _with(matrix: Any, base: np.ndarray | None, power: int) -> Any:
    """The same cells with other data."""
    data = matrix.data if base is None or power == 0 else base**power
    return type(matrix)((data, matrix.indices, matrix.indptr), shape=matrix.shape)
