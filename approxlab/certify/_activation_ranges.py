"""Ranges of activation functions and of their derivatives over intervals, by sign tables.

Between two zeros of the next derivative a function is monotone, so that its range over an interval
is spanned by its values at the two ends and at those zeros that lie inside. The zeros:

- tanh, with t = tanh z: t'' = 0 at 0; t''' = 0 where 3 t^2 = 1; the fourth where t = 0 or
  3 t^2 = 2. sigmoid z = (1 + tanh(z/2)) / 2 has them at twice the places, softplus one order later.
- gelu, with the normal density phi: f'' = (2 - z^2) phi, f''' = z (z^2 - 4) phi and the fourth is
  -(z^4 - 7 z^2 + 4) phi. f' rises on [-sqrt 2, sqrt 2] and falls outside towards 0 and 1: one zero.
- swish, with t = tanh(z/2) and the density s = sigmoid': f'' = s (2 - z t) and z t is even and
  rises with |z|; f' has one zero by the argument of gelu. f''' = s (z (3 t^2 - 1)/2 - 3 t): for
  z > 0 it is zero where z = 6 t / (3 t^2 - 1), whose right side falls: once. The fourth is
  s (6 t^2 - 2 + z t (2 - 3 t^2)): for z > 0 zero where z = (2 - 6 t^2) / (2 t - 3 t^3), which is
  negative for 1/3 < t^2 < 2/3 and falls before and after (the numerator of its derivative,
  -4 + 6 t^2 - 18 t^4, is negative): twice.

The zeros are given as floats nearest to them. An interval that comes within 1e-9 of a zero counts
it in, with the value over the two neighbouring floats on each side.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from approxlab.certify._activation_points import POINTS, Formulas
from approxlab.certify._blocks import blockwise_list
from approxlab.certify._intervals import Intervals
from approxlab.certify._rounding import down, up

__all__ = ["CRITICAL", "derivatives"]

CRITICAL: dict[str, tuple[tuple[float, ...], ...]] = {
    "tanh": (
        (),
        (0.0,),
        (-0.6584789484624084, 0.6584789484624084),
        (-1.1462158347805889, 0.0, 1.1462158347805889),
    ),
    "sigmoid": (
        (),
        (0.0,),
        (-1.3169578969248168, 1.3169578969248168),
        (-2.2924316695611777, 0.0, 2.2924316695611777),
    ),
    "softplus": ((), (), (0.0,), (-1.3169578969248168, 1.3169578969248168)),
    "gelu": (
        (-0.7517915246935645,),
        (-1.4142135623730951, 1.4142135623730951),
        (-2.0, 0.0, 2.0),
        (-2.5243377989621387, -0.7922869913932613, 0.7922869913932613, 2.5243377989621387),
    ),
    "swish": (
        (-1.2784645427610737,),
        (-2.3993572805154675, 2.3993572805154675),
        (-3.435840993535111, 0.0, 3.435840993535111),
        (-4.429235100557228, -1.0319582417807491, 1.0319582417807491, 4.429235100557228),
    ),
}
"""The zeros of the first, second, third and fourth derivative of each activation."""

_NEAR = 1e-9


@functools.cache
def _extremum(name: str, order: int, zero: float) -> tuple[float, float]:
    """The value of a derivative at a zero of the next one."""
    around = Intervals(down(down(np.array([zero]))), up(up(np.array([zero]))))
    value = POINTS[name](around, order)[order]
    return float(value.lo[0]), float(value.hi[0])


def _by_signs(name: str) -> Callable[[Intervals, int], Formulas]:
    def ranges(z: Intervals, order: int) -> Formulas:
        formulas = POINTS[name]
        bounded = np.isfinite(z.lo) & np.isfinite(z.hi)
        if not bounded.all():
            inner = Intervals(np.where(bounded, z.lo, 0.0), np.where(bounded, z.hi, 0.0))
            pairs = zip(ranges(inner, order), formulas(z, order), strict=True)
            return [Intervals.where(bounded, sharp, wide) for sharp, wide in pairs]
        low = formulas(Intervals(z.lo, z.lo), order)
        if z.hi is z.lo:
            return low
        high = formulas(Intervals(z.hi, z.hi), order)
        return [_with_extrema(name, n, z, low[n].hull(high[n])) for n in range(order + 1)]

    return ranges


def _with_extrema(name: str, order: int, z: Intervals, ends: Intervals) -> Intervals:
    lo, hi = ends.lo, ends.hi
    for zero in CRITICAL[name][order]:
        inside = (z.lo <= zero + _NEAR) & (z.hi >= zero - _NEAR)
        if inside.any():
            least, most = _extremum(name, order, zero)
            lo = np.where(inside, np.minimum(lo, least), lo)
            hi = np.where(inside, np.maximum(hi, most), hi)
    return Intervals(lo, hi)


def _constant(z: Intervals, value: float) -> Intervals:
    number = np.full(z.shape, value)
    return Intervals(number, number)


def _steps(z: Intervals, left: float, right: float) -> Intervals:
    """`left` below 0 and `right` above; from one to the other where an interval touches 0."""
    low, high = min(left, right), max(left, right)
    below, above = z.hi < 0, z.lo > 0
    return Intervals(
        np.where(below, left, np.where(above, right, low)),
        np.where(below, left, np.where(above, right, high)),
    )


def _unknown_at_zero(z: Intervals) -> Intervals:
    """0 away from 0; nothing is known where an interval touches the jump at 0."""
    touching = (z.lo <= 0) & (z.hi >= 0)
    return Intervals(np.where(touching, -np.inf, 0.0), np.where(touching, np.inf, 0.0))


def _scaled_below(z: Intervals, slope: float) -> Intervals:
    """Slope * z where z < 0, z elsewhere."""
    if slope == 0.0:
        return z.maximum(0.0)
    if slope == -1.0:
        return abs(z)
    part = z * slope
    return Intervals(np.where(z.lo < 0, part.lo, z.lo), np.where(z.hi < 0, part.hi, z.hi))


def _linear_pieces(z: Intervals, order: int, slope: float) -> Formulas:
    jumps = [_unknown_at_zero(z)] * 2
    return [_scaled_below(z, slope), _steps(z, slope, 1.0), *jumps][: order + 1]


def _relu_power(z: Intervals, order: int, power: int) -> Formulas:
    positive = z.maximum(0.0)
    found, factor = [], 1.0
    for left in range(power, power - order - 1, -1):
        if left > 0:
            piece = positive.power(left)
            piece = piece if factor == 1.0 else piece * factor
            found.append(Intervals(np.maximum(piece.lo, 0.0), piece.hi))
        else:
            found.append(_steps(z, 0.0, factor) if left == 0 else _unknown_at_zero(z))
        factor *= left
    return found


def _heaviside(z: Intervals, order: int) -> Formulas:
    return [_steps(z, 0.0, 1.0), *[_unknown_at_zero(z)] * 3][: order + 1]


def _identity(z: Intervals, order: int) -> Formulas:
    zero = _constant(z, 0.0)
    return [z, _constant(z, 1.0), zero, zero][: order + 1]


def _pieces(name: str, slope: float) -> Callable[[Intervals, int], Formulas]:
    if name in ("relu", "leaky_relu", "abs"):
        return lambda z, order: _linear_pieces(z, order, slope)
    if name.startswith("relu"):
        return lambda z, order: _relu_power(z, order, int(name[4:]))
    if name == "sin":
        return POINTS["sin"]
    return _heaviside if name == "heaviside" else _identity


_SLOPES = {"relu": 0.0, "leaky_relu": 0.01, "abs": -1.0}
_NAMES = sorted([*CRITICAL, *_SLOPES, "relu2", "relu3", "relu4", "sin", "heaviside", "identity"])


def derivatives(name: Any, z: Intervals, order: Any, dtype: Any = "float64") -> list[Intervals]:
    """Ranges over z of an activation and its derivatives: [value, first, ..., order-th].

    Sharp up to rounding. Where a derivative has two one-sided values the range spans both (the
    first derivative of relu over an interval that touches 0 is [0, 1]); where the derivative before
    it jumps it is [-inf, inf].

    Args:
        name: A key of `approxlab.networks.activations.ACTIVATIONS`.
        z: The intervals.
        order: 0 to 3.
        dtype: Of the network: the slope 0.01 of leaky_relu is that number as rounded to it.

    Raises:
        ValueError: If there is no activation of that name or the order is not 0 to 3.

    Example:
        >>> value, slope = derivatives("tanh", Intervals.exact([0.0]), 1)
        >>> bool(slope.lo[0] <= 1.0 <= slope.hi[0])
        True
    """
    if name not in _NAMES:
        raise ValueError(f"name: got {name!r}, expected one of {', '.join(_NAMES)}.")
    if isinstance(order, bool) or order not in (0, 1, 2, 3):
        raise ValueError(f"order: got {order!r}, expected 0, 1, 2 or 3.")
    if name in CRITICAL:
        ranges = _by_signs(name)
    else:
        slope = float(np.asarray(_SLOPES.get(name, 0.0), np.dtype(dtype)))
        ranges = _pieces(name, slope)
    return blockwise_list(lambda part: ranges(part, order), z)
