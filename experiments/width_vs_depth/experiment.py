"""What does depth buy? Networks built level by level, and networks trained at equal size.

Three parts in one run. Built: networks from theorems, and the least error that any ReLU network of
their size can have. Trained: networks of several depths at equal parameter budgets. Width by depth:
the error over a grid of both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.runner import own_targets
from experiments.width_vs_depth.detail import draw_detail
from experiments.width_vs_depth.figure import draw
from experiments.width_vs_depth.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab import Target
    from approxlab.fitting import FitResult

REVISION = 4

# Units are listed without JAX, so the dimensions of the catalogue's targets are repeated here.
_DIMENSIONS = {
    1: ("square", "cube", "power11", "sqrt", "kink", "exp", "sine2", "sine4", "runge", "chirp",
        "step", "takagi"),
    2: ("sine_product", "bump", "gabor", "compositional", "gaussian"),
}  # fmt: skip
Activation = Literal[
    "sigmoid", "tanh", "relu", "relu2", "relu3", "softplus", "gelu", "swish", "sin"
]
_TENT = re.compile(r"tent([1-9]\d*)")
_MOST_LEVELS = 12  # the shallow networks have 2^levels units


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[str, ...] = ("square", "runge", "tent4")
    """Targets to train on: names of the catalogue, tentK for the K times iterated tent map, or your
    own as path/to/file.py:name or module:name."""
    activations: tuple[Activation, ...] = ("tanh", "relu")
    """Activations of the trained networks."""
    depths: tuple[int, ...] = (1, 2, 4)
    """Numbers of hidden layers."""
    budgets: tuple[int, ...] = (32, 80, 200, 500)
    """Numbers of parameters; each depth gets the width whose number of parameters is nearest."""
    seeds: int = 3
    """Initialisations of each network."""
    steps: int = 1000
    """Largest number of L-BFGS iterations."""
    levels: int = 12
    """Largest number of ReLUs of the deep network for x^2 and of iterations of the tent map; at
    most 12."""
    map_target: str = "runge"
    """Target of the map over width and depth."""
    map_activation: Activation = "tanh"
    """Activation of the map."""
    map_widths: tuple[int, ...] = (4, 8, 16, 32)
    """Widths of the map."""
    map_depths: tuple[int, ...] = (1, 2, 4)
    """Depths of the map."""


PRESETS = {
    "smoke": Config(
        targets=("square",), activations=("relu",), depths=(1, 2), budgets=(20, 40), seeds=2,
        steps=50, levels=4, map_target="square", map_activation="relu", map_widths=(6, 13),
        map_depths=(1,),
    ),
    "default": Config(),
    "paper": Config(
        targets=("square", "runge", "kink", "tent4", "compositional"), depths=(1, 2, 3, 4, 5, 6),
        budgets=(32, 64, 128, 256, 512, 1024), seeds=5, steps=1500,
        map_widths=(2, 4, 8, 16, 32, 64), map_depths=(1, 2, 3, 4, 5, 6),
    ),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Built networks first, then trained ones; units that share a compilation are neighbours."""
    if not 1 <= config.levels <= _MOST_LEVELS:
        raise ValueError(f"levels: got {config.levels}, expected 1 to {_MOST_LEVELS}.")
    check_positive(seeds=config.seeds, steps=config.steps)
    built = [
        {"story": "built", "construction": name, "levels": n}
        for name in ("square_deep", "square_shallow", "tent_deep", "tent_shallow")
        for n in range(1, config.levels + 1)
    ]
    trained = _cells(
        config,
        "targets",
        activations=config.activations,
        depths=config.depths,
        budgets=config.budgets,
    )
    mapped = _cells(
        config,
        "map_target",
        activations=(config.map_activation,),
        depths=config.map_depths,
        widths=config.map_widths,
    )
    return [
        *built,
        *({"story": "trained", **unit} for unit in trained),
        *({"story": "map", **unit} for unit in mapped),
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row for a built network, one per seed for a trained one."""
    return _built(unit) if unit["story"] == "built" else _trained(unit, run)


def seconds(config: Config) -> float:
    """Expected time on two cores: compilation per shape, and steps; the rates were measured."""
    trained = [unit for unit in units(config) if unit["story"] != "built"]
    shapes = {(u["in_size"], u["activation"], u["depth"], u["width"]) for u in trained}
    steps = sum(u["seeds"] * u["steps"] * _seconds_per_step(u) for u in trained)
    return 10.0 + 1.5 * len(shapes) + steps


def _seconds_per_step(unit: Mapping[str, Any]) -> float:
    points = 256 if unit["in_size"] == 1 else 1024
    return 5e-5 + 4e-5 * unit["depth"] + 8e-9 * points * unit["depth"] * unit["width"]


def _cells(config: Config, field: str, **grid: Any) -> Sequence[dict[str, Any]]:
    """The cells of a grid for the targets in one field of the settings, as fields of units."""
    from approxlab import sweeps

    chosen = getattr(config, field)
    targets = [chosen] if isinstance(chosen, str) else chosen
    planned: list[sweeps.Unit] = []
    dimensions = [_dimension(name, field) for name in targets]
    named = [own_targets.fields(name) for name in targets]
    for dim in sorted({*_DIMENSIONS, *dimensions}):
        names = [of["target"] for of, d in zip(named, dimensions, strict=True) if d == dim]
        if names:
            planned += sweeps.plan(
                names,
                in_size=dim,
                method="lbfgs",
                steps=config.steps,
                seeds=config.seeds,
                init="uniform_knots",
                **grid,
            )
    more = {of["target"]: of for of in named}
    return [{**unit.to_row(), **more[unit.target]} for unit in planned]


def _dimension(name: str, field: str) -> int:
    if own_targets.is_own(name):
        return own_targets.source(name, field).dim
    if _TENT.fullmatch(name):
        return 1
    for dim, names in _DIMENSIONS.items():
        if name in names:
            return dim
    known = ", ".join(name for names in _DIMENSIONS.values() for name in names)
    raise ValueError(
        f"{field}: got {name!r}, expected some of {known}, tentK as in tent4, or your own as "
        "path/to/file.py:name or module:name."
    )


def _target(name: str) -> Target:
    from approxlab import targets

    tent = _TENT.fullmatch(name)
    return targets.get("tent", k=int(tent[1])) if tent else targets.get(name)


def _built(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A construction, measured at dyadic points, where its kinks and its largest errors lie."""
    import numpy as np

    import approxlab as al

    n = unit["levels"]
    pieces = 2**n if unit["construction"] == "square_shallow" else n
    built = al.constructions.CONSTRUCTIONS[unit["construction"]](pieces)
    points = np.arange(2 ** (n + 2) + 1) / 2 ** (n + 2)
    values, target = (
        np.asarray(al.evaluate(model, points[:, None], batch=2048))
        for model in (built.network, built.target)
    )
    bound = built.claim.bound
    exact = bound.value if bound.without_rounding is None else bound.without_rounding
    return [
        {
            **built.to_rows()[0],
            # At dyadic points nothing is rounded: the claim in exact arithmetic is what is checked.
            "claimed_sup_error": exact,
            "claimed_pieces": built.claim.pieces,
            "pieces": al.regions.pieces_on_grid(built.network, points),
            "sup_error": float(np.max(np.abs(values - target))),
            "status": "built",
        }
    ]


def _trained(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """Fits of one architecture to one target: each seed with its errors and the least possible."""
    import approxlab as al

    fields = {k: v for k, v in unit.items() if k not in ("story", "target_sha256")}
    cell = al.sweeps.Unit(**fields | {"dtype": run.dtype})
    target = own_targets.find(unit) or _target(cell.target)
    result = al.sweeps.run_unit(target, cell, seed=run.seed, seeds=run.seeds, devices=run.devices)
    best = _best(cell, target)
    return [{**row, **_errors(result, i, target), **best} for i, row in enumerate(result.to_rows())]


def _errors(result: FitResult, index: int, target: Target) -> dict[str, float]:
    import approxlab as al

    network = result.networks.member(index)
    l2 = al.errors.l2(network, target, relative=True)
    return {
        "relative_l2_error": float(l2),
        "relative_l2_uncertainty": l2.uncertainty,
        "sup_error": float(al.errors.sup(network, target)),
    }


def _best(cell: Any, target: Target) -> dict[str, Any]:
    """What is known about the least errors of ReLU networks of these widths, and in which sense."""
    from approxlab import optimal

    l2, sup, kind = math.nan, math.nan, "unknown"
    # Without linear units n ReLUs make at most n + 1 pieces.
    pieces = optimal.max_pieces(cell.width, cell.depth)
    relu = cell.activation == "relu" and cell.in_size == 1
    if relu and target.name == "square":
        l2 = float(optimal.square_by_pieces(pieces, "l2", relative=True))
        sup, kind = float(optimal.square_by_pieces(pieces, "sup")), "lower"
    elif relu and cell.depth == 1 and target.smoothness in ("analytic", "smooth"):
        l2 = float(optimal.relu_spline_asymptotic(target, pieces, "l2", relative=True))
        sup = float(optimal.relu_spline_asymptotic(target, pieces, "sup"))
        kind = "asymptotic"
    return {"best_relative_l2_error": l2, "best_sup_error": sup, "best_kind": kind}


EXPERIMENT = runner.Experiment(
    name="width_vs_depth",
    revision=REVISION,
    config=Config,
    presets=PRESETS,
    units=units,
    compute=compute,
    check=check,
    caption=caption,
    table=table,
    draw=draw,
    draw_detail=draw_detail,
    seconds=seconds,
    together=True,
    seeds=lambda unit: unit.get("seeds", 1),
)
