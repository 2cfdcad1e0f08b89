"""Taylor coefficients of smooth networks of one variable, of any order, over any arithmetic.

A jet is the list of f^(k)(x) / k!, k = 0, 1, ..., as arrays of shape (units, n). Layers are linear
in jets; an activation with y' = p(y) z' gives k y_k = sum_j j z_j p_{k-j}. The same recurrences
run in JAX (derivatives as functions), in float64 and in intervals (bounds of all derivatives).

Source: Griewank and Walther 2008, "Evaluating Derivatives", chapter 13.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from approxlab.calculus._intervals import Intervals

__all__ = [
    "SMOOTH",
    "Functions",
    "float_functions",
    "interval_functions",
    "network_jet",
    "product",
    "root",
]

Jet = list[Any]


@dataclasses.dataclass(frozen=True)
class Functions:
    """The elementary functions of an arithmetic, elementwise."""

    tanh: Callable[[Any], Any]
    tanh_slope: Callable[[Any], Any]
    sigmoid: Callable[[Any], Any]
    softplus: Callable[[Any], Any]
    sin: Callable[[Any], Any]
    cos: Callable[[Any], Any]
    normal_cdf: Callable[[Any], Any]
    normal_density: Callable[[Any], Any]
    relu: Callable[[Any], Any]
    step: Callable[[Any], Any]
    one: Callable[[Any], Any]
    linear: Callable[[np.ndarray, Any], Any]
    join: Callable[[Any, Any, int], Any]
    """Units before and from an index of the first and the second argument."""


def network_jet(
    weights: Sequence[Any],
    biases: Sequence[Any],
    activation: str,
    passthrough: Sequence[int],
    x: Any,
    order: int,
    functions: Functions,
    first: Any = None,
) -> Jet:
    """Coefficients 0 to order of all outputs at the points x, shape (1, n).

    Args:
        weights: One matrix per layer.
        biases: One vector per layer.
        activation: A key of `SMOOTH`.
        passthrough: Linear units per hidden layer.
        x: Points or intervals, shape (1, n).
        order: The highest coefficient.
        functions: The arithmetic.
        first: Values of W_0 x + b_0, if they are known better than by the arithmetic.
    """
    jet: Jet = [x, functions.one(x), *(x * 0.0 for _ in range(order - 1))][: order + 1]
    rule = SMOOTH[activation]
    for i, (weight, bias) in enumerate(zip(weights, biases, strict=True)):
        jet = [functions.linear(weight, part) for part in jet]
        jet[0] = jet[0] + bias[:, None] if i or first is None else first
        if i < len(passthrough):
            bent = rule(jet, functions)
            if passthrough[i]:
                units = weight.shape[0] - passthrough[i]
                bent = [functions.join(y, z, units) for y, z in zip(bent, jet, strict=True)]
            jet = bent
    return jet


def product(a: Jet, b: Jet) -> Jet:
    """Coefficients of a product."""
    return [_sum([a[j] * b[k - j] for j in range(k + 1)]) for k in range(len(a))]


def root(a: Jet, first: Any) -> Jet:
    """Coefficients of the square root of a, whose first one is given."""
    found = [first]
    for k in range(1, len(a)):
        inner = [found[j] * found[k - j] for j in range(1, k)]
        rest = a[k] - _sum(inner) if inner else a[k]
        twice = 2.0 * first
        found.append(rest.over(twice) if isinstance(rest, Intervals) else rest / twice)
    return found


def _integrated(slope: Jet, z: Jet, first: Any) -> Jet:
    """Jet of y with y' = slope * z' and y_0 given."""
    found = [first]
    for k in range(1, len(z)):
        found.append(_sum([(j / k) * (z[j] * slope[k - j]) for j in range(1, k + 1)]))
    return found


def _sum(parts: Sequence[Any]) -> Any:
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    return total


def _feedback(z: Jet, first: Any, slope_at: Callable[[Jet, int], Any]) -> Jet:
    """Jet of y with y' = p(y) z', where slope_at(y, k) is coefficient k of p(y)."""
    found, slope = [first], []
    for k in range(1, len(z)):
        slope.append(slope_at(found, k - 1))
        found.append(_sum([(j / k) * (z[j] * slope[k - j]) for j in range(1, k + 1)]))
    return found


def _tanh(z: Jet, of: Functions) -> Jet:
    def slope(y: Jet, k: int) -> Any:
        if k == 0:
            return of.tanh_slope(z[0])  # 1 - y^2 without cancellation
        return -_sum([y[j] * y[k - j] for j in range(k + 1)])

    return _feedback(z, of.tanh(z[0]), slope)


def _sigmoid(z: Jet, of: Functions) -> Jet:
    def slope(y: Jet, k: int) -> Any:
        if k == 0:
            return y[0] * of.sigmoid(-z[0])  # 1 - y without cancellation
        return y[k] - _sum([y[j] * y[k - j] for j in range(k + 1)])

    return _feedback(z, of.sigmoid(z[0]), slope)


def _softplus(z: Jet, of: Functions) -> Jet:
    return _integrated(_sigmoid(z, of), z, of.softplus(z[0]))


def _sin(z: Jet, of: Functions) -> Jet:
    sines, cosines = [of.sin(z[0])], [of.cos(z[0])]
    for k in range(1, len(z)):
        s = _sum([(j / k) * (z[j] * cosines[k - j]) for j in range(1, k + 1)])
        c = _sum([(j / k) * (z[j] * sines[k - j]) for j in range(1, k + 1)])
        sines.append(s)
        cosines.append(-c)
    return sines


def _gelu(z: Jet, of: Functions) -> Jet:
    density = [of.normal_density(z[0])]
    for k in range(1, len(z)):  # density' = -z density z'
        inner = [
            (j / k) * (z[j] * _sum([z[m] * density[k - j - m] for m in range(k - j + 1)]))
            for j in range(1, k + 1)
        ]
        density.append(-_sum(inner))
    return product(z, _integrated(density, z, of.normal_cdf(z[0])))


def _swish(z: Jet, of: Functions) -> Jet:
    return product(z, _sigmoid(z, of))


def _relu_power(power: int) -> Callable[[Jet, Functions], Jet]:
    def rule(z: Jet, of: Functions) -> Jet:
        on = of.step(z[0])
        ramp = [of.relu(z[0]), *(on * part for part in z[1:])]
        found = ramp
        for _ in range(power - 1):
            found = product(found, ramp)
        return found

    return rule


SMOOTH: Mapping[str, Callable[[Jet, Functions], Jet]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "sin": _sin,
    "gelu": _gelu,
    "swish": _swish,
    "relu2": _relu_power(2),
    "relu3": _relu_power(3),
    "relu4": _relu_power(4),
}
"""Activation to its rule for jets. Powers of relu are smooth up to their power minus one."""


def _tanh_slope(xp: Any) -> Callable[[Any], Any]:
    def slope(z: Any) -> Any:
        small = xp.exp(-2.0 * xp.abs(z))
        return 4.0 * small / (1.0 + small) ** 2

    return slope


def _normal_density(xp: Any) -> Callable[[Any], Any]:
    return lambda z: xp.exp(-0.5 * z * z) / math.sqrt(2 * math.pi)


def float_functions(xp: Any, special: Any, join: Any) -> Functions:
    """The functions of NumPy or JAX, with `expit` and `ndtr` of its own `special`."""
    return Functions(
        tanh=xp.tanh,
        tanh_slope=_tanh_slope(xp),
        sigmoid=special.expit,
        softplus=lambda z: xp.logaddexp(z, 0.0),
        sin=xp.sin,
        cos=xp.cos,
        normal_cdf=special.ndtr,
        normal_density=_normal_density(xp),
        relu=lambda z: xp.maximum(z, 0.0),
        step=lambda z: (z > 0).astype(z.dtype),
        one=xp.ones_like,
        linear=lambda weight, part: weight @ part,
        join=join,
    )


@functools.cache
def interval_functions() -> Functions:
    """The functions of intervals, rounded outward."""
    from scipy import special

    def join(y: Intervals, z: Intervals, units: int) -> Intervals:
        low = np.concatenate([y.low[:units], z.low[units:]])
        return Intervals(low, np.concatenate([y.high[:units], z.high[units:]]))

    return Functions(
        tanh=lambda z: z.monotone(np.tanh, within=(-1.0, 1.0), least=0.0),
        tanh_slope=lambda z: z.bell(_tanh_slope(np)),
        sigmoid=lambda z: z.monotone(special.expit, within=(0.0, 1.0)),
        softplus=lambda z: z.monotone(lambda v: np.logaddexp(v, 0.0), within=(0.0, math.inf)),
        sin=lambda z: z.waves(np.sin, math.pi / 2),
        cos=lambda z: z.waves(np.cos, 0.0),
        normal_cdf=lambda z: z.monotone(special.ndtr, within=(0.0, 1.0)),
        normal_density=lambda z: z.bell(_normal_density(np)),
        relu=lambda z: Intervals(np.maximum(z.low, 0.0), np.maximum(z.high, 0.0)),
        step=lambda z: Intervals((z.low > 0).astype(float), (z.high > 0).astype(float)),
        one=lambda z: Intervals(np.ones_like(z.low), np.ones_like(z.low)),
        linear=lambda weight, part: part.linear(weight),
        join=join,
    )
