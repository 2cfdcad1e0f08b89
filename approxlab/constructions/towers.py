"""Towers: the usual picture of two hidden layers in d dimensions, and why it does not converge.

A unit of the first layer is a ridge, S(gain (x_k - t) / h), and the difference of two is a ridge
of finite width. The sum of such ridges over all axes is highest on one cell, and a threshold,
S(outer_gain (sum - d + 1/2)), leaves a tower on that cell. Towers side by side leave holes where
cells meet, at any gain; `orthant_sum` has none. Here S(z) = 1 / (1 + exp(-4 z)), with slope 1 at 0.

**Proof of the claim of `tower`.** Let m be the number of faces of the cell inside the box, and
e = S(-gain margin) the tail of a ridge at the distance of the margin. Inside the cell, farther than
the margin from its faces, every ridge is within e of its limit, the sum of ridges is at least
d - m e, and the tower is at least S(outer_gain (1/2 - m e)). Outside the cell, farther than the
margin along one axis, the sum is at most d - 1 + e, and the tower at most S(-outer_gain (1/2 - e)).
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
    """One tower: about 1 on a cell of a box and about 0 elsewhere, as two hidden layers.

    With m faces of the cell inside the box, the first layer has m ridges and the second one unit.
    Farther than the margin from the faces of the cell, the error is at most
    S(-outer_gain (1/2 - m e)) with e = S(-gain margin), plus rounding. Nearer to the faces the
    tower takes all values from 0 to 1. As the indicator of a cell is not continuous, nothing is
    claimed there: the target has a mask that leaves these points out.

    Args:
        cell: The cell, a box inside `domain`.
        domain: The box; by default the unit cube of the cell's dimension.
        gain: Slope of a ridge times the width of the cell along its axis, by default 32. None for
            "heaviside", which has no finite gain.
        outer_gain: Slope of the threshold; the sum of ridges changes by 1 at a face. By default
            `gain`.
        margin: Half the width of the strips about the faces where nothing is claimed, as a
            fraction of the cell's width, between 0 and 1/2.
        activation: "sigmoid", "tanh" (the same function, rescaled) or "heaviside".

    Returns:
        A construction with m + 1 hidden units in two layers; its target is the indicator of the
        cell, with a mask.

    Raises:
        ValueError: If the cell is not inside the box or fills it, or an argument is out of range.

    Source:
        Lapedes & Farber 1988, "How neural nets work" (bumps by a threshold). The proof of
        the claim is at the head of the module.

    Example:
        >>> built = tower(Box([0.25, 0.25], [0.5, 0.5]), gain=100.0)
        >>> built.network.sizes, float(built.claim.bound) < 1e-12
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
        raise ValueError(f"cell: got {cell!r}, the whole of its box, expected a smaller box.")
    faces = [[face for axis, face, _ in inner if axis == k] for k in range(cell.dim)]
    signs = np.array([[sign for *_, sign in inner]])
    missing = sum(domain.lower[k] >= cell.lower[k] for k in range(cell.dim))
    network = _grids.two_layers(
        faces, cell.widths, signs, np.array([missing - cell.dim + 0.5]), np.ones(1), 0.0,
        activation, gain, outer_gain,
    )  # fmt: skip
    reach = float(np.max(np.abs(domain.corners())))
    slip = _grids.face_displacement(network.dtype, reach) / float(np.min(cell.widths))
    tail = rise(-gain * (margin - slip))
    eps = float(np.finfo(network.dtype).eps)
    value = rise(-outer_gain * (0.5 - len(inner) * tail))
    # Rounding changes the argument by about eps times the gain, and a tail in proportion.
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
    """A tower on every cell, as high as the target at its midpoint; this does not converge.

    There is no claim. At a vertex where 2^d cells meet, every ridge has the value 1/2, so every
    tower has the value S(outer_gain (1 - d) / 2), whatever `gain` is: the sum of the towers has a
    hole that goes down to about 0 (`vertex_value`). Steeper ridges make it narrower, not shallower.

    Args:
        target: A target on a box; no proved facts are needed.
        n: Cells along each axis, one number or one per axis.
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
    for k, (start, count) in enumerate(zip(grid.first_units, grid.counts, strict=True)):
        index = indices[:, k]
        has_lower, has_upper = index > 0, index < count - 1
        rows[cells[has_lower], start + index[has_lower] - 1] += 1.0
        bias[~has_lower] += 1.0
        rows[cells[has_upper], start + index[has_upper]] -= 1.0
    return _grids.two_layers(
        grid.faces, grid.cell_widths, rows, bias, grid.midpoint_values(target).ravel(), 0.0,
        activation, gain, outer_gain,
    )  # fmt: skip


def vertex_value(dim: int, outer_gain: float = math.inf) -> float:
    """The sum of isolated towers of height 1 where 2^d cells meet: 2^d theta((1 - d) / 2).

    At a vertex every ridge has the value 1/2. So for each of the 2^d cells the sum of ridges is
    d / 2, which is (d - 1) / 2 below the threshold. For steep thresholds the sum of the towers is 1
    in one dimension and 0 in more. The tails of farther ridges, at most S(-gain) each, are left
    out.

    Args:
        dim: Number of dimensions d.
        outer_gain: Slope of the threshold theta; infinite for a Heaviside unit.

    Example:
        >>> vertex_value(1), vertex_value(2), round(vertex_value(2, outer_gain=4.0), 4)
        (1.0, 0.0, 0.0013)
    """
    return 2.0**dim * (0.5 if dim == 1 else rise(-0.5 * (dim - 1) * outer_gain))


def _indicator(cell: Box, domain: Box, margin: float) -> Target:
    """1 in the cell and 0 elsewhere; the mask leaves out points within the margin of its faces.

    A face of the cell that lies on the boundary of the box is no jump, so it is moved outwards.
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
