"""How fast errors fall with size, and how far they are from the best possible."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from approxlab.claims import Estimate, Optimum, Rate

__all__ = ["gap", "rate"]


def rate(
    sizes: Sequence[int | float] | np.ndarray,
    errors: Sequence[int | float] | np.ndarray,
    *,
    floor: int | float = 0.0,
    confidence: float = 0.95,
    resamples: int = 2000,
) -> Rate:
    """Fit error ~ size^slope by least squares in logarithms, with a bootstrap interval.

    Sizes at which rounding has taken over are left out: everything from the first error at or
    below `floor` on, in order of size. The interval resamples the residuals of the fit (inflated
    by sqrt(n / (n - 2)) for the two fitted numbers), with a fixed seed: equal data, equal interval.

    Args:
        sizes: Positive sizes n, at least three different ones above the floor.
        errors: Positive errors, one per size.
        floor: Errors at or below it are rounding, not approximation; a multiple of
            eps * max|target| is a good choice.
        confidence: Probability content of the interval.
        resamples: Number of bootstrap samples.

    Raises:
        ValueError: If the lengths differ, an entry is not positive and finite, or fewer than three
            sizes are left above the floor.

    Example:
        >>> n = [4, 8, 16, 32]
        >>> round(rate(n, [1 / m**2 for m in n]).slope, 9)
        -2.0
    """
    size, error = np.asarray(sizes, float), np.asarray(errors, float)
    if size.shape != error.shape or size.ndim != 1:
        raise ValueError(
            f"errors: got shape {error.shape} for sizes of shape {size.shape}, expected one error "
            "per size."
        )
    for name, values in (("sizes", size), ("errors", error)):
        if not np.all(np.isfinite(values) & (values > 0)):
            raise ValueError(f"{name}: got {values.tolist()}, expected positive finite numbers.")
    order = np.argsort(size, kind="stable")
    x, y = np.log(size[order]), np.log(error[order])
    below = np.flatnonzero(error[order] <= floor)
    used = int(below[0]) if below.size else len(x)
    if len(np.unique(x[:used])) < 3:
        raise ValueError(
            f"sizes: got {used} above the floor {floor:g}, expected at least three different "
            "sizes. Use smaller sizes, or a lower floor."
        )
    slope, lower, upper = _slope(x[:used], y[:used], confidence, resamples)
    return Rate(slope, lower, upper, used, len(x) - used)


def gap(error: Estimate | int | float, optimum: Optimum | int | float) -> float:
    """Error divided by the least possible error: how many times worse than the best one is.

    Raises:
        ValueError: If the norms differ, or the optimum is not positive.

    Example:
        >>> gap(0.25, 0.125)
        2.0
    """
    if isinstance(error, Estimate) and isinstance(optimum, Optimum):
        mine, best = (error.norm, error.relative), (optimum.norm, optimum.relative)
        if mine != best:
            raise ValueError(
                f"optimum: got (norm, relative) = {best} for an error with {mine}, expected the "
                "same norm for both."
            )
    if not float(optimum) > 0:
        raise ValueError(
            f"optimum: got {float(optimum)!r}, expected a positive number. Where the optimum is 0 "
            "the error itself is the answer."
        )
    return float(error) / float(optimum)


def _slope(
    x: np.ndarray, y: np.ndarray, confidence: float, resamples: int
) -> tuple[float, float, float]:
    center = x - x.mean()
    slope = float(center @ y / (center @ center))
    residual = y - y.mean() - slope * center
    inflated = residual * math.sqrt(len(x) / (len(x) - 2))
    draws = np.random.default_rng(0).choice(inflated, size=(resamples, len(x)))
    slopes = slope + draws @ center / (center @ center)
    tail = 50.0 * (1.0 - confidence)
    lower, upper = np.percentile(slopes, [tail, 100.0 - tail])
    return slope, float(lower), float(upper)
