"""Ranges of activation functions and of their derivatives over intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from approxlab.certify import _elementary as elementary
from approxlab.certify._intervals import Intervals

__all__ = ["derivatives"]

Ranges = list[Intervals]


def _constant(z: Intervals, value: float) -> Intervals:
    return Intervals(np.full(z.shape, value), np.full(z.shape, value))


def _tanh(z: Intervals, order: int) -> Ranges:
    """In powers of t = tanh z and s = 1 - t^2 = sech^2 z."""
    t = elementary.tanh(z)
    s = 1.0 - t.square()
    s = Intervals(np.maximum(s.lo, 0.0), s.hi)
    found = [t, s, -2.0 * (t * s), s * (6.0 * t.square() - 2.0)]
    return found[: order + 1]


def _sigmoid(z: Intervals, order: int) -> Ranges:
    p, q = elementary.logistic(z), elementary.logistic(-z)
    s = p * q
    return [p, s, s * (q - p), s * (1.0 - 6.0 * s)][: order + 1]


def _softplus(z: Intervals, order: int) -> Ranges:
    return [elementary.softplus(z), *_sigmoid(z, order)][: order + 1]


def _swish(z: Intervals, order: int) -> Ranges:
    p, first, second, third = _sigmoid(z, 3)
    found = [z * p, p + z * first, 2.0 * first + z * second, 3.0 * second + z * third]
    return found[: order + 1]


_ROOT_HALF = Intervals(np.array(0.7071067811865474), np.array(0.7071067811865477))
_DENSITY = Intervals(np.array(0.39894228040143265), np.array(0.3989422804014328))


def _gelu(z: Intervals, order: int) -> Ranges:
    density = _DENSITY * elementary.exp((-0.5) * z.square())
    share = 0.5 * elementary.erfc(-(z * _ROOT_HALF))
    square = z.square()
    found = [
        z * share,
        share + z * density,
        density * (2.0 - square),
        (z * density) * (square - 4.0),
    ]
    return found[: order + 1]


def _sin(z: Intervals, order: int) -> Ranges:
    s, c = elementary.sin(z), elementary.cos(z)
    return [s, c, -s, -c][: order + 1]


def _identity(z: Intervals, order: int) -> Ranges:
    return [z, _constant(z, 1.0), _constant(z, 0.0), _constant(z, 0.0)][: order + 1]


def _relu_power(power: int) -> Callable[[Intervals, int], Ranges]:
    def ranges(z: Intervals, order: int) -> Ranges:
        positive = z.maximum(0.0)
        found, factor = [], 1.0
        for n in range(order + 1):
            left = power - n
            if left > 0:
                found.append(factor * positive.power(left))
            elif left == 0:
                found.append(_steps(z, 0.0, factor))
            else:
                found.append(_after_jump(z, left == -1))
            factor *= left
        return found

    return ranges


def _steps(z: Intervals, left: float, right: float) -> Intervals:
    """`left` below 0 and `right` above: both where an interval touches 0."""
    low, high = min(left, right), max(left, right)
    below, above = z.hi < 0, z.lo > 0
    return Intervals(
        np.where(below, left, np.where(above, right, low)),
        np.where(below, left, np.where(above, right, high)),
    )


def _after_jump(z: Intervals, jumps: bool) -> Intervals:
    """0 away from 0; unknown where the function before it jumps."""
    touching = (z.lo <= 0) & (z.hi >= 0)
    return Intervals(np.where(touching, -np.inf, 0.0), np.where(touching, np.inf, 0.0))


def _linear_pieces(left: float, right: float) -> Callable[[Intervals, int], Ranges]:
    def ranges(z: Intervals, order: int) -> Ranges:
        below, above = z.minimum(0.0), z.maximum(0.0)
        value = left * below + right * above
        found = [value, _steps(z, left, right), _after_jump(z, True), _after_jump(z, False)]
        return found[: order + 1]

    return ranges


def _heaviside(z: Intervals, order: int) -> Ranges:
    return [_steps(z, 0.0, 1.0), *[_after_jump(z, True)] * 3][: order + 1]


RANGES: dict[str, Callable[[Intervals, int], Ranges]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "swish": _swish,
    "gelu": _gelu,
    "sin": _sin,
    "identity": _identity,
    "relu": _linear_pieces(0.0, 1.0),
    "leaky_relu": _linear_pieces(0.01, 1.0),
    "abs": _linear_pieces(-1.0, 1.0),
    "relu2": _relu_power(2),
    "relu3": _relu_power(3),
    "relu4": _relu_power(4),
    "heaviside": _heaviside,
}


def derivatives(name: str, z: Intervals, order: int) -> list[Intervals]:
    """Ranges over z of an activation and its derivatives: [value, first, ..., order-th].

    Where a derivative does not exist the range holds both one-sided values (the first derivative of
    relu over an interval with 0 is [0, 1]); beyond a jump it is [-inf, inf].

    Args:
        name: A key of `approxlab.networks.activations.ACTIVATIONS`.
        z: The intervals.
        order: 0 to 3.

    Raises:
        ValueError: If there is no activation of that name or the order is not 0 to 3.

    Example:
        >>> value, slope = derivatives("tanh", Intervals.exact([0.0]), 1)
        >>> bool(slope.lo[0] <= 1.0 <= slope.hi[0])
        True
    """
    if name not in RANGES:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(sorted(RANGES))}.")
    if order not in (0, 1, 2, 3):
        raise ValueError(f"order: got {order!r}, expected 0, 1, 2 or 3.")
    with np.errstate(all="ignore"):
        return RANGES[name](z, order)
