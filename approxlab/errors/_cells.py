"""Adaptive quadrature: cells on which two Gauss-Legendre rules differ are halved."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import numpy as np

__all__ = ["Cells"]

_ULPS = 64.0  # a cell this narrow is not halved
_POOR = 1e-2  # of an integral: above, all cells may be halved; below, only those that stand out
_UNUSUAL = 30.0
_EPS = float(np.finfo(np.float64).eps)

Integrands = Callable[[np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True, eq=False)
class Cells:
    """Integrals of nonnegative functions over cells, by two rules.

    Attributes:
        lower: Lower corners, shape (c, d).
        upper: Upper corners.
        coarse: Integrals by one Gauss-Legendre rule per cell, shape (c, k).
        fine: The same by a rule with one node more on each half.
        noisy: Cells not to be halved again, because halving spread the difference evenly over
            the parts without reducing it: rounding does so.
        count: Number of points at which the functions were evaluated.
    """

    lower: np.ndarray
    upper: np.ndarray
    coarse: np.ndarray
    fine: np.ndarray
    noisy: np.ndarray
    count: int = 0

    @classmethod
    def integrated(
        cls, integrands: Integrands, lower: np.ndarray, upper: np.ndarray, nodes: int
    ) -> Cells:
        """Integrate over each cell."""
        coarse, some = _integrals(integrands, lower, upper, nodes)
        first, last = _halves(lower, upper)
        fine, more = _integrals(integrands, first, last, nodes + 1)
        fine = fine.reshape(len(lower), -1, fine.shape[1]).sum(axis=1)
        return cls(lower, upper, coarse, fine, np.zeros(len(lower), bool), some + more)

    def refined(self, integrands: Integrands, nodes: int, *, tolerance: float, most: int) -> Cells:
        """Cells halved until the differences of the rules are a small part of each integral.

        Args:
            integrands: Maps points of shape (n, d) to values of shape (n, k).
            nodes: Nodes per cell and axis of the coarser rule.
            tolerance: The part that is accepted.
            most: No more evaluations than about this many.
        """
        cells = self
        while cells.count < most:
            total, differ = cells.fine.sum(axis=0), np.abs(cells.fine - cells.coarse)
            together = differ.sum(axis=0)
            # Rounding makes all cells differ by about as much; only more than that is worth work.
            usual = np.where(together > _POOR * total, 0.0, _UNUSUAL * np.median(differ, axis=0))
            least = np.maximum(tolerance * total / len(cells.lower), usual)
            off = np.any((differ > least) & (together > tolerance * total), axis=1)
            off &= ~cells._narrow() & ~cells.noisy
            room = (most - cells.count) // _points_per_cell(cells.lower.shape[1], nodes)
            if not np.any(off) or room < 1:
                break
            worst = np.argsort(-np.max(np.where(off[:, None], differ, 0.0), axis=1), kind="stable")
            off[worst[room:]] = False
            first, last = _halves(cells.lower[off], cells.upper[off])
            parts = Cells.integrated(integrands, first, last, nodes)
            cells = cells._replaced(off, parts._compared(differ[off]))
        return cells

    def cut(self, integrands: Integrands, nodes: int, edges: np.ndarray) -> Cells:
        """Cells of an interval cut at points."""
        mesh = np.union1d(np.append(self.lower[:, 0], self.upper[-1, 0]), edges)
        hit = np.unique(np.searchsorted(self.upper[:, 0], edges))
        hit = hit[hit < len(self.lower)]
        off = np.zeros(len(self.lower), bool)
        off[hit] = True
        inside = np.searchsorted(self.upper[:, 0], mesh[:-1], side="right")
        new = off[np.minimum(inside, len(off) - 1)]
        low, high = mesh[:-1][new, None], mesh[1:][new, None]
        return self._replaced(off, Cells.integrated(integrands, low, high, nodes))

    def uncertainty(self) -> np.ndarray:
        """Sum of the differences of the rules; cells too narrow to be halved count in full."""
        differ = np.abs(self.fine - self.coarse)
        lost = self._narrow()[:, None] & (differ > 1e-6 * self.fine)
        return np.where(lost, np.maximum(self.fine, self.coarse), differ).sum(axis=0)

    def _compared(self, before: np.ndarray) -> Cells:
        """The parts of cells that differed by `before`, with a note of those that are noise."""
        differ = np.abs(self.fine - self.coarse)
        differ = differ.reshape(len(before), -1, differ.shape[1])
        together, largest = differ.sum(axis=1), differ.max(axis=1)
        noise = (together > 0.5 * before) & (largest < 0.9 * together)
        noise |= before == 0.0
        noisy = np.repeat(np.all(noise, axis=1), differ.shape[1])
        return dataclasses.replace(self, noisy=noisy)

    def _narrow(self) -> np.ndarray:
        farthest = np.maximum(np.abs(self.lower), np.abs(self.upper))
        return np.any(self.upper - self.lower <= _ULPS * _EPS * farthest, axis=1)

    def _replaced(self, off: np.ndarray, new: Cells) -> Cells:
        def joined(old: np.ndarray, fresh: np.ndarray) -> np.ndarray:
            return np.concatenate([old[~off], fresh])

        return Cells(
            joined(self.lower, new.lower),
            joined(self.upper, new.upper),
            joined(self.coarse, new.coarse),
            joined(self.fine, new.fine),
            joined(self.noisy, new.noisy),
            self.count + new.count,
        )


def _integrals(
    integrands: Integrands, lower: np.ndarray, upper: np.ndarray, nodes: int
) -> tuple[np.ndarray, int]:
    dim = lower.shape[1]
    t, w = np.polynomial.legendre.leggauss(nodes)
    shares = np.array(list(itertools.product(0.5 + 0.5 * t, repeat=dim)))
    weights = np.array([np.prod(part) for part in itertools.product(0.5 * w, repeat=dim)])
    points = lower[:, None] + (upper - lower)[:, None] * shares
    values = integrands(points.reshape(-1, dim)).reshape(len(lower), len(weights), -1)
    volumes = np.prod(upper - lower, axis=1)[:, None]
    return volumes * np.einsum("n,cnk->ck", weights, values), points.size // dim


def _points_per_cell(dim: int, nodes: int) -> int:
    """Evaluations that halving one cell takes."""
    parts = 2**dim
    return parts * (nodes**dim + parts * (nodes + 1) ** dim)


def _halves(lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The 2^d parts of each cell, shape (2^d c, d), those of a cell side by side."""
    dim = lower.shape[1]
    corners = np.array(list(itertools.product((0.0, 0.5), repeat=dim)))
    width = (upper - lower)[:, None]
    first = lower[:, None] + width * corners
    last = np.where(corners == 0.5, upper[:, None], lower[:, None] + width * (corners + 0.5))
    return first.reshape(-1, dim), last.reshape(-1, dim)
