"""The losses of finished networks, by output, against the values as they were given."""

from __future__ import annotations

import numpy as np

from approxlab.evaluation import evaluate
from approxlab.fitting.training.data import TrainingData
from approxlab.networks.mlp import MLP

__all__ = ["output_losses", "relative_losses"]

_FELT = 1e-3  # part of an error that rounding of the values may be without being counted


def output_losses(networks: MLP, data: TrainingData, losses: np.ndarray) -> np.ndarray:
    """Mean square error of every output, values divided by `unit`, shape (seeds, m), float64.

    The compiled program has found `losses` against values rounded to the dtype of the network. That
    is the answer for one output, unless the rounding is felt: then, and for several outputs, the
    networks are evaluated and compared with the values themselves.

    Args:
        networks: Stacked networks, one per seed.
        data: The data of the training.
        losses: Mean square errors against rounded values, shape (seeds,).
    """
    rounded = data.values - data.values.astype(networks.dtype).astype(np.float64)
    size = float(np.sqrt(np.mean(np.square(rounded))))
    if data.values.shape[1] == 1 and size <= _FELT * np.sqrt(np.nanmin(losses, initial=np.inf)):
        return losses[:, None]
    found = np.empty((len(losses), data.values.shape[1]))
    for seed in range(len(losses)):
        values = np.asarray(evaluate(networks.member(seed), data.points), np.float64)
        values = values.reshape(data.values.shape) / data.unit
        found[seed] = np.mean(np.square(values - data.values), axis=0)
    return found


def relative_losses(losses: np.ndarray, data: TrainingData) -> np.ndarray:
    """Losses of outputs over the variances of these outputs, the worst of them, shape (seeds,).

    An output that is constant has no variance: it is measured by the mean square of its values.
    """
    if data.values.shape[1] == 1:
        return losses[:, 0] / np.square(data.deviation)
    variance = np.mean(np.square(data.values - data.mean), axis=0)
    size = np.mean(np.square(data.values), axis=0)
    constant = variance <= np.square(8 * np.finfo(float).eps) * size
    scale = np.where(constant, np.where(size > 0, size, 1.0), variance)
    return np.asarray((losses / scale).max(axis=1))
