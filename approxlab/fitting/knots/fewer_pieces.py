"""Data with few points per piece have many local minima: more pieces are not to be worse.

A fit of n - 1 pieces is one of n pieces too. So where n - 1 pieces may be better than the n that
were found, which a lower bound by dynamic programming decides, they are fitted as well (and so on
downwards), and n pieces start from them.
"""

from __future__ import annotations

import math

import numpy as np

from approxlab.fitting.knots.function_or_data import Data
from approxlab.fitting.knots.newton import State, improve, start, to_minimum
from approxlab.fitting.knots.polish import ROUNDS, Found, found_of, polished
from approxlab.fitting.knots.segments import least_squares_of_segments
from approxlab.fitting.training.result import Status

__all__ = ["not_above_fewer"]

_MOST = 5e6  # operations of the lower bound
_FEW, _FEW_PER_PIECE = 128, 8  # positions: with more, errors of local minima are close
_LEVELS, _MANY_LEVELS = 2, 12  # smaller numbers of pieces that are compared
_NEARLY = 1e-2  # error over the deviation of data: fewer pieces may then be exact


def not_above_fewer(given: Data, pieces: int, steps: int) -> tuple[Found, str | None]:
    """The polished fit, or a better one that starts from fewer pieces, and what is not compared."""
    found = polished(given, pieces, steps)
    positions = len(np.unique(given.x))
    few = positions <= max(_FEW, _FEW_PER_PIECE * pieces) and positions**2 * pieces <= _MOST
    if not steps or pieces == 1 or not few:
        return found, None
    if found.error <= given.floor:
        return found, None
    bounds = least_squares_of_segments(given.x, given.y, pieces - 1)
    nearly_exact = found.error <= _NEARLY * float(np.std(given.y))
    levels = _MANY_LEVELS if nearly_exact else _LEVELS
    found, all_compared = _compared(given, found, bounds, steps, levels)
    return found, None if all_compared else "fits with fewer pieces may be better"


def _compared(
    given: Data, found: Found, bounds: np.ndarray, steps: int, levels: int
) -> tuple[Found, bool]:
    pieces = len(found.knots) - 1
    reached = given.floor**2
    if pieces > 1:
        reached = max(reached, bounds[pieces - 2] * (1.0 + 1e-9))
    if pieces == 1 or found.error**2 <= reached:
        return found, True
    if levels == 0:
        return found, False
    fewer, done = _compared(given, polished(given, pieces - 1, steps), bounds, steps, levels - 1)
    if fewer.error >= found.error:
        return found, done
    state = _one_more(given, fewer)
    better = to_minimum(given.samples, state, given.floor**2, steps)
    better = improve(given.samples, better, given.floor**2, steps, ROUNDS)
    return found_of(better, found.first, found.steps + fewer.steps + better.steps), done


def _one_more(given: Data, fewer: Found) -> State:
    """The same function with a knot more where the error is largest and data allow it."""
    samples = given.samples(fewer.knots)
    order = np.argsort(-samples.moments(fewer.heights)[2])
    middles = 0.5 * (fewer.knots[:-1] + fewer.knots[1:])
    limit = fewer.error**2 * (1.0 + 1e-12)
    for piece in order:
        state = start(given.samples, np.sort(np.append(fewer.knots, middles[piece])))
        if state is not None and state.squares <= limit:
            return state
    knots = np.sort(np.append(fewer.knots, middles[np.argmax(np.diff(fewer.knots))]))
    heights = np.interp(knots, fewer.knots, fewer.heights)
    samples = given.samples(knots)
    squares = math.fsum(samples.moments(heights)[2])
    return State(knots, heights, squares, samples, Status.BUDGET)
