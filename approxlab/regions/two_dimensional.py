"""The exact partition of a rectangle by a network of piecewise linear units."""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.arguments import check_positive
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.regions._checks import check_alone, check_piecewise_linear
from approxlab.regions._loops import loops_of
from approxlab.regions._plane_functions import affine_functions, function_numbers
from approxlab.regions._plane_units import PlaneUnits
from approxlab.regions._subdivision import Subdivision
from approxlab.regions.polygons import Partition

__all__ = ["partition"]


def partition(net: MLP, box: Any, plane: Any = None, *, limit: int = 1_000_000) -> Partition:
    """The polygons of a rectangle on which a network of piecewise linear units is affine.

    The rectangle is cut by the units of the first layer along lines, every polygon then by those
    of the second, and so on. A cut needs only the signs of a unit at vertices. They are computed in
    float64 with bounds of the rounding, and in integers where the bounds leave them open. So no
    polygon is lost or invented, however small; three lines through a point, units that are equal
    up to a factor, and lines along a side of the box are as good as others.

    Time grows like the number of polygons times that of parameters, memory like the number of
    polygons times that of units.

    Args:
        net: One network of relu, leaky_relu, abs or identity units, of any depth, with linear units
            or without.
        box: A rectangle, as `al.Box([-1.0, -1.0], [1.0, 1.0])`; on a plane, in its coordinates.
        plane: For d inputs `(origin, one, two)`: the rectangle of all origin + s one + t two with
            (s, t) in the box. Three points of shape (d,); one and two must not be parallel.
        limit: Largest number of polygons, a bound of time and memory.

    Returns:
        `Partition`: the full-dimensional activation regions, as polygons that share edges and
        vertices, in no particular order.

    Raises:
        TypeError: If `net` is no MLP.
        ValueError: If the network is not continuous and piecewise linear, is a stack of networks,
            or has numbers that are not finite; if box or plane do not fit to it; if values
            overflow; or if there are more than `limit` polygons.

    Example:
        >>> weights = [[[1.0, 0.0], [0.0, 1.0]], [[1.0, 1.0]]]
        >>> net = MLP.from_arrays(weights, [[0.0, 0.0], [0.0]], "relu")
        >>> found = partition(net, Box([-1.0, -1.0], [1.0, 1.0]))
        >>> len(found), found.areas.tolist(), found.integral()
        (4, [1.0, 1.0, 1.0, 1.0], 2.0)
    """
    check_piecewise_linear(net)
    check_alone(net)
    check_positive(limit=limit)
    frame = _plane(net, plane)
    if isinstance(box, Box) and box.dim != 2:
        raise ValueError(
            f"box: got {box!r} of dimension {box.dim}, expected a box of dimension 2, such as "
            "al.Box([-1.0, -1.0], [1.0, 1.0])."
        )
    if not isinstance(box, Box):
        raise ValueError(
            f"box: got {box!r}, expected a rectangle such as al.Box([-1.0, -1.0], [1.0, 1.0])."
        )
    units = PlaneUnits(net, frame)
    cuts = Subdivision(units, np.array(box.lower), np.array(box.upper))
    for depth in units.hidden:
        cuts.cut_by_layer(depth, limit)
    return _partition(net, units, cuts, box, frame)


def _partition(net: MLP, units: PlaneUnits, cuts: Subdivision, box: Box, plane: Any) -> Partition:
    patterns = cuts.patterns()
    affine, bounds = affine_functions(units, patterns)
    functions, ties = function_numbers(units, patterns, affine, bounds)
    layers, own = cuts.units_of_edges()
    loops, starts = loops_of(cuts.tails, cuts.heads, cuts.left, cuts.right, cuts.faces)
    if units.is_tame:
        values = units.values(cuts.points, cuts.errors, len(units.layers) - 1)[0]
    else:
        polygon = np.empty(len(cuts.points), np.int64)
        polygon[loops] = np.repeat(np.arange(cuts.faces), np.diff(starts))
        own_affine = affine[polygon]
        values = np.sum(own_affine[:, :, :2] * cuts.points[:, None], axis=-1) + own_affine[:, :, 2]
    if net.out_size is None:
        affine, values = affine[:, 0], values[:, 0]
    return Partition(
        box=box,
        plane=plane,
        vertices=cuts.points,
        errors=cuts.errors,
        values=values,
        edges=np.column_stack([cuts.tails, cuts.heads]),
        sides=np.column_stack([cuts.left, cuts.right]),
        layers=layers,
        units=own,
        loops=loops,
        starts=starts,
        gradients=affine[..., :2],
        offsets=affine[..., 2],
        patterns=patterns,
        functions=functions,
        ties=cuts.ties + ties,
        _cuts=cuts,
    )


def _plane(net: MLP, plane: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Origin (d,) and directions (d, 2), checked."""
    d = net.in_size
    if plane is None:
        if d != 2:
            raise ValueError(
                f"net: got {d} inputs and no plane, expected two inputs. Write plane=(origin, one, "
                "two) with three points of the inputs"
                + (", or for one input al.regions.pieces." if d == 1 else ".")
            )
        return None
    try:
        points = np.asarray(plane, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"plane: got {plane!r}, expected three points of shape ({d},).") from error
    if points.shape == (3, d) and not np.all(np.isfinite(points)):
        raise ValueError(f"plane: got {points.tolist()}, expected finite numbers.")
    if points.shape != (3, d):
        raise ValueError(
            f"plane: got shape {points.shape}, expected an origin and two directions of shape "
            f"({d},)."
        )
    directions = points[1:].T
    sizes = np.max(np.abs(directions), axis=0)  # how long the directions are does not matter
    spread = np.linalg.svd(directions / np.where(sizes > 0, sizes, 1.0), compute_uv=False)
    if d < 2 or not spread[1] > 1e-12 * spread[0]:
        one, two = points[1:].tolist()
        raise ValueError(
            f"plane: got the directions {one} and {two}, which are parallel, expected two that "
            "span a plane. Along a line use al.regions.pieces(net, segment=(start, end))."
        )
    return points[0], directions


def __dir__() -> list[str]:
    return __all__
