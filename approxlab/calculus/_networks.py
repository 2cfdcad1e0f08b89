"""Checks of what the functions of this room take: networks of one variable, and an interval."""

from __future__ import annotations

from typing import Any

import jax
import numpy as np

from approxlab.domains import Box, check_interval
from approxlab.networks.activations import KINK_SLOPES
from approxlab.networks.mlp import MLP

__all__ = ["check_kinked", "check_network", "interval", "is_kinked"]


def check_network(net: Any, name: str = "net", *, scalar: bool = True) -> None:
    """One network of one variable, with one finite output."""
    if not isinstance(net, MLP):
        raise TypeError(
            f"{name}: got {type(net).__name__}, expected an MLP of one variable. Fit a network to "
            "another function first, or write result.network for the network of a fit."
        )
    net._check_single()
    if net.in_size != 1 or (scalar and net.sizes[-1] != 1):
        raise ValueError(f"{name}: got {net!r}, expected one input{' and one output' * scalar}.")
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        traced = isinstance(weight, jax.core.Tracer) or isinstance(bias, jax.core.Tracer)
        if not traced and not (np.all(np.isfinite(weight)) and np.all(np.isfinite(bias))):
            raise ValueError(f"{name}: got weights that are not finite in layer {i}.")


def is_kinked(net: MLP) -> bool:
    """Whether the network is piecewise linear."""
    return net.activation in KINK_SLOPES or net.num_hidden_units == 0


def check_kinked(net: MLP, name: str = "net") -> None:
    """A piecewise linear network."""
    if not is_kinked(net):
        raise ValueError(
            f"{name}: got {net!r}, expected piecewise linear units, one of "
            f"{', '.join(sorted(KINK_SLOPES))}: {net.activation} bends everywhere or jumps, so the "
            "result is no network of this kind."
        )


def interval(box: Any) -> tuple[float, float]:
    """The ends of the box, which has one dimension."""
    if not isinstance(box, Box):
        raise TypeError(f"box: got {box!r}, expected a box such as al.Box([0.0], [1.0]).")
    low, high = check_interval(box, "box")
    if not np.isfinite(high - low):
        raise ValueError(f"box: got {box!r}, whose width overflows, expected a shorter interval.")
    return low, high
