"""Activation functions and three derivatives by formula, evaluated in intervals.

Each formula holds for every number of the interval, so that the results are enclosures; they are
sharp where the interval is a point, and `_activation_ranges` uses them there.
"""

from __future__ import annotations

import numpy as np

from approxlab.certify import _elementary as elementary
from approxlab.certify._intervals import Intervals

__all__ = ["POINTS", "Formulas"]

Formulas = list[Intervals]


def _tanh(z: Intervals, order: int) -> Formulas:
    """In t = tanh z and s = 1 - t^2: t, s, -2 t s, s (6 t^2 - 2)."""
    t = elementary.tanh(z)
    found = [t]
    if order >= 1:
        square = t.square()
        s = 1.0 - square
        s = Intervals(np.maximum(s.lo, 0.0), s.hi)
        found.append(s)
    if order >= 2:
        found.append((t * s).scaled(-2.0))
    if order >= 3:
        found.append(s * (6.0 * square - 2.0))
    return found


def _sigmoid(z: Intervals, order: int) -> Formulas:
    """In p = sigmoid z, q = 1 - p and s = p q: p, s, s (q - p), s (1 - 6 s)."""
    p = elementary.logistic(z)
    found = [p]
    if order >= 1:
        q = elementary.logistic(-z)
        s = p * q
        found.append(s)
    if order >= 2:
        found.append(s * (q - p))
    if order >= 3:
        found.append(s * (1.0 - 6.0 * s))
    return found


def _softplus(z: Intervals, order: int) -> Formulas:
    rest = _sigmoid(z, order - 1) if order else []
    return [elementary.softplus(z), *rest]


def _swish(z: Intervals, order: int) -> Formulas:
    """Leibniz's rule for z p(z)."""
    p = _sigmoid(z, order)
    found = [z * p[0]]
    if order >= 1:
        found.append(p[0] + z * p[1])
    if order >= 2:
        found.append(p[1].scaled(2.0) + z * p[2])
    if order >= 3:
        found.append(3.0 * p[2] + z * p[3])
    return found


# sqrt(1/2) and 1/sqrt(2 pi) lie between these neighbouring floats.
_ROOT_HALF = Intervals(np.array(0.7071067811865475), np.array(0.7071067811865476))
_DENSITY = Intervals(np.array(0.39894228040143265), np.array(0.3989422804014327))


def _gelu(z: Intervals, order: int) -> Formulas:
    """With Phi and phi of the normal law: z Phi, Phi + z phi, (2 - z^2) phi, z (z^2 - 4) phi."""
    share = elementary.erfc(-(z * _ROOT_HALF)).scaled(0.5)
    found = [z * share]
    if order >= 1:
        square = z.square()
        density = _DENSITY * elementary.exp(square.scaled(-0.5))
        found.append(share + z * density)
    if order >= 2:
        found.append(density * (2.0 - square))
    if order >= 3:
        found.append((z * density) * (square - 4.0))
    return found


def _sin(z: Intervals, order: int) -> Formulas:
    s = elementary.sin(z)
    if not order:
        return [s]
    c = elementary.cos(z)
    return [s, c, -s, -c][: order + 1]


POINTS = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "swish": _swish,
    "gelu": _gelu,
    "sin": _sin,
}
