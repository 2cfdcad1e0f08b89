"""Examples in docstrings run as in a fresh session: in JAX's own precision, whatever tests set."""

import jax
import pytest

_FRESH = jax.config.jax_enable_x64  # float32, unless the environment says JAX_ENABLE_X64=1


@pytest.fixture(autouse=True)
def _precision_stays(request):
    """An example may enable float64 for itself; what comes after it does not see that."""
    before = jax.config.jax_enable_x64
    if isinstance(request.node, pytest.DoctestItem):
        jax.config.update("jax_enable_x64", _FRESH)
    yield
    jax.config.update("jax_enable_x64", before)
