"""The gallery: functions with kinks, jumps and spikes, and smooth ones, in NumPy."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

__all__ = ["CASES", "HATS", "Case", "points", "relative_error"]

_STEPS = tuple(k / 8 for k in range(1, 8))
HATS = ((0.25, 2.0**-4), (0.5, 2.0**-8), (0.75, 2.0**-11))  # centres and half widths


class Case(NamedTuple):
    """A function on an interval."""

    label: str
    """In the notation of figures."""
    box: tuple[float, float]
    function: Callable[[np.ndarray], np.ndarray]
    breaks: tuple[float, ...] = ()
    """Where it bends or jumps, as a user may state them."""
    exact: bool = True
    """Whether a network of one hidden layer is equal to it."""


def _hats(x: np.ndarray) -> np.ndarray:
    found: np.ndarray = sum(
        (np.maximum(1.0 - np.abs(x - c) / h, 0.0) for c, h in HATS), np.zeros(np.shape(x))
    )
    return found


def _stairs(x: np.ndarray) -> np.ndarray:
    return np.sum([np.heaviside(x - step, 0.5) for step in _STEPS], axis=0) / 8


def _kahaner(x: np.ndarray) -> np.ndarray:
    def bell(z: np.ndarray) -> np.ndarray:
        small = np.exp(-2.0 * np.abs(z))
        return 4.0 * small / (1.0 + small) ** 2

    return bell(10 * (x - 0.2)) + bell(100 * (x - 0.4)) ** 2 + bell(1000 * (x - 0.6)) ** 3


CASES: Mapping[str, Case] = MappingProxyType(
    {
        "kink": Case("$|x - 0.5|$", (0.0, 1.0), lambda x: np.abs(x - 0.5), (0.5,)),
        "sign": Case("sign$(x - 0.3)$", (-1.0, 1.0), lambda x: np.sign(x - 0.3), (0.3,)),
        "stairs": Case("staircase of 7 steps", (0.0, 1.0), _stairs, _STEPS),
        "hats": Case(
            "hats of widths 1/8, 1/128, 1/1024",
            (0.0, 1.0),
            _hats,
            tuple(c + s * h for c, h in HATS for s in (-1, 0, 1)),
        ),
        "min": Case(
            r"min$(\sin x, \cos x)$",
            (0.0, 6.0),
            lambda x: np.minimum(np.sin(x), np.cos(x)),
            (math.pi / 4, 5 * math.pi / 4),
            exact=False,
        ),
        "kahaner": Case("Kahaner's three spikes", (0.0, 1.0), _kahaner, exact=False),
        "runge": Case("$1/(1 + 25 x^2)$", (-1.0, 1.0), lambda x: 1 / (1 + 25 * x**2), exact=False),
        "wave": Case(r"$\exp(\sin 5x)$", (-1.0, 1.0), lambda x: np.exp(np.sin(5 * x)), exact=False),
    }
)
"""Name to function."""


def points(case: Case) -> np.ndarray:
    """Where errors are looked at: evenly, and closer and closer to what is narrow."""
    low, high = case.box
    places = case.breaks or (0.2, 0.4, 0.6)
    steps = np.geomspace(1e-6, 0.1, 60) * (high - low)
    near = [place + sign * steps for place in places for sign in (-1.0, 1.0)]
    x = np.unique(np.concatenate([np.linspace(low, high, 2001), *near]))
    x = x[(x >= low) & (x <= high)]
    far = np.min(np.abs(x[:, None] - np.array(places)), axis=1) > 0.5e-6 * (high - low)
    return x[far] if case.breaks else x  # no value at a jump itself


def relative_error(case: Case, values: np.ndarray) -> float:
    """Largest error over the largest value, with two digits; 1e-13 stands for all below."""
    x = points(case)
    wanted = case.function(x)
    error = float(np.max(np.abs(values - wanted)) / np.max(np.abs(wanted)))
    return max(float(f"{error:.1e}"), 1e-13)
