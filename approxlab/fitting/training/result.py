"""What a fit returns."""

from __future__ import annotations

import dataclasses
import enum
import html
import os
from collections.abc import Callable
from typing import Any

import numpy as np

from approxlab.arguments import check_norm
from approxlab.claims import Estimate, Norm
from approxlab.domains import Box
from approxlab.errors.l2_norm import l2
from approxlab.errors.sup_norm import sup
from approxlab.networks.mlp import MLP
from approxlab.records.tables import to_pandas


class Status(enum.StrEnum):
    """How the training of one seed ended; a status is a string and compares with one."""

    CONVERGED = "converged"
    STAGNATED = "stagnated"
    BUDGET = "budget"
    DIVERGED = "diverged"
    LIMITED = "limited"


@dataclasses.dataclass(frozen=True, eq=False)
class History:
    """Losses along the way, beginning with the start at step 0.

    Attributes:
        steps: Steps done at each record, shape (seeds, records), integers. The last record of a
            seed that stopped early is repeated.
        losses: Mean squared errors in the units of the target, shape (seeds, records), float64.
    """

    steps: np.ndarray
    losses: np.ndarray

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Losses against steps, one line for each seed; see `plotting.plot_history`."""
        from approxlab.plotting.histories import plot_history

        return plot_history(self, ax=ax, **style)

    def __repr__(self) -> str:
        return "History({} seeds, {} records)".format(*self.steps.shape)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FitResult:
    """Networks found by training, one per seed, and how the training went.

    Attributes:
        network: The network of the best seed: the least relative loss among the seeds that did not
            diverge, among all if all did.
        networks: The networks of all seeds, stacked; `networks.member(i)` is that of seed i.
        best: Index of the best seed.
        seeds: The numbers of the seeds, as `fit` was given them.
        statuses: One `Status` per seed: "converged" (relative loss in training at most the
            tolerance), "stagnated" (no progress for `patience` steps), "budget" (all steps spent),
            "diverged" (a number was not finite, or the loss rose above both the start and the
            variance of the target; or folding the affine maps in overflowed), "limited" (the
            returned network, in its own dtype, is not as good as its training was: its rounding is
            too large for this box, or for values this far from zero; use dtype="float64", or
            subtract an offset from X or Y). A seed that ended worse than it began, or overflowed,
            returns the network of its best record, or its start.
        losses: Mean squared error of every returned network at the training points, over all
            outputs, in the units of the target, shape (seeds,), float64. Measured in the dtype of
            the network after the affine maps are folded in, against the data as given, so it
            contains the rounding that a far-off box or a large mean costs.
        relative_losses: The same divided by the variance of the target over these points, of
            several outputs the mean of these (see `scaling` of `fit`), shape (seeds,). The variance
            of a constant output is replaced by the square of the power of two just above it.
        output_losses: Mean squared error of every output, shape (seeds, m), float64; their mean is
            `losses`.
        history: Losses along the way.
        steps: Steps done, shape (seeds,), integers.
        method: Name of the method.
        compile_s: Seconds spent compiling; 0 when the shape had been compiled before.
        run_s: Seconds spent training.
    """

    network: MLP
    networks: MLP
    best: int
    seeds: tuple[int, ...]
    statuses: tuple[Status, ...]
    losses: np.ndarray
    relative_losses: np.ndarray
    output_losses: np.ndarray
    history: History
    steps: np.ndarray
    method: str
    compile_s: float
    run_s: float

    @property
    def status(self) -> Status:
        """Status of the best seed."""
        return self.statuses[self.best]

    @property
    def loss(self) -> float:
        """Loss of the best seed."""
        return float(self.losses[self.best])

    @property
    def relative_loss(self) -> float:
        """Relative loss of the best seed."""
        return float(self.relative_losses[self.best])

    def __repr__(self) -> str:
        count = len(self.statuses)
        seeds = f", best of {count} seeds" if count > 1 else ""
        return (
            f"{type(self).__name__}({self.network!r}, {self.method}, {self.status}, "
            f"loss {self.loss:.3g}, relative loss {self.relative_loss:.3g}{seeds})"
        )

    def _repr_html_(self) -> str:
        head = "<tr><th>seed</th><th>status</th><th>loss</th><th>steps</th></tr>"
        body = "".join(
            f"<tr><td>{i}</td><td>{status}</td><td>{loss:.3g}</td><td>{steps}</td></tr>"
            for i, status, loss, steps in zip(
                self.seeds, self.statuses, self.losses, self.steps, strict=True
            )
        )
        return f"<p>{html.escape(repr(self))}</p><table>{head}{body}</table>"

    def errors(
        self, target: Any, norm: Norm = "sup", domain: Box | None = None, **options: Any
    ) -> tuple[Estimate, ...]:
        """The error of the network of every seed, in the order of the seeds.

        Args:
            target: What to compare with, as in `approxlab.errors`.
            norm: "sup" or "l2".
            domain: Where; by default the domain of the target.
            **options: Those of `errors.sup` or `errors.l2`, such as `relative=True`.

        Raises:
            ValueError: As from `errors.sup` and `errors.l2`.

        Example:
            >>> from approxlab import fit, targets
            >>> runge = targets.get("runge")
            >>> len(fit(runge, hidden=(4,), seeds=3, steps=10).errors(runge))
            3
        """
        check_norm(norm)
        measure: Callable[..., Estimate] = sup if norm == "sup" else l2
        nets = [self.networks.member(i) for i in range(len(self.statuses))]
        return tuple(measure(net, target, domain, **options) for net in nets)

    def plot(self, target: Any = None, *, ax: Any = None, **options: Any) -> Any:
        """The network beside a target; without one, the losses of all seeds against the steps.

        Args:
            target: A `Target`, or any function of a point (then give `box`), of one or two
                variables.
            ax: Axes to draw on; by default new ones.
            **options: Of `plotting.plot_model`, such as `data=(X, Y)` or `box`; without any of
                these, of `plotting.plot_history`.

        Example:
            >>> from approxlab import fit, targets
            >>> runge = targets.get("runge")
            >>> ax = fit(runge, hidden=(4,), seeds=3, steps=10).plot(runge)
            >>> ax.figure.clear()
        """
        from approxlab.plotting.histories import plot_history
        from approxlab.plotting.models import plot_model

        if target is None and not {"data", "box"} & options.keys():
            return plot_history(self, ax=ax, **options)
        return plot_model(self.network, target, ax=ax, **options)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network of the best seed to a file; `MLP.load` reads it."""
        self.network.save(path)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per seed; the times, equal in all rows, are those of the whole call."""
        net = self.network
        return [
            {
                "method": self.method,
                "seed": seed,
                "status": str(self.statuses[i]),
                "loss": float(self.losses[i]),
                "relative_loss": float(self.relative_losses[i]),
                "steps_done": int(self.steps[i]),
                "depth": net.depth,
                "num_hidden_units": net.num_hidden_units,
                "num_parameters": net.num_parameters,
                "compile_s": self.compile_s,
                "run_s": self.run_s,
            }
            for i, seed in enumerate(self.seeds)
        ]

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame."""
        return to_pandas(self.to_rows())
