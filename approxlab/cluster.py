"""Workers of a Dask cluster compute independent pieces, such as the units of a sweep.

    with al.cluster.local(4) as client:
        results = al.sweeps.run(units, client=client)

Which worker computes what, and what happens when one is lost, is decided by the scheduler of
dask.distributed. Here it is told which pieces there are, the longest first and as many at a time as
there are workers; and that a worker has the same packages as this process. A process computes one
piece at a time, with its share of the cores. Needs the extra: pip install 'approxlab[cluster]'
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
import json
import logging
import math
import os
import platform
import sys
import threading
import time
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from approxlab.arguments import check_positive
from approxlab.records.origins import versions

__all__ = [
    "Outcome", "Refused", "check_client", "compare", "computed", "connected", "everywhere",
    "installed", "local", "share", "sources",
]  # fmt: skip

_TO_CONNECT_S = 20
_LOOK_AGAIN_S = 5.0  # for workers that have come or gone
_WITHOUT_WORKERS_S = 30.0  # one that was lost may be started again meanwhile
_CORES = "NPROC"  # XLA reads it for the size of its pool of threads
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
_alone = threading.Lock()  # flags of JAX belong to the process


class Refused(Exception):
    """The cluster cannot be used as it is; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What became of one piece.

    Attributes:
        index: Its place among the pieces.
        value: What was returned; None after an error.
        error: What was raised, or says that its workers were lost; else None.
        seconds: How long it took where it was computed; None after an error.
    """

    index: int
    value: Any = None
    error: BaseException | None = None
    seconds: float | None = None


# --------------------------------------------------------------------------------------- clusters


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
    threads = {_CORES: cores} | {name: os.environ.get(name, cores) for name in _THREADS}
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
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(_ONLY_THE_WORST)
    try:
        yield
    finally:
        log.setLevel(before)


# -------------------------------------------------------------------------------------- in workers


def share() -> int:
    """Cores that a piece may use in this worker: its threads, or its part of a `local` cluster."""
    distributed = installed()
    if _CORES in os.environ:
        return max(1, int(os.environ[_CORES]))
    return max(1, distributed.get_worker().state.nthreads)


@functools.cache
def sources(folder: Path) -> str:
    """A short digest of the Python files in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


@functools.cache
def _facts() -> dict[str, str]:
    """What has to be equal in the processes of a run: numbers depend on it."""
    found = {name: str(version) for name, version in versions().items() if name != "matplotlib"}
    found["approxlab"] += f" with sources {sources(Path(__file__).parent)}"
    return {"Python": ".".join(platform.python_version_tuple()[:2]), **found}


def compare(asked: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Refuses, in a worker, to compute where something differs from the process that asks for it.

    Raises:
        Refused: With the name of what differs.
    """
    for name, value in asked.items():
        if ours.get(name) != value:
            raise Refused(
                f"worker {installed().get_worker().address} has {name} {ours.get(name)}, expected "
                f"{value} as in the process that sends the work. Start all workers in the same "
                "environment."
            )


def _in_worker(asked: Mapping[str, str], flags: Mapping[str, Any], packed: bytes) -> bytes:
    """The value of a function and the seconds it took; flags of JAX are as where it was sent."""
    import cloudpickle

    with _alone:
        if "jax" not in sys.modules:  # later it has no effect
            os.environ[_CORES] = str(share())
        compare(asked, _facts())
        with _flags(flags):  # before unpacking, which may make arrays
            function, piece = cloudpickle.loads(packed)
            start = time.perf_counter()
            value = function(piece)
            return cloudpickle.dumps((value, time.perf_counter() - start))


@contextlib.contextmanager
def _flags(flags: Mapping[str, Any]) -> Iterator[None]:
    if not flags:
        yield
        return
    import jax

    before = {name: jax.config.values[name] for name in flags}
    try:
        for name, value in flags.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


# -------------------------------------------------------------------------------------- the client


def everywhere(client: Any, function: Callable[[Any], Any], piece: Any = None) -> dict[str, Any]:
    """What every worker returns, by its address; the first call waits until there is a worker.

    Raises:
        Refused: `client` is not a client, or a worker has other packages, or fails.
    """
    check_client(client)
    while not (addresses := list(client.nthreads())):
        time.sleep(0.2)
    packed = _packed(function, piece)
    futures = {
        address: client.submit(
            _in_worker, _facts(), {}, packed, key=f"look-{uuid.uuid4().hex}", workers=[address]
        )
        for address in addresses
    }
    while pending := [future for future in futures.values() if not future.done()]:
        _wait(pending)
        there = client.nthreads()
        futures = {a: future for a, future in futures.items() if future.done() or a in there}
    return {address: _looked(address, future) for address, future in futures.items()}


def _looked(address: str, future: Any) -> Any:
    outcome = _outcome(0, future)
    if outcome.error is not None:
        raise Refused(
            f"worker {address} cannot compute: {type(outcome.error).__name__}: {outcome.error}. "
            "Start all workers in the same environment."
        ) from outcome.error
    return outcome.value


def check_client(client: Any) -> None:
    """Refuses what is not a client of dask.distributed, or one for asynchronous programs."""
    if not isinstance(client, installed().Client):
        raise TypeError(
            f"client: got {client!r}, expected a dask.distributed Client. For example "
            "Client('tcp://10.0.0.1:8786'), or al.cluster.local(4) in a with statement."
        )
    if client.asynchronous:
        raise TypeError("client: got an asynchronous client, expected Client(asynchronous=False).")


def computed(
    client: Any,
    function: Callable[[Any], Any],
    pieces: Sequence[Any],
    *,
    seconds: Sequence[float | None] = (),
    flags: Mapping[str, Any] | None = None,
    name: str = "unit",
    tell: Callable[[str], None] | None = None,
) -> Iterator[Outcome]:
    """The value of a function for every piece, in the order in which they end.

    A piece whose worker is lost is computed again by another one; after the fourth loss it counts
    as failed, and the others go on. Functions and pieces are pickled, those of a program's or
    notebook's own by value.

    Args:
        client: A client of dask.distributed.
        function: Takes a piece.
        pieces: What there is to compute.
        seconds: How long each is expected to take, None where that is not known; without an
            expectation a piece comes early, then the longest ones.
        flags: Flags of JAX that the workers set meanwhile, by name.
        name: What the pieces are called on Dask's dashboard.
        tell: Is called with a sentence when all workers have gone.

    Raises:
        Refused: A worker has other packages than this process.
        ConnectionError: The scheduler was lost.
    """
    check_client(client)
    expected = [*seconds, *[None] * (len(pieces) - len(seconds))]
    waiting = sorted(range(len(pieces)), key=lambda i: (_or_longest(expected[i]), -i))
    running: dict[Any, int] = {}
    mark, seen = uuid.uuid4().hex, time.monotonic()
    try:
        while waiting or running:
            workers = len(client.nthreads())
            while waiting and len(running) < max(workers, 1):
                index = waiting.pop()
                future = client.submit(
                    _in_worker, _facts(), flags or {}, _packed(function, pieces[index]),
                    key=f"{name}-{index}-{mark}",
                )  # fmt: skip
                running[future] = index
            if workers:
                seen = time.monotonic()
            elif tell is not None and time.monotonic() > seen + _WITHOUT_WORKERS_S:
                tell("no worker is left; this waits for others to come")
                seen = math.inf
            _wait(list(running))
            for future in [one for one in running if one.done()]:
                yield _outcome(running.pop(future), future)
    finally:
        client.cancel(list(running), force=True)


def _or_longest(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds


def _packed(function: Callable[[Any], Any], piece: Any) -> bytes:
    import cloudpickle

    return cloudpickle.dumps((function, piece))


def _wait(futures: list[Any]) -> None:
    """Until one has ended, or a few seconds: workers may have come or gone."""
    distributed = installed()
    with contextlib.suppress(TimeoutError, distributed.client.CancelledError):
        distributed.wait(futures, timeout=_LOOK_AGAIN_S, return_when="FIRST_COMPLETED")


def _outcome(index: int, future: Any) -> Outcome:
    import cloudpickle

    distributed = installed()
    if future.status in ("cancelled", "lost"):
        raise ConnectionError("the connection with the scheduler was lost")
    error = future.exception()
    if isinstance(error, Refused):
        raise error
    if isinstance(error, distributed.KilledWorker):
        return Outcome(
            index,
            error=RuntimeError(
                "its worker was lost each of the times it was tried; out of memory, perhaps"
            ),
        )
    if error is not None:
        return Outcome(index, error=error)
    value, seconds = cloudpickle.loads(future.result())
    return Outcome(index, value, seconds=seconds)
