"""Programs that are compiled quickly give the numbers of those that run quickly."""

import jax
import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.fitting.training import devices, programs

FITS = [
    *[("lbfgs", "tanh", "float64"), ("ssbroyden", "gelu", "float64"), ("adam", "sin", "float64")],
    *[("lbfgs", "relu", "float32"), ("levenberg_marquardt", "tanh", "float64")],
    ("variable_projection", "softplus", "float32"),
]


@pytest.mark.parametrize("case", mostly_slow(FITS, FITS[:2]), ids=str)
def test_the_numbers_do_not_depend_on_how_it_is_compiled(case, monkeypatch):
    method, activation, dtype = case
    target = al.targets.get("runge")

    def losses():
        programs._advance.cache_clear()
        options = {"hidden": (5,), "activation": activation, "method": method, "steps": 50}
        return al.fit(target, **options, dtype=dtype).history.losses

    quickly = losses()
    monkeypatch.setattr(programs, "_SHORT", 0.0)
    np.testing.assert_array_equal(losses(), quickly)


@pytest.mark.parametrize("name", ["xla_cpu_of_another_version", None])
def test_options_that_xla_lacks_are_asked_for_once(name, monkeypatch):
    """The programs are compiled without them; other errors are not taken for a lack."""
    monkeypatch.setattr(devices, "_quickly", {name: True} if name else {"xla_cpu_max_isa": 3})
    where = devices.devices_for(1)

    def doubled():
        form = jax.ShapeDtypeStruct((1, 3), "float32")
        program = where.executable(lambda x: 2 * x, (0,), form, quickly=True)
        return np.asarray(program(np.ones((1, 3), np.float32)))

    assert np.array_equal(doubled(), np.full((1, 3), 2.0))
    assert np.array_equal(doubled(), np.full((1, 3), 2.0))
    assert (devices._quickly == {}) == (name is not None)
