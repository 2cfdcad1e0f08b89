"""Device and precision of a run; the only place that sets flags of jax, and sets them back."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from experiments.runner.cores import DEVICES, THREADS, one_device_per_core
from experiments.runner.usage import UsageError


def precision(x64: bool) -> dict[str, object]:
    """The flags that decide rounding, by their names in jax."""
    return {"jax_enable_x64": x64, "jax_default_matmul_precision": "highest"}


# Random numbers of one kind, whatever the environment says.
_RANDOM = {"jax_default_prng_impl": "threefry2x32", "jax_threefry_partitionable": True}

_CHANGE_NO_BIT = (THREADS, DEVICES, "--xla_dump_")


def xla_flags() -> list[str]:
    """The flags that the caller gave XLA and that may change numbers: all but a few.

    Of files they are given by name only.
    """
    text = os.environ.get("XLA_FLAGS", "").strip()
    if text and not text.startswith("-"):  # the name of a file with flags
        text = Path(text).read_text(encoding="utf-8") if Path(text).is_file() else ""
    flags = {flag for flag in text.split() if not flag.startswith(_CHANGE_NO_BIT)}
    return sorted(re.sub("=.*/", "=", flag) for flag in flags)


@contextlib.contextmanager
def machine(
    device: str,
    x64: bool,
    join: Callable[[], None] | None = None,
    inline: bool = False,
    cores: int | None = None,
) -> Iterator[dict[str, object]]:
    """Runs its body on the device, in the precision; gives what is known of the device.

    With `join`, which connects this process with others, the devices of all of them count. With
    `inline`, programs on a CPU run in the thread that calls them, once a backend starts here. With
    `cores`, a CPU counts as so many devices.

    Raises:
        UsageError: There is no such device, or it does not compute.
    """
    import jax

    flags = precision(x64) | _RANDOM
    if inline:
        flags["jax_cpu_enable_async_dispatch"] = False
    if device != "auto":  # before jax looks for devices: no GPU memory is taken for a run on CPU
        flags["jax_platforms"] = "cpu" if device == "cpu" else None
    before = {name: jax.config.values[name] for name in flags}
    try:
        for name, value in flags.items():
            jax.config.update(name, value)
        if join is not None:
            join()
        with one_device_per_core(cores):
            found, own = _probed(device)
        with contextlib.ExitStack() as stack:
            if own.platform != jax.default_backend():
                stack.enter_context(jax.default_device(own))
            yield {
                "platform": own.platform,
                "kind": own.device_kind,
                "count": len(found),
                "xla_flags": xla_flags(),
                **({"processes": jax.process_count()} if join is not None else {}),
            }
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def _probed(device: str) -> tuple[list, Any]:
    """The devices, and the first that is our own, after it has computed something."""
    import jax

    try:
        found = jax.devices() if device == "auto" else jax.devices(device)
        own = next(d for d in found if d.process_index == jax.process_index())
        jax.block_until_ready(jax.device_put(jax.numpy.ones(2), own) * 2.0)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        raise UsageError(
            f"--device {device} cannot be used; found here: {_present()}. Choose one of these, or "
            f"--device auto, or install jax for that device (jax says: {reason})"
        ) from error
    return found, own


def _present() -> str:
    import jax

    try:
        devices = jax.devices()
    except RuntimeError:
        return "none"
    return f"{len(devices)} {devices[0].platform}"
