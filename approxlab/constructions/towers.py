"""Towers in d dimensions by two hidden layers, and why their sum does not converge.

A unit of the first layer is a ridge, S(gain (x_k - t) / h), and the difference of two is a ridge
of finite width. The sum of such ridges over all axes is largest on one cell, and a threshold,
S(outer_gain (sum - d + 1/2)), leaves a tower on that cell. A sum of towers has holes where cells
meet, at any gain; `orthant_sum` has none. S(z) = 1 / (1 + exp(-4 z)) has slope 1 at 0.

The claim of `tower`. With m faces of the cell inside the box, the first layer has m ridges and the
second one unit. Let e = S(-gain margin), the tail of a ridge at the distance of the margin. At
points inside the cell, at least the margin away from its faces, every ridge is within e of its
limit, so the sum is at least d - m e and the tower at least S(outer_gain (1/2 - m e)). At points
outside, by at least the margin along some axis, the sum is at most d - 1 + e and the tower at most
S(-outer_gain (1/2 - e)). In between it takes all values from 0 to 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions import _grids
from approxlab.constructions._sigmoid_tails import rise
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.targets.target import Target

__all__ = ["isolated_towers", "tower", "vertex_value"]


def tower(
    cell: Box,
    domain: Box | None = None,
    gain: float | None = None,
    *,
    outer_gain: float | None = None,
    margin: float = 0.1,
    activation: str = "sigmoid",
) -> Construction:
    """One tower: about 1 on a cell of a box and about 0 elsewhere, by two hidden layers.

    With m faces of the cell inside the box, the first layer has m ridges and the second one unit.
    The target is the indicator of the cell, which is not continuous: it has a mask that excludes
    the points near the faces. The bound is proved at the head of the module.

    Args:
        cell: The cell, a box inside `domain`.
        domain: The box; by default the unit cube of the cell's dimension.
        gain: Slope of a ridge times the width of the cell along its axis, by default 32. None for
            "heaviside", which has no finite gain.
        outer_gain: Slope of the threshold; the sum of ridges changes by 1 at a face. By default
            `gain`.
        margin: Half the width of the strip around the faces in which nothing is claimed, as a
            fraction of the cell's width, between 0 and 1/2.
        activation: "sigmoid", "tanh" (the same function, rescaled) or "heaviside".

    Returns:
        A construction with m + 1 hidden units in two layers; its target is the indicator of the
        cell, with a mask.

    Raises:
        ValueError: If the cell is not inside the box or fills it, or an argument is out of range.

    Source:
        Lapedes & Farber 1988, "How neural nets work" (bumps by a threshold); the bound is ours.

    Example:
        >>> built = tower(Box([0.25, 0.25], [0.5, 0.5]), gain=100.0)
        >>> built.network.sizes, float(built.claim.bound) < 1e-5
        ((2, 4, 1, 1), True)
        >>> round(float(built.network(jnp.array([0.4, 0.4]))), 6)
        1.0
    """
    domain = Box.unit(cell.dim) if domain is None else domain
    if domain.dim != cell.dim or not domain.contains(cell.corners()).all():
        raise ValueError(f"cell: got {cell!r}, expected a box inside {domain!r}.")
    if not 0.0 < margin < 0.5:
        raise ValueError(f"margin: got {margin!r}, expected a number between 0 and 1/2.")
    gain, outer_gain = _grids.gains(activation, gain, outer_gain)
    inner = [
        (k, face, sign)
        for k in range(cell.dim)
        for face, sign in ((cell.lower[k], 1.0), (cell.upper[k], -1.0))
        if domain.lower[k] < face < domain.upper[k]
    ]
    if not inner:
        raise ValueError(f"cell: got {cell!r}, the whole of its box, expected a part of it.")
    faces = [[face for axis, face, _ in inner if axis == k] for k in range(cell.dim)]
    signs = np.array([[sign for *_, sign in inner]])
    missing = sum(domain.lower[k] >= cell.lower[k] for k in range(cell.dim))
    threshold = np.array([missing - cell.dim + 0.5])
    network = _grids.two_layers(
        faces, cell.widths, signs, threshold, np.ones(1), 0.0, activation, gain, outer_gain
    )
    reach = float(np.max(np.abs(domain.corners())))
    moved = _grids.face_displacement(network.dtype, reach) / float(np.min(cell.widths))
    tail = rise(-gain * (margin - moved))
    eps = float(np.finfo(network.dtype).eps)
    value = rise(-outer_gain * (0.5 - len(inner) * tail))
    # The argument has an error of about eps times the gain; a tail changes in proportion to it.
    steep = 4.0 * outer_gain if math.isfinite(outer_gain) else 0.0
    value += eps * (steep * (cell.dim + 2) ** 2 * value + 4.0)
    source = "sum of ridges above d - 1/2 inside, below it outside, by the tails at the margin"
    claim = Claim("sup", Bound(value, source), len(inner) + 1, 0, 2)
    return Construction(network, _indicator(cell, domain, margin), claim)


def isolated_towers(
    target: Target,
    n: int | Sequence[int],
    gain: float | None = None,
    *,
    outer_gain: float | None = None,
    activation: str = "sigmoid",
) -> MLP:
    """A tower on every cell, as high as the target at its midpoint: this does not converge.

    There is no claim. At a vertex where 2^d cells meet, every ridge has the value 1/2 and every
    tower S(outer_gain (1 - d) / 2), for any `gain`: the sum of the towers has a hole that reaches
    down to about 0 (`vertex_value`). Steeper ridges make the hole narrower, not shallower.

    Args:
        target: A target on a box; no facts are needed.
        n: Cells along each axis, one number or d of them.
        gain: Slope of a ridge times the width of a cell along its axis, by default 32. None for
            "heaviside".
        outer_gain: Slope of the threshold, by default `gain`.
        activation: "sigmoid", "tanh" or "heaviside".

    Returns:
        A network of sum (n_k - 1) ridges and prod n_k towers.

    Raises:
        ValueError: If n is out of range or asks for too many units.

    Example:
        >>> from approxlab.targets import get
        >>> net = isolated_towers(get("bump"), 4)
        >>> net.sizes, round(float(net(jnp.array([0.5, 0.5]))), 6)   # there the bump is 1
        ((2, 6, 16, 1), 0.0)
    """
    gain, outer_gain = _grids.gains(activation, gain, outer_gain)
    grid = _grids.Grid.of(target, n)
    indices = grid.cell_indices()
    rows = np.zeros((grid.num_cells, grid.num_faces))
    bias = np.full(grid.num_cells, 0.5 - grid.dim)
    cells = np.arange(grid.num_cells)
    for k, (first, count) in enumerate(zip(grid.first_units, grid.counts, strict=True)):
        index = indices[:, k]
        has_lower, has_upper = index > 0, index < count - 1
        rows[cells[has_lower], first + index[has_lower] - 1] += 1.0
        bias[~has_lower] += 1.0
        rows[cells[has_upper], first + index[has_upper]] -= 1.0
    heights = grid.midpoint_values(target).ravel()
    return _grids.two_layers(
        grid.faces, grid.cell_widths, rows, bias, heights, 0.0, activation, gain, outer_gain
    )


def vertex_value(dim: int, outer_gain: float = math.inf) -> float:
    """The sum of isolated towers of height 1 where 2^d cells meet: 2^d theta((1 - d) / 2).

    At a vertex every ridge has the value 1/2, so for each of the 2^d cells the sum of ridges is
    d / 2, which is (d - 1) / 2 below the threshold. For steep thresholds the result is 1 in one
    dimension and 0 in more. (Up to the tails of other ridges, at most S(-gain) each.)

    Args:
        dim: Number of dimensions d.
        outer_gain: Slope of the threshold theta; infinite for a Heaviside unit.

    Example:
        >>> vertex_value(1), vertex_value(2), round(vertex_value(2, outer_gain=4.0), 4)
        (1.0, 0.0, 0.0013)
    """
    return 2.0**dim * (0.5 if dim == 1 else rise(-0.5 * (dim - 1) * outer_gain))


def _indicator(cell: Box, domain: Box, margin: float) -> Target:
    """1 in the cell and 0 elsewhere; points nearer to its faces than the margin are masked.

    A face of the cell that lies on a face of the box separates nothing, so it is moved outwards.
    """
    widths = cell.widths
    lower = np.where(np.asarray(cell.lower) <= domain.lower, cell.lower - widths, cell.lower)
    upper = np.where(np.asarray(cell.upper) >= domain.upper, cell.upper + widths, cell.upper)

    def depth(x: Array) -> Any:
        """How far inside the cell, in widths of the cell; negative outside."""
        low, high, width = (jnp.asarray(v, x.dtype) for v in (lower, upper, widths))
        return jnp.min(jnp.minimum(x - low, high - x) / width)

    return Target(
        lambda x: jnp.where(depth(x) > 0, 1.0, 0.0),
        domain=domain,
        name="indicator of a cell",
        value_min=0.0,
        value_max=1.0,
        smoothness="jump",
        continuous=False,
        source="an indicator",
        mask=lambda x: jnp.abs(depth(x)) >= margin,
    )
