"""Best polynomials on growing sets of points, by linear programs.

The exchange of Remez may wander without progress where the target oscillates faster than the
polynomials or the reference is far from the best one. Linear programs do not: each adds the extrema
of the last error to the points on which the largest error is minimised, so its value rises to the
least error on the interval.
"""

from __future__ import annotations

import numpy as np

from approxlab.optimal._curve import Curve
from approxlab.optimal._exchange import Exchange, equal_errors, extrema, mapped

__all__ = ["level_by_programs"]

_PROGRAMS = 30
_CLOSE = 1e-6  # HiGHS meets conditions to about 1e-7


def level_by_programs(curve: Curve, start: Exchange, marks: np.ndarray) -> Exchange:
    """A polynomial whose largest error is nearly the least one; never worse than the start."""
    from scipy.optimize import linprog

    best, degree = start, len(start.reference) - 2
    points = np.union1d(
        start.reference, -np.cos(np.pi * np.arange(4 * degree + 9) / (4 * degree + 8))
    )
    for _ in range(_PROGRAMS):
        waves = np.polynomial.chebyshev.chebvander(points, degree)
        values = curve(mapped(curve, points)) / curve.size
        ones = np.ones((len(points), 1))
        solution = linprog(
            np.append(np.zeros(degree + 1), 1.0),
            A_ub=np.block([[waves, -ones], [-waves, -ones]]),
            b_ub=np.concatenate([values, -values]),
            bounds=[(None, None)] * (degree + 1) + [(0.0, None)],
            method="highs",
        )
        if solution.status != 0:
            break
        coefficients = solution.x[:-1] * curve.size
        prices = np.abs(solution.ineqlin.marginals).reshape(2, -1).sum(axis=0)
        reference = points[np.sort(np.argsort(-prices, kind="stable")[: degree + 2])]
        positions, errors = extrema(curve, coefficients, np.union1d(reference, marks))
        level = equal_errors(curve, reference)[1]
        found = Exchange(level, float(np.max(np.abs(errors))), coefficients, reference)
        best = best.better(found)
        large = np.abs(errors) > solution.x[-1] * curve.size * (1.0 + _CLOSE)
        if best.level(curve, _CLOSE) or not np.any(large):
            break
        points = np.union1d(points, positions[large])
    return best
