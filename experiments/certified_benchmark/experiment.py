"""How small are proved errors of small networks on a published benchmark of nine vector fields?

Mathiesen et al. (arXiv 2505.15497) prove for trained networks that the largest error of any
component on a box is below a given tolerance. Here networks of the same sizes are fitted to the
same vector fields on the same boxes, and `certify.sup_norm` encloses the largest error from both
sides. Networks of the published hidden layers are fitted by Levenberg-Marquardt, once with ReLUs,
as published, and once with tanh; those of three layers of 64 units by L-BFGS, with tanh. Of a few
seeds the one of the smallest sampled error is certified.

Comparable: fields, boxes, hidden layers, and what is measured. Not comparable: their tolerance is
an answer "yes" for networks trained in float32 by AdamW, not the error itself, and it was proved
in floating point without outward rounding; training and certification ran on another machine.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.certified_benchmark.figure import draw
from experiments.certified_benchmark.findings import caption, check, table
from experiments.certified_benchmark.systems import LARGE, SYSTEMS, box, grid, vector_field

if TYPE_CHECKING:
    from approxlab import MLP

REVISION = 3


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    systems: tuple[str, ...] = tuple(SYSTEMS)
    """Names of the vector fields."""
    points: int = 625
    """Training points, about, for networks of the published hidden layers."""
    tanh_seeds: int = 2
    """Seeds of every tanh network of the published hidden layers."""
    tanh_steps: int = 100
    """Largest number of steps of Levenberg-Marquardt for these."""
    relu_seeds: int = 6
    """Seeds of every ReLU network."""
    relu_steps: int = 60
    """Largest number of steps of Levenberg-Marquardt for these."""
    large_points: int = 1024
    """Training points, about, for the networks of three layers."""
    large_steps: int = 2000
    """Largest number of steps of L-BFGS for these; 0 leaves them out."""
    rtol: float = 0.01
    """Relative width of the proved intervals."""
    most_boxes: int = 200_000
    """Boxes after which a proof ends with the interval that it has."""


PRESETS = {
    "smoke": Config(
        systems=("water_tank",),
        points=64,
        tanh_seeds=1,
        tanh_steps=20,
        relu_seeds=1,
        relu_steps=20,
        large_steps=0,
    ),
    "default": Config(),
    "paper": Config(
        tanh_seeds=6,
        tanh_steps=300,
        relu_seeds=24,
        relu_steps=150,
        large_steps=6000,
        rtol=1e-3,
        most_boxes=4_000_000,
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every system with every network."""
    check_positive(
        points=config.points,
        tanh_seeds=config.tanh_seeds,
        tanh_steps=config.tanh_steps,
        relu_seeds=config.relu_seeds,
        relu_steps=config.relu_steps,
        large_points=config.large_points,
        most_boxes=config.most_boxes,
    )
    if not config.rtol > 0:
        raise ValueError(f"rtol: got {config.rtol}, expected a positive number.")
    if config.large_steps < 0:
        raise ValueError(f"large_steps: got {config.large_steps}, expected 0 or more.")
    for name in config.systems:
        if name not in SYSTEMS:
            raise ValueError(f"systems: got {name!r}, expected some of {tuple(SYSTEMS)}.")
    proof = {"rtol": config.rtol, "most_boxes": config.most_boxes}
    small = {"size": "small", "method": "levenberg_marquardt", "points": config.points, **proof}
    kinds = [
        {**small, "activation": "relu", "seeds": config.relu_seeds, "steps": config.relu_steps},
        {**small, "activation": "tanh", "seeds": config.tanh_seeds, "steps": config.tanh_steps},
        {
            "size": "large",
            "method": "lbfgs",
            "points": config.large_points,
            **proof,
            "activation": "tanh",
            "seeds": 1,
            "steps": config.large_steps,
        },
    ]
    return [
        {"system": name, **kind}
        for name in config.systems
        for kind in kinds
        if kind["steps"] and (kind["size"] == "large" or SYSTEMS[name].hidden)
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row: the published tolerance, the sampled error and the proved interval."""
    import approxlab as al

    system, field = SYSTEMS[unit["system"]], vector_field(unit["system"])
    hidden = LARGE if unit["size"] == "large" else system.hidden
    start = time.perf_counter()
    network, sampled = _fitted(unit, run, hidden)
    fitted = time.perf_counter()
    found = al.certify.sup_norm(
        network, field, box(system), rtol=unit["rtol"], max_boxes=unit["most_boxes"]
    )
    return [
        {
            "dimension": len(system.lower),
            "hidden": "x".join(str(width) for width in hidden or ()),
            "num_parameters": network.num_parameters,
            "published_eps": system.large_eps if unit["size"] == "large" else system.eps,
            "sampled_sup": sampled,
            **found.to_rows()[0],
            "fit_s": fitted - start,
        }
    ]


def _fitted(unit: Mapping[str, Any], run: runner.RunInfo, hidden: Any) -> tuple[MLP, float]:
    """The network of the smallest sampled error, and that error."""
    import jax
    import numpy as np

    import approxlab as al

    system, field = SYSTEMS[unit["system"]], vector_field(unit["system"])
    points = grid(system, unit["points"])
    data = points, np.asarray(jax.vmap(field)(points))
    place = 3 * list(SYSTEMS).index(unit["system"]) + (unit["activation"] == "relu")
    result = al.fit(
        data,
        hidden=hidden,
        activation=unit["activation"],
        method=unit["method"],
        seeds=unit["seeds"],
        steps=unit["steps"],
        key=jax.random.fold_in(jax.random.key(run.seed), place),
        devices=run.devices,
    )
    networks = [result.networks.member(i) for i in range(unit["seeds"])]
    errors = [float(al.errors.sup(network, field, box(system))) for network in networks]
    best = int(np.argmin(errors))
    return networks[best], errors[best]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    small = sum(SYSTEMS[name].hidden is not None for name in config.systems)
    solved = config.tanh_seeds * config.tanh_steps + config.relu_seeds * config.relu_steps
    return (
        5.0
        + small * (4.0 + 6e-3 * solved * config.points / 625)
        + (config.large_steps > 0)
        * len(config.systems)
        * (3.0 + 3e-3 * config.large_steps * config.large_points / 1024)
    )


EXPERIMENT = runner.Experiment(
    name="certified_benchmark",
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
