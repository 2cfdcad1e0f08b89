"""Derivatives and antiderivatives of networks of one variable: networks where there are such."""

from __future__ import annotations

from typing import Any

from approxlab.arguments import check_positive
from approxlab.calculus._jets import SMOOTH
from approxlab.calculus._line_networks import antiderivative_network, derivative_network
from approxlab.calculus._lines import lines
from approxlab.calculus._networks import check_network, interval, is_kinked
from approxlab.calculus._powers import POWERS, one_power_less, one_power_more
from approxlab.calculus.smooth_antiderivatives import (
    CLOSED,
    Antiderivative,
    PanelAntiderivative,
    antiderivative_of,
)
from approxlab.calculus.smooth_derivatives import Derivative
from approxlab.networks.mlp import MLP

__all__ = ["antiderivative", "derivative"]


def derivative(net: Any, box: Any = None, *, order: int = 1) -> MLP | Derivative:
    """The derivative of a network: steps, a network of the power below, or a function.

    - Piecewise linear, any depth: a heaviside network with one step per kink in the box, and the
      mean of both slopes at a kink. Slopes are those of exact arithmetic, rounded to the dtype.
    - relu2, relu3, relu4 with one hidden layer: the network of the power below, with or without a
      box; its last weights k c w are rounded.
    - tanh, sigmoid, softplus, sin, gelu, swish, any depth: a function of one point, of any order,
      by Taylor coefficients; the box is not needed.

    Args:
        net: One input, one output (any number for smooth activations).
        box: An interval. Piecewise linear networks need it: their kinks are those inside.
        order: Which derivative. A network of steps has no further one.

    Raises:
        TypeError: If `net` is no network, or `box` no box.
        ValueError: If a piecewise linear network comes without a box, or the derivative is no
            function: of heaviside networks, and beyond the power of relu.

    Example:
        >>> import approxlab as al
        >>> import jax.numpy as jnp
        >>> hat = 1.0 - abs(al.MLP.from_arrays([[[1.0]]], [[-0.5]], "relu"))
        >>> slope = al.calculus.derivative(hat, al.Box([0.0], [1.0]))
        >>> [float(slope(jnp.array([x]))) for x in (0.25, 0.5, 0.75)]
        [1.0, 0.0, -1.0]
    """
    check_positive(order=order)
    kinked = isinstance(net, MLP) and is_kinked(net)
    check_network(net, scalar=kinked)
    if box is not None:
        _check_box(box)
    if kinked:
        return _steps(net, box, int(order))
    if net.activation in POWERS and net.depth == 1:
        for _ in range(order):
            net = one_power_less(net)
        return net
    if net.activation not in SMOOTH:
        raise ValueError(f"net: got {net!r}, whose derivative is no function: it jumps.")
    if net.activation in POWERS and order >= POWERS[net.activation]:
        raise ValueError(
            f"order: got {order} for {net!r}, expected at most {POWERS[net.activation] - 1}: "
            "beyond it the derivative jumps."
        )
    return Derivative(net, int(order))


def _check_box(box: Any) -> None:
    if hasattr(box, "__index__"):
        raise TypeError(
            f"box: got {box!r}, expected an interval or None. Write order={box!r} for that order."
        )
    interval(box)


def _steps(net: MLP, box: Any, order: int) -> MLP:
    if order > 1:
        raise ValueError(
            f"order: got {order}, expected 1: the derivative of a piecewise linear network is a "
            "step function, and has itself no derivative at its steps."
        )
    if box is None:
        raise ValueError(
            f"box: got None, expected an interval for {net!r}: the steps are its kinks there. "
            "Write derivative(net, al.Box([0.0], [1.0]))."
        )
    return derivative_network(lines([net], [[1]], box)[0], str(net.dtype), net.out_size)


def antiderivative(net: Any, box: Any) -> MLP | Antiderivative | PanelAntiderivative:
    """The integral of the network from the left end of the box to x, as a network or a function.

    - Piecewise linear, any depth: a network with one hidden layer of relu2 units and one linear
      unit: K + 1 units for K kinks in the box.
    - heaviside, relu2, relu3 with one hidden layer: the network of the power above; right to some
      roundings, in its dtype, of x and of the integral of the absolute values of the units.
    - tanh, sigmoid, sin with one hidden layer: a closed formula, by log cosh, softplus and cosine,
      in differences that neither overflow nor cancel; units of weight 0 give a linear term.
    - Other smooth networks: a function that integrates by Gauss's rule on panels that were chosen
      on the box; there is no formula. Its attribute `error` is a proved bound of its error, with
      evaluations in float64.

    Args:
        net: One input, one output.
        box: An interval; the result is meant for points inside.

    Raises:
        TypeError: If `net` is no network, or `box` no box.
        ValueError: If the network has more inputs or outputs, or if no form above applies, as for
            relu4 and for deep powers of relu.

    Example:
        >>> import approxlab as al
        >>> import jax.numpy as jnp
        >>> line = al.MLP.from_arrays([[[2.0]]], [[1.0]], "relu")
        >>> area = al.calculus.antiderivative(line, al.Box([0.0], [3.0]))
        >>> area.activation, float(area(jnp.array([3.0])))
        ('relu2', 12.0)
    """
    interval(box)
    check_network(net)
    if is_kinked(net):
        (f,) = lines([net], [[1]], box)
        return antiderivative_network(f, str(net.dtype), net.out_size)
    if net.activation in POWERS:
        return one_power_more(net, box)
    if net.activation in CLOSED and net.depth == 1:
        return Antiderivative(net, float(box.lower[0]))
    return antiderivative_of(net, box)
