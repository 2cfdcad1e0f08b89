"""Integrals of smooth functions with a proved bound of their error.

Gauss's rule of n nodes on a panel of width h is wrong by

    h^(2n + 1) (n!)^4 / ((2n + 1) (2n)!^2) c,        c = f^(2n)(x) / (2n)! for some x of the panel,

and c is enclosed by Taylor coefficients in intervals, as the values at the nodes are. Panels are
halved until the bound is at the level of rounding.

Source: Davis and Rabinowitz 1984, "Methods of Numerical Integration", section 2.7.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from approxlab.calculus._intervals import Intervals

__all__ = ["MOST_PANELS", "NODES", "Quadrature", "integrated"]

NODES = 8
_FIRST = 8
MOST_PANELS = 4096
_HALVINGS = 40
_REMAINDER = math.factorial(NODES) ** 4 / ((2 * NODES + 1) * math.factorial(2 * NODES) ** 2)

Bounds = Callable[[np.ndarray, np.ndarray, int], list[Intervals]]


class Quadrature(NamedTuple):
    """Panels, their integrals, and bounds of the errors of these."""

    edges: np.ndarray
    integrals: np.ndarray
    errors: np.ndarray
    size: float
    """About the integral of the absolute value."""

    @property
    def value(self) -> float:
        """The whole integral."""
        return math.fsum(self.integrals)

    @property
    def error(self) -> float:
        """Bound of its error."""
        return math.fsum(self.errors) + 4 * np.finfo(np.float64).eps * abs(self.value)


def integrated(bounds: Bounds, edges: np.ndarray) -> Quadrature:
    """The integral over panels that begin with these edges.

    Args:
        bounds: Enclosures of Taylor coefficients on intervals, coefficient 0 first.
        edges: Increasing; f is smooth between them.
    """
    panels = np.concatenate(
        [np.linspace(a, b, _FIRST + 1)[:-1] for a, b in itertools.pairwise(edges)]
    )
    low, high = panels, np.append(panels[1:], edges[-1])
    done: list[tuple[np.ndarray, ...]] = []
    count = 0
    for halving in range(_HALVINGS):
        value, noise, remainder, size = _panels(bounds, low, high)
        # No panel is to add more than its rounding, or a share of that of the whole.
        whole = np.sum(size) + sum(float(np.sum(parts[4])) for parts in done)
        allowed = np.maximum(noise, 2.0**-52 * whole * (high - low) / (edges[-1] - edges[0]))
        bad = remainder > allowed
        count += len(low)
        if halving == _HALVINGS - 1 or count + 2 * np.count_nonzero(bad) > MOST_PANELS:
            bad[:] = False
        kept = (low, high, value, noise + remainder, size)
        done.append(tuple(array[~bad] for array in kept))
        if not np.any(bad):
            break
        low, high = low[bad], high[bad]
        middle = 0.5 * (low + high)
        low, high = np.stack([low, middle], 1).ravel(), np.stack([middle, high], 1).ravel()
    together = [np.concatenate(arrays) for arrays in zip(*done, strict=True)]
    order = np.argsort(together[0])
    low, high, value, error, size = (array[order] for array in together)
    return Quadrature(np.append(low, high[-1]), value, error, float(np.sum(size)))


def _panels(bounds: Bounds, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, ...]:
    """Integrals of panels, their rounding, their remainders, integrals of absolute values."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    half = 0.5 * (high - low)
    x = low[:, None] + half[:, None] * (nodes + 1.0)
    with np.errstate(over="ignore", invalid="ignore"):
        (at_nodes,) = bounds(x.ravel(), x.ravel(), 1)
        slope = bounds(low, high, 2)[1].size
        highest = bounds(low, high, 2 * NODES + 1)[2 * NODES].size
        middle = (0.5 * at_nodes.low + 0.5 * at_nodes.high).reshape(x.shape)
        radius = (0.5 * (at_nodes.high - at_nodes.low)).reshape(x.shape)
        value = half * (middle @ weights)
        size = half * (np.abs(middle) @ weights)
        # The nodes are rounded too, and the products and sums of the rule.
        eps = np.finfo(np.float64).eps
        place = 4 * eps * np.maximum(np.abs(low), np.abs(high)) * slope
        noise = half * (radius @ weights) + 2 * half * place + (NODES + 4) * eps * size
        remainder = (high - low) ** (2 * NODES + 1) * _REMAINDER * highest
    remainder[~np.isfinite(remainder)] = np.inf
    return value, noise, remainder, size
