"""Pieces of a piecewise linear network in integers: kinks, values and roots without any rounding.

All parameters are integers times powers of 2, and so are the slope A and the value B at zero of
every unit on a piece. A kink is the root -B/A of a unit, a fraction.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.networks.activations import kink_slopes
from approxlab.networks.mlp import MLP

__all__ = ["ExactLines"]

_MOST_PRODUCTS = 10**8  # of integers, about a minute


class ExactLines:
    """The affine functions of units and outputs on pieces, given by the signs of all units."""

    def __init__(self, net: MLP, outputs: np.ndarray, patterns: np.ndarray) -> None:
        """Keep the network as integers.

        Args:
            net: One input, piecewise linear.
            outputs: Factors of the outputs, integers; the function is their sum.
            patterns: Signs of the hidden units, shape (pieces, units).
        """
        left, right = kink_slopes(net.activation, net.dtype)
        self.patterns = patterns
        self.outputs = np.array([int(c) for c in outputs], object)
        self.layers = [
            (_integers(np.asarray(w, np.float64)), _integers(np.asarray(b, np.float64)))
            for w, b in zip(net.weights, net.biases, strict=True)
        ]
        (self.left, self.right, self.one), self.shift = _branches(left, right)
        self.linear = [
            np.arange(len(b)) >= len(b) - k
            for b, k in zip(net.biases, (*net.passthrough, 0), strict=True)
        ]
        self.size = sum(int(w.size) for w in net.weights)
        self.products = 0

    def lines(self, index: np.ndarray) -> list[tuple[Fraction, Fraction]]:
        """Slope A and value at zero B of the function on these pieces."""
        *_, (slope, value, shift) = self._layers(index)
        scale = 2**shift
        top, start = self.outputs @ slope, self.outputs @ value
        return [
            (Fraction(int(a), scale), Fraction(int(b), scale))
            for a, b in zip(top, start, strict=True)
        ]

    def kinks(self, index: np.ndarray) -> list[tuple[Fraction, Fraction]]:
        """Position of the kink between piece i and piece i + 1, and the value there."""
        before, after = self.patterns[index], self.patterns[index + 1]
        changing = np.argmax(before != after, axis=1)  # the first, in the order of the layers
        # A unit that vanishes identically on one side has its root seen from the other.
        vanishing = before[np.arange(len(index)), changing] == 0
        affine = list(self._layers(index + vanishing))
        found, start = [], 0
        positions: dict[int, Fraction] = {}
        for slope, value, _ in affine[:-1]:
            here = np.flatnonzero((changing >= start) & (changing < start + len(slope)))
            for n in here:
                unit = changing[n] - start
                positions[int(n)] = Fraction(-int(value[unit, n]), int(slope[unit, n]))
            start += len(slope)
        slope, value, shift = affine[-1]
        top, low = self.outputs @ slope, self.outputs @ value
        for k, x in sorted(positions.items()):
            found.append((x, (int(top[k]) * x + int(low[k])) / 2**shift))
        return found

    def _layers(self, index: np.ndarray) -> Any:
        """Slopes and values at zero before each activation, as integers over 2^shift."""
        self.products += self.size * len(index)
        if self.products > _MOST_PRODUCTS:
            raise ValueError(
                "net: cannot tell the values of this network apart: rounding hides their signs at "
                f"too many of its {len(self.patterns)} pieces, expected values that do not cancel."
            )
        slope = np.array([[1] * len(index)], object)
        value = np.array([[0] * len(index)], object)
        shift, start = 0, 0
        for ((W, scale), (b, own)), linear in zip(self.layers, self.linear, strict=True):
            slope, value, shift = W @ slope, W @ value, shift + scale
            more = max(0, own - shift)
            slope, value, shift = slope * 2**more, value * 2**more, shift + more
            value = value + (b * 2 ** (shift - own))[:, None]
            yield slope, value, shift
            if start < self.patterns.shape[1]:
                signs = self.patterns[index, start : start + len(b)].T
                factor = np.where(signs > 0, self.right, self.left)
                factor[linear] = self.one
                slope, value, shift = slope * factor, value * factor, shift + self.shift
                start += len(b)


def _branches(left: float, right: float) -> tuple[tuple[int, int, int], int]:
    """The slopes of both branches and 1, as integers over one power of 2."""
    numbers, shift = _integers(np.array([left, right, 1.0]))
    one, two, three = (int(n) for n in numbers)
    return (one, two, three), shift


def _integers(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Integers and a shift: array = integers / 2^shift, exactly."""
    ratios = [float(v).as_integer_ratio() for v in array.ravel()]
    shift = max((bottom.bit_length() - 1 for _, bottom in ratios), default=0)
    whole = [top << (shift - bottom.bit_length() + 1) for top, bottom in ratios]
    return np.array([*whole, None], object)[:-1].reshape(array.shape), shift
