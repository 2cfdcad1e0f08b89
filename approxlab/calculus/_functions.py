"""One or two networks on an interval: as a piecewise linear or as a smooth function."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from approxlab.calculus._lines import Line, lines
from approxlab.calculus._networks import check_network, interval, is_kinked
from approxlab.calculus._smooth import Smooth, smooth_functions
from approxlab.calculus.smooth_derivatives import Derivative

__all__ = ["functions_of", "number"]


def functions_of(
    nets: Sequence[Any], factors: Sequence[Sequence[int]], box: Any
) -> list[Line] | list[Smooth]:
    """Sums of networks, each with these factors, all of one kind.

    Raises:
        TypeError, ValueError: If a network or the box is not what they are documented to be.
    """
    interval(box)
    orders = [net.order if isinstance(net, Derivative) else 0 for net in nets]
    inner = [net.net if isinstance(net, Derivative) else net for net in nets]
    for name, net in zip(("net", "other"), inner, strict=False):
        check_network(net, name)
    if any(orders):
        if len(set(orders)) > 1:
            raise ValueError(
                f"other: got derivatives of orders {orders[0]} and {orders[1]}, expected one order."
            )
        return [f.derived(orders[0]) for f in smooth_functions(inner, factors, box)]
    if all(is_kinked(net) for net in inner):
        return lines(inner, factors, box)
    return smooth_functions(inner, factors, box)


def number(name: str, value: Any) -> float:
    """A finite real number."""
    try:
        if isinstance(value, str | bytes) or getattr(value, "dtype", np.dtype(float)).kind in "OSU":
            raise TypeError
        found = float(value)
    except (TypeError, ValueError):
        found = math.nan
    if not math.isfinite(found):
        raise ValueError(f"{name}: got {value!r}, expected a finite number.")
    return found
