"""Squared errors at points, and norms of them without overflow."""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from approxlab.errors.pointwise import Function, error_and_target, inside

__all__ = ["Squares", "quotient", "root_of_squares"]


@dataclasses.dataclass
class Squares:
    """Error and target at points: squares divided by a common scale, and notes of what was seen.

    Attributes:
        model: The model.
        target: The target.
        mask: True for points that count; None for all.
        scale: A power of two near the largest number.
        scaled: False where the first call of the object sets the scale.
        count: Number of points so far.
        bad: The first point where a value is not finite.
    """

    model: Function
    target: Function
    mask: Function | None
    scale: float = 1.0
    scaled: bool = True
    count: int = 0
    bad: tuple[float, ...] | None = None

    def sizes(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Absolute values of the error and of the target, each of shape (n, m)."""
        self.count += len(points)
        counts = inside(self.mask, points)[:, None]
        both = error_and_target(self.model, self.target, points)
        error, size = (np.where(counts, np.abs(a.reshape(len(points), -1)), 0.0) for a in both)
        wrong = ~np.all(np.isfinite(error) & np.isfinite(size), axis=1)
        if np.any(wrong):
            self.bad = self.bad or tuple(float(v) for v in points[np.argmax(wrong)])
            error, size = (np.where(wrong[:, None], 0.0, a) for a in (error, size))
        return error, size

    def set_scale(self, largest: float) -> None:
        """Choose the scale for values up to `largest`."""
        self.scale, self.scaled = 2.0 ** float(np.frexp(largest)[1]), True

    def squared(self, sizes: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        """Sums of squares over the components, in units of the scale; shape (n, 2)."""
        return np.stack([np.square(a / self.scale).sum(axis=1) for a in sizes], axis=1)

    def __call__(self, points: np.ndarray) -> np.ndarray:
        sizes = self.sizes(points)
        if not self.scaled:
            self.set_scale(max(float(np.max(part)) for part in sizes))
        return self.squared(sizes)


def root_of_squares(weights: np.ndarray, sizes: np.ndarray) -> float:
    """Root of the weighted sum of squares; a power of two taken out keeps squares in range."""
    scale = 2.0 ** float(np.frexp(sizes.max())[1])
    return scale * math.sqrt(float(weights @ np.square(sizes / scale).sum(axis=1)))


def quotient(error: float, size: float) -> float:
    """A part of a whole; infinite for a part of nothing."""
    if size > 0:
        return error / size
    return math.inf if error > 0 else 0.0
