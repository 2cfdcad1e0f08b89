"""Integrals over a piecewise linear function, piece by piece, in terms that do not cancel."""

from __future__ import annotations

import math

import numpy as np

from approxlab.calculus._lines import Line

__all__ = ["inner_of", "integral_of", "length_of", "norm_of", "variation_of"]


def integral_of(f: Line) -> float:
    """The integral: widths times means of the values at both ends."""
    return math.fsum(f.widths * (0.5 * f.values[:-1] + 0.5 * f.values[1:]))


def norm_of(f: Line, p: float) -> float:
    """The L^p norm, p one of 1, 2 and infinity."""
    scale = float(np.max(np.abs(f.values)))
    if p == math.inf or scale == 0.0:
        return scale
    left, right = f.values[:-1] / scale, f.values[1:] / scale
    if p == 2:
        squares = f.widths * (left**2 + left * right + right**2) / 3
        return scale * math.sqrt(math.fsum(squares))
    signs = f.signs(0.0)
    across = signs[:-1] * signs[1:] < 0
    left, right = np.abs(left), np.abs(right)
    both = np.where(across, left + right, 1.0)
    area = np.where(across, (left**2 + right**2) / both, left + right)
    return scale * math.fsum(0.5 * f.widths * area)


def inner_of(f: Line, g: Line) -> float:
    """The integral of f g, both on the same edges: exact for the quadratic on each piece."""
    size = float(np.max(np.abs(f.values))) or 1.0
    other = float(np.max(np.abs(g.values))) or 1.0
    a, b, c, d = (
        f.values[:-1] / size,
        f.values[1:] / size,
        g.values[:-1] / other,
        g.values[1:] / other,
    )
    parts = [2 * a * c, a * d, b * c, 2 * b * d]
    return size * (other * math.fsum(np.concatenate([f.widths / 6 * part for part in parts])))


def length_of(f: Line) -> float:
    """The length of the graph."""
    return math.fsum(np.hypot(f.widths, f.rises))


def variation_of(f: Line) -> float:
    """The sum of the absolute rises."""
    return math.fsum(np.abs(f.rises))
