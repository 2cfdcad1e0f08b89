"""Products of layer Jacobians that stay structured, and the tensor dy/dW, which need not be formed.

`product` keeps the structure that survives: diagonals times diagonals stay diagonal, a diagonal
times a matrix scales its rows (no matrix product), and a factor that multiplies a weight Jacobian
from the left multiplies its small factor only: A (B with outer factor a) = (A B) with outer
factor a.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from approxlab.arguments import check_positive
from approxlab.derivatives._structures import MAX_BYTES, check_bytes
from approxlab.derivatives.layers._layer_jacobian import LayerJacobian
from approxlab.derivatives.layers.jacobians import (
    Dense,
    Diagonal,
    Identity,
    KroneckerOuter,
    Transposed,
)
from approxlab.derivatives.layers.sweeps import activated
from approxlab.networks.mlp import MLP

__all__ = [
    "explicit_weight_tensor",
    "layer_jacobians",
    "n_mode_product",
    "product",
    "product_flops",
]


def product(*factors: LayerJacobian) -> LayerJacobian:
    """The Jacobian of a composition, multiplied from the left: (A B) C for factors A, B, C.

    As in the chain rule, the factor that acts first stands last. The results:

    | A | B | A B | operations |
    |---|---|---|---|
    | `Identity` | X (and the reverse) | X | 0 |
    | `Diagonal` (n) | `Diagonal` | `Diagonal` | n |
    | `Diagonal` (m) | `Dense` (m, n) (and the reverse) | `Dense` | m n |
    | `Dense` (m, k) | `Dense` (k, n) | `Dense` | 2 m k n |
    | X | `KroneckerOuter` (B, a) | `KroneckerOuter` (X B, a) | those of X B |
    | `KroneckerOuter` (B, a) | `Transposed` (C, c) | (a . c) B C^T | 2 n + B C^T + scaling |

    The last row is one block of J J^T, the empirical tangent kernel of one layer, without J.

    Raises:
        TypeError: If the product would lose the structure: `Transposed` times `KroneckerOuter`.
        ValueError: If there is no factor, or the shapes do not fit.

    Example:
        >>> D, x = Diagonal(jnp.array([2.0, 3.0])), jnp.array([1.0, 5.0])
        >>> J = product(D, KroneckerOuter(Identity(2), x))
        >>> type(J.left).__name__, J.shape
        ('Diagonal', (2, 2, 2))
    """
    if not factors:
        raise ValueError("factors: got none, expected at least one layer Jacobian.")
    return functools.reduce(lambda left, right: _rule(left, right).build(), factors)


def product_flops(left: LayerJacobian, right: LayerJacobian) -> int:
    """Operations of `product(left, right)`, exactly, without doing them.

    Example:
        >>> D, W = Diagonal(jnp.ones(3)), Dense(jnp.ones((3, 4)))
        >>> product_flops(D, W), product_flops(Dense(jnp.ones((3, 3))), W)
        (12, 72)
    """
    return _rule(left, right).flops


@dataclasses.dataclass(frozen=True, eq=False)
class _Rule:
    """The cost of a product of two factors, and how it is computed."""

    flops: int
    build: Callable[[], LayerJacobian]


def _rule(A: LayerJacobian, B: LayerJacobian) -> _Rule:
    _check_factors(A, B)
    if isinstance(A, Identity):
        return _Rule(0, lambda: B)
    if isinstance(B, Identity):
        return _Rule(0, lambda: A)
    if isinstance(B, KroneckerOuter) and not isinstance(A, Transposed):
        inner = _rule(A, B.left)
        return _Rule(inner.flops, lambda: KroneckerOuter(inner.build(), B.right))
    if isinstance(A, KroneckerOuter) and isinstance(B, Transposed):
        return _scaled_product(A, B.of)
    if isinstance(A, Transposed) and not isinstance(B, KroneckerOuter):
        inner = _rule(B.transpose(), A.of)  # (B^T A^T)^T
        return _Rule(inner.flops, lambda: inner.build().transpose())
    if isinstance(A, Diagonal) and isinstance(B, Diagonal):
        return _Rule(A.entries.size, lambda: Diagonal(A.entries * B.entries))
    if isinstance(A, Diagonal) and isinstance(B, Dense):
        return _Rule(B.matrix.size, lambda: Dense(A.entries[:, None] * B.matrix))
    if isinstance(A, Dense) and isinstance(B, Diagonal):
        return _Rule(A.matrix.size, lambda: Dense(A.matrix * B.entries[None, :]))
    if isinstance(A, Dense) and isinstance(B, Dense):
        flops = 2 * A.matrix.size * B.matrix.shape[1]
        return _Rule(flops, lambda: Dense(A.matrix @ B.matrix))
    raise TypeError(
        f"factors: got {type(A).__name__} times {type(B).__name__}, expected a product that keeps "
        "its structure. Apply one after the other: A.jvp(B.jvp(v))."
    )


def _scaled_product(A: KroneckerOuter, B: KroneckerOuter) -> _Rule:
    """(B, a) times the transpose of (C, c): B C^T times the number a . c."""
    inner = _rule(A.left, B.left.transpose())
    kinds = {type(A.left), type(B.left)}
    scaling = 0 if kinds == {Identity} else A.out_shape[0]
    if Dense in kinds:
        scaling *= B.out_shape[0]

    def build() -> LayerJacobian:
        factor, number = inner.build(), A.right @ B.right
        if isinstance(factor, Identity):
            return Diagonal(jnp.full(factor.size, number))
        if isinstance(factor, Diagonal):
            return Diagonal(number * factor.entries)
        return Dense(number * factor._dense())

    return _Rule(2 * A.right.size + inner.flops + scaling, build)


def _check_factors(*factors: Any) -> None:
    for factor in factors:
        if not isinstance(factor, LayerJacobian):
            raise TypeError(
                f"factors: got {type(factor).__name__}, expected layer Jacobians. Write Dense(W) "
                "for a matrix."
            )
    left, right = factors
    if left.in_shape != right.out_shape:
        raise ValueError(
            f"factors: got {left!r} times {right!r}, expected the argument of the left to have the "
            f"shape {right.out_shape} of the right one's value. The factor that acts first is last."
        )


# The layers of a network


def layer_jacobians(net: MLP, x: Any) -> tuple[LayerJacobian, ...]:
    """The factors of a network's Jacobian at a point, W_1, s'(z_1), W_2, ..., W_L.

    The first layer comes first, so their product in reverse order is the Jacobian, of shape (m, n),
    with m = 1 where values have shape (). At a kink, s' is the derivative that JAX takes: 0 for
    relu at 0.

    Args:
        net: A single network.
        x: Point of shape (n,), brought to the dtype of the network.

    Raises:
        ValueError: If x is not one point of the network, or the network is stacked.

    Example:
        >>> net = MLP.from_arrays([[[2.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.0]], "relu")
        >>> factors = layer_jacobians(net, jnp.array([3.0]))
        >>> [type(factor).__name__ for factor in factors]
        ['Dense', 'Diagonal', 'Dense']
        >>> product(*reversed(factors)).dense().tolist()
        [[2.0]]
    """
    if not isinstance(net, MLP):
        raise TypeError(f"net: got {type(net).__name__}, expected an MLP, whose layers are known.")
    net._check_single()
    a = jnp.asarray(x, net.dtype)
    if a.shape != (net.in_size,):
        raise ValueError(
            f"x: got shape {a.shape} for {net!r}, expected ({net.in_size},): one point."
        )
    factors: list[LayerJacobian] = []
    hidden = zip(net.weights[:-1], net.biases[:-1], net.passthrough, strict=True)
    for weight, bias, linear in hidden:
        a, slope = activated(net.activation, weight @ a + bias, linear)
        factors += [Dense(weight), Diagonal(slope)]
    return (*factors, Dense(net.weights[-1]))


# The tensor itself


def explicit_weight_tensor(
    outputs: int, x: Any, *, max_bytes: int = MAX_BYTES
) -> Float[Array, "m m n"]:
    """dy/dW of y = W x as an array of shape (m, m, n): entry (k, i, j) is x_j if k = i, else 0.

    It does not depend on W, and only one entry in m is not zero. It is meant for study, not for
    computation: `KroneckerOuter(Identity(m), x)` is the same derivative in n numbers.

    Args:
        outputs: m, the number of rows of W.
        x: The input, shape (n,).
        max_bytes: Largest array that is formed.

    Raises:
        ValueError: Before anything is allocated, if it would take more than `max_bytes`.

    Example:
        >>> explicit_weight_tensor(2, jnp.array([3.0, 4.0])).tolist()
        [[[3.0, 4.0], [0.0, 0.0]], [[0.0, 0.0], [3.0, 4.0]]]
    """
    check_positive(outputs=outputs)
    x = jnp.asarray(x)
    if x.ndim != 1 or not jnp.issubdtype(x.dtype, jnp.floating):
        raise ValueError(
            f"x: got shape {x.shape} of {x.dtype}, expected a vector of floating-point numbers."
        )
    if x.ndim != 1 or x.size == 0:
        raise ValueError(f"x: got shape {x.shape}, expected (n,): the input of one layer.")
    instead = "KroneckerOuter(Identity(m), x), whose vjp with v is the outer product v x^T"
    check_bytes((outputs, outputs, *x.shape), x.dtype, max_bytes, instead)
    return KroneckerOuter(Identity(outputs), x)._dense()


def n_mode_product(tensor: Any, factor: Any, mode: int) -> Array:
    """The product of a tensor with a vector or a matrix along its axis number `mode`, from 1 on.

    With a vector v the axis is summed away: the mode-1 product of dy/dW with v is the matrix v x^T,
    which `vjp` makes without the tensor. With a matrix U of shape (r, k), the axis of length k
    becomes one of length r: sum_k T[.., k, ..] U[r, k].

    Args:
        tensor: Array T of any rank of at least 1.
        factor: Vector of shape (k,) or matrix of shape (r, k), in the dtype of the tensor.
        mode: Number of the axis, from 1 on.

    Raises:
        ValueError: If there is no such axis, or its length is not that of the factor.

    Source:
        Kolda and Bader 2009, section 2.5 (with a vector: the contracted product).

    Example:
        >>> T = explicit_weight_tensor(2, jnp.array([3.0, 4.0]))
        >>> n_mode_product(T, jnp.array([1.0, 10.0]), mode=1).tolist()
        [[3.0, 4.0], [30.0, 40.0]]
    """
    T, F = jnp.asarray(tensor), jnp.asarray(factor)
    if not isinstance(mode, int) or not 1 <= mode <= T.ndim:
        raise ValueError(
            f"mode: got {mode!r} for a tensor of shape {T.shape}, expected 1 to {T.ndim}: axes are "
            "numbered from 1 on."
        )
    if F.ndim not in (1, 2) or F.shape[-1] != T.shape[mode - 1]:
        k = T.shape[mode - 1]
        raise ValueError(
            f"factor: got shape {F.shape}, expected ({k},) or (r, {k}) for mode {mode}."
        )
    # The tensor stands on the right, so the new axis comes first.
    out = jax.lax.dot_general(F, T, (((F.ndim - 1,), (mode - 1,)), ((), ())))
    return out if F.ndim == 1 else jnp.moveaxis(out, 0, mode - 1)
