"""Points with the same loss: a network whose hidden units are in another order."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from approxlab.networks.mlp import MLP

__all__ = ["permuted"]


def permuted(net: MLP, order: Sequence[int] | np.ndarray, *, layer: int = 0) -> MLP:
    """The same function with the units of one hidden layer in another order.

    The rows of the layer's weights and biases and the columns of the next layer's weights change
    places. So every minimum comes n! times for n different units, and a loss that depends on the
    function alone is equal at all of them.

    Args:
        net: A network with at least one hidden layer.
        order: Unit i of the result is unit order[i] of `net`: a permutation of 0 to n - 1. Linear
            units stay behind the nonlinear ones.
        layer: Which hidden layer, counted from 0.

    Returns:
        A network whose values differ from those of `net` by the order of sums only.

    Raises:
        ValueError: If there is no such layer or `order` is not such a permutation.

    Example:
        >>> net = MLP.from_arrays([[[1.0], [2.0]], [[3.0, 4.0]]], [[0.0, 0.5], [0.0]], "tanh")
        >>> permuted(net, [1, 0]).weights[1].tolist()
        [[4.0, 3.0]]
    """
    net._check_single()
    if not isinstance(layer, int) or not 0 <= layer < net.depth:
        raise ValueError(f"layer: got {layer!r}, expected 0 to {net.depth - 1} for {net!r}.")
    n, linear = net.sizes[layer + 1], net.passthrough[layer]
    indices = np.asarray(order)
    if indices.shape != (n,) or sorted(indices.tolist()) != list(range(n)):
        raise ValueError(f"order: got {order!r}, expected a permutation of 0 to {n - 1}.")
    if linear and set(indices[n - linear :].tolist()) != set(range(n - linear, n)):
        raise ValueError(
            f"order: got {order!r}, expected the last {linear} units, which are linear, to stay "
            "behind the others."
        )
    weights, biases = list(net.weights), list(net.biases)
    weights[layer], biases[layer] = weights[layer][indices], biases[layer][indices]
    weights[layer + 1] = weights[layer + 1][:, indices]
    return MLP(tuple(weights), tuple(biases), net.activation, net.passthrough, net.out_size)
