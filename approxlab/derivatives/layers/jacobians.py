"""What the Jacobian of one layer is, kept in the form in which it is cheap.

The chain rule multiplies Jacobians of layers, and hardly any of them is a matrix full of numbers:

| map | Jacobian | class | numbers kept | numbers of the dense array |
|---|---|---|---|---|
| x -> W x + b, in x | W | `Dense` | m n | m n |
| z -> s(z), elementwise | diag(s'(z)) | `Diagonal` | n | n^2 |
| b -> W x + b | I | `Identity` | none | m^2 |
| W -> W x + b | I with outer factor x | `KroneckerOuter` | n | m^2 n |
| W_l -> f(x) | df/dz_l with outer factor a | `KroneckerOuter` | m l + n | m l n |

Each has J v (`jvp`), u J (`vjp`), `transpose`, `flops` of both and `dense`; `product` composes them
and stays structured where it can (`layer_products`). Operations are counted as XLA counts: products
of arrays are 2 x size of the result x length of the sum, elementwise ones 1 for each number.
"""

from __future__ import annotations

import abc
import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.arguments import check_positive
from approxlab.derivatives._structures import MAX_BYTES, check_bytes, register

__all__ = ["Dense", "Diagonal", "Identity", "KroneckerOuter", "LayerJacobian", "Transposed"]


class LayerJacobian(abc.ABC):
    """A Jacobian J of a map from arrays of shape `in_shape` to arrays of shape `out_shape`.

    Its entries are J[out index, in index]: the axes of the value first, then those of the argument,
    as in JAX. All kinds are pytrees, so they pass through `jit`, `vmap` and `grad`.
    """

    @abc.abstractmethod
    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]: ...

    @abc.abstractmethod
    def _kind(self) -> Any: ...

    @abc.abstractmethod
    def _transpose(self) -> LayerJacobian: ...

    @abc.abstractmethod
    def _flops(self) -> tuple[int, int]: ...

    @abc.abstractmethod
    def _jvp(self, v: Array) -> Array: ...

    @abc.abstractmethod
    def _vjp(self, u: Array) -> Array: ...

    @abc.abstractmethod
    def _dense(self) -> Array: ...

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""
        return self._shapes()[0]

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""
        return self._shapes()[1]

    @property
    def dtype(self) -> Any:
        """Dtype of the entries."""
        return self._kind()

    def transpose(self) -> LayerJacobian:
        """The Jacobian with the axes of argument and value exchanged."""
        return self._transpose()

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
            ValueError: If v has not the shape `in_shape`.
        """
        return self._jvp(self._fitting("v", v, self.in_shape))

    def vjp(self, u: Any) -> Array:
        """The product u J: a cotangent pulled back.

        Raises:
            ValueError: If u has not the shape `out_shape`.
        """
        return self._vjp(self._fitting("u", u, self.out_shape))

    def _fitting(self, name: str, values: Any, shape: tuple[int, ...]) -> Array:
        # The identity computes nothing, so it has no say in the dtype.
        array = jnp.asarray(values, None if isinstance(self, Identity) else self.dtype)
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


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dense(LayerJacobian):
    """A matrix of shape (m, n): the Jacobian W of x -> W x + b.

    Attributes:
        matrix: Shape (m, n).

    Example:
        >>> J = Dense(jnp.array([[1.0, 2.0], [0.0, 3.0]]))
        >>> J.jvp(jnp.ones(2)).tolist(), J.vjp(jnp.ones(2)).tolist()
        ([3.0, 3.0], [1.0, 5.0])
    """

    matrix: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "matrix", _of_rank("matrix", self.matrix, 2))

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (self.matrix.shape[0],), (self.matrix.shape[1],)

    def _kind(self) -> Any:
        return self.matrix.dtype

    def _transpose(self) -> Dense:
        return Dense(self.matrix.T)

    def _flops(self) -> tuple[int, int]:
        return 2 * self.matrix.size, 2 * self.matrix.size

    def _jvp(self, v: Array) -> Array:
        return self.matrix @ v

    def _vjp(self, u: Array) -> Array:
        return u @ self.matrix

    def _dense(self) -> Array:
        return self.matrix


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Diagonal(LayerJacobian):
    """A diagonal matrix: the Jacobian diag(s'(z)) of an elementwise activation; linear units: 1.

    Attributes:
        entries: The diagonal, shape (n,).

    Example:
        >>> Diagonal(jnp.array([2.0, 3.0])).jvp(jnp.array([1.0, -1.0])).tolist()
        [2.0, -3.0]
    """

    entries: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "entries", _of_rank("entries", self.entries, 1))

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.entries.shape, self.entries.shape

    def _kind(self) -> Any:
        return self.entries.dtype

    def _transpose(self) -> Diagonal:
        return self

    def _flops(self) -> tuple[int, int]:
        return self.entries.size, self.entries.size

    def _jvp(self, v: Array) -> Array:
        return self.entries * v

    def _vjp(self, u: Array) -> Array:
        return self.entries * u

    def _dense(self) -> Array:
        return jnp.diag(self.entries)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Identity(LayerJacobian):
    """The identity of n numbers: the Jacobian of a bias, and the start of every accumulation.

    Attributes:
        size: n.
        dtype_name: Dtype of its entries where it is made dense; by default JAX's default.

    Example:
        >>> Identity(3)
        Identity((3,) x (3,), 0 of ... bytes)
    """

    size: int
    dtype_name: str | None = None

    def __post_init__(self) -> None:
        check_positive(size=self.size)

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return (self.size,), (self.size,)

    def _kind(self) -> Any:
        return jnp.dtype(self.dtype_name or jnp.result_type(float))

    def _transpose(self) -> Identity:
        return self

    def _flops(self) -> tuple[int, int]:
        return 0, 0

    def _jvp(self, v: Array) -> Array:
        return v

    def _vjp(self, u: Array) -> Array:
        return u

    def _dense(self) -> Array:
        return jnp.eye(self.size, dtype=self.dtype)


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class KroneckerOuter(LayerJacobian):
    """J[k, i, j] = B[k, i] a[j]: the Jacobian in a weight matrix, of shape (m, l, n).

    With B = I it is that of the layer itself, d(W a)/dW, of which one entry in l is not zero; with
    B = df/dz that of a whole network in one of its weight matrices. In words of matrices it is the
    Kronecker product of B and the row a^T.

    Attributes:
        left: B, a `Dense`, `Diagonal` or `Identity` of shape (m, l).
        right: a, shape (n,).

    Example:
        >>> J = KroneckerOuter(Identity(2), jnp.array([1.0, 2.0, 3.0]))
        >>> J.shape, J.vjp(jnp.array([1.0, -1.0])).tolist()          # u x^T
        ((2, 2, 3), [[1.0, 2.0, 3.0], [-1.0, -2.0, -3.0]])
    """

    left: Any
    right: Any

    def __post_init__(self) -> None:
        object.__setattr__(self, "right", _of_rank("right", self.right, 1))
        if not isinstance(self.left, Dense | Diagonal | Identity):
            raise TypeError(
                f"left: got {type(self.left).__name__}, expected a Dense, a Diagonal or an "
                "Identity. Write Dense(B) for a matrix B."
            )
        if not isinstance(self.left, Identity) and self.left.dtype != self.right.dtype:
            raise TypeError(
                f"right: got {self.right.dtype} beside {self.left.dtype}, expected one dtype."
            )

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.left.out_shape, (*self.left.in_shape, *self.right.shape)

    def _kind(self) -> Any:
        return self.right.dtype

    def _transpose(self) -> Transposed:
        return Transposed(self)

    def _flops(self) -> tuple[int, int]:
        size = math.prod(self.in_shape)
        return 2 * size + self.left.flops("jvp"), self.left.flops("vjp") + size

    def _jvp(self, v: Array) -> Array:
        # B (V a) and never (B V) a: the sum over j first.
        return self.left.jvp(v @ self.right)

    def _vjp(self, u: Array) -> Array:
        return self.left.vjp(u)[:, None] * self.right[None, :]

    def _dense(self) -> Array:
        return self.left._dense().astype(self.dtype)[:, :, None] * self.right[None, None, :]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Transposed(LayerJacobian):
    """The transpose of a `KroneckerOuter`: it takes a cotangent u to the matrix (B^T u) a^T.

    Attributes:
        of: What it is the transpose of.
    """

    of: Any

    def _shapes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.of.in_shape, self.of.out_shape

    def _kind(self) -> Any:
        return self.of.dtype

    def _transpose(self) -> LayerJacobian:
        return self.of

    def _flops(self) -> tuple[int, int]:
        return self.of.flops("vjp"), self.of.flops("jvp")

    def _jvp(self, v: Array) -> Array:
        return self.of.vjp(v)

    def _vjp(self, u: Array) -> Array:
        return self.of.jvp(u)

    def _dense(self) -> Array:
        return jnp.moveaxis(self.of._dense(), 0, -1)


def _of_rank(name: str, array: Any, rank: int) -> Array:
    """The array, by JAX, if it is one of floating-point numbers and of that rank."""
    if not hasattr(array, "ndim") or not jnp.issubdtype(array.dtype, jnp.floating):
        raise TypeError(
            f"{name}: got {array!r}, expected a floating-point array. Write jnp.asarray(x, float)."
        )
    if array.ndim != rank:
        raise ValueError(
            f"{name}: got shape {array.shape}, expected {('n,', 'm, n')[rank - 1]!r} for one layer "
            "at one point. Use jax.vmap for many points."
        )
    return jnp.asarray(array)


register(Dense, ("matrix",))
register(Diagonal, ("entries",))
register(Identity, (), ("size", "dtype_name"))
register(KroneckerOuter, ("left", "right"))
register(Transposed, ("of",))
