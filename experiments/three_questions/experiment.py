"""Can you take the gradient of a network's loss, is there a closed form, and is it convex?

The loss is L = 1/2 trace(R^T R) with R = Y - s(W1 X^T)^T W2^T. Its gradient in matrix form is
compared with automatic differentiation over random shapes. The readout W2 is solved at every point
of a map over two hidden weights. And convexity is refuted by numbers to be checked by hand, and by
the barrier between equal minima that differ by the order of the hidden units.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.three_questions.cases import compute
from experiments.three_questions.figure import draw
from experiments.three_questions.findings import caption, check, table

REVISION = 1


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    number_types: tuple[Literal["float32", "float64"], ...] = ("float32", "float64")
    """Precisions in which the two gradients are compared."""
    shapes: int = 48
    """Number of random shapes, each with another activation and random data."""
    map_side: int = 72
    """Points along each axis of the map of the reduced loss."""
    map_reach: float = 8.0
    """The map shows hidden weights from minus this to plus this."""
    witnesses: tuple[str, ...] = ("identity", "relu", "tanh")
    """Activations of the smallest networks whose loss is not convex."""
    units: int = 3
    """Hidden units of the network whose minima are permuted; 2 inputs, tanh."""
    plane_side: int = 61
    """Points along each axis of the plane through three minima."""
    segment_points: int = 101
    """Points on the segment between two minima."""


PRESETS = {
    "smoke": Config(number_types=("float64",), shapes=4, map_side=12, plane_side=9,
                    segment_points=11, witnesses=("identity",)),
    "default": Config(),
    "paper": Config(shapes=400, map_side=160, plane_side=121, segment_points=401),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """The gradients in each precision, the map, the witnesses, the permuted minima."""
    for name in ("shapes", "map_side", "plane_side", "segment_points"):
        check_positive(**{name: getattr(config, name)})
    if config.units < 3:
        raise ValueError(f"units: got {config.units}, expected at least 3: three orders of units.")
    if not config.map_reach > 0:
        raise ValueError(f"map_reach: got {config.map_reach}, expected a positive number.")
    gradients = [
        {"story": "gradient", "number_type": kind, "shapes": config.shapes}
        for kind in config.number_types
    ]
    reduced = {"story": "reduced", "side": config.map_side, "reach": config.map_reach}
    witnesses = [{"story": "witness", "activation": name} for name in config.witnesses]
    minima = {
        "story": "minima",
        "units": config.units,
        "side": config.plane_side,
        "points": config.segment_points,
    }
    return [*gradients, reduced, *witnesses, minima]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    return 12.0 + 0.6 * config.shapes * len(config.number_types) + 1e-3 * config.map_side**2


EXPERIMENT = runner.Experiment(
    name="three_questions",
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
