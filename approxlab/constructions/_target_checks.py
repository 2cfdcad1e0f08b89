"""Checks of the target of a construction: an interval without a mask, and proved facts."""

from __future__ import annotations

from typing import Any

from approxlab.domains import Box, check_interval
from approxlab.targets.target import Target

__all__ = ["check_target", "check_whole", "interval_of", "lipschitz_of"]


def check_target(target: Any) -> None:
    """Refuse anything that is not a `Target`: only a target has proved facts.

    Facts of targets that are not from the catalogue are sampled, once for each target.
    """
    if not isinstance(target, Target):
        raise TypeError(
            f"target: got {type(target).__name__}, expected a Target: a claim needs proved facts. "
            "Write al.Target(fn, domain=..., lipschitz=...)."
        )
    if not target._facts_hold:
        target.check()


def check_whole(target: Target) -> None:
    """Refuse a target with a mask."""
    if target.mask is not None:
        raise ValueError(
            f"target: got {target!r} with a mask, expected one on its whole box: the facts of a "
            "masked target need not hold on a piece that leaves the mask."
        )


def interval_of(target: Any) -> Box:
    """The interval of a target of one variable without a mask; anything else is refused."""
    check_target(target)
    check_interval(target.domain, "target.domain")
    check_whole(target)
    domain: Box = target.domain
    return domain


def lipschitz_of(target: Target) -> float:
    """The Lipschitz constant of a target; refuses a target without one and explains what to do."""
    if target.continuous is False:
        raise ValueError(
            f"target: got {target!r}, which is not continuous, expected a Lipschitz target: a "
            "continuous function stays half a jump away from it in the sup norm. Fit it in the L2 "
            "norm with al.fit, or take a box that ends at the jump."
        )
    if target.lipschitz is None:
        raise ValueError(
            f"target: {target!r} lacks the fact lipschitz, expected a proved Lipschitz constant: "
            "without it nothing is proved between two nodes. Give lipschitz=... as a keyword of "
            "Target; if the slope is unbounded, on a smaller box."
        )
    return target.lipschitz
