"""Second-order expansions of smooth activations at points, with few and fast operations.

The derivatives of tanh, the logistic function and softplus are polynomials in their values, so one
elementary function per point is enough; the remainder is bounded by the third derivative at the
point and a bound of the fourth one everywhere.

With t = tanh z: t' = 1 - t^2, t'' = -2 t t', t''' = t' (6 t^2 - 2) and
t'''' = 16 t - 40 t^3 + 24 t^5, whose sizes are at most 1, 4 / (3 sqrt 3) < 0.76981, 2 and 4.086:
it is largest where 16 - 120 t^2 + 120 t^4 = 0, that is at t^2 = (15 - sqrt 105) / 30 in [0, 1].
The logistic function is (1 + tanh(z / 2)) / 2, whose k-th derivative is 2^-(k+1) times that of tanh
at z / 2, and softplus is its integral.

Values. The kernels give tanh and the logistic function up to 5.2 u and 4.2 u, since these are at
most 1, and exp(-|z|) up to 3 u, by which log1p of it changes at most.

Errors. If a value t errs by e and |t| <= 1, then fl(1 - fl(t t)) errs by at most 2 e + e^2 + 2 u,
and so on: the bounds below are those sums, rounded up generously.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from approxlab.certify import _exponentials, _logarithms, _trigonometry
from approxlab.certify._error_bounds import UNIT, down, up, upward

__all__ = ["FAST", "Expansion", "Limit"]

Array = np.ndarray


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """What holds of an activation everywhere.

    Attributes:
        low: Its values are at least this.
        high: Its values are at most this.
        first: Bound of the size of the first derivative.
        second: Of the second one.
        third: Of the third one.
        fourth: Of the fourth one.
        values: Of an increasing activation, its values at points and bounds of their errors.
    """

    low: float
    high: float
    first: float
    second: float
    third: float
    fourth: float
    values: Callable[[Array], tuple[Array, Any]] | None = None


@dataclasses.dataclass(frozen=True, eq=False, slots=True)
class Expansion:
    """f(z), f'(z), f''(z) and |f'''(z)| at floating-point numbers z.

    Attributes:
        z: The numbers.
        f0: f(z), known up to `e0`.
        f1: f'(z), up to `e1`.
        f2: f''(z), up to `e2`.
        f3: At least |f'''(z)|.
        limit: What holds everywhere.
    """

    z: Array
    f0: Array
    f1: Array
    f2: Array
    f3: Array
    e0: Any
    e1: Any
    e2: Any
    limit: Limit

    def beyond(self, reach: Array) -> Array:
        """At least |f(z + w) - f0 - f1 w - f2 w^2 / 2| for |w| <= reach, without e0, e1 and e2."""
        limit, square = self.limit, reach * reach
        third = np.minimum(self.f3 + limit.fourth * reach, limit.third)
        found = (third * (1.0 / 6.0)) * (square * reach)
        far = ~(reach < _FAR)
        if np.any(far):
            found = np.fmin(found, limit.second * square)
            found = np.fmin(found, 2.0 * limit.first * reach + (0.5 * limit.second) * square)
            if limit.values is not None:
                found[far] = np.fmin(found[far], self._change(limit.values, far, reach[far]))
        return upward(found, 16)

    def _change(
        self, values: Callable[[Array], tuple[Array, Any]], far: Array, reach: Array
    ) -> Array:
        """The same from the values at both ends: little where the activation is nearly constant."""
        z, f0 = self.z[far], self.f0[far]
        (above, more), (below, less) = values(up(z + reach)), values(down(z - reach))
        e0 = self.e0[far] if isinstance(self.e0, np.ndarray) else self.e0
        change = np.maximum(above - f0 + more, f0 - below + less) + e0
        slack = 4.0 * UNIT * (np.abs(above) + np.abs(below) + np.abs(f0))
        bend = np.abs(self.f2[far]) * (0.5 * reach)
        return change + slack + (np.abs(self.f1[far]) + bend) * reach


_FAR = 1.0  # beyond this the values at the ends may say more than derivatives


def _tanh_values(z: Array) -> tuple[Array, float]:
    return _exponentials.tanh(z)[0], 5.2 * UNIT


def _tanh(z: Array) -> Expansion:
    t, e0 = _tanh_values(z)
    square = t * t
    f1 = 1.0 - square
    e1 = 2.1 * e0 + 4 * UNIT
    f2 = -2.0 * (t * f1)
    e2 = 2.1 * (e0 + e1) + 8 * UNIT
    # The third derivative, (1 - t^2) (6 t^2 - 2), changes by at most 16 times the error of t.
    f3 = np.abs(6.0 * square - 2.0) * f1 + (16.0 * e0 + 4.0 * e1 + 32 * UNIT)
    return Expansion(z, t, f1, f2, f3, e0, e1, e2, _TANH)


def _sigmoid_values(z: Array) -> tuple[Array, float]:
    return _exponentials.logistic(z)[0], 4.2 * UNIT


def _sigmoid(z: Array) -> Expansion:
    s, e0 = _sigmoid_values(z)
    f1 = s * (1.0 - s)
    e1 = 1.1 * e0 + 4 * UNIT
    f2 = f1 * (1.0 - 2.0 * s)
    e2 = 1.1 * (e0 + e1) + 8 * UNIT
    f3 = np.abs(f1 * (1.0 - 6.0 * f1)) + (2.0 * e1 + 16 * UNIT)
    return Expansion(z, s, f1, f2, f3, e0, e1, e2, _SIGMOID)


def _softplus_values(z: Array) -> tuple[Array, Array]:
    log, bound = _logarithms.log1p(_exponentials.exp(-np.abs(z))[0])
    value = np.maximum(z, 0.0) + log
    return value, upward(bound + 3.2 * UNIT + 1.1 * UNIT * value, 8)


def _softplus(z: Array) -> Expansion:
    value, e0 = _softplus_values(z)
    inner = _sigmoid(z)
    f3 = np.abs(inner.f2) + 2.0 * inner.e2
    return Expansion(z, value, inner.f0, inner.f1, f3, e0, inner.e0, inner.e1, _SOFTPLUS)


def _sin(z: Array) -> Expansion:
    (sine, e0), (cosine, e1) = _trigonometry.sin(z), _trigonometry.cos(z)
    return Expansion(z, sine, cosine, -sine, np.abs(cosine) + 2.0 * e1, e0, e1, e0, _SIN)


_TANH = Limit(-1.0, 1.0, 1.0, 0.76981, 2.0, 4.086, _tanh_values)
_SIGMOID = Limit(0.0, 1.0, 0.25, 0.09623, 0.125, 0.12769, _sigmoid_values)
_SOFTPLUS = Limit(0.0, np.inf, 1.0, 0.25, 0.09623, 0.125, _softplus_values)
_SIN = Limit(-1.0, 1.0, 1.0, 1.0, 1.0, 1.0)

FAST: Mapping[str, Callable[[Array], Expansion]] = {
    "tanh": _tanh,
    "sigmoid": _sigmoid,
    "softplus": _softplus,
    "sin": _sin,
}
"""Name of an activation to its expansion at points."""
