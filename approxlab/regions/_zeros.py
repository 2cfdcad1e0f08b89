"""Zeros of units between neighbouring breakpoints: their order, and values of all units at them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from approxlab.regions._rounding import EPS, TINY, exact_means, sign_of_difference

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

    def joined(
        self,
        rows: np.ndarray,
        bounds: np.ndarray,
        signs: np.ndarray,
        bent: int,
        columns: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Some neighbouring columns, old ones and new ones: values, bounds of rounding, and signs.

        Args:
            rows: Values of the units, with x as a last row, at the old columns.
            bounds: Of their rounding.
            signs: Of the units.
            bent: How many of the units bend.
            columns: Numbers of old columns, and number of them + k for the place k.
        """
        total = rows.shape[1]
        fresh = columns >= total
        if not np.any(fresh):
            return rows[:, columns], bounds[:, columns], signs[:, columns]
        first, last = (int(columns[fresh][k]) - total for k in (0, -1))
        found = self._interpolated(rows, bounds, signs, bent, slice(first, last + 1))
        result = []
        for old, new in zip((rows, bounds, signs), found, strict=True):
            array = np.empty((len(old), len(columns)), old.dtype)
            array[:, ~fresh], array[:, fresh] = old[:, columns[~fresh]], new
            result.append(array)
        return result[0], result[1], result[2]

    def _interpolated(
        self, rows: np.ndarray, bounds: np.ndarray, signs: np.ndarray, bent: int, part: slice
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        p, q = self.piece[part], self.piece[part] + 1
        one, two, e1, e2 = rows[:, p], rows[:, q], bounds[:, p], bounds[:, q]
        t, u = self.share[part], 1.0 - self.share[part]
        at = u * one + t * two
        error = u * e1 + t * e2 + np.abs(two - one) * (self.error[part] + EPS)
        error += 4 * EPS * (u * np.abs(one) + t * np.abs(two))
        small = np.nonzero(error < TINY)
        if len(small[0]):  # products may underflow
            some = [a[small] != 0 for a in (one, two, e1, e2)]
            error[small] += np.where(np.any(some, axis=0), 4 * TINY, 0.0)
        _make_exact(self.unit[part], (one, two), (e1, e2), at, error)
        there = self._signs(signs, bent, part)
        # A value whose rounding has the other sign is as close to 0 as its bound says.
        wrong = np.sign(at[:bent]) * there[:bent] < 0
        zero = there[:bent] == 0
        at[:bent][wrong | zero] = 0.0
        error[:bent][zero] = 0.0
        return at, error, there

    def _signs(self, signs: np.ndarray, bent: int, part: slice) -> np.ndarray:
        """Known from the order of the zeros, without any rounding."""
        p = self.piece[part]
        left, right = signs[:, p], signs[:, p + 1]
        found = np.where(left != 0, left, right)
        pieces, number = np.unique(p, return_inverse=True)
        # All places in these pieces, and all zeros at them.
        ends = np.searchsorted(self.piece, [p[0], p[-1] + 1])
        low, high = np.searchsorted(self.place, ends)
        place, units = self.place[low:high], self.units[low:high]
        zero_at = np.full((len(signs), len(pieces)), len(self.piece), np.int64)
        zero_at[units, np.searchsorted(pieces, self.piece[place])] = place
        zero_at = zero_at[:, number]
        here = np.arange(part.start, part.stop)
        found = np.where(zero_at < here, right, found)
        found = np.where(zero_at == here, 0, found).astype(np.int8)
        found[bent:] = 1
        return found


def _make_exact(
    unit: np.ndarray,
    sides: tuple[np.ndarray, np.ndarray],
    errors: tuple[np.ndarray, np.ndarray],
    at: np.ndarray,
    error: np.ndarray,
) -> None:
    """Some values (one s + two r) / (r + s) are numbers of float64, as with small integers."""
    (one, two), (e1, e2) = sides, errors
    column = np.arange(len(unit))
    some = np.flatnonzero((e1[unit, column] == 0) & (e2[unit, column] == 0))
    if not len(some):
        return
    r, s = (np.abs(a[unit[some], some]) for a in (one, two))
    q, exact = exact_means(one[:, some], two[:, some], r, s)
    exact &= (e1[:, some] == 0) & (e2[:, some] == 0)
    at[:, some] = np.where(exact, q, at[:, some])
    error[:, some] = np.where(exact, 0.0, error[:, some])


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
    if not np.all(np.isfinite(r + s)):
        raise ValueError("net: got values that overflow float64, expected finite ones.")
    t = r / (r + s)
    hidden = np.flatnonzero((r + s < TINY) & (e1 + e2 > 0))
    for k in hidden:
        t[k] = _exact_share(known, int(piece[k]), int(unit[k]))
    high = (r + e1) / ((r + e1) + np.maximum(s - e2, 0.0))
    low = np.maximum(r - e1, 0.0) / (np.maximum(r - e1, 0.0) + (s + e2))
    error = np.maximum(high - t, t - low) + 8 * EPS * t
    error[hidden] = 2 * EPS * t[hidden]
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


def _exact_share(known: Any, column: int, unit: int) -> float:
    """Which part of a piece lies to the left of a zero, where values underflow on all of it."""
    forms, x = known.exactly(column, column, np.array([unit]))
    end = known.exactly(column + 1, column, np.array([unit]))[1]
    zero = known.integers(int(known.network[column])).root(forms[-1][0][0])
    return float((zero - x) / (end - x))


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
    for a in (r, s):  # products of others may lose bits
        sane = (a > 1e-120) & (a < 1e120)
        both &= sane[pairs] & sane[pairs - 1]
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
        forms = integers.forms([signs[:, column] for signs in known.signs], unit[part])[-1][0]
        roots = [integers.root(form) for form in forms]
        ranks = sorted(range(len(roots)), key=roots.__getitem__)
        unit[part] = unit[part][ranks]
        new[part] = [k == 0 or roots[j] != roots[ranks[k - 1]] for k, j in enumerate(ranks)]
        error[part] = 3 * np.max(error[part])  # shares stay in order, whose units changed places
        known.ties[net] += len(roots) - 1
