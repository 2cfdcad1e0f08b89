"""The key under which a compiled program of training is kept."""

from __future__ import annotations

import dataclasses
from typing import Any

from approxlab.fitting.training.devices import SeedDevices
from approxlab.fitting.training.method import Method

__all__ = ["ProgramKey"]


@dataclasses.dataclass(frozen=True)
class ProgramKey:
    """All that a program depends on, hashable: fits with equal keys share one compilation.

    Attributes:
        in_size: Dimension of the points.
        hidden: Widths of the hidden layers.
        passthrough: Linear units of every hidden layer.
        activation: Name of the activation.
        out_size: `None` for values of shape (), m for values of shape (m,).
        init: Name of the initialisation, `None` for the default of the activation.
        warm: Whether a seed starts from given layers.
        dtype: Of the training.
        method: The method with its settings.
        batch: Points per step, `None` for all.
        statics: What is not an array of the target and its mask, where points are drawn inside of
            the program.
        data: Structure of the data, then shape and dtype of each of its arrays.
        key: Implementation of the random keys, shape and dtype of their data.
        devices: Where the seeds are trained.
        matmul_precision: JAX's default precision of matrix products.
    """

    in_size: int
    hidden: tuple[int, ...]
    passthrough: tuple[int, ...]
    activation: str
    out_size: int | None
    init: str | None
    warm: bool
    dtype: str
    method: Method
    batch: int | None
    statics: tuple[Any, ...]
    data: tuple[Any, ...]
    key: tuple[Any, ...]
    devices: SeedDevices
    matmul_precision: str | None

    @property
    def sizes(self) -> tuple[int, ...]:
        """Numbers of units of every layer, inputs and outputs included."""
        return (self.in_size, *self.hidden, self.out_size or 1)
