"""Do several processes train as one? A toy of small fits; $TOY_LOG gets a line for each of them."""

import os
import time
from dataclasses import dataclass

from experiments import runner

REVISION = 1


@dataclass(frozen=True)
class Config:
    """Settings of the toy."""

    count: int = 6
    """Number of units."""
    seeds: int = 5
    """Seeds of each fit; they fill neither two nor four devices."""
    bad: int = -1
    """The unit that fails."""


PRESETS = {"smoke": Config(count=2), "default": Config(), "paper": Config(count=60)}


def units(config):
    return [
        {"number": number, "seeds": config.seeds, "bad": number == config.bad}
        for number in range(config.count)
    ]


def compute(unit, run):
    import jax
    import numpy as np

    import approxlab as al

    if unit["bad"]:
        raise ValueError("a bad unit")
    with open(os.environ["TOY_LOG"], "a", encoding="utf-8") as log:
        log.write(f"{jax.process_index()} {unit['number']}\n")
    start = time.perf_counter()
    x = np.linspace(0.0, 1.0, 17)
    result = al.fit(
        (x[:, None], np.sin((3 + unit["number"]) * x)), hidden=(4,), steps=60, stride=10, tol=0.2,
        seeds=unit["seeds"], learning_rate=0.1, key=jax.random.key(run.seed), dtype=run.dtype,
        devices=run.devices,
    )  # fmt: skip
    time.sleep(float(os.environ.get("TOY_PAUSE", "0")))
    weights = np.concatenate([np.ravel(a) for a in jax.tree.leaves(result.network)])
    return [
        {**row, "weight": float(np.sum(weights)), "run_s": time.perf_counter() - start}
        for row in result.to_rows()
    ]


def check(rows):
    assert all(row["steps_done"] <= 60 for row in rows), "fits end in time"


def caption(rows):
    return f"{len(rows)} networks."


def draw(rows):
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    figure.subplots().plot([row["weight"] for row in rows])
    return figure


EXPERIMENT = runner.Experiment(
    name="distributed_toy", revision=REVISION, config=Config, presets=PRESETS, units=units,
    compute=compute, check=check, caption=caption, table=caption, draw=draw, together=True,
)  # fmt: skip

if __name__ == "__main__":
    raise SystemExit(runner.main(EXPERIMENT))
