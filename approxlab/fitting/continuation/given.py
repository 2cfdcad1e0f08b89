"""What a deep network is followed to: values at weighted points of [0, 1], and the way back."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np

from approxlab.fitting.knots.function_or_data import Function, function_or_data
from approxlab.networks.mlp import MLP

__all__ = ["Given", "given"]

_ALIKE = 0.02  # of root mean squares of a target by two rules that both see it
_BENDS = 32  # parts between which the sign of the curvature is read
_ONE_SIGN = 0.05  # share of the curvature of the other sign that still counts as none


@dataclasses.dataclass(frozen=True, eq=False)
class Given:
    """Values y = (f - shift) / unit at points t = (x - start) / width.

    Attributes:
        t: Points in [0, 1], increasing, shape (k,).
        weights: Shares of the points in the mean square, which sum to 1.
        y: Values, of size about one.
        start, width: The interval.
        shift, unit: The values; the unit is a power of two.
        function: The target; None for data, which have no values between their points.
    """

    t: np.ndarray
    weights: np.ndarray
    y: np.ndarray
    start: float
    width: float
    shift: float
    unit: float
    function: Function | None

    @property
    def x(self) -> np.ndarray:
        """The points in the interval."""
        return self.start + self.width * self.t

    def refined(self, kinks: np.ndarray) -> Given:
        """Of a target: two Gauss points in every cell between points and kinks of a network.

        They integrate the square of an error that is affine in each cell exactly, so that nothing
        a network does between the points of a fit is missed.
        """
        assert self.function is not None
        edges = np.union1d(self.t, kinks)
        widths = np.diff(edges)
        inner = edges[:-1, None] + widths[:, None] * (0.5 + np.array([-0.5, 0.5]) / math.sqrt(3.0))
        t = inner.ravel()
        values = self.function.unit * self.function.values(self.start + self.width * t)
        y, weights = (values - self.shift) / self.unit, np.repeat(0.5 * widths, 2)
        return dataclasses.replace(self, t=t, weights=weights, y=y)

    def mean_square_between(self, kinks: np.ndarray, at_points: Any, at_kinks: np.ndarray) -> float:
        """The mean square over [0, 1] of an error with these kinks, f interpolated between points.

        Args:
            kinks: Where a network has kinks.
            at_points: Values of the network at the points.
            at_kinks: Values of the network at its kinks.
        """
        places = np.concatenate([self.t, kinks])
        error = np.concatenate([at_points, at_kinks]) - np.concatenate(
            [self.y, np.interp(kinks, self.t, self.y)]
        )
        order = np.argsort(places, kind="stable")
        h, e = np.diff(places[order]), error[order]
        return float(h @ (e[:-1] ** 2 + e[:-1] * e[1:] + e[1:] ** 2)) / 3.0

    def quadratic(self) -> tuple[tuple[float, float, float], bool]:
        """Coefficients of the best quadratic, and whether the values bend to one side only.

        A quadratic that is too flat to tell a side, such as that of a wave, is bent until it
        deviates from its chord as much as the values deviate from a line.
        """
        line = self._best(1, self.y)
        deviation = math.sqrt(float(self.weights @ (self.y - np.polyval(line, self.t)) ** 2))
        curvature = float(self._best(2, self.y)[0])
        least = deviation * math.sqrt(180.0)  # the parabola of this curvature deviates as much
        if abs(curvature) < 0.3 * least:
            curvature = math.copysign(least, curvature)
        return self.with_curvature(curvature), self._bends_to_one_side()

    def with_curvature(self, curvature: float) -> tuple[float, float, float]:
        """The best quadratic c_0 + c_1 t + c_2 t^2 with a given c_2."""
        slope, height = self._best(1, self.y - curvature * self.t**2)
        return float(height), float(slope), curvature

    def network(self, weights: list[np.ndarray], biases: list[np.ndarray], dtype: Any) -> MLP:
        """The network of x with values f: both affine maps go into the outer layers."""
        first = weights[0] / self.width
        shifted = biases[0] - first[..., 0] * self.start
        last, constant = weights[-1] * self.unit, biases[-1] * self.unit + self.shift
        return MLP.from_arrays(
            [first, *weights[1:-1], last],
            [shifted, *biases[1:-1], constant],
            *("relu",),
            dtype=dtype,
        )

    def _best(self, degree: int, y: np.ndarray) -> np.ndarray:
        return np.polyfit(self.t, y, degree, w=np.sqrt(self.weights))

    def _bends_to_one_side(self) -> bool:
        _, first = np.unique(self.t, return_index=True)  # data may repeat a position
        places = first[np.linspace(0, len(first) - 1, min(_BENDS + 1, len(first))).astype(int)]
        turns = np.diff(np.diff(self.y[places]) / np.diff(self.t[places]))
        up, down = float(np.sum(turns[turns > 0])), -float(np.sum(turns[turns < 0]))
        return min(up, down) <= _ONE_SIGN * max(up, down)


def given(target: Any, points: int) -> Given:
    """A target or data in the form that deep networks are followed to.

    Half of the points are at equal distances, half where the target is curved, as knots would be.
    """
    source = _source(target)
    if isinstance(source, Function):
        a, b = (float(end) for end in (target.domain.lower[0], target.domain.upper[0]))
        x, weights = _cells(source.density.knots(points // 2, 0.0, source.kinks), a, b, points)
        panels = source.parts.edges
        middles = 0.5 * (panels[1:] + panels[:-1])
        seen = math.sqrt(float(weights @ source.values(x) ** 2))
        there = math.sqrt(float(np.diff(panels) @ source.values(middles) ** 2) / (b - a))
        if abs(seen - there) > _ALIKE * there:  # narrow parts between the points
            narrow = source.in_panels(points)
            curved = narrow.density.knots(points // 2, 0.0, narrow.kinks)
            x, weights = _cells(np.union1d(curved, panels), a, b, points)
    else:
        order = np.argsort(source.x, kind="stable")
        x, weights = source.x[order], np.full(len(order), 1.0 / len(order))
        a, b = float(x[0]), float(x[-1])
    y = source.unit * (source.values(x) if isinstance(source, Function) else source.y[order])
    shift = float(weights @ y)
    unit = math.ldexp(1.0, math.frexp(float(np.max(np.abs(y - shift))) or 1.0)[1])
    known = source if isinstance(source, Function) else None
    return Given((x - a) / (b - a), weights, (y - shift) / unit, a, b - a, shift, unit, known)


def _cells(knots: np.ndarray, a: float, b: float, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Middles and shares of the cells between these knots and equal distances, and the ends."""
    edges = np.union1d(knots, np.linspace(a, b, points - points // 2 + 1))
    return _with_ends(0.5 * (edges[1:] + edges[:-1]), np.diff(edges) / (b - a), a, b)


def _source(target: Any) -> Any:
    try:
        return function_or_data(target, 2, "l2")
    except ValueError as error:
        if "distinct positions" not in str(error):
            raise
    raise ValueError(
        "X: got fewer than three distinct positions, expected at least three, since the path "
        "begins at a quadratic. Give more rows."
    )


def _with_ends(
    x: np.ndarray, weights: np.ndarray, a: float, b: float
) -> tuple[np.ndarray, np.ndarray]:
    """The points and both ends, which take a quarter of the weight of their neighbours.

    A fit that does not see the last half of a cell leaves large errors at the ends.
    """
    ends = 0.25 * weights[[0, -1]]
    inner = weights.copy()
    inner[[0, -1]] -= ends
    return np.concatenate([[a], x, [b]]), np.concatenate([ends[:1], inner, ends[1:]])
