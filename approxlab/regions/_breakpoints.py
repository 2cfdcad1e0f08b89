"""Breakpoints of piecewise linear networks along an interval, layer by layer, many at once.

The columns of all arrays are the breakpoints found so far, of one network after the other, and
between two neighbours every unit of the layers so far is affine. So its values at the columns say
all: where the values of a unit have opposite signs at two neighbours, it has a zero between them,
and this is a new column. Values and places are computed in float64 with a running bound of their
rounding. Signs, and the order of zeros, that the bounds leave open are decided in integers.
"""

from __future__ import annotations

import dataclasses
import itertools
from fractions import Fraction

import numpy as np

from approxlab.regions._integers import Integers
from approxlab.regions._rounding import EPS, TINY, affine
from approxlab.regions._zeros import Zeros, zeros_between

__all__ = ["Breakpoints", "Limits", "Networks", "block_of_columns"]


_BLOCK = 2**16  # numbers in one array


def block_of_columns(units: int) -> int:
    """How many columns with so many rows go together."""
    return max(16, _BLOCK // units)


@dataclasses.dataclass(frozen=True)
class Limits:
    """What is refused: more columns, numbers in an array, or products of integers in all."""

    columns: int = 2**26
    numbers: int = 2**26
    products: int = 10**7  # about ten seconds


@dataclasses.dataclass(frozen=True, eq=False)
class Networks:
    """Networks of equal shape, and the interval along which they are looked at.

    Attributes:
        weights: One array of shape (N, out, in) per layer, float64.
        biases: One array of shape (N, out) per layer.
        linear: For each hidden layer, how many of its last units are linear.
        slopes: Of the activation, left and right of 0.
        ends: The points of the inputs at the two ends, shape (2, d).
        parameters: The places x of the two ends.
    """

    weights: list[np.ndarray]
    biases: list[np.ndarray]
    linear: tuple[int, ...]
    slopes: tuple[float, float]
    ends: np.ndarray
    parameters: tuple[float, float]

    def integers(self, number: int, most_products: int) -> Integers:
        """One of them in integers."""
        layers = [W[number] for W in self.weights], [b[number] for b in self.biases]
        ends = self.ends[0], self.ends[1]
        return Integers(*layers, self.linear, self.slopes, ends, self.parameters, most_products)

    def factors(self, signs: np.ndarray, layer: int) -> np.ndarray:
        """Slopes of the units of a hidden layer on pieces where they have these signs."""
        left, right = self.slopes
        found = np.where(signs > 0, right, left)
        found[len(found) - self.linear[layer] :] = 1.0
        return found


class Breakpoints:
    """All breakpoints, after every layer.

    Attributes:
        x: Places of the columns, and `dx`, bounds of their rounding.
        start: The first column of each network, and one more for the end.
        layer: The layer of a unit that is zero at a column, from 1; 0 at the ends. And `unit`.
        signs: For each layer, of its units on the pieces to the right of the columns: 1, -1, or 0
            for a unit that is zero on the piece. A last column repeats the piece before it.
        below: Whether a unit that is positive on the piece to the left of a column is zero at it;
            and `above`, on the piece to the right.
        values: Of the outputs at the columns, and `errors`, bounds of their rounding.
        ties: For each network the number of signs and of pairs of zeros decided in integers.
    """

    def __init__(self, networks: Networks, limits: Limits) -> None:
        number = len(networks.weights[0])
        self.networks, self.limits = networks, limits
        self.start = 2 * np.arange(number + 1)
        self.x = np.tile(np.asarray(networks.parameters), number)
        self.dx = np.zeros(2 * number)
        self.layer, self.unit = np.zeros(2 * number, np.int32), np.full(2 * number, -1, np.int32)
        self.below, self.above = np.zeros(2 * number, bool), np.zeros(2 * number, bool)
        self.signs: list[np.ndarray] = []
        self.ties = np.zeros(number, np.int64)
        self._integers: dict[int, Integers] = {}
        self.values = np.tile(networks.ends.T, (1, number))
        self.errors = np.zeros(self.values.shape)
        with np.errstate(over="ignore", invalid="ignore", under="ignore"):
            for layer in range(len(networks.linear)):
                self._hidden(layer)
            self.values, self.errors = self.affine(len(networks.linear), self.values, self.errors)

    # What the columns are

    @property
    def network(self) -> np.ndarray:
        """The network of each column."""
        return np.repeat(np.arange(len(self.start) - 1), np.diff(self.start))

    @property
    def last(self) -> np.ndarray:
        """Whether a column is the last of its network, so that no piece is to its right."""
        found = np.zeros(len(self.x), bool)
        found[self.start[1:] - 1] = True
        return found

    def exactly(
        self, column: int, piece: int, rows: np.ndarray
    ) -> tuple[list[tuple[np.ndarray, int]], Fraction]:
        """Of the units, on a piece that ends at a column, as integers; and the place of it.

        Of the layer that has no signs yet only those of some rows.
        """
        number = int(np.searchsorted(self.start, column, side="right")) - 1
        forms = self.integers(number).forms([layer[:, piece] for layer in self.signs], rows)
        if self.layer[column] == 0:
            return forms, Fraction(float(self.x[column]))
        form = forms[self.layer[column] - 1][0][self.unit[column]]
        return forms, self.integers(number).root(form)

    def integers(self, number: int) -> Integers:
        """One of the networks in integers."""
        if number not in self._integers:
            self._integers[number] = self.networks.integers(number, self.limits.products)
        return self._integers[number]

    # One layer

    def affine(
        self,
        layer: int,
        values: np.ndarray,
        errors: np.ndarray,
        bias: list[np.ndarray] | None = None,
    ) -> tuple[np.ndarray, np.ndarray]:
        """W a + b of every network at its columns, with bounds of the rounding."""
        W, b = self.networks.weights[layer], (bias or self.networks.biases)[layer]
        start = self.start
        if len(W) == 1:
            z, bound = affine(W[0], b[0], values, errors)
        else:
            z, bound = (np.empty((W.shape[1], values.shape[1])) for _ in range(2))
            for i, (one, two) in enumerate(itertools.pairwise(start)):
                part = slice(one, two)
                z[:, part], bound[:, part] = affine(W[i], b[i], values[:, part], errors[:, part])
        if not np.all(np.isfinite(z)) or not np.all(np.isfinite(bound)):
            raise ValueError("net: got values that overflow float64, expected finite ones.")
        return z, bound

    def _hidden(self, layer: int) -> None:
        """Makes a column of every zero of a unit of this layer; then `values` are its outputs."""
        nets = self.networks
        z, dz = self.affine(layer, self.values, self.errors)
        bent = len(z) - nets.linear[layer] if nets.slopes[0] != nets.slopes[1] else 0
        signs = self._signs(z, dz, bent)
        found = zeros_between(self, layer, z, dz, signs, bent)
        rows, bounds = np.vstack([z, self.x]), np.vstack([dz, self.dx])
        columns = self._make_columns(layer, found)
        total, last = len(columns), self.last
        on_piece = np.ones((len(z), total), np.int8)
        self.values, self.errors = np.empty((len(z), total)), np.empty((len(z), total))
        # A block of columns at a time, which a cache holds, and one column more for the last piece.
        step = block_of_columns(len(z))
        for one in range(0, total, step):
            two, end = min(one + step, total), min(one + step + 1, total)
            block, error, sign = found.joined(rows, bounds, signs, bent, columns[one:end])
            piece = np.where(sign[:, :-1] != 0, sign[:, :-1], sign[:, 1:])
            on_piece[:, one : end - 1] = piece
            zero, active = sign[:bent] == 0, piece[:bent] > 0
            self.above[one : end - 1] |= np.any(zero[:, :-1] & active, axis=0)
            self.below[one + 1 : end] |= np.any(zero[:, 1:] & active, axis=0)
            own = slice(0, two - one)
            self.x[one:two] = np.clip(block[-1, own], *nets.parameters)
            self.dx[one:two] = error[-1, own]
            factor = nets.factors(sign[:, own], layer)
            values = np.where(factor != 0.0, block[:-1, own] * factor, 0.0)
            rounds = (factor != 0.0) & (np.abs(factor) != 1.0)
            self.values[:, one:two] = values
            self.errors[:, one:two] = np.abs(factor) * error[:-1, own]
            if np.any(rounds):
                rounds &= (block[:-1, own] != 0) | (error[:-1, own] > 0)
                self.errors[:, one:two] += np.where(rounds, 2 * EPS * np.abs(values) + TINY, 0.0)
        ends = np.flatnonzero(last)
        on_piece[:, ends] = on_piece[:, ends - 1]
        self.above[ends], self.below[self.start[:-1]] = False, False
        self.signs.append(on_piece)

    def _signs(self, z: np.ndarray, dz: np.ndarray, bent: int) -> np.ndarray:
        """Signs at the columns; z and dz become better where integers decided."""
        signs = np.sign(z).astype(np.int8)
        signs[bent:] = 1
        hidden = (np.abs(z[:bent]) <= dz[:bent]) & (dz[:bent] > 0)
        for column in np.flatnonzero(np.any(hidden, axis=0)):
            number = int(np.searchsorted(self.start, column, side="right")) - 1
            piece = column - int(column == self.start[number + 1] - 1)
            rows = np.flatnonzero(hidden[:, column])
            forms, x = self.exactly(int(column), int(piece), rows)
            exact = self.integers(number).values(forms[-1], x)
            z[rows, column] = [float(v) for v in exact]
            dz[rows, column] = [0.0 if v == 0 else EPS * abs(float(v)) + 5e-324 for v in exact]
            signs[rows, column] = [(v > 0) - (v < 0) for v in exact]
            self.ties[number] += len(rows)
        return signs

    def _make_columns(self, layer: int, found: Zeros) -> np.ndarray:
        """Which columns there are now: numbers of old ones, and their number + k for the place k.

        All arrays get the new columns, but `x` and `dx` have no numbers yet.
        """
        old, new = len(self.x), len(found.piece)
        total, units = old + new, self.networks.biases[layer].shape[1]
        largest = max(units, sum(len(signs) for signs in self.signs) // 8)
        if total * largest > self.limits.numbers or total > self.limits.columns:
            raise ValueError(
                f"net: got {units} units in layer {layer + 1} and {total} places of kinks, "
                f"expected at most {self.limits.numbers:.0e} pairs of them. Take a smaller box."
            )
        # Old column c moves by the number of new ones before it; new ones follow their piece.
        places = found.piece + 1
        order = np.insert(np.arange(old), places, old + np.arange(new))

        def joined(array: np.ndarray, fresh: np.ndarray) -> np.ndarray:
            return np.concatenate([array, fresh], axis=-1)[..., order]

        self.x, self.dx = np.empty(total), np.empty(total)
        self.layer = joined(self.layer, np.full(new, layer + 1, np.int32))
        self.unit = joined(self.unit, found.unit.astype(np.int32))
        self.signs = [joined(s, s[:, found.piece]) for s in self.signs]
        no = np.zeros(new, bool)
        self.below, self.above = joined(self.below, no), joined(self.above, no)
        self.start = self.start + np.searchsorted(places, self.start, side="right")
        return order
