"""Programs that are compiled quickly give the numbers of those that run quickly."""

import numpy as np
import pytest
from sampling import mostly_slow

import approxlab as al
from approxlab.fitting.training import programs

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
