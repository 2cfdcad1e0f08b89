"""Smooth tanh units with solved coefficients on an interval: the opposite of the steep staircase.

A staircase takes n units on equal centres, makes them very steep and reads its coefficients off the
target. Here the class of networks and the centres are the same, but the units are wide (their slope
is a quarter of the inverse spacing, so that neighbours overlap almost entirely), some centres lie
outside the interval, and the coefficients come from one least-squares solve. Where a target needs
more resolution near one point, the centres may be graded: images of equal ones under a map.

This is a fit, not a theorem: nothing is claimed, the error is an estimate. That the slope 1/4 and
the halo of at most 24 centres serve best is experience (S. Layton, precision-mlps, 2026), as is the
accuracy reached; rank and condition of the solve say how nearly dependent the units were.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.domains import Box, check_interval
from approxlab.errors.l2_norm import l2
from approxlab.evaluation import values_at
from approxlab.fitting.last_layer.solved_networks import (
    SolvedNetwork,
    chebyshev_rule,
    check_entries,
    solve_last_layer,
)
from approxlab.fitting.target_or_arrays import check_target, check_without_mask
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["clustered", "quasi_interpolant"]

Grading = Callable[[np.ndarray], np.ndarray]

_HALO = 24  # centres outside the interval on each side; enough for `steep_or_solved`
_GRADED_HALO = 6  # fewer units are needed, and each one outside costs the same
_POINTS_PER_UNIT = 8
_LEAST_WIDTH = 4


def quasi_interpolant(
    target: Target,
    width: int,
    slope: int | float = 0.25,
    *,
    grading: Grading | None = None,
    halo: int | None = None,
    points: int | None = None,
) -> SolvedNetwork:
    """One hidden layer of `width` tanh units on given centres, its last layer by least squares.

    With n = width - 2 halo - 1 the network on [a, b] is c + sum_j a_j tanh(slope (x - t_j) / h_j),
    j = -halo .. n + halo. Equal centres are t_j = a + j h with h = h_j = (b - a) / n; graded ones
    are t_j = a + (b - a) g(j / n), and h_j is half the distance between the neighbours of t_j. The
    width + 1 coefficients minimise the L2 error on [a, b], by the midpoint rule in the angle at
    Chebyshev points (their images under g), with the rank cut at eps of the dtype. In float64,
    32 units give exp on [-1, 1] to 2e-15 (`experiments.steep_or_solved`); for 1/(1 + 25 x^2), 48
    graded units reach 1e-12, which takes 100 equal ones with that halo and 136 with the usual one
    (`experiments.machine_precision`).

    Args:
        target: A target of one variable, without a mask.
        width: Number of units, at least 4.
        slope: Slope of tanh units times the spacing of the centres: between 0.15 and 0.5 the
            units overlap, far above they are steps. The gain of `staircase`, whose units
            have height 1, is slope / 2.
        grading: An increasing map g with g(0) = 0 and g(1) = 1, which takes arrays and goes on
            beyond [0, 1], such as `clustered(at, scale)`; by default none: equal centres.
        halo: Centres outside the interval on each side; by default width // 4, at most 24, or at
            most 6 where the centres are graded.
        points: Points of the solve; by default 8 width, at least width + 1.

    Returns:
        A `SolvedNetwork`: network, relative L2 estimate, rank and condition.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If a number is out of range, the target has a mask or more than one variable,
            or is not finite at a point, or the grading is not as above.

    Source:
        Experience, see the module. Graded by a sinh: Tee and Trefethen 2006 (for polynomials).

    Example:
        >>> from approxlab import targets
        >>> solved = quasi_interpolant(targets.get("exp"), 32)
        >>> solved.network.num_hidden_units, solved.solve.rank < 33
        (32, True)
    """
    check_target(target)
    box = target.domain
    check_interval(box, "target.domain")
    check_without_mask(target)
    halo, points = _sizes(width, halo, points, grading is not None)
    if not (isinstance(slope, int | float) and 0.0 < slope < math.inf):
        raise ValueError(f"slope: got {slope!r}, expected a positive number, such as 0.25.")
    centres, spacing = _centres(box, width, halo, grading)
    # The solve sees the weights as the network has them, rounded to its dtype.
    dtype = jnp.result_type(float)
    steep, shift = np.asarray(slope / spacing, dtype), np.asarray(-slope / spacing * centres, dtype)
    nodes, weights = _rule(box, points, grading)
    network = MLP.from_arrays(
        [np.full(width, steep)[:, None], np.zeros((1, width))], [shift, np.zeros(1)], "tanh"
    )
    network, found = solve_last_layer(
        network,
        lambda x: np.tanh(steep * x.astype(dtype) + shift),
        nodes,
        values_at(target, nodes),
        weights=weights,
    )
    return SolvedNetwork(network, target, l2(network, target, relative=True), found)


def clustered(at: int | float, scale: int | float) -> Grading:
    """A grading that puts centres close together around one point: g(s) = at + scale sinh(...).

    Its density at x is proportional to 1 / sqrt(scale^2 + (x - at)^2), for x in the unit interval.
    A target whose nearest complex singularity lies at distance d from the interval, above `at`,
    then has it further away in the variable of the equal centres.

    Args:
        at: The point, as a part of the interval: 0 is its left end, 1 its right one.
        scale: How far the cluster reaches, as a part of the length of the interval; somewhat less
            than the distance of the singularity serves best (experience).

    Returns:
        A `grading` of `quasi_interpolant`.

    Raises:
        ValueError: If `at` is not in [0, 1] or `scale` is not positive.

    Source:
        Tee and Trefethen 2006, SIAM J. Sci. Comput. 28 (the sinh map, for polynomials).

    Example:
        >>> clustered(0.5, 0.1)(np.array([0.0, 0.5, 1.0])).round(12).tolist()
        [0.0, 0.5, 1.0]
    """
    if not (isinstance(at, int | float) and 0.0 <= at <= 1.0):
        raise ValueError(f"at: got {at!r}, expected a number of [0, 1], a part of the interval.")
    if not (isinstance(scale, int | float) and 0.0 < scale < math.inf):
        raise ValueError(
            f"scale: got {scale!r}, expected a positive number, a part of the interval such as 0.1."
        )
    low, high = np.arcsinh(-at / scale), np.arcsinh((1.0 - at) / scale)

    def grading(s: np.ndarray) -> np.ndarray:
        return at + scale * np.sinh(low + (high - low) * np.asarray(s))

    return grading


def _centres(
    box: Box, width: int, halo: int, grading: Grading | None
) -> tuple[np.ndarray, np.ndarray]:
    """The centres, and the spacing at each of them: one number where it is equal."""
    cells = width - 2 * halo - 1
    if grading is None:
        h = float(box.widths[0]) / cells
        return box.lower[0] + h * np.arange(-halo, width - halo), np.asarray(h)
    s = np.arange(-halo - 1, width - halo + 1) / cells
    t = box.lower[0] + float(box.widths[0]) * _graded(grading, s)
    return t[1:-1], 0.5 * (t[2:] - t[:-2])


def _graded(grading: Grading, s: np.ndarray) -> np.ndarray:
    """Images of increasing numbers, after the checks."""
    images = np.asarray(grading(s), np.float64)
    ends = np.asarray(grading(np.array([0.0, 1.0])), np.float64)
    if images.shape != s.shape or not np.all(np.diff(images) > 0.0):
        raise ValueError(
            f"grading: got a map that is not increasing from {s[0]:.3g} to {s[-1]:.3g}, expected "
            "an increasing map of arrays that goes on beyond [0, 1], such as clustered(0.5, 0.1)."
        )
    if not np.allclose(ends, [0.0, 1.0], rtol=0.0, atol=1e-12):
        raise ValueError(
            f"grading: got {ends.tolist()} at 0 and 1, expected 0 and 1. Scale and shift the map."
        )
    return images


def _rule(box: Box, n: int, grading: Grading | None) -> tuple[np.ndarray, np.ndarray]:
    """Points of shape (n, 1) and weights: Chebyshev points of the first kind, or their images."""
    if grading is None:
        return chebyshev_rule(box, n)
    # The cells of the angle have images; the point of each lies inside, its weight is the length.
    half = 0.5 - 0.5 * np.cos(np.arange(2 * n + 1) * (0.5 * np.pi / n))
    images = np.clip(_graded(grading, half), 0.0, 1.0)
    return box.place(images[1::2, None]), np.diff(images[::2]) * box.volume


def _sizes(width: int, halo: int | None, points: int | None, graded: bool) -> tuple[int, int]:
    check_positive(width=width)
    if width < _LEAST_WIDTH:
        raise ValueError(f"width: got {width}, expected at least {_LEAST_WIDTH} units.")
    most = _GRADED_HALO if graded else _HALO
    outside = min(most, width // 4) if halo is None else halo
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
    check_entries(width, count)
    return outside, count
