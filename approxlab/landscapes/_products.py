"""A loss as a function of one vector, with its Hessian: products, and the whole matrix.

Programs are compiled once for each shape where the loss is a value: a registered pytree, or a
function that `jax.jit` has wrapped. A plain function may close over what changes between two calls,
so it is compiled again at each of them, as in `approxlab.evaluate`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.arguments import check_function
from approxlab.derivatives._trees import Form, Tree, as_tree
from approxlab.derivatives.vector_products import hessian_vector_product
from approxlab.evaluation import form_of, lasting, split

__all__ = ["Curved", "NotFiniteError", "curved", "kind_of", "real_tree"]


class NotFiniteError(ValueError):
    """A Hessian that has no eigenvalues."""


_TOGETHER = 64  # columns of a Hessian that are computed at once: they are held in memory


@partial(jax.tree_util.register_dataclass, data_fields=["loss", "fixed"], meta_fields=["form"])
@dataclasses.dataclass(frozen=True)
class _OfEntries:
    """The loss as a function of the entries of all floating-point leaves."""

    loss: Any
    fixed: tuple[Any, ...]
    form: Form

    def __call__(self, at: tuple[Array, tuple[Any, ...]]) -> Any:
        entries, args = at
        leaves = cut(entries, self.form)
        return self.loss(self.form.filled(leaves, self.fixed), *args)


@dataclasses.dataclass(frozen=True)
class Curved:
    """A loss at a point, ready for products with its Hessian.

    Attributes:
        static: What is compiled for.
        arrays: Arrays of the loss, where it is a pytree that has some.
        entries: The point, shape (n,).
        args: What the loss is given beside the point.
        point: The same as a tree.
    """

    static: Any
    arrays: tuple[Any, ...]
    entries: Array
    args: tuple[Any, ...]
    point: Tree

    @property
    def size(self) -> int:
        """Number of parameters."""
        return int(self.entries.shape[0])

    @property
    def eps(self) -> float:
        """Of the dtype in which the Hessian is computed."""
        return float(jnp.finfo(self.entries.dtype).eps)

    def product(self, v: np.ndarray) -> np.ndarray:
        """H v, in float64 whatever it is computed in."""
        kind = self.entries.dtype
        found = _product(self.static, self.arrays, self.entries, self.args, jnp.asarray(v, kind))
        return _finite(np.asarray(found, np.float64))

    def hessian(self) -> np.ndarray:
        """H of shape (n, n), as it is computed: symmetric to rounding."""
        found = _hessian(self.static, self.arrays, self.entries, self.args)
        return _finite(np.asarray(found, np.float64))

    def hessians(self, stack: Array) -> np.ndarray:
        """The Hessians at many points (m, n), shape (m, n, n); not finite where they are not."""
        found = _hessians(self.static, self.arrays, stack, self.args)
        return np.asarray(found, np.float64)

    def values(self, stack: Array) -> np.ndarray:
        """The loss at many points (m, n), shape (m,)."""
        return np.asarray(_values(self.static, self.arrays, stack, self.args), np.float64)

    def at(self, entries: Array) -> Curved:
        """The same loss at another point."""
        return dataclasses.replace(self, entries=entries)

    def direction(self, vector: np.ndarray) -> Any:
        """A vector of shape (n,) as a tree like the point, `None` for leaves that are fixed."""
        form = self.point.form
        return form.filled(cut(jnp.asarray(vector, self.entries.dtype), form))


def curved(loss: Callable[..., Any], params: Any, args: tuple[Any, ...]) -> Curved:
    """A loss at parameters that are finite."""
    check_function("loss", loss)
    point = real_tree(params)
    kind = kind_of(point.form)
    for leaf in point.leaves:
        if not np.all(np.isfinite(np.asarray(leaf))):
            raise ValueError(
                "params: got a leaf with entries that are not finite, expected finite numbers. "
                "A run that has diverged has no curvature."
            )
    entries = jnp.concatenate([leaf.ravel().astype(kind) for leaf in point.leaves])
    static, arrays = split(_OfEntries(lasting(loss), point.fixed, point.form))
    return Curved(static, arrays, entries, args, point)


def real_tree(params: Any) -> Tree:
    """The parameters with at least one entry, all of them real."""
    point = as_tree("params", params)
    for dtype in point.form.dtypes:
        if not jnp.issubdtype(dtype, jnp.floating):
            raise TypeError(
                f"params: got dtype {dtype}, expected real floating-point numbers. Give real and "
                "imaginary parts as two leaves."
            )
    if not sum(leaf.size for leaf in point.leaves):
        raise ValueError("params: got no entries, expected at least one parameter.")
    return point


def kind_of(form: Form) -> Any:
    """The widest dtype among the leaves."""
    return max(form.dtypes, key=lambda dtype: dtype.itemsize)


def cut(entries: Array, form: Form) -> Sequence[Array]:
    """Entries (..., n) as the leaves of a tree, leading axes kept."""
    ends = np.cumsum([math.prod(shape) for shape in form.shapes])[:-1]
    parts = jnp.split(entries, ends, axis=-1)
    return [
        part.reshape(*part.shape[:-1], *shape).astype(dtype)
        for part, shape, dtype in zip(parts, form.shapes, form.dtypes, strict=True)
    ]


@partial(jax.jit, static_argnums=0)
def _product(static: Any, arrays: Any, entries: Array, args: Any, v: Array) -> Array:
    return hessian_vector_product(_scalar(static, arrays, entries, args), entries, v)


def _columns(static: Any, arrays: Any, entries: Array, args: Any) -> Array:
    f = _scalar(static, arrays, entries, args)
    units = jnp.eye(entries.shape[0], dtype=entries.dtype)
    together = min(_TOGETHER, entries.shape[0])
    return jax.lax.map(lambda e: hessian_vector_product(f, entries, e), units, batch_size=together)


_hessian = partial(jax.jit, static_argnums=0)(_columns)


@partial(jax.jit, static_argnums=0)
def _hessians(static: Any, arrays: Any, stack: Array, args: Any) -> Array:
    return jax.lax.map(lambda entries: _columns(static, arrays, entries, args), stack)


@partial(jax.jit, static_argnums=0)
def _values(static: Any, arrays: Any, stack: Array, args: Any) -> Array:
    return jax.lax.map(_scalar(static, arrays, stack[0], args), stack)


def _scalar(static: Any, arrays: Any, entries: Array, args: Any) -> Callable[[Array], Any]:
    """The loss of the entries, once its value is known to be one real number."""

    def f(at: Array) -> Any:
        return static.join(arrays)((at, args))

    value = form_of("loss", f, entries)
    if getattr(value, "shape", None) != ():
        got = getattr(value, "shape", type(value).__name__)
        raise ValueError(
            f"loss: got values of shape {got}, expected (): one number. Write jnp.sum(...) or "
            "jnp.mean(...) of the residuals' squares."
        )
    if not jnp.issubdtype(value.dtype, jnp.floating):
        raise TypeError(f"loss: got a value of dtype {value.dtype}, expected a real floating one.")
    return f


def _finite(array: np.ndarray) -> np.ndarray:
    if not np.all(np.isfinite(array)):
        raise NotFiniteError(
            "loss: its Hessian has entries that are not finite at these parameters, expected "
            "finite ones. Check loss(params) and its gradient first."
        )
    return array
