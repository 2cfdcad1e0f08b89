"""Measures one task in a process of its own, with the library of a given folder.

    python -m experiments.growth.timing TASK SIZES SEED DTYPE [FOLDER]

prints one line of JSON per size. With FOLDER, `approxlab` is imported from there.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

__all__: list[str] = []

_CALLS, _ENOUGH = 3, 1.0  # calls after the first one, and CPU seconds that suffice


def _measured(name: str, size: int, seed: int) -> dict[str, float]:
    """CPU seconds of all threads: the first call compiles, the median of others does not."""
    from experiments.growth.tasks import TASKS

    run = TASKS[name].prepare(size, seed)
    times: list[float] = []
    while len(times) <= _CALLS and (len(times) < 2 or sum(times) < _ENOUGH):
        start = time.process_time()
        value = run()
        times.append(time.process_time() - start)
        if times[0] > 10.0 * _ENOUGH:  # then what is compiled does not count
            break
    again = times[1:] or times
    return {"size": size, "first_s": times[0], "run_s": statistics.median(again), "value": value}


def _main(name: str, sizes: str, seed: str, dtype: str, folder: str = "") -> None:
    if folder:
        sys.path.insert(0, folder)
    import jax

    jax.config.update("jax_enable_x64", dtype == "float64")
    for size in sizes.split():
        print(json.dumps(_measured(name, int(size), int(seed))), flush=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
