"""Chebyshev and Taylor series of analytic functions of one variable, with proved remainders.

On an interval of half width h, let f be analytic and |f| <= M in the ellipse with foci at the ends
and semi-axes h (rho +- 1/rho) / 2. The interpolant at N + 1 Chebyshev points then errs by at most 4
M rho^-N / (rho - 1) (Trefethen 2013, Theorem 8.2). N is taken so large that this is far below eps,
and cutting the interpolant after degree n costs at most the sum of the coefficients that are cut.

In the disc |x - c| <= R, R > h, with x = c + h u, the coefficients of u^k are at most M (h/R)^k
(Cauchy); they are means over N points of the circle |u| = 1, which is off by coefficients k + N,
...
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from approxlab.constructions._chebyshev_forms import Series, chebyshev_of, trimmed
from approxlab.constructions._complex_discs import Discs, NotAnalyticError
from approxlab.constructions._disc_programs import discs_of
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.networks.mlp import float_dtype
from approxlab.targets.target import Target

__all__ = ["Expansion", "chebyshev_expansion", "largest_in_ellipse", "taylor_expansion"]

_RHOS = (1.02, 1.04, 1.08, 1.15, 1.25, 1.4, 1.6, 1.9, 2.4, 3.0, 4.0, 6.0, 9.0, 14.0, 25.0)
_MOST_POINTS = 2048
_CELLS, _ROUNDS, _MOST_DISCS = 6, 6, 200_000
_SMALL = 1e-3  # of eps: what the interpolant may err before it is cut


class Expansion(NamedTuple):
    """Coefficients of T_k(t) or of t^k, and what is proved of the series.

    Attributes:
        coefficients: Numbers of float64, k = 0, 1, ....
        basis: "chebyshev" or "monomial", in t in [-1, 1].
        tails: Bound of the error after cutting behind degree n, for n = 0, 1, ....
        source: The theorem.
    """

    coefficients: np.ndarray
    basis: str
    tails: np.ndarray
    source: str

    def series(self, degree: int) -> Series:
        """The series up to a degree, in Chebyshev polynomials."""
        kept = [Fraction(float(c)) for c in self.coefficients[: degree + 1]]
        return trimmed(chebyshev_of(self.basis, kept, Fraction(0), Fraction(1)))


def largest_in_ellipse(fn: Callable[[Any], Any], center: float, a: float, b: float) -> float:
    """A bound of |f| on an ellipse with semi-axes a, b; infinite if f may not be analytic there.

    The ellipse is covered by discs; where the result is infinite, by smaller ones.
    """
    step = 2.0 * b / _CELLS
    columns, rows = math.ceil(2.0 * a / step), _CELLS
    x = -a + step * (np.arange(columns) + 0.5)
    y = -b + step * (np.arange(rows) + 0.5)
    centers = (x[:, None] + 1j * y[None, :]).ravel()
    most = 0.0
    for _ in range(_ROUNDS):
        centers = centers[_meets(centers, step, a, b)]
        if not len(centers):
            return most
        if len(centers) > _MOST_DISCS:
            return math.inf
        radius = np.full(len(centers), step * (math.sqrt(0.5) + 1e-12) + 1e-15 * abs(center))
        sizes = discs_of(fn, Discs(center + centers, radius)).most
        left = ~(sizes < 1e290)
        most = max(most, float(np.max(sizes[~left], initial=0.0)))
        quarters = 0.25 * step * np.array([1 + 1j, 1 - 1j, -1 + 1j, -1 - 1j])
        centers, step = (centers[left, None] + quarters).ravel(), 0.5 * step
    return most if not len(centers) else math.inf


def _meets(centers: np.ndarray, step: float, a: float, b: float) -> np.ndarray:
    """Which squares may meet the ellipse: by the nearest corner to its center."""
    x = np.maximum(np.abs(centers.real) - 0.5 * step, 0.0)
    y = np.maximum(np.abs(centers.imag) - 0.5 * step, 0.0)
    return np.asarray((x / a) ** 2 + (y / b) ** 2 <= 1.0 + 1e-9)


def chebyshev_expansion(
    target: Target, eps: float, ellipse: tuple[float, float] | None = None
) -> Expansion | None:
    """The Chebyshev series to far below eps, or None if no ellipse is found."""
    fn, box = target.fn, target.domain
    center, half = float(box.center[0]), 0.5 * float(box.widths[0])
    best: tuple[int, float, float] | None = None
    for rho, most in _ellipses(fn, center, half, ellipse):
        wanted = math.log(max(4.0 * most / ((rho - 1.0) * _SMALL * eps), 2.0)) / math.log(rho)
        degree = max(2, math.ceil(wanted))
        if best is None or degree < best[0]:
            best = degree, rho, most
    if best is None or best[0] > _MOST_POINTS:
        return None
    degree, rho, most = best
    nodes = np.cos(math.pi * np.arange(degree + 1) / degree)
    f, lost = _values(target, nodes, None if ellipse is None else (rho, most))
    if ellipse is not None and float(np.max(np.abs(f))) - lost > most:
        raise ValueError(
            f"ellipse: got the bound {most!r}, expected at least {float(np.max(np.abs(f))):.6g}, "
            "the size of the target on its interval."
        )
    weights = np.ones(degree + 1)
    weights[[0, -1]] = 0.5
    k = np.arange(degree + 1)
    angles = math.pi * ((k[:, None] * k[None, :]) % (2 * degree)) / degree
    c = (2.0 / degree) * (np.cos(angles) @ (weights * f))
    c[[0, -1]] *= 0.5
    left = 4.0 * most * rho ** (-degree) / (rho - 1.0)
    each = 2.0 * lost + 4.0 * (degree + 4) * np.finfo(float).eps * float(np.max(np.abs(f)))
    text = f"Chebyshev series, |f| <= {most:.3g} in the ellipse of rho = {rho:g} (Trefethen 2013)"
    return _cut(c, "chebyshev", left, each, text)


def _values(
    target: Target, t: np.ndarray, ellipse: tuple[float, float] | None
) -> tuple[np.ndarray, float]:
    """Values at positions t in [-1, 1], and a bound of their errors.

    A program that is not known as analytic is taken to be computed to 4 units in the last place of
    its value, at an argument that is off by as little; |f'| is bounded by Cauchy in the ellipse.
    """
    center, half = float(target.domain.center[0]), 0.5 * float(target.domain.widths[0])
    x, reach = center + half * t, abs(center) + half
    moved = np.full(len(t), 4.0 * np.finfo(float).eps * reach)
    try:
        values = discs_of(target.fn, Discs(x + 0j, moved))
        return values.center.real, float(np.max(values.radius))
    except NotAnalyticError:
        if ellipse is None:
            raise
    rho, most = ellipse
    f = values_at(target, np.clip(x, target.domain.lower[0], target.domain.upper[0])[:, None])
    slope = most / (half * (rho - 1.0) ** 2 / (2.0 * rho))
    eps = float(np.finfo(float_dtype(None)).eps)
    return f, 4.0 * eps * (float(np.max(np.abs(f))) + slope * reach)


def _ellipses(
    fn: Callable[[Any], Any], center: float, half: float, given: tuple[float, float] | None
) -> list[tuple[float, float]]:
    if given is not None:
        return [given]
    found = []
    for rho in _RHOS:
        a, b = 0.5 * half * (rho + 1.0 / rho), 0.5 * half * (rho - 1.0 / rho)
        most = largest_in_ellipse(fn, center, a, b)
        if not math.isfinite(most):
            break  # larger ellipses hold this one
        found.append((rho, most))
    return found


def taylor_expansion(fn: Callable[[Any], Any], box: Box, eps: float) -> Expansion | None:
    """The Taylor series at the center to far below eps, or None if no disc is found."""
    center, half = float(box.center[0]), 0.5 * float(box.widths[0])
    best: tuple[int, float, float] | None = None
    for ratio in _RHOS:
        most = largest_in_ellipse(fn, center, ratio * half, ratio * half)
        if not math.isfinite(most):
            break
        wanted = math.log(max(most / ((1.0 - 1.0 / ratio) * _SMALL * eps), 2.0)) / math.log(ratio)
        count = max(8, 2 * math.ceil(wanted))
        if best is None or count < best[0]:
            best = count, ratio, most
    if best is None or best[0] > _MOST_POINTS:
        return None
    count, ratio, most = best
    circle = np.exp(2j * math.pi * np.arange(count) / count)
    moved = 4.0 * np.finfo(float).eps * (abs(center) + half)
    values = discs_of(fn, Discs(center + half * circle, np.full(count, moved)))
    a = (np.fft.fft(values.center) / count).real[: count // 2]
    lost = float(np.max(values.radius))
    lost += 8.0 * math.log2(count) * np.finfo(float).eps * float(np.max(np.abs(values.center)))
    # Coefficients k + count, ... are added to that of k.
    each = lost + most * ratio ** (-count) / (1.0 - 1.0 / ratio)
    left = most * ratio ** (-(count // 2)) / (1.0 - 1.0 / ratio)
    text = f"Taylor series, |f| <= {most:.3g} within {ratio:g} half widths (Cauchy)"
    return _cut(a, "monomial", left, each, text)


def _cut(c: np.ndarray, basis: str, left: float, each: float, source: str) -> Expansion:
    """Tails of a series of which every coefficient is off by at most `each`."""
    sizes = np.abs(c) + each
    after = np.concatenate([np.cumsum(sizes[::-1])[::-1][1:], [0.0]])
    tails = (left + after + each * np.arange(1, len(c) + 1)) * (1.0 + 1e-12)
    return Expansion(c, basis, tails, source)
