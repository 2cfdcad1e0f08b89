"""Does training find what depth allows: is a deep ReLU network better than the best shallow one?

Twenty ReLUs in five plain layers of four could have hundreds of affine pieces; in one layer they
have at most 21. Networks of five layers are trained from random weights (Kaiming's, "he"), by Adam
and by Levenberg-Marquardt, and followed from a quadratic by `fitting.fit_deep`. Beside them: the
figures of Milkert, Hyde and Laine (ICML 2025) for networks of this shape, and for shallow networks
of as many units the proved lower bound and the best one that is found by placing knots.

The error is the mean square over the interval, by quadrature on all pieces of the network, and at
500 equally spaced points, as published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.deep_relu_training.cases import PUBLISHED, TARGETS, VARIANTS, make
from experiments.deep_relu_training.figure import draw
from experiments.deep_relu_training.findings import caption, check, table
from experiments.runner import own_targets

if TYPE_CHECKING:
    from approxlab import MLP, Target

REVISION = 2

_HIDDEN = (4, 4, 4, 4, 4)
_SHAPES = ((20,), (10, 10), (7, 7, 6), (5, 5, 5, 5))
_POINTS = 500
Way = Literal["adam", "levenberg_marquardt", "continuation"]
_WAYS: tuple[Way, ...] = ("adam", "levenberg_marquardt", "continuation")


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[str, ...] = TARGETS
    """Targets of one variable: cube, power11, sqrt, exp, runge, all on [0, 1], or your own as
    path/to/file.py:name or module:name."""
    ways: tuple[Way, ...] = _WAYS
    """How the networks are trained."""
    seeds: int = 30
    """Networks per target and way."""
    adam_steps: int = 4000
    """Steps of Adam."""
    solver_steps: int = 60
    """Largest number of steps of Levenberg-Marquardt."""
    stages: int = 128
    """Stages of the continuation."""
    shown: str = "exp"
    """Target of the further panels: other ways to begin, other depths, the bounds for n pieces."""
    variant_seeds: int = 6
    """Networks per other way to begin and per other depth."""
    floors: tuple[int, ...] = (1, 3, 10, 30, 100, 320)
    """Numbers of pieces n for which the least error is bounded."""


PRESETS = {
    "smoke": Config(
        targets=("exp",),
        ways=("adam", "continuation"),
        seeds=2,
        adam_steps=100,
        stages=32,
        variant_seeds=1,
        floors=(3, 30),
    ),
    "default": Config(),
    "paper": Config(adam_steps=50_000, solver_steps=500, variant_seeds=30),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every way on every target, shallow networks, published figures, and the shown target."""
    check_positive(
        seeds=config.seeds,
        adam_steps=config.adam_steps,
        solver_steps=config.solver_steps,
        stages=config.stages,
        variant_seeds=config.variant_seeds,
    )
    if "continuation" not in config.ways:
        raise ValueError(f"ways: got {config.ways}, expected 'continuation' among them.")
    if not config.floors or min(config.floors) < 1:
        raise ValueError(f"floors: got {config.floors}, expected numbers of pieces, from 1 on.")
    for name in config.targets:
        own_targets.check("targets", name, TARGETS, dim=1, box=(0.0, 1.0))
    if config.shown not in config.targets:
        raise ValueError(f"shown: got {config.shown!r}, expected one of {config.targets}.")
    steps = {
        "adam": {"steps": config.adam_steps},
        "levenberg_marquardt": {"steps": config.solver_steps},
        "continuation": {"stages": config.stages},
    }
    trained = [
        {
            "story": "trained",
            **own_targets.fields(target),
            "way": way,
            "hidden": _text(_HIDDEN),
            "seeds": config.seeds,
            **steps[way],
        }
        for target in config.targets
        for way in config.ways
    ]
    shallow = [
        {"story": "shallow", **own_targets.fields(target), "units": sum(_HIDDEN)}
        for target in config.targets
    ]
    published = [
        {"story": "published", "target": target, "start": start, "best": best, "mean": mean}
        for target in config.targets
        for start, (best, mean) in PUBLISHED.get(target, {}).items()
    ]
    shown = own_targets.fields(config.shown)
    floors = [{"story": "floor", **shown, "n": n} for n in config.floors]
    few = {"seeds": config.variant_seeds, "stages": config.stages}
    variants = [
        {"story": "variant", **shown, "variant": name, "hidden": _text(_HIDDEN), **few, **changed}
        for name, changed in VARIANTS.items()
    ]
    shapes = [{"story": "shape", **shown, "hidden": _text(hidden), **few} for hidden in _SHAPES]
    return [*trained, *shallow, *published, *floors, *variants, *shapes]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit: a row per network, per bound, or per published figure."""
    story = unit["story"]
    if story == "published":
        return [{"source": "Milkert, Hyde, Laine, ICML 2025"}]
    target = own_targets.find(unit) or make(unit["target"])
    if story == "shallow":
        return [_shallow(target, unit["units"])]
    if story == "floor":
        return [_least(target, unit["n"])]
    if not _is_continued(unit):
        return _from_random_weights(target, unit, run)
    return _followed(target, unit, run)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    networks = len(config.targets) * config.seeds
    return (
        8.0
        + 0.4 * (networks + (len(VARIANTS) + len(_SHAPES)) * config.variant_seeds)
        + 1.5e-5 * networks * config.adam_steps * ("adam" in config.ways)
        + 8e-4 * networks * config.solver_steps * ("levenberg_marquardt" in config.ways)
        + 3.0 * len(config.targets)
        + 0.008 * sum(config.floors)
    )


def _is_continued(unit: Mapping[str, Any]) -> bool:
    """Whether its networks are those of `fit_deep`, which computes all seeds of a unit together."""
    return bool(unit.get("way", "continuation") == "continuation")


def _text(hidden: Sequence[int]) -> str:
    return "-".join(map(str, hidden))


def _widths(unit: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, unit["hidden"].split("-")))


def _key(unit: Mapping[str, Any], run: runner.RunInfo) -> Any:
    """Another key for every target and shape; ways and variants share it, so seed by seed."""
    import jax

    key = jax.random.key(run.seed)
    for text in (unit["target"], unit["hidden"]):
        key = jax.random.fold_in(key, sum(i * ord(letter) for i, letter in enumerate(text, 1)))
    return key


def _followed(target: Target, unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    """`fit_deep`: a row per network; that of the best has the bounds for as many pieces."""
    from approxlab.fitting import fit_deep

    changed = {name: unit[name] for name in ("stages", "start", "spread") if name in unit}
    found = fit_deep(target, _widths(unit), seeds=unit["seeds"], key=_key(unit, run), **changed)
    rows = [
        _measured(target, found.networks.member(i), i, str(found.statuses[i]), int(pieces))
        for i, pieces in enumerate(found.pieces)
    ]
    if unit["story"] == "trained":
        best = min(rows, key=lambda row: float(row["mean_square"]))
        best.update(_least(target, best["pieces"]))
    return rows


def _from_random_weights(
    target: Target, unit: Mapping[str, Any], run: runner.RunInfo
) -> list[dict[str, Any]]:
    """`al.fit` from Kaiming's weights, at the 500 points of the published figures."""
    import approxlab as al
    from approxlab.regions import pieces_of_many

    found = al.fit(
        target,
        hidden=_widths(unit),
        activation="relu",
        init="he",
        method=unit["way"],
        seeds=run.seeds or unit["seeds"],
        key=_key(unit, run),
        steps=unit["steps"],
        points=_POINTS,
        devices=run.devices,
    )
    counted = [len(one.slopes) for one in pieces_of_many(found.networks, target.domain)]
    return [
        _measured(target, found.networks.member(i), seed, str(found.statuses[i]), pieces)
        for i, (seed, pieces) in enumerate(zip(found.seeds, counted, strict=True))
    ]


def _measured(target: Target, network: MLP, index: int, status: str, pieces: int) -> dict[str, Any]:
    """One network: its mean square over the interval, at 500 points, its units and pieces."""
    return {
        "network": index,
        "status": status,
        "num_hidden_units": network.num_hidden_units,
        "pieces": pieces,
        "mean_square": _mean_square(target, network),
        "mean_square_of_500": _at_points(target, network),
    }


def _mean_square(target: Target, network: MLP) -> float:
    import approxlab as al

    width = float(target.domain.upper[0] - target.domain.lower[0])
    return float(al.errors.l2(network, target)) ** 2 / width


def _at_points(target: Target, network: MLP) -> float:
    import numpy as np

    import approxlab as al

    ends = float(target.domain.lower[0]), float(target.domain.upper[0])
    x = np.linspace(*ends, _POINTS)[:, None]
    residual = np.asarray(al.evaluate(network, x)) - np.asarray(al.evaluate(target, x))
    return float(np.mean(residual**2))


def _least(target: Target, n: int) -> dict[str, Any]:
    """Both ends of the least mean square of n pieces, in whichever network they are."""
    import approxlab as al

    width = float(target.domain.upper[0] - target.domain.lower[0])
    found = al.optimal.relu_spline(target, n, "l2")
    lower, upper = (float(end) ** 2 / width for end in (found.lower, found.upper))
    return {"least_mean_square_lower": lower, "least_mean_square_upper": upper}


def _shallow(target: Target, count: int) -> dict[str, Any]:
    """Bounds for one layer of so many units, which has a piece more, and the best one found."""
    from approxlab.fitting import free_knots

    found = free_knots(target, count)
    return {
        **_least(target, count + 1),
        "num_hidden_units": found.network.num_hidden_units,
        "mean_square": _mean_square(target, found.network),
        "mean_square_of_500": _at_points(target, found.network),
    }


EXPERIMENT = runner.Experiment(
    name="deep_relu_training",
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
    seeds=lambda unit: 1 if _is_continued(unit) else unit["seeds"],
)
