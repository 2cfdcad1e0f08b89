"""What a greedy fit returns."""

from __future__ import annotations

import dataclasses
import enum
from typing import Any

import numpy as np

from approxlab.claims import Estimate
from approxlab.networks.mlp import MLP
from approxlab.records.tables import to_pandas


class GreedyStatus(enum.StrEnum):
    """How the choice of units ended; a status is a string and compares with one.

    - "complete": as many units as were asked for.
    - "floor": the residual is rounding; the network has fewer units.
    - "dependent": no unit of the dictionary is independent of the chosen ones to working
      precision; the network has fewer units.
    """

    COMPLETE = "complete"
    FLOOR = "floor"
    DEPENDENT = "dependent"


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class GreedyFit:
    """A network of ridge units found one by one, and how the error fell.

    Attributes:
        network: One hidden layer, weights of norm 1, no output bias.
        error: L2 error of `network`, on points that the fit has not seen.
        errors: L2 error after 1, 2, ... units on these points, shape (units,): before polishing.
        residuals: The same on the points of the fit: what the algorithm itself saw, never rising.
        status: A `GreedyStatus`: "complete", "floor" or "dependent".
        skipped: Number of dependent units that were passed over.
        polish: "off"; "converged", "budget" (all steps spent) or "dependent" (the greedy units
            could not be separated, nothing was polished).
        polish_residuals: Error on the points of the fit before the polish and after each of its
            steps; may be empty.
        directions: Greedy directions w before polishing, shape (units, d).
        biases: Greedy biases b before polishing, shape (units,).
        power: The power k of relu(w.x + b)^k.
        points: Number of points of the fit.
        run_s: Seconds spent.
    """

    network: MLP
    error: Estimate
    errors: np.ndarray
    residuals: np.ndarray
    status: GreedyStatus
    skipped: int
    polish: str
    polish_residuals: np.ndarray
    directions: np.ndarray
    biases: np.ndarray
    power: int
    points: int
    run_s: float

    def __repr__(self) -> str:
        text = f"{self.network!r}, {self.status}, {self.error!r}"
        return f"GreedyFit({text}, polish {self.polish})"

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The L2 error against the number of units; see `plotting.plot_error_against_size`."""
        from approxlab.plotting.sizes import plot_error_against_size

        rows = [
            {"units": i + 1, "error": Estimate(float(error), "l2", points=self.error.points)}
            for i, error in enumerate(self.errors)
        ]
        return plot_error_against_size(rows, x="units", y="error", ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per number of units, then one of the polished network if there is one."""
        pairs = enumerate(zip(self.errors, self.residuals, strict=True))
        rows = [self._row("off", i + 1, error, residual) for i, (error, residual) in pairs]
        if len(self.polish_residuals):
            last = self.polish_residuals[-1]
            rows.append(self._row(self.polish, len(self.biases), self.error, last))
        return rows

    def _row(self, polish: str, units: int, error: Any, residual: Any) -> dict[str, Any]:
        return {
            "power": self.power,
            "dim": int(self.directions.shape[1]),
            "status": str(self.status),
            "fit_points": self.points,
            "polish": polish,
            "num_hidden_units": units,
            "l2_error": float(error),
            "fit_l2_error": float(residual),
            "run_s": self.run_s,
        }

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        return to_pandas(self.to_rows())
