"""How far above one least-squares solve for its last layer does training leave a network?

Equal networks, equal targets, equal starts: Adam, L-BFGS, self-scaled BFGS and Broyden, Adam
followed by one of them, Levenberg-Marquardt, variable projection, and one solve for the last layer
alone: error against seconds, and the final errors. Then a race to a relative error of 1e-6 on a
deeper network, against PyTorch, optimistix and SciPy from the same starts. Libraries that are not
installed are left out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args

from approxlab.arguments import check_positive
from experiments import runner
from experiments.runner import own_targets
from experiments.runner.cores import usable_cores
from experiments.runner.usage import complain
from experiments.trained_or_solved.figure import draw
from experiments.trained_or_solved.findings import caption, check, table
from experiments.trained_or_solved.peers import THREADS, installed, race_request

if TYPE_CHECKING:
    import numpy as np

    from approxlab import MLP
    from approxlab.fitting import FitResult

REVISION = 2

Start = Literal["quasi_interpolant", "glorot", "spread"]
Method = Literal[
    "adam", "lbfgs", "ssbfgs", "ssbroyden", "adam_lbfgs", "adam_ssbroyden",
    "levenberg_marquardt", "variable_projection",
]  # fmt: skip
Racer = Literal["adam", "lbfgs", "ssbroyden", "levenberg_marquardt", "variable_projection"]
OtherRacer = Literal["pytorch_adam", "pytorch_lbfgs", "optimistix_lm", "scipy_lm", "scipy_trf"]

_TARGETS = ("exp", "sine4", "runge", "chirp")
_LEAST_SQUARES = ("levenberg_marquardt", "variable_projection")
_RACED = "sine4"
_GOAL, _TRAINED_GOAL = 1e-6, 0.95e-6  # at points not used in training, and at training points
_EVALUATION_POINTS = 4001
_STRIDE = 25
_LEAST_TRIAL = 5.0  # time limit in seconds from which the best number of threads is tried out
_RACE_STEPS = {
    "adam": 100000,
    "lbfgs": 100000,
    "ssbroyden": 6000,
    "levenberg_marquardt": 600,
    "variable_projection": 200,
}
_SECONDS = 5.0  # of one method from one start in the first part, compilation included


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    targets: tuple[str, ...] = ("sine4", "runge")
    """Targets on [-1, 1]: exp, sine4, runge, chirp, or your own as path/to/file.py:name or
    module:name."""
    starts: tuple[Start, ...] = ("quasi_interpolant", "glorot")
    """Initial networks: wide units with equally spaced centres and random coefficients, or random
    weights."""
    methods: tuple[Method, ...] = (
        "adam",
        "adam_lbfgs",
        "adam_ssbroyden",
        "ssbroyden",
        "variable_projection",
    )
    """Training methods; the solve is always included."""
    width: int = 128
    """Units of the one hidden layer."""
    points: int = 2003
    """Equally spaced training points."""
    steps: int = 3000
    """Steps of gradient methods; methods that follow Adam take a third of them."""
    solver_steps: int = 60
    """Steps of Levenberg-Marquardt and variable projection."""
    race_hidden: tuple[int, ...] = (20, 20)
    """Hidden layers of the race, to a relative error of 1e-6 on sin 4 pi x."""
    race_starts: tuple[Start, ...] = ("spread",)
    """Initial networks of the race, the same for all contenders."""
    race_points: int = 501
    """Equally spaced training points of the race."""
    race_seeds: int = 1
    """Number of initial networks of each kind."""
    race_methods: tuple[Racer, ...] = get_args(Racer)
    """Contenders from this library."""
    race_effort: float = 1.0
    """Multiplies the largest number of steps of these contenders."""
    peers: tuple[OtherRacer, ...] = get_args(OtherRacer)
    """Contenders from other libraries, each in its own process."""
    limit: float = 8.0
    """Seconds after which a contender of another library is stopped."""


PRESETS = {
    "smoke": Config(
        targets=("exp",), starts=("quasi_interpolant",), methods=("adam", "adam_ssbroyden"),
        width=32, points=203, steps=150, race_hidden=(32,), race_points=203,
        race_methods=("ssbroyden",), race_effort=0.02, peers=("scipy_lm",), limit=0.2,
    ),
    "default": Config(),
    "paper": Config(
        methods=get_args(Method), solver_steps=100, race_starts=("glorot", "spread"), race_seeds=2,
        limit=15.0,
    ),
}  # fmt: skip


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit for all methods from one start; in the race one for each contender and network."""
    check_positive(
        width=config.width,
        points=config.points,
        steps=config.steps,
        solver_steps=config.solver_steps,
        race_points=config.race_points,
        race_seeds=config.race_seeds,
    )
    if not (config.limit > 0 and config.race_effort > 0):
        raise ValueError(
            f"limit, race_effort: got {config.limit}, {config.race_effort}, expected positive "
            "numbers."
        )
    if config.width < 4:
        raise ValueError(f"width: got {config.width}, expected at least 4.")
    for name in config.targets:
        own_targets.check("targets", name, _TARGETS, dim=1, box=(-1.0, 1.0))
    gap = [
        {"story": "gap", **own_targets.fields(target), "start": start,
         "methods": ",".join(config.methods), "width": config.width, "points": config.points,
         "steps": config.steps, "solver_steps": config.solver_steps,
         "shown": target == config.targets[0]}
        for target in config.targets
        for start in config.starts
    ]  # fmt: skip
    shared = {
        "story": "race",
        "target": _RACED,
        "points": config.race_points,
        "hidden": ",".join(map(str, config.race_hidden)),
        "goal": _GOAL,
    }
    ours = {
        name: {"steps": max(1, round(_RACE_STEPS[name] * config.race_effort))}
        for name in config.race_methods
    }
    others = {name: {"limit_of_peer": config.limit} for name in config.peers}
    race = [
        {**shared, "start": start, "number": number, "contender": name, **more}
        for name, more in (ours | others).items()
        for start in config.race_starts
        for number in range(config.race_seeds)
    ]
    return [*gap, *race]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """Errors and histories of all methods from one start, or the one row of a contender."""
    if unit["story"] == "gap":
        return _gap(unit, run)
    return [_ours(unit, run) if "steps" in unit else _theirs(unit, run)]


def seconds(config: Config) -> float:
    """Expected time on two cores; the rates were measured."""
    gap = _SECONDS * len(config.targets) * len(config.starts) * len(config.methods)
    share = config.steps * config.points * config.width / (3000 * 2003 * 128)
    races = len(config.race_starts) * config.race_seeds
    ours = 6.0 * len(config.race_methods) * config.race_effort
    return (
        3.0
        + gap * max(share, 0.1)
        + races * (ours + len(config.peers) * (1.2 * config.limit + 3.0))
    )


# ---------------------------------------------------------------------------------- the gap


def _gap(unit: Mapping[str, Any], run: runner.RunInfo) -> list[dict[str, Any]]:
    import numpy as np

    from approxlab import targets

    target = own_targets.find(unit) or targets.get(unit["target"])
    start = _start(unit["start"], (unit["width"],), 0, run)
    data = _data(target, unit["points"])
    scale = float(np.sqrt(np.mean(np.square(data[1]))))
    adam = None
    rows = [_solved(start, data, target)]
    for name in unit["methods"].split(","):
        if name.startswith("adam_"):
            adam = adam or _fit(data, start, "adam", unit["steps"] * 2 // 3, run)
            fits = [adam, _fit(data, adam.network, name[5:], unit["steps"] // 3, run)]
        else:
            steps = unit["solver_steps"] if name in _LEAST_SQUARES else unit["steps"]
            fits = [_fit(data, start, name, steps, run)]
        last = fits[-1]
        rows.append(
            {
                "kind": "end",
                "method": name,
                "relative_l2_error": _error(last.network, target),
                "status": str(last.status),
                "steps_done": sum(int(f.steps[0]) for f in fits),
                "compile_s": sum(f.compile_s for f in fits),
                "run_s": sum(f.run_s for f in fits),
            }
        )
        if unit["shown"]:
            rows += [{"kind": "path", "method": name, **record} for record in _path(fits, scale)]
    return rows


def _solved(start: MLP, data: Any, target: Any) -> dict[str, Any]:
    """One least-squares solve for the last layer; the hidden layer stays as it is."""
    from approxlab.fitting import readout

    began = time.perf_counter()
    network = readout(start, data).network
    spent = time.perf_counter() - began
    return {"kind": "end", "method": "solve", "relative_l2_error": _error(network, target),
            "status": "solved", "steps_done": 1, "compile_s": 0.0, "run_s": spent}  # fmt: skip


def _path(fits: Sequence[FitResult], scale: float) -> list[dict[str, Any]]:
    """Relative errors at the training points, with the seconds of training until then."""
    rows, steps, spent = [], 0, 0.0
    for fit in fits:
        total = int(fit.steps[0])
        for step, loss in zip(fit.history.steps[0], fit.history.losses[0], strict=True):
            rows.append(
                {
                    "step": steps + int(step),
                    "relative_error": float(loss) ** 0.5 / scale,
                    "seconds_s": spent + fit.run_s * int(step) / max(total, 1),
                }
            )
        steps, spent = steps + total, spent + fit.run_s
    return rows


# ---------------------------------------------------------------------------------- the race


def _ours(unit: Mapping[str, Any], run: runner.RunInfo) -> dict[str, Any]:
    from approxlab import targets

    target = targets.get(unit["target"])
    start = _start(unit["start"], _widths(unit), 1 + unit["number"], run)
    data = _data(target, unit["points"])
    fit = _fit(data, start, unit["contender"], unit["steps"], run, tol=_TRAINED_GOAL**2)
    error = _error(fit.network, target)
    return {
        "status": str(fit.status),
        "steps_done": int(fit.steps[0]),
        "relative_l2_error": error,
        "reached_s": fit.run_s if error <= unit["goal"] else None,
        "error_at_the_end_s": error,
        "compile_s": fit.compile_s,
        "spent_s": fit.run_s,
    }


def _theirs(unit: Mapping[str, Any], run: runner.RunInfo) -> dict[str, Any]:
    """What another library reaches within the limit; fields that vary with time end in _s."""
    import numpy as np

    import approxlab as al

    name = unit["contender"]
    if not installed(name):
        complain(f"left out, not installed: {name}. For all of them: pip install -e '.[peers]'")
        return {"status": "not installed"}
    target = al.targets.get(unit["target"])
    start = _start(unit["start"], _widths(unit), 1 + unit["number"], run)
    x, y = _data(target, unit["points"])
    # `al.fit` scales the target to mean square one; the same is done for the other libraries.
    scale = float(np.sqrt(np.mean(np.square(y))))
    layers = list(zip(start.weights, start.biases, strict=True))
    request = race_request(layers, x[:, 0], y / scale, _TRAINED_GOAL, unit["limit_of_peer"])
    threads = _best_threads(name, request)
    answer = _answer(name, request, threads)
    weights, biases = (list(part) for part in zip(*answer["layers"], strict=True))
    weights[-1] = (scale * np.array(weights[-1])).tolist()
    biases[-1] = (scale * np.array(biases[-1])).tolist()
    error = _error(al.MLP.from_arrays(weights, biases, "tanh"), target)
    return {
        "status": "raced",
        "reached_s": answer["spent_s"] if error <= unit["goal"] else None,
        "error_at_the_end_s": error,
        "evaluations_s": answer["evaluations"],
        "threads_s": threads,
        "spent_s": answer["spent_s"],
    }


def _best_threads(name: str, request: dict[str, Any]) -> int:
    """One thread or one per core: whichever evaluates more often in a tenth of the time."""
    if request["limit_s"] < _LEAST_TRIAL:
        return 1
    trial = {**request, "limit_s": 0.1 * request["limit_s"]}
    counts = {n: _answer(name, trial, n)["evaluations"] for n in sorted({1, usable_cores()})}
    return max(counts, key=lambda n: counts[n])


def _answer(name: str, request: dict[str, Any], threads: int) -> dict[str, Any]:
    """The answer of another library, which runs in its own process."""
    done = subprocess.run(
        [sys.executable, "-m", "experiments.trained_or_solved.peers", name],
        input=json.dumps(request),
        capture_output=True,
        text=True,
        env={**os.environ, **dict.fromkeys(THREADS, str(threads))},
    )
    if done.returncode:
        raise RuntimeError(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


# ---------------------------------------------------------------------------------- both


def _widths(unit: Mapping[str, Any]) -> tuple[int, ...]:
    return tuple(map(int, unit["hidden"].split(",")))


def _start(kind: str, hidden: tuple[int, ...], number: int, run: runner.RunInfo) -> MLP:
    """The network that all methods start from."""
    import jax

    import approxlab as al

    key = jax.random.fold_in(jax.random.key(run.seed), number)
    if kind != "quasi_interpolant":
        return al.MLP.init(key, 1, hidden, init=kind)
    drawn = al.MLP.init(key, 1, hidden, init="glorot")
    placed = al.fitting.quasi_interpolant(al.targets.get("exp"), hidden[0]).network
    return al.MLP(
        (placed.weights[0], drawn.weights[1]), (placed.biases[0], drawn.biases[1]), "tanh", (0,)
    )


def _data(target: Any, points: int) -> tuple[np.ndarray, np.ndarray]:
    import numpy as np

    import approxlab as al

    x = np.linspace(-1.0, 1.0, points)[:, None]
    return x, np.asarray(al.evaluate(target, x), np.float64)


def _error(network: MLP, target: Any) -> float:
    """Relative L2 error at points that are not used in training."""
    import numpy as np

    import approxlab as al

    x, y = _data(target, _EVALUATION_POINTS)
    difference = np.asarray(al.evaluate(network, x), np.float64) - y
    return float(np.linalg.norm(difference) / np.linalg.norm(y))


def _fit(
    data: Any, start: MLP, method: str, steps: int, run: runner.RunInfo, tol: float | None = None
) -> FitResult:
    import approxlab as al

    stride = 1 if method in _LEAST_SQUARES else _STRIDE
    return al.fit(data, start=start, method=method, steps=steps, patience=steps, stride=stride,
                  tol=tol, devices=run.devices)  # fmt: skip


EXPERIMENT = runner.Experiment(
    name="trained_or_solved",
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
