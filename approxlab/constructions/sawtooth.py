"""Examples where depth helps: the iterated tent map and x^2, with one ReLU per layer."""

from __future__ import annotations

import numpy as np

from approxlab.arguments import check_positive
from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._parabola import square_on
from approxlab.constructions._relu_rounding import square_deep_rounding, with_rounding
from approxlab.domains import Box
from approxlab.networks.mlp import MLP
from approxlab.optimal.closed_forms import square_by_units
from approxlab.targets.catalogue import get

__all__ = ["square_deep", "tent_deep"]

_MAX_LEVELS = 25  # for more levels, w^2 2^(-2N-3) is below the rounding of float64


def tent_deep(k: int) -> Construction:
    """The k-th iterate of the tent map on [0, 1], with one ReLU and one linear unit per layer.

    With tent(t) = 2 t - 4 relu(t - 1/2) on [0, 1], layer j holds relu(t_{j-1} - 1/2) and, as a
    linear unit, t_{j-1} = tent^(j-1)(x). The function has 2^k pieces. A shallow network needs one
    unit for each of its 2^k - 1 kinks.

    Args:
        k: Number of iterations, the depth of the network.

    Returns:
        A construction with k hidden units, k linear units, depth k and error 0. No operation is
        rounded, at any point that the dtype holds (a point that is rounded first moves the value by
        up to 2^k as much); but processors that flush subnormal numbers to 0 take a subnormal x
        as 0.

    Source:
        Telgarsky 2016, "Benefits of depth in neural networks". With an additional linear unit
        one ReLU per layer is enough.

    Example:
        >>> tent_deep(10).claim.pieces
        1024
    """
    check_positive(k=k)
    inner = np.array([[-4.0, 2.0]])  # tent from (relu(t - 1/2), t)
    level_in = np.array([[1.0], [1.0]])
    shift = np.array([-0.5, 0.0])
    network = MLP.from_arrays(
        [level_in, *[level_in @ inner] * (k - 1), inner],
        [*[shift] * k, np.zeros(1)],
        "relu",
        passthrough=(1,) * k,
    )
    bound = Bound(0.0, "Telgarsky 2016: tent(t) = 2 t - 4 relu(t - 1/2)", exact=True)
    return Construction(network, get("tent", k=k), Claim("sup", bound, k, k, k, 2**k))


def square_deep(levels: int, domain: Box | None = None) -> Construction:
    """The best approximation of x^2 by any ReLU network with N units: one ReLU per layer.

    On [0, 1], with g_0(t) = t and g_k = tent(g_{k-1}) the k-th sawtooth, t - sum_{k<=N} g_k / 4^k
    is the interpolant of t^2 at 2^N + 1 equally spaced points. Lowered by 2^(-2N-3), its sup error
    is exactly 2^(-2N-3), which no ReLU network with N units in any wiring can beat
    (`optimal.square_by_units`). Each layer holds one ReLU; linear units pass on the current
    sawtooth and the partial sum. On [a, b] with width w: x = a + u with u = w t, so
    x^2 = w^2 t^2 + 2 a u + a^2 and the error is w^2 2^(-2N-3). The units hold u and w g_k, as
    u = x - a needs no division, and a far box costs less accuracy.

    All this is about exact arithmetic (`claim.bound.without_rounding`). The claim itself adds the
    rounding of the parameters and of the evaluation in the dtype of the network.

    Args:
        levels: Number N of ReLUs, the depth of the network; at most 25.
        domain: An interval; by default [0, 1].

    Returns:
        A construction with N hidden units, 2 N - 1 linear units, depth N and 2^N pieces.

    Raises:
        ValueError: If `levels` is not an integer from 1 to 25, or the domain is not an interval.

    Source:
        Yarotsky 2017, Proposition 2 (three ReLUs per layer, error 2^(-2N-2)). With one ReLU per
        layer and a shift by half the error, the network is optimal.

    Example:
        >>> c = square_deep(4)
        >>> c.claim.bound.without_rounding == 2.0**-11
        True
        >>> c.network.num_hidden_units, c.network.num_linear_units
        (4, 7)
    """
    check_positive(levels=levels)
    if levels > _MAX_LEVELS:
        raise ValueError(
            f"levels: got {levels}, expected at most {_MAX_LEVELS}: for more levels the "
            "error is smaller than the rounding of float64."
        )
    target = square_on(domain)
    a, w = target.domain.lower[0], float(target.domain.widths[0])
    shift = w * w * 2.0 ** (-2 * levels - 3)

    # Units of layer 1: relu(u - w/2) and u = x - a.
    weights = [np.ones((2, 1))]
    biases = [np.array([-a - 0.5 * w, -a])]
    tooth = np.array([-4.0, 2.0])  # w g_1 from the units of layer 1
    total = np.array([0.0, w + 2 * a]) - w / 4 * tooth
    constant = a * a - shift
    for k in range(2, levels + 1):
        # Units of layer k: relu(w g_{k-1} - w/2), w g_{k-1}, and the partial sum up to k - 1.
        weights.append(np.stack([tooth, tooth, total]))
        biases.append(np.array([-0.5 * w, 0.0, 0.0]))
        tooth = np.array([-4.0, 2.0, 0.0])
        total = np.array([0.0, 0.0, 1.0]) - w / 4.0**k * tooth
    network = MLP.from_arrays(
        [*weights, total[None, :]],
        [*biases, np.array([constant])],
        "relu",
        passthrough=(1, *[2] * (levels - 1)),
    )
    optimum = square_by_units(levels, domain=target.domain)
    source = f"{levels} ReLUs: 2^{levels} equal pieces, optimal in exact arithmetic"
    whole = optimum.value + square_deep_rounding(network, target.domain, levels)
    bound = with_rounding(optimum.value, whole, source, network.dtype, True)
    claim = Claim("sup", bound, levels, 2 * levels - 1, levels, 2**levels)
    return Construction(network, target, claim)
