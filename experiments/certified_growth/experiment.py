"""How does the cost of a proved sup norm grow with dimension, width and depth?

Tanh networks are fitted to the oscillatory target of Genz, and `certify.sup_norm` encloses their
error: one hidden layer in one to four dimensions, hidden layers of several widths in two, and one
to three hidden layers in one and two dimensions. Told are the boxes and the seconds of processor
time, tracing and the self-test included.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.certified_growth.figure import draw
from experiments.certified_growth.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab import MLP, Target

REVISION = 2

_POINTS = {1: 256, 2: 900, 3: 2000, 4: 3000}
_DIMENSION_RTOL = 0.1


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dims: tuple[int, ...] = (1, 2, 3, 4)
    """Dimensions of the networks of one hidden layer."""
    width: int = 128
    """Width of these."""
    widths: tuple[int, ...] = (16, 32, 64, 128)
    """Widths of one hidden layer, in two dimensions."""
    depths: tuple[int, ...] = (1, 2, 3)
    """Numbers of hidden layers, in one and two dimensions."""
    deep_width: int = 32
    """Width of these hidden layers."""
    steps: int = 30
    """Steps of Levenberg-Marquardt, by which networks of one hidden layer are fitted."""
    deep_steps: int = 1500
    """Steps of L-BFGS, by which the networks of the story of depth are fitted."""
    rtol: float = 0.01
    """Relative width of the proved intervals; where the dimension varies, 0.1."""
    most_boxes: int = 8_000_000
    """Boxes after which a proof ends with the interval that it has."""


PRESETS = {
    "smoke": Config(
        dims=(1,), width=8, widths=(8,), depths=(1,), deep_width=6, steps=4, deep_steps=20
    ),
    "default": Config(),
    "paper": Config(widths=(16, 32, 64, 128, 256), steps=100, deep_steps=6000),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every network of the three stories."""
    check_positive(
        width=config.width,
        deep_width=config.deep_width,
        steps=config.steps,
        deep_steps=config.deep_steps,
        most_boxes=config.most_boxes,
    )
    if not config.rtol > 0:
        raise ValueError(f"rtol: got {config.rtol}, expected a positive number.")
    if not all(dim in _POINTS for dim in config.dims):
        raise ValueError(f"dims: got {config.dims}, expected numbers from 1 to 4.")
    if min((*config.widths, *config.depths), default=0) < 1:
        raise ValueError("widths, depths: expected at least one positive number of each.")
    solved = {"method": "levenberg_marquardt", "steps": config.steps}
    deep = {"method": "lbfgs", "steps": config.deep_steps, "rtol": config.rtol}
    networks = [
        *(
            {
                "story": "dimension",
                "dim": dim,
                "width": config.width,
                "depth": 1,
                **solved,
                "rtol": _DIMENSION_RTOL,
            }
            for dim in config.dims
        ),
        *(
            {"story": "width", "dim": 2, "width": width, "depth": 1, **solved, "rtol": config.rtol}
            for width in config.widths
        ),
        *(
            {"story": "depth", "dim": dim, "width": config.deep_width, "depth": depth, **deep}
            for dim in (1, 2)
            for depth in config.depths
        ),
    ]
    return [{**network, "most_boxes": config.most_boxes} for network in networks]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row: the sampled error, the proved interval, and its cost."""
    import approxlab as al

    target = al.targets.get("oscillatory", dim=unit["dim"])
    network = _fitted(target, unit, run)
    start = time.process_time()
    found = al.certify.sup_norm(network, target, rtol=unit["rtol"], max_boxes=unit["most_boxes"])
    return [
        {
            "sampled_sup": float(al.errors.sup(network, target)),
            **found.to_rows()[0],
            "processor_s": time.process_time() - start,
        }
    ]


def _fitted(target: Target, unit: Mapping[str, Any], run: runner.RunInfo) -> MLP:
    import jax

    import approxlab as al

    result = al.fit(
        target,
        hidden=(unit["width"],) * unit["depth"],
        activation="tanh",
        method=unit["method"],
        steps=unit["steps"],
        points=_POINTS[unit["dim"]],
        key=jax.random.fold_in(jax.random.key(run.seed), unit["dim"]),
        devices=run.devices,
    )
    return result.networks.member(0)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    rate = {1: 0.02, 2: 0.1, 3: 0.3, 4: 0.8}
    solved = sum(rate[dim] for dim in config.dims) + 0.05 * len(config.widths)
    deep = 2 * len(config.depths) * 1.2e-3 * config.deep_steps
    return 10.0 + config.steps * solved * config.width / 128 + deep


EXPERIMENT = runner.Experiment(
    name="certified_growth",
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
