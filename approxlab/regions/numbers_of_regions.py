"""The number of linear regions, on an interval, a segment, a rectangle or a plane."""

from __future__ import annotations

from typing import Any

from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.regions import one_dimensional
from approxlab.regions.piecewise import check_kind
from approxlab.regions.two_dimensional import partition

__all__ = ["count"]


def count(net: MLP, box: Any = None, *, kind: str, segment: Any = None, plane: Any = None) -> int:
    """The number of linear regions of a network, for the definition that is named.

    Six definitions are in use and differ. On an interval, a segment of the inputs, a rectangle or a
    rectangle of a plane, from many to few:

    - "activation": patterns that occur, where a unit is active if its input is positive; a pattern
      may occur at single points or, in two dimensions, on lines only.
    - "proper": patterns that occur on a set of nonzero length or area (full-dimensional ones).
    - "convex": the fewest convex sets on which the network is affine, that cover the domain.
    - "open_connected": largest open connected sets on which it is affine.
    - "closed_connected": largest closed connected sets on which it is affine. In one variable
      these three are the same number; in two dimensions "convex" and "closed_connected" are
      refused: the first is a hard covering problem, and for the second polygons may be joined by a
      line on which the function of another polygon equals theirs.
    - "affine": different affine functions that it is equal to on a set of nonzero length or area.

    Source: Stargalla, Hertrich and Reichman 2025, "The computational complexity of counting linear
    regions in ReLU neural networks", arXiv 2505.16716.

    Args:
        net: As in `pieces` and `partition`.
        box: An interval or a rectangle; with a plane, in its coordinates.
        kind: One of the names above.
        segment: Two points of shape (d,), in place of a box; see `pieces`.
        plane: For d inputs (origin, one, two), with a rectangle; see `partition`.

    Raises:
        TypeError: If `net` is no MLP.
        ValueError: As `pieces` and `partition`, or if there is no such kind, or none in two
            dimensions.

    Example:
        >>> hat = [[[1.0], [1.0], [1.0]], [[1.0, -2.0, 1.0]]], [[0.0, -1.0, -2.0], [0.0]]
        >>> net, box = MLP.from_arrays(*hat, "relu"), Box([-1.0], [3.0])
        >>> [count(net, box, kind=kind) for kind in ("proper", "convex", "affine")]
        [4, 4, 3]
        >>> lines = [[[1.0, 0.0], [-1.0, 0.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]]
        >>> net, box = MLP.from_arrays(*lines, "relu"), Box([-1.0, -1.0], [1.0, 1.0])
        >>> [count(net, box, kind=kind) for kind in ("activation", "proper", "affine")]
        [3, 2, 1]
    """
    check_kind(kind)
    if plane is None and not (isinstance(box, Box) and box.dim == 2):
        return one_dimensional.count(net, box, kind=kind, segment=segment)
    if segment is not None:
        raise ValueError("segment: got one beside a rectangle or a plane, expected one of them.")
    return partition(net, box, plane).count(kind)


def __dir__() -> list[str]:
    return __all__
