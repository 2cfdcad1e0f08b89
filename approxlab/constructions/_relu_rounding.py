"""The rounding in the claims of ReLU networks: of stored parameters, and of their evaluation.

Both constructions of one variable are bounded after the fact, from the parameters as stored.

Splines. The stored network is, in exact arithmetic, the linear spline through its own values at its
own knots. These values are computed in extended precision, so that its error is at most that of
linear interpolation on its longest piece plus its largest distance from the target at a knot.

Evaluation. A sum of n products in any order has an error of at most n eps times the sum of the
absolute products (Higham 2002, section 4.2, with eps twice the unit roundoff, which also covers the
terms of higher order). A unit relu(x + b) errs by eps times its own size. A point of the box is
rounded to the dtype of the network first, and the claims include that. Matrix products are taken to
be in this dtype, not in a shorter one (`jax.default_matmul_precision`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from approxlab.claims import Bound
from approxlab.domains import Box
from approxlab.networks.mlp import MLP, float_dtype

__all__ = [
    "check_held",
    "spline_evaluation",
    "spline_knots_and_values",
    "square_deep_rounding",
    "with_rounding",
]


_ROOM = 64.0  # of the largest number of a dtype: terms of sums are larger than values


def check_held(name: str, got: Any, size: float) -> None:
    """Refuse what makes a network whose sums overflow in the dtype of networks."""
    dtype = float_dtype(None)
    most = float(np.finfo(dtype).max) / _ROOM
    if not size <= most:
        raise ValueError(
            f"{name}: got {got!r}, for which sums reach {size:.3g} in the network, expected at "
            f"most {most:.3g}, what {dtype} holds with room. Scale the target, or use x64."
        )


def with_rounding(exact: float, whole: float, source: str, dtype: Any, attained: bool) -> Bound:
    """The bound `whole` in the arithmetic of a dtype, with its part `exact` named apart."""
    whole = float(np.nextafter(max(whole, exact), math.inf))
    text = f"{source}, and rounding in {np.dtype(dtype)}"
    return Bound(whole, text, without_rounding=exact, attained=attained)


def spline_knots_and_values(network: MLP, box: Box) -> tuple[np.ndarray, np.ndarray]:
    """Ends and knots on an interval, and the values there in exact arithmetic, as stored.

    For networks of units relu(x + b). The values are long doubles; their own rounding is added by
    `spline_evaluation`.
    """
    low, high = box.lower[0], box.upper[0]
    biases = -np.asarray(network.biases[0], np.float64)
    order = np.argsort(biases, kind="stable")
    places = biases[order]
    jumps = np.asarray(network.weights[1][0], np.float64)[order].astype(np.longdouble)
    knots = np.unique(np.concatenate([[low, high], places[(low < places) & (places < high)]]))
    slopes = np.cumsum(jumps)
    index = np.searchsorted(places, knots, side="right") - 1
    # Measured from the left end, as far boxes would cancel.
    far = places.astype(np.longdouble) - np.longdouble(low)
    moments = np.cumsum(jumps * far)
    at = knots.astype(np.longdouble) - np.longdouble(low)
    values = np.where(index >= 0, slopes[index] * at - moments[index], np.longdouble(0.0))
    return knots, values + np.longdouble(float(network.biases[1][0]))


def spline_evaluation(network: MLP, box: Box) -> float:
    """Bound of the rounding of c + sum_j v_j relu(x + b_j) on an interval, in the network's dtype.

    The rounding of x to that dtype is included: it counts as often as the steepest piece is steep.
    """
    info = np.finfo(network.dtype)
    eps, tiny = float(info.eps), float(info.tiny)  # tiny: of products that vanish
    jumps = np.asarray(network.weights[1][0], np.float64)
    biases = np.asarray(network.biases[0], np.float64)
    heights, moved = np.abs(jumps), 0.5 * eps * _farthest(box)
    total = float(heights @ np.maximum(box.upper[0] + moved + biases, 0.0))
    ordered = jumps[np.argsort(-biases, kind="stable")].astype(np.longdouble)
    steepest = float(np.max(np.abs(np.cumsum(ordered))))
    constant = abs(float(network.biases[1][0]))
    units = len(jumps)
    sums = eps * ((0.5 * units + 3.0) * total + constant)
    return sums + steepest * moved + 2.0 * tiny * (units + float(heights.sum()))


def square_deep_rounding(network: MLP, box: Box, levels: int) -> float:
    """Bound of all rounding in `square_deep`, layer by layer.

    Let u = x - a, w the width, G_k = w g_k(u / w). The stored biases move u and u - w/2 by a few
    roundings of a; from then on the computed G_k is off by d_1 and d_k <= 2 d_{k-1} + e, with e the
    rounding of one layer, because the tent has slopes of size 2. G_k enters with the weight
    w 4^-k, u with w + 2 a, and every partial sum is rounded once per layer. The rounding of x
    itself counts by the slopes of x^2 and of the network.
    """
    half = 0.5 * float(np.finfo(network.dtype).eps)  # one rounding
    a, w = box.lower[0], float(box.widths[0])
    biases = np.asarray(network.biases[0], np.float64)
    moved = half * _farthest(box)
    corner, shift = _distance(-biases[0], a + 0.5 * w, a), _distance(-biases[1], a, a)
    reach = w + moved + shift  # of all units, up to what is counted as rounding
    slope = abs(w + 2.0 * a)
    first = shift + half * reach
    tooth = 2.0 * first + 4.0 * (corner + half * reach) + 6.0 * half * reach
    layer = 24.0 * half * (reach + tooth)
    total = slope * (first + 3.0 * half * reach) + 12.0 * half * w * reach
    whole = slope * reach + w * reach + a * a + w * w
    weight = 0.25 * w
    for _ in range(levels):
        total += weight * (tooth + 12.0 * half * (reach + tooth)) + 4.0 * half * (
            slope * reach + w * (reach + tooth)
        )
        tooth, weight = 2.0 * tooth + layer, 0.25 * weight
    tiny = 8.0 * levels * float(np.finfo(network.dtype).tiny)
    return total + 4.0 * half * whole + 2.0 * moved * (_farthest(box) + 2.0 * w) + tiny


def _farthest(box: Box) -> float:
    return max(abs(box.lower[0]), abs(box.upper[0]))


def _distance(stored: float, wanted: float, near: float) -> float:
    """How far a stored number is from the wanted one, which float64 holds up to a rounding."""
    return abs(stored - wanted) + float(np.finfo(np.float64).eps) * abs(near)
