"""Networks with one hidden layer of relu(z)^k: derivatives and integrals stay in the family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.networks.mlp import MLP

__all__ = ["POWERS", "one_power_less", "one_power_more"]

POWERS: Mapping[str, int] = {"heaviside": 0, "relu": 1, "relu2": 2, "relu3": 3, "relu4": 4}
"""The power k of an activation relu(z)^k."""

_NAMES = {power: name for name, power in POWERS.items()}


def one_power_less(net: MLP) -> MLP:
    """The derivative: units k w relu(w x + b)^(k - 1), and linear units as a constant."""
    power = POWERS[net.activation]
    if power == 0:
        raise ValueError(f"net: got {net!r}, whose derivative is no function: it jumps.")
    bent = net.biases[0].shape[0] - net.passthrough[0]
    (first, last), linear = net.weights, net.weights[1][:, bent:]
    rates = first[:, 0]
    height = linear @ rates[bent:]
    return MLP(
        (first[:bent], power * last[:, :bent] * rates[None, :bent]),
        (net.biases[0][:bent], height),
        _NAMES[power - 1],
        (0,),
        net.out_size,
    )


def one_power_more(net: MLP, box: Any) -> MLP:
    """The integral from the left end: units relu(w x + b)^(k + 1) / ((k + 1) w), and linear ones.

    Raises:
        ValueError: If the power is the highest one, the network is deep, or a linear unit has a
            slope: its integral is a square, which units of power 3 and more do not make.
    """
    power = POWERS[net.activation]
    if net.depth > 1 or power + 1 not in _NAMES:
        raise ValueError(
            f"net: got {net!r}, expected one hidden layer of heaviside, relu2 or relu3 units: no "
            "activation of this library holds the integral."
        )
    start, bent = float(box.lower[0]), net.biases[0].shape[0] - net.passthrough[0]
    weights, biases = (np.asarray(a, np.float64) for a in (net.weights[0][:, 0], net.biases[0]))
    outer = np.asarray(net.weights[1][0], np.float64)
    if np.any((weights[bent:] != 0) & (outer[bent:] != 0)):
        raise ValueError(
            f"net: got {net!r} with a linear unit that is not constant: its integral is a square, "
            f"which {_NAMES[power + 1]} units do not make. Replace it by two units that bend."
        )
    at_start = np.maximum(weights * start + biases, 0.0) ** (power + 1)
    steep = (np.arange(len(biases)) < bent) & (weights != 0)
    factors = outer[steep] / ((power + 1) * weights[steep])
    still = np.arange(len(biases)) < bent
    constant = np.where(still, _power(biases, power), biases)[~steep]
    slope = float(outer[~steep] @ constant + float(net.biases[1][0]))
    height = -float(factors @ at_start[steep]) - slope * start
    return MLP.from_arrays(
        [np.append(weights[steep], 1.0)[:, None], np.append(factors, slope)[None, :]],
        [np.append(biases[steep], 0.0), [height]],
        _NAMES[power + 1],
        passthrough=(1,),
        out_size=net.out_size,
        dtype=str(jnp.dtype(net.dtype)),
    )


def _power(z: np.ndarray, power: int) -> np.ndarray:
    return 0.5 * (np.sign(z) + 1.0) if power == 0 else np.maximum(z, 0.0) ** power
