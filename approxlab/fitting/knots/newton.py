"""Newton's method for the knots and heights of a spline, in the L2 norm.

The squared error is a sum over pieces, and each piece depends on two knots and two heights. So the
Hessian in (t_0, y_0, t_1, y_1, ...) is a band of three diagonals on each side, and a step costs
O(n). With r = f - spline, P and Q the integrals over a piece of r times the falling and the rising
hat and s its slope, half the derivatives of the squared error are

    for a height, - Q of the piece before it - P of the piece behind it,
    for a knot,   s Q of the piece before it + s P of the piece behind it,

since the terms r^2 of the moving ends cancel. Where the slope jumps, all P and Q vanish at a
minimum: every piece is then the best affine function on its own interval. Second derivatives need
r at the knots, but no derivative of f. For data they lack these terms (a knot that moves past no
datum changes no sum), which leaves a Gauss-Newton step with the curvature of the hats.

Steps are damped in the knots until the error decreases with the heights solved for anew (variable
projection), so the error never rises and knots keep their order. A knot may also be of little use,
as is one where the target has an inflection: `improve` takes the least useful one away, puts it
into the worst piece, and keeps that if it helps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy.linalg import solveh_banded

from approxlab.fitting.training.result import Status
from approxlab.splines import Samples, best

__all__ = ["State", "improve", "start", "to_minimum"]

Sampler = Callable[[np.ndarray], Samples]

_ENOUGH = 1e-12  # relative decrease of the squared error at which steps end
_TRIES = 40
_CLOSEST = 1e-7  # width of a piece over the mean width: at a jump knots would run together
_SHRINK = 0.5  # of its width a piece may lose in one step


@dataclasses.dataclass(frozen=True, eq=False)
class State:
    """Knots, the best heights on them, and the squared error."""

    knots: np.ndarray
    heights: np.ndarray
    squares: float
    samples: Samples
    status: Status = Status.BUDGET
    steps: int = 0


def start(sampler: Sampler, knots: np.ndarray) -> State | None:
    """The best heights on given knots; None where the data do not determine them."""
    samples = sampler(knots)
    try:
        heights = best(samples)
    except np.linalg.LinAlgError:
        return None
    squares = float(np.sum(samples.moments(heights)[2]))
    return State(knots, heights, squares, samples)


def to_minimum(sampler: Sampler, state: State, floor: float, steps: int) -> State:
    """Damped Newton steps to a local minimum.

    Args:
        sampler: Knots to samples.
        state: Where to start.
        floor: Squared error at the level of rounding.
        steps: Steps at most.

    Returns:
        The last state: "converged" (steps no longer help, or the floor is reached), "stagnated"
        (none of the damped steps decreases the error although the slope says it should), or
        "budget".
    """
    damping = 1e-3
    for done in range(steps):
        if state.squares <= floor or state.samples.pieces == 1:
            break
        gradient, diagonal, beside, scale = _quadratic(state)
        found, promised = None, 0.0
        for _ in range(_TRIES):
            step = _step(gradient, diagonal, beside, damping * scale)
            if step is not None:
                promised = max(promised, -float(np.sum(gradient * step)))
                found = _moved(sampler, state, step[:, 0])
                if found is not None:
                    break
            damping = max(4.0 * damping, 1e-6)
        if found is None:
            ended = promised <= 1e-8 * state.squares
            status = Status.CONVERGED if ended else Status.STAGNATED
            return dataclasses.replace(state, status=status, steps=done)
        decrease = state.squares - found.squares
        state, damping = found, damping / 8.0
        if decrease <= _ENOUGH * state.squares:
            return dataclasses.replace(state, status=Status.CONVERGED, steps=done + 1)
    else:
        done = steps
    ended = state.squares <= floor or (steps > 0 and state.samples.pieces == 1)
    status = Status.CONVERGED if ended else Status.BUDGET
    return dataclasses.replace(state, status=status, steps=done)


def improve(sampler: Sampler, state: State, floor: float, steps: int, rounds: int) -> State:
    """Move the least useful knot into the worst piece as long as that helps."""
    total = state.steps
    for _ in range(rounds):
        if state.samples.pieces < 3 or state.squares <= floor:
            break
        moved = start(sampler, _relocated(state))
        if moved is None:
            break
        moved = to_minimum(sampler, moved, floor, steps)
        total += moved.steps
        if not moved.squares < state.squares * (1.0 - 1e-9):
            break
        state = moved
    return dataclasses.replace(state, steps=total)


def _quadratic(state: State) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Half the gradient and Hessian of the squared error in pairs (knot, height).

    Returns:
        Gradient of shape (n + 1, 2); blocks of the diagonal (n + 1, 2, 2); blocks (n, 2, 2) that
        couple each pair to the next; and what a knot costs per square of its move, shape (n + 1,).
    """
    samples, n = state.samples, state.samples.pieces
    P, Q, _ = samples.moments(state.heights)
    falling, mixed, rising = samples.masses()
    h = np.diff(state.knots)
    s = np.diff(state.heights) / h
    at = samples.at_knots
    r = np.zeros(n + 1) if at is None else at - state.heights
    gradient = np.zeros((n + 1, 2))
    gradient[:-1] += np.stack([s * P, -P], axis=1)
    gradient[1:] += np.stack([s * Q, -Q], axis=1)
    diagonal = np.zeros((n + 1, 2, 2))
    diagonal[:-1, 0, 0] += s * (s * falling - r[:-1] + 2.0 * P / h)
    diagonal[:-1, 0, 1] -= s * falling + P / h
    diagonal[:-1, 1, 1] += falling
    diagonal[1:, 0, 0] += s * (s * rising + r[1:] - 2.0 * Q / h)
    diagonal[1:, 0, 1] += Q / h - s * rising
    diagonal[1:, 1, 1] += rising
    diagonal[:, 1, 0] = diagonal[:, 0, 1]
    beside = np.empty((n, 2, 2))
    beside[:, 0, 0] = s * (s * mixed + (Q - P) / h)
    beside[:, 0, 1] = P / h - s * mixed
    beside[:, 1, 0] = -(s * mixed + Q / h)
    beside[:, 1, 1] = mixed
    jumps = np.concatenate([[0.0], np.diff(s), [0.0]])
    near = np.concatenate([falling, [0.0]]) + np.concatenate([[0.0], rising])
    return gradient, diagonal, beside, jumps**2 * near + np.finfo(float).tiny


def _step(
    gradient: np.ndarray, diagonal: np.ndarray, beside: np.ndarray, damping: np.ndarray
) -> np.ndarray | None:
    """The damped Newton step of pairs, ends held; None where the matrix is not definite."""
    count = len(gradient)
    bands = np.zeros((4, 2 * count))
    bands[3, 0::2] = diagonal[:, 0, 0] + damping
    bands[3, 1::2] = diagonal[:, 1, 1]
    bands[2, 1::2] = diagonal[:, 0, 1]
    bands[2, 2::2] = beside[:, 1, 0]
    bands[1, 2::2] = beside[:, 0, 0]
    bands[1, 3::2] = beside[:, 1, 1]
    bands[0, 3::2] = beside[:, 0, 1]
    right = -gradient.copy()
    for end in (0, count - 1):
        right[end, 0] = 0.0
        bands[3, 2 * end] = 1.0
        for above in (1, 2, 3):
            bands[3 - above, 2 * end] = 0.0
            if 2 * end + above < 2 * count:
                bands[3 - above, 2 * end + above] = 0.0
    try:
        step: np.ndarray = solveh_banded(bands, right.ravel()).reshape(-1, 2)
    except np.linalg.LinAlgError:
        return None
    return step if np.all(np.isfinite(step)) else None


def _moved(sampler: Sampler, state: State, move: np.ndarray) -> State | None:
    """The state after a move of the knots, cut so that order is kept; None if it is no better."""
    loss = float(np.max(-np.diff(move) / np.diff(state.knots)))
    knots = state.knots + move * (_SHRINK / loss if loss > _SHRINK else 1.0)
    if not np.all(np.diff(knots) > _CLOSEST * (knots[-1] - knots[0]) / len(knots)):
        return None
    found = start(sampler, knots)
    return found if found is not None and found.squares < state.squares else None


def _relocated(state: State) -> np.ndarray:
    """Knots without the one that costs least to remove, with one more in the worst piece."""
    h = np.diff(state.knots)
    jumps = np.diff(np.diff(state.heights) / h)
    before, behind = h[:-1], h[1:]
    # The square of the norm of the hat by which the function changes without the knot.
    cost = (jumps * before * behind / (before + behind)) ** 2 * (before + behind)
    least = int(np.argmin(cost)) + 1
    worst = int(np.argmax(state.samples.moments(state.heights)[2]))
    added = 0.5 * (state.knots[worst] + state.knots[worst + 1])
    return np.unique(np.append(np.delete(state.knots, least), added))
