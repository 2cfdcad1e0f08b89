"""Linear splines as shallow ReLU networks: interpolants, and the best approximation of x^2."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._parabola import square_on
from approxlab.constructions._target_checks import interval_of
from approxlab.domains import Box
from approxlab.evaluation import values_at
from approxlab.networks.mlp import MLP
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
    the two, or the one that is known. A piecewise linear target is reproduced if all its kinks are
    nodes.

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
        >>> relu_interpolant(get("square"), 4).claim.bound
        Bound(= 0.015625, linear interpolation, |f''| h^2 / 8)
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
    knots = box.uniform(n + 1)
    network = spline_network(knots[:, 0], values_at(target, knots))
    claim = Claim("sup", Bound(value, source, exact), n, 0, 1, n if exact else None)
    return Construction(network, target, claim)


def square_shallow(n: int, domain: Box | None = None) -> Construction:
    """The best approximation of x^2 by any function with n affine pieces, as n ReLUs.

    On each piece the interpolant at n + 1 equally spaced points lies above x^2 by t (h - t), at
    most h^2/4. Lowered by h^2/8, its error alternates between h^2/8 and -h^2/8. No function with n
    affine pieces has a smaller error (`optimal.square_by_pieces`).

    Args:
        n: Number of pieces.
        domain: An interval; by default [0, 1].

    Returns:
        A construction with n hidden units in one layer and the exact sup error w^2/(8 n^2).

    Example:
        >>> float(square_shallow(8).claim.bound)
        0.001953125
    """
    check_positive(n=n)
    target = square_on(domain)
    knots = target.domain.uniform(n + 1)[:, 0]
    h = float(target.domain.widths[0]) / n
    network = spline_network(knots, knots**2 - h**2 / 8)
    optimum = square_by_pieces(n, domain=target.domain)
    bound = Bound(optimum.value, "Chebyshev: the error alternates on every piece", exact=True)
    return Construction(network, target, Claim("sup", bound, n, 0, 1, n))


def tent_shallow(k: int) -> Construction:
    """The k-th iterate of the tent map on [0, 1] with one hidden layer: 2^k ReLUs.

    It has 2^k - 1 kinks, and a shallow network needs one unit for each. One more unit (it could be
    linear) carries the first slope.

    Args:
        k: Number of iterations.

    Returns:
        A construction with 2^k hidden units, 2^k pieces and error 0.

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
    bound = Bound(0.0, "a linear spline is a sum of ReLUs at its kinks", exact=True)
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
