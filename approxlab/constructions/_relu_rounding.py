"""The rounding in the claims of ReLU networks: of stored parameters, and of their evaluation.

Both constructions of one variable are bounded after the fact, from the parameters as stored.

Splines. The stored network is, in exact arithmetic, the linear spline through its own values at its
own knots. These values are computed in extended precision, so that its error is at most that of
linear interpolation on its longest piece plus its largest distance from the target at a knot.

Evaluation. A sum of n products in any order has an error of at most n eps times the sum of the
absolute products (Higham 2002, section 4.2, with eps twice the unit roundoff, which also covers the
terms of higher order). A unit relu(w x + b) errs by 3 eps (|w x| + |b|), or by eps times its own
size if w = 1, since then the only rounding is that of x + b. Matrix products are taken to be in
the dtype of the network, not in a shorter one (`jax.default_matmul_precision`).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from approxlab.claims import Bound
from approxlab.domains import Box
from approxlab.networks.mlp import MLP

__all__ = ["spline_evaluation", "spline_knots_and_values", "square_deep_rounding", "with_rounding"]


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

    A point of the box is first rounded to that dtype by whoever asks; it is taken as it then is.
    """
    eps = float(np.finfo(network.dtype).eps)
    tiny = float(np.finfo(network.dtype).tiny)  # of products that vanish
    heights = np.abs(np.asarray(network.weights[1][0], np.float64))
    reach = np.maximum(box.upper[0] + np.asarray(network.biases[0], np.float64), 0.0)
    total = float(heights @ reach)
    constant = abs(float(network.biases[1][0]))
    units = len(heights)
    return eps * ((0.5 * units + 3.0) * total + constant) + 2.0 * tiny * (units + heights.sum())


def square_deep_rounding(network: MLP, box: Box, levels: int) -> float:
    """Bound of all rounding in `square_deep`, layer by layer.

    With u = x - a and the sawtooth G_k, scaled by the width w, the rounding of layer k moves G_k by
    e <= 32 eps w at most, and d_k <= 2 d_{k-1} + e because the tent has slopes of size 2. As G_k
    enters with the weight w 4^-k, all teeth together err by at most w (d_0 + e). The slope at u is
    w + 2 a, so the rounding of u counts |w + 2 a| times; and each partial sum is rounded once per
    layer, with at most 4 products and a bias.
    """
    eps = float(np.finfo(network.dtype).eps)
    a, w = box.lower[0], float(box.widths[0])
    stored = float(np.asarray(network.biases[0], np.float64)[1])
    shift = abs(a + stored)  # how far the stored corner is from a
    first = shift + eps * (w + shift)
    slope = abs(w + 2.0 * a)
    teeth = (w + shift) * (2.0 * first + 40.0 * eps * (w + shift))
    sums = (slope + 4.0 * w) * (w + shift)
    values = eps * ((4.0 * levels + 8.0) * sums + 3.0 * (a * a + w * w))
    # In float64 the products and sums that make the parameters are rounded too: three each.
    return teeth + slope * first + values + 8.0 * levels * float(np.finfo(network.dtype).tiny)
