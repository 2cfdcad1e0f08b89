"""Gradient descent in the parameters of the NTK parameterisation, and outputs along it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    from approxlab import MLP

__all__ = ["outputs_along"]


def outputs_along(
    net: MLP,
    X: np.ndarray,
    Y: np.ndarray,
    points: np.ndarray,
    step: float,
    marks: np.ndarray,
    variances: tuple[float, float],
) -> np.ndarray:
    """Outputs at `points` after so many steps on half the sum of squares at the data (X, Y).

    The parameters are w and c with W = sqrt(weight_variance / n) w and b = sqrt(bias_variance) c,
    for n inputs of a layer; so a step of them moves W by weight_variance / n times the gradient in
    W, and b by bias_variance times that in b.

    Args:
        net: The network at the start.
        X: Data, shape (n, d).
        Y: Values, shape (n,).
        points: Where outputs are wanted, shape (p, d).
        step: Of gradient descent.
        marks: Increasing numbers of steps, shape (m,).
        variances: Of weights and of biases.

    Returns:
        Shape (m, p).
    """
    import jax.numpy as jnp
    import numpy as np

    numbers = [jnp.asarray(array, net.dtype) for array in (X, Y, points, step)]
    between = jnp.asarray(np.diff(marks, prepend=0))
    return np.asarray(_program(variances)(net, *numbers, between))


_programs: dict[tuple[float, float], Any] = {}


def _program(variances: tuple[float, float]) -> Any:
    """One program per shape of network, for all seeds."""
    if variances not in _programs:
        _programs[variances] = _made(*variances)
    return _programs[variances]


def _made(weight_variance: float, bias_variance: float) -> Any:
    import dataclasses

    import jax
    import jax.numpy as jnp

    @jax.jit
    def along(net: MLP, X: Any, Y: Any, points: Any, step: Any, between: Any) -> Any:
        def loss(net: MLP) -> Any:
            return 0.5 * jnp.sum((jax.vmap(net)(X) - Y) ** 2)

        def one_step(_: Any, net: MLP) -> MLP:
            slope = jax.grad(loss)(net)
            weights = [
                w - step * (weight_variance / w.shape[1]) * g
                for w, g in zip(net.weights, slope.weights, strict=True)
            ]
            biases = [
                b - step * bias_variance * g for b, g in zip(net.biases, slope.biases, strict=True)
            ]
            return dataclasses.replace(net, weights=tuple(weights), biases=tuple(biases))

        def until_next_mark(net: MLP, steps: Any) -> tuple[MLP, Any]:
            net = jax.lax.fori_loop(0, steps, one_step, net)
            return net, jax.vmap(net)(points)

        return jax.lax.scan(until_next_mark, net, between)[1]

    return along
