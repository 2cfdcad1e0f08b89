"""Linear splines with knots placed where the target bends, closer than eps by proof."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from approxlab.arguments import check_number, float_below
from approxlab.claims import Claim, Construction
from approxlab.constructions._complex_discs import Discs, NotAnalyticError
from approxlab.constructions._disc_programs import discs_of, without_custom_derivatives
from approxlab.constructions._relu_rounding import (
    check_held,
    spline_evaluation,
    spline_knots_and_values,
    with_rounding,
)
from approxlab.constructions._target_checks import interval_of
from approxlab.constructions.relu_splines import spline_network
from approxlab.constructions.sigmoid_sums import check_units
from approxlab.domains import Box
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.targets.target import Target

__all__ = ["placed_spline"]

_CELLS = 4096  # on which f'' is bounded
_ATTEMPTS = 6
_FLAT = 1e-200  # of f'': an affine piece, which is better not moved
# The largest G in eps such that moved ends and a chord that is above f by 4 G t (1 - t) are at most
# eps above f, by how much the ends are moved, in eps: p (1 - t) + q t + 4 G t (1 - t) <= 1.
_ONE = (24.0 + math.sqrt(512.0)) / 32.0
_GAPS = {
    (-1, -1): 2.0,
    (-1, 0): _ONE,
    (0, -1): _ONE,
    (0, 0): 1.0,
    (-1, 1): 0.5,
    (1, -1): 0.5,
    (0, 1): 0.25,
    (1, 0): 0.25,
    (1, 1): 0.0,
}


class Curvature(NamedTuple):
    """Bounds of f'' on cells: low <= f'' <= high, and their edges.

    Attributes:
        edges, low, high: The cells, and bounds on each.
        kinks: Edges where f may bend; each is a knot.
        extra: What f may be off by next to the kinks, in cells of which nothing else is known.
    """

    edges: np.ndarray
    low: np.ndarray
    high: np.ndarray
    kinks: tuple[float, ...] = ()
    extra: float = 0.0

    @property
    def size(self) -> np.ndarray:
        """Bounds of |f''|."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def sign(self) -> np.ndarray:
        """1 where f is convex, -1 where it is concave, 0 where it is affine or not known."""
        signs = np.where(self.low >= 0, 1, np.where(self.high <= 0, -1, 0))
        return np.where(self.size <= _FLAT, 0, signs)


def placed_spline(target: Any, eps: Any) -> Construction:
    """A linear spline that is closer than eps, with few knots: close together where f bends.

    On 4096 cells f'' is bounded from the program of f, computed on discs of the complex plane with
    rounding included. Where f is convex, a chord of length h is above f by at most G = M h^2 / 8,
    M the largest f'' there. With both ends lowered by eps, G may be 2 eps; with one, 1.457 eps, as
    G - eps/2 + eps^2 / (16 G) <= eps; with none, eps; and where f'' changes its sign between ends
    that are moved to different sides, eps / 2. From the left every piece is made as long as this
    allows. So about (1/4) eps^(-1/2) times the integral of sqrt |f''| units are needed, as for the
    best spline.

    Args:
        target: A target of one variable whose function is written with jax.numpy, and whose second
            derivative is bounded.
        eps: The error that the claim may have, rounding included.

    Returns:
        A construction with one hidden layer of ReLUs, one per piece.

    Raises:
        TypeError: If the target is not a `Target`.
        ValueError: If f'' cannot be bounded, if eps is not positive, if too many units are needed,
            or if rounding alone may exceed eps.

    Source:
        Elementary: error of linear interpolation, e.g. Davis 1963, Theorem 3.1.1.

    Example:
        >>> from approxlab.targets import get
        >>> c = placed_spline(get("exp"), 1e-2)
        >>> float(c.claim.bound) <= 1e-2, c.network.num_hidden_units
        (True, 6)
    """
    box = interval_of(target)
    check_number("eps", eps, positive=True)
    curvature = curvature_of(target)
    goal, eps = float_below(eps) * (1.0 - 1e-12), float_below(eps)
    whole = math.inf
    for _ in range(_ATTEMPTS):
        knots, moved = placed(curvature, goal, f"eps: got {eps!r} for {target!r}")
        construction = _built(target, box, curvature, knots, moved, goal)
        whole = float(construction.claim.bound)
        if whole <= eps:
            return construction
        goal -= 1.5 * (whole - eps) + 1e-9 * eps
        if goal < 0.3 * eps:
            break
    raise ValueError(
        f"eps: got {eps!r} for {target!r}, expected more: rounding in {float_dtype(None)} leaves "
        f"the claim at {whole:.3g}. Compute in float64, or ask for a larger eps."
    )


def curvature_of(target: Target) -> Curvature:
    """Bounds of f'' on cells, from the program and from the fact `second_derivative`.

    Next to a kink, in cells of width d, f is compared with its tangent: L d on both sides, and as
    much again for the chord, if f has the Lipschitz constant L.
    """
    kinks = tuple(target.kinks or ()) if target.lipschitz is not None else ()
    edges, near = _cells(target.domain, kinks)
    middle, radius = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    radius = radius * (1.0 + 1e-9) + 4.0 * np.finfo(float).eps * np.abs(middle)
    try:
        # Where the program of f is not analytic, what JAX calls its derivative proves nothing.
        analytic = np.isfinite(discs_of(target.fn, Discs(middle + 0j, radius)).radius)
        found = discs_of(_second(target.fn), Discs(middle + 0j, radius))
        found = Discs(found.center, np.where(analytic, found.radius, np.inf))
        below, above = found.center.real - found.radius, found.center.real + found.radius
        reason = "it is not bounded on its interval, or not known there"
    except NotAnalyticError as problem:
        below, above = np.full(len(middle), -np.inf), np.full(len(middle), np.inf)
        reason = str(problem)
    if target.second_derivative is not None:
        below = np.maximum(below, -target.second_derivative)
        above = np.minimum(above, target.second_derivative)
    below, above = np.where(near, 0.0, below), np.where(near, 0.0, above)
    if not np.all(np.isfinite(below) & np.isfinite(above)):
        raise ValueError(
            f"target: of {target!r} the second derivative cannot be bounded: {reason}. Expected a "
            "smooth function, or the fact second_derivative as a keyword of Target; for one with "
            "kinks, the facts kinks and lipschitz."
        )
    lost = 4.0 * (target.lipschitz or 0.0) * float(np.max(np.diff(edges)[near], initial=0.0))
    return Curvature(edges, below, above, kinks, lost)


def _cells(box: Box, kinks: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Equal cells, with smaller ones towards kinks; which ones touch a kink."""
    low, high = box.lower[0], box.upper[0]
    edges = np.linspace(low, high, _CELLS + 1)
    if not kinks:
        return edges, np.zeros(_CELLS, bool)
    reach = max(high - low, abs(low), abs(high)) * 2.0 ** -np.arange(12.0, 45.0)
    places = np.array(kinks)
    beside = (places[:, None] + np.concatenate([reach, -reach])).ravel()
    narrow = 0.9 * reach[-1]
    apart = np.abs(edges[:, None] - places).min(1) > narrow
    edges = np.unique(np.concatenate([edges[apart], beside, places, [low, high]]))
    edges = edges[(low <= edges) & (edges <= high)]
    gaps = np.abs(edges[:, None] - places).min(1)
    edges = edges[(gaps == 0.0) | (gaps > narrow) | (edges == low) | (edges == high)]
    touch = np.isin(edges, places)
    return edges, touch[1:] | touch[:-1]


def _second(fn: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """F'' in forward mode, whose programs have few kinds of operations."""
    plain = without_custom_derivatives(fn)

    def slope(x: Any) -> Any:
        return jax.jvp(plain, (x,), (jax.numpy.ones_like(x),))[1]

    return lambda x: jax.jvp(slope, (x,), (jax.numpy.ones_like(x),))[1]


def placed(curvature: Curvature, eps: float, asked: str) -> tuple[np.ndarray, np.ndarray]:
    """Knots, and by how many eps the value at each is moved up (concave) or down (convex)."""
    check_units(_least_number(curvature, eps), asked)
    edges, shifts = curvature.edges, (-curvature.sign).tolist()
    count = len(shifts)
    bends = np.flatnonzero(np.isin(edges[1:-1], curvature.kinks)) + 1
    knots, moved, cell = [float(edges[0])], [shifts[0]], 0
    pieces = _Pieces(
        edges.tolist(),
        np.maximum(curvature.high, 0.0).tolist(),
        np.maximum(-curvature.low, 0.0).tolist(),
        shifts,
        8.0 * eps,
    )
    for stop in [*bends.tolist(), count]:
        same = stop == count or shifts[stop - 1] == shifts[stop]
        last = shifts[stop - 1] if same else 0
        while knots[-1] < edges[stop]:
            place, shift, cell = pieces.furthest(knots[-1], moved[-1], cell, stop, last)
            knots.append(place)
            moved.append(shift)
    return np.array(knots), np.array(moved, np.float64)


def _least_number(curvature: Curvature, eps: float) -> float:
    """About how many pieces are needed."""
    widths = np.diff(curvature.edges)
    return float(np.sum(np.sqrt(curvature.size) * widths)) / (4.0 * math.sqrt(eps))


class _Pieces(NamedTuple):
    """How far a piece may reach: `up` bounds how convex f is on each cell, `down` how concave."""

    edges: list[float]
    up: list[float]
    down: list[float]
    shifts: list[int]
    scale: float  # 8 eps

    def furthest(
        self, here: float, first: int, cell: int, stop: int, last: int
    ) -> tuple[float, int, int]:
        """The furthest end of a piece from `here`, its shift, and the cell in which it lies."""
        goal, most_up, most_down = self.edges[stop], 0.0, 0.0
        best = (here, first, cell)
        for c in range(cell, stop):
            most_up, most_down = max(most_up, self.up[c]), max(most_down, self.down[c])
            if c > cell and self.edges[c] - here > self._length(
                -1, -1, max(most_up, most_down), 0.0
            ):
                break
            if c + 1 == stop and here + self._length(first, last, most_up, most_down) >= goal:
                return goal, last, stop
            place = here + self._length(first, self.shifts[c], most_up, most_down)
            if place >= self.edges[c + 1] and c + 1 < stop:
                best = (self.edges[c + 1], self.shifts[c], c + 1)
            elif place >= self.edges[c]:
                near = 0.5 * (max(here, self.edges[c]) + goal)  # short of the goal
                best = (min(place, near), self.shifts[c], c)
        return best

    def _length(self, first: int, last: int, up: float, down: float) -> float:
        """The longest piece with ends moved by first and last."""
        longest = math.inf
        if up > 0.0:
            longest = math.sqrt(_GAPS[first, last] * self.scale / up)
        if down > 0.0:
            longest = min(longest, math.sqrt(_GAPS[-first, -last] * self.scale / down))
        return longest


def _built(
    target: Target,
    box: Box,
    curvature: Curvature,
    knots: np.ndarray,
    moved: np.ndarray,
    eps: float,
) -> Construction:
    """The spline as it is stored, with the error that is proved of it."""
    values, _ = _values(target, knots)
    heights = values + eps * moved
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        slopes = np.abs(np.diff(heights) / np.diff(knots))
        reach = float(np.max(np.abs(heights)) + 2.0 * np.sum(slopes) * box.widths[0])
    check_held("target", target, reach)
    stored = knots.astype(float_dtype(None)).astype(np.float64)
    network = spline_network(stored if np.all(np.diff(stored) > 0) else knots, heights)
    exact = _largest(curvature, knots, eps * moved)
    whole = _stored_error(target, curvature, network, box)
    source = "linear interpolation with placed knots, f'' bounded on 4096 cells"
    bound = with_rounding(min(exact, whole), whole, source, network.dtype, False)
    units = network.num_hidden_units
    return Construction(network, target, Claim("sup", bound, units, 0, 1))


def _stored_error(target: Target, curvature: Curvature, network: MLP, box: Box) -> float:
    places, heights = spline_knots_and_values(network, box)
    values, lost = _values(target, places)
    away = np.asarray(heights - values, np.float64)
    return _largest(curvature, places, away) + lost + spline_evaluation(network, box)


def _values(target: Target, places: np.ndarray) -> tuple[np.ndarray, float]:
    """Values, and a bound of their errors; at a kink, that of a point beside it."""
    found = discs_of(target.fn, Discs(places + 0j, np.zeros(len(places))))
    values, lost = found.center.real.copy(), found.radius.copy()
    left = np.flatnonzero(~np.isfinite(lost))
    if len(left) and target.lipschitz is not None:
        low, high = target.domain.lower[0], target.domain.upper[0]
        step = 2.0**-42 * max(high - low, abs(low), abs(high))
        steps = np.where(places[left] - low > high - places[left], -step, step)
        beside = discs_of(target.fn, Discs(places[left] + steps + 0j, np.zeros(len(left))))
        values[left] = beside.center.real
        lost[left] = beside.radius + target.lipschitz * step
    return values, float(np.max(lost))


def _largest(curvature: Curvature, knots: np.ndarray, away: np.ndarray) -> float:
    """The sup error of a spline that is off by `away` at its knots."""
    edges, count = curvature.edges, len(curvature.low)
    first = np.clip(np.searchsorted(edges, knots[:-1], side="right") - 1, 0, count - 1)
    last = np.clip(np.searchsorted(edges, knots[1:], side="left") - 1, 0, count - 1)
    last = np.maximum(last, first)
    pairs = np.stack([first, last + 1], axis=1).ravel()

    def over(values: np.ndarray) -> np.ndarray:
        return np.asarray(np.maximum.reduceat(np.append(values, -np.inf), pairs)[::2])

    squares = np.diff(knots) ** 2 / 8.0
    above = np.maximum(over(curvature.high), 0.0) * squares  # chords above f, at most
    below = np.maximum(over(-curvature.low), 0.0) * squares
    left, right = away[:-1], away[1:]
    most = np.maximum(_peak(left, right, above), _peak(-left, -right, below))
    return float(np.max(most)) * (1.0 + 1e-14) + curvature.extra


def _peak(left: np.ndarray, right: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """The largest value of left (1 - t) + right t + 4 gap t (1 - t) on [0, 1]."""
    rise, ends = right - left, np.maximum(left, right)
    inside = np.abs(rise) < 4.0 * gap
    safe = np.where(inside, gap, 1.0)
    return np.where(inside, 0.5 * (left + right) + gap + rise**2 / (16.0 * safe), ends)
