"""Planned Jacobian chains, executed in JAX: of networks by their matrices, of functions by pushes.

For a network the Jacobian of the layers i..j is M = W_j D_{j-1} W_{j-1} ... D_i W_i, where D_l is
diagonal with entries s'(z_l), 1 for units left linear. No diagonal is ever multiplied as a matrix:
in a product M_left D_k M_right the columns of the left or the rows of the right factor are scaled,
whichever has fewer numbers.

How it stays fast for many points. Under `jax.vmap` the weights are shared and the scaled operand
is not. A sub-result lies with the index that is contracted next in its last axis, transposed if
need be, and stands on the left of `dot_general`: then N points with r rows each times a shared
matrix are one matrix product of N r rows, without a copy. Two sub-results are a batch of N
products.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from approxlab.derivatives.planner import Node, Plan
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.mlp import MLP

__all__ = ["value_and_jacobian_by"]


def value_and_jacobian_by(plan: Plan, net: MLP, x: Any) -> tuple[Array, Float[Array, "... d"]]:
    """Value and Jacobian of a network at one point, in the order of a plan.

    The forward pass is computed once; the dot FLOPs executed are `plan.dot_flops` to the unit.
    Works under `jit` (the plan is static) and under `vmap` over points.

    Args:
        plan: As from `plan_network`, `forward_plan` or `reverse_plan` for the widths of `net`.
        net: A single network.
        x: One point of shape (d,), cast to the dtype of the weights.

    Returns:
        The value of shape (m,) and the Jacobian of shape (m, d); () and (d,) if `out_size` is
        `None`; in the dtype of the weights.

    Raises:
        ValueError: If the plan is for other widths, or x is not one point.

    Example:
        >>> from approxlab.derivatives.planner import plan_network
        >>> net = MLP.init(jax.random.key(0), 3, (8, 2, 8), out_size=4)
        >>> value, jacobian = value_and_jacobian_by(plan_network(net), net, jnp.ones(3))
        >>> value.shape, jacobian.shape
        ((4,), (4, 3))
        >>> bool(jnp.allclose(jacobian, jax.jacobian(net)(jnp.ones(3)), atol=1e-5))
        True
    """
    x = _point(plan, net, x)
    value, slopes = _forward(net, x)
    made = _of_layers(plan.tree, net.weights, slopes)
    jacobian = made.array.T if made.transposed else made.array
    return (value[0], jacobian[0]) if net.out_size is None else (value, jacobian)


class _Made(NamedTuple):
    """A sub-result: (rows, cols), or transposed; whether it is a weight, shared by all points."""

    array: Array
    transposed: bool
    shared: bool


def _forward(net: MLP, x: Array) -> tuple[Array, list[Array]]:
    """The value, and s'(z_l) of every hidden layer by one tangent of ones."""
    act = activation_named(net.activation)
    slopes = []
    for weight, bias, linear in zip(
        net.weights[:-1], net.biases[:-1], net.passthrough, strict=True
    ):
        z = weight @ x + bias
        bent = z.shape[0] - linear
        x, slope = jax.jvp(act, (z[:bent],), (jnp.ones_like(z[:bent]),))
        if linear:
            x = jnp.concatenate([x, z[bent:]])
            slope = jnp.concatenate([slope, jnp.ones_like(z[bent:])])
        slopes.append(slope)
    return net.weights[-1] @ x + net.biases[-1], slopes


def _of_layers(node: Node, weights: Sequence[Array], slopes: Sequence[Array]) -> _Made:
    """The Jacobian of the layers first..last, without the slopes after the last one."""
    if node.first == node.last:
        return _Made(weights[node.last - 1], False, True)
    middle = node.right.last if node.right else node.first
    # A push of rows or columns through a layer is the product with its matrix.
    later = node.left or _leaf(middle + 1)
    earlier = node.right or _leaf(middle)
    if node.left_first:
        left = _of_layers(later, weights, slopes)
        right = _of_layers(earlier, weights, slopes)
    else:
        right = _of_layers(earlier, weights, slopes)
        left = _of_layers(later, weights, slopes)
    return _product(left, slopes[middle - 1], right)


def _leaf(layer: int) -> Node:
    return Node(layer, layer, "matrix", None, None, True, 0, 0)


def _product(left: _Made, slope: Array, right: _Made) -> _Made:
    """The product left diag(slope) right, with the smaller one scaled."""
    if left.array.size <= right.array.size:
        left = _Made(left.array * _along(slope, left.transposed), left.transposed, False)
    elif right.shared:
        # Scaled as it is transposed, so that the contracted index is last.
        right = _Made(right.array.T * slope[None, :], True, False)
    else:
        right = _Made(right.array * _along(slope, not right.transposed), right.transposed, False)
    a, b = 0 if left.transposed else 1, 1 if right.transposed else 0
    if left.shared:  # the operand with a batch stands on the left
        return _Made(_dot(right.array, b, left.array, a), True, False)
    return _Made(_dot(left.array, a, right.array, b), False, False)


def _along(slope: Array, rows: bool) -> Array:
    return slope[:, None] if rows else slope[None, :]


def _dot(one: Array, i: int, two: Array, j: int) -> Array:
    return lax.dot_general(one, two, (((i,), (j,)), ((), ())))


def _point(plan: Plan, net: MLP, x: Any) -> Array:
    if not isinstance(net, MLP) or net.weights[0].ndim != 2:
        raise ValueError(
            f"net: got {net!r}, expected a single MLP. Use net.member(i) for one of several, and "
            "chain_jacobian for other functions."
        )
    if plan.widths != net.sizes:
        raise ValueError(
            f"plan: got {plan!r} for {net!r}, expected a plan for the widths "
            f"{'-'.join(map(str, net.sizes))}. Write plan_network(net)."
        )
    x = jnp.asarray(x, net.dtype)
    if x.shape != (net.in_size,):
        raise ValueError(
            f"x: got shape {x.shape}, expected ({net.in_size},): one point. Use jax.vmap over the "
            "points of a batch."
        )
    return x
