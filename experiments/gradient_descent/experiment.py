"""What does the step size decide? Gradient descent on a quadratic, on two weights, on an MLP.

W := W - alpha dL/dW with the same alpha in every step: (a) on a quadratic, step sizes below, at and
above 2/lambda_max, against the closed form; (b) on (1 - x y)^2 / 2, the smallest network, what
becomes of each start; (c) on a tanh network, where the sharpness rises to 2/alpha and stays there,
and what much shorter steps do; the central flow, which predicts the mean loss.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approxlab.arguments import check_number, check_positive
from experiments import runner
from experiments.gradient_descent.figure import draw
from experiments.gradient_descent.findings import caption, check, table

REVISION = 1


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    factors: tuple[float, ...] = (0.5, 0.9, 0.999, 1.0, 1.001, 1.01)
    """(a) Step sizes, as multiples of 2/lambda_max."""
    quadratic_steps: int = 3000
    """Steps on the quadratic."""
    maps: tuple[float, ...] = (0.3, 0.6, 4.0 / 3.0)
    """(b) Step sizes for which the plane of starts is drawn."""
    side: int = 240
    """Starts along a side of such a map."""
    shares: tuple[float, ...] = (
        0.1,
        0.2,
        0.3,
        0.4,
        0.45,
        0.49,
        0.51,
        0.55,
        0.6,
        0.7,
        0.8,
        0.9,
        0.95,
        0.99,
        1.01,
        1.05,
        1.1,
        1.2,
        1.3,
        1.4,
        1.5,
        1.6,
        1.7,
        1.8,
        1.9,
    )
    """Step sizes for which random starts are counted; not 1/2 and not 1, which decide slowly."""
    starts: int = 10_000
    """Random starts for each of them."""
    plane_steps: int = 3000
    """Steps from each start."""
    alphas: tuple[float, ...] = (0.0025, 0.005, 0.01)
    """(c) Step sizes of the network."""
    seeds: int = 3
    """Number of networks."""
    width: int = 32
    """Width of their two hidden layers."""
    points: int = 20
    """Number of training points in [-1, 1]; the target is Chebyshev's polynomial of degree 4."""
    time: float = 40.0
    """alpha times steps, the same for all step sizes."""
    flow_alpha: float = 0.0004
    """Step size that stands for gradient flow."""
    records: int = 100
    """Records of the sharpness along each training."""
    central: int = 1
    """Number of networks for which the central flow of the longest step size is computed."""
    central_time: float = 20.0
    """Where it ends."""
    central_records: int = 10
    """Times between which losses are averaged."""


PRESETS = {
    "smoke": Config(
        factors=(0.999, 1.001),
        quadratic_steps=2000,
        maps=(0.6,),
        side=40,
        shares=(0.49, 0.51, 0.99, 1.01),
        starts=2000,
        alphas=(0.01,),
        seeds=1,
        flow_alpha=0.0006,
        records=24,
        central=0,
    ),
    "default": Config(),
    "paper": Config(
        side=480,
        starts=100_000,
        alphas=(0.0025, 0.0035, 0.005, 0.007, 0.01),
        seeds=10,
        time=60.0,
        flow_alpha=0.0002,
        records=200,
        central=10,
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every step size of every story; the exceptional starts of each map."""
    check_positive(
        quadratic_steps=config.quadratic_steps,
        side=config.side,
        starts=config.starts,
        plane_steps=config.plane_steps,
        seeds=config.seeds,
        width=config.width,
        points=config.points,
        records=config.records,
        central_records=config.central_records,
    )
    rates = (*config.factors, *config.maps, *config.shares, *config.alphas, config.flow_alpha)
    for alpha in rates:
        check_number("alpha", alpha, positive=True)
    for name in ("time", "central_time"):
        value = getattr(config, name)
        if not 0 < value < math.inf:
            raise ValueError(f"{name}: got {value}, expected a positive number.")
    if not 0 <= config.central <= config.seeds:
        raise ValueError(f"central: got {config.central}, expected 0 to {config.seeds} networks.")
    plane = {"steps": config.plane_steps}
    network = {
        "width": config.width,
        "points": config.points,
        "time": config.time,
        "records": config.records,
    }
    return [
        *(
            {"story": "quadratic", "factor": factor, "steps": config.quadratic_steps}
            for factor in config.factors
        ),
        *({"story": "map", "alpha": a, "side": config.side, **plane} for a in config.maps),
        *({"story": "exceptions", "alpha": a, **plane} for a in config.maps),
        *({"story": "shares", "alpha": a, "starts": config.starts, **plane} for a in config.shares),
        *(
            {"story": story, "alpha": alpha, "network": i, **network}
            for i in range(config.seeds)
            for story, alpha in (
                *(("edge", alpha) for alpha in config.alphas),
                ("flow", config.flow_alpha),
            )
        ),
        *(
            {
                "story": "central",
                "alpha": max(config.alphas),
                "network": i,
                **network,
                "time": config.central_time,
                "records": config.central_records,
            }
            for i in range(config.central)
        ),
    ]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    steps = sum(config.time / a for a in (*config.alphas, config.flow_alpha))
    measured = (len(config.alphas) + 1) * config.records
    central = config.central * (5.0 + 0.007 * config.central_time / max(config.alphas))
    return 8.0 + config.seeds * (steps * 4e-5 + measured * 0.015) + central


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one step size, see each story."""
    from experiments.gradient_descent import stories  # JAX: not for --help

    return stories.STORIES[unit["story"]](unit, run)


EXPERIMENT = runner.Experiment(
    name="gradient_descent",
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
