"""How far an executed forward pass can be from the network in exact arithmetic."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from approxlab.certify._error_bounds import upward
from approxlab.certify._problems import check_model
from approxlab.domains import Box
from approxlab.networks.mlp import MLP

__all__ = ["EvaluationGap", "evaluation_gap"]


@dataclasses.dataclass(frozen=True)
class _Activation:
    """Largest value and slope for |z| <= size, and the assumed error in units of the last place."""

    value: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]
    ulps: float


def _one(z: np.ndarray) -> np.ndarray:
    return np.ones_like(z)


def _same(z: np.ndarray) -> np.ndarray:
    return z


def _relu_power(n: int) -> _Activation:
    return _Activation(lambda z: z**n, lambda z: n * z ** (n - 1), float(n))


_ACTIVATIONS: Mapping[str, _Activation] = {
    "tanh": _Activation(_one, _one, 8.0),
    "sigmoid": _Activation(_one, lambda z: np.full_like(z, 0.25), 4.0),
    "softplus": _Activation(lambda z: z + 0.6932, _one, 4.0),
    "sin": _Activation(_one, _one, 2.0),
    "gelu": _Activation(_same, lambda z: np.full_like(z, 1.13), 64.0),
    "swish": _Activation(_same, lambda z: np.full_like(z, 1.1), 6.0),
    "relu": _Activation(_same, _one, 0.0),
    "leaky_relu": _Activation(_same, _one, 1.0),
    "abs": _Activation(_same, _one, 0.0),
    "identity": _Activation(_same, _one, 0.0),
    "relu2": _relu_power(2),
    "relu3": _relu_power(3),
    "relu4": _relu_power(4),
}
"""Errors of XLA's CPU programs as they were measured, rounded up; those of `gelu` are of its size
for arguments of size 1 and more. They are a model, not a proof."""


@dataclasses.dataclass(frozen=True)
class EvaluationGap:
    """An a-priori bound of |executed - exact| for the forward pass of a network on a box.

    Attributes:
        value: The bound, for the largest component.
        dtype: In which the network is evaluated.
        activation_error: The assumed error of the activation, in units of 2 u times its size.
        assumptions: What the bound rests on; the error of the activation is assumed, not proved.
    """

    value: float
    dtype: str
    activation_error: float
    assumptions: tuple[str, ...]

    def __float__(self) -> float:
        return self.value

    def __repr__(self) -> str:
        return f"EvaluationGap(<= {self.value:.3g} in {self.dtype}, assumed model)"


def evaluation_gap(
    network: Any, box: Any, *, dtype: Any = None, activation_error: Any = None
) -> EvaluationGap:
    """Bound the rounding of a forward pass, at points of the box that its dtype holds.

    What `sup_norm` proves is about the network in exact arithmetic. The error of a program is at
    most the sum of three terms: sup_norm(network, target).upper, the approximation;
    sup_norm(stored, network).upper where parameters were rounded to `stored`; and this one, the
    execution.

    Layer by layer, with |h| <= H known up to e before a layer of n inputs, and u the unit roundoff:
    W h + b is known up to |W| e + gamma(n + 1) (|W| (H + e) + |b|), in any order of the sums and
    with or without fused multiplications; the activation multiplies that by its largest slope and
    adds its own error. Source: Higham 2002, "Accuracy and Stability of Numerical Algorithms",
    chapter 3.

    Args:
        network: An `MLP`.
        box: A `Box`.
        dtype: "float32" or "float64"; by default that of the network.
        activation_error: Assumed error of the activation, in units of 2 u times the size of its
            largest value; by default one that was measured on CPUs and rounded up.

    Raises:
        TypeError: If the network is not an `MLP`.
        ValueError: If sizes do not fit, or the activation jumps.

    Example:
        >>> import approxlab as al
        >>> net = al.MLP.from_arrays([[[1.0]], [[2.0]]], [[0.0], [0.5]], "relu")
        >>> 0.0 < float(evaluation_gap(net, al.Box([0.0], [1.0]), dtype="float32")) < 2e-6
        True
    """
    check_model("network", network)
    if not isinstance(network, MLP):
        raise TypeError(f"network: got {type(network).__name__}, expected an MLP.")
    if not isinstance(box, Box) or box.dim != network.in_size:
        raise ValueError(
            f"box: got {box!r}, expected a Box of {network.in_size} dimensions, as the network has."
        )
    if np.ndim(network.weights[0]) != 2:
        raise ValueError(f"network: got {network!r}, expected one network: model.member(0).")
    kind = str(network.weights[0].dtype) if dtype is None else str(np.dtype(dtype))
    if kind not in ("float32", "float64"):
        raise ValueError(f"dtype: got {dtype!r}, expected 'float32' or 'float64'.")
    rule = _ACTIVATIONS.get(network.activation)
    if rule is None:
        raise ValueError(
            f"network: got the activation {network.activation!r}, expected a continuous one: next "
            "to a jump rounding changes values by the whole jump."
        )
    ulps = rule.ulps if activation_error is None else float(activation_error)
    if not 0.0 <= ulps < np.inf:
        raise ValueError(f"activation_error: got {activation_error!r}, expected at least 0.")
    value = _largest_error(network, box, kind, rule, ulps)
    return EvaluationGap(value, kind, ulps, _assumptions(network.activation, kind, ulps))


def _largest_error(network: MLP, box: Box, kind: str, rule: _Activation, ulps: float) -> float:
    info = np.finfo(kind)
    unit, flushed = float(info.eps) / 2, float(info.tiny)
    size = np.maximum(np.abs(box.lower), np.abs(box.upper))
    error = np.zeros_like(size)
    last = len(network.weights) - 1
    for i, (matrix, vector) in enumerate(zip(network.weights, network.biases, strict=True)):
        weight, bias = np.abs(np.asarray(matrix, float)), np.abs(np.asarray(vector, float))
        n = weight.shape[1]
        gamma = (n + 2) * unit / (1.0 - (n + 2) * unit)
        rounded = weight @ (size + error) + bias
        error = upward(weight @ error + gamma * rounded + (2 * n + 2) * flushed, 8 * n + 32)
        size = upward(weight @ size + bias, 8 * n + 32)
        if i < last:
            linear = network.passthrough[i]
            bent = np.arange(len(size)) < len(size) - linear
            reach = size + error
            own = 2.0 * unit * ulps * rule.value(reach) + flushed
            changed = upward(rule.slope(reach) * error + own, 64)
            error = np.where(bent, changed, error)
            size = np.where(bent, upward(rule.value(size), 64), size)
    return float(np.max(error))


def _assumptions(activation: str, kind: str, ulps: float) -> tuple[str, ...]:
    return (
        f"the points are numbers of {kind}, and so are the parameters of the executed network",
        f"sums and products round to nearest in {kind}, in any order, fused or not; results below "
        "the least normal number may be flushed to 0",
        f"ASSUMED: the executed {activation} errs by at most {ulps:g} times 2 u times its largest "
        "size on the box",
    )
