"""Maximum, minimum, reflection and inverse of networks, as networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from approxlab.calculus._line_networks import spline
from approxlab.calculus._lines import lines
from approxlab.calculus._networks import check_kinked, check_network, interval
from approxlab.networks._lattice import larger
from approxlab.networks.calculus import precompose
from approxlab.networks.mlp import MLP

__all__ = ["inverse", "maximum", "minimum", "reflect"]


def maximum(net: Any, other: Any) -> MLP:
    """The network x -> max(net(x), other(x)), of any number of inputs and of outputs.

    One hidden layer more than the deeper of both, with one linear unit beside relu(net - other).
    Exact: only the last biases, which are subtracted, are rounded (leaky units: the last weights).

    Args:
        net: Piecewise linear units.
        other: As many inputs and outputs, of the same activation or of linear units; any depth.

    Raises:
        TypeError: If one is no network.
        ValueError: If the activations differ or are not piecewise linear, or the sizes differ.

    Example:
        >>> import approxlab as al
        >>> import jax.numpy as jnp
        >>> line = al.MLP.from_arrays([[[1.0]]], [[0.0]], "relu")
        >>> float(al.calculus.maximum(line, 1.0 - line)(jnp.array([0.25])))
        0.75
    """
    _check_pair(net, other)
    return larger(net, other)


def minimum(net: Any, other: Any) -> MLP:
    """The network x -> min(net(x), other(x)); see `maximum`.

    Example:
        >>> import approxlab as al
        >>> import jax.numpy as jnp
        >>> line = al.MLP.from_arrays([[[1.0]]], [[0.0]], "relu")
        >>> float(al.calculus.minimum(line, 1.0 - line)(jnp.array([0.25])))
        0.25
    """
    _check_pair(net, other)
    return -larger(-net, -other)


def reflect(net: Any, box: Any = None) -> MLP:
    """The network x -> net(a + b - x) on the box [a, b]; without a box x -> net(-x).

    Of one variable and any activation. First biases W (a + b) + b are rounded; net(-x) is exact.

    Args:
        net: One input.
        box: An interval, or `None`.

    Raises:
        TypeError, ValueError: If `net` is no network of one variable, or `box` no interval.

    Example:
        >>> import approxlab as al
        >>> import jax.numpy as jnp
        >>> line = al.MLP.from_arrays([[[1.0]]], [[0.0]], "relu")
        >>> float(al.calculus.reflect(line, al.Box([0.0], [3.0]))(jnp.array([1.0])))
        2.0
    """
    check_network(net, scalar=False)
    return precompose(net, -1.0, 0.0 if box is None else sum(interval(box)))


def inverse(net: Any, box: Any) -> MLP:
    """The inverse function of a network that is strictly monotone on the box, as a network.

    One hidden layer on [min net, max net], with a ReLU per kink and one linear unit. Kinks, slopes
    and values are those of exact arithmetic, rounded to the dtype of the network.

    Args:
        net: One input, one output, piecewise linear.
        box: An interval.

    Raises:
        TypeError: If `net` is no network, or `box` no box.
        ValueError: If the network is not strictly monotone on the box.

    Example:
        >>> import approxlab as al
        >>> import jax.numpy as jnp
        >>> ramp = al.MLP.from_arrays([[[1.0], [1.0]], [[1.0, 2.0]]], [[0.0, -1.0], [0.0]], "relu")
        >>> float(al.calculus.inverse(ramp, al.Box([0.0], [2.0]))(jnp.array([4.0])))
        2.0
    """
    (f,) = lines([net], [[1]], box)
    directions = f.directions()
    if not np.any(directions):
        raise ValueError(
            f"net: got {net!r} that is constant on {box!r}, expected a strictly monotone one: a "
            "constant function has no inverse. Take a box where the network rises or falls."
        )
    if not np.all(directions == directions[0]) or directions[0] == 0:
        wrong = int(np.argmax((directions != directions[0]) | (directions == 0)))
        raise ValueError(
            f"net: got {net!r} that is not strictly monotone: its slope is {f.slopes[0]:.3g} at "
            f"the left end and {f.slopes[wrong]:.3g} at {f.edges[wrong]:.6g}, expected one sign. "
            "Take a box between two of the extrema(net, box)."
        )
    step = int(directions[0])  # a falling function is read from its right end
    edges, values = f.edges[::step], f.values[::step]
    with np.errstate(over="ignore", divide="ignore"):  # refused by the network
        slopes = (f.widths / f.rises)[::step]
    bent = f.bent()[::step]
    return spline(
        values[0],
        edges[[0, -1]],
        values[1:-1][bent],
        slopes[np.concatenate([[True], bent])],
        str(net.dtype),
        out_size=net.out_size,
    )


def _check_pair(net: Any, other: Any) -> None:
    for name, one in (("net", net), ("other", other)):
        if not isinstance(one, MLP):
            raise TypeError(f"{name}: got {type(one).__name__}, expected a network.")
        check_kinked(one, name)
    if net.in_size != other.in_size or net.out_size != other.out_size:
        raise ValueError(
            f"other: got {other!r} with out_size={other.out_size}, expected {net.in_size} inputs "
            f"and out_size={net.out_size}, as of {net!r}."
        )
