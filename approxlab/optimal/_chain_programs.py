"""Linear programs along a chain: the least largest error, linear in heights and knots of a spline.

Errors are linearised in the heights and positions of the knots, and each error depends on the two
knots of its piece only. So the matrix of normal equations has three diagonals beside the main one,
and a step of an interior-point method costs a multiple of the number n of pieces. Up to
n = 2048 the tests see at most 40 steps, where the simplex method takes a number of steps of order
n, each of which costs a multiple of n again.

The method is Mehrotra's predictor and corrector (Mehrotra 1992, SIAM J. Optim. 2, 575-601), from a
point that is strictly feasible, primal and dual. What is returned is a feasible move whatever
happens on the way, and its own largest error.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from scipy.linalg.lapack import dpbtrf, dpbtrs

__all__ = ["LONG", "Chain", "least_largest_move"]

LONG = 128
"""Number of pieces from which on this takes the place of the simplex method."""

_STEPS = 60
_GAP = 1e-11  # of the error, which is of size 1: how far a returned move may be above the least
_ENOUGH = 1e-8  # the same where rounding allows no more
_REFINEMENTS = 1  # of a solution of the normal equations
_DIAGONAL = 1e-14  # relative increase of their diagonal, so that rounding leaves it positive
_TO_BOUNDARY = 0.995  # of the way to where a slack vanishes


_Solve = Callable[[np.ndarray, float, int], tuple[np.ndarray, float]]


class Chain(NamedTuple):
    """Errors that are linear in moves of knots and heights, each of one piece.

    Attributes:
        piece: Piece of each error, increasing, shape (k,); n pieces have n + 1 knots.
        errors: The errors before the move, at most about 1 in size, shape (k,).
        slopes: Their derivatives by the height and the position of the left knot, and by those of
            the right one, shape (k, 4). A move of a position is between -1 and 1.
    """

    piece: np.ndarray
    errors: np.ndarray
    slopes: np.ndarray


class _Point(NamedTuple):
    """Moves and the level; slacks and multipliers of upper and lower errors and of both bounds."""

    move: np.ndarray
    level: float
    slacks: np.ndarray
    multipliers: np.ndarray

    @property
    def gap(self) -> float:
        """How far the level may be above the least one, but for rounding."""
        return float(self.slacks @ self.multipliers)


def least_largest_move(chain: Chain, pieces: int) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Moves of heights and of positions with the least largest error, and this error.

    Returns:
        Moves of the heights and of the positions, each of shape (n + 1,), and the largest error to
        first order after them; None if rounding ends the search far from the least error.
    """
    share = _shares(chain, pieces)
    system = _System(_along_shares(chain, share), pieces)
    best = point = system.start()
    for _ in range(_STEPS):
        if point.gap <= _GAP:
            break
        following = system.step(point)
        if following is None:
            break
        point = following
        best = point if point.level < best.level else best
    if not point.gap <= _ENOUGH:
        return None
    move = best.move.reshape(-1, 2)
    left = chain.errors + system.along(best.move)
    return move[:, 0] + share * move[:, 1], move[:, 1], float(np.max(np.abs(left)))


def _shares(chain: Chain, pieces: int) -> np.ndarray:
    """How far the height of each knot goes with its position, so that errors change least.

    On a steep line a knot that moves alone changes errors by many times their size, and most of
    it is undone by its height.
    """
    products, squares = np.zeros(pieces + 1), np.zeros(pieces + 1)
    for side in (0, 1):
        height, position = chain.slopes[:, 2 * side], chain.slopes[:, 2 * side + 1]
        products += np.bincount(chain.piece + side, height * position, pieces + 1)
        squares += np.bincount(chain.piece + side, height**2, pieces + 1)
    return -np.divide(products, squares, out=np.zeros(pieces + 1), where=squares > 0.0)


def _along_shares(chain: Chain, share: np.ndarray) -> Chain:
    """The chain whose positions take a share of their heights along."""
    slopes = chain.slopes.copy()
    for side in (0, 1):
        slopes[:, 2 * side + 1] += share[chain.piece + side] * slopes[:, 2 * side]
    return chain._replace(slopes=slopes)


class _System:
    """Products with the constraints of a chain, and its normal equations.

    Constraints in their order: errors below the level, errors above its negative, positions below
    1, positions above -1.
    """

    def __init__(self, chain: Chain, pieces: int) -> None:
        self.chain, self.unknowns = chain, 2 * pieces + 2
        self._first = np.flatnonzero(np.diff(chain.piece, prepend=-1))
        columns = 2 * chain.piece[self._first]
        self._columns = [columns + a for a in range(4)]
        self._slopes = np.ascontiguousarray(chain.slopes.T)
        i, j = np.triu_indices(4)
        self._pairs = self._slopes[i] * self._slopes[j]
        self._places = [(3 - (b - a), columns + b) for a, b in zip(i, j, strict=True)]
        self._at = [2 * chain.piece + a for a in range(4)]

    def along(self, move: np.ndarray) -> np.ndarray:
        """Changes of the errors."""
        changes = self._slopes[0] * move[self._at[0]]
        for slopes, at in zip(self._slopes[1:], self._at[1:], strict=True):
            changes += slopes * move[at]
        return changes

    def against(self, weights: np.ndarray) -> np.ndarray:
        """Sums over the errors, of weights times derivatives."""
        sums = np.zeros(self.unknowns)
        parts = np.add.reduceat(weights * self._slopes, self._first, axis=1)
        for columns, part in zip(self._columns, parts, strict=True):
            sums[columns] += part
        return sums

    def slacks(self, move: np.ndarray, level: float) -> np.ndarray:
        """How far all constraints are from their bounds."""
        left, positions = self.chain.errors + self.along(move), move[1::2]
        return np.concatenate([level - left, level + left, 1.0 - positions, 1.0 + positions])

    def start(self) -> _Point:
        """No move, and equal multipliers: strictly feasible, primal and dual."""
        level, move = 1.0 + float(np.max(np.abs(self.chain.errors))), np.zeros(self.unknowns)
        slacks = self.slacks(move, level)
        return _Point(move, level, slacks, np.full(len(slacks), 0.5 / len(self.chain.errors)))

    def step(self, point: _Point) -> _Point | None:
        """A step of the predictor and the corrector; None if none is possible."""
        s, z = point.slacks, point.multipliers
        mean = point.gap / len(s)
        solve = self._factored(z / s)
        if solve is None:
            return None
        ds, dz = self._direction(point, solve, s * z, 0)[2:]
        along_s, along_z = _length(s, ds), _length(z, dz)
        after = float((s + along_s * ds) @ (z + along_z * dz)) / len(s)
        centre = (after / mean) ** 3 * mean
        products = s * z + ds * dz - centre
        move, level, ds, dz = self._direction(point, solve, products, _REFINEMENTS)
        if not (np.all(np.isfinite(ds)) and np.all(np.isfinite(dz))):
            return None
        along_s = min(1.0, _TO_BOUNDARY * _length(s, ds))
        along_z = min(1.0, _TO_BOUNDARY * _length(z, dz))
        new, height = point.move + along_s * move, point.level + along_s * level
        slacks = self.slacks(new, height)
        if not np.min(slacks) > 0.0:  # rounding
            slacks = s + along_s * ds
        return _Point(new, height, slacks, z + along_z * dz)

    def _transposed(self, weights: np.ndarray) -> tuple[np.ndarray, float]:
        """The transposed constraints times weights: for the moves, and for the level."""
        k, n = len(self.chain.errors), self.unknowns // 2
        upper, lower = weights[:k], weights[k : 2 * k]
        sums = self.against(upper - lower)
        sums[1::2] += weights[2 * k : 2 * k + n] - weights[2 * k + n :]
        return sums, -float(np.sum(upper) + np.sum(lower))

    def _factored(self, weights: np.ndarray) -> _Solve | None:
        """A solver of the normal equations with these weights; None where rounding forbids it."""
        k, n = len(self.chain.errors), self.unknowns // 2
        upper, lower = weights[:k], weights[k : 2 * k]
        parts = np.add.reduceat((upper + lower) * self._pairs, self._first, axis=1)
        bands = np.zeros((4, self.unknowns))
        for (band, columns), part in zip(self._places, parts, strict=True):
            bands[band, columns] += part
        bands[3, 1::2] += weights[2 * k : 2 * k + n] + weights[2 * k + n :]
        bands[3] *= 1.0 + _DIAGONAL
        factor, failed = dpbtrf(bands)
        if failed:
            return None
        border = self.against(lower - upper)
        response = dpbtrs(factor, border)[0]
        complement = self._quadratic(weights, -response, 1.0)[2]

        def once(sums: np.ndarray, total: float) -> tuple[np.ndarray, float]:
            alone = dpbtrs(factor, sums)[0]
            level = (total - float(border @ alone)) / complement
            return alone - level * response, level

        def solve(sums: np.ndarray, total: float, refinements: int) -> tuple[np.ndarray, float]:
            move, level = once(sums, total)
            for _ in range(refinements):
                done_sums, done_total, _ = self._quadratic(weights, move, level)
                more, higher = once(sums - done_sums, total - done_total)
                move, level = move + more, level + higher
            return move, level

        return solve

    def _quadratic(
        self, weights: np.ndarray, move: np.ndarray, level: float
    ) -> tuple[np.ndarray, float, float]:
        """The normal matrix times a vector, and its quadratic form, as a sum of squares."""
        change, positions = self.along(move), move[1::2]
        product = np.concatenate([change - level, -change - level, positions, -positions])
        sums, total = self._transposed(weights * product)
        return sums, total, float(weights @ product**2)

    def _direction(
        self, point: _Point, solve: _Solve, products: np.ndarray, refinements: int
    ) -> tuple[np.ndarray, float, np.ndarray, np.ndarray]:
        """Changes that make the products of slacks and multipliers vanish to first order."""
        s, z = point.slacks, point.multipliers
        sums, total = self._transposed(products / s - z)
        move, level = solve(sums, total - 1.0, refinements)
        change, positions = self.along(move), move[1::2]
        ds = np.concatenate([level - change, level + change, -positions, positions])
        return move, level, ds, -(products + z * ds) / s


def _length(values: np.ndarray, changes: np.ndarray) -> float:
    """The share of the changes, at most 1, after which the first positive value is 0."""
    falling = changes < 0.0
    return min(1.0, float(np.min(values[falling] / -changes[falling], initial=np.inf)))
