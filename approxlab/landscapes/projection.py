"""Least squares in the readout as a projection, and how it moves with the features.

The features are the columns of A (N, p), the values those of Y (N, m). Columns are scaled to equal
norms before their rank is determined, so that a unit that is small everywhere still counts.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from approxlab.host_threads import one_thread
from approxlab.solves import solve

__all__ = ["Projection", "constant_rank", "project", "projection_jacobian", "smooth_at_kinks"]


@dataclasses.dataclass(frozen=True, eq=False)
class Projection:
    """Y split into A C and the residual.

    Attributes:
        features: A, shape (N, p).
        scales: Norms of its columns, 1 for columns of zeros, shape (p,).
        coefficients: C of least norm, shape (p, m).
        residual: Y - A C, shape (N, m).
        rank: Of the scaled features.
        condition: Of their independent columns.
        null: Orthonormal basis of the C with A C = 0, shape (p, p - rank).
    """

    features: np.ndarray
    scales: np.ndarray
    coefficients: np.ndarray
    residual: np.ndarray
    rank: int
    condition: float
    null: np.ndarray

    @property
    def columns(self) -> int:
        """Number of features."""
        return int(self.features.shape[1])

    @property
    def half_square(self) -> float:
        """Half the sum of all squared residuals."""
        return float(np.sum(self.residual**2) / 2)


@one_thread()
def project(A: np.ndarray, Y: np.ndarray) -> Projection:
    """The projection of the columns of Y onto those of A."""
    norms = np.linalg.norm(A, axis=0)
    scales = np.where(norms > 0, norms, np.ones_like(norms))
    scaled = A / scales
    found = solve(scaled, Y, method="complete")
    coefficients = found.solution / scales[:, None]
    null = np.zeros((A.shape[1], 0), A.dtype)
    if found.rank < A.shape[1]:
        rows = np.linalg.svd(scaled, full_matrices=True)[2][found.rank :]
        null = np.linalg.qr(rows.T / scales[:, None])[0]
        # Of least norm in the user's scale, not in that of the scaled columns.
        coefficients = coefficients - null @ (null.T @ coefficients)
    residual = Y - A @ coefficients
    return Projection(A, scales, coefficients, residual, found.rank, found.condition, null)


def constant_rank(found: Projection, slope: np.ndarray, inputs: np.ndarray) -> bool:
    """Whether the rank of the features stays as it is for all small changes of hidden weights.

    To first order: no derivative of a feature that enters a linear dependence leaves the span.

    Args:
        found: The projection.
        slope: Slopes of the n units at the points, shape (N, n).
        inputs: What multiplies the hidden weights, shape (N, d).
    """
    if found.rank == found.columns:
        return True
    basis = _basis(found)
    n = slope.shape[1]
    entering = np.linalg.norm(found.null[:n], axis=1)
    limit = float(np.finfo(found.features.dtype).eps) ** 0.5
    for j in np.flatnonzero(entering > limit):
        moves = slope[:, [j]] * inputs
        outside = moves - basis @ (basis.T @ moves)
        if np.any(np.linalg.norm(outside, axis=0) > limit * np.linalg.norm(moves, axis=0)):
            return False
    return True


def smooth_at_kinks(found: Projection, kinks: np.ndarray, power: int) -> bool:
    """Whether no unit that is at its kink at a point makes the reduced loss jump or bend.

    Small changes of the hidden weights change such a unit at this point alone, by the given power
    of the change. Where the features reach every value at the point, this changes nothing; else,
    if the unit is in a linear dependence, as one that is zero at all points, the rank rises.

    Args:
        found: The projection.
        kinks: Whether a unit is at its kink at a point, and can leave it, shape (N, n).
        power: 0 for a jump, 1 for a kink, k for a jump of the k-th derivative.
    """
    if not np.any(kinks):
        return True
    limit = float(np.finfo(found.features.dtype).eps) ** 0.5
    outside = 1.0 - np.sum(_basis(found) ** 2, axis=1) > limit
    entering = np.linalg.norm(found.null[: kinks.shape[1]], axis=1) > limit
    return not np.any(kinks[outside][:, entering | (power <= 1)])


@one_thread()
def projection_jacobian(
    found: Projection, slope: np.ndarray, inputs: np.ndarray, kaufman: bool
) -> np.ndarray:
    """The derivative of the residual in the hidden weights, shape (N, m, n, d).

    The derivative of A in the weight (j, k) has one column, the j-th: slope_j times input_k.
    """
    n = slope.shape[1]
    basis = _basis(found)
    moves = slope[:, :, None] * inputs[:, None, :]  # (N, n, d)
    along = np.einsum("ar,rjk->ajk", basis, np.einsum("ar,ajk->rjk", basis, moves))
    jacobian = -np.einsum("ajk,jo->aojk", moves - along, found.coefficients[:n])
    if kaufman:
        return jacobian
    inverse = _pseudo_inverse(found)[:n]  # (n, N)
    against = np.einsum("ajk,ao->ojk", moves, found.residual)
    return jacobian - np.einsum("ja,ojk->aojk", inverse, against)


def _basis(found: Projection) -> np.ndarray:
    """Orthonormal columns that span the features."""
    return np.linalg.svd(found.features / found.scales, full_matrices=False)[0][:, : found.rank]


def _pseudo_inverse(found: Projection) -> np.ndarray:
    U, s, Vt = np.linalg.svd(found.features / found.scales, full_matrices=False)
    r = found.rank
    inverse = (Vt[:r].T / s[:r]) @ U[:, :r].T / found.scales[:, None]
    return inverse - found.null @ (found.null.T @ inverse)
