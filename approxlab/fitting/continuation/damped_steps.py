"""Levenberg-Marquardt for a network of tens of units at about a thousand points.

Here the normal equations are formed, scaled to a unit diagonal: at these sizes they take a third of
the time of a QR factorisation, and the digits that they lose are those that the damping gives up
anyway. (`training.least_squares` keeps them, at the price.)
"""

from __future__ import annotations

import dataclasses

import numpy as np

from approxlab.fitting.continuation.plain_layers import PlainLayers

__all__ = ["Problem", "State"]

_FIRST_DAMPING, _LEAST_DAMPING = 1e-4, 1e-13
_FALL, _LARGEST_GROWTH = 3.0, 64.0
_TRIALS = 12  # of one step, until it is refused for good
_LEAST_SCALE = 1e-12  # of a column, relative to the largest


@dataclasses.dataclass(frozen=True)
class State:
    """Where the iteration is.

    Attributes:
        parameters: The best so far.
        loss: Their weighted mean square.
        damping: The damping of the next trial.
        trials: Steps tried so far.
        settled: Whether the last step lowered the loss by next to nothing, or no damping did.
    """

    parameters: np.ndarray
    loss: float
    damping: float = _FIRST_DAMPING
    trials: int = 0
    settled: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """Values y at points x, weighted by squares that sum to one."""

    layers: PlainLayers
    x: np.ndarray
    roots: np.ndarray

    def loss(self, parameters: np.ndarray, y: np.ndarray) -> float:
        """The weighted mean square of values minus y; infinite where a number overflows."""
        with np.errstate(over="ignore", invalid="ignore"):
            residual = self._residual(parameters, y)
            loss = float(residual @ residual)
        return loss if np.isfinite(loss) else np.inf

    def reduced(self, state: State, y: np.ndarray, steps: int, least_fall: float) -> State:
        """At most so many steps, each of which lowers the loss; ended by a fall below that part."""
        state = dataclasses.replace(state, loss=self.loss(state.parameters, y), settled=False)
        for _ in range(steps):
            before = state.loss
            state = self._step(state, y)
            if before - state.loss <= least_fall * before:
                return dataclasses.replace(state, settled=True)
        return state

    def _residual(self, parameters: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (self.layers.values(parameters, self.x) - y) * self.roots

    def _step(self, state: State, y: np.ndarray) -> State:
        J = self.layers.jacobian(state.parameters, self.x, self.roots)
        gram, slope = J @ J.T, J @ self._residual(state.parameters, y)
        diagonal = np.diagonal(gram)
        floor = _LEAST_SCALE * max(float(diagonal.max()), np.finfo(float).tiny)
        scale = 1.0 / np.sqrt(np.maximum(diagonal, floor))
        gram, slope = gram * scale * scale[:, None], slope * scale
        damping, growth = state.damping, 2.0
        for trial in range(1, _TRIALS + 1):
            new = state.parameters - scale * _solved(gram, damping, slope)
            loss = self.loss(new, y)
            if loss < state.loss:
                falling = max(damping / _FALL, _LEAST_DAMPING)
                return State(new, loss, falling, state.trials + trial)
            damping, growth = damping * growth, min(2.0 * growth, _LARGEST_GROWTH)
        return dataclasses.replace(state, damping=_FIRST_DAMPING, trials=state.trials + _TRIALS)


def _solved(gram: np.ndarray, damping: float, slope: np.ndarray) -> np.ndarray:
    """The damped step; NaN, which no loss accepts, where rounding has made the matrix singular."""
    damped = gram.copy()
    damped[np.diag_indices_from(damped)] += damping
    try:
        return np.linalg.solve(damped, slope)
    except np.linalg.LinAlgError:
        return np.full_like(slope, np.nan)
