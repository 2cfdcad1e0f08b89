"""Continuous piecewise linear functions on given knots: the functions of shallow ReLU networks.

A `Spline` is given by its knots and its heights there. The heights of the best one in the L2 norm
on given knots solve a tridiagonal system, whose matrix contains the inner products of the hat
functions. It takes O(n) operations, and after scaling its diagonal to 1 the matrix is well
conditioned for any knots. The same problem in the basis of the ReLUs of a network has a condition
number that grows like n^4.

The function or data to be approximated is given as `Samples`: values with weights, sorted into the
pieces between the knots. `sampled` makes them from a function, by quadrature, `sorted_in` from
data; all sums over pieces are the same for both.

Everything is NumPy in float64, on the host.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

__all__ = ["Samples", "Spline", "best", "best_l2", "l2_error", "mass", "sampled", "sorted_in"]

Function = Callable[[np.ndarray], np.ndarray]
"""A vectorised function: positions of shape (k,) to values of shape (k,)."""

_NODES = 20  # of Gauss-Legendre quadrature per piece, after the map that smooths both ends


@dataclasses.dataclass(frozen=True, eq=False)
class Spline:
    """A continuous function that is affine between neighbouring knots.

    Attributes:
        knots: Increasing positions, shape (n + 1,); the first and the last are the ends.
        heights: Values at the knots, shape (n + 1,).

    Raises:
        ValueError: If the shapes differ, there are fewer than two knots, or they do not increase.

    Example:
        >>> tent = Spline(np.array([0.0, 0.5, 1.0]), np.array([0.0, 1.0, 0.0]))
        >>> tent(np.array([0.25, 0.75])).tolist(), tent.slopes.tolist()
        ([0.5, 0.5], [2.0, -2.0])
    """

    knots: np.ndarray
    heights: np.ndarray

    def __post_init__(self) -> None:
        knots, heights = np.asarray(self.knots, float), np.asarray(self.heights, float)
        _check_knots(knots)
        if heights.shape != knots.shape:
            raise ValueError(
                f"heights: got shape {heights.shape} for {len(knots)} knots, expected "
                f"({len(knots)},): one value per knot."
            )
        object.__setattr__(self, "knots", knots)
        object.__setattr__(self, "heights", heights)

    @property
    def pieces(self) -> int:
        """Number n of pieces."""
        return len(self.knots) - 1

    @property
    def slopes(self) -> np.ndarray:
        """Slope of every piece, shape (n,)."""
        return np.diff(self.heights) / np.diff(self.knots)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Values at positions between the first and the last knot; constant beyond these."""
        return np.interp(x, self.knots, self.heights)

    def __repr__(self) -> str:
        return f"Spline({self.pieces} pieces on [{self.knots[0]:g}, {self.knots[-1]:g}])"


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Values with weights, sorted into the pieces between knots.

    Attributes:
        piece: Index of the piece of each sample, shape (k,), integers.
        place: Relative position in the piece, from 0 at the left knot to 1 at the right one.
        weights: Non-negative, shape (k,).
        values: Values to be approximated, shape (k,).
        at_knots: Values of the function at the n + 1 knots; None for data.
        pieces: Number n of pieces.
    """

    piece: np.ndarray
    place: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    at_knots: np.ndarray | None
    pieces: int

    def per_piece(self, terms: np.ndarray) -> np.ndarray:
        """Weighted sum over each piece of `terms`, one number per sample; shape (n,)."""
        return np.bincount(self.piece, self.weights * terms, self.pieces)

    def residual(self, heights: np.ndarray) -> np.ndarray:
        """Values minus those of the spline with these heights at the knots, shape (k,)."""
        left, right = heights[self.piece], heights[self.piece + 1]
        return self.values - ((1.0 - self.place) * left + self.place * right)

    def norm(self) -> float:
        """Root of the weighted sum of the squared values."""
        return math.sqrt(float(np.sum(self.per_piece(self.values**2))))

    def moments(self, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per piece, sums of residual * falling hat, residual * rising hat, and residual^2."""
        r = self.residual(heights)
        return (
            self.per_piece(r * (1.0 - self.place)),
            self.per_piece(r * self.place),
            self.per_piece(r * r),
        )

    def masses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per piece, sums of falling hat^2, falling hat * rising hat, and rising hat^2."""
        up, down = self.place, 1.0 - self.place
        return self.per_piece(down * down), self.per_piece(down * up), self.per_piece(up * up)


def sampled(
    f: Function, knots: np.ndarray, nodes: int = _NODES, breaks: np.ndarray | None = None
) -> Samples:
    """Values of a function for a quadrature on every piece, accurate for square roots at knots.

    Gauss-Legendre nodes u are mapped by g(u) = u^2 (3 - 2u), whose slope vanishes at both ends of
    the piece. So the square root, whose derivatives are unbounded at 0, becomes u sqrt(3 - 2u),
    which is smooth. Polynomials up to degree (2 nodes - 3) // 3 are exact.

    Args:
        f: The function, shape (k,) to (k,).
        knots: Increasing positions, shape (n + 1,).
        nodes: Nodes per piece.
        breaks: Points at which pieces are divided into cells with as many nodes each, such as
            kinks of the function and ends of its narrow parts; those outside are left out.

    Returns:
        `Samples` with n * nodes values, more with `breaks`, sorted by position.

    Example:
        >>> samples = sampled(np.sqrt, np.array([0.0, 1.0]))
        >>> abs(float(samples.per_piece(samples.values)[0]) - 2 / 3) < 1e-14
        True
    """
    knots = np.asarray(knots, float)
    _check_knots(knots)
    roots, weights = np.polynomial.legendre.leggauss(nodes)
    u = 0.5 * (roots + 1.0)
    place, density = u * u * (3.0 - 2.0 * u), 3.0 * u * (1.0 - u) * weights
    widths, n = np.diff(knots), len(knots) - 1
    if breaks is not None:
        return _sampled_in_cells(f, knots, breaks, place, density)
    x = np.minimum(knots[:-1, None] + widths[:, None] * place, knots[1:, None])
    both = np.asarray(f(np.concatenate([x.ravel(), knots])), float)
    return Samples(
        piece=np.repeat(np.arange(n), nodes),
        place=np.tile(place, n),
        weights=(widths[:, None] * density).ravel(),
        values=both[: x.size],
        at_knots=both[x.size :],
        pieces=n,
    )


def _sampled_in_cells(
    f: Function, knots: np.ndarray, breaks: np.ndarray, place: np.ndarray, density: np.ndarray
) -> Samples:
    inside = breaks[(breaks > knots[0]) & (breaks < knots[-1])]
    ends = np.union1d(knots, inside)
    widths = np.diff(ends)[:, None]
    x = np.minimum(ends[:-1, None] + widths * place, ends[1:, None])
    piece = np.searchsorted(knots, ends[:-1], side="right") - 1
    places = (x - knots[piece][:, None]) / np.diff(knots)[piece][:, None]
    both = np.asarray(f(np.concatenate([x.ravel(), knots])), float)
    return Samples(
        piece=np.repeat(piece, len(place)),
        place=np.minimum(places, 1.0).ravel(),
        weights=(widths * density).ravel(),
        values=both[: x.size],
        at_knots=both[x.size :],
        pieces=len(knots) - 1,
    )


def sorted_in(
    x: np.ndarray, y: np.ndarray, knots: np.ndarray, weights: np.ndarray | None = None
) -> Samples:
    """Data sorted into the pieces between the knots.

    Args:
        x: Positions between the first and the last knot, shape (k,).
        y: Values there, shape (k,).
        knots: Increasing positions, shape (n + 1,).
        weights: Non-negative, shape (k,); by default 1 / k each, so that sums are means.

    Example:
        >>> x = np.linspace(0.0, 1.0, 9)
        >>> sorted_in(x, x, np.array([0.0, 0.5, 1.0])).piece.tolist()
        [0, 0, 0, 0, 1, 1, 1, 1, 1]
    """
    knots = np.asarray(knots, float)
    _check_knots(knots)
    n = len(knots) - 1
    if weights is None:
        weights = np.full(len(x), 1.0 / len(x))
    piece = np.clip(np.searchsorted(knots, x, side="right") - 1, 0, n - 1)
    place = np.clip((x - knots[piece]) / np.diff(knots)[piece], 0.0, 1.0)
    return Samples(piece, place, weights, np.asarray(y, float), None, n)


def mass(samples: Samples) -> np.ndarray:
    """Inner products of the n + 1 hat functions, in the banded storage of `scipy.linalg`.

    Row 0 is a zero followed by the upper diagonal, row 1 the main diagonal. For a function the
    entries are h/6 and (h + h')/3, with h and h' the widths of neighbouring pieces.

    Example:
        >>> mass(sampled(np.exp, np.array([0.0, 1.0, 2.0])))[1].round(12).tolist()
        [0.333333333333, 0.666666666667, 0.333333333333]
    """
    falling, mixed, rising = samples.masses()
    bands = np.zeros((2, samples.pieces + 1))
    bands[1, :-1] += falling
    bands[1, 1:] += rising
    bands[0, 1:] = mixed
    return bands


def best(samples: Samples) -> np.ndarray:
    """Heights of the spline with the least weighted sum of squared residuals, shape (n + 1,).

    One banded solve, and a second one of the residual that rounding has left.

    Raises:
        numpy.linalg.LinAlgError: If the samples do not determine the heights, because there are too
            few data near some knot.
    """
    from scipy.linalg import cho_solve_banded, cholesky_banded

    bands = mass(samples)
    factor = cholesky_banded(bands)
    # n + 1 hats need at least n + 1 data, one under each; otherwise a pivot is only rounding.
    if np.any(factor[1] ** 2 <= 1e-12 * bands[1]):
        raise np.linalg.LinAlgError("too few data near a knot: the heights are not determined")
    heights = np.zeros(samples.pieces + 1)
    for _ in range(2):
        falling, rising, _squares = samples.moments(heights)
        right = np.append(falling, 0.0) + np.append(0.0, rising)
        heights = heights + cho_solve_banded((factor, False), right)
    return heights


def best_l2(f: Function, knots: np.ndarray) -> Spline:
    """The best continuous piecewise linear approximation on given knots in the L2 norm.

    Its error is orthogonal to the hat functions. Integrals are computed by quadrature (`sampled`).

    Args:
        f: The function, shape (k,) to (k,).
        knots: Increasing positions, shape (n + 1,).

    Returns:
        The spline on these knots.

    Raises:
        ValueError: If the knots do not increase.

    Source:
        de Boor 1978, A Practical Guide to Splines, chapter III.

    Example:
        >>> spline = best_l2(np.square, np.array([0.0, 0.5, 1.0]))
        >>> round(l2_error(np.square, spline) * 4 * 180**0.5, 12)   # 1 / (4 sqrt(180))
        1.0
    """
    return Spline(knots, best(sampled(f, knots)))


def l2_error(f: Function, spline: Spline, nodes: int = _NODES) -> float:
    """The L2 norm of f - spline, by quadrature of the squared difference on every piece.

    No large integrals are subtracted from each other, so small errors keep their digits.

    Example:
        >>> round(l2_error(np.zeros_like, Spline(np.array([0.0, 4.0]), np.ones(2))), 12)
        2.0
    """
    *_, squares = sampled(f, spline.knots, nodes).moments(spline.heights)
    return math.sqrt(float(np.sum(squares)))


def _check_knots(knots: np.ndarray) -> None:
    if knots.ndim != 1 or len(knots) < 2 or not np.all(np.diff(knots) > 0):
        raise ValueError(
            f"knots: got shape {knots.shape} {np.array2string(knots, threshold=6)}, expected at "
            "least two increasing positions. Write np.unique(knots)."
        )


def __dir__() -> list[str]:
    return __all__
