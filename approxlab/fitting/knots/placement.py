"""Shallow ReLU networks with placed knots: in one dimension the best network is a spline.

A hidden layer of n ReLUs is a continuous piecewise linear function, and every such function with n
pieces takes n ReLUs. So nothing needs to be trained: the knots are put where theory wants them
(`density`), the heights follow from one banded solve (`splines`), and a few Newton steps
(`newton`, L2) or exchanges (`exchange`, sup) move the knots to the nearest minimum.
That takes milliseconds, where gradient descent, for which the placing of ReLUs is a badly
conditioned problem, stays above the minimum by a factor or by orders of magnitude.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import numpy as np

from approxlab.arguments import check_norm, check_positive
from approxlab.claims import Estimate, Norm
from approxlab.constructions.relu_splines import spline_network
from approxlab.fitting.knots.exchange import alternates, levelled, lifted
from approxlab.fitting.knots.function_or_data import Data, Function, function_or_data
from approxlab.fitting.knots.newton import improve, start, to_minimum
from approxlab.fitting.training.result import Status
from approxlab.networks.mlp import MLP
from approxlab.splines import Spline

__all__ = ["FreeKnots", "free_knots"]

_SHIFTS = (0.0, 0.25, -0.25)  # of the first knots, in shares: several starts
_ROUNDS = 20  # knots of little use that are put elsewhere, at most


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FreeKnots:
    """A shallow ReLU network whose knots were placed, and what it reaches.

    Attributes:
        network: One hidden layer of n ReLUs for n pieces.
        target: What was approximated: a target, or the data (X, Y).
        spline: The same function by its knots and its heights there, before rounding to the
            network's dtype.
        error: The error of the network in the norm that was asked, an estimate: by quadrature
            between the knots (l2), on a grid between them (sup), or the root of the mean square
            over the data.
        first_error: The same of the first knots, at equal shares of the curvature, by the sums
            that the polish minimises.
        status: "converged" (a local minimum, or an error of rounding), "stagnated", or "budget";
            "budget" too if there was no polish.
        steps: Steps of the polish, over all starts.
    """

    network: MLP
    target: Any
    spline: Spline
    error: Estimate
    first_error: float
    status: Status
    steps: int

    def __repr__(self) -> str:
        return f"FreeKnots({self.network!r}, {self.status}: {self.error!r})"

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the size, the estimated error, the first error, how it ended."""
        return [
            {
                "pieces": self.spline.pieces,
                "num_hidden_units": self.network.num_hidden_units,
                "num_parameters": self.network.num_parameters,
                **self.error.to_rows()[0],
                f"first_{self.error.norm}_error": self.first_error,
                "status": str(self.status),
                "steps_done": self.steps,
            }
        ]


def free_knots(
    target: Any, pieces: int, norm: Norm = "l2", *, polish: bool = True, steps: int = 100
) -> FreeKnots:
    """The shallow ReLU network of n units with the least error found by placing its knots.

    The first knots have equal shares of |f''|^(2/5) (l2) or |f''|^(1/2) (sup), which is optimal to
    leading order in 1/n, and known kinks of the target are among them. With `polish` three such
    starts go to local minima: by Newton's method for knots and heights, a useless knot being put
    where the error is largest, for "l2"; by an exchange through linear programs for "sup". The best
    is returned. The error never rises on the way. The minimum is local and not certified: compare
    with `optimal.relu_spline`.

    Args:
        target: A `Target` of one variable without a mask, or data `(X, Y)` of shapes (k, 1) and
            (k,), for which the mean square over the points is minimised.
        pieces: Number n of pieces, and of ReLUs.
        norm: "l2" or "sup"; data take "l2".
        polish: Move the knots; otherwise one solve on the first ones.
        steps: Steps of each polish at most.

    Returns:
        A `FreeKnots`. A constant or affine target gives status "converged" and an error of
        rounding.

    Raises:
        TypeError: If the target is neither a target nor data.
        ValueError: If the target is not one-dimensional, has a mask or is not finite, or there are
            too few data for so many pieces.

    Source:
        de Boor 1973 (equal shares); Barrow, Chui, Smith and Ward 1978 (stationary knots, which are
        unique in L2 where f'' > 0 and log f'' is concave); Golub and Pereyra 1973 (variable
        projection); Remez 1934 (exchange).

    Example:
        >>> from approxlab import targets
        >>> fit = free_knots(targets.get("square"), 4)     # 4 equal pieces: 1 / (16 sqrt(180))
        >>> fit.spline.knots.round(4).tolist(), round(float(fit.error) * 16 * 180**0.5, 4)
        ([0.0, 0.25, 0.5, 0.75, 1.0], 1.0)
        >>> round(float(free_knots(targets.get("square"), 4, "sup").error) * 8 * 16, 4)
        1.0
    """
    check_positive(pieces=pieces, steps=steps)
    check_norm(norm)
    given = function_or_data(target, int(pieces), norm)
    shifts = _SHIFTS if polish and pieces > 1 else _SHIFTS[:1]
    tries = given.knots(int(pieces), shifts)
    done = steps if polish else 0
    if isinstance(given, Function) and norm == "sup":
        found = _least_largest(given, tries, done)
    else:
        found = _least_squares(given, tries, done)
    spline = Spline(found.knots, given.unit * found.heights)
    network = spline_network(spline.knots, spline.heights)
    error, first = given.error(network, spline.knots), given.unit * found.first
    return FreeKnots(network, target, spline, error, first, found.status, found.steps)


class _Found(NamedTuple):
    knots: np.ndarray
    heights: np.ndarray
    first: float
    status: Status
    steps: int


def _least_squares(given: Function | Data, tries: list[np.ndarray], steps: int) -> _Found:
    """The best of several starts in the L2 norm."""
    started = [state for knots in tries if (state := start(given.samples, knots)) is not None]
    if not started:
        raise ValueError(
            f"pieces: got {len(tries[0]) - 1}, expected fewer: some pieces hold too few of the "
            "data to determine them."
        )
    first, floor = started[0], given.floor**2 * given.weight
    ends = [to_minimum(given.samples, state, floor, steps) for state in started]
    best = min(ends, key=lambda state: state.squares)
    others = sum(state.steps for state in ends) - best.steps
    if steps:
        best = improve(given.samples, best, floor, steps, _ROUNDS)
    steps_done = best.steps + others
    return _Found(best.knots, best.heights, math.sqrt(first.squares), best.status, steps_done)


def _least_largest(given: Function, tries: list[np.ndarray], steps: int) -> _Found:
    """The best of several starts in the sup norm."""
    started = [lifted(given.values, knots) for knots in tries[:1]]
    if not alternates(started[0]):  # a convex target has one minimum
        started += [lifted(given.values, knots) for knots in tries[1:]]
    ends = [levelled(given.values, state, given.floor, steps) for state in started]
    best = min(ends, key=lambda state: state.largest)
    total = sum(state.steps for state in ends)
    return _Found(best.knots, best.heights, started[0].largest, best.status, total)
