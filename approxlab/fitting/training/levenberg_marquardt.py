"""Levenberg-Marquardt and variable projection as methods of `fit`."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.fitting.training.least_squares import Damping, step, working_bytes
from approxlab.fitting.training.method import Method, Objective, Size, Tree
from approxlab.fitting.training.residuals import of_all_weights, of_inner_weights

__all__ = ["LevenbergMarquardt"]

Solver = Literal["qr", "cg"]

_SMOOTH = ("gelu", "sigmoid", "sin", "softplus", "swish", "tanh")
_MOST_BYTES = 2**31  # of one step


@dataclasses.dataclass(frozen=True)
class LevenbergMarquardt(Method):
    """Settings of the method; "levenberg_marquardt" and "variable_projection" name the defaults.

    Attributes:
        corrections: Chord corrections of every step; 0 is the plain method.
        eliminate: Whether the outer layer is eliminated (variable projection).
        solver: "qr", or "cg" for networks whose Jacobian is too large to form: conjugate gradients
            on the damped normal equations by products with J and J^T. It needs memory of the size
            of the network alone, but loses half of the digits, so it does not reach the floor.

    Source:
        Levenberg 1944; Marquardt 1963; the damping as in Nielsen 1999. Steps that reuse a
        factorisation: Shamanskii 1967, and for this method Fan 2012, which corrects towards zero
        residuals and not towards the linear model. Variable projection: Golub and Pereyra 1973,
        Kaufman 1975.

    Example:
        >>> LevenbergMarquardt(corrections=0).name
        'levenberg_marquardt'
    """

    corrections: int = 4
    eliminate: bool = False
    solver: Solver = "qr"

    grid = "chebyshev"

    def __post_init__(self) -> None:
        if not hasattr(self.corrections, "__index__") or self.corrections < 0:
            raise ValueError(
                f"corrections: got {self.corrections!r}, expected an integer of at least 0, such "
                "as 4."
            )
        if self.solver not in get_args(Solver):
            raise ValueError(f"solver: got {self.solver!r}, expected 'qr' or 'cg'.")
        if self.eliminate and self.solver == "cg":
            raise ValueError(
                "solver: got 'cg' with eliminate=True, expected 'qr': the projection is of the "
                "array J. Leave eliminate out."
            )

    @property
    def name(self) -> str:
        """The name of the method in results."""
        return "variable_projection" if self.eliminate else "levenberg_marquardt"

    def initialisation(self, activation: str) -> str | None:
        """Slopes and kinks apart, which keeps the Jacobian of smooth units far from singular."""
        return "spread" if activation in _SMOOTH else None

    def check(self, size: Size) -> None:
        """Refuse a step of more than 2 GiB, and a projection without a hidden layer."""
        if self.eliminate and not size.hidden:
            raise ValueError(
                "hidden: got () with variable projection, expected a hidden layer: without one all "
                "coefficients are linear, and method='levenberg_marquardt' solves for them."
            )
        itemsize = jnp.dtype(size.dtype).itemsize
        needed = working_bytes(size.residuals, size.parameters, itemsize)
        if self.solver == "qr" and needed > _MOST_BYTES:
            raise ValueError(
                f"hidden: got {size.parameters} parameters for {size.residuals} residuals, whose "
                f"step takes {needed / 2**30:.3g} GiB, expected at most "
                f"{_MOST_BYTES / 2**30:.3g} GiB. Use fewer points, or "
                "method=LevenbergMarquardt(solver='cg')."
            )

    def init(self, params: Tree) -> Damping:
        """The first damping."""
        return Damping.start(params.dtype)

    def step(
        self, objective: Objective, params: Tree, state: Damping
    ) -> tuple[Array, Tree, Damping]:
        """One step that is taken or refused."""
        network, layers = objective.network, objective.layers
        x, y = objective.inputs, objective.outputs
        if self.eliminate:
            model = of_inner_weights(network, layers, params, x, y)
        else:
            model = of_all_weights(network, layers, params, x, y, self.solver == "qr")
        new, damping, loss = step(model, state, self.corrections)
        return loss, new, damping
