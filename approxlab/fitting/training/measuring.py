"""The losses of finished networks, by output, against the values as they were given."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from approxlab.evaluation import evaluate
from approxlab.fitting.training.data import TrainingData
from approxlab.networks.mlp import MLP

__all__ = ["losses_as_given"]

_FELT = 3000  # root of a relative loss that rounding may have a part in, in units of its size


def losses_as_given(
    network: Callable[[int], MLP], dtype: str, data: TrainingData, losses: np.ndarray
) -> np.ndarray:
    """Mean square error of every output, values divided by `unit`, shape (seeds, m), float64.

    The compiled program has found `losses` against values rounded to the dtype of the network, and
    sums in an order of its own. That is the answer unless rounding is felt: then the networks are
    evaluated as a user would, and compared with the values themselves.

    Args:
        network: The network of a seed; made where it is needed.
        dtype: That of the networks.
        data: The data of the training.
        losses: Mean square errors against rounded values, shape (seeds, m).
    """
    eps = float(np.finfo(dtype).eps)
    far = np.max(np.abs(data.points).max(axis=0) / data.half)
    size = (1.0 + far) * data.deviation + np.abs(data.values).max(axis=0)
    result = losses.copy()
    for seed in np.flatnonzero((np.sqrt(losses) < _FELT * eps * size).any(axis=1)):
        values = np.asarray(evaluate(network(int(seed)), data.points), np.float64)
        values = values.reshape(data.values.shape) / data.unit
        result[seed] = np.mean(np.square(values - data.values), axis=0)
    return result
