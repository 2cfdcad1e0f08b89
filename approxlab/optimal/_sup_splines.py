"""Continuous piecewise linear functions with free knots, of small sup error.

Knots and heights are improved together by linear programs. The error at sample points is linearised
in both, and its largest value is minimised; each knot moves by at most a fraction of the distance
to its neighbours. The step, or a part of it, is taken if the error decreases; otherwise the
fraction is divided by four. The samples are five Chebyshev points of each piece and the positions
of its largest and smallest error. At the solution about as many errors are equal as there are
unknowns, so the last steps agree with those of Newton's method.

Programs of many pieces are solved by an interior-point method in linear time
(`optimal/_chain_programs.py`). Of several solutions it returns a middle one, the simplex method a
corner. Where many pieces are nearly straight, errors between the samples then stand in the way: the
extremes of steps that were not taken are samples of the next programs.
"""

from __future__ import annotations

import numpy as np

from approxlab.optimal._chain_programs import LONG, Chain, least_largest_move
from approxlab.optimal._curve import Curve
from approxlab.optimal._extrema import zoomed
from approxlab.splines import Spline

__all__ = ["constant", "largest_error", "minimised"]

_CHEBYSHEV = 0.5 - 0.5 * np.cos(np.pi * np.arange(5) / 4)
_GRID = np.linspace(0.0, 1.0, 129)
_PARTS = (
    1.0,
    0.5,
    0.25,
    0.125,
    0.03,
    0.01,
)  # of a step: trying one is far cheaper than another program
_MISSED = 8  # columns of extremes of steps that were not taken, at most
_SHRINKING = 0.25  # of the room for moves, at most, where part of a step is taken
_SEARCHED, _ZOOMED = 1024, 32  # for the last error: points per piece, maxima that are refined


def largest_error(curve: Curve, spline: Spline) -> tuple[float, int]:
    """The largest error found, and the number of points searched."""
    shares = np.arange(_SEARCHED + 1) / _SEARCHED
    grid = spline.knots[:-1, None] + np.diff(spline.knots)[:, None] * shares
    grid = np.unique(np.concatenate([grid.ravel(), curve.breaks, curve.narrow]))

    def error(points: np.ndarray) -> np.ndarray:
        return (curve(points.ravel()) - spline(points.ravel())).reshape(points.shape)

    found = zoomed(error, grid, most=_ZOOMED)[1]
    return float(np.max(np.abs(found))), len(grid)


def constant(curve: Curve, knots: np.ndarray) -> tuple[Spline, float]:
    """The constant in the middle of the values, and its error: a bound on what is returned."""
    points = np.concatenate([knots, curve.breaks, curve.narrow])
    values = curve(points)
    middle = 0.5 * (np.min(values) + np.max(values))
    spline = Spline(knots, np.full(len(knots), middle))
    return spline, _extremes(curve, spline)[1]


def minimised(curve: Curve, knots: np.ndarray, steps: int = 40) -> tuple[Spline, float]:
    """A spline whose sup error is close to a local minimum, and this error."""
    spline = Spline(knots, curve(knots))
    (extrema, error), radius = _extremes(curve, spline), 0.5
    long, missed = spline.pieces >= LONG, extrema[:, :0]
    for _ in range(steps):
        if error == 0.0:
            break
        looked_at = np.concatenate([extrema, missed], axis=1)
        moved, predicted = _step(curve, spline, looked_at, error, radius)
        for part in _PARTS:
            tried = _between(spline, moved, part)
            new_extrema, reduced = _extremes(curve, tried)
            if reduced < error:
                break
            if long and part == 1.0:  # what the program did not foresee
                missed = np.concatenate([missed, new_extrema], axis=1)[:, -_MISSED:]
        if reduced < error:
            gain, missed = 1.0 - reduced / error, missed[:, :0]
            spline, extrema, error = tried, new_extrema, reduced
            radius = min(1.0, max(2.0 * part, _SHRINKING if long else 0.0) * radius)
            if gain < 1e-10:
                break
        else:
            radius /= 4.0
            if radius < 1e-4 or predicted > error * (1.0 - 1e-10):
                break
    return spline, error


def _between(start: Spline, end: Spline, part: float) -> Spline:
    """The spline a part of the way from one to another with as many pieces."""
    if part == 1.0:
        return end
    knots = start.knots + part * (end.knots - start.knots)
    return Spline(knots, start.heights + part * (end.heights - start.heights))


def _at(curve: Curve, spline: Spline, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and errors at relative positions from 0 to 1 in each piece, shape (n, k)."""
    widths, heights = np.diff(spline.knots)[:, None], spline.heights
    x = spline.knots[:-1, None] + widths * shares
    fit = heights[:-1, None] * (1.0 - shares) + heights[1:, None] * shares
    return x, curve(x.ravel()).reshape(x.shape) - fit


def _samples(curve: Curve, spline: Spline, extrema: np.ndarray) -> tuple[np.ndarray, ...]:
    """Points, relative positions, errors and pieces of what a linear program looks at."""
    n = spline.pieces
    u = np.concatenate([np.broadcast_to(_CHEBYSHEV, (n, len(_CHEBYSHEV))), extrema], axis=1)
    x, r = _at(curve, spline, u)
    piece = np.repeat(np.arange(n), u.shape[1])
    if not len(curve.narrow):
        return x.ravel(), u.ravel(), r.ravel(), piece
    more = curve.narrow
    into = np.clip(np.searchsorted(spline.knots, more) - 1, 0, n - 1)
    places = (more - spline.knots[into]) / np.diff(spline.knots)[into]
    parts = (x, more), (u, places), (r, curve(more) - spline(more)), (piece, into)
    x, u, r, piece = (np.concatenate([a.ravel(), b]) for a, b in parts)
    return x, u, r, piece


def _extremes(curve: Curve, spline: Spline, grid: np.ndarray = _GRID) -> tuple[np.ndarray, float]:
    """Relative positions of the largest and smallest error per piece, and the largest |error|."""
    errors = _at(curve, spline, np.broadcast_to(grid, (spline.pieces, len(grid))))[1]
    rows, h = np.arange(spline.pieces), grid[1] - grid[0]
    found = []
    for sign in (1.0, -1.0):
        best = np.clip(np.argmax(sign * errors, axis=1), 1, len(grid) - 2)
        before, here, after = (errors[rows, best + k] for k in (-1, 0, 1))
        second_difference = before - 2.0 * here + after
        shift = np.divide(
            before - after,
            2.0 * second_difference,
            out=np.zeros_like(second_difference),
            where=second_difference != 0,
        )
        found.append(np.clip(grid[best] + h * np.clip(shift, -1.0, 1.0), 0.0, 1.0))
    extrema = np.stack(found, axis=1)
    apart = np.concatenate([curve.breaks, curve.narrow])
    parts = errors, _at(curve, spline, extrema)[1], curve(apart) - spline(apart)
    return extrema, max(float(np.max(np.abs(part))) for part in parts)


def _step(
    curve: Curve, spline: Spline, extrema: np.ndarray, error: float, radius: float
) -> tuple[Spline, float]:
    """The spline after one linear program, and the error that the program predicts."""
    n = spline.pieces
    x, u, r, piece = _samples(curve, spline, extrema)
    widths = np.diff(spline.knots)
    delta = 1e-5 * widths[piece]
    before, after = np.maximum(x - delta, curve.lower), np.minimum(x + delta, curve.upper)
    rises = curve(after) - curve(before)
    slopes = np.divide(rises, after - before, out=np.zeros_like(x), where=after > before)
    # By left and right height, left and right knot. A sample keeps its relative position in its
    # piece, so it moves with the knots; both end knots stay fixed.
    entries = np.stack([u - 1.0, -u, slopes * (1.0 - u), slopes * u], axis=-1)
    room = np.zeros(n + 1)
    room[1:-1] = 0.45 * radius * np.minimum(widths[:-1], widths[1:])
    scales, found = np.concatenate([np.full(n + 1, error), room]), None
    if n >= LONG:
        found = _chain_solution(piece, r / error, entries, scales / error)
    if found is None:
        found = _simplex_solution(piece, r / error, entries, scales / error)
    if found is None:
        return spline, error
    move = scales * found[:-1]
    moved = Spline(spline.knots + move[n + 1 :], spline.heights + move[: n + 1])
    return moved, error * float(found[-1])


def _chain_solution(
    piece: np.ndarray, r: np.ndarray, entries: np.ndarray, scales: np.ndarray
) -> np.ndarray | None:
    """What `_simplex_solution` finds, for many pieces."""
    n = len(scales) // 2 - 1
    order = np.argsort(piece, kind="stable")
    piece, at = piece[order], piece[order, None] + np.array([0, n + 1, 1, n + 2])
    slopes = entries[order][:, [0, 2, 1, 3]] * scales[at]
    found = least_largest_move(Chain(piece, r[order], slopes), n)
    return None if found is None else np.concatenate([*found[:2], [found[2]]])


def _simplex_solution(
    piece: np.ndarray, r: np.ndarray, entries: np.ndarray, scales: np.ndarray
) -> np.ndarray | None:
    """Moves of heights and of knots, in their scales, and the least largest error; None if lost."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, diags_array, hstack, vstack

    n = len(scales) // 2 - 1
    # Columns: n + 1 heights, then n + 1 knots.
    columns = np.stack([piece, piece + 1, n + 1 + piece, n + 2 + piece], axis=-1)
    rows = np.broadcast_to(np.arange(r.size)[:, None], columns.shape)
    jacobian = csr_array(
        (entries.ravel(), (rows.ravel(), columns.ravel())), shape=(r.size, 2 * n + 2)
    )
    scaled = jacobian @ diags_array(scales)
    level = csr_array(np.ones((r.size, 1)))
    solution = linprog(
        np.append(np.zeros(2 * n + 2), 1.0),
        A_ub=vstack([hstack([scaled, -level]), hstack([-scaled, -level])]).tocsc(),
        b_ub=np.concatenate([-r, r]),
        bounds=[(None, None)] * (n + 1) + [(-1.0, 1.0)] * (n + 1) + [(0.0, None)],
        method="highs",
    )
    return solution.x if solution.status == 0 else None
