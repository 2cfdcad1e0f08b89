"""The smallest proof that the loss of a network is not convex: one hidden unit, one point.

L(w1, w2) = 1/2 (1 - w2 s(w1))^2 is the two-layer loss for x = 1, y = 1 without biases.
"""

from __future__ import annotations

import dataclasses

import jax.numpy as jnp

from approxlab.landscapes._products import curved
from approxlab.landscapes._two_layer_arguments import TwoLayerWeights
from approxlab.landscapes.curvature import hessian_spectrum
from approxlab.landscapes.segments import ConvexityTest, convexity_at_midpoint
from approxlab.landscapes.two_layer import TwoLayerLoss
from approxlab.networks.activations import activation as activation_named

__all__ = ["NonconvexityWitness", "nonconvexity_witness"]

Pair = tuple[float, float]
_ODD = ("identity", "tanh", "sin")


@dataclasses.dataclass(frozen=True)
class NonconvexityWitness:
    """Two points (w1, w2) with their midpoint, and a point with a negative eigenvalue.

    Attributes:
        activation: Name of s.
        start: The first point (w1, w2).
        end: The second one.
        test: The losses there and half way.
        point: (w1, 0), where the Hessian is [[0, -s'(w1)], [-s'(w1), s(w1)^2]].
        hessian: That matrix, row by row.
        eigenvalues: Its eigenvalues, increasing: (s^2 -+ sqrt(s^4 + 4 s'^2)) / 2.
    """

    activation: str
    start: Pair
    end: Pair
    test: ConvexityTest
    point: Pair
    hessian: tuple[Pair, Pair]
    eigenvalues: Pair

    def __str__(self) -> str:
        (a1, a2), (b1, b2) = self.start, self.end
        t = self.test
        rows = ", ".join(f"[{_short(row[0])}, {_short(row[1])}]" for row in self.hessian)
        low, high = map(_short, self.eigenvalues)
        verdict = "not convex" if self.eigenvalues[0] < 0 else "no negative eigenvalue here"
        return "\n".join(
            [
                f"L(w1, w2) = (1 - w2 s(w1))^2 / 2 with s = {self.activation}: x = 1, y = 1",
                f"L({_short(a1)}, {_short(a2)}) = {_short(t.start)}",
                f"L({_short(b1)}, {_short(b2)}) = {_short(t.end)}",
                f"L({_short((a1 + b1) / 2)}, {_short((a2 + b2) / 2)}) = {_short(t.middle)} "
                f"half way, more than the mean {_short((t.start + t.end) / 2)}: not convex",
                f"Hessian at ({_short(self.point[0])}, {_short(self.point[1])}): [{rows}], "
                f"eigenvalues {low} and {high}: {verdict}",
            ]
        )


def nonconvexity_witness(activation: str = "identity") -> NonconvexityWitness:
    """Numbers that prove by hand that the loss of a network with one hidden unit is not convex.

    For odd activations the two points are theta = (1, 1 / s(1)) and -theta, with the midpoint 0;
    for others (1, 1 / s(1)) and (2, 1 / s(2)), both of loss 0. The step (heaviside) has (1, 1) and
    (-3, 1), and no negative eigenvalue, since its derivative is 0.

    Args:
        activation: A name in `approxlab.networks.ACTIVATIONS`.

    Raises:
        ValueError: If the activation is unknown.

    Example:
        >>> print(nonconvexity_witness("identity"))
        L(w1, w2) = (1 - w2 s(w1))^2 / 2 with s = identity: x = 1, y = 1
        L(1, 1) = 0
        L(-1, -1) = 0
        L(0, 0) = 0.5 half way, more than the mean 0: not convex
        Hessian at (0, 0): [[0, -1], [-1, 0]], eigenvalues -1 and 1: not convex
    """
    s = activation_named(activation)

    def minimum(w1: float) -> Pair:
        return w1, 1.0 / float(s(jnp.asarray(w1, float)))

    if activation == "heaviside":
        start, end = (1.0, 1.0), (-3.0, 1.0)
    else:
        start = minimum(1.0)
        end = (-start[0], -start[1]) if activation in _ODD else minimum(2.0)
    loss = TwoLayerLoss(jnp.ones((1, 1)), jnp.ones(1), activation, biases=False)
    test = convexity_at_midpoint(loss, _weights(start), _weights(end))
    at = (0.0 if activation in _ODD else 1.0, 0.0)
    here = curved(loss, _weights(at), ())
    (a, b), (c, d) = here.hessian().tolist()
    values = hessian_spectrum(loss, _weights(at)).values
    hessian = ((a, b), (c, d))
    low, high = values.tolist()
    return NonconvexityWitness(activation, start, end, test, at, hessian, (low, high))


def _weights(point: Pair) -> TwoLayerWeights:
    w1, w2 = (jnp.asarray([[w]], float) for w in point)
    return TwoLayerWeights(w1, w2)


def _short(value: float) -> str:
    return f"{0.0 if abs(value) < 1e-14 else value:.6g}"
