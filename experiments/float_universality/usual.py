"""The usual ways to a network, run in float16: a sum of jumps, and a fit.

The sum of jumps v_1 + sum_k (v_k - v_{k-1}) [x > p_k] equals the function in exact arithmetic, with
one hidden layer of steps. In float16 its partial sums are rounded, and the order decides. The fit
is trained in the precision of the run, and its parameters are rounded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.float_universality.by_runs import runs, thresholds
from experiments.float_universality.functions import FUNCTIONS
from experiments.float_universality.half import FINITE, Layer

if TYPE_CHECKING:
    from approxlab import MLP
    from experiments.runner import RunInfo

__all__ = ["LARGEST", "fitted", "rounded_network", "sum_of_jumps"]

LARGEST = 4.0
"""The fit is made and judged for inputs up to this size."""


def sum_of_jumps(numbers: np.ndarray) -> list[Layer]:
    """One hidden layer of steps, the jumps rounded to float16; the function's values are finite."""
    ends, heights = runs(numbers)
    jumps = np.diff(heights)
    output = Layer.dense(jumps[None].astype(np.float64), heights[:1], "linear")
    return [*thresholds(ends, "step"), output]


def fitted(function: str, width: int, run: RunInfo) -> tuple[list[Layer], float]:
    """A tanh network by Levenberg-Marquardt, rounded to float16, and its error before rounding.

    Args:
        function: Name of a function of `functions`.
        width: Hidden units.
        run: Seed and devices.
    """
    import jax

    import approxlab as al

    inner = FINITE[np.abs(FINITE) <= LARGEST].astype(np.float64)
    shown = inner[:: max(len(inner) // 2000, 1)]
    exact = FUNCTIONS[function]
    points = LARGEST * np.cos(np.pi * (np.arange(400) + 0.5) / 400)
    result = al.fit(
        (points[:, None], exact(points)),
        hidden=(width,),
        activation="tanh",
        method="levenberg_marquardt",
        steps=200,
        key=jax.random.key(run.seed),
        devices=run.devices,
    )
    network = result.networks.member(0)
    error = np.max(np.abs(np.asarray(al.evaluate(network, shown[:, None])) - exact(shown)))
    return rounded_network(network), float(error)


def rounded_network(network: MLP) -> list[Layer]:
    """A plain network of one variable with parameters rounded to float16."""
    names = [str(network.activation)] * (len(network.weights) - 1) + ["linear"]
    return [
        Layer.dense(_rounded(matrix), _rounded(bias), name)
        for matrix, bias, name in zip(network.weights, network.biases, names, strict=True)
    ]


def _rounded(parameters: Any) -> np.ndarray:
    return np.asarray(parameters).astype(np.float16).astype(np.float64)
