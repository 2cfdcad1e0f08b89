"""Best polynomials in the sup norm, and rational functions near the best ones.

Networks can be compared with their errors.

The exchange of Remez. On m + 2 points there is exactly one polynomial of degree at most m whose
errors have equal size h and alternating signs. Every polynomial of degree at most m has an error of
size at least h at one of these points (de la Vallee-Poussin), so h is a lower bound for the
interval. The points are exchanged for extrema of the error until the largest error is h, or until
rounding prevents further progress; the distance of the two bounds shows how close they came. Values
of polynomials are computed by barycentric interpolation.
"""

from __future__ import annotations

import dataclasses
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Estimate, Optimum
from approxlab.optimal._curve import Curve
from approxlab.optimal.pieces import GapInterval
from approxlab.rates import gap

__all__ = ["NearBestRational", "PolynomialOptimum", "best_polynomial", "near_best_rational"]

_SPLIT = 16  # cells between neighbouring points of the reference
_LEVEL = 1e-9
_STEPS, _PATIENCE = 200, 15  # most exchanges, and most exchanges without progress
_SAMPLES = 2001


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PolynomialOptimum:
    """Bounds on the least sup error of polynomials of degree m, and the best polynomial found.

    It can be called like a function of one point of shape (1,); this is the polynomial.

    Attributes:
        target: The function that is approximated.
        degree: The degree m.
        lower: Lower bound on the errors of all polynomials of degree at most m.
        upper: Error of the polynomial.
        coefficients: Its Chebyshev coefficients on the interval, shape (m + 1,).
        reference: The m + 2 points at which its errors alternate in sign.
    """

    target: Any
    degree: int
    lower: Optimum
    upper: Estimate
    coefficients: np.ndarray
    reference: np.ndarray

    def __call__(self, x: Any) -> jax.Array:
        """The polynomial at one point of shape (1,), by Clenshaw's recurrence."""
        low, high = self.target.domain.lower[0], self.target.domain.upper[0]
        t = (2.0 * x[0] - (low + high)) / (high - low)

        def step(carry: Any, coefficient: Any) -> Any:
            return (2.0 * t * carry[0] - carry[1] + coefficient, carry[0]), None

        zero, rest = jnp.zeros_like(t), jnp.asarray(self.coefficients[:0:-1], t.dtype)
        (first, second), _ = jax.lax.scan(step, (zero, zero), rest)
        return t * first - second + jnp.asarray(self.coefficients[0], t.dtype)

    def __repr__(self) -> str:
        low, high = float(self.lower), float(self.upper)
        return f"PolynomialOptimum(sup in [{low:.6g}, {high:.6g}], degree {self.degree})"

    def gap(self, error: Estimate | float) -> GapInterval:
        """Bounds on the ratio of a sup error to the least one; see `PieceOptimum.gap`."""
        upper = Optimum(float(self.upper), "sup", "lower", "attained")
        return GapInterval(gap(error, upper), gap(error, self.lower))

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: degree and both ends."""
        return [
            {
                "degree": self.degree,
                "least_sup_error_lower": float(self.lower),
                "least_sup_error_upper": float(self.upper),
            }
        ]


def best_polynomial(target: Any, degree: int) -> PolynomialOptimum:
    """The polynomial of degree m with the least sup error, by the exchange algorithm of Remez.

    The algorithm and the proof of the lower bound are at the head of `optimal/minimax.py`.

    Args:
        target: A continuous function of one point of shape (1,), with a `domain`.
        degree: The degree m, at least 1.

    Returns:
        A `PolynomialOptimum`. `lower` is the largest equal alternating error found, minus a bound
        on the rounding of values; `upper` is the largest error found at extrema of the error.

    Raises:
        ValueError: For the same targets as `relu_spline`.

    Source:
        Remez 1934; Pachon and Trefethen 2009, BIT 49, 721-741 (barycentric form). For |x| on
        [-1, 1], m E_m tends to 0.28017 (Varga and Carpenter 1985, Constr. Approx. 1, 333-348).

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> from approxlab.targets import get
        >>> best_polynomial(get("exp"), 4)
        PolynomialOptimum(sup in [0.000546668, 0.000546668], degree 4)
    """
    check_positive(degree=degree)
    curve, degree = Curve.of(target), int(degree)
    reference = -np.cos(np.pi * np.arange(degree + 2) / (degree + 1))
    lower, upper, kept = 0.0, np.inf, (np.zeros(degree + 1), reference)
    stalled = 0
    for _ in range(_STEPS):
        fit, level = _equal_errors(curve, reference)
        coefficients = _chebyshev(reference, fit, degree)
        extrema, largest = _exchanged(curve, reference, coefficients)
        stalled = stalled + 1 if level <= lower and largest >= upper else 0
        lower = max(lower, level)
        if largest < upper:
            upper, kept = largest, (coefficients, reference)
        done = largest <= level * (1.0 + _LEVEL) or np.array_equal(extrema, reference)
        if done or stalled >= _PATIENCE:
            break
        reference = extrema
    source = f"{degree + 2} equal alternating errors, de la Vallee-Poussin 1919"
    return PolynomialOptimum(
        target,
        degree,
        Optimum(max(0.0, lower - curve.rounding), "sup", "lower", source),
        Estimate(upper, "sup", (degree + 1) * _SPLIT + 1),
        kept[0],
        _mapped(curve, kept[1]),
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NearBestRational:
    """A good rational function; the error of the best one may be several times smaller.

    Attributes:
        target: The function that is approximated.
        degree: Degree m of numerator and denominator.
        upper: Its sup error; infinite if a pole lies on the interval.
        function: SciPy's `AAA` object: values, poles, residues, roots.
    """

    target: Any
    degree: int
    upper: Estimate
    function: Any

    def __repr__(self) -> str:
        return f"NearBestRational(sup {float(self.upper):.6g}, degree {self.degree})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: degree and error."""
        return [{"degree": self.degree, **self.upper.to_rows()[0]}]


def near_best_rational(target: Any, degree: int) -> NearBestRational:
    """A rational function of type at most (m, m) by SciPy's AAA: near the best, not optimal.

    AAA interpolates greedily and minimises a linearised error in the least-squares sense. Its sup
    error is often a few times the least one. For |x| it is tens of times the least one, which
    decreases like 8 exp(-pi sqrt m) (Stahl 1993). AAA may put poles on the interval; then the
    reported error is infinite.

    Args:
        target: A continuous function of one point of shape (1,), with a `domain`.
        degree: The degree m, at least 1.

    Returns:
        The function and its estimated sup error.

    Raises:
        ValueError: For the same targets as `relu_spline`.

    Source:
        Nakatsukasa, Sete and Trefethen 2018, SIAM J. Sci. Comput. 40, A1494-A1522.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> from approxlab.targets import get
        >>> near_best_rational(get("exp"), 3)
        NearBestRational(sup 4.57142e-07, degree 3)
    """
    from scipy.interpolate import AAA

    check_positive(degree=degree)
    curve = Curve.of(target)
    t = _clustered(curve, -np.cos(np.pi * np.arange(_SAMPLES) / (_SAMPLES - 1)))
    with warnings.catch_warnings():  # warning: the degree was reached before the tolerance
        warnings.simplefilter("ignore", RuntimeWarning)
        found = AAA(t, curve(t), rtol=1e-13, max_terms=int(degree) + 1, clean_up=False)
    poles = found.poles()
    bad = (np.abs(poles.imag) <= 1e-13 * curve.width) & (
        np.abs(poles.real - 0.5 * (curve.lower + curve.upper)) <= 0.5 * curve.width
    )
    points = _clustered(curve, np.linspace(-1.0, 1.0, 20 * _SAMPLES))
    if np.any(bad):
        pole = float(poles.real[bad][0])
        problem = f"a pole at x = {pole:.6g}"
        error = Estimate(float("inf"), "sup", len(points), at=(pole,), problem=problem)
    else:
        error = Estimate(float(np.max(np.abs(found(points) - curve(points)))), "sup", len(points))
    return NearBestRational(target, int(degree), error, found)


def _clustered(curve: Curve, t: np.ndarray) -> np.ndarray:
    """Points of [-1, 1] mapped to the interval, with breaks and points that accumulate at kinks."""
    steps = curve.width * 2.0 ** -np.arange(1.0, 45.0, 0.125)
    near_kinks = (curve.kinks[:, None] + np.concatenate([-steps, [0.0], steps])).ravel()
    points = np.concatenate([_mapped(curve, t), near_kinks, curve.breaks])
    return np.unique(points[(points >= curve.lower) & (points <= curve.upper)])


def _mapped(curve: Curve, t: np.ndarray) -> np.ndarray:
    """Points of [-1, 1] mapped to the interval; the ends are mapped exactly."""
    return curve.lower * (0.5 - 0.5 * t) + curve.upper * (0.5 + 0.5 * t)


def _barycentric(t: np.ndarray) -> np.ndarray:
    """Weights 1 / prod(t_j - t_k), scaled so that the largest is 1; their signs alternate."""
    distance = np.abs(t[:, None] - t) + np.eye(len(t))
    logs = -np.sum(np.log(distance), axis=1)
    return np.exp(logs - np.max(logs)) * (-1.0) ** np.arange(len(t))


def _equal_errors(curve: Curve, reference: np.ndarray) -> tuple[np.ndarray, float]:
    """Values of the polynomial with equal alternating errors at the reference; their size."""
    values, weights = curve(_mapped(curve, reference)), _barycentric(reference)
    signs = (-1.0) ** np.arange(len(reference))
    level = float(weights @ values) / float(weights @ signs)
    return values - level * signs, abs(level)


def _chebyshev(reference: np.ndarray, fit: np.ndarray, degree: int) -> np.ndarray:
    """Chebyshev coefficients of the polynomial with given values at the reference."""
    angles = np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1)
    nodes, weights = np.cos(angles), _barycentric(reference)
    gaps = nodes[:, None] - reference
    equal = gaps == 0.0
    shares = weights / np.where(equal, 1.0, gaps)
    values = (shares @ fit) / np.sum(shares, axis=1)
    values = np.where(equal.any(axis=1), fit[np.argmax(equal, axis=1)], values)
    waves = np.cos(np.arange(degree + 1)[:, None] * angles)
    return (waves @ values) * np.where(np.arange(degree + 1) == 0, 1.0, 2.0) / (degree + 1)


def _exchanged(
    curve: Curve, reference: np.ndarray, coefficients: np.ndarray
) -> tuple[np.ndarray, float]:
    """Alternating extrema of the error, one per reference point, and the largest error."""

    def error(t: np.ndarray) -> np.ndarray:
        fit = np.polynomial.chebyshev.chebval(t, coefficients)
        return (curve(_mapped(curve, t).ravel()) - fit.ravel()).reshape(t.shape)

    kinks = (2.0 * curve.kinks - (curve.lower + curve.upper)) / curve.width
    marks = np.unique(np.concatenate([[-1.0, 1.0], reference, kinks]))
    grid = np.interp(
        np.arange(_SPLIT * (len(marks) - 1) + 1) / _SPLIT, np.arange(len(marks)), marks
    )
    sampled = error(grid)
    size = np.abs(np.concatenate([[0.0], sampled, [0.0]]))
    top = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:]))
    low, high = grid[np.maximum(top - 1, 0)], grid[np.minimum(top + 1, len(grid) - 1)]
    positions, errors = grid[top], sampled[top]
    for _ in range(4):  # zoom in on every extremum at once
        near = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, 9)
        zoomed = error(near)
        best, rows = np.argmax(np.abs(zoomed), axis=1), np.arange(len(top))
        better = np.abs(zoomed[rows, best]) > np.abs(errors)
        positions = np.where(better, near[rows, best], positions)
        errors = np.where(better, zoomed[rows, best], errors)
        span = (high - low) / 8.0
        low, high = np.maximum(positions - span, -1.0), np.minimum(positions + span, 1.0)
    largest = float(np.max(np.abs(errors)))
    found = _alternating(positions, errors, len(reference))
    if found is None:
        worst = int(np.argmax(np.abs(errors)))
        found = _one_exchanged(reference, error(reference), positions[worst], errors[worst])
    return found, largest


def _alternating(positions: np.ndarray, errors: np.ndarray, count: int) -> np.ndarray | None:
    """Positions of `count` errors of alternating sign; None if there are fewer.

    Of neighbouring errors with the same sign only the largest is kept. Then the smallest error is
    removed until `count` are left: alone if it is the first or last one, otherwise together with
    its smaller neighbour, so that the signs still alternate. If only one is to be removed, it is
    the smaller of the first and last one.
    """
    chosen: list[int] = []
    for k in range(len(positions)):
        if chosen and errors[k] * errors[chosen[-1]] > 0.0:
            if abs(errors[k]) > abs(errors[chosen[-1]]):
                chosen[-1] = k
        elif errors[k] != 0.0:
            chosen.append(k)
    while len(chosen) > count:
        sizes = np.abs(errors[chosen])
        least, last = int(np.argmin(sizes)), len(chosen) - 1
        if len(chosen) == count + 1 or least in (0, last):
            chosen.pop(0 if sizes[0] < sizes[last] else last)
        else:
            other = least + (1 if sizes[least + 1] < sizes[least - 1] else -1)
            del chosen[min(least, other) : max(least, other) + 1]
    return positions[chosen] if len(chosen) == count else None


def _one_exchanged(
    reference: np.ndarray, errors: np.ndarray, position: float, error: float
) -> np.ndarray:
    """The reference with one point replaced by `position`, so that the signs still alternate."""
    first = 1.0 if errors[0] >= 0.0 else -1.0
    signs, count = first * (-1.0) ** np.arange(len(reference)), len(reference)
    after = int(np.searchsorted(reference, position))
    sign = 1.0 if error > 0.0 else -1.0
    changed = reference.copy()
    if after < count and reference[after] == position:
        return reference
    if after == 0:
        if sign == signs[0]:
            changed[0] = position
        else:
            changed = np.concatenate([[position], reference[:-1]])
    elif after == count:
        if sign == signs[-1]:
            changed[-1] = position
        else:
            changed = np.concatenate([reference[1:], [position]])
    else:
        changed[after if sign == signs[after] else after - 1] = position
    return changed
