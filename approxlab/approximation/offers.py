"""What a construction would cost: from formulas, or of a network that is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from approxlab.claims import Construction

__all__ = ["Offer", "built", "within"]

Build = Callable[[], Construction]


@dataclasses.dataclass(frozen=True)
class Offer:
    """What a construction would cost.

    Attributes:
        units: Nonlinear hidden units.
        linear_units: Linear hidden units.
        layers: Hidden layers.
        build: Builds it; may refuse, where rounding is too large.
        at_least: Whether the numbers may be too small.
    """

    units: int
    linear_units: int
    layers: int
    build: Build
    at_least: bool = False


def built(construction: Construction) -> Offer:
    """The offer of a network that is built already."""
    net = construction.network
    return Offer(net.num_hidden_units, net.num_linear_units, net.depth, lambda: construction)


def within(build: Callable[[int], Construction], start: int, most: int, eps: float) -> Offer:
    """The first size from `start` on whose claim, rounding included, is at most eps."""
    for size in range(max(1, start), min(most, max(1, start) + 3) + 1):
        construction = build(size)
        if float(construction.claim.bound) <= eps:
            return built(construction)
    raise ValueError("its claim, rounding included, stays above eps")
