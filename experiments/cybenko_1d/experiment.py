"""How many sigmoids provably suffice for a function of one variable, and how steep are they?

Staircases of a target; error (estimate) and claim against the number of cells for several targets
and constructions; error against steepness at a fixed size; the sizes that `cybenko` chooses for a
given eps, compared with the least number of constant pieces; and how tight every claim is.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.cybenko_1d.figure import draw
from experiments.cybenko_1d.findings import caption, check, table
from experiments.runner import own_targets

if TYPE_CHECKING:
    import numpy as np

    from approxlab import Construction, Target

REVISION = 2

# Name: jumps (None is the operator of Costarelli and Spigler), gain, halo.
CONSTRUCTIONS: Mapping[str, tuple[Literal["midpoint", "classical"] | None, float, int]] = {
    "classical": ("classical", 32.0, 0),
    "midpoint": ("midpoint", 32.0, 0),
    "costarelli_spigler": (None, 32.0, 0),
    "moderate": ("midpoint", 0.4, 12),
}
_ONE_DIMENSIONAL = (
    "square", "cube", "power11", "power", "kink", "exp", "sine2", "sine4", "runge", "chirp", "tent",
)  # fmt: skip
_ANY_DIMENSION = (
    "bump", "oscillatory", "product_peak", "corner_peak", "genz_gaussian", "continuous", "gaussian",
)  # fmt: skip
_BOXES = {"its own": None, "[3, 5]": (3.0, 5.0), "[-7, -2]": (-7.0, -2.0)}
_HALO = 16  # where steepness varies, so that shallow units are not cut off


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    target: str = "sine2"
    """Target whose staircases are drawn."""
    shown: tuple[int, ...] = (4, 16, 64, 256)
    """Numbers of cells of the staircases drawn."""
    targets: tuple[str, ...] = ("exp", "sine2", "runge", "power11", "kink", "tent")
    """Targets of the curves of error against size; like all targets, from the catalogue or your own
    as path/to/file.py:name or module:name."""
    sizes: tuple[int, ...] = (4, 8, 16, 32, 64, 128, 256, 512)
    """Numbers of cells."""
    steep_targets: tuple[str, ...] = ("sine2", "runge", "kink")
    """Targets of the curves of error against gain."""
    steep_cells: int = 64
    """Number of cells there."""
    gains: int = 25
    """Number of gains, between 1/16 and 64."""
    chosen_targets: tuple[str, ...] = (
        "square", "exp", "sine2", "runge", "power11", "continuous", "kink", "tent",
    )  # fmt: skip
    """Targets for which `cybenko` chooses the size."""
    epsilons: tuple[float, ...] = (1e-1, 1e-2, 1e-3, 1e-4)
    """Bounds eps on the error for which `cybenko` chooses the size."""
    cells: int = 2000
    """Number of random cells in which the error of such a network is searched for its maximum."""
    tight_targets: tuple[str, ...] = (*_ONE_DIMENSIONAL, *_ANY_DIMENSION)
    """Targets for which claims are divided by estimates, each on three boxes."""


PRESETS = {
    "smoke": Config(
        shown=(4, 8), targets=("kink",), sizes=(16, 32, 64), steep_targets=("kink",),
        steep_cells=8, gains=5, chosen_targets=("kink",), epsilons=(1e-1, 1e-2),
        cells=20, tight_targets=("kink",),
    ),
    "default": Config(),
    "paper": Config(
        targets=("exp", "sine2", "runge", "power11", "kink", "tent", "chirp", "sine4", "bump"),
        sizes=(4, 8, 16, 32, 64, 128, 256, 512, 1024), gains=49,
    ),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit per curve: a target, for some curves with a construction."""
    check_positive(steep_cells=config.steep_cells, gains=config.gains, cells=config.cells)
    known, facts = (*_ONE_DIMENSIONAL, *_ANY_DIMENSION), ("lipschitz", "value_min", "value_max")
    for name in (
        config.target,
        *config.targets,
        *config.steep_targets,
        *config.chosen_targets,
        *config.tight_targets,
    ):
        own_targets.check("targets", name, known, dim=1, facts=facts)
    own = own_targets.fields
    if len(config.sizes) < 3:
        raise ValueError(f"sizes: got {config.sizes}, expected at least three: a rate is fitted.")
    sizes = " ".join(map(str, config.sizes))
    return [
        *({"story": "drawn", **own(config.target), "n": n} for n in config.shown),
        *(
            {"story": "size", **own(target), "construction": kind, "sizes": sizes}
            for target in config.targets
            for kind in CONSTRUCTIONS
        ),
        *(
            {
                "story": "steep",
                **own(target),
                "n": config.steep_cells,
                "gains": config.gains,
                "curves": target == config.steep_targets[0],
            }
            for target in config.steep_targets
        ),
        *(
            {"story": "chosen", **own(target), "eps": eps, "cells": config.cells}
            for target in config.chosen_targets
            for eps in config.epsilons
        ),
        *(
            {"story": "tight", **own(target), "box": box, "n": 64}
            for target in config.tight_targets
            for box in _BOXES
        ),
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one curve."""
    stories = {"drawn": _drawn, "size": _sized, "steep": _steep, "tight": _tight}
    return _chosen(unit, run) if unit["story"] == "chosen" else stories[unit["story"]](unit)


def seconds(config: Config) -> float:
    """Expected time on two cores, mostly for estimates of errors; the rates were measured."""
    chosen = len(config.chosen_targets) * len(config.epsilons)
    curves = len(config.targets) * len(config.sizes) * len(CONSTRUCTIONS)
    gains = len(config.steep_targets) * config.gains
    tight = len(config.tight_targets) * len(_BOXES) * len(CONSTRUCTIONS)
    return 10.0 + 0.07 * (curves + gains + tight + 4 * chosen)


def _target(unit: Mapping[str, Any]) -> Target:
    from approxlab import targets

    if found := own_targets.find(unit):
        return found
    name = unit["target"]
    return targets.get(name, dim=1) if name in _ANY_DIMENSION else targets.get(name)


def _built(target: Target, kind: str, n: int) -> Construction:
    from approxlab import constructions

    jumps, gain, halo = CONSTRUCTIONS[kind]
    if jumps is None:
        return constructions.costarelli_spigler(target, n, gain, halo=halo)
    return constructions.staircase(target, n, gain, jumps=jumps, halo=halo)


def _is_fine(target: Target, n: int) -> bool:
    """Whether the Lipschitz constant times the cell is at most half the oscillation."""
    assert target.lipschitz is not None
    assert target.value_max is not None
    assert target.value_min is not None
    cell = target.lipschitz * float(target.domain.widths[0]) / n
    return bool(cell <= 0.5 * (target.value_max - target.value_min))


def _numbers(construction: Construction) -> dict[str, Any]:
    """Sizes and claim, and the estimated error."""
    import approxlab as al

    error = al.errors.sup(construction.network, construction.target)
    return {**construction.to_rows()[0], "sup_error": float(error)}


def _drawn(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The staircase with midpoint jumps, and its values on a grid."""
    import numpy as np

    import approxlab as al

    construction = _built(_target(unit), "midpoint", unit["n"])
    x = construction.target.domain.uniform(401)
    values, wanted = (
        np.asarray(al.evaluate(model, x, batch=2048), np.float64)
        for model in (construction.network, construction.target)
    )
    curve = [
        {"kind": "point", "x": round(float(a), 6), "value": float(v), "wanted": float(w)}
        for a, v, w in zip(x[:, 0], values, wanted, strict=True)
    ]
    return [{"kind": "summary", **_numbers(construction)}, *curve]


def _sized(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Errors and claims of one construction at all sizes, with the rate of the estimates."""
    import approxlab as al

    sizes = [int(n) for n in unit["sizes"].split()]
    target = _target(unit)
    rows = [{"n": n, **_numbers(_built(target, unit["construction"], n))} for n in sizes]
    # The rate is fitted to cells that are narrow for the steepest slope, if there are enough.
    fine = [row for row in rows if row["n"] >= 16 and _is_fine(target, row["n"])]
    fitted = fine if len(fine) >= 3 else rows
    floor = 1e-13 if rows[0]["sup_error"] else 0.0
    rate = al.errors.rate([r["n"] for r in fitted], [r["sup_error"] for r in fitted], floor=floor)
    slope = {
        "rate_slope": rate.slope,
        "rate_lower": rate.lower,
        "rate_upper": rate.upper,
        "rate_fine": fitted is fine,
    }
    return [{**row, **slope} for row in rows]


def _steep(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Error and claim of midpoint staircases of one size, from shallow to steep."""
    import numpy as np

    from approxlab import constructions

    target, rows, built = _target(unit), [], []
    for gain in np.geomspace(1 / 16, 64.0, unit["gains"]):
        built.append(constructions.staircase(target, unit["n"], float(gain), halo=_HALO))
        rows.append({"kind": "gain", "gain": float(gain), **_numbers(built[-1])})
    best = int(np.argmin([row["sup_error"] for row in rows]))
    return [*rows, *(_close_up(built[0], built[best], built[-1]) if unit["curves"] else [])]


def _close_up(*built: Construction) -> list[dict[str, Any]]:
    """Values of the shallowest, the best and the steepest staircase on part of the interval."""
    import numpy as np

    import approxlab as al

    target = built[0].target
    x = target.domain.uniform(1001)[100:341]
    models = [target, *(construction.network for construction in built)]
    values = [np.asarray(al.evaluate(model, x, batch=2048), np.float64) for model in models]
    names = ("wanted", "shallow", "best", "steep")
    return [
        {"kind": "point", "x": round(float(place), 6), **dict(zip(names, row, strict=True))}
        for place, row in zip(x[:, 0], np.stack(values, axis=1).tolist(), strict=True)
    ]


def _chosen(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """The network of `cybenko`, its error searched in random cells and refined at maxima."""
    import approxlab as al

    target = _target(unit)
    built = al.constructions.cybenko(target, unit["eps"])
    width, units = float(target.domain.widths[0]), built.network.num_hidden_units
    slope = float(built.network.weights[0][0, 0])
    assert target.lipschitz is not None
    return [
        {
            **built.to_rows()[0],
            "sup_error": _searched(built, unit, run),
            "gain_per_cell": slope / 4 * width / units,
            "least_constant_pieces": target.lipschitz * width / (2 * unit["eps"]),
            "form": "second derivative" if "|f''|" in built.claim.source else "Lipschitz",
        }
    ]


def _searched(built: Construction, unit: Mapping[str, Any], run: runner.RunInfo) -> float:
    """Largest error on a refined grid, and at nine points of random cells, refined at maxima."""
    import numpy as np

    import approxlab as al

    target, network = built.target, built.network
    low, high = target.domain.lower[0], target.domain.upper[0]
    h = (high - low) / network.num_hidden_units
    rng = np.random.default_rng([run.seed, round(-1e3 * math.log(unit["eps"]))])
    starts = low + h * rng.integers(0, network.num_hidden_units, unit["cells"])

    def error(x: np.ndarray) -> np.ndarray:
        points = np.clip(x, low, high).reshape(-1, 1)
        got, want = (
            np.asarray(al.evaluate(model, points, batch=2048), np.float64)
            for model in (network, target)
        )
        return np.abs(got - want).reshape(x.shape)

    x = starts[:, None] + h * np.linspace(0.0, 1.0, 9)
    found = error(x)
    best, reach = x[np.arange(len(x)), np.argmax(found, axis=1)], h / 8
    for _ in range(3):
        near = best[:, None] + reach * np.linspace(-1.0, 1.0, 5)
        values = error(near)
        best, reach = near[np.arange(len(x)), np.argmax(values, axis=1)], reach / 2
        found = np.concatenate([found, values], axis=1)
    return max(float(found.max()), float(al.errors.sup(network, target)))


def _tight(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Claim divided by estimate for every construction on one box."""
    import approxlab as al

    ends, target = _BOXES[unit["box"]], _target(unit)
    if ends is not None:
        target = target.moved_to(al.Box([ends[0]], [ends[1]]))
    fine = _is_fine(target, unit["n"])
    rows = []
    for kind in CONSTRUCTIONS:
        numbers = _numbers(_built(target, kind, unit["n"]))
        ratio = numbers["claimed_sup_error"] / numbers["sup_error"]
        rows.append({"construction": kind, **numbers, "claim_over_error": ratio, "fine": fine})
    return rows


EXPERIMENT = runner.Experiment(
    name="cybenko_1d",
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
