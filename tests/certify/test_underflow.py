"""Small slopes and large second derivatives: what underflows must be counted."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np
import pytest

import approxlab as al
from approxlab.certify import sup_norm
from approxlab.certify._expression import Builder
from approxlab.certify._one_hidden_layer import hidden_layers
from approxlab.certify._taylor_models import Models

BOX = al.Box([-1.0], [1.0])


def _zero(x):
    return 0.0 * x[0]


@pytest.mark.parametrize(
    ("power", "model", "slope"),
    [
        (1 / 2, lambda x: 1e100 * jnp.sqrt(1e-200 + 1e-203 * x[0]), 1e-3 / 2),
        (1 / 3, lambda x: 1e60 * jnp.cbrt(1e-180 + 1e-183 * x[0]), 1e-3 / 3),
        (-1.0, lambda x: 1e-101 / (1e-101 + 1e-104 * x[0]), -1e-3),
        (0.7, lambda x: 1e126 * (1e-180 + 1e-183 * x[0]) ** 0.7, 0.7e-3),
    ],
)
def test_curvature_of_tiny_arguments(power, model, slope):
    """Scale^-p (scale + 1e-3 scale x)^p - (1 + p 1e-3 x) is largest at -1."""
    truth = abs((1.0 - 1e-3) ** power - (1.0 - slope))
    found = sup_norm(model, lambda x: 1.0 + slope * x[0], BOX, atol=0.0, max_boxes=2000)
    assert found.lower <= truth * (1.0 + 1e-6)
    assert found.upper >= truth * (1.0 - 1e-6)
    assert found.upper <= 1.1 * truth


@pytest.mark.parametrize("exponent", [-500, -514, -530, -565, -700])
@pytest.mark.parametrize("dim", [1, 2])
def test_parabolas_of_tiny_size(exponent, dim):
    """The sum of 1.2 x - x^2 over the coordinates is at most 0.36 d."""
    s = 2.0**exponent
    box = al.Box([0.0] * dim, [1.0] * dim)
    found = sup_norm(lambda x: s * jnp.sum(1.2 * x - x * x), _zero, box, atol=0.0)
    assert found.lower <= 0.36 * dim * s * (1 + 1e-12)
    assert 0.36 * dim * s * (1 - 1e-12) <= found.upper <= 0.3605 * dim * s


def test_roundings_of_tiny_values_times_large_weights():
    """Entries below 2^-1022 / u, whose bound of rounding is itself rounded to 0."""
    value = np.full((1, 2), 2.0**-1040 * 1.5)
    u = Models(value, None, value[None], 0.0 * value, -2 * value, 2 * value)
    mapped = u.mapped(np.full((1, 2), 2.0**1000 / 3.0), np.zeros(1))
    assert np.all(mapped.rest >= 2.0**-1074 * 2.0**1000 / 3.0)


def test_extreme_weights_are_enclosed_unit_by_unit():
    """The products of three weights that the short way needs must not underflow."""
    for size, short in ((1.0, True), (1e-170, False), (1e200, False)):
        b = Builder(1)
        inner = b.linear(b.input, np.array([[size], [0.0]]), np.zeros(2))
        hidden = b.function("tanh", inner)
        outer = b.linear(hidden, np.ones((1, 2)), np.zeros(1))
        assert bool(hidden_layers(b.expression(outer))) == short
