"""What the host knows about the training of one seed: its records and its status."""

from __future__ import annotations

import dataclasses

import numpy as np

from approxlab.fitting.training.result import Status
from approxlab.fitting.training.seed import CONVERGED, DIVERGED, GOING, STAGNATED
from approxlab.fitting.training.settings import Settings

__all__ = ["Course"]

_STATUS = {CONVERGED: Status.CONVERGED, STAGNATED: Status.STAGNATED}
_ROUNDING = 300  # root of a relative loss that is put down to rounding, in units of eps


@dataclasses.dataclass
class Course:
    """The course of one seed: its status once it has ended, and losses of its outputs on the way.

    Attributes:
        status: None while it runs.
        step: Steps done.
        records: Steps done and the relative losses of all outputs, shape (m,).
    """

    status: Status | None = None
    step: int = 0
    records: list[tuple[int, np.ndarray]] = dataclasses.field(default_factory=list)

    def note(self, losses: np.ndarray, progress: np.ndarray, settings: Settings) -> None:
        """Take over the records of a chunk (losses are relative), and the decision there."""
        count, done, _, decided = progress.tolist()
        count -= decided == DIVERGED  # the last record is that of a state which is not kept
        for i in range(count):
            behind = min((i + 1) * settings.stride, done)
            self.records.append((self.step + behind, losses[i].astype(np.float64)))
        self.step += done
        self.status = _STATUS.get(decided)
        if self.step >= settings.steps and decided in (GOING, STAGNATED):
            self.status = Status.BUDGET

    def lost(self, losses: np.ndarray, progress: np.ndarray) -> None:
        """End as diverged, with the record of the last finite parameters if it is a new one."""
        if progress[1] or not self.records:
            behind = self.step + int(progress[1])
            self.records.append((behind, losses[0].astype(np.float64)))
        self.step += int(progress[1])
        self.status = Status.DIVERGED

    @property
    def losses(self) -> list[float]:
        """What was minimised, at the records: means over the outputs; infinite where not finite."""
        means = np.array([losses for _, losses in self.records]).mean(axis=1)
        result: list[float] = np.where(np.isfinite(means), means, np.inf).tolist()
        return result

    @property
    def got_worse(self) -> bool:
        """Whether it ended worse than it began, so that its best record is returned."""
        losses = self.losses
        return losses[-1] > losses[0]

    @property
    def best_step(self) -> int:
        """Steps done at the record of least loss."""
        losses = self.losses
        return self.records[losses.index(min(losses))][0]

    def judge(self, relative: float, settings: Settings) -> None:
        """The status, now that the returned network has been measured in its own arithmetic.

        Args:
            relative: Its relative loss.
            settings: Those of the fit.
        """
        losses = self.losses
        if self.got_worse and losses[-1] > 1.0:  # worse than the mean of the values, too
            self.status = Status.DIVERGED
        if self.status is Status.DIVERGED:
            return
        if self.status is Status.CONVERGED:
            expected = np.sqrt(settings.tol)
        else:
            expected = 2.0 * np.sqrt(min(losses) if self.got_worse else losses[-1])
        if not np.sqrt(relative) <= expected + _ROUNDING * np.finfo(settings.dtype).eps:
            self.status = Status.LIMITED
