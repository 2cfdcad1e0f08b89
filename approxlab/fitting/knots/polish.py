"""The best of several starts, each polished to a local minimum."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from approxlab.fitting.knots.exchange import Level, alternates, levelled, lifted, measured
from approxlab.fitting.knots.function_or_data import Data, Function
from approxlab.fitting.knots.newton import State, improve, start, to_minimum
from approxlab.fitting.training.result import Status

__all__ = ["ROUNDS", "Found", "found_of", "least_largest", "least_squares", "polished"]

_SHIFTS = (0.0, 0.25, -0.25)  # of the first knots, in shares: several starts
_CAREFUL_STARTS = 2  # in the sup norm where panels are looked at: the best ones, and one before
ROUNDS = 20  # knots of little use that are put elsewhere, at most


class Found(NamedTuple):
    """Knots and heights, in units of the target, and how they were found.

    Attributes:
        knots: The knots.
        heights: The heights there.
        error: The error by the sums or points of the polish.
        first: The same of the first knots.
        status: How the polish ended.
        steps: Its steps over all starts.
    """

    knots: np.ndarray
    heights: np.ndarray
    error: float
    first: float
    status: Status
    steps: int


def polished(given: Function | Data, pieces: int, steps: int, before: Found | None = None) -> Found:
    """The best of several starts in the norm that was asked, `before` being one more."""
    shifts = _SHIFTS if steps and pieces > 1 else _SHIFTS[:1]
    tries = given.knots(pieces, shifts)
    if isinstance(given, Function) and given.norm == "sup":
        return least_largest(given, tries, steps, before)
    tries += [] if before is None else [before.knots]
    return least_squares(given, tries, steps)


def least_squares(given: Function | Data, tries: list[np.ndarray], steps: int) -> Found:
    """The best of several starts in the L2 norm."""
    started = [state for knots in tries if (state := start(given.samples, knots)) is not None]
    if not started:
        raise ValueError(
            f"pieces: got {len(tries[0]) - 1}, expected fewer: some pieces hold too few of the "
            "data to determine them."
        )
    first, floor = started[0], given.floor**2 * given.weight
    ends = [to_minimum(given.samples, state, floor, steps) for state in started]
    best = min(ends, key=lambda state: state.squares)
    others = sum(state.steps for state in ends) - best.steps
    if steps:
        best = improve(given.samples, best, floor, steps, ROUNDS)
    return found_of(best, math.sqrt(first.squares), best.steps + others)


def found_of(state: State, first: float, steps: int) -> Found:
    """What a polish in the L2 norm found."""
    error = math.sqrt(state.squares)
    return Found(state.knots, state.heights, error, first, state.status, steps)


def least_largest(
    given: Function, tries: list[np.ndarray], steps: int, before: Found | None = None
) -> Found:
    """The best of several starts in the sup norm."""
    started = [lifted(given.values, knots, given.more) for knots in tries[:1]]
    if not alternates(started[0]):  # a convex target has one minimum
        started += [lifted(given.values, knots, given.more) for knots in tries[1:]]
    first = started[0].largest
    if given.careful:
        started += _plain(given, len(tries[0]) - 1)
        if (best := min(started, key=lambda state: state.largest)).largest <= given.least:
            return Found(best.knots, best.heights, best.largest, first, Status.CONVERGED, 0)
        started.sort(key=lambda state: state.largest)
        started = started[:_CAREFUL_STARTS]
    if before is not None:
        started.append(measured(given.values, before.knots, before.heights, given.more))
    ends = [levelled(given.values, state, given.floor, steps, given.more) for state in started]
    best = min(ends, key=lambda state: state.largest)
    total = sum(state.steps for state in ends)
    return Found(best.knots, best.heights, best.largest, first, best.status, total)


def _plain(given: Function, pieces: int) -> list[Level]:
    """The middle of the values, the lifted chord of the ends, and one with equal pieces."""
    a, b = given.parts.edges[[0, -1]]
    knots, points = np.linspace(a, b, pieces + 1), np.union1d(given.parts.points, [a, b])
    values = given.values(points)
    chord = np.interp(points, points[[0, -1]], values[[0, -1]])
    starts = [lifted(given.values, knots, given.more)]
    for line in (np.zeros_like(values), chord):
        off = values - line
        middle = 0.5 * (np.min(off) + np.max(off))
        heights = middle + np.interp(knots, points, line)
        starts.append(measured(given.values, knots, heights, given.more))
    return starts
