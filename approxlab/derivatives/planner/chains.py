"""Planned Jacobian chains, executed in JAX: layers by their matrices, any functions by pushes.

For a network the Jacobian of the layers i..j is M = W_j D_{j-1} W_{j-1} ... D_i W_i, where D_l is
diagonal with entries s'(z_l), 1 for linear units. No diagonal is ever multiplied as a matrix: in a
product M_left D_k M_right the columns of the left or the rows of the right factor are scaled,
whichever has fewer numbers.

Under `jax.vmap` over points the weights stay shared: a product with a weight that is not scaled
is one matrix product for all points.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Inexact

from approxlab.derivatives._absent_modes import (
    Mode,
    as_jax_function,
    by_mode_that_exists,
)
from approxlab.derivatives.layers.sweeps import activated
from approxlab.derivatives.planner._function_factors import (
    between,
    factors,
    in_real_numbers,
    vector,
)
from approxlab.derivatives.planner.plans import Node, Plan
from approxlab.derivatives.planner.plans import plan as cheapest_plan
from approxlab.networks.mlp import MLP

__all__ = ["chain_jacobian", "value_and_jacobian_by"]


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
        >>> from approxlab.derivatives.planner.plans import plan_network
        >>> net = MLP.init(jax.random.key(0), 3, (8, 2, 8), out_size=4)
        >>> value, jacobian = value_and_jacobian_by(plan_network(net), net, jnp.ones(3))
        >>> value.shape, jacobian.shape
        ((4,), (4, 3))
        >>> bool(jnp.allclose(jacobian, jax.jacobian(net)(jnp.ones(3)), atol=1e-5))
        True
    """
    x = _point(plan, net, x)
    value, slopes = _forward(net, x)
    jacobian = _of_layers(plan.tree, net.weights, slopes)
    return (value[0], jacobian[0]) if net.out_size is None else (value, jacobian)


def _forward(net: MLP, x: Array) -> tuple[Array, list[Array]]:
    """The value, and s'(z_l) of every hidden layer by one tangent of ones."""
    slopes = []
    for weight, bias, linear in zip(
        net.weights[:-1], net.biases[:-1], net.passthrough, strict=True
    ):
        x, slope = activated(net.activation, weight @ x + bias, linear)
        slopes.append(slope)
    return net.weights[-1] @ x + net.biases[-1], slopes


def _of_layers(node: Node, weights: Sequence[Array], slopes: Sequence[Array]) -> Array:
    """W_j D_{j-1} ... D_i W_i of the layers i..j of a node: without the slopes after layer j."""
    if node.first == node.last:
        return weights[node.last - 1]
    made: dict[int, Array] = {}
    for child in (node.left, node.right) if node.left_first else (node.right, node.left):
        if child is not None:
            made[child.first] = _of_layers(child, weights, slopes)
    # A push of rows or columns through a layer is the product with its matrix.
    left = made[node.left.first] if node.left is not None else weights[node.last - 1]
    right = made[node.right.first] if node.right is not None else weights[node.first - 1]
    middle = node.right.last if node.right is not None else node.first
    slope = slopes[middle - 1]
    if left.size <= right.size:
        return (left * slope[None, :]) @ right
    return left @ (slope[:, None] * right)


@as_jax_function("fns")
def chain_jacobian(
    fns: Sequence[Callable[[Array], Array]],
    x: Any,
    plan: Plan | None = None,
    max_bytes: int | None = None,
) -> Inexact[Array, "m n"]:
    """Jacobian of fns[-1] o ... o fns[0] at a point, by dense products, tangents and adjoints.

    The values between the functions are computed once and kept. A function is evaluated once more
    where its tangents or adjoints pass, so that one tape at a time is needed; compiled code merges
    the two evaluations. Works under `jit` and `vmap`. A function that has one mode only, as
    `while_loop` or `custom_vjp`, is passed in that one.

    Complex values have their real parts as one half of the numbers and the imaginary ones as the
    other: in the plan a complex vector of m entries has size 2m.

    Args:
        fns: Functions of one vector that return a vector, the first applied first.
        x: A point of shape (n,), of floating-point dtype.
        plan: As from `plan` for these functions; by default the cheapest one for
            `chain_factors(fns, x)`. A known matrix ("matrix" in its tree) is computed by
            tangents or adjoints, whichever are fewer.
        max_bytes: Budget of the default plan.

    Returns:
        The Jacobian of shape (m, n), in the dtype of the values; complex if these are.

    Raises:
        ValueError: If a shape does not fit, the plan is for other sizes, no plan fits the budget,
            or a function has no mode.
        TypeError: If values are not floating point, or a function is not one of JAX.

    Example:
        >>> fns = [lambda x: jnp.stack([jnp.sum(x), jnp.prod(x)]), lambda y: jnp.outer(y, y)[0]]
        >>> chain_jacobian(fns, jnp.array([1.0, 2.0, 3.0])).tolist()
        [[12.0, 12.0, 12.0], [42.0, 24.0, 18.0]]
    """
    x = jnp.asarray(x)
    points = between(fns, x)
    out = jax.eval_shape(fns[-1], points[-1])
    vector(out, len(fns) - 1)
    fns, points = in_real_numbers(fns, points)
    if plan is None:
        found = cheapest_plan(factors(fns, points), max_bytes, dtype=x.dtype)
    elif max_bytes is not None:
        raise ValueError(
            f"max_bytes: got {max_bytes} together with a plan, expected one of the two."
        )
    else:
        found = plan
    sizes = (*(point.shape[0] for point in points), found.widths[-1])
    if found.widths != sizes or len(fns) != len(found.factors):
        raise ValueError(
            f"plan: got {found!r}, expected a plan for {len(fns)} functions of "
            f"{', '.join(str(point.shape[0]) for point in points)} inputs. Write "
            "plan(chain_factors(fns, x))."
        )
    jacobian = _of_functions(found.tree, fns, points)
    if jnp.issubdtype(out.dtype, jnp.complexfloating):
        return jax.lax.complex(*jnp.split(jacobian, 2))
    return jacobian


def _of_functions(
    node: Node, fns: Sequence[Callable[[Array], Array]], points: Sequence[Array]
) -> Array:
    """The Jacobian of the functions first..last of a node, (rows, cols)."""
    made: dict[int, Array] = {}
    for child in (node.left, node.right) if node.left_first else (node.right, node.left):
        if child is not None:
            made[child.first] = _of_functions(child, fns, points)
    if node.left is not None and node.right is not None:
        return made[node.left.first] @ made[node.right.first]
    if node.left is not None:
        return _pulled(fns[node.first - 1], points[node.first - 1], made[node.left.first])
    fn, point = fns[node.last - 1], points[node.last - 1]
    if node.right is not None:
        return _pushed(fn, point, made[node.right.first])
    out = jax.eval_shape(fn, point)
    vector(out, node.last - 1)
    fewer_rows = out.shape[0] < point.shape[0]
    order: tuple[Mode, ...] = ("reverse", "forward") if fewer_rows else ("forward", "reverse")
    if node.method != "matrix":
        order = ("reverse",) if node.method == "adjoints" else ("forward",)

    def run(mode: Mode) -> Array:
        if mode == "reverse":
            return _pulled(fn, point, jnp.eye(out.shape[0], dtype=out.dtype))
        return _pushed(fn, point, jnp.eye(point.shape[0], dtype=point.dtype))

    return by_mode_that_exists(order, fn, (point,), run, "fns")


def _pushed(fn: Callable[[Array], Array], point: Array, columns: Array) -> Array:
    def push(tangent: Array) -> Array:
        return jax.jvp(fn, (point,), (tangent,))[1]

    pushed = jax.vmap(push, in_axes=1, out_axes=1)
    return by_mode_that_exists(("forward",), fn, (point,), lambda _: pushed(columns), "fns")


def _pulled(fn: Callable[[Array], Array], point: Array, rows: Array) -> Array:
    def run(_: Mode) -> Array:
        pull = jax.vjp(fn, point)[1]
        return jax.vmap(lambda row: pull(row)[0])(rows)

    return by_mode_that_exists(("reverse",), fn, (point,), run, "fns")


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
