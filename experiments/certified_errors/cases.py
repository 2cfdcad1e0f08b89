"""The constructions whose claims are compared with proved errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from approxlab import Construction

__all__ = ["CASES", "construction"]

CASES: Mapping[str, str] = {
    "square_shallow": "$x^2$, interpolated: 32 ReLUs",
    "square_deep": "$x^2$, sawtooths: 5 ReLUs deep",
    "relu_interpolant": r"$\sin 2\pi x$, interpolated: 32 ReLUs",
    "costarelli_spigler": "$|x-1/3|$, Costarelli-Spigler: 31",
    "staircase_midpoint": "$x^2$, staircase, midpoint jumps: 32",
    "staircase_classical": "$|x-1/3|$, classical staircase: 32",
    "cybenko": "$1/(1+25x^2)$, sigmoids for eps = 0.02",
    "ridge_sum": r"$\sin \pi x \, \sin \pi y$, ridges: eps = 0.05",
    "orthant_sum_sine": r"$\sin \pi x \, \sin \pi y$, orthants: $5 \times 8$",
    "orthant_sum_bump": r"$\exp(-8\,|x-1/2|^2)$, orthants: $8 \times 8$",
}
"""Name to what is drawn."""


def construction(name: str) -> Construction:
    """The construction of a case."""
    from approxlab import constructions as built
    from approxlab.targets import get

    made: Mapping[str, Callable[[], Construction]] = {
        "square_shallow": lambda: built.square_shallow(32),
        "square_deep": lambda: built.square_deep(5),
        "relu_interpolant": lambda: built.relu_interpolant(get("sine2"), 32),
        "costarelli_spigler": lambda: built.costarelli_spigler(get("kink"), 31, 2.0),
        "staircase_midpoint": lambda: built.staircase(get("square"), 32, 64),
        "staircase_classical": lambda: built.staircase(get("kink"), 32, 32, jumps="classical"),
        "cybenko": lambda: built.cybenko(get("runge"), 0.02),
        "ridge_sum": lambda: built.ridge_sum(get("sine_product"), 0.05),
        "orthant_sum_sine": lambda: built.orthant_sum(get("sine_product"), (5, 8), 64.0),
        "orthant_sum_bump": lambda: built.orthant_sum(get("bump", dim=2), 8),
    }
    return made[name]()
