"""Bounds on the least error of piecewise linear functions with n pieces and free knots.

Every ReLU network with at most n affine pieces on an interval is such a function, so the lower
bound holds for all these networks. The upper bound is attained by a continuous function, which is
a ReLU network with one hidden layer of n units.

Lower bound, L2. A dynamic program works on the cells of a grid and leaves out the cell that
contains a knot (`optimal/_l2_pieces.py`). The bound holds for all knots, not only for those on the
grid, and also for functions that jump at their knots. The only assumption on the target is that 8
Gauss-Legendre nodes give the moments of each cell exactly; declared kinks are ends of cells, and so
are the panels on which `resolution.py` finds the target to be a polynomial. These rest on samples:
a feature narrower than 2^-17 of the interval may stay unseen. With m cells per piece, the bound is
about (1 - 1/m)^(5/2) times the least error of discontinuous pieces.

Lower bound, sup. Only finitely many points are used, which can only reduce the least error. On
these points, n pieces that are each as long as a level allows show whether n pieces can attain
this level (`optimal/_sup_pieces.py`). The bound holds for discontinuous functions too.

Rounding. A bound on the rounding of values of the target, 8 eps (max|f| + max|x| max|f'|), is
subtracted from both. If the upper bound is below 1e-10 max|f|, the lower bound is zero.

Upper bound. Newton's method (L2) or linear programs (sup) make the knots stationary, starting from
equidistributed knots and from the knots of the lower bound; the heights are the best ones for these
knots. The upper bound is the error of one function, computed by quadrature or at points; it is not
proved to be the least error. The two bounds differ for three reasons: continuity, whose effect
vanishes as n grows; the grid; and an incomplete search.
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
from approxlab.optimal._chain_programs import LONG
from approxlab.optimal._curve import Curve
from approxlab.optimal._l2_pieces import Cells, lower_bound
from approxlab.optimal._l2_splines import Pieces, equidistributed, polished, resized
from approxlab.optimal._sup_pieces import level_bound
from approxlab.optimal._sup_splines import constant, largest_error, minimised
from approxlab.rates import gap
from approxlab.splines import Spline

__all__ = ["GapInterval", "PieceOptimum", "relu_spline"]

_CELLS = 500  # per piece
_ALL_CELLS = 64_000
_COARSE = 40  # cells per piece while the knots are searched for
_EXACT = 1e-10  # the dynamic program cannot distinguish smaller relative errors from rounding


class GapInterval(NamedTuple):
    """Lower and upper bound on the ratio of an error to the least possible error.

    Attributes:
        lower: Error divided by the upper bound on the least error. A value below 1 shows that this
            upper bound is not the least error.
        upper: Error divided by the lower bound on the least error; proved for a target whose
            panels are resolved, as described at the head of `optimal/pieces.py`.
    """

    lower: float
    upper: float


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PieceOptimum:
    """Bounds on the least error of continuous piecewise linear functions with n pieces.

    It can be called like a function of one point of shape (1,); this is the best function found,
    so `errors.l2` and `errors.sup` can measure it.

    Attributes:
        target: The function that is approximated.
        pieces: Number n of pieces.
        lower: Lower bound for all functions with at most n affine pieces, continuous or not.
        upper: Error of the best continuous function found.
        spline: Knots and heights of this function.
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
        """Values of the best function found at its knots, shape (n + 1,)."""
        return self.spline.heights

    def __call__(self, x: Any) -> jax.Array:
        """The best function found, at one point of shape (1,)."""
        return jnp.interp(x[0], jnp.asarray(self.knots, x.dtype), jnp.asarray(self.values, x.dtype))

    def __repr__(self) -> str:
        low, high = float(self.lower), float(self.upper)
        norm = self.lower.norm
        return f"PieceOptimum({norm} in [{low:.6g}, {high:.6g}], {self.pieces} pieces)"

    def gap(self, error: Estimate | float) -> GapInterval:
        """Bounds on the ratio of an error to the least possible error.

        Args:
            error: An estimate in the same norm, not relative, or a number.

        Raises:
            ValueError: If the norm is different, or the lower bound on the least error is zero.

        Example:
            >>> import jax
            >>> jax.config.update("jax_enable_x64", True)
            >>> from approxlab.targets import get
            >>> best = relu_spline(get("square"), 4, "l2")
            >>> [round(gap, 2) for gap in best.gap(2 * float(best.upper))]
            [2.0, 2.01]
        """
        upper, lower = (
            Optimum(float(value), self.lower.norm, "lower", "attained", target=self.target)
            for value in (self.upper, self.lower)
        )
        return GapInterval(gap(error, upper), gap(error, lower))

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """The best function found and the target, with the estimate of their distance."""
        from approxlab.plotting.models import plot_model

        named = {"label": f"best with {self.pieces} pieces", "error": self.upper, **style}
        return plot_model(self, self.target, ax=ax, **named)

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
    """Lower and upper bound on the least error of continuous piecewise linear functions, n pieces.

    The lower bound also holds for discontinuous functions; a bound on rounding errors is subtracted
    from it. In the L2 norm, with m cells per piece, it is about (1 - 1/m)^(5/2) times the least
    error of discontinuous pieces. The upper bound is the error of the best continuous function
    found, by quadrature or at points. The proofs are at the head of `optimal/pieces.py`.

    Args:
        target: A continuous function of one point of shape (1,), with a `domain`.
        pieces: Number n of pieces.
        norm: "l2" or "sup".
        cells: Grid cells per piece; by default 500, fewer for more than 128 pieces.

    Returns:
        A `PieceOptimum`: `lower`, `upper`, and the function that attains the upper bound.

    Raises:
        ValueError: If the target is not one-dimensional, has a mask, has a jump (declared or
            found), is fractal, is not finite or not resolved, or if JAX computes in float32.
        ArithmeticError: If rounding makes the two bounds contradict each other.

    Source:
        Least squares by dynamic programming: Bellman 1961, Comm. ACM 4, p. 284. Stationary knots:
        Barrow, Chui, Smith and Ward 1978, Math. Comp. 32, 1131-1143.

    Example:
        >>> import jax
        >>> jax.config.update("jax_enable_x64", True)
        >>> from approxlab.targets import get
        >>> best = relu_spline(get("exp"), 8, "l2")
        >>> best
        PieceOptimum(l2 in [0.0035048, 0.00352099], 8 pieces)
    """
    check_positive(pieces=pieces)
    cells = max(64, min(_CELLS, _ALL_CELLS // pieces)) if cells is None else cells
    check_positive(cells=cells)
    check_norm(norm)
    bounds = _l2_bounds if norm == "l2" else _sup_bounds
    return bounds(Curve.of(target), int(pieces), int(cells))


def _l2_bounds(curve: Curve, pieces: int, cells: int) -> PieceOptimum:
    knots, squared, penalty = _l2_knots(curve, pieces)
    error, fine = math.sqrt(squared), Pieces.of(curve, knots)
    uncertainty = abs(error - math.sqrt(Pieces.of(curve, knots, nodes=12).joined()[1]))
    scale, bound = curve.size * math.sqrt(curve.width), 0.0
    if error > _EXACT * scale:
        grid = Cells.sample(curve, curve.refined(knots, cells))
        penalty *= ((1.0 - 1.0 / cells) / (1.0 - 1.0 / _COARSE)) ** 5
        bound = lower_bound(grid, pieces, (error + 2.0 * uncertainty) ** 2, penalty).value
    rounding = curve.rounding * math.sqrt(curve.width)
    low = max(0.0, math.sqrt(max(bound, 0.0)) * (1.0 - 1e-9) - rounding)
    source = f"discontinuous affine pieces, dynamic program on {cells} cells per piece"
    return PieceOptimum(
        curve.target,
        pieces,
        Optimum(
            curve.ordered(low, error, 2.0 * rounding), "l2", "lower", source, target=curve.target
        ),
        Estimate(error, "l2", len(fine.samples.values), uncertainty=uncertainty),
        Spline(knots, fine.joined()[0]),
    )


def _l2_knots(curve: Curve, pieces: int) -> tuple[np.ndarray, float, float]:
    """The best knots found, their squared error, and the penalty per piece on a coarse grid."""
    start, penalty = equidistributed(curve, pieces, "l2"), 0.0
    found = [polished(curve, start)]
    if (moved := curve.with_kinks(start)) is not None:
        found += [(moved, Pieces.of(curve, moved).joined()[1]), polished(curve, moved)]
    knots, squared = min(found, key=lambda pair: pair[1])
    for _ in range(3):
        if math.sqrt(squared) <= _EXACT * curve.size * math.sqrt(curve.width):
            break
        coarse = Cells.sample(curve, curve.refined(knots, _COARSE))
        bound = lower_bound(coarse, pieces, squared * (1.0 + 1e-6))
        left, penalty = bound.knots, bound.penalty
        middles = 0.5 * (coarse.grid[left] + coarse.grid[left + 1])
        start = np.concatenate([[curve.lower], middles, [curve.upper]])
        new_knots, reduced = polished(curve, resized(curve, start, pieces))
        if not reduced < squared * (1.0 - 1e-9):
            break
        knots, squared = new_knots, reduced
    return knots, squared, penalty


def _sup_bounds(curve: Curve, pieces: int, cells: int) -> PieceOptimum:
    start, low = equidistributed(curve, pieces, "sup"), 0.0
    starts = [start, curve.with_kinks(start)]
    found = [minimised(curve, knots) for knots in starts if knots is not None]
    flat = constant(curve, start)
    spline, error = min([*found, flat], key=lambda pair: pair[1])
    if error > _EXACT * curve.size:
        coarse = np.union1d(curve.refined(spline.knots, _COARSE), curve.narrow)
        _, ends = level_bound(coarse, curve(coarse), pieces, error, 3.0 / _COARSE)
        spline, error = _from_ends(curve, pieces, ends, (spline, error))
        x = np.union1d(curve.refined(spline.knots, cells), curve.narrow)
        low, ends = level_bound(x, curve(x), pieces, error * (1.0 + 1e-4), 3.0 / cells)
        # How many knots lie where, which a local search does not change. To fill up many pieces
        # takes long.
        if pieces >= LONG and len(ends) > 0.9 * pieces:
            spline, error = _from_ends(curve, pieces, ends, (spline, error))
    # A closer look may raise both errors, and so exchange them.
    (error, points), (least, _) = largest_error(curve, spline), largest_error(curve, flat[0])
    if least < error:
        spline, error = flat[0], least
    low = curve.ordered(low, error, 2.0 * curve.rounding)
    source = f"fewest discontinuous affine pieces for a level, {cells} points per piece"
    return PieceOptimum(
        curve.target,
        pieces,
        Optimum(max(0.0, low - curve.rounding), "sup", "lower", source, target=curve.target),
        Estimate(error, "sup", points),
        spline,
    )


def _from_ends(
    curve: Curve, pieces: int, ends: np.ndarray, best: tuple[Spline, float]
) -> tuple[Spline, float]:
    """The better of the best function so far and of what is found from these inner knots."""
    start = np.concatenate([[curve.lower], ends, [curve.upper]])
    found = minimised(curve, resized(curve, start, pieces))
    return found if found[1] < best[1] else best
