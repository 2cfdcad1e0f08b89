"""Gradients, Jv, u J and Hv of any JAX function by name: JAX's transforms, with checked shapes.

None of these forms a Jacobian or a Hessian. In evaluations of f, for a network with P weights and
c0 = n_0 n_1 of them in the first layer: J v and u J in the inputs 2, a gradient in the weights
3 - c0/P, a Hessian-vector product in the weights at most 3 gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.arguments import check_function

__all__ = [
    "gradient",
    "hessian_vector_product",
    "jacobian_vector_product",
    "vector_jacobian_product",
]

Function = Callable[[Any], Any]


def gradient(f: Function, x: Any) -> Any:
    """The gradient of a function with values of shape (), shaped like x.

    Args:
        f: Maps x to a floating-point number.
        x: An array, or a pytree of them such as a network.

    Raises:
        TypeError: If x is not floating point.
        ValueError: If the value is not of shape ().

    Example:
        >>> gradient(lambda x: x[0] * x[1] ** 2, jnp.array([3.0, 2.0])).tolist()
        [4.0, 12.0]
    """
    check_function("f", f)
    value, pullback = jax.vjp(f, _floating("x", x))
    if not hasattr(value, "shape") or value.shape != ():
        raise ValueError(
            f"f: got values of shape {_shapes(value)}, expected (): a gradient is of one number. "
            "Use vector_jacobian_product with a weight for every output, or a Jacobian."
        )
    (result,) = pullback(jnp.ones_like(value))
    return result


def jacobian_vector_product(f: Function, x: Any, v: Any) -> Any:
    """J v, the derivative of f at x in the direction v, shaped like f(x): forward mode.

    Args:
        f: Maps x to an array or a pytree of arrays.
        x: An array, or a pytree of them.
        v: Shaped like x; brought to its dtype.

    Raises:
        TypeError: If x is not floating point.
        ValueError: If v is not shaped like x.

    Example:
        >>> f = lambda x: jnp.stack([x[0] * x[1], x[0]])
        >>> jacobian_vector_product(f, jnp.array([3.0, 2.0]), jnp.array([1.0, 10.0])).tolist()
        [32.0, 1.0]
    """
    check_function("f", f)
    x = _floating("x", x)
    return jax.jvp(f, (x,), (_like("v", v, x, "x"),))[1]


def vector_jacobian_product(f: Function, x: Any, u: Any) -> Any:
    """The product u J, the gradient of sum(u f) at x, shaped like x: reverse mode.

    Args:
        f: Maps x to an array or a pytree of arrays.
        x: An array, or a pytree of them.
        u: Shaped like f(x); brought to its dtype.

    Raises:
        TypeError: If x is not floating point.
        ValueError: If u is not shaped like f(x).

    Example:
        >>> f = lambda x: jnp.stack([x[0] * x[1], x[0]])
        >>> vector_jacobian_product(f, jnp.array([3.0, 2.0]), jnp.array([1.0, 10.0])).tolist()
        [12.0, 3.0]
    """
    check_function("f", f)
    value, pullback = jax.vjp(f, _floating("x", x))
    (result,) = pullback(_like("u", u, value, "the value of f"))
    return result


def hessian_vector_product(f: Function, x: Any, v: Any) -> Any:
    """H v for a function with values of shape (), shaped like x: forward over reverse mode.

    The gradient is differentiated in the direction v; the Hessian is not formed.

    Args:
        f: Maps x to a floating-point number.
        x: An array, or a pytree of them.
        v: Shaped like x; brought to its dtype.

    Raises:
        TypeError: If x is not floating point.
        ValueError: If v is not shaped like x, or the value is not of shape ().

    Source:
        Pearlmutter 1994, "Fast exact multiplication by the Hessian".

    Example:
        >>> f = lambda x: x[0] * x[1] ** 2
        >>> hessian_vector_product(f, jnp.array([3.0, 2.0]), jnp.array([1.0, 0.0])).tolist()
        [0.0, 4.0]
    """
    check_function("f", f)
    return jacobian_vector_product(lambda point: gradient(f, point), x, v)


def _floating(name: str, tree: Any) -> Any:
    arrays = jax.tree.map(jnp.asarray, tree)
    for leaf in jax.tree.leaves(arrays):
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            raise TypeError(
                f"{name}: got dtype {leaf.dtype}, expected floating-point numbers. Write "
                f"jnp.asarray({name}, float)."
            )
    return arrays


def _like(name: str, tree: Any, model: Any, of: str) -> Any:
    """The tree in the dtypes of the model, whose structure and shapes it must have."""
    structure: Any = jax.tree.structure(model)
    if jax.tree_util.treedef_is_leaf(structure):
        tree = jnp.asarray(tree)
    found: Any = jax.tree.structure(tree)
    if found != structure:
        raise ValueError(
            f"{name}: got a tree {found}, expected {structure}, that of {of}: the same containers "
            "with the same settings."
        )
    if _shapes(tree) != _shapes(model):
        raise ValueError(
            f"{name}: got shape {_shapes(tree)}, expected {_shapes(model)}, that of {of}."
        )
    return jax.tree.map(lambda leaf, other: jnp.asarray(leaf, other.dtype), tree, model)


def _shapes(tree: Any) -> Any:
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(tree)]
    return shapes[0] if len(shapes) == 1 else shapes
