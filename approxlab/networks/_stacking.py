"""Networks side by side: the hidden layers of several as one, of equal depth and one activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["Stacked", "alike", "beside", "block_diagonal", "is_linear"]


class Stacked(NamedTuple):
    """The hidden layers of several networks, and where each reads its own units."""

    weights: list[Array]
    biases: list[Array]
    passthrough: tuple[int, ...]
    order: np.ndarray | None
    """The units of the last hidden layer, counted block after block; None without a layer."""


def beside(nets: Sequence[Any]) -> Stacked:
    """The hidden layers of networks of equal depth, without connections between them."""
    depth = len(nets[0].weights) - 1
    weights, biases, before = [], [], None
    for i in range(depth):
        order = _nonlinear_first(
            [net.biases[i].shape[0] for net in nets], [net.passthrough[i] for net in nets]
        )
        blocks = [net.weights[i] for net in nets]
        weight = jnp.concatenate(blocks) if before is None else block_diagonal(blocks)[:, before]
        weights.append(weight[order])
        biases.append(jnp.concatenate([net.biases[i] for net in nets])[order])
        before = order
    passthrough = tuple(sum(net.passthrough[i] for net in nets) for i in range(depth))
    return Stacked(weights, biases, passthrough, before)


def block_diagonal(blocks: Sequence[Array]) -> Array:
    """The matrix with these blocks along its diagonal, zero elsewhere."""
    rows, columns = (sum(b.shape[axis] for b in blocks) for axis in (0, 1))
    out = jnp.zeros((rows, columns), jnp.result_type(*blocks))
    i = j = 0
    for block in blocks:
        out = out.at[i : i + block.shape[0], j : j + block.shape[1]].set(block)
        i, j = i + block.shape[0], j + block.shape[1]
    return out


def alike(nets: Sequence[Any]) -> tuple[list[Any], str]:
    """The same functions as networks of one depth and one activation, and its name.

    A network whose hidden units are all linear takes the activation of the others. A shallower one
    gets layers of linear units that carry its outputs on; no parameter is rounded.

    Raises:
        ValueError: If two networks bend by different activations.
    """
    bending = [net for net in nets if not is_linear(net)]
    names = sorted({net.activation for net in bending})
    if len(names) > 1:
        raise ValueError(
            f"activation: got {names[0]!r} beside {names[1]!r}, expected one activation in all "
            "networks, or networks of linear units beside it."
        )
    name = names[0] if names else nets[0].activation
    depth = max(len(net.weights) for net in nets) - 1
    return [_carried(net, name, depth) for net in nets], name


def is_linear(net: Any) -> bool:
    """Whether all hidden units are linear, whatever the activation is called."""
    widths = tuple(b.shape[0] for b in net.biases[:-1])
    return net.activation == "identity" or tuple(net.passthrough) == widths


def _carried(net: Any, name: str, depth: int) -> Any:
    weights, biases, outputs = list(net.weights), list(net.biases), net.biases[-1].shape[0]
    widths = tuple(b.shape[0] for b in biases[:-1])
    passthrough = widths if net.activation == "identity" else tuple(net.passthrough)
    for _ in range(depth + 1 - len(weights)):
        weights.append(jnp.eye(outputs, dtype=weights[-1].dtype))
        biases.append(jnp.zeros(outputs, biases[-1].dtype))
        passthrough = (*passthrough, outputs)
    return type(net)(tuple(weights), tuple(biases), name, passthrough, net.out_size)


def _nonlinear_first(sizes: Sequence[int], linear: Sequence[int]) -> np.ndarray:
    """Order that puts the nonlinear units of all blocks before the linear ones."""
    ends = np.cumsum(sizes)
    nonlinear = [np.arange(e - s, e - k) for e, s, k in zip(ends, sizes, linear, strict=True)]
    affine = [np.arange(e - k, e) for e, k in zip(ends, linear, strict=True)]
    return np.concatenate(nonlinear + affine)
