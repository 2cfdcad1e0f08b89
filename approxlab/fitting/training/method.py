"""What a method of training is: how it starts, how it steps, and what it asks of `fit`.

A method is a frozen value: equal settings are equal and have equal hashes, so that they share one
compiled program. To add one, write a subclass in a file of its own and a line in
`approxlab.fitting.training.methods.METHODS`; an object of the subclass also goes to
`fit(method=...)` as it is.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from jaxtyping import Array

from approxlab.networks.mlp import MLP

__all__ = ["Method", "Objective", "Size", "Tree"]

Tree = Any


@dataclasses.dataclass(frozen=True)
class Objective:
    """What is minimised in one step, as functions of the parameters.

    Attributes:
        loss: Mean square error at the points of this step, of parameters as the method sees them.
        network: The network of layers (weights, biases).
        layers: The layers of parameters as the method sees them.
        inputs: The points of this step as columns, shape (d, N).
        outputs: The values there as columns, shape (m, N).
        steps_done: Steps before this one.
        learning_rate: The largest one, for methods with a learning rate.
        steps: Steps of the whole training, in the dtype of the parameters.
    """

    loss: Callable[[Tree], Array]
    network: Callable[[Tree], MLP]
    layers: Callable[[Tree], Tree]
    inputs: Array
    outputs: Array
    steps_done: Array
    learning_rate: Array
    steps: Array


@dataclasses.dataclass(frozen=True)
class Size:
    """How large a problem of training is, known before anything is compiled.

    Attributes:
        hidden: Widths of the hidden layers.
        parameters: Number of weights and biases.
        residuals: Number of training points times number of outputs.
        dtype: "float32" or "float64".
    """

    hidden: tuple[int, ...]
    parameters: int
    residuals: int
    dtype: str


class Method:
    """A method of training; subclasses are frozen dataclasses whose fields are its settings.

    Attributes:
        same_points: Whether it needs the same points in every step, so that `batch` is refused.
        sees_layers: Whether its parameters are the layers (weights, biases), so that it can treat
            matrices in its own way, instead of one vector, which takes half the operations.
        patience: Default of `fit(patience=...)`; None for methods whose loss may rise before it
            falls, which by default never stagnate.
        grid: Default of `fit(grid=...)`.
        own_units: Whether it trains at points and values as they are given, not mapped onto
            [-1, 1]^d and unit mean square: where a step size means something in these units.
        default_learning_rate: Default of `fit(learning_rate=...)`; None where it must be given.
        no_learning_rate: Why `fit(learning_rate=...)` is refused; None where it is used.

    Example:
        >>> from approxlab.fitting import METHODS, LevenbergMarquardt
        >>> METHODS["levenberg_marquardt"] == LevenbergMarquardt()
        True
        >>> METHODS["adam"].same_points, METHODS["ssbroyden"].same_points
        (False, True)
    """

    same_points: bool = True
    sees_layers: bool = False
    patience: int | None = 200
    grid: str = "uniform"
    own_units: bool = False
    default_learning_rate: float | None = 1e-2

    @property
    def name(self) -> str:
        """The name in results."""
        raise NotImplementedError

    @property
    def no_learning_rate(self) -> str | None:
        """Why `fit(learning_rate=...)` is refused; None where it is used."""
        return f"{self.name} finds its steps itself"

    def initialisation(self, activation: str) -> str | None:
        """Default of `fit(init=...)`; None for that of `MLP.init`."""
        return None

    def check(self, size: Size) -> None:
        """Refuse problems whose step would not fit into memory, before anything is compiled."""

    def init(self, params: Tree) -> Tree:
        """The state of the method before the first step, a pytree of arrays."""
        raise NotImplementedError

    def step(self, objective: Objective, params: Tree, state: Tree) -> tuple[Array, Tree, Tree]:
        """One step: the loss before it, the parameters and the state after it.

        Parameters and state keep their shapes and dtypes. A loss that is not finite ends the
        training of the seed.
        """
        raise NotImplementedError
