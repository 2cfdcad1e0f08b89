"""The targets on [-1, 1], in NumPy, and the features that a person would make for two of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["FORMULAS", "HAND_MADE", "KINK", "STEP", "TARGETS"]

KINK, STEP = 1.0 / 3.0, 0.21


def _line(x: Any, xp: Any) -> Any:
    return 0.5 - 0.8 * x


def _smooth(x: Any, xp: Any) -> Any:
    return 0.5 * xp.exp(x) * xp.sin(4.0 * x)


def _runge(x: Any, xp: Any) -> Any:
    return 1.0 / (1.0 + 25.0 * x * x)


def _kink(x: Any, xp: Any) -> Any:
    return xp.abs(x - KINK)


def _step(x: Any, xp: Any) -> Any:
    return xp.sign(x - STEP)


TARGETS: Mapping[str, Callable[[Any, Any], Any]] = {
    "line": _line,
    "smooth": _smooth,
    "runge": _runge,
    "kink": _kink,
    "step": _step,
}
"""Name to a function of points and of the library that computes: numpy or jax.numpy."""

FORMULAS = {
    "line": "line",
    "smooth": r"smooth: $e^x \sin(4x)\,/\,2$",
    "runge": r"Runge: $1/(1+25x^2)$",
    "kink": r"kink: $|x-1/3|$",
    "step": r"step: sign$(x-0.21)$",
}

HAND_MADE: Mapping[str, int] = {"line": 2, "kink": 3, "step": 2}
"""Numbers of hand-made features: 1 and x for a line, |x - 1/3| besides for the kink; 1 and the sign
for the step. Who makes them must know where the kink and the step are."""
