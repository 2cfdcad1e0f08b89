"""The tape: bytes that reverse mode keeps between its two sweeps, predicted and measured.

`jax.vjp` returns the pullback as a pytree whose leaves are the arrays that the backward sweep will
read: the tape. For the weights of a tanh network it holds (P - c0) + n_0 + 2H numbers: all weights
but those of the first layer, the input, and of each hidden layer the activation t and one vector
for its derivative (1 - t, or 1 - t^2 in newer versions of JAX). Biases and the value add nothing.
Other activations keep what their derivative rules need: relu a mask of one byte per unit and a
vector of zeros.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import jax
import jax.numpy as jnp

from approxlab.arguments import check_positive
from approxlab.networks.activations import activation
from approxlab.networks.mlp import MLP

__all__ = ["measured_tape", "predicted_tape", "tape_bytes"]

Wrt = Literal["weights", "inputs"]


def predicted_tape(net: MLP, batch: int | None = None, *, wrt: Wrt = "weights") -> int:
    """Bytes of the tape of a network, from its widths and what its activation keeps.

    Of layer l, wrt="weights" keeps the input a_{l-1} and, except for the first, the weights;
    wrt="inputs" keeps the weights of all layers and no input. What an activation keeps is read
    off its own derivative, at the size of its layer.

    Args:
        net: A single network; its values are not used.
        batch: Number of points that `jax.vmap` maps; by default one point, without an axis.
        wrt: Whether the derivative is one in the "weights" or in the "inputs".

    Raises:
        ValueError: If the network is stacked, `batch` not a positive integer, or `wrt` unknown.

    Example:
        >>> net = MLP.init(jax.random.key(0), 16, (32, 24), "tanh", out_size=8, dtype="float32")
        >>> predicted_tape(net)                         # 4 ((P - c0) + 16 + 2 (32 + 24))
        4352
    """
    _check(net, batch, wrt)
    kind = jnp.dtype(net.dtype)
    first = 0 if wrt == "inputs" else 1
    size = sum(math.prod(weight.shape) for weight in net.weights[first:]) * kind.itemsize
    if wrt == "weights":
        size += (batch or 1) * net.in_size * kind.itemsize
    for width, linear in zip(net.sizes[1:-1], net.passthrough, strict=True):
        size += _of_layer(net.activation, width, linear, batch, str(kind), wrt)
    return size


def _of_layer(name: str, width: int, linear: int, batch: int | None, dtype: str, wrt: str) -> int:
    """Bytes that a hidden layer keeps: for s', and its output as the input of the next layer."""
    act = activation(name)

    def layer(z: Any) -> Any:
        nonlinear = width - linear
        return jnp.concatenate([act(z[:nonlinear]), z[nonlinear:]]) if linear else act(z)

    def mapped(z: Any) -> Any:
        return layer(z) if batch is None else jax.vmap(layer)(z)

    def left(z: Any) -> Any:
        value, pull = jax.vjp(mapped, z)
        return ([value] if wrt == "weights" else []), jax.tree.leaves(pull)

    shape = (width,) if batch is None else (batch, width)
    jaxpr = jax.make_jaxpr(left)(jax.ShapeDtypeStruct(shape, dtype)).jaxpr
    # One variable may serve twice, such as t for the derivative of tanh and for the next layer.
    distinct = {id(v): v for v in jaxpr.outvars}
    return sum(math.prod(v.aval.shape) * v.aval.dtype.itemsize for v in distinct.values())


def measured_tape(net: MLP, x: Any, *, wrt: Wrt = "weights") -> int:
    """Bytes of the leaves of the pullback of `net` at x, each buffer counted once.

    Args:
        net: A single network.
        x: A point of shape (d,), or a batch (N, d) mapped by `jax.vmap`.
        wrt: Whether the derivative is one in the "weights" or in the "inputs".

    Raises:
        ValueError: If the network is stacked, or x is neither a point nor a batch of points.

    Example:
        >>> net = MLP.init(jax.random.key(0), 16, (32, 24), "tanh", out_size=8, dtype="float32")
        >>> measured_tape(net, jnp.ones(16))
        4352
    """
    x = jnp.asarray(x, net.dtype)
    _check(net, None, wrt)
    if x.ndim not in (1, 2) or x.shape[-1] != net.in_size:
        raise ValueError(
            f"x: got shape {x.shape} for {net!r}, expected a point ({net.in_size},) or a batch "
            f"(N, {net.in_size})."
        )

    def values(net: MLP, x: Any) -> Any:
        return net(x) if x.ndim == 1 else jax.vmap(net)(x)

    if wrt == "weights":
        return tape_bytes(jax.vjp(lambda net: values(net, x), net)[1])
    return tape_bytes(jax.vjp(lambda x: values(net, x), x)[1])


def tape_bytes(pullback: Any) -> int:
    """Bytes of the arrays that a pullback of `jax.vjp` holds; one that it holds twice counts once.

    Example:
        >>> tape_bytes(jax.vjp(jnp.sin, jnp.ones(5, "float32"))[1])           # cos x
        20
    """
    leaves = {id(leaf): leaf for leaf in jax.tree.leaves(pullback)}
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves.values())


def _check(net: Any, batch: Any, wrt: Any) -> None:
    if not isinstance(net, MLP):
        raise TypeError(
            f"net: got {type(net).__name__}, expected an MLP. For other functions measure with "
            "tape_bytes(jax.vjp(f, x)[1])."
        )
    net._check_single()
    if batch is not None:
        check_positive(batch=batch)
    if wrt not in ("weights", "inputs"):
        raise ValueError(f"wrt: got {wrt!r}, expected 'weights' or 'inputs'.")
