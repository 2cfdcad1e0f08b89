"""Jumps of a target, beside which no continuous network is near in the sup norm.

If values of f on both sides of a jump differ by J, a continuous function differs from f by at least
J / 2 close to the jump. Jumps are looked for on lines through the box: wherever neighbouring values
differ by more than eps (a sample on a jump may cut it in two), the place is halved until it is as
narrow as floating point allows. A difference that has not shrunk since a width of 1e-12 of
the line is a jump.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from approxlab.answers._lines import Line, lines_through
from approxlab.evaluation import values_at
from approxlab.targets.target import Target

__all__ = ["jump_of"]

_POINTS = 2049
_COARSE, _FINE = 2.0**-40, 2.0**-50  # of the largest position
_KEPT = 0.9  # of the difference between the two widths: a jump keeps all, a root little


def jump_of(target: Target, eps: float) -> str:
    """A sentence about a jump of more than 2 eps, and what to do; "" where none is known."""
    if target.continuous or target.mask is not None:
        return ""
    for line in lines_through(target):
        found = _jump(target, line, eps)
        if found is not None:
            return _told(target, line, eps, *found)
    return ""


def _told(target: Target, line: Line, eps: float, at: float, height: float) -> str:
    named = "x" if target.dim == 1 else f"the position on {line.name}"
    known = target.continuous is False
    what = "jumps" if known else "jumps, as far as floating point can tell,"
    return (
        f"the target {what} by {height:.6g} where {named} is {at:.9g}. Networks of ReLU, tanh or "
        f"sigmoid units are continuous: of any size, they are at least {height / 2:.6g} away there "
        f"in the sup norm, more than eps = {eps:.6g}. Take a box on one side of the jump; a larger "
        "eps; or the mean square error, where a jump matters little: al.fit(target, hidden=...), "
        "al.errors.l2."
    )


def _jump(target: Target, line: Line, eps: float) -> tuple[float, float] | None:
    """Place and height of the highest jump above 2 eps on a line."""
    t = line.positions(_POINTS, tuple(target.kinks or ()) if target.dim == 1 else ())

    def values(places: np.ndarray) -> np.ndarray:
        inside = np.clip(places, line.low, line.high).ravel()
        found = np.asarray(values_at(target, line.points(inside)), np.float64)
        return found.reshape(places.shape)

    scale = max(abs(line.low), abs(line.high))
    middles = _halved(values, np.stack([t[:-1], t[1:]], axis=1), eps, _FINE * scale)
    if len(middles) == 0:
        return None
    around = middles[:, None] + scale * np.array([-_COARSE, -_FINE, 0.0, _FINE, _COARSE])
    near = values(around)
    fine = np.ptp(near[:, 1:-1], axis=1)
    heights = np.where(fine >= _KEPT * np.ptp(near, axis=1), fine, 0.0)
    if not np.any(heights > 2.0 * eps):
        return None
    highest = int(np.argmax(heights))
    return float(middles[highest]), float(heights[highest])


def _halved(
    values: Callable[[np.ndarray], np.ndarray], ends: np.ndarray, least: float, width: float
) -> np.ndarray:
    """Middles of narrow intervals whose end values differ by more than `least`."""
    y = values(ends)
    while True:
        keep = np.abs(y[:, 1] - y[:, 0]) > least
        ends, y = ends[keep], y[keep]
        if len(ends) == 0 or np.all(ends[:, 1] - ends[:, 0] <= width):
            return ends.mean(axis=1)
        middles = ends.mean(axis=1)
        here = values(middles)
        left = np.abs(here - y[:, 0]) >= np.abs(y[:, 1] - here)
        ends = np.where(left[:, None], np.stack([ends[:, 0], middles], 1), _from(middles, ends))
        y = np.where(left[:, None], np.stack([y[:, 0], here], 1), _from(here, y))


def _from(middles: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    return np.stack([middles, pairs[:, 1]], axis=1)
