"""Kernels and gradients per sample of any function f(params, x) of parameters and a point.

A network is swept layer by layer and its Jacobian is never formed. Of any other function the rows
of the Jacobian are what there is: they are computed by JAX, a block of samples at a time where the
result allows it. `params` is any tree; its floating-point leaves are the variables.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from approxlab.arguments import check_function
from approxlab.derivatives._absent_modes import Mode, by_mode_that_exists
from approxlab.derivatives._structures import MAX_BYTES, check_bytes
from approxlab.derivatives._trees import Tree, as_tree
from approxlab.derivatives.layers.compared_values import compared_values

__all__ = ["FunctionGradients", "check_no_biases", "function_gradients", "function_ntk"]

_BLOCK_BYTES = 2**26  # of gradients that are held at once while norms are taken

Function = Callable[[Any, Any], Array]


def function_ntk(f: Any, params: Any, X: Any, X2: Any = None) -> Array:
    """J(X) J(X2)^T of f(params, x) in the leaves of params: shape (N, N2), or (N, m, N2, m).

    Raises:
        TypeError: If f is not a function, its values are not floating point, or params have no
            floating-point leaves.
        ValueError: If values are neither of shape () nor (m,), or the Jacobian takes more than
            1 GiB.
    """
    tree, points = _arguments(f, params, X, "X")
    left = _rows(f, tree, points)
    right = left if X2 is None else _rows(f, tree, _points(X2, "X2"))
    shape = (*left[1], *right[1])
    total: Any = None
    # One scale per row, so that squares of gradients neither over- nor underflow.
    one, two = (_sizes(rows) for rows, _ in (left, right))
    for a, b in zip(left[0], right[0], strict=True):
        part = (a / one) @ (b / two).T
        total = part if total is None else total + part
    return (total * one * two.T).reshape(shape)


def _sizes(rows: list[Array]) -> Array:
    """The largest absolute entry of every row, as a column; 1 for a row of zeros."""
    sizes = [jnp.max(jnp.abs(a), axis=1, keepdims=True, initial=0.0) for a in rows]
    return _divisor(jnp.max(jnp.stack(sizes), axis=0))


def _divisor(size: Array) -> Array:
    return jax.lax.stop_gradient(jnp.where((size > 0) & jnp.isfinite(size), size, 1.0))


def _largest(rows: list[Array]) -> Array:
    size = jnp.max(jnp.stack([jnp.max(jnp.abs(a), initial=0.0) for a in rows]))
    return _divisor(size)


def _rows(f: Function, tree: Tree, X: Array) -> tuple[list[Array], tuple[int, ...]]:
    """The Jacobian as one matrix (N m, size) per leaf, and the shape of all values."""
    one = _value(f, tree, X[0])
    count = sum(math.prod(shape) for shape in tree.form.shapes)
    shape = (X.shape[0], *one.shape)
    check_bytes((*shape, count), one.dtype, MAX_BYTES, "blocks: ntk(f, X, X2) for some points each")

    def run(mode: Mode) -> Any:
        jacobian = jax.jacrev if mode == "reverse" else jax.jacfwd
        return jax.vmap(lambda x: jacobian(lambda leaves: _at(f, tree, leaves, x))(tree.leaves))(X)

    found = by_mode_that_exists(
        ("reverse", "forward"), lambda *leaves: _at(f, tree, leaves, X[0]), tree.leaves, run
    )
    return [a.reshape(math.prod(shape), -1) for a in found], shape


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class FunctionGradients:
    """Gradients of N samples of a loss of f(params, x), computed when asked for.

    The methods are those of `PerSampleGradients`; results have the form of `params`, with `None`
    for leaves that are not floating point.

    Attributes:
        loss: Loss of one sample, of the leaves of the parameters, a point and a y.
        tree: The parameters.
        X: Points, first axis N.
        Y: What the loss compares with, first axes N.
    """

    loss: Callable[..., Array]
    tree: Tree
    X: Any
    Y: Any

    def norms(self) -> Float[Array, " N"]:
        """Euclidean norm of every sample's gradient, over all leaves; some samples at a time."""
        sizes = zip(self.tree.form.shapes, self.tree.form.dtypes, strict=True)
        bytes_ = sum(math.prod(shape) * dtype.itemsize for shape, dtype in sizes)
        batch = max(1, min(self.X.shape[0], _BLOCK_BYTES // max(1, bytes_)))

        def norm(pair: Any) -> Array:
            leaves = jax.grad(self.loss)(self.tree.leaves, *pair)
            largest = _largest(list(leaves))
            return largest * jnp.sqrt(sum(jnp.sum(jnp.square(a / largest)) for a in leaves))

        return jax.lax.map(norm, (self.X, self.Y), batch_size=batch)

    def sum(self, weights: Any = None) -> Any:
        """The sum over the samples, each times its weight of shape (N,); by one reverse sweep."""
        n = self.X.shape[0]
        factors = jnp.ones(n) if weights is None else jnp.asarray(weights)
        if factors.shape != (n,):
            raise ValueError(
                f"weights: got shape {factors.shape}, expected {(n,)}: one number per sample."
            )

        def total(leaves: Any) -> Array:
            losses = jax.vmap(lambda x, y: self.loss(leaves, x, y))(self.X, self.Y)
            return jnp.sum(losses * factors.astype(losses.dtype))

        return self.tree.form.filled(jax.grad(total)(self.tree.leaves))

    def dense(self, max_bytes: int = MAX_BYTES) -> Any:
        """All gradients, each leaf with a first axis of length N.

        Raises:
            ValueError: Before anything is allocated, if they would take more than `max_bytes`.
        """
        count = sum(math.prod(shape) for shape in self.tree.form.shapes)
        shape = (self.X.shape[0], count)
        check_bytes(shape, self.tree.form.dtypes[0], max_bytes, "norms or sum")
        grads = jax.vmap(lambda x, y: jax.grad(self.loss)(self.tree.leaves, x, y))(self.X, self.Y)
        return self.tree.form.filled(grads)

    def __repr__(self) -> str:
        leaves = f"{len(self.tree.leaves)} arrays of parameters"
        return f"FunctionGradients({self.X.shape[0]} samples, {leaves})"


def function_gradients(
    f: Any, params: Any, X: Any, Y: Any, loss: Callable[..., Array]
) -> FunctionGradients:
    """The gradient of loss(f(params, x_n), y_n) in the leaves of params, for every sample n."""
    tree, points = _arguments(f, params, X, "X")
    value = _value(f, tree, points[0])
    Y = compared_values(Y, points.shape[0], value.dtype)

    def of_sample(leaves: Any, x: Any, y: Any) -> Array:
        return loss(_at(f, tree, leaves, x), y)

    first = jax.tree.map(lambda leaf: leaf[0], Y)
    kind = jax.eval_shape(of_sample, tree.leaves, points[0], first)
    shape, dtype = getattr(kind, "shape", None), getattr(kind, "dtype", type(kind))
    if shape != () or not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(
            f"loss: got values of shape {shape} and dtype {dtype}, expected one floating-point "
            f"number per sample for a value of shape {value.shape} and a y of shape "
            f"{jax.tree.map(jnp.shape, first)}."
        )
    return FunctionGradients(of_sample, tree, points, Y)


def check_no_biases(biases: bool) -> None:
    """A function of parameters has no biases that could be held fixed."""
    if biases is not True:
        raise ValueError(
            f"biases: got {biases!r} with params, expected a network. Hold parameters fixed by "
            "closing over them: f = lambda params, x: model(params, fixed, x)."
        )


def _at(f: Function, tree: Tree, leaves: Any, x: Any) -> Array:
    return jnp.asarray(f(tree.form.filled(leaves, tree.fixed), x))


def _value(f: Function, tree: Tree, x: Array) -> Any:
    """Shape and dtype of one value."""
    found = jax.eval_shape(
        lambda leaves, x: f(tree.form.filled(leaves, tree.fixed), x), tree.leaves, x
    )
    shape, dtype = getattr(found, "shape", None), getattr(found, "dtype", type(found).__name__)
    if shape is None or len(shape) > 1:
        raise ValueError(f"f: got a value of shape {shape}, expected one of shape () or (m,).")
    if not jnp.issubdtype(dtype, jnp.floating):
        raise TypeError(f"f: got values of dtype {dtype}, expected a floating-point dtype.")
    return found


def _arguments(f: Any, params: Any, X: Any, name: str) -> tuple[Tree, Array]:
    check_function("f", f)
    return as_tree("params", params), _points(X, name)


def _points(X: Any, name: str) -> Array:
    points = jnp.asarray(X)
    if points.ndim < 1 or points.shape[0] == 0:
        raise ValueError(
            f"{name}: got shape {points.shape}, expected points along a first axis, such as (N, d)."
        )
    return points
