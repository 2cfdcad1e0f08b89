"""Zeros of units between neighbouring breakpoints: their order, and values of all units at them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.regions._rounding import EPS, exact_means, sign_of_difference

__all__ = ["Zeros", "zeros_between"]


@dataclasses.dataclass(frozen=True, eq=False)
class Zeros:
    """Different places of zeros, in order, and the units that are zero at each.

    Attributes:
        piece: The column to the left of each place, shape (K,).
        unit: A unit that is zero there.
        share: Which part of the piece lies to the left, with a bound `error` of its rounding.
        units: Of all zeros, several of which may be at one place, shape (Z,).
        place: The place of each, 0 to K - 1, shape (Z,).
    """

    piece: np.ndarray
    unit: np.ndarray
    share: np.ndarray
    error: np.ndarray
    units: np.ndarray
    place: np.ndarray

    def interpolated(
        self, known: Any, z: np.ndarray, dz: np.ndarray, signs: np.ndarray, bent: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """At the places: values of z with x as a last row, bounds of their rounding, and signs."""
        p, q = self.piece, self.piece + 1
        rows, bounds = np.vstack([z, known.x]), np.vstack([dz, known.dx])
        one, two, e1, e2 = rows[:, p], rows[:, q], bounds[:, p], bounds[:, q]
        t, u = self.share, 1.0 - self.share
        at = u * one + t * two
        error = u * e1 + t * e2 + np.abs(two - one) * (self.error + EPS)
        error += 4 * EPS * (u * np.abs(one) + t * np.abs(two))
        self._made_exact(one, two, e1, e2, at, error)
        there = self._signs(signs, bent)
        # A value whose rounding has the other sign is as close to 0 as its bound says.
        wrong = np.sign(at[:bent]) * there[:bent] < 0
        zero = there[:bent] == 0
        at[:bent][wrong | zero] = 0.0
        error[:bent][zero] = 0.0
        return at, error, there

    def _made_exact(
        self,
        one: np.ndarray,
        two: np.ndarray,
        e1: np.ndarray,
        e2: np.ndarray,
        at: np.ndarray,
        error: np.ndarray,
    ) -> None:
        """Some values (one s + two r) / (r + s) are numbers of float64, as with small integers."""
        column = np.arange(len(self.unit))
        known = (e1[self.unit, column] == 0) & (e2[self.unit, column] == 0)
        some = np.flatnonzero(known)
        if not len(some):
            return
        unit = self.unit[some]
        r, s = (np.abs(a[unit, some]) for a in (one, two))
        q, exact = exact_means(one[:, some], two[:, some], r, s)
        exact &= (e1[:, some] == 0) & (e2[:, some] == 0)
        at[:, some] = np.where(exact, q, at[:, some])
        error[:, some] = np.where(exact, 0.0, error[:, some])

    def _signs(self, signs: np.ndarray, bent: int) -> np.ndarray:
        """Known from the order of the zeros, without any rounding."""
        p = self.piece
        left, right = signs[:, p], signs[:, p + 1]
        found = np.where(left != 0, left, right)
        pieces, number = np.unique(p, return_inverse=True)
        zero_at = np.full((len(signs), len(pieces)), len(p), np.int64)
        zero_at[self.units, number[self.place]] = self.place
        zero_at = zero_at[:, number]
        here = np.arange(len(p))
        found = np.where(zero_at < here, right, found)
        found = np.where(zero_at == here, 0, found).astype(np.int8)
        found[bent:] = 1
        return found


def zeros_between(
    known: Any,
    layer: int,
    z: np.ndarray,
    dz: np.ndarray,
    signs: np.ndarray,
    bent: int,
) -> Zeros:
    """All zeros strictly between neighbouring columns, with the order of places decided."""
    opposite = signs[:bent, :-1] * signs[:bent, 1:] < 0
    opposite[:, known.start[1:-1] - 1] = False  # between two networks
    piece, unit = np.nonzero(opposite.T)
    r, s = np.abs(z[unit, piece]), np.abs(z[unit, piece + 1])
    e1, e2 = dz[unit, piece], dz[unit, piece + 1]
    t = r / (r + s)
    high = (r + e1) / ((r + e1) + np.maximum(s - e2, 0.0))
    low = np.maximum(r - e1, 0.0) / (np.maximum(r - e1, 0.0) + (s + e2))
    error = np.maximum(high - t, t - low) + 8 * EPS * t
    order = np.lexsort((t, piece))
    piece, unit, t, error, r, s = (a[order] for a in (piece, unit, t, error, r, s))
    exact = ((e1 == 0) & (e2 == 0))[order]
    first = np.ones(len(piece), bool)
    first[1:] = piece[1:] != piece[:-1]
    runs = np.flatnonzero(first)
    if not len(runs):
        return Zeros(piece, unit, t, error, unit, piece)
    widest = np.repeat(np.maximum.reduceat(error, runs), np.diff([*runs, len(piece)]))
    near = ~first & (np.diff(t, prepend=0.0) <= 2 * widest)
    new = ~near
    if np.any(near):
        _decide(known, layer, piece, unit, near, new, exact, (r, s), error)
    chosen = np.flatnonzero(new)
    place = np.cumsum(new) - 1
    return Zeros(piece[chosen], unit[chosen], t[chosen], error[chosen], unit, place)


def _decide(
    known: Any,
    layer: int,
    piece: np.ndarray,
    unit: np.ndarray,
    near: np.ndarray,
    new: np.ndarray,
    exact: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    error: np.ndarray,
) -> None:
    """Sorts zeros that rounding does not tell apart, and says which of them are new places."""
    r, s = sides
    number = np.searchsorted(known.start, piece, side="right") - 1
    nets = known.networks
    rows = nets.weights[layer][number, unit], nets.biases[layer][number, unit]
    pairs = np.flatnonzero(near)
    equal = np.all(rows[0][pairs] == rows[0][pairs - 1], axis=1)
    equal &= rows[1][pairs] == rows[1][pairs - 1]
    both = exact[pairs] & exact[pairs - 1]
    # r / (r + s) against that of the zero before: r' s > r s' where it lies behind.
    order = sign_of_difference(r[pairs], s[pairs - 1], r[pairs - 1], s[pairs])
    new[pairs] = both & (order > 0)
    doubtful = pairs[~(equal | (both & (order >= 0)))]
    heads = np.flatnonzero(~near)
    runs = np.unique(np.searchsorted(heads, doubtful, side="right") - 1)
    ends = np.append(heads[1:], len(piece))
    for run in runs:
        part = slice(int(heads[run]), int(ends[run]))
        net = int(number[part][0])
        column = int(piece[part][0])
        integers = known.integers(net)
        forms = integers.forms([signs[:, column] for signs in known.signs])[-1][0]
        roots = [integers.root(forms[j]) for j in unit[part]]
        ranks = sorted(range(len(roots)), key=roots.__getitem__)
        unit[part] = unit[part][ranks]
        new[part] = [k == 0 or roots[j] != roots[ranks[k - 1]] for k, j in enumerate(ranks)]
        error[part] = 3 * np.max(error[part])  # shares stay in order, whose units changed places
        known.ties[net] += len(roots) - 1
