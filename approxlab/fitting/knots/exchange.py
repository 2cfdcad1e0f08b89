"""An exchange for knots and heights of a spline in the sup norm, in the manner of Remez.

The largest errors lie at the knots and at inner extremes of the pieces. To first order an inner
extreme changes as if it stayed where it is (there the error is flat), and the error at a knot t by
f'(t) dt - dy. The moves that make the largest of all these as small as possible are the solution of
a sparse linear program, found in linear time where there are many pieces
(`optimal/_chain_programs.py`); the extremes are then found anew. Where the target is convex or
concave the errors at the minimum all have one size and alternate, 2 n + 1 of them for as many
unknowns, which is the criterion of Remez; where convexity changes some stay below, which no system
of equations foresees but the program does. Moves are kept within a trust region and are taken only
if the largest error, found anew, decreases.

A piece is as good as any affine function can be on it where the error alternates three times. So
for a convex or concave target the result is the best of all piecewise affine functions, continuous
or not; otherwise it is a local minimum among continuous ones.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import linprog
from scipy.sparse import coo_matrix, hstack, vstack

from approxlab.fitting.training.result import Status
from approxlab.optimal._chain_programs import LONG, Chain, least_largest_move

__all__ = ["Level", "alternates", "half_way", "levelled", "lifted", "measured"]

Function = Callable[[np.ndarray], np.ndarray]

_SAMPLES = 24  # cells per piece, narrow at both ends, in which extremes are sought
_POSITIONS = 0.5 - 0.5 * np.cos(np.pi * np.arange(_SAMPLES + 1) / _SAMPLES)
_KEPT = 0.2  # extremes below this part of the largest are left out of the program
_ENOUGH = 1e-8  # relative decrease at which the exchange ends
_LEAST_TRUST, _MOST_TRUST = 1e-9, 0.45
_EQUALISATIONS = 8
_NONE = np.zeros(0)


@dataclasses.dataclass(frozen=True, eq=False)
class Extremes:
    """Inner extremes of the error: piece, position in it from 0 to 1, and the error there."""

    piece: np.ndarray
    position: np.ndarray
    error: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Level:
    """Knots, heights, the errors at knots and inner extremes, and the largest of them."""

    knots: np.ndarray
    heights: np.ndarray
    at_knots: np.ndarray
    inner: Extremes
    largest: float
    status: Status = Status.BUDGET
    steps: int = 0


def lifted(f: Function, knots: np.ndarray, more: np.ndarray = _NONE) -> Level:
    """The interpolant with each knot moved by half the error beside it, knots placed by errors.

    The error of a chord grows like the square of its width, so equal shares of its root make the
    errors of pieces equal, also where the curvature is not bounded.

    Args:
        f: The function of many positions.
        knots: Where to start.
        more: Points at which errors are looked at as well, increasing.
    """
    best = half_way(f, knots, more)
    for _ in range(_EQUALISATIONS):
        size = np.zeros(len(knots) - 1)
        chord = measured(f, knots, f(knots), more)
        np.maximum.at(size, chord.inner.piece, np.abs(chord.inner.error))
        share = np.sqrt(size) + 1e-6 * np.sqrt(size.max(initial=0.0))
        if len(share) == 1 or not np.all(share > 0.0):
            break
        total = np.concatenate([[0.0], np.cumsum(share)]) / np.sum(share)
        inner = PchipInterpolator(total, knots)(np.arange(1, len(share)) / len(share))
        knots = np.concatenate([knots[:1], inner, knots[-1:]])
        if not np.all(np.diff(knots) > 0.0):
            break
        best = min(best, half_way(f, knots, more), key=lambda state: state.largest)
    return best


def levelled(
    f: Function, state: Level, floor: float, steps: int, more: np.ndarray = _NONE
) -> Level:
    """Exchange until the largest error no longer decreases.

    Args:
        f: The function of many positions.
        state: Where to start.
        floor: Error at the level of rounding.
        steps: Linear programs whose solution is taken, at most.
        more: Points at which errors are looked at as well, increasing.

    Returns:
        The last state: "converged" (the program promises no more, or the floor is reached),
        "stagnated" (it promises more than is found), or "budget".
    """
    trust = 0.5 * _MOST_TRUST
    for done in range(steps):
        if state.largest <= floor:
            return dataclasses.replace(state, status=Status.CONVERGED, steps=done)
        found, promised = None, 0.0
        while trust > _LEAST_TRUST:
            moved, heights, promised = _program(f, state, trust)
            found = None if moved is None else measured(f, moved, heights, more)
            gain = 0.0 if found is None else 1.0 - found.largest / state.largest
            if gain > 0.1 * promised and gain > 0.0:
                trust = min(_MOST_TRUST, 2.0 * trust) if gain > 0.7 * promised else trust
                break
            found = None
            if promised <= _ENOUGH:
                break
            trust /= 3.0
        if found is None:
            ended = Status.CONVERGED if promised <= 1e-6 else Status.STAGNATED
            return dataclasses.replace(state, status=ended, steps=done)
        decrease = state.largest - found.largest
        state = found
        if decrease <= _ENOUGH * state.largest:
            return dataclasses.replace(state, status=Status.CONVERGED, steps=done + 1)
    return dataclasses.replace(state, status=Status.BUDGET, steps=steps)


def alternates(state: Level) -> bool:
    """Whether all errors at knots have one sign and all inner ones the other: a convex target."""
    signs = np.sign(np.concatenate([state.at_knots, -state.inner.error]))
    return bool(np.all(signs == signs[0]))


def half_way(f: Function, knots: np.ndarray, more: np.ndarray = _NONE) -> Level:
    """The interpolant with each knot moved by half the error beside it."""
    chord = measured(f, knots, f(knots), more)
    lift, count = np.zeros(len(knots)), np.zeros(len(knots))
    for side in (0, 1):
        np.add.at(lift, chord.inner.piece + side, 0.5 * chord.inner.error)
        np.add.at(count, chord.inner.piece + side, 1.0)
    return measured(f, knots, chord.heights + lift / np.maximum(count, 1.0), more)


def measured(
    f: Function, knots: np.ndarray, heights: np.ndarray, more: np.ndarray = _NONE
) -> Level:
    """The errors at the knots and at the inner extremes, and the largest."""
    widths, n = np.diff(knots), len(knots) - 1
    x = knots[:-1, None] + widths[:, None] * _POSITIONS[1:-1]
    values = f(np.concatenate([x.ravel(), knots]))
    at_knots = values[x.size :] - heights
    chords = heights[:-1, None] * (1.0 - _POSITIONS) + heights[1:, None] * _POSITIONS
    r = np.empty((n, _SAMPLES + 1))
    r[:, 1:-1] = values[: x.size].reshape(n, -1) - chords[:, 1:-1]
    r[:, 0], r[:, -1] = at_knots[:-1], at_knots[1:]
    inner = _with_more(f, knots, heights, r, more) if len(more) else _turning(f, knots, heights, r)
    largest = max(np.max(np.abs(at_knots)), np.max(np.abs(inner.error), initial=0.0))
    return Level(knots, heights, at_knots, inner, float(largest))


def _turning(f: Function, knots: np.ndarray, heights: np.ndarray, r: np.ndarray) -> Extremes:
    """Local extremes of the samples of all pieces, shape (n, samples), refined."""
    turns = (r[:, 1:-1] - r[:, :-2]) * (r[:, 2:] - r[:, 1:-1]) <= 0.0
    piece, k = np.nonzero(turns)
    k = k + 1
    here, before, behind = ((_POSITIONS[j], r[piece, j]) for j in (k, k - 1, k + 1))
    return _refined(f, knots, heights, piece, here, (*before, *behind))


def _with_more(
    f: Function, knots: np.ndarray, heights: np.ndarray, r: np.ndarray, more: np.ndarray
) -> Extremes:
    """The same with more points."""
    n, widths = len(knots) - 1, np.diff(knots)
    into = np.searchsorted(knots, more, side="right") - 1
    more = more[inside := (into >= 0) & (into < n) & (more > knots[np.clip(into, 0, n)])]
    into = into[inside]
    place = (more - knots[into]) / widths[into]
    size = f(more) - (heights[into] * (1.0 - place) + heights[into + 1] * place)
    piece = np.concatenate([np.repeat(np.arange(n), _SAMPLES + 1), into])
    place = np.concatenate([np.tile(_POSITIONS, n), place])
    order = np.lexsort([place, piece])
    piece, place, size = piece[order], place[order], np.concatenate([r.ravel(), size])[order]
    together = (piece[:-2] == piece[1:-1]) & (piece[1:-1] == piece[2:])
    turns = (size[1:-1] - size[:-2]) * (size[2:] - size[1:-1]) <= 0.0
    k = np.flatnonzero(together & turns) + 1
    here, before, behind = ((place[j], size[j]) for j in (k, k - 1, k + 1))
    return _refined(f, knots, heights, piece[k], here, (*before, *behind))


def _refined(
    f: Function,
    knots: np.ndarray,
    heights: np.ndarray,
    piece: np.ndarray,
    here: tuple[np.ndarray, np.ndarray],
    sides: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray],
) -> Extremes:
    """Extremes moved to the vertex of a parabola through three points, twice.

    Args:
        f: The function.
        knots: The knots.
        heights: The heights there.
        piece: Piece of each extreme.
        here: Its position in the piece, and the error there.
        sides: Position and error before it, and behind it.
    """
    if not len(piece):
        return Extremes(piece, *here)
    (position, error), low, high = here, sides[0], sides[2]
    for _ in range(2):
        tried = np.clip(_vertex(position, error, *sides), low, high)
        x = knots[piece] + np.diff(knots)[piece] * tried
        chord = heights[piece] * (1.0 - tried) + heights[piece + 1] * tried
        found = f(np.minimum(x, knots[piece + 1])) - chord
        better = np.abs(found) >= np.abs(error)
        left, right = tried < position, tried >= position
        # The three points around the best: it, and its nearest neighbours on both sides.
        sides = (
            np.where(better, np.where(right, position, sides[0]), np.where(left, tried, sides[0])),
            np.where(better, np.where(right, error, sides[1]), np.where(left, found, sides[1])),
            np.where(better, np.where(left, position, sides[2]), np.where(right, tried, sides[2])),
            np.where(better, np.where(left, error, sides[3]), np.where(right, found, sides[3])),
        )
        position, error = np.where(better, tried, position), np.where(better, found, error)
    return Extremes(piece, position, error)


def _vertex(
    x: np.ndarray, y: np.ndarray, a: np.ndarray, ya: np.ndarray, b: np.ndarray, yb: np.ndarray
) -> np.ndarray:
    """Where the parabola through (a, ya), (x, y), (b, yb) is level; x if it is a line."""
    with np.errstate(all="ignore"):
        before, behind = (y - ya) / (x - a), (yb - y) / (b - x)
        curvature = (behind - before) / (b - a)
        vertex = 0.5 * (a + x) - 0.5 * before / curvature
    return np.where(np.isfinite(vertex), vertex, x)


def _program(
    f: Function, state: Level, trust: float
) -> tuple[np.ndarray | None, np.ndarray, float]:
    """Knots and heights of the least largest error to first order, and its relative decrease."""
    knots, largest, n = state.knots, state.largest, len(state.knots) - 1
    rows, near = _first_order(f, state)
    bound = np.full(n + 1, trust)
    bound[0] = bound[-1] = 0.0
    found = _chain_solution(rows, bound, largest) if n >= LONG else None
    if found is None:
        found = _simplex_solution(rows, bound, largest)
    if found is None:
        return None, state.heights, 1.0
    moves, lifts, least = found
    moved = knots + moves * near
    if not np.all(np.diff(moved) > 1e-14 * (knots[-1] - knots[0])):
        return None, state.heights, 1.0
    return moved, state.heights + largest * lifts, 1.0 - least


def _simplex_solution(
    rows: tuple[np.ndarray, ...], bound: np.ndarray, largest: float
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """Moves of knots and heights in their units, and the least largest error to first order."""
    n, size = len(bound) - 1, rows[3] / largest
    moves = coo_matrix((rows[2], (rows[0], rows[1])), shape=(len(size), 2 * n + 2))
    level = coo_matrix(np.ones((len(size), 1)))
    limits = np.full((2 * n + 3, 2), np.inf) * [-1.0, 1.0]
    limits[: n + 1] = np.stack([-bound, bound], axis=1)
    solved = linprog(
        np.append(np.zeros(2 * n + 2), 1.0),
        A_ub=vstack([hstack([moves, -level]), hstack([-moves, -level])]).tocsr(),
        b_ub=np.concatenate([-size, size]),
        bounds=limits,
        method="highs",
    )
    if solved.x is None:
        return None
    return solved.x[: n + 1], solved.x[n + 1 : -1], float(solved.x[-1])


def _chain_solution(
    rows: tuple[np.ndarray, ...], bound: np.ndarray, largest: float
) -> tuple[np.ndarray, np.ndarray, float] | None:
    """What `_simplex_solution` finds, for many pieces: each error is of one piece."""
    row, column, entry, errors = rows
    n, knot, is_height = len(bound) - 1, column % len(bound), column >= len(bound)
    piece = np.full(len(errors), n - 1)
    np.minimum.at(piece, row, knot)
    slopes = np.zeros((len(errors), 4))
    slopes[row, 2 * (knot - piece[row]) + ~is_height] = entry * np.where(
        is_height, 1.0, bound[knot]
    )
    order = np.argsort(piece, kind="stable")
    found = least_largest_move(Chain(piece[order], errors[order] / largest, slopes[order]), n)
    return None if found is None else (bound * found[1], found[0], found[2])


def _first_order(f: Function, state: Level) -> tuple[tuple[np.ndarray, ...], np.ndarray]:
    """Rows, columns and entries of the derivative of all errors, the errors, and units of moves.

    Unknowns are the moves of the knots in units of the narrower piece beside each, then those of
    the heights in units of the largest error; errors are divided by it too.
    """
    knots, n, largest = state.knots, len(state.knots) - 1, state.largest
    widths = np.diff(knots)
    slopes = np.diff(state.heights) / widths
    near = np.minimum(np.append(widths[:1], widths), np.append(widths, widths[-1:]))
    kept = np.abs(state.inner.error) > _KEPT * largest
    i, g, error = (a[kept] for a in (state.inner.piece, state.inner.position, state.inner.error))
    step = 1e-4 * near
    low, high = np.maximum(knots - step, knots[0]), np.minimum(knots + step, knots[-1])
    values = f(np.concatenate([low, high]))
    rises, run = values[n + 1 :] - values[: n + 1], high - low
    rise = np.divide(rises, run, out=np.zeros_like(run), where=run > 0.0)
    rise[0] = rise[-1] = 0.0  # the ends do not move
    row, knot = np.arange(len(i)), np.arange(n + 1)
    left, right = slopes[i] * (1.0 - g) * near[i] / largest, slopes[i] * g * near[i + 1] / largest
    entries = [left, right, g - 1.0, -g, rise * near / largest, -np.ones(n + 1)]
    derivative = (
        np.concatenate([row, row, row, row, len(i) + knot, len(i) + knot]),
        np.concatenate([i, i + 1, n + 1 + i, n + 2 + i, knot, n + 1 + knot]),
        np.concatenate(entries),
        np.concatenate([error, state.at_knots]),
    )
    return derivative, near
