"""A smooth network on an interval: enclosures of its value and of derivatives of any order."""

from __future__ import annotations

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.calculus._intervals import Intervals, hull
from approxlab.calculus._jets import SMOOTH, interval_functions, network_jet
from approxlab.calculus._networks import interval
from approxlab.networks._stacking import alike
from approxlab.networks.calculus import parallel
from approxlab.networks.mlp import MLP

__all__ = ["Smooth", "smooth_functions"]


class Smooth:
    """A sum of outputs of a network of one variable, or a derivative of it.

    Attributes:
        start: Left end of the interval.
        end: Right end.
        order: Which derivative.
        terms: Length of the interval times the sum of the absolute last weights and biases.
    """

    def __init__(self, net: MLP, factors: Sequence[int], box: Any, order: int = 0) -> None:
        """Keep the network in float64, the factors in its last layer as one of their own."""
        self.start, self.end = interval(box)
        self.order, self.net = order, net
        self._weights = [np.asarray(w, np.float64) for w in net.weights]
        self._biases = [np.asarray(b, np.float64) for b in net.biases]
        self._weights[-1] = np.asarray(factors, np.float64)[None, :] @ self._weights[-1]
        exact = [
            int(c) * Fraction(float(b)) for c, b in zip(factors, self._biases[-1], strict=True)
        ]
        self._biases[-1], self._rest = _split(sum(exact, Fraction(0)))
        self._height = 0.0
        terms = np.sum(np.abs(self._weights[-1])) + np.sum(np.abs(net.biases[-1]))
        self.terms = float(terms) * (self.end - self.start)

    @property
    def height(self) -> float:
        """The sum of the absolute last weights and biases."""
        return self.terms / (self.end - self.start)

    @property
    def edges(self) -> np.ndarray:
        """Ends of the interval, and where units of one hidden layer of relu powers begin."""
        if not self.net.activation.startswith("relu"):
            return np.array([self.start, self.end])
        if self.net.depth > 1:
            raise ValueError(
                f"net: got {self.net!r}, expected one hidden layer: where deeper "
                f"{self.net.activation} networks are not smooth is not computed."
            )
        bent = len(self._biases[0]) - self.net.passthrough[0]
        weight, bias = self._weights[0][:bent, 0], self._biases[0][:bent]
        kinks = -bias[weight != 0] / weight[weight != 0]
        inner = kinks[(kinks > self.start) & (kinks < self.end)]
        return np.unique(np.concatenate([[self.start], inner, [self.end]]))

    def derived(self, order: int) -> Smooth:
        """A further derivative."""
        made = object.__new__(Smooth)
        made.__dict__ = {**self.__dict__, "order": self.order + order}
        return made

    def shifted(self, height: float) -> Smooth:
        """The function plus a number."""
        made = self.derived(0)
        made._height = height
        return made

    def bounds(self, low: np.ndarray, high: np.ndarray, count: int) -> list[Intervals]:
        """Enclosures of coefficients 0 to count - 1 of f on the intervals, shape (n,) each.

        Coefficient k is the k-th derivative of f over k!.
        """
        return self._coefficients(hull(low[None, :], high[None, :]), count, None)

    def value(self, x: np.ndarray) -> Intervals:
        """Enclosures of f at points, whose first layer is computed in fractions."""
        exact = [Fraction(float(v)) for v in x]
        rows = [
            [float(Fraction(float(w)) * v + Fraction(float(b))) for v in exact]
            for w, b in zip(self._weights[0][:, 0], self._biases[0], strict=True)
        ]
        z = np.array(rows).reshape(len(rows), len(exact))
        first = Intervals(
            z - np.spacing(np.abs(z)) * (z != 0), z + np.spacing(np.abs(z)) * (z != 0)
        )
        return self._coefficients(hull(x[None, :], x[None, :]), 1, first)[0]

    def _coefficients(self, x: Intervals, count: int, first: Any) -> list[Intervals]:
        highest = self.order + count - 1
        jet = network_jet(
            self._weights,
            self._biases,
            self.net.activation,
            self.net.passthrough,
            x,
            highest,
            interval_functions(),
            first,
        )
        if not self.order:
            jet[0] = jet[0] + self._rest
        # f^(order + k) / k! from the coefficients of f.
        scales = [math.perm(self.order + k, self.order) for k in range(count)]
        parts = [
            part * float(s) if s > 1 else part
            for part, s in zip(jet[self.order :], scales, strict=True)
        ]
        if self._height:
            parts[0] = parts[0] + self._height
        return [Intervals(part.low[0], part.high[0]) for part in parts]


def _split(number: Fraction) -> tuple[np.ndarray, Any]:
    """A number as a float, shape (1,), and what that leaves out: 0, or an interval."""
    near = float(number)
    if Fraction(near) == number:
        return np.array([near]), 0.0
    return np.array([near]), hull(
        np.array([[-np.spacing(abs(near))]]), np.array([[np.spacing(abs(near))]])
    )


def smooth_functions(
    nets: Sequence[Any], factors: Sequence[Sequence[int]], box: Any
) -> list[Smooth]:
    """Sums of smooth networks, each with these factors."""
    same, activation = alike(nets)
    if activation not in SMOOTH:
        raise ValueError(
            f"net: got {activation!r} networks, expected continuous ones: {activation} jumps."
        )
    stacked = parallel(same) if len(same) > 1 else same[0]
    return [Smooth(stacked, row, box) for row in factors]
