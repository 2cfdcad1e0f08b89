"""How functions of one number act on Taylor models: smooth ones by derivatives, kinks by slopes.

Smooth. With u = u0 + w, |w| <= reach, Taylor's formula gives f(u0) + f'(u0) w + f''(u0) w^2 / 2 and
a remainder that is at most each of max |f'''| reach^3 / 6, max |f'' - f''(u0)| reach^2 / 2 and
max |f' - f'(u0)| reach + |f''(u0)| reach^2 / 2. Derivatives at u0 are thin intervals, whose middles
are the coefficients; the maxima are over all values of u, and u0.

Kinks. For l < 0 < h and any number t in [-1, 1], |u| - t u lies between 0 and
max((1 - t) h, -(1 + t) l) on [l, h]; likewise relu(u) - t u between 0 and max((1 - t) h, -t l) for
t in [0, 1].
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np

from approxlab.certify import _elementary as elementary
from approxlab.certify._activation_ranges import derivatives
from approxlab.certify._error_bounds import gamma, times_sizes, upward
from approxlab.certify._intervals import Intervals
from approxlab.certify._local_expansions import FAST, Expansion
from approxlab.certify._taylor_models import Models, middle, outer

__all__ = ["applied", "powered", "real_powered"]

Derivatives = Callable[[Intervals, int], list[Intervals]]
_STEPS = 160


def applied(name: str, u: Models) -> Models:
    """The function of that name, a member of `_expression.FUNCTIONS`, of every entry."""
    if name in _KINKS:
        return _KINKS[name](u)
    if name in FAST:
        return quick(u, FAST[name])
    if name in _ACTIVATIONS:
        return smooth(u, lambda z, order: derivatives(name, z, order), 2 if name == "relu2" else 3)
    return smooth(u, _SMOOTH[name])


def powered(u: Models, exponent: int) -> Models:
    """u^exponent for an integer."""
    if exponent == 2:
        square = u.range().square()
        found = u.times(u)
        low, high = np.fmax(found.low, square.lo), np.fmin(found.high, square.hi)
        return dataclasses.replace(found, low=low, high=high).settled()
    return smooth(u, lambda z, order: _powers(z, exponent, order))


def real_powered(u: Models, exponent: float) -> Models:
    """u^exponent for a positive number, of numbers that are at least 0."""
    return smooth(u, lambda z, order: _real_powers(z, exponent, order))


def smooth(u: Models, rule: Derivatives, order: int = 3) -> Models:
    """f(u), where the rule gives bounds of f, f', f'', f''' up to an order.

    Args:
        u: The models.
        rule: Bounds of the derivatives on intervals.
        order: 2 if f''' is not bounded by the rule, as where f'' jumps.
    """
    centre = rule(Intervals(u.value, u.value), 2)
    whole = Intervals(np.fmin(u.low, u.value), np.fmax(u.high, u.value))
    over = rule(whole, order)
    (f0, e0), (f1, e1), (f2, e2) = (middle(part.lo, part.hi) for part in centre)
    size = upward(u.linear_size + u.curved_size + u.rest, _STEPS)
    reach = np.fmin(size, upward(np.maximum(u.high - u.value, u.value - u.low), 2))
    second = upward(np.maximum(over[2].hi - f2, f2 - over[2].lo), 2)
    first = upward(np.maximum(over[1].hi - f1, f1 - over[1].lo), 2)
    bent = times_sizes(0.5 * np.abs(f2), reach, reach)
    beyond = np.fmin(times_sizes(0.5 * second, reach, reach), first * reach + bent)
    if order >= 3:
        third = np.maximum(np.abs(over[3].lo), np.abs(over[3].hi))
        beyond = np.fmin(beyond, times_sizes(third / 6.0, reach, reach, reach))
    more = upward(beyond + e0 + e1 * size + times_sizes(0.5 * e2, size, size), 20)
    return composed(u, (f0, f1, f2), more, over[0].lo, over[0].hi)


def quick(u: Models, expansion: Callable[[np.ndarray], Expansion]) -> Models:
    """f(u) for a function whose derivatives are bounded everywhere."""
    local = expansion(u.value)
    size = upward(u.linear_size + u.curved_size + u.rest, _STEPS)
    reach = np.fmin(size, upward(np.maximum(u.high - u.value, u.value - u.low), 2))
    lost = local.e0 + local.e1 * size + times_sizes(0.5 * local.e2, size, size)
    more = upward(local.beyond(reach) + lost, 20)
    low, high = (np.full_like(u.value, end) for end in (local.limit.low, local.limit.high))
    return composed(u, (local.f0, local.f1, local.f2), more, low, high)


def composed(
    u: Models,
    coefficients: tuple[np.ndarray, np.ndarray, np.ndarray],
    more: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> Models:
    """f0 + f1 w + f2 w^2 / 2 for w = u - value, known up to `more`; low and high bound it."""
    f0, f1, f2 = coefficients
    linear, curved, rest = u.linear_size, u.curved_size, u.rest
    slopes = None if u.slopes is None else f1 * u.slopes
    curves = None if u.curves is None else f1 * u.curves
    if u.slopes is not None:
        # Squares of slopes alone may underflow, and f'' be large.
        bent = outer((0.5 * f2) * u.slopes, u.slopes)
        curves = bent if curves is None else curves + bent
    small = curved + rest
    half = 0.5 * np.abs(f2)
    lost = np.abs(f1) * rest + times_sizes(half, 2.0 * linear + small, small)
    size = np.abs(f1) * (linear + curved) + times_sizes(half, linear, linear)
    rest = upward(lost + more + gamma(8) * size, _STEPS)
    return Models(f0, slopes, curves, rest, low, high).settled()


# Kinks and jumps


def absolute(u: Models) -> Models:
    """|u|."""
    bent = (u.low < 0.0) & (u.high > 0.0)
    with np.errstate(invalid="ignore"):
        slope = np.clip((u.high + u.low) / (u.high - u.low), -1.0, 1.0)
    slope = np.where(bent & np.isfinite(slope), slope, 0.0)
    above, below = u.high * (1.0 - slope), -u.low * (1.0 + slope)
    low = np.maximum(np.maximum(u.low, -u.high), 0.0)
    found = _between_lines(u, slope, above, below, low, np.maximum(-u.low, u.high))
    return _by_sign(u, u.negative(), u, found)


def relu(u: Models) -> Models:
    """max(u, 0)."""
    bent = (u.low < 0.0) & (u.high > 0.0)
    with np.errstate(invalid="ignore"):
        slope = np.clip(u.high / (u.high - u.low), 0.0, 1.0)
    slope = np.where(bent & np.isfinite(slope), slope, 0.0)
    above, below = u.high * (1.0 - slope), -u.low * slope
    found = _between_lines(u, slope, above, below, np.maximum(u.low, 0.0), np.maximum(u.high, 0.0))
    return _by_sign(u, Models.constants(np.zeros(u.value.shape[1])), u, found)


def _between_lines(
    u: Models,
    slope: np.ndarray,
    above: np.ndarray,
    below: np.ndarray,
    low: np.ndarray,
    high: np.ndarray,
) -> Models:
    """Slope u + [0, max(above, below)], on entries that change sign."""
    with np.errstate(invalid="ignore"):
        most = upward(np.maximum(np.maximum(above, below), 0.0), 4)
    half = 0.5 * most
    return u.scaled(slope, half, half, low, high)


def _by_sign(u: Models, negative: Models, positive: Models, unknown: Models) -> Models:
    """One of three, by what is known of the sign of u."""
    return positive.where(u.low >= 0.0, negative.where(u.high <= 0.0, unknown))


def sign(u: Models) -> Models:
    """-1, 0 or 1."""
    return _constant_between(u, np.sign)


def floor(u: Models) -> Models:
    """The largest integer that is not larger."""
    return _constant_between(u, np.floor)


def rounded(u: Models) -> Models:
    """The nearest integer, ties to even."""
    return _constant_between(u, np.round)


def _constant_between(u: Models, step: Callable[[np.ndarray], np.ndarray]) -> Models:
    """An increasing function of steps, exact in floating point: between its values at the ends."""
    return Models.between(step(u.low), step(u.high))


_KINKS: Mapping[str, Callable[[Models], Models]] = {
    "absolute": absolute,
    "relu": relu,
    "sign": sign,
    "floor": floor,
    "round": rounded,
}
_ACTIVATIONS = frozenset({"gelu", "swish", "relu2", "relu3", "relu4"})


# Smooth functions: value and derivatives as intervals


def _number(value: float) -> Intervals:
    return Intervals.exact(np.array([value]))


def _exp(z: Intervals, order: int) -> list[Intervals]:
    return [elementary.exp(z)] * (order + 1)


def _expm1(z: Intervals, order: int) -> list[Intervals]:
    return [elementary.expm1(z), *[elementary.exp(z)] * order]


def _log_of(z: Intervals, first: Intervals, order: int) -> list[Intervals]:
    """Derivatives of log z, whose value is given: (-1)^(k-1) (k-1)! / z^k."""
    found = [first, z.power(-1), -z.power(-2), _number(2.0) * z.power(-3)]
    return found[: order + 1]


def _cos(z: Intervals, order: int) -> list[Intervals]:
    sine, cosine = elementary.sin(z), elementary.cos(z)
    return [cosine, -sine, -cosine, sine][: order + 1]


def _powers(z: Intervals, n: int, order: int) -> list[Intervals]:
    found, factor = [], 1.0
    for k in range(order + 1):
        zero = factor == 0.0
        found.append(_number(factor) * (z.power(n - k) if not zero else z.power(0)))
        factor *= n - k
    return found


def _real_powers(z: Intervals, p: float, order: int) -> list[Intervals]:
    """P (p - 1) ... z^(p - k) = p (p - 1) ... exp((p - k) log z); at z = 0 the value is 0."""
    if not p > 0.0:  # its pole at 0 is not looked for below
        return [Intervals.entire(z.shape)] * (order + 1)
    log, factor, found = elementary.log(z), _number(1.0), []
    for k in range(order + 1):
        exponent = _number(p) - _number(float(k))
        found.append(factor * elementary.exp(exponent * log))
        factor = factor * exponent
    low = np.where(z.lo == 0.0, 0.0, found[0].lo)
    high = np.where(z.hi == 0.0, 0.0, found[0].hi)
    unknown = ~(z.lo >= 0.0)
    low, high = np.where(unknown, -np.inf, low), np.where(unknown, np.inf, high)
    # log has no value at 0, and the power grows from 0 to its value at the upper end.
    touching = (z.lo == 0.0) & (z.hi > 0.0)
    if np.any(touching):
        ends = Intervals(np.where(touching, z.hi, 1.0), np.where(touching, z.hi, 1.0))
        most = elementary.exp(_number(p) * elementary.log(ends)).hi
        high = np.where(touching, most, high)
    found[0] = Intervals(low, high)
    for k in range(1, order + 1):
        ends = found[k]
        found[k] = Intervals(
            np.where(z.lo > 0.0, ends.lo, -np.inf), np.where(z.lo > 0.0, ends.hi, np.inf)
        )
    return found


def _sqrt(z: Intervals, order: int) -> list[Intervals]:
    root = elementary.sqrt(z)
    first = _number(0.5) / root
    found = [root, first, -(first / (_number(2.0) * z)), _number(3.0) * first]
    if order >= 3:
        found[3] = found[3] / (_number(4.0) * z.square())
    return found[: order + 1]


def _cbrt(z: Intervals, order: int) -> list[Intervals]:
    root = elementary.cbrt(z)
    three = _number(3.0)
    first = _number(1.0) / (three * root.square())
    second = -(_number(2.0) / (_number(9.0) * root.power(5)))
    found = [root, first, second, _number(10.0) / (_number(27.0) * root.power(8))]
    return found[: order + 1]


def _arctan(z: Intervals, order: int) -> list[Intervals]:
    one, square = _number(1.0), z.square()
    first = one / (one + square)
    twice = first.square()
    second = -(_number(2.0) * z) * twice
    third = (_number(6.0) * square - _number(2.0)) * (twice * first)
    return [elementary.arctan(z), first, second, third][: order + 1]


def _erf_of(value: Intervals, z: Intervals, order: int, sign_of: float) -> list[Intervals]:
    """Value given; the derivative is sign_of 2 / sqrt(pi) exp(-z^2)."""
    bell = _number(sign_of) * _TWO_OVER_ROOT_PI * elementary.exp(-z.square())
    second = -(_number(2.0) * z) * bell
    third = (_number(4.0) * z.square() - _number(2.0)) * bell
    return [value, bell, second, third][: order + 1]


_TWO_OVER_ROOT_PI = Intervals(
    np.array([float.fromhex("0x1.20dd750429b6dp+0")]),
    np.array([float.fromhex("0x1.20dd750429b6ep+0")]),
)

_SMOOTH: Mapping[str, Derivatives] = {
    "exp": _exp,
    "expm1": _expm1,
    "log": lambda z, order: _log_of(z, elementary.log(z), order),
    "log1p": lambda z, order: _log_of(_number(1.0) + z, elementary.log1p(z), order),
    "cos": _cos,
    "sqrt": _sqrt,
    "cbrt": _cbrt,
    "arctan": _arctan,
    "reciprocal": lambda z, order: _powers(z, -1, order),
    "erf": lambda z, order: _erf_of(elementary.erf(z), z, order, 1.0),
    "erfc": lambda z, order: _erf_of(elementary.erfc(z), z, order, -1.0),
}
