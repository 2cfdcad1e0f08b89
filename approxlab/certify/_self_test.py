"""Whether the arithmetic of this machine is the one the proofs are about.

NumPy's elementwise `+ - * / sqrt` must be IEEE 754 binary64 operations, rounded to nearest, one by
one (no fused multiply-add across two calls) and with subnormal numbers. Some libraries switch the
processor to flushing subnormal numbers to zero when they are loaded, so the test is run whenever
something is certified, not once at installation.
"""

from __future__ import annotations

import hashlib

import numpy as np

from approxlab.certify import _elementary as elementary
from approxlab.certify._activation_ranges import CRITICAL, derivatives
from approxlab.certify._frozen_points import FROZEN_POINTS
from approxlab.certify._intervals import Intervals
from approxlab.certify._matrix_products import matmul
from approxlab.certify._rounding import down, up

__all__ = ["self_test"]

# The kernels use nothing but correctly rounded operations in a fixed order, so that their results
# are the same bits on every machine. Whoever changes a kernel changes this with it, knowingly.
_DIGEST = "83daf64792c033da"


def self_test() -> list[str]:
    """The reasons why nothing can be guaranteed on this machine; an empty list if there are none.

    Example:
        >>> self_test()
        []
    """
    with np.errstate(all="ignore"):
        return [
            reason
            for check in (_rounding, _subnormals, _steps, _products, _values, _bits)
            for reason in check()
        ]


def _rounding() -> list[str]:
    one = np.ones(67)
    a = one + 2.0**-30
    found = []
    if not (one + 2.0**-53 == 1.0).all() or not (one + 3 * 2.0**-54 == 1.0 + 2.0**-52).all():
        found.append("rounding: sums are not rounded to nearest, ties to even")
    if not (a * a - (1.0 + 2.0**-29) == 0.0).all():
        found.append("fused multiply-add: a product is not rounded before it is added to")
    third, root = float.fromhex("0x1.5555555555555p-2"), float.fromhex("0x1.6a09e667f3bcdp+0")
    if not (one / (3.0 * one) == third).all() or not (np.sqrt(2.0 * one) == root).all():
        found.append("rounding: quotients or square roots are not correctly rounded")
    if not ((5.0 * one) / 3.0 == float.fromhex("0x1.aaaaaaaaaaaabp+0")).all():
        found.append("rounding: a division by one number is not correctly rounded")
    return found


def _subnormals() -> list[str]:
    small = np.full(67, 2.0**-1060)
    found = []
    if (
        not (small * 2.0**-14 == 2.0**-1074).all()
        or not (small * 2.0**-10 * 2.0**10 == small).all()
    ):
        found.append("subnormals: numbers below 2^-1022 are flushed to zero")
    matrix = np.full((8, 8), 2.0**-1070)
    if not (np.matmul(matrix, np.full((8, 8), 2.0**1000)) == 2.0**-67).all():
        found.append("subnormals: matrix products flush them to zero")
    return found


def _steps() -> list[str]:
    x = np.array([0.0, 2.0**-1074, 2.0**-1022, 1.0, 1.0 - 2.0**-53, 1e300, -1.0, -(2.0**-1022)])
    if not (up(x) >= np.nextafter(x, np.inf)).all() or not (up(x) > x).all():
        return ["rounding outward: a step upward is too short"]
    if not (down(x) <= np.nextafter(x, -np.inf)).all() or not (down(x) < x).all():
        return ["rounding outward: a step downward is too short"]
    return []


def _products() -> list[str]:
    """Products of matrices of integers, whose exact values Python knows."""
    rows = np.arange(35).reshape(5, 7) * 7919 % 1009 - 504
    columns = np.arange(28).reshape(7, 4) * 104729 % 997 - 498
    exact = np.array(
        [[sum(int(x) * int(y) for x, y in zip(row, column, strict=True)) for column in columns.T]
         for row in rows]
    )  # fmt: skip
    product = matmul(rows, columns)
    if not product.contains(exact).all() or not (product.width <= 1e-6).all():
        return ["matrix products: a product of integers is not enclosed"]
    return []


def _values() -> list[str]:
    found = []
    for name, table in FROZEN_POINTS.items():
        numbers = np.array([float.fromhex(word) for word in table.split()]).reshape(-1, 2)
        points, below = numbers[:, 0], numbers[:, 1]
        z = getattr(elementary, name)(Intervals(points, points))
        enclosed = (z.lo <= below) & (z.hi >= np.nextafter(below, np.inf))
        exact = z.contains(below) & (points == 0)  # logistic(0) = 1/2 and the like
        narrow = z.hi - z.lo <= 24 * np.spacing(np.abs(below))
        if not ((enclosed | exact) & narrow).all():
            place = points[~((enclosed | exact) & narrow)][0]
            found.append(f"kernels: {name} at {place!r} is not enclosed, or not narrowly")
    return found


def _bits() -> list[str]:
    """One digest of all kernels and interval operations on fixed points."""
    near = np.linspace(-7.0, 7.0, 411)
    far = np.concatenate([np.linspace(-760.0, 720.0, 1201), [-1e300, 1e300, 2.0**-1060]])
    results = []
    ends = np.array([[-np.inf, -np.inf, 1.0, 0.5], [np.inf, -1.0, np.inf, 2.0]])
    unbounded = Intervals(ends[0], ends[1])
    for name in CRITICAL:
        results += derivatives(name, unbounded, 3)
    for points in (near, far):
        z = Intervals(points, points + np.linspace(0.0, 0.7, points.size))
        positive = Intervals(np.abs(points) + 2.0**-20, np.abs(points) + 0.3)
        results += [z + positive, z - positive, z * positive, z / positive, positive / z]
        results += [z.power(n) for n in (2, 3, 4, -2, -3)] + [z.square(), z.scaled(-0.25), abs(z)]
        for name in elementary.__all__:
            results += [getattr(elementary, name)(argument) for argument in (z, positive)]
        for name in (*CRITICAL, "leaky_relu", "relu3"):
            results += derivatives(name, z, 3)
    hashed = hashlib.sha256()
    for result in results:
        for end in (result.lo, result.hi):
            hashed.update((end + 0.0).astype("<f8").tobytes())  # + 0.0: one zero
    if hashed.hexdigest()[:16] != _DIGEST:
        return [f"kernels: their results differ from those on record ({hashed.hexdigest()[:16]})"]
    return []
