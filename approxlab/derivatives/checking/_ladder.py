"""The derivative along a direction from central differences at many steps, with an observed error.

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

__all__ = ["Ladder", "climb", "mantissa_steps"]

CAUTION = 4.0
"""Observed errors are multiplied by this before anything is called wrong."""

_ULPS = 8  # error of values that are wrong by rounding alone
_JUMP = 0.01  # noise larger than this part of f is not rounding
_NOISY = 4  # how many of the shortest steps measure the noise


def mantissa_steps(eps: float) -> tuple[np.ndarray, float]:
    """The steps, from 1/4 down, and the reach of a step: entries above it need longer ones.

    In float32 2^-2 to 2^-16 by halves, in float64 2^-3 to 2^-27 by quarters.
    """
    if eps > 1e-12:
        return 2.0 ** -np.arange(2, 17.0), 2.0**-5
    return 2.0 ** -np.arange(3, 28.0, 2.0), 2.0**-20


@dataclasses.dataclass(frozen=True, eq=False)
class Ladder:
    """The derivative along a direction by finite differences, for each component of f.

    Attributes:
        slope: The derivative, shape (m,).
        uncertainty: Its observed error: truncation as seen between steps, plus measured noise over
            the step.
        noise: Measured error of the values of f, shape (m,).
        quiet: The noise that rounding alone would cause.
        jumps: Where all of the shortest steps show more than a hundredth of f: it does not look
            continuous here.
        steps: h_0 > h_1 > ...
        ahead: (f(x + h v) - f(x)) / h, shape (steps, m).
        behind: (f(x) - f(x - h v)) / h.
    """

    slope: np.ndarray
    uncertainty: np.ndarray
    noise: np.ndarray
    quiet: np.ndarray
    jumps: np.ndarray
    steps: np.ndarray
    ahead: np.ndarray
    behind: np.ndarray

    def kinked(self, claimed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where one-sided slopes do not converge to each other, and where the claim is one of them.

        Judged at the shortest step whose noise is small compared with the gap in question: that
        between claim and slope, or if there is none a tenth of the slopes. Where f
        has a second derivative the slopes differ by h |f''| there, and by the square of the ratio
        of steps more two steps before; at a kink they differ as much, at a jump by less.
        """
        with np.errstate(all="ignore"):
            gap = np.abs(claimed - self.slope)
            size = 0.05 * (np.abs(self.ahead) + np.abs(self.behind))
            question = np.where(gap > CAUTION * self.uncertainty, gap, np.maximum(gap, size))
            enough = 2.0 * CAUTION * self.noise <= 0.1 * question * self.steps[:, None]
            last = len(self.steps) - 1 - np.argmax(enough[::-1], axis=0)
            level, columns = np.maximum(last, 2), np.arange(self.slope.size)
            apart = np.abs(self.ahead - self.behind)
            now, before = apart[level, columns], apart[level - 2, columns]
            found = np.any(enough[2:], axis=0) & (now > 0.25 * question[level, columns])
            found &= now > 0.5 * before
            near = np.zeros(self.slope.shape, bool)
            for side in (self.ahead, self.behind):
                change = np.abs(side[level, columns] - side[level - 1, columns])
                slack = CAUTION * (2.0 * self.noise / self.steps[level] + change)
                near |= np.abs(claimed - side[level, columns]) <= slack
        close = self._near_kink(claimed)
        return found | close, (found & near) | close

    def _near_kink(self, claimed: np.ndarray) -> np.ndarray:
        """Where a kink lies so near that all steps reach it, and one side alone shows the claim.

        At some step the slope to one side is the claim and was so one step before, by much less
        than what is in question, and the other side is elsewhere. A smooth function that is as
        different on its two sides changes as much from step to step.
        """
        with np.errstate(all="ignore"):
            gap = np.abs(claimed - self.slope)
            apart = np.abs(self.ahead - self.behind)[1:] > gap
            found = np.zeros(self.slope.shape, bool)
            for side in (self.ahead, self.behind):
                slack = np.abs(np.diff(side, axis=0)) + 2.0 * self.quiet / self.steps[1:, None]
                same = np.abs(claimed - side[1:]) <= CAUTION * slack
                found |= np.any(same & apart & (CAUTION * slack <= 0.25 * gap), axis=0)
        return np.asarray(found & (gap > CAUTION * self.uncertainty))


def climb(
    values: Sequence[np.ndarray], steps: np.ndarray, eps: float, slips: Sequence[np.ndarray]
) -> list[Ladder]:
    """Ladders of central differences, and the best that can be said from each.

    Args:
        values: For each direction f(x), f(x + h_j v) and f(x - h_j v), in this order, in float64:
            shape (2 steps + 1, m).
        steps: Falling by a constant ratio.
        eps: Of the dtype in which f is computed.
        slips: For each direction and step, by how much t was missed because x + t v was rounded.
    """
    many, h = len(steps), steps[:, None]
    with np.errstate(all="ignore"):
        central = [(f[1 : many + 1] - f[many + 1 :]) / (2.0 * h) for f in values]
        size = np.max([np.max(np.abs(f), axis=0) for f in values], axis=0)
        shown = np.stack([_shown(D, h) for D in central])
        noise = np.maximum(eps * np.abs(values[0][0]), np.max(shown, axis=(0, 1)))
        jumps = np.any(np.min(shown, axis=1) > _JUMP * size, axis=0)
        ladders = []
        for f, D, slip in zip(values, central, slips, strict=True):
            best, slope, uncertainty = _settled(D, h, noise, slip[:, None])
            ahead, behind = (f[1 : many + 1] - f[0]) / h, (f[0] - f[many + 1 :]) / h
            quiet = _ULPS * eps * size
            uncertainty = (
                uncertainty + _kink_error(np.abs(ahead - behind), h, quiet, best) / CAUTION
            )
            ladders.append(Ladder(slope, uncertainty, noise, quiet, jumps, steps, ahead, behind))
    return ladders


def _shown(central: np.ndarray, h: np.ndarray) -> np.ndarray:
    """Errors of values as the changes between the shortest steps show them."""
    return np.asarray(np.abs(np.diff(central[-_NOISY:], axis=0)) * h[1 - _NOISY :])


def _kink_error(
    apart: np.ndarray, h: np.ndarray, quiet: np.ndarray, best: np.ndarray
) -> np.ndarray:
    """By how much a kink within the best step may spoil its slope; 0 where there is none.

    At a kink the one-sided slopes do not converge to each other as the step falls.
    """
    kinked = (apart[2:] > 0.5 * apart[:-2]) & (apart[2:] > 32.0 * quiet / h[2:])
    within = np.arange(2, len(h))[:, None] >= best
    return np.asarray(0.5 * np.max(np.where(kinked & within, apart[2:], 0.0), axis=0))


def _settled(
    central: np.ndarray, h: np.ndarray, noise: np.ndarray, slip: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step, slope and error of each component, from the step that shows the least error.

    A change between two steps may be small by chance: it counts as at least the next one, and as a
    part of the one before, which for smooth functions is far larger.
    """
    ratio = float(h[0, 0] / h[1, 0])
    gain = ratio**2 - 1.0
    better = central[1:] + np.diff(central, axis=0) / gain
    rounding = (noise + slip[1:] * np.abs(better)) * (ratio**2 + 1.0 / ratio) / gain / h[1:]
    change = np.abs(np.diff(better, axis=0))
    shown = change.copy()
    shown[1:] = np.maximum(shown[1:], change[:-1] / ratio)
    shown[:-1] = np.maximum(shown[:-1], change[1:])
    errors = np.full(better.shape, np.inf)
    errors[1:] = shown + rounding[1:]
    errors[~np.isfinite(errors)] = np.inf
    for j in range(len(better) - 1):
        others = np.abs(better[j + 1 :] - better[j])
        contradicted = others > CAUTION * (rounding[j + 1 :] + errors[j])
        errors[j, np.any(contradicted, axis=0)] = np.inf
    best, columns = np.argmin(errors, axis=0), np.arange(noise.size)
    return best, better[best, columns], errors[best, columns]
