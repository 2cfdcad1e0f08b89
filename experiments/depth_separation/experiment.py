"""How many units does depth save: built, trained, and at the least possible?

Units for a sup error of eps on x^2, x^3, e^x, the product x y and the Takagi function: the fewest
of any network with one hidden layer (proved; `least.py`), a built one, a deep one that is built,
and trained deep networks. The triangle wave tent^k: the least L1 error with n pieces (`tents.py`),
and fitted shallow networks, beside the 1/64 of Telgarsky (2016, Theorem 1.1). Deep networks that
are read out after each of their layers. ReLUs are counted; linear units of deep built networks,
which carry a sum through the layers, are in the record. Trained networks have none.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.depth_separation import tents
from experiments.depth_separation.figure import draw
from experiments.depth_separation.findings import caption, check, table
from experiments.depth_separation.least import fewest_pieces
from experiments.depth_separation.networks import (
    built_deep,
    built_plain,
    built_shallow,
    read_out,
    shallow_units,
    target_of,
)

REVISION = 2

Name = Literal["square", "cube", "exp", "product", "takagi"]
_TARGETS: tuple[Name, ...] = ("square", "cube", "exp", "product", "takagi")
_WAYS = ("least", "shallow", "deep")
_WIDTH = 4  # of the layers of trained networks


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[Name, ...] = _TARGETS
    """Functions that are approximated."""
    decades: int = 9
    """Errors from 1e-1 to 1e-decades, two per decade."""
    measured_units: int = 300
    """Built networks of at most so many ReLUs are measured beside their claim."""
    optima: tuple[int, ...] = (4, 16, 64)
    """Numbers of pieces at which the count of pieces is held against `optimal.relu_spline`."""
    depths: tuple[int, ...] = (1, 2, 3, 4, 5)
    """Hidden layers of 4 units of trained networks."""
    seeds: int = 2
    """Seeds of each trained network."""
    stages: int = 128
    """Stages of their continuation."""
    k: int = 5
    """Iterations of the tent map."""
    cells: int = 12
    """Cells per piece of the tent map, of the lower bound."""
    fitted: tuple[int, ...] = (2, 4, 8, 12, 16, 20, 24, 28)
    """Pieces of the shallow networks that are fitted to it, fewer than 2^k."""
    tent_seeds: int = 4
    """Seeds of those that are trained."""
    tent_steps: int = 100
    """Steps of variable projection."""
    read: int = 12
    """Layers of the built networks that are read out after each of them."""


PRESETS = {
    "smoke": Config(
        targets=("square", "cube", "product", "takagi"),
        decades=3,
        measured_units=40,
        optima=(4,),
        depths=(1, 2),
        seeds=1,
        stages=8,
        k=3,
        cells=6,
        fitted=(4,),
        tent_seeds=1,
        tent_steps=10,
        read=5,
    ),
    "default": Config(),
    "paper": Config(
        seeds=8,
        depths=(1, 2, 3, 4, 5, 6),
        optima=(4, 16, 64, 128),
        k=6,
        cells=10,
        fitted=(4, 8, 16, 24, 32, 40, 48, 56),
        tent_seeds=8,
        tent_steps=200,
    ),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Ways by target, the count held against the optimum, trainings, the tent map, read-outs."""
    check_positive(
        decades=config.decades,
        measured_units=config.measured_units,
        seeds=config.seeds,
        stages=config.stages,
        k=config.k,
        cells=config.cells,
        tent_seeds=config.tent_seeds,
        tent_steps=config.tent_steps,
        read=config.read,
    )
    if not 3 <= config.decades <= 9:
        raise ValueError(f"decades: got {config.decades}, expected 3 to 9: below, float64 rounds.")
    if config.k > 7:
        raise ValueError(f"k: got {config.k}, expected at most 7: the bound takes all of its runs.")
    if config.cells < 3:
        raise ValueError(f"cells: got {config.cells}, expected at least 3 per piece.")
    if not config.targets or not config.depths or min(config.depths) < 1:
        raise ValueError(
            f"targets, depths: got {config.targets} and {config.depths}, expected at least one "
            "target, and depths of at least one layer."
        )
    if any(n < 1 for n in config.optima):
        raise ValueError(f"optima: got {config.optima}, expected positive numbers of pieces.")
    if not config.fitted:
        raise ValueError("fitted: got no number of pieces, expected at least one.")
    if any(not 2 <= n < 2**config.k for n in config.fitted):
        raise ValueError(f"fitted: got {config.fitted}, expected 2 to {2**config.k - 1} pieces.")
    if config.read > 14:
        raise ValueError(
            f"read: got {config.read}, expected at most 14: 2^read pieces are sampled."
        )
    built = [
        {
            "story": "units",
            "target": target,
            "way": way,
            "decades": config.decades,
            **({} if way == "least" else {"measured_units": config.measured_units}),
        }
        for target in config.targets
        for way in (*_WAYS, *(["plain"] if target == "square" else []))
    ]
    convex = [name for name in ("cube", "exp") if name in config.targets]
    optima = [
        {"story": "optimum", "target": target, "n": n} for target in convex for n in config.optima
    ]
    trained = [
        {
            "story": "trained",
            "target": target,
            "layers": depth,
            "seeds": config.seeds,
            "stages": config.stages,
        }
        for target in config.targets
        if target != "product"
        for depth in config.depths
    ]
    waves = [{"story": "tents", "way": "least", "k": config.k, "cells": config.cells}]
    waves += [{"story": "tents", "way": "placed", "k": config.k, "n": n} for n in config.fitted]
    waves += [
        {
            "story": "tents",
            "way": "trained",
            "k": config.k,
            "n": n,
            "seeds": config.tent_seeds,
            "steps": config.tent_steps,
        }
        for n in config.fitted
    ]
    layers = [
        {"story": "layers", "target": "square", "way": "deep", "levels": config.read},
        {"story": "layers", "target": "takagi", "way": "deep", "levels": config.read},
        {
            "story": "layers",
            "target": "exp",
            "way": "trained",
            "layers": max(config.depths),
            "seeds": config.seeds,
            "stages": config.stages,
        },
    ]
    return [*built, *optima, *trained, *waves, *layers]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit."""
    stories: Mapping[str, Callable[[Mapping[str, Any], runner.RunInfo], Sequence[Any]]] = {
        "units": _units,
        "optimum": _optimum,
        "trained": _trained,
        "tents": _tents,
        "layers": _layers,
    }
    return stories[unit["story"]](unit, run)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    wave = 8.0**config.k * config.cells**3
    return (
        5.0
        + 1.5 * len(config.targets)
        + 2.0 * len(config.optima)
        + 0.008 * len(config.targets) * len(config.depths) * config.seeds * config.stages
        + 2e-7 * wave
        + 0.01 * len(config.fitted) * config.tent_seeds * config.tent_steps
    )


def _units(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per eps."""
    name, way = unit["target"], unit["way"]
    rows = []
    for half in range(2, 2 * unit["decades"] + 1):
        eps = 10.0 ** (-half / 2)
        if way == "least":
            pieces = fewest_pieces(name, eps)
            rows.append({"eps": eps, "pieces": pieces, "num_hidden_units": max(1, pieces - 1)})
        elif way == "shallow":
            count = shallow_units(name, eps)[1]
            row = {"eps": eps, "num_hidden_units": count, "num_linear_units": 0, "depth": 1}
            if count <= unit["measured_units"]:
                net = built_shallow(name, eps)
                row |= {"num_hidden_units": net.num_hidden_units, "sup_error": _sup(net, name)}
            rows.append(row)
        else:
            made = built_plain(eps) if way == "plain" else built_deep(name, eps)
            rows.append(_deep(made, name, eps, unit["measured_units"]))
    return rows


def _deep(made: Any, name: str, eps: float, measured_units: int) -> dict[str, Any]:
    net = made.network
    row = {
        "eps": eps,
        "num_hidden_units": net.num_hidden_units,
        "num_linear_units": net.num_linear_units,
        "depth": net.depth,
        "claimed_sup_error": float(made.claim.bound),
    }
    if eps >= 1e-4 and net.num_hidden_units <= measured_units:
        row["sup_error"] = _sup(net, name)
    return row


def _sup(net: Any, name: str) -> float:
    import approxlab as al

    return float(al.errors.sup(net, target_of(name)))


def _optimum(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The enclosure of the least error, and the counts of pieces just outside of it."""
    import approxlab as al

    found = al.optimal.relu_spline(target_of(unit["target"]), unit["n"], "sup")
    low, high = float(found.lower), float(found.upper)
    return [
        {
            "least_sup_error_lower": low,
            "least_sup_error_upper": high,
            "pieces_above": fewest_pieces(unit["target"], high * (1.0 + 1e-6)),
            "pieces_below": fewest_pieces(unit["target"], low * (1.0 - 1e-6)),
        }
    ]


def _fit_deep(unit: Mapping[str, Any], run: runner.RunInfo) -> Any:
    import jax

    from approxlab.fitting import fit_deep

    return fit_deep(
        target_of(unit["target"]),
        hidden=(_WIDTH,) * unit["layers"],
        seeds=unit["seeds"],
        key=jax.random.fold_in(jax.random.key(run.seed), unit["layers"]),
        stages=unit["stages"],
    )


def _trained(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per seed. L2 errors are minimised; the sup error is that of the result."""
    fit = _fit_deep(unit, run)
    return [
        {
            "network": i,
            "num_hidden_units": fit.network.num_hidden_units,
            "pieces": int(fit.pieces[i]),
            "l2_error": math.sqrt(float(fit.losses[i])),
            "sup_error": _sup(fit.networks.member(i), unit["target"]),
        }
        for i in range(unit["seeds"])
    ]


def _tents(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    k = unit["k"]
    if unit["way"] == "least":
        lower = tents.least_l1_lower(k, unit["cells"])
        rows = [
            {
                "n": n,
                "l1_error_lower": float(lower[n - 1]),
                "l1_error_upper": tents.l1_distance(k, *tents.stopped(k, n)),
            }
            for n in range(1, 2**k)
        ]
        return rows
    import jax

    import approxlab as al

    target = al.targets.get("tent", k=k)
    if unit["way"] == "placed":
        nets = {0: al.fitting.free_knots(target, unit["n"]).network}
    else:
        fit = al.fit(
            target,
            hidden=(unit["n"] - 1,),
            passthrough=(1,),
            activation="relu",
            init="uniform_knots",
            method="variable_projection",
            seeds=run.seeds or unit["seeds"],
            key=jax.random.fold_in(jax.random.key(run.seed), unit["n"]),
            steps=unit["steps"],
            points=16 * 2**k,
            devices=run.devices,
        )
        nets = {seed: fit.networks.member(i) for i, seed in enumerate(fit.seeds)}
    return [{"network": seed, "l1_error": _l1(k, net)} for seed, net in nets.items()]


def _l1(k: int, net: Any) -> float:
    import numpy as np

    import approxlab as al

    found = al.regions.pieces(net, al.Box.unit())
    return tents.l1_distance(k, found.edges, np.asarray(found.values, float))


def _layers(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """One row per layer: the error of the best affine function of its units."""
    import numpy as np

    import approxlab as al

    target = target_of(unit["target"])
    if unit["way"] == "trained":
        net = _fit_deep(unit, run).network
    elif unit["target"] == "square":
        net = al.constructions.square_deep(unit["levels"]).network
    else:
        net = al.constructions.takagi_deep(unit["levels"], linear_units=True).network
    (left,), (right,) = target.domain.lower, target.domain.upper
    count = 6 * 2 ** unit.get("levels", 12)  # middles and thirds of all pieces, where errors peak
    x = left + (right - left) * np.arange(count + 1) / count
    y = np.asarray(al.evaluate(target, x[:, None]), float)
    rows = []
    for layer in range(1, net.depth + 1):
        relus, error = read_out(net, layer, x, y)
        rows.append({"layer": layer, "num_hidden_units": relus, "sup_error": error})
    return rows


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
    seeds=lambda unit: unit["seeds"] if unit["story"] == "tents" and "seeds" in unit else 1,
)
