"""Continuous piecewise linear functions with free knots, of least L2 error.

On given knots the best function solves a tridiagonal system. The knots are found as follows. If the
best continuous function changes slope at each knot, then the derivative of its error with respect
to the knots vanishes if and only if the function is the best affine function on every piece. So the
best affine functions of adjacent pieces must meet at their common knot: n - 1 equations with a
tridiagonal Jacobian, solved by Newton's method. A step is taken only if it reduces the error of the
continuous function.
"""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.linalg import solve_banded

from approxlab.claims import Norm
from approxlab.optimal._curve import Curve
from approxlab.splines import Samples, best

__all__ = ["Pieces", "equidistributed", "polished", "resized"]

_NODES = 16
_CLOSEST = 0.4  # in one step a knot moves at most this fraction of the distance to its neighbour


@dataclasses.dataclass(frozen=True)
class Pieces:
    """A curve sampled on the pieces between knots.

    Attributes:
        knots: Ends of the pieces, shape (n + 1,).
        samples: Values at quadrature nodes, sorted into the pieces.
    """

    knots: np.ndarray
    samples: Samples

    @classmethod
    def of(cls, curve: Curve, knots: np.ndarray, nodes: int = _NODES) -> Pieces:
        """Gauss-Legendre rules between neighbouring knots and breaks; no rule crosses a kink."""
        mesh = np.union1d(knots, curve.breaks)
        t, w = np.polynomial.legendre.leggauss(nodes)
        h = np.diff(mesh)[:, None]
        points = (mesh[:-1, None] + h * (0.5 + 0.5 * t)).ravel()
        part = np.searchsorted(knots, 0.5 * (mesh[:-1] + mesh[1:])) - 1
        piece = np.repeat(part, nodes)
        place = (points - knots[piece]) / np.diff(knots)[piece]
        weights = (0.5 * h * w).ravel()
        return cls(knots, Samples(piece, place, weights, curve(points), None, len(knots) - 1))

    def __len__(self) -> int:
        return len(self.knots) - 1

    @property
    def lengths(self) -> np.ndarray:
        """Lengths of the pieces, shape (n,)."""
        return np.diff(self.knots)

    def affine(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Best affine functions: values at left and right ends and squared errors, each (n,)."""
        samples = self.samples
        values, piece, t = samples.values, samples.piece, 2.0 * samples.place - 1.0
        mean = samples.per_piece(values) / self.lengths
        half = 3.0 * samples.per_piece((values - mean[piece]) * t) / self.lengths
        residual = values - mean[piece] - half[piece] * t
        return mean - half, mean + half, samples.per_piece(residual**2)

    def joined(self) -> tuple[np.ndarray, float]:
        """Values at the knots of the best continuous function, and its squared error."""
        heights = best(self.samples)
        return heights, float(np.sum(self.samples.moments(heights)[2]))


def polished(curve: Curve, knots: np.ndarray, steps: int = 60) -> tuple[np.ndarray, float]:
    """Knots where the error is stationary, and the squared error of the continuous function."""
    pieces = Pieces.of(curve, knots)
    error = pieces.joined()[1]
    for _ in range(steps):
        if len(pieces) == 1 or error == 0.0:
            break
        step, taken = _newton_step(curve, pieces), False
        gaps = np.minimum(pieces.lengths[:-1], pieces.lengths[1:])
        length = min(1.0, _CLOSEST / max(float(np.max(np.abs(step) / gaps)), 1e-300))
        for _ in range(12):
            moved = pieces.knots.copy()
            moved[1:-1] += length * step
            trial = Pieces.of(curve, moved)
            reduced = trial.joined()[1]
            if reduced < error:
                taken, gain = True, 1.0 - reduced / error
                pieces, error = trial, reduced
                break
            length /= 2.0
        if not taken or gain < 1e-13:
            break
    return pieces.knots, error


def _newton_step(curve: Curve, pieces: Pieces) -> np.ndarray:
    """Newton's step for the equations "the best affine functions of adjacent pieces meet".

    Moving an end of a piece changes its best affine function by the residual at this end times the
    reproducing kernel of affine functions. The kernel is 4 / h for equal ends and -2 / h for
    opposite ends.
    """
    left, right, _ = pieces.affine()
    h, heights = pieces.lengths, curve(pieces.knots)
    at_left, at_right = heights[:-1] - left, heights[1:] - right
    slopes = (right - left) / h
    matrix = np.zeros((3, len(pieces) - 1))
    matrix[1] = (slopes - 4.0 * at_left / h)[1:] - (slopes + 4.0 * at_right / h)[:-1]
    matrix[0, 1:] = (-2.0 * at_right / h)[1:-1]
    matrix[2, :-1] = (-2.0 * at_left / h)[1:-1]
    matrix[1] = np.where(matrix[1] == 0.0, 1e-300, matrix[1])
    try:
        step = -solve_banded((1, 1), matrix, left[1:] - right[:-1])
    except np.linalg.LinAlgError:
        return np.zeros(len(pieces) - 1)
    return np.where(np.isfinite(step), step, 0.0)


def equidistributed(curve: Curve, pieces: int, norm: Norm) -> np.ndarray:
    """Knots between which |f''|^(2/5) (for "l2") or |f''|^(1/2) (for "sup") has equal integrals.

    Both are estimated without derivatives from the squared errors e of affine functions on cells of
    length h: e is about f''^2 h^5 / 720, so e^(1/5) and (e/h)^(1/4) are proportional to the
    integrals over the cells. The grid of cells is then equidistributed in the same way and the
    estimate repeated, for targets with steep parts.
    """
    a, b, fine = curve.lower, curve.upper, max(16, -(-1024 // pieces))
    grid = np.linspace(a, b, fine * pieces + 1)
    for _ in range(4):
        cells = Pieces.of(curve, grid, nodes=8)
        errors = cells.affine()[2]
        density = errors**0.2 if norm == "l2" else (errors / cells.lengths) ** 0.25
        total = np.concatenate([[0.0], np.cumsum(density)])
        # A small share of the length is added, so that knots stay apart where the target is affine.
        share = total / total[-1] if total[-1] > 0 else 0.0
        share = 0.99 * share + 0.01 * (grid - a) / (b - a)
        grid = np.interp(np.linspace(0.0, share[-1], len(grid)), share, grid)
        grid[0], grid[-1] = a, b
    return grid[::fine]


def resized(curve: Curve, knots: np.ndarray, pieces: int) -> np.ndarray:
    """Knots of n pieces: repeatedly halve the worst piece, or remove the least important knot."""
    while len(knots) - 1 != pieces:
        if len(knots) - 1 < pieces:
            worst = int(np.argmax(Pieces.of(curve, knots).affine()[2]))
            knots = np.insert(knots, worst + 1, 0.5 * (knots[worst] + knots[worst + 1]))
        else:
            errors = Pieces.of(curve, knots).affine()[2]
            pairs = errors[:-1] + errors[1:]
            knots = np.delete(knots, int(np.argmin(pairs)) + 1)
    return knots
