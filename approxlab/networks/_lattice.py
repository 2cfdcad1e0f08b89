"""Absolute value, maximum and minimum of networks of piecewise linear units: one layer more.

    |f| = relu(f) + relu(-f)          max(f, g) = g + relu(f - g)

and for other units with slopes l < r of their two branches, act(z) + act(-z) = (r - l) |z| and
max(f, g) = (f + g)/2 + |f - g|/2.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.networks._stacking import alike, beside, block_diagonal, is_linear
from approxlab.networks.activations import KINK_SLOPES, kink_slopes

__all__ = ["absolute", "larger"]


def absolute(net: Any) -> Any:
    """The network x -> |net(x)|, of any number of inputs and outputs.

    Nothing is rounded, but for leaky units: their last weights are 1 / (1 - slope), rounded.
    """
    net = _bending(net)
    signs, scale = _absolute_units(net)
    outputs = net.biases[-1].shape[0]
    weight = jnp.concatenate([s * net.weights[-1] for s in signs])
    bias = jnp.concatenate([s * net.biases[-1] for s in signs])
    last = jnp.concatenate([scale * jnp.eye(outputs, dtype=net.dtype)] * len(signs), axis=1)
    return type(net)(
        (*net.weights[:-1], weight, last),
        (*net.biases[:-1], bias, jnp.zeros(outputs, net.dtype)),
        net.activation,
        (*net.passthrough, 0),
        net.out_size,
    )


def larger(one: Any, two: Any) -> Any:
    """The network x -> max(one(x), two(x)), output by output."""
    (one, two), activation = alike((one, two))
    one, two = _bending(one), _bending(two)
    activation = one.activation
    stacked = beside((one, two))
    pair = block_diagonal([one.weights[-1], two.weights[-1]])
    if stacked.order is None:
        pair = jnp.concatenate([one.weights[-1], two.weights[-1]])
    else:
        pair = pair[:, stacked.order]
    biases = jnp.concatenate([one.biases[-1], two.biases[-1]])
    m = one.biases[-1].shape[0]
    eye = jnp.eye(m, dtype=pair.dtype)
    difference = jnp.concatenate([eye, -eye], axis=1)
    signs: tuple[float, ...] = (1.0,)
    scale: Any = 1.0
    if activation == "relu":
        linear = jnp.concatenate([0.0 * eye, eye], axis=1)  # the second network
    else:
        signs, scale = _absolute_units(one)
        scale = 0.5 * scale
        linear = jnp.concatenate([0.5 * eye, 0.5 * eye], axis=1)  # their mean
    mixed = jnp.concatenate([*(s * difference for s in signs), linear])
    last = jnp.concatenate([*(scale * eye for _ in signs), eye], axis=1)
    return type(one)(
        (*stacked.weights, mixed @ pair, last),
        (*stacked.biases, mixed @ biases, jnp.zeros(m, pair.dtype)),
        activation,
        (*stacked.passthrough, m),
        one.out_size,
    )


def _bending(net: Any) -> Any:
    """The same network with piecewise linear units that bend: relu instead of the identity."""
    net._check_single()
    if is_linear(net) and (net.activation == "identity" or net.activation not in KINK_SLOPES):
        linear = tuple(b.shape[0] for b in net.biases[:-1])
        return type(net)(net.weights, net.biases, "relu", linear, net.out_size)
    if net.activation not in KINK_SLOPES:
        raise ValueError(
            f"activation: got {net.activation!r}, expected one of {', '.join(sorted(KINK_SLOPES))}:"
            f" a kink is no function of {net.activation} networks."
        )
    return net


def _absolute_units(net: Any) -> tuple[tuple[float, ...], Any]:
    """Signs s and a factor c with |z| = c * sum of act(s z)."""
    left, right = kink_slopes(net.activation, net.dtype)
    if left == -right:
        return (1.0,), np.asarray(1.0 / right, net.dtype)
    return (1.0, -1.0), np.asarray(1.0 / (right - left), net.dtype)
