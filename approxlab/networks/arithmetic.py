"""Sums, differences and multiples of networks, as operators: `net + other`, `2.0 * net`, `-net`.

For d inputs and m outputs, and any activation that both share. What is exact: the result is the
network of the exact sum, but for numbers that have to be added or multiplied themselves. These are
the last biases, the last weights times the factor of a multiple, and the weights of sums of
networks without a hidden layer; each of them is rounded once, to the dtype.
"""

from __future__ import annotations

from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.networks._lattice import absolute
from approxlab.networks._stacking import alike, beside
from approxlab.networks._structure import as_numbers

__all__ = ["Arithmetic"]

Net = TypeVar("Net", bound="Arithmetic")


class Arithmetic:
    """The operators of networks. Products of two networks are refused: they are not networks."""

    __array_ufunc__ = None  # so that NumPy's numbers leave the operator to the network

    weights: Any
    biases: Any
    activation: Any
    passthrough: Any
    out_size: Any

    def __add__(self: Net, other: Any) -> Net:
        """The network x -> net(x) + other(x), other a network or a number (or one per output)."""
        if isinstance(other, Arithmetic):
            return _sum(self, other, 1.0)
        return NotImplemented if _is_foreign(other) else _affine(self, 1.0, other)

    __radd__ = __add__

    def __sub__(self: Net, other: Any) -> Net:
        """The network x -> net(x) - other(x)."""
        if isinstance(other, Arithmetic):
            return _sum(self, other, -1.0)
        if _is_foreign(other):
            return NotImplemented
        # As numbers of the dtype first: the negative of an unsigned integer is another number.
        return _affine(self, 1.0, -as_numbers("other", other, self.weights[-1].dtype))

    def __rsub__(self: Net, other: Any) -> Net:
        """The network x -> other - net(x), other a number."""
        return NotImplemented if _is_foreign(other) else _affine(self, -1.0, other)

    def __neg__(self: Net) -> Net:
        """The network x -> -net(x), without any rounding."""
        return _affine(self, -1.0, 0.0)

    def __mul__(self: Net, other: Any) -> Net:
        """The network x -> other * net(x), other a number (or one per output)."""
        if isinstance(other, Arithmetic):
            raise TypeError(
                "other: got a network, expected a number: the product of two networks is no "
                "network of this activation. Use calculus.multiply(net, other, box) for networks "
                "of one variable."
            )
        return NotImplemented if _is_foreign(other) else _affine(self, other, 0.0)

    __rmul__ = __mul__

    def __truediv__(self: Net, other: Any) -> Net:
        """The network x -> net(x) / other, other a number."""
        if _is_foreign(other) or isinstance(other, Arithmetic):
            return NotImplemented
        number = as_numbers("other", other, self.weights[-1].dtype)
        if not isinstance(number, jax.core.Tracer) and np.any(np.asarray(number) == 0):
            raise ZeroDivisionError(
                f"other: got {other!r}, expected a number that is not zero in {number.dtype}."
            )
        return _divided(self, number)

    def __abs__(self: Net) -> Net:
        """The network x -> |net(x)|, of piecewise linear units: one hidden layer more.

        |z| = relu(z) + relu(-z), without any rounding; see `calculus.maximum` for the others.
        """
        return absolute(self)


def _is_foreign(other: Any) -> bool:
    """Neither a number nor an array of numbers."""
    return not (hasattr(other, "__float__") or hasattr(other, "shape")) or isinstance(other, str)


def _single(net: Any) -> None:
    net._check_single()


def _per_output(net: Any, number: Any) -> Any:
    number, m = as_numbers("other", number, net.dtype), net.biases[-1].shape[0]
    if number.shape not in ((), (m,)):
        raise ValueError(
            f"other: got shape {number.shape}, expected a number or {m}, one per output of {net!r}."
        )
    return jnp.broadcast_to(number, (m,))


def _affine(net: Any, scale: Any, shift: Any) -> Any:
    """The network x -> scale * net(x) + shift."""
    _single(net)
    scale, shift = _per_output(net, scale), _per_output(net, shift)
    weights = (*net.weights[:-1], scale[:, None] * net.weights[-1])
    biases = (*net.biases[:-1], scale * net.biases[-1] + shift)
    return type(net)(weights, biases, net.activation, net.passthrough, net.out_size)


def _divided(net: Any, number: Any) -> Any:
    _single(net)
    number = _per_output(net, number)
    weights = (*net.weights[:-1], net.weights[-1] / number[:, None])
    biases = (*net.biases[:-1], net.biases[-1] / number)
    return type(net)(weights, biases, net.activation, net.passthrough, net.out_size)


def _sum(one: Any, two: Any, sign: float) -> Any:
    """The network x -> one(x) + sign * two(x)."""
    _single(one)
    _single(two)
    if one.in_size != two.in_size or one.out_size != two.out_size:
        raise ValueError(
            f"other: got {two!r} with out_size={two.out_size}, expected {one.in_size} inputs and "
            f"out_size={one.out_size}, as of {one!r}."
        )
    (one, two), activation = alike((one, two))
    stacked = beside((one, two))
    if stacked.order is None:
        weight = one.weights[-1] + sign * two.weights[-1]
    else:
        both = jnp.concatenate([one.weights[-1], sign * two.weights[-1]], axis=1)
        weight = both[:, stacked.order]
    bias = one.biases[-1] + sign * two.biases[-1]
    return type(one)(
        (*stacked.weights, weight),
        (*stacked.biases, bias),
        activation,
        stacked.passthrough,
        one.out_size,
    )
