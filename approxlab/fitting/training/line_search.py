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
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array

__all__ = ["Step", "wolfe_step"]

_DECREASE, _CURVATURE = 1e-4, 0.9  # of the strong Wolfe conditions
_FLAT = 1e-6  # values closer than this part count as equal: then slopes decide
_NARROWEST = 1e-5  # an interval of rates, below which any decrease is accepted
# Rows of the points of a line, and of the vectors there.
_START, _LOW, _HIGH, _THIRD, _SAFE, _LAST, _COURSE = range(7)
_DIRECTION, _GRADIENT_BEFORE, _SAFE_GRADIENT, _LAST_GRADIENT = range(4)
_GOING, _GOOD, _FAILED = 0.0, 1.0, 2.0


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
    """The state of a search in two arrays: every array costs time to compile what changes it.

    Attributes:
        line: Points (rate, value, slope), shape (7, 3): the beginning; both ends of the interval,
            the first with the smaller value; the end that was left last; the best point of
            sufficient decrease; the last point. Its last row is the course: trials made (-1 before
            the value at the beginning is known), whether an interval is known, and the state.
        vectors: Shape (4, p): the direction, the gradients at the beginning, at the best point of
            sufficient decrease and at the last point.
    """

    line: Array
    vectors: Array


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
        line, vectors = search
        rate = _rate(line)
        value, gradient = with_gradient(params + rate * vectors[_DIRECTION])
        slope, square = jnp.stack([vectors[_DIRECTION], gradient]) @ gradient
        unknown = line[_COURSE, 0] < 0.0
        length = -jnp.minimum(1.0, jax.lax.rsqrt(square))
        point = jnp.stack([rate, value, jnp.where(unknown, length * square, slope)])
        course = jnp.zeros_like(point)
        first = jnp.concatenate([jnp.tile(point[None, :], (6, 1)), course[None, :]])
        new, safe = _placed(line, point, most)
        here = jnp.stack([length * gradient, gradient, gradient, gradient])
        changed = jnp.stack([unknown, unknown, unknown | safe, jnp.ones_like(safe)])
        return _Search(jnp.where(unknown, first, new), jnp.where(changed[:, None], here, vectors))

    begin = jnp.stack([jnp.zeros_like(value), value, gradient @ direction])
    course = jnp.stack([jnp.where(jnp.isfinite(value), 0.0, -1.0), 0.0, _GOING])
    line = jnp.concatenate([jnp.tile(begin[None, :], (6, 1)), course[None, :].astype(begin.dtype)])
    start = _Search(line, jnp.stack([direction, gradient, gradient, gradient]))
    line, vectors = jax.lax.while_loop(
        lambda search: search.line[_COURSE, 2] == _GOING, trial, start
    )
    (safe, last, (_, _, state)) = line[_SAFE], line[_LAST], line[_COURSE]
    outside = ~jnp.isfinite(last[1]) | jnp.isnan(last[2])
    back = (state == _FAILED) & ((safe[0] > 0.0) | outside)
    rate, found, _ = jnp.where(back, safe, last)
    return Step(
        rate=rate,
        direction=vectors[_DIRECTION],
        params=params + rate * vectors[_DIRECTION],
        value=found,
        gradient=jnp.where(back, vectors[_SAFE_GRADIENT], vectors[_LAST_GRADIENT]),
        value_before=line[_START, 1],
        gradient_before=vectors[_GRADIENT_BEFORE],
    )


def _rate(line: Array) -> Array:
    """The next trial: 0 if nothing is known, 1, twice the last one, or inside of the interval."""
    trials, narrowing, _ = line[_COURSE]
    longer = jnp.where(trials == 0.0, 1.0, jnp.where(trials < 0.0, 0.0, 2.0 * line[_LOW, 0]))
    return jnp.where(narrowing > 0.0, _between(line[_LOW], line[_HIGH], line[_THIRD]), longer)


def _placed(line: Array, point: Array, most: int) -> tuple[Array, Array]:
    """The line with a new point, and whether it is the best one of sufficient decrease."""
    start, low, high, safe = (line[row] for row in (_START, _LOW, _HIGH, _SAFE))
    trials, narrowing = line[_COURSE, 0], line[_COURSE, 1] > 0.0
    _, value, slope = point
    decreased, good = _conditions(start, point)
    beyond = ~decreased | ((value >= low[1]) & (trials > 0.0))
    turned = jnp.where(narrowing, slope * (high[0] - low[0]), slope) >= 0.0
    # While steps grow, `low` is the step before.
    new_low = jnp.where(beyond, low, point)
    new_high = jnp.where(beyond, point, jnp.where(turned | ~narrowing, low, high))
    new_third = jnp.where(narrowing, jnp.where(beyond | turned, high, low), new_low)
    safer = decreased & (~narrowing | (value < safe[1]))
    new_safe = jnp.where(safer, point, safe)
    narrow = narrowing & (jnp.abs(high[0] - low[0]) <= _NARROWEST)
    failed = (trials + 1.0 >= most) | (narrow & (new_safe[0] > 0.0))
    state = jnp.where(good, _GOOD, jnp.where(failed, _FAILED, _GOING))
    known = jnp.where(narrowing | beyond | turned, 1.0, 0.0)
    course = jnp.stack([trials + 1.0, known.astype(line.dtype), state.astype(line.dtype)])
    return jnp.stack([start, new_low, new_high, new_third, new_safe, point, course]), safer


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
