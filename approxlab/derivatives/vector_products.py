"""Gradients, Jv, u J and Hv of any JAX function by name: JAX's transforms, with checked shapes.

None of these forms a Jacobian or a Hessian. In evaluations of f, for a network with P weights and
c0 = n_0 n_1 of them in the first layer: J v and u J in the inputs 2, a gradient in the weights
3 - c0/P, a Hessian-vector product in the weights at most 3 gradients.

Points are trees of any kind: floating-point leaves (Python floats too) are differentiated, all
others are held fixed and are `None` in results. The same holds for leaves of the value. Complex
values of real points have complex derivatives. Where a function has one mode only, as `while_loop`
and `custom_vjp`, that one is taken: u J by forward mode costs as many sweeps as x has entries.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function
from approxlab.derivatives._absent_modes import Mode, as_jax_function, by_mode_that_exists
from approxlab.derivatives._complex_values import pulled
from approxlab.derivatives._trees import Leaves, OnLeaves, as_tree

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
    flat = _on_leaves(f, x)
    return flat.point.form.filled(_pulled_back(flat, lambda: (_one(flat),)))


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
    flat = _on_leaves(f, x)
    return _pushed(flat, flat.point.form.leaves_of("v", v, "x"))


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
    flat = _on_leaves(f, x)

    def weights() -> Leaves:
        return flat.form.leaves_of("u", u, "the value of f")

    return flat.point.form.filled(_pulled_back(flat, weights))


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


def _on_leaves(f: Function, x: Any) -> OnLeaves:
    check_function("f", f)
    return OnLeaves(f, as_tree("x", x))


@as_jax_function()
def _pushed(flat: OnLeaves, v: Leaves) -> Any:
    """J v: by one tangent, or by the transpose of u J where there is no forward mode."""
    leaves = flat.point.leaves

    def run(mode: Mode) -> Any:
        if mode == "forward":
            return jax.jvp(flat, leaves, v)[1]
        value, pull = jax.vjp(flat, *leaves)
        return jax.vjp(pull, tuple(jnp.zeros_like(leaf) for leaf in value))[1](v)[0]

    found = by_mode_that_exists(("forward", "reverse"), flat, leaves, run)
    return flat.form.filled(found)


@as_jax_function()
def _pulled_back(flat: OnLeaves, weights: Callable[[], Leaves]) -> Leaves:
    """U J: by one adjoint, or entry by entry where there is no reverse mode."""
    leaves = flat.point.leaves

    def run(mode: Mode) -> Leaves:
        if mode == "reverse":
            _, pull = jax.vjp(flat, *leaves)
            return pulled(pull, weights())
        jax.eval_shape(flat, *leaves)  # u is known only with the form of the value
        return _by_entries(flat, weights())

    return by_mode_that_exists(("reverse", "forward"), flat, leaves, run)


def _by_entries(flat: OnLeaves, u: Leaves) -> Leaves:
    leaves = flat.point.leaves
    sizes = [leaf.size for leaf in leaves]
    ends = np.cumsum(sizes)[:-1]
    kind = functools.reduce(jnp.promote_types, (weight.dtype for weight in u))

    def entry(index: Array) -> Array:
        unit = jnp.split(jnp.arange(sum(sizes)) == index, ends)
        v = (e.reshape(leaf.shape).astype(leaf.dtype) for e, leaf in zip(unit, leaves, strict=True))
        columns = jax.jvp(flat, leaves, tuple(v))[1]
        terms = [jnp.sum(weight * column) for weight, column in zip(u, columns, strict=True)]
        return functools.reduce(jnp.add, [term.astype(kind) for term in terms])

    row = jax.lax.map(entry, jnp.arange(sum(sizes)), batch_size=min(64, max(1, sum(sizes))))
    parts = zip(jnp.split(row, ends), leaves, strict=True)
    kept = kind if jnp.iscomplexobj(row) else None
    return tuple(part.reshape(leaf.shape).astype(kept or leaf.dtype) for part, leaf in parts)


def _one(flat: OnLeaves) -> Array:
    """The weight 1 of a value that is one number."""
    form = flat.form
    if form.shapes != ((),) or form.structure != jax.tree.structure(0):
        shapes = form.shapes[0] if len(form.shapes) == 1 else list(form.shapes)
        raise ValueError(
            f"f: got values of shape {shapes}, expected (): a gradient is of one number. "
            "Use vector_jacobian_product with a weight for every output, or a Jacobian."
        )
    (dtype,) = form.dtypes
    complex_at = [d for d in flat.point.form.dtypes if jnp.issubdtype(d, jnp.complexfloating)]
    if complex_at and jnp.issubdtype(dtype, jnp.complexfloating):
        raise TypeError(
            f"f: got values of {dtype} at points of {complex_at[0]}, expected real values or real "
            "points. Use vector_jacobian_product, which takes f to be holomorphic."
        )
    return jnp.ones((), dtype)
