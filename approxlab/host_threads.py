"""One thread for the linear algebra of the host, while a block of the library's own code runs.

XLA's QR and triangular solves on a CPU, SciPy and NumPy all call OpenBLAS. Its threads wait for
one another by spinning: on matrices of a few hundred columns two threads gain little on idle cores,
and cost many times the whole on busy ones. The order of their sums also depends on their number, so
with one thread the bits of a result do not depend on the machine's load or environment.
"""

from __future__ import annotations

import contextlib
import ctypes
import functools
import importlib.util
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

__all__ = ["one_thread"]

_PREFIXES, _SUFFIXES = ("scipy_openblas", "openblas"), ("", "64_")
_lock = threading.Lock()
_inside = 0
_before: list[tuple[Callable[[int], Any], int]] = []


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """OpenBLAS has one thread while the body runs, and then as many as before.

    The number belongs to the process: products in other threads of the caller have one thread
    meanwhile. Bodies may nest and overlap. Without OpenBLAS (Accelerate, MKL) nothing is changed.
    The libraries are looked up once, at the first call: an OpenBLAS that is loaded later, by
    another package, keeps its threads.

    Example:
        >>> with one_thread():
        ...     pass
    """
    global _inside
    with _lock:
        if not _inside:
            _before[:] = [(put, get()) for get, put in _controls()]
            for put, _ in _before:
                put(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                for put, count in _before:
                    put(count)


@functools.lru_cache(maxsize=1)
def _controls() -> tuple[tuple[Callable[[], int], Callable[[int], Any]], ...]:
    """How to read and to set the number of threads of every OpenBLAS of this process."""
    found = []
    for path in sorted(_libraries()):
        with contextlib.suppress(OSError):
            library = ctypes.CDLL(path)
            for prefix in _PREFIXES:
                for suffix in _SUFFIXES:
                    get = getattr(library, f"{prefix}_get_num_threads{suffix}", None)
                    put = getattr(library, f"{prefix}_set_num_threads{suffix}", None)
                    if get is not None and put is not None:
                        get.restype, put.argtypes, put.restype = ctypes.c_int, [ctypes.c_int], None
                        found.append((get, put))
    return tuple(found)


def _libraries() -> set[str]:
    """Paths of the OpenBLAS libraries: those of NumPy's and SciPy's wheels, and all loaded ones.

    SciPy's, which jaxlib uses too, need not be loaded yet: a tenth of a second. Without a wheel
    there is no telling where it lies, so it is loaded.
    """
    of_wheels = [_of_wheel(name) for name in ("numpy", "scipy")]
    if not all(of_wheels):
        import scipy.linalg  # noqa: F401
    return set().union(*of_wheels, _loaded())


def _of_wheel(name: str) -> set[str]:
    spec = importlib.util.find_spec(name)
    if spec is None or spec.origin is None:
        return set()
    package = Path(spec.origin).parent
    folders = (package / ".dylibs", package.parent / f"{name}.libs")
    return {str(path) for folder in folders for path in folder.glob("*openblas*")}


def _loaded() -> set[str]:
    maps = Path("/proc/self/maps")
    if not maps.is_file():
        return set()
    text = maps.read_text(encoding="utf-8", errors="replace")
    return set(re.findall(r"(/\S*openblas\S*)$", text, re.MULTILINE))
