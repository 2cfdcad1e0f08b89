"""Units of a network on a plane: values with bounds of their rounding, and without any rounding.

In float64 every value carries a running bound of its error,

    |error of z| <= |W| |error of a| + gamma (|W| |a| + |b|),

so most signs are certain. What the bound leaves open is computed in integers: every parameter is an
integer times a power of 2, a point is given by three integers (X, Y, w), standing for (X/w, Y/w),
and the line where a unit vanishes on a polygon by three more.

Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.3.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import Any

import numpy as np

from approxlab.networks.activations import KINK_SLOPES, kink_slopes
from approxlab.networks.mlp import MLP
from approxlab.regions._integers import as_integers

__all__ = ["PlaneUnits", "crossing_of", "rounded"]

_EPS = float(np.finfo(np.float64).eps)
_TOGETHER = 512  # points at a time, so that what is computed of them stays in the cache
_SMALL = 1e-200  # below it products may underflow
_TINY = float(np.finfo(np.float64).tiny)

Line = tuple[int, int, int]
"""(a, b, c): the points with a x + b y + c = 0."""
Place = tuple[int, int, int]
"""(X, Y, w) with w > 0: the point (X/w, Y/w)."""


@dataclasses.dataclass(frozen=True)
class _Layer:
    """z = W a + b, and then a = right * z where z > 0, left * z elsewhere."""

    weight: np.ndarray
    bias: np.ndarray
    left: np.ndarray
    right: np.ndarray

    @property
    def bends(self) -> np.ndarray:
        """Which units are not linear."""
        return self.left != self.right


class PlaneUnits:
    """The layers of a network of piecewise linear units on a plane, in float64 and in integers.

    Attributes:
        is_tame: Whether no product of one number of each layer underflows; if not, lines are known
            in integers only.

    Args:
        net: A single network whose activation is in `KINK_SLOPES`.
        plane: `None`, or an origin of shape (d,) and directions of shape (d, 2): x = origin +
            directions @ s is taken as a first layer without bends.
    """

    def __init__(self, net: MLP, plane: tuple[np.ndarray, np.ndarray] | None) -> None:
        bent_slopes = (1.0, 1.0)
        if net.activation in KINK_SLOPES:  # else all units are linear
            bent_slopes = kink_slopes(net.activation, net.dtype)
        self.layers = []
        if plane is not None:
            origin, directions = plane
            self.layers.append(_linear(directions, origin))
        self.first = len(self.layers)
        for W, b, passed in zip(net.weights, net.biases, (*net.passthrough, None), strict=True):
            layer = _linear(np.asarray(W, np.float64), np.asarray(b, np.float64))
            if passed is not None:
                bent = np.arange(len(layer.bias)) < len(layer.bias) - passed
                layer.left[bent], layer.right[bent] = bent_slopes
            self.layers.append(layer)
        self._integers: list[Any] | None = None
        least = [_least(layer) for layer in self.layers]
        self.is_tame = float(np.sum(np.log(least))) > np.log(_SMALL)

    @property
    def hidden(self) -> list[int]:
        """Indices of the hidden layers of the network."""
        return list(range(self.first, len(self.layers) - 1))

    def with_level(self, output: int, level: float) -> PlaneUnits:
        """The same units, one output as a linear hidden unit, and output - level as a last one."""
        other = copy.copy(self)
        last = self.layers[-1]
        one = _linear(last.weight[output : output + 1], last.bias[output : output + 1])
        above = _linear(np.ones((1, 1)), np.array([-float(level)]))
        above.left[:] = 0.0
        other.layers = [*self.layers[:-1], one, above]
        other._integers = None
        return other

    # In float64

    def values(
        self, points: np.ndarray, errors: np.ndarray, depth: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values z of layer `depth`, and bounds of their errors, both of shape (n, units).

        At points of shape (n, 2) that are known up to `errors`, shape (n,).
        """
        z, error = np.empty((2, len(points), len(self.layers[depth].bias)))
        with np.errstate(over="ignore", invalid="ignore"):
            for start in range(0, len(points), _TOGETHER):
                some = slice(start, start + _TOGETHER)
                z[some], error[some] = self._values(points[some], errors[some], depth)
        if not (np.all(np.isfinite(z)) and np.all(np.isfinite(error))):
            raise ValueError(
                "net: got units whose values overflow in float64, expected finite ones. Scale the "
                "weights down."
            )
        return z, error

    def _values(
        self, points: np.ndarray, errors: np.ndarray, depth: int
    ) -> tuple[np.ndarray, np.ndarray]:
        a, error = points, np.repeat(errors[:, None], points.shape[1], axis=1)
        for k, layer in enumerate(self.layers[: depth + 1]):
            size = np.abs(a) @ np.abs(layer.weight).T + np.abs(layer.bias)
            gamma = (len(layer.weight[0]) + 4) * _EPS
            tiny = _underflow(layer, a, error, size)
            z = a @ layer.weight.T + layer.bias
            error = (1 + gamma) * (error @ np.abs(layer.weight).T) + gamma * size + tiny
            if k < depth:
                a, error = _activated(layer, z, error)
        return z, error

    def line(self, signs: np.ndarray, depth: int, unit: int) -> tuple[np.ndarray, np.ndarray]:
        """Coefficients of z of a unit of layer `depth` where the units below have these signs.

        Args:
            signs: Of all hidden units below, shape (n, units).
            depth: Index of the layer.
            unit: Index of the unit.

        Returns:
            The gradient and the value at the origin, shape (n, 3), and bounds of their errors.
        """
        with np.errstate(over="ignore", invalid="ignore"):
            affine, bounds = self._line(signs, depth, unit)
        return affine, bounds if self.is_tame else np.full_like(bounds, np.inf)

    def _line(self, signs: np.ndarray, depth: int, unit: int) -> tuple[np.ndarray, np.ndarray]:
        last = self.layers[depth]
        row = np.broadcast_to(last.weight[unit], (len(signs), len(last.weight[unit])))
        size, steps, end = np.abs(row), 0, signs.shape[1]
        constant = np.full(len(signs), last.bias[unit])
        total = np.abs(constant)
        for k in range(depth - 1, -1, -1):
            layer = self.layers[k]
            slope = layer.right
            if k >= self.first:
                own = signs[:, end - len(layer.bias) : end]
                slope = np.where(own > 0, layer.right, layer.left)
                end -= len(layer.bias)
            row, size = row * slope, size * np.abs(slope)
            constant, total = constant + row @ layer.bias, total + size @ np.abs(layer.bias)
            row, size = row @ layer.weight, size @ np.abs(layer.weight)
            steps += len(layer.bias) + 3
        affine = np.column_stack([row, constant])
        bounds = 2 * (steps + 4) * _EPS * np.column_stack([size, total])
        return affine, bounds

    # In integers

    def exact_signs(self, place: Place, depth: int) -> np.ndarray:
        """Signs of z of layer `depth` at a point, shape (units,)."""
        z = self._run(np.array([[place[0]], [place[1]]], object), [place[2]], None, depth)[0]
        return np.sign(z[:, 0].astype(object)).astype(np.int8)

    def exact_affine(self, signs: np.ndarray, depth: int) -> tuple[np.ndarray, int]:
        """As `line` for all units of the layer, for signs of shape (units below,).

        Integers of shape (units, 3) and a shift: the coefficients are the integers divided by
        2^shift. The shift depends on `depth` only.
        """
        start = np.array([[1, 0, 0], [0, 1, 0]], object)
        z, one = self._run(start, [0, 0, 1], signs, depth)
        return z, one[2].bit_length() - 1

    def _run(
        self, a: np.ndarray, one: list[int], signs: np.ndarray | None, depth: int
    ) -> tuple[np.ndarray, list[int]]:
        """Values z of a layer for columns a in units of `one`, by given signs or those of z."""
        place = 0
        for k, (W, b, scale, left, right, own) in enumerate(self._as_integers()[: depth + 1]):
            z = W.dot(a) + np.outer(b, np.array(one, object))
            one = [v << scale for v in one]
            if k == depth:
                break
            if k < self.first:
                on = np.ones(len(z), bool)
            elif signs is None:
                on = (z[:, 0] > 0).astype(bool)
            else:
                on = signs[place : place + len(z)] > 0
                place += len(z)
            a = z * np.where(on, right, left)[:, None]
            one = [v << own for v in one]
        return z, one

    def _as_integers(self) -> list[Any]:
        if self._integers is None:
            self._integers = []
            for layer in self.layers:
                both, scale = as_integers(np.column_stack([layer.weight, layer.bias]))
                slopes, own = as_integers(np.stack([layer.left, layer.right]))
                self._integers.append((both[:, :-1], both[:, -1], scale, *slopes, own))
        return self._integers


def _linear(weight: np.ndarray, bias: np.ndarray) -> _Layer:
    return _Layer(weight, bias, np.ones(len(bias)), np.ones(len(bias)))


def _least(layer: _Layer) -> float:
    """The smallest number of a layer, slopes included, that is not zero, or 1."""
    own = [np.abs(a).ravel() for a in (layer.weight, layer.bias, layer.left, layer.right)]
    numbers = np.concatenate(own)
    return float(np.min(numbers[numbers > 0], initial=1.0))


def _underflow(layer: _Layer, a: np.ndarray, error: np.ndarray, size: np.ndarray) -> Any:
    """What products below the smallest number lose; nothing where all terms are zero."""
    least = len(layer.weight[0]) * _TINY
    if not np.any(size < _SMALL):
        return 0.0  # less than the rounding
    terms = ((a != 0) | (error > 0)).astype(float) @ (layer.weight != 0).T.astype(float)
    return np.where((terms > 0) | (layer.bias != 0), least, 0.0)


def _activated(layer: _Layer, z: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Activations and bounds of their errors: those of z, times the slope that z can have."""
    left, right = np.abs(layer.left), np.abs(layer.right)
    slope = np.where(z > error, right, np.where(z < -error, left, np.maximum(left, right)))
    a = np.where(z > 0, layer.right, layer.left) * z
    error = slope * error
    if not np.all(np.isin(layer.left, (-1.0, 0.0, 1.0)) & (layer.right == 1.0)):
        error += _EPS * np.abs(a)  # a product that is rounded
    return a, error


def crossing_of(one: Line, two: Line) -> Place:
    """Where two lines that are not parallel meet."""
    (a, b, c), (d, e, f) = one, two
    x, y, w = b * f - e * c, c * d - f * a, a * e - d * b
    common = math.gcd(x, y, w) * (1 if w > 0 else -1)
    return x // common, y // common, w // common


def rounded(place: Place) -> tuple[float, float]:
    """A point in float64: each coordinate is the nearest number to the exact one."""
    return place[0] / place[2], place[1] / place[2]
