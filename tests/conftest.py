"""Strict numerics for every test: what a test computes does not depend on defaults or on order."""

import contextlib
import hashlib
import os

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
