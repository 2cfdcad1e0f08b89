"""The derivative along a direction from differences at many steps, with an observed error.

Nothing is known of the function here, so nothing is proved; everything is measured, component by
component. Steps fall by a constant factor from far too long to far too short. The shortest show the
errors of the values of f, the noise. From one step to the next Richardson's value changes by its
truncation error, or more. The best step is the one at which noise and truncation together are
least, among those with which all shorter steps agree: near a kink only these are right.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

__all__ = ["CAUTION", "Ladder", "Rungs", "climb"]

CAUTION = 4.0
"""Observed errors are multiplied by this before anything is called wrong."""

_NOISY = 4  # how many of the shortest steps measure the noise


@dataclasses.dataclass(frozen=True, eq=False)
class Rungs:
    """Values of f along a direction: at x of shape (m,), and at steps of shape (k,) to both sides.

    `reached` has shape (2, k): how far x was truly moved, ahead and behind; `slip`: by how much an
    entry may have been moved less or more, infinite where the step is lost to rounding.
    """

    value: np.ndarray
    steps: np.ndarray
    reached: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    slip: np.ndarray

    def longer(self, shorter: Rungs) -> Rungs:
        """With the shorter steps of another."""
        both = ((getattr(self, name), getattr(shorter, name)) for name in ("plus", "minus"))
        plus, minus = (np.concatenate(pair) for pair in both)
        return Rungs(
            self.value,
            np.concatenate([self.steps, shorter.steps]),
            np.concatenate([self.reached, shorter.reached], axis=1),
            plus,
            minus,
            np.concatenate([self.slip, shorter.slip]),
        )

    def usable(self) -> Rungs:
        """Without the steps that are lost to rounding."""
        keep = np.isfinite(self.slip)
        keep[:4] = True  # never none
        return Rungs(
            self.value,
            self.steps[keep],
            self.reached[:, keep],
            self.plus[keep],
            self.minus[keep],
            np.where(np.isfinite(self.slip), self.slip, self.steps)[keep],
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Ladder:
    """The derivative along a direction by finite differences, for each component of f.

    Attributes:
        slope: The derivative, shape (m,).
        uncertainty: Its observed error: truncation as seen between steps, plus measured noise over
            the step; infinite where nothing settles.
        ahead: The slope to the one side and its error, shape (2, m).
        behind: That to the other side.
        edge: Where f is finite on one side only, and `slope` is the slope to that side.
        jumps: Where the values on the two sides tend to two numbers.
        restless: Where f changes by more than 1% at the shortest steps, and not by rounding alone.
        size: The largest of |f| at the best step.
        nearby: The largest slope to a side at any step that shows more than noise.
        noise: Measured error of the values of f at each step, shape (steps, m).
        steps: h_0 > h_1 > ...
        sides: (f(x + h v) - f(x)) / h and (f(x) - f(x - h v)) / h, shape (2, steps, m).
        final: Whether there are no shorter steps.
    """

    slope: np.ndarray
    uncertainty: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray
    edge: np.ndarray
    jumps: np.ndarray
    restless: np.ndarray
    size: np.ndarray
    nearby: np.ndarray
    noise: np.ndarray
    steps: np.ndarray
    sides: np.ndarray
    final: bool

    def kinked(self, claimed: np.ndarray, close: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where one-sided slopes do not converge to each other, and where so at the last step.

        Judged at the shortest steps whose noise is small compared with what is in question: the gap
        between claim and slope, or where these are close a tenth of the slopes. Where f has a
        second derivative the slopes differ by h |f''| there, so by far more at longer steps; at a
        kink they differ as much.
        """
        with np.errstate(all="ignore"):
            gap = np.abs(claimed - self.slope)
            tenth = 0.05 * np.sum(np.abs(self.sides), axis=0)
            question = np.where(close, np.maximum(gap, tenth), gap)
            apart = np.abs(self.sides[0] - self.sides[1])
            enough = 2.0 * CAUTION * self.noise <= 0.2 * question * self.steps[:, None]
            # Two equal values may be rounding; they settle only that a small slope is as claimed.
            enough |= (self.noise == 0.0) | ((tenth == 0.0) & close)
            many, columns = len(self.steps), np.arange(self.slope.size)
            last = many - 1 - np.argmax(enough[::-1], axis=0)
            ratio = self.steps[0] / self.steps[1]
            back = np.minimum(last, 2 if ratio > 3.0 else 4)
            wide = last >= back + 2  # else there are too few steps for more than one of each kind
            near = [np.where(wide, last - j, last) for j in range(3)]
            far = [k - back for k in near]
            now = np.max([apart[k, columns] for k in near], axis=0)
            # Longer steps may leave the domain: they then say nothing.
            before = np.max([np.nan_to_num(apart[k, columns], nan=0.0) for k in far], axis=0)
            range_ = self.steps[far[0]] / self.steps[last]
            large = now > 0.25 * question[last, columns]
            found = np.any(enough, axis=0) & large & (now >= before / np.sqrt(range_)) & (now > 0.0)
        return np.asarray(found), np.asarray(found & (last >= many - 2))


def climb(rungs: Sequence[Rungs], eps: float, final: bool) -> list[Ladder]:
    """The best that can be said from each direction; the noise is that of all of them."""
    usable = [one.usable() for one in rungs]
    with np.errstate(all="ignore"):
        noise = np.max([_shown(one) for one in usable], axis=0)
        noise = np.maximum(noise, eps * np.abs(usable[0].value))
        return [_ladder(one, noise, eps, final) for one in usable]


def _ladder(at: Rungs, noise: np.ndarray, eps: float, final: bool) -> Ladder:
    h, (forth, back) = at.steps, at.reached[:, :, None]
    sides = np.stack([(at.plus - at.value) / forth, (at.value - at.minus) / back])
    central = (at.plus - at.minus) / (forth + back)
    largest = np.fmax(np.abs(at.plus), np.abs(at.minus))
    largest = np.where(np.isfinite(largest), largest, 0.0)
    noises = np.maximum(noise, eps * largest)
    slope, error, best = _settled(central, h, 2, noises, at.slip)
    ahead, behind = (np.stack(_settled(D, h, 1, 2.0 * noises, at.slip)[:2]) for D in sides)
    lost = [~np.any(np.isfinite(D[-2:]), axis=0) for D in sides]
    for one, missing in ((ahead, lost[1] & ~lost[0]), (behind, lost[0] & ~lost[1])):
        slope, error = np.where(missing, one, (slope, error))
    signal = np.abs(sides) * (np.abs(sides) > 32.0 * noises / h[:, None])
    return Ladder(
        slope,
        np.where(np.isfinite(slope), error, np.inf),
        ahead,
        behind,
        lost[0] != lost[1],
        _jumps(at),
        (noise > 0.01 * np.abs(at.value)) & (noise > 32.0 * eps * np.max(largest, axis=0)),
        np.maximum(np.abs(at.value), largest[best, np.arange(noise.size)]),
        np.max(np.where(np.isfinite(signal), signal, 0.0), axis=(0, 1)),
        noises,
        h,
        sides,
        final,
    )


def _shown(at: Rungs) -> np.ndarray:
    """Errors of values as the changes between the shortest steps show them."""
    h, (forth, back) = at.steps[-_NOISY:, None], at.reached[:, -_NOISY:, None]
    plus, minus = at.plus[-_NOISY:], at.minus[-_NOISY:]
    central = np.abs(np.diff((plus - minus) / (forth + back), axis=0)) * h[1:]
    found = np.max(central, axis=0)
    for f, t in ((plus, forth), (minus, back)):  # an edge of the domain: one side is all there is
        D, gain = (f - at.value) / t, h[:-1] / h[1:] - 1.0
        better = D[1:] + np.diff(D, axis=0) / gain
        one = np.max(np.abs(np.diff(better, axis=0)) * h[2:], axis=0)
        found = np.where(np.isfinite(found), found, one)
    return np.where(np.isfinite(found), found, np.inf)


def _jumps(at: Rungs) -> np.ndarray:
    """Where f tends to two numbers, one on each side of x or one at x alone."""
    ends = [np.stack([f[-3], f[-2], f[-1]]) for f in (at.plus, at.minus)]
    spread = np.max([np.ptp(f, axis=0) for f in ends], axis=0)
    apart = np.max(
        [np.abs(ends[0][-1] - ends[1][-1])] + [np.abs(f[-1] - at.value) for f in ends], 0
    )
    size = np.max([np.abs(at.value)] + [np.abs(f[-1]) for f in ends], axis=0)
    return np.asarray((apart > 0.01 * size) & (spread <= 0.01 * apart) & (apart > 32.0 * spread))


def _settled(
    D: np.ndarray, steps: np.ndarray, order: int, noise: np.ndarray, slip: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Slope, error and step of each component, from the step that shows the least error.

    The error of D falls as h^order. A change between two steps may be small by chance: it counts as
    at least the next one, and as a part of the one before, which is far larger for smooth
    functions. Where changes fall slowly, all those to come count too.
    """
    h, slip = steps[:, None], slip[:, None]
    ratio = h[:-1] / h[1:]
    gain = ratio**order - 1.0
    better = D[1:] + np.diff(D, axis=0) / gain
    each = (noise[1:] + slip[1:] * np.abs(better)) / h[1:]
    longer = (noise[:-1] + slip[:-1] * np.abs(better)) / h[:-1]
    rounding = each * (1.0 + 1.0 / gain) + longer / gain
    change = np.abs(np.diff(better, axis=0))
    shown = change.copy()
    shown[1:] = np.maximum(shown[1:], change[:-1] / ratio[1:-1])
    shown[:-1] = np.maximum(shown[:-1], change[1:])
    falls = change[1:] / change[:-1]
    slow = (change[1:] > CAUTION * rounding[2:]) & (falls > 0.3)
    shown[1:] *= np.where(slow, 1.0 / (1.0 - np.minimum(falls, 0.9999)), 1.0)
    errors = np.full(better.shape, np.inf)
    errors[1:] = shown + rounding[1:]
    errors[~np.isfinite(errors)] = np.inf
    for j in range(len(better) - 1):
        others = np.abs(better[j + 1 :] - better[j])
        contradicted = others > CAUTION * (rounding[j + 1 :] + errors[j])
        errors[j, np.any(contradicted, axis=0)] = np.inf
    best, columns = np.argmin(errors, axis=0), np.arange(D.shape[1])
    return better[best, columns], errors[best, columns], best + 1
