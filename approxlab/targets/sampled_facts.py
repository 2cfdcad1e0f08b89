"""Samples of a target against the facts that its author declared.

In one dimension the points lie on the interval, then where slopes and bends are largest; in more
dimensions on random lines, then on lines along the steepest directions found. A fact is refused
only for more than rounding explains, if the fact is right: an error of the value of `_UNITS` eps,
and of the argument of `_UNITS` eps, and several times the noise that values show at short steps,
where a function cancels inside.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from approxlab.targets.sampled_kinks import check_kinks
from approxlab.targets.sampled_values import ALONG, LINES, Sampler

__all__ = ["check_facts"]

_UNITS = 64.0
_NEAR, _LOUDER = (
    8,
    16.0,
)  # neighbours on either side that tell the noise, and how much more it may be
_STRIDES = (1, 8, 32)


@np.errstate(over="ignore", invalid="ignore")  # what overflows refutes nothing
def check_facts(target: Any) -> None:
    """Raise ValueError at a sampled point that contradicts a fact; see `Target.check`."""
    sample = Sampler(target)
    first = sample(_first(target))
    if not np.any(np.isfinite(first[1])):
        return
    _check_on_lines(target, sample, *first)
    facts = (target.lipschitz, target.second_derivative, target.barron)
    if any(fact is not None for fact in facts) and target.mask is None:
        _check_on_lines(target, sample, *sample(_steepest(target, sample, *first)))
    if target.integral is not None and target.mask is None:
        _check_integral(target, sample)
    if target.dim == 1 and target.mask is None:
        check_kinks(target, sample, *first)


def _first(target: Any) -> np.ndarray:
    """Points on lines, shape (lines, along, d)."""
    low, widths = np.asarray(target.domain.lower), target.domain.widths
    if target.dim == 1:
        places = np.linspace(0.0, 1.0, LINES * ALONG).reshape(1, -1, 1)
    else:
        ends = np.random.default_rng(0).uniform(size=(2, LINES, 1, target.dim))
        places = ends[0] + (ends[1] - ends[0]) * np.linspace(0.0, 1.0, ALONG)[:, None]
    return np.asarray(low + widths * places)


def _steepest(target: Any, sample: Sampler, points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Short lines through the steepest chords and the sharpest bends found before."""
    rises = np.abs(np.nan_to_num(np.diff(values, axis=1)))
    if target.dim == 1:
        bends = np.abs(np.nan_to_num(np.diff(values, 2, axis=1)))[0]
        best = [np.argsort(-v, kind="stable")[: LINES // 2] for v in (rises[0], bends)]
        centers = points[0, np.concatenate(best) + 1]
        reach = 2.0 * target.domain.widths[0] / (LINES * ALONG)
        places = centers[:, None] + reach * np.linspace(-1.0, 1.0, ALONG)[:, None]
        return np.clip(places, target.domain.lower, target.domain.upper)
    line = np.arange(LINES)
    centers = points[line, np.argmax(rises, axis=1)]
    return _along_gradients(target, sample, centers)


def _along_gradients(target: Any, sample: Sampler, centers: np.ndarray) -> np.ndarray:
    """Lines through these points along gradients, which are taken by differences."""
    low, high = np.asarray(target.domain.lower), np.asarray(target.domain.upper)
    widths, dim = high - low, target.dim
    fitting = max(1, min(LINES, LINES * ALONG // (dim + 1)))
    centers = centers[:fitting]
    inward = np.where(centers > 0.5 * (low + high), -1.0, 1.0)
    steps = inward * widths * sample.eps**0.33
    moved = centers[:, None] + steps[:, None] * np.eye(dim)
    with_centers = np.concatenate([centers[:, None], moved], axis=1)
    points, values = sample(with_centers.reshape(1, -1, dim)[:, : LINES * ALONG])
    points, values = points[0].reshape(fitting, -1, dim), values[0].reshape(fitting, -1)
    taken = np.einsum("ikk->ik", points[:, 1:] - points[:, :1])
    with np.errstate(divide="ignore", invalid="ignore"):
        slopes = np.nan_to_num((values[:, 1:] - values[:, :1]) / taken, posinf=0.0, neginf=0.0)
    sizes = np.linalg.norm(slopes, axis=1, keepdims=True)
    along = np.divide(slopes, sizes, out=np.zeros_like(slopes), where=sizes > 0)
    with np.errstate(divide="ignore", invalid="ignore"):  # how far the box reaches both ways
        room = np.where(along > 0, (high - centers) / along, (low - centers) / along)
        back = np.where(along > 0, (centers - low) / along, (centers - high) / along)
    most = 0.25 * float(np.min(widths))
    ends = [np.min(np.where(along == 0, most, r), axis=1, initial=most) for r in (room, back)]
    t = -ends[1][:, None] + (ends[0] + ends[1])[:, None] * np.linspace(0.0, 1.0, ALONG)
    lines = centers[:, None] + t[:, :, None] * along[:, None]
    lines = np.resize(lines, (LINES, ALONG, dim))  # the same shape: nothing is compiled anew
    return np.clip(lines, low, high)


def _check_on_lines(target: Any, sample: Sampler, points: np.ndarray, values: np.ndarray) -> None:
    """Bounds of values, of slopes of chords, and of second differences."""
    steps = np.linalg.norm(np.diff(points, axis=1), axis=2)
    rises = np.abs(np.diff(values, axis=1))
    steepest = [v for v in (target.lipschitz, target.barron) if v is not None]
    moving = steps > 0
    slope = min(
        steepest, default=float(np.max(np.nan_to_num(rises[moving] / steps[moving]), initial=0.0))
    )
    size = float(np.nanmax(np.abs(values), initial=0.0))
    rounding = _UNITS * sample.eps * (size + slope * float(np.max(np.abs(points))))
    slack = rounding + _noise(target, sample, points, values)
    for name, sign in (("value_min", -1.0), ("value_max", 1.0)):
        bound = getattr(target, name)
        if bound is not None:
            excess = np.nan_to_num(sign * (values - bound), nan=-math.inf)
            _refuse(name, target, excess - slack, values, "a value of", [points])
    for stride in _STRIDES:
        chosen, heights, near = (a[:, ::stride] for a in (points, values, slack))
        if chosen.shape[1] > 2:
            _check_chords(target, chosen, heights, near)
            if target.second_derivative is not None and target.mask is None:
                _check_bends(target, chosen, heights, near)


def _noise(target: Any, sample: Sampler, points: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Several times the rounding of values that is seen, shape (lines, along).

    From second differences at steps far below the distance of the points, where a function without
    noise has next to none. Of a point and its neighbours the third largest: noise shows at many of
    them, a jump or a corner at one.
    """
    apart = np.diff(points, axis=1, append=points[:, -1:])
    apart[:, -1] = apart[:, -2]
    seen = np.zeros_like(values)
    for step in (apart * 2.0**-12, apart * 2.0**-8):
        up, down = (sample(points + sign * step) for sign in (1.0, -1.0))
        # Steps as taken: where the dtype has none so short, nothing is told.
        even = np.all(np.abs(up[0] + down[0] - 2.0 * points) <= 0.01 * np.abs(step), axis=2)
        bends = np.nan_to_num(np.abs(up[1] - 2.0 * values + down[1]))
        seen = np.maximum(seen, np.where(even, bends, 0.0))
    seen = np.pad(seen, ((0, 0), (_NEAR, _NEAR)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(seen, 2 * _NEAR + 1, axis=1)
    return np.asarray(_LOUDER * np.partition(windows, -3, axis=2)[:, :, -3])


def _check_chords(target: Any, points: np.ndarray, values: np.ndarray, slack: np.ndarray) -> None:
    steps = np.linalg.norm(np.diff(points, axis=1), axis=2)
    rises = np.abs(np.diff(values, axis=1))
    slopes = np.divide(rises, steps, out=np.zeros_like(rises), where=steps > 0)
    for name in ("lipschitz", "barron"):  # C_f bounds the slopes too
        bound = getattr(target, name)
        if bound is not None:
            excess = np.nan_to_num(rises - bound * steps * (1 + 1e-6))
            ends = [points[:, :-1], points[:, 1:]]
            both = slack[:, 1:] + slack[:, :-1]
            _refuse(name, target, excess - both, slopes, "a slope of", ends)


def _check_bends(target: Any, points: np.ndarray, values: np.ndarray, slack: np.ndarray) -> None:
    steps = np.linalg.norm(np.diff(points, axis=1), axis=2)
    moving = (steps[:, 1:] > 0) & (steps[:, :-1] > 0)
    safe = np.where(steps > 0, steps, 1.0)
    slopes = np.diff(values, axis=1) / safe
    bends = 2.0 * np.abs(np.diff(slopes, axis=1)) / (safe[:, 1:] + safe[:, :-1])
    largest = np.maximum(np.maximum(slack[:, 1:-1], slack[:, 2:]), slack[:, :-2])
    noise = 8.0 * largest / np.minimum(safe[:, 1:], safe[:, :-1]) ** 2
    excess = np.where(moving, bends - target.second_derivative * (1 + 1e-6) - noise, 0.0)
    middles = [points[:, 1:-1]]
    _refuse("second_derivative", target, np.nan_to_num(excess), bends, "a bend of", middles)


def _check_integral(target: Any, sample: Sampler) -> None:
    """The midpoint rule, with its error bound from the other facts; volume times the extrema."""
    box, volume, said = target.domain, float(target.domain.volume), target.integral
    along = int((LINES * ALONG) ** (1.0 / target.dim) + 1e-9)
    cells = np.indices((along,) * target.dim).reshape(target.dim, -1).T + 0.5
    points = np.asarray(box.lower) + box.widths * cells / along
    values = sample(points[None])[1]
    if not np.all(np.isfinite(values)):
        return
    h = box.widths / along
    mean, size = float(np.mean(values)), float(np.max(np.abs(values)))
    forms = []
    if target.lipschitz is not None:
        forms.append(0.5 * target.lipschitz * float(np.linalg.norm(h)))
    if target.second_derivative is not None:
        forms.append(target.second_derivative * float(h @ h) / 24.0)
    slope = (target.lipschitz or 0.0) * float(np.max(np.abs([box.lower, box.upper])))
    off = min(forms, default=math.inf) + _UNITS * sample.eps * (size + slope)
    low, high = mean - off, mean + off
    slack = 1e-6 * max(abs(low), abs(high)) if math.isfinite(off) else 0.0
    for bound, pick in ((target.value_min, max), (target.value_max, min)):
        if bound is not None and pick is max:
            low = max(low, bound)
        elif bound is not None:
            high = min(high, bound)
    room = slack + 1e-6 * max(abs(v) for v in (low, high, 0.0) if math.isfinite(v))
    if not low - room <= said / volume <= high + room:
        raise ValueError(
            f"integral: got {said!r} for {target!r}, expected a number from {low * volume:.6g} to "
            f"{high * volume:.6g}, by {len(points)} sampled values and the other facts. Correct "
            "it, or leave it out."
        )


def _refuse(name: str, target: Any, excess: Any, seen: Any, word: str, points: list[Any]) -> None:
    """The error for the largest excess beyond rounding, if there is one."""
    at = np.unravel_index(int(np.argmax(excess)), excess.shape)
    if excess[at] > 0.0:
        where = " and ".join(str(one[at].tolist()) for one in points)
        raise ValueError(
            f"{name}: got {getattr(target, name)!r} for {target!r}, but it has {word} "
            f"{seen[at]:.6g} at x = {where}, expected a fact that holds on the whole box. Correct "
            "it, or leave it out."
        )
