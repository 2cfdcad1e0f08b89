"""Smooth tanh ridges on a rectangle with solved coefficients: quasi-interpolants in two dimensions.

One hidden layer knows only ridges, functions of one direction. Tensor products of tanh units, the
usual way from one dimension to two, would need products, which one hidden layer cannot form. So the
units are wide tanh ridges in equally spaced directions, with equal centres in each of them, as if a
function were put together from its Radon transform; the coefficients come from one solve.

This is a fit, not a theorem, as on an interval, and all settings are experience. Unlike there, the
number of units grows with the square of the resolution: sums of ridges in m directions hold all
polynomials of degree m - 1, but not of degree m. About 1500 units take smooth targets to 1e-12
(`experiments.machine_precision`).
"""

from __future__ import annotations

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.domains import Box
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

__all__ = ["ridge_quasi_interpolant"]

_HALO = 2  # more serves only beyond 1e-12
_DIRECTIONS_PER_CENTRE = 1.4
_POINTS_PER_UNIT = 3
_LEAST_WIDTH = 16


def ridge_quasi_interpolant(
    target: Target,
    width: int,
    slope: int | float = 0.25,
    *,
    directions: int | None = None,
    halo: int = _HALO,
    points: int | None = None,
) -> SolvedNetwork:
    """One hidden layer of `width` tanh ridges on a rectangle, its last layer by least squares.

    In coordinates of [-1, 1]^2 the network is
    c + sum_k sum_j a_kj tanh(slope (u_k . x - t_kj) / h_k), with directions u_k at the angles
    (k + 1/2) pi / m. Their centres are equal, at distance h_k, the outermost `halo` on each side
    beyond the values that u_k . x takes; the units are shared out evenly among the directions. The
    width + 1 coefficients minimise the L2 error, by the Chebyshev rule in each variable, with the
    rank cut at eps of the dtype.

    Args:
        target: A target of two variables, without a mask.
        width: Number of units, at least 16.
        slope: Slope of tanh units times the spacing of the centres, as in `quasi_interpolant`.
        directions: Number m of directions; by default sqrt(1.4 width), rounded.
        halo: Centres outside on each side of every direction.
        points: Points of the solve, rounded up to a square; by default 3 width.

    Returns:
        A `SolvedNetwork`: network, relative L2 estimate, rank and condition.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If a number is out of range, the target has a mask or not two variables, or is
            not finite at a point.

    Source:
        Experience, see the module. That ridges in m directions are dense as m grows: Vostrecov and
        Kreines 1961.

    Example:
        >>> from approxlab import targets
        >>> solved = ridge_quasi_interpolant(targets.get("sine_product"), 256)
        >>> solved.network.num_hidden_units, float(solved.error) < 1e-4   # in float64 below 1e-6
        (256, True)
    """
    box = _rectangle_of(target)
    side, counts = _sizes(width, directions, halo, points)
    if not (isinstance(slope, int | float) and 0.0 < slope < math.inf):
        raise ValueError(f"slope: got {slope!r}, expected a positive number, such as 0.25.")
    inner, shift = _ridges(box, counts, halo, slope)
    # The solve sees the weights as the network has them, rounded to its dtype.
    dtype = jnp.result_type(float)
    inner, shift = inner.astype(dtype), shift.astype(dtype)
    nodes, weights = chebyshev_rule(box, side)
    network = MLP.from_arrays([inner, np.zeros((1, width))], [shift, np.zeros(1)], "tanh")
    network, found = solve_last_layer(
        network,
        lambda x: np.tanh(x.astype(dtype) @ inner.T + shift),
        nodes,
        values_at(target, nodes),
        weights=weights,
    )
    return SolvedNetwork(network, target, l2(network, target, relative=True), found)


def _ridges(box: Box, counts: np.ndarray, halo: int, slope: float) -> tuple[np.ndarray, np.ndarray]:
    """First weights of shape (width, 2) and biases (width,), for points of the box."""
    angles = (np.arange(len(counts)) + 0.5) * np.pi / len(counts)
    directions = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    reach = np.abs(directions).sum(axis=1)  # the values of u . x on [-1, 1]^2 are [-reach, reach]
    spacing = 2.0 * reach / (counts - 2 * halo - 1)
    steps = np.concatenate([np.arange(-halo, count - halo) for count in counts])
    u, r, h = (np.repeat(a, counts, axis=0) for a in (directions, reach, spacing))
    inner = (slope / h)[:, None] * u
    scale, move = box.map_to(Box.cube(-1.0, 1.0, 2))
    return inner * scale, inner @ move - slope / h * (h * steps - r)


def _rectangle_of(target: Any) -> Box:
    check_target(target)
    check_without_mask(target)
    domain: Box = target.domain
    if domain.dim != 2:
        raise ValueError(
            f"target: got {target!r} on a box of dimension {domain.dim}, expected two variables. "
            "On an interval use quasi_interpolant."
        )
    return domain


def _sizes(
    width: int, directions: int | None, halo: int, points: int | None
) -> tuple[int, np.ndarray]:
    """Points per axis, and the number of units in each direction."""
    check_positive(width=width)
    if width < _LEAST_WIDTH:
        raise ValueError(f"width: got {width}, expected at least {_LEAST_WIDTH} units.")
    m = directions
    if m is None:
        m = max(1, min(round(math.sqrt(_DIRECTIONS_PER_CENTRE * width)), width // (2 * _HALO + 2)))
    check_positive(directions=m)
    if not hasattr(halo, "__index__") or not 0 <= 2 * halo <= width // m - 2:
        raise ValueError(
            f"halo: got {halo!r} for {width // m} centres in each of {m} directions, expected at "
            f"most {max(0, width // m // 2 - 1)}: two centres or more lie inside. Raise width or "
            "lower directions."
        )
    count = _POINTS_PER_UNIT * width if points is None else points
    check_positive(points=count)
    side = math.isqrt(count - 1) + 1
    if side**2 < width + 1:
        raise ValueError(
            f"points: got {points} for {width + 1} coefficients, expected at least as many. Leave "
            f"it out for {_POINTS_PER_UNIT} per unit."
        )
    check_entries(width, side**2)
    return side, width // m + (np.arange(m) < width % m).astype(int)
