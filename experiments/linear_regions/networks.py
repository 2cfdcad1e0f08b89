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
    import optax

    from approxlab import MLP

    x = jnp.asarray(points, start.dtype)
    y = jax.vmap(target)(x)
    adam = optax.adam(_RATE)

    def loss(parameters: Any) -> Any:
        weights, biases = parameters
        a = x
        for i, (w, b) in enumerate(zip(weights, biases, strict=True)):
            a = a @ w.T + b
            a = jax.nn.relu(a) if i < len(weights) - 1 else a
        return jnp.mean((a[:, 0] - y) ** 2)

    def step(_: Any, state: Any) -> Any:
        parameters, moments = state
        updates, moments = adam.update(jax.grad(loss)(parameters), moments)
        return optax.apply_updates(parameters, updates), moments

    def more(state: Any, count: Any) -> Any:
        return jax.lax.fori_loop(0, count, step, state)

    go_on = jax.jit(jax.vmap(more, in_axes=(0, None)))
    parameters = (start.weights, start.biases)
    state = (parameters, jax.vmap(adam.init)(parameters))
    found, done = [], 0
    for count in steps:
        state, done = go_on(state, count - done), count
        weights, biases = state[0]
        found.append(MLP(weights, biases, "relu", start.passthrough, None))
    return found
