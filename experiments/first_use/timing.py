"""Makes one call twice in this process, whose first call it is.

    python -m experiments.first_use.timing CASE SEED STEPS DTYPE

prints one line of JSON. What counts as compilation is what JAX says of itself: the seconds in which
it traced, lowered or compiled, in any thread, each second once.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from typing import Any

from experiments.first_use.cases import CALLS

__all__: list[str] = []

_COMPILING, _COMPILED = "/jax/core/compile/", "/jax/core/compile/backend_compile_duration"


class _Compilation:
    """What JAX compiles from now on."""

    def __init__(self) -> None:
        self.spans: list[tuple[float, float]] = []
        self.programs = 0

    def __call__(self, event: str, duration_secs: float, **kwargs: str | int) -> None:
        if event.startswith(_COMPILING):
            now = time.perf_counter()
            self.spans.append((now - duration_secs, now))
            self.programs += event == _COMPILED

    @property
    def seconds(self) -> float:
        """Of all spans; where they overlap they count once."""
        total, end = 0.0, 0.0
        for begins, ends in sorted(self.spans):
            total += max(0.0, ends - max(begins, end))
            end = max(end, ends)
        return total


def _timed(case: str, seed: int, steps: int, seen: _Compilation) -> tuple[dict[str, float], Any]:
    import jax

    seen.spans, seen.programs = [], 0
    start, cpu = time.perf_counter(), time.process_time()
    result = CALLS[case](seed, steps)
    if isinstance(result, jax.Array):
        result.block_until_ready()
    times = {"s": time.perf_counter() - start, "cpu_s": time.process_time() - cpu}
    return times, result


def _finite(result: Any) -> bool:
    import numpy as np

    loss = getattr(result, "relative_loss", None)  # of a fit
    return bool(np.all(np.isfinite(np.asarray(result if loss is None else loss))))


def _main(case: str, seed: str, steps: str, dtype: str) -> None:
    start = time.perf_counter()
    import jax
    import jax.monitoring

    row: dict[str, Any] = {"jax_s": time.perf_counter() - start}
    row |= {"jax_version": jax.__version__, "python_version": platform.python_version()}
    jax.config.update("jax_enable_x64", dtype == "float64")
    seen = _Compilation()
    jax.monitoring.register_event_duration_secs_listener(seen)
    for name in ("first", "again"):
        times, result = _timed(case, int(seed), int(steps), seen)
        row |= {f"{name}_{unit}": value for unit, value in times.items()}
        row |= {f"{name}_compile_s": seen.seconds, f"{name}_programs": seen.programs}
        if hasattr(result, "compile_s"):  # a fit tells its own times
            row |= {f"{name}_told_compile_s": result.compile_s, f"{name}_told_run_s": result.run_s}
    print(json.dumps({**row, "finite": _finite(result)}))


if __name__ == "__main__":
    _main(*sys.argv[1:])
