"""Continuous piecewise linear functions on given knots: the functions of shallow ReLU networks.

A `Spline` is its knots and its heights there. On given knots the best one in the L2 norm solves a
tridiagonal system, whose matrix is that of the inner products of the hat functions: a matter of n
operations, and well conditioned whatever the knots are, where the same problem in the ReLUs of a
network has a condition number that grows like n^4.

What is to be approximated enters as `Samples`: values with weights, sorted into the pieces between
the knots. They come from a function, by quadrature (`sampled`), or from data (`sorted_in`), and all
sums over pieces are the same for both.

Everything is NumPy in float64, on the host.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np

__all__ = ["Samples", "Spline", "best", "best_l2", "l2_error", "mass", "sampled", "sorted_in"]

Function = Callable[[np.ndarray], np.ndarray]
"""A function of many positions, of shape (k,), with values of shape (k,)."""

_NODES = 20  # of Gauss and Legendre per piece, after the map that smooths both ends


@dataclasses.dataclass(frozen=True, eq=False)
class Spline:
    """A continuous function that is affine between neighbouring knots.

    Attributes:
        knots: Increasing positions, shape (n + 1,), of which the first and last are the ends.
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
        """Values at positions between the first and the last knot; beyond, those of the ends."""
        return np.interp(x, self.knots, self.heights)

    def __repr__(self) -> str:
        return f"Spline({self.pieces} pieces on [{self.knots[0]:g}, {self.knots[-1]:g}])"


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Values with weights, sorted into pieces.

    Attributes:
        piece: Index of the piece of each sample, shape (k,), integers.
        place: Where in its piece it lies, from 0 at the left knot to 1 at the right one.
        weights: Non-negative, shape (k,).
        values: What is to be approximated, shape (k,).
        at_knots: The same at the n + 1 knots, where it is a function; None for data.
        pieces: Number n of pieces.
    """

    piece: np.ndarray
    place: np.ndarray
    weights: np.ndarray
    values: np.ndarray
    at_knots: np.ndarray | None
    pieces: int

    def per_piece(self, terms: np.ndarray) -> np.ndarray:
        """Weighted sum of one number per sample over each piece, shape (n,)."""
        return np.bincount(self.piece, self.weights * terms, self.pieces)

    def residual(self, heights: np.ndarray) -> np.ndarray:
        """Values less those of the spline with these heights at the knots, shape (k,)."""
        left, right = heights[self.piece], heights[self.piece + 1]
        return self.values - ((1.0 - self.place) * left + self.place * right)

    def moments(self, heights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per piece: residual times the falling hat, times the rising hat, and squared."""
        r = self.residual(heights)
        return (
            self.per_piece(r * (1.0 - self.place)),
            self.per_piece(r * self.place),
            self.per_piece(r * r),
        )

    def masses(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per piece: falling hat squared, falling times rising, rising squared."""
        up, down = self.place, 1.0 - self.place
        return self.per_piece(down * down), self.per_piece(down * up), self.per_piece(up * up)


def sampled(f: Function, knots: np.ndarray, nodes: int = _NODES) -> Samples:
    """Nodes and weights of a quadrature on every piece, which forgives roots at the knots.

    Gauss-Legendre nodes u are mapped by g(u) = u^2 (3 - 2u), whose slope vanishes at both ends of
    the piece. So the square root, whose derivatives are not bounded at 0, becomes
    u sqrt(3 - 2u), which is smooth. Polynomials up to degree (2 nodes - 3) // 3 are exact.

    Args:
        f: The function of many positions.
        knots: Increasing positions, shape (n + 1,).
        nodes: Nodes per piece.

    Returns:
        `Samples` with n * nodes values, sorted by position.

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


def sorted_in(
    x: np.ndarray, y: np.ndarray, knots: np.ndarray, weights: np.ndarray | None = None
) -> Samples:
    """Data sorted into the pieces between the knots.

    Args:
        x: Positions between the first and the last knot, shape (k,).
        y: Values there, shape (k,).
        knots: Increasing positions, shape (n + 1,).
        weights: Non-negative, shape (k,); by default 1 / k each, so that sums of squares are means.

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
    """Inner products of the n + 1 hat functions: two diagonals, as `scipy.linalg` stores them.

    Row 0 holds the upper diagonal, after a zero, row 1 the main one. For a function they are h/6
    and (h + h')/3 with the widths of the neighbouring pieces.

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
    """Heights of the spline of least weighted sum of squares, shape (n + 1,).

    One banded solve, and a second one for what rounding has left.

    Raises:
        numpy.linalg.LinAlgError: If the samples do not determine the heights: too few data near
            some knot.
    """
    from scipy.linalg import cho_solve_banded, cholesky_banded

    bands = mass(samples)
    factor = cholesky_banded(bands)
    # Of k data, n + 1 hats need n + 1 at least, one under each: else a pivot is rounding.
    if np.any(factor[1] ** 2 <= 1e-12 * bands[1]):
        raise np.linalg.LinAlgError("a hat function has no data of its own")
    heights = np.zeros(samples.pieces + 1)
    for _ in range(2):
        falling, rising, _squares = samples.moments(heights)
        right = np.append(falling, 0.0) + np.append(0.0, rising)
        heights = heights + cho_solve_banded((factor, False), right)
    return heights


def best_l2(f: Function, knots: np.ndarray) -> Spline:
    """The best continuous piecewise linear approximation on given knots in the L2 norm.

    Its error is orthogonal to the hat functions; by quadrature, see `sampled`.

    Args:
        f: The function of many positions, shape (k,) to (k,).
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

    No difference of large integrals is taken, so small errors keep their digits.

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
