"""Step functions: heaviside networks with one hidden layer, as derivatives of networks are."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.calculus._networks import check_network, interval
from approxlab.networks.mlp import MLP

__all__ = ["Steps", "is_steps"]


def is_steps(net: Any) -> bool:
    """Whether the network is a step function of one hidden layer."""
    return isinstance(net, MLP) and net.activation == "heaviside" and net.num_hidden_units > 0


class Steps:
    """A step function on an interval.

    Attributes:
        widths: Lengths of the steps.
        heights: Values on them, each rounded once.
        jumps: Differences of neighbours.
    """

    def __init__(self, net: MLP, box: Any) -> None:
        """Places and heights of all steps, in fractions."""
        low, high = (Fraction(end) for end in interval(box))
        check_network(net)
        if net.depth > 1 or np.any(net.weights[0][len(net.biases[0]) - net.passthrough[0] :]):
            raise ValueError(
                f"net: got {net!r}, expected one hidden layer of heaviside units and no linear "
                "units that are not constant."
            )
        height, jumps = Fraction(float(net.biases[1][0])), dict.fromkeys([low], Fraction(0))
        bent = len(net.biases[0]) - net.passthrough[0]
        columns = (np.asarray(a, np.float64) for a in (net.weights[0][:, 0], net.biases[0]))
        outer = np.asarray(net.weights[1][0], np.float64)
        for i, (w, b) in enumerate(zip(*columns, strict=True)):
            weight, shift, factor = (
                Fraction(float(w)),
                Fraction(float(b)),
                Fraction(float(outer[i])),
            )
            if i >= bent or weight == 0:
                still = shift if i >= bent else Fraction((shift > 0) + (shift >= 0), 2)
                height += factor * still
                continue
            place, rising = -shift / weight, weight > 0
            height += factor * ((place <= low) == rising)
            if low < place < high:
                jumps[place] = jumps.get(place, Fraction(0)) + (factor if rising else -factor)
        places = sorted(jumps)
        ends = [*places[1:], high]
        heights = [height]
        for place in places[1:]:
            heights.append(heights[-1] + jumps[place])
        self.widths = np.array([float(b - a) for a, b in zip(places, ends, strict=True)])
        self.heights = np.array([float(h) for h in heights])
        self.jumps = np.array([float(jumps[place]) for place in places[1:]])

    def integral(self) -> float:
        """The sum of widths times heights."""
        return math.fsum(self.widths * self.heights)

    def norm(self, p: float) -> float:
        """The L^p norm, p one of 1, 2 and infinity."""
        sizes = np.abs(self.heights)
        if p == math.inf:
            return float(np.max(sizes))
        if p == 1:
            return math.fsum(self.widths * sizes)
        largest = float(np.max(sizes)) or 1.0
        return largest * math.sqrt(math.fsum(self.widths * (sizes / largest) ** 2))

    def variation(self) -> float:
        """The sum of the absolute jumps inside of the interval."""
        return math.fsum(np.abs(self.jumps))
