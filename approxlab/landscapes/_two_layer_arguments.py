"""What the two-layer loss is given: data, weights; and its formulas as text."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

__all__ = ["TwoLayerWeights", "checked_weights", "latex_of", "real_data"]


class TwoLayerWeights(NamedTuple):
    """Weights of a network with one hidden layer: a pytree, without leaves for missing biases.

    Attributes:
        W1: Shape (n, d).
        W2: Shape (m, n).
        b1: Shape (n,), or None.
        b2: Shape (m,), or None.
    """

    W1: Any
    W2: Any
    b1: Any = None
    b2: Any = None


def checked_weights(
    name: str, theta: Any, sizes: tuple[int, int], biases: bool, kind: Any
) -> TwoLayerWeights:
    """The weights in a dtype, with shapes that fit d inputs and m outputs."""
    if not isinstance(theta, tuple) or not 2 <= len(theta) <= 4:
        raise TypeError(
            f"{name}: got {type(theta).__name__}, expected TwoLayerWeights(W1, W2, b1, b2). "
            "Write loss.weights(net) for an MLP."
        )
    weights = TwoLayerWeights(*theta)
    d, m = sizes
    W1 = jnp.asarray(weights.W1, kind)
    n = W1.shape[0] if W1.ndim == 2 else 0
    expected = {"W1": (n or "n", d), "W2": (m, n or "n"), "b1": (n or "n",), "b2": (m,)}
    found = {"W1": W1}
    for part in ("W2", "b1", "b2"):
        value = getattr(weights, part)
        if part != "W2" and (value is not None) != biases:
            has = "None" if value is None else "an array"
            there = "an array" if biases else "None"
            raise ValueError(
                f"{name}.{part}: got {has}, expected {there} for a loss "
                f"{'with' if biases else 'without'} biases."
            )
        if value is not None:
            found[part] = jnp.asarray(value, kind)
    for part, array in found.items():
        if array.shape != expected[part]:
            shape = ", ".join(map(str, expected[part]))
            raise ValueError(
                f"{name}.{part}: got shape {array.shape}, expected ({shape}"
                f"{',' if len(expected[part]) == 1 else ''}) for {d} inputs and "
                f"{m} outputs."
            )
    return TwoLayerWeights(**found)


def real_data(name: str, values: Any) -> Array:
    """A finite real array of floating-point numbers."""
    array = values if isinstance(values, jax.Array) else np.asarray(values)
    if not (np.issubdtype(array.dtype, np.number) or jnp.issubdtype(array.dtype, jnp.floating)):
        raise TypeError(f"{name}: got dtype {array.dtype}, expected real numbers.")
    if jnp.iscomplexobj(array):
        raise TypeError(f"{name}: got dtype {array.dtype}, expected real numbers.")
    if not jnp.issubdtype(array.dtype, jnp.floating):
        array = array.astype(jnp.result_type(float))
    if isinstance(array, jax.core.Tracer):  # inside of jit there are no numbers to look at
        return array
    bad = np.argwhere(~np.isfinite(np.asarray(array)))
    if len(bad):
        index = tuple(int(i) for i in bad[0])
        raise ValueError(
            f"{name}: got {float(array[index])} at index {list(index)}, expected finite numbers."
        )
    return jnp.asarray(array)


def latex_of(biases: bool, outputs: int) -> str:
    """Loss and gradient as an `aligned` environment."""
    z = r"W_1 X^T + b_1 \mathbf{1}^T" if biases else "W_1 X^T"
    readout = r"H W_2^T - \mathbf{1} b_2^T" if biases else "H W_2^T"
    square = r"\operatorname{tr}(R^T R)" if outputs > 1 else "R^T R"
    slopes = rf"\bigl((R W_2) \circ s'({z})^T\bigr)^T"
    lines = [
        f"H &= s({z})^T, \\qquad R = Y - {readout}",
        f"L &= \\tfrac{{1}}{{2}} {square}",
        r"\partial L / \partial W_2 &= -R^T H",
        rf"\partial L / \partial W_1 &= -{slopes} X",
    ]
    if biases:
        lines += [
            r"\partial L / \partial b_2 &= -R^T \mathbf{1}",
            rf"\partial L / \partial b_1 &= -{slopes} \mathbf{{1}}",
        ]
    return "\\begin{aligned}\n" + " \\\\\n".join(lines) + "\n\\end{aligned}"
