"""`fit`: checks of its arguments, and their defaults."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from approxlab.arguments import check_key, check_number, check_positive, check_widths
from approxlab.fitting.target_or_arrays import are_arrays
from approxlab.fitting.training.data import TrainingData, prepare
from approxlab.fitting.training.method import Method, Size
from approxlab.fitting.training.methods import as_method
from approxlab.fitting.training.result import FitResult
from approxlab.fitting.training.run import train
from approxlab.fitting.training.settings import Settings
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.initialisation import initialisation
from approxlab.networks.mlp import MLP, float_dtype

__all__ = ["fit", "training_grid"]

_RECORDS, _LEAST_STRIDE = 40, 25
_HIDDEN, _ACTIVATION = (32, 32), "tanh"


def fit(
    target: Any,
    *,
    hidden: Sequence[int] | None = None,
    activation: str | None = None,
    passthrough: Sequence[int] | None = None,
    method: Any = "adam",
    seeds: int | Sequence[int] | None = None,
    key: Any = None,
    start: MLP | None = None,
    steps: int = 2000,
    learning_rate: float | None = None,
    points: int | None = None,
    grid: str | None = None,
    batch: int | None = None,
    init: str | None = None,
    dtype: str | None = None,
    stride: int | None = None,
    tol: float | None = None,
    patience: int | None = None,
    scaling: str = "each",
    progress: bool = False,
    devices: Sequence[Any] | None = None,
) -> FitResult:
    """Train networks to approximate a target, or data.

    Training minimises the mean square error at the training points, for inputs mapped onto
    [-1, 1]^d and values shifted and scaled to unit mean square, each output by itself. So of
    several outputs it minimises the mean of (mean square error / variance). The affine maps are
    folded into the returned networks: it does not matter where the box lies, up to rounding, and a
    power of two times the target gives exactly that power of two times the network. (Where symmetry
    makes a gradient vanish, Adam divides rounding by rounding and magnifies it.) Only
    "gradient_descent" and "momentum" train on inputs and values as they are: there the step size
    has their units.

    A network is never worse than its start at the training points: a seed that ends worse than it
    began returns the network of its best record.

    The training points of a target are `points` equally spaced ones on an interval, a square
    tensor grid in two dimensions, and the Sobol sequence beyond, or Chebyshev points instead of
    equally spaced ones; points outside the mask are left out. With `batch`, every step uses fresh
    points drawn uniformly from the box (for arrays: rows drawn with replacement), while the
    reported losses remain those at the training points.

    Each shape of network compiles once: further targets of equal dimension, other keys, learning
    rates and numbers of steps reuse the program. (With `batch`, points are drawn inside of the
    program, and each target has its own.) On CPUs the seeds run one after another, and the numbers
    of a seed do not depend, to the last bit, on how many there are.

    Args:
        target: A `Target`, or arrays `(X, Y)` of shapes (n, d) and (n,) or (n, m), whose box is the
            bounding box of X.
        hidden: Widths of the hidden layers, by default (32, 32).
        activation: Name of the activation, by default "tanh".
        passthrough: For each hidden layer, how many of its last units are left linear; a layer of
            linear units alone is a bottleneck between two networks.
        method: "adam" (its learning rate falls along half a cosine); "lbfgs", "ssbfgs" or
            "ssbroyden" (quasi-Newton with line search, the last two with a dense, self-scaled
            inverse Hessian); "levenberg_marquardt" or "variable_projection" (least squares, often
            orders of magnitude below the others, see `LevenbergMarquardt` for settings);
            "gradient_descent" or "momentum" (constant step, data not scaled: see
            `GradientDescent`); a `Method`
            with settings of its own; or an optax `GradientTransformation`: use one such object
            again rather than an equal one, which would be compiled anew.
        seeds: Number of networks, by default 1, or the numbers of the seeds, as in `range(2, 4)`:
            seed i starts from `jax.random.fold_in(key, i)`, whichever others there are.
        key: A typed key; by default `jax.random.key(0)`.
        start: A network to start from, or several stacked ones, one per seed, as in `networks` of
            a result; widths, activation and linear units are then its own.
        steps: Steps at most.
        learning_rate: Of "adam", by default 1e-2; of "gradient_descent" and "momentum" the step
            size alpha for half the sum of squares, without a default. The other methods have their
            own.
        points: Number of training points of a target; by default 256 on an interval, 1024 in two
            dimensions, 2048 beyond.
        grid: "uniform", or "chebyshev" for points that are denser towards the faces of the box:
            the default for least squares, which otherwise oscillates near the faces.
        batch: Points per step; by default all training points in every step.
        init: Initialisation, see `MLP.init`; by default "spread" for least squares with a smooth
            activation, since it keeps the Jacobian far from singular.
        dtype: "float32" or "float64"; by default JAX's default.
        stride: Steps between two records of the loss, which is also when stopping is considered;
            by default a fortieth of the steps, at least 25.
        tol: Relative loss (mean square error divided by the variance of the target, of several
            outputs the mean of these) at which a seed has converged; by default (100 eps)^2.
        patience: Steps without an improvement of the best relative loss by the factor
            1 - sqrt(eps) after which a seed has stagnated; by default none for "adam", optax
            and gradient descent, whose loss may rise before it falls, and 200 for the others.
        scaling: "each" to divide every output by its own spread, "common" to divide all by one,
            the root of their mean variance, so that training minimises the mean square error of
            the whole vector: for components that have one unit.
        progress: Show a progress bar, in a terminal or a notebook.
        devices: Devices that train the seeds, by default `jax.local_devices()`. They may belong to
            several processes, as `jax.devices()` do after `jax.distributed.initialize`: then every
            process makes the same call and gets the same result.

    Returns:
        A `FitResult`, with a status for every seed that tells how its training ended.

    Raises:
        ValueError: If an argument does not fit, or the data are not finite, or of sizes that
            the dtype cannot hold with room for weights, or a step would take more than 2 GiB.
        TypeError: If the target is neither a target nor arrays, or the key is of the wrong type.

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
    chosen = as_method(method)
    structure = _structure(start, hidden, activation, passthrough)
    numbers = _seeds(start, seeds)
    check_positive(steps=steps)
    optional = {"points": points, "batch": batch, "stride": stride, "patience": patience}
    check_positive(**{name: value for name, value in optional.items() if value is not None})
    kind = str(float_dtype(dtype if dtype is not None or start is None else start.dtype))
    eps = float(jnp.finfo(kind).eps)
    _check_options(chosen, learning_rate, batch)
    _check_scaling(scaling)
    if key is not None:
        check_key(key)
    settings = Settings(
        **structure,
        method=chosen,
        start=start,
        seeds=numbers,
        key=jax.random.key(0) if key is None else key,
        steps=steps,
        learning_rate=_rate(learning_rate, chosen),
        batch=batch,
        init=_init(init, chosen, structure["activation"], start),
        dtype=kind,
        stride=stride or max(_LEAST_STRIDE, math.ceil(steps / _RECORDS)),
        tol=(100 * eps) ** 2 if tol is None else _tolerance(tol),
        patience=patience or chosen.patience or steps,
        scaling=scaling,
        progress=progress,
        devices=None if devices is None else tuple(devices),
    )
    where = training_grid(grid, target, chosen)
    training_data = prepare(target, points, kind, where, scaling, chosen.own_units)
    _check_start(start, training_data)
    chosen.check(_size(settings, training_data))
    return train(training_data, settings)


def _structure(
    start: MLP | None, hidden: Any, activation: str | None, passthrough: Any
) -> dict[str, Any]:
    """Widths, linear units and activation: of the start, if there is one."""
    if start is not None and not isinstance(start, MLP):
        raise TypeError(
            f"start: got {type(start).__name__}, expected an MLP, or stacked ones such as "
            "result.networks."
        )
    widths = _HIDDEN if hidden is None else check_widths(hidden)
    name = _ACTIVATION if activation is None else activation
    activation_named(name)
    linear = (0,) * len(widths) if passthrough is None else _linear_units(passthrough, widths)
    given = {"hidden": widths, "activation": name, "passthrough": linear}
    if start is None:
        return given
    own = {
        "hidden": start.sizes[1:-1],
        "activation": start.activation,
        "passthrough": start.passthrough,
    }
    asked = {"hidden": hidden, "activation": activation, "passthrough": passthrough}
    for argument, value in asked.items():
        if value is not None and given[argument] != own[argument]:
            raise ValueError(
                f"{argument}: got {value!r} with start={start!r}, expected {own[argument]!r}. "
                "Leave it out: the start has its own."
            )
    return own


def _linear_units(passthrough: Any, widths: tuple[int, ...]) -> tuple[int, ...]:
    counts = tuple(passthrough) if hasattr(passthrough, "__len__") else (passthrough,)
    whole = all(hasattr(k, "__index__") for k in counts)
    if (
        not whole
        or len(counts) != len(widths)
        or any(not 0 <= k <= n for k, n in zip(counts, widths, strict=True))
    ):
        raise ValueError(
            f"passthrough: got {passthrough!r} for hidden={widths}, expected one number of linear "
            "units per hidden layer, at most its width."
        )
    return tuple(int(k) for k in counts)


def _seeds(start: MLP | None, seeds: int | Sequence[int] | None) -> tuple[int, ...]:
    """The numbers of the seeds."""
    if np.ndim(seeds) == 1:  # type: ignore[arg-type]
        numbers = _numbers(seeds)  # type: ignore[arg-type]
    else:
        check_positive(seeds=1 if seeds is None else seeds)
        numbers = tuple(range(int(seeds or 1)))  # type: ignore[arg-type]
    if start is None:
        return numbers
    own = tuple(range(start.weights[0].shape[0] if start.weights[0].ndim > 2 else 1))
    if seeds is not None and numbers != own:
        raise ValueError(
            f"seeds: got {seeds} with {len(own)} networks in start, expected as many. Leave it out."
        )
    return own


def _numbers(seeds: Sequence[int]) -> tuple[int, ...]:
    whole = all(hasattr(i, "__index__") and not isinstance(i, bool) for i in seeds)
    if (
        not whole
        or len(seeds) == 0
        or len({*seeds}) < len(seeds)
        or not 0 <= min(seeds) <= max(seeds) < 2**32
    ):
        raise ValueError(
            f"seeds: got {seeds!r}, expected how many there are, or different whole numbers from "
            "0 on, such as range(2, 4)."
        )
    return tuple(int(i) for i in seeds)


def training_grid(grid: str | None, target: Any, method: Method) -> str:
    """Where the training points of a target lie, see `fit`."""
    if grid is None:
        return method.grid
    if grid not in ("uniform", "chebyshev"):
        raise ValueError(f"grid: got {grid!r}, expected 'uniform' or 'chebyshev'.")
    if are_arrays(target):
        raise ValueError(f"grid: got {grid!r} with arrays, expected None: they are the points.")
    return grid


def _init(init: str | None, method: Method, activation: str, start: MLP | None) -> str | None:
    if init is None:
        return method.initialisation(activation)
    initialisation(init)
    if start is not None:
        raise ValueError(f"init: got {init!r} with a start, expected None.")
    return init


def _check_start(start: MLP | None, training_data: TrainingData) -> None:
    if start is None:
        return
    got, expected = (
        (start.in_size, start.out_size),
        (training_data.inputs.shape[1], training_data.out_size),
    )
    if got != expected:
        raise ValueError(
            f"start: got {start!r} of in_size {got[0]} and out_size {got[1]}, expected "
            f"{expected[0]} and {expected[1]}, as in the target."
        )
    # By NumPy: JAX compiles a program for every shape.
    if not all(np.isfinite(np.asarray(leaf)).all() for leaf in jax.tree.leaves(start)):
        raise ValueError("start: got weights that are not finite, expected finite ones.")


def _size(settings: Settings, training_data: TrainingData) -> Size:
    sizes = (
        training_data.inputs.shape[1],
        *settings.hidden,
        training_data.outputs.shape[1],
    )
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    return Size(settings.hidden, parameters, training_data.outputs.size, settings.dtype)


def _check_options(method: Method, learning_rate: float | None, batch: int | None) -> None:
    if learning_rate is not None and method.no_learning_rate is not None:
        raise ValueError(
            f"learning_rate: got {learning_rate!r}, expected None: {method.no_learning_rate}."
        )
    if batch is not None and method.same_points:
        raise ValueError(
            f"batch: got {batch!r} with method {method.name!r}, expected None: it needs the same "
            "points in every step. Use method='adam'."
        )


def _check_scaling(scaling: Any) -> None:
    if scaling not in ("each", "common"):
        raise ValueError(f"scaling: got {scaling!r}, expected 'each' or 'common'.")


def _rate(value: float | None, method: Method) -> float:
    if value is not None:
        check_number("learning_rate", value, positive=True)
        return float(value)
    if method.default_learning_rate is None:
        raise ValueError(
            f"learning_rate: got None with method {method.name!r}, expected a positive number: the "
            "constant step for half the sum of squares, in the units of the data. Below 2 divided "
            "by the largest eigenvalue of the Hessian of that sum, steps contract: see "
            "approxlab.landscapes.stable_step."
        )
    return method.default_learning_rate


def _tolerance(tol: float) -> float:
    check_number("tol", tol)
    return float(tol)
