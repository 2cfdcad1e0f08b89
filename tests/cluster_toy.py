"""Do workers compute as one process does? Units without compilation; $TOY_LOG gets a line for each.

Unit `bad` raises, and unit `deadly` ends its process, as often as it is tried.
"""

import os
import signal
import time
from dataclasses import dataclass

from experiments import runner


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    count: int = 8
    """Number of units."""
    bad: int = -1
    """The unit that fails."""
    deadly: int = -1
    """The unit that ends its process."""
    seeds: int = 0
    """Seeds of every unit, with a row each; 0 for two rows that are not computed apart."""


def units(config):
    seeds = {"seeds": config.seeds} if config.seeds else {}
    return [
        {"number": n, "bad": n == config.bad, "deadly": n == config.deadly, **seeds}
        for n in range(config.count)
    ]


def seeds(unit):
    return unit.get("seeds", 1)


def compute(unit, run):
    import numpy as np

    with open(os.environ["TOY_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{os.getpid()} {unit['number']}\n")
    count = unit.get("seeds", 2)
    asked = run.seeds or range(count)
    if unit["bad"] and count - 1 in asked:
        raise ValueError("a bad unit")
    if unit["deadly"]:
        os.kill(os.getpid(), signal.SIGKILL)
    pause = float(os.environ.get("TOY_PAUSE", "0")) * (1 + unit["number"] % 3)
    time.sleep(pause * len(asked) / count)
    values = np.random.default_rng([run.seed, unit["number"]]).normal(size=count)
    return [{"row": i, "value": float(values[i])} for i in asked]


EXPERIMENT = runner.Experiment(
    name="cluster_toy", config=Config, units=units, compute=compute, seeds=seeds
)

if __name__ == "__main__":
    raise SystemExit(runner.main(EXPERIMENT))
