"""The methods that the Jacobians of layers have in common."""

from __future__ import annotations

import abc
import math
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives._structures import MAX_BYTES, check_bytes

__all__ = ["LayerJacobian"]


class LayerJacobian(abc.ABC):
    """A Jacobian J of a map from arrays of shape `in_shape` to arrays of shape `out_shape`.

    Its entries are J[out index, in index]: the axes of the value first, then those of the argument,
    as in JAX. All kinds are pytrees, so they pass through `jit`, `vmap` and `grad`.
    """

    @property
    @abc.abstractmethod
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""

    @property
    @abc.abstractmethod
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""

    @property
    @abc.abstractmethod
    def dtype(self) -> Any:
        """Dtype of the entries."""

    @abc.abstractmethod
    def transpose(self) -> LayerJacobian:
        """The Jacobian with the axes of argument and value exchanged."""

    _converts: ClassVar[bool] = True
    """Whether jvp and vjp take their argument in the dtype of the entries."""

    # What the public methods do after they have checked their arguments.

    @abc.abstractmethod
    def _flops(self) -> tuple[int, int]: ...

    @abc.abstractmethod
    def _jvp(self, v: Array) -> Array: ...

    @abc.abstractmethod
    def _vjp(self, u: Array) -> Array: ...

    @abc.abstractmethod
    def _dense(self) -> Array: ...

    def flops(self, operation: str = "jvp") -> int:
        """Operations of one "jvp" or "vjp", exactly those of the program that computes it."""
        if operation not in ("jvp", "vjp"):
            raise ValueError(f"operation: got {operation!r}, expected 'jvp' or 'vjp'.")
        return self._flops()[("jvp", "vjp").index(operation)]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the dense array: `out_shape`, then `in_shape`."""
        return (*self.out_shape, *self.in_shape)

    @property
    def nbytes(self) -> int:
        """Bytes that are kept."""
        return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(self))

    @property
    def dense_nbytes(self) -> int:
        """Bytes that the dense array would take."""
        return math.prod(self.shape) * jnp.dtype(self.dtype).itemsize

    def jvp(self, v: Any) -> Array:
        """The product J v: a tangent pushed forward.

        Raises:
            ValueError: If v is not of the shape `in_shape`.
        """
        return self._jvp(self._fitting("v", v, self.in_shape))

    def vjp(self, u: Any) -> Array:
        """The product u J: a cotangent pulled back.

        Raises:
            ValueError: If u is not of the shape `out_shape`.
        """
        return self._vjp(self._fitting("u", u, self.out_shape))

    def _fitting(self, name: str, values: Any, shape: tuple[int, ...]) -> Array:
        array = jnp.asarray(values, self.dtype if self._converts else None)
        if array.shape != shape:
            raise ValueError(
                f"{name}: got shape {array.shape} for {self!r}, expected {shape}. jvp takes an "
                "array like the argument, vjp one like the value; use jax.vmap for many."
            )
        return array

    def dense(self, max_bytes: int = MAX_BYTES) -> Array:
        """The array of all entries, zeros included.

        Raises:
            ValueError: Before anything is allocated, if it would take more than `max_bytes`.
        """
        check_bytes(self.shape, self.dtype, max_bytes, f"jvp and vjp of {self!r}")
        return self._dense()

    def __repr__(self) -> str:
        to = " x ".join(str(shape) for shape in (self.out_shape, self.in_shape))
        return f"{type(self).__name__}({to}, {self.nbytes} of {self.dense_nbytes} bytes)"
