"""Branch and bound: boxes are halved until no box can hold a larger |value| than one that is known.

Both ends are proved by the same enclosures that check a certificate afterwards: the lower end at a
point, the upper end as the largest bound of the leaves. What is halved next, along which axis, and
where large values are looked for, only decides how soon.

Source: Moore 1966; Skelboe 1974; Hansen and Walster 2004, "Global Optimization Using Interval
Analysis", chapter 12.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Literal

import numpy as np

from approxlab.certify._boxes import MAX_DEPTH, Boxes, cells, tree_code
from approxlab.certify._enclosures import (
    Enclosure,
    Magnitudes,
    magnitudes,
    point_bounds,
)
from approxlab.certify._expression import Expression

__all__ = ["Found", "Limits", "Status", "search"]

Status = Literal["ok", "budget", "precision"]

_CANDIDATES = 8
# Of an axis, times the root of the dimension: one halving may gain nothing, and several much.
_LEAST_SHARE = 0.21
_STUCK = 3  # halvings per axis that do not narrow a bound


@dataclasses.dataclass(frozen=True)
class Limits:
    """When to stop.

    Attributes:
        rtol: Where upper <= lower (1 + rtol).
        atol: Or where upper <= lower + atol.
        boxes: Most boxes to look at.
        seconds: Most seconds. One box and one point are always looked at.
        start: The `time.monotonic()` from which seconds count; by default, when the search starts.
        beside: Whether the lower bound holds on a small box around the witness, not at it alone.
    """

    rtol: float
    atol: float
    boxes: int
    seconds: float
    start: float | None = None
    beside: bool = False


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """What a search proved.

    Attributes:
        lower: A proved lower bound.
        upper: A proved upper bound.
        status: "ok", "budget" or "precision".
        witness: Where the lower bound is attained.
        code: The tree of boxes, see `_boxes.tree_code`.
        boxes: How many boxes were looked at.
    """

    lower: float
    upper: float
    status: Status
    witness: np.ndarray
    code: np.ndarray
    boxes: int


def search(
    expression: Expression,
    cuts: tuple[np.ndarray, ...],
    limits: Limits,
    progress: Callable[[int, float, float], None] | None = None,
) -> Found:
    """Bounds of the largest |component| of an expression on the box of the cuts.

    Args:
        expression: What is bounded.
        cuts: The box, cut along its axes.
        limits: When to stop.
        progress: Called with the number of boxes and both bounds after every batch.
    """
    state = _State(expression, cuts, limits)
    while state.continues():
        state.step()
        if progress is not None:
            progress(state.count, state.lower, state.top)
    return state.result()


class _State:
    """The live boxes, the tree so far, and the best point."""

    def __init__(
        self, expression: Expression, cuts: tuple[np.ndarray, ...], limits: Limits
    ) -> None:
        self.enclosure, self.limits, self.assessed = Enclosure(expression), limits, False
        self.end = (time.monotonic() if limits.start is None else limits.start) + limits.seconds
        self.dim = len(cuts)
        self.chunk = self.enclosure.chunk
        self.lower, self.noise, self.settled_top = 0.0, 0.0, 0.0
        self.rate = 0.0  # seconds per box that is halved
        self.cost = 0.0  # seconds per enclosure
        roots = cells(cuts)
        self.roots = self.count = len(roots)
        self.axis = np.full(max(2 * len(roots), 1024), -1, np.int8)
        self.first = np.zeros(len(self.axis), np.int64)
        self.low = np.array([axis[0] for axis in cuts])
        self.high = np.array([axis[-1] for axis in cuts])
        self.witness = 0.5 * (self.low + self.high)
        self._look_at(self.witness[None, :])
        weights = np.full((len(roots), self.dim), 1.0 / self.dim)
        self.ids, self.boxes = np.arange(len(roots)), roots
        self.bound, self.next_axis, self.weights = self._assessed(
            roots, weights, np.full(len(roots), np.inf), np.zeros(len(roots), np.int64)
        )
        self.stuck = np.zeros(len(roots), np.int16)

    # Thresholds

    @property
    def enough(self) -> float:
        """Boxes whose bound is at most this need no halving; the noise is the slack of `upper`."""
        limits = self.limits
        goal = max(self.lower * (1.0 + limits.rtol), self.lower + limits.atol)
        return goal - 3.0 * self.noise

    @property
    def top(self) -> float:
        """The upper bound as it is now."""
        live = float(np.max(self.bound, initial=0.0))
        return max(live, self.settled_top, self.lower)

    def continues(self) -> bool:
        """Whether there is a box to halve and budget to do it; boxes that are done are put away."""
        floor = self.lower + 6.0 * self.noise  # rounding cannot be halved away
        done = self.bound <= max(self.enough, floor)
        # Nor where halves of halves have stayed as they were, as far as rounding goes.
        near = self.bound <= self.lower + 2.0**12 * self.noise + 2.0**-40 * self.lower
        done |= near & (self.stuck >= _STUCK * self.dim)
        done |= np.all(self.boxes.depth >= MAX_DEPTH, axis=1)
        self.settled_top = max(self.settled_top, float(np.max(self.bound[done], initial=0.0)))
        left = np.flatnonzero(~done)
        self.ids, self.boxes, self.weights = self.ids[left], self.boxes[left], self.weights[left]
        self.bound, self.next_axis = self.bound[left], self.next_axis[left]
        self.stuck = self.stuck[left]
        if not len(left):
            return False
        if self.settled_top > max(self.enough, floor) and self.settled_top >= np.max(self.bound):
            return False  # boxes that cannot be halved any more decide
        return self.count + 2 <= self.limits.boxes and self._has_time()

    def step(self) -> None:
        """Halve the boxes of the largest bounds, a batch of them."""
        room = (self.limits.boxes - self.count) // 2
        size = min(max(self.chunk // 2, len(self.ids) // 4), room, len(self.ids))
        if self.rate > 0.0:
            left = max(self.end - time.monotonic(), 0.0)
            few = min(self.chunk // 4, int(0.02 * self.limits.seconds / self.rate))
            size = min(size, max(int(left / (2.0 * self.rate)), few, 1))
        if size < len(self.ids):
            chosen = np.argpartition(-self.bound, size - 1)[:size]
        else:
            chosen = np.arange(len(self.ids))
        axis = self.next_axis[chosen]
        children = self.boxes[chosen].halves(axis)
        ids = self._recorded(self.ids[chosen], axis)
        weights = np.repeat(self.weights[chosen], 2, axis=0)
        weights[np.arange(len(weights)), np.repeat(axis, 2)] *= 0.5
        start = time.monotonic()
        before = np.repeat(self.bound[chosen], 2)
        bound, next_axis, weights = self._assessed(children, weights, before, np.repeat(axis, 2))
        self.rate = max((time.monotonic() - start) / len(children), 0.5 * self.rate)
        excess = before - self.lower
        stuck = np.repeat(self.stuck[chosen], 2) + 1
        stuck = np.where(bound - self.lower > 0.9 * excess, stuck, 0).astype(np.int16)
        keep = np.ones(len(self.ids), bool)
        keep[chosen] = False
        self.ids = np.concatenate([self.ids[keep], ids])
        self.boxes = Boxes.join([self.boxes[keep], children])
        self.bound = np.concatenate([self.bound[keep], bound])
        self.next_axis = np.concatenate([self.next_axis[keep], next_axis])
        self.weights = np.concatenate([self.weights[keep], weights])
        self.stuck = np.concatenate([self.stuck[keep], stuck])

    def _recorded(self, parents: np.ndarray, axis: np.ndarray) -> np.ndarray:
        """Note the halvings in the tree; the numbers of the halves."""
        new = self.count + np.arange(2 * len(parents))
        self.count += len(new)
        while self.count > len(self.axis):
            self.axis = np.concatenate([self.axis, np.full(len(self.axis), -1, np.int8)])
            self.first = np.concatenate([self.first, np.zeros(len(self.first), np.int64)])
        self.axis[parents], self.first[parents] = axis, new[::2]
        return new

    # Looking at boxes

    def _assessed(
        self, boxes: Boxes, weights: np.ndarray, bound: np.ndarray, axis: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Bounds, axes to halve along, and the axes' shares of the remainder.

        Boxes for which no time is left keep the bound and the axis that are given.
        """
        bound, axis, weights, done = bound.copy(), axis.copy(), weights.copy(), 0
        while done < len(boxes) and (self._has_time() or not self.assessed):
            part = slice(done, done + self._batch())
            here = boxes[part]
            found = self._enclosed(here)
            bound[part] = found.bound
            weights[part] = self._shares(here, found, weights[part])
            axis[part] = self._axes(here, found, weights[part])
            self._try_peaks(here, found)
            done += len(here)
            self.assessed = True
        return bound, axis, weights

    def _has_time(self, enclosures: int = 1) -> bool:
        """Whether the seconds are enough for so many enclosures more."""
        return time.monotonic() + enclosures * self.cost < self.end

    def _batch(self) -> int:
        """How many boxes to enclose at once; before anything is known of the cost, one."""
        if not self.assessed and self.cost > 1e-4 * self.limits.seconds:
            return 1
        if self.cost == 0.0:
            return self.chunk
        left = max(self.end - time.monotonic(), 0.0)
        return int(np.clip(left / self.cost, 1, self.chunk))

    def _enclosed(self, boxes: Boxes) -> Magnitudes:
        start = time.monotonic()
        found = magnitudes(self.enclosure.on(boxes), self.dim)
        self.cost = (time.monotonic() - start) / len(boxes)
        return found

    def _axes(self, boxes: Boxes, found: Magnitudes, share: np.ndarray) -> np.ndarray:
        rest = np.where(np.isfinite(found.rest), found.rest, 1.0)
        known = np.where(np.isfinite(found.spread), found.spread, 0.0)
        weight = known + rest[:, None] * share
        return np.argmax(np.where(boxes.depth < MAX_DEPTH, weight, -1.0), axis=1)

    def _shares(self, boxes: Boxes, found: Magnitudes, inherited: np.ndarray) -> np.ndarray:
        """How much of the remainder each axis causes, by halving it; asked for every few levels.

        The better half of each axis counts: where one half holds all of a narrow ridge, only the
        other one tells that this axis must be halved.
        """
        share = inherited / np.maximum(inherited.sum(axis=1, keepdims=True), 1e-300)
        if self.dim == 1:
            return share
        level = boxes.depth.sum(axis=1) % (2 * self.dim) == 0
        ruled = ~(found.rest < 0.5 * found.spread.sum(axis=1))
        asked = np.flatnonzero(level & ruled & (found.bound > self.enough))
        if not len(asked) or not self._has_time(2 * self.dim * len(asked)):
            return share
        some = boxes[asked]
        width = _width(found)[asked]
        gains = np.empty((len(asked), self.dim))
        for j in range(self.dim):
            halved = _width(self._enclosed(some.halves(np.full(len(some), j)))).reshape(-1, 2)
            with np.errstate(all="ignore"):
                gains[:, j] = 1.0 - np.cbrt(halved.min(axis=1) / width)
        gains = np.where(np.isfinite(gains), np.maximum(gains, 0.0), 0.0)
        total = gains.sum(axis=1, keepdims=True)
        told = total[:, 0] > 1e-3
        share[asked[told]] = np.maximum(gains[told] / total[told], _LEAST_SHARE / self.dim**0.5)
        return share

    def _try_peaks(self, boxes: Boxes, found: Magnitudes) -> None:
        """Prove the value where the polynomials of a few boxes are largest."""
        height = np.where(np.isfinite(found.height), found.height, -np.inf)
        height = np.minimum(height, found.bound)
        best = np.argsort(-height)[:_CANDIDATES]
        best = best[height[best] > self.lower * (1.0 + 0.01 * self.limits.rtol)]
        if not len(best) or not self._has_time(2 * len(best)):
            return
        centre, radius = boxes[best].centres_and_radii()
        points = np.concatenate([centre, centre + radius * found.peak[best]])
        if self._look_at(points):
            self._climb()

    def _look_at(self, points: np.ndarray) -> bool:
        points = np.clip(points, self.low, self.high)
        points = points[np.all(np.isfinite(points), axis=1)]
        if not len(points):
            return False
        start = time.monotonic()
        points, least, noise = self._values_at(points)
        self.cost = self.cost or (time.monotonic() - start) / len(points)
        best = int(np.argmax(least))
        higher = bool(least[best] > self.lower)
        if higher or (self.lower == 0.0 and self.noise == 0.0):
            self.lower, self.witness = max(float(least[best]), 0.0) + 0.0, points[best]
            self.noise = float(noise[best])
            if not np.isfinite(self.noise):
                self.noise = 0.0
        return higher

    def _values_at(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The points, a value that is reached at or beside each, and what rounding may cost."""
        if self.limits.beside:
            radius = np.maximum(2.0**-40 * (self.high - self.low), 2.0**-48 * np.abs(points))
            points = np.clip(points, self.low + 2.0 * radius, self.high - 2.0 * radius)
        least, most = point_bounds(self.enclosure.at(points))
        noise = most - least
        if self.limits.beside:
            around, _ = point_bounds(self.enclosure.around(points, radius))
            least = np.minimum(least, around)
        return points, least, noise

    def _climb(self) -> None:
        """Follow the polynomial around the best point, on boxes that shrink."""
        width = self.high - self.low
        for step in (1e-2, 1e-3, 1e-4, 1e-5, 1e-6):
            if not self._has_time(2):
                return
            radius = step * width
            found = magnitudes(
                self.enclosure.around(self.witness[None, :], radius[None, :]), self.dim
            )
            if not np.all(np.isfinite(found.peak)):
                continue
            self._look_at(self.witness + radius * found.peak)

    def result(self) -> Found:
        """The interval and the tree."""
        code, _ = tree_code(self.roots, self.axis, self.first)
        lower = max(self.lower - self.noise, 0.0)
        upper = float(np.nextafter(self.top + 2.0 * self.noise, np.inf)) if self.top else 0.0
        goal = max(lower * (1.0 + self.limits.rtol), lower + self.limits.atol)
        status: Status = "ok"
        if not (upper <= goal and np.isfinite(upper)):
            status = "budget" if len(self.ids) else "precision"
        return Found(lower, upper, status, self.witness, code, self.count)


def _width(found: Magnitudes) -> np.ndarray:
    return found.upper - found.lower
