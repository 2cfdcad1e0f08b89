"""How many units does an error of eps take: in one hidden layer, and in many?

Five targets: x^2, xy, x^3, e^x and the Takagi function. For each, the least number of ReLUs that
one hidden layer needs for a sup error (proved, from the least error of piecewise linear functions),
a shallow network that is built, a deep one that is built (claims of `constructions`), and deep
networks that are trained by `fitting.fit_deep`, where the target has one variable. Then tent^k,
which a deep network of k ReLUs is, fitted by shallow networks of growing size, and what is left of
the error after every layer of one deep network.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.depth_separation import cases
from experiments.depth_separation.figure import draw
from experiments.depth_separation.findings import caption, check, table

REVISION = 1

Target = Literal["square", "product", "cube", "exp", "takagi"]
_TARGETS: tuple[Target, ...] = ("square", "product", "cube", "exp", "takagi")
_SHALLOW_DIGITS = {"square": 9, "product": 6, "cube": 6, "exp": 6, "takagi": 4}
"""To how many digits shallow networks are built: some thousands of units."""
_PLAIN = ("square", "takagi")
"""Targets whose deep network is also built without linear units."""


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[Target, ...] = _TARGETS
    """The targets; x^2 is one of them."""
    digits: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 9)
    """Networks are built for errors 10^-digits."""
    pieces: tuple[int, ...] = (4, 8, 16, 32, 64, 128)
    """Numbers of pieces n whose least error is computed; a power of two for closed forms."""
    trained_depths: tuple[int, ...] = (2, 3, 4, 5)
    """Hidden layers, of 4 ReLUs, of trained deep networks."""
    seeds: int = 3
    """Seeds of each trained network, deep or shallow."""
    stages: int = 64
    """Stages of the continuation that trains deep networks."""
    tent: int = 6
    """k of tent^k."""
    tent_units: tuple[int, ...] = (4, 8, 16, 32, 64)
    """ReLUs of the shallow networks that are fitted to it."""
    tent_steps: int = 80
    """Largest number of steps of variable projection for these."""
    layers: int = 9
    """Layers of the networks of which the error after every layer is shown."""


PRESETS = {
    "smoke": Config(targets=("square", "takagi"), digits=(1, 2, 3), pieces=(4, 8, 16), seeds=1,
                    trained_depths=(2,), stages=16, tent=3, tent_units=(2, 4), tent_steps=20,
                    layers=4),
    "default": Config(),
    "paper": Config(pieces=(4, 8, 16, 32, 64, 128, 256), trained_depths=(2, 3, 4, 5, 6), seeds=10,
                    stages=256, tent_steps=400),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every target at every size in every way, then tent^k, then the errors after layers."""
    check_positive(
        seeds=config.seeds,
        stages=config.stages,
        tent=config.tent,
        tent_steps=config.tent_steps,
        layers=config.layers,
    )
    if len(config.digits) < 3 or not all(1 <= d <= 9 for d in config.digits):
        raise ValueError(f"digits: got {config.digits}, expected three or more from 1 to 9.")
    if len(config.pieces) < 3 or min(config.pieces) < 2:
        raise ValueError(f"pieces: got {config.pieces}, expected three or more from 2.")
    if not config.trained_depths or min(config.trained_depths) < 2:
        raise ValueError(f"trained_depths: got {config.trained_depths}, expected numbers from 2.")
    if "square" not in config.targets or not set(config.targets) <= set(_TARGETS):
        raise ValueError(
            f"targets: got {config.targets}, expected some of {', '.join(_TARGETS)}, with square."
        )
    if config.tent > 10 or config.layers > 10:
        raise ValueError(
            f"tent, layers: got {config.tent}, {config.layers}, expected at most 10 each."
        )
    rows: list[Mapping[str, Any]] = []
    for target in config.targets:
        cell = {"story": "curve", "target": target}
        rows += [{**cell, "kind": "least", "pieces": n} for n in config.pieces]
        for d in config.digits:
            if d <= _SHALLOW_DIGITS[target]:
                rows.append({**cell, "kind": "shallow", "digits": d})
            rows.append({**cell, "kind": "deep", "digits": d})
            if target in _PLAIN:
                rows.append({**cell, "kind": "plain", "digits": d})
        if target != "product":
            trained = {"kind": "trained", "seeds": config.seeds, "stages": config.stages}
            rows += [{**cell, **trained, "depth": depth} for depth in config.trained_depths]
    tent = {"story": "tent", "k": config.tent, "seeds": config.seeds, "steps": config.tent_steps}
    rows += [{**tent, "n": n} for n in config.tent_units]
    layers = {"story": "layers", "layers": config.layers}
    rows += [
        {**layers, "target": target, "how": "built"}
        for target in ("square", "takagi")
        if target in config.targets
    ]
    trained = {"story": "layers", "seeds": config.seeds, "stages": config.stages}
    trained = {**trained, "how": "trained", "layers": max(config.trained_depths)}
    rows += [{**trained, "target": t} for t in ("cube", "exp") if t in config.targets]
    return rows


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit: one, or one per layer."""
    if unit["story"] == "layers":
        return cases.after_layers(unit, run.seed)
    if unit["story"] == "tent":
        return [cases.fitted_tent(unit, run.seed, run.devices)]
    return [cases.point(unit, run.seed)]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    trained = sum(depth**2 for depth in config.trained_depths) * config.seeds * config.stages
    fits = sum(config.tent_units) * config.seeds * config.tent_steps + 5e4
    return 15.0 + 0.8 * len(config.digits) + 2e-3 * trained + 2e-4 * fits


EXPERIMENT = runner.Experiment(
    name="depth_separation",
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
