"""Products, kernels and norms of a network's Jacobian in its weights, which is never formed.

The Jacobian of f(x) in W_l is B_l with outer factor a_{l-1}: entry (k, i, j) is
B_l[k, i] a_{l-1}[j], where B_l = df/dz_l has the shape (m, n_l). So one forward sweep, which keeps
the a_l and s'(z_l), and one backward sweep, B_L = I and B_l = (B_{l+1} W_{l+1}) s'(z_l), hold all
of it, in m n_l + n_{l-1} numbers a layer and sample where the array has m n_l n_{l-1}.

With N samples, P weights, c0 = n_0 n_1, cL = n_{L-1} n_L, H hidden units and at least one hidden
layer, the products of arrays cost, in FLOPs (2 for a multiply-add; without biases):

| | here | by the array |
|---|---|---|
| values, a_l, B_l | 2 N P + 2 N m (P - c0 - cL) | 2 N P + N m (4 P - 2 c0) - 2 (N - 1) m cL for J |
| J v (`jvp`) | 2 N P + 2 N m H | 2 N m P |
| J^T u (`vjp`) | 2 N P + 2 N m H | 2 N m P |
| J J^T (`gram`) | sum over l of 2 N^2 n_{l-1}, and 2 N^2 m^2 H | 2 N^2 m^2 P |
| diag(J^T J) (`gram_diagonal`) | 2 N (P - cL) | (elementwise) 2 N m P |

No product with an identity is computed here: B_L stays implicit, and W_L enters by scaled rows;
`jacrev` computes one for all samples.

Kernels and diagonals are right at every scale, wherever the entries of J and of the result are
numbers of the dtype: `gram` looks at the factors and takes powers of two out of them where it must,
`gram_diagonal` looks at its sums. Both cost some operations for each entry of the factors, and no
product of arrays more; only where the plain sums overflow, or underflow may have taken something
that counts, does a diagonal need some 10 N m P operations, entry by entry.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from approxlab.derivatives._absent_modes import as_jax_function
from approxlab.derivatives._structures import MAX_BYTES, check_bytes, register
from approxlab.derivatives.layers.any_function import check_no_biases, function_ntk
from approxlab.derivatives.layers.kernels import Factors, kernel
from approxlab.derivatives.layers.per_sample import PerSampleGradients, like
from approxlab.derivatives.layers.squares import diagonals
from approxlab.derivatives.layers.sweeps import as_batch, as_cotangent, forward, jacobians
from approxlab.networks.mlp import MLP

__all__ = ["WeightJacobian", "gram_diagonal", "ntk", "weight_jacobian"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class WeightJacobian:
    """J = df/d(weights) of a network at N points, in factors.

    A pytree. Rows are numbered by sample n and output k, columns by the leaves of the network.
    Where values have shape () the axis of outputs is left out of all arguments and results. With
    `biases=False` biases are constants: their part of a tangent is not read, and their part of a
    result is zero.

    Attributes:
        net: The network.
        outputs: f(x_n), shape (N, m).
        inputs: a_{l-1} of every layer, shapes (N, n_{l-1}).
        factors: B_l = df/dz_l of every hidden layer, shapes (N, m, n_l); B_L = I is not kept.
        biases: Whether biases are variables.
    """

    net: MLP
    outputs: Any
    inputs: tuple[Any, ...]
    factors: tuple[Any, ...]
    biases: bool = True

    @property
    def values(self) -> Array:
        """f(x_n): shape (N,) or (N, m)."""
        return self._dropped(self.outputs)

    @property
    def nbytes(self) -> int:
        """Bytes of the factors that are kept, without the network."""
        return sum(a.size * a.dtype.itemsize for a in (*self.inputs, *self.factors))

    @property
    def dense_nbytes(self) -> int:
        """Bytes that the array of all entries would take."""
        return math.prod(self._dense_shape()) * jnp.dtype(self.net.dtype).itemsize

    def jvp(self, tangent: MLP) -> Array:
        """J v for a change v of the weights: shape (N,) or (N, m).

        Args:
            tangent: A network of the same shape, whose weights are the change.
        """
        _check_tangent(self.net, tangent)
        total: Any = None
        for a, B, V, v in zip(
            self.inputs, (*self.factors, None), tangent.weights, tangent.biases, strict=True
        ):
            change = jnp.einsum("nj,ij->ni", a, V)  # of z_l alone
            if self.biases:
                change = change + v[None, :]
            part = change if B is None else jnp.einsum("nki,ni->nk", B, change)
            total = part if total is None else total + part
        return self._dropped(total)

    def vjp(self, u: Any) -> MLP:
        """J^T u, the gradient of sum(u f) in the weights: a network of the same shape.

        Args:
            u: Shaped like the values, (N,) or (N, m).
        """
        return self.per_sample_gradients(u).sum()

    def per_sample_gradients(self, u: Any) -> PerSampleGradients:
        """The gradient of u_n f(x_n) for every single sample, as outer products.

        Args:
            u: Shaped like the values, (N,) or (N, m).
        """
        cotangent = as_cotangent(self.net, u, self.outputs.shape[0])
        deltas = [jnp.einsum("nk,nki->ni", cotangent, B) for B in self.factors]
        return PerSampleGradients(self.net, (*deltas, cotangent), self.inputs, self.biases)

    def per_sample_gradient_norms(self, u: Any) -> Array:
        """Norm of the gradient of u_n f(x_n) for every sample, without the gradients."""
        return self.per_sample_gradients(u).norms()

    def gram(self, other: WeightJacobian | None = None) -> Array:
        """J J^T, the block of the empirical neural tangent kernel: shape (N, N) or (N, m, N, m).

        A layer contributes (a . a') B B'^T, and (1 + a . a') with biases: small products only.

        Args:
            other: The Jacobian J' of the same network at other points, for J J'^T.

        Source:
            Jacot, Gabriel and Hongler 2018 (the kernel); Novak, Sohl-Dickstein and Schoenholz 2022
            (layer structure in place of J).
        """
        right = self if other is None else other
        _check_same(self, right)
        shape = (*self.outputs.shape, *right.outputs.shape)
        check_bytes(shape, self.net.dtype, MAX_BYTES, "blocks: gram(other) for some of the points")
        others = None if other is None else right._factors
        total = kernel(self._factors, others, self.outputs.shape[1], self.biases)
        return total[:, 0, :, 0] if self.net.out_size is None else total

    def gram_diagonal(self) -> MLP:
        """diag(J^T J): for every weight the sum of squares of its column, as a network's leaves."""
        layers = diagonals(self.inputs, self.factors, self.outputs.shape[1])
        weights, biases = zip(*layers, strict=True)
        return self._as_net(list(weights), list(biases))

    def dense(self, max_bytes: int = MAX_BYTES) -> MLP:
        """All entries, as `jax.jacobian` returns them: leaves (N, m, out, in) and (N, m, out).

        Raises:
            ValueError: Before anything is allocated, if they would take more than `max_bytes`.
        """
        instead = "jvp, vjp, gram, gram_diagonal or per_sample_gradients"
        check_bytes(self._dense_shape(), self.net.dtype, max_bytes, instead)
        n, m = self.outputs.shape
        identity = jnp.broadcast_to(jnp.eye(m, dtype=self.net.dtype)[None], (n, m, m))
        factors = (*self.factors, identity)
        pairs = zip(factors, self.inputs, strict=True)
        weights = [B[:, :, :, None] * a[:, None, None, :] for B, a in pairs]
        leaves = self._as_net(weights, list(factors))
        return jax.tree.map(lambda leaf: leaf[:, 0], leaves) if self._is_scalar else leaves

    @property
    def _factors(self) -> Factors:
        return self.inputs, self.factors

    @property
    def _is_scalar(self) -> bool:
        return self.net.out_size is None

    def _dense_shape(self) -> tuple[int, ...]:
        return (*self.outputs.shape, self.net.num_parameters)

    def _dropped(self, values: Array) -> Array:
        return values[:, 0] if self._is_scalar else values

    def _as_net(self, weights: list[Array], biases: list[Array]) -> MLP:
        if not self.biases:
            biases = [jnp.zeros_like(bias) for bias in biases]
        return like(self.net, weights, biases)

    def __repr__(self) -> str:
        n, m = self.outputs.shape
        bytes_ = f"{self.nbytes} of {self.dense_nbytes} bytes"
        return f"WeightJacobian({n} samples x {m} outputs, {self.net!r}, {bytes_})"


register(WeightJacobian, ("net", "outputs", "inputs", "factors"), ("biases",))


def weight_jacobian(net: MLP, X: Any, *, biases: bool = True) -> WeightJacobian:
    """The Jacobian of a network in all its weights at a batch of points, in factors.

    One forward and one backward sweep; see the head of this module for what each question costs.
    Works for every activation of the registry, under `jit` and `grad`, in the dtype of the network.

    Args:
        net: A single network.
        X: Points, shape (N, d).
        biases: Whether biases are variables too.

    Raises:
        TypeError: If `net` is not an MLP.
        ValueError: If X is not of shape (N, d), or the network is stacked.

    Example:
        >>> net = MLP.from_arrays([[[2.0], [1.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]], "relu")
        >>> J = weight_jacobian(net, jnp.array([[1.0], [3.0]]), biases=False)
        >>> J.gram().tolist()
        [[7.0, 21.0], [21.0, 63.0]]
        >>> J.gram_diagonal().weights[1].tolist()          # 2^2 + 6^2 and 1^2 + 3^2
        [[40.0, 10.0]]
    """
    points = as_batch(net, X)
    left = forward(net, points)
    factors = jacobians(net, left.slopes)
    return WeightJacobian(net, left.values, left.inputs, factors, biases)


def ntk(net: Any, X: Any, X2: Any = None, *, biases: bool = True, params: Any = None) -> Array:
    """The empirical neural tangent kernel J(X) J(X2)^T: shape (N, N2), or (N, m, N2, m).

    Args:
        net: A single network; with `params` any function f(params, x) with values of shape () or
            (m,), such as `model.apply` or `lambda model, x: model(x)`.
        X: Points, shape (N, d).
        X2: Other points, shape (N2, d); by default X.
        biases: Whether biases are variables too; of a network only.
        params: Any tree; its floating-point leaves are the variables. The Jacobian of a function
            is formed in blocks of leaves: see `approxlab.derivatives.layers.any_function`.

    Example:
        >>> ntk(lambda p, x: p @ x, jnp.array([[1.0, 2.0]]), params=jnp.ones(2)).tolist()
        [[5.0]]
        >>> net = MLP.from_arrays([[[2.0, 1.0]]], [[0.0]], "tanh")     # linear: 1 + x . x'
        >>> ntk(net, jnp.array([[1.0, 0.0]]), jnp.array([[3.0, 4.0], [0.0, 1.0]])).tolist()
        [[4.0, 1.0]]
    """
    if params is not None:
        check_no_biases(biases)
        with as_jax_function("net"):
            return function_ntk(net, params, X, X2)
    left = weight_jacobian(net, X, biases=biases)
    if X2 is None:
        return left.gram()
    return left.gram(weight_jacobian(net, as_batch(net, X2, "X2"), biases=biases))


def gram_diagonal(net: MLP, X: Any, *, biases: bool = True) -> MLP:
    """diag(J^T J) at a batch of points, as a network's leaves: see `WeightJacobian.gram_diagonal`.

    It is the diagonal of the Gauss-Newton matrix of the squared error, halved.

    Example:
        >>> net = MLP.from_arrays([[[2.0, 1.0]]], [[0.0]], "tanh")
        >>> gram_diagonal(net, jnp.array([[1.0, 3.0], [0.0, 4.0]])).weights[0].tolist()
        [[1.0, 25.0]]
    """
    return weight_jacobian(net, X, biases=biases).gram_diagonal()


def _check_tangent(net: MLP, tangent: Any) -> None:
    if not isinstance(tangent, MLP) or tangent.sizes != net.sizes:
        raise ValueError(
            f"tangent: got {tangent!r} for {net!r}, expected a network of the same layers, whose "
            "weights are the change."
        )
    if tangent.dtype != net.dtype:
        raise TypeError(f"tangent: got {tangent.dtype}, expected {net.dtype} as in the network.")


def _check_same(left: WeightJacobian, right: Any) -> None:
    if not isinstance(right, WeightJacobian):
        raise TypeError(
            f"other: got {type(right).__name__}, expected a WeightJacobian. Write ntk(net, X, X2) "
            "for two batches of points."
        )
    if left.net.sizes != right.net.sizes or left.biases != right.biases:
        raise ValueError(
            f"other: got {right!r} for {left!r}, expected the Jacobian of a network of the same "
            "layers, with biases in both or in neither."
        )
