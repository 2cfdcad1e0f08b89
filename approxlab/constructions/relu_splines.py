"""Linear splines as shallow ReLU networks: interpolants, and the best approximation of x^2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Claim, Construction
from approxlab.constructions._parabola import square_on
from approxlab.constructions._relu_rounding import (
    check_held,
    spline_evaluation,
    spline_knots_and_values,
    with_rounding,
)
from approxlab.constructions._target_checks import interval_of
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.optimal.closed_forms import square_by_pieces
from approxlab.targets.catalogue import get
from approxlab.targets.target import Target

__all__ = ["relu_interpolant", "spline_network", "square_shallow", "tent_shallow"]


def relu_interpolant(target: Target, n: int) -> Construction:
    """The linear interpolant of a target at n + 1 equally spaced points, as n ReLUs.

    With knots t_0 < ... < t_n and slopes s_1, ..., s_n it is
    f(t_0) + s_1 relu(x - t_0) + sum_j (s_{j+1} - s_j) relu(x - t_j). On a piece of width h the
    error is at most M h^2 / 8, with M a bound of |f''|, and at most L h / 2, with L a Lipschitz
    constant (at distance t from a node |f - p| <= 2 L t (h - t) / h). The claim is the smaller of
    the two, or the one that is known, plus the rounding of the parameters and of the evaluation in
    the dtype of the network; `claim.bound.without_rounding` is the claim in exact arithmetic. A
    piecewise linear target is reproduced if all its kinks are nodes. Nodes are rounded to that
    dtype first. A target is taken to be computed to 4 units in the last place of its value, at an
    argument that is off by as little.

    For Lipschitz functions the error of n units in one layer is of order 1/n at best. Deep networks
    of W weights can have W^(-2/d) in d dimensions in place of W^(-1/d) (Yarotsky 2018), if weights
    may depend on f discontinuously and hold many values of f in their bits. This library does not
    build them: to read one of m symbols from a weight multiplies what follows, and its rounding, by
    m, so that a float64 weight holds at most 33 increments of -1, 0, 1, and a float32 weight 15.

    Args:
        target: A target of one variable with a proved `second_derivative` or `lipschitz` fact.
        n: Number of pieces.

    Returns:
        A construction with n hidden units in one layer and at most n pieces.

    Raises:
        TypeError: If the target is not a `Target`: the claim needs its facts.
        ValueError: If n is not a positive integer, the target is not one-dimensional, has a mask
            (its facts then say nothing about a whole piece), or lacks both facts.

    Source:
        Error of linear interpolation, e.g. Davis 1963, Theorem 3.1.1.

    Example:
        >>> from approxlab.targets import get
        >>> relu_interpolant(get("square"), 4).claim.bound.without_rounding
        0.015625
    """
    box = interval_of(target)
    check_positive(n=n)
    h = float(box.widths[0]) / n
    bounds = []
    if target.second_derivative is not None:
        # Equality for x^2, whose second derivative is constant.
        bounds.append((target.second_derivative * h**2 / 8, "linear interpolation, |f''| h^2 / 8"))
    if target.lipschitz is not None:
        bounds.append((target.lipschitz * h / 2, "linear interpolation, Lipschitz constant h / 2"))
    if not bounds:
        raise ValueError(
            f"target: {target!r} has neither the fact second_derivative nor lipschitz, expected "
            "at least one: without it nothing is proved. Give it as a keyword of Target."
        )
    value, source = min(bounds)
    exact = target.fn is get("square").fn and source.startswith("linear interpolation, |f''|")
    knots = _nodes(box, n)
    heights = values_at(target, knots[:, None])
    with np.errstate(over="ignore", invalid="ignore"):
        slopes = np.abs(np.diff(heights) / np.diff(knots))
        reach = float(np.max(np.abs(heights)) + 2.0 * np.sum(slopes) * box.widths[0])
    check_held("target", target, reach)
    network = spline_network(knots, heights)
    places, heights = spline_knots_and_values(network, box)
    values = values_at(target, places[:, None])
    whole = _on_pieces(target, places) + float(np.max(np.abs(heights - values)))
    whole += _rounding_of_target(target, places, values) + spline_evaluation(network, box)
    bound = with_rounding(value, whole, source, network.dtype, exact)
    return Construction(network, target, Claim("sup", bound, n, 0, 1, n if exact else None))


def _nodes(box: Box, n: int) -> np.ndarray:
    """Equally spaced nodes in the dtype of networks, where that keeps them apart."""
    nodes = box.uniform(n + 1)[:, 0]
    stored = nodes.astype(float_dtype(None)).astype(np.float64)
    return stored if np.all(np.diff(stored) > 0) else nodes


def _on_pieces(target: Target, knots: np.ndarray) -> float:
    """Error of linear interpolation on the longest piece between the knots."""
    h = float(np.max(np.diff(knots)))
    forms = []
    if target.second_derivative is not None:
        forms.append(target.second_derivative * h**2 / 8)
    if target.lipschitz is not None:
        forms.append(target.lipschitz * h / 2)
    return min(forms)


def _rounding_of_target(target: Target, knots: np.ndarray, values: np.ndarray) -> float:
    """How far computed values of a target may be from its true values at the nodes."""
    eps, h = float(np.finfo(float_dtype(None)).eps), np.diff(knots)
    slope = target.lipschitz
    if slope is None:  # then |f''| is bounded, and a slope is near that of a chord
        slope = float(np.max(np.abs(np.diff(values)) / h)) + (target.second_derivative or 0) * max(
            h
        )
    return eps * 4.0 * float(np.max(np.abs(values)) + slope * np.max(np.abs(knots)))


def square_shallow(n: int, domain: Box | None = None) -> Construction:
    """The best approximation of x^2 by any function with n affine pieces, as n ReLUs.

    On each piece the interpolant at n + 1 equally spaced points lies above x^2 by t (h - t), at
    most h^2/4. Lowered by h^2/8, its error alternates between h^2/8 and -h^2/8. No function with n
    affine pieces has a smaller error (`optimal.square_by_pieces`).

    Args:
        n: Number of pieces.
        domain: An interval; by default [0, 1].

    Returns:
        A construction with n hidden units in one layer. Its sup error is w^2/(8 n^2) in exact
        arithmetic (`claim.bound.without_rounding`); the claim adds the rounding in its dtype.

    Example:
        >>> square_shallow(8).claim.bound.without_rounding
        0.001953125
    """
    check_positive(n=n)
    target = square_on(domain)
    knots = _nodes(target.domain, n)
    h = float(target.domain.widths[0]) / n
    network = spline_network(knots, knots**2 - h**2 / 8)
    optimum = square_by_pieces(n, domain=target.domain)
    places, heights = spline_knots_and_values(network, target.domain)
    above = heights - places.astype(np.longdouble) ** 2  # -h^2/8 at each knot, without rounding
    most = float(np.max(above)) + float(np.max(np.diff(places))) ** 2 / 4
    whole = max(most, -float(np.min(above))) + spline_evaluation(network, target.domain)
    source = "Chebyshev: the error alternates on every piece"
    bound = with_rounding(optimum.value, whole, source, network.dtype, True)
    return Construction(network, target, Claim("sup", bound, n, 0, 1, n))


def tent_shallow(k: int) -> Construction:
    """The k-th iterate of the tent map on [0, 1] with one hidden layer: 2^k ReLUs.

    It has 2^k - 1 kinks, and a shallow network needs one unit for each. One more unit (it could be
    linear) carries the first slope.

    Args:
        k: Number of iterations.

    Returns:
        A construction with 2^k hidden units, 2^k pieces and, in exact arithmetic, error 0; the
        claim is the rounding of the sum of its units.

    Example:
        >>> tent_shallow(3).network.num_hidden_units
        8
    """
    check_positive(k=k)
    if k > 16:
        raise ValueError(f"k: got {k}, expected at most 16: the network has 2^k = {2**k} units.")
    target = get("tent", k=k)
    knots = np.arange(2**k + 1) / 2**k
    network = spline_network(knots, np.arange(2**k + 1) % 2 * 1.0)
    source = "a linear spline is a sum of ReLUs at its kinks"
    lost = spline_evaluation(network, target.domain)  # all parameters are stored as they are
    bound = with_rounding(0.0, lost, source, network.dtype, True)
    return Construction(network, target, Claim("sup", bound, 2**k, 0, 1, 2**k))


def spline_network(knots: np.ndarray, heights: Sequence[float] | np.ndarray) -> MLP:
    """The network of a continuous piecewise linear function: one ReLU per piece.

    With slopes s_1, ..., s_n it is y_0 + s_1 relu(x - t_0) + sum_j (s_{j+1} - s_j) relu(x - t_j):
    the first unit starts at the left end and carries the first slope.

    Args:
        knots: Increasing positions t_0 < ... < t_n, shape (n + 1,).
        heights: Values y_0, ..., y_n there.

    Returns:
        A network with n hidden units, equal to the function on [t_0, t_n].

    Example:
        >>> network = spline_network(np.array([0.0, 1.0, 3.0]), [0.0, 2.0, 0.0])
        >>> float(network(np.array([2.0])))
        1.0
    """
    slopes = np.diff(np.asarray(heights)) / np.diff(knots)
    jumps = np.concatenate([slopes[:1], np.diff(slopes)])
    return MLP.from_arrays(
        [np.ones((len(jumps), 1)), jumps[None, :]],
        [-knots[:-1], np.asarray(heights)[:1]],
        "relu",
    )
