"""The cube root of floats, with a bound of its error that is proved after the fact."""

from __future__ import annotations

import numpy as np

from approxlab.certify._rounding import LARGEST, UNIT

__all__ = ["cbrt"]

_KEPT_BITS = np.int64(-1) << 36  # sign, exponent and 16 bits of the fraction


def cbrt(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The real cube root.

    |x| = 8^n m with m in [1/8, 1), exactly. Halley's iteration from a linear start finds y near
    m^(1/3), which is cut to 17 bits, so that y^3 is exact, and so is m - y^3 (Sterbenz). With
    d = (m - y^3) / y^3, m^(1/3) = y (1 + d)^(1/3) = y + y (d/3 - d^2/9 + 5 d^3/81 - ...).

    Proof. For |d| <= 2^-13, which is asked of the computed d, the terms left out are below
    d^4 / 24 < 2^-56. The computed correction is below 2^-14 y and errs by 8 u of itself, the last
    sum by u: in all below 1.2 u, whatever the iteration did. Where d is larger the bound is inf.
    """
    size = np.minimum(np.abs(x), LARGEST)
    fraction, exponent = np.frexp(size)
    lift = (-exponent) % 3
    m = np.ldexp(fraction, -lift)
    y = 0.5 + 0.54 * m
    for _ in range(3):
        cube = y * y * y
        y = y * ((cube + 2.0 * m) / (2.0 * cube + m))
    y = (y.view(np.int64) & _KEPT_BITS).view(np.float64)
    cube = y * y * y
    d = (m - cube) / cube
    series = d * (1.0 / 3.0 + d * (-1.0 / 9.0 + d * (5.0 / 81.0)))
    root = y + y * series
    value = np.ldexp(root, (exponent + lift) // 3)
    bound = np.where(np.abs(d) <= 2.0**-13, value * (1.3 * UNIT), np.inf)
    zero = size == 0
    value = np.copysign(np.where(zero, 0.0, value), x)
    return value, np.where(zero, 0.0, np.where(np.isinf(x), np.inf, bound))
