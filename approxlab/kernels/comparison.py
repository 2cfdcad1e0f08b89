"""The bridge from a network to its limit: the empirical kernel in the scaling of the limit."""

from __future__ import annotations

import dataclasses
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from approxlab.derivatives.layers.weights import WeightJacobian, weight_jacobian
from approxlab.kernels._arguments import Kind, check_kind, rows_of
from approxlab.kernels.limit import InfiniteNetwork
from approxlab.networks.mlp import MLP

__all__ = ["KernelComparison", "compare", "empirical_kernel"]


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class KernelComparison:
    """A network's own kernel beside the one of its infinitely wide limit.

    Attributes:
        kind: "nngp" or "ntk".
        empirical: The network's, shape (n, n).
        limit: Of the infinitely wide one, shape (n, n).
        distance: Frobenius norm of the difference, relative to that of the limit.
    """

    kind: Kind
    empirical: Array
    limit: Array
    distance: float

    def __repr__(self) -> str:
        n = self.limit.shape[0]
        return f"KernelComparison({self.kind} of {n} points, relative distance {self.distance:.2g})"

    def plot(self, *, ax: Any = None, **style: Any) -> Any:
        """Every entry of the one kernel against the other; see `plotting.plot_kernels`."""
        from approxlab.plotting.kernels import plot_kernels

        return plot_kernels(self, ax=ax, **style)

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: the kind, how many points, and the distance."""
        return [{"kind": self.kind, "points": self.limit.shape[0], "distance": self.distance}]


def empirical_kernel(net: Any, X: Any, X2: Any = None, *, limit: Any, kind: Any = "ntk") -> Array:
    """The kernel of a network of finite width, scaled as the limit is.

    "ntk" is J J^T in the parameters of `limit`: with its parameterisation "ntk", the part of W_l is
    multiplied by weight_variance / n_l and that of b_l by bias_variance; with "standard" it is
    `derivatives.ntk`. "nngp" is weight_variance h . h' / n_L + bias_variance for the values h of
    the last hidden layer: the covariance of the output over fresh weights of the last layer alone.

    Args:
        net: A network with one output of shape (), hidden layers and activation of `limit`.
        X: Points, shape (n, d).
        X2: Other points, shape (p, d); by default X.
        limit: What the network is compared with; its variances are used, not those of the weights.
        kind: "ntk" or "nngp".

    Returns:
        Shape (n, n), or (n, p).

    Raises:
        ValueError: If the network is not one of those that have this limit.

    Example:
        >>> import jax
        >>> limit = InfiniteNetwork(hidden_layers=1, activation="relu", weight_variance=2.0,
        ...                         bias_variance=0.0, parameterisation="ntk")
        >>> net = MLP.from_arrays([[[2.0]], [[3.0]]], [[0.0], [0.0]], "relu")
        >>> empirical_kernel(net, [[1.0]], limit=limit).round(4).tolist()  # 2 (2 1)^2 + 2 (3 1)^2
        [[26.0]]
    """
    _check(net, limit, kind)
    left = _scaled(net, X, limit, kind)
    right = left if X2 is None else _scaled(net, X2, limit, kind)
    if kind == "ntk":
        return left.gram(right)
    return jnp.einsum("nj,pj->np", left.inputs[-1], right.inputs[-1], precision="highest")


def compare(net: Any, limit: Any, X: Any, *, kind: Any = "ntk") -> KernelComparison:
    """A network's own kernel beside its limit: both, and their relative distance.

    For networks drawn by `limit.draw` the distance falls like width^(-1/2).

    Args:
        net: See `empirical_kernel`.
        limit: The infinitely wide network.
        X: Points, shape (n, d).
        kind: "ntk" or "nngp".

    Raises:
        ValueError: As `empirical_kernel` and `InfiniteNetwork.ntk`.

    Example:
        >>> import jax
        >>> limit = InfiniteNetwork(hidden_layers=2, activation="relu", weight_variance=2.0,
        ...                         bias_variance=0.1, parameterisation="ntk")
        >>> X = jax.random.normal(jax.random.key(0), (8, 3))
        >>> wide, narrow = (limit.draw(jax.random.key(1), 3, width) for width in (1024, 16))
        >>> compare(wide, limit, X).distance < compare(narrow, limit, X).distance
        True
    """
    empirical = empirical_kernel(net, X, limit=limit, kind=kind)
    points = rows_of("X", X, net.in_size).astype(net.dtype)
    wanted = limit.nngp(points) if kind == "nngp" else limit.ntk(points)
    difference = np.linalg.norm(np.asarray(empirical - wanted))
    return KernelComparison(
        kind, empirical, wanted, float(difference / np.linalg.norm(np.asarray(wanted)))
    )


def _scaled(net: MLP, X: Any, limit: InfiniteNetwork, kind: Kind) -> WeightJacobian:
    """J with every layer's input times its scale; the bias is one more input, a constant."""
    jacobian = weight_jacobian(net, rows_of("X", X, net.in_size).astype(net.dtype), biases=False)
    weights, biases = limit._weights, limit._biases
    inputs = []
    for layer, a in enumerate(jacobian.inputs):
        weight, bias = weights[layer] / a.shape[1], biases[layer]
        if limit.parameterisation == "standard" and kind == "ntk":
            weight = bias = 1.0
        constant = jnp.full((a.shape[0], 1), bias**0.5, a.dtype)
        inputs.append(jnp.concatenate([jnp.asarray(weight**0.5, a.dtype) * a, constant], axis=1))
    return dataclasses.replace(jacobian, inputs=tuple(inputs))


def _check(net: Any, limit: Any, kind: Any) -> None:
    check_kind(kind)
    if not isinstance(net, MLP):
        raise TypeError(f"net: got {type(net).__name__}, expected an MLP.")
    if not isinstance(limit, InfiniteNetwork):
        raise TypeError(f"limit: got {type(limit).__name__}, expected an InfiniteNetwork.")
    if net.depth != limit.hidden_layers or net.activation != limit.activation:
        raise ValueError(
            f"net: got {net!r}, expected {limit.hidden_layers} hidden layers of "
            f"{limit.activation!r} as in limit. Draw one: limit.draw(key, in_size, width)."
        )
    if any(net.passthrough) or net.out_size is not None:
        raise ValueError(
            f"net: got {net!r} with linear units or several outputs, expected neither: the kernels "
            "here are those of one output and of hidden layers of one kind."
        )
    standard = kind == "ntk" and limit.parameterisation == "standard"
    if standard and limit.widths is not None and limit.widths != net.sizes[1:-1]:
        raise ValueError(
            f"net: got {net!r}, expected the hidden widths {limit.widths} of limit, whose kernel "
            "depends on them."
        )
