"""One run by several processes: how they meet, what they agree on, and how they end.

Every process runs the same command and computes the same units; the seeds of a fit are spread over
the devices of all of them. The first process alone reads and writes files and speaks.

Where another process is lost, the coordination service of jax ends this one from C++: no exception
can be caught. So the run is a child, and its parent says what has happened and what to do.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NoReturn

from experiments.runner.flags import Options
from experiments.runner.usage import UsageError, complain

if TYPE_CHECKING:
    import numpy as np

_JOINED = b"j"  # said to the parent; then, at the very end, one byte with the exit code
_PATIENCE_AT_START = 5  # times that of the run: programs do not start all at once
_parent: socket.socket | None = None

_AGAIN = (
    "Finished units are kept. Start all processes again with the same commands (without --force)."
)
_LOST = f"another process was lost or has ended, and this one cannot go on alone. {_AGAIN}"


# ------------------------------------------------------------------------------- parent and child


def supervised(name: str, options: Options, work: Callable[[], int]) -> int:
    """The exit code of `work`, done by a child; or the one that says why a signal ended it.

    The child ends with its parent, and by the signals that its parent gets.
    """
    if not hasattr(os, "fork"):
        return work()
    ours, theirs = socket.socketpair()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()  # jax is not loaded yet, so there are no threads to be lost
    if child == 0:
        ours.close()
        _be_child(theirs, work)
    theirs.close()
    with ours:
        with _forwarding_to(child) as seen:
            _, status = os.waitpid(child, 0)
        said = ours.recv(2)
    if os.WIFEXITED(status):
        return os.WEXITSTATUS(status)
    if said[1:]:  # all was done, only the farewell failed
        return said[1]
    number = os.WTERMSIG(status)
    return _why_ended(name, options, seen[-1] if seen else number, joined=said == _JOINED)


def _why_ended(name: str, options: Options, number: int, joined: bool) -> int:
    """Says why the child was ended by a signal; gives the exit code."""
    if joined and number == signal.SIGABRT:
        complain(f"{name}: {_LOST}")
        return 3
    if not joined and number in (signal.SIGABRT, signal.SIGSEGV):
        complain(
            f"{name}: the processes did not find each other within "
            f"{_PATIENCE_AT_START * options.peer_timeout} s. Start all of them, each with a "
            "--process of its own, with equal --processes and with the --coordinator where "
            "process 0 runs, on a port that is free there and open to the others."
        )
        return 2
    complain(
        f"{name}: this process was ended by signal {number} ({signal.Signals(number).name}). "
        f"{_AGAIN}"
    )
    return 128 + number


def broken(error: Exception) -> str:
    """What to do after an error in one of several processes: it ends all of them.

    Another process may be anywhere in the unit, so there is no next thing to do together.
    """
    import jax

    connection = isinstance(error, jax.errors.JaxRuntimeError) and "RESOURCE" not in str(error)
    return _LOST if connection else f"one failure ends all processes of a run. {_AGAIN}"


def _be_child(parent: socket.socket, work: Callable[[], int]) -> NoReturn:
    global _parent
    _parent, code = parent, 1
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupted_once)
    try:
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # without the farewell of jax, which waits for processes that may be lost
    raise AssertionError


def _end_with(parent: socket.socket) -> None:
    with contextlib.suppress(OSError):
        parent.recv(1)  # nothing is ever sent: it ends when the parent has gone
    os._exit(1)


def _interrupted_once(*_: Any) -> None:
    # From a terminal, Control-C comes twice: directly, and from the parent.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raise KeyboardInterrupt


@contextlib.contextmanager
def _forwarding_to(child: int) -> Iterator[list[int]]:
    """Hands signals on, and gives those that came.

    Control-C may be caught; a second one ends a child that waits for another process. The others
    end the child at once, since jax keeps SIGTERM from doing so.
    """
    seen: list[int] = []

    def forward(number: int, _: Any) -> None:
        caught = number == signal.SIGINT and not seen
        seen.append(number)
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number if caught else signal.SIGKILL)

    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    heard = [number for number, handler in before.items() if handler != signal.SIG_IGN]
    for number in heard:
        signal.signal(number, forward)
    try:
        yield seen
    finally:
        for number in heard:
            signal.signal(number, before[number])


def _say_to_parent(message: bytes) -> None:
    if _parent is not None:
        _parent.sendall(message)


# --------------------------------------------------------------------------------------- the group


def join(options: Options) -> None:
    """Connects this process with the others, before jax looks for devices.

    Raises:
        UsageError: There is no cluster, or its first process cannot be reached.
    """
    import jax

    who: dict[str, Any] = {}
    if options.coordinator is not None:
        _check_coordinator(options)
        who = {
            "coordinator_address": options.coordinator,
            "num_processes": options.processes,
            "process_id": options.process,
            "cluster_detection_method": "deactivate",
        }
    try:
        jax.distributed.initialize(
            **who,
            initialization_timeout=_PATIENCE_AT_START * options.peer_timeout,
            heartbeat_timeout_seconds=options.peer_timeout,
            shutdown_timeout_seconds=options.peer_timeout,
        )
    except (KeyError, RuntimeError, ValueError) as error:
        raise UsageError(
            "--distributed finds no cluster here (such as tasks of SLURM or Open MPI). Give each "
            "process --coordinator HOST:PORT, --processes N and --process I, for example "
            "--coordinator node1:12345 --processes 2 --process 0 "
            f"(jax says: {str(error).splitlines()[0]})"
        ) from error
    _say_to_parent(_JOINED)


def _check_coordinator(options: Options) -> None:
    """What jax answers with an abort or a crash is found out before."""
    assert options.coordinator is not None
    host, port = options.coordinator.rsplit(":", 1)
    if options.process == 0:
        try:
            socket.create_server(("", int(port))).close()
        except OSError as error:
            raise UsageError(
                f"--coordinator {options.coordinator}: port {port} cannot be used here "
                f"({os.strerror(error.errno or 0)}). Give all processes another one."
            ) from error
        return
    end = time.monotonic() + _PATIENCE_AT_START * options.peer_timeout
    while True:
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=5.0).close()
            return
        except OSError as error:
            if time.monotonic() > end or isinstance(error, socket.gaierror):
                raise UsageError(
                    f"--coordinator {options.coordinator} cannot be reached "
                    f"({error.strerror or error}). Start process 0 on that host, and see that "
                    "the port is open to this one."
                ) from error
            time.sleep(0.2)


def is_first(options: Options) -> bool:
    """Whether this process keeps the results, and speaks."""
    if not options.distributed:
        return True
    import jax

    return jax.process_index() == 0


def all_devices(platform: str) -> tuple[Any, ...]:
    """Of all processes, in the same order in each."""
    import jax

    return tuple(jax.devices(platform))


def agreed(units: Sequence[str], pending: Sequence[str]) -> list[str]:
    """The units that the first process finds pending, if the plans of all processes are the same.

    Raises:
        UsageError: They are not: in all processes.
    """
    import jax
    import numpy as np

    digest = np.frombuffer(hashlib.sha256("\n".join(units).encode()).digest(), np.uint8)
    if (everyones(digest) != digest).any():
        jax.distributed.shutdown()
        raise UsageError(
            "the processes of this run plan different units. Start all of them with the same "
            "settings, on the same kind of device, with the same versions of the packages."
        )
    chosen = everyones(np.array([unit in pending for unit in units], np.uint8))[0]
    return [unit for unit, one in zip(units, chosen, strict=True) if one]


def ended(code: int) -> int:
    """The exit code of the first process, when it has finished; then all part."""
    import jax
    import numpy as np

    code = int(everyones(np.array([code], np.uint8))[0, 0])
    _say_to_parent(bytes([code]))
    jax.distributed.shutdown()
    return code


def everyones(numbers: np.ndarray) -> np.ndarray:
    """What every process gives, by process: numbers of one shape and dtype."""
    import jax
    import numpy as np
    from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

    devices = jax.devices()
    mesh = Mesh(np.array(devices), ("devices",), axis_types=(AxisType.Auto,))
    each, whole = (NamedSharding(mesh, PartitionSpec(*axes)) for axes in (("devices",), ()))
    rows = jax.make_array_from_callback(
        (len(devices), *numbers.shape), each, lambda _: numbers[None]
    )
    copied = np.asarray(jax.jit(lambda array: array, out_shardings=whole)(rows))
    owners = [device.process_index for device in devices]
    return copied[[owners.index(process) for process in range(jax.process_count())]]
