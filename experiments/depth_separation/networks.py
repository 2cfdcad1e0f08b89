"""The networks of `depth_separation`: built ones with a sup error of at most eps, and read-outs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.depth_separation.least import takagi_level

if TYPE_CHECKING:
    from approxlab import MLP, Target

__all__ = ["built_deep", "built_plain", "built_shallow", "read_out", "shallow_units", "target_of"]

_CURVATURE_TIMES_WIDTH = {"cube": 6.0, "exp": 4.0 * math.e}
"""max f'' times the squared width of the interval."""


def target_of(name: str) -> Target:
    """A target of the catalogue, or the product on the unit square."""
    from approxlab import constructions, targets

    return constructions.product_deep(1).target if name == "product" else targets.get(name)


def shallow_units(name: str, eps: float) -> tuple[int, int]:
    """Pieces per axis (or levels) and ReLUs of the network of `built_shallow`."""
    if name == "square":
        n = math.ceil(math.sqrt(1.0 / (8.0 * eps)) * (1.0 - 1e-12))
        return n, n
    if name == "product":
        n = math.ceil(math.sqrt(1.0 / (4.0 * eps)) * (1.0 - 1e-12))
        return n, 2 * n
    if name == "takagi":
        m = takagi_level(eps)
        return m, 2**m - 2**m // 4
    n = math.ceil(math.sqrt(_CURVATURE_TIMES_WIDTH[name] / (8.0 * eps)))
    return n, n


def built_shallow(name: str, eps: float) -> MLP:
    """One hidden layer: equal pieces, for the square lowered by half of their error.

    The product is ((x + y)/2)^2 - ((x - y)/2)^2 with both squares interpolated at n + 1 points:
    their errors lie in [0, 1/(4 n^2)], and are not added.
    """
    from approxlab import constructions

    n, _ = shallow_units(name, eps)
    if name == "square":
        return constructions.square_shallow(n).network
    if name == "product":
        return _shallow_product(n)
    if name == "takagi":
        return _shallow_takagi(n)
    return constructions.relu_interpolant(target_of(name), n).network


def built_deep(name: str, eps: float) -> Any:
    """The construction with the fewest ReLUs that the library can prove to be within eps."""
    from approxlab import constructions

    if name == "square":
        return constructions.monomial_deep(2, eps)
    if name == "cube":
        return constructions.monomial_deep(3, eps)
    if name == "exp":
        return constructions.analytic_deep(target_of(name), eps)
    if name == "product":
        return constructions.product_deep(eps=eps)
    return constructions.takagi_deep(max(1, takagi_level(eps * (1.0 - 1e-3))), linear_units=True)


def built_plain(eps: float) -> Any:
    """The square without linear units, by equal layers of the width with the fewest units."""
    from approxlab import constructions

    pieces = shallow_units("square", eps)[0]
    ways = [(p,) * max(1, math.ceil(math.log(pieces, p) - 1e-9)) for p in (2, 3, 4, 5)]
    return constructions.square_layered(min(ways, key=lambda way: sum(way) + len(way)))


def read_out(net: MLP, layer: int, x: np.ndarray, y: np.ndarray) -> tuple[int, float]:
    """ReLUs up to a layer, and the sup error at points of its least squares read-out.

    The read-out is affine in the units of this layer; half of the range of its error is what a
    constant more can reach.
    """
    state = x[:, None]
    for i in range(layer):
        weight, bias = (np.asarray(part[i], float) for part in (net.weights, net.biases))
        state = state @ weight.T + bias
        relus = state.shape[1] - net.passthrough[i]
        state[:, :relus] = np.maximum(state[:, :relus], 0.0)
    count = sum(net.sizes[1 : layer + 1]) - sum(net.passthrough[:layer])
    columns = np.concatenate([np.ones((len(x), 1)), state - state.mean(axis=0)], axis=1)
    sizes = np.maximum(np.max(np.abs(columns), axis=0), np.finfo(float).tiny)
    found, *_ = np.linalg.lstsq(columns / sizes, y, rcond=1e-13)
    error = y - (columns / sizes) @ found
    return count, float(0.5 * np.ptp(error))


def _shallow_product(n: int) -> MLP:
    from approxlab import MLP, constructions

    weights, biases, jumps, constant = [], [], [], 0.0
    for sign, left in ((1.0, 0.0), (-1.0, -0.5)):
        knots = left + np.arange(n + 1) / n
        one = constructions.spline_network(knots, knots**2)
        first = np.asarray(one.weights[0], float)
        weights.append(first * np.array([0.5, 0.5 * sign]))
        biases.append(np.asarray(one.biases[0], float))
        jumps.append(sign * np.asarray(one.weights[1][0], float))
        constant += sign * float(one.biases[1][0])
    arrays = [np.concatenate(weights), np.concatenate(jumps)[None, :]]
    return MLP.from_arrays(arrays, [np.concatenate(biases), np.array([constant])], "relu")


def _shallow_takagi(m: int) -> MLP:
    """The first m terms, without knots where they have none, raised by half of the remainder."""
    from approxlab import constructions

    t, heights = np.arange(2**m + 1) / 2**m, np.full(2**m + 1, 0.5**m / 3.0)
    for k in range(1, m + 1):
        place = np.mod(t * 2**k, 2.0)
        heights += np.where(place <= 1.0, place, 2.0 - place) / 2**k
    slopes = np.rint(np.diff(heights) * 2**m)  # integers
    kept = np.concatenate([[True], np.diff(slopes) != 0.0, [True]])
    return constructions.spline_network(t[kept], heights[kept])
