"""Residual stages: each further network is fitted to the residual of those before it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from approxlab.arguments import check_widths
from approxlab.evaluation import evaluate
from approxlab.fitting.training.data import prepare
from approxlab.fitting.training.fit import fit, training_grid
from approxlab.fitting.training.methods import as_method
from approxlab.fitting.training.result import FitResult
from approxlab.networks.calculus import parallel
from approxlab.networks.mlp import MLP, float_dtype

__all__ = ["StagedFit", "fit_stages"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class StagedFit:
    """A sum of networks, each fitted to the residual of those before it.

    Attributes:
        network: The sum, as one network whose widths are the sums of theirs.
        stages: The fit of every stage.
        losses: Mean squared error of the sum at the training points after every stage, in the units
            of the target, shape (stages,).
    """

    network: MLP
    stages: tuple[FitResult, ...]
    losses: np.ndarray

    def __repr__(self) -> str:
        return f"StagedFit({self.network!r}, {len(self.stages)} stages, loss {self.losses[-1]:.3g})"

    def plot(self, target: Any = None, *, ax: Any = None, **options: Any) -> Any:
        """The sum beside a target; without one, its loss after every stage."""
        from approxlab.plotting.models import plot_model
        from approxlab.plotting.sizes import plot_error_against_size

        if target is None and not {"data", "box"} & options.keys():
            rows = [{"stages": i + 1, "loss": float(loss)} for i, loss in enumerate(self.losses)]
            ax = plot_error_against_size(rows, x="stages", y="loss", ax=ax, **options)
            ax.set(xlabel="stages", ylabel="mean squared error")
            return ax
        return plot_model(self.network, target, ax=ax, **options)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row per stage: the row of its best seed, and the loss of the sum."""
        return [
            {"stage": i, **stage.to_rows()[stage.best], "loss_of_sum": float(loss)}
            for i, (stage, loss) in enumerate(zip(self.stages, self.losses, strict=True))
        ]


def fit_stages(
    target: Any,
    hidden: Sequence[Sequence[int]],
    *,
    key: Any = None,
    points: int | None = None,
    grid: str | None = None,
    **options: Any,
) -> StagedFit:
    """Fit a network, then a second one to the residual, and so on; the result is their sum.

    `fit` divides the values that it is given by their size, so each stage sees a residual of size
    one and can be as accurate, relative to it, as the first was to the target. A residual has more
    oscillations than the target, so later stages need at least as many units.

    Args:
        target: A `Target`, or arrays (X, Y), as for `fit`.
        hidden: Widths of the hidden layers of every stage, all of one depth.
        key: A typed key; stage i uses it folded with i.
        points: Number of training points of a target, as for `fit`.
        grid: Where they lie, as for `fit`.
        **options: All other arguments of `fit`, equal for all stages.

    Returns:
        A `StagedFit`.

    Raises:
        ValueError: If there is no stage, the stages differ in depth, or `fit` refuses an argument.

    Source:
        Michaud, Liu and Tegmark 2023 (two stages); Wang and Lai 2024 (several).

    Example:
        >>> import numpy as np
        >>> x = np.linspace(-1.0, 1.0, 65)
        >>> fitted = fit_stages((x[:, None], np.exp(x)), [(4,), (4,)], method="lbfgs", steps=50)
        >>> fitted.network.num_hidden_units, bool(fitted.losses[1] < fitted.losses[0])
        (8, True)
    """
    nested = all(hasattr(stage, "__len__") for stage in hidden)
    widths = [check_widths(stage) for stage in hidden] if nested else []
    if not widths or len({len(stage) for stage in widths}) > 1:
        raise ValueError(
            f"hidden: got {hidden!r}, expected the widths of each stage, all of one depth, such as "
            "[(20, 20), (30, 30)]."
        )
    first = jax.random.key(0) if key is None else key
    x, y = _data(target, points, grid, options)
    nets: list[MLP] = []
    fits: list[FitResult] = []
    losses: list[float] = []
    left = y
    for i, stage in enumerate(widths):
        found = fit((x, left), hidden=stage, key=jax.random.fold_in(first, i), **options)
        fits.append(found)
        nets.append(found.network)
        left = y - np.asarray(evaluate(_sum(nets), x), np.float64)
        losses.append(float(np.mean(np.square(left))))
    return StagedFit(_sum(nets), tuple(fits), np.array(losses))


def _data(
    target: Any, points: int | None, grid: str | None, options: dict[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Points and values, in the units of the target."""
    where = training_grid(grid, target, as_method(options.get("method", "adam")))
    scaling = options.get("scaling", "each")
    data = prepare(target, points, str(float_dtype(options.get("dtype"))), where, scaling)
    values = data.values * data.unit
    return data.points, values[:, 0] if data.out_size is None else values


def _sum(nets: Sequence[MLP]) -> MLP:
    """The network x -> net_1(x) + net_2(x) + ...: side by side, outputs added."""
    beside = parallel(nets)
    outputs = beside.sizes[-1] // len(nets)
    weight = beside.weights[-1].reshape(len(nets), outputs, -1).sum(axis=0)
    bias = beside.biases[-1].reshape(len(nets), outputs).sum(axis=0)
    return MLP(
        (*beside.weights[:-1], weight),
        (*beside.biases[:-1], bias),
        beside.activation,
        beside.passthrough,
        nets[0].out_size,
    )
