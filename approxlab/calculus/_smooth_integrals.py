"""Integrals of smooth networks, of products and of lengths, with proved bounds of the error."""

from __future__ import annotations

import itertools
import math

import numpy as np

from approxlab.calculus._intervals import Intervals
from approxlab.calculus._jets import product, root
from approxlab.calculus._quadrature import MOST_PANELS, Quadrature, integrated
from approxlab.calculus._sizes import sizes_on
from approxlab.calculus._smooth import Smooth
from approxlab.calculus._subdivision import roots_of

__all__ = ["arc", "checked", "of_absolute", "of_product", "of_value"]

_LARGEST = 1e-10  # of the integral of the absolute value


def of_value(f: Smooth) -> Quadrature:
    """The integral of f."""
    return integrated(f.bounds, f.edges)


def of_product(f: Smooth, g: Smooth) -> Quadrature:
    """The integral of f g."""

    def bounds(low: np.ndarray, high: np.ndarray, count: int) -> list[Intervals]:
        return product(f.bounds(low, high, count), g.bounds(low, high, count))

    return integrated(bounds, np.union1d(f.edges, g.edges))


def arc(f: Smooth) -> Quadrature:
    """The integral of sqrt(1 + f'^2)."""
    slope = f.derived(1)

    def bounds(low: np.ndarray, high: np.ndarray, count: int) -> list[Intervals]:
        jet = slope.bounds(low, high, count)
        squares = product(jet, jet)
        first = 1.0 + jet[0].squared()
        wide = first.monotone(np.sqrt, within=(1.0, math.inf))
        return root([first, *squares[1:]], wide)

    return integrated(bounds, f.edges)


def of_absolute(f: Smooth) -> Quadrature:
    """The integral of |f|: between its roots, each with the sign that f has there."""
    found = roots_of(f)
    ends = np.concatenate([found.points, found.unresolved.ravel(), found.intervals.ravel()])
    edges = np.unique(np.concatenate([f.edges, ends]))
    hidden = found.unresolved
    parts = [
        _hidden(f, float(a), float(b))
        if np.any((hidden[:, 0] <= a) & (b <= hidden[:, 1]))
        else _between(f, float(a), float(b))
        for a, b in itertools.pairwise(edges)
    ]
    joined = [np.concatenate([part[i] for part in parts]) for i in (1, 2)]
    return Quadrature(edges, joined[0], joined[1], sum(part.size for part in parts))


def _hidden(f: Smooth, low: float, high: float) -> Quadrature:
    """Where the sign of f is hidden: between 0 and the largest value times the length."""
    widths, sizes = sizes_on(f, low, high, 2.0**-48 * f.height)
    most = float(np.sum(widths * sizes))
    half = np.array([0.5 * most])
    return Quadrature(np.array([low, high]), half, half, most)


def _between(f: Smooth, low: float, high: float) -> Quadrature:
    found = integrated(f.bounds, np.array([low, high]))
    return found._replace(integrals=np.array([abs(found.value)]), errors=np.array([found.error]))


def checked(found: Quadrature, name: str, terms: float) -> float:
    """The value, whose proved error is small beside the integral of the absolute value.

    Or at the level of rounding of the terms that cancel in it.
    """
    if not found.error <= max(_LARGEST * found.size, 2.0**-46 * terms):
        raise ValueError(
            f"net: the {name} is {found.value:.6g} up to a proved error of {found.error:.1e}, "
            f"expected one below {_LARGEST:g} of {found.size:.3g}, the integral of the absolute "
            f"value, with up to {MOST_PANELS} panels. Take a smaller box, or one whose units "
            "cancel less."
        )
    return found.value
