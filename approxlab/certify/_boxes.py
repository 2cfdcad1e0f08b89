"""Boxes as integers: cells of a grid of cuts, halved along axes; and trees of them that cover all.

Axis j of a domain is cut at given numbers, from its lower to its upper end. A box is a cell of this
grid, a depth k_j and an index i_j per axis: along axis j it is the part
[a + (b - a) i / 2^k, a + (b - a) (i + 1) / 2^k] of the side [a, b] of its cell, in real numbers.
Halving a box gives two boxes whose union it is. So the leaves of a tree of halvings that starts
with all cells cover the domain, whatever floating-point arithmetic does afterwards.

Source: certified covers by bisection, Tucker 2011, "Validated Numerics", chapter 5.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator

import numpy as np

from approxlab.certify._error_bounds import (
    down,
    exact_difference,
    exact_product,
    exact_sum,
    up,
    upward,
)

__all__ = ["MAX_DEPTH", "Boxes", "cells", "check_cuts", "leaves", "tree_code"]

MAX_DEPTH = 50
"""Halvings per axis: 2 i + 1 is then exact in binary64."""
_LARGEST, _SMALLEST = 2.0**300, 2.0**-300


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Boxes:
    """A batch of boxes.

    Attributes:
        low: Lower corners of their cells, shape (boxes, d).
        high: Upper corners of their cells.
        depth: Halvings along each axis, shape (boxes, d).
        index: Which part of the cell, from 0 to 2^depth - 1.
    """

    low: np.ndarray
    high: np.ndarray
    depth: np.ndarray
    index: np.ndarray

    def __len__(self) -> int:
        return len(self.depth)

    def __getitem__(self, chosen: np.ndarray | slice) -> Boxes:
        parts = (self.low, self.high, self.depth, self.index)
        return Boxes(*(part[chosen] for part in parts))

    @staticmethod
    def join(parts: list[Boxes]) -> Boxes:
        """Several batches as one."""
        names = ("low", "high", "depth", "index")
        return Boxes(*(np.concatenate([getattr(p, name) for p in parts]) for name in names))

    def halves(self, axis: np.ndarray) -> Boxes:
        """Both halves of every box along an axis of its own, lower half first, side by side."""
        twice = self[np.repeat(np.arange(len(self)), 2)]
        rows, axes = np.arange(len(twice)), np.repeat(axis, 2)
        depth, index = twice.depth.copy(), twice.index.copy()
        depth[rows, axes] += 1
        index[rows, axes] = 2 * index[rows, axes] + rows % 2
        return Boxes(twice.low, twice.high, depth, index)

    def centres_and_radii(self) -> tuple[np.ndarray, np.ndarray]:
        """C and r with every box in [c - r, c + r]; exactly that box where c and r are exact.

        Sums and products are split into their rounded values and their exact errors, which are
        added to the radius.
        """
        width, lost = exact_difference(self.high, self.low)
        depth = self.depth.astype(np.int64)
        odd = (2 * self.index + 1).astype(np.float64)
        step, error = exact_product(width, odd)
        step, error = np.ldexp(step, -depth - 1), np.ldexp(error, -depth - 1)
        centre, rounding = exact_sum(self.low, step)
        half = np.ldexp(width, -depth - 1)
        wrong = np.abs(error) + np.abs(rounding) + 2.0 * np.abs(lost)
        return centre, np.where(wrong == 0.0, half, upward(half + wrong, 8))

    def bounds(self, centre: np.ndarray, radius: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Corners of [c - r, c + r] within the cell, rounded outward where they are not exact."""
        left, error = exact_difference(centre, radius)
        right, excess = exact_sum(centre, radius)
        left = np.where(error == 0.0, left, down(left))
        right = np.where(excess == 0.0, right, up(right))
        return np.maximum(left, self.low), np.minimum(right, self.high)


def check_cuts(cuts: tuple[np.ndarray, ...]) -> None:
    """Increasing, finite numbers, at least two per axis, of sizes that cannot overflow."""
    for axis in cuts:
        if axis.ndim != 1 or len(axis) < 2 or not np.all(np.isfinite(axis)):
            raise ValueError(f"cuts: got {axis!r}, expected at least two finite numbers per axis.")
        steps = np.diff(axis)
        if not np.all(steps > 0):
            raise ValueError(f"cuts: got {axis.tolist()}, expected increasing numbers.")
        size = np.abs(axis[axis != 0.0])
        if np.any(size > _LARGEST) or np.any(size < _SMALLEST) or np.any(steps < _SMALLEST):
            raise ValueError(
                f"box: got an axis from {axis[0]!r} to {axis[-1]!r}, expected numbers and widths "
                "between 2^-300 and 2^300. Scale the variable."
            )


def cells(cuts: tuple[np.ndarray, ...]) -> Boxes:
    """The cells of the grid, in order, the last axis fastest."""
    low, high = (
        np.stack([part.ravel() for part in np.meshgrid(*ends, indexing="ij")], axis=1)
        for ends in ([axis[:-1] for axis in cuts], [axis[1:] for axis in cuts])
    )
    zero = np.zeros(low.shape, np.int64)
    return Boxes(low, high, zero, zero)


def tree_code(count: int, axis: np.ndarray, first: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The tree as one number per node, level by level: 0 for a leaf, else 1 + the axis halved.

    Args:
        count: Number of cells, which are the nodes 0, ..., count - 1.
        axis: Of every node, the axis of its halving, -1 for leaves.
        first: Of every node that is halved, its lower half; the upper half is the next node.

    Returns:
        The code, and the leaves in the order in which the code lists them.
    """
    level, code, order = np.arange(count), [], []
    while len(level):
        code.append((axis[level] + 1).astype(np.uint8))
        order.append(level[axis[level] < 0])
        halved = level[axis[level] >= 0]
        level = np.stack([first[halved], first[halved] + 1], axis=1).ravel()
    return np.concatenate(code), np.concatenate(order)


def leaves(cuts: tuple[np.ndarray, ...], code: np.ndarray) -> Iterator[Boxes]:
    """The leaves of a tree, level by level.

    Raises:
        ValueError: If the code is not that of a tree.
    """
    count = math.prod(len(axis) - 1 for axis in cuts)
    if count > len(code):  # asked before they are made: there may be far too many
        raise ValueError(f"tree: the code has {len(code)} nodes, fewer than the {count} cells.")
    level, used = cells(cuts), 0
    while len(level):
        here = code[used : used + len(level)]
        if len(here) < len(level) or np.any(here > len(cuts)):
            raise ValueError("tree: the code ends too early or names an axis that is not there.")
        used += len(level)
        yield level[here == 0]
        halved = here > 0
        level = level[halved].halves(here[halved].astype(np.int64) - 1)
        if np.any(level.depth > MAX_DEPTH):
            raise ValueError(f"tree: a box is halved more than {MAX_DEPTH} times along an axis.")
    if used != len(code):
        raise ValueError("tree: the code goes on after its last leaf.")
