"""Affine functions of the units of a network on one piece, in integers: nothing is rounded.

All parameters are integers times powers of 2, and so are slopes and constants.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

__all__ = ["Integers", "as_integers"]


class Integers:
    """A network of one variable, or along a segment, that computes on pieces with known signs.

    Args:
        weights: One matrix per layer.
        biases: One vector per layer.
        linear: For each hidden layer, how many of its last units are linear.
        slopes: Of the activation, left and right of 0.
        ends: The points of the inputs at the parameters `parameters`, each of shape (d,).
        parameters: The two ends of the parameter x.
        most_products: Of numbers, in all; beyond, a ValueError.
    """

    def __init__(
        self,
        weights: list[np.ndarray],
        biases: list[np.ndarray],
        linear: tuple[int, ...],
        slopes: tuple[float, float],
        ends: tuple[np.ndarray, np.ndarray],
        parameters: tuple[float, float],
        most_products: int,
    ) -> None:
        self._layers = [
            (as_integers(W), as_integers(b)) for W, b in zip(weights, biases, strict=True)
        ]
        self._linear = linear
        self._slopes, self._shift = as_integers(np.asarray(slopes))
        start, end = ([Fraction(float(v)) for v in point] for point in ends)
        low, high = (Fraction(v) for v in parameters)
        rise = [(two - one) / (high - low) for one, two in zip(start, end, strict=True)]
        const = [one - low * s for one, s in zip(start, rise, strict=True)]
        # Segments have parameters 0 and 1, boxes are their own parameter: all stays dyadic.
        shift = max(v.denominator.bit_length() - 1 for v in (*rise, *const))
        forms = [[int(s * 2**shift), int(c * 2**shift)] for s, c in zip(rise, const, strict=True)]
        self._inputs = np.array(forms, object).reshape(len(forms), 2), shift
        self._left_products = most_products

    def forms(self, signs: list[np.ndarray], rows: Any = None) -> list[tuple[np.ndarray, int]]:
        """Slope and constant of every unit of the layers 1 to len(signs) + 1 before activation.

        Args:
            signs: Of the units of the layers before, on the piece.
            rows: Which units of the last of these layers; by default all.

        Returns:
            For each layer integers of shape (units, 2) and a shift: forms = integers / 2^shift.
        """
        (value, shift), found = self._inputs, []
        for layer in range(len(signs) + 1):
            (W, scale), (b, own) = self._layers[layer]
            if rows is not None and layer == len(signs):
                W, b = W[rows], b[rows]
            self._count(2 * W.size)
            value, shift = W @ value, shift + scale
            more = max(0, own - shift)  # one power of 2 for all of the sum
            value, shift = value * 2**more, shift + more
            value[:, 1] += b * 2 ** (shift - own)
            found.append((value, shift))
            if layer < len(signs):
                left, right = self._slopes
                sign = signs[layer].copy()
                units = len(sign) - self._linear[layer]
                factor = np.where(sign > 0, right, left).astype(object)
                factor[units:] = 2**self._shift
                value, shift = value * factor[:, None], shift + self._shift
        return found

    def root(self, form: np.ndarray) -> Fraction:
        """Where an affine function that is not constant is zero."""
        return Fraction(-int(form[1]), int(form[0]))

    def values(self, forms: tuple[np.ndarray, int], x: Fraction) -> list[Fraction]:
        """Affine functions at a point."""
        value, shift = forms
        bottom = x.denominator << shift
        tops = value[:, 0] * x.numerator + value[:, 1] * x.denominator
        return [Fraction(int(top), bottom) for top in tops]

    def _count(self, products: int) -> None:
        self._left_products -= products
        if self._left_products < 0:
            raise ValueError(
                "net: cannot tell its pieces: rounding hides the signs of its units at too many "
                "places, expected units whose values do not cancel. Take a smaller box."
            )


def as_integers(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Integers and a shift: array = integers / 2^shift, exactly."""
    ratios = [float(v).as_integer_ratio() for v in array.ravel()]
    shift = max((bottom.bit_length() - 1 for _, bottom in ratios), default=0)
    whole: list[Any] = [top << (shift - bottom.bit_length() + 1) for top, bottom in ratios]
    return np.array([*whole, None], object)[:-1].reshape(array.shape), shift
