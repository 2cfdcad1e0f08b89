"""Compiled programs kept on disk: a second run, another shard or preset compiles nothing twice.

They are a convenience and can be deleted at any time: no number depends on them. JAX finds them by
the program, the versions and the flags; here they are kept apart by the processor as well, since
machines that share a folder need not have the same instructions.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import zlib
from collections.abc import Iterator
from pathlib import Path

_CPU = Path("/proc/cpuinfo")
_SHORTEST_S = 0.0  # seconds of compilation above which a program is kept: all of them


@contextlib.contextmanager
def compiled_programs(runs: Path) -> Iterator[None]:
    """While its body runs, what is compiled is kept in `runs/compiled`, and taken from there.

    A folder that the user has given to JAX stays in use instead. Where nothing can be written,
    nothing is kept.
    """
    import jax

    before = {name: getattr(jax.config, name) for name in _settings(runs)}
    if before["jax_compilation_cache_dir"] is not None:
        yield
        return
    settings = _settings(runs / "compiled" / processor())
    folder = Path(str(settings["jax_compilation_cache_dir"]))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _remove_torn(folder)
    except OSError:
        yield
        return
    try:
        for name, value in settings.items():
            jax.config.update(name, value)
        yield
    finally:
        for name, value in before.items():
            jax.config.update(name, value)


def _settings(folder: Path) -> dict[str, object]:
    return {
        "jax_compilation_cache_dir": str(folder),
        "jax_persistent_cache_min_compile_time_secs": _SHORTEST_S,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }


def processor() -> str:
    """A short name of the instructions that compiled code may use here."""
    text = platform.machine() + platform.processor()
    if _CPU.is_file():
        lines = _CPU.read_text(encoding="utf-8", errors="replace").splitlines()
        named = ("model name", "flags", "Features")
        text += "\n".join(sorted({line for line in lines if line.startswith(named)}))
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _remove_torn(folder: Path) -> None:
    """Removes what a killed process has left half written: JAX would warn of it in every run."""
    for path in folder.glob("*-cache"):
        packed = path.read_bytes()
        if packed[:1] == b"\x78":  # of zlib; other packers check themselves
            try:
                zlib.decompress(packed)
            except zlib.error:
                path.unlink(missing_ok=True)
        elif not packed:
            path.unlink(missing_ok=True)
