"""Roots, level sets, intersections and extrema of networks of one variable: all of them."""

from __future__ import annotations

from typing import Any

from approxlab.calculus._functions import functions_of, number
from approxlab.calculus._line_sets import extrema_of, points_at
from approxlab.calculus._lines import Line
from approxlab.calculus._smooth_sets import extrema_smooth
from approxlab.calculus._subdivision import roots_of
from approxlab.calculus.point_sets import Extrema, PointSet

__all__ = ["extrema", "intersections", "level_set", "roots"]


def roots(net: Any, box: Any) -> PointSet:
    """All x in the box with net(x) = 0.

    Piecewise linear networks: every root, each rounded once, and every interval on which the
    network is zero identically; signs that rounding hides are decided in integers. Smooth networks:
    the box is halved until bounds of the derivative tell each part; what they cannot tell, such as
    a root of multiplicity two, is in `unresolved` and never left out.

    Args:
        net: One input, one output. Of any continuous activation, or `derivative` of a smooth one.
        box: An interval.

    Raises:
        TypeError: If `net` is no network, or `box` no box.
        ValueError: If the network has more inputs or outputs, or jumps; if a value overflows.

    Example:
        >>> import approxlab as al
        >>> line = al.MLP.from_arrays([[[1.0]]], [[-0.5]], "relu")
        >>> al.calculus.roots(abs(line) - 0.25, al.Box([0.0], [1.0]))
        PointSet(0.25, 0.75)
        >>> al.calculus.roots(line - line, al.Box([3.0], [5.0]))
        PointSet([3, 5])
    """
    return level_set(net, 0.0, box)


def level_set(net: Any, level: Any, box: Any) -> PointSet:
    """All x in the box with net(x) = level, by crossing or by touching; see `roots`.

    Args:
        net: One input, one output.
        level: A number, taken as it is in float64.
        box: An interval.

    Raises:
        TypeError, ValueError: As `roots`; also for a level that is not a finite number.

    Example:
        >>> import approxlab as al
        >>> line = al.MLP.from_arrays([[[2.0]]], [[0.0]], "relu")
        >>> al.calculus.level_set(line, 1.0, al.Box([0.0], [1.0]))
        PointSet(0.5)
    """
    height = number("level", level)
    (f,) = functions_of([net], [[1]], box)
    return points_at(f, height) if isinstance(f, Line) else roots_of(f.shifted(-height))


def intersections(net: Any, other: Any, box: Any) -> PointSet:
    """All x in the box with net(x) = other(x), and the intervals on which they agree.

    The difference is taken of the functions: no parameter is rounded for it.

    Args:
        net: One input, one output.
        other: The same, of the same activation or of linear units; any depth.
        box: An interval.

    Raises:
        TypeError, ValueError: As `roots`; also for different activations.

    Example:
        >>> import approxlab as al
        >>> ramp = al.MLP.from_arrays([[[1.0]], [[1.0]]], [[-1.0], [0.0]], "relu")
        >>> half = al.MLP.from_arrays([[[0.25]]], [[0.0]], "identity")
        >>> al.calculus.intersections(ramp, half, al.Box([0.0], [2.0]))
        PointSet(0, 1.33333)
    """
    (f,) = functions_of([net, other], [[1, -1]], box)
    return points_at(f, 0.0) if isinstance(f, Line) else roots_of(f)


def extrema(net: Any, box: Any) -> Extrema:
    """Least and largest value on the box, where they are attained, and all local extrema.

    Piecewise linear networks: exact, ties of equal values too; values and places are rounded once.
    Smooth networks: from all roots of the derivative, so that no narrow peak is missed; `argmax`
    then holds all places whose values cannot be told from the largest one by rounding. Their values
    are right to a few roundings of the terms that the last layer adds, as evaluated ones are: both
    can differ in the last digits.

    Args:
        net: One input, one output.
        box: An interval.

    Raises:
        TypeError, ValueError: As `roots`.

    Example:
        >>> import approxlab as al
        >>> hat = 1.0 - abs(al.MLP.from_arrays([[[1.0]]], [[-0.5]], "relu"))
        >>> found = al.calculus.extrema(hat, al.Box([0.0], [1.0]))
        >>> found.maximum, found.argmax, found.argmin
        (1.0, PointSet(0.5), PointSet(0, 1))
    """
    (f,) = functions_of([net], [[1]], box)
    return extrema_of(f) if isinstance(f, Line) else extrema_smooth(f)
