"""One sigmoid as a step, and two of them as a bump.

A unit height * sigmoid(w x + b) rises from 0 to its height at the position -b / w, where its slope
is height * w / 4. As w grows while the position stays, it becomes a step. Two steps of heights h
and -h make a bump.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.claims import Bound, Claim, Construction
from approxlab.constructions._sigmoid_tails import rise
from approxlab.domains import Box, check_interval
from approxlab.networks.mlp import MLP, float_dtype
from approxlab.targets.target import Target

__all__ = ["STEEPNESS", "UnitShape", "bump", "sigmoid_sum", "step", "unit_shape"]

STEEPNESS: Mapping[str, float] = MappingProxyType({"sigmoid": 4.0, "tanh": 2.0, "heaviside": 1.0})
"""For each sigmoidal activation, the factor w such that the unit s(w x) has slope 1 at 0. Units are
normalised to rise from 0 to 1: for tanh the unit is (1 + tanh) / 2."""


class UnitShape(NamedTuple):
    """The position where a sigmoidal unit of height 1 has the value 1/2, and its slope there."""

    position: float
    slope: float


def unit_shape(w: float | int, b: float | int, activation: str = "sigmoid") -> UnitShape:
    """Position -b / w and slope of the unit s(w x + b), normalised to rise from 0 to 1.

    The slope is w / 4 for the logistic function, w / 2 for (1 + tanh) / 2 and infinite for the
    Heaviside function. A negative w gives a unit that falls from 1 to 0.

    Args:
        w: Weight, finite and not 0.
        b: Bias, finite.
        activation: "sigmoid", "tanh" or "heaviside".

    Raises:
        ValueError: If w is 0 or a number is not finite, or the activation is not sigmoidal.

    Example:
        >>> unit_shape(100.0, -20.0)
        UnitShape(position=0.2, slope=25.0)
    """
    factor = steepness(activation)
    for name, value in (("w", w), ("b", b)):
        if not math.isfinite(value):
            raise ValueError(f"{name}: got {value!r}, expected a finite number.")
    if w == 0:
        raise ValueError("w: got 0, expected a number that is not 0: the unit is constant.")
    slope = math.copysign(math.inf, w) if activation == "heaviside" else w / factor
    return UnitShape(0.0 - b / w, slope)  # no negative zero


def step(
    w: float | int,
    b: float | int,
    height: float | int = 1.0,
    *,
    margin: float | int | None = None,
    domain: Box | None = None,
    activation: str = "sigmoid",
) -> Construction:
    """One unit as an approximation of the jump at -b / w: from 0 to `height`, for w > 0.

    At distance d from the jump the error is |height| S(-slope d), with S(z) = 1 / (1 + exp(-4 z))
    the logistic function of slope 1. It falls with d, so outside the margin it is at most the value
    at the margin. At the jump itself no continuous function is closer than |height| / 2; this is
    the claim if the margin is 0.

    Args:
        w: Weight, not 0.
        b: Bias.
        height: Height of the step.
        margin: Points nearer than this to the jump are excluded: the target is masked there. By
            default 2 / |slope|, where the error is |height| / (1 + e^8); for "heaviside" 1e-12
            times the largest |x|, or as far as rounding may move the jump, if that is more (about
            5e-7 times the largest |x| in float32). With less than that the claim is |height|.
        domain: An interval; by default 4 / |slope| on both sides of the jump.
        activation: "sigmoid", "tanh" (then the unit is (1 + tanh(w x + b)) / 2) or "heaviside".

    Returns:
        A construction with one hidden unit.

    Raises:
        ValueError: If w is 0, a number is not finite, the margin is negative or covers the whole
            interval, or the activation is not sigmoidal.

    Example:
        >>> c = step(100.0, -20.0)
        >>> float(c.network(jnp.array([0.2]))), float(c.claim.bound) < 0.0004
        (0.5, True)
    """
    units = [(float(w), float(b), float(height))]
    return _at_jumps(units, margin, domain, activation, "one unit")


def bump(
    w: float | int,
    up: float | int,
    down: float | int,
    height: float | int = 1.0,
    *,
    margin: float | int | None = None,
    domain: Box | None = None,
    activation: str = "sigmoid",
) -> Construction:
    """Two units of heights h and -h: a bump of height h between -up / w and -down / w.

    w = 100, up = -20, down = -40 give a bump on [0.2, 0.4]. Outside the bump the error is less
    than that of the nearer jump alone. Inside, both errors add up; as both are convex, the sum is
    largest at the margin m: |height| (S(-slope m) + S(-slope (width - m))).

    Args:
        w: Weight of both units, positive.
        up: Bias of the unit that rises.
        down: Bias of the unit that falls, less than `up`.
        height: Height of the bump.
        margin: As for `step`, around both jumps.
        domain: An interval; by default it reaches 4 / slope beyond both jumps.
        activation: "sigmoid", "tanh" or "heaviside".

    Returns:
        A construction with two hidden units.

    Raises:
        ValueError: As for `step`, and if down >= up or w <= 0: the bump would have no width.

    Example:
        >>> c = bump(100.0, -20.0, -40.0)
        >>> round(float(c.network(jnp.array([0.3]))), 3)
        1.0
    """
    if not (w > 0 and down < up):
        raise ValueError(
            f"down: got {down!r} with up {up!r} and w {w!r}, expected down < up and w > 0: the "
            "bump lies between -up / w and -down / w. Exchange up and down, or negate height."
        )
    units = [(float(w), float(b), float(h)) for b, h in ((up, height), (down, -height))]
    return _at_jumps(units, margin, domain, activation, "two units of opposite heights")


def sigmoid_sum(
    weights: Sequence[float | int] | np.ndarray,
    biases: Sequence[float | int] | np.ndarray,
    heights: Sequence[float | int] | np.ndarray,
    constant: float | int = 0.0,
    activation: str = "sigmoid",
) -> MLP:
    """The network constant + sum_i heights_i s(weights_i x + biases_i), where s rises from 0 to 1.

    For tanh the unit s is (1 + tanh) / 2, so half of every height is added to the constant.

    Args:
        weights: Shape (n,).
        biases: Shape (n,).
        heights: Shape (n,).
        constant: The bias of the output.
        activation: "sigmoid", "tanh" or "heaviside".

    Raises:
        ValueError: If the activation is not sigmoidal.

    Example:
        >>> two_bumps = sigmoid_sum([100.0] * 4, [-20, -40, -60, -80], [1, -1, 2, -2])
        >>> round(float(two_bumps(jnp.array([0.7]))), 3)
        2.0
    """
    steepness(activation)
    weight, bias, height = (np.asarray(a, np.float64) for a in (weights, biases, heights))
    if activation == "tanh":
        height = 0.5 * height
        constant = constant + math.fsum(height)
    return MLP.from_arrays(
        [weight[:, None], height[None, :]], [bias, np.array([constant])], activation
    )


def steepness(activation: Any) -> float:
    """The factor in `STEEPNESS`; an activation that is not sigmoidal is refused."""
    if not isinstance(activation, str) or activation not in STEEPNESS:
        relu = " For ReLUs use al.constructions.relu_interpolant." if activation == "relu" else ""
        raise ValueError(
            f"activation: got {activation!r}, expected a sigmoidal one: {', '.join(STEEPNESS)}."
            f"{relu}"
        )
    return STEEPNESS[activation]


def _at_jumps(
    units: list[tuple[float, float, float]],
    margin: float | int | None,
    domain: Box | None,
    activation: str,
    name: str,
) -> Construction:
    """Sigmoidal units that approximate jumps, outside a margin around each jump."""
    shapes = [unit_shape(w, b, activation) for w, b, _ in units]
    places, slope = [shape.position for shape in shapes], abs(shapes[0].slope)
    around = 1.0 if math.isinf(slope) else 4.0 / slope
    box = Box([min(places) - around], [max(places) + around]) if domain is None else domain
    check_interval(box)
    # A Heaviside unit is displaced only by rounding of w x + b.
    eps = float(jnp.finfo(float_dtype(None)).eps)
    reach = max(map(abs, (*box.lower, *box.upper, *places)))
    moved = 4.0 * eps * reach if math.isinf(slope) else 0.0
    if margin is None:
        margin = max(1e-12 * reach, moved) if math.isinf(slope) else 2.0 / slope
    margin = float(margin)
    heights = [height for *_, height in units]
    if not all(map(math.isfinite, heights)):
        raise ValueError(f"height: got {heights[0]!r}, expected a finite number.")
    if not margin >= 0:
        raise ValueError(f"margin: got {margin!r}, expected a number of at least 0.")
    tails = 0.5 if margin == 0 else rise(-slope * margin)
    width = max(places) - min(places)
    if len(units) > 1 and width >= 2.0 * margin:
        tails += rise(-slope * (width - margin))
    exact = abs(heights[0]) * tails
    if margin < moved:  # then a point beside the jump may be on its other side
        tails = 2.0 if len(units) > 1 and width < 2.0 * moved else 1.0
    target = _jumps(units, places, margin, box, name)
    weights, biases = [w for w, *_ in units], [b for _, b, _ in units]
    network = sigmoid_sum(weights, biases, heights, activation=activation)
    size = sum(map(abs, heights))
    slack = eps * size * (8.0 + _argument_rounding(units, box, slope))
    bound = Bound(
        abs(heights[0]) * tails + slack,
        f"{name}: tails of the logistic function at the margin, rounding in {network.dtype}",
        without_rounding=exact,
    )
    return Construction(network, target, Claim("sup", bound, len(units), 0, 1))


def _argument_rounding(units: list[tuple[float, float, float]], box: Box, slope: float) -> float:
    """Size of w x + b on the box: its rounding moves a unit by its slope times as much."""
    reach = max(map(abs, (*box.lower, *box.upper)))
    return 0.0 if math.isinf(slope) else max(abs(w) * reach + abs(b) for w, b, _ in units)


def _jumps(
    units: list[tuple[float, float, float]],
    places: list[float],
    margin: float,
    box: Box,
    name: str,
) -> Target:
    """The sum of jumps, with the mean of both sides at each jump, masked within the margins."""
    low, high = box.lower[0], box.upper[0]
    sides = (p + s * margin for p in places for s in (-1, 1))
    ends = sorted({low, high, *(min(max(side, low), high) for side in sides)})
    middles = [0.5 * (u + v) for u, v in itertools.pairwise(ends)]
    if not any(all(abs(m - p) >= margin for p in places) for m in middles):
        raise ValueError(f"margin: got {margin!r}, expected less: nothing of {box!r} is left.")

    def fn(x: Array) -> Array:
        total = jnp.zeros_like(x[0])
        for (w, _, height), place in zip(units, places, strict=True):
            total += height * 0.5 * (1.0 + math.copysign(1.0, w) * jnp.sign(x[0] - place))
        return total

    def mask(x: Array) -> Array:
        return jnp.all(jnp.abs(x[0] - jnp.asarray(places, x.dtype)) >= margin)

    kinks = sorted({k for p in places for k in (p - margin, p, p + margin) if low <= k <= high})
    return Target(
        fn,
        domain=box,
        name=name,
        smoothness="jump",
        continuous=False,
        kinks=kinks,
        source="constant beside the jumps",
        mask=mask if margin > 0 else None,
    )
