"""Random ReLU networks with He weights, and their training by Adam with its history."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from approxlab import MLP

__all__ = ["he_networks", "sizes_of", "trained"]

_RATE = 3e-3


def sizes_of(inputs: int, units: int, depth: int) -> tuple[int, ...]:
    """The sizes of a network with as many hidden units in equal layers, and one output."""
    return (inputs, *(units // depth,) * depth, 1)


def he_networks(
    sizes: Sequence[int], networks: int, bias_variance: float, dtype: str, entropy: Sequence[int]
) -> MLP:
    """Stacked networks: weights N(0, 2 / inputs of the layer), biases N(0, bias_variance)."""
    import jax.numpy as jnp

    from approxlab import MLP

    rng = np.random.default_rng([*entropy, *sizes])
    pairs = list(itertools.pairwise(sizes))
    weights = [rng.normal(0.0, np.sqrt(2 / n), (networks, m, n)) for n, m in pairs]
    biases = [rng.normal(0.0, np.sqrt(bias_variance), (networks, m)) for _, m in pairs]
    return MLP(
        tuple(jnp.asarray(w, dtype) for w in weights),
        tuple(jnp.asarray(b, dtype) for b in biases),
        "relu",
        (0,) * (len(sizes) - 2),
        None,
    )


def trained(
    start: MLP, target: Callable[[Any], Any], points: np.ndarray, steps: Sequence[int]
) -> list[MLP]:
    """Stacked networks after each of these numbers of steps of one training by Adam.

    Mean square error at all points in every step, constant learning rate 0.003.
    """
    import jax
    import jax.numpy as jnp

    from approxlab import MLP

    x = jnp.asarray(points, start.dtype)
    y = jax.vmap(target)(x)

    def loss(parameters: Any) -> Any:
        weights, biases = parameters
        a = x.T  # points as columns
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            a = w @ a + b[:, None]
            a = jax.nn.relu(a) if i < len(weights) - 1 else a
        return jnp.mean((a[0] - y) ** 2)

    def step(_: Any, state: Any) -> Any:
        p, mean, square, count = state
        slope = jax.grad(loss)(p)
        count = count + 1.0
        mean = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, mean, slope)
        square = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, square, slope)
        rate = _RATE * jnp.sqrt(1.0 - 0.999**count) / (1.0 - 0.9**count)
        p = jax.tree.map(lambda w, m, v: w - rate * m / (jnp.sqrt(v) + 1e-8), p, mean, square)
        return p, mean, square, count

    def more(state: Any, count: Any) -> Any:
        return jax.lax.fori_loop(0, count, step, state)

    go_on = jax.jit(jax.vmap(more, in_axes=(0, None)))
    parameters = (start.weights, start.biases)
    zeros = jax.tree.map(jnp.zeros_like, parameters)
    state = (parameters, zeros, zeros, jnp.zeros(len(start.biases[-1]), start.dtype))
    found, done = [], 0
    for count in steps:
        state, done = go_on(state, count - done), count
        weights, biases = state[0]
        found.append(MLP(weights, biases, "relu", start.passthrough, None))
    return found
