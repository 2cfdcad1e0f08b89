"""What a spline with free knots is fitted to: a target of one variable, or data on a line.

Values are divided by a power of two just above the largest, so that squares stay in range.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.claims import Estimate
from approxlab.domains import check_interval
from approxlab.errors.pointwise import model_minus_target, not_finite_value
from approxlab.evaluation import values_at
from approxlab.fitting.knots.density import POWERS, Density, data_density, function_density
from approxlab.fitting.knots.narrow_parts import Parts, parts_of
from approxlab.fitting.target_or_arrays import (
    are_arrays,
    box_of,
    check_without_mask,
    checked_arrays,
)
from approxlab.networks.mlp import MLP
from approxlab.optimal._extrema import zoomed
from approxlab.splines import Samples, sampled, sorted_in

__all__ = ["Data", "Function", "function_or_data"]

# Nodes per piece of the rule that measures, and of the one whose difference is the uncertainty.
# Neither is the rule that was minimised: knots could have moved so that a jump lies between two of
# its nodes.
_NODES, _FEWER_NODES = 27, 17
_BATCH = 2048  # of `values_at`
_GRID = 64  # cells per piece in which the sup norm is measured
_LEAST_STEP = 1e-2  # spacing of floats over the mean width of pieces, at most
_CLOSE = 1e-6  # relative difference of two quadratures that say the same
_CLOSE_SUP = 1e-4  # the same of largest errors, each between two points of a grid
_ZOOMED = 16  # largest errors between whose neighbours the error is sought anew
_BESIDE_JUMPS = 1e-6  # distance of knots from a jump over the mean width of pieces
_ROUNDING = 32  # error, in eps times the size of the target, that counts as none


@dataclasses.dataclass(frozen=True, eq=False)
class Function:
    """A target on an interval, in units of a power of two.

    Attributes:
        target: The target.
        unit: The power of two.
        norm: "l2" or "sup".
        density: Where knots belong.
        kinks: Positions that are to be knots.
        floor: Error at the level of rounding.
        weight: Length of the interval: the square of the error 1 everywhere.
        parts: Panels and points that show narrow parts of the target.
        plain: The sup error of the better of the middle of the values and the chord of the ends,
            in units, by the mesh of the density.
        eps: Rounding of the values.
        careful: Whether sums and extremes are taken over the panels too.
    """

    target: Any
    unit: float
    norm: str
    density: Density
    kinks: tuple[float, ...]
    floor: float
    weight: float
    parts: Parts
    plain: float
    eps: float
    careful: bool = False

    def values(self, x: np.ndarray) -> np.ndarray:
        """Values of the target at positions of shape (k,), in units."""
        return _finite_values(self.target, x) / self.unit

    def samples(self, knots: np.ndarray) -> Samples:
        """Values at the nodes of a quadrature between the knots."""
        return sampled(self.values, knots, breaks=self.parts.edges if self.careful else None)

    def rounding(self, knots: np.ndarray) -> float:
        """Rounding of an error, in units, of a network with these knots."""
        share = math.sqrt(self.weight) if self.norm == "l2" else 1.0
        return share * self.floor * max(1.0, len(knots) / 8.0)

    @property
    def least(self) -> float:
        """What no continuous function is below in the sup norm because of a jump, in units."""
        change = 0.0 if self.parts.jump is None else self.parts.jump[1]
        return (0.5 + _CLOSE) * change / self.unit

    @property
    def more(self) -> np.ndarray:
        """Points at which extremes are sought as well."""
        return self.parts.points if self.careful else np.zeros(0)

    def knots(self, pieces: int, shifts: Sequence[float]) -> list[np.ndarray]:
        """First knots: one set per shift."""
        return [self.density.knots(pieces, shift, self.kinks) for shift in shifts]

    def in_panels(self, pieces: int) -> Function:
        """The same with all sums over the panels, and knots on both sides of jumps."""
        a, b = self.parts.edges[[0, -1]]
        density = function_density(
            lambda x: _finite_values(self.target, x),
            *(a, b, POWERS[self.norm], self.eps, self.parts.points),
        )
        beside = _BESIDE_JUMPS * (b - a) / pieces
        sides = [x + side for x in self.parts.jumps for side in (-beside, beside)]
        jumps = np.append(self.parts.jumps, np.inf)
        kinks = sides + [k for k in self.kinks if np.min(np.abs(jumps - k)) > 2.0 * beside]
        return dataclasses.replace(self, density=density, kinks=tuple(kinks), careful=True)

    def error(self, network: MLP, knots: np.ndarray) -> Estimate:
        """The error of a network that bends at the knots only."""
        return self._sup(network, knots) if self.norm == "sup" else self._l2(network, knots)

    def _difference(self, network: MLP, x: np.ndarray) -> np.ndarray:
        points = _filled_up(x)[:, None]
        return model_minus_target(network, self.target, points)[: len(x)]

    def _l2(self, network: MLP, knots: np.ndarray) -> Estimate:
        """By the nodes of the pieces where those of the panels agree."""

        def error(x: np.ndarray) -> np.ndarray:
            return self._difference(network, x) / self.unit

        def norms(breaks: np.ndarray | None) -> Estimate:
            rules = [sampled(error, knots, nodes, breaks) for nodes in (_FEWER_NODES, _NODES)]
            coarse, fine = (self.unit * rule.norm() for rule in rules)
            count = sum(len(rule.values) for rule in rules)
            return Estimate(fine, "l2", count, uncertainty=abs(fine - coarse))

        own = norms(None)
        all_panels = self.unit * sampled(error, knots, _FEWER_NODES, self.parts.edges).norm()
        close = _CLOSE * own.value + self.unit * self.rounding(knots)
        return own if abs(own.value - all_panels) <= close else norms(self.parts.edges)

    def _sup(self, network: MLP, knots: np.ndarray) -> Estimate:
        """At points of the pieces where those of the panels show no larger error."""

        def error(x: np.ndarray) -> np.ndarray:
            return self._difference(network, x.ravel()).reshape(x.shape)

        cells = 0.5 - 0.5 * np.cos(np.pi * np.arange(_GRID) / _GRID)
        x = np.append((knots[:-1, None] + np.diff(knots)[:, None] * cells).ravel(), knots[-1])
        size = np.abs(error(np.concatenate([x, self.parts.points])))
        own, at = size[: len(x)], int(np.argmax(size[: len(x)]))
        close = _CLOSE_SUP * own[at] + self.unit * self.rounding(knots)
        if not self.careful and np.max(size) <= own[at] + close:
            return Estimate(float(own[at]), "sup", len(x), at=(float(x[at]),))
        grid = np.union1d(x, self.parts.points)
        positions, sizes = zoomed(error, grid, most=_ZOOMED)
        best = int(np.argmax(np.abs(sizes)))
        return Estimate(abs(float(sizes[best])), "sup", len(grid), at=(float(positions[best]),))


@dataclasses.dataclass(frozen=True, eq=False)
class Data:
    """Data (x, y) on a line, in units of a power of two; attributes as in `Function`."""

    x: np.ndarray
    y: np.ndarray
    unit: float
    density: Density
    floor: float
    weight: float = 1.0

    def samples(self, knots: np.ndarray) -> Samples:
        """The data sorted into the pieces, with weights that make sums means."""
        return sorted_in(self.x, self.y, knots)

    def knots(self, pieces: int, shifts: Sequence[float]) -> list[np.ndarray]:
        """First knots: one set per shift, and one with equally many positions in all pieces.

        Noise looks like curvature; the last set determines the heights also where it does.
        """
        even = np.quantile(np.unique(self.x), np.linspace(0.0, 1.0, pieces + 1))
        return [*(self.density.knots(pieces, shift, ()) for shift in shifts), even]

    def rounding(self, knots: np.ndarray) -> float:
        """Rounding of an error, in units, of a network with these knots."""
        return self.floor * max(1.0, len(knots) / 8.0)

    def error(self, network: MLP, knots: np.ndarray) -> Estimate:
        """Root of the mean squared difference over the data."""
        error = values_at(network, self.x[:, None]) / self.unit - self.y
        return Estimate(self.unit * math.sqrt(float(np.mean(error**2))), "l2", len(self.x))


def function_or_data(target: Any, pieces: int, norm: str) -> Function | Data:
    """A target or data in the form that knots are fitted to.

    Raises:
        TypeError: If the target is neither.
        ValueError: If it has a mask, more than one variable, a number that is not finite, or too
            few data.
    """
    if are_arrays(target):
        return _of_data(target, pieces, norm)
    box = box_of(target, "(k, 1) and (k,)")
    a, b = check_interval(box, "target.domain")
    check_without_mask(target)
    eps = float(jnp.finfo(jnp.result_type(float)).eps)
    _check_resolved(a, b, pieces, eps)
    density = function_density(lambda x: _finite_values(target, x), a, b, POWERS[norm], eps)
    unit = _power_of_two(density.size)
    kinks = tuple(getattr(target, "kinks", None) or ())
    floor = _ROUNDING * eps * density.size / unit
    parts, plain = parts_of(target, a, b), density.plain / unit
    return Function(target, unit, norm, density, kinks, floor, b - a, parts, plain, eps)


def _check_resolved(a: float, b: float, pieces: int, eps: float) -> None:
    step = eps * max(abs(a), abs(b))
    if pieces * step > _LEAST_STEP * (b - a):
        raise ValueError(
            f"pieces: got {pieces} on [{a:g}, {b:g}], where two numbers of JAX's default dtype "
            f"are {step:.1e} apart, expected pieces of many times that. Move the target to a box "
            "near 0, or enable float64."
        )


def _of_data(pair: Any, pieces: int, norm: str) -> Data:
    X, Y = checked_arrays(pair)
    if norm != "l2":
        raise ValueError(
            f"norm: got {norm!r} with data, expected 'l2': the exchange needs values between the "
            "points. Give a Target."
        )
    if X.shape[1] != 1 or Y.ndim != 1:
        raise ValueError(
            f"target: got arrays of shapes {X.shape} and {Y.shape}, expected (k, 1) and (k,): "
            "points of a line and one value at each. Fit each component alone."
        )
    x, distinct = X[:, 0], len(np.unique(X))
    if distinct < max(3, pieces + 1):
        raise ValueError(
            f"pieces: got {pieces} for {distinct} distinct positions, expected at most "
            f"{distinct - 1}, and 3 positions at least. Take fewer pieces."
        )
    unit = _power_of_two(float(np.max(np.abs(Y))))
    floor = _ROUNDING * float(np.finfo(float).eps) * float(np.max(np.abs(Y))) / unit
    return Data(x, Y / unit, unit, data_density(x, Y, POWERS[norm]), floor)


def _filled_up(x: np.ndarray) -> np.ndarray:
    """Positions repeated up to full batches of `values_at`: few shapes are few compilations."""
    missing = -len(x) % _BATCH
    return np.concatenate([x, np.broadcast_to(x[-1], missing)]) if missing else x


def _finite_values(target: Any, x: np.ndarray) -> np.ndarray:
    y = values_at(target, _filled_up(x)[:, None])[: len(x)]
    if y.shape != x.shape:
        raise ValueError(
            f"target: got values of shape {y.shape[1:]}, expected (): one output. Fit each "
            "component alone."
        )
    if not np.all(np.isfinite(y)):
        at = float(x[np.argmin(np.isfinite(y))])
        wrong = not_finite_value((at,), target=target)
        raise ValueError(
            f"target: {wrong}, expected finite values on the whole interval. Take a box that "
            "leaves the pole out."
        )
    return y


def _power_of_two(size: float) -> float:
    return math.ldexp(1.0, math.frexp(size)[1]) if size > 0 else 1.0
