"""Best polynomials in the sup norm, and rational functions near the best ones.

They are scales to set networks against.
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

__all__ = ["NearBestRational", "PolynomialOptimum", "best_polynomial", "near_best_rational"]

_SPLIT = 16  # samples between points of the reference
_LEVEL = 1e-9
_STEPS, _PATIENCE = 200, 15  # exchanges in all, and without progress
_SAMPLES = 2001


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PolynomialOptimum:
    """The least sup error of polynomials of a degree, enclosed, and the best one found.

    As a function of one point of shape (1,) it is that polynomial.

    Attributes:
        target: What is approximated.
        degree: The degree m.
        lower: No polynomial of degree at most m has a smaller error.
        upper: Error of the polynomial.
        coefficients: Its Chebyshev coefficients on the interval, shape (m + 1,).
        reference: The m + 2 points at which its errors alternate.
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
    """The polynomial of degree m of least sup error, by the exchange of Remez.

    On m + 2 points one polynomial has errors of equal size h and alternating signs. No polynomial
    is below h on these points (de la Vallee-Poussin), so h is a lower bound for the interval. The
    points are exchanged for extrema of the error until its largest size is h, or until rounding
    stops it: the enclosure says how far it came. Values are by barycentric interpolation.

    Args:
        target: A continuous function of one point of shape (1,), with a `domain`.
        degree: The degree m, at least 1.

    Returns:
        A `PolynomialOptimum`. Its lower end is h less the rounding of values; its upper end was
        found at extrema of the error.

    Raises:
        ValueError: As `relu_spline`.

    Source:
        Remez 1934; Pachon and Trefethen 2009, BIT 49, 721-741 (barycentric form). For |x| on
        [-1, 1], m E_m tends to 0.28017 (Varga and Carpenter 1985, Constr. Approx. 1, 333-348).

    Example:
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
        fit, level = _levelled(curve, reference)
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
        _placed(curve, kept[1]),
    )


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class NearBestRational:
    """A rational function near the best one, which may be several times better.

    Attributes:
        target: What is approximated.
        degree: Degree m of numerator and denominator.
        upper: Its sup error, infinite where a pole lies on the interval.
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
    """A rational function of type at most (m, m) by SciPy's AAA: near the best, no optimum.

    AAA interpolates greedily and makes a linearised error small in the least-squares sense. Its sup
    error is often a few times the least one, and for |x| tens of times: there the best one falls
    like 8 exp(-pi sqrt m) (Stahl 1993), and AAA may put poles on the interval, which are reported
    by an infinite error.

    Args:
        target: A continuous function of one point of shape (1,), with a `domain`.
        degree: The degree m, at least 1.

    Returns:
        The function and its estimated sup error.

    Raises:
        ValueError: As `relu_spline`.

    Source:
        Nakatsukasa, Sete and Trefethen 2018, SIAM J. Sci. Comput. 40, A1494-A1522.

    Example:
        >>> from approxlab.targets import get
        >>> near_best_rational(get("exp"), 3)
        NearBestRational(sup 4.57142e-07, degree 3)
    """
    from scipy.interpolate import AAA

    check_positive(degree=degree)
    curve = Curve.of(target)
    t = _clustered(curve, -np.cos(np.pi * np.arange(_SAMPLES) / (_SAMPLES - 1)))
    with warnings.catch_warnings():  # that the degree was reached before the tolerance
        warnings.simplefilter("ignore", RuntimeWarning)
        found = AAA(t, curve(t), rtol=1e-13, max_terms=int(degree) + 1, clean_up=False)
    poles = found.poles()
    bad = (np.abs(poles.imag) <= 1e-13 * curve.width) & (
        np.abs(poles.real - 0.5 * (curve.lower + curve.upper)) <= 0.5 * curve.width
    )
    look = _clustered(curve, np.linspace(-1.0, 1.0, 20 * _SAMPLES))
    if np.any(bad):
        place = float(poles.real[bad][0])
        problem = f"a pole at x = {place:.6g}"
        error = Estimate(float("inf"), "sup", len(look), at=(place,), problem=problem)
    else:
        error = Estimate(float(np.max(np.abs(found(look) - curve(look)))), "sup", len(look))
    return NearBestRational(target, int(degree), error, found)


def _clustered(curve: Curve, t: np.ndarray) -> np.ndarray:
    """Points of [-1, 1] on the interval, with more at kinks, at all scales, and at breaks."""
    steps = curve.width * 2.0 ** -np.arange(1.0, 45.0, 0.125)
    beside = (curve.kinks[:, None] + np.concatenate([-steps, [0.0], steps])).ravel()
    points = np.concatenate([_placed(curve, t), beside, curve.breaks])
    return np.unique(points[(points >= curve.lower) & (points <= curve.upper)])


def _placed(curve: Curve, t: np.ndarray) -> np.ndarray:
    """Points of [-1, 1] taken to the interval; the ends are met exactly."""
    return curve.lower * (0.5 - 0.5 * t) + curve.upper * (0.5 + 0.5 * t)


def _barycentric(t: np.ndarray) -> np.ndarray:
    """Weights 1 / prod(t_j - t_k), scaled to a largest of 1; the signs alternate."""
    distance = np.abs(t[:, None] - t) + np.eye(len(t))
    logs = -np.sum(np.log(distance), axis=1)
    return np.exp(logs - np.max(logs)) * (-1.0) ** np.arange(len(t))


def _levelled(curve: Curve, reference: np.ndarray) -> tuple[np.ndarray, float]:
    """Values at the reference of the polynomial with equal alternating errors; their size."""
    values, weights = curve(_placed(curve, reference)), _barycentric(reference)
    signs = (-1.0) ** np.arange(len(reference))
    level = float(weights @ values) / float(weights @ signs)
    return values - level * signs, abs(level)


def _chebyshev(reference: np.ndarray, fit: np.ndarray, degree: int) -> np.ndarray:
    """Chebyshev coefficients of the polynomial with given values at the reference."""
    angles = np.pi * (np.arange(degree + 1) + 0.5) / (degree + 1)
    nodes, weights = np.cos(angles), _barycentric(reference)
    gaps = nodes[:, None] - reference
    met = gaps == 0.0
    shares = weights / np.where(met, 1.0, gaps)
    values = (shares @ fit) / np.sum(shares, axis=1)
    values = np.where(met.any(axis=1), fit[np.argmax(met, axis=1)], values)
    waves = np.cos(np.arange(degree + 1)[:, None] * angles)
    return (waves @ values) * np.where(np.arange(degree + 1) == 0, 1.0, 2.0) / (degree + 1)


def _exchanged(
    curve: Curve, reference: np.ndarray, coefficients: np.ndarray
) -> tuple[np.ndarray, float]:
    """Alternating extrema of the error, as many as the reference has, and the largest error."""

    def error(t: np.ndarray) -> np.ndarray:
        fit = np.polynomial.chebyshev.chebval(t, coefficients)
        return (curve(_placed(curve, t).ravel()) - fit.ravel()).reshape(t.shape)

    kinks = (2.0 * curve.kinks - (curve.lower + curve.upper)) / curve.width
    marks = np.unique(np.concatenate([[-1.0, 1.0], reference, kinks]))
    grid = np.interp(
        np.arange(_SPLIT * (len(marks) - 1) + 1) / _SPLIT, np.arange(len(marks)), marks
    )
    seen = error(grid)
    size = np.abs(np.concatenate([[0.0], seen, [0.0]]))
    top = np.flatnonzero((size[1:-1] >= size[:-2]) & (size[1:-1] >= size[2:]))
    low, high = grid[np.maximum(top - 1, 0)], grid[np.minimum(top + 1, len(grid) - 1)]
    places, errors = grid[top], seen[top]
    for _ in range(4):  # zoom in on every extremum at once
        near = low[:, None] + (high - low)[:, None] * np.linspace(0.0, 1.0, 9)
        there = error(near)
        best, rows = np.argmax(np.abs(there), axis=1), np.arange(len(top))
        better = np.abs(there[rows, best]) > np.abs(errors)
        places = np.where(better, near[rows, best], places)
        errors = np.where(better, there[rows, best], errors)
        span = (high - low) / 8.0
        low, high = np.maximum(places - span, -1.0), np.minimum(places + span, 1.0)
    largest = float(np.max(np.abs(errors)))
    found = _alternating(places, errors, len(reference))
    if found is None:
        worst = int(np.argmax(np.abs(errors)))
        found = _one_exchanged(reference, error(reference), places[worst], errors[worst])
    return found, largest


def _alternating(places: np.ndarray, errors: np.ndarray, count: int) -> np.ndarray | None:
    """Of neighbours of one sign the largest; then the least go, until `count` are left.

    The least goes alone from an end, and with its smaller neighbour from between, so that the signs
    stay in turn.
    """
    chosen: list[int] = []
    for k in range(len(places)):
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
    return places[chosen] if len(chosen) == count else None


def _one_exchanged(
    reference: np.ndarray, errors: np.ndarray, place: float, error: float
) -> np.ndarray:
    """The reference with one point, of largest error, in the place of one, signs still in turn."""
    first = 1.0 if errors[0] >= 0.0 else -1.0
    signs, count = first * (-1.0) ** np.arange(len(reference)), len(reference)
    after = int(np.searchsorted(reference, place))
    sign = 1.0 if error > 0.0 else -1.0
    changed = reference.copy()
    if after < count and reference[after] == place:
        return reference
    if after == 0:
        if sign == signs[0]:
            changed[0] = place
        else:
            changed = np.concatenate([[place], reference[:-1]])
    elif after == count:
        if sign == signs[-1]:
            changed[-1] = place
        else:
            changed = np.concatenate([reference[1:], [place]])
    else:
        changed[after if sign == signs[after] else after - 1] = place
    return changed
