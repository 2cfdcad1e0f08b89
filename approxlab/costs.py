"""Time and memory of programs: lowering, compiling and running separately, contenders in turns.

A ratio of two times is only reliable while nothing else runs on the machine. Therefore
contenders run in turns (A B C, A B C, ...), each turn lasts at least `min_s`, and a ratio is the
median of the ratios turn by turn, so that a machine that slows down slows all of them.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

import jax

from approxlab.arguments import check_positive

__all__ = ["ONE_THREAD", "Measurement", "measure"]

ONE_THREAD = MappingProxyType({"xla_cpu_multi_thread_eigen": False})
"""Programs for one thread of a CPU, whatever the flags of the process: their buffers and XLA's
counts of the compiled program are then those of any other such process."""


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """Time and memory of one program.

    Attributes:
        name: Name of the contender.
        lower_s: Seconds of tracing and lowering to XLA's input.
        compile_s: Seconds of compilation; almost 0 where a cache held the compiled program.
        runs_s: Seconds per call, one entry per turn.
        argument_bytes: Bytes of the arguments of the compiled program.
        output_bytes: Bytes of its results.
        temp_bytes: Bytes of all other buffers that it needs: XLA's buffer assignment, which is
            what will be allocated, not a sample of it.
        flops: Floating-point operations of the lowered program as XLA counts them, `nan` if it
            does not say. It counts the body of a loop once.
        compiled_flops: The same of the compiled program, whose fused products XLA counts otherwise.
    """

    name: str
    lower_s: float
    compile_s: float
    runs_s: tuple[float, ...]
    argument_bytes: int
    output_bytes: int
    temp_bytes: int
    flops: float
    compiled_flops: float

    @property
    def run_s(self) -> float:
        """Median seconds per call."""
        return statistics.median(self.runs_s)

    def ratio_to(self, other: Measurement) -> float:
        """How many times as long as `other`: the median of the ratios turn by turn.

        Raises:
            ValueError: If the two were not measured in the same number of turns.
        """
        if len(self.runs_s) != len(other.runs_s):
            raise ValueError(
                f"other: got {len(other.runs_s)} turns for {len(self.runs_s)}, expected two "
                "contenders of one call of `measure`."
            )
        pairs = zip(self.runs_s, other.runs_s, strict=True)
        return statistics.median(mine / theirs for mine, theirs in pairs)

    def __repr__(self) -> str:
        return (
            f"Measurement({self.name}: {self.run_s:.3g} s a call, {len(self.runs_s)} turns, "
            f"compiled in {self.compile_s:.2g} s, {self.temp_bytes} bytes besides its results)"
        )

    def to_rows(self) -> list[dict[str, Any]]:
        """One flat row: median and quartiles of the time, bytes besides arguments, FLOPs by XLA."""
        quartiles = (
            statistics.quantiles(self.runs_s, n=4) if len(self.runs_s) > 1 else [self.run_s] * 3
        )
        return [
            {
                "name": self.name,
                "run_s": self.run_s,
                "lower_quartile_s": quartiles[0],
                "upper_quartile_s": quartiles[2],
                "lower_s": self.lower_s,
                "compile_s": self.compile_s,
                "output_bytes": self.output_bytes,
                "temp_bytes": self.temp_bytes,
                "xla_flops": self.flops,
            }
        ]


def measure(
    contenders: Mapping[str, tuple[Callable[..., Any], tuple[Any, ...]]],
    *,
    repeats: int = 9,
    min_s: float = 0.01,
    compiler_options: Mapping[str, Any] | None = None,
) -> dict[str, Measurement]:
    """Compiles every contender, then times them in turns.

    A call ends when its results are computed (`jax.block_until_ready`), so a time contains the
    dispatch of the call: some microseconds, the least time of any small program.

    Args:
        contenders: Name to (function, arguments); arguments are pytrees of arrays, all traced.
        repeats: Number of turns.
        min_s: Seconds that a turn of one contender lasts at least; short programs are called
            again until then.
        compiler_options: For XLA, such as `ONE_THREAD`; by default those of the process.

    Returns:
        Name to `Measurement`, in the order given.

    Raises:
        ValueError: If there is no contender, or `repeats` or `min_s` is not positive.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.ones((64, 64))
        >>> found = measure({"product": (jnp.matmul, (x, x)), "sum": (jnp.sum, (x,))}, repeats=3)
        >>> found["product"].flops >= 2 * 64**3, found["sum"].run_s > 0
        (True, True)
    """
    check_positive(repeats=repeats)
    if not min_s > 0:
        raise ValueError(f"min_s: got {min_s!r}, expected a positive number of seconds.")
    if not isinstance(contenders, Mapping):
        raise TypeError(
            f"contenders: got {type(contenders).__name__}, expected a dict of names and "
            "(function, arguments)."
        )
    if not contenders:
        raise ValueError("contenders: got none, expected at least one (function, arguments).")
    for name, pair in contenders.items():
        several = isinstance(pair, tuple | list) and len(pair) == 2
        if not several or not callable(pair[0]) or not isinstance(pair[1], tuple | list):
            raise TypeError(
                f"contenders: got {pair!r} for {name!r}, expected (function, (x, ...))."
            )
    options = dict(compiler_options or {})
    programs = {name: _compiled(fn, args, options) for name, (fn, args) in contenders.items()}
    calls = {name: _calls(program.run, min_s) for name, program in programs.items()}
    runs: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(repeats):
        for name, program in programs.items():
            runs[name].append(_seconds(program.run, calls[name]) / calls[name])
    return {
        name: Measurement(name, runs_s=tuple(runs[name]), **program.figures)
        for name, program in programs.items()
    }


@dataclasses.dataclass(frozen=True, eq=False)
class _Compiled:
    run: Callable[[], None]
    figures: dict[str, Any]


def _compiled(fn: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]) -> _Compiled:
    start = time.perf_counter()
    lowered = jax.jit(lambda *given: fn(*given)).lower(
        *args
    )  # attributes of fn would be taken over
    middle = time.perf_counter()
    program = lowered.compile(options or None)
    end = time.perf_counter()
    memory = program.memory_analysis()
    figures = {
        "lower_s": middle - start,
        "compile_s": end - middle,
        "argument_bytes": int(getattr(memory, "argument_size_in_bytes", 0)),
        "output_bytes": int(getattr(memory, "output_size_in_bytes", 0)),
        "temp_bytes": int(getattr(memory, "temp_size_in_bytes", 0)),
        "flops": _flops(lowered.cost_analysis()),
        "compiled_flops": _flops(program.cost_analysis()),
    }

    def run() -> None:
        jax.block_until_ready(program(*args))

    return _Compiled(run, figures)


def _flops(analysis: Any) -> float:
    """XLA's count; older versions of JAX return a list of one."""
    if isinstance(analysis, list):
        analysis = analysis[0] if analysis else {}
    return float((analysis or {}).get("flops", float("nan")))


def _calls(run: Callable[[], None], min_s: float) -> int:
    """How many calls last `min_s`: increased until they do; the first call is not timed."""
    run()
    calls = 1
    while (spent := _seconds(run, calls)) < min_s:
        # The time of one call is too inaccurate to extrapolate all the way.
        calls *= max(2, min(10, int(min_s / max(spent, 1e-9))))
    return calls


def _seconds(run: Callable[[], None], calls: int) -> float:
    start = time.perf_counter()
    for _ in range(calls):
        run()
    return time.perf_counter() - start


def __dir__() -> list[str]:
    return __all__
