"""Which unit comes next: the largest score in a dictionary, then Newton steps from the best few.

Three scores of a unit g against the residual r, P g the part of g orthogonal to the units chosen:

- |<r, g>|: the algorithm as it is published and proved.
- |<r, g>| / |g|: the same for a dictionary of unit vectors.
- |<r, g>| / |P g|: its square is what the squared error loses by this unit, so it is the best
  single step (Chen, Billings and Luo 1989, "orthogonal least squares"). For a fixed dictionary
  |P g|^2 is kept up to date by one more set of inner products per step.
"""

from __future__ import annotations

import itertools
import math
from typing import Literal

import numpy as np

from approxlab.fitting.orthogonal_greedy import ridge_units
from approxlab.fitting.orthogonal_greedy.dictionaries import Ridges
from approxlab.fitting.orthogonal_greedy.nearby import Nearby
from approxlab.fitting.orthogonal_greedy.projection import Span
from approxlab.fitting.orthogonal_greedy.rules import Rule
from approxlab.fitting.orthogonal_greedy.scoring import gains

Score = Literal["product", "unit", "new"]

_LEAST_NEW, _UNCERTAIN = 1e-12, 1e-8  # the same for values kept up to date by differences
_SMALLER = 1e-2  # a residual, against that whose products are kept up to date by differences
_ROUNDS, _SHRINK = 3, 0.35
_FARTHEST = 1.5  # reaches of all rounds together: 1 + 0.35 + 0.35^2, and a little


class Scores:
    """Scores of all units of a dictionary; of a fixed one, kept up to date step by step."""

    def __init__(self, ridges: Ridges, rule: Rule, score: Score, least_points: int) -> None:
        self.ridges, self._score = ridges, score
        self._roots = np.sqrt(rule.weights)
        self._kept: np.ndarray | None = None
        self._of = 0, 0.0  # units, and size of the residual whose products were computed
        if score == "product":
            return
        self._squares, seen = ridges.norms(rule.weights)
        self._visible = (seen >= least_points) & (self._squares > 0.0)
        self._new = self._squares.copy()

    def best(self, projection: Span, count: int) -> np.ndarray:
        """Flat indices of the units of largest score, best first; to be called in every step."""
        products = self._products(projection)
        scores = np.abs(products)
        if self._score != "product":
            squares = self._squares
            if self._score == "new":  # where rounding has eaten it, the score is a lower value
                squares = np.maximum(self._new, _LEAST_NEW * squares)
            scores = np.where(self._visible, scores / np.sqrt(np.where(squares > 0, squares, 1)), 0)
        return _highest(scores, count)

    def _products(self, projection: Span) -> np.ndarray:
        """Inner products of all units with the residual, kept up to date where a score allows it.

        What is new in all units shrinks by their part along the newest basis vector, and the inner
        products with the residual by the same part times its coordinate. The latter are computed
        anew where the residual has become much smaller than the rounding of these differences.
        """
        size = float(np.linalg.norm(projection.residual))
        old, (count, before) = self._kept, self._of
        if self._score == "new" and projection.count:
            newest = self.ridges.inner((projection.newest * self._roots)[None])[0]
            self._new -= newest**2
            if old is not None and projection.count == count + 1 and size > _SMALLER * before:
                self._kept = old - projection.step * newest
                self._of = projection.count, before
                return self._kept
        self._kept = self.ridges.inner((projection.residual * self._roots)[None])[0]
        self._of = projection.count, size
        return self._kept

    def uncertain(self, index: int) -> bool:
        """Whether what is new in a unit is so small that rounding may have decided on it."""
        if self._score != "new":
            return False
        return bool(self._new.flat[index] < _UNCERTAIN * self._squares.flat[index])


def _highest(scores: np.ndarray, count: int) -> np.ndarray:
    """Flat indices of the highest peaks along the kinks, then equal ones in order."""
    edge = np.full((len(scores), 1), -np.inf)
    left = np.concatenate([edge, scores[:, :-1]], axis=1)
    right = np.concatenate([scores[:, 1:], edge], axis=1)
    peaks = np.flatnonzero((scores >= left) & (scores >= right))
    flat = scores.ravel()[peaks]
    if len(peaks) > count:
        some = np.argpartition(-flat, count - 1)[:count]
        peaks, flat = peaks[some], flat[some]
    return peaks[np.lexsort((peaks, -flat))]


def scores_of(
    vectors: np.ndarray,
    biases: np.ndarray,
    rule: Rule,
    power: int,
    projection: Span,
    score: Score,
    least_points: int,
) -> np.ndarray:
    """The scores of given units, one by one."""
    roots = np.sqrt(rule.weights)[:, None]
    columns = ridge_units.units_at(rule.points, vectors, biases, power)
    seen = np.count_nonzero(columns, axis=0)
    columns *= roots
    products: np.ndarray = np.abs(projection.residual @ columns)
    if score == "product":
        return products
    squares = np.einsum("ij,ij->j", columns, columns)
    new = projection.new_part(columns) if score == "new" else squares
    return gains(products, squares, new, seen >= least_points)


def refined(
    vectors: np.ndarray,
    biases: np.ndarray,
    reach: np.ndarray,
    half: np.ndarray,
    rule: Rule,
    power: int,
    projection: Span,
    score: Score,
    least_points: int,
) -> tuple[np.ndarray, np.ndarray]:
    """A unit, of shapes (1, d) and (1,), moved to a larger score.

    Around the unit the score is taken on a stencil in its d parameters, d - 1 along the sphere
    and the bias, at distances `reach`; a Newton step on the quadratic through it, never farther
    than the stencil, is one more candidate. Kinks stay in the box, of half widths `half`. The best
    of all is the next centre, and the stencil shrinks. No derivative is needed, so the same search
    serves steps, whose score has none.
    """
    stencil = _stencil(vectors.shape[1])
    total = _FARTHEST * reach
    near = None
    if score == "new":
        near = Nearby.around(vectors[0], float(biases[0]), total, rule, power, projection)
    for _ in range(_ROUNDS):
        frames = ridge_units.tangents(vectors)

        def at(offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            v, c, f = (np.repeat(a, len(offsets), axis=0) for a in (vectors, biases, frames))  # noqa: B023
            w, b = ridge_units.moved(v, c, f, offsets * reach)  # noqa: B023
            limit = np.abs(w) @ half  # beyond, the kink does not meet the box
            b = np.clip(b, -limit, limit)
            found = near.scores(w, b, least_points) if near is not None else None
            if found is None:
                found = scores_of(w, b, rule, power, projection, score, least_points)
            return w, b, found

        around = at(stencil)
        ahead = at(_newton(around[2])[None])
        w, b, found = (np.concatenate(pair) for pair in zip(around, ahead, strict=True))
        best = slice(int(np.argmax(found)), int(np.argmax(found)) + 1)
        vectors, biases = w[best], b[best]
        reach = _SHRINK * reach
    return vectors, biases


def _stencil(dim: int) -> np.ndarray:
    """The centre, two points on each axis, and one for each pair of axes."""
    axes = np.eye(dim)
    pairs = [axes[i] + axes[j] for i, j in itertools.combinations(range(dim), 2)]
    return np.stack([np.zeros(dim), *axes, *(-axes), *pairs])


def _newton(values: np.ndarray) -> np.ndarray:
    """The maximiser of the quadratic through a stencil, within it; 0 where there is none."""
    dim = round((math.sqrt(8.0 * len(values) + 1.0) - 3.0) / 2.0)
    centre, ahead, behind = values[0], values[1 : dim + 1], values[dim + 1 : 2 * dim + 1]
    slope = 0.5 * (ahead - behind)
    curvature = np.diag(ahead + behind - 2.0 * centre)
    for value, (i, j) in zip(
        values[2 * dim + 1 :], itertools.combinations(range(dim), 2), strict=True
    ):
        curvature[i, j] = curvature[j, i] = value - ahead[i] - ahead[j] + centre
    if np.linalg.eigvalsh(curvature)[-1] >= 0.0:
        return np.sign(slope)
    return np.clip(np.linalg.solve(curvature, -slope), -1.0, 1.0)
