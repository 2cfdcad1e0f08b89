"""Does a second hidden layer pay on functions of the norm, in growing dimension?

ReLU networks with one and with two hidden layers and equally many parameters are trained, in single
precision, on functions of the Euclidean norm: the indicator of the unit ball, a wave, and the norm
itself. A point is a uniform direction times a radius that is uniform on [0, 2], so that half of all
points lie in the ball in every dimension, and the variance of a target is the same in every
dimension. Each cell trains in several ways: learning rates of Adam, for one hidden layer two
initialisations, for two hidden layers two shapes; then the best of these goes on, by a solve of its
last layer or by L-BFGS. Validation samples choose the way, and the error is measured at samples
that nothing else has seen.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from approxlab.sweeps import width_for_budget
from experiments import runner
from experiments.radial_separation.figure import draw
from experiments.radial_separation.findings import DEVIATIONS, TARGETS, caption, check, table

if TYPE_CHECKING:
    import numpy as np

    from approxlab.fitting import FitResult

REVISION = 2

_RADIUS = 2.0
_HELD, _FRESH = 8192, 16384  # samples of the choice, and of the error
_SOLVED = 8192  # samples of the solve for the last layer
_FULL_BATCH = 16384  # samples of every step of L-BFGS, at most
_NARROW = 16  # units of the second layer in the second shape of two hidden layers
_Way = dict[str, Any]


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[Literal["ball", "wave", "norm"], ...] = ("ball", "wave", "norm")
    """The indicator of the unit ball, cos(2 pi |x|), and |x|."""
    dims: tuple[int, ...] = (2, 4, 8, 16, 32)
    """Dimensions."""
    budget: int = 3000
    """Number of parameters of every network, as nearly as whole widths allow."""
    seeds: int = 2
    """Initialisations of each network."""
    steps: int = 2000
    """Of Adam, at a rate that falls to 0 like a cosine."""
    samples: int = 32768
    """Samples from which the batches of Adam are drawn."""
    batch: int = 256
    """Samples in a step of Adam."""
    rates: tuple[float, ...] = (0.01, 0.03)
    """Largest rates of Adam, of which one is chosen."""
    finish: tuple[Literal["solve", "lbfgs"], ...] = ("solve",)
    """How the best networks of Adam go on: their last layer solved, or L-BFGS."""
    lbfgs_steps: int = 60
    """Iterations of L-BFGS at most."""


PRESETS = {
    "smoke": Config(
        targets=("ball",), dims=(8,), budget=800, steps=1000, samples=8192, rates=(0.02,)
    ),
    "default": Config(),
    "paper": Config(seeds=4, steps=4000, samples=65536, finish=("solve", "lbfgs")),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Both depths on every target in every dimension, with all ways of training and all seeds."""
    check_positive(
        seeds=config.seeds,
        steps=config.steps,
        batch=config.batch,
        lbfgs_steps=config.lbfgs_steps,
        samples=config.samples,
    )
    if unknown := set(config.targets) - set(TARGETS):
        raise ValueError(f"targets: got {unknown.pop()!r}, expected some of {list(TARGETS)}.")
    if not config.rates or min(config.rates) <= 0:
        raise ValueError(f"rates: got {config.rates}, expected positive numbers.")
    if config.samples < _SOLVED:
        raise ValueError(f"samples: got {config.samples}, expected at least {_SOLVED}.")
    for dim in config.dims:
        check_positive(dims=dim)
        least = 20 * (dim + 2 + _NARROW)
        if config.budget < least:
            raise ValueError(
                f"budget: got {config.budget} for dimension {dim}, expected at least {least}, so "
                "that whole widths come near to it."
            )
    return [
        {
            "target": target,
            "dim": dim,
            "layers": layers,
            "budget": config.budget,
            "seeds": config.seeds,
            "steps": config.steps,
            "samples": config.samples,
            "batch": config.batch,
            "rates": " ".join(map(repr, config.rates)),
            "finish": " ".join(config.finish),
            "lbfgs_steps": config.lbfgs_steps,
        }
        for dim in config.dims
        for layers in (1, 2)
        for target in config.targets
    ]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    cells = 2 * len(config.dims) * len(config.targets) * -(-config.seeds // 2)
    step = 2.5e-10 * config.batch * config.budget
    adam = 2 * len(config.rates) * (step * config.steps + 1e-6 * config.samples)
    more = 0.7 * ("solve" in config.finish)
    more += 1e-5 * config.lbfgs_steps * config.budget * ("lbfgs" in config.finish)
    return 5.0 + 4.0 * len(config.dims) + cells * (adam + more)


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """A row for every way and seed; the way with the least median error of validation is chosen."""
    import numpy as np

    numbers = np.random.default_rng([run.seed, unit["dim"]])
    counts = unit["samples"], _HELD, _FRESH
    data = tuple(_samples(numbers, count, unit) for count in counts)
    tried = [(way, fit.networks) for way, fit in _trained(unit, run, data[0])]
    found = [_measured(networks, unit, data) for _, networks in tried]
    best = tried[_best(found)]
    for finish in unit["finish"].split():
        networks = _finished(best[1], finish, unit, run, data[0])
        tried.append(({**best[0], "ended_by": finish}, networks))
        found.append(_measured(networks, unit, data))
    chosen = _best(found)
    inside = float(np.mean(np.linalg.norm(data[2][0], axis=1) <= 1))
    return [
        {**way, "seed": seed, **errors, "chosen": i == chosen, "share_inside": inside}
        for i, (way, _) in enumerate(tried)
        for seed, errors in enumerate(found[i])
    ]


def _samples(
    numbers: np.random.Generator, count: int, unit: Mapping[str, Any]
) -> tuple[np.ndarray, np.ndarray]:
    """Uniform directions times uniform radii, and the values of the target."""
    import numpy as np

    normal = numbers.standard_normal((count, unit["dim"]))
    radii = numbers.uniform(0.0, _RADIUS, count)
    points = normal * (radii / np.linalg.norm(normal, axis=1))[:, None]
    return points, _value(unit["target"], np.linalg.norm(points, axis=1))


def _value(target: str, radius: np.ndarray) -> np.ndarray:
    import numpy as np

    if target == "ball":
        return np.where(radius <= 1, 1.0, 0.0)
    return np.cos(2 * np.pi * radius) if target == "wave" else radius


def _ways(unit: Mapping[str, Any]) -> Iterator[tuple[tuple[int, ...], str, float]]:
    """Widths, initialisation and rate: as many ways for one hidden layer as for two."""
    budget, dim = unit["budget"], unit["dim"]
    width = width_for_budget(budget, depth=unit["layers"], in_size=dim)
    starts: list[tuple[tuple[int, ...], str]]
    if unit["layers"] == 1:
        starts = [((width,), "he"), ((width,), "uniform_knots")]
    else:
        wide = round((budget - 2 * _NARROW - 1) / (dim + 1 + _NARROW))
        starts = [((width, width), "he"), ((wide, _NARROW), "he")]
    for hidden, init in starts:
        for rate in unit["rates"].split():
            yield hidden, init, float(rate)


def _trained(unit: Mapping[str, Any], run: runner.RunInfo, data: Any) -> Iterator[tuple[_Way, Any]]:
    """The fits by Adam, all seeds of a way together."""
    import jax

    import approxlab as al

    key = jax.random.key(run.seed)
    for number in (unit["dim"], unit["layers"], list(TARGETS).index(unit["target"])):
        key = jax.random.fold_in(key, number)
    for hidden, init, rate in _ways(unit):
        fit: FitResult = al.fit(
            data,
            hidden=hidden,
            activation="relu",
            init=init,
            seeds=unit["seeds"],
            key=key,
            steps=unit["steps"],
            learning_rate=rate,
            batch=unit["batch"],
            stride=-(-unit["steps"] // 2),  # the loss at all samples is only looked at twice
            dtype="float32",
            devices=run.devices,
        )
        way = {"hidden": " ".join(map(str, hidden)), "init": init, "rate": rate, "ended_by": "adam"}
        yield {**way, "num_parameters": fit.network.num_parameters}, fit


def _finished(
    networks: Any, finish: str, unit: Mapping[str, Any], run: runner.RunInfo, data: Any
) -> Any:
    """The same networks with their last layers solved for, or further trained by L-BFGS."""
    import jax
    import jax.numpy as jnp

    import approxlab as al

    if finish == "lbfgs":
        fit = al.fit(
            tuple(array[:_FULL_BATCH] for array in data),
            start=networks,
            method="lbfgs",
            steps=unit["lbfgs_steps"],
            devices=run.devices,
        )
        return fit.networks
    some = tuple(array[:_SOLVED] for array in data)
    solved = [one.network for one in al.fitting.readouts(networks, some)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *solved)


def _measured(networks: Any, unit: Mapping[str, Any], data: Any) -> list[dict[str, float]]:
    """Of every seed: relative errors at samples for validation and at fresh ones."""
    import jax
    import numpy as np

    _, (held, held_values), (fresh, fresh_values) = data
    points = np.vstack([held, fresh]).astype(np.float32)
    all_points = jax.vmap(lambda net, x: net(x), (None, 0))
    outputs = np.asarray(jax.vmap(all_points, (0, None))(networks, points), float)
    wanted, deviation = np.concatenate([held_values, fresh_values]), DEVIATIONS[unit["target"]]
    measured = []
    for values in outputs:
        squares = np.square(values - wanted)
        errors = {
            "validation_error": float(np.sqrt(np.mean(squares[:_HELD])) / deviation),
            "error": float(np.sqrt(np.mean(squares[_HELD:])) / deviation),
        }
        if unit["target"] == "ball":
            wrong = (values[_HELD:] > 0.5) != (fresh_values > 0.5)
            errors["share_misclassified"] = float(np.mean(wrong))
        measured.append(errors)
    return measured


def _best(found: Sequence[Sequence[Mapping[str, float]]]) -> int:
    """The way whose median error of validation over seeds is least."""
    middle = [median(errors["validation_error"] for errors in way) for way in found]
    return middle.index(min(middle))


EXPERIMENT = runner.Experiment(
    name="radial_separation",
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
    together=True,
)
