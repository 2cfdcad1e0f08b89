"""Continuous piecewise linear functions with free knots, of small sup error.

Knots and heights together, by linear programs: the error at sample points is linearised in both,
the largest one minimised, knots moving by at most a part of the way to their neighbours; the step
is taken where the error falls, else halved. Samples are Chebyshev points of each piece and the
places of its largest and least errors. At the solution about as many errors are equal as there are
unknowns, so the last steps are those of Newton's method.
"""

from __future__ import annotations

import numpy as np

from approxlab.optimal._curve import Curve
from approxlab.splines import Spline

__all__ = ["largest_error", "levelled"]

_CHEBYSHEV = 0.5 - 0.5 * np.cos(np.pi * np.arange(17) / 16)
_LOOK = np.linspace(0.0, 1.0, 129)


def largest_error(curve: Curve, spline: Spline, look: np.ndarray = _LOOK) -> tuple[float, int]:
    """The largest error found, and at how many points it was sought."""
    return _extremes(curve, spline, look)[1], spline.pieces * (len(look) + 2) + len(curve.breaks)


def levelled(curve: Curve, knots: np.ndarray, steps: int = 40) -> tuple[Spline, float]:
    """Knots and heights of a locally least sup error, and that error."""
    spline = Spline(knots, curve(knots))
    (places, error), radius = _extremes(curve, spline), 0.5
    for _ in range(steps):
        if error == 0.0:
            break
        moved, promised = _step(curve, spline, places, error, radius)
        there, less = _extremes(curve, moved)
        if less < error:
            gain = 1.0 - less / error
            spline, places, error, radius = moved, there, less, min(1.0, 2.0 * radius)
            if gain < 1e-10:
                break
        else:
            radius /= 4.0
            if radius < 1e-4 or promised > error * (1.0 - 1e-10):
                break
    return spline, error


def _at(curve: Curve, spline: Spline, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points and errors at places (from 0 to 1) of each piece, arrays of shape (n, k)."""
    widths, heights = np.diff(spline.knots)[:, None], spline.heights
    x = spline.knots[:-1, None] + widths * places
    fit = heights[:-1, None] * (1.0 - places) + heights[1:, None] * places
    return x, curve(x.ravel()).reshape(x.shape) - fit


def _extremes(curve: Curve, spline: Spline, look: np.ndarray = _LOOK) -> tuple[np.ndarray, float]:
    """Places of the largest and the least error in each piece, and the largest size of all."""
    errors = _at(curve, spline, np.broadcast_to(look, (spline.pieces, len(look))))[1]
    rows, h = np.arange(spline.pieces), look[1] - look[0]
    found = []
    for sign in (1.0, -1.0):
        best = np.clip(np.argmax(sign * errors, axis=1), 1, len(look) - 2)
        before, here, after = (errors[rows, best + k] for k in (-1, 0, 1))
        bend = before - 2.0 * here + after
        shift = np.divide(before - after, 2.0 * bend, out=np.zeros_like(bend), where=bend != 0)
        found.append(np.clip(look[best] + h * np.clip(shift, -1.0, 1.0), 0.0, 1.0))
    places = np.stack(found, axis=1)
    parts = errors, _at(curve, spline, places)[1], curve(curve.breaks) - spline(curve.breaks)
    return places, max(float(np.max(np.abs(part))) for part in parts)


def _step(
    curve: Curve, spline: Spline, places: np.ndarray, error: float, radius: float
) -> tuple[Spline, float]:
    """The spline after one linear program, and the error that the program promises."""
    from scipy.optimize import linprog
    from scipy.sparse import csr_array, diags_array, hstack, vstack

    n = spline.pieces
    u = np.concatenate([np.broadcast_to(_CHEBYSHEV, (n, len(_CHEBYSHEV))), places], axis=1)
    x, r = _at(curve, spline, u)
    widths = np.diff(spline.knots)
    delta = 1e-5 * widths[:, None]
    before, after = np.maximum(x - delta, curve.lower), np.minimum(x + delta, curve.upper)
    rises = (curve(after.ravel()) - curve(before.ravel())).reshape(x.shape)
    slopes = np.divide(rises, after - before, out=np.zeros_like(x), where=after > before)
    # Columns: n + 1 heights, n + 1 knots of which both ends stay. A sample keeps its place in its
    # piece, so it moves with the knots.
    piece = np.broadcast_to(np.arange(n)[:, None], u.shape)
    columns = np.stack([piece, piece + 1, n + 1 + piece, n + 2 + piece], axis=-1)
    entries = np.stack([u - 1.0, -u, slopes * (1.0 - u), slopes * u], axis=-1)
    rows = np.broadcast_to(np.arange(u.size).reshape(u.shape)[..., None], columns.shape)
    jacobian = csr_array(
        (entries.ravel(), (rows.ravel(), columns.ravel())), shape=(u.size, 2 * n + 2)
    )
    room = np.zeros(n + 1)
    room[1:-1] = 0.45 * radius * np.minimum(widths[:-1], widths[1:])
    scales = np.concatenate([np.full(n + 1, error), room])
    scaled = jacobian @ diags_array(scales / error)
    level = csr_array(np.ones((u.size, 1)))
    solution = linprog(
        np.append(np.zeros(2 * n + 2), 1.0),
        A_ub=vstack([hstack([scaled, -level]), hstack([-scaled, -level])]).tocsc(),
        b_ub=np.concatenate([-r.ravel(), r.ravel()]) / error,
        bounds=[(None, None)] * (n + 1) + [(-1.0, 1.0)] * (n + 1) + [(0.0, None)],
        method="highs",
    )
    if solution.status != 0:
        return spline, error
    move = scales * solution.x[:-1]
    moved = Spline(spline.knots + move[n + 1 :], spline.heights + move[: n + 1])
    return moved, error * float(solution.x[-1])
