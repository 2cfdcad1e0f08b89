"""Clusters: one of processes on this machine, or the one of a scheduler elsewhere."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from approxlab.arguments import check_positive

_TO_CONNECT_S = 20
CORES = "NPROC"  # XLA reads it for the size of its pool of threads
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Refused(Exception):
    """The cluster cannot be used as it is; the message says why, and what to do."""


def installed() -> Any:
    """The package `distributed`.

    Raises:
        Refused: It is not installed.
    """
    try:
        import distributed
    except ImportError as error:
        raise Refused(
            f"dask.distributed is not installed ({error}). Install the extra: "
            "pip install 'approxlab[cluster]'"
        ) from error
    return distributed


@contextlib.contextmanager
def local(workers: int) -> Iterator[Any]:
    """A client of so many worker processes on this machine, which end with the body.

    The cores that this process may use are divided among them: threads of XLA and of the linear
    algebra of the host. No limit of memory is set. In a program, write it behind
    `if __name__ == "__main__":`, since each worker imports the program's file.

    Args:
        workers: Number of processes, 1 or more.

    Raises:
        ValueError: `workers` is not a positive integer.
        Refused: dask.distributed is not installed.

    Example:
        >>> with local(0) as client:
        ...     pass
        Traceback (most recent call last):
        ...
        ValueError: workers: got 0, expected a positive integer.
    """
    check_positive(workers=workers)
    distributed = installed()
    import dask

    cores = str(max(1, _usable_cores() // workers))
    threads = {CORES: cores} | {name: os.environ.get(name, cores) for name in _THREADS}
    settings = {
        "distributed.nanny.pre-spawn-environ": threads,  # also of a worker that is started again
        "distributed.scheduler.worker-ttl": None,  # a long call from Python may keep a worker busy
        "distributed.admin.system-monitor.gil.enabled": False,
    }
    with contextlib.ExitStack() as stack:
        stack.enter_context(_environment(threads))
        stack.enter_context(dask.config.set(settings))
        cluster = stack.enter_context(
            distributed.LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                memory_limit=None,
                dashboard_address=None,
                silence_logs=_ONLY_THE_WORST,
                preload=[_DEAF],
            )
        )
        yield stack.enter_context(distributed.Client(cluster))


# Control-C reaches all processes of a terminal; the workers end with the client.
_DEAF = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
_ONLY_THE_WORST = logging.CRITICAL  # what goes wrong is told by outcomes


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def _environment(values: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextlib.contextmanager
def connected(address: str) -> Iterator[Any]:
    """A client of the scheduler at an address, or of the one that a scheduler file names.

    Raises:
        Refused: It cannot be reached within 20 seconds, or dask.distributed is not installed.
    """
    distributed = installed()
    try:
        with warnings.catch_warnings():  # of other versions: those that matter are refused later
            warnings.simplefilter("ignore")
            client = distributed.Client(_of_scheduler(address), timeout=_TO_CONNECT_S)
    except (OSError, ValueError, KeyError) as error:  # TimeoutError is an OSError
        raise Refused(
            f"no scheduler answers at {address} within {_TO_CONNECT_S} seconds. Start one with: "
            "dask scheduler; it prints its address, such as tcp://10.0.0.1:8786"
        ) from error
    with _silent(), client:
        yield client


def _of_scheduler(address: str) -> str:
    """The address itself, or the one in a scheduler file, which may still be on its way."""
    if not address.endswith(".json"):
        return address
    path, end = Path(address), time.monotonic() + _TO_CONNECT_S
    while not path.is_file() and time.monotonic() < end:
        time.sleep(0.1)
    return str(json.loads(path.read_text(encoding="utf-8"))["address"])


@contextlib.contextmanager
def _silent() -> Iterator[None]:
    before = [(one, one.level) for one in logging.getLogger("distributed").handlers]
    for handler, _ in before:
        handler.setLevel(_ONLY_THE_WORST)
    try:
        yield
    finally:
        for handler, level in before:
            handler.setLevel(level)
