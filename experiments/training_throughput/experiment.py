"""How fast is the training loop, against other libraries and against the peak of the machine?

Several contenders train the same networks by Adam in float32, alternating, each in its own process
with its best flags. Also measured: the pieces of a step, each alone, and the best rate of matrix
products on this machine. Libraries that are not installed are left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Literal, get_args

from approxlab.arguments import check_positive
from experiments import runner
from experiments.runner.usage import complain
from experiments.training_throughput.cases import Case, product_flops
from experiments.training_throughput.contenders import SCANNED, environment, installed
from experiments.training_throughput.figure import draw
from experiments.training_throughput.findings import caption, check, table

REVISION = 1

PIECES = ("products", "activation", "optimiser", "peak")
CASES = {"small": ((32, 32), 256), "medium": ((64, 64, 64, 64), 1024)}
# Steps of each seed in one measurement, which takes 0.3 to 1 second on two cores.
STEPS = {
    "sweep": (3000, 120),
    "single_call": (3000, 120),
    "single_device": (1500, 60),
    "scan": (600, 20),
    "python_loop": (300, 20),
    "pytorch_default": (60, 10),
    "pytorch": (60, 10),
    "pytorch_compiled": (120, 10),
    "pytorch_twice": (120, 20),
    "scikit_learn": (120, 10),
    "products": (2000, 60),
    "activation": (8000, 400),
    "optimiser": (40000, 4000),
    "peak": (100, 100),
}
Contender = Literal[
    "sweep", "single_call", "single_device", "scan", "python_loop", "pytorch_default",
    "pytorch", "pytorch_compiled", "pytorch_twice", "scikit_learn", "products", "activation",
    "optimiser", "peak",
]  # fmt: skip


@dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    cases: tuple[Literal["small", "medium"], ...] = ("small", "medium")
    """small is 1-32-32-1 with 256 points, medium 1-64-64-64-64-1 with 1024."""
    contenders: tuple[Contender, ...] = get_args(Contender)
    """What is timed: ways to train, pieces of a step, and the peak of the machine."""
    seeds: int = 16
    """Networks trained in each measurement."""
    repeats: int = 5
    """Measurements of each contender; contenders alternate."""
    effort: float = 1.0
    """Multiplies the number of steps in each measurement."""


PRESETS = {
    "smoke": Config(
        cases=("small",),
        contenders=("sweep", "scan", "products", "peak"),
        seeds=4,
        repeats=2,
        effort=0.2,
    ),
    "default": Config(),
    "paper": Config(repeats=9, effort=1.5),
}


def units(config: Config) -> Sequence[Mapping[str, Any]]:
    """One unit for each case, with all contenders, which alternate."""
    check_positive(seeds=config.seeds, repeats=config.repeats)
    return [
        {
            "case": name,
            "widths": ",".join(map(str, CASES[name][0])),
            "points": CASES[name][1],
            "seeds": config.seeds,
            "repeats": config.repeats,
            "effort": config.effort,
            "contenders": ",".join(config.contenders),
        }
        for name in config.cases
    ]


def compute(unit: Mapping[str, Any], run: runner.RunInfo) -> Sequence[Mapping[str, Any]]:
    """A row for every measurement, and one for every contender that is not installed."""
    case = Case(tuple(map(int, unit["widths"].split(","))), unit["points"], unit["seeds"])
    names = unit["contenders"].split(",")
    absent = [name for name in names if not installed(name)]
    if absent:
        complain(
            f"left out, not installed: {', '.join(absent)}. "
            "For all of them: pip install -e '.[peers]'"
        )
    rows = [{"contender": name, "status": "not installed"} for name in absent]
    present = [name for name in names if name not in absent]
    with contextlib.ExitStack() as stack:
        workers: dict[str, tuple[IO[str], IO[str]]] = {}
        for group in _groups(present):
            workers |= dict.fromkeys(group, stack.enter_context(_started(group, case, unit)))

        def measured(name: str, steps: int) -> dict[str, float]:
            return _answer(name, steps, *workers[name])

        # The first call compiles; its extra time over the second counts as compilation.
        compile_s = {
            name: measured(name, SCANNED)["seconds_s"] - measured(name, SCANNED)["seconds_s"]
            for name in present
        }
        for repeat in range(unit["repeats"]):
            for name in present:
                steps = _steps(name, case, unit["effort"])
                answer = measured(name, steps)
                rows.append(
                    {
                        "contender": name,
                        "status": "timed",
                        "repeat": repeat,
                        "steps": steps,
                        "product_flops": product_flops(case),
                        "steps_per_s": case.seeds * steps / answer["seconds_s"],
                        "flops_per_s": answer.get("flops_per_s"),
                        "compile_s": max(compile_s[name], 0.0),
                    }
                )
    return rows


def seconds(config: Config) -> float:
    """Expected time on two cores: starting and compiling, then 0.3 s for each measurement."""
    each = 2.5 + config.repeats * (0.25 + 0.4 * config.effort * config.seeds / 16)
    return len(config.cases) * len(config.contenders) * each


def _steps(name: str, case: Case, effort: float) -> int:
    steps = STEPS[name][0 if case.small else 1] * effort
    return max(1, round(steps / SCANNED)) * SCANNED if name == "scan" else max(1, round(steps))


def _groups(names: Sequence[str]) -> Sequence[Sequence[str]]:
    """Contenders by process: pieces share one, since they need the same flags; others do not."""
    pieces = [name for name in names if name in PIECES]
    return [[name] for name in names if name not in pieces] + ([pieces] if pieces else [])


@contextlib.contextmanager
def _started(names: Sequence[str], case: Case, unit: Mapping[str, Any]) -> Iterator[Any]:
    """A process for contenders, as the streams for requests and for answers."""
    arguments = [",".join(names), unit["widths"], str(case.points), str(case.seeds)]
    process = subprocess.Popen(
        [sys.executable, "-m", "experiments.training_throughput.contenders", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment(names[0], case)},
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process.stdin, process.stdout
        process.stdin.close()  # the process ends by itself
        process.wait(10)
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def _answer(name: str, steps: int, requests: IO[str], answers: IO[str]) -> dict[str, float]:
    requests.write(f"{name} {steps}\n")
    requests.flush()
    line = answers.readline()
    if not line:
        raise RuntimeError(f"the process of {name} ended early; its messages are above.")
    result: dict[str, float] = json.loads(line)
    return result


EXPERIMENT = runner.Experiment(
    name="training_throughput",
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
