"""The least error of piecewise linear functions with n free pieces, enclosed for finite n.

Every ReLU network with at most n affine pieces on an interval is such a function, so no such
network is below the lower end; the upper end is attained by a continuous function, which is a ReLU
network of one hidden layer with n units.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_norm, check_positive
from approxlab.claims import Estimate, Norm, Optimum
from approxlab.optimal._curve import Curve
from approxlab.optimal._l2_pieces import Cells, lower_bound
from approxlab.optimal._l2_splines import Pieces, polished, resized, spread
from approxlab.optimal._sup_pieces import level_bound
from approxlab.optimal._sup_splines import largest_error, levelled
from approxlab.rates import gap
from approxlab.splines import Spline

__all__ = ["GapInterval", "PieceOptimum", "relu_spline"]

_CELLS = 500  # per piece
_ALL_CELLS = 64_000
_COARSE = 40  # cells per piece where partitions are sought
_EXACT = 1e-10  # relative errors below are rounding to the dynamic program


class GapInterval(NamedTuple):
    """How many times worse than the best possible: at least `lower`, at most `upper`.

    Attributes:
        lower: Error over the upper end of the optimum; below 1 it says that the upper end is not
            the optimum.
        upper: Error over the lower end of the optimum: proved.
    """

    lower: float
    upper: float


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PieceOptimum:
    """An interval that holds the least error of continuous piecewise linear functions, n pieces.

    As a function of one point of shape (1,) it is the best function found, so `errors.l2` and
    `errors.sup` can measure it.

    Attributes:
        target: What is approximated.
        pieces: Number n of pieces.
        lower: No function with at most n affine pieces, continuous or not, is below.
        upper: Error of the best continuous function found.
        spline: That function: its knots and heights.
    """

    target: Any
    pieces: int
    lower: Optimum
    upper: Estimate
    spline: Spline

    @property
    def knots(self) -> np.ndarray:
        """Ends of the pieces of the best function found, shape (n + 1,)."""
        return self.spline.knots

    @property
    def values(self) -> np.ndarray:
        """Its values there, shape (n + 1,)."""
        return self.spline.heights

    def __call__(self, x: Any) -> jax.Array:
        """The best function found, at one point of shape (1,)."""
        return jnp.interp(x[0], jnp.asarray(self.knots, x.dtype), jnp.asarray(self.values, x.dtype))

    def __repr__(self) -> str:
        low, high = float(self.lower), float(self.upper)
        norm = self.lower.norm
        return f"PieceOptimum({norm} in [{low:.6g}, {high:.6g}], {self.pieces} pieces)"

    def gap(self, error: Estimate | float) -> GapInterval:
        """How many times an error exceeds the least possible one.

        Args:
            error: An estimate in the same norm, not relative, or a number.

        Raises:
            ValueError: If the norm is another one, or the least error may be zero.

        Example:
            >>> from approxlab.targets import get
            >>> best = relu_spline(get("square"), 4, "l2")
            >>> [round(gap, 2) for gap in best.gap(2 * float(best.upper))]
            [2.0, 2.01]
        """
        upper = Optimum(float(self.upper), self.lower.norm, "lower", "attained")
        return GapInterval(gap(error, upper), gap(error, self.lower))

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: pieces and both ends."""
        norm = self.lower.norm
        return [
            {
                "pieces": self.pieces,
                f"least_{norm}_error_lower": float(self.lower),
                f"least_{norm}_error_upper": float(self.upper),
            }
        ]


def relu_spline(
    target: Any, pieces: int, norm: Norm = "l2", *, cells: int | None = None
) -> PieceOptimum:
    """Enclose the least error of continuous piecewise linear functions with n pieces.

    Lower end, L2: a dynamic program over the cells of a grid, in which the cell of each knot is
    left out (`optimal/_l2_pieces.py`). It holds for all knots, not for those of the grid only, and
    for functions that jump at their knots too. Nothing is assumed of the target but that the
    moments of each cell are those of 8 Gauss-Legendre nodes; declared kinks are ends of cells.
    With m cells per piece, the bound is about (1 - 1/m)^(5/2) times the least error of
    discontinuous pieces.

    Lower end, sup: the target is asked for at finitely many points only, which makes the least
    error smaller if anything; there, pieces as long as a level allows are as few as it needs
    (`optimal/_sup_pieces.py`). It holds for discontinuous functions too.

    What rounding may change in values of the target, 8 eps (max|f| + max|x| max|f'|), is taken off
    both; where the upper end is below 1e-10 max|f| the lower one is zero.

    Upper end: best values on knots that Newton's method (L2) or linear programs (sup) have made
    stationary, from equidistributed knots and from those of the lower bound: the error of one
    function, by quadrature or at points, not proved to be the least one. The ends differ by what
    continuity costs, which fades as n grows, by the grid, and by what the search has missed.

    Args:
        target: A continuous function of one point of shape (1,), with a `domain`.
        pieces: Number n of pieces.
        norm: "l2" or "sup".
        cells: Cells of the grid per piece, 500 or, beyond 128 pieces, fewer.

    Returns:
        A `PieceOptimum`: `lower`, `upper`, and the function that attains the upper end.

    Raises:
        ValueError: If the target is not one-dimensional, has a mask, jumps, is fractal, or is not
            finite, or if JAX computes in float32.

    Source:
        Least squares by dynamic programming: Bellman 1961, Comm. ACM 4, p. 284. Stationary knots:
        Barrow, Chui, Smith and Ward 1978, Math. Comp. 32, 1131-1143.

    Example:
        >>> from approxlab.targets import get
        >>> best = relu_spline(get("exp"), 8, "l2")
        >>> best
        PieceOptimum(l2 in [0.0035048, 0.00352099], 8 pieces)
    """
    check_positive(pieces=pieces)
    cells = max(64, min(_CELLS, _ALL_CELLS // pieces)) if cells is None else cells
    check_positive(cells=cells)
    check_norm(norm)
    enclose = _enclosed_l2 if norm == "l2" else _enclosed_sup
    return enclose(Curve.of(target), int(pieces), int(cells))


def _enclosed_l2(curve: Curve, pieces: int, cells: int) -> PieceOptimum:
    knots, squared, price = _l2_knots(curve, pieces)
    error, fine = math.sqrt(squared), Pieces.of(curve, knots)
    doubt = abs(error - math.sqrt(Pieces.of(curve, knots, nodes=12).joined()[1]))
    scale, bound = curve.size * math.sqrt(curve.width), 0.0
    if error > _EXACT * scale:
        grid = Cells.sample(curve, curve.refined(knots, cells))
        price *= ((1.0 - 1.0 / cells) / (1.0 - 1.0 / _COARSE)) ** 5
        bound = lower_bound(grid, pieces, (error + 2.0 * doubt) ** 2, price).value
    rounding = curve.rounding * math.sqrt(curve.width)
    low = max(0.0, math.sqrt(max(bound, 0.0)) * (1.0 - 1e-9) - rounding)
    source = f"discontinuous affine pieces, dynamic program on {cells} cells per piece"
    return PieceOptimum(
        curve.target,
        pieces,
        Optimum(low, "l2", "lower", source),
        Estimate(error, "l2", len(fine.samples.values), uncertainty=doubt),
        Spline(knots, fine.joined()[0]),
    )


def _l2_knots(curve: Curve, pieces: int) -> tuple[np.ndarray, float, float]:
    """The best knots found, their squared error, and the price of a piece on a coarse grid."""
    start, price = spread(curve, pieces, "l2"), 0.0
    found = [polished(curve, start)]
    if (moved := curve.with_kinks(start)) is not None:
        found += [(moved, Pieces.of(curve, moved).joined()[1]), polished(curve, moved)]
    knots, squared = min(found, key=lambda pair: pair[1])
    for _ in range(3):
        if math.sqrt(squared) <= _EXACT * curve.size * math.sqrt(curve.width):
            break
        coarse = Cells.sample(curve, curve.refined(knots, _COARSE))
        bound = lower_bound(coarse, pieces, squared * (1.0 + 1e-6))
        places, price = bound.knots, bound.penalty
        middles = 0.5 * (coarse.grid[places] + coarse.grid[places + 1])
        start = np.concatenate([[curve.lower], middles, [curve.upper]])
        other, less = polished(curve, resized(curve, start, pieces))
        if not less < squared * (1.0 - 1e-9):
            break
        knots, squared = other, less
    return knots, squared, price


def _enclosed_sup(curve: Curve, pieces: int, cells: int) -> PieceOptimum:
    start, low = spread(curve, pieces, "sup"), 0.0
    starts = [start, curve.with_kinks(start)]
    found = [levelled(curve, knots) for knots in starts if knots is not None]
    spline, error = min(found, key=lambda pair: pair[1])
    if error > _EXACT * curve.size:
        coarse = curve.refined(spline.knots, _COARSE)
        _, ends = level_bound(coarse, curve(coarse), pieces, error, 3.0 / _COARSE)
        start = np.concatenate([[curve.lower], ends, [curve.upper]])
        other, less = levelled(curve, resized(curve, start, pieces))
        if less < error:
            spline, error = other, less
        x = curve.refined(spline.knots, cells)
        low = level_bound(x, curve(x), pieces, error * (1.0 + 1e-4), 3.0 / cells)[0]
    error, points = largest_error(curve, spline, np.linspace(0.0, 1.0, 1025))
    source = f"discontinuous affine pieces, as few as a level needs, {cells} points per piece"
    return PieceOptimum(
        curve.target,
        pieces,
        Optimum(max(0.0, low - curve.rounding), "sup", "lower", source),
        Estimate(error, "sup", points),
        spline,
    )
