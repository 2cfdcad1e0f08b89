"""Where knots belong: equal shares of a power of the curvature.

A short piece of width h is approximated to h^(5/2) |f''| / sqrt(720) in the L2 norm and to
h^2 |f''| / 16 in the sup norm. The total is least, to leading order, where all pieces have an equal
share of |f''|^(2/5), or of |f''|^(1/2).

The curvature is taken from second differences on a mesh that is graded towards both ends of the
interval, x ~ u^5, so that the integrals of the square root and its like, whose second derivative is
not bounded, are resolved; no derivative is asked of the target. Rounding is amplified by these
differences, but its share of the integral is of order eps^(2/5) h^(1/5), or eps^(1/2): little.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["POWERS", "Density", "data_density", "function_density"]

POWERS = {"l2": 0.4, "sup": 0.5}
"""For each norm the power of |f''| whose integral is the same over all pieces."""

_CELLS, _GRADING = 8192, 5
_FLOOR = 1e-6  # share of the knots at equal distances, for where nothing is curved


class Density:
    """The cumulative share of knots, piecewise linear between the points of a mesh.

    Attributes:
        size: The largest absolute value on the mesh.
        plain: Sup error on the mesh of the middle of the values or of the lifted chord of the
            ends, the better of the two.
    """

    def __init__(self, x: np.ndarray, y: np.ndarray, power: float) -> None:
        widths = np.diff(x)
        self.size = float(np.max(np.abs(y)))
        unit = math.ldexp(1.0, math.frexp(self.size)[1])  # shares of c f are those of f, exactly
        with np.errstate(over="ignore", invalid="ignore"):
            curvature = 2.0 * np.diff(np.diff(y / unit) / widths) / (widths[1:] + widths[:-1])
        curvature = np.nan_to_num(curvature, nan=0.0)
        dense = np.abs(np.concatenate([curvature[:1], curvature, curvature[-1:]])) ** power
        mass = np.cumsum(0.5 * (dense[1:] + dense[:-1]) * widths)
        even = (x - x[0]) / (x[-1] - x[0])
        share = np.concatenate([[0.0], mass / mass[-1]]) if mass[-1] > 0 else even
        off = y - np.interp(x, x[[0, -1]], y[[0, -1]])
        self.plain = 0.5 * float(min(np.ptp(y), np.ptp(off)))
        self._x, self._share = x, (1.0 - _FLOOR) * share + _FLOOR * even

    def knots(self, pieces: int, shift: float, kinks: Sequence[float]) -> np.ndarray:
        """Knots at equal shares, all moved by a part of a share; kinks are knots.

        Args:
            pieces: Number n of pieces.
            shift: Between -1/2 and 1/2: the inner knots lie at the shares (j + shift) / n.
            kinks: Positions of kinks; each takes the place of the knot next to it in order.

        Returns:
            Increasing positions, shape (n + 1,).
        """
        x = self._x
        shares = (np.arange(1, pieces) + shift) / pieces
        knots = np.concatenate([x[:1], np.interp(shares, self._share, x), x[-1:]])
        inner = [kink for kink in sorted(set(kinks)) if x[0] < kink < x[-1]]
        if len(inner) < pieces:
            knots = _with_kinks(knots, inner)
        return _apart(knots)


def function_density(
    f: Callable[[np.ndarray], np.ndarray],
    a: float,
    b: float,
    power: float,
    eps: float,
    more: np.ndarray | None = None,
) -> Density:
    """The density of a function on [a, b]; eps is the rounding of its values.

    The mesh holds the points `more` as well, which show narrow parts.
    """
    cells = min(_CELLS, int(eps ** (-1 / 3)))
    u = np.linspace(0.0, 1.0, cells + 1)
    near, far = u**_GRADING, (1.0 - u) ** _GRADING
    x = np.unique(np.clip(a + (b - a) * (near / (near + far)), a, b))
    return Density(x, f(x), power)


def data_density(x: np.ndarray, y: np.ndarray, power: float) -> Density:
    """The density of data: second differences of the mean values at distinct positions."""
    positions, which, counts = np.unique(x, return_inverse=True, return_counts=True)
    return Density(positions, np.bincount(which, y) / counts, power)


def _with_kinks(knots: np.ndarray, kinks: Sequence[float]) -> np.ndarray:
    """Each kink takes the place of the nearest knot that leaves one for every other kink."""
    knots, last = knots.copy(), 0
    for i, kink in enumerate(kinks):
        nearest = int(np.argmin(np.abs(knots[1:-1] - kink))) + 1
        last = max(last + 1, min(nearest, len(knots) - 1 - (len(kinks) - i)))
        knots[last] = kink
    return np.sort(knots)


def _apart(knots: np.ndarray) -> np.ndarray:
    """Knots that coincide up to rounding are moved apart, between their neighbours."""
    widths = np.diff(knots)
    least = 1e-12 * (knots[-1] - knots[0]) / len(widths)
    if np.all(widths > least):
        return knots
    widths = np.maximum(widths, 1e3 * least)
    moved = knots[0] + np.concatenate([[0.0], np.cumsum(widths)]) * (
        (knots[-1] - knots[0]) / widths.sum()
    )
    moved[-1] = knots[-1]
    return moved
