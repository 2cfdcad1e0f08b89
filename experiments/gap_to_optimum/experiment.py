"""How far from the best possible are fitted ReLU networks in one dimension, and why?

A shallow ReLU network on an interval is a linear spline with free knots, and the least error of
such splines is enclosed for every number of pieces (`optimal.relu_spline`). Every error is divided
by the lower end of that enclosure. Methods: Adam, Levenberg-Marquardt, variable projection, the
orthogonal greedy algorithm, knots at equal shares of the curvature with one solve, and these knots
polished by Newton's method. All networks have at most n - 1 kinks in the interval, so n pieces:
n - 1 ReLUs and, except in greedy networks, one more unit for the first slope. That unit is linear
in trained networks; where knots are placed it is a ReLU with its kink at an end of the interval.
Training starts from kinks drawn uniformly from the interval.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.gap_to_optimum.figure import draw
from experiments.gap_to_optimum.findings import caption, check, table
from experiments.runner import own_targets

if TYPE_CHECKING:
    from approxlab import MLP, FitResult, Target
    from approxlab.fitting import FreeKnots

REVISION = 3

_TARGETS = ("sin", "gaussian", "exp", "runge", "sine2", "sine4")
Method = Literal[
    "adam", "levenberg_marquardt", "variable_projection", "greedy", "placed", "polished"
]
Case = Literal["A3", "A5", "A6"]
_METHODS: tuple[Method, ...] = (
    "adam",
    "levenberg_marquardt",
    "variable_projection",
    "greedy",
    "placed",
    "polished",
)
_CASES: Mapping[Case, Sequence[tuple[str, str, int, float]]] = {
    "A3": (("sin", "l2_error", 128, 1.31e-4), ("sin", "l2_error", 512, 8.1e-6)),
    "A5": (("sqrt", "sup_error", 256, 4.5e-6),),
    "A6": (("cube", "mse_of_500", 20, 6e-8), ("power11", "mse_of_500", 20, 6e-8)),
}
"""Errors required of placed knots: target, what is measured, pieces, and the largest error."""
_PANELS = 1024  # of the quadrature for trained networks, whose kinks may lie anywhere


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[str, ...] = ("sin", "gaussian", "exp", "runge")
    """Smooth targets of one variable: sin (on [-pi, pi]), gaussian, exp, runge, sine2, sine4, or
    your own as path/to/file.py:name or module:name."""
    pieces: tuple[int, ...] = (8, 16, 32, 64)
    """Numbers of pieces n."""
    methods: tuple[Method, ...] = _METHODS
    """How the networks are found."""
    adam_seeds: int = 3
    """Seeds per cell for Adam."""
    adam_steps: int = 3000
    """Steps of Adam."""
    solver_seeds: int = 1
    """Seeds per cell for Levenberg-Marquardt and variable projection."""
    solver_steps: int = 100
    """Largest number of steps of both."""
    points: int = 640
    """Training points of all three."""
    cases: tuple[Case, ...] = ("A3", "A5", "A6")
    """Required errors that are checked: A3 in L2 for sin, A5 in the sup norm for sqrt, A6 the mean
    squared error at 500 points for x^3 and x^11."""
    shown: str = "runge"
    """Target of the two small networks that are drawn."""


PRESETS = {
    "smoke": Config(targets=("runge",), pieces=(8,), adam_seeds=2, adam_steps=50, points=64,
                    methods=("adam", "greedy", "placed", "polished"), cases=("A6",)),
    "default": Config(),
    "paper": Config(pieces=(8, 16, 32, 64, 128), adam_seeds=5, adam_steps=5000, solver_seeds=2,
                    solver_steps=150),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """Every method at every size, the optima, the small networks, and the required errors."""
    check_positive(
        adam_seeds=config.adam_seeds,
        adam_steps=config.adam_steps,
        points=config.points,
        solver_seeds=config.solver_seeds,
        solver_steps=config.solver_steps,
    )
    if not config.pieces or min(config.pieces) < 3:
        raise ValueError(f"pieces: got {config.pieces}, expected numbers of at least 3.")
    if "polished" not in config.methods or "adam" not in config.methods:
        raise ValueError(f"methods: got {config.methods}, expected 'adam' and 'polished' in it.")
    for name in config.targets:
        own_targets.check("targets", name, _TARGETS, dim=1, smooth=True)
    if config.shown not in config.targets:
        raise ValueError(f"shown: got {config.shown!r}, expected one of {config.targets}.")
    solver = {"seeds": config.solver_seeds, "steps": config.solver_steps, "points": config.points}
    training = {
        "adam": {"seeds": config.adam_seeds, "steps": config.adam_steps, "points": config.points},
        "levenberg_marquardt": solver,
        "variable_projection": solver,
    }
    cells = [
        {
            "story": "gap",
            **own_targets.fields(target),
            "n": n,
            "method": method,
            **training.get(method, {}),
        }
        for method in config.methods
        for n in config.pieces
        for target in config.targets
    ]
    optima = [
        {"story": "optimum", **own_targets.fields(target), "n": n}
        for n in config.pieces
        for target in config.targets
    ]
    pictures = [
        {
            "story": "picture",
            **own_targets.fields(config.shown),
            "n": min(config.pieces),
            "method": method,
            **training.get(method, {}),
        }
        for method in ("adam", "polished")
    ]
    cases = [
        {"story": "acceptance", "case": case, "target": target, "measured": measured, "n": n,
         "asked": asked}
        for case in config.cases
        for target, measured, n, asked in _CASES[case]
    ]  # fmt: skip
    return [*cells, *optima, *pictures, *cases]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The rows of one unit: a row per network, per optimum, per knot or per required error."""
    story = unit["story"]
    if story == "optimum":
        return [_optimum(unit)]
    if story == "acceptance":
        return [_required(unit)]
    target = _target(unit)
    networks = _networks(target, unit, run)
    if story == "picture":
        return _kinks(target, networks)
    return [_measured(target, network, i, status) for i, (network, status) in enumerate(networks)]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    count, size = len(config.targets), sum(config.pieces)
    solved = sum(n * n for n in config.pieces) * config.solver_seeds * config.solver_steps
    slow = 5e-8 * ("levenberg_marquardt" in config.methods)
    slow += 1e-7 * ("variable_projection" in config.methods)
    return (
        5.0
        + 1.5 * len(config.pieces) * len(config.methods)
        + 5e-8 * count * size * config.adam_seeds * config.adam_steps * config.points / 640
        + slow * count * solved * config.points / 640
        + 0.04 * count * size
        + 2.0 * len(config.cases)
    )


def _target(unit: Mapping[str, Any]) -> Target:
    """The target of a unit; the sine over a whole period is not in the catalogue."""
    import jax.numpy as jnp

    from approxlab import Box, Target, targets

    if found := own_targets.find(unit):
        return found
    name = unit["target"]
    if name == "gaussian":
        return targets.get(name, dim=1)
    if name != "sin":
        return targets.get(name)
    return _once("sin", lambda: Target(
        lambda x: jnp.sin(x[0]), domain=Box([-math.pi], [math.pi]), name="sin", value_min=-1.0,
        value_max=1.0, lipschitz=1.0, second_derivative=1.0, integral=0.0, smoothness="analytic",
        kinks=(), source="f' = cos, f'' = -sin",
    ))  # fmt: skip


_made: dict[str, Any] = {}


def _once(name: str, make: Any) -> Any:
    """One object per process, so that what is compiled for it is used again."""
    if name not in _made:
        _made[name] = make()
    return _made[name]


def _networks(
    target: Target, unit: Mapping[str, Any], run: runner.RunInfo
) -> list[tuple[MLP, str]]:
    """Networks with at most n pieces, and the status of each fit."""
    method, n = unit["method"], unit["n"]
    if "seeds" in unit:
        result = _trained(target, unit, run)
        return [
            (result.networks.member(i), str(status)) for i, status in enumerate(result.statuses)
        ]
    if method == "greedy":
        from approxlab.fitting import greedy

        fit = greedy(target, n - 1)
        return [(fit.network, str(fit.status))]
    placed = _placed(target, n, polish=method == "polished")
    return [(placed.network, str(placed.status))]


def _trained(target: Target, unit: Mapping[str, Any], run: runner.RunInfo) -> FitResult:
    import jax

    import approxlab as al

    key = jax.random.fold_in(jax.random.key(run.seed), unit["n"])
    return al.fit(
        target,
        hidden=(unit["n"],),
        passthrough=(1,),
        activation="relu",
        init="uniform_knots",
        method=unit["method"],
        seeds=unit["seeds"],
        key=key,
        steps=unit["steps"],
        points=unit["points"],
        devices=run.devices,
    )


def _placed(target: Any, n: int, norm: Literal["l2", "sup"] = "l2", *, polish: bool) -> FreeKnots:
    from approxlab.fitting import free_knots

    return free_knots(target, n, norm, polish=polish)


def _measured(target: Target, network: MLP, index: int, status: str) -> dict[str, Any]:
    import approxlab as al

    error = al.errors.l2(network, target, panels=_PANELS)
    return {
        "network": index,
        "status": status,
        "num_hidden_units": network.num_hidden_units,
        "num_kinks": len(_inside(target, network)),
        "l2_error": float(error),
    }


def _inside(target: Target, network: MLP) -> list[float]:
    """Kinks of the units of a network, inside the open interval."""
    import numpy as np

    count = network.num_hidden_units  # the linear units come last
    weights = np.asarray(network.weights[0], float)[:count, 0]
    shifts = np.asarray(network.biases[0], float)[:count]
    nonzero = weights != 0.0
    kinks = np.unique(-shifts[nonzero] / weights[nonzero])
    (a,), (b,) = target.domain.lower, target.domain.upper
    return [float(kink) for kink in kinks if a < kink < b]


def _kinks(target: Target, networks: Sequence[tuple[MLP, str]]) -> list[dict[str, Any]]:
    """Kinks of the best network and ends of the interval, with the network's values there."""
    import numpy as np

    import approxlab as al

    errors = [float(al.errors.l2(network, target, panels=_PANELS)) for network, _ in networks]
    best, _ = networks[int(np.argmin(errors))]
    ends = [float(target.domain.lower[0]), float(target.domain.upper[0])]
    x = np.array(sorted([*_inside(target, best), *ends]))
    heights = np.asarray(al.evaluate(best, x[:, None]))
    wanted = np.asarray(al.evaluate(target, x[:, None]))
    return [
        {"x": float(place), "height": float(height), "target_there": float(there)}
        for place, height, there in zip(x, heights, wanted, strict=True)
    ]


def _optimum(unit: Mapping[str, Any]) -> dict[str, Any]:
    import approxlab as al

    target, n = _target(unit), unit["n"]
    leading = al.optimal.relu_spline_asymptotic(target, n, "l2")
    return {**al.optimal.relu_spline(target, n).to_rows()[0], "asymptotic_l2_error": float(leading)}


def _required(unit: Mapping[str, Any]) -> dict[str, Any]:
    """Errors with knots at equal shares of the curvature, before and after polishing."""
    import numpy as np

    import approxlab as al

    target, n, measured = _target(unit), unit["n"], unit["measured"]
    if measured == "mse_of_500":
        x = np.linspace(0.0, 1.0, 500)[:, None]
        data = (x, np.asarray(al.evaluate(target, x)))
        fits = [_placed(data, n, polish=polish) for polish in (False, True)]
        reached = [
            float(np.mean((np.asarray(al.evaluate(f.network, x)) - data[1]) ** 2)) for f in fits
        ]
    else:
        norm: Literal["l2", "sup"] = "l2" if measured == "l2_error" else "sup"
        fits = [_placed(target, n, norm, polish=polish) for polish in (False, True)]
        reached = [float(fit.error) for fit in fits]
    return {
        "num_hidden_units": fits[1].network.num_hidden_units,
        "placed": reached[0],
        "polished": reached[1],
        "status": str(fits[1].status),
    }


EXPERIMENT = runner.Experiment(
    name="gap_to_optimum",
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
