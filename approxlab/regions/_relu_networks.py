"""Slopes of a ReLU network of one variable, told apart for certain however much cancels inside.

Between two points at which every unit has the same sign the network is affine: on the units of the
first layer this is seen at the two ends, then the inputs of the second layer are affine, and so on.
So points with one pattern of signs need one slope, a product of matrices, which no short step of a
grid divides. Signs and slopes are computed in float64 with a running bound of their rounding:

    |error of z| <= |W| |error of a| + gamma (|W| |a| + |b|),

which a ReLU that is certainly off ends. What the bound leaves open is computed in integers: all
parameters are integers times powers of 2, and so are values and slopes.

Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms", section 3.3.
"""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.networks.mlp import MLP
from approxlab.regions._rounding import lost

__all__ = ["slope_changes"]

_CHUNK = 2**17  # entries of the widest layer at a time: they stay in the cache
_STRIDE = 32  # of the points looked at first
_MOST_PRODUCTS = 10**7  # of integers, about ten seconds

Signs = list[np.ndarray]
"""For every hidden layer: 1 where a unit is on, -1 where it is off, 0 where rounding hides it."""


def slope_changes(net: MLP, points: np.ndarray, rtol: float) -> int:
    """Number of neighbours among the points where the slope to the right differs.

    By more than `rtol` times the largest absolute slope. Never more than the number of kinks.

    Raises:
        ValueError: If a value overflows, or if rounding hides so much that integers would take
            minutes.
    """
    network = _Network(net)
    with np.errstate(over="ignore", invalid="ignore"):
        kept, signs = _patterns(network, points)
        slopes, errors = network.slopes(signs)
    for i in np.flatnonzero(_hidden(signs)):
        slopes[i] = float(network.exactly(points[kept[i]])[1])
        errors[i] = np.spacing(np.abs(slopes[i]))
    if not (np.all(np.isfinite(slopes)) and np.all(np.isfinite(errors))):
        raise ValueError("model: got slopes that are not finite, expected finite ones.")
    least = rtol * np.max(np.abs(slopes))
    steps, unsure = np.abs(np.diff(slopes)), errors[1:] + errors[:-1]
    changes = steps - unsure > least
    for i in np.flatnonzero(~changes & (steps + unsure > least)):
        one, two = (network.exactly(points[kept[j]])[1] for j in (i, i + 1))
        changes[i] = abs(one - two) > least
    return int(np.count_nonzero(changes))


def _patterns(network: _Network, points: np.ndarray) -> tuple[np.ndarray, Signs]:
    """Points that represent all patterns of signs, in order, and their patterns.

    Points between two of one pattern have that pattern too, so most are never looked at.
    """
    index = np.unique(np.append(np.arange(0, len(points), _STRIDE), len(points) - 1))
    patterns = _Patterns(network)
    numbers = patterns.of(points[index])
    while True:
        new = np.append(True, numbers[1:] != numbers[:-1])
        gaps = np.flatnonzero(new[1:] & (np.diff(index) > 1))
        if not len(gaps):
            break
        middle = (index[gaps] + index[gaps + 1]) // 2
        index = np.insert(index, gaps + 1, middle)
        numbers = np.insert(numbers, gaps + 1, patterns.of(points[middle]))
    starts = np.flatnonzero(new)
    ends = np.append(starts[1:], len(index)) - 1
    signs = patterns.signs()
    hidden = _hidden(signs)[numbers]
    kept: list[int] = []
    columns: list[int] = []
    for start, end in zip(starts, ends, strict=True):
        # Of equal patterns with hidden signs, the first and the last are compared in integers.
        found = [int(index[start])]
        if hidden[start]:
            found = sorted(set(network.split(points, found[0], int(index[end]))))
        kept += found
        columns += [int(numbers[start])] * len(found)
    return np.array(kept), [layer[:, columns] for layer in signs]


class _Patterns:
    """Patterns of signs, numbered as they are met."""

    def __init__(self, network: _Network) -> None:
        self._network = network
        self._numbers: dict[bytes, int] = {}
        self._parts: list[Signs] = []

    def of(self, x: np.ndarray) -> np.ndarray:
        """The number of the pattern at each of some points, shape (n,)."""
        chunk = max(1, _CHUNK // self._network.width)
        parts = [self._in_chunk(x[i : i + chunk]) for i in range(0, len(x), chunk)]
        return np.concatenate(parts)

    def _in_chunk(self, x: np.ndarray) -> np.ndarray:
        signs = self._network.signs(x)
        if not signs:
            return np.zeros(len(x), int)
        bits = [np.packbits(test, axis=0) for a in signs for test in (a > 0, a == 0)]
        names = np.ascontiguousarray(np.concatenate(bits).T)
        before = len(self._numbers)
        found = [self._numbers.setdefault(row.tobytes(), len(self._numbers)) for row in names]
        _, first = np.unique(found, return_index=True)
        fresh = [i for i in first if found[i] >= before]
        self._parts.append([a[:, fresh] for a in signs])
        return np.array(found)

    def signs(self) -> Signs:
        """The patterns as columns, by their numbers."""
        return [np.concatenate(layer, axis=1) for layer in zip(*self._parts, strict=True)]


def _hidden(signs: Signs) -> np.ndarray:
    """Which points have a unit whose sign rounding hides."""
    if not signs:
        return np.zeros(1, bool)
    return np.any([np.any(layer == 0, axis=0) for layer in signs], axis=0)


class _Network:
    """A ReLU network in float64 with bounds of rounding, and in integers."""

    def __init__(self, net: MLP) -> None:
        self.weights = [np.asarray(w, np.float64) for w in net.weights]
        self.biases = [np.asarray(b, np.float64) for b in net.biases]
        linear = (*net.passthrough, 0)
        if net.activation == "identity":
            linear = (*net.sizes[1:-1], 0)
        self.linear = [
            np.arange(len(b)) >= len(b) - k for b, k in zip(self.biases, linear, strict=True)
        ]
        self.width = max(len(b) for b in self.biases)
        self.products = 0
        self._known: dict[float, tuple[list[np.ndarray], Fraction]] = {}
        self._integers: list[Any] | None = None

    def signs(self, x: np.ndarray) -> Signs:
        """Signs of all hidden units at points of shape (n,)."""
        a, error = x[None, :], np.zeros((1, len(x)))
        found = []
        for W, b, linear in zip(self.weights[:-1], self.biases[:-1], self.linear, strict=False):
            z = W @ a + b[:, None]
            error = _error(W, a, error, np.abs(b)[:, None])
            if not np.all(np.isfinite(z)):
                raise ValueError("model: got values that are not finite, expected finite values.")
            hidden = (np.abs(z) <= error) & ((error > 0) | (x == 0)[None, :])
            sign = np.where(hidden, 0, np.where(z > 0, 1, -1)).astype(np.int8)
            sign[linear] = 1
            found.append(sign)
            on = sign >= 0
            a, error = np.where(on, z, 0.0), np.where(on, error, 0.0)
            a = np.where((sign == 0) & (z < 0) & ~linear[:, None], 0.0, a)
        return found

    def slopes(self, signs: Signs) -> tuple[np.ndarray, np.ndarray]:
        """The slope of each pattern and a bound of its rounding, hidden signs taken as on."""
        count, chunk = signs[0].shape[1] if signs else 1, max(1, _CHUNK // self.width)
        starts = range(0, count, chunk)
        parts = [self._slopes([a[:, i : i + chunk] for a in signs]) for i in starts]
        slopes, errors = zip(*parts, strict=True)
        return np.concatenate(slopes), np.concatenate(errors)

    def _slopes(self, signs: Signs) -> tuple[np.ndarray, np.ndarray]:
        count = signs[0].shape[1] if signs else 1
        slope, error = np.ones((1, count)), np.zeros((1, count))
        for W, sign in itertools.zip_longest(self.weights, signs):
            slope, error = W @ slope, _error(W, slope, error, 0.0)
            if sign is not None:
                slope, error = np.where(sign >= 0, slope, 0.0), np.where(sign >= 0, error, 0.0)
        return slope[0], error[0]

    def split(self, x: np.ndarray, first: int, last: int) -> list[int]:
        """Points between first and last that represent all patterns there, by integers."""
        if first == last or _same(self.exactly(x[first])[0], self.exactly(x[last])[0]):
            return [first]
        if last == first + 1:
            return [first, last]
        middle = (first + last) // 2
        return self.split(x, first, middle) + self.split(x, middle, last)

    def exactly(self, x: float) -> tuple[list[np.ndarray], Fraction]:
        """Which units are on to the right of x, and the slope there, without any rounding."""
        if x not in self._known:
            self._known[x] = self._exactly(float(x))
        return self._known[x]

    def _exactly(self, x: float) -> tuple[list[np.ndarray], Fraction]:
        self.products += sum(W.size for W in self.weights)
        if self.products > _MOST_PRODUCTS:
            raise ValueError(
                "model: cannot tell the pieces of this network: rounding hides the signs of its "
                f"units at too many points (of {len(self._known)} so far), expected units whose "
                "values do not cancel. Use fewer points."
            )
        if self._integers is None:
            self._integers = [
                (_integers(W), _integers(b)) for W, b in zip(self.weights, self.biases, strict=True)
            ]
        (value, shift), slope = _integers(np.array([x])), np.array([1], object)
        slope[0] <<= shift
        patterns = []
        for ((W, scale), (b, own)), linear in zip(self._integers, self.linear, strict=True):
            value, slope, shift = W @ value, W @ slope, shift + scale
            more = max(0, own - shift)  # one power of 2 for all of the sum
            value, slope, shift = value * 2**more, slope * 2**more, shift + more
            value = value + b * 2 ** (shift - own)
            on = linear | (value > 0).astype(bool) | ((value == 0) & (slope > 0)).astype(bool)
            patterns.append(on)
            if len(patterns) < len(self.weights):
                value, slope = np.where(on, value, 0), np.where(on, slope, 0)
        return patterns[:-1], Fraction(int(slope[0]), 2**shift)


def _error(W: np.ndarray, a: np.ndarray, error: np.ndarray, bias: Any) -> np.ndarray:
    """Bound of the rounding of W a + b, for any order of summation, its own rounding included."""
    gamma = (W.shape[1] + 4) * np.finfo(np.float64).eps
    size = np.abs(W) @ np.abs(a) + bias
    carried = np.maximum(np.abs(a), error)
    tiny = np.where((size > 0) | lost(W, carried, size), np.finfo(np.float64).tiny, 0.0)
    before = np.abs(W) @ error if error.any() else 0.0
    return (1 + gamma) * before + gamma * size + W.shape[1] * tiny


def _integers(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Integers and a shift: array = integers / 2^shift, exactly."""
    ratios = [float(v).as_integer_ratio() for v in array.ravel()]
    shift = max(bottom.bit_length() - 1 for _, bottom in ratios)
    whole = [top << (shift - bottom.bit_length() + 1) for top, bottom in ratios]
    return np.array([*whole, None], object)[:-1].reshape(array.shape), shift


def _same(one: list[np.ndarray], two: list[np.ndarray]) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))
