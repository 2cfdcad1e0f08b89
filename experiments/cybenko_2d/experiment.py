"""How do sums of sigmoids approximate in more than one dimension, with one hidden layer and two?

A tower is built step by step: a ridge, two crossed ridges, a threshold. Towers side by side leave
holes where cells meet; the sum over orthants does not. Then error and claim against the number of
units, for one hidden layer (ridges) and for two (orthants).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from approxlab.arguments import check_positive
from experiments import runner
from experiments.cybenko_2d.figure import draw
from experiments.cybenko_2d.findings import caption, check, table
from experiments.runner import own_targets

if TYPE_CHECKING:
    import numpy as np

    from approxlab import MLP, Construction, Target

REVISION = 2

_SURFACES = ("ridge", "crossed", "tower", "towers", "orthants")
_FACTS = ("lipschitz", "value_min", "value_max")
_ONE_SIZE = ("sine_product", "compositional", "gabor")  # targets without a parameter dim


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    points: int = 81
    """Points along each side of a surface or map."""
    surface_cells: int = 4
    """Cells along each axis of the surfaces."""
    surface_gain: float = 2.0
    """Gain of the ridges in the surfaces (slope times the cell's width)."""
    hole_gains: tuple[float, ...] = (2.0, 8.0, 32.0)
    """Gains for which the hole between towers is shown along the diagonal."""
    gain: float = 64.0
    """Gain of the orthant sums and towers whose errors are measured."""
    cells: tuple[int, ...] = (4, 8, 16, 32, 64)
    """Cells along each axis in 2 dimensions."""
    cells_3d: tuple[int, ...] = (4, 8, 12, 20)
    """Cells along each axis in 3 dimensions."""
    eps: tuple[float, ...] = (0.4, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005, 0.002, 0.001)
    """Bounds on the error of ridge sums in 2 dimensions."""
    eps_3d: tuple[float, ...] = (0.8, 0.4, 0.2, 0.1, 0.05, 0.04, 0.03)
    """Bounds on the error of ridge sums in 3 dimensions."""
    goal: float = 0.05
    """Claimed error to reach in 2 dimensions."""
    goal_3d: float = 0.1
    """Claimed error to reach in 3 dimensions."""
    targets: tuple[str, ...] = (
        "sine_product", "bump", "gaussian", "compositional", "oscillatory", "product_peak",
        "corner_peak", "genz_gaussian", "continuous", "gabor",
    )  # fmt: skip
    """Targets for which claims of orthant sums are divided by estimates: from the catalogue, or
    your own as path/to/file.py:name or module:name."""
    ridged: tuple[str, ...] = ("sine_product", "bump", "gaussian", "oscillatory", "genz_gaussian")
    """Targets for which claims of ridge sums are divided by estimates."""
    tight_cells: int = 16
    """Cells along each axis for these ratios."""
    drawn: int = 8192
    """Random points near the vertices of a grid, where the error of orthant sums is largest."""


PRESETS = {
    "smoke": Config(
        points=9, hole_gains=(2.0, 8.0), cells=(4,), cells_3d=(2,), eps=(0.4,), eps_3d=(0.8,),
        goal=0.4, goal_3d=0.8, targets=("sine_product",), ridged=("sine_product",), tight_cells=16,
        drawn=2048,
    ),
    "default": Config(),
    "paper": Config(points=101, drawn=65536),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Surfaces, cuts through a hole, errors against sizes, goals, and how tight claims are."""
    check_positive(points=config.points, surface_cells=config.surface_cells, drawn=config.drawn)
    check_positive(tight_cells=config.tight_cells)
    for name in config.targets:
        if own_targets.is_own(name):
            own_targets.check("targets", name, (), dim=2, facts=_FACTS)
    if any(map(own_targets.is_own, config.ridged)):
        raise ValueError(
            f"ridged: got {config.ridged}, expected targets of the catalogue: ridge sums need a "
            "known ridge-function expansion."
        )
    look = {"points": config.points, "cells": config.surface_cells}
    plan: list[dict[str, Any]] = [
        {"story": "surface", "surface": name, "gain": config.surface_gain, **look}
        for name in _SURFACES
    ]
    plan += [
        {"story": "hole", "gain": gain, "cells": config.surface_cells} for gain in config.hole_gains
    ]
    by_cells = {"gain": config.gain, "drawn": config.drawn}
    for target, dim, cells, allowed in (
        ("sine_product", 2, config.cells, config.eps),
        ("bump", 2, config.cells, config.eps),
        ("bump", 3, config.cells_3d, config.eps_3d),
    ):
        about = {"target": target, "dim": dim}
        for kind in ("towers", "orthants"):
            plan += [
                {"story": "size", "kind": kind, **about, "cells": n, **by_cells} for n in cells
            ]
        plan += [{"story": "size", "kind": "ridges", **about, "eps": eps} for eps in allowed]
        goal = {"story": "goal", **about, "eps": config.goal if dim == 2 else config.goal_3d}
        plan += [{**goal, "kind": "ridges"}]
        plan += [{**goal, "kind": "orthants", "drawn": config.drawn}] if dim == 2 else []
    for box in ("own", "shifted"):
        tight = {"story": "tight", "dim": 2, "box": box}
        more = {"cells": config.tight_cells, "gain": 32.0, "drawn": config.drawn}
        plan += [
            {**tight, "kind": "orthants", **own_targets.fields(name), **more}
            for name in config.targets
        ]
        plan += [{**tight, "kind": "ridges", "target": name, "eps": 0.02} for name in config.ridged]
    return plan


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One line of numbers per row of a surface, one row per error."""
    if unit["story"] == "surface":
        return _surface(unit)
    if unit["story"] == "hole":
        return [_cut(unit)]
    return [_measured(unit, run.seed)]


def seconds(config: Config) -> float:
    """Expected time on two cores, mostly to compile and measure each network."""
    weights = sum(2.0 * n**3 for n in config.cells) + sum(3.0 * n**4 for n in config.cells_3d)
    return 5.0 + 0.8 * len(units(config)) + 6e-10 * (2e4 + config.drawn) * weights


def _target(name: str, dim: int) -> Target:
    import approxlab as al

    return al.targets.get(name) if name in _ONE_SIZE else al.targets.get(name, dim=dim)


# ------------------------------------------------------------------------------ what is drawn


def _surface(unit: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Values and errors on a grid; a row holds one line of the grid."""
    import numpy as np

    import approxlab as al

    target = _target("bump", 2)
    network = _shown(unit, target)
    n = unit["points"]
    points = target.domain.uniform(n)
    values = np.asarray(al.evaluate(network, points, batch=2048)).reshape(n, n)
    error = values - np.asarray(al.evaluate(target, points, batch=2048)).reshape(n, n)
    sizes = {"num_hidden_units": network.num_hidden_units, "depth": network.depth}
    return [
        {**sizes, "line": i, "values": _written(values[i]), "errors": _written(error[i])}
        for i in range(n)
    ]


def _shown(unit: Mapping[str, Any], target: Target) -> MLP:
    """The networks of the first row: parts of a tower, a tower, towers side by side, orthants."""
    import numpy as np

    import approxlab as al

    gain, n, outer = unit["gain"], unit["cells"], 32.0
    if unit["surface"] == "towers":
        return al.constructions.isolated_towers(target, n, gain, outer_gain=outer)
    if unit["surface"] == "orthants":
        return al.constructions.orthant_sum(target, n, gain, outer_gain=outer).network
    cell = al.Box([0.5, 0.25], [0.75, 0.5])
    tower = al.constructions.tower(cell, gain=2 * gain, outer_gain=outer).network
    if unit["surface"] == "tower":
        return tower
    signs = np.sign(np.asarray(tower.weights[1]))
    kept = slice(0, 2) if unit["surface"] == "ridge" else slice(0, 4)
    return al.MLP.from_arrays(
        [tower.weights[0][kept], signs[:, kept]], [tower.biases[0][kept], [0.0]], "sigmoid"
    )


def _cut(unit: Mapping[str, Any]) -> dict[str, Any]:
    """Values along the diagonal, half a cell to each side of the vertex in the middle."""
    import numpy as np

    import approxlab as al

    target = _target("bump", 2)
    net = al.constructions.isolated_towers(target, unit["cells"], unit["gain"], outer_gain=32.0)
    steps = np.sinh(np.linspace(-6, 6, 241)) / np.sinh(6)  # dense at the vertex
    at = 0.5 + 0.5 / unit["cells"] * steps
    points = np.stack([at, at], axis=1)
    values, wanted = (np.asarray(al.evaluate(model, points, batch=2048)) for model in (net, target))
    return {
        "places": " ".join(f"{v:.5f}" for v in at),
        "values": _written(values),
        "wanted": _written(wanted),
        "lowest": float(values.min()),
    }


def _written(values: np.ndarray) -> str:
    """Numbers as text, since a record with a row per pixel would be ten times larger."""
    return " ".join(f"{v:.3f}" for v in values)


# ------------------------------------------------------------------------------ what is measured


def _measured(unit: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """Sizes, claim and estimated error of one construction."""
    import numpy as np

    import approxlab as al

    target = own_targets.find(unit) or _target(unit["target"], unit["dim"])
    if unit.get("box") == "shifted":
        target = target.moved_to(al.Box([3.0, -7.0], [5.0, -2.0]))
    row: dict[str, Any] = {}
    if unit["kind"] == "towers":
        network = al.constructions.isolated_towers(target, unit["cells"], unit["gain"])
        row |= {"num_hidden_units": network.num_hidden_units, "depth": network.depth}
    else:
        construction = _constructed(unit, target)
        network, row = construction.network, construction.to_rows()[0]
    if unit["kind"] == "ridges":
        estimate = al.errors.sup(network, target)
        row |= {"sup_error": float(estimate), "sup_points": estimate.points}
        return row
    counts = [int(np.sum(np.asarray(network.weights[0])[:, k] != 0)) + 1 for k in range(target.dim)]
    points = _points(target, np.array(counts), unit, seed)
    values, wanted = (
        np.asarray(al.evaluate(model, points, batch=2048)) for model in (network, target)
    )
    row |= {"sup_error": float(np.max(np.abs(values - wanted))), "sup_points": len(points)}
    if unit["story"] == "tight":
        diagonal = float(np.linalg.norm(target.domain.widths / counts))
        row["lipschitz_times_cell"] = (target.lipschitz or 0.0) * diagonal
        row["oscillation"] = (target.value_max or 0.0) - (target.value_min or 0.0)
    return row


def _constructed(unit: Mapping[str, Any], target: Target) -> Construction:
    import approxlab as al

    if unit["kind"] == "ridges":
        known = al.constructions.expansions(_target(unit["target"], unit["dim"]))
        if unit.get("box") != "shifted":
            return al.constructions.ridge_sum(target, unit["eps"])
        within = next(e for e in known if float(e.remainder) < unit["eps"] / 4)
        return al.constructions.ridge_sum(within.moved_to(target.domain), unit["eps"])
    if unit["story"] == "goal":
        return al.constructions.orthant_sum(target, eps=unit["eps"])
    return al.constructions.orthant_sum(target, unit["cells"], unit["gain"])


def _points(target: Target, counts: np.ndarray, unit: Mapping[str, Any], seed: int) -> np.ndarray:
    """A grid, and random points near vertices of the cells, at distances like the width of ridges.

    The corners, where the error of an orthant sum is largest, are far narrower than any grid. The
    distance from the vertex is random too, since the gain of a network is not known here.
    """
    import zlib

    import numpy as np

    words = f"{unit['story']} {unit['target']} {unit['dim']} {counts.tolist()} {unit.get('box')}"
    rng = np.random.default_rng([seed, zlib.crc32(words.encode())])
    box, shape = target.domain, (unit["drawn"], target.dim)
    vertices = rng.integers(1, counts, shape) / counts
    distance = 10.0 ** rng.uniform(-3.5, -0.5, (unit["drawn"], 1))
    near = np.clip(vertices + distance * rng.normal(size=shape) / counts, 0.0, 1.0)
    return np.concatenate([box.uniform(129 if target.dim == 2 else 21), box.place(near)])


EXPERIMENT = runner.Experiment(
    name="cybenko_2d",
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
