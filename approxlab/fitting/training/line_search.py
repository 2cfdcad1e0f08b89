"""A line search for the strong Wolfe conditions whose loop evaluates the function at one place.

Compilation is what a first fit waits for, and most of it goes to copies of value and gradient: the
searches of optax hold three, one for each phase and one for the point they begin at. Here one loop
does all of it, and where it stands is data: the first trial may be the point of beginning itself,
then steps are doubled until one is too long, then the interval is narrowed by interpolation. Points
of the line are rows (rate, value, slope) of one small array.

The formulas are those of `optax.scale_by_zoom_linesearch`, and so are the steps, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Step", "wolfe_step"]

_DECREASE, _CURVATURE = 1e-4, 0.9  # of the strong Wolfe conditions
_FLAT = 1e-6  # values closer than this part count as equal: then slopes decide
_NARROWEST = 1e-5  # an interval of rates, below which any decrease is accepted
_START, _LOW, _HIGH, _THIRD, _SAFE, _LAST = range(6)  # rows of the points of a line


class Step(NamedTuple):
    """A step along a direction, with values and gradients at both of its ends."""

    rate: Array
    direction: Array
    params: Array
    value: Array
    gradient: Array
    value_before: Array
    gradient_before: Array


class _Search(NamedTuple):
    trials: Array  # -1 before the value at the beginning is known
    narrowing: Array  # whether an interval is known that contains a good rate
    going: Array
    good: Array  # whether both conditions hold at the last point
    line: Array  # shape (6, 3), see the rows above
    direction: Array
    gradient_before: Array
    safe_gradient: Array  # at the best point of sufficient decrease
    gradient: Array  # at the last point


def wolfe_step(
    loss: Callable[[Array], Array],
    params: Array,
    direction: Array,
    value: Array,
    gradient: Array,
    most: int,
) -> Step:
    """A rate along `direction` at which the strong Wolfe conditions hold, the trial 1 first.

    Args:
        loss: The function to minimise, differentiable.
        params: Where the line begins, shape (p,).
        direction: A direction of descent, shape (p,).
        value: Of the function at `params`. If it is not finite, value and gradient are found first,
            and the direction is minus that gradient, of length 1 at most.
        gradient: At `params`, shape (p,).
        most: Trials at most.

    Returns:
        The step. If no rate satisfies both conditions, one with sufficient decrease; if there is
        none of these, the last trial, or rate 0 where that was not finite.

    Source:
        Nocedal and Wright 1999, algorithms 3.5 and 3.6; Hager and Zhang 2006 (where values are
        equal up to rounding, slopes decide).
    """
    with_gradient = jax.value_and_grad(loss)

    def trial(search: _Search) -> _Search:
        rate = _rate(search)
        value, gradient = with_gradient(params + rate * search.direction)
        unknown = search.trials < 0
        steepest = -jnp.minimum(1.0, 1.0 / jnp.linalg.norm(gradient)) * gradient
        direction = jnp.where(unknown, steepest, search.direction)
        point = jnp.stack([rate, value, gradient @ direction])
        line, narrowing, good, safe, failed = _placed(search, point, most)
        return _Search(
            trials=search.trials + 1,
            narrowing=narrowing & ~unknown,
            going=unknown | ~(good | failed),
            good=good,
            line=jnp.where(unknown, point[None, :], line),
            direction=direction,
            gradient_before=jnp.where(unknown, gradient, search.gradient_before),
            safe_gradient=jnp.where(unknown | safe, gradient, search.safe_gradient),
            gradient=gradient,
        )

    begin = jnp.stack([jnp.zeros_like(value), value, gradient @ direction])
    known = jnp.isfinite(value)
    start = _Search(
        trials=jnp.where(known, 0, -1).astype(jnp.int32),
        narrowing=jnp.zeros((), bool),
        going=jnp.ones((), bool),
        good=jnp.zeros((), bool),
        line=jnp.tile(begin[None, :], (6, 1)),
        direction=direction,
        gradient_before=gradient,
        safe_gradient=gradient,
        gradient=gradient,
    )
    end = jax.lax.while_loop(lambda search: search.going, trial, start)
    safe, last = end.line[_SAFE], end.line[_LAST]
    outside = ~jnp.isfinite(last[1]) | jnp.isnan(last[2])
    back = ~end.good & ((safe[0] > 0.0) | outside)
    rate, found, _ = jnp.where(back, safe, last)
    return Step(
        rate=rate,
        direction=end.direction,
        params=params + rate * end.direction,
        value=found,
        gradient=jnp.where(back, end.safe_gradient, end.gradient),
        value_before=end.line[_START, 1],
        gradient_before=end.gradient_before,
    )


def _rate(search: _Search) -> Array:
    """The next trial: 0 if nothing is known, 1, twice the last one, or inside of the interval."""
    line = search.line
    longer = jnp.where(search.trials == 0, 1.0, 2.0 * line[_LOW, 0])
    rate = jnp.where(search.narrowing, _between(line[_LOW], line[_HIGH], line[_THIRD]), longer)
    return jnp.where(search.trials < 0, 0.0, rate).astype(line.dtype)


def _placed(search: _Search, point: Array, most: int) -> tuple[Any, ...]:
    """The line with a new point; is an interval known, is the point good or safe, is it over?"""
    start, low, high, third, safe = (search.line[row] for row in range(_LAST))
    _, value, slope = point
    decreased, good = _conditions(start, point)
    beyond = ~decreased | ((value >= low[1]) & (search.trials > 0))
    turned = jnp.where(search.narrowing, slope * (high[0] - low[0]), slope) >= 0.0
    # While steps grow, `low` is the step before; and the end of the interval that is left behind is
    # kept as the third point of the cubic.
    new_low = jnp.where(beyond, low, point)
    swapped = jnp.where(turned | ~search.narrowing, low, high)
    new_high = jnp.where(beyond, point, swapped)
    left = jnp.where(beyond | turned, high, low)
    new_third = jnp.where(search.narrowing, left, new_low)
    safer = decreased & (~search.narrowing | (value < safe[1]))
    new_safe = jnp.where(safer, point, safe)
    narrow = search.narrowing & (jnp.abs(high[0] - low[0]) <= _NARROWEST)
    failed = (search.trials + 1 >= most) | (narrow & (new_safe[0] > 0.0))
    line = jnp.stack([start, new_low, new_high, new_third, new_safe, point])
    return line, search.narrowing | beyond | turned, good, safer, failed


def _conditions(start: Array, point: Array) -> tuple[Array, Array]:
    """Whether the decrease is sufficient, and whether the slope has also flattened enough.

    False where a number is nan.
    """
    (rate, value, slope), (_, first, steep) = point, start
    decrease = value - first - _DECREASE * rate * steep
    flat = jnp.maximum(
        slope - (2.0 * _DECREASE - 1.0) * steep, value - first - _FLAT * jnp.abs(first)
    )
    decreased = jnp.minimum(flat, decrease) <= 0.0
    return decreased, decreased & (jnp.abs(slope) <= _CURVATURE * jnp.abs(steep))


def _between(low: Array, high: Array, third: Array) -> Array:
    """A rate inside of the interval: by a cubic, or a parabola, or in the middle.

    The cubic goes through all three points, the parabola through two, both with the slope at `low`.
    Where they have no minimum well inside of the interval, or one is nan, the next is taken.
    """
    (a, value, slope), b, c = low, high[0] - low[0], third[0] - low[0]
    at_b, at_c = high[1] - value - slope * b, third[1] - value - slope * c
    scale = (b * c) ** 2 * (b - c)
    cubic = (c**2 * at_b - b**2 * at_c) / scale
    square = (b**3 * at_c - c**3 * at_b) / scale
    by_cubic = a + (jnp.sqrt(square * square - 3.0 * cubic * slope) - square) / (3.0 * cubic)
    by_parabola = a - slope / (2.0 * (at_b / b**2))
    left, right, width = jnp.minimum(a, high[0]), jnp.maximum(a, high[0]), jnp.abs(b)

    def inside(rate: Array, margin: float) -> Array:
        return (rate > left + margin * width) & (rate < right - margin * width)

    middle = (a + high[0]) / 2.0
    rate = jnp.where(inside(by_parabola, 0.1), by_parabola, middle)
    return jnp.where(inside(by_cubic, 0.2), by_cubic, rate)
