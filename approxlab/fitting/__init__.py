"""Networks found by computing: training, solving, greedy selection, placed knots.

`fit` trains; `readout` solves for the outer layer alone; `fit_stages` adds a network for what is
left; `greedy` chooses units one by one; `free_knots` places the knots of shallow ReLU networks.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from importlib import import_module
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp

from approxlab.arguments import check_positive, check_widths
from approxlab.fitting._problem import Problem, Settings, prepare
from approxlab.fitting._result import FitResult, History, Status
from approxlab.fitting.gradient import train
from approxlab.fitting.least_squares import LevenbergMarquardt, working_bytes
from approxlab.networks import MLP
from approxlab.networks.activations import activation as activation_named
from approxlab.networks.initialisation import initialisation
from approxlab.networks.mlp import float_dtype

_ELSEWHERE = MappingProxyType({
    "readout": "last_layer",
    "readouts": "last_layer",
    "solve_sup": "sup_norm",
    "fit_stages": "stages",
    "self_scaled_bfgs": "self_scaled",
    "self_scaled_broyden": "self_scaled",
    "Dictionary": "orthogonal_greedy",
    "greedy": "orthogonal_greedy",
    "free_knots": "knot_placement",
})  # fmt: skip
"""Public name to the module of this folder that holds it, loaded when it is first used."""

__all__ = [
    "FitResult", "History", "LevenbergMarquardt", "Status", "fit", "working_bytes", *_ELSEWHERE
]  # fmt: skip

_NAMED = MappingProxyType({
    "adam": "adam",
    "lbfgs": "lbfgs",
    "ssbfgs": "ssbfgs",
    "ssbroyden": "ssbroyden",
    "levenberg_marquardt": LevenbergMarquardt(),
    "variable_projection": LevenbergMarquardt(eliminate=True),
})  # fmt: skip
_LEARNING_RATE = 1e-2
_RECORDS, _LEAST_STRIDE = 40, 25
_PATIENCE = 200
_HIDDEN, _ACTIVATION = (32, 32), "tanh"
_SMOOTH = ("gelu", "sigmoid", "sin", "softplus", "swish", "tanh")
_MOST_BYTES = 2**31  # of one step of least squares


def __getattr__(name: str) -> Any:
    if name in _ELSEWHERE:
        return getattr(import_module(f"approxlab.fitting.{_ELSEWHERE[name]}"), name)
    raise AttributeError(f"module 'approxlab.fitting' has no attribute {name!r}")


def fit(
    target: Any,
    *,
    hidden: Sequence[int] | None = None,
    activation: str | None = None,
    passthrough: Sequence[int] | None = None,
    method: Any = "adam",
    seeds: int | None = None,
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
    tensor grid in two dimensions, and the Sobol sequence beyond, or the same at Chebyshev's points;
    those inside the mask count. With
    `batch`, every step uses fresh points drawn uniformly from the box (for arrays: rows drawn with
    replacement), while the reported losses remain those at the training points.

    Shapes compile once: further targets of equal dimension, other keys, learning rates and numbers
    of steps reuse the program. (Fresh points are drawn inside the program, so there each target
    has its own.) On CPUs the seeds run one after another, and a seed's numbers do not depend, to
    the last bit, on how many there are.

    Args:
        target: A `Target`, or arrays `(X, Y)` of shapes (n, d) and (n,) or (n, m), whose box is the
            bounding box of X.
        hidden: Widths of the hidden layers, by default (32, 32).
        activation: Name of the activation, by default "tanh".
        passthrough: For each hidden layer, how many of its last units are left linear; a layer of
            linear units alone is a bottleneck between two networks.
        method: "adam" (its learning rate falls along half a cosine); "lbfgs", "ssbfgs" or
            "ssbroyden" (quasi-Newton with line search, the latter with a dense, self-scaled inverse
            Hessian); "levenberg_marquardt" or "variable_projection" (least squares, often decades
            below the others, see `LevenbergMarquardt` for settings); or an optax
            `GradientTransformation`: use one such object again rather than an equal one, which
            would be compiled anew.
        seeds: Number of networks, by default 1; seed i starts from `jax.random.fold_in(key, i)`.
        key: A typed key; by default `jax.random.key(0)`.
        start: A network to start from, or several stacked ones, one per seed, as in `networks` of
            a result; widths, activation and linear units are then its own.
        steps: Steps at most.
        learning_rate: Of "adam", by default 1e-2; the other methods have their own.
        points: Number of training points of a target; by default 256 on an interval, 1024 in two
            dimensions, 2048 beyond.
        grid: "uniform", or "chebyshev" for points that are denser towards the faces of the box,
            where fits of least squares, whose default it is, would otherwise go astray.
        batch: Points per step; by default all training points in every step.
        init: Initialisation, see `MLP.init`; by default "spread" for least squares with a smooth
            activation, whose Jacobian it keeps apart from singular.
        dtype: "float32" or "float64"; by default JAX's default.
        stride: Steps between two records of the loss, which is also when stopping is considered;
            by default a fortieth of the steps, at least 25.
        tol: Relative loss (mean square error divided by the variance of the target) at which a
            seed has converged; by default (100 eps)^2.
        patience: Steps without an improvement of the best relative loss by the factor
            1 - sqrt(eps) after which a seed has stagnated; by default none for "adam" and optax,
            whose loss may rise before it falls, and 200 for the others.
        progress: Show a progress bar, if there is a terminal.
        devices: Devices over which the seeds are spread, by default `jax.local_devices()`. Of
            several processes, as from `jax.devices()` after `jax.distributed.initialize`: every
            process makes the same call and gets the same result.

    Returns:
        A `FitResult`. A seed that does not succeed has a status that says so; see there.

    Raises:
        ValueError: If an argument does not fit, or the data are not finite, or of sizes that
            the dtype cannot hold with room for weights, or a step would take more than 2 GiB.
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
    method = method_of(method)
    structure = _structure(start, hidden, activation, passthrough)
    count = _seeds(start, seeds)
    check_positive(steps=steps)
    optional = {"points": points, "batch": batch, "stride": stride, "patience": patience}
    check_positive(**{name: value for name, value in optional.items() if value is not None})
    kind = str(float_dtype(dtype if dtype is not None or start is None else start.dtype))
    eps = float(jnp.finfo(kind).eps)
    _check_method_options(method, learning_rate, batch)
    if patience is None:
        patience = steps if method == "adam" or _is_optax(method) else _PATIENCE
    settings = Settings(
        **structure,
        method=method,
        start=start,
        seeds=count,
        key=_key(key),
        steps=steps,
        learning_rate=_rate(learning_rate),
        batch=batch,
        init=_init(init, method, structure["activation"], start),
        dtype=kind,
        stride=stride or max(_LEAST_STRIDE, math.ceil(steps / _RECORDS)),
        tol=(100 * eps) ** 2 if tol is None else _tolerance(tol),
        patience=patience,
        progress=progress,
        devices=None if devices is None else tuple(devices),
    )
    problem = prepare(target, points, kind, training_grid(grid, target, method))
    _check_start(start, problem)
    _check_memory(method, settings, problem)
    return train(problem, settings)


def method_of(method: Any) -> Any:
    """The method of that name, see `fit`."""
    if isinstance(method, str) and method in _NAMED:
        return _NAMED[method]
    if isinstance(method, LevenbergMarquardt) or _is_optax(method):
        return method
    raise ValueError(
        f"method: got {method!r}, expected one of {', '.join(sorted(_NAMED))}, a "
        "LevenbergMarquardt, or an optax GradientTransformation such as optax.sgd(1e-2)."
    )


def _is_optax(method: Any) -> bool:
    return callable(getattr(method, "init", None)) and callable(getattr(method, "update", None))


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
                "Leave it out: it is that of the start."
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


def _seeds(start: MLP | None, seeds: int | None) -> int:
    if seeds is not None:
        check_positive(seeds=seeds)
    given = start.weights[0].shape[0] if start is not None and start.weights[0].ndim > 2 else 1
    if start is not None and seeds is not None and seeds != given:
        raise ValueError(
            f"seeds: got {seeds} with {given} networks in start, expected as many. Leave it out."
        )
    return given if start is not None else int(seeds or 1)


def training_grid(grid: str | None, target: Any, method: Any) -> str:
    """Where the training points of a target lie, see `fit`."""
    if grid is None:
        return "chebyshev" if isinstance(method, LevenbergMarquardt) else "uniform"
    if grid not in ("uniform", "chebyshev"):
        raise ValueError(f"grid: got {grid!r}, expected 'uniform' or 'chebyshev'.")
    if isinstance(target, (tuple, list)):
        raise ValueError(f"grid: got {grid!r} beside arrays, expected None: they are the points.")
    return grid


def _init(init: str | None, method: Any, activation: str, start: MLP | None) -> str | None:
    if init is not None:
        initialisation(init)
        if start is not None:
            raise ValueError(f"init: got {init!r} beside a start, expected None.")
    elif isinstance(method, LevenbergMarquardt) and activation in _SMOOTH:
        return "spread"
    return init


def _check_start(start: MLP | None, problem: Problem) -> None:
    if start is None:
        return
    got, expected = (start.in_size, start.out_size), (problem.inputs.shape[1], problem.out_size)
    if got != expected:
        raise ValueError(
            f"start: got {start!r} of in_size {got[0]} and out_size {got[1]}, expected "
            f"{expected[0]} and {expected[1]}, as in the target."
        )
    if not all(bool(jnp.all(jnp.isfinite(leaf))) for leaf in jax.tree.leaves(start)):
        raise ValueError("start: got weights that are not finite, expected finite ones.")


def _check_memory(method: Any, settings: Settings, problem: Problem) -> None:
    """A step of least squares that would not fit is refused before anything is compiled."""
    if not isinstance(method, LevenbergMarquardt):
        return
    if method.eliminate and not settings.hidden:
        raise ValueError(
            "hidden: got () with variable projection, expected a hidden layer: without one all "
            "coefficients are linear, and method='levenberg_marquardt' solves for them."
        )
    sizes = (problem.inputs.shape[1], *settings.hidden, problem.outputs.shape[1])
    parameters = sum((n + 1) * m for n, m in itertools.pairwise(sizes))
    needed = working_bytes(problem.outputs.size, parameters, 4 if "32" in settings.dtype else 8)
    if method.solver == "qr" and needed > _MOST_BYTES:
        raise ValueError(
            f"hidden: got {parameters} parameters for {problem.outputs.size} residuals, whose step "
            f"takes {needed / 2**30:.3g} GiB, expected at most {_MOST_BYTES / 2**30:.3g} GiB. Use "
            "fewer points, or method=LevenbergMarquardt(solver='cg')."
        )


def _check_method_options(method: Any, learning_rate: float | None, batch: int | None) -> None:
    if method != "adam" and learning_rate is not None:
        reason = (
            "an optax transformation has its own"
            if _is_optax(method)
            else f"{_word(method)} finds its steps itself"
        )
        raise ValueError(f"learning_rate: got {learning_rate!r}, expected None: {reason}.")
    if not (method == "adam" or _is_optax(method)) and batch is not None:
        raise ValueError(
            f"batch: got {batch!r} with method {_word(method)!r}, expected None: it needs the "
            "same points in every step. Use method='adam'."
        )


def _word(method: Any) -> str:
    return method if isinstance(method, str) else str(method.name)


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
