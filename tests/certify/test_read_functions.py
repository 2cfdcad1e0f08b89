"""What a function is read as: its call and not its parts, and shapes that are compared as told."""

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.certify import range_, sup_norm

BOX = al.Box([-1.0], [1.0])


def zero(x):
    return 0.0 * x[0]


class Seven(al.MLP):
    def __call__(self, x):
        return 7.0 + 0.0 * x[0]


class Renamed(al.MLP):
    """A subclass that computes what an MLP does."""


@pytest.mark.parametrize(("kind", "truth"), [(Seven, 7.0), (Renamed, 2.0)])
def test_subclasses_of_networks(kind, truth):
    """One with a call of its own is traced, not read by its weights."""
    net = al.MLP.from_arrays([[[1.0]], [[2.0]]], [[0.0], [0.0]], "relu")
    own = object.__new__(kind)
    for name, value in vars(net).items():
        object.__setattr__(own, name, value)
    found = sup_norm(own, zero, BOX)
    assert found.lower <= truth <= found.upper <= 1.01 * truth


@pytest.mark.parametrize(
    "model",
    [
        lambda x: jnp.concatenate([x, -3.0 * x])[None],
        lambda x: jnp.concatenate([x, -3.0 * x])[:, None],
        lambda x: x[None],
    ],
)
def test_matrices_are_refused(model):
    """Compared flat they would not be what model(x) - target(x) is."""
    with pytest.raises(ValueError, match=r"got values of shape .* expected \(\) or \(m,\)"):
        sup_norm(model, model, BOX)


def test_one_component_is_a_number():
    """Shapes () and (1,) mean the same."""
    assert sup_norm(lambda x: x[:1], zero, BOX).upper <= 1.01


@pytest.mark.parametrize("kink", [1e-320, 1e-200, np.nan, np.inf, 1.0, -5.0, "left", None, 2**2000])
def test_kinks_are_only_hints(kink):
    """Those at which no axis can be cut are left out."""
    kinked = type("Kinked", (), {"kinks": (0.3, kink), "__call__": lambda s, x: abs(x[0] - 0.3)})
    found = sup_norm(kinked(), zero, BOX)
    assert found.lower <= 1.3 <= found.upper <= 1.31
    assert 0.3 in found.cuts[0]


@pytest.mark.parametrize("exponent", [-300, -565, -800])
def test_range_of_tiny_functions(exponent):
    """S (1.2 x - x^2) on [0, 1] lies between 0 and 0.36 s."""
    s = 2.0**exponent
    found = range_(lambda x: s * (1.2 * x[0] - x[0] ** 2), al.Box([0.0], [1.0]))
    assert found.least[0] <= 0.0 <= found.least[1]
    assert found.largest[0] <= 0.36 * s * (1 + 1e-14)
    assert 0.36 * s * (1 - 1e-14) <= found.largest[1]
    assert found.least[1] - found.least[0] <= 0.01 * s
    assert found.largest[1] - found.largest[0] <= 0.01 * s
