"""Networks of splines whose steep pieces do not cancel.

In the form of `spline_network` every unit is active to the right of its knot, so behind a steep
piece two large terms cancel. Units may look to the left as well: from a knot t_m on those to the
right of it carry the pieces there, and relu(t_j - x) those to the left. Then a steep piece near an
end costs nothing elsewhere.
"""

from __future__ import annotations

import numpy as np

from approxlab.networks.mlp import MLP
from approxlab.splines import Spline

__all__ = ["separated", "two_sided_network"]


def two_sided_network(spline: Spline) -> MLP | None:
    """The network of a spline from the knot with the least cancellation; one ReLU per piece.

    With slopes s_1, ..., s_n it is, for the best m,
    y_m + s_{m+1} relu(x - t_m) + sum_{j>m} (s_{j+1} - s_j) relu(x - t_j)
    - s_m relu(t_m - x) + sum_{j<m} (s_{j+1} - s_j) relu(t_j - x).

    Returns:
        The network; None if a slope is too large a number.
    """
    knots, heights, n = spline.knots, spline.heights, spline.pieces
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = spline.slopes
        bends = np.diff(slopes)
        rightwards = np.abs(bends) * (knots[-1] - knots[1:-1])
        leftwards = np.abs(bends) * (knots[1:-1] - knots[0])
        right = np.append(np.cumsum(rightwards[::-1])[::-1], 0.0)  # of the units behind knot m
        left = np.append(0.0, np.cumsum(leftwards))  # of those before knot m + 1
        terms = np.append(right + np.abs(slopes) * (knots[-1] - knots[:-1]), 0.0)
        terms = np.maximum(terms, np.append(0.0, left + np.abs(slopes) * (knots[1:] - knots[0])))
    terms = np.where(np.isfinite(terms), terms, np.inf)
    m = int(np.argmin(terms))
    weights = np.concatenate([bends[: max(m - 1, 0)], -slopes[m - 1 : m] if m else [],
                              slopes[m : m + 1], bends[m:]])  # fmt: skip
    if not np.all(np.isfinite(weights)):
        return None
    positions = np.concatenate([knots[1 : m + 1], knots[m:n]])
    signs = np.repeat([-1.0, 1.0], [m, n - m])
    return MLP.from_arrays(
        [signs[:, None], weights[None, :]], [-signs * positions, heights[m : m + 1]], "relu"
    )


def separated(knots: np.ndarray, least: float) -> np.ndarray:
    """Knots moved apart so that no two are closer than about `least`, the ends in place."""
    widths = np.maximum(np.diff(knots), least)
    moved = knots[0] + np.concatenate([[0.0], np.cumsum(widths)]) * (
        (knots[-1] - knots[0]) / np.sum(widths)
    )
    moved[-1] = knots[-1]
    return moved
