"""Networks out of networks: composition, parallel stacking, affine changes of in- and output.

All results are `MLP`s again and compute the same real function as the expression in the docstring.
Affine maps are merged into the neighbouring layers, so no layer is added.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.networks._stacking import beside, block_diagonal
from approxlab.networks._structure import as_numbers
from approxlab.networks.affine import after_affine_map
from approxlab.networks.mlp import MLP

__all__ = ["compose", "parallel", "postcompose", "precompose"]


def precompose(net: MLP, scale: Any, shift: Any = 0.0) -> MLP:
    """The network x -> net(scale * x + shift).

    Args:
        net: A network of d inputs.
        scale: A number, d numbers (per coordinate), or a matrix of shape (d, e): then the result
            has e inputs.
        shift: A number or d numbers.

    Example:
        >>> line = MLP.from_arrays([[[2.0]]], [[1.0]], "relu")
        >>> float(precompose(line, 3.0, 1.0)(jnp.array([1.0])))   # 2 (3 x + 1) + 1
        9.0
    """
    _check_network("net", net)
    d, dtype = net.in_size, net.dtype
    scale, shift = as_numbers("scale", scale, dtype), as_numbers("shift", shift, dtype)
    if scale.shape not in ((), (d,)) and not (scale.ndim == 2 and scale.shape[0] == d):
        raise ValueError(
            f"scale: got shape {scale.shape}, expected (), ({d},) or ({d}, e) for {net!r}."
        )
    if shift.shape not in ((), (d,)):
        raise ValueError(f"shift: got shape {shift.shape}, expected () or ({d},) for {net!r}.")
    weight, bias = after_affine_map(net.weights[0], net.biases[0], scale, shift)
    return _replace(net, (weight, *net.weights[1:]), (bias, *net.biases[1:]))


def postcompose(net: MLP, scale: Any, shift: Any = 0.0) -> MLP:
    """The network x -> scale * net(x) + shift, with numbers or one per output.

    Example:
        >>> line = MLP.from_arrays([[[2.0]]], [[1.0]], "relu")
        >>> float(postcompose(line, -1.0, 4.0)(jnp.array([1.0])))   # 4 - (2 x + 1)
        1.0
    """
    _check_network("net", net)
    m, dtype = net.sizes[-1], net.dtype
    scale, shift = as_numbers("scale", scale, dtype), as_numbers("shift", shift, dtype)
    for name, value in (("scale", scale), ("shift", shift)):
        if value.shape not in ((), (m,)):
            raise ValueError(f"{name}: got shape {value.shape}, expected () or ({m},) for {net!r}.")
    scale = jnp.broadcast_to(scale, (m,))
    weight = scale[:, None] * net.weights[-1]
    bias = scale * net.biases[-1] + jnp.broadcast_to(shift, (m,))
    return _replace(net, (*net.weights[:-1], weight), (*net.biases[:-1], bias))


def compose(outer: MLP, inner: MLP) -> MLP:
    """The network x -> outer(inner(x)), of depth outer.depth + inner.depth.

    The last layer of `inner` and the first of `outer` are affine and become one.

    Raises:
        ValueError: If the activations differ or the sizes do not fit.

    Example:
        >>> double = MLP.from_arrays([[[2.0]]], [[0.0]], "relu")
        >>> float(compose(double, double)(jnp.array([3.0])))
        12.0
    """
    _check_network("outer", outer)
    _check_network("inner", inner)
    _same_activation(outer, inner)
    if outer.in_size != inner.sizes[-1]:
        raise ValueError(
            f"inner: got {inner.sizes[-1]} outputs, expected {outer.in_size}, the inputs of outer."
        )
    weight = outer.weights[0] @ inner.weights[-1]
    bias = outer.weights[0] @ inner.biases[-1] + outer.biases[0]
    return MLP(
        (*inner.weights[:-1], weight, *outer.weights[1:]),
        (*inner.biases[:-1], bias, *outer.biases[1:]),
        outer.activation if outer.depth else inner.activation,
        (*inner.passthrough, *outer.passthrough),
        outer.out_size,
    )


def parallel(nets: Sequence[MLP]) -> MLP:
    """The network x -> (net_1(x), net_2(x), ...), all outputs one after the other.

    The networks share the input; there are no connections between them.

    Args:
        nets: Networks with equal numbers of inputs, equal depth and the same activation.

    Returns:
        A network whose `out_size` is the sum of theirs (a scalar one counts 1).

    Example:
        >>> line = MLP.from_arrays([[[2.0]]], [[1.0]], "relu")
        >>> parallel([line, line])(jnp.array([1.0])).tolist()
        [3.0, 3.0]
    """
    if not isinstance(nets, Sequence):
        raise TypeError(f"nets: got {type(nets).__name__}, expected a list of networks.")
    nets = tuple(nets)
    if not nets:
        raise ValueError("nets: got none, expected at least one network.")
    for net in nets:
        _check_network("nets", net)
    for net in nets[1:]:
        _same_activation(nets[0], net)
        if net.in_size != nets[0].in_size or net.depth != nets[0].depth:
            raise ValueError(
                f"nets: got {net!r} beside {nets[0]!r}, expected equal inputs and equal depth."
            )
    stacked, lasts = beside(nets), [net.weights[-1] for net in nets]
    if stacked.order is None:
        weight = jnp.concatenate(lasts)
    else:
        weight = block_diagonal(lasts)[:, stacked.order]
    return MLP(
        (*stacked.weights, weight),
        (*stacked.biases, jnp.concatenate([net.biases[-1] for net in nets])),
        nets[0].activation,
        stacked.passthrough,
        sum(net.sizes[-1] for net in nets),
    )


def _check_network(name: str, net: Any) -> None:
    if not isinstance(net, MLP):
        raise TypeError(
            f"{name}: got {type(net).__name__}, expected an MLP. Write lambda x: f(g(x)) for other "
            "functions."
        )
    net._check_single()


def _same_activation(first: MLP, second: MLP) -> None:
    if first.activation != second.activation and min(first.depth, second.depth) > 0:
        raise ValueError(
            f"activation: got {second.activation!r} beside {first.activation!r}, expected the same "
            "activation in both networks."
        )


def _replace(net: MLP, weights: tuple[Array, ...], biases: tuple[Array, ...]) -> MLP:
    return MLP(weights, biases, net.activation, net.passthrough, net.out_size)
