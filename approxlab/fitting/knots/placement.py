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
from typing import Any

from approxlab.arguments import check_norm, check_positive
from approxlab.claims import Estimate, Norm
from approxlab.fitting.knots.checked import data_fit, function_fit
from approxlab.fitting.knots.function_or_data import Data, function_or_data
from approxlab.fitting.training.result import Status
from approxlab.networks.mlp import MLP
from approxlab.splines import Spline

__all__ = ["FreeKnots", "free_knots"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FreeKnots:
    """A shallow ReLU network whose knots were placed, and what it reaches.

    Attributes:
        network: One hidden layer of n ReLUs for n pieces.
        target: What was approximated: a target, or the data (X, Y).
        spline: The same function by its knots and its heights there, before rounding to the
            network's dtype.
        error: The error of the network in the norm that was asked, an estimate: by quadrature
            between the knots (l2), on a grid between them (sup), both with panels that resolve the
            target, or the root of the mean square over the data.
        first_error: The same of the first knots, at equal shares of the curvature, by the sums
            that the polish minimises.
        status: "converged" (a local minimum, or an error of rounding), "stagnated", or "budget";
            "budget" too if there was no polish.
        steps: Steps of the polish, over all starts.
        remark: What stands in the way of a better or a certain result, such as a jump or
            rounding; None if nothing does.
    """

    network: MLP
    target: Any
    spline: Spline
    error: Estimate
    first_error: float
    status: Status
    steps: int
    remark: str | None = None

    def __repr__(self) -> str:
        remark = f", {self.remark}" if self.remark else ""
        return f"FreeKnots({self.network!r}, {self.status}: {self.error!r}{remark})"

    def plot(self, **options: Any) -> Any:
        """The network beside its target or data, with the error named; see `plotting.plot_fit`."""
        from approxlab.plotting.models import plot_fit

        return plot_fit(self.network, self.target, self.error, **options)

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

    The error that is told is that of the network in its own dtype, measured on panels that resolve
    the target (`resolution`). Where the polish, with its few points per piece, saw another error,
    it is done again on these panels. Where the network does not reach the error of its spline
    because steep pieces cancel, units look to the left as well, or knots are moved apart. What
    remains in the way, such as a jump, is named in `remark`; with a jump the sup norm is
    "converged" only at half its height, the least of all continuous functions. For data with few
    points per piece, fewer pieces are tried as well where they may be better, so that more pieces
    are not worse, or the remark says that this is not known.

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
    done = steps if polish else 0
    if isinstance(given, Data):
        fit = data_fit(given, int(pieces), done)
    else:
        fit = function_fit(given, int(pieces), done)
    spline = Spline(fit.found.knots, given.unit * fit.found.heights)
    return FreeKnots(
        *(fit.network, target, spline, fit.error, given.unit * fit.found.first),
        *(fit.found.status, fit.found.steps, fit.remark),
    )
