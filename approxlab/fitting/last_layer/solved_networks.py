"""Networks whose last layer is solved for: a linear problem and its solution."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
import numpy as np

from approxlab.claims import Estimate
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.solves import Blocks, LeastSquares, solve_blocks

__all__ = [
    "Solution",
    "SolvedNetwork",
    "blocks_of",
    "chebyshev_rule",
    "check_entries",
    "solve_last_layer",
    "with_constant",
    "with_last_layer",
]

_MOST_ENTRIES = 2**27  # of the matrix: a gibibyte in float64
_BLOCK_ENTRIES = 2**22  # of a block of its rows: 32 MiB


@runtime_checkable
class Solution(Protocol):
    """What every solution of a linear problem reports: `LeastSquares` and `SupNormSolution` do."""

    @property
    def rank(self) -> int:
        """Number of functions that were independent."""

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row."""


@dataclasses.dataclass(frozen=True, eq=False)
class SolvedNetwork:
    """A network whose last layer was solved for, with an estimate of its error; nothing is claimed.

    Attributes:
        network: The network.
        target: What it was solved for: a `Target`, or arrays (X, Y).
        error: Estimate at other points than those of the solve: the relative L2 error, or the sup
            error of a solve in the sup norm. `None` for arrays, which hold no other points.
        solve: The solution: a `LeastSquares` (rank, residual, condition), or a `SupNormSolution`.
    """

    network: MLP
    target: Any
    error: Estimate | None
    solve: Solution

    def __repr__(self) -> str:
        name = "arrays" if isinstance(self.target, tuple | list) else repr(self.target)
        known = f": {self.error!r}" if self.error is not None else f", {self.solve!r}"
        return f"SolvedNetwork({self.network!r} for {name}{known})"

    def plot(self, **options: Any) -> Any:
        """The network beside its target or data, with the error named; see `plotting.plot_fit`."""
        from approxlab.plotting.models import plot_fit

        return plot_fit(self.network, self.target, self.error, **options)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the size, the estimated error, and what the solve says, such as rank."""
        sizes = {
            "num_hidden_units": self.network.num_hidden_units,
            "num_parameters": self.network.num_parameters,
            "depth": self.network.depth,
        }
        known = self.error.to_rows()[0] if self.error is not None else {}
        return [{**sizes, **known, **self.solve.to_rows()[0]}]


def solve_last_layer(
    network: MLP,
    units: Callable[[np.ndarray], np.ndarray],
    points: np.ndarray,
    wanted: np.ndarray,
    **options: Any,
) -> tuple[MLP, LeastSquares]:
    """The network whose last layer minimises the weighted sum of squares, and that solution.

    Memory holds the matrix of the units once: blocks of its rows are computed twice. One of
    less than 32 MiB is a single block, which is computed once and held beside the factorisation.

    Args:
        network: Any network; its last layer is replaced.
        units: From points (k, d) to values of the units of its last hidden layer, (k, width), in
            the dtype of the network.
        points: Shape (n, d).
        wanted: Values that the network should have at these points, shape (n,) or (n, m).
        **options: `weights` and `rtol` of `approxlab.solves.solve`.

    Returns:
        The network and the `LeastSquares`, whose last coefficient is the bias.

    Raises:
        ValueError, TypeError: As `approxlab.solves.solve`.
    """
    blocks, shape = blocks_of(units, points, network.weights[-1].shape[-1])
    found = solve_blocks(blocks, shape, network.dtype, wanted, **options)
    return with_last_layer(network, found.solution), found


def blocks_of(
    units: Callable[[np.ndarray], np.ndarray], points: np.ndarray, width: int
) -> tuple[Blocks, tuple[int, int]]:
    """The matrix of units and constant by blocks of its rows.

    Several blocks are computed anew each time, so that one of them is held. A single block is held
    anyway, and kept.
    """
    rows, shape = max(1, _BLOCK_ENTRIES // (width + 1)), (len(points), width + 1)

    def blocks() -> Iterator[np.ndarray]:
        for first in range(0, len(points), rows):
            yield with_constant(units(points[first : first + rows]))

    if len(points) > rows:
        return blocks, shape
    kept = list(blocks())
    return (lambda: iter(kept)), shape


def with_constant(units: np.ndarray) -> np.ndarray:
    """The constant as one more unit, the last: its coefficient is the bias of the output."""
    return np.concatenate([units, np.ones_like(units[:, :1])], axis=1)


def with_last_layer(network: MLP, coefficients: np.ndarray) -> MLP:
    """The network with this last layer: coefficients of shape (width + 1,) or (width + 1, m)."""
    rows = np.atleast_2d(coefficients.T)
    weights = (*network.weights[:-1], jnp.asarray(rows[:, :-1], network.dtype))
    biases = (*network.biases[:-1], jnp.asarray(rows[:, -1], network.dtype))
    return dataclasses.replace(network, weights=weights, biases=biases)


def chebyshev_rule(box: Box, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Tensor Chebyshev points of the first kind and the midpoint rule in theta, x = -cos theta.

    Args:
        box: An interval, or a box of few dimensions.
        side: Points along each axis.

    Returns:
        Points of shape (side^d, d) and positive weights of shape (side^d,).
    """
    theta = (np.arange(side) + 0.5) * np.pi / side
    unit, single = 0.5 - 0.5 * np.cos(theta), np.sin(theta) * (0.5 * np.pi / side * box.volume)
    grids = np.meshgrid(*[unit] * box.dim, indexing="ij")
    weights = single
    for _ in range(box.dim - 1):
        weights = np.multiply.outer(weights, single / box.volume)
    return box.place(np.stack([g.ravel() for g in grids], axis=1)), weights.ravel()


def check_entries(width: int, points: int, copies: int = 1) -> None:
    """Refuse a matrix too large to be meant; `copies` of it are held at once."""
    entries = copies * points * (width + 1)
    if entries > _MOST_ENTRIES:
        matrix = "matrix takes" if copies == 1 else f"{copies} matrices take"
        raise ValueError(
            f"width: got {width} with {points} points, whose {matrix} "
            f"{entries * 8 / 2**30:.3g} GiB in float64, expected at most "
            f"{_MOST_ENTRIES * 8 / 2**30:.3g} GiB. A few hundred units reach rounding for smooth "
            "targets."
        )
