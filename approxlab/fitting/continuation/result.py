"""What following a deep network to a target returns."""

from __future__ import annotations

import dataclasses
import functools
from typing import Any

import numpy as np

from approxlab.claims import Estimate
from approxlab.errors.l2_norm import l2
from approxlab.fitting.training.result import FitResult
from approxlab.optimal.pieces import GapInterval, relu_spline

__all__ = ["DeepFit"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DeepFit(FitResult):
    """Deep ReLU networks that were followed from a quadratic to a target, one per seed.

    All that a `FitResult` has, with these differences: a loss is the mean square over the interval,
    by about a thousand weighted points (of data, over the data); the history holds the distance to
    the target at the end of every stage; a status is "converged" (no step lowers the loss),
    "budget", or "limited" (rounding in the network's dtype is larger than its error, or the
    network still had spikes between its points after they were refined at its kinks).

    Attributes:
        target: What was approximated: a target, or the data (X, Y).
        pieces: Number of affine pieces of the network of every seed on the interval, shape
            (seeds,), integers: exact, from `regions.pieces_of_many`.
    """

    target: Any
    pieces: np.ndarray

    @functools.cached_property
    def error(self) -> Estimate:
        """L2 error of the best network: by quadrature on all of its pieces."""
        self._check_target("error")
        return l2(self.network, self.target)

    def gap_to_splines(self) -> GapInterval:
        """The error over the least of any piecewise linear function with as many pieces.

        At least one, up to the bounds of `optimal.relu_spline`: how well the pieces are placed.

        Raises:
            ValueError: If the network was fitted to data.
        """
        self._check_target("gap_to_splines")
        return self._gap(int(self.pieces[self.best]))

    def gap_to_shallow(self) -> GapInterval:
        """The error over the least of any network with one hidden layer of as many units.

        n units in one layer have at most n + 1 pieces. An upper end below one proves, as far as the
        two estimates are right, that no shallow network with as many units is as good.

        Raises:
            ValueError: If the network was fitted to data.
        """
        self._check_target("gap_to_shallow")
        return self._gap(self.network.num_hidden_units + 1)

    def plot(self, target: Any = None, *, ax: Any = None, **options: Any) -> Any:
        """The network beside its target or data; `history.plot()` shows how it was reached."""
        from approxlab.plotting.models import plot_fit

        return plot_fit(self.network, self.target if target is None else target, ax=ax, **options)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per seed, with the number of pieces."""
        return [
            {**row, "pieces": int(pieces)}
            for row, pieces in zip(super().to_rows(), self.pieces, strict=True)
        ]

    def _gap(self, pieces: int) -> GapInterval:
        return relu_spline(self.target, pieces, "l2").gap(self.error)

    def _check_target(self, name: str) -> None:
        if isinstance(self.target, tuple | list):
            raise ValueError(
                f"{name}: got a network that was fitted to data, expected one that was fitted to a "
                "target, which has values between the points. Use `losses`."
            )
