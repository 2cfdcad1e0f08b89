"""Smooth tanh units on equal centres with solved coefficients: the opposite of the steep staircase.

A staircase takes n units on equal centres, makes them very steep and reads its coefficients off the
target. Here the class of networks and the centres are the same, but the units are wide (their slope
is a quarter of the inverse spacing, so that neighbours overlap almost entirely), some centres lie
outside the interval, and the coefficients come from one least-squares solve.

This is a fit, not a theorem: nothing is claimed, the error is an estimate. That the slope 1/4 and
the halo of at most 24 centres serve best is experience (S. Layton, precision-mlps, 2026), as is the
accuracy reached; rank and condition of the solve say how nearly dependent the units were.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Estimate
from approxlab.constructions._facts import interval_of
from approxlab.domains import Box
from approxlab.errors import l2
from approxlab.errors.differences import values
from approxlab.networks import MLP
from approxlab.solves import LeastSquares, solve
from approxlab.targets import Target

__all__ = ["SolvedNetwork", "quasi_interpolant"]

_HALO = 24  # centres outside the interval on each side; enough for `steep_or_solved`
_POINTS_PER_UNIT = 8
_LEAST_WIDTH = 4
_MOST_ENTRIES = 2**27  # of the matrix: a gibibyte in float64


@dataclasses.dataclass(frozen=True, eq=False)
class SolvedNetwork:
    """A network whose last layer was solved for, with what is known of it: no claim, an estimate.

    Attributes:
        network: The network.
        target: What it was solved for.
        error: Relative L2 error, estimated at other points than those of the solve.
        solve: The least-squares solution: rank, residual, condition.
    """

    network: MLP
    target: Target
    error: Estimate
    solve: LeastSquares

    def __repr__(self) -> str:
        return f"SolvedNetwork({self.network!r} for {self.target!r}: {self.error!r})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the size, the estimated error, rank and condition."""
        sizes = {
            "num_hidden_units": self.network.num_hidden_units,
            "num_parameters": self.network.num_parameters,
            "depth": self.network.depth,
        }
        return [{**sizes, **self.error.to_rows()[0], **self.solve.to_rows()[0]}]


def quasi_interpolant(
    target: Target,
    width: int,
    slope: int | float = 0.25,
    *,
    halo: int | None = None,
    points: int | None = None,
) -> SolvedNetwork:
    """One hidden layer of `width` tanh units on equal centres, its last layer by least squares.

    With spacing h = (b - a) / (width - 2 halo - 1) the network on [a, b] is
    c + sum_j a_j tanh(slope (x - t_j) / h), t_j = a + j h, j = -halo .. width - halo - 1. Its
    width + 1 coefficients minimise the L2 error on [a, b], by the midpoint rule in the angle at
    Chebyshev points, with the rank cut at eps of the dtype. In float64, 32 units give exp on
    [-1, 1] to 2e-15 (`experiments.steep_or_solved`).

    Args:
        target: A target of one variable, without a mask.
        width: Number of units, at least 4.
        slope: Slope of tanh units times the spacing of the centres: between 0.15 and 0.5 the
            units overlap, far above they are steps. In the words of `staircase`, which speaks of
            units of height 1, this is the gain slope / 2.
        halo: Centres outside the interval on each side; by default width // 4, at most 24.
        points: Points of the solve; by default 8 width, at least width + 1.

    Returns:
        A `SolvedNetwork`: network, relative L2 estimate, rank and condition.

    Raises:
        TypeError: If the target is no `Target`.
        ValueError: If a number is out of range, the target has a mask or more than one variable,
            or is not finite at a point.

    Source:
        Experience, see the module.

    Example:
        >>> from approxlab import targets
        >>> solved = quasi_interpolant(targets.get("exp"), 32)
        >>> solved.network.num_hidden_units, solved.solve.rank < 33
        (32, True)
    """
    box = interval_of(target)
    halo, points = _sizes(width, halo, points)
    if not (isinstance(slope, int | float) and 0.0 < slope < math.inf):
        raise ValueError(f"slope: got {slope!r}, expected a positive number, such as 0.25.")
    h = float(box.widths[0]) / (width - 2 * halo - 1)
    centres = box.lower[0] + h * np.arange(-halo, width - halo)
    # The solve sees the weights as the network has them, rounded to its dtype.
    dtype = jnp.result_type(float)
    steep, shift = np.asarray(slope / h, dtype), np.asarray(-slope / h * centres, dtype)
    nodes, weights = _chebyshev_rule(box, points)
    units = np.tanh(steep * nodes.astype(dtype) + shift)
    wanted = values(target, nodes)
    solved = solve(np.concatenate([units, np.ones_like(units[:, :1])], axis=1), wanted,
                   weights=weights)  # fmt: skip
    network = MLP.from_arrays(
        [np.full((width, 1), steep), solved.solution[None, :-1]],
        [shift, solved.solution[-1:]],
        "tanh",
    )
    return SolvedNetwork(network, target, l2(network, target, relative=True), solved)


def _chebyshev_rule(box: Box, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Chebyshev points of the first kind; the midpoint rule in theta, x = -cos(theta)."""
    theta = (np.arange(n) + 0.5) * np.pi / n
    weights = np.sin(theta) * (0.5 * np.pi / n * box.volume)
    return box.place((0.5 - 0.5 * np.cos(theta))[:, None]), weights


def _sizes(width: int, halo: int | None, points: int | None) -> tuple[int, int]:
    check_positive(width=width)
    if width < _LEAST_WIDTH:
        raise ValueError(f"width: got {width}, expected at least {_LEAST_WIDTH} units.")
    outside = min(_HALO, width // 4) if halo is None else halo
    if not hasattr(outside, "__index__") or not 0 <= 2 * outside <= width - 2:
        raise ValueError(
            f"halo: got {halo!r} for width {width}, expected 0 to {width // 2 - 1}: two centres or "
            "more lie in the interval."
        )
    count = _POINTS_PER_UNIT * width if points is None else points
    check_positive(points=count)
    if count < width + 1:
        raise ValueError(
            f"points: got {points} for {width + 1} coefficients, expected at least as many. Leave "
            f"it out for {_POINTS_PER_UNIT} per unit."
        )
    if count * (width + 1) > _MOST_ENTRIES:
        raise ValueError(
            f"width: got {width} with {count} points, whose matrix takes "
            f"{count * (width + 1) * 8 / 2**30:.3g} GiB in float64, expected at most "
            f"{_MOST_ENTRIES * 8 / 2**30:.3g} GiB. A few hundred units reach rounding for smooth "
            "targets."
        )
    return outside, count
