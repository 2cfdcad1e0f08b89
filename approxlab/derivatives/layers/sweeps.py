"""The two sweeps through a network at a batch of points that all weight derivatives share."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from approxlab.derivatives._structures import register
from approxlab.networks.activations import activation
from approxlab.networks.mlp import MLP

__all__ = ["Forward", "activated", "as_batch", "as_cotangent", "backward", "forward", "jacobians"]


@dataclasses.dataclass(frozen=True, eq=False)
class Forward:
    """Values that a forward sweep keeps.

    Attributes:
        values: f(x), shape (N, m).
        inputs: The input of each layer, a_0 = x to a_{L-1}, shapes (N, n_{l-1}).
        slopes: s'(z_l) of each hidden layer, shapes (N, n_l).
    """

    values: Any
    inputs: tuple[Any, ...]
    slopes: tuple[Any, ...]


register(Forward, ("values", "inputs", "slopes"))


def activated(name: str, z: Array, linear: int = 0) -> tuple[Array, Array]:
    """s(z) and s'(z) along the last axis, whose last `linear` units are left as they are.

    One forward derivative with tangents of one: elementwise, so it gives the whole diagonal.
    """
    nonlinear = z[..., : z.shape[-1] - linear] if linear else z
    value, slope = jax.jvp(activation(name), (nonlinear,), (jnp.ones_like(nonlinear),))
    if not linear:
        return value, slope
    rest = z[..., z.shape[-1] - linear :]
    return (
        jnp.concatenate([value, rest], axis=-1),
        jnp.concatenate([slope, jnp.ones_like(rest)], axis=-1),
    )


def as_batch(net: Any, X: Any, name: str = "X") -> Float[Array, "N d"]:
    """Points of shape (N, d) in the dtype of a single network; anything else is refused."""
    if not isinstance(net, MLP):
        raise TypeError(
            f"net: got {type(net).__name__}, expected an MLP. ntk and per_sample_gradients take a "
            "function f(params, x) and params=params; for others use vector_jacobian_product and "
            "jacobian_vector_product."
        )
    net._check_single()
    points = jnp.asarray(X, net.dtype)
    if points.ndim != 2 or 0 in points.shape or points.shape[1] != net.in_size:
        raise ValueError(
            f"{name}: got shape {points.shape} for {net!r}, expected (N, {net.in_size}), a point a "
            "row. Write x[None, :] for a single point."
        )
    return points


def as_cotangent(net: MLP, u: Any, samples: int, name: str = "u") -> Float[Array, "N m"]:
    """One cotangent a sample, shaped like the values of the batch, as an array (N, m)."""
    array = jnp.asarray(u, net.dtype)
    expected = (samples,) if net.out_size is None else (samples, net.out_size)
    if array.shape != expected:
        raise ValueError(
            f"{name}: got shape {array.shape} for {samples} samples of {net!r}, expected "
            f"{expected}: one cotangent per sample, shaped like the values."
        )
    return array.reshape(samples, -1)


def forward(net: MLP, X: Array) -> Forward:
    """Values, inputs of all layers and slopes; 2 N P FLOPs of products."""
    a, inputs, slopes = X, [X], []
    hidden = zip(net.weights[:-1], net.biases[:-1], net.passthrough, strict=True)
    for weight, bias, linear in hidden:
        a, slope = activated(net.activation, _affine(weight, bias, a), linear)
        inputs.append(a)
        slopes.append(slope)
    return Forward(_affine(net.weights[-1], net.biases[-1], a), tuple(inputs), tuple(slopes))


def backward(net: MLP, slopes: tuple[Array, ...], u: Array) -> tuple[Array, ...]:
    """delta_l = u df/dz_l of every layer, shapes (N, n_l), for one cotangent u (N, m) a sample."""
    deltas = [u]
    for weight, slope in zip(net.weights[:0:-1], slopes[::-1], strict=True):
        deltas.append(jnp.einsum("nj,ji->ni", deltas[-1], weight) * slope)
    return tuple(deltas[::-1])


def jacobians(net: MLP, slopes: tuple[Array, ...]) -> tuple[Array, ...]:
    """B_l = df/dz_l of every hidden layer, shapes (N, m, n_l); B_L = I is left out.

    2 N m (P - c0 - cL) FLOPs of products, since W_L enters by scaled rows.
    """
    if not slopes:
        return ()
    factors = [net.weights[-1][None, :, :] * slopes[-1][:, None, :]]
    for weight, slope in zip(net.weights[-2:0:-1], slopes[-2::-1], strict=True):
        factors.append(jnp.einsum("nkj,ji->nki", factors[-1], weight) * slope[:, None, :])
    return tuple(factors[::-1])


def _affine(weight: Array, bias: Array, a: Array) -> Array:
    # The weight is contracted as it lies: no transposed copy of it.
    return jnp.einsum("nj,ij->ni", a, weight) + bias[None, :]
