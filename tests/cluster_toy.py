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


def units(config):
    return [
        {"number": n, "bad": n == config.bad, "deadly": n == config.deadly}
        for n in range(config.count)
    ]


def compute(unit, run):
    import numpy as np

    with open(os.environ["TOY_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{os.getpid()} {unit['number']}\n")
    if unit["bad"]:
        raise ValueError("a bad unit")
    if unit["deadly"]:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(float(os.environ.get("TOY_PAUSE", "0")) * (1 + unit["number"] % 3))
    values = np.random.default_rng([run.seed, unit["number"]]).normal(size=2)
    return [{"part_of_two": i, "value": float(value)} for i, value in enumerate(values)]


EXPERIMENT = runner.Experiment(name="cluster_toy", config=Config, units=units, compute=compute)

if __name__ == "__main__":
    raise SystemExit(runner.main(EXPERIMENT))
