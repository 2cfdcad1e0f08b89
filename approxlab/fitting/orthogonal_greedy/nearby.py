"""Scores of the units near a given one, for two passes over the basis instead of one per unit.

A unit g' = relu(w'.x + b')^k, k at most 1, is on most points a combination of a few functions of
the unit g in the middle: where both are on, of g itself and of its derivatives by w and b. The
rest, c = g' - (this combination), is zero but on the strip of points between the two kinks. With P
the projection away from the chosen units,

    |P g'|^2 = |P C v|^2 + 2 <P C v, c> + |c|^2 - |Q' c|^2,

where the columns of C are these functions. P C takes two passes over the basis Q, all else a few
points. As P g' is put together from vectors that are small themselves, nothing cancels that is not
small in them, and no unit needs a second look.
"""

from __future__ import annotations

import numpy as np

from approxlab.fitting.orthogonal_greedy import ridge_units
from approxlab.fitting.orthogonal_greedy.projection import Span
from approxlab.fitting.orthogonal_greedy.rules import Rule
from approxlab.fitting.orthogonal_greedy.scoring import gains

__all__ = ["Nearby"]

_WIDEST = 0.6  # part of the points in the strip, above which columns are as quick
_CANCELLED = 1e-8  # part of its terms below which a difference of squares is rounding


class Nearby:
    """The units whose kinks stay in a strip around that of one unit."""

    def __init__(
        self,
        vector: np.ndarray,
        bias: float,
        farthest: float,
        width: float,
        strip: np.ndarray,
        rule: Rule,
        power: int,
        projection: Span,
    ) -> None:
        self._vector, self._bias, self._power = vector, bias, power
        self._farthest, self._width = farthest, width
        self._frame = ridge_units.tangents(vector[None])[0]
        roots, z = np.sqrt(rule.weights), rule.points @ vector + bias
        on = z > 0.0
        functions = [on] if power == 0 else [z, *(rule.points @ self._frame).T, on]
        columns = np.stack(functions) * (on * roots)
        new = projection.without_basis(columns)
        self._squares, self._new = columns @ columns.T, new @ new.T
        self._products = new @ projection.residual
        self._points, self._on, self._roots = rule.points[strip], on[strip], roots[strip]
        self._surely = int(np.count_nonzero(on)) - int(np.count_nonzero(self._on))
        self._residual, self._strip = projection.residual[strip], strip
        self._within = projection.squares_within
        self._columns, self._new_columns = columns[:, strip], new[:, strip]

    @classmethod
    def around(
        cls,
        vector: np.ndarray,
        bias: float,
        reach: np.ndarray,
        rule: Rule,
        power: int,
        projection: Span,
    ) -> Nearby | None:
        """The units within these distances; None where columns of all points are as quick."""
        if power > 1 or not projection.count:
            return None
        farthest = float(np.sqrt(np.max(np.einsum("ij,ij->i", rule.points, rule.points))))
        width = float(np.linalg.norm(reach[:-1])) * farthest + float(reach[-1])
        strip = np.flatnonzero(np.abs(rule.points @ vector + bias) <= width)
        if len(strip) > _WIDEST * len(rule.points):
            return None
        return cls(vector, bias, farthest, width, strip, rule, power, projection)

    def scores(
        self, vectors: np.ndarray, biases: np.ndarray, least_points: int
    ) -> np.ndarray | None:
        """As `selection.scores_of` of the score "new"; None where columns are needed.

        That is where a kink leaves the strip, or a unit is nearly dependent.
        """
        turned = np.linalg.norm(vectors - self._vector, axis=1)
        if np.any(turned * self._farthest + np.abs(biases - self._bias) > self._width):
            return None
        z = self._points @ vectors.T + biases
        on = z > 0.0
        if self._power == 0:
            v, rest = np.ones((1, len(biases))), on.astype(float) - self._on[:, None]
        else:
            along = vectors @ self._vector
            v = np.stack([along, *(vectors @ self._frame).T, biases - along * self._bias])
            rest = np.where(on != self._on[:, None], np.abs(z), 0.0)
        rest *= self._roots[:, None]
        own = np.einsum("ij,ij->j", rest, rest)
        products = np.abs(self._products @ v + self._residual @ rest)
        squares = _form(self._squares, v) + 2.0 * _mixed(v, self._columns, rest) + own
        parts = _form(self._new, v)
        new = parts + 2.0 * _mixed(v, self._new_columns, rest) + own
        new -= self._within(self._strip, rest)
        if np.any(new < _CANCELLED * (parts + own)):  # dependent, to within these differences
            return None
        seen = self._surely + np.count_nonzero(on, axis=0)
        return gains(products, squares, new, seen >= least_points)


def _form(matrix: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("im,ij,jm->m", v, matrix, v))


def _mixed(v: np.ndarray, columns: np.ndarray, rest: np.ndarray) -> np.ndarray:
    return np.asarray(np.einsum("im,im->m", v, columns @ rest))
