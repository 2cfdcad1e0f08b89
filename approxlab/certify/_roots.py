"""The cube root of floats, with a bound of its error that is proved after the fact."""

from __future__ import annotations

import numpy as np

from approxlab.certify._rounding import UNIT

__all__ = ["cbrt"]


def cbrt(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The real cube root: values and bounds of their errors.

    |x| = 8^e m with m in [1/8, 1), exactly. From y = 0.5 + 0.54 m Halley's iteration
    y (y^3 + 2 m) / (2 y^3 + m) cubes the relative error each time: it is below 0.13 at first, and
    three steps more than suffice.

    Proof. y^3 is computed with a relative error of at most 2 u, so that d = y^3 - m is known up to
    3 u m, and |y - m^(1/3)| = |d| / (y^2 + y m^(1/3) + m^(2/3)) <= |d| / y^2. The bound is taken
    from the computed d, so that it holds whatever the iteration did.
    """
    x = np.asarray(x, np.float64)
    size = np.minimum(np.abs(x), np.finfo(np.float64).max)
    fraction, exponent = np.frexp(size)
    lift = (-exponent) % 3
    m = np.ldexp(fraction, -lift)
    y = 0.5 + 0.54 * m
    for _ in range(4):
        cube = y * y * y
        y = y * ((cube + 2.0 * m) / (2.0 * cube + m))
    miss = np.abs(y * y * y - m) + (8 * UNIT) * m
    bound = miss / (y * y) * (1.0 + 16 * UNIT)
    third = (exponent + lift) // 3
    value, bound = np.ldexp(y, third), np.ldexp(bound, third)
    zero = size == 0
    value, bound = np.where(zero, 0.0, value), np.where(zero, 0.0, bound)
    return np.copysign(value, x), np.where(np.isinf(x), np.inf, bound)
