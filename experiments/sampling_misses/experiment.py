"""By how much does the largest of many samples understate a sup norm, and what do searches miss?

Networks are fitted in one to three dimensions to several qualities. `certify.sup_norm` encloses
their sup norm error from both sides; the largest error at N points drawn uniformly, and the
estimate of `errors.sup` (a grid and a local search), are compared with the proved lower end: what
is called missed is certainly missed. In the second part a ridge of height 1 is planted across the
first axis, narrower and narrower, and the same is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.sampling_misses.figure import draw
from experiments.sampling_misses.findings import caption, check, table

if TYPE_CHECKING:
    import numpy as np

    from approxlab import MLP, Target

REVISION = 3

_HIDDEN = {"tanh": (16,), "relu": (14, 14)}
_WIDTHS = 16.0  # the ridge is this many divided by its gain wide, at half its height
_CHUNK = 2**16


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dims: tuple[int, ...] = (1, 2, 3)
    """Dimensions."""
    steps: tuple[int, ...] = (3, 12, 60)
    """Steps of Levenberg-Marquardt: the quality of the fits."""
    activations: tuple[str, ...] = ("tanh", "relu")
    """Activations of the fits."""
    samples: tuple[int, ...] = (100, 1000, 10_000, 100_000)
    """Numbers N of points."""
    repeats: int = 20
    """How often N points are drawn."""
    ridges: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
    """Widths of the planted ridges."""
    most_boxes: int = 100_000
    """Boxes after which a proof ends with the interval that it has."""


PRESETS = {
    "smoke": Config(
        dims=(1,),
        steps=(5,),
        activations=("tanh",),
        samples=(100, 1000),
        repeats=4,
        ridges=(1e-2, 1e-5),
    ),
    "default": Config(),
    "paper": Config(
        steps=(3, 12, 60, 300),
        samples=(100, 1000, 10_000, 100_000, 1_000_000),
        repeats=50,
        most_boxes=4_000_000,
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every fit, and every ridge."""
    check_positive(repeats=config.repeats, most_boxes=config.most_boxes)
    if not all(1 <= dim <= 3 for dim in config.dims):
        raise ValueError(f"dims: got {config.dims}, expected numbers from 1 to 3.")
    if not config.samples or min(config.samples) < 1:
        raise ValueError(f"samples: got {config.samples}, expected positive integers.")
    if not all(0.0 < width < 1.0 for width in config.ridges):
        raise ValueError(f"ridges: got {config.ridges}, expected widths between 0 and 1.")
    for name in config.activations:
        if name not in _HIDDEN:
            raise ValueError(f"activations: got {name!r}, expected some of {tuple(_HIDDEN)}.")
    drawn = {
        "samples": " ".join(str(count) for count in config.samples),  # rows are flat
        "repeats": config.repeats,
        "most_boxes": config.most_boxes,
    }
    fits = [
        {"story": "fit", "dim": dim, "activation": activation, "steps": steps, **drawn}
        for dim in config.dims
        for activation in config.activations
        for steps in config.steps
    ]
    ridges = [
        {"story": "ridge", "dim": dim, "width": width, **drawn}
        for dim in config.dims
        for width in config.ridges
    ]
    return [*fits, *ridges]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per number of points, with the proved interval and the estimate in each."""
    import jax
    import numpy as np

    import approxlab as al

    dim = unit["dim"]
    if unit["story"] == "ridge":
        network, target = _ridge(dim, unit["width"])
    else:
        target = al.targets.get("oscillatory", dim=dim)
        network = _fitted(target, unit, run)
    box = target.domain
    found = al.certify.sup_norm(
        network, target, box, rtol=1e-3 if dim < 3 else 1e-2, max_boxes=unit["most_boxes"]
    )
    told = {**found.to_rows()[0], "searched": float(al.errors.sup(network, target, box))}
    rows = []
    for count in (int(word) for word in unit["samples"].split()):
        key = jax.random.fold_in(jax.random.key(run.seed + 1), count)
        largest = _largest(network, target, key, count, unit["repeats"])
        share = largest / found.lower
        rows.append(
            {
                "points": count,
                "median_share": float(np.median(share)),
                "least_share": float(np.min(share)),
                "most_share": float(np.max(share)),
                **told,
            }
        )
    return rows


def _largest(network: MLP, target: Any, key: Any, count: int, repeats: int) -> np.ndarray:
    """The largest error at `count` points, for every repetition."""
    import jax
    import numpy as np

    import approxlab as al

    low, high = (np.asarray(end) for end in (target.domain.lower, target.domain.upper))
    found = np.zeros(repeats)
    for i in range(repeats):
        generator = np.random.default_rng(
            np.asarray(jax.random.key_data(jax.random.fold_in(key, i)))
        )
        for start in range(0, count, _CHUNK):
            points = generator.uniform(size=(min(_CHUNK, count - start), len(low)))
            points = low + (high - low) * points
            error = np.abs(al.evaluate(network, points) - al.evaluate(target, points))
            found[i] = max(found[i], float(np.max(error)))
    return found


def _fitted(target: Target, unit: Mapping[str, Any], run: runner.RunInfo) -> MLP:
    import jax

    import approxlab as al

    result = al.fit(
        target,
        hidden=_HIDDEN[unit["activation"]],
        activation=unit["activation"],
        method="levenberg_marquardt",
        steps=unit["steps"],
        points={1: 256, 2: 400, 3: 512}[unit["dim"]],
        key=jax.random.fold_in(jax.random.key(run.seed), unit["dim"]),
        devices=run.devices,
    )
    return result.networks.member(0)


def _ridge(dim: int, width: float) -> tuple[MLP, Any]:
    """Two sigmoids whose difference is 1 in a strip of this width; a small smooth target."""
    import jax.numpy as jnp

    import approxlab as al

    key = (dim, width)
    if key not in _made:
        gain, place = _WIDTHS / width, 0.6180339887
        weights = jnp.zeros((2, dim)).at[:, 0].set(gain)
        shift, half = gain * place, 0.5 * _WIDTHS
        network = al.MLP(
            weights=(weights, jnp.array([[1.0, -1.0]])),
            biases=(jnp.array([half - shift, -half - shift]), jnp.zeros(1)),
            activation="sigmoid",
            passthrough=(0,),
        )
        target = al.Target(
            lambda x: 0.05 * jnp.prod(jnp.sin(jnp.pi * x)),
            domain=al.Box([0.0] * dim, [1.0] * dim),
            name="small_sines",
        )
        _made[key] = network, target
    return _made[key]


_made: dict[tuple[int, float], tuple[Any, Any]] = {}


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    networks = len(config.dims) * (len(config.activations) * len(config.steps) + len(config.ridges))
    return 5.0 + networks * (1.5 + 4e-7 * sum(config.samples) * config.repeats)


EXPERIMENT = runner.Experiment(
    name="sampling_misses",
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
)
