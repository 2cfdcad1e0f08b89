"""Networks of linear layers alone: affine in the point, whatever their depth.

f(x) = w_2 w_1 x is linear in x: its layers collapse to one matrix. It is not linear in its weights:
f of a sum of weights is not the sum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.arguments import check_function
from approxlab.networks.mlp import MLP

__all__ = ["additivity_gap", "collapse", "is_affine"]


def is_affine(net: MLP) -> bool:
    """Whether all hidden units are linear, so that the network is affine in the point.

    Linear are units of the activation "identity" and those that pass through. What the weights are
    does not count: a network that happens to be affine for its weights is not meant.

    Args:
        net: A network, or several stacked ones.

    Example:
        >>> is_affine(MLP.init(jax.random.key(0), 2, (8, 8), "identity"))
        True
        >>> is_affine(MLP.init(jax.random.key(0), 2, (8, 8), "tanh"))
        False
    """
    return _first_nonlinear(net) is None


def collapse(net: MLP) -> MLP:
    """The same function without hidden layers: W = W_L ... W_1 W_0, and one bias.

    Args:
        net: A network whose hidden units are all linear, or several stacked ones.

    Returns:
        An `MLP` with `hidden=()`, equal up to rounding.

    Raises:
        ValueError: If some hidden unit is not linear.
        TypeError: If `net` is not an MLP.

    Example:
        >>> deep = MLP.from_arrays([[[3.0]], [[2.0]]], [[1.0], [0.5]], "identity")
        >>> flat = collapse(deep)                       # 2 (3 x + 1) + 0.5
        >>> flat.weights[0].tolist(), flat.biases[0].tolist()
        ([[6.0]], [2.5])
    """
    layer = _first_nonlinear(net)
    if layer is not None:
        count = net.sizes[layer + 1] - net.passthrough[layer]
        raise ValueError(
            f"net: got {net!r}, where {net.activation!r} acts on {count} units of hidden layer "
            f"{layer}, expected hidden units that are all linear. Only such layers are one matrix."
        )
    weight, bias = net.weights[-1], net.biases[-1]
    for before, shift in zip(net.weights[-2::-1], net.biases[-2::-1], strict=True):
        bias = bias + _product(weight, shift[..., None])[..., 0]
        weight = _product(weight, before)
    return MLP((weight,), (bias,), "identity", (), net.out_size)


def additivity_gap(f: Callable[[Any], Any], a: Any, b: Any) -> Array:
    """f(a + b) - f(a) - f(b): zero for all a and b where f is linear.

    Args:
        f: Any function of an array, or of a pytree such as a network.
        a: Its argument.
        b: Another, of the same structure.

    Returns:
        The gap, of the shape of f's values. For an affine f it is -f(0).

    Example:
        >>> x = jnp.array([1.0])
        >>> def f(w, x):
        ...     return w[1] * w[0] * x[0]
        >>> w, other = jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])
        >>> float(additivity_gap(lambda x: f(w, x), x, 5.0 * x))     # linear in x
        0.0
        >>> float(additivity_gap(lambda w: f(w, x), w, other))       # (1 + 3) (2 + 4) - 2 - 12
        10.0
    """
    check_function("f", f)
    structures: list[Any] = [jax.tree.structure(tree) for tree in (a, b)]
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(tree)] for tree in (a, b)]
    if structures[0] != structures[1] or shapes[0] != shapes[1]:
        raise ValueError(
            f"b: got {shapes[1]} beside a of {shapes[0]}, expected equal structures and shapes."
        )
    gap: Array = f(jax.tree.map(jnp.add, a, b)) - f(a) - f(b)
    return gap


def _first_nonlinear(net: MLP) -> int | None:
    if not isinstance(net, MLP):
        raise TypeError(f"net: got {type(net).__name__}, expected an MLP.")
    if net.activation == "identity":
        return None
    for i, linear in enumerate(net.passthrough):
        if linear < net.sizes[i + 1]:
            return i
    return None


def _product(left: Array, right: Array) -> Array:
    return jnp.matmul(left, right, precision="highest")
