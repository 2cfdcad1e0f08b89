"""How fast do networks of finite width become kernel machines, before and along training?

ReLU networks with random weights, first with one hidden layer, then with three: how far their own
tangent kernel is from the one of the infinitely wide network, by width. Then they are trained by
gradient descent with small steps, and their outputs are compared, all along, with what the limiting
kernel predicts from the network's own initial outputs. Last layers alone that are solved for are
compared with regression by the NNGP kernel. The time that the kernel of many points takes is
measured beside. All points lie on the sphere of radius sqrt(d), in d = 10 dimensions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.kernel_limit.figure import draw
from experiments.kernel_limit.findings import caption, check, table
from experiments.kernel_limit.training import outputs_along

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Array

    from approxlab.kernels import InfiniteNetwork

REVISION = 1

_DIM = 10
_WEIGHT, _BIAS = 2.0, 0.1  # variances
_FRESH = 64  # points where trained networks are compared, beside the data
_MARKS = 24  # times at which they are compared
_STEPS = {1: 0.02, 3: 0.1}  # of gradient descent, times the largest eigenvalue of the kernel


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    widths: tuple[int, ...] = (64, 128, 256, 512, 1024, 2048, 4096)
    """Of all hidden layers."""
    seeds: int = 20
    """Random networks of one hidden layer of each width."""
    deep_seeds: int = 10
    """Random networks of three hidden layers of each width."""
    points: int = 32
    """At which their kernels are compared."""
    trained_seeds: int = 10
    """Trained networks of one hidden layer of each width."""
    deep_trained_seeds: int = 3
    """Trained networks of three hidden layers of each width."""
    deep_trained_width: int = 1024
    """Largest width of a trained network of three hidden layers."""
    trained_points: int = 16
    """Data of trained networks."""
    time: float = 4.0
    """Of gradient flow, one hidden layer."""
    deep_time: float = 1.2
    """Of gradient flow, three hidden layers, whose kernel is larger."""
    timed_points: tuple[int, ...] = (250, 500, 1000, 2000)
    """Numbers of points of kernels that are timed, at depth 3."""
    timed_depths: tuple[int, ...] = (1, 2, 3, 5)
    """Hidden layers of kernels that are timed, at 1000 points."""
    repeats: int = 9
    """Timings of one kernel: the median is told, the least one, which other programs disturb least,
    is compared with those of other kernels."""


PRESETS = {
    "smoke": Config(
        widths=(32, 64, 128),
        seeds=10,
        deep_seeds=3,
        trained_seeds=2,
        points=16,
        deep_trained_seeds=1,
        deep_trained_width=32,
        time=1.0,
        deep_time=0.5,
        timed_points=(1000,),
        timed_depths=(3,),
        repeats=1,
    ),
    "default": Config(),
    "paper": Config(
        seeds=50,
        deep_seeds=20,
        trained_seeds=30,
        deep_trained_width=2048,
        timed_points=(250, 500, 1000, 2000, 4000),
        timed_depths=(1, 2, 3, 5, 10),
        repeats=15,
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Timings first, while the machine is as it is; then every width of every comparison."""
    check_positive(
        seeds=config.seeds,
        deep_seeds=config.deep_seeds,
        points=config.points,
        trained_seeds=config.trained_seeds,
        deep_trained_seeds=config.deep_trained_seeds,
        deep_trained_width=config.deep_trained_width,
        trained_points=config.trained_points,
        repeats=config.repeats,
    )
    if len(set(config.widths)) < 3:
        raise ValueError(f"widths: got {config.widths}, expected at least three different ones.")
    for name in ("time", "deep_time"):
        if not getattr(config, name) > 0:
            raise ValueError(f"{name}: got {getattr(config, name)!r}, expected a positive number.")
    timed = [(count, 3) for count in config.timed_points]
    timed += [(1000, depth) for depth in config.timed_depths if (1000, depth) not in timed]
    timings = [
        {"story": "timing", "points": count, "depth": depth, "repeats": config.repeats}
        for count, depth in sorted(timed)
    ]
    kernels = [
        {"story": "kernel", "depth": depth, "width": width, "points": config.points, "seeds": seeds}
        for depth, seeds in ((1, config.seeds), (3, config.deep_seeds))
        for width in config.widths
    ]
    data = {"points": config.trained_points}
    trained = [
        {
            "story": "trained",
            "depth": depth,
            "width": width,
            "seeds": seeds,
            **data,
            "time": config.time if depth == 1 else config.deep_time,
            "step": _STEPS[depth],
        }
        for depth, seeds in ((1, config.trained_seeds), (3, config.deep_trained_seeds))
        for width in config.widths
        if depth == 1 or width <= config.deep_trained_width
    ]
    features = [
        {"story": "features", "depth": 1, "width": width, "seeds": config.seeds, **data}
        for width in config.widths
    ]
    return [*timings, *kernels, *trained, *features]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Distances of kernels or of outputs, one row for each network, or the time of a kernel."""
    stories = {"timing": _timing, "kernel": _kernels, "trained": _trained, "features": _features}
    return stories[unit["story"]](unit, run)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    deep = sum(width**2 for width in config.widths)
    trained = sum(w**2 for w in config.widths if w <= config.deep_trained_width)
    pairs = sum(3 * n**2 for n in config.timed_points) + 1e6 * sum(config.timed_depths)
    return (
        15.0
        + 6e-8 * deep * config.deep_seeds
        + 5e-6 * trained * config.deep_trained_seeds * config.deep_time
        + 1e-4 * sum(config.widths) * config.trained_seeds
        + 2.5e-7 * pairs * (config.repeats + 1)
    )


def _limit(depth: int, activation: str = "relu") -> InfiniteNetwork:
    from approxlab.kernels import InfiniteNetwork

    return InfiniteNetwork(
        hidden_layers=depth,
        activation=activation,
        weight_variance=_WEIGHT,
        bias_variance=_BIAS,
        parameterisation="ntk",
    )


def _key(run: runner.RunInfo, *coordinates: int) -> Array:
    import jax

    key = jax.random.key(run.seed)
    for number in coordinates:
        key = jax.random.fold_in(key, number)
    return key


def _sphere(run: runner.RunInfo, count: int) -> np.ndarray:
    """Uniform points on the sphere of radius sqrt(d), in numbers that float32 holds."""
    import numpy as np

    normal = np.random.default_rng([run.seed, count]).standard_normal((count, _DIM))
    unit = normal / np.linalg.norm(normal, axis=1, keepdims=True)
    return np.asarray(_DIM**0.5 * unit, np.float32).astype(float)


def _timing(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Seconds of a kernel in float64, from its points to an array, after compilation."""
    import time

    import jax
    import numpy as np

    X = _sphere(run, unit["points"])
    limit, taken = _limit(unit["depth"]), []
    for _ in range(unit["repeats"] + 1):
        start = time.perf_counter()
        jax.block_until_ready(limit.ntk(X))
        taken.append(time.perf_counter() - start)
    return [
        {
            "first_s": taken[0],
            "kernel_s": float(np.median(taken[1:])),
            "least_s": min(taken[1:]),
            "processor": _processor(),
        }
    ]


def _processor() -> str:
    """The name of the processor, as far as this machine tells it."""
    import platform
    from pathlib import Path

    lines = Path("/proc/cpuinfo")
    text = lines.read_text(encoding="utf-8", errors="replace") if lines.is_file() else ""
    names = [line.split(":", 1)[1].strip() for line in text.splitlines() if "model name" in line]
    return names[0] if names else platform.processor() or platform.machine()


def _kernels(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Relative distance of each random network's tangent kernel from the limit."""
    import jax
    import numpy as np

    from approxlab.kernels import empirical_kernel

    depth, width = unit["depth"], unit["width"]
    X, limit = _sphere(run, unit["points"]), _limit(depth)
    wanted = np.asarray(limit.ntk(X))
    expected = _expected_distance(X, width) if depth == 1 else None

    kernel = jax.jit(lambda net: empirical_kernel(net, X, limit=limit))
    rows = []
    for seed in run.seeds or range(unit["seeds"]):
        net = limit.draw(_key(run, 1, depth, width, seed), _DIM, width, dtype="float32")
        rows.append(
            {
                "network": seed,
                "distance": _relative(kernel(net), wanted),
                "expected_distance": expected,
            }
        )
    return rows


def _expected_distance(X: np.ndarray, width: int) -> float:
    """Root mean square of the relative distance of a network with one hidden layer, exactly.

    Its kernel is the mean over units of w [s(u) s(v) + a^2 K_0 s'(u) s'(v)] plus a constant, for
    the unit's own Gaussians u, v, a, so its variance is that of one unit divided by the width. With
    E[a^4] = 3 it is w^2 (E[s^2 s^2] + 2 K_0 E[s s] + 3 K_0^2 E[s' s']) less the square of the mean,
    by three kernels of the arc-cosine family.
    """
    import numpy as np

    from approxlab.kernels import InfiniteNetwork

    def moments(activation: str) -> np.ndarray:
        products = InfiniteNetwork(
            hidden_layers=1,
            activation=activation,
            weight_variance=(_WEIGHT, 1.0),
            bias_variance=(_BIAS, 0.0),
            parameterisation="ntk",
        )
        return np.asarray(products.nngp(X))

    first = _WEIGHT * X @ X.T / _DIM + _BIAS
    limit = np.asarray(_limit(1).ntk(X))
    squares = moments("relu2") + 2 * first * moments("relu") + 3 * first**2 * moments("heaviside")
    variance = _WEIGHT**2 * squares - (limit - _BIAS) ** 2
    return float(np.sqrt(np.sum(variance) / width / np.sum(limit**2)))


def _target(X: np.ndarray) -> np.ndarray:
    """A wave along one axis and a product of two others."""
    import numpy as np

    return np.asarray(np.sin(1.5 * X[:, 0]) + 0.5 * X[:, 1] * X[:, 2])


def _trained(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Relative difference of each trained network from the prediction of the limiting kernel.

    The outputs at the data and at fresh points are taken together; the norm of the difference is
    divided by that of the prediction of the same time.
    """
    import numpy as np

    from approxlab.kernels import regress

    depth, width = unit["depth"], unit["width"]
    X, fresh = _data(unit, run)
    both, limit = np.concatenate([X, fresh]), _limit(depth)
    prediction = regress(limit, X, _target(X), kind="ntk")
    step = unit["step"] / float(np.linalg.eigvalsh(prediction.kernel)[-1])
    last = round(unit["time"] / step)
    marks = np.unique(np.geomspace(1, last, _MARKS).round().astype(int))
    rows = []
    for seed in run.seeds or range(unit["seeds"]):
        net = limit.draw(_key(run, 2, depth, width, seed), _DIM, width, dtype="float32")
        found = outputs_along(net, X, _target(X), both, step, marks, (_WEIGHT, _BIAS))
        for mark, values in zip(marks, found, strict=True):
            wanted = prediction.at_time(both, float(mark * step), start=net)
            rows.append(
                {
                    "network": seed,
                    "flow_time": float(mark * step),
                    "difference": _relative(values, wanted),
                    "residual": _relative(values[: len(X)], _target(X)),
                }
            )
    return rows


def _features(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Random features with a solved last layer against NNGP regression, at fresh points."""
    import numpy as np

    import approxlab as al
    from approxlab.kernels import random_feature_network, regress

    X, fresh = _data(unit, run)
    limit = _limit(unit["depth"])
    wanted = regress(limit, X, _target(X), kind="nngp").mean(fresh)
    single = np.asarray(X, np.float32), np.asarray(_target(X), np.float32)
    rows = []
    for seed in run.seeds or range(unit["seeds"]):
        key = _key(run, 3, unit["width"], seed)
        net = random_feature_network(limit, key, unit["width"], *single)
        rows.append({"network": seed, "difference": _relative(al.evaluate(net, fresh), wanted)})
    return rows


def _data(unit: Mapping[str, Any], run: runner.RunInfo) -> tuple[np.ndarray, np.ndarray]:
    points = _sphere(run, unit["points"] + _FRESH)
    return points[: unit["points"]], points[unit["points"] :]


def _relative(values: Any, wanted: Any) -> float:
    import numpy as np

    return float(np.linalg.norm(np.asarray(values, float) - wanted) / np.linalg.norm(wanted))


EXPERIMENT = runner.Experiment(
    name="kernel_limit",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    seconds=seconds,
    inline=True,
    seeds=lambda unit: unit.get("seeds", 1),
)
