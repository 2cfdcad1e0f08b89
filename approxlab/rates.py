"""How fast errors fall with size, and how far they are from the best possible; without JAX."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import ndtri, stdtrit

from approxlab.claims import Claim, Estimate, Optimum, Rate

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
    by sqrt(n / (n - 2)) for the two fitted numbers, and the interval as Student's law asks of n - 2
    degrees of freedom), with a fixed seed: equal data, equal interval.

    Args:
        sizes: Positive sizes n, at least three different ones above the floor.
        errors: Errors, one per size.
        floor: Errors at or below it are rounding, not approximation; a multiple of
            eps * max|target| is a good choice.
        confidence: Probability content of the interval.
        resamples: Number of bootstrap samples.

    Raises:
        ValueError: If the lengths differ, a size is not positive or an error negative or not
            finite, or fewer than three sizes are left above the floor.

    Example:
        >>> n = [4, 8, 16, 32]
        >>> round(rate(n, [1 / m**2 for m in n]).slope, 9)
        -2.0
    """
    try:
        size, error = np.asarray(sizes, float), np.asarray(errors, float)
    except (TypeError, ValueError):
        raise TypeError(f"sizes: got {sizes!r} and {errors!r}, expected numbers.") from None
    if size.shape != error.shape or size.ndim != 1:
        raise ValueError(
            f"errors: got shape {error.shape} for sizes of shape {size.shape}, expected one error "
            "per size."
        )
    if not np.all(np.isfinite(size) & (size > 0)):
        raise ValueError(f"sizes: got {size.tolist()}, expected positive finite numbers.")
    if not np.all(np.isfinite(error) & (error >= 0)):
        raise ValueError(f"errors: got {error.tolist()}, expected finite numbers of at least 0.")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence: got {confidence!r}, expected a number between 0 and 1.")
    order = np.argsort(size, kind="stable")
    below = np.flatnonzero(error[order] <= floor)
    used = int(below[0]) if below.size else len(order)
    x, y = np.log(size[order][:used]), np.log(error[order][:used])
    if len(np.unique(x)) < 3:
        raise ValueError(
            f"sizes: got {used} above the floor {floor:g}, expected at least three different "
            "sizes. Use smaller sizes, or a lower floor."
        )
    slope, lower, upper = _slope(x, y, confidence, resamples)
    return Rate(slope, lower, upper, used, len(order) - used)


def gap(error: Estimate | Claim | int | float, optimum: Optimum | int | float) -> float:
    """Error divided by the least possible error: how many times worse than the best one is.

    Args:
        error: An estimate, the claim of a construction, or a number.
        optimum: What to divide by; estimates and claims must be in the same norm, and of the same
            target on the same box where both know it. Of a claim that splits off its rounding, the
            part in exact arithmetic is compared: an optimum is a number of exact arithmetic.

    Raises:
        ValueError: If the norms or the targets differ, or the optimum is not positive.

    Example:
        >>> gap(0.25, 0.125)
        2.0
    """
    if isinstance(error, Estimate | Claim) and isinstance(optimum, Optimum):
        mine = (error.norm, isinstance(error, Estimate) and error.relative)
        best = (optimum.norm, optimum.relative)
        if mine != best:
            raise ValueError(
                f"optimum: got (norm, relative) = {best} for an error with {mine}, expected the "
                "same norm for both."
            )
        _check_same_target(error.target, optimum.target)
    for name, value in (("error", error), ("optimum", optimum)):
        if isinstance(value, str) or not (hasattr(value, "__float__") or isinstance(value, Claim)):
            raise TypeError(f"{name}: got {value!r}, expected an error or a number.")
    if not float(optimum) > 0:
        raise ValueError(
            f"optimum: got {float(optimum)!r}, expected a positive number. Where the optimum is 0 "
            "the error itself is the answer."
        )
    if isinstance(error, Claim) and error.bound.without_rounding is not None:
        return error.bound.without_rounding / float(optimum)
    return float(error.bound if isinstance(error, Claim) else error) / float(optimum)


def _check_same_target(mine: Any, best: Any) -> None:
    """Refuse two functions that differ: in box, in values at points of it, or in exact facts.

    Names decide only where values cannot, since equal functions may be written under two names.
    """
    if mine is best or any(getattr(one, "domain", None) is None for one in (mine, best)):
        return
    masks = [getattr(one, "mask", None) for one in (mine, best)]
    same = mine.domain == best.domain and (masks[0] is None) == (masks[1] is None)
    if same and callable(mine) and callable(best) and not _same_code(mine, best):
        same = _same_values(mine, best) and _same_facts(mine, best)
    if not same:
        raise ValueError(
            f"optimum: got an optimum for {best!r} with an error for {mine!r}, expected the same "
            "target on the same box for both. Compute the optimum for the target of the error."
        )


def _same_code(mine: Any, best: Any) -> bool:
    """Whether two functions are one, or were made by one piece of code from equal numbers."""
    one, other = (getattr(f, "fn", f) for f in (mine, best))
    if one is other:
        return True
    if not all(hasattr(f, "__code__") for f in (one, other)):
        return False
    held = [
        (*(c.cell_contents for c in f.__closure__ or ()), *(f.__defaults__ or ()),
         *(f.__kwdefaults__ or {}).values())
        for f in (one, other)
    ]  # fmt: skip
    numbers = all(isinstance(value, int | float | str) for values in held for value in values)
    same = one.__code__ == other.__code__ and one.__globals__ is other.__globals__
    return same and numbers and held[0] == held[1]


def _same_values(mine: Any, best: Any) -> bool:
    lower, upper = (np.asarray(v) for v in (mine.domain.lower, mine.domain.upper))
    # Fixed points without symmetry: periodic functions agree on grids too easily.
    places = np.random.default_rng(0).uniform(0.02, 0.98, size=(32, len(lower)))
    points = lower + (upper - lower) * places
    a, b = (np.array([np.asarray(f(x)) for x in points]) for f in (mine, best))
    if a.shape != b.shape:
        return False
    # One function may be written in two ways, whose rounding differs.
    coarser = max((v.dtype for v in (a, b)), key=lambda dtype: np.finfo(dtype).eps)
    scale = np.maximum(np.abs(a), np.abs(b)).max(initial=0.0)
    if not np.all(np.abs(a - b) <= min(1e-4, 1e4 * np.finfo(coarser).eps) * scale):
        return False
    names = [getattr(f, "name", "target") for f in (mine, best)]
    told = bool(np.ptp(a) > 1e-3 * scale)  # a spike between the points is not seen
    return told or (names[0] == names[1] != "target")


def _same_facts(mine: Any, best: Any) -> bool:
    """Whether the facts agree that have one right value, where both are known."""
    for name in ("integral", "kinks"):
        a, b = (getattr(f, name, None) for f in (mine, best))
        if a is None or b is None:
            continue
        a, b = np.atleast_1d(np.asarray(a, float)), np.atleast_1d(np.asarray(b, float))
        if a.shape != b.shape or not np.allclose(a, b, rtol=1e-6, atol=1e-12):
            return False
    return True


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
    # Few residuals vary less than the noise they stand for: widen as Student's law does.
    degrees, quantile = len(x) - 2, 0.5 * (1.0 + confidence)
    widen = float(stdtrit(degrees, quantile) / ndtri(quantile))
    return slope, slope + widen * (float(lower) - slope), slope + widen * (float(upper) - slope)


def __dir__() -> list[str]:
    return __all__
