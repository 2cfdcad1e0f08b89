"""Pieces of work, handed out to the workers and collected as they end."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import time
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from approxlab.cluster.in_workers import facts, in_worker
from approxlab.cluster.starting import Refused, installed

_LOST = "the connection with the scheduler was lost"
_LOOK_AGAIN_S = 5.0  # for workers that have come or gone
_WITHOUT_WORKERS_S = 30.0  # one that was lost may be started again meanwhile


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


def everywhere(client: Any, function: Callable[[Any], Any], piece: Any = None) -> dict[str, Any]:
    """What every worker returns, by its address; the first call waits until there is a worker.

    Raises:
        Refused: `client` is not a client, or a worker has other packages, or fails.
    """
    check_client(client)
    while not (addresses := list(_there(client))):
        time.sleep(0.2)
    packed = _packed(function, piece)
    futures = {
        address: client.submit(
            in_worker, facts(), {}, packed, key=f"look-{uuid.uuid4().hex}", workers=[address]
        )
        for address in addresses
    }
    while pending := [future for future in futures.values() if not future.done()]:
        _wait(pending)
        there = _there(client)
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
            workers = len(_there(client))
            while waiting and len(running) < max(workers, 1):
                index = waiting.pop()
                future = client.submit(
                    in_worker,
                    facts(),
                    flags or {},
                    _packed(function, pieces[index]),
                    key=f"{name}-{index}-{mark}",
                )
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


def _there(client: Any) -> dict[str, int]:
    """The workers, with their numbers of threads."""
    try:
        return dict(client.nthreads())
    except OSError as error:
        raise ConnectionError(_LOST) from error


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
        raise ConnectionError(_LOST)
    try:
        error = future.exception()
        packed = None if error is not None else future.result()
    except OSError as closed:  # of the connection: those of a piece are given, not raised
        raise ConnectionError(_LOST) from closed
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
    value, seconds = cloudpickle.loads(packed)
    return Outcome(index, value, seconds=seconds)
