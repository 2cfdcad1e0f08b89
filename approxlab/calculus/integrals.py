"""Integrals, inner products, norms, lengths and variations of networks of one variable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from approxlab.calculus._functions import functions_of
from approxlab.calculus._line_integrals import (
    inner_of,
    integral_of,
    length_of,
    norm_of,
    variation_of,
)
from approxlab.calculus._lines import Line
from approxlab.calculus._sizes import sizes_on
from approxlab.calculus._smooth import Smooth
from approxlab.calculus._smooth_integrals import arc, checked, of_absolute, of_product, of_value
from approxlab.calculus._smooth_sets import extrema_smooth, variation_smooth
from approxlab.calculus._steps import Steps, is_steps

__all__ = ["arc_length", "inner", "integral", "norm", "total_variation"]


def integral(net: Any, box: Any) -> float:
    """The integral of the network over the box.

    Piecewise linear networks: exact up to a few roundings of the integral of |net|: the pieces are
    those of exact arithmetic, rounded once. Other networks, of any depth: by Gauss's rule, whose
    error is proved to be below 1e-10 of the integral of |net|, or at the level of rounding of last
    layers whose units cancel, and is mostly near 1e-15; a larger bound is refused. Step networks
    (heaviside, one hidden layer): exact as piecewise linear ones.

    Args:
        net: One input, one output. heaviside and powers of relu: one hidden layer.
        box: An interval.

    Raises:
        TypeError: If `net` is no network, or `box` no box.
        ValueError: If the network has more inputs or outputs, or jumps in a deeper layer; if a
            value overflows; if the bound of the error is above 1e-10.

    Example:
        >>> import approxlab as al
        >>> line = al.MLP.from_arrays([[[2.0]]], [[1.0]], "relu")
        >>> al.calculus.integral(line, al.Box([0.0], [3.0]))
        12.0
    """
    return _finite("integral", net, lambda: _integral(net, box))


def _integral(net: Any, box: Any) -> float:
    if is_steps(net):
        return Steps(net, box).integral()
    (f,) = functions_of([net], [[1]], box)
    return integral_of(f) if isinstance(f, Line) else checked(of_value(f), "integral", f.terms)


def inner(net: Any, other: Any, box: Any) -> float:
    """The L2 inner product, the integral of net(x) other(x) over the box; see `integral`.

    Args:
        net: One input, one output.
        other: The same, of the same activation or of linear units; any depth.
        box: An interval.

    Raises:
        TypeError, ValueError: As `integral`; also for different activations.

    Example:
        >>> import approxlab as al
        >>> line = al.MLP.from_arrays([[[1.0]]], [[0.0]], "relu")
        >>> al.calculus.inner(line, 2.0 * line, al.Box([0.0], [3.0]))
        18.0
    """
    return _finite("inner product", net, lambda: _inner(net, other, box))


def _inner(net: Any, other: Any, box: Any) -> float:
    f, g = functions_of([net, other], [[1, 0], [0, 1]], box)
    if isinstance(f, Line) and isinstance(g, Line):
        return inner_of(f, g)
    assert isinstance(f, Smooth)
    assert isinstance(g, Smooth)
    return checked(of_product(f, g), "inner product", f.terms * g.terms)


def norm(net: Any, p: Any, box: Any) -> float:
    """The L^p norm of the network on the box, p = 1, 2 or math.inf.

    Piecewise linear networks: exact up to a few roundings. Smooth ones: p = 1 and 2 as `integral`,
    the sup norm as `extrema`. The norm of a difference: `norm(net - other, 2, box)`.

    Args:
        net: One input, one output.
        p: 1, 2 or math.inf.
        box: An interval.

    Raises:
        TypeError, ValueError: As `integral`; also for other p, and where the sign or the largest
            value of a smooth network could not be told.

    Example:
        >>> import approxlab as al
        >>> import math
        >>> line = al.MLP.from_arrays([[[1.0]]], [[-1.0]], "relu")
        >>> [al.calculus.norm(line, p, al.Box([0.0], [4.0])) for p in (1, math.inf)]
        [5.0, 3.0]
    """
    return _finite("norm", net, lambda: _norm(net, _exponent(p), box))


def _exponent(p: Any) -> float:
    number = hasattr(p, "__float__") and not isinstance(p, bool | np.bool_ | str)
    if not number or getattr(p, "shape", ()) != () or p not in (1, 2, math.inf):
        raise ValueError(f"p: got {p!r}, expected 1, 2 or math.inf.")
    return float(p)


def _norm(net: Any, p: float, box: Any) -> float:
    if is_steps(net):
        return Steps(net, box).norm(p)
    (f,) = functions_of([net], [[1]], box)
    if isinstance(f, Line):
        return norm_of(f, p)
    if p == 1:
        return checked(of_absolute(f), "integral of the absolute value", f.terms)
    if p == 2:
        return math.sqrt(checked(of_product(f, f), "integral of the square", f.terms**2))
    found = extrema_smooth(f)
    largest = max(abs(found.minimum), abs(found.maximum))
    enough = largest + max(1e-10 * largest, 2.0**-46 * f.height)
    hidden = np.unique(np.concatenate([found.argmin.unresolved, found.argmax.unresolved]), axis=0)
    over = max((float(np.max(sizes_on(f, a, b, enough)[1])) for a, b in hidden), default=0.0)
    if over > enough:
        raise ValueError(
            f"net: its largest absolute value is between {largest:.17g} and {over:.17g}: rounding "
            "hides which. Take a smaller box."
        )
    return largest


def arc_length(net: Any, box: Any) -> float:
    """The length of the graph over the box, the integral of sqrt(1 + net'^2); see `integral`.

    Example:
        >>> import approxlab as al
        >>> line = al.MLP.from_arrays([[[0.75]]], [[0.0]], "relu")
        >>> al.calculus.arc_length(line, al.Box([0.0], [4.0]))
        5.0
    """
    return _finite("arc length", net, lambda: _length(net, box))


def _length(net: Any, box: Any) -> float:
    (f,) = functions_of([net], [[1]], box)
    return length_of(f) if isinstance(f, Line) else checked(arc(f), "arc length", 0.0)


def total_variation(net: Any, box: Any) -> float:
    """The total variation on the box, the integral of |net'|: the sum of all rises and falls.

    Raises:
        TypeError, ValueError: As `integral`; also where the direction of a smooth network could not
            be told.

    Example:
        >>> import approxlab as al
        >>> hat = abs(al.MLP.from_arrays([[[1.0]]], [[-1.0]], "relu"))
        >>> al.calculus.total_variation(hat, al.Box([0.0], [3.0]))
        3.0
    """
    return _finite("total variation", net, lambda: _variation(net, box))


def _variation(net: Any, box: Any) -> float:
    if is_steps(net):
        return Steps(net, box).variation()
    (f,) = functions_of([net], [[1]], box)
    return variation_of(f) if isinstance(f, Line) else variation_smooth(f)


def _finite(name: str, net: Any, compute: Callable[[], float]) -> float:
    """What is computed, if it is a float."""
    try:
        with np.errstate(over="ignore", invalid="ignore"):
            found = compute()
    except OverflowError:
        found = math.inf
    if not math.isfinite(found):
        raise ValueError(
            f"net: got {net!r} whose {name} overflows float64, expected a smaller one. Take a "
            "smaller box, or multiply the network by a small number."
        )
    return found
