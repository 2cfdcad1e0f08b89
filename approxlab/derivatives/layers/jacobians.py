"""The Jacobian of one layer, kept in the form in which it is cheap.

The chain rule multiplies Jacobians of layers, and most of them have far more entries than numbers:

| map | Jacobian | class | numbers kept | numbers in the dense array |
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

import dataclasses
import math
from typing import Any, ClassVar

import jax.numpy as jnp
from jaxtyping import Array

from approxlab.arguments import check_positive
from approxlab.derivatives._structures import register
from approxlab.derivatives.layers._layer_jacobian import LayerJacobian

__all__ = ["Dense", "Diagonal", "Identity", "KroneckerOuter", "Transposed"]


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

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""
        return (self.matrix.shape[0],)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""
        return (self.matrix.shape[1],)

    @property
    def dtype(self) -> Any:
        """Dtype of the entries."""
        return self.matrix.dtype

    def transpose(self) -> Dense:
        """The Jacobian with the axes of argument and value exchanged."""
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

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""
        return self.entries.shape

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""
        return self.entries.shape

    @property
    def dtype(self) -> Any:
        """Dtype of the entries."""
        return self.entries.dtype

    def transpose(self) -> Diagonal:
        """The Jacobian with the axes of argument and value exchanged."""
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

    _converts: ClassVar[bool] = False  # it computes nothing, so it leaves the dtype as it is

    def __post_init__(self) -> None:
        check_positive(size=self.size)

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""
        return (self.size,)

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""
        return (self.size,)

    @property
    def dtype(self) -> Any:
        """Dtype of the entries."""
        return jnp.dtype(self.dtype_name or jnp.result_type(float))

    def transpose(self) -> Identity:
        """The Jacobian with the axes of argument and value exchanged."""
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

    With B = I it is that of the layer itself, d(W a)/dW, where one entry in l is not zero; with
    B = df/dz it is that of a whole network in one of its weight matrices. As matrices, it is the
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
                f"right: got {self.right.dtype} with {self.left.dtype} on the left, expected one "
                "dtype."
            )

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""
        return self.left.out_shape

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""
        return (*self.left.in_shape, *self.right.shape)

    @property
    def dtype(self) -> Any:
        """Dtype of the entries."""
        return self.right.dtype

    def transpose(self) -> Transposed:
        """The Jacobian with the axes of argument and value exchanged."""
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
        of: The `KroneckerOuter`.
    """

    of: Any

    @property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of J v."""
        return self.of.in_shape

    @property
    def in_shape(self) -> tuple[int, ...]:
        """Shape of v."""
        return self.of.out_shape

    @property
    def dtype(self) -> Any:
        """Dtype of the entries."""
        return self.of.dtype

    def transpose(self) -> LayerJacobian:
        """The Jacobian with the axes of argument and value exchanged."""
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
    """The array as one of JAX; refused if it is not floating point or not of that rank."""
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
