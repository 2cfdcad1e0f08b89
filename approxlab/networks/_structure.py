"""What the arrays of a network must satisfy together, checked before a product fails on them."""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
import numpy as np

from approxlab.networks.activations import activation as activation_named

__all__ = ["as_numbers", "check_structure"]


def as_numbers(name: str, values: Any, dtype: Any) -> Any:
    """Real numbers as an array of this dtype; strings, None and complex numbers are refused."""
    try:
        if hasattr(values, "dtype") and np.dtype(values.dtype).kind in "cOSU":
            raise TypeError
        return jnp.asarray(values, dtype)
    except (TypeError, ValueError):
        kind = getattr(values, "dtype", type(values).__name__)
        raise TypeError(f"{name}: got {kind}, expected real numbers.") from None


def check_structure(net: Any) -> None:
    """Check the shapes of all leaves against one another, before a product fails on them."""
    activation_named(net.activation)
    leaves = (*net.weights, *net.biases)
    kinds = {str(getattr(leaf, "dtype", type(leaf).__name__)) for leaf in leaves}
    if len(kinds) > 1 or not all(
        hasattr(leaf, "shape") and jnp.issubdtype(leaf.dtype, jnp.floating) for leaf in leaves
    ):
        raise TypeError(
            f"weights: got {', '.join(sorted(kinds))}, expected arrays of one floating-point dtype "
            "in all weights and biases. Use MLP.from_arrays for lists and mixed dtypes."
        )
    if len(net.weights) != len(net.biases) or not net.weights:
        raise ValueError(
            f"biases: got {len(net.biases)} for {len(net.weights)} weights, expected one weight "
            "matrix and one bias per layer, at least one layer."
        )
    if len(net.passthrough) != len(net.weights) - 1:
        raise ValueError(
            f"passthrough: got {net.passthrough!r}, expected one number per hidden layer, "
            f"{len(net.weights) - 1} in all."
        )
    before = net.weights[0].shape[-1] if len(net.weights[0].shape) >= 2 else 0
    for i, (weight, bias) in enumerate(zip(net.weights, net.biases, strict=True)):
        if len(weight.shape) < 2 or weight.shape[-1] != before or weight.shape[:-1] != bias.shape:
            raise ValueError(
                f"weights: layer {i} has weight of shape {weight.shape} and bias of shape "
                f"{bias.shape}, expected (out, {before or 'in'}) and (out,). Weights are (out, in)."
            )
        before = bias.shape[-1]
        if i < net.depth and not 0 <= net.passthrough[i] <= before:
            raise ValueError(
                f"passthrough: got {net.passthrough[i]} linear units in hidden layer {i} of "
                f"{before} units, expected 0 to {before}."
            )
    if before != (1 if net.out_size is None else net.out_size):
        raise ValueError(
            f"out_size: got {net.out_size!r} with a last layer of {before} units, expected None "
            f"(one unit, values of shape ()) or {before}."
        )
