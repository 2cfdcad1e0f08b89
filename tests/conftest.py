"""Strict numerics for every test: what a test computes does not depend on defaults or on order."""

import contextlib
import ctypes
import gc
import hashlib
import os
import sys
from pathlib import Path

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
jax.devices()  # one CPU, before a test lets the runner count the cores

_COMPILED: list[str] = []


def _listen(event: str, duration: float, **_: object) -> None:
    if event == "/jax/core/compile/backend_compile_duration":
        _COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_listen)


# What is compiled stays in memory: over all modules that would be 24 GB. So it is dropped where a
# test ends with more than this, or, where the system does not say how much it is, now and then.
_KEPT_MB, _KEPT_TESTS = 800, 200
_tests_since = 0


def _much_is_kept():
    global _tests_since
    _tests_since += 1
    statm = Path("/proc/self/statm")
    if statm.is_file():
        return int(statm.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") > _KEPT_MB * 2**20
    return _tests_since >= _KEPT_TESTS


def _forget():
    """Drops compiled programs and cached results, and gives their memory back to the system."""
    global _tests_since
    _tests_since = 0
    jax.clear_caches()
    for name, module in list(sys.modules.items()):
        # Targets are small, and one that was got before must stay the one that is got again.
        ours = name.startswith(("approxlab", "experiments"))
        if ours and not name.startswith("approxlab.targets") and module is not None:
            for thing in list(vars(module).values()):
                if callable(clear := getattr(thing, "cache_clear", None)):
                    clear()
    gc.collect()
    with contextlib.suppress(OSError, AttributeError):  # the allocator of another system
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture(autouse=True)
def _memory_stays_small():
    yield
    if _much_is_kept():
        _forget()


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


# Tests that take three seconds and more, beside which quicker ones of their room stay: slow tests.
_SLOW = frozenset((Path(__file__).parent / "slow_repetitions.txt").read_text().splitlines())


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_collection_modifyitems(config, items):
    for item in items:
        if item.nodeid in _SLOW:
            item.add_marker(pytest.mark.slow)
    result = yield  # -m and -k
    _take_share(config, items)
    return result


def _take_share(config, items):
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
