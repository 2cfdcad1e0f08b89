"""The programs whose costs are explained: JAX's transforms of a network, and our own methods."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.derivatives.layers.kernels import plain_kernel
from approxlab.derivatives.layers.per_sample import per_sample_gradients
from approxlab.derivatives.layers.squares import plain_diagonal, plain_norms
from approxlab.derivatives.layers.weights import weight_jacobian
from approxlab.derivatives.modes import value_and_jacobian
from approxlab.networks.mlp import MLP

__all__ = ["Program", "loss", "program"]


@dataclasses.dataclass(frozen=True, eq=False)
class Program:
    """A function with the shapes of its arguments.

    Attributes:
        fn: The function.
        args: Arguments, shapes alone.
        keeps_value: Whether the value of the network is among what it computes.
    """

    fn: Callable[..., Any]
    args: tuple[Any, ...]
    keeps_value: bool


def loss(net: Any, x: Any, y: Any) -> Any:
    """Sum of squared errors at one point."""
    return jnp.sum(jnp.square(net(x) - y))


def program(
    net: MLP, wrt: str, want: str, method: str, batch: int, scheme: str = "forward"
) -> Program:
    """The program of one question; arrays of the network are arguments, its values are not used."""
    shapes = jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), net)
    lead = () if batch == 1 else (batch,)
    x = jax.ShapeDtypeStruct((*lead, net.in_size), net.dtype)
    values = lead if net.out_size is None else (*lead, net.out_size)
    y = jax.ShapeDtypeStruct(values, net.dtype)
    if want in ("gram", "gram_diagonal", "gradient_norms"):
        return _of_jacobians(shapes, x, y, want, method)
    if want == "jacobian":
        return _jacobian(shapes, x, wrt, method, scheme)
    return _directional(shapes, x, y, wrt, want)


def _values(net: Any, x: Any) -> Any:
    return net(x) if x.ndim == 1 else jax.vmap(net)(x)


def _loss(net: Any, x: Any, y: Any) -> Any:
    return jnp.sum(jnp.square(_values(net, x) - y))


def _directional(net: Any, x: Any, y: Any, wrt: str, want: str) -> Program:
    """Value, gradient, jvp, vjp and hvp, all of the whole batch at once."""
    place = 1 if wrt == "inputs" else 0
    along = x if wrt == "inputs" else net

    def of(f: Callable[..., Any], net: Any, x: Any, *rest: Any) -> tuple[Callable[..., Any], Any]:
        at = x if wrt == "inputs" else net
        fixed = (lambda p: f(net, p, *rest)) if wrt == "inputs" else (lambda p: f(p, x, *rest))
        return fixed, at

    def jvp(net: Any, x: Any, tangent: Any) -> Any:
        f, at = of(_values, net, x)
        return jax.jvp(f, (at,), (tangent,))

    def vjp(net: Any, x: Any, cotangent: Any) -> Any:
        f, at = of(_values, net, x)
        value, pull = jax.vjp(f, at)
        return value, pull(cotangent)[0]

    def hvp(net: Any, x: Any, y: Any, tangent: Any) -> Any:
        f, at = of(_loss, net, x, y)
        return jax.jvp(jax.grad(f), (at,), (tangent,))

    return {
        "value": Program(_values, (net, x), True),
        "gradient": Program(jax.value_and_grad(_loss, argnums=place), (net, x, y), True),
        "jvp": Program(jvp, (net, x, along), True),
        "vjp": Program(vjp, (net, x, y), True),
        "hvp": Program(hvp, (net, x, y, along), True),
    }[want]


def _jacobian(net: Any, x: Any, wrt: str, method: Any, scheme: Any) -> Program:
    if wrt == "inputs" and method not in ("forward", "reverse"):
        central = (method, scheme) == ("differences", "central")

        def ours(net: Any, x: Any) -> Any:
            options = {"scheme": scheme} if method == "differences" else {}
            value, jacobian = value_and_jacobian(net, x, method, **options)
            return jacobian if central else (value, jacobian)

        return Program(ours, (net, x), not central)
    transform = jax.jacfwd if method == "forward" else jax.jacrev

    def at(net: Any, x: Any) -> Any:
        if wrt == "inputs":
            return transform(net)(x)
        return transform(lambda weights: weights(x))(net)

    return Program(_mapped(at, x), (net, x), False)


def _mapped(at: Callable[..., Any], x: Any) -> Callable[..., Any]:
    return at if len(x.shape) == 1 else jax.vmap(at, in_axes=(None, 0))


def _of_jacobians(net: Any, x: Any, y: Any, want: str, method: str) -> Program:
    """J J^T, diag(J^T J) and norms of gradients, with and without the Jacobian itself."""
    points = jax.ShapeDtypeStruct((1, *x.shape), x.dtype) if len(x.shape) == 1 else x
    ys = jax.ShapeDtypeStruct((1, *y.shape), y.dtype) if len(x.shape) == 1 else y
    if method == "structured":
        return {
            "gram": Program(_structured_gram, (net, points), False),
            "gram_diagonal": Program(_structured_gram_diagonal, (net, points), False),
            "gradient_norms": Program(_structured_norms, (net, points, ys), True),
        }[want]
    if want == "gradient_norms":
        return Program(_dense_norms, (net, points, ys), True)
    dense = _dense_gram if want == "gram" else _dense_gram_diagonal
    return Program(dense, (net, points), False)


# What `gram`, `gram_diagonal` and `norms` compute, without their look at the scale of the numbers.


def _structured_gram(net: Any, points: Any) -> Any:
    J = weight_jacobian(net, points)
    factors = J.inputs, J.factors
    return plain_kernel(factors, factors, J.outputs.shape[1], biases=True)


def _structured_gram_diagonal(net: Any, points: Any) -> Any:
    J = weight_jacobian(net, points)
    pairs = zip(J.inputs, (*J.factors, None), strict=True)
    return [plain_diagonal(a, B, J.outputs.shape[1]) for a, B in pairs]


def _structured_norms(net: Any, points: Any, ys: Any) -> Any:
    found = per_sample_gradients(net, points, ys)
    return plain_norms(found.deltas, found.inputs, biases=True)


def _dense_jacobian(net: Any, points: Any) -> Any:
    one = jax.jacrev(lambda net, x: jnp.atleast_1d(net(x)))
    return jax.vmap(one, in_axes=(None, 0))(net, points)


def _dense_gram(net: Any, points: Any) -> Any:
    """J J^T of shape (N, m, N, m) by the array J."""
    total: Any = 0
    for leaf in jax.tree.leaves(_dense_jacobian(net, points)):
        rows = leaf.reshape(*leaf.shape[:2], -1)
        total = total + jnp.tensordot(rows, rows, axes=((2,), (2,)))
    return total


def _dense_gram_diagonal(net: Any, points: Any) -> Any:
    squares = jax.tree.map(jnp.square, _dense_jacobian(net, points))
    return jax.tree.map(lambda leaf: jnp.sum(leaf, axis=(0, 1)), squares)


def _dense_norms(net: Any, points: Any, ys: Any) -> Any:
    gradients = jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))(net, points, ys)
    leaves = [leaf.reshape(leaf.shape[0], -1) for leaf in jax.tree.leaves(gradients)]
    total: Any = 0
    for leaf in leaves:
        total = total + jnp.sum(jnp.square(leaf), axis=1)
    return jnp.sqrt(total)
