"""What happens in a worker: it is compared with who asks, and computes one piece at a time."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import platform
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from approxlab.cluster.starting import CORES, Refused, installed
from approxlab.records.origins import versions

_PACKAGE = Path(__file__).parents[1]
_alone = threading.Lock()  # flags of JAX belong to the process


def share() -> int:
    """Cores that a piece may use in this worker: its threads, or its part of a `local` cluster."""
    distributed = installed()
    if CORES in os.environ:
        return max(1, int(os.environ[CORES]))
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
def facts() -> dict[str, str]:
    """What has to be equal in the processes of a run: numbers depend on it."""
    found = {name: str(version) for name, version in versions().items() if name != "matplotlib"}
    found["approxlab"] += f" with sources {sources(_PACKAGE)}"
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


def in_worker(asked: Mapping[str, str], flags: Mapping[str, Any], packed: bytes) -> bytes:
    """The value of a function and the seconds it took; flags of JAX are as where it was sent."""
    import cloudpickle

    with _alone:
        if "jax" not in sys.modules:  # later it has no effect
            os.environ[CORES] = str(share())
        compare(asked, facts())
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
