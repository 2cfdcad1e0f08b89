"""Jumps and corners of a target of one variable that its facts exclude.

Where values or slopes change most, the neighbourhood is cut again and again. A jump keeps its
height down to neighbouring floating-point numbers; a corner keeps its change of slope as long as
rounding allows to see it. What is steep or narrow only does not keep them, and raises no alarm.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.targets.sampled_values import ALONG, LINES, Sampler

__all__ = ["check_kinks"]

_JUMP, _ROUNDS = 0.9, 14
_SMOOTH = ("analytic", "smooth")


def check_kinks(target: Any, sample: Sampler, points: np.ndarray, values: np.ndarray) -> None:
    """Raise ValueError at a jump, or a corner, that `kinks`, `continuous`, `smoothness` exclude."""
    x, y = points[0, :, 0], values[0]
    if not np.all(np.isfinite(y)) or not np.all(np.diff(x) > 0):
        return
    # Facts with a constant are checked by chords.
    proved = target.lipschitz is not None or target.barron is not None
    if (listed := target.kinks is not None) or (target.continuous and not proved):
        name = "kinks" if listed else "continuous"
        _check_jumps(name, target, sample, x, y)
    if listed or target.smoothness in _SMOOTH:
        _check_corners("kinks" if listed else "smoothness", target, sample, x, y)


def _far_from_kinks(target: Any, x: np.ndarray, width: float) -> np.ndarray:
    kinks = np.asarray(target.kinks or (), float)
    near = np.min(np.abs(x[:, None] - kinks), axis=1, initial=np.inf)
    return near > 2.0 * width


def _check_jumps(name: str, target: Any, sample: Sampler, x: np.ndarray, y: np.ndarray) -> None:
    width = float(np.max(np.diff(x)))
    if width < 2**10 * sample.eps * float(np.max(np.abs(x))):
        return  # too few numbers lie between two points
    rises = np.abs(np.diff(y)) * _far_from_kinks(target, x[:-1], width)
    best = np.argsort(-rises, kind="stable")[:LINES]
    best = np.resize(best[rises[best] > 1e3 * sample.eps * np.max(np.abs(y))], LINES)
    if best.size == 0 or not np.any(rises[best]):
        return
    left, right, first = x[best], x[best + 1], rises[best]
    for _ in range(_ROUNDS):
        places = left[:, None] + (right - left)[:, None] * np.linspace(0.0, 1.0, ALONG)
        stored, values = sample(places[:, :, None])
        rise = np.nan_to_num(np.abs(np.diff(values, axis=1)))
        top = np.argmax(rise, axis=1)
        lines = np.arange(LINES)
        new_left, new_right = stored[lines, top, 0], stored[lines, top + 1, 0]
        last = rise[lines, top]
        first = np.maximum(first, last)  # a narrow part is seen only by a closer look
        if np.all(last < _JUMP * first) or np.all((new_left == left) & (new_right == right)):
            break
        left, right = new_left, new_right
    neighbours = right <= np.nextafter(left.astype(sample.kind), np.inf).astype(np.float64)
    jumps = neighbours & (last >= _JUMP * first) & (left < right)
    if np.any(jumps):
        i = int(np.argmax(jumps * last))
        raise ValueError(
            f"{name}: got {getattr(target, name)!r} for {target!r}, but its value jumps by "
            f"{last[i]:.6g} between neighbouring numbers at x = {float(left[i])!r}, "
            "expected a fact that holds on the whole box. Correct it, or leave it out."
        )


def _check_corners(name: str, target: Any, sample: Sampler, x: np.ndarray, y: np.ndarray) -> None:
    width = float(np.max(np.diff(x)))
    inner = x[1:-1]
    bends = np.abs(np.diff(np.diff(y) / np.diff(x))) * _far_from_kinks(target, inner, width)
    bends[:8] = bends[-8:] = 0.0  # an end may be singular
    best = np.argsort(-bends, kind="stable")[:LINES]
    if not np.any(bends[best]):
        return
    center, reach = inner[best], width
    changes: list[np.ndarray] = [bends[best]]
    seen = np.ones(LINES, int)
    for _ in range(_ROUNDS):
        places = center[:, None] + reach * np.linspace(-1.0, 1.0, ALONG)
        stored, values = sample(places[:, :, None])
        steps = np.diff(stored[:, :, 0], axis=1)
        if np.any(steps <= 0) or not np.all(np.isfinite(values)):
            break
        slopes = np.diff(values, axis=1) / steps
        # A corner between two points is seen in two changes of slope; across two steps it is whole.
        change = np.abs(slopes[:, 2:] - slopes[:, :-2])
        top, lines = np.argmax(change, axis=1), np.arange(LINES)
        size = np.max(np.abs(values), axis=1)
        inside = np.max(np.abs(slopes), axis=1) * np.max(np.abs(stored[:, :, 0]), axis=1)
        noise = 16.0 * sample.eps * (size + inside) / np.min(steps, axis=1)
        found = change[lines, top]
        kept = (noise < 0.02 * found) & (found > 0.7 * changes[-1]) & (found < 1.4 * changes[-1])
        clear = noise < 0.02 * found
        seen = np.where(kept, seen + 1, np.where(clear, 1, seen))
        seen = np.where(clear | (seen >= _enough(sample)), seen, -99)
        changes.append(np.where(clear, found, changes[-1]))
        if not np.any(clear) or (len(changes) > 3 and np.all(seen < 2)):
            break
        center = 0.5 * (stored[lines, top + 1, 0] + stored[lines, top + 2, 0])
        reach *= 3.0 / (ALONG - 1)
    corners = seen >= _enough(sample)
    if np.any(corners):
        i = int(np.argmax(corners * changes[-1]))
        raise ValueError(
            f"{name}: got {getattr(target, name)!r} for {target!r}, but its slope changes by "
            f"{changes[-1][i]:.6g} at x = {float(center[i])!r}, expected a fact that "
            "holds on the whole box. Correct it, or leave it out."
        )


def _enough(sample: Sampler) -> int:
    """Rounds, each 21 times finer, that a corner must be seen in."""
    return 5 if sample.eps < 1e-10 else 3
