r"""The two-layer regression loss in matrix form: value, gradient, and its minimum over the readout.

With N points as rows of X (N, d), values as rows of Y (N, m), n hidden units, weights W1 (n, d) and
W2 (m, n), and the activation s taken entry by entry:

    H = s(W1 X^T)^T                          hidden features, (N, n)
    R = Y - H W2^T                           residuals, (N, m)
    L = 1/2 trace(R^T R)                     the loss; for one output 1/2 R^T R

    dL/dW2 = -R^T H                                          (m, n)
    dL/dW1 = -((R W2) o s'(W1 X^T)^T)^T X                    (n, d), o entry by entry

With biases, H = s(W1 X^T + b1 1^T)^T and R = Y - H W2^T - 1 b2^T. Then dL/db2 = -R^T 1, and dL/db1
is dL/dW1 with a column of ones in place of X.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.landscapes._two_layer_arguments import (
    TwoLayerWeights,
    checked_weights,
    latex_of,
    real_data,
)
from approxlab.landscapes.projection import (
    Projection,
    constant_rank,
    project,
    projection_jacobian,
    smooth_at_kinks,
)
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.mlp import MLP

__all__ = ["BestReadout", "ReducedGradient", "TwoLayerLoss"]

# Powers of z by which the two sides of 0 differ.
_KINKS = {
    **{"heaviside": 0, "relu": 1, "leaky_relu": 1, "abs": 1},
    **{"relu2": 2, "relu3": 3, "relu4": 4},
}


@dataclasses.dataclass(frozen=True, eq=False)
class BestReadout:
    """The minimum over W2 (and b2) for given hidden weights.

    Attributes:
        weights: The hidden weights with the best readout; of least norm if there are several.
        loss: The value L there, the reduced loss.
        rank: Number of independent columns of the features, a column of ones for b2 included.
        columns: Number of all of them.
        condition: Of the independent ones, scaled to equal norms: an estimate in the 1-norm.
    """

    weights: TwoLayerWeights
    loss: float
    rank: int
    columns: int
    condition: float


@dataclasses.dataclass(frozen=True, eq=False)
class ReducedGradient:
    """The gradient of the reduced loss in the hidden weights.

    Attributes:
        W1: Shape (n, d).
        b1: Shape (n,), or None without biases.
        rank: As in `BestReadout`.
        columns: As in `BestReadout`.
        condition: As in `BestReadout`.
        differentiable: False where the features are dependent and become independent nearby, as for
            two equal units: there the reduced loss jumps. False too where a preactivation is zero
            at a point, to rounding, and relu, leaky_relu, abs or heaviside has its kink, or a relu
            power whose unit is in a dependence, as one that is zero at all points. Then the numbers
            are the gradient of L at the best readout of least norm, not a derivative of the reduced
            loss. To first order: a dependence that only second derivatives of the activation end is
            not seen.
    """

    W1: np.ndarray
    b1: np.ndarray | None
    rank: int
    columns: int
    condition: float
    differentiable: bool


@jax.tree_util.register_pytree_node_class
@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class TwoLayerLoss:
    """L(W1, W2) = 1/2 trace(R^T R) with R = Y - s(W1 X^T)^T W2^T, as a function of the weights.

    A callable pytree whose leaves are X and Y, so `jax.grad(loss)`, `jax.jit(loss)` and
    `sharpness(loss, weights)` work. It computes in the dtype of X, to which all else is brought.

    Args:
        X: Points, shape (N, d), one per row.
        Y: Values, shape (N, m), or (N,) for one output.
        activation: A name in `approxlab.networks.ACTIVATIONS`. At kinks its derivative is JAX's: at
            0 it is 0 for relu, 1 for leaky_relu and abs.
        biases: Whether both layers have biases.

    Raises:
        ValueError: If shapes do not fit, numbers are not finite, or the activation is unknown.

    Example:
        >>> loss = TwoLayerLoss([[1.0]], [[1.0]], "identity", biases=False)     # (1 - w1 w2)^2 / 2
        >>> theta = TwoLayerWeights(W1=jnp.array([[2.0]]), W2=jnp.array([[1.0]]))
        >>> float(loss(theta)), loss.gradient(theta).W1.tolist(), loss.gradient(theta).W2.tolist()
        (0.5, [[1.0]], [[2.0]])
    """

    X: Any
    Y: Any
    activation: str = "tanh"
    biases: bool = True

    def __post_init__(self) -> None:
        activation_named(self.activation)
        X = real_data("X", self.X)
        Y = real_data("Y", self.Y)
        if X.ndim != 2 or 0 in X.shape:
            raise ValueError(
                f"X: got shape {X.shape}, expected (N, d), one point per row. Write x[:, None] for "
                "points of an interval."
            )
        if Y.ndim not in (1, 2) or Y.shape[0] != X.shape[0] or 0 in Y.shape:
            raise ValueError(
                f"Y: got shape {Y.shape} for {X.shape[0]} points, expected ({X.shape[0]}, m), or "
                f"({X.shape[0]},) for one output."
            )
        object.__setattr__(self, "X", X)
        object.__setattr__(self, "Y", Y.reshape(X.shape[0], -1).astype(X.dtype))

    def tree_flatten(self) -> tuple[tuple[Any, Any], tuple[str, bool]]:
        """X and Y; the activation and whether there are biases."""
        return (self.X, self.Y), (self.activation, self.biases)

    @classmethod
    def tree_unflatten(cls, form: tuple[str, bool], leaves: Any) -> TwoLayerLoss:
        """Without checks: JAX puts other things in place of arrays."""
        loss = object.__new__(cls)
        values = zip(("X", "Y", "activation", "biases"), (*leaves, *form), strict=True)
        for name, value in values:
            object.__setattr__(loss, name, value)
        return loss

    def __repr__(self) -> str:
        sizes = f"{self.X.shape[0]} points, {self.X.shape[1]} inputs, {self.Y.shape[1]} outputs"
        with_biases = "with" if self.biases else "without"
        return f"TwoLayerLoss({sizes}, {self.activation}, {with_biases} biases)"

    # Value and derivatives

    def __call__(self, theta: TwoLayerWeights) -> Array:
        """L, shape ()."""
        return _value(self, self._checked(theta))

    def residuals(self, theta: TwoLayerWeights) -> Array:
        """R = Y - H W2^T, and minus 1 b2^T with biases: shape (N, m)."""
        return _residuals(self, self._checked(theta))

    def hidden(self, theta: TwoLayerWeights) -> Array:
        """H = s(W1 X^T)^T, the values of the hidden units: shape (N, n)."""
        return _units(self, self._checked(theta))[0]

    def gradient(self, theta: TwoLayerWeights) -> TwoLayerWeights:
        """The gradient in closed form, as in the docstring of this file; equal to `jax.grad`.

        Returns:
            dL/dW1 (n, d), dL/dW2 (m, n), and with biases dL/db1 (n,), dL/db2 (m,).
        """
        return _gradient(self, self._checked(theta))

    def hessian_vector_product(self, theta: TwoLayerWeights, v: TwoLayerWeights) -> TwoLayerWeights:
        """H v, shaped like the weights: the closed gradient differentiated along v."""
        return _hessian_vector_product(self, self._checked(theta), self._checked(v, "v"))

    # Variable projection

    def best_readout(self, W1: Any, b1: Any = None) -> BestReadout:
        """The minimum over W2, and b2 with biases, for fixed hidden weights; on the host.

        Args:
            W1: Shape (n, d).
            b1: Shape (n,); by default zeros.

        Raises:
            ValueError: If shapes do not fit or a hidden unit is not finite at a point.

        Example:
            >>> loss = TwoLayerLoss([[1.0], [2.0]], [2.0, 4.0], "relu", biases=False)
            >>> best = loss.best_readout([[1.0], [1.0]])         # two equal units
            >>> best.rank, best.weights.W2.round(6).tolist()
            (1, [[1.0, 1.0]])
        """
        hidden, found, _ = self._projected(W1, b1)
        n = hidden.W1.shape[0]
        W2 = jnp.asarray(found.coefficients[:n].T)
        b2 = jnp.asarray(found.coefficients[n]) if self.biases else None
        weights = TwoLayerWeights(hidden.W1, W2, hidden.b1, b2)
        return BestReadout(weights, found.half_square, found.rank, found.columns, found.condition)

    def reduced(self, W1: Any, b1: Any = None) -> float:
        """Min over the readout of L: the loss as a function of the hidden weights alone.

        Example:
            >>> loss = TwoLayerLoss([[1.0], [1.0]], [3.0, 1.0], "relu", biases=False)
            >>> round(loss.reduced([[7.0]]), 6)          # the best constant is 2
            1.0
        """
        return self._projected(W1, b1)[1].half_square

    def reduced_gradient(self, W1: Any, b1: Any = None) -> ReducedGradient:
        """The gradient of the reduced loss: dL/dW1 at the best readout, since dL/dW2 is zero there.

        Source:
            Golub and Pereyra 1973, "The differentiation of pseudo-inverses and nonlinear least
            squares problems whose variables separate".
        """
        hidden, found, slope = self._projected(W1, b1)
        n, X = hidden.W1.shape[0], np.asarray(self.X)
        D = (found.residual @ found.coefficients[:n].T) * slope
        smooth = constant_rank(found, slope, self._inputs())
        if self.activation in _KINKS:
            kinks = _at_kinks(hidden, self._inputs())
            smooth = smooth and smooth_at_kinks(found, kinks, _KINKS[self.activation])
        in_b1 = -D.sum(axis=0) if self.biases else None
        return ReducedGradient(-D.T @ X, in_b1, found.rank, found.columns, found.condition, smooth)

    def reduced_jacobian(self, W1: Any, b1: Any = None, *, kaufman: bool = False) -> np.ndarray:
        """The Jacobian of the residuals at the best readout, in the hidden weights.

        With P the projection onto what features do not reach, A the features and A^- their
        pseudo-inverse: the exact one of Golub and Pereyra is -(P dA A^- + (P dA A^-)^T) Y, that of
        Kaufman leaves out the second term. Both have the same product with the residuals, which is
        the gradient.

        Args:
            W1: Shape (n, d).
            b1: Shape (n,); by default zeros.
            kaufman: Whether the second term is left out.

        Returns:
            Shape (N, m, n d), or (N, m, n d + n) with biases: W1 row by row, then b1.

        Source:
            Golub and Pereyra 1973; Kaufman 1975.
        """
        _, found, slope = self._projected(W1, b1)
        full = projection_jacobian(found, slope, self._inputs(), kaufman)  # (N, m, n, d or d + 1)
        N, m, d = full.shape[0], full.shape[1], self.X.shape[1]
        in_W1 = full[..., :d].reshape(N, m, -1)
        return np.concatenate([in_W1, full[..., d]], axis=2) if self.biases else in_W1

    # Networks and formulas

    def weights(self, net: MLP) -> TwoLayerWeights:
        """The weights of a network with one hidden layer, such as one that `fit` returns.

        Raises:
            ValueError: If its depth, sizes or activation do not fit, or it has biases and the loss
                has none.
        """
        net._check_single()
        if net.depth != 1 or net.num_linear_units or net.activation != self.activation:
            raise ValueError(
                f"net: got {net!r}, expected one hidden layer of {self.activation} units, none of "
                "them linear."
            )
        if not self.biases and any(bool(jnp.any(bias != 0)) for bias in net.biases):
            raise ValueError(
                "net: got biases that are not zero, expected none. Write biases=True in the loss."
            )
        biases = net.biases if self.biases else (None, None)
        return self._checked(TwoLayerWeights(*net.weights, *biases))

    def network(self, theta: TwoLayerWeights, *, out_size: int | None = None) -> MLP:
        """The network with these weights, and biases of zero where there are none.

        Args:
            theta: The weights.
            out_size: As in `MLP`; by default None for one output, else m.
        """
        theta = self._checked(theta)
        (n, _), m = theta.W1.shape, theta.W2.shape[0]
        kind = theta.W1.dtype
        b1, b2 = (theta.b1, theta.b2) if self.biases else (jnp.zeros(n, kind), jnp.zeros(m, kind))
        outputs = m if out_size is None and m > 1 else out_size
        return MLP((theta.W1, theta.W2), (b1, b2), self.activation, (0,), outputs)

    def latex(self) -> str:
        r"""Loss and gradient as an `aligned` environment, for amsmath.

        Example:
            >>> loss = TwoLayerLoss([[1.0]], [1.0], biases=False)
            >>> r"\partial L / \partial W_2 &= -R^T H" in loss.latex()
            True
        """
        return latex_of(self.biases, self.Y.shape[1])

    # Parts

    def _inputs(self) -> np.ndarray:
        """X, with a column of ones for b1."""
        X = np.asarray(self.X)
        return np.column_stack([X, np.ones_like(X[:, :1])]) if self.biases else X

    def _projected(self, W1: Any, b1: Any) -> tuple[TwoLayerWeights, Projection, np.ndarray]:
        """Hidden weights, the projection onto their features, and the slopes of the units."""
        if isinstance(W1, TwoLayerWeights):
            raise TypeError("W1: got all weights, expected hidden ones: theta.W1, theta.b1.")
        kind, d, m = self.X.dtype, self.X.shape[1], self.Y.shape[1]
        W1 = jnp.asarray(W1, kind)
        if W1.ndim != 2 or W1.shape[1] != d or not W1.shape[0]:
            raise ValueError(f"W1: got shape {W1.shape}, expected (n, {d}).")
        if b1 is not None and not self.biases:
            raise ValueError("b1: got an array for a loss without biases, expected None.")
        n = W1.shape[0]
        if self.biases:
            b1 = jnp.zeros(n, kind) if b1 is None else jnp.asarray(b1, kind)
        zeros = jnp.zeros((m, n), kind)
        b2 = jnp.zeros(m, kind) if self.biases else None
        hidden = self._checked(TwoLayerWeights(W1, zeros, b1, b2))
        H, slope = (np.asarray(part) for part in _units(self, hidden))
        if not np.all(np.isfinite(H)):
            raise ValueError(
                "W1: a hidden unit is not finite at a point of X, expected finite weights, small "
                f"enough for {self.activation} in {kind}."
            )
        A = np.column_stack([H, np.ones_like(H[:, :1])]) if self.biases else H
        return hidden, project(A, np.asarray(self.Y)), slope

    def _checked(self, theta: Any, name: str = "theta") -> TwoLayerWeights:
        """The weights in the dtype of X, with shapes that fit."""
        sizes = (self.X.shape[1], self.Y.shape[1])
        return checked_weights(name, theta, sizes, self.biases, self.X.dtype)


def _at_kinks(hidden: TwoLayerWeights, inputs: np.ndarray) -> np.ndarray:
    """Whether a preactivation is zero to rounding and the weights can change it, shape (N, n)."""
    weights = np.asarray(hidden.W1)
    if hidden.b1 is not None:
        weights = np.column_stack([weights, np.asarray(hidden.b1)])
    terms = np.abs(inputs) @ np.abs(weights).T
    zero = np.abs(inputs @ weights.T) <= 8.0 * np.finfo(inputs.dtype).eps * terms
    return zero & np.any(inputs != 0, axis=1)[:, None]


# Programs: compiled once for each shape, since the loss is a pytree.


@jax.jit
def _units(loss: TwoLayerLoss, theta: TwoLayerWeights) -> tuple[Array, Array]:
    """Values and slopes of the hidden units, both (N, n)."""
    Z = loss.X @ theta.W1.T
    if loss.biases:
        Z = Z + theta.b1[None, :]
    return jax.jvp(activation_named(loss.activation), (Z,), (jnp.ones_like(Z),))


@jax.jit
def _residuals(loss: TwoLayerLoss, theta: TwoLayerWeights) -> Array:
    F = _units(loss, theta)[0] @ theta.W2.T
    return loss.Y - (F + theta.b2[None, :] if loss.biases else F)


@jax.jit
def _value(loss: TwoLayerLoss, theta: TwoLayerWeights) -> Array:
    return jnp.sum(_residuals(loss, theta) ** 2) / 2


@jax.jit
def _gradient(loss: TwoLayerLoss, theta: TwoLayerWeights) -> TwoLayerWeights:
    H, slope = _units(loss, theta)
    R = _residuals(loss, theta)
    D = (R @ theta.W2) * slope
    in_biases = (-jnp.sum(D, axis=0), -jnp.sum(R, axis=0)) if loss.biases else (None, None)
    return TwoLayerWeights(-D.T @ loss.X, -R.T @ H, *in_biases)


@jax.jit
def _hessian_vector_product(
    loss: TwoLayerLoss, theta: TwoLayerWeights, v: TwoLayerWeights
) -> TwoLayerWeights:
    return jax.jvp(lambda at: _gradient(loss, at), (theta,), (v,))[1]
