"""Networks found by computing: `fit` and its result."""

from __future__ import annotations

import math
from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.arguments import check_positive, check_widths
from approxlab.fitting._problem import Settings, prepare
from approxlab.fitting._result import FitResult, History, Status
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.initialisation import initialisation
from approxlab.networks.mlp import float_dtype

__all__ = ["FitResult", "History", "Status", "fit"]

_METHODS = MappingProxyType({"adam": "gradient", "lbfgs": "gradient"})
"""Method to the module of this folder whose `train(problem, settings)` carries it out."""

_LEARNING_RATE = 1e-2
_RECORDS, _LEAST_STRIDE = 40, 25
_LBFGS_PATIENCE = 200


def fit(
    target: Any,
    *,
    hidden: Sequence[int] = (32, 32),
    activation: str = "tanh",
    method: Any = "adam",
    seeds: int = 1,
    key: Any = None,
    steps: int = 2000,
    learning_rate: float | None = None,
    points: int | None = None,
    batch: int | None = None,
    init: str | None = None,
    dtype: str | None = None,
    stride: int | None = None,
    tol: float | None = None,
    patience: int | None = None,
    progress: bool = False,
    devices: Sequence[Any] | None = None,
) -> FitResult:
    """Train networks to approximate a target, or data.

    Training minimises the mean square error at the training points, for inputs mapped onto
    [-1, 1]^d and values shifted and scaled to unit mean square; the affine maps are folded into the
    returned networks. So it does not matter where the box lies, up to rounding, and a power of two
    times the target gives exactly that power of two times the network. (Where symmetry makes a
    gradient vanish, Adam divides rounding by rounding and magnifies it.)

    The training points of a target are `points` equally spaced ones on an interval, a square
    tensor grid in two dimensions, and the Sobol sequence beyond; those inside the mask count. With
    `batch`, every step uses fresh points drawn uniformly from the box (for arrays: rows drawn with
    replacement), while the reported losses remain those at the training points.

    Shapes compile once: further targets of equal dimension, other keys, learning rates and numbers
    of steps reuse the program. (Fresh points are drawn inside the program, so there each target
    has its own.) On CPUs the seeds run one after another, and a seed's numbers do not depend, to
    the last bit, on how many there are.

    Args:
        target: A `Target`, or arrays `(X, Y)` of shapes (n, d) and (n,) or (n, m), whose box is the
            bounding box of X.
        hidden: Widths of the hidden layers.
        activation: Name of the activation.
        method: "adam" (its learning rate falls along half a cosine), "lbfgs" (with line search), or
            an optax `GradientTransformation`; use one such object again rather than an equal one,
            which would be compiled anew.
        seeds: Number of networks; seed i starts from `jax.random.fold_in(key, i)`.
        key: A typed key; by default `jax.random.key(0)`.
        steps: Steps at most.
        learning_rate: Of "adam", by default 1e-2; the other methods have their own.
        points: Number of training points of a target; by default 256 on an interval, 1024 in two
            dimensions, 2048 beyond.
        batch: Points per step; by default all training points in every step.
        init: Initialisation, see `MLP.init`.
        dtype: "float32" or "float64"; by default JAX's default.
        stride: Steps between two records of the loss, which is also when stopping is considered;
            by default a fortieth of the steps, at least 25.
        tol: Relative loss (mean square error divided by the variance of the target) at which a
            seed has converged; by default (100 eps)^2.
        patience: Steps without an improvement of the best relative loss by the factor
            1 - sqrt(eps) after which a seed has stagnated; by default 200 for "lbfgs", and none
            for the other methods, whose loss may rise before it falls.
        progress: Show a progress bar, if there is a terminal.
        devices: Devices over which the seeds are spread, by default `jax.local_devices()`. Of
            several processes, as from `jax.devices()` after `jax.distributed.initialize`: every
            process makes the same call and gets the same result.

    Returns:
        A `FitResult`. A seed that does not succeed has a status that says so; see there.

    Raises:
        ValueError: If an argument does not fit, or the data are not finite, or of sizes that
            the dtype cannot hold with room for weights.
        TypeError: If the target is no target, or the method or key of the wrong type.

    Example:
        >>> import numpy as np
        >>> x = np.linspace(0.0, 1.0, 65)
        >>> result = fit((x[:, None], np.sin(3 * x)), hidden=(8,), method="lbfgs", steps=100)
        >>> result.network
        MLP(1-8-1, tanh, 25 parameters, float...)
        >>> result.relative_loss < 1e-4
        True
        >>> result.status
        <Status.BUDGET: 'budget'>
    """
    module = _module(method)
    widths = check_widths(hidden)
    check_positive(seeds=seeds, steps=steps)
    optional = {"points": points, "batch": batch, "stride": stride, "patience": patience}
    check_positive(**{name: value for name, value in optional.items() if value is not None})
    activation_named(activation)
    if init is not None:
        initialisation(init)
    kind = str(float_dtype(dtype))
    eps = float(jnp.finfo(kind).eps)
    _check_method_options(method, learning_rate, batch)
    if patience is None:
        patience = _LBFGS_PATIENCE if method == "lbfgs" else steps
    settings = Settings(
        hidden=widths,
        activation=activation,
        method=method,
        seeds=seeds,
        key=_key(key),
        steps=steps,
        learning_rate=_rate(learning_rate),
        batch=batch,
        init=init,
        dtype=kind,
        stride=stride or max(_LEAST_STRIDE, math.ceil(steps / _RECORDS)),
        tol=(100 * eps) ** 2 if tol is None else _tolerance(tol),
        patience=patience,
        progress=progress,
        devices=None if devices is None else tuple(devices),
    )
    result: FitResult = module.train(prepare(target, points, kind), settings)
    return result


def _module(method: Any) -> Any:
    if isinstance(method, str) and method in _METHODS:
        return import_module(f"approxlab.fitting.{_METHODS[method]}")
    if callable(getattr(method, "init", None)) and callable(getattr(method, "update", None)):
        return import_module("approxlab.fitting.gradient")
    raise ValueError(
        f"method: got {method!r}, expected one of {', '.join(sorted(_METHODS))}, or an optax "
        "GradientTransformation such as optax.sgd(1e-2)."
    )


def _check_method_options(method: Any, learning_rate: float | None, batch: int | None) -> None:
    if method != "adam" and learning_rate is not None:
        reason = (
            "lbfgs finds its steps by a line search"
            if method == "lbfgs"
            else "an optax transformation has its own"
        )
        raise ValueError(f"learning_rate: got {learning_rate!r}, expected None: {reason}.")
    if method == "lbfgs" and batch is not None:
        raise ValueError(
            f"batch: got {batch!r} with method 'lbfgs', expected None: a line search needs the "
            "same points in every step. Use method='adam'."
        )


def _key(key: Any) -> Any:
    if key is None:
        return jax.random.key(0)
    dtype = getattr(key, "dtype", None)
    if dtype is None or not jnp.issubdtype(dtype, jax.dtypes.prng_key) or key.shape != ():
        raise TypeError(
            f"key: got {key!r}, expected one typed key. Write jax.random.key(0), not "
            "jax.random.PRNGKey(0) or a number."
        )
    return key


def _rate(value: float | None) -> float:
    if value is None:
        return _LEARNING_RATE
    if not 0 < value < math.inf:
        raise ValueError(f"learning_rate: got {value!r}, expected a positive number.")
    return float(value)


def _tolerance(tol: float) -> float:
    if not 0 <= tol < math.inf:
        raise ValueError(f"tol: got {tol!r}, expected a number that is at least 0.")
    return float(tol)
