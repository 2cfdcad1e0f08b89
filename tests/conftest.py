"""Strict numerics for every test: what a test computes does not depend on defaults or on order."""

import contextlib
import ctypes
import gc
import hashlib
import os
import sys

# Two processes on two cores run the tests: threads of small linear algebra would wait for another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import matplotlib as mpl
import pytest

jax.config.update("jax_enable_x64", True)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_default_matmul_precision", "highest")
mpl.use("Agg")

_COMPILED: list[str] = []


def _forget():
    """Drops compiled programs and cached results, and gives their memory back to the system.

    JAX keeps every program that it has compiled, and so do caches of ours: over all modules that
    would be 24 GB.
    """
    jax.clear_caches()
    for name, module in list(sys.modules.items()):
        # Targets are small, and one that was got before must stay the one that is got again.
        ours = name.startswith(("approxlab", "experiments", "test_"))
        if ours and not name.startswith("approxlab.targets") and module is not None:
            for thing in list(vars(module).values()):
                if callable(clear := getattr(thing, "cache_clear", None)):
                    clear()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # the allocator of another system
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture(scope="module", autouse=True)
def _memory_ends_with_the_module(request):
    yield
    if "test_" in request.node.name:  # the examples of one file compile little
        _forget()


def _listen(event: str, duration: float, **_: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)


@pytest.fixture
def key(request):
    """A key derived from the test's name: fixed, and different from test to test."""
    name = hashlib.sha256(request.node.nodeid.encode()).digest()
    return jax.random.key(int.from_bytes(name[:4], "big"))


@pytest.fixture
def compilations():
    """A context manager that counts XLA compilations: `with compilations() as count: ...`."""

    @contextlib.contextmanager
    def counting():
        start = len(_COMPILED)
        yield lambda: len(_COMPILED) - start

    return counting


def pytest_addoption(parser):
    parser.addoption(
        "--share",
        metavar="I/N",
        help="run one of N parts of the selected tests, divided by their names; I counts from 0",
    )


@pytest.hookimpl(trylast=True)  # after -m and -k
def pytest_collection_modifyitems(config, items):
    if share := config.getoption("--share"):
        index, count = map(int, share.split("/"))
        numbers = [hashlib.sha256(item.nodeid.encode()).digest() for item in items]
        mine = [int.from_bytes(number[:8], "big") % count == index % count for number in numbers]
        config.hook.pytest_deselected(items=[i for i, m in zip(items, mine, strict=True) if not m])
        items[:] = [item for item, m in zip(items, mine, strict=True) if m]


# No process of the tests may take more memory than a small laptop can give it.

LARGEST_MB = 2048
_peaks_mb: list[float] = []


def _peak_mb():
    import resource  # of POSIX

    unit = 1024**2 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / unit


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    with contextlib.suppress(ImportError):
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["peak_mb"] = _peak_mb()
        else:
            _peaks_mb.append(_peak_mb())
            if max(_peaks_mb) > LARGEST_MB:
                session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_testnodedown(node):
    _peaks_mb.append(getattr(node, "workeroutput", {}).get("peak_mb", 0.0))


def pytest_terminal_summary(terminalreporter):
    if _peaks_mb:
        most = max(_peaks_mb)
        verdict = "" if most <= LARGEST_MB else f", expected at most {LARGEST_MB} MB"
        terminalreporter.write_line(f"most memory of one process: {most:.0f} MB{verdict}")
