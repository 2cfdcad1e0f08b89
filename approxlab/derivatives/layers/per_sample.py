"""The gradient of every single sample, kept as two vectors per layer: delta_l and a_{l-1}.

The gradient of one sample's loss in W_l is the outer product delta_l a_{l-1}^T with delta_l the
derivative of the loss in z_l. So its norm is norm(delta_l) norm(a_{l-1}), some 2 (n_l + n_{l-1})
FLOPs in place of n_l n_{l-1} numbers, and a weighted sum over the samples, as clipping needs it, is
one product of arrays. Where squares would over- or underflow, powers of two are taken out first: a
few more operations for each of these n_l + n_{l-1} numbers.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any, overload

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from approxlab.derivatives._absent_modes import as_jax_function
from approxlab.derivatives._structures import MAX_BYTES, check_bytes, register
from approxlab.derivatives.layers.any_function import (
    FunctionGradients,
    check_no_biases,
    function_gradients,
)
from approxlab.derivatives.layers.compared_values import compared_values
from approxlab.derivatives.layers.squares import norms
from approxlab.derivatives.layers.sweeps import as_batch, backward, forward
from approxlab.networks.mlp import MLP

__all__ = [
    "PerSampleGradients",
    "per_sample_gradient_norms",
    "per_sample_gradients",
    "squared_error",
]


def squared_error(value: Array, y: Array) -> Array:
    """Sum of (value - y)^2 over the outputs of one sample.

    Example:
        >>> float(squared_error(jnp.array([1.0, 2.0]), jnp.array([1.0, 5.0])))
        9.0

    Raises:
        ValueError: If y is not of the shape of the value: nothing is broadcast.
    """
    if jnp.shape(value) != jnp.shape(y):
        raise ValueError(
            f"Y: got one y of shape {jnp.shape(y)} for a value of shape {jnp.shape(value)}, "
            f"expected {jnp.shape(value)}: Y is shaped like the values of the network at X. Use "
            "Y[:, 0] for a column, or out_size=m for a network with m outputs."
        )
    target = jnp.asarray(y)
    if not jnp.issubdtype(target.dtype, jnp.inexact):
        target = target.astype(value.dtype)
    return jnp.sum(jnp.square(value - target))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class PerSampleGradients:
    """Gradients of N samples in all weights: delta_l[n, i] a_{l-1}[n, j], never multiplied out.

    A pytree. The gradient in a bias is delta_l itself; with `biases=False` biases are held fixed
    and their gradients are zero.

    Attributes:
        net: The network, for the shapes of its weights.
        deltas: One array of shape (N, n_l) per layer.
        inputs: One array of shape (N, n_{l-1}) per layer.
        biases: Whether biases are variables.
    """

    net: MLP
    deltas: tuple[Any, ...]
    inputs: tuple[Any, ...]
    biases: bool = True

    def norms(self) -> Float[Array, " N"]:
        """Euclidean norm of every sample's gradient, over all weights (and biases).

        Right at every scale at which the norm itself is a number of the dtype. Where it is 0 its
        derivative is taken as 0.
        """
        return norms(self.deltas, self.inputs, self.biases)

    def sum(self, weights: Any = None) -> MLP:
        """The sum over the samples, each times its weight: 2 N n_l n_{l-1} FLOPs a layer.

        Args:
            weights: Shape (N,); by default 1. `jnp.minimum(1, c / norms)` clips every gradient to
                norm c, `1 / N` each gives the mean.
        """
        deltas = self.deltas
        if weights is not None:
            factors = jnp.asarray(weights, self.net.dtype)
            if factors.shape != deltas[0].shape[:1]:
                raise ValueError(
                    f"weights: got shape {factors.shape}, expected {deltas[0].shape[:1]}: one "
                    "number per sample."
                )
            deltas = tuple(delta * factors[:, None] for delta in deltas)
        pairs = zip(deltas, self.inputs, strict=True)
        return self._as_net(
            [jnp.einsum("ni,nj->ij", delta, a) for delta, a in pairs],
            [jnp.sum(delta, axis=0) for delta in deltas],
        )

    def dense(self, max_bytes: int = MAX_BYTES) -> MLP:
        """All gradients as networks stacked along a first axis of length N; `member(n)` is one.

        Raises:
            ValueError: Before anything is allocated, if it would take more than `max_bytes`.
        """
        shape = (self.deltas[0].shape[0], self.net.num_parameters)
        check_bytes(shape, self.net.dtype, max_bytes, "norms, sum or the pairs (deltas, inputs)")
        pairs = zip(self.deltas, self.inputs, strict=True)
        return self._as_net(
            [delta[:, :, None] * a[:, None, :] for delta, a in pairs], list(self.deltas)
        )

    def _as_net(self, weights: list[Array], biases: list[Array]) -> MLP:
        if not self.biases:
            biases = [jnp.zeros_like(bias) for bias in biases]
        return like(self.net, weights, biases)

    def __repr__(self) -> str:
        return f"PerSampleGradients({self.deltas[0].shape[0]} samples, {self.net!r})"


register(PerSampleGradients, ("net", "deltas", "inputs"), ("biases",))


def like(net: MLP, weights: Any, biases: Any) -> MLP:
    """A pytree of the network's structure with other leaves, of any shape."""
    leaves = (*weights, *biases)
    return jax.tree.unflatten(jax.tree.structure(net), leaves)


@overload
def per_sample_gradients(
    net: MLP,
    X: Any,
    Y: Any,
    loss: Callable[[Array, Array], Array] = ...,
    *,
    biases: bool = ...,
) -> PerSampleGradients: ...


@overload
def per_sample_gradients(
    net: Any,
    X: Any,
    Y: Any,
    loss: Callable[[Array, Array], Array] = ...,
    *,
    biases: bool = ...,
    params: Any,
) -> PerSampleGradients | FunctionGradients: ...


def per_sample_gradients(
    net: Any,
    X: Any,
    Y: Any,
    loss: Callable[[Array, Array], Array] = squared_error,
    *,
    biases: bool = True,
    params: Any = None,
) -> PerSampleGradients | FunctionGradients:
    """The gradient of loss(f(x_n), y_n) in all weights, for every single sample n.

    One forward and one backward sweep for the whole batch, 2 N P + 2 N (P - c0) FLOPs of products;
    the N x P numbers of the gradients are not formed.

    Args:
        net: A single network; with `params` any function f(params, x) with values of shape () or
            (m,), such as `model.apply` or `lambda model, x: model(x)`.
        X: Points, shape (N, d).
        Y: What the loss compares with: a pytree of arrays with a first axis of length N, or a list
            of numbers or labels, whose integers stay integers. The squared error takes the shape of
            the values, (N,) or (N, m), and no other.
        loss: Maps one value, shape () or (m,), and one y to a number. One of your own takes y of
            any shape and dtype, such as integer labels, and has to check it.
        biases: Whether biases are variables too; of a network only.
        params: Any tree; its floating-point leaves are the variables.

    Returns:
        `PerSampleGradients`, a pair of vectors per layer and sample; `.norms()`, `.sum()`,
        `.dense()`. With `params` `FunctionGradients`, which has these methods too, computes them by
        JAX, and returns trees like `params`.

    Raises:
        TypeError: If `net` is not an MLP, or the loss is not a floating-point number.
        ValueError: If X is not of shape (N, d), Y does not have N rows, or they are not of the
            shape of the values where the loss is the squared error.

    Source:
        Goodfellow 2015, "Efficient per-example gradient computations" (the outer products).

    Example:
        >>> net = MLP.from_arrays([[[2.0, 1.0]]], [[0.0]], "tanh")
        >>> found = per_sample_gradients(net, jnp.array([[1.0, 1.0], [3.0, 4.0]]), jnp.zeros(2))
        >>> found.dense().weights[0].tolist()          # 2 f(x) x, without the bias
        [[[6.0, 6.0]], [[60.0, 80.0]]]
    """
    if params is not None:
        check_no_biases(biases)
        with as_jax_function("net or loss"):
            return function_gradients(net, params, X, Y, loss)
    points = as_batch(net, X)
    Y = compared_values(Y, points.shape[0], net.dtype)
    left = forward(net, points)
    values = left.values[:, 0] if net.out_size is None else left.values
    with as_jax_function("loss"):
        u = _cotangents(loss, values, Y)
    deltas = backward(net, left.slopes, u.reshape(points.shape[0], -1))
    return PerSampleGradients(net, deltas, left.inputs, biases)


def per_sample_gradient_norms(
    net: Any,
    X: Any,
    Y: Any,
    loss: Callable[[Array, Array], Array] = squared_error,
    *,
    biases: bool = True,
    params: Any = None,
) -> Float[Array, " N"]:
    """Norm of every sample's gradient, without the gradients; arguments as `per_sample_gradients`.

    Source:
        Goodfellow 2015, "Efficient per-example gradient computations".

    Example:
        >>> net = MLP.from_arrays([[[2.0, 1.0]]], [[0.0]], "tanh")
        >>> X, Y = jnp.array([[3.0, 4.0]]), jnp.array([9.5])
        >>> per_sample_gradient_norms(net, X, Y, biases=False).tolist()      # 2 (10 - 9.5) norm(x)
        [5.0]
    """
    return per_sample_gradients(net, X, Y, loss, biases=biases, params=params).norms()


def _cotangents(loss: Callable[..., Array], values: Array, Y: Any) -> Array:
    """The derivative of every sample's loss by its value."""
    kind = jax.eval_shape(jax.vmap(loss), values, Y)
    shape, dtype = getattr(kind, "shape", (0, 0)), getattr(kind, "dtype", type(kind))
    if shape != values.shape[:1] or not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"loss: got values of shape {shape[1:]} and dtype {dtype}, expected one floating-point "
            "number per sample. Sum over the outputs inside of the loss."
        )
    return jax.vmap(jax.grad(loss))(values, Y)
