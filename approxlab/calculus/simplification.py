"""Smaller networks of the same values on a box: without idle units, or with one hidden layer."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_positive
from approxlab.calculus._line_networks import bends, spline
from approxlab.calculus._lines import Line, lines
from approxlab.networks.activations import kink_slopes
from approxlab.networks.mlp import MLP

__all__ = ["Simplified", "kinks", "restrict", "simplify"]


@dataclasses.dataclass(frozen=True, eq=False)
class Simplified:
    """A network with one hidden layer, and what it does without.

    Attributes:
        network: The network; equal to the given one on the box, up to rounding of its parameters
            and of its evaluation: a sum of one term per kink, which loses about eps K^2 of the
            range where K slopes of equal size alternate.
        kinks: Where its slope changes, shape (K,).
        num_units_before: Nonlinear units of the given network.
        num_idle: Of these, units that never bend in the box.
        num_bends: Positions in the box at which any unit bends; units with one kink count once.
        num_cancelled: Of these, positions at which the slope of the network does not change.
    """

    network: MLP
    kinks: np.ndarray
    num_units_before: int
    num_idle: int
    num_bends: int
    num_cancelled: int

    def __repr__(self) -> str:
        return (
            f"Simplified({self.network!r}, from {self.num_units_before} units: {self.num_idle} "
            f"never bend in the box, {self.num_bends} positions of bends, {self.num_cancelled} of "
            "them cancelled)"
        )


def kinks(net: Any, box: Any) -> np.ndarray:
    """Positions inside of the box at which the slope of the network changes, shape (K,).

    Each of exact arithmetic, rounded once. Of networks too large for that, as `regions.pieces`.

    Args:
        net: One input, one output, piecewise linear.
        box: An interval.

    Raises:
        TypeError, ValueError: If they are anything else.

    Example:
        >>> import approxlab as al
        >>> hat = abs(al.MLP.from_arrays([[[1.0]]], [[-0.5]], "relu"))
        >>> al.calculus.kinks(hat, al.Box([0.0], [1.0])).tolist()
        [0.5]
    """
    (f,) = lines([net], [[1]], box)
    return bends(f)[0]


def restrict(net: Any, box: Any) -> MLP:
    """The network without the units that do not bend in the box: equal to it there, elsewhere not.

    Units that are off on the whole box are removed, units that are on become linear units. Of relu
    and of absolute values no parameter is rounded; of leaky units that are on their left branch the
    outgoing weights are multiplied by its slope.

    Args:
        net: One input, one output, piecewise linear, any depth.
        box: An interval.

    Raises:
        TypeError, ValueError: If they are anything else.

    Example:
        >>> import approxlab as al
        >>> two = al.MLP.from_arrays([[[1.0], [1.0]], [[1.0, 1.0]]], [[1.0, -3.0], [0.0]], "relu")
        >>> al.calculus.restrict(two, al.Box([0.0], [1.0]))
        MLP(1-1-1, relu, 1 linear units, 4 parameters, float...)
    """
    (f,) = lines([net], [[1]], box)
    if net.activation == "identity" or net.num_hidden_units == 0:
        return net
    left, right = kink_slopes(net.activation, net.dtype)
    weights, biases = list(net.weights), list(net.biases)
    passthrough, start = [], 0
    for i in range(net.depth):
        width = biases[i].shape[0]
        linear = np.arange(width) >= width - net.passthrough[i]
        signs = f.patterns[:, start : start + width]
        start += width
        never_on, never_off = ~np.any(signs > 0, axis=0), ~np.any(signs < 0, axis=0)
        slope = np.where(never_off, right, np.where(never_on, left, np.nan))
        slope = np.where(linear, 1.0, np.where(never_on & never_off, 0.0, slope))
        bent = np.flatnonzero(np.isnan(slope))
        straight = np.flatnonzero(~np.isnan(slope) & (slope != 0.0))
        if not len(bent) and not len(straight):
            straight, slope[0] = np.array([0]), 0.0  # a layer keeps one unit
        order = np.concatenate([bent, straight])
        factors = jnp.asarray(np.append(np.ones(len(bent)), slope[straight]), net.dtype)
        weights[i], biases[i] = weights[i][order], biases[i][order]
        weights[i + 1] = weights[i + 1][:, order] * factors[None, :]
        passthrough.append(len(straight))
    return MLP(tuple(weights), tuple(biases), net.activation, tuple(passthrough), net.out_size)


def simplify(net: Any, box: Any, *, linear_unit: Any = True, max_units: Any = 10_000) -> Simplified:
    """The network as one with a single hidden layer of ReLUs, and what was left out.

    K kinks in the box take K ReLUs and one linear unit, or K + 1 ReLUs; K ReLUs alone where the
    network is flat at one end of the box. Whether K ReLUs suffice otherwise is a question of subset
    sums: each ReLU opens to the left or to the right, and the changes of slope of those that open
    to the left must add up to the first slope; this is not tried. A deep narrow network can have
    very many kinks, so its size is known, and compared with `max_units`, before it is built.
    Kinks, slopes and values are those of exact arithmetic, rounded to the dtype of the network.

    Args:
        net: One input, one output, piecewise linear, any depth.
        box: An interval.
        linear_unit: Whether the first slope is carried by a linear unit, or by a ReLU with its kink
            at the left end of the box.
        max_units: The largest number of hidden units to build.

    Raises:
        TypeError, ValueError: If they are anything else, or more units would be needed.

    Example:
        >>> import approxlab as al
        >>> hat = 1.0 - abs(abs(al.MLP.from_arrays([[[1.0]]], [[-0.5]], "relu")))
        >>> al.calculus.simplify(hat, al.Box([0.0], [1.0]))
        Simplified(MLP(1-2-1, relu, 1 linear units, 7 parameters, float...), from 4 units: 2 ...
    """
    check_positive(max_units=max_units)
    if not isinstance(linear_unit, bool | np.bool_):
        raise ValueError(f"linear_unit: got {linear_unit!r}, expected True or False.")
    (f,) = lines([net], [[1]], box)
    places, slopes = bends(f)
    size = len(places) + (len(places) > 0 and slopes[0] != 0.0 and slopes[-1] != 0.0)
    if size > max_units:
        raise ValueError(
            f"max_units: got {max_units}, expected at least {size}: the network has {len(places)} "
            "kinks in the box, each of which takes a ReLU in one hidden layer."
        )
    ends, dtype, unit = f.values[[0, -1]], str(net.dtype), bool(linear_unit)
    network = spline(f.box.lower[0], ends, places, slopes, dtype, linear_unit=unit)
    before, idle = _idle(net, f)
    bent = len(f.edges) - 2
    return Simplified(
        MLP(network.weights, network.biases, "relu", network.passthrough, net.out_size),
        places,
        before,
        idle,
        bent,
        bent - len(places),
    )


def _idle(net: MLP, f: Line) -> tuple[int, int]:
    """Nonlinear units, and those of them that never bend in the box."""
    if net.activation == "identity":
        return 0, 0
    widths = [b.shape[0] for b in net.biases[:-1]]
    nonlinear = np.array(
        [i < n - k for n, k in zip(widths, net.passthrough, strict=True) for i in range(n)], bool
    )
    bends_there = np.any(f.patterns > 0, axis=0) & np.any(f.patterns < 0, axis=0)
    return int(np.sum(nonlinear)), int(np.sum(nonlinear & ~bends_there))
