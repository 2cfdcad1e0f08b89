"""The budget in seconds, on a clock of its own: every box that is enclosed takes a second."""

import numpy as np
import pytest

import approxlab as al
from approxlab.certify import _search, sup_norms
from approxlab.certify._enclosures import Enclosure


class Clock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(_search, "time", found)
    monkeypatch.setattr(sup_norms, "time", found)
    original = Enclosure._models

    def slow(self, points):
        found.now += len(points.value)
        return original(self, points)

    monkeypatch.setattr(Enclosure, "_models", slow)
    return found


def network(dim):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(8, dim)), rng.normal(size=(8, 8)), rng.normal(size=(1, 8))]
    return al.MLP.from_arrays(weights, [np.ones(8), np.ones(8), np.ones(1)], "tanh")


def zero(x):
    return 0.0 * x[0]


@pytest.mark.parametrize("dim", [1, 2, 3])
@pytest.mark.parametrize("seconds", [0.5, 2.0, 10.0, 60.0, 500.0])
def test_seconds_are_kept(clock, dim, seconds):
    """Within a fifth, except for one point and one box, or what a pair of halves takes."""
    box = al.Box([-1.0] * dim, [1.0] * dim)
    found = sup_norms.sup_norm(network(dim), zero, box, rtol=1e-9, seconds=seconds)
    assert clock.now <= max(1.2 * seconds, 2.0)
    assert np.isfinite(found.upper)


def test_many_cells_that_are_not_looked_at(clock):
    """Cells without a bound leave the upper end unknown, not small."""
    model = type("Kinked", (), {"kinks": tuple(np.linspace(-0.9, 0.9, 99))})()
    function = lambda x: 100.0 * x[0]  # noqa: E731
    type(model).__call__ = lambda self, x: function(x)
    found = sup_norms.sup_norm(model, zero, al.Box([-1.0], [1.0]), seconds=5.0)
    assert clock.now <= 6.0
    assert found.upper >= 100.0
