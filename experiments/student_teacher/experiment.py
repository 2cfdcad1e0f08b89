"""How precisely can a student recover its teacher?

The target (the teacher) is a network with random weights and the student is wider, so an error of
zero is possible: any remaining error comes from the method of fitting. A second target is composed
of functions of one variable; there the architecture decides how far the same method gets.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from approxlab.arguments import check_positive
from experiments import runner
from experiments.student_teacher.figure import draw
from experiments.student_teacher.findings import caption, check, table

if TYPE_CHECKING:
    from approxlab import FitResult, Target

REVISION = 2

Method = Literal["adam", "lbfgs", "staged", "ssbroyden", "plain", "corrected", "projected"]
Architecture = Literal["plain", "one", "two", "small"]

# Steps that take about as long as one step of least squares.
_STEPS_OF = {"adam": 60, "lbfgs": 30, "staged": 15, "ssbroyden": 4}
_ARCHITECTURES = {
    "plain": ((20, 20), (0, 0)),
    "one": ((40, 1, 20), (0, 1, 0)),
    "two": ((40, 2, 30), (0, 2, 0)),
    "small": ((10, 2, 8), (0, 2, 0)),
}
_TEST_POINTS = 10_001


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seeds: int = 3
    """Number of teachers, and of repetitions for the second target."""
    student: tuple[int, ...] = (20, 20)
    """Widths of the student; the teacher has layers of 3 and 3."""
    methods: tuple[Method, ...] = ("adam", "lbfgs", "plain", "corrected", "projected")
    """How the student is fitted: plain is Levenberg-Marquardt, corrected has corrected steps,
    projected is variable projection, staged is L-BFGS in two stages."""
    steps: int = 1500
    """Steps of least squares; the other methods take more steps, for about the same time."""
    shapes: tuple[Architecture, ...] = ("plain", "one", "two")
    """Architectures for exp(sin(pi x) + y^2): plain, or with a linear bottleneck of one or two
    units."""
    starts: int = 4
    """Number of starts for that target; the best one is continued."""
    first_steps: int = 150
    """Steps of each start."""
    shape_steps: int = 900
    """Further steps of the best start."""
    points: int = 784
    """Training points for that target."""


PRESETS = {
    "smoke": Config(seeds=1, student=(8, 8), methods=("plain", "projected"), steps=60,
                    shapes=("small",), starts=2, first_steps=10, shape_steps=20, points=256),
    "default": Config(seeds=2, methods=("lbfgs", "plain", "corrected", "projected"), steps=1000,
                      shapes=("plain", "two"), shape_steps=400),
    "paper": Config(seeds=5, methods=("adam", "lbfgs", "staged", "ssbroyden", "plain", "corrected",
                                      "projected")),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit for each teacher and method, then one for each architecture and seed."""
    check_positive(
        seeds=config.seeds,
        steps=config.steps,
        starts=config.starts,
        first_steps=config.first_steps,
        shape_steps=config.shape_steps,
        points=config.points,
    )
    teachers = [
        {
            "story": "teacher",
            "method": method,
            "number": number,
            "steps": config.steps * _STEPS_OF.get(method, 1),
            "hidden": "-".join(str(n) for n in config.student),
        }
        for method in config.methods
        for number in range(config.seeds)
    ]
    shapes = [
        {"story": "shape", "shape": shape, "number": number, "starts": config.starts,
         "first_steps": config.first_steps, "steps": config.shape_steps, "points": config.points}
        for shape in config.shapes
        for number in range(config.seeds)
    ]  # fmt: skip
    return [*teachers, *shapes]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """The final error of a fit, and its history."""
    if unit["story"] == "shape":
        return [_composed(unit, run)]
    return _student(unit, run)


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    teachers = 5e-3 * config.steps * config.seeds * len(config.methods)
    each = config.starts * config.first_steps / 2 + config.shape_steps
    return 20.0 + teachers + 1e-2 * each * config.seeds * len(config.shapes)


def _teacher(number: int, seed: int) -> Target:
    """tanh, 1-3-3-1, all weights and biases standard normal."""
    import jax

    import approxlab as al

    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), 1), number)
    net = al.MLP.init(key, in_size=1, hidden=(3, 3))
    leaves, structure = jax.tree.flatten(net)
    drawn = [
        jax.random.normal(jax.random.fold_in(key, i), leaf.shape, leaf.dtype)
        for i, leaf in enumerate(leaves)
    ]
    return al.Target(
        jax.tree.unflatten(structure, drawn), domain=al.Box([-1.0], [1.0]), name=f"teacher {number}"
    )


def _student(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    import jax
    import numpy as np

    from approxlab.fitting import LevenbergMarquardt, fit, fit_stages

    target = _teacher(unit["number"], run.seed)
    widths = tuple(int(n) for n in unit["hidden"].split("-"))
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(run.seed), 2), unit["number"])
    methods = {
        "plain": LevenbergMarquardt(corrections=0),
        "corrected": "levenberg_marquardt",
        "projected": "variable_projection",
        "staged": "lbfgs",
    }
    method = methods.get(unit["method"], unit["method"])
    options = {"method": method, "steps": unit["steps"], "grid": "chebyshev", "init": "spread",
               "key": key, "devices": run.devices}  # fmt: skip
    if unit["method"] == "staged":
        staged = fit_stages(target, [widths, widths], **options)
        network, fits, loss = staged.network, staged.stages, float(staged.losses[-1])
    else:
        result = fit(target, hidden=widths, **options)
        network, fits, loss = result.network, (result,), result.loss
    points = np.linspace(-1.0, 1.0, _TEST_POINTS)[:, None]
    known = {"activation": "tanh", "num_parameters": network.num_parameters}
    run_s = sum(found.run_s for found in fits)
    return [
        {"kind": "end", **known, "status": str(fits[-1].status),
         "test_rmse": _rmse(network, target, points), "train_rmse": float(np.sqrt(loss)),
         "steps_done": int(sum(found.steps[0] for found in fits)), "run_s": run_s,
         "compile_s": sum(found.compile_s for found in fits)},
        *_way(fits[0] if len(fits) == 1 else None, run_s),
    ]  # fmt: skip


def _way(result: FitResult | None, run_s: float) -> list[dict[str, Any]]:
    """The history of the loss; none for a fit in stages."""
    import numpy as np

    if result is None:
        return []
    steps, losses = result.history.steps[0], result.history.losses[0]
    every = max(1, int(steps[-1]))
    return [
        {
            "kind": "way",
            "step": int(step),
            "train_rmse": float(np.sqrt(loss)),
            "elapsed_s": float(run_s * step / every),
        }
        for step, loss in zip(steps, losses, strict=True)
    ]


def _composed(unit: Mapping[str, Any], run: runner.RunInfo) -> dict[str, Any]:
    """The best of several starts, continued; its time includes that of all starts."""
    import jax
    import numpy as np

    from approxlab import fit, targets

    target = targets.get("compositional")
    hidden, passthrough = _ARCHITECTURES[unit["shape"]]
    key = jax.random.fold_in(jax.random.fold_in(jax.random.key(run.seed), 3), unit["number"])
    options = {"method": "levenberg_marquardt", "points": unit["points"], "devices": run.devices}
    tried = fit(target, hidden=hidden, passthrough=passthrough, seeds=unit["starts"], key=key,
                steps=unit["first_steps"], **options)  # fmt: skip
    best = fit(target, start=tried.network, steps=unit["steps"], **options)
    rng = np.random.default_rng(unit["number"])
    return {
        "num_parameters": best.network.num_parameters,
        "hidden": "-".join(str(n) for n in hidden),
        "status": str(best.status),
        "test_rmse": _rmse(best.network, target, rng.uniform(-1.0, 1.0, (_TEST_POINTS, 2))),
        "train_rmse": float(np.sqrt(best.loss)),
        "run_s": tried.run_s + best.run_s,
        "compile_s": tried.compile_s + best.compile_s,
    }


def _rmse(network: Any, target: Any, points: Any) -> float:
    """Root mean square error at points that were not used in training."""
    import numpy as np

    from approxlab import evaluate

    error = np.asarray(evaluate(network, points)) - np.asarray(evaluate(target, points))
    return float(np.sqrt(np.mean(np.square(error, dtype=np.float64))))


EXPERIMENT = runner.Experiment(
    name="student_teacher",
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
    together=True,
)
