"""A piecewise linear function on an interval, with everything that rounding could hide decided.

Kinks and values of small networks are computed in integers and rounded once. Of large networks they
are those of `regions`, and integers decide where an enclosure of a value leaves its sign open.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from approxlab.calculus._exact_lines import ExactLines
from approxlab.calculus._networks import check_kinked, check_network, interval
from approxlab.domains import Box
from approxlab.networks._stacking import alike
from approxlab.networks.activations import KINK_SLOPES, kink_slopes
from approxlab.networks.calculus import parallel
from approxlab.networks.mlp import MLP
from approxlab.regions.one_dimensional import pieces
from approxlab.regions.piecewise import Pieces

__all__ = ["Line", "difference", "line", "lines"]

_SMALL = 10**6  # products of integers, about a third of a second


class Line:
    """A continuous piecewise linear function on an interval.

    Attributes:
        edges: Kinks and ends of the interval, shape (P + 1,), increasing, each rounded once.
        values: Values there, shape (P + 1,).
        widths: Lengths of the pieces, shape (P,).
        rises: Differences of the values, shape (P,).
    """

    def __init__(self, net: MLP, factors: Sequence[int], box: Box) -> None:
        """The sum of the outputs of a network, each times its factor."""
        found = pieces(net, box)
        self.box = box
        self.patterns = found.patterns
        self.edges = np.asarray(found.edges, np.float64)
        self._exact = ExactLines(net, np.asarray(factors), found.patterns)
        self._known: dict[int, tuple[Fraction, Fraction]] = {}
        count = len(self.edges) - 1
        outputs = np.asarray(factors, np.float64)
        if count * self._exact.size <= _SMALL:
            self.resolve(np.arange(count + 1))
            known = [self._known[i] for i in range(count + 1)]
            steps = [(x1 - x0, y1 - y0) for (x0, y0), (x1, y1) in itertools.pairwise(known)]
            try:
                self.edges = np.array([float(x) for x, _ in known])
                self.values = np.array([float(y) for _, y in known])
                self.widths = np.array([float(h) for h, _ in steps])
                self.rises = np.array([float(r) for _, r in steps])
            except OverflowError:
                raise ValueError(f"net: got {net!r} whose values overflow on {box!r}.") from None
            self._errors = np.spacing(np.abs(self.values))
            self._rise_errors = np.spacing(np.abs(self.rises))
        else:
            self.values = found.values.reshape(count + 1, -1) @ outputs
            self.widths = np.diff(self.edges)
            slopes = found.slopes.reshape(count, -1) @ outputs
            self.rises = slopes * self.widths
            self._errors, self._rise_errors = self._bounds(net, found, outputs)
        if not np.all(np.isfinite(self.values)):
            raise ValueError(f"net: got {net!r} whose values overflow on {box!r}.")

    @property
    def slopes(self) -> np.ndarray:
        """Slopes of the pieces, shape (P,)."""
        with np.errstate(over="ignore"):
            return self.rises / self.widths

    def jumps(self, index: np.ndarray) -> list[Fraction]:
        """Changes of the slope at these inner edges, counted from 1, without any rounding."""
        both = self._exact.lines(np.concatenate([index - 1, index])) if len(index) else []
        before, after = both[: len(index)], both[len(index) :]
        return [right[0] - left[0] for left, right in zip(before, after, strict=True)]

    def resolve(self, index: np.ndarray) -> None:
        """Compute position and value at these edges as fractions."""
        wanted = np.array([i for i in index if int(i) not in self._known], int)
        last = len(self.edges) - 1
        for end, piece, x in ((0, 0, self.box.lower[0]), (last, last - 1, self.box.upper[0])):
            if end in wanted:
                ((slope, start),) = self._exact.lines(np.array([piece]))
                self._known[end] = Fraction(x), slope * Fraction(x) + start
        inner = wanted[(wanted > 0) & (wanted < last)]
        if len(inner):
            for i, found in zip(inner, self._exact.kinks(inner - 1), strict=True):
                self._known[int(i)] = found

    def value(self, edge: Any) -> Fraction:
        """The value at an edge, without any rounding."""
        self.resolve(np.array([edge]))
        return self._known[int(edge)][1]

    def signs(self, level: float) -> np.ndarray:
        """Signs of f - level at the edges: -1, 0 or 1, none of them hidden by rounding."""
        above = self.values - level
        signs = np.sign(above).astype(int)
        open_ = np.flatnonzero(np.abs(above) <= self._errors + np.spacing(np.abs(above)))
        self.resolve(open_)
        for i in open_:
            difference = self._known[int(i)][1] - Fraction(level)
            signs[i] = (difference > 0) - (difference < 0)
        return signs

    def directions(self) -> np.ndarray:
        """Signs of the slopes of the pieces: -1, 0 or 1."""
        signs = np.sign(self.rises).astype(int)
        open_ = np.flatnonzero(np.abs(self.rises) <= self._rise_errors)
        self.resolve(np.unique(np.concatenate([open_, open_ + 1])))
        for i in open_:
            rise = self.value(i + 1) - self.value(i)
            signs[i] = (rise > 0) - (rise < 0)
        return signs

    def bent(self) -> np.ndarray:
        """Whether the slope changes at each inner edge, told in integers where it is close."""
        slopes, errors = self.slopes, self._rise_errors / self.widths
        steps = np.abs(np.diff(slopes))
        unsure = errors[1:] + errors[:-1] + 4 * np.spacing(np.abs(slopes[1:]) + np.abs(slopes[:-1]))
        changes = steps > unsure
        open_ = np.flatnonzero(~changes)
        if len(open_):
            both = np.unique(np.concatenate([open_, open_ + 1]))
            exact = dict(zip(both.tolist(), self._exact.lines(both), strict=True))
            changes[open_] = [exact[i] != exact[i + 1] for i in open_.tolist()]
        return changes

    def largest(self, sign: int) -> np.ndarray:
        """The edges where sign * f is largest, exact ties included."""
        heights = sign * self.values
        least = np.max(heights - self._errors)
        near = np.flatnonzero(heights + self._errors >= least)
        if len(near) == 1:
            return near
        self.resolve(near)
        exact = [sign * self._known[int(i)][1] for i in near]
        best = max(exact)
        return near[np.array([value == best for value in exact])]

    def crossings(self, index: np.ndarray, level: float) -> np.ndarray:
        """Where f equals the level inside of these pieces, each rounded once."""
        found = self._exact.lines(index) if len(index) else []
        return np.array([float((Fraction(level) - start) / slope) for slope, start in found])

    def _bounds(
        self, net: MLP, found: Pieces, outputs: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Bounds of the rounding of values at the edges, and of the rises of pieces."""
        middle = 0.5 * (self.edges[:-1] + self.edges[1:])
        _, error = _affine(net, found.patterns, middle, 1.0, outputs)
        slope, slope_error = _affine(net, found.patterns, np.ones_like(middle), 0.0, outputs)
        eps = np.finfo(np.float64).eps
        # Twice what follows from the pieces on both sides, for what the places are known to.
        place = np.maximum(found.edge_errors[:-1], found.edge_errors[1:])
        place = place + 2 * eps * np.max(np.abs(self.edges))
        error += slope_error * self.widths + (np.abs(slope) + slope_error) * place
        errors = np.full(len(self.edges), 0.0)
        np.maximum.at(errors, np.arange(len(middle)), 2.0 * error)
        np.maximum.at(errors, np.arange(len(middle)) + 1, 2.0 * error)
        errors += 4 * eps * np.abs(self.values)
        return errors, (slope_error + 4 * eps * np.abs(slope)) * self.widths


def _affine(
    net: MLP, patterns: np.ndarray, x: np.ndarray, with_bias: float, outputs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The affine functions of the patterns at x, and bounds of their rounding."""
    left, right = kink_slopes(net.activation, net.dtype) if net.depth else (1.0, 1.0)
    eps, start = np.finfo(np.float64).eps, 0
    a, error = x[None, :], np.zeros((1, len(x)))
    for i in range(net.depth + 1):
        W, b = np.asarray(net.weights[i], np.float64), np.asarray(net.biases[i], np.float64)
        b = with_bias * b
        if i == net.depth:
            W, b = (outputs @ W)[None, :], np.atleast_1d(outputs @ b)
        gamma = (W.shape[1] + 8) * eps
        size = np.abs(W) @ np.abs(a) + np.abs(b)[:, None]
        error = (1 + gamma) * (np.abs(W) @ error) + gamma * size
        a = W @ a + b[:, None]
        if i < net.depth:
            sign = patterns[:, start : start + len(b)].T
            factor = np.where(sign > 0, right, left)
            factor[len(b) - net.passthrough[i] :] = 1.0
            a, error = factor * a, np.abs(factor) * (error + 2 * eps * np.abs(a))
            start += len(b)
    return a[0], error[0]


def line(net: Any, box: Any) -> Line:
    """The function of one network on the box."""
    return lines([net], [[1]], box)[0]


def difference(net: Any, other: Any, box: Any) -> Line:
    """The function net - other on the box, without rounding a parameter."""
    return lines([net, other], [[1, -1]], box)[0]


def lines(nets: Sequence[Any], factors: Sequence[Sequence[int]], box: Any) -> list[Line]:
    """Sums of networks with these factors, all on the pieces that the networks have together."""
    interval(box)
    for name, net in zip(("net", "other"), nets, strict=False):
        check_network(net, name)
        check_kinked(net, name)
    same = [_kinked(net) for net in alike(nets)[0]]
    stacked = parallel(same) if len(same) > 1 else same[0]
    return [Line(stacked, row, box) for row in factors]


def _kinked(net: MLP) -> MLP:
    """Networks whose units are all linear count as relu networks."""
    if net.activation in KINK_SLOPES and net.activation != "identity":
        return net
    linear = tuple(len(b) for b in net.biases[:-1])
    return MLP(net.weights, net.biases, "relu", linear, net.out_size)
