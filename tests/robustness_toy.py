"""What survives a kill? A toy whose every computed unit leaves a line in the file $TOY_LOG."""

import math
import os
import time
from dataclasses import dataclass

from experiments import runner

REVISION = 1


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    count: int = 60
    """Number of units."""
    letters: int = 20
    """Length of a text in every row."""


PRESETS = {"smoke": Config(count=2), "default": Config(), "paper": Config(count=400)}


def units(config):
    return [{"size": size, "letters": config.letters} for size in range(config.count)]


def compute(unit, run):
    with open(os.environ["TOY_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{os.getpid()} {unit['size']}\n")
    start = time.perf_counter()
    time.sleep(float(os.environ.get("TOY_PAUSE", "0.003")))
    values = [math.sin(run.seed + 0.1 * unit["size"] * k) / 3 for k in (1, 2, 3)]
    values[0] = math.nan if unit["size"] == 3 else values[0]
    return [
        {"draw": k, "value": v, "text": "x" * unit["letters"], "run_s": time.perf_counter() - start}
        for k, v in enumerate(values)
    ]


def check(rows):
    assert all(not abs(row["value"]) > 1 for row in rows), "a third of a sine is below 1"


def caption(rows):
    return f"{len(rows)} toys survive."


def draw(rows):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([row["value"] for row in rows])
    return figure


EXPERIMENT = runner.Experiment(
    name="robustness_toy", revision=REVISION, config=Config, presets=PRESETS, units=units,
    compute=compute, check=check, caption=caption, table=caption, draw=draw,
)  # fmt: skip

if __name__ == "__main__":
    raise SystemExit(runner.main(EXPERIMENT))
