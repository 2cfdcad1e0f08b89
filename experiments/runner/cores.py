"""The cores of this machine as devices. Loads nothing: children of benchmarks start with it."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

THREADS = "--xla_cpu_multi_thread_eigen"
DEVICES = "--xla_force_host_platform_device_count"


def usable_cores() -> int:
    """Cores that this process may use: fewer than the machine has, in a batch job."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextlib.contextmanager
def one_device_per_core(cores: int | None = None) -> Iterator[None]:
    """Until the backend has started in its body, the CPU counts as one device per core.

    These are the cores that this process may use, or fewer, where several processes share them.

    Each of them then computes with one thread, for any number of devices: so no product waits for
    cores that another device keeps busy. No bit depends on either. What the caller has chosen, by
    a flag or in the environment, stays; and once a backend runs, nothing here has an effect.
    """
    import jax

    flags = os.environ.get("XLA_FLAGS")
    if THREADS not in (flags or ""):
        os.environ["XLA_FLAGS"] = f"{flags or ''} {THREADS}=false".strip()
    chosen = DEVICES in (flags or "")
    if jax.config.jax_num_cpu_devices == -1 and not chosen:  # type: ignore[attr-defined]
        with contextlib.suppress(RuntimeError):  # the backend runs already
            jax.config.update("jax_num_cpu_devices", cores or usable_cores())
    try:
        yield
    finally:  # processes started from here choose for themselves
        if flags is None:
            del os.environ["XLA_FLAGS"]
        else:
            os.environ["XLA_FLAGS"] = flags
