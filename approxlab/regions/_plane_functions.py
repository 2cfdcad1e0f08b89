"""Affine functions of a network on polygons, and which of them are equal, decided exactly."""

from __future__ import annotations

import numpy as np

from approxlab.regions._plane_units import PlaneUnits

__all__ = ["affine_functions", "function_numbers"]

_TOGETHER = 2**14  # polygons at a time


def affine_functions(units: PlaneUnits, patterns: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Coefficients of the outputs on polygons with these patterns, shape (F, outputs, 3).

    Gradient and value at the origin, and bounds of their rounding of the same shape.
    """
    depth = len(units.layers) - 1
    outputs = len(units.layers[-1].bias)
    found = np.empty((2, len(patterns), outputs, 3))
    for start in range(0, len(patterns), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        for j in range(outputs):
            found[0, some, j], found[1, some, j] = units.line(patterns[some], depth, j)
    if not units.is_tame:
        for i, pattern in enumerate(patterns):
            integers, shift = units.exact_affine(pattern, depth)
            found[0, i] = [[_rounded(v, shift) for v in row] for row in integers]
    return found[0], found[1]


def _rounded(integer: int, shift: int) -> float:
    try:
        return integer / (1 << shift)
    except OverflowError as error:
        raise ValueError(
            "net: got a gradient that overflows in float64, expected a finite one. Scale the "
            "weights down."
        ) from error


def function_numbers(
    units: PlaneUnits, patterns: np.ndarray, affine: np.ndarray, bounds: np.ndarray
) -> tuple[np.ndarray, int]:
    """Equal numbers, from 0, for equal functions; and how many were compared in integers.

    Functions that are equal have equal sums of weighted coefficients; sums further apart than
    their bounds allow tell functions apart, and those that are left are compared in integers.
    """
    flat, loose = affine.reshape(len(affine), -1), bounds.reshape(len(affine), -1)
    # Any weights do; these make sums of different functions equal only by chance.
    weights = 1.0 + np.sqrt(np.arange(2.0, 2.0 + flat.shape[1])) % 1.0
    weights = weights / np.maximum(np.max(np.abs(flat), axis=0), 1e-290)  # 1 / tiny overflows
    with np.errstate(over="ignore", invalid="ignore"):
        sums = flat @ weights
        error = loose @ weights + 1e-14 * (np.abs(flat) @ weights)
    error = np.where(np.isfinite(error), error, np.inf)  # nothing is told apart
    order = np.argsort(sums, kind="stable")
    reach = np.maximum.accumulate((sums + error)[order])
    new = np.append(True, (sums - error)[order][1:] > reach[:-1])
    group = np.empty(len(order), np.int64)
    group[order] = np.cumsum(new) - 1
    numbers, ties = group.copy(), 0
    shared = np.flatnonzero(np.bincount(group)[group] > 1)
    if len(shared):
        codes, inverse = np.unique(
            _that_matters(units, patterns[shared]), axis=0, return_inverse=True
        )
        depth = len(units.layers) - 1
        known: dict[tuple[int, ...], int] = {}
        exact = np.empty(len(codes), np.int64)
        for i, code in enumerate(codes):
            integers, _ = units.exact_affine(code, depth)
            exact[i] = known.setdefault(tuple(map(int, integers.ravel())), len(known))
        numbers[shared] = len(order) + exact[inverse.ravel()]
        ties = len(codes)
    return np.unique(numbers, return_inverse=True)[1].ravel(), ties


def _that_matters(units: PlaneUnits, patterns: np.ndarray) -> np.ndarray:
    """The patterns with 0 for every unit that no output depends on, whatever its value."""
    found = patterns.copy()
    end = patterns.shape[1]
    reached = np.ones((len(patterns), len(units.layers[-1].bias)), bool)
    for k in reversed(units.hidden):
        layer = units.layers[k]
        reached = reached @ (units.layers[k + 1].weight != 0)
        own = slice(end - len(layer.bias), end)
        found[:, own] = np.where(reached, patterns[:, own], 0)
        reached &= np.where(patterns[:, own] > 0, layer.right, layer.left) != 0
        end -= len(layer.bias)
    return found
