"""Best polynomials in the sup norm, and rational functions near the best ones.

Networks can be compared with their errors.

The exchange of Remez (`optimal/_exchange.py`) gives a polynomial and a lower bound. Largest errors
are looked for between equal points and in the narrow parts of the target (`resolution.py`). Where
the exchange makes no further progress before both bounds agree, linear programs take over
(`optimal/_level_programs.py`). The result is never worse than the best constant.
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
from approxlab.optimal._exchange import Exchange, mapped
from approxlab.optimal._level_programs import level_by_programs
from approxlab.optimal.pieces import GapInterval
from approxlab.rates import gap

__all__ = ["NearBestRational", "PolynomialOptimum", "best_polynomial", "near_best_rational"]

_AGREE = 1e-6
_SEARCHED, _MARKS = 1024, 64
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
        converged: Whether both bounds agree to 1e-6 relative, or to rounding. If not, the least
            error is not reached; the bounds hold all the same.
    """

    target: Any
    degree: int
    lower: Optimum
    upper: Estimate
    coefficients: np.ndarray
    reference: np.ndarray
    converged: bool

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
        state = "" if self.converged else ", not reached"
        return f"PolynomialOptimum(sup in [{low:.6g}, {high:.6g}], degree {self.degree}{state})"

    def gap(self, error: Estimate | float) -> GapInterval:
        """Bounds on the ratio of a sup error to the least one; see `PieceOptimum.gap`."""
        upper = Optimum(float(self.upper), "sup", "lower", "attained", target=self.target)
        return GapInterval(gap(error, upper), gap(error, self.lower))

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The best function found and the target, with the estimate of their distance."""
        from approxlab.plotting.models import plot_model

        named = {"label": f"best polynomial of degree {self.degree}", "error": self.upper, **style}
        return plot_model(self, self.target, ax=ax, **named)

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
        ArithmeticError: If rounding makes the two bounds contradict each other.

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
    narrow = (2.0 * curve.narrow - (curve.lower + curve.upper)) / curve.width
    points = np.union1d(_evenly(_SEARCHED), narrow)
    best = Exchange.run(curve, -np.cos(np.pi * np.arange(degree + 2) / (degree + 1)), narrow)
    level = _constant(curve, best.reference, points).searched(curve, points)
    best = best.searched(curve, points).better(level)
    if not best.level(curve, _AGREE):
        marks = np.union1d(_evenly(_MARKS), narrow)
        best = level_by_programs(curve, best, marks).searched(curve, points)
        last = Exchange.run(curve, best.reference, marks).searched(curve, points)
        best = best.better(last)
    source = f"{degree + 2} equal alternating errors, de la Vallee-Poussin 1919"
    lower = max(0.0, best.lower - curve.rounding)
    lower = curve.ordered(lower, best.upper, 8.0 * curve.rounding)
    return PolynomialOptimum(
        target,
        degree,
        Optimum(lower, "sup", "lower", source, target=target),
        Estimate(best.upper, "sup", len(points)),
        best.coefficients,
        mapped(curve, best.reference),
        best.level(curve, _AGREE),
    )


def _evenly(count: int) -> np.ndarray:
    """Equal cells in position and in angle: errors of polynomials oscillate faster at the ends."""
    shares = np.arange(count + 1) / count
    return np.union1d(2.0 * shares - 1.0, -np.cos(np.pi * shares))


def _constant(curve: Curve, reference: np.ndarray, points: np.ndarray) -> Exchange:
    """The constant in the middle of the values: nothing worse is returned."""
    values = curve(mapped(curve, points))
    low, high = float(np.min(values)), float(np.max(values))
    coefficients = np.append(0.5 * (low + high), np.zeros(len(reference) - 2))
    return Exchange(0.0, 0.5 * (high - low), coefficients, reference)


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

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The rational function and the target, with the estimate of their distance."""
        from approxlab.plotting.models import AtPoints, plot_model

        model = AtPoints(lambda x: self.function(x[:, 0]))
        named = {"label": f"rational of degree {self.degree}", "error": self.upper, **style}
        return plot_model(model, self.target, ax=ax, **named)

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
    points = np.concatenate([mapped(curve, t), near_kinks, curve.breaks, curve.narrow])
    return np.unique(points[(points >= curve.lower) & (points <= curve.upper)])
